/*
 * Instance refreshes: members are replaced a few at a time, never fewer healthy ones than MinHealthyPercentage, each
 * batch only when the one before is in service and warm. A refresh that gets nowhere for an hour fails; with
 * AutoRollback it goes back to what the group had. The group takes the desired configuration over when the refresh has
 * succeeded. Source: Auto Scaling user guide, "Instance refresh".
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

#define PATIENCE_MS ((int64_t)3600 * 1000)
#define KEEP_MS     ((int64_t)42 * 86400 * 1000)

struct sc_refresh *sc_refresh_active(const struct sc_group *g)
{
    return *g->refresh ? sc_find(g->o.place->cloud, g->o.place, SC_REFRESH, g->refresh) : NULL;
}

static bool rolling_back(const struct sc_refresh *r)
{
    return r->o.state == REFRESH_ROLLING_BACK;
}

void sc_refresh_wants(const struct sc_refresh *r, const char **template_id, const char **template_version,
                      const char **launch_config)
{
    bool back = rolling_back(r);
    const char *id = back ? r->old_template_id : r->template_id;
    const char *config = back ? r->old_launch_config : r->launch_config;
    if (!*id && !*config)
        return;
    *template_id = id;
    *template_version = back ? r->old_template_version : r->template_version;
    *launch_config = config;
}

static bool matches(const struct sc_refresh *r, const struct sc_group *g, const struct sc_instance *i)
{
    const char *id = g->template_id;
    const char *version = g->template_version;
    const char *config = g->launch_config;
    sc_refresh_wants(r, &id, &version, &config);
    if (*config)
        return strcmp(i->launch_config, config) == 0;
    const struct sc_template *t = sc_template_find(g->o.place->cloud, g->o.place, id, NULL);
    const struct sc_version *v = t ? sc_version_find(t, version) : NULL;
    char number[24] = "";
    if (v)
        (void)snprintf(number, sizeof(number), "%lld", (long long)v->version);
    return strcmp(i->template_id, id) == 0 && strcmp(i->template_version, number) == 0;
}

static bool stays(const struct sc_instance *i)
{
    return i->lifecycle == MEMBER_PENDING || i->lifecycle == MEMBER_IN_SERVICE;
}

static bool to_replace(const struct sc_refresh *r, const struct sc_group *g, const struct sc_instance *i)
{
    if (i->group != g->o.name || !stays(i))
        return false;
    if (rolling_back(r))
        return !matches(r, g, i);
    return i->o.number < r->o.number && !(r->skip_matching && matches(r, g, i));
}

static int64_t warm_ms(const struct sc_refresh *r, const struct sc_instance *i)
{
    bool new_one = i->o.number > r->o.number;
    return i->in_service_ms + (new_one ? r->warmup_s * 1000 : 0);
}

struct tally {
    int64_t old, healthy, moving, next_warm_ms;
};

static struct tally tally_of(const struct sc_refresh *r, const struct sc_group *g)
{
    int64_t now = g->o.place->cloud->now_ms;
    struct tally t = {.next_warm_ms = SIMCLOUD_NEVER};
    SC_EACH(sc_instance, i, g->o.place, SC_INSTANCE)
    {
        if (i->group != g->o.name || i->lifecycle == MEMBER_STANDBY)
            continue;
        t.old += to_replace(r, g, i);
        bool warm = i->lifecycle == MEMBER_IN_SERVICE && warm_ms(r, i) <= now;
        bool served = !g->elb_health || g->target_groups.count == 0 ||
                      sc_targets_view(g->o.place->cloud, i, &g->target_groups) == TARGETS_HEALTHY;
        if (warm && served && !i->unhealthy)
            t.healthy++;
        else
            t.moving++;
        if (i->lifecycle == MEMBER_IN_SERVICE && !warm && warm_ms(r, i) < t.next_warm_ms)
            t.next_warm_ms = warm_ms(r, i);
    }
    return t;
}

int64_t sc_refresh_surge(const struct sc_group *g)
{
    const struct sc_refresh *r = sc_refresh_active(g);
    if (!r || r->max_healthy <= 100 || r->o.state == REFRESH_PENDING)
        return 0;
    int64_t most = g->desired * (r->max_healthy - 100) / 100;
    int64_t old = tally_of(r, g).old;
    most = most > 0 ? most : 1;
    return old < most ? old : most;
}

static void finish(struct simcloud *cloud, struct sc_group *g, struct sc_refresh *r, int state, const char *reason)
{
    sc_step(cloud, &r->o, state, reason);
    r->reason = sc_intern(cloud, reason);
    r->ended_ms = cloud->now_ms;
    g->refresh = cloud->empty;
    sc_timer_set(cloud, &r->o, SC_STATE_TIMER, cloud->now_ms + KEEP_MS);
    if (state != REFRESH_SUCCESSFUL || (!*r->template_id && !*r->launch_config))
        return;
    g->template_id = r->template_id;
    g->template_name = r->template_name;
    g->template_version = r->template_version;
    g->launch_config = r->launch_config;
}

void sc_refresh_roll_back(struct simcloud *cloud, struct sc_group *g, struct sc_refresh *r, const char *reason)
{
    sc_step(cloud, &r->o, REFRESH_ROLLING_BACK, reason);
    r->rollback_reason = sc_intern(cloud, reason);
    r->rollback_ms = r->progress_ms = cloud->now_ms;
    r->healthy_before = 0;
    r->checkpoint_until_ms = 0;
    sc_group_look_at(cloud, g, cloud->now_ms);
}

static void give_up(struct simcloud *cloud, struct sc_group *g, struct sc_refresh *r)
{
    const char *why = "Replacement instances did not become healthy within one hour.";
    if (rolling_back(r))
        finish(cloud, g, r, REFRESH_ROLLBACK_FAILED, why);
    else if (r->auto_rollback)
        sc_refresh_roll_back(cloud, g, r, why);
    else
        finish(cloud, g, r, REFRESH_FAILED, why);
}

int64_t sc_refresh_percent(const struct sc_refresh *r, const struct sc_group *g)
{
    if (r->ended_ms || r->total == 0)
        return r->o.state == REFRESH_SUCCESSFUL ? 100 : r->last_percent;
    int64_t left = tally_of(r, g).old;
    return left >= r->total ? 0 : (r->total - left) * 100 / r->total;
}

/* True while a checkpoint holds the refresh. */
static bool held(struct simcloud *cloud, struct sc_refresh *r, int64_t percent)
{
    if (r->checkpoint_until_ms > cloud->now_ms)
        return true;
    while (!rolling_back(r) && (size_t)r->checkpoint_next < r->checkpoints.count) {
        int64_t at = 0;
        for (const char *digit = r->checkpoints.items[r->checkpoint_next]; *digit; digit++)
            at = at * 10 + *digit - '0';
        if (percent < at)
            return false;
        r->checkpoint_next++;
        if (at < 100) {
            r->checkpoint_until_ms = cloud->now_ms + r->checkpoint_delay_s * 1000;
            return true;
        }
    }
    return false;
}

