#include "sim/attempts_private.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define BATCH_MAX     ((size_t)1 << 20) /* commits whose waiting adds up in 63 bits */
#define WAIT_MAX      ((int64_t)1 << 60)
#define SELF_MADE     (RISK_BUILD | RISK_BAKE | RISK_BOOT | RISK_SMOKE)

static inline int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool attempts_quick_can(const struct attempts_engine *e)
{
    const struct policy *p = &e->d->policy;
    if (e->fleet || e->d->outlook)
        return false;
    if (p->trigger.kind == TRIGGER_AREA) /* its threshold must not depend on an instance that is kept */
        return p->keep.kind == KEEP_TERMINATE && e->d->launch_wait < WAIT_MAX;
    if (p->trigger.kind == TRIGGER_EVERY)
        return e->c->ready_s == e->c->arrival_s;
    return p->trigger.kind == TRIGGER_IDLE || p->trigger.kind == TRIGGER_WINDOW || p->trigger.kind == TRIGGER_COUNT ||
           p->trigger.kind == TRIGGER_TRAIN;
}

/* `area` without a kept instance: waiting must reach one threshold. The second before which it does not is found
 * commit by commit; instants count from the first one's arrival, so that products stay inside 63 bits. */
static inline int64_t area_start(const struct commits *c, size_t next, int64_t free_at, int64_t wait)
{
    int64_t base = c->arrival_s[next];
    int64_t from = later(free_at, c->ready_s[next]);
    int64_t sum = 0;
    size_t end = next + 1;
    size_t limit = c->count - next > BATCH_MAX ? next + BATCH_MAX : c->count;
    for (;;) {
        while (end < limit && c->ready_s[end] <= from)
            sum += c->arrival_s[end++] - base;
        int64_t pending = (int64_t)(end - next);
        if (end == limit || (c->ready_s[end] - 1 - base) * pending - sum >= wait)
            return later(from, base + (wait + sum + pending - 1) / pending);
        from = c->ready_s[end];
    }
}

ALWAYS_INLINE int64_t start_of(const struct attempts_engine *e, enum trigger_kind kind, size_t next, int64_t free_at)
{
    const struct commits *c = e->c;
    int64_t arg = e->d->policy.trigger.arg;
    if (kind == TRIGGER_AREA)
        return area_start(c, next, free_at, (int64_t)e->d->launch_wait);
    if (kind == TRIGGER_COUNT) {
        size_t last = next + (arg > 1 ? (size_t)arg - 1 : 0);
        return later(free_at, c->ready_s[last < c->count ? last : c->count - 1]);
    }
    int64_t start_s = later(free_at, policy_asked_start(kind, arg, c->ready_s[next]));
    if (kind == TRIGGER_TRAIN && start_s % arg)
        start_s += arg - start_s % arg;
    return start_s;
}

/* What the loop carries: apart from the engine, so that it stays in registers. */
struct hot {
    size_t next, deployments, delivered;
    int64_t free_at, launches;
    struct rental rental;
};

ALWAYS_INLINE bool use_instance(struct hot *hot, const struct decider *d, bool kept, int64_t bake_at)
{
    struct rental *r = &hot->rental;
    bool launch = !kept || bake_at >= r->kept_until;
    if (launch)
        r->begin = bake_at;
    r->open = true;
    r->busy_until = bake_at + d->terms.bake_s + (launch ? d->terms.boot_s : 0);
    if (kept)
        r->kept_until = policy_kept_until(d, r->begin, r->busy_until);
    return launch;
}

ALWAYS_INLINE void run(struct attempts_engine *e, enum trigger_kind kind, bool kept)
{
    const struct decider *d = e->d;
    const int64_t *restrict arrival_s = e->c->arrival_s;
    const int64_t *restrict ready_s = e->c->ready_s;
    int64_t *restrict lead_s = e->out->lead_s;
    const uint8_t *restrict bits = e->risks ? e->risks->bits : NULL;
    const struct risks *r = e->risks;
    size_t culprit = r && e->culprit < r->culprit_count ? r->culprits[e->culprit] : SIZE_MAX;
    size_t count = e->c->count;
    size_t room = e->out->start_cap;
    struct hot hot = {e->next, e->out->deployments, e->delivered, e->free_at, e->out->launches, e->rental};
    while (hot.next < count && hot.deployments < room && !(bits && (bits[hot.next] & SELF_MADE))) {
        struct hot before = hot;
        int64_t start_s = start_of(e, kind, hot.next, hot.free_at);
        if (start_s > INSTANT_MAX - POLICY_DURATION_MAX)
            break;
        bool launch = use_instance(&hot, d, kept, start_s + d->terms.prepare_s);
        hot.free_at = hot.rental.busy_until + d->terms.rollout_s;
        int64_t took_s = hot.free_at - start_s;
        size_t limit = count - hot.next > BATCH_MAX ? hot.next + BATCH_MAX : count;
        size_t end = hot.next;
        int64_t *to = lead_s + (hot.delivered - hot.next);
        int64_t waiting_s = 0;
        do {
            int64_t wait_s = start_s - arrival_s[end];
            to[end++] = wait_s + took_s;
            waiting_s += wait_s;
        } while (kind != TRIGGER_EVERY && end < limit && ready_s[end] <= start_s);
        if (culprit < end || end - hot.next == BATCH_MAX) {
            hot = before;
            break;
        }
        if (start_s >= e->month_end)
            attempts_open_month(e, start_s);
        int64_t batch = (int64_t)(end - hot.next);
        e->month.commits += batch;
        e->month.deployments++;
        e->month.waiting_s += waiting_s;
        e->month.lead_s += waiting_s + batch * took_s;
        e->out->start[hot.deployments++] = start_s * 2 + launch;
        hot.launches += launch;
        hot.delivered += (size_t)batch;
        hot.next = end;
    }
    e->went->attempts += (int64_t)(hot.deployments - e->out->deployments);
    e->next = hot.next;
    e->out->deployments = hot.deployments;
    e->delivered = hot.delivered;
    e->free_at = hot.free_at;
    e->out->launches = hot.launches;
    e->rental = hot.rental;
}

ALWAYS_INLINE void run_kind(struct attempts_engine *e, enum trigger_kind kind)
{
    if (e->d->policy.keep.kind == KEEP_TERMINATE)
        run(e, kind, false);
    else
        run(e, kind, true);
}

void attempts_quick(struct attempts_engine *e)
{
    switch (e->d->policy.trigger.kind) {
    case TRIGGER_EVERY:
        run_kind(e, TRIGGER_EVERY);
        break;
    case TRIGGER_IDLE:
        run_kind(e, TRIGGER_IDLE);
        break;
    case TRIGGER_COUNT:
        run_kind(e, TRIGGER_COUNT);
        break;
    case TRIGGER_WINDOW:
        run_kind(e, TRIGGER_WINDOW);
        break;
    case TRIGGER_TRAIN:
        run_kind(e, TRIGGER_TRAIN);
        break;
    default:
        run_kind(e, TRIGGER_AREA);
    }
}
