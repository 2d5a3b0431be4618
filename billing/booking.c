#include "billing/booking.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/instance_type.h"

static struct instance_type type_of(const struct booking *b, uint32_t type)
{
    return instance_type_of(names_text(b->in->names, type));
}

int64_t booking_factor4(const struct booking *b, uint32_t type)
{
    int64_t factor4 = type_of(b, type).factor4;
    return factor4 ? factor4 : 4;
}

uint32_t booking_family(const struct booking *b, uint32_t type)
{
    const char *text = names_text(b->in->names, type);
    char *family = mem_dup_n(text, type_of(b, type).family_len);
    uint32_t id = names_id(b->in->names, family);
    free(family);
    return id;
}

static void add_step(struct rate *rate, const struct catalog_price *price)
{
    rate->steps = mem_grow(rate->steps, &rate->cap, rate->count + 1, sizeof(*rate->steps));
    rate->steps[rate->count++] = (struct rate_step){price->effective, price->usd_per_hour};
}

/* A use's own price holds for all time. */
static void add_own_price(struct rate *rate, const char *text)
{
    struct catalog_price price = {.effective = INSTANT_MIN};
    int code = money_parse(text, &price.usd_per_hour);
    assert(!code);
    add_step(rate, &price);
}

static struct rate load_rate(const struct booking *b, const struct subject *s)
{
    struct rate rate = {0};
    const struct names *names = b->in->names;
    if (s->own_price) {
        add_own_price(&rate, names_text(names, s->own_price - 1));
        return rate;
    }
    const char *type = names_text(names, s->type);
    const char *region = names_text(names, s->region);
    const char *os = names_text(names, s->os);
    instant_t at = INSTANT_MIN - 1;
    while ((at = catalog_next_change(b->in->catalog, type, region, os, at)) != INSTANT_MAX) {
        struct catalog_price price;
        struct err err;
        if (!catalog_find(b->in->catalog, type, region, os, at, &price, &err))
            add_step(&rate, &price);
    }
    return rate;
}

static uint32_t rate_id(struct booking *b, const struct subject *s)
{
    uint32_t known = b->rate_keys.count;
    uint32_t id = keys_add(&b->rate_keys, (uint32_t[]){s->type, s->region, s->os, s->own_price});
    if (id == known) {
        b->rates = mem_grow(b->rates, &b->rate_cap, id + (size_t)1, sizeof(*b->rates));
        b->rates[id] = load_rate(b, s);
    }
    return id;
}

static uint32_t subject_id(struct booking *b, const struct usage_row *row)
{
    uint32_t known = b->subject_keys.count;
    uint32_t id = keys_add(&b->subject_keys,
                           (uint32_t[]){row->account, row->instance, row->type, row->region, row->os, row->own_price});
    if (id < known)
        return id;
    struct subject s = {.account = row->account,
                        .instance = row->instance,
                        .type = row->type,
                        .region = row->region,
                        .os = row->os,
                        .own_price = row->own_price,
                        .factor4 = booking_factor4(b, row->type)};
    s.rate = rate_id(b, &s);
    s.group = keys_add(&b->group_keys, (uint32_t[]){s.region, s.os, booking_family(b, s.type)});
    s.pool = keys_find(&b->pool_keys, (uint32_t[]){s.account, s.type, s.region, s.os});
    b->subjects = mem_grow(b->subjects, &b->subject_cap, id + (size_t)1, sizeof(*b->subjects));
    b->subjects[id] = s;
    return id;
}

/* Whose usage a reservation serves: one without an account serves the one account that the usage has. */
uint32_t booking_owner(const struct booking *b, const struct reservation *r)
{
    return b->one_account && !*names_text(b->in->names, r->account) ? b->in->usage->rows[0].account : r->account;
}

uint32_t booking_group(const struct booking *b, const struct reservation *r)
{
    return keys_find(&b->group_keys, (uint32_t[]){r->region, r->os, booking_family(b, r->type)});
}

static void add_bound(struct pool *pool, instant_t at)
{
    pool->bounds = mem_grow(pool->bounds, &pool->bound_cap, pool->bound_count + 1, sizeof(*pool->bounds));
    pool->bounds[pool->bound_count++] = at;
}

