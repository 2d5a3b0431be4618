#include "billing/expected.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

#define COSTS_MOST (INT64_MAX / 4) /* sums of expected costs, so that no part of them overflows */

struct filling {
    const struct expected_input *in;
    struct tally *tally;
    struct expected_sums *sums;
    struct err *err;
    money_t costs; /* all that was added, taken back or not */
    int code;      /* of what failed inside a callback */
};

uint32_t expected_hour(const struct expected_input *in, instant_t at)
{
    assert(at >= 0 && at <= INSTANT_MAX);
    instant_t hour = at / SECONDS_PER_HOUR;
    return (uint32_t)(in->by_day ? hour - hour % 24 : hour);
}

const char *expected_other_name(const char *resource, char to[EXPECTED_NAME_MAX])
{
    str_fit(to, EXPECTED_NAME_MAX, "+%.*s", EXPECTED_NAME_MAX - 2, resource);
    return to;
}

static uint32_t resource_of(const struct expected_input *in, const struct usage_row *row)
{
    return names_id(in->resources, names_text(in->bill->names, row->instance));
}

static money_t price_at(const struct expected_input *in, const struct usage_row *row, instant_t at)
{
    struct catalog_price price;
    struct err why;
    return catalog_find(in->bill->catalog, names_text(in->bill->names, row->type),
                        names_text(in->bill->names, row->region), names_text(in->bill->names, row->os), at, &price,
                        &why)
               ? -1
               : price.usd_per_hour;
}

/* Rounded half to even, one cell's part at a time. */
static money_t cost_of(money_t rate, int64_t seconds)
{
    return rate < 0 ? 0 : (money_t)num_div_half_even((int128)rate * seconds, SECONDS_PER_HOUR);
}

/* Time on demand, or (seconds below zero) taken back because something covers it. */
static void add(struct filling *f, const struct usage_row *row, instant_t at, int64_t seconds, int64_t covered)
{
    if (at < f->in->from || at >= f->in->to || f->code)
        return;
    money_t rate = price_at(f->in, row, at);
    money_t cost = cost_of(rate, seconds);
    f->sums->unpriced_s += rate < 0 ? seconds : 0;
    f->costs += cost < 0 ? -cost : cost;
    if (f->costs > COSTS_MOST) {
        f->code = err_set(f->err, EXIT_INPUT, "what is expected costs more than can be counted (230 million USD)");
        return;
    }
    const struct tally_cell cell = {.resource = resource_of(f->in, row),
                                    .hour = expected_hour(f->in, at),
                                    .expected_on_demand_s = seconds,
                                    .expected_covered_s = covered,
                                    .rate_usd = rate < 0 ? 0 : rate,
                                    .expected_usd = cost};
    f->code = tally_add(f->tally, &cell, f->err);
}

/* Seconds [at, at + count), cut at clock hours and where the price changes. */
static void add_seconds(struct filling *f, const struct usage_row *row, instant_t at, int64_t count)
{
    const struct expected_input *in = f->in;
    instant_t end = at + count < in->to ? at + count : in->to;
    at = at > in->from ? at : in->from;
    while (at < end && !f->code) {
        instant_t stop = (at / SECONDS_PER_HOUR + 1) * SECONDS_PER_HOUR;
        instant_t change =
            catalog_next_change(in->bill->catalog, names_text(in->bill->names, row->type),
                                names_text(in->bill->names, row->region), names_text(in->bill->names, row->os), at);
        stop = change < stop ? change : stop;
        stop = end < stop ? end : stop;
        add(f, row, at, stop - at, 0);
        at = stop;
    }
}

static void add_row(struct filling *f, const struct usage_row *row)
{
    struct metering m;
    struct segment s;
    metering_begin(&m, names_text(f->in->bill->names, row->os), usage_regime(row, f->in->bill->regime), row->start,
                   row->end);
    while (metering_next(&m, &s) && !f->code) {
        if (!s.hourly) {
            add_seconds(f, row, s.at, s.count);
            continue;
        }
        for (int64_t i = 0; i < s.count && s.at + i * SECONDS_PER_HOUR < f->in->to; i++)
            add(f, row, s.at + i * SECONDS_PER_HOUR, SECONDS_PER_HOUR, 0);
    }
}

/* Something pays for `seconds` of a row's usage in each of so many clock hours. */
static void covered(void *context, uint32_t row, instant_t at, int64_t seconds, int64_t hours)
{
    struct filling *f = context;
    for (int64_t i = 0; i < hours && !f->code; i++)
        add(f, &f->in->bill->usage->rows[row], at + i * SECONDS_PER_HOUR, -seconds, seconds);
}

