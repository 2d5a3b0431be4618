/*
 * part.h - reading the part of a sharded run: what its JSON document must have, each figure within its bounds.
 *
 * A document is right as a whole or refused as a whole: the first thing that is missing or wrong is reported with the
 * file's name and sets code (EXIT_INPUT); what is read after it is of no use, but reading on does no harm.
 */
#ifndef SIM_PART_H
#define SIM_PART_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sim/policy_list.h"

#define PART_TEXT_MAX ((size_t)65536) /* of a name, a number, a policy */

struct part_reader {
    const char *name; /* of the file */
    const char *kind; /* "a shard of simulate --shard": what it should be */
    struct err *err;
    int code;
};

void part_bad(struct part_reader *r, const char *what);
const cJSON *part_get(const cJSON *from, const char *name);
/* A whole number from low to high (of at most 53 bits), or low and an error. */
int64_t part_i64(struct part_reader *r, const cJSON *from, const char *name, int64_t low, int64_t high);
bool part_bool(struct part_reader *r, const cJSON *from, const char *name);
/* A text that is not empty, of at most max bytes; "" and an error. It lives as long as the document. */
const char *part_text(struct part_reader *r, const cJSON *from, const char *name, size_t max);
/* A copy of the head that says what was run, which is the caller's; NULL and an error where that or the schema is not
 * as it should be. */
cJSON *part_head(struct part_reader *r, const cJSON *document, const char *schema);
/* The policies of an array that must have from `least` to 1,000, each with "trigger" and "keep". */
void part_policies(struct part_reader *r, const cJSON *array, int least, struct policy_list *out);

#endif
