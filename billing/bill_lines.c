#include "billing/bill_lines.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/charge.h"
#include "billing/clock_hour.h"
#include "billing/meter.h"

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
    line.effective_usd = line.kind == BILL_RESERVED_FEE ? 0 : line.cost_usd;
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
                              .hours_denominator = SECONDS_PER_HOUR * s->factor4,
                              .factor4 = s->factor4};
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
        months_s = booking_term_s(r, calendar_month_start(calendar_month(b->from)),
                                  calendar_month_start(calendar_month(b->to - 1) + 1));
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
        hours_s = booking_term_months(b, r, &first) * POOL_MONTH_S;
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

/* Free hours and what Savings Plans covered, at no cost. */
static int add_saved(struct sums *sums, struct err *err)
{
    const struct booking *b = sums->b;
    struct exact nothing = {0};
    int code = 0;
    for (uint32_t i = 0; i < b->plan_keys.count && !code; i++) {
        const uint32_t *key = keys_at(&b->plan_keys, i);
        struct bill_line line = subject_line(b, &b->subjects[key[0]], BILL_SAVINGS_PLAN, b->plan_units[i]);
        line.plan_line = b->in->plans->rows[key[1]].line;
        code = add_line(sums, line, &nothing, err);
    }
    for (uint32_t i = 0; i < b->subject_keys.count && !code; i++)
        if (b->subjects[i].free_tier)
            code = add_line(sums, subject_line(b, &b->subjects[i], BILL_FREE_TIER, b->subjects[i].free_tier), &nothing,
                            err);
    return code;
}

static instant_t hour_floor(instant_t t)
{
    return t - ((t % SECONDS_PER_HOUR) + SECONDS_PER_HOUR) % SECONDS_PER_HOUR;
}

static int64_t plan_term_s(const struct plan *p, instant_t from, instant_t to)
{
    instant_t a = p->start > from ? p->start : from;
    instant_t z = p->end < to ? p->end : to;
    return z > a ? z - a : 0;
}

/* What a plan is committed to in the clock hours that are settled in the window, and what was used of it. */
static int settle_plan(struct bill_plan *out, const struct booking *b, uint32_t id, struct err *err)
{
    const struct plan *p = &b->in->plans->rows[id];
    instant_t to = p->end <= b->to ? p->end : hour_floor(b->to);
    int64_t seconds = p->end <= b->from ? 0 : plan_term_s(p, hour_floor(b->from), to);
    struct exact committed = {0};
    exact_add(&committed, (int128)p->hourly_usd * seconds, SECONDS_PER_HOUR);
    out->plan = p;
    int failed = exact_round(&committed, &out->committed_usd);
    exact_release(&committed);
    if (failed)
        return err_set(err, EXIT_INPUT, "the commitment of a plan is more than can be counted (922 million USD)");
    out->used_usd = (money_t)num_div_half_even(b->plans[id].used, (int128)SECONDS_PER_HOUR * UNIT_SCALE);
    out->unused_usd = out->committed_usd - out->used_usd;
    return 0;
}

static int add_plans(struct sums *sums, struct err *err)
{
    const struct booking *b = sums->b;
    const struct plans *plans = b->in->plans;
    struct bill *bill = sums->bill;
    int code = 0;
    if (!plans)
        return 0;
    bill->plans_name = plans->name;
    bill->plans = mem_zero(plans->count, sizeof(*bill->plans));
    for (uint32_t i = 0; i < plans->count && !code; i++) {
        const struct plan *p = &plans->rows[i];
        int64_t seconds = plan_term_s(p, b->from, b->to);
        if (!seconds)
            continue;
        struct exact fee = {0};
        exact_add(&fee, (int128)p->hourly_usd * seconds, SECONDS_PER_HOUR);
        const struct bill_line line = {.kind = BILL_SAVINGS_PLAN,
                                       .account = names_text(b->in->names, p->account),
                                       .instance = "",
                                       .type = plan_kind_name(p->kind),
                                       .region = names_text(b->in->names, p->region),
                                       .os = "",
                                       .zone = "",
                                       .plan_line = p->line,
                                       .hours_numerator = seconds,
                                       .hours_denominator = SECONDS_PER_HOUR};
        code = add_line(sums, line, &fee, err);
        exact_release(&fee);
        if (!code)
            code = settle_plan(&bill->plans[bill->plan_count++], b, i, err);
    }
    return code;
}

static enum bill_kind resource_kind(const char *kind)
{
    const char *unit = meter_kind_unit(kind);
    if (unit && strcmp(unit, "GB-month") == 0)
        return BILL_STORAGE;
    return strcmp(kind, "public-ipv4") == 0 ? BILL_ADDRESS : BILL_OTHER;
}

