#include "tests/support_optimum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"

int64_t support_draw(struct philox *p, int64_t low, int64_t high)
{
    return low + (int64_t)philox_below(p, (uint64_t)(high - low + 1));
}

int64_t support_pick(struct philox *p, const int64_t *of, size_t count)
{
    return of[philox_below(p, count)];
}

size_t support_rounds(size_t usual)
{
    const char *text = getenv("OPTIMUM_ROUNDS"); /* times as many */
    int64_t n = 1;
    if (text && num_i64(text, strlen(text), &n))
        fail_msg("OPTIMUM_ROUNDS is no number");
    return (size_t)n * usual;
}

static int64_t up_to_grid(int64_t t, int64_t g)
{
    while (t % g)
        t++;
    return t;
}

/* --- an independent biller */

static size_t period_of(const struct scene *s, int64_t opening)
{
    size_t period = 0;
    for (size_t m = 1; m < s->terms.pool_periods; m++)
        if (s->period_from[m] <= opening)
            period = m;
    return period;
}

/* Lists the quanta of a rental one by one; with opened, counts them by period. Under prices, returns their cost. */
static int128 bill_rental(const struct scene *s, int64_t begin, int64_t end, bool priced, int64_t *opened)
{
    const struct optimum_terms *t = &s->terms;
    int128 cost = 0;
    for (int64_t paid = 0; paid == 0 || paid < end - begin || paid < t->meter.minimum_s; paid += t->meter.quantum_s) {
        size_t period = period_of(s, begin + paid);
        cost += (int128)t->meter.quantum_s * (priced ? s->period_price[period] : t->price_per_hour);
        if (opened)
            opened[period]++;
    }
    return cost;
}

int128 support_bill_starts(const struct scene *s, const int64_t *start, const bool *launch, size_t count)
{
    const struct optimum_terms *t = &s->terms;
    int128 cost = 0;
    int64_t opened[MAX_PERIODS] = {0};
    int64_t end_of[MAX_SLOTS] = {0};
    int64_t begin = 0;
    int64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        if (i ? start[i] < end || start[i] <= start[i - 1] : !launch[0])
            return -1;
        if (launch[i]) {
            cost += i ? bill_rental(s, begin, end, false, opened) : 0;
            begin = t->prelaunch ? start[i] - t->boot_s : start[i];
        }
        end = start[i] + t->bake_s + (launch[i] && !t->prelaunch ? t->boot_s : 0);
        end_of[i] = end;
        cost += (int128)t->per_deploy * 3600;
    }
    if (count)
        cost += bill_rental(s, begin, end, false, opened);
    for (size_t m = 0; m < t->pool_periods; m++)
        for (int64_t q = 0; q < opened[m] && q < t->pool_quanta; q++)
            cost -= (int128)t->meter.quantum_s * t->price_per_hour;
    for (size_t j = 0; j < s->count; j++) {
        size_t i = 0;
        while (i < count && start[i] < s->arrival[j])
            i++;
        if (i == count || (t->max_lead_s && end_of[i] - s->arrival[j] > t->max_lead_s))
            return -1;
        cost += (int128)(start[i] - s->arrival[j]) * t->delay_price_per_commit_hour;
    }
    return cost;
}

void support_starts_are_sound(const struct scene *s, const struct optimum *o)
{
    int64_t *start = mem_array(NULL, o->deployments, sizeof(*start));
    bool *launch = mem_array(NULL, o->deployments, sizeof(*launch));
    int64_t launches = 0;
    for (size_t i = 0; i < o->deployments; i++) {
        start[i] = o->start[i] >> 1;
        launch[i] = o->start[i] & 1;
        launches += launch[i];
        assert_int_equal(start[i] % s->terms.grid_s, 0);
    }
    assert_true(support_bill_starts(s, start, launch, o->deployments) == o->money + o->waiting);
    assert_int_equal(launches, o->launches);
    assert_true(o->lower_bound <= o->money + o->waiting);
    free(start);
    free(launch);
}

/* --- every set of starts */

struct search {
    const struct scene *s;
    int64_t slot[MAX_SLOTS];
    size_t slots;
    int64_t start[MAX_SLOTS];
    bool launch[MAX_SLOTS];
    int128 best;
};

static void search_from(struct search *x, size_t slot, size_t count)
{
    int128 cost = support_bill_starts(x->s, x->start, x->launch, count);
    if (cost >= 0 && (x->best < 0 || cost < x->best))
        x->best = cost;
    for (; slot < x->slots; slot++)
        for (int k = 0; k < 2; k++) {
            const struct optimum_terms *t = &x->s->terms;
            int64_t held = count && x->launch[count - 1] && !t->prelaunch ? t->boot_s : 0;
            if (count ? x->slot[slot] < x->start[count - 1] + t->bake_s + held : !k)
                continue;
            x->start[count] = x->slot[slot];
            x->launch[count] = k;
            search_from(x, slot + 1, count + 1);
        }
}

static void make_slots(struct search *x, int64_t beyond)
{
    int64_t g = x->s->terms.grid_s;
    size_t periods = x->s->terms.pool_periods;
    int64_t last = x->s->arrival[x->s->count - 1];
    if (periods > 1 && x->s->period_from[periods - 1] > last)
        last = x->s->period_from[periods - 1];
    last = up_to_grid(last + beyond, g);
    x->slots = 0;
    for (int64_t t = up_to_grid(x->s->arrival[0], g); t <= last; t += g) {
        assert_true(x->slots < MAX_SLOTS);
        x->slot[x->slots++] = t;
    }
}

int128 support_exhaustive(const struct scene *s, int64_t room_s)
{
    struct search x = {.s = s, .best = -1};
    make_slots(&x, room_s);
    search_from(&x, 0, 0);
    return x.best;
}

