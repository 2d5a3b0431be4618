/*
 * IAM's policy language. The policies and the requests are those that AWS's user guide gives as examples, with the
 * verdict that its text states: "Condition operators", "Creating a condition with multiple keys or values", "Policy
 * elements: variables and tags", "The difference between explicit and implicit denies", "NotAction", "NotResource",
 * "Resource". tests/cli/iam.t holds the same against a simulator that nobody here wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sim/iam.h"

#define KEYS_MAX 8

/* keys: "name=value", "name=value|value" ended by NULL. */
static enum iam_verdict ask(const char *policy, const char *action, const char *resource, const char *const *keys)
{
    struct iam_policy *p;
    struct err err;
    static char names[KEYS_MAX][128];
    static char texts[KEYS_MAX][256];
    static const char *values[KEYS_MAX][8];
    struct iam_key list[KEYS_MAX];
    struct iam_request r = {.action = action, .resource = resource, .keys = list};
    for (size_t i = 0; keys && keys[i]; i++) {
        const char *equals = strchr(keys[i], '=');
        assert_non_null(equals);
        str_fit(names[i], sizeof(names[i]), "%.*s", (int)(equals - keys[i]), keys[i]);
        str_fit(texts[i], sizeof(texts[i]), "%.200s", equals + 1);
        list[i] = (struct iam_key){names[i], values[i], 0};
        for (char *at = texts[i]; at;) {
            char *bar = strchr(at, '|');
            if (bar)
                *bar = '\0';
            values[i][list[i].count++] = at;
            at = bar ? bar + 1 : NULL;
        }
        r.key_count++;
    }
    if (iam_policy_parse(&p, "test", policy, strlen(policy), &err))
        fail_msg("%s", err.text);
    const struct iam_policy *const all[] = {p};
    enum iam_verdict verdict = iam_decide(all, 1, &r);
    iam_policy_free(p);
    return verdict;
}

#define ASK(policy, action, resource, ...) ask(policy, action, resource, (const char *const[]){__VA_ARGS__, NULL})
#define HEAD                               "{\"Version\": \"2012-10-17\", \"Statement\": "

/* A statement with one condition, asked with one key or none. */
static bool holds(const char *condition, const char *key)
{
    struct str text;
    str_init(&text, 0);
    str_addf(&text,
             HEAD "[{\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"*\", \"Condition\": %s}]}",
             condition);
    const char *keys[] = {key, NULL};
    enum iam_verdict verdict = ask(text.text, "s3:GetObject", "arn:aws:s3:::b/o", keys);
    str_release(&text);
    return verdict == IAM_ALLOWED;
}

static void allowed_denied_and_neither(void **state)
{
    (void)state;
    /* "The difference between explicit and implicit denies" */
    static const char policy[] =
        HEAD "[{\"Sid\": \"AllowGetList\", \"Effect\": \"Allow\", \"Action\": [\"iam:Get*\", \"iam:List*\"], "
             "\"Resource\": \"*\"},"
             "{\"Sid\": \"DenyReports\", \"Effect\": \"Deny\", \"Action\": \"iam:*Report\", \"Resource\": \"*\"}]}";
    assert_int_equal(ask(policy, "iam:GetUser", "*", NULL), IAM_ALLOWED);
    assert_int_equal(ask(policy, "iam:ListUsers", "*", NULL), IAM_ALLOWED);
    assert_int_equal(ask(policy, "iam:CreatePolicy", "*", NULL), IAM_SILENT);
    assert_int_equal(ask(policy, "iam:GetOrganizationsAccessReport", "*", NULL), IAM_DENIED);
    assert_int_equal(ask(policy, "iam:GenerateCredentialReport", "*", NULL), IAM_DENIED);
    assert_int_equal(ask(policy, "IAM:getuser", "*", NULL), IAM_ALLOWED); /* actions ignore case */
    /* two policies: the order does not matter, Deny wins over both */
    struct iam_policy *a;
    struct iam_policy *b;
    struct err err;
    static const char yes[] = HEAD "{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}}";
    static const char no[] = HEAD "{\"Effect\": \"Deny\", \"Action\": \"ec2:*\", \"Resource\": \"*\"}}";
    assert_int_equal(iam_policy_parse(&a, "a", yes, strlen(yes), &err), 0);
    assert_int_equal(iam_policy_parse(&b, "b", no, strlen(no), &err), 0);
    const struct iam_policy *const both[2][2] = {{a, b}, {b, a}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(iam_decide(both[i], 2, &(struct iam_request){"ec2:RunInstances", "*", NULL, 0}), IAM_DENIED);
        assert_int_equal(iam_decide(both[i], 2, &(struct iam_request){"s3:GetObject", "*", NULL, 0}), IAM_ALLOWED);
    }
    assert_int_equal(iam_decide(NULL, 0, &(struct iam_request){"s3:GetObject", "*", NULL, 0}), IAM_SILENT);
    iam_policy_free(a);
    iam_policy_free(b);
}