static int add_resource(struct sums *sums, const struct resource_row *r, bool *unpriced, struct err *err)
{
    const struct booking *b = sums->b;
    const struct names *names = b->in->names;
    const struct charge_use use = {.kind = names_text(names, r->kind),
                                   .type = "",
                                   .region = names_text(names, r->region),
                                   .os = "",
                                   .quantity = r->quantity,
                                   .start = r->start,
                                   .end = r->end,
                                   .from = b->from,
                                   .to = b->to,
                                   .usd = r->usd};
    struct charge charge = {0};
    *unpriced = charge_make(&charge, &use, NULL, err) != 0;
    if (*unpriced)
        return 0;
    int64_t seconds = 0;
    for (size_t i = 0; i < charge.count; i++)
        seconds += charge.slices[i].billed_s;
    const struct bill_line line = {.kind = resource_kind(use.kind),
                                   .account = names_text(names, r->account),
                                   .instance = names_text(names, r->resource),
                                   .type = use.kind,
                                   .region = use.region,
                                   .os = "",
                                   .zone = "",
                                   .hours_numerator = seconds,
                                   .hours_denominator = SECONDS_PER_HOUR};
    int code = charge.count ? add_line(sums, line, &charge.exact, err) : 0;
    charge_release(&charge);
    return code;
}

static int add_resources(struct sums *sums, const struct session *session, struct err *err)
{
    const struct resources *list = sums->b->in->resources;
    struct diag diag = {.out = session ? session->err : NULL};
    int code = 0;
    for (size_t i = 0; list && i < list->count && !code; i++) {
        bool unpriced;
        struct err why;
        code = add_resource(sums, &list->rows[i], &unpriced, &why);
        if (code)
            *err = why;
        else if (unpriced)
            diag_at(&diag, list->name, list->rows[i].line, list->rows[i].kind_column, "%s", why.text);
    }
    if (!code && diag.count)
        code = err_set(err, EXIT_INPUT, "%s: %zu %s without a price; a column usd can name it", list->name, diag.count,
                       diag.count == 1 ? "row" : "rows");
    return code;
}

static bool same_single(const struct bill_line *a, const struct bill_line *b)
{
    return a->reservation_line == b->reservation_line && a->reservation_number == b->reservation_number;
}

static int compare_places(const void *a, const void *b)
{
    const struct bill_line *x = *(struct bill_line *const *)a;
    const struct bill_line *y = *(struct bill_line *const *)b;
    int order = (x->reservation_line > y->reservation_line) - (x->reservation_line < y->reservation_line);
    order = order ? order
                  : (x->reservation_number > y->reservation_number) - (x->reservation_number < y->reservation_number);
    return order ? order : (x > y) - (x < y);
}

/* One reservation's lines, `unused` the last of them: its fee lies on them by their hours, the sum is the fee. */
static void amortise_single(struct bill_line **lines, size_t count)
{
    int128 hours = 0;
    int128 so_far = 0;
    money_t fee = 0;
    money_t given = 0;
    for (size_t i = 0; i < count; i++) {
        fee += lines[i]->kind == BILL_RESERVED_FEE ? lines[i]->cost_usd : 0;
        hours += lines[i]->kind != BILL_RESERVED_FEE ? lines[i]->hours_numerator : 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct bill_line *l = lines[i];
        if (l->kind != BILL_RESERVED)
            continue;
        so_far += l->hours_numerator;
        l->effective_usd = (money_t)num_div_half_even((int128)fee * so_far, hours) - given;
        given += l->effective_usd;
    }
    for (size_t i = 0; i < count; i++)
        if (lines[i]->kind == BILL_UNUSED)
            lines[i]->effective_usd = fee - given;
}

static void amortise(struct bill *bill)
{
    struct bill_line **held = mem_array(NULL, bill->count, sizeof(struct bill_line *));
    size_t count = 0;
    for (size_t i = 0; i < bill->count; i++)
        if (bill->lines[i].reservation_line)
            held[count++] = &bill->lines[i];
    if (count)
        qsort(held, count, sizeof(struct bill_line *), compare_places);
    for (size_t i = 0; i < count;) {
        size_t next = i;
        while (next < count && same_single(held[next], held[i]))
            next++;
        amortise_single(held + i, next - i);
        i = next;
    }
    free(held);
}

static int round_sums(struct sums *sums, struct err *err)
{
    int failed = exact_round(&sums->total, &sums->bill->total_usd);
    for (int k = 0; k < BILL_KINDS; k++)
        failed |= exact_round(&sums->by_kind[k], &sums->bill->by_kind_usd[k]);
    return failed ? err_set(err, EXIT_INPUT, "the total is more than can be counted (922 million USD)") : 0;
}

int bill_lines_add(struct bill *bill, const struct booking *b, const struct session *session, struct err *err)
{
    struct sums sums = {.bill = bill, .b = b};
    int code = add_on_demand(&sums, err);
    if (!code)
        code = add_reserved(&sums, err);
    for (size_t i = 0; i < b->single_count && !code; i++)
        code = add_single_lines(&sums, &b->singles[i], err);
    if (!code)
        code = add_saved(&sums, err);
    if (!code)
        code = add_plans(&sums, err);
    if (!code)
        code = add_resources(&sums, session, err);
    if (!code)
        code = round_sums(&sums, err);
    if (!code)
        amortise(bill);
    exact_release(&bill->total);
    bill->total = sums.total;
    for (int k = 0; k < BILL_KINDS; k++)
        exact_release(&sums.by_kind[k]);
    return code;
}
