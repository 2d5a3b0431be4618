/*
 * dynamo_value.h - DynamoDB's attribute values, as the wire has them: {"S": "text"}, {"N": "1.5"}, {"M": {...}}, ...
 *
 * Values are cJSON; functions read them and own nothing. Numbers are decimals of at most 38 digits, exact: a 128-bit
 * mantissa and a power of ten. Source: DynamoDB Developer Guide, "Supported data types" and "Item sizes".
 */
#ifndef SIM_DYNAMO_VALUE_H
#define SIM_DYNAMO_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/num.h"
#include "base/str.h"

#define DYNAMO_DEPTH_MAX 32

struct decimal {
    int128 mantissa; /* no zero at its end */
    int exponent;    /* of ten */
};

int decimal_parse(const char *text, struct decimal *out) MUST_USE; /* -1: no number, or more than 38 digits */
int decimal_order(struct decimal a, struct decimal b);
int decimal_add(struct decimal a, struct decimal b, struct decimal *out) MUST_USE; /* -1: too many digits */
void decimal_text(struct decimal d, struct str *out);

/* "S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L" or "M"; NULL where it is no value. */
const char *dynamo_type(const cJSON *value);
/* NULL, or what is wrong with it. Numbers are brought to their one form in place. */
const char *dynamo_check(cJSON *value, int depth);
bool dynamo_equal(const cJSON *a, const cJSON *b);
/* Of two S, N or B; false where they have no order. */
bool dynamo_order(const cJSON *a, const cJSON *b, int *order);
size_t dynamo_size(const cJSON *value); /* bytes, as an item's size is reckoned */

#endif
