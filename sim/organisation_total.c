/* What organisation.h found, added up over its services. */
#include "sim/organisation_report.h"

#include <assert.h>

static int128 above(int128 value, int128 limit)
{
    return value > limit ? value - limit : 0;
}

/* Of what the deployments used, the seconds that the reservations cover; the undisturbed fleet draws first. */
static int128 covered_in(int128 used_s, int128 base_s, int128 capacity_s)
{
    return used_s - base_s - (above(used_s, capacity_s) - above(base_s, capacity_s));
}

static int64_t base_at(const struct hours *base, int64_t hour)
{
    int64_t at = hour - base->first;
    return at >= 0 && at < (int64_t)base->count ? base->seconds[at] : 0;
}

/* By the hour of the clock, or by the month: prepaid hours that a month's end finds are gone. */
static int128 covered_s(const struct organisation *o, size_t p)
{
    const struct hours *used = &o->used[p];
    const struct hours *base = &o->base[p];
    bool pool = o->reserved_model == MODEL_POOL;
    int64_t capacity_s = o->reserved * (pool ? POOL_MONTH_S : SECONDS_PER_HOUR);
    int128 sum = 0;
    for (size_t h = 0; h < used->count;) {
        int64_t hour = used->first + (int64_t)h;
        int64_t end =
            pool ? calendar_month_start(calendar_month(hour * SECONDS_PER_HOUR) + 1) / SECONDS_PER_HOUR : hour + 1;
        int128 used_s = 0;
        int128 base_s = 0;
        for (; h < used->count && hour < end; h++, hour++) {
            used_s += used->seconds[h];
            base_s += base_at(base, hour);
        }
        sum += covered_in(used_s, base_s, capacity_s);
    }
    return sum;
}

size_t organisation_choice(const struct organisation *o, const struct org_service *s, size_t policy)
{
    if (policy < o->policies.count)
        return policy;
    return s->best < 0 ? o->idle : (size_t)s->best;
}

void organisation_span(const struct organisation *o, instant_t *from, instant_t *to)
{
    *from = INSTANT_MAX;
    *to = INSTANT_MIN;
    for (size_t i = 0; i < o->count; i++) {
        const struct org_service *s = &o->services[i];
        if (!s->figures)
            continue;
        *from = s->span_from < *from ? s->span_from : *from;
        *to = s->span_to > *to ? s->span_to : *to;
    }
}

int128 organisation_month(int128 money, instant_t from, instant_t to)
{
    int64_t span_s = to - from > SECONDS_PER_DAY ? to - from : SECONDS_PER_DAY;
    return num_div_half_even(money * SECONDS_PER_MONTH, span_s);
}

static bool fits(int128 value)
{
    return value <= INT64_MAX && value >= -(int128)INT64_MAX;
}

/* What is added up over services, before it is known whether that is too much. */
struct sum {
    int128 deployments, launches, billed_s, commits, money, waiting, cost;
};

static void add_service(struct org_total *t, struct sum *sum, const struct org_service *s, size_t p, size_t at)
{
    const struct org_figures *f = &s->figures[p];
    t->services++;
    t->within += f->within;
    t->best += s->best == (int64_t)p;
    t->lead_s += f->lead_s;
    if (f->lead_p95_s > t->worst_p95_s || t->services == 1) {
        t->worst_p95_s = f->lead_p95_s;
        t->worst = at;
    }
    sum->deployments += f->deployments;
    sum->launches += f->launches;
    sum->billed_s += f->billed_s;
    sum->commits += f->commits;
    sum->money += f->money;
    sum->waiting += f->waiting;
    sum->cost += f->cost;
}

/* false: one of them is too much. */
static bool take_sum(struct org_total *t, const struct sum *sum)
{
    const struct {
        int64_t *to;
        int128 value;
    } all[] = {{&t->deployments, sum->deployments},
               {&t->launches, sum->launches},
               {&t->billed_s, sum->billed_s},
               {&t->commits, sum->commits},
               {&t->money, sum->money},
               {&t->waiting, sum->waiting},
               {&t->cost, sum->cost}};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        if (!fits(all[i].value))
            return false;
        *all[i].to = (int64_t)all[i].value;
    }
    return true;
}

/* Takes off what the shared hours cover, and brings the rest to a month. */
static bool take_reserved(struct org_total *t, const struct organisation *o, size_t policy)
{
    int128 covered = o->reserved ? covered_s(o, policy) : 0;
    assert(fits(covered)); /* of each hour at most what is reserved, less what the fleet alone would take of it */
    int128 saved = num_div_half_even(covered * o->price_per_hour, SECONDS_PER_HOUR);
    int128 money = t->money - saved;
    int128 cost = t->cost - saved;
    if (!fits(saved) || !fits(money) || !fits(cost))
        return false;
    instant_t from;
    instant_t to;
    organisation_span(o, &from, &to);
    int128 per_month = organisation_month(money, from, to);
    if (!fits(per_month))
        return false;
    t->money = (money_t)money;
    t->cost = (money_t)cost;
    t->saved = (money_t)saved;
    t->covered_s = (int64_t)covered;
    t->per_month = (money_t)per_month;
    return true;
}

int organisation_total(const struct organisation *o, size_t policy, struct org_total *out, struct err *err)
{
    struct org_total t = {0};
    struct sum sum = {0};
    for (size_t i = 0; i < o->count; i++) {
        const struct org_service *s = &o->services[i];
        if (s->figures)
            add_service(&t, &sum, s, organisation_choice(o, s, policy), i);
    }
    if (!take_sum(&t, &sum) || !take_reserved(&t, o, policy))
        return err_set(err, EXIT_INPUT,
                       "the organisation's figures add up to more than 900 million USD or 9 * 10^18 seconds; are the "
                       "prices right?");
    *out = t;
    return 0;
}
