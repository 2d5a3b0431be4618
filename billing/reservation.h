/*
 * reservation.h - reservations held: records from CSV.
 *
 * Columns, by name: account,type,region,zone,os,count,model,upfront_usd,hourly_usd,start,end; type, region, start and
 * end are required; else account "" (the one that the usage is of, if it is of one), zone "" (regional), os linux,
 * count 1, model clock-hour, fees 0. The term is [start, end). Fees are for each one counted. Texts are numbers in the
 * caller's struct names.
 *
 * Ownership: a struct reservations is the caller's, from reservations_open to reservations_release.
 * Errors: every bad row is reported by itself through the session's err stream, then EXIT_INPUT.
 */
#ifndef BILLING_RESERVATION_H
#define BILLING_RESERVATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/session.h"
#include "billing/calendar.h"
#include "billing/money.h"
#include "billing/names.h"

#define RESERVATION_COUNT_MAX 100000 /* in one row */

/* Prepaid by one reservation in a pool, whatever the month's length: the model's own number. */
#define POOL_HOURS_PER_MONTH 744
#define POOL_MONTH_S         ((int64_t)POOL_HOURS_PER_MONTH * SECONDS_PER_HOUR)

enum reserved_model {
    MODEL_CLOCK_HOUR, /* pays for 3,600 s of matching usage in each clock hour: what AWS documents */
    MODEL_POOL,       /* 744 prepaid hours a calendar month: a budgeting approximation */
};

struct reservation {
    uint32_t account, type, region, zone, os;
    uint32_t line;
    uint32_t count;
    enum reserved_model model;
    money_t upfront_usd, hourly_usd;
    instant_t start, end;
};

struct reservations {
    char *name; /* of the file */
    struct reservation *rows;
    size_t count, cap;
};

int reservations_open(struct reservations *out, struct names *names, const char *path, const struct session *session,
                      struct err *err) MUST_USE;
int reservations_open_text(struct reservations *out, struct names *names, const char *name, const char *text,
                           size_t len, const struct session *session, struct err *err) MUST_USE;
void reservations_release(struct reservations *reservations);

const char *reserved_model_name(enum reserved_model model); /* "clock-hour", "pool" */

#endif
