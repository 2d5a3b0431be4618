#include "billing/bill.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/bill_lines.h"
#include "billing/booking.h"
#include "billing/clock_hour.h"
#include "billing/pool.h"
#include "billing/savings.h"

const char *bill_kind_name(enum bill_kind kind)
{
    static const char *const names[BILL_KINDS] = {"on-demand", "reserved", "reserved-fee", "unused",      "storage",
                                                  "address",   "other",    "free-tier",    "savings-plan"};
    assert(kind < BILL_KINDS);
    return names[kind];
}

/* A fraction, exact where six decimals are enough. */
static const char *fraction_text(int128 numerator, int64_t denominator, char to[BILL_HOURS_SIZE])
{
    int128 scaled = numerator * 1000000;
    int128 micro = num_div_half_even(scaled, denominator);
    bool exact = micro * denominator == scaled;
    char whole[41];
    num_i128_text(micro / 1000000, whole);
    str_fit(to, BILL_HOURS_SIZE, "%s.%06d", whole, (int)(micro % 1000000));
    size_t len = strlen(to);
    while (exact && to[len - 1] == '0')
        to[--len] = '\0';
    if (to[len - 1] == '.')
        to[--len] = '\0';
    return to;
}

const char *bill_hours_text(const struct bill_line *line, char to[BILL_HOURS_SIZE])
{
    return fraction_text(line->hours_numerator, line->hours_denominator, to);
}

const char *bill_units_text(const struct bill_line *line, char to[BILL_HOURS_SIZE])
{
    assert(line->factor4);
    return fraction_text(line->hours_numerator * line->factor4, line->hours_denominator * 4, to);
}

money_t bill_blended_usd(const struct bill *bill, const char *type, const char *region, const char *os)
{
    int128 hours = 0;
    int128 usd = 0;
    int64_t denominator = 1;
    for (size_t i = 0; i < bill->count; i++) {
        const struct bill_line *l = &bill->lines[i];
        if ((l->kind != BILL_ON_DEMAND && l->kind != BILL_RESERVED) || strcmp(l->type, type) != 0 ||
            strcmp(l->region, region) != 0 || strcmp(l->os, os) != 0)
            continue;
        denominator = l->hours_denominator;
        hours += l->hours_numerator;
        usd += l->cost_usd;
    }
    return hours ? (money_t)num_div_half_even(usd * denominator, hours) : -1;
}

/* The first and the last instant that metering of a row books something at. */
static void billed_span(const struct bill_input *in, const struct usage_row *row, instant_t *first, instant_t *last)
{
    struct metering m;
    struct segment s;
    metering_begin(&m, names_text(in->names, row->os), usage_regime(row, in->regime), row->start, row->end);
    *first = *last = row->start;
    while (metering_next(&m, &s))
        *last = s.at + (s.count - 1) * (s.hourly ? SECONDS_PER_HOUR : 1);
}

static instant_t month_start_of(instant_t at)
{
    return calendar_month_start(calendar_month(at));
}

static instant_t month_end_of(instant_t at)
{
    return calendar_month_start(calendar_month(at) + 1);
}

/* Sets the window; what is not given follows from the months that the billed usage touches. */
static int find_window(struct booking *b, struct err *err)
{
    const struct bill_input *in = b->in;
    instant_t first = INSTANT_MAX;
    instant_t last = INSTANT_MIN;
    for (size_t i = 0; i < in->usage->count && !(in->from.given && in->to.given); i++) {
        instant_t a;
        instant_t z;
        billed_span(in, &in->usage->rows[i], &a, &z);
        first = a < first ? a : first;
        last = z > last ? z : last;
    }
    for (size_t i = 0; in->resources && i < in->resources->count && !(in->from.given && in->to.given); i++) {
        const struct resource_row *r = &in->resources->rows[i];
        first = r->start < first ? r->start : first;
        last = r->start > last ? r->start : last;
        last = r->end - 1 > last ? r->end - 1 : last;
    }
    bool any = first <= last;
    b->from = in->from.given ? in->from.at : any ? month_start_of(first) : 0;
    b->to = in->to.given ? in->to.at : any ? month_end_of(last) : 0;
    if (in->from.given && !in->to.given && b->to <= b->from)
        b->to = month_end_of(b->from);
    if (in->to.given && !in->from.given && b->from >= b->to)
        b->from = month_start_of(b->to - 1);
    if (in->from.given && in->to.given && b->from >= b->to)
        return err_set(err, EXIT_INPUT, "the window is empty: --from must be before --to");
    return 0;
}

static instant_t first_unpriced(const struct booking *b, const struct usage_row *row)
{
    return row->start > b->from ? row->start : b->from;
}

static int report_unpriced(const struct booking *b, const struct session *session, struct err *err)
{
    struct diag diag = {.out = session ? session->err : NULL};
    const struct names *names = b->in->names;
    for (size_t i = 0; i < b->in->usage->count; i++) {
        if (!b->unpriced[i])
            continue;
        const struct usage_row *row = &b->in->usage->rows[i];
        struct catalog_price price;
        struct err why;
        if (catalog_find(b->in->catalog, names_text(names, row->type), names_text(names, row->region),
                         names_text(names, row->os), first_unpriced(b, row), &price, &why))
            diag_at(&diag, b->in->usage->name, row->line, row->type_column, "%s", why.text);
        else
            diag_at(&diag, b->in->usage->name, row->line, row->type_column, "no price for a part of the time");
    }
    return err_set(err, EXIT_INPUT, "%s: %zu %s of on-demand usage without a price; --catalog can name it",
                   b->in->usage->name, diag.count, diag.count == 1 ? "row" : "rows");
}

static bool any_pool(const struct reservations *r)
{
    for (size_t i = 0; r && i < r->count; i++)
        if (r->rows[i].model == MODEL_POOL)
            return true;
    return false;
}

int bill_make(struct bill *out, const struct bill_input *in, const struct session *session, struct err *err)
{
    struct booking b;
    struct bill bill = {.reserved_name = in->reservations ? in->reservations->name : NULL,
                        .has_pool = any_pool(in->reservations)};
    booking_init(&b, in);
    int code = find_window(&b, err);
    if (!code && b.from < b.to) {
        clock_hour_allocate(&b);
        pool_draw_all(&b);
        savings_settle(&b);
    }
    if (!code && b.any_unpriced)
        code = report_unpriced(&b, session, err);
    if (!code)
        code = bill_lines_add(&bill, &b, session, err);
    bill.from = b.from;
    bill.to = b.to;
    booking_release(&b);
    if (code)
        bill_release(&bill);
    else
        *out = bill;
    return code;
}

void bill_release(struct bill *bill)
{
    free(bill->lines);
    free(bill->plans);
    exact_release(&bill->total);
    *bill = (struct bill){0};
}