/* --- every (start, begin of the rental) */

struct plain {
    int128 cost[MAX_SLOTS][MAX_SLOTS]; /* by start and by the first start of its rental; the rental billed so far */
};

static int64_t plain_end(const struct scene *s, int64_t start, int64_t first)
{
    return start + s->terms.bake_s + (start == first && !s->terms.prelaunch ? s->terms.boot_s : 0);
}

static int128 plain_rental(const struct scene *s, int64_t first, int64_t start, bool priced)
{
    int64_t begin = s->terms.prelaunch ? first - s->terms.boot_s : first;
    return bill_rental(s, begin, plain_end(s, start, first), priced, NULL);
}

static int128 plain_wait(const struct scene *s, int64_t after, int64_t start)
{
    int128 wait = 0;
    for (size_t j = 0; j < s->count; j++)
        if (s->arrival[j] > start)
            break;
        else if (s->arrival[j] > after)
            wait += start - s->arrival[j];
    return wait * s->terms.delay_price_per_commit_hour + (int128)s->terms.per_deploy * 3600;
}

/* Whether what a start takes is deployed within the limit. */
static bool in_time(const struct scene *s, int64_t after, int64_t start, int64_t end)
{
    for (size_t j = 0; s->terms.max_lead_s && j < s->count; j++)
        if (s->arrival[j] > after && s->arrival[j] <= start && end - s->arrival[j] > s->terms.max_lead_s)
            return false;
    return true;
}

static void lower(int128 *to, int128 cost)
{
    if (*to < 0 || cost < *to)
        *to = cost;
}

int128 support_plain_search(const struct scene *s, bool priced)
{
    struct search x = {.s = s};
    make_slots(&x, s->terms.bake_s + s->terms.boot_s);
    struct plain *p = mem_alloc(sizeof(*p));
    int128 best = -1;
    for (size_t i = 0; i < x.slots; i++)
        for (size_t r = 0; r < x.slots; r++)
            p->cost[i][r] = -1;
    for (size_t i = 0; i < x.slots; i++) {
        int64_t start = x.slot[i];
        if (in_time(s, INT64_MIN, start, plain_end(s, start, start)))
            lower(&p->cost[i][i], plain_wait(s, INT64_MIN, start) + plain_rental(s, start, start, priced));
        for (size_t r = 0; r <= i; r++) {
            int128 cost = p->cost[i][r];
            if (cost < 0)
                continue;
            if (start >= s->arrival[s->count - 1])
                lower(&best, cost);
            for (size_t next = i + 1; next < x.slots; next++) {
                int64_t to = x.slot[next];
                if (to < plain_end(s, start, x.slot[r]))
                    continue;
                int128 wait = plain_wait(s, start, to);
                if (in_time(s, start, to, plain_end(s, to, to)))
                    lower(&p->cost[next][next], cost + wait + plain_rental(s, to, to, priced));
                if (in_time(s, start, to, plain_end(s, to, x.slot[r])))
                    lower(&p->cost[next][r], cost + wait + plain_rental(s, x.slot[r], to, priced) -
                                                 plain_rental(s, x.slot[r], start, priced));
            }
        }
    }
    free(p);
    return best;
}

/* --- random scenes */

struct scene support_scene(struct philox *p, int64_t span, size_t most, bool by_second)
{
    struct scene s = {0};
    struct optimum_terms *t = &s.terms;
    int64_t quantum_s = by_second ? 1 : PICK(p, 1, 2, 3, 4, 5, 6, 7, 12);
    t->meter = (struct meter){quantum_s, by_second ? PICK(p, 1, 2, 3, 5, 8, 20) : quantum_s};
    t->bake_s = PICK(p, 0, 1, 1, 1, 2, 3, quantum_s, quantum_s + 1);
    t->boot_s = PICK(p, 0, 0, 1, 1, 2, 5, quantum_s);
    t->prelaunch = support_draw(p, 0, 1);
    t->grid_s = PICK(p, 1, 1, 1, 2, 3);
    t->price_per_hour = PICK(p, 0, 1, 1, 2, 3, 7);
    t->delay_price_per_commit_hour = PICK(p, 0, 1, 1, 2, 3, 10);
    t->per_deploy = PICK(p, 0, 0, 1); /* worth 3600 seconds */
    if (t->per_deploy) {
        t->price_per_hour *= PICK(p, 100, 600, 3600);
        t->delay_price_per_commit_hour *= PICK(p, 100, 600, 3600);
    }
    s.count = (size_t)support_draw(p, 1, (int64_t)most);
    int64_t at = support_draw(p, 0, 5) + PICK(p, 0, 1000000);
    int64_t left = span;
    for (size_t i = 0; i < s.count; i++) {
        int64_t gap = i ? support_draw(p, 0, PICK(p, 0, 1, 3, left)) : 0;
        gap = gap < left ? gap : left;
        left -= gap;
        at += gap;
        s.arrival[i] = at;
    }
    return s;
}

void support_periods(struct philox *p, struct scene *s)
{
    struct optimum_terms *t = &s->terms;
    int64_t span = s->arrival[s->count - 1] - s->arrival[0];
    t->pool_periods = (size_t)support_draw(p, 1, MAX_PERIODS);
    t->pool_quanta = PICK(p, 0, 1, 1, 2, 3, 5);
    int64_t at = s->arrival[0] - support_draw(p, 0, 4);
    for (size_t m = 0; m < t->pool_periods; m++) {
        s->period_from[m] = at;
        s->period_price[m] = PICK(p, 0, 1, 2, 3, t->price_per_hour);
        at += support_draw(p, 1, 2 + span * 2 / MAX_PERIODS);
    }
    t->pool_from_s = s->period_from;
}
