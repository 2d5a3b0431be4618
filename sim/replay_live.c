#include "sim/replay_live.h"

#include <assert.h>

#include "base/mem.h"
#include "scheduler/outlook.h"

/* Where the pipeline is. */
struct state {
    size_t next, heard; /* the oldest commit that is not deployed, the first that is not heard */
    int64_t free_at;
    struct rental rental;
    int128 arrival_sum; /* of those pending */
    instant_t oldest;
};

static void hear(struct state *s, const struct commits *c, int64_t until)
{
    while (s->heard < c->count && c->ready_s[s->heard] <= until)
        s->arrival_sum += c->arrival_s[s->heard++];
}

/* When the next deployment starts; the commits ready by then are heard. */
static int64_t find_start(struct state *s, const struct commits *c, const struct decider *d)
{
    int64_t ready = c->ready_s[s->next];
    int64_t from = s->free_at > ready ? s->free_at : ready;
    for (;;) {
        hear(s, c, from);
        outlook_hear(d->outlook, c->ready_s, s->heard, from);
        struct pending p = {(int64_t)(s->heard - s->next), ready, s->arrival_sum};
        int64_t fire = policy_fire_at(d, from, &p, &s->rental);
        assert(fire >= from);
        if (s->heard == c->count || c->ready_s[s->heard] >= fire) {
            hear(s, c, fire);
            outlook_hear(d->outlook, c->ready_s, s->heard, fire);
            return fire;
        }
        from = c->ready_s[s->heard];
    }
}

static bool use_instance(struct state *s, const struct decider *d, int64_t start)
{
    const struct terms *t = &d->terms;
    int64_t bake_at = start + t->prepare_s;
    bool launches = !policy_reuses(&s->rental, bake_at);
    if (launches)
        s->rental.begin = bake_at;
    s->rental.open = true;
    s->rental.busy_until = bake_at + t->bake_s + (launches ? t->boot_s : 0);
    s->rental.kept_until = policy_kept_until(d, s->rental.begin, s->rental.busy_until);
    s->free_at = s->rental.busy_until + t->rollout_s;
    return launches;
}

static struct replay_month *month_of(struct replay *r, int64_t start)
{
    int month = calendar_month(start);
    if (r->month_count && r->months[r->month_count - 1].month == month)
        return &r->months[r->month_count - 1];
    r->months = mem_grow(r->months, &r->month_cap, r->month_count + 1, sizeof(*r->months));
    r->months[r->month_count] = (struct replay_month){.month = month};
    return &r->months[r->month_count++];
}

static void book(struct replay *r, struct state *s, const struct commits *c, int64_t start, bool launches)
{
    int64_t batch = (int64_t)(s->heard - s->next);
    struct replay_month *m = month_of(r, start);
    int128 waiting_s = (int128)batch * start - s->arrival_sum;
    m->commits += batch;
    m->deployments++;
    m->waiting_s += waiting_s;
    m->lead_s += waiting_s + (int128)batch * (s->free_at - start);
    r->start[r->deployments++] = start * 2 + launches;
    r->launches += launches;
    for (; s->next < s->heard; s->next++)
        r->lead_s[s->next] = s->free_at - c->arrival_s[s->next];
    s->arrival_sum = 0;
}

static int run(struct replay *r, const struct decider *d, const struct commits *c, struct err *err)
{
    struct state s = {.free_at = INSTANT_MIN};
    while (s.next < c->count) {
        int64_t start = find_start(&s, c, d);
        if (start > INSTANT_MAX - POLICY_DURATION_MAX)
            return err_set(err, EXIT_INPUT, "deployments would go on beyond the year 9900; are the durations right?");
        outlook_started(d->outlook, start);
        bool launches = use_instance(&s, d, start);
        book(r, &s, c, start, launches);
    }
    for (size_t m = 0; m < r->month_count; m++) {
        r->waiting_s += r->months[m].waiting_s;
        r->lead_sum_s += r->months[m].lead_s;
    }
    if (s.rental.kept_until > INSTANT_MAX - POLICY_DURATION_MAX)
        return err_set(err, EXIT_INPUT, "deployments would go on beyond the year 9900; are the durations right?");
    return 0;
}

int replay_live(struct replay *r, const struct decider *d, const struct commits *c, struct err *err)
{
    if (d->outlook)
        return run(r, d, c, err);
    struct outlook *o = NULL;
    int code = outlook_new(&o, d, err);
    if (!code) {
        outlook_look_ahead(o, c->ready_s, c->count);
        code = run(r, outlook_decider(o), c, err);
    }
    outlook_free(o);
    return code;
}
