/*
 * offers.h - what reservations are sold for: upfront sum and hourly rate by type, region, OS, term and payment.
 *
 * Ownership: a struct offers is the caller's, from offers_builtin or offers_open to offers_free; what it returns lives
 * as long as it. CSV columns: type,region,os,years,payment,seen,upfront_usd,hourly_usd (os may be missing: linux); or
 * the standard reserved terms of an AWS price list or of the SQLite catalog of `prices import`.
 */
#ifndef BILLING_OFFERS_H
#define BILLING_OFFERS_H

#include <stddef.h>

#include "base/err.h"
#include "base/session.h"
#include "billing/calendar.h"
#include "billing/money.h"

struct offers;

enum payment { PAYMENT_NO_UPFRONT, PAYMENT_PARTIAL, PAYMENT_ALL_UPFRONT };

struct offer {
    const char *type, *region, *os;
    int years; /* 1 or 3 */
    enum payment payment;
    instant_t seen; /* from when it was offered, as far as is known */
    money_t upfront_usd, hourly_usd;
};

int offers_builtin(struct offers **out, struct err *err) MUST_USE; /* the sample that ships with the program */
int offers_open(struct offers **out, const char *path, const struct session *session, struct err *err) MUST_USE;
void offers_free(struct offers *offers);

size_t offers_count(const struct offers *o);
const struct offer *offers_at(const struct offers *o, size_t index); /* in the file's order */

/* The offer of these terms last seen at or before `at`, or NULL. */
const struct offer *offers_find(const struct offers *o, const struct offer *like, instant_t at);

const char *payment_name(enum payment payment); /* "no-upfront", "partial-upfront", "all-upfront" */

#endif
