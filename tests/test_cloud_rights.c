/* What is granted in the modelled cloud, call by call: all policies of a caller count, a region that is not there takes
 * no question away, what is refused leaves nothing behind, and a trust policy is held to the keys that are supplied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/out.h"
#include "base/str.h"
#include "tests/support_cloud.h"

#define ALLOW                                                                                                          \
    "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}}"
#define DENY(action)                                                                                                   \
    "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Deny\", \"Action\": \"" action                        \
    "\", \"Resource\": \"*\"}}"

static struct sim s;

static int open_cloud(void **state)
{
    (void)state;
    struct simcloud_options options = sim_options(31);
    sim_open(&s, &options);
    s.caller.arn = "arn:aws:iam::" SIMCLOUD_ACCOUNT ":user/somebody";
    return 0;
}

static int close_cloud(void **state)
{
    (void)state;
    sim_close(&s);
    return 0;
}

static void grant(const char *text)
{
    struct err err = {0};
    cJSON *policy = cJSON_Parse(text);
    assert_non_null(policy);
    if (simcloud_grant(s.cloud, NULL, "somebody", "policy", policy, &err))
        fail_msg("%s", err.text);
    cJSON_Delete(policy);
}

/* The code of the refusal; "": it was done. */
static const char *ask_in(const char *region, enum aws_service service, const char *action, const char *document)
{
    struct aws_request request;
    aws_request_init(&request, service, action);
    request.region = region;
    request.json = cJSON_Parse(document);
    assert_non_null(request.json);
    aws_reply_release(&s.reply);
    aws_reply_init(&s.reply);
    int code = simcloud_call(s.cloud, &s.caller, &request, &s.reply, &s.error);
    aws_request_release(&request);
    return code ? s.error.code : "";
}

static void the_last_of_many_policies_counts(void **state)
{
    (void)state;
    for (int i = 0; i < 70; i++)
        grant(ALLOW);
    assert_int_equal(sim_ask(&s, AWS_EC2, "DescribeImages", ""), 0);
    grant(DENY("ec2:DescribeImages"));
    assert_int_equal(sim_ask(&s, AWS_EC2, "DescribeImages", ""), -1);
    assert_string_equal(s.error.code, "UnauthorizedOperation");
    assert_int_equal(sim_ask(&s, AWS_EC2, "DescribeInstances", ""), 0);
}

static void an_unknown_region_is_asked_about_too(void **state)
{
    (void)state;
    static const char *const regions[] = {"us-east-1", "moon-1"};
    grant(ALLOW);
    grant(DENY("dynamodb:ListTables"));
    for (int i = 0; i < 2; i++) {
        for (int own = 0; own < 2; own++) { /* the request's, or the caller's */
            s.caller.region = own ? regions[i] : "us-east-1";
            const char *said = own ? NULL : regions[i];
            assert_string_equal(ask_in(said, AWS_DYNAMODB, "ListTables", "{}"), "AccessDeniedException");
            assert_non_null(strstr(s.error.message, "dynamodb:ListTables"));
        }
    }
    simcloud_revoke_all(s.cloud);
    grant("{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": "
          "\"arn:aws:dynamodb:us-east-1:*:*\"}}");
    assert_string_equal(ask_in("us-east-1", AWS_DYNAMODB, "DescribeTable", "{\"TableName\": \"abc\"}"),
                        "ResourceNotFoundException");
    assert_string_equal(ask_in("moon-1", AWS_DYNAMODB, "DescribeTable", "{\"TableName\": \"abc\"}"),
                        "AccessDeniedException");
}

static int tag_group(int n)
{
    struct str query;
    str_init(&query, 0);
    str_addf(&query,
             "Tags.member.1.ResourceId=group&Tags.member.1.ResourceType=auto-scaling-group&Tags.member.1.Key=k%d&"
             "Tags.member.1.Value=v&Tags.member.1.PropagateAtLaunch=true",
             n);
    int code = sim_ask(&s, AWS_AUTOSCALING, "CreateOrUpdateTags", query.text);
    str_release(&query);
    return code;
}

static void a_refused_tag_is_not_kept(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(simcloud_add_group(s.cloud, &s.caller, "group", 1, &err), 0);
    grant(ALLOW);
    int set = 0;
    while (set < 60 && tag_group(set) == 0)
        set++;
    assert_string_equal(s.error.code, "LimitExceeded");
    for (int i = 0; i < 100; i++)
        assert_int_equal(tag_group(100 + i), -1);
    assert_int_equal(sim_ask(&s, AWS_AUTOSCALING, "DescribeTags", "MaxRecords=100"), 0);
    assert_int_equal(sim_count(&s, "DescribeTagsResult/Tags", "member"), 50);
    assert_int_equal(tag_group(0), 0); /* one that is there may change */
}

/* Of a call with one tag too many, none is set, of whichever group it is. */
static void a_refused_call_tags_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    struct str query;
    assert_int_equal(simcloud_add_group(s.cloud, &s.caller, "group", 1, &err), 0);
    assert_int_equal(simcloud_add_group(s.cloud, &s.caller, "other", 1, &err), 0);
    for (int n = 0; n < 49; n++)
        assert_int_equal(tag_group(n), 0);
    str_init(&query, 0);
    for (int n = 1; n <= 3; n++)
        str_addf(&query,
                 "%sTags.member.%d.ResourceId=%s&Tags.member.%d.ResourceType=auto-scaling-group&Tags.member.%d.Key=x%d",
                 n > 1 ? "&" : "", n, n == 1 ? "other" : "group", n, n, n);
    assert_int_equal(sim_ask(&s, AWS_AUTOSCALING, "CreateOrUpdateTags", query.text), -1);
    assert_string_equal(s.error.code, "LimitExceeded");
    str_release(&query);
    assert_int_equal(sim_ask(&s, AWS_AUTOSCALING, "DescribeTags", "MaxRecords=100"), 0);
    assert_int_equal(sim_count(&s, "DescribeTagsResult/Tags", "member"), 49);
    assert_int_equal(sim_ask(&s, AWS_AUTOSCALING, "CreateOrUpdateTags",
                             "Tags.member.1.ResourceId=other&Tags.member.1.ResourceType=auto-scaling-group&"
                             "Tags.member.1.Key=y&Tags.member.2.ResourceId=group&"
                             "Tags.member.2.ResourceType=auto-scaling-group&Tags.member.2.Key=z"),
                     0); /* each group has its own 50 */
}