static void replace_some(struct simcloud *cloud, struct sc_group *g, struct sc_refresh *r, const struct tally *t)
{
    int64_t floor_count = (g->desired * r->min_healthy + 99) / 100;
    int64_t may = t->healthy - floor_count;
    if (may <= 0 && t->moving == 0 && r->max_healthy <= 100)
        may = 1; /* what cannot be kept is kept as nearly as one at a time allows */
    struct sc_instance *after;
    for (struct sc_instance *i = (struct sc_instance *)g->o.place->first[SC_INSTANCE]; i && may > 0; i = after) {
        after = (struct sc_instance *)i->o.next;
        if (!to_replace(r, g, i) || i->protected_in)
            continue;
        may--;
        sc_member_leave(cloud, g, i, MEMBER_TERMINATING,
                        arena_textf(&cloud->scratch,
                                    "At %s an instance was taken out of service in response to an instance refresh.",
                                    sc_at(cloud)));
    }
}

static void wake_at(struct simcloud *cloud, struct sc_refresh *r, const struct tally *t)
{
    int64_t at = r->progress_ms + PATIENCE_MS;
    at = t->next_warm_ms < at ? t->next_warm_ms : at;
    if (r->checkpoint_until_ms > cloud->now_ms && r->checkpoint_until_ms < at)
        at = r->checkpoint_until_ms;
    sc_timer_set(cloud, &r->o, SC_STATE_TIMER, at);
}

static void work(struct simcloud *cloud, struct sc_group *g, struct sc_refresh *r)
{
    struct tally t = tally_of(r, g);
    if (r->total == 0)
        r->total = t.old;
    r->last_percent = sc_refresh_percent(r, g);
    int64_t done = r->total - t.old + t.healthy;
    if (done > r->healthy_before) {
        r->progress_ms = cloud->now_ms;
        r->healthy_before = done;
    }
    bool whole = sc_group_capacity(g) == g->desired + 0;
    if (t.old == 0 && t.moving == 0 && (whole || r->max_healthy > 100)) {
        finish(cloud, g, r, rolling_back(r) ? REFRESH_ROLLED_BACK : REFRESH_SUCCESSFUL, "");
        return;
    }
    if (cloud->now_ms - r->progress_ms >= PATIENCE_MS) {
        give_up(cloud, g, r);
        return;
    }
    bool batch_over = t.moving == 0 || t.healthy > (g->desired * r->min_healthy + 99) / 100;
    if (t.old > 0 && batch_over && !held(cloud, r, r->last_percent))
        replace_some(cloud, g, r, &t);
    wake_at(cloud, r, &t);
}

void sc_refresh_look(struct simcloud *cloud, struct sc_group *g)
{
    struct sc_refresh *r = sc_refresh_active(g);
    if (!r || sc_group_suspended(g, PROCESS_INSTANCE_REFRESH))
        return;
    if (r->o.state == REFRESH_CANCELLING) {
        finish(cloud, g, r, REFRESH_CANCELLED, "Cancelled due to user request.");
        return;
    }
    if (r->o.state == REFRESH_PENDING) {
        sc_step(cloud, &r->o, REFRESH_IN_PROGRESS, g->o.name);
        r->started_ms = r->progress_ms = cloud->now_ms;
    }
    work(cloud, g, r);
}

void sc_refresh_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)which;
    struct sc_refresh *r = (struct sc_refresh *)o;
    if (r->ended_ms) {
        sc_free_object(cloud, o);
        return;
    }
    struct sc_group *g = sc_find_named(o->place, SC_GROUP, r->group);
    if (g)
        sc_group_look_at(cloud, g, cloud->now_ms);
}
