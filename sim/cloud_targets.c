/*
 * The targets of a load balancer: registered, checked, drained. A check asks the guest itself. Checks come at
 * `first + k x interval`; those that cannot change anything (the guest has not changed since the one before, and the
 * counts are full) are not run one by one, which makes no difference to what anyone can see.
 * Source: ELB user guide, "Health checks for target groups" (a first success makes healthy at once).
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

struct sc_target *sc_target_find(const struct simcloud *cloud, const struct sc_target_group *tg, const char *instance,
                                 int64_t port)
{
    (void)cloud;
    SC_EACH(sc_target, t, tg->o.place, SC_TARGET)
    if (t->target_group == tg->o.id && (port == 0 || t->port == port) && strcmp(t->instance, instance) == 0 &&
        t->o.state != TARGET_GONE)
        return t;
    return NULL;
}

static void next_check(struct simcloud *cloud, struct sc_target *t, const struct sc_target_group *tg)
{
    int64_t interval_ms = tg->interval_s * 1000;
    int64_t next = t->first_ms;
    if (next <= cloud->now_ms)
        next += ((cloud->now_ms - t->first_ms) / interval_ms + 1) * interval_ms;
    sc_timer_set(cloud, &t->o, SC_STATE_TIMER, next);
}

static void begin_checks(struct simcloud *cloud, struct sc_target *t, const struct sc_target_group *tg)
{
    t->passes = t->fails = 0;
    t->first_ms = cloud->now_ms +
                  (cloud->at_once ? 0 : 1000 + (int64_t)sc_draw_below(cloud, &t->o, (uint64_t)tg->interval_s * 1000));
    if (cloud->at_once)
        sc_step(cloud, &t->o, TARGET_HEALTHY, t->instance);
    else
        sc_timer_set(cloud, &t->o, SC_STATE_TIMER, t->first_ms);
}

void sc_target_register(struct simcloud *cloud, struct sc_target_group *tg, struct sc_instance *i, int64_t port)
{
    struct sc_target *t = sc_target_find(cloud, tg, i->o.id, port);
    if (t && t->o.state == TARGET_DRAINING) {
        sc_step(cloud, &t->o, TARGET_INITIAL, t->instance);
        begin_checks(cloud, t, tg);
    }
    if (t)
        return;
    t = sc_new(cloud, tg->o.place, SC_TARGET, sc_internf(cloud, "%s %s %lld", tg->o.id, i->o.id, (long long)port), "");
    t->target_group = tg->o.id;
    t->instance = i->o.id;
    t->port = port;
    sc_trace(cloud, &t->o, "target", "", "initial", i->o.id);
    begin_checks(cloud, t, tg);
}

static void leave(struct simcloud *cloud, struct sc_target *t)
{
    sc_step(cloud, &t->o, TARGET_GONE, t->instance);
    struct sc_instance *i = sc_find(cloud, t->o.place, SC_INSTANCE, t->instance);
    sc_free_object(cloud, &t->o);
    if (i)
        sc_group_target_changed(cloud, i);
}

/* A target that serves drains for the whole delay; one that does not has nothing to wait for. */
void sc_target_deregister(struct simcloud *cloud, struct sc_target *t)
{
    if (t->o.state == TARGET_DRAINING)
        return;
    const struct sc_target_group *tg = sc_find(cloud, t->o.place, SC_TARGET_GROUP, t->target_group);
    bool serves = t->o.state == TARGET_HEALTHY;
    sc_step(cloud, &t->o, TARGET_DRAINING, t->instance);
    t->drained_ms = cloud->now_ms + (serves && tg ? tg->drain_s * 1000 : 0);
    sc_timer_set(cloud, &t->o, SC_STATE_TIMER, t->drained_ms);
}

bool sc_target_matches(const char *matcher, int status)
{
    for (const char *at = matcher; *at;) {
        char *end;
        long low = strtol(at, &end, 10);
        long high = low;
        if (*end == '-')
            high = strtol(end + 1, &end, 10);
        if (status >= low && status <= high)
            return true;
        if (end == at)
            return false;
        at = end + (*end == ',');
    }
    return false;
}

static int64_t check_port(const struct sc_target *t, const struct sc_target_group *tg)
{
    int64_t port;
    if (strcmp(tg->health_port, "traffic-port") == 0 || num_i64(tg->health_port, strlen(tg->health_port), &port))
        return t->port;
    return port;
}

