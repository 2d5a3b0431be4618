#include "scheduler/shadow.h"

#include <assert.h>

void shadow_init(struct shadow *s, const struct decider *d, size_t from)
{
    *s = (struct shadow){.d = d, .next = from, .heard = from, .free_at = INSTANT_MIN};
}

void shadow_hear(struct shadow *s, const instant_t *at_s, size_t count)
{
    while (s->heard < count) {
        arrivals_hear(&s->mood, at_s[s->heard]);
        s->arrival_sum += at_s[s->heard++];
    }
}

struct pending shadow_pending(const struct shadow *s, const instant_t *at_s)
{
    assert(s->next < s->heard);
    return (struct pending){(int64_t)(s->heard - s->next), at_s[s->next], s->arrival_sum};
}

static double waiting_price(const struct shadow *s, double commit_s)
{
    return (double)s->d->terms.delay_price_per_commit_hour * commit_s / SECONDS_PER_HOUR;
}

/* The money of a deployment that adds so many billed seconds. */
static double deployment_price(const struct shadow *s, int64_t billed_s, bool reuses)
{
    const struct terms *t = &s->d->terms;
    return (double)t->per_deploy + (double)t->price_per_hour * (double)billed_s / SECONDS_PER_HOUR +
           (reuses ? 0 : (double)t->launch_cost);
}

static void use_instance(struct shadow *s, instant_t start)
{
    const struct decider *d = s->d;
    const struct terms *t = &d->terms;
    bool reuses = policy_reuses(&s->rental, start + t->prepare_s);
    int64_t billed_s = policy_marginal_s(d, &s->rental, start);
    s->billed_s += billed_s;
    s->spent += deployment_price(s, billed_s, reuses);
    if (!reuses)
        s->rental.begin = start + t->prepare_s;
    s->rental.open = true;
    s->rental.busy_until = start + t->prepare_s + (reuses ? 0 : t->boot_s) + t->bake_s;
    s->rental.kept_until = policy_kept_until(d, s->rental.begin, s->rental.busy_until);
    s->free_at = s->rental.busy_until + t->rollout_s;
}

void shadow_deploy(struct shadow *s, const instant_t *at_s, instant_t start)
{
    size_t first = s->next;
    int128 sum = 0;
    while (s->next < s->heard && at_s[s->next] <= start)
        sum += at_s[s->next++];
    s->arrival_sum -= sum;
    s->spent += waiting_price(s, (double)((int128)(s->next - first) * start - sum));
    s->deployments++;
    use_instance(s, start);
}

static instant_t ask(const struct shadow *s, instant_t ready, const struct pending *p)
{
    return s->fire ? s->fire(s, s->context, ready, p) : policy_fire_at(s->d, ready, p, &s->rental);
}

void shadow_advance(struct shadow *s, const instant_t *at_s, size_t count, instant_t now)
{
    while (s->next < count) {
        instant_t ready = s->free_at > at_s[s->next] ? s->free_at : at_s[s->next];
        if (ready > now)
            break;
        size_t known = s->heard > s->next ? s->heard : s->next;
        while (known < count && at_s[known] <= ready)
            known++;
        shadow_hear(s, at_s, known);
        if (at_s[known - 1] > ready)
            ready = at_s[known - 1]; /* asked again where it was left */
        struct pending p = shadow_pending(s, at_s);
        instant_t fire = ask(s, ready, &p);
        while (s->heard < count && at_s[s->heard] < fire) {
            ready = at_s[s->heard];
            size_t end = s->heard;
            while (end < count && at_s[end] == ready)
                end++;
            shadow_hear(s, at_s, end);
            p = shadow_pending(s, at_s);
            fire = ask(s, ready, &p);
        }
        if (fire > now)
            break;
        size_t end = s->heard;
        while (end < count && at_s[end] <= fire)
            end++;
        shadow_hear(s, at_s, end);
        shadow_deploy(s, at_s, fire);
    }
    shadow_hear(s, at_s, count);
}

double shadow_cost(const struct shadow *s, instant_t now)
{
    return s->spent + waiting_price(s, (double)((int128)(s->heard - s->next) * now - s->arrival_sum));
}

double shadow_cost_due(const struct shadow *s, instant_t now)
{
    if (s->next == s->heard)
        return shadow_cost(s, now);
    instant_t at = now > s->free_at ? now : s->free_at;
    bool reuses = policy_reuses(&s->rental, at + s->d->terms.prepare_s);
    return shadow_cost(s, now) + deployment_price(s, policy_marginal_s(s->d, &s->rental, at), reuses);
}