/* ---- trust ---- */

static const char baker[] = "arn:aws:iam::" SIMCLOUD_ACCOUNT ":role/baker";

#define TRUST(condition)                                                                                               \
    "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \""                 \
    "arn:aws:iam::" SIMCLOUD_ACCOUNT ":root\"}, \"Action\": \"sts:AssumeRole\", \"Condition\": " condition "}}"

static int trust(const char *text, struct err *err)
{
    cJSON *policy = cJSON_Parse(text);
    assert_non_null(policy);
    int code = simcloud_trust(s.cloud, NULL, "baker", "trust.json", policy, err);
    cJSON_Delete(policy);
    return code;
}

static const char *take(const char *session, const char *external)
{
    int code = sim_call(&s, AWS_STS, "AssumeRole", "RoleArn", baker, "RoleSessionName", session,
                        external ? "ExternalId" : NULL, external, NULL);
    return code ? s.error.code : "";
}

static void a_trust_is_held_to_the_calls_keys(void **state)
{
    (void)state;
    static const struct {
        const char *condition;
        bool taken;
    } cases[] = {
        {"{\"Bool\": {\"aws:SecureTransport\": \"true\"}}", true},
        {"{\"Bool\": {\"aws:SecureTransport\": \"false\"}}", false},
        {"{\"StringEquals\": {\"aws:username\": \"somebody\"}}", true},
        {"{\"StringEquals\": {\"aws:username\": \"else\"}}", false},
        {"{\"ArnEquals\": {\"aws:PrincipalArn\": \"arn:aws:iam::*:user/somebody\"}}", true},
        {"{\"StringEquals\": {\"aws:PrincipalAccount\": \"123456789012\"}}", true},
        {"{\"StringEquals\": {\"aws:PrincipalAccount\": \"210987654321\"}}", false},
        {"{\"StringEquals\": {\"aws:RequestedRegion\": \"us-east-1\"}}", true},
        {"{\"DateGreaterThan\": {\"aws:CurrentTime\": \"1999-01-01T00:00:00Z\"}}", true},
        {"{\"DateLessThan\": {\"aws:CurrentTime\": \"1999-01-01T00:00:00Z\"}}", false},
        {"{\"StringEquals\": {\"sts:RoleSessionName\": \"job\"}}", true},
        {"{\"StringEquals\": {\"sts:RoleSessionName\": \"other\"}}", false},
        {"{\"StringEquals\": {\"sts:ExternalId\": \"secret\"}}", true},
        {"{\"StringEquals\": {\"sts:ExternalId\": \"guessed\"}}", false},
        {"{\"StringEquals\": {\"aws:SourceAccount\": \"123456789012\"}}", false}, /* no service calls */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[1024];
        struct err err = {0};
        str_fit(text, sizeof(text), TRUST("%s"), cases[i].condition);
        simcloud_revoke_all(s.cloud);
        if (trust(text, &err))
            fail_msg("%s: %s", cases[i].condition, err.text);
        const char *code = take("job", "secret");
        if (strcmp(code, cases[i].taken ? "" : "AccessDenied") != 0)
            fail_msg("%s: \"%s\"", cases[i].condition, code);
        if (strstr(cases[i].condition, "ExternalId"))
            assert_string_equal(take("job", NULL), "AccessDenied");
    }
}

/* One that says nothing of the caller takes nothing away. */
static void a_silent_trust_is_no_refusal(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(trust(TRUST("{\"StringEquals\": {\"aws:username\": \"somebody\"}}"), &err), 0);
    assert_int_equal(trust(TRUST("{\"StringEquals\": {\"aws:username\": \"else\"}}"), &err), 0);
    assert_string_equal(take("job", NULL), "");
}

static void what_no_call_comes_with_is_refused(void **state)
{
    (void)state;
    static const char *const keys[] = {"aws:SourceIp", "ec2:InstanceType",        "aws:RequestTag/team",
                                       "aws:sub",      "token.example.com:actor", "aws:MultiFactorAuthPresent"};
    struct err err = {0};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        char text[1024];
        str_fit(text, sizeof(text), TRUST("{\"StringNotEquals\": {\"%s\": \"x\"}}"), keys[i]);
        assert_int_equal(trust(text, &err), EXIT_INPUT);
        assert_non_null(strstr(err.text, keys[i]));
        assert_non_null(strstr(err.text, "trust.json"));
    }
    assert_string_equal(take("job", NULL), ""); /* nothing of it was kept */
    assert_int_equal(trust(TRUST("{\"StringEquals\": {\"gitlab.example.com:SUB\": \"x\"}}"), &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_of_many_policies_counts, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(an_unknown_region_is_asked_about_too, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(a_refused_tag_is_not_kept, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(a_refused_call_tags_nothing, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(a_trust_is_held_to_the_calls_keys, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(a_silent_trust_is_no_refusal, open_cloud, close_cloud),
        cmocka_unit_test_setup_teardown(what_no_call_comes_with_is_refused, open_cloud, close_cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
