/*
 * reconcile.h - a cost report held against what was expected: every cent of the difference explained by its kind, and
 * what the report says of reservations and Savings Plans.
 *
 * The comparison is amortised: usage at what it cost on demand, covered usage at its effective cost (under its
 * reservation's or plan's kind), fees as far as nobody used them. So both views of a month sum up as AWS's do.
 *
 * For one resource and hour, expected usage of e seconds at rate r (c of them covered) and charged usage of a seconds
 * (d covered) at cost x, the difference x - r (e - c) / 3600 is split in this order, and nothing is left over:
 *   missing-in-ledger  e = 0: all of it            missing-in-report  a = 0: all of it
 *   usage              r x (a - e)                 the meter and the ledger differ in time
 *   allocation         r x (c - d)                 reservations and plans paid for other usage than expected
 *   rounding / price   what is left: within a unit or two for each line it is rounding, else the rate differs
 *
 * Invariant: actual - expected = the sum of all kinds, to the last unit: asserted.
 *
 * Ownership: a struct reconcile is the caller's from reconcile_new to reconcile_free; what it returns lives as long.
 * Memory: bounded (tally.h), beside the names of resources that were expected, or are instances (300,000 at the most).
 */
#ifndef BILLING_RECONCILE_H
#define BILLING_RECONCILE_H

#include "base/err.h"
#include "billing/cost_report.h"
#include "billing/names.h"
#include "billing/tally.h"

enum difference {
    DIFF_MISSING_IN_LEDGER, /* charged, and not expected: instances that nobody booked */
    DIFF_MISSING_IN_REPORT, /* expected, and not charged */
    DIFF_USAGE,
    DIFF_ALLOCATION,
    DIFF_PRICE,
    DIFF_ROUNDING,
    DIFF_RESERVED_FEE, /* what reservations cost, used or not, against their expected fees */
    DIFF_SAVINGS_PLAN,
    DIFF_CREDIT,
    DIFF_REFUND,
    DIFF_DISCOUNT,
    DIFF_TAX,
    DIFF_OTHER_CHARGE, /* services and fees that the ledger does not know */
    DIFF_KINDS
};
const char *difference_name(enum difference kind); /* "missing-in-ledger", ... */

/* Differences of one kind and one resource (or usage type, commitment, ...). */
struct difference_group {
    enum difference kind;
    const char *what, *account, *type, *region; /* "" where there is none */
    uint32_t cells, first_hour, last_hour;      /* how many hours, the first and the last */
    int64_t seconds;                            /* that the two sides differ by */
    money_t usd;                                /* charged less expected */
};

/* By cost type: what the two views say. */
struct cost_view {
    int64_t lines;
    money_t unblended_usd, amortised_usd;
};

/* One reservation or Savings Plan. */
struct commitment_view {
    const char *id;
    bool plan;
    int64_t used, unused, total;  /* reservations: 1e-10 normalised unit hours, or hours; total 0: not told */
    money_t used_usd, unused_usd; /* effective cost of what was used, of what was not */
    money_t fee_usd;              /* the recurring fees of the report, unblended or billed */
    money_t upfront_usd;          /* the part of the upfront sum that lies in this period; FOCUS: billed purchases */
    bool balanced;                /* used + unused = fee + upfront, within a unit for each line: the FOCUS invariant */
    int64_t lines;
};

/* Instance time of one type. */
struct coverage_view {
    const char *type;
    int64_t on_demand_s, reserved_s, plan_s;
};

struct reconcile;

/* resources: the numbers of cells in the tally, into which the expected side was filled already. */
struct reconcile *reconcile_new(struct names *resources, struct tally *tally, bool by_day);
void reconcile_free(struct reconcile *r);

/* One line of the report. */
int reconcile_line(struct reconcile *r, const struct cost_line *line, const char *file, struct err *err) MUST_USE;

/* After the last line: explains. compare false: there is no expected side, so nothing is compared. Where the
 * month is not closed yet (no line has an invoice), expected cells after the last hour of the report's instances are
 * left out, and counted. top: groups kept. */
struct reconcile_terms {
    bool compare;
    money_t expected_fee_usd;  /* reservations, amortised */
    money_t expected_plan_usd; /* Savings Plans: their commitments */
    size_t top;
};
int reconcile_finish(struct reconcile *r, const struct reconcile_terms *terms, struct err *err) MUST_USE;

money_t reconcile_expected_usd(const struct reconcile *r);
money_t reconcile_actual_usd(const struct reconcile *r); /* amortised */
money_t reconcile_kind_usd(const struct reconcile *r, enum difference kind);
int64_t reconcile_kind_cells(const struct reconcile *r, enum difference kind);
size_t reconcile_groups(const struct reconcile *r, const struct difference_group **groups); /* largest first */
int64_t reconcile_late_cells(const struct reconcile *r);
/* Lines of instance time that name no resource (a report without resource ids): they are other charges. */
int64_t reconcile_nameless(const struct reconcile *r);
int64_t reconcile_lines(const struct reconcile *r);
bool reconcile_hours(const struct reconcile *r, instant_t *from, instant_t *to); /* of the report's instance lines */
const struct cost_view *reconcile_view(const struct reconcile *r, enum cost_type type);
size_t reconcile_commitments(const struct reconcile *r, const struct commitment_view **views); /* by id */
size_t reconcile_coverage(const struct reconcile *r, const struct coverage_view **views);      /* most time first */

#endif
