#include "billing/charge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/meter.h"
#include "billing/resource_price.h"

#define FAR (INT64_MAX / 4)

static instant_t day_end(instant_t at)
{
    instant_t rest = ((at % SECONDS_PER_DAY) + SECONDS_PER_DAY) % SECONDS_PER_DAY;
    return at - rest + SECONDS_PER_DAY;
}

/* The working state: the sum so far, and what of it the days before this one have been given. */
struct work {
    struct charge *charge;
    const struct charge_use *use;
    const struct catalog *catalog;
    money_t given;
    instant_t until_day; /* the end of the day that the last slice is of */
};

static struct charge_slice *slice_at(struct work *w, instant_t at)
{
    struct charge *c = w->charge;
    if (!c->count || at >= w->until_day) {
        c->slices = mem_grow(c->slices, &c->cap, c->count + 1, sizeof(*c->slices));
        c->slices[c->count++] = (struct charge_slice){.at = at, .until = at};
        w->until_day = day_end(at);
    }
    return &c->slices[c->count - 1];
}

/* One piece of one day, in the order of time. */
static int add_piece(struct work *w, instant_t at, instant_t until, int64_t billed_s, int128 numerator,
                     int64_t denominator, struct err *err)
{
    struct charge_slice *slice = slice_at(w, at);
    money_t sum;
    exact_add(&w->charge->exact, numerator, denominator);
    if (exact_round(&w->charge->exact, &sum))
        return err_set(err, EXIT_INPUT, "the cost of this %s is more than can be counted (922 million USD)",
                       w->use->kind);
    slice->until = until;
    slice->billed_s += billed_s;
    slice->usd += sum - w->given;
    w->given = sum;
    return 0;
}

static instant_t earlier(instant_t a, instant_t b)
{
    return a < b ? a : b;
}

static bool outside(const struct charge_use *use, instant_t at)
{
    return use->to > use->from && (at < use->from || at >= use->to);
}

/* The end of a piece from `at` on, no later than where the window begins or ends. */
static instant_t window_cut(const struct charge_use *use, instant_t at, instant_t until)
{
    if (use->to <= use->from)
        return until;
    until = use->from > at ? earlier(until, use->from) : until;
    return use->to > at ? earlier(until, use->to) : until;
}

/* The price of an instance-hour at an instant, and until when it holds. */
static int instance_price(const struct work *w, instant_t at, money_t *usd, instant_t *until, struct err *err)
{
    const struct charge_use *use = w->use;
    *until = FAR;
    *usd = use->usd;
    if (use->usd >= 0)
        return 0;
    struct catalog_price price;
    if (!w->catalog)
        return err_set(err, EXIT_INPUT, "no price for the type \"%.60s\": there is no catalog", use->type);
    if (catalog_find(w->catalog, use->type, use->region, use->os, at, &price, err))
        return EXIT_INPUT;
    *usd = price.usd_per_hour;
    instant_t change = catalog_next_change(w->catalog, use->type, use->region, use->os, at);
    *until = change == INSTANT_MAX ? FAR : change;
    return 0;
}

static int charge_segment(struct work *w, const struct segment *segment, struct err *err)
{
    int64_t step = segment->hourly ? SECONDS_PER_HOUR : 1;
    instant_t at = segment->at;
    int64_t left = segment->count;
    while (left > 0) {
        money_t usd;
        instant_t until;
        int code = instance_price(w, at, &usd, &until, err);
        if (code)
            return code;
        until = window_cut(w->use, at, earlier(until, day_end(at)));
        int64_t n = (until - at + step - 1) / step;
        n = n < left ? n : left;
        if (!outside(w->use, at))
            code = add_piece(w, at, at + (n - 1) * step + 1, n * step, (int128)usd * (n * step) * w->use->quantity,
                             (int64_t)SECONDS_PER_HOUR * CHARGE_QUANTITY, err);
        if (code)
            return code;
        at += n * step;
        left -= n;
    }
    return 0;
}