static void add_to_pool(struct booking *b, const struct reservation *r, size_t first_single)
{
    uint32_t known = b->pool_keys.count;
    uint32_t id = keys_add(&b->pool_keys, (uint32_t[]){booking_owner(b, r), r->type, r->region, r->os});
    if (id == known) {
        b->pools = mem_grow(b->pools, &b->pool_cap, id + (size_t)1, sizeof(*b->pools));
        b->pools[id] = (struct pool){0};
    }
    struct pool *pool = &b->pools[id];
    pool->singles = mem_grow(pool->singles, &pool->cap, pool->count + r->count, sizeof(*pool->singles));
    for (uint32_t i = 0; i < r->count; i++)
        pool->singles[pool->count++] = (uint32_t)(first_single + i);
    add_bound(pool, r->start);
    add_bound(pool, r->end);
}

static void add_reservation(struct booking *b, const struct reservation *r)
{
    size_t first = b->single_count;
    b->singles = mem_grow(b->singles, &b->single_cap, first + r->count, sizeof(*b->singles));
    int64_t factor4 = booking_factor4(b, r->type);
    for (uint32_t i = 0; i < r->count; i++)
        b->singles[b->single_count++] = (struct single){.row = r, .number = i + 1, .factor4 = factor4};
    if (r->model == MODEL_POOL)
        add_to_pool(b, r, first);
}

void booking_init(struct booking *b, const struct bill_input *in)
{
    *b = (struct booking){.in = in};
    keys_init(&b->subject_keys, 6);
    keys_init(&b->rate_keys, 4);
    keys_init(&b->group_keys, 3);
    keys_init(&b->pool_keys, 4);
    keys_init(&b->pair_keys, 2);
    keys_init(&b->plan_keys, 2);
    b->saving = (in->plans && in->plans->count) || in->free_tier.given;
    b->plans = mem_zero(in->plans ? in->plans->count : 0, sizeof(*b->plans));
    b->one_account = in->usage->count > 0;
    for (size_t i = 1; i < in->usage->count; i++)
        b->one_account &= in->usage->rows[i].account == in->usage->rows[0].account;
    for (size_t i = 0; in->reservations && i < in->reservations->count; i++)
        add_reservation(b, &in->reservations->rows[i]);
    b->subject_of = mem_array(NULL, in->usage->count, sizeof(*b->subject_of));
    b->unpriced = mem_zero(in->usage->count, sizeof(*b->unpriced));
    for (size_t i = 0; i < in->usage->count; i++)
        b->subject_of[i] = subject_id(b, &in->usage->rows[i]);
}

void booking_release(struct booking *b)
{
    for (uint32_t i = 0; i < b->rate_keys.count; i++)
        free(b->rates[i].steps);
    for (uint32_t i = 0; i < b->pool_keys.count; i++) {
        free(b->pools[i].singles);
        free(b->pools[i].bounds);
    }
    keys_release(&b->subject_keys);
    keys_release(&b->rate_keys);
    keys_release(&b->group_keys);
    keys_release(&b->pool_keys);
    keys_release(&b->pair_keys);
    keys_release(&b->plan_keys);
    free(b->waiting);
    free(b->plan_units);
    free(b->plans);
    free(b->subjects);
    free(b->subject_of);
    free(b->rates);
    free(b->pools);
    free(b->singles);
    free(b->pair_units);
    free(b->pooled);
    free(b->unpriced);
}

instant_t rate_next_change(const struct rate *rate, instant_t at)
{
    for (size_t i = 0; i < rate->count; i++)
        if (rate->steps[i].effective > at)
            return rate->steps[i].effective;
    return FAR_FUTURE;
}

static const struct rate_step *rate_at(const struct rate *rate, instant_t at)
{
    for (size_t i = rate->count; i-- > 0;)
        if (rate->steps[i].effective <= at)
            return &rate->steps[i];
    return NULL;
}

static bool inside(const struct booking *b, instant_t at)
{
    return at >= b->from && at < b->to;
}

void booking_on_demand(struct booking *b, uint32_t row, instant_t at, int128 units)
{
    assert(units >= 0);
    if (!units || !inside(b, at))
        return;
    struct subject *s = &b->subjects[b->subject_of[row]];
    const struct rate_step *step = rate_at(&b->rates[s->rate], at);
    if (!step) {
        b->unpriced[row] = b->any_unpriced = true;
        return;
    }
    s->units += units;
    s->cost += units * step->usd_per_hour;
}

money_t booking_price(const struct booking *b, uint32_t row, instant_t at)
{
    const struct rate_step *step = rate_at(&b->rates[b->subjects[b->subject_of[row]].rate], at);
    return step ? step->usd_per_hour : -1;
}