static void not_action_and_not_resource(void **state)
{
    (void)state;
    /* "NotAction with Allow": all of S3 but deleting buckets */
    static const char a[] =
        HEAD "[{\"Effect\": \"Allow\", \"NotAction\": \"s3:DeleteBucket\", \"Resource\": \"arn:aws:s3:::*\"}]}";
    assert_int_equal(ask(a, "s3:DeleteBucket", "arn:aws:s3:::b", NULL), IAM_SILENT);
    assert_int_equal(ask(a, "s3:ListBucket", "arn:aws:s3:::b", NULL), IAM_ALLOWED);
    assert_int_equal(ask(a, "ec2:DescribeInstances", "*", NULL), IAM_SILENT); /* the resource is S3's */
    /* "NotAction with Deny": everything but IAM without MFA */
    static const char b[] =
        HEAD "[{\"Effect\": \"Deny\", \"NotAction\": \"iam:*\", \"Resource\": \"*\", \"Condition\": "
             "{\"BoolIfExists\": {\"aws:MultiFactorAuthPresent\": \"false\"}}}]}";
    assert_int_equal(ask(b, "ec2:RunInstances", "*", NULL), IAM_DENIED);
    assert_int_equal(ask(b, "iam:ListUsers", "*", NULL), IAM_SILENT);
    assert_int_equal(ASK(b, "ec2:RunInstances", "*", "aws:MultiFactorAuthPresent=true"), IAM_SILENT);
    assert_int_equal(ASK(b, "ec2:RunInstances", "*", "aws:MultiFactorAuthPresent=false"), IAM_DENIED);
    /* "NotResource" with Deny: all but one bucket and its objects */
    static const char c[] = HEAD "{\"Effect\": \"Deny\", \"Action\": \"s3:*\", \"NotResource\": "
                                 "[\"arn:aws:s3:::HRBucket/Payroll\", \"arn:aws:s3:::HRBucket/Payroll/*\"]}}";
    assert_int_equal(ask(c, "s3:GetObject", "arn:aws:s3:::HRBucket/Payroll/a", NULL), IAM_SILENT);
    assert_int_equal(ask(c, "s3:GetObject", "arn:aws:s3:::HRBucket/other", NULL), IAM_DENIED);
}

static bool reaches(const char *pattern, const char *resource)
{
    char policy[400];
    str_fit(policy, sizeof(policy), HEAD "{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"%s\"}}", pattern);
    return ask(policy, "a:B", resource, NULL) == IAM_ALLOWED;
}

static void resources_part_by_part(void **state)
{
    (void)state;
    assert_true(
        reaches("arn:aws:ec2:us-east-1:123456789012:instance/*", "arn:aws:ec2:us-east-1:123456789012:instance/i-1"));
    assert_false(
        reaches("arn:aws:ec2:us-east-1:123456789012:instance/*", "arn:aws:ec2:us-east-1:123456789012:volume/v"));
    assert_false(
        reaches("arn:aws:ec2:us-east-1:123456789012:instance/*", "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"));
    assert_false(
        reaches("arn:aws:ec2:us-east-1:123456789012:instance/*", "arn:aws:ec2:us-east-1:210987654321:instance/i-1"));
    assert_true(reaches("arn:aws:ec2:us-east-1::image/ami-?", "arn:aws:ec2:us-east-1::image/ami-1"));
    assert_false(reaches("arn:aws:ec2:us-east-1::image/ami-?", "arn:aws:ec2:us-east-1::image/ami-12"));
    assert_true(reaches("arn:aws:sns:*:123456789012:Bob", "arn:aws:sns:us-east-1:123456789012:Bob"));
    /* a star stays in its part: the sixth alone may hold colons */
    assert_false(reaches("arn:aws:sns:*:Bob", "arn:aws:sns:us-east-1:123456789012:Bob"));
    assert_true(reaches("arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/web",
                        "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:ab-cd:autoScalingGroupName/web"));
    /* "arn:aws:sqs" is completed with wildcards */
    assert_true(reaches("arn:aws:sqs", "arn:aws:sqs:us-east-1:1:q"));
    assert_false(reaches("arn:aws:sqs", "arn:aws:sns:us-east-1:1:q"));
    /* an action without resources is granted by * alone */
    assert_true(reaches("*", "*"));
    assert_false(reaches("arn:aws:ec2:*:*:*", "*"));
    assert_false(reaches("arn:aws:s3:::Bucket", "arn:aws:s3:::bucket")); /* case counts */
}

