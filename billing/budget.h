/*
 * budget.h - what a month has used up to an instant, and whether that, or where it leads, is over a limit.
 *
 * Spent: the bill (bill.h) of the UTC month of `at`, from its first instant up to `at`. Usage behind `at` is not known
 * yet: a period that still runs counts up to it, an hour that opened before it counts whole (by the second, of the
 * minimum only the seconds before it). It is cut before it is
 * billed, since pools are drawn in the order of opening. Fees are those of the elapsed part: a clock-hour
 * reservation's of its hours so far, an upfront's and a pool's by the seconds so far (bill.h, pool_fees_accrue), so
 * that the run rate does not take a month's fee for a day's.
 *
 * Over: at or above a limit, compared exactly, before any rounding. The forecast is the linear run rate (forecast.h);
 * at the first instant of a month, when nothing is known, it is what was spent: nothing.
 *
 * Units: USD in money_t; hours drawn from pools in millionths of an hour.
 * Ownership: a struct spending is the caller's from spending_measure to spending_release; a struct budget is a value
 * whose name is the caller's. Errors: EXIT_INPUT, as bill_make.
 */
#ifndef BILLING_BUDGET_H
#define BILLING_BUDGET_H

#include "billing/bill.h"

#define BUDGET_HOUR          1000000 /* the unit of hours: a millionth of one */
#define BUDGET_HOUR_DECIMALS 6

enum budget_unit { BUDGET_USD, BUDGET_HOURS };
/* For people: "USD", "pool hours" or "instance-hours". has_pool: hours are those drawn from pools. */
const char *budget_unit_name(enum budget_unit unit, bool has_pool);
enum budget_state { BUDGET_OK, BUDGET_FORECAST_OVER, BUDGET_OVER };

struct spending {
    instant_t at;
    int month;
    int64_t elapsed_s, length_s;
    bool has_pool;
    struct exact usd, hours; /* hours: drawn from pools */
    int64_t pool_hours;      /* that the pools of this month hold, in millionths */
};

struct budget {
    const char *name;
    const char *environment, *project; /* whose; NULL: all */
    enum budget_unit unit;
    int64_t limit;                                     /* above zero; in the unit, as are the next two */
    int64_t over_at_percent, forecast_over_at_percent; /* of the limit; 0: 100; -1: never */
    int64_t actual, forecast;
    int64_t actual_percent, forecast_percent; /* of the limit, in hundredths of a percent; -1: cannot be told */
    enum budget_state state;
};

/* in: its window is not looked at. */
int spending_measure(struct spending *out, const struct bill_input *in, instant_t at, const struct session *session,
                     struct err *err) MUST_USE;
void spending_release(struct spending *spending);
/* Adds the hours that these pools hold in the month of spending->at. NULL: none. */
int spending_add_pools(struct spending *spending, const struct reservations *reservations, struct err *err) MUST_USE;

/* The linear run rate of one unit, rounded half to even. */
int spending_forecast(const struct spending *spending, enum budget_unit unit, int64_t *out, struct err *err) MUST_USE;
int spending_so_far(const struct spending *spending, enum budget_unit unit, int64_t *out, struct err *err) MUST_USE;

/* When the pools' hours run out. */
enum run_out {
    RUN_OUT_NEVER, /* not within this month, at this rate; or there is no rate yet */
    RUN_OUT_LATER, /* at *when, at this rate */
    RUN_OUT_SINCE, /* they have */
};
enum run_out spending_runs_out(const struct spending *spending, instant_t *when);

/* Judges: name, scope, unit, limit and percents are given, the rest is set. */
int budget_judge(struct budget *budget, const struct spending *spending, struct err *err) MUST_USE;

const char *budget_state_name(enum budget_state state); /* "ok", "forecast-over", "over" */
/* The worst of them: EXIT_OVER, EXIT_FORECAST_OVER or 0. */
int budget_exit_code(const struct budget *budgets, size_t count);

#define BUDGET_AMOUNT_SIZE MONEY_TEXT_SIZE
/* Without the unit's name. Exactly: USD with ten decimals, hours with as many as they need; else for people. */
const char *budget_amount(enum budget_unit unit, int64_t amount, bool exactly, char to[BUDGET_AMOUNT_SIZE]);

#endif