void booking_on_demand_at(struct booking *b, uint32_t row, instant_t at, int128 units, money_t usd, int64_t hours)
{
    if (!inside(b, at))
        return;
    struct subject *s = &b->subjects[b->subject_of[row]];
    s->units += units * hours;
    s->cost += (int128)usd * hours * SECONDS_PER_HOUR * s->factor4;
}

void booking_free_tier(struct booking *b, uint32_t row, instant_t at, int128 units)
{
    if (inside(b, at))
        b->subjects[b->subject_of[row]].free_tier += units;
}

void booking_planned(struct booking *b, uint32_t row, uint32_t plan, instant_t at, int128 units)
{
    if (!units || !inside(b, at))
        return;
    uint32_t known = b->plan_keys.count;
    uint32_t pair = keys_add(&b->plan_keys, (uint32_t[]){b->subject_of[row], plan});
    if (pair == known) {
        b->plan_units = mem_grow(b->plan_units, &b->plan_units_cap, pair + (size_t)1, sizeof(*b->plan_units));
        b->plan_units[pair] = 0;
    }
    b->plan_units[pair] += units;
}

void booking_unpaid(struct booking *b, const struct piece *piece)
{
    if (!b->saving) {
        booking_on_demand(b, piece->row, piece->at, (int128)piece->n * piece->units);
        return;
    }
    b->waiting = mem_grow(b->waiting, &b->waiting_cap, b->waiting_count + 1, sizeof(*b->waiting));
    b->waiting[b->waiting_count++] = *piece;
}

void booking_reserved(struct booking *b, uint32_t row, uint32_t single, instant_t at, int128 units)
{
    assert(units > 0 && single < b->single_count);
    if (!inside(b, at))
        return;
    uint32_t known = b->pair_keys.count;
    uint32_t pair = keys_add(&b->pair_keys, (uint32_t[]){b->subject_of[row], single});
    if (pair == known) {
        b->pair_units = mem_grow(b->pair_units, &b->pair_cap, pair + (size_t)1, sizeof(*b->pair_units));
        b->pair_units[pair] = 0;
    }
    b->pair_units[pair] += units;
}

static instant_t earlier_after(instant_t best, instant_t candidate, instant_t at)
{
    return candidate > at && candidate < best ? candidate : best;
}

/* The next instant after `at` at which something that matters to this subject changes. */
static instant_t next_cut(const struct booking *b, const struct subject *s, instant_t at)
{
    instant_t cut = rate_next_change(&b->rates[s->rate], at);
    cut = earlier_after(cut, b->from, at);
    cut = earlier_after(cut, b->to, at);
    if (s->pool == KEYS_NONE)
        return cut;
    cut = earlier_after(cut, calendar_month_start(calendar_month(at) + 1), at);
    const struct pool *pool = &b->pools[s->pool];
    for (size_t i = 0; i < pool->bound_count; i++)
        cut = earlier_after(cut, pool->bounds[i], at);
    return cut;
}

static void place(struct booking *b, const struct subject *s, struct piece piece)
{
    if (s->pool == KEYS_NONE) {
        booking_unpaid(b, &piece);
        return;
    }
    piece.pool = s->pool;
    piece.month = calendar_month(piece.at);
    b->pooled = mem_grow(b->pooled, &b->pooled_cap, b->pooled_count + 1, sizeof(*b->pooled));
    b->pooled[b->pooled_count++] = piece;
}

void booking_left(struct booking *b, struct piece rest)
{
    const struct subject *s = &b->subjects[b->subject_of[rest.row]];
    int64_t step = rest.seconds ? 1 : SECONDS_PER_HOUR;
    while (rest.n > 0) {
        instant_t cut = next_cut(b, s, rest.at);
        struct piece head = rest;
        if (cut - rest.at <= (rest.n - 1) * step)
            head.n = (cut - rest.at + step - 1) / step;
        place(b, s, head);
        rest.at += head.n * step;
        rest.n -= head.n;
        rest.order = rest.seconds || rest.run ? rest.order : rest.at;
    }
}

int64_t booking_term_s(const struct reservation *r, instant_t from, instant_t to)
{
    instant_t a = r->start > from ? r->start : from;
    instant_t z = r->end < to ? r->end : to;
    return z > a ? z - a : 0;
}

int64_t booking_term_months(const struct booking *b, const struct reservation *r, int *first)
{
    instant_t a = r->start > b->from ? r->start : b->from;
    instant_t z = r->end < b->to ? r->end : b->to;
    *first = calendar_month(a);
    return z > a ? calendar_month(z - 1) - *first + 1 : 0;
}
