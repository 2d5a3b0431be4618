/*
 * names.h - each distinct text once, known by a small number; equal texts have equal numbers.
 *
 * Ownership: a struct names is the caller's from names_new to names_free; the texts live as long as it. Number 0 is
 * the empty text. Cost: amortised O(length) to add.
 */
#ifndef BILLING_NAMES_H
#define BILLING_NAMES_H

#include <stdint.h>

struct names;

struct names *names_new(void);
void names_free(struct names *names);
uint32_t names_id(struct names *names, const char *text);
uint32_t names_find(const struct names *names, const char *text); /* UINT32_MAX: not there */
uint32_t names_count(const struct names *names);                  /* numbers are below it */
const char *names_text(const struct names *names, uint32_t id);

#endif