static const struct {
    const char *condition, *key;
    bool holds;
} operator_cases[] = {
    /* text */
    {"{\"StringEquals\": {\"aws:username\": \"john\"}}", "aws:username=john", true},
    {"{\"StringEquals\": {\"aws:username\": \"john\"}}", "aws:username=John", false},
    {"{\"StringEquals\": {\"AWS:UserName\": \"john\"}}", "aws:username=john", true}, /* names of keys ignore case */
    {"{\"StringEqualsIgnoreCase\": {\"aws:username\": \"john\"}}", "aws:username=JOHN", true},
    {"{\"StringEquals\": {\"aws:username\": [\"a\", \"john\"]}}", "aws:username=john", true},     /* any of them */
    {"{\"StringNotEquals\": {\"aws:username\": [\"a\", \"john\"]}}", "aws:username=john", false}, /* none of them */
    {"{\"StringNotEquals\": {\"aws:username\": [\"a\", \"john\"]}}", "aws:username=b", true},
    {"{\"StringNotEqualsIgnoreCase\": {\"aws:username\": \"A\"}}", "aws:username=a", false},
    {"{\"StringLike\": {\"ec2:InstanceType\": [\"t1.*\", \"t2.*\"]}}", "ec2:InstanceType=t2.micro", true},
    {"{\"StringLike\": {\"ec2:InstanceType\": [\"t1.*\", \"t2.*\"]}}", "ec2:InstanceType=m3.large", false},
    {"{\"StringEquals\": {\"ec2:InstanceType\": \"t2.*\"}}", "ec2:InstanceType=t2.micro", false}, /* no wildcard */
    {"{\"StringNotLike\": {\"ec2:InstanceType\": \"t?.micro\"}}", "ec2:InstanceType=t2.micro", false},
    {"{\"StringLike\": {\"s3:prefix\": [\"\", \"home/\"]}}", "s3:prefix=", true},
    /* a key that is not there: false, negated true, ...IfExists true */
    {"{\"StringEquals\": {\"aws:PrincipalTag/job\": \"admin\"}}", NULL, false},
    {"{\"StringNotEquals\": {\"aws:PrincipalTag/job\": \"admin\"}}", NULL, true},
    {"{\"StringNotLike\": {\"aws:PrincipalTag/job\": \"admin\"}}", NULL, true},
    {"{\"ArnNotLike\": {\"aws:SourceArn\": \"arn:aws:sns:*:*:*\"}}", NULL, true},
    {"{\"StringLikeIfExists\": {\"ec2:InstanceType\": \"t1.*\"}}", NULL, true},
    {"{\"StringLikeIfExists\": {\"ec2:InstanceType\": \"t1.*\"}}", "ec2:InstanceType=m3.large", false},
    {"{\"StringNotEqualsIfExists\": {\"aws:username\": \"a\"}}", NULL, true},
    {"{\"NumericLessThan\": {\"s3:max-keys\": 10}}", NULL, false},
    {"{\"IpAddress\": {\"aws:SourceIp\": \"203.0.113.0/24\"}}", NULL, false},
    {"{\"NotIpAddress\": {\"aws:SourceIp\": \"203.0.113.0/24\"}}", NULL, true},
    /* numbers */
    {"{\"NumericLessThanEquals\": {\"s3:max-keys\": \"10\"}}", "s3:max-keys=10", true},
    {"{\"NumericLessThanEquals\": {\"s3:max-keys\": 10}}", "s3:max-keys=11", false},
    {"{\"NumericLessThan\": {\"s3:max-keys\": 10}}", "s3:max-keys=10", false},
    {"{\"NumericGreaterThan\": {\"s3:max-keys\": 10}}", "s3:max-keys=10.5", true},
    {"{\"NumericGreaterThanEquals\": {\"s3:max-keys\": 10}}", "s3:max-keys=10", true},
    {"{\"NumericEquals\": {\"s3:max-keys\": \"10.0\"}}", "s3:max-keys=10", true},
    {"{\"NumericNotEquals\": {\"s3:max-keys\": 10}}", "s3:max-keys=10", false},
    {"{\"NumericEquals\": {\"s3:max-keys\": 10}}", "s3:max-keys=many", false},
    /* times */
    {"{\"DateGreaterThan\": {\"aws:TokenIssueTime\": \"2020-01-01T00:00:01Z\"}}",
     "aws:TokenIssueTime=2020-06-01T00:00:00Z", true},
    {"{\"DateGreaterThan\": {\"aws:TokenIssueTime\": \"2020-01-01T00:00:01Z\"}}",
     "aws:TokenIssueTime=2019-06-01T00:00:00Z", false},
    {"{\"DateLessThan\": {\"aws:CurrentTime\": \"2026-01-01\"}}", "aws:CurrentTime=2025-12-31T23:59:59Z", true},
    {"{\"DateLessThanEquals\": {\"aws:EpochTime\": 1577836801}}", "aws:EpochTime=1577836801", true},
    {"{\"DateNotEquals\": {\"aws:CurrentTime\": \"2026-01-01T00:00:00Z\"}}", "aws:CurrentTime=2026-01-01T00:00:00Z",
     false},
    /* true and false */
    {"{\"Bool\": {\"aws:SecureTransport\": \"false\"}}", "aws:SecureTransport=false", true},
    {"{\"Bool\": {\"aws:SecureTransport\": true}}", "aws:SecureTransport=false", false},
    {"{\"Bool\": {\"aws:SecureTransport\": \"True\"}}", "aws:SecureTransport=true", true},
    {"{\"BinaryEquals\": {\"a:key\": \"QmluYXJ5\"}}", "a:key=QmluYXJ5", true},
    /* addresses */
    {"{\"IpAddress\": {\"aws:SourceIp\": \"203.0.113.0/24\"}}", "aws:SourceIp=203.0.113.77", true},
    {"{\"IpAddress\": {\"aws:SourceIp\": \"203.0.113.0/24\"}}", "aws:SourceIp=203.0.114.1", false},
    {"{\"IpAddress\": {\"aws:SourceIp\": [\"203.0.113.0/24\", \"2001:DB8:1234:5678::/64\"]}}",
     "aws:SourceIp=2001:db8:1234:5678::1", true},
    {"{\"IpAddress\": {\"aws:SourceIp\": \"2001:DB8:1234:5678::/65\"}}", "aws:SourceIp=2001:db8:1234:5678:8000::1",
     false},
    {"{\"IpAddress\": {\"aws:SourceIp\": \"203.0.113.9\"}}", "aws:SourceIp=203.0.113.9", true},
    {"{\"IpAddress\": {\"aws:SourceIp\": \"0.0.0.0/0\"}}", "aws:SourceIp=10.0.0.1", true},
    {"{\"NotIpAddress\": {\"aws:SourceIp\": \"203.0.113.0/25\"}}", "aws:SourceIp=203.0.113.128", true},
    /* ARNs: the guide's example, which StringLike matches and ArnLike does not */
    {"{\"ArnLike\": {\"aws:SourceArn\": \"arn:aws:someservice:*:111122223333:finance/*\"}}",
     "aws:SourceArn=arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", false},
    {"{\"StringLike\": {\"aws:SourceArn\": \"arn:aws:someservice:*:111122223333:finance/*\"}}",
     "aws:SourceArn=arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", true},
    {"{\"ArnEquals\": {\"aws:SourceArn\": \"arn:aws:sns:REGION:123456789012:*\"}}",
     "aws:SourceArn=arn:aws:sns:REGION:123456789012:T", true},
    {"{\"ArnNotEquals\": {\"aws:SourceArn\": \"arn:aws:sns:REGION:123456789012:*\"}}",
     "aws:SourceArn=arn:aws:sns:REGION:123456789012:T", false},
    /* is it there? */
    {"{\"Null\": {\"aws:TokenIssueTime\": \"true\"}}", NULL, true},
    {"{\"Null\": {\"aws:TokenIssueTime\": true}}", "aws:TokenIssueTime=2020-01-01T00:00:00Z", false},
    {"{\"Null\": {\"aws:TokenIssueTime\": \"false\"}}", "aws:TokenIssueTime=2020-01-01T00:00:00Z", true},
    {"{\"Null\": {\"aws:TokenIssueTime\": \"false\"}}", NULL, false},
    /* several values: the guide's matrix of PostDateTime, UserName against PostDateTime, Message, Tags */
    {"{\"ForAllValues:StringLike\": {\"dynamodb:Attributes\": [\"PostDateTime\", \"Message\", \"Tags\"]}}",
     "dynamodb:Attributes=PostDateTime|Message", true},
    {"{\"ForAllValues:StringLike\": {\"dynamodb:Attributes\": [\"PostDateTime\", \"Message\", \"Tags\"]}}",
     "dynamodb:Attributes=PostDateTime|UserName", false},
    {"{\"ForAnyValue:StringLike\": {\"dynamodb:Attributes\": [\"ID\", \"PostDateTime\"]}}",
     "dynamodb:Attributes=UserName|Message|PostDateTime", true},
    {"{\"ForAnyValue:StringLike\": {\"dynamodb:Attributes\": [\"ID\", \"PostDateTime\"]}}",
     "dynamodb:Attributes=UserName", false},
    {"{\"ForAllValues:StringEquals\": {\"aws:TagKeys\": [\"a\"]}}", NULL, true},
    {"{\"ForAnyValue:StringEquals\": {\"aws:TagKeys\": [\"a\"]}}", NULL, false},
    {"{\"ForAllValues:StringNotEquals\": {\"aws:TagKeys\": [\"a\"]}}", "aws:TagKeys=b|c", true},
    {"{\"ForAllValues:StringNotEquals\": {\"aws:TagKeys\": [\"a\"]}}", "aws:TagKeys=a|c", false},
    {"{\"ForAnyValue:StringNotEquals\": {\"aws:TagKeys\": [\"a\"]}}", "aws:TagKeys=a|c", true},
    {"{\"StringEquals\": {\"aws:TagKeys\": \"a\"}}", "aws:TagKeys=a|b", false}, /* such a key wants a set operator */
    /* all operators, and all keys of one, must hold */
    {"{\"StringEquals\": {\"aws:username\": \"a\"}, \"Null\": {\"aws:TagKeys\": \"false\"}}", "aws:username=a", false},
    {"{\"StringEquals\": {\"aws:username\": \"a\", \"aws:userid\": \"b\"}}", "aws:username=a", false},
};

