/* reconcile_views.c - what a report says of commitments, and how much instance time they cover. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/reconcile_private.h"

static struct commitment_view *view_of(struct reconcile *r, const struct cost_line *line)
{
    const uint32_t key[] = {names_id(r->texts, line->commitment)};
    uint32_t known = r->commitment_keys.count;
    uint32_t id = keys_add(&r->commitment_keys, key);
    if (id == known) {
        r->commitments = mem_grow(r->commitments, &r->commitment_cap, id + (size_t)1, sizeof(*r->commitments));
        r->commitments[id] = (struct commitment_view){.id = names_text(r->texts, key[0])};
    }
    return &r->commitments[id];
}

/* Units are for shares only: where they do not fit, they stay at the most that does. */
static void add_units(int64_t *sum, int64_t units)
{
    if (__builtin_add_overflow(*sum, units, sum))
        *sum = units < 0 ? INT64_MIN : INT64_MAX;
}

/* FOCUS: what was paid is a Purchase, at its billed cost; the effective costs of what was used, and of what was not,
 * carry it. */
static void add_purchase(struct commitment_view *v, const struct cost_line *line)
{
    bool recurring = line->type == COST_RESERVED_FEE || line->type == COST_PLAN_FEE;
    *(recurring ? &v->fee_usd : &v->upfront_usd) += line->unblended;
}

/* CUR: a fee line says what was not used, and what part of the sum paid upfront lies in this period. The plan's
 * commitment of the hours is whole, whatever part of it was paid upfront. */
static void add_fee(struct commitment_view *v, const struct cost_line *line)
{
    if (line->type == COST_RESERVED_FEE) {
        v->fee_usd += line->unblended;
        v->upfront_usd += line->upfront_amortised;
        add_units(&v->total, line->total_units);
        add_units(&v->unused, line->unused_units);
        v->unused_usd += line->unused_upfront + line->unused_recurring;
    } else if (line->type == COST_PLAN_FEE) {
        v->fee_usd += line->plan_total;
        v->unused_usd += line->plan_total - line->plan_used;
    }
}

void reconcile_commitment(struct reconcile *r, const struct cost_line *line)
{
    struct commitment_view *v = view_of(r, line);
    v->lines++;
    switch (line->type) {
    case COST_DISCOUNTED:
        add_units(&v->used, line->normalized ? line->normalized : line->amount);
        v->used_usd += line->effective;
        break;
    case COST_PLAN_COVERED:
        v->plan = true;
        v->used_usd += line->effective;
        break;
    case COST_UNUSED:
        add_units(&v->unused, line->amount);
        v->unused_usd += line->effective;
        break;
    case COST_RESERVED_FEE:
    case COST_FEE:
    case COST_PLAN_FEE:
    case COST_PLAN_UPFRONT:
        v->plan = v->plan || line->type == COST_PLAN_FEE || line->type == COST_PLAN_UPFRONT;
        if (line->focus)
            add_purchase(v, line);
        else
            add_fee(v, line);
        break;
    default:
        break;
    }
}

static int compare_commitments(const void *a, const void *b)
{
    return strcmp(((const struct commitment_view *)a)->id, ((const struct commitment_view *)b)->id);
}

static int compare_coverage(const void *a, const void *b)
{
    const struct coverage_view *x = a;
    const struct coverage_view *y = b;
    int64_t p = x->on_demand_s + x->reserved_s + x->plan_s;
    int64_t q = y->on_demand_s + y->reserved_s + y->plan_s;
    return p != q ? (p < q ? 1 : -1) : strcmp(x->type, y->type);
}

/* used + unused = what was paid for the period, within what the rounding of its lines can make. */
void reconcile_balance(struct reconcile *r)
{
    for (uint32_t i = 0; i < r->commitment_keys.count; i++) {
        struct commitment_view *v = &r->commitments[i];
        money_t off = v->used_usd + v->unused_usd - v->fee_usd - v->upfront_usd;
        v->balanced = off >= -v->lines && off <= v->lines;
    }
    if (r->commitment_keys.count)
        qsort(r->commitments, r->commitment_keys.count, sizeof(*r->commitments), compare_commitments);
    if (r->coverage_keys.count)
        qsort(r->coverage, r->coverage_keys.count, sizeof(*r->coverage), compare_coverage);
}

void reconcile_cover(struct reconcile *r, const struct cost_line *line, int64_t seconds)
{
    const uint32_t key[] = {names_id(r->texts, line->instance_type)};
    uint32_t known = r->coverage_keys.count;
    uint32_t id = keys_add(&r->coverage_keys, key);
    if (id == known) {
        r->coverage = mem_grow(r->coverage, &r->coverage_cap, id + (size_t)1, sizeof(*r->coverage));
        r->coverage[id] = (struct coverage_view){.type = names_text(r->texts, key[0])};
    }
    struct coverage_view *v = &r->coverage[id];
    if (line->type == COST_USAGE)
        v->on_demand_s += seconds;
    else if (line->type == COST_DISCOUNTED)
        v->reserved_s += seconds;
    else
        v->plan_s += seconds;
}

size_t reconcile_commitments(const struct reconcile *r, const struct commitment_view **views)
{
    *views = r->commitments;
    return r->commitment_keys.count;
}

size_t reconcile_coverage(const struct reconcile *r, const struct coverage_view **views)
{
    *views = r->coverage;
    return r->coverage_keys.count;
}
