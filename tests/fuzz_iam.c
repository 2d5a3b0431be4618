/* IAM policies from outside: read, or refused with a message; and what is read decides. */
#include <assert.h>
#include <string.h>

#include "sim/iam.h"
#include "tests/fuzz.h"

const char *const fuzz_seeds[] = {
    "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Sid\": \"A\", \"Effect\": \"Allow\", \"Action\": \"ec2:*\", "
    "\"Resource\": \"arn:aws:ec2:*:*:instance/${aws:username, 'x'}\", \"Condition\": "
    "{\"ForAllValues:StringLikeIfExists\": "
    "{\"aws:TagKeys\": [\"a*\", \"?\"]}, \"Null\": {\"ec2:Region\": false}}}]}",
    "{\"Statement\": {\"Effect\": \"Deny\", \"NotAction\": [\"a:*b\", \"*\"], \"NotResource\": \"*\", \"Condition\": "
    "{\"IpAddress\": {\"aws:SourceIp\": \"10.0.0.0/8\"}, \"DateLessThan\": {\"aws:CurrentTime\": \"2026-01-01\"}, "
    "\"NumericEquals\": {\"a:n\": 1.5}, \"ArnLike\": {\"a:arn\": \"arn:aws:s3:::${*}\"}}}}",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const many[] = {"a", "bb"};
    static const char *const one[] = {"x*"};
    static const char *const address[] = {"10.1.2.3"};
    static const struct iam_key keys[] = {{"aws:TagKeys", many, 2},
                                          {"aws:username", one, 1},
                                          {"aws:SourceIp", address, 1},
                                          {"aws:CurrentTime", one, 1},
                                          {"a:arn", one, 1}};
    struct iam_policy *policy;
    struct err err = {.text = ""};
    if (iam_policy_parse(&policy, "fuzz", (const char *)data, size, &err)) {
        assert(err.text[0]);
        return 0;
    }
    const struct iam_policy *const all[] = {policy};
    (void)iam_decide(all, 1, &(struct iam_request){"ec2:RunInstances", "arn:aws:ec2:a:b:instance/x*", keys, 5});
    (void)iam_decide(all, 1, &(struct iam_request){"a:b", "*", NULL, 0});
    iam_policy_free(policy);
    return 0;
}