static void operators(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(operator_cases) / sizeof(*operator_cases); i++)
        if (holds(operator_cases[i].condition, operator_cases[i].key) != operator_cases[i].holds)
            fail_msg("%s with %s", operator_cases[i].condition,
                     operator_cases[i].key ? operator_cases[i].key : "nothing");
}

static void variables(void **state)
{
    (void)state;
    /* the guide's home directories */
    static const char home[] = HEAD "[{\"Effect\": \"Allow\", \"Action\": \"s3:ListBucket\", \"Resource\": "
                                    "\"arn:aws:s3:::mybucket\", \"Condition\": "
                                    "{\"StringLike\": {\"s3:prefix\": [\"${aws:username}/*\"]}}},"
                                    "{\"Effect\": \"Allow\", \"Action\": [\"s3:GetObject\"], \"Resource\": "
                                    "[\"arn:aws:s3:::mybucket/${aws:username}/*\"]}]}";
    assert_int_equal(ASK(home, "s3:GetObject", "arn:aws:s3:::mybucket/bob/x", "aws:username=bob"), IAM_ALLOWED);
    assert_int_equal(ASK(home, "s3:GetObject", "arn:aws:s3:::mybucket/eve/x", "aws:username=bob"), IAM_SILENT);
    assert_int_equal(ASK(home, "s3:ListBucket", "arn:aws:s3:::mybucket", "aws:username=bob", "s3:prefix=bob/a"),
                     IAM_ALLOWED);
    assert_int_equal(ask(home, "s3:GetObject", "arn:aws:s3:::mybucket/${aws:username}/x", NULL), IAM_SILENT);
    /* a star in a name is only a star */
    assert_int_equal(ASK(home, "s3:GetObject", "arn:aws:s3:::mybucket/eve/x", "aws:username=*"), IAM_SILENT);
    /* a default; the three that stand for themselves */
    static const char team[] = HEAD "{\"Effect\": \"Allow\", \"Action\": \"s3:*\", \"Resource\": "
                                    "\"arn:aws:s3:::amzn-${aws:PrincipalTag/team, 'company-wide'}/${*}${?}${$}\"}}";
    assert_int_equal(ask(team, "s3:GetObject", "arn:aws:s3:::amzn-company-wide/*?$", NULL), IAM_ALLOWED);
    assert_int_equal(ASK(team, "s3:GetObject", "arn:aws:s3:::amzn-red/*?$", "aws:PrincipalTag/team=red"), IAM_ALLOWED);
    assert_int_equal(ask(team, "s3:GetObject", "arn:aws:s3:::amzn-company-wide/abc", NULL), IAM_SILENT);
    /* the language of 2008 knows none */
    static const char old[] =
        "{\"Version\": \"2008-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:*\", "
        "\"Resource\": \"arn:aws:s3:::b/${aws:username}\"}}";
    assert_int_equal(ASK(old, "s3:GetObject", "arn:aws:s3:::b/bob", "aws:username=bob"), IAM_SILENT);
    assert_int_equal(ASK(old, "s3:GetObject", "arn:aws:s3:::b/${aws:username}", "aws:username=bob"), IAM_ALLOWED);
}

