#include "billing/expected.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

#define PART_MOST_S INT32_MAX

struct filling {
    const struct expected_input *in;
    struct tally *tally;
    struct expected_sums *sums;
    struct err *err;
    int code; /* of what failed inside a callback */
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
    return names_id(in->resources, names_text(in->names, row->instance));
}

static money_t price_at(const struct expected_input *in, const struct usage_row *row, instant_t at)
{
    struct catalog_price price;
    struct err why;
    return catalog_find(in->catalog, names_text(in->names, row->type), names_text(in->names, row->region),
                        names_text(in->names, row->os), at, &price, &why)
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
    assert(seconds > -PART_MOST_S && seconds < PART_MOST_S);
    money_t rate = price_at(f->in, row, at);
    f->sums->unpriced_s += rate < 0 ? seconds : 0;
    const struct tally_cell cell = {.resource = resource_of(f->in, row),
                                    .hour = expected_hour(f->in, at),
                                    .expected_on_demand_s = (int32_t)seconds,
                                    .expected_covered_s = (int32_t)covered,
                                    .rate_usd = rate < 0 ? 0 : rate,
                                    .expected_usd = cost_of(rate, seconds)};
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
        instant_t change = catalog_next_change(in->catalog, names_text(in->names, row->type),
                                               names_text(in->names, row->region), names_text(in->names, row->os), at);
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
    metering_begin(&m, names_text(f->in->names, row->os), f->in->regime, row->start, row->end);
    while (metering_next(&m, &s) && !f->code) {
        if (!s.hourly) {
            add_seconds(f, row, s.at, s.count);
            continue;
        }
        for (int64_t i = 0; i < s.count && s.at + i * SECONDS_PER_HOUR < f->in->to; i++)
            add(f, row, s.at + i * SECONDS_PER_HOUR, SECONDS_PER_HOUR, 0);
    }
}

/* A reservation pays for `seconds` of a row's usage in each of so many clock hours. */
static void covered(void *context, uint32_t row, instant_t at, int64_t seconds, int64_t hours)
{
    struct filling *f = context;
    for (int64_t i = 0; i < hours && !f->code; i++)
        add(f, &f->in->usage->rows[row], at + i * SECONDS_PER_HOUR, -seconds, seconds);
}

/* Fees, and what they cover, from the bill. Its on-demand lines are not used, so that missing prices do not matter. */
static int cover(struct filling *f, const struct session *session, struct err *err)
{
    const struct expected_input *in = f->in;
    struct reservations copy = *in->reservations;
    copy.rows = mem_array(NULL, copy.count, sizeof(*copy.rows));
    memcpy(copy.rows, in->reservations->rows, copy.count * sizeof(*copy.rows));
    for (size_t i = 0; i < copy.count; i++)
        copy.rows[i].model = MODEL_CLOCK_HOUR;
    const struct bill_watch watch = {.context = f, .covered = covered};
    const struct bill_input input = {.names = in->names,
                                     .usage = in->usage,
                                     .reservations = &copy,
                                     .catalog = in->catalog,
                                     .regime = in->regime,
                                     .from = {true, in->from},
                                     .to = {true, in->to},
                                     .watch = &watch};
    struct bill bill = {0};
    int code = bill_make(&bill, &input, session, err);
    if (!code)
        f->sums->reserved_fee_usd = bill.by_kind_usd[BILL_RESERVED_FEE];
    bill_release(&bill);
    free(copy.rows);
    return code;
}

int expected_instances(struct tally *tally, const struct expected_input *in, struct expected_sums *sums,
                       const struct session *session, struct err *err)
{
    assert(in->from >= 0 && in->from < in->to);
    *sums = (struct expected_sums){0};
    struct filling f = {.in = in, .tally = tally, .sums = sums, .err = err};
    for (size_t i = 0; i < in->usage->count && !f.code; i++)
        add_row(&f, &in->usage->rows[i]);
    if (!f.code && in->reservations && in->reservations->count) {
        int code = cover(&f, session, err);
        f.code = f.code ? f.code : code;
    }
    return f.code;
}

struct reading {
    struct usage *usage;
    struct filling filling;
};

static int add_other(struct reading *r, const struct ledger_usage *u, struct err *err)
{
    const struct expected_input *in = r->filling.in;
    const struct charge_use use = {.kind = u->kind,
                                   .type = u->type,
                                   .region = u->region,
                                   .os = u->os,
                                   .quantity = u->quantity ? u->quantity : CHARGE_QUANTITY,
                                   .start = u->start,
                                   .end = u->end,
                                   .usd = u->usd,
                                   .regime = u->regime};
    struct charge charge = {0};
    char name[EXPECTED_NAME_MAX];
    int code = charge_make(&charge, &use, in->catalog, err);
    for (size_t i = 0; i < charge.count && !code; i++) {
        const struct charge_slice *slice = &charge.slices[i];
        instant_t day = slice->at - slice->at % SECONDS_PER_DAY;
        if (slice->at < in->from || slice->at >= in->to)
            continue;
        const struct tally_cell cell = {.resource = names_id(in->resources, expected_other_name(u->resource, name)),
                                        .hour = (uint32_t)(day / SECONDS_PER_HOUR),
                                        .expected_usd = slice->usd};
        code = tally_add(r->filling.tally, &cell, err);
    }
    charge_release(&charge);
    return code;
}

static int read_usage(void *context, const struct ledger_usage *u, const struct ledger_scope *scope, struct err *err)
{
    struct reading *r = context;
    const struct expected_input *in = r->filling.in;
    (void)scope;
    if (strcmp(u->kind, "ci-minute") == 0 || u->start < 0)
        return 0;
    if (strcmp(u->kind, "instance") != 0)
        return add_other(r, u, err);
    struct usage *usage = r->usage;
    usage->rows = mem_grow(usage->rows, &usage->cap, usage->count + 1, sizeof(*usage->rows));
    usage->rows[usage->count++] = (struct usage_row){.account = names_id(in->names, u->account),
                                                     .instance = names_id(in->names, u->resource),
                                                     .type = names_id(in->names, u->type),
                                                     .region = names_id(in->names, u->region),
                                                     .zone = names_id(in->names, u->zone),
                                                     .os = names_id(in->names, u->os),
                                                     .start = u->start,
                                                     .end = u->end};
    return 0;
}

int expected_ledger(struct usage *usage, struct tally *tally, struct ledger *ledger, const struct expected_input *in,
                    struct err *err)
{
    *usage = (struct usage){.name = mem_dup(ledger_path(ledger))};
    struct reading r = {.usage = usage, .filling = {.in = in, .tally = tally}};
    return ledger_usages(ledger, in->from, in->to, read_usage, &r, err);
}
