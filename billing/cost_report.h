/*
 * cost_report.h - what AWS says was used and charged: Cost and Usage Reports (legacy and 2.0) and FOCUS 1.x, as a
 * stream of lines in one shape.
 *
 * A report is one file or many (parts, or a manifest that names them), CSV, plain or gzip. Which format it is, the
 * header says. Columns are found by name (columns.h); what is missing is empty. Times are UTC, ends exclusive.
 * Sources: the CUR and Data Exports user guides; FOCUS 1.0 to 1.2.
 *
 * Money is in 1e-10 USD, quantities in 1e-10 of the unit; longer decimals are rounded half to even.
 * Ownership: a struct cost_report is the caller's from cost_report_open to cost_report_close; a line's texts live until
 * the next. Errors: a damaged file, or a field that is none, is EXIT_INPUT with file, line and column: half a report
 * cannot be reconciled. Memory: two records and the buffers of the file at hand.
 */
#ifndef BILLING_COST_REPORT_H
#define BILLING_COST_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "billing/calendar.h"
#include "billing/money.h"

/* CUR's line item types; FOCUS is brought to them. */
enum cost_type {
    COST_USAGE,         /* on demand (also spot, storage, requests ...) */
    COST_DISCOUNTED,    /* covered by a reservation */
    COST_PLAN_COVERED,  /* covered by a Savings Plan */
    COST_RESERVED_FEE,  /* RIFee: the recurring fee, whether used or not */
    COST_UNUSED,        /* FOCUS: the part of a commitment that nobody used */
    COST_FEE,           /* one-time: an upfront sum, a subscription */
    COST_PLAN_FEE,      /* Savings Plans: the recurring commitment */
    COST_PLAN_UPFRONT,  /* the sum paid upfront for one */
    COST_PLAN_NEGATION, /* takes the on-demand price of covered usage back */
    COST_CREDIT,
    COST_REFUND,
    COST_DISCOUNT, /* EDP, private rates, bundles, tiers */
    COST_TAX,
    COST_OTHER, /* what is none of these */
    COST_TYPES
};
const char *cost_type_name(enum cost_type type); /* "usage", "discounted-usage", ... */

struct cost_line {
    enum cost_type type;
    const char *resource, *account, *service, *usage_type, *operation, *zone, *region, *commitment, *unit;
    const char *type_name;          /* as the file writes it */
    char instance_type[64], os[32]; /* "" where it is no instance time */
    bool focus;                     /* what was paid is a Purchase, what was used and not used a Usage */
    bool invoiced;                  /* the line has an invoice: the month is closed */
    bool instance;                  /* instance time on demand or covered: BoxUsage in hours */
    instant_t start, end;
    int64_t amount;     /* 1e-10 units */
    int64_t normalized; /* 1e-10 normalised units; 0: none */
    money_t unblended, amortised;
    money_t effective; /* of what a commitment covered; FOCUS: EffectiveCost */
    /* Of a reservation's fee line: its parts in this period. */
    money_t upfront_amortised, unused_upfront, unused_recurring;
    int64_t total_units, unused_units; /* 1e-10; normalised where there are such */
    /* Of a plan's fee line. */
    money_t plan_total, plan_used;
};

enum cost_format { COST_CUR, COST_CUR2, COST_FOCUS };
const char *cost_format_name(enum cost_format format);

struct cost_report;

/* paths: parts of one report, manifests among them. Opens the first, and looks at the first record of each. */
int cost_report_open(struct cost_report **out, const char *const *paths, size_t count, struct err *err) MUST_USE;
/* One part in memory, which must outlive the report. */
int cost_report_open_text(struct cost_report **out, const char *name, const char *text, size_t len,
                          struct err *err) MUST_USE;
void cost_report_close(struct cost_report *report);

/* 1: a line; 0: the end; -1: an error. The line is zeroed by the caller before the first. */
int cost_report_next(struct cost_report *report, struct cost_line *line, struct err *err) MUST_USE;

enum cost_format cost_report_format(const struct cost_report *report);
const char *cost_report_file(const struct cost_report *report); /* that the last line is of */
size_t cost_report_line(const struct cost_report *report);      /* and where */
size_t cost_report_parts(const struct cost_report *report);
/* The billing periods of all parts, from the first record of each: [*from, *to); false: no record has one. */
bool cost_report_period(const struct cost_report *report, instant_t *from, instant_t *to);

/* Whether the header of this file is that of a report (for `bill --usage`). */
bool cost_report_is(const char *path);

#endif