#define ONE(members) HEAD "{" members "}}"
#define GOOD         "\"Effect\": \"Allow\", \"Action\": \"a:B\", \"Resource\": \"*\""

static void what_iam_does_not_know_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *says;
    } cases[] = {
        {"[]", "an object with \"Statement\""},
        {"{}", "Statement: 1 to"},
        {"{\"Version\": \"2012-10-17\", \"Statement\": []}", "Statement: 1 to"},
        {"{\"Version\": \"2015-01-01\", \"Statement\": {" GOOD "}}", "2012-10-17 is wanted"},
        {"{\"Id\": \"x\", \"Statement\": {" GOOD "}}", "no element \"Id\""},
        {ONE("\"Effect\": \"Maybe\", \"Action\": \"a:B\", \"Resource\": \"*\""), "Allow or Deny"},
        {ONE("\"Effect\": \"Allow\", \"Resource\": \"*\""), "either \"Action\" or \"NotAction\""},
        {ONE(GOOD ", \"NotAction\": \"a:C\""), "either \"Action\" or \"NotAction\""},
        {ONE("\"Effect\": \"Allow\", \"Action\": \"a:B\""), "either \"Resource\" or \"NotResource\""},
        {ONE("\"Effect\": \"Allow\", \"Action\": [], \"Resource\": \"*\""), "Action: 1 to"},
        {ONE("\"Effect\": \"Allow\", \"Action\": \"RunInstances\", \"Resource\": \"*\""), "service:Name is wanted"},
        {ONE("\"Effect\": \"Allow\", \"Action\": \"e*:Run\", \"Resource\": \"*\""), "service:Name is wanted"},
        {ONE("\"Effect\": \"Allow\", \"Action\": \"a:B\", \"Resource\": \"instance/*\""), "an ARN or *"},
        {ONE(GOOD ", \"Principal\": \"*\""), "belongs in a trust policy"},
        {ONE(GOOD ", \"Conditions\": {}"), "no element \"Conditions\""},
        {ONE(GOOD ", \"Effect\": \"Allow\""), "\"Effect\" comes twice"},
        {ONE(GOOD ", \"Sid\": \"a b\""), "letters and digits"},
        {HEAD "[{\"Sid\": \"A\", " GOOD "}, {\"Sid\": \"A\", " GOOD "}]}",
         "statement 2 (A): the Sid is that of statement 1"},
        {ONE(GOOD ", \"Condition\": []"), "Condition: an object"},
        {ONE(GOOD ", \"Condition\": {\"StringMatches\": {\"a:b\": \"c\"}}"), "no operator \"StringMatches\""},
        {ONE(GOOD ", \"Condition\": {\"ForSomeValues:StringEquals\": {\"a:b\": \"c\"}}"), "no operator"},
        {ONE(GOOD ", \"Condition\": {\"NullIfExists\": {\"a:b\": \"true\"}}"), "Null goes with neither"},
        {ONE(GOOD ", \"Condition\": {\"Null\": {\"a:b\": \"maybe\"}}"), "true or false is wanted"},
        {ONE(GOOD ", \"Condition\": {\"Bool\": {\"a:b\": \"yes\"}}"), "true or false is wanted"},
        {ONE(GOOD ", \"Condition\": {\"NumericEquals\": {\"a:b\": \"ten\"}}"), "a number is wanted"},
        {ONE(GOOD ", \"Condition\": {\"DateEquals\": {\"a:b\": \"today\"}}"), "a date as"},
        {ONE(GOOD ", \"Condition\": {\"IpAddress\": {\"a:b\": \"10.0.0.0/33\"}}"), "an address, or a range"},
        {ONE(GOOD ", \"Condition\": {\"StringEquals\": {\"tag\": \"c\"}}"), "no condition key"},
        {ONE(GOOD ", \"Condition\": {\"StringEquals\": {\"a:b\": [{}]}}"), "a text, a number"},
        {ONE("\"Effect\": \"Allow\", \"Action\": \"a:B\", \"Resource\": \"arn:aws:s3:::${aws:username\""),
         "without a name"},
        {ONE("\"Effect\": \"Allow\", \"Action\": \"a:B\", \"Resource\": \"arn:aws:s3:::a\\u0001\""),
         "control character"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct iam_policy *p;
        struct err err = {0};
        if (iam_policy_parse(&p, "policy.json", cases[i].policy, strlen(cases[i].policy), &err) != EXIT_INPUT)
            fail_msg("taken: %s", cases[i].policy);
        if (!strstr(err.text, cases[i].says) || strncmp(err.text, "policy.json", 11) != 0)
            fail_msg("%s: \"%s\"", cases[i].policy, err.text);
    }
}