static bool probe(struct sc_target *t, const struct sc_target_group *tg, const struct sc_instance *i)
{
    t->status = 0;
    if (!i || i->o.state != INSTANCE_RUNS || !i->guest)
        return false;
    t->status = guest_probe(i->guest, (uint16_t)check_port(t, tg), tg->health_path);
    if (strcmp(tg->health_protocol, "TCP") == 0)
        return t->status > 0;
    return sc_target_matches(tg->matcher, (int)t->status);
}

static void to(struct simcloud *cloud, struct sc_target *t, int state, struct sc_instance *i)
{
    if (t->o.state == state)
        return;
    sc_step(cloud, &t->o, state, t->instance);
    if (i)
        sc_group_target_changed(cloud, i);
}

static void run_check(struct simcloud *cloud, struct sc_target *t)
{
    const struct sc_target_group *tg = sc_find(cloud, t->o.place, SC_TARGET_GROUP, t->target_group);
    struct sc_instance *i = sc_find(cloud, t->o.place, SC_INSTANCE, t->instance);
    assert(tg);
    bool pass = probe(t, tg, i);
    t->passes = pass ? t->passes + 1 : 0;
    t->fails = pass ? 0 : t->fails + 1;
    if (pass && (t->o.state == TARGET_INITIAL || t->passes >= tg->healthy_threshold))
        to(cloud, t, TARGET_HEALTHY, i);
    if (!pass && t->fails >= tg->unhealthy_threshold)
        to(cloud, t, TARGET_UNHEALTHY, i);
    bool settled = pass ? t->o.state == TARGET_HEALTHY : t->o.state == TARGET_UNHEALTHY;
    if (!settled)
        next_check(cloud, t, tg);
}

void sc_target_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)which;
    struct sc_target *t = (struct sc_target *)o;
    if (o->state == TARGET_DRAINING)
        leave(cloud, t);
    else if (o->state != TARGET_UNUSED)
        run_check(cloud, t);
}

void sc_targets_instance_changed(struct simcloud *cloud, struct sc_instance *i)
{
    if (i->o.place->counts[SC_TARGET] == 0)
        return;
    struct sc_target *after;
    for (struct sc_target *t = (struct sc_target *)i->o.place->first[SC_TARGET]; t; t = after) {
        after = (struct sc_target *)t->o.next;
        if (t->instance != i->o.id)
            continue;
        const struct sc_target_group *tg = sc_find(cloud, t->o.place, SC_TARGET_GROUP, t->target_group);
        bool live = i->o.state == INSTANCE_RUNS || i->o.state == INSTANCE_IS_PENDING;
        if (i->o.state == INSTANCE_GONE) {
            leave(cloud, t);
        } else if (!live && t->o.state != TARGET_UNUSED && t->o.state != TARGET_DRAINING) {
            sc_step(cloud, &t->o, TARGET_UNUSED, t->instance);
            sc_timer_set(cloud, &t->o, SC_STATE_TIMER, SIMCLOUD_NEVER);
        } else if (i->o.state == INSTANCE_RUNS && t->o.state == TARGET_UNUSED) {
            sc_step(cloud, &t->o, TARGET_INITIAL, t->instance);
            begin_checks(cloud, t, tg);
        }
    }
}

void sc_targets_guest_changed(struct simcloud *cloud, struct sc_instance *i)
{
    if (i->o.place->counts[SC_TARGET] == 0)
        return;
    SC_EACH(sc_target, t, i->o.place, SC_TARGET)
    {
        bool checked = t->o.state == TARGET_INITIAL || t->o.state == TARGET_HEALTHY || t->o.state == TARGET_UNHEALTHY;
        if (t->instance == i->o.id && checked && !t->o.timers[SC_STATE_TIMER].at)
            next_check(cloud, t, sc_find(cloud, t->o.place, SC_TARGET_GROUP, t->target_group));
    }
}

enum sc_target_view sc_targets_view(const struct simcloud *cloud, const struct sc_instance *i,
                                    const struct sc_texts *groups)
{
    (void)cloud;
    enum sc_target_view view = TARGETS_NONE;
    SC_EACH(sc_target, t, i->o.place, SC_TARGET)
    {
        if (t->instance != i->o.id || !sc_texts_have(groups, t->target_group))
            continue;
        if (t->o.state == TARGET_UNHEALTHY)
            return TARGETS_UNHEALTHY;
        if (t->o.state == TARGET_DRAINING)
            view = TARGETS_DRAINING;
        else if (view == TARGETS_NONE || view == TARGETS_HEALTHY)
            view = t->o.state == TARGET_HEALTHY ? TARGETS_HEALTHY : TARGETS_NOT_YET;
    }
    return view;
}
