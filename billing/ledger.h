/*
 * ledger.h - what was used and what it cost, in one SQLite file: usage as metered, priced as of its date, posted in
 * double entry; what each deployment was estimated to cost; prices with their history.
 *
 *   usage (a running period, a stored gigabyte, a CI job) --charge.h--> a slice a UTC day --> postings of one entry
 *   entry   key (unique) . kind . deployment, environment, project . resource . memo
 *   posting entry . account . unit . [at, until) . amount           positive: debit
 *   total   day . environment . project . account . unit . amount   kept by a trigger, so that a month is read in no
 * time
 *
 * Accounts and units:
 *   expense:KIND          usd  what usage costs; KIND is instance, volume, snapshot, public-ipv4, fsr, ci-minute, ...
 *   expense:reserved-fee  usd  recurring fees and the amortised part of upfront sums
 *   expense:savings-plan  usd  the commitments of Savings Plans
 *   expense:adjustment    usd  what a person corrected (credits, refunds, tax)
 *   expense:rounding      usd  what makes a settled month the bill's rounded total
 *   asset:prepaid         usd  upfront sums paid and not yet amortised
 *   payable:aws           usd  what is owed, the other side of all of these (payable:ci for CI minutes)
 *   time:KIND / time:meter  s  billed seconds
 *   pool:KIND / pool:meter  s  of them, those that prepaid pools gave (settling books them)
 *   plan:estimate / plan:total  estimate  what deployments were expected to cost, in 1e-10 USD; never mixed with usd
 *
 * Invariants:
 *  1. The postings of an entry sum to zero, unit by unit: asserted before the write, looked at by ledger_check.
 *  2. Entries, postings and the facts of usage are never changed or deleted (triggers refuse it). Later knowledge is a
 *     new entry with the difference: an instance that ran on, a start or an end that was wrong, a price list that came
 * later.
 *  3. An entry's key stands once: whoever books the same thing again (a pipeline that was killed and resumed) books
 *     nothing.
 *  4. total is the sum of the postings, day by day.
 *  5. A usage's postings are the charge of it, recomputed from the ledger's own prices, to the last unit.
 *  6. One transaction, durable when it returns (WAL, synchronous FULL), for each call that writes.
 *
 * Two programs may write at once: they wait for each other up to ten seconds. Times are unix seconds, money is money_t,
 * texts are copied. Ownership: a struct ledger is the caller's from ledger_open to ledger_close; not for two threads.
 * Errors: EXIT_INPUT for what the caller got wrong (missing file, bad record), EXIT_FAILED for what the file refuses.
 */
#ifndef BILLING_LEDGER_H
#define BILLING_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "billing/calendar.h"
#include "billing/catalog.h"
#include "billing/charge.h"
#include "billing/metering.h"
#include "billing/money.h"

struct ledger;

enum ledger_mode {
    LEDGER_READ,  /* must be there: a missing file, an empty one or one of something else is EXIT_INPUT */
    LEDGER_WRITE, /* is made, and its folder too, where it is not there */
};

/* path: a file, ":memory:", or "dynamodb:TABLE" for a ledger that many share (ledger_log.h). */
int ledger_open(struct ledger **out, const char *path, enum ledger_mode mode, struct err *err) MUST_USE;
#define LEDGER_SHARED "dynamodb:"
#define LEDGER_FILE   ".bakehour/ledger.db" /* where it is when nobody says */
/* Who opens what lies in a table; the program says so once, at its start. Without: such a path is a file's name. */
typedef int ledger_opener(struct ledger **out, const char *table, enum ledger_mode mode, struct err *err);
void ledger_elsewhere(ledger_opener *opener);
void ledger_close(struct ledger *ledger);
const char *ledger_path(const struct ledger *ledger);

/* Whose money: any of them "" where it is not known. */
struct ledger_scope {
    const char *deployment, *environment, *project;
};

