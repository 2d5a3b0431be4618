/*
 * iam.h - IAM's policy language: read a policy, and decide what it says of one request.
 *
 *      {"Effect": "Allow", "Action": "ec2:TerminateInstances",
 *       "Resource": "arn:aws:ec2:*:*:instance/i-?",
 *       "Condition": {"StringEquals": {"aws:ResourceTag/a": "b"}}}
 *
 *      allows ec2:TerminateInstances on arn:aws:ec2:us-east-1:123456789012:instance/i-1 with aws:ResourceTag/a = b
 *
 * Identity-based policies and roles' trust policies, whole: Action and NotAction, Resource and NotResource, all
 * condition operators with ...IfExists, ForAllValues and ForAnyValue, policy variables with defaults. Whatever grants:
 * an explicit Deny wins, and what nothing allows is denied. A policy with an element, an operator or a form that IAM
 * does not know is refused, so that no condition is passed over. Principal belongs in trust policies, which have no
 * Resource.
 *
 * Action names and the names of condition keys ignore case, all else does not. ARNs are compared part by part (six, by
 * colons); one with fewer parts is completed with wildcards. Where a key is missing, a plain operator is false, a
 * negated one true, ForAllValues true and ForAnyValue false.
 *
 * Ownership: iam_policy_parse..iam_policy_free; requests are the caller's. Errors: struct err, naming the statement.
 * Cost: a decision is a scan of the statements; a pattern costs its length times the text's at worst.
 * Sources: IAM user guide, "Grammar of the IAM JSON policy language", "Condition operators", "Single-valued vs.
 * multivalued context keys", "Variables and tags", "Policy evaluation logic", "Resource".
 */
#ifndef SIM_IAM_H
#define SIM_IAM_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/err.h"

#define IAM_POLICY_BYTES ((size_t)131072) /* a file with a policy; IAM's own limits are far below */

struct iam_policy;

/* name: the file's, for messages. */
int iam_policy_parse(struct iam_policy **out, const char *name, const char *text, size_t len, struct err *err) MUST_USE;
int iam_policy_read(struct iam_policy **out, const char *name, const cJSON *document, struct err *err) MUST_USE;
void iam_policy_free(struct iam_policy *policy);
/* A role's trust policy: with Principal (AWS, Federated, Service), without Resource. */
int iam_trust_read(struct iam_policy **out, const char *name, const cJSON *document, struct err *err) MUST_USE;

/* The n-th name of a condition key or a variable that the policy asks about, as it writes it; NULL: that was all. A
 * name may come more than once. For who answers requests: a key that is never supplied is better refused. */
const char *iam_policy_key(const struct iam_policy *policy, size_t n);

/* One value, or several of a multivalued key ("aws:TagKeys"). */
struct iam_key {
    const char *name;
    const char *const *values;
    size_t count;
};

struct iam_request {
    const char *action;   /* "ec2:RunInstances" */
    const char *resource; /* an ARN; "*" where the action knows none */
    const struct iam_key *keys;
    size_t key_count;
};

enum iam_verdict { IAM_SILENT, IAM_ALLOWED, IAM_DENIED }; /* silent: denied, as nothing allows it */

/* May that principal ("AWS", its ARN; "Federated", the provider's ARN; "Service", its name) take the role? An account,
 * by its number or its root, stands for all that is in it. */
enum iam_verdict iam_decide_trust(const struct iam_policy *trust, const char *kind, const char *principal,
                                  const struct iam_request *request);

/* What all of the policies together say. */
enum iam_verdict iam_decide(const struct iam_policy *const *policies, size_t count, const struct iam_request *request);

#endif
