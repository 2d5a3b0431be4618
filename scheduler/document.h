/*
 * document.h - the small JSON documents of the state store: texts and whole numbers by name.
 *
 * Schema: what a document means may change. One that says "schema" N was written by a program that knows N; without it,
 * it is 1. A program that knows less refuses it (EXIT_INPUT), before it changes anything: the lease is read first.
 *
 * Ownership: as cJSON; document_text frees what it writes. Errors: a document that is none is EXIT_FAILED, since only
 * this program writes them.
 */
#ifndef SCHEDULER_DOCUMENT_H
#define SCHEDULER_DOCUMENT_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/str.h"

#define DOCUMENT_SCHEMA 1

cJSON *document_new(void);
/* One line of JSON at the end of `to`; frees doc. */
void document_text(cJSON *doc, struct str *to);
int document_parse(cJSON **out, const char *what, const char *text, struct err *err) MUST_USE;
const char *document_get(const cJSON *doc, const char *name); /* "" where there is no such text */
int64_t document_i64(const cJSON *doc, const char *name);     /* 0 where there is no such number */

#endif
