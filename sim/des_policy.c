/* Policies and bake instances in the discrete-event core: see des_private.h. */
#include "sim/des_private.h"

#define LONG_AGO (INT64_MIN / 4)

static int64_t seconds_up(int64_t us)
{
    return us / DES_SECOND + (us % DES_SECOND > 0);
}

/* Of the free servers the one whose bake instance is kept the longest; DES_NOBODY when all are busy. */
int32_t des_server_take(struct des_engine *e)
{
    int32_t best = DES_NOBODY;
    for (int64_t i = 0; i < e->model->stages[0].servers; i++) {
        const struct des_server *s = &e->servers[i];
        if (!s->busy && (best < 0 || s->rental.kept_until > e->servers[best].rental.kept_until))
            best = (int32_t)i;
    }
    return best;
}

void des_policy_look(struct des_engine *e)
{
    int32_t free_one = e->pending ? des_server_take(e) : DES_NOBODY;
    e->decide_at = DES_NEVER;
    if (free_one < 0)
        return;
    const struct des_server *s = &e->servers[free_one];
    int64_t now_s = seconds_up(e->now_us);
    int64_t from = s->free_s > now_s ? s->free_s : now_s;
    const struct commits *history = e->options->history;
    int64_t oldest =
        history ? history->ready_s[e->pending_first] : seconds_up(e->own_us[e->pending_first & e->own_mask]);
    struct pending p = {e->pending, oldest, e->pending_sum_us / DES_SECOND};
    int64_t at = policy_fire_at(&e->decider, from, &p, &s->rental);
    if (at == POLICY_NEVER && e->arrived == e->total && e->decider.policy.trigger.kind == TRIGGER_COUNT)
        at = from;
    if (at < POLICY_NEVER / DES_SECOND)
        e->decide_at = at * DES_SECOND > e->now_us ? at * DES_SECOND : e->now_us;
}

static int64_t push_size(const struct des_engine *e)
{
    const struct commits *history = e->options->history;
    int64_t count = 1;
    if (history && history->ready_s != history->arrival_s)
        while (count < e->pending && history->ready_s[e->pending_first + count] == history->ready_s[e->pending_first])
            count++;
    return count;
}

void des_policy_act(struct des_engine *e)
{
    des_close(e, e->decider.policy.trigger.kind == TRIGGER_EVERY ? push_size(e) : e->pending);
}

static void bill(struct des_engine *e, const struct rental *r)
{
    e->out->instance_billed_s += policy_rental_billed_s(&e->decider, r->begin, r->busy_until);
}

bool des_instance_acquire(struct des_engine *e, struct des_deployment *d)
{
    struct rental *r = &e->servers[d->server].rental;
    int64_t at = e->now_us / DES_SECOND;
    bool launch = !policy_reuses(r, at);
    d->has_instance = true;
    if (!launch)
        return false;
    if (r->open)
        bill(e, r);
    *r = (struct rental){.open = true, .begin = at, .busy_until = at, .kept_until = at};
    e->out->launches++;
    return true;
}

void des_instance_release(struct des_engine *e, struct des_deployment *d)
{
    struct rental *r = &e->servers[d->server].rental;
    d->has_instance = false;
    r->busy_until = seconds_up(e->now_us);
    if (e->decider.policy.keep.kind != KEEP_TERMINATE) {
        r->kept_until = policy_kept_until(&e->decider, r->begin, r->busy_until);
        return;
    }
    bill(e, r);
    *r = (struct rental){.kept_until = LONG_AGO};
}

void des_rentals_close(struct des_engine *e)
{
    for (int64_t i = 0; i < e->model->stages[0].servers; i++)
        if (e->servers[i].rental.open)
            bill(e, &e->servers[i].rental);
}