struct ledger_usage {
    const char *key;      /* names this use for good: "i-0123@2026-11-25T02:00:00Z", "r-...:ci:build" */
    const char *kind;     /* "instance", or one of charge.h's kinds */
    const char *resource; /* instance id, snapshot id, job */
    const char *account;  /* AWS account or "" */
    const char *type;     /* instances */
    const char *region, *zone, *os;
    int64_t quantity;     /* millionths (CHARGE_QUANTITY): GB, addresses, zones, jobs; 0 stands for one */
    instant_t start, end; /* end: up to when it is known */
    bool open;            /* it still runs at `end`: budgets count it on until somebody says when it ended */
    money_t usd;          /* its own price per unit; below zero: by the catalog, by data/resource-prices.csv */
    enum regime_choice regime;
};

/* Runs body in one transaction and notes the time: all of it or, where body does not return 0, nothing; inside another
 * one it is a part of that. body must do nothing else that counts: where other runners book on the same ledger it may
 * run again. Returns the code of the whole. */
typedef int ledger_body(struct ledger *ledger, void *context, struct err *err);
int ledger_together(struct ledger *ledger, ledger_body *body, void *context, instant_t now, struct err *err) MUST_USE;

enum ledger_booked {
    LEDGER_NEW,       /* booked for the first time */
    LEDGER_CHANGED,   /* known; the difference was booked: it ran on, or its end was wrong */
    LEDGER_UNCHANGED, /* known as it is */
};

/* *other: the key stands for another use, which ledger_record refuses. */
int ledger_knows_other(struct ledger *ledger, const struct ledger_usage *usage, bool *other, struct err *err) MUST_USE;

/* Books a use. The scope pays for the difference to what is booked already: a bake instance that two deployments used
 * is recorded under one key by the first up to its end, by the second up to its own; the second pays what it added.
 * A use without a price is kept with no money, and its price is asked for again whenever it is recorded or settled
 * (ledger_unpriced). catalog may be NULL: the prices that the ledger knows already. */
int ledger_record(struct ledger *ledger, const struct ledger_usage *usage, const struct ledger_scope *scope,
                  const struct catalog *catalog, instant_t now, enum ledger_booked *booked, struct err *err) MUST_USE;

/* How many uses have no price; *first (the caller frees it) names one of them, NULL where there is none. */
int ledger_unpriced(struct ledger *ledger, size_t *count, char **first, struct err *err) MUST_USE;

/* A deployment and what it is expected to cost; basis says in a few words what the estimate rests on. Again: nothing.
 */
int ledger_deployment_begin(struct ledger *ledger, const struct ledger_scope *scope, const char *commit,
                            instant_t started, money_t estimate_usd, const char *basis, instant_t now,
                            struct err *err) MUST_USE;
/* Again, or for a deployment that is not there: nothing. outcome: completed, rolled-back, capped, failed. */
int ledger_deployment_end(struct ledger *ledger, const char *deployment, instant_t ended, const char *outcome,
                          instant_t now, struct err *err) MUST_USE;

/* A correction by a person, at an instant: positive costs more. account: "expense:adjustment" and the like. */
int ledger_adjust(struct ledger *ledger, const char *key, const struct ledger_scope *scope, const char *account,
                  instant_t at, money_t amount, const char *reason, instant_t now, bool *booked,
                  struct err *err) MUST_USE;
/* A word without money that must not be lost, such as the reason of an override: kind "override". ledger_remarks finds
 * it where the key begins with its kind and a colon. */
int ledger_remark(struct ledger *ledger, const char *key, const char *kind, const struct ledger_scope *scope,
                  const char *text, instant_t now, struct err *err) MUST_USE;

struct ledger_remark {
    instant_t booked;
    struct ledger_scope scope;
    const char *text;
};
struct ledger_filter;
typedef int ledger_remark_fn(void *context, const struct ledger_remark *remark, struct err *err);
/* The remarks of a kind that were booked from filter->from up to and with filter->to, of its deployment, environment
 * and project, in the order of their time. Cost: theirs, not the ledger's. */