static int charge_instance(struct work *w, struct err *err)
{
    struct metering m;
    struct segment segment;
    int code = 0;
    metering_begin(&m, w->use->os, w->use->regime, w->use->start, w->use->end);
    while (!code && metering_next(&m, &segment))
        code = charge_segment(w, &segment, err);
    return code;
}

static int resource_usd(const struct charge_use *use, instant_t at, money_t *usd, instant_t *until, struct err *err)
{
    *until = FAR;
    *usd = use->usd;
    if (use->usd >= 0)
        return 0;
    struct resource_price price;
    int code = resource_price_find(use->kind, use->region, at, &price, err);
    if (code)
        return code;
    *usd = price.usd;
    instant_t change = resource_price_next_change(use->kind, use->region, at);
    *until = change == INSTANT_MAX ? FAR : change;
    return 0;
}

/* Seconds of a stored gigabyte or of something by the hour: cut at days, months and changes of the price. */
static int charge_seconds(struct work *w, struct meter meter, bool by_month, struct err *err)
{
    const struct charge_use *use = w->use;
    instant_t at = use->start;
    instant_t end = at + meter_billed_s(meter, use->end - use->start);
    while (at < end) {
        money_t usd;
        instant_t until;
        int code = resource_usd(use, at, &usd, &until, err);
        if (code)
            return code;
        until = window_cut(use, at, earlier(earlier(until, day_end(at)), end));
        int64_t per = by_month ? calendar_month_seconds(calendar_month(at)) : SECONDS_PER_HOUR;
        if (!outside(use, at))
            code = add_piece(w, at, until, until - at, (int128)usd * use->quantity * (until - at),
                             per * CHARGE_QUANTITY, err);
        if (code)
            return code;
        at = until;
    }
    return 0;
}

/* A job or a quantity that moved: all of it opens at its start. */
static int charge_once(struct work *w, struct meter meter, bool by_minute, struct err *err)
{
    const struct charge_use *use = w->use;
    int64_t billed_s = meter_billed_s(meter, use->end - use->start);
    money_t usd;
    instant_t until;
    int code = resource_usd(use, use->start, &usd, &until, err);
    if (code || outside(use, use->start))
        return code;
    return add_piece(w, use->start, use->start + 1, billed_s, (int128)usd * use->quantity * (by_minute ? billed_s : 1),
                     (by_minute ? 60 : 1) * (int64_t)CHARGE_QUANTITY, err);
}

int charge_kind_check(const char *kind, struct err *err)
{
    const char *unit = meter_kind_unit(kind);
    if (strcmp(kind, "instance") == 0 || (unit && *unit))
        return 0;
    return err_set(
        err, EXIT_INPUT,
        "\"%.60s\" is no kind that is billed; the kinds are instance and those of data/meters.csv that have a "
        "unit: volume, snapshot, public-ipv4, fsr, ci-minute, nat-gb, transfer-gb",
        kind);
}

static int charge_by_unit(struct work *w, struct err *err)
{
    const char *kind = w->use->kind;
    struct meter meter;
    int code = charge_kind_check(kind, err);
    if (code || strcmp(kind, "instance") == 0)
        return code ? code : charge_instance(w, err);
    const char *unit = meter_kind_unit(kind);
    code = meter_kind(kind, &meter, err);
    if (code)
        return code;
    if (strcmp(unit, "GB-month") == 0)
        return charge_seconds(w, meter, true, err);
    if (strcmp(unit, "minute") == 0 || strcmp(unit, "GB") == 0)
        return charge_once(w, meter, *unit == 'm', err);
    return charge_seconds(w, meter, false, err);
}

int charge_make(struct charge *out, const struct charge_use *use, const struct catalog *catalog, struct err *err)
{
    assert(use->start <= use->end && use->end - use->start <= CHARGE_MOST_S && use->quantity >= 0 && !out->count &&
           !out->exact.count);
    struct work w = {.charge = out, .use = use, .catalog = catalog};
    int code = charge_by_unit(&w, err);
    if (code)
        charge_release(out);
    return code;
}

void charge_release(struct charge *charge)
{
    free(charge->slices);
    exact_release(&charge->exact);
    *charge = (struct charge){0};
}
