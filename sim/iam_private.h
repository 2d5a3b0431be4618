/*
 * iam_private.h - what the files of sim/iam*.c share.
 *
 * Texts of a policy are kept as patterns: IAM_ANY and IAM_ONE stand for * and ?, IAM_VARIABLE ... IAM_END hold a
 * variable's name and, behind a comma, its default. So a star that a variable's value brings along is only a star. A
 * policy with such bytes in it is refused.
 */
#ifndef SIM_IAM_PRIVATE_H
#define SIM_IAM_PRIVATE_H

#include "base/arena.h"
#include "sim/iam.h"

#define IAM_ANY      '\1'
#define IAM_ONE      '\2'
#define IAM_VARIABLE '\3'
#define IAM_END      '\4'

enum iam_kind {
    IAM_STRING,
    IAM_STRING_ANY_CASE,
    IAM_LIKE,
    IAM_NUMBER,
    IAM_DATE,
    IAM_BOOL,
    IAM_BINARY,
    IAM_ADDRESS,
    IAM_ARN,
    IAM_NULL
};

enum iam_relation { IAM_EQUAL, IAM_LESS, IAM_LESS_OR_EQUAL, IAM_GREATER, IAM_GREATER_OR_EQUAL };
enum iam_set { IAM_ONE_VALUE, IAM_ALL_VALUES, IAM_ANY_VALUE };

struct iam_operator {
    const char *name;
    enum iam_kind kind;
    enum iam_relation relation;
    bool negated;
};

struct iam_text {
    const char *pattern;
    bool varies; /* has variables */
};

struct iam_texts {
    struct iam_text *items;
    size_t count;
};

struct iam_condition {
    const struct iam_operator *is;
    enum iam_set set;
    bool if_exists;
    const char *key;
    struct iam_texts values;
};

/* NULL: there is none of that name. */
const struct iam_operator *iam_operator_find(const char *name, size_t len);
/* Is the value one that the operator can compare with? NULL, or what is wanted. */
const char *iam_value_wanted(const struct iam_operator *is, const char *text);
bool iam_holds(const struct iam_condition *c, const struct iam_request *request, struct arena *scratch);

const struct iam_key *iam_find_key(const struct iam_request *request, const char *name, size_t len);
/* The pattern with its variables filled in; NULL where one has no value. */
const char *iam_fill(const struct iam_text *text, const struct iam_request *request, struct arena *scratch);
bool iam_like(const char *pattern, const char *text, bool any_case);
bool iam_arn_like(const char *pattern, const char *text);

#endif