int ledger_remarks(struct ledger *ledger, const char *kind, const struct ledger_filter *filter, ledger_remark_fn *each,
                   void *context, struct err *err) MUST_USE;

/* Says that all that is known at `now` has been booked, whether or not anything happened: what --max-age looks at. */
int ledger_synced(struct ledger *ledger, instant_t now, struct err *err) MUST_USE;
/* The last instant at which anything was written, or ledger_synced said so; false: nothing ever was. */
int ledger_last(struct ledger *ledger, bool *any, instant_t *last, struct err *err) MUST_USE;

/* Which postings: those that open in [from, to); NULL: whatever it is. */
struct ledger_filter {
    instant_t from, to;
    const char *deployment, *environment, *project;
    const char *account; /* exactly; or a class with its colon, "expense:" */
    const char *unit;    /* "usd", "s", "estimate" */
};

int ledger_sum(struct ledger *ledger, const struct ledger_filter *filter, int64_t *out, struct err *err) MUST_USE;

/*
 * Spent from `from` up to `at`, as `budget check` has it: what opened before `at`; of a slice that `at` cuts, the
 * seconds before it (an opened hour whole); what is still open counts up to `at` though nobody has booked it yet.
 * usd: expense:*; instance_s: billed seconds of instances; pool_s: what settling (settled.h) took of them from prepaid
 * pools.
 */
struct ledger_spent {
    int64_t usd, instance_s, pool_s;
};
int ledger_spent(struct ledger *ledger, const char *environment, const char *project, instant_t from, instant_t at,
                 struct ledger_spent *out, struct err *err) MUST_USE;

enum ledger_by {
    LEDGER_BY_DAY,
    LEDGER_BY_MONTH,
    LEDGER_BY_DEPLOYMENT,
    LEDGER_BY_KIND,
    LEDGER_BY_ENVIRONMENT,
    LEDGER_BY_PROJECT
};

struct ledger_row {
    const char *name; /* "2026-11-25", "2026-11", the deployment, "instance", ... */
    int64_t usd, seconds, estimate;
    int64_t entries;
};
typedef int ledger_row_fn(void *context, const struct ledger_row *row, struct err *err);

/* A statement of the expenses, in the order of names (deployments: in the order of their start). */
int ledger_statement(struct ledger *ledger, enum ledger_by by, const struct ledger_filter *filter, ledger_row_fn *row,
                     void *context, struct err *err) MUST_USE;

struct ledger_deployment {
    const char *id, *environment, *project, *commit, *outcome, *basis; /* outcome "": not ended */
    instant_t started, ended;
    money_t estimate_usd, actual_usd;
};
typedef int ledger_deployment_fn(void *context, const struct ledger_deployment *deployment, struct err *err);
/* Those that began in [from, to), in that order, with estimate and what has been booked for them. */
int ledger_deployments(struct ledger *ledger, const char *environment, instant_t from, instant_t to,
                       ledger_deployment_fn *each, void *context, struct err *err) MUST_USE;

/* The uses that overlap [from, to), in the order of start and key; an open one has the end that is known. */
typedef int ledger_usage_fn(void *context, const struct ledger_usage *usage, const struct ledger_scope *scope,
                            struct err *err);
int ledger_usages(struct ledger *ledger, instant_t from, instant_t to, ledger_usage_fn *each, void *context,
                  struct err *err) MUST_USE;
/* The prices that were used, as a catalog; the caller frees it. */
int ledger_catalog(struct ledger *ledger, struct catalog **out, struct err *err) MUST_USE;
/* What is booked for one resource in [from, to); by clock hour or second, charge.h tells it from its usage. */
int ledger_resource_usd(struct ledger *ledger, const char *resource, instant_t from, instant_t to, money_t *out,
                        struct err *err) MUST_USE;

/* Every invariant above, SQLite's own first. Reports each fault through diag; EXIT_FAILED when there was one. */
int ledger_check(struct ledger *ledger, struct diag *diag, struct err *err) MUST_USE;

#endif
