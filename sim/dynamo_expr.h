/*
 * dynamo_expr.h - DynamoDB's expressions: conditions, key conditions, projections, updates.
 *
 *   condition  = and {OR and};  and = not {AND not};  not = NOT not | primary
 *   primary    = "(" condition ")" | function | operand (= <> < <= > >=) operand
 *                | operand BETWEEN operand AND operand | operand IN "(" operand {"," operand} ")"
 *   function   = attribute_exists(path) | attribute_not_exists(path) | attribute_type(path, :t)
 *                | begins_with(path, operand) | contains(path, operand)
 *   operand    = path | :value | size(path)
 *   path       = (name | #name) {"." (name | #name) | "[" n "]"}
 *   update     = {SET path "=" sum {"," ...} | REMOVE path {...} | ADD path :v {...} | DELETE path :v {...}}
 *   sum        = term [("+" | "-") term];  term = operand | if_not_exists(path, term) | list_append(term, term)
 *
 * Source: DynamoDB Developer Guide, "Condition and filter expressions", "Update expressions", "Reserved words". Read
 * and evaluated in one pass, so that a fault is found wherever it stands. A struct dynamo_scope holds what one request
 * gives its expressions, and which of it they have used; it owns the two lists, dynamo_scope_release frees them.
 * Errors: -1, with scope->message in AWS's words.
 */
#ifndef SIM_DYNAMO_EXPR_H
#define SIM_DYNAMO_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/err.h"

struct dynamo_scope {
    const cJSON *names, *values; /* ExpressionAttributeNames, ExpressionAttributeValues; NULL: none */
    cJSON *used_names, *used_values;
    char message[400];
};

void dynamo_scope_init(struct dynamo_scope *scope, const cJSON *request);
void dynamo_scope_release(struct dynamo_scope *scope);
int dynamo_scope_unused(struct dynamo_scope *scope) MUST_USE; /* -1: something was given and not used */

/* what: "ConditionExpression", for the message. item NULL: there is none. *holds set on success. */
int dynamo_condition(struct dynamo_scope *scope, const char *what, const char *text, const cJSON *item,
                     bool *holds) MUST_USE;
/* The item with the changes made; keys (names, ended by NULL) must not be among them. The caller owns *out. */
int dynamo_update(struct dynamo_scope *scope, const char *text, const cJSON *item, const char *const *keys,
                  cJSON **out) MUST_USE;
int dynamo_project(struct dynamo_scope *scope, const char *text, const cJSON *item, cJSON **out) MUST_USE;
bool dynamo_is_reserved(const char *word);

/* Of a query: which partition, and which part of it. The values are the request's. */
struct dynamo_range {
    const cJSON *partition;
    char mark[3]; /* of the sort key: "" any, "=", "<", "<=", ">", ">=", "b" begins with, "[" between */
    const cJSON *low, *high;
};
int dynamo_key_condition(struct dynamo_scope *scope, const char *text, const char *const *keys,
                         struct dynamo_range *out) MUST_USE;
bool dynamo_in_range(const struct dynamo_range *range, const char *const *keys, const cJSON *key);

#endif