static void names_what_it_asks_about(void **state)
{
    (void)state;
    struct iam_policy *p;
    struct err err;
    static const char policy[] =
        ONE("\"Effect\": \"Allow\", \"Action\": \"a:B\", \"Resource\": \"arn:aws:s3:::${aws:username}\", "
            "\"Condition\": {\"Null\": {\"ec2:Region\": \"true\"}}");
    assert_int_equal(iam_policy_parse(&p, "p", policy, strlen(policy), &err), 0);
    assert_string_equal(iam_policy_key(p, 0), "aws:username");
    assert_string_equal(iam_policy_key(p, 1), "ec2:Region");
    assert_null(iam_policy_key(p, 2));
    iam_policy_free(p);
}

/* ---- trust ---- */

static enum iam_verdict trusts(const char *policy, const char *action, const char *kind, const char *principal,
                               const char *audience)
{
    struct iam_policy *p;
    struct err err;
    const char *value = audience;
    const struct iam_key key = {"gitlab.com:aud", &value, 1};
    cJSON *document = cJSON_Parse(policy);
    if (iam_trust_read(&p, "trust", document, &err))
        fail_msg("%s", err.text);
    cJSON_Delete(document);
    enum iam_verdict verdict = iam_decide_trust(p, kind, principal, &(struct iam_request){action, "*", &key, 1});
    iam_policy_free(p);
    return verdict;
}