/* Fees, and what they cover, from the bill. */
static int cover(struct filling *f, const struct session *session, struct err *err)
{
    const struct expected_input *in = f->in;
    const struct bill_watch watch = {.context = f, .covered = covered};
    struct bill_input input = *in->bill;
    struct reservations copy = {0};
    if (input.reservations) {
        copy = *input.reservations;
        copy.rows = mem_array(NULL, copy.count, sizeof(*copy.rows));
        for (size_t i = 0; i < copy.count; i++) {
            copy.rows[i] = input.reservations->rows[i];
            copy.rows[i].model = MODEL_CLOCK_HOUR;
        }
        input.reservations = &copy;
    }
    input.resources = NULL;
    input.from = (struct opt_instant){true, in->from};
    input.to = (struct opt_instant){true, in->to};
    input.watch = &watch;
    struct bill bill = {0};
    int code = bill_make(&bill, &input, session, err);
    if (!code) {
        f->sums->reserved_fee_usd = bill.by_kind_usd[BILL_RESERVED_FEE];
        f->sums->plan_fee_usd = bill.by_kind_usd[BILL_SAVINGS_PLAN];
    }
    bill_release(&bill);
    free(copy.rows);
    return code;
}

/* What is no instance: its charge, by day. */
static int add_other(struct filling *f, const struct charge_use *use, const char *resource, struct err *err)
{
    const struct expected_input *in = f->in;
    struct charge charge = {0};
    char name[EXPECTED_NAME_MAX];
    int code = charge_make(&charge, use, in->bill->catalog, err);
    for (size_t i = 0; i < charge.count && !code; i++) {
        const struct charge_slice *slice = &charge.slices[i];
        instant_t day = slice->at - slice->at % SECONDS_PER_DAY;
        if (slice->at < in->from || slice->at >= in->to)
            continue;
        const struct tally_cell cell = {.resource = names_id(in->resources, expected_other_name(resource, name)),
                                        .hour = (uint32_t)(day / SECONDS_PER_HOUR),
                                        .expected_usd = slice->usd};
        code = tally_add(f->tally, &cell, err);
    }
    charge_release(&charge);
    return code;
}

static int add_resources(struct filling *f, struct err *err)
{
    const struct resources *list = f->in->bill->resources;
    const struct names *names = f->in->bill->names;
    int code = 0;
    for (size_t i = 0; list && i < list->count && !code; i++) {
        const struct resource_row *row = &list->rows[i];
        const struct charge_use use = {.kind = names_text(names, row->kind),
                                       .type = "",
                                       .region = names_text(names, row->region),
                                       .os = "",
                                       .quantity = row->quantity,
                                       .start = row->start,
                                       .end = row->end,
                                       .usd = row->usd};
        if (row->start >= 0 && strcmp(use.kind, "ci-minute") != 0)
            code = add_other(f, &use, names_text(names, row->resource), err);
    }
    return code;
}

int expected_bill(struct tally *tally, const struct expected_input *in, struct expected_sums *sums,
                  const struct session *session, struct err *err)
{
    const struct bill_input *bill = in->bill;
    assert(in->from >= 0 && in->from < in->to);
    *sums = (struct expected_sums){0};
    struct filling f = {.in = in, .tally = tally, .sums = sums, .err = err};
    for (size_t i = 0; i < bill->usage->count && !f.code; i++)
        add_row(&f, &bill->usage->rows[i]);
    bool covers = (bill->reservations && bill->reservations->count) || (bill->plans && bill->plans->count) ||
                  bill->free_tier.given;
    if (!f.code && covers) {
        int code = cover(&f, session, err);
        f.code = f.code ? f.code : code;
    }
    return f.code ? f.code : add_resources(&f, err);
}

struct reading {
    struct usage *usage;
    struct filling filling;
};

static int add_ledger_other(struct reading *r, const struct ledger_usage *u, struct err *err)
{
    const struct charge_use use = {.kind = u->kind,
                                   .type = u->type,
                                   .region = u->region,
                                   .os = u->os,
                                   .quantity = u->quantity ? u->quantity : CHARGE_QUANTITY,
                                   .start = u->start,
                                   .end = u->end,
                                   .usd = u->usd,
                                   .regime = u->regime};
    return add_other(&r->filling, &use, u->resource, err);
}

static int read_usage(void *context, const struct ledger_usage *u, const struct ledger_scope *scope, struct err *err)
{
    struct reading *r = context;
    const struct expected_input *in = r->filling.in;
    (void)scope;
    if (strcmp(u->kind, "ci-minute") == 0 || u->start < 0)
        return 0;
    if (strcmp(u->kind, "instance") != 0)
        return add_ledger_other(r, u, err);
    struct usage *usage = r->usage;
    usage->rows = mem_grow(usage->rows, &usage->cap, usage->count + 1, sizeof(*usage->rows));
    usage->rows[usage->count++] = (struct usage_row){.account = names_id(in->bill->names, u->account),
                                                     .instance = names_id(in->bill->names, u->resource),
                                                     .type = names_id(in->bill->names, u->type),
                                                     .region = names_id(in->bill->names, u->region),
                                                     .zone = names_id(in->bill->names, u->zone),
                                                     .os = names_id(in->bill->names, u->os),
                                                     .start = u->start,
                                                     .end = u->end};
    return 0;
}

int expected_ledger(struct usage *usage, struct tally *tally, struct ledger *ledger, const struct expected_input *in,
                    struct err *err)
{
    free(usage->name);
    usage->name = mem_dup(ledger_path(ledger));
    struct reading r = {.usage = usage, .filling = {.in = in, .tally = tally}};
    return ledger_usages(ledger, in->from, in->to, read_usage, &r, err);
}
