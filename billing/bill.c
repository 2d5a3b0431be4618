#include "billing/bill.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/booking.h"
#include "billing/clock_hour.h"
#include "billing/pool.h"

const char *bill_kind_name(enum bill_kind kind)
{
    static const char *const names[BILL_KINDS] = {"on-demand", "reserved", "reserved-fee", "unused"};
    assert(kind < BILL_KINDS);
    return names[kind];
}

const char *bill_hours_text(const struct bill_line *line, char to[BILL_HOURS_SIZE])
{
    int128 scaled = line->hours_numerator * 1000000;
    int128 micro = num_div_half_even(scaled, line->hours_denominator);
    bool exact = micro * line->hours_denominator == scaled;
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

/* The first and the last instant that metering of a row books something at. */
static void billed_span(const struct bill_input *in, const struct usage_row *row, instant_t *first, instant_t *last)
{
    struct metering m;
    struct segment s;
    metering_begin(&m, names_text(in->names, row->os), in->regime, row->start, row->end);
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

/* Everything a line and the sums need while they are still exact. */
struct sums {
    struct bill *bill;
    const struct booking *b;
    struct exact total, by_kind[BILL_KINDS];
};

static int add_line(struct sums *sums, struct bill_line line, const struct exact *cost, struct err *err)
{
    struct bill *bill = sums->bill;
    if (exact_round(cost, &line.cost_usd))
        return err_set(err, EXIT_INPUT, "the cost of %s %s %s is more than can be counted (922 million USD)",
                       bill_kind_name(line.kind), line.instance, line.type);
    exact_add_all(&sums->total, cost);
    exact_add_all(&sums->by_kind[line.kind], cost);
    bill->lines = mem_grow(bill->lines, &bill->cap, bill->count + 1, sizeof(*bill->lines));
    bill->lines[bill->count++] = line;
    return 0;
}

static struct bill_line subject_line(const struct booking *b, const struct subject *s, enum bill_kind kind,
                                     int128 units)
{
    const struct names *names = b->in->names;
    return (struct bill_line){.kind = kind,
                              .account = names_text(names, s->account),
                              .instance = names_text(names, s->instance),
                              .type = names_text(names, s->type),
                              .region = names_text(names, s->region),
                              .os = names_text(names, s->os),
                              .zone = "",
                              .hours_numerator = units,
                              .hours_denominator = SECONDS_PER_HOUR * s->factor4};
}

static void name_single(const struct booking *b, const struct single *s, struct bill_line *line)
{
    line->zone = names_text(b->in->names, s->row->zone);
    line->reservation_line = s->row->line;
    line->reservation_number = s->number;
    line->pool = s->row->model == MODEL_POOL;
}

static int add_on_demand(struct sums *sums, struct err *err)
{
    const struct booking *b = sums->b;
    for (uint32_t i = 0; i < b->subject_keys.count; i++) {
        const struct subject *s = &b->subjects[i];
        if (!s->units)
            continue;
        struct exact cost = {0};
        exact_add(&cost, s->cost, SECONDS_PER_HOUR * s->factor4);
        int code = add_line(sums, subject_line(b, s, BILL_ON_DEMAND, s->units), &cost, err);
        exact_release(&cost);
        if (code)
            return code;
    }
    return 0;
}

struct pair {
    uint32_t subject, single;
    int128 units;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;
    int order = (x->subject > y->subject) - (x->subject < y->subject);
    return order ? order : (x->single > y->single) - (x->single < y->single);
}

static int add_reserved(struct sums *sums, struct err *err)
{
    const struct booking *b = sums->b;
    size_t count = b->pair_keys.count;
    struct pair *pairs = mem_array(NULL, count, sizeof(*pairs));
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *key = keys_at(&b->pair_keys, i);
        pairs[i] = (struct pair){key[0], key[1], b->pair_units[i]};
    }
    qsort(pairs, count, sizeof(*pairs), compare_pairs);
    int code = 0;
    for (size_t i = 0; i < count && !code; i++) {
        struct exact nothing = {0};
        struct bill_line line = subject_line(b, &b->subjects[pairs[i].subject], BILL_RESERVED, pairs[i].units);
        name_single(b, &b->singles[pairs[i].single], &line);
        code = add_line(sums, line, &nothing, err);
    }
    free(pairs);
    return code;
}

/* A pool's fee is for whole months; accruing, only for the part of them (as far as the term goes) in the window. */
static void add_pool_fee(const struct booking *b, const struct reservation *r, int64_t hours_s, struct exact *fee)
{
    int64_t inside_s = 1;
    int64_t months_s = 1;
    if (b->in->pool_fees_accrue) {
        inside_s = booking_term_s(r, b->from, b->to);
        months_s = booking_term_s(r, month_start_of(b->from), month_end_of(b->to - 1));
    }
    assert(inside_s <= months_s);
    exact_add(fee, (int128)r->hourly_usd * hours_s * inside_s, SECONDS_PER_HOUR * months_s);
}

/* The hours that a single's fee is for, as a fraction over 3,600, and the fee. */
static int64_t fee_of(const struct booking *b, const struct single *s, struct exact *fee)
{
    const struct reservation *r = s->row;
    int64_t inside_s = booking_term_s(r, b->from, b->to);
    int first;
    int64_t hours_s = inside_s;
    if (r->model == MODEL_POOL) {
        hours_s = booking_term_months(b, r, &first) * POOL_HOURS_PER_MONTH * SECONDS_PER_HOUR;
        add_pool_fee(b, r, hours_s, fee);
    } else {
        exact_add(fee, (int128)r->hourly_usd * hours_s, SECONDS_PER_HOUR);
    }
    exact_add(fee, (int128)r->upfront_usd * inside_s, r->end - r->start);
    return hours_s;
}

static int128 unused_of(const struct booking *b, const struct single *s, int64_t fee_s)
{
    int128 capacity = s->row->model == MODEL_POOL ? (int128)fee_s * s->factor4 : clock_hour_capacity(b, s);
    assert(s->used <= capacity);
    return capacity - s->used;
}

static int add_single_lines(struct sums *sums, const struct single *s, struct err *err)
{
    const struct booking *b = sums->b;
    if (!booking_term_s(s->row, b->from, b->to))
        return 0;
    struct subject like = {.account = s->row->account,
                           .type = s->row->type,
                           .region = s->row->region,
                           .os = s->row->os,
                           .factor4 = s->factor4};
    struct exact fee = {0};
    struct exact nothing = {0};
    int64_t fee_s = fee_of(b, s, &fee);
    struct bill_line line = subject_line(b, &like, BILL_RESERVED_FEE, (int128)fee_s * s->factor4);
    name_single(b, s, &line);
    int code = add_line(sums, line, &fee, err);
    line.kind = BILL_UNUSED;
    line.hours_numerator = unused_of(b, s, fee_s);
    if (!code)
        code = add_line(sums, line, &nothing, err);
    exact_release(&fee);
    return code;
}

static int round_sums(struct sums *sums, struct err *err)
{
    int failed = exact_round(&sums->total, &sums->bill->total_usd);
    for (int k = 0; k < BILL_KINDS; k++)
        failed |= exact_round(&sums->by_kind[k], &sums->bill->by_kind_usd[k]);
    return failed ? err_set(err, EXIT_INPUT, "the total is more than can be counted (922 million USD)") : 0;
}

static int add_lines(struct bill *bill, const struct booking *b, struct err *err)
{
    struct sums sums = {.bill = bill, .b = b};
    int code = add_on_demand(&sums, err);
    if (!code)
        code = add_reserved(&sums, err);
    for (size_t i = 0; i < b->single_count && !code; i++)
        code = add_single_lines(&sums, &b->singles[i], err);
    if (!code)
        code = round_sums(&sums, err);
    exact_release(&bill->total);
    bill->total = sums.total;
    for (int k = 0; k < BILL_KINDS; k++)
        exact_release(&sums.by_kind[k]);
    return code;
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
    }
    if (!code && b.any_unpriced)
        code = report_unpriced(&b, session, err);
    if (!code)
        code = add_lines(&bill, &b, err);
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
    exact_release(&bill->total);
    *bill = (struct bill){0};
}