static void who_may_take_a_role(void **state)
{
    (void)state;
    static const char web[] = "sts:AssumeRoleWithWebIdentity";
    static const char gitlab[] =
        HEAD "{\"Effect\": \"Allow\", \"Principal\": {\"Federated\": \"arn:aws:iam::1:oidc-provider/gitlab.com\"}, "
             "\"Action\": \"sts:AssumeRoleWithWebIdentity\", \"Condition\": {\"StringEquals\": {\"gitlab.com:aud\": "
             "\"a\"}}}}";
    static const char provider[] = "arn:aws:iam::1:oidc-provider/gitlab.com";
    assert_int_equal(trusts(gitlab, web, "Federated", provider, "a"), IAM_ALLOWED);
    assert_int_equal(trusts(gitlab, web, "Federated", provider, "b"), IAM_SILENT);
    assert_int_equal(trusts(gitlab, web, "Federated", "arn:aws:iam::1:oidc-provider/other", "a"), IAM_SILENT);
    assert_int_equal(trusts(gitlab, web, "AWS", provider, "a"), IAM_SILENT);
    assert_int_equal(trusts(gitlab, "sts:AssumeRole", "Federated", provider, "a"), IAM_SILENT);
    /* one role, or all of an account, by its number or its root */
    static const char *const accounts[] = {"123456789012", "arn:aws:iam::123456789012:root",
                                           "arn:aws:iam::123456789012:role/ci"};
    for (size_t i = 0; i < 3; i++) {
        char policy[300];
        str_fit(policy, sizeof(policy),
                HEAD "{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": [\"%s\"]}, \"Action\": \"sts:AssumeRole\"}}",
                accounts[i]);
        assert_int_equal(trusts(policy, "sts:AssumeRole", "AWS", "arn:aws:iam::123456789012:role/ci", ""), IAM_ALLOWED);
        assert_int_equal(trusts(policy, "sts:AssumeRole", "AWS", "arn:aws:iam::210987654321:role/ci", ""), IAM_SILENT);
        assert_int_equal(trusts(policy, "sts:AssumeRole", "AWS", "arn:aws:iam::123456789012:user/x", ""),
                         i < 2 ? IAM_ALLOWED : IAM_SILENT);
    }
    static const char *const bad[] = {
        HEAD "{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"sts:AssumeRole\"}}",
        HEAD "{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"*\"}, \"Action\": \"sts:AssumeRole\"}}",
        HEAD "{\"Effect\": \"Allow\", \"Principal\": {\"Canonical\": \"x\"}, \"Action\": \"sts:AssumeRole\"}}",
        HEAD "{\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\"}}",
        HEAD "{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"1\"}, \"Action\": \"sts:AssumeRole\", \"Resource\": "
             "\"*\"}}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct iam_policy *p;
        struct err err;
        cJSON *document = cJSON_Parse(bad[i]);
        assert_int_equal(iam_trust_read(&p, "trust", document, &err), EXIT_INPUT);
        cJSON_Delete(document);
    }
}

/* ---- for tests/cli/iam.t: cases from a file, a line each, and a line for each verdict ---- */

static enum iam_verdict decide_case(const cJSON *one)
{
    struct iam_policy *p;
    struct err err;
    static const char *values[16][8];
    struct iam_key keys[16];
    struct iam_request r = {.action = cJSON_GetObjectItem(one, "action")->valuestring,
                            .resource = cJSON_GetObjectItem(one, "resource")->valuestring,
                            .keys = keys};
    for (const cJSON *k = cJSON_GetObjectItem(one, "keys")->child; k; k = k->next) {
        keys[r.key_count] = (struct iam_key){k->string, values[r.key_count], 0};
        for (const cJSON *v = k->child; v; v = v->next)
            values[r.key_count][keys[r.key_count].count++] = v->valuestring;
        r.key_count++;
    }
    if (iam_policy_read(&p, "case", cJSON_GetObjectItem(one, "policy"), &err)) {
        printf("%s\n", err.text);
        exit(1);
    }
    const struct iam_policy *const all[] = {p};
    enum iam_verdict verdict = iam_decide(all, 1, &r);
    iam_policy_free(p);
    return verdict;
}

static int decide_file(const char *path)
{
    static char line[65536];
    static const char *const names[] = {"ImplicitlyDenied", "Allowed", "ExplicitlyDenied"};
    FILE *in = fopen(path, "r");
    while (in && fgets(line, sizeof(line), in)) {
        cJSON *one = cJSON_Parse(line);
        if (!one)
            return 1;
        printf("%s\n", names[decide_case(one)]);
        cJSON_Delete(one);
    }
    return !in || fclose(in);
}

int main(void)
{
    if (getenv("IAM_CASES"))
        return decide_file(getenv("IAM_CASES"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allowed_denied_and_neither),
        cmocka_unit_test(not_action_and_not_resource),
        cmocka_unit_test(resources_part_by_part),
        cmocka_unit_test(operators),
        cmocka_unit_test(variables),
        cmocka_unit_test(what_iam_does_not_know_is_refused),
        cmocka_unit_test(names_what_it_asks_about),
        cmocka_unit_test(who_may_take_a_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
