/* rollout_plan.c - what a rollout will do and what it may cost at worst, from describe calls alone; and the repair of a
 * group of which only its tags tell. */
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "billing/meter.h"
#include "scheduler/rollout_private.h"

int64_t rollout_beside_waves_s(const struct config_environment *e, int64_t group, int64_t boot_s, int64_t end_s)
{
    bool alone = strcmp(e->rollout.canary, "alone") == 0 && group > 1 && e->rollout.surge != 1;
    if (strcmp(e->rollout.engine, "refresh") == 0)
        return boot_s + end_s;
    return alone && strcmp(e->rollout.engine, "attach") == 0 ? boot_s : 0;
}

int64_t rollout_refresh_size(const struct config_environment *e, int64_t group, int64_t room)
{
    int64_t size = e->rollout.surge > 0 ? e->rollout.surge : room;
    if (e->rollout.min_healthy_percent < 100)
        size = group * (100 - e->rollout.min_healthy_percent) / 100;
    size = size < group ? size : group;
    return size > 0 ? size : 1;
}

int64_t rollout_surge(const struct config_environment *e, int64_t desired, int64_t max)
{
    int64_t surge = e->rollout.surge;
    int64_t room = max - desired;
    int64_t size = surge > 0 ? surge : room > 0 ? room : 1;
    if (strcmp(e->rollout.engine, "refresh") == 0)
        return rollout_refresh_size(e, desired, room);
    if (surge > 0 && room > 0 && size > room)
        size = room;
    return size > desired && desired > 0 ? desired : size;
}

int rollout_delay(struct cloud *c, const struct group *g, int64_t *seconds, struct aws_error *error)
{
    *seconds = 0;
    for (size_t i = 0; i < g->target_group_count; i++) {
        int64_t one_s = 0;
        if (cloud_deregistration_delay(c, g->target_groups[i], &one_s, error))
            return -1;
        *seconds = one_s > *seconds ? one_s : *seconds;
    }
    return 0;
}

static bool has_dead_man(const struct rollout_order *o)
{
    return o->environment->rollout.dead_man && *o->environment->rollout.dead_man_role;
}

/* Where the group launches by itself it goes on until it is told otherwise: by the dead-man within four minutes, in
 * which one round of failing launches ends and another begins; else, with refresh, by AWS's own rollback. */
static void put_worst_inside(const struct rollout_order *o, struct rollout_plan *p, int64_t left, int64_t each_s)
{
    bool dead_man = has_dead_man(o);
    int64_t rounds = dead_man ? 1 : 3600 / rollout_life_s(o) + 1;
    p->worst_instance_s = p->cap_instance_s + (rounds + 1) * left * each_s;
    str_fit(
        p->worst, sizeof p->worst,
        "%s proven outside the group; at most %" PRId64
        " launches fail, then the group is restored. If the runner dies for good, AWS takes the new version back %s; "
        "until then the group launches up to %" PRId64 " at a time (%" PRId64 " billed s at most).",
        strcmp(o->environment->rollout.engine, "step") == 0 ? "The first wave is" : "The canary is", p->cap_attempts,
        dead_man ? "within 4 min (the dead-man)" : "by itself, after an hour without progress (no dead-man)", left,
        p->worst_instance_s);
}

/* The most that may run unproven at once is what a dead runner leaves. */
static void put_worst(const struct rollout_order *o, struct rollout_plan *p)
{
    struct meter m = regime_meter(o->regime);
    int64_t each_s = meter_billed_s(m, rollout_life_s(o));
    int64_t left = p->surge < p->cap_attempts ? p->surge : p->cap_attempts;
    if (strcmp(o->environment->rollout.engine, "attach") != 0) {
        put_worst_inside(o, p, left, each_s);
        return;
    }
    if (has_dead_man(o)) {
        p->worst_instance_s = left * each_s;
        str_fit(p->worst, sizeof p->worst,
                "At most %" PRId64
                " launches fail; then the group is restored. If the runner dies for good, AWS ends what "
                "is outside the group within %" PRId64 " min (%" PRId64 " x %" PRId64 " billed s at most).",
                p->cap_attempts, (rollout_life_s(o) + 59) / 60, left, each_s);
        return;
    }
    p->worst_instance_s = INT64_MAX;
    str_fit(
        p->worst, sizeof p->worst,
        "At most %" PRId64 " launches fail; then the group is restored. No dead-man (rollout.dead_man_role): if the "
        "runner dies for good, up to %" PRId64 " instances outside the group run, and are paid, until the next run or "
        "`bakehour gc`.",
        p->cap_attempts, left);
}

int rollout_plan(const struct rollout_order *order, struct rollout_plan *out, struct err *err)
{
    struct arena arena = {0};
    struct group group;
    struct aws_error error = {0};
    struct rollout_plan p = {.dead_man = has_dead_man(order)};
    if (cloud_describe_group(order->cloud, order->environment->group, &arena, &group, &error)) {
        cloud_err(err, EXIT_FAILED, "DescribeAutoScalingGroups", &error);
        arena_release(&arena);
        return -1;
    }
    int64_t each_s = meter_billed_s(regime_meter(order->regime), rollout_life_s(order));
    p.group = group.desired;
    p.surge = rollout_surge(order->environment, group.desired, group.max);
    p.cap_attempts = rollout_allowed(order);
    p.cap_instance_s = p.cap_attempts * each_s;
    /* AWS's refresh goes above the maximum by itself. */
    if (strcmp(order->environment->rollout.engine, "refresh") != 0 && group.max - group.desired < p.surge)
        p.raised_max = group.desired + p.surge;
    if (p.cap_attempts > 0 && p.surge > p.cap_attempts)
        p.surge = p.cap_attempts;
    bool alone = strcmp(order->environment->rollout.engine, "step") == 0 && group.desired > 0 &&
                 strcmp(order->environment->rollout.canary, "alone") == 0; /* a wave of its own */
    p.waves = p.surge > 0 ? (group.desired - alone + p.surge - 1) / p.surge + alone : 0;
    put_worst(order, &p);
    arena_release(&arena);
    *out = p;
    return 0;
}

/* ---- from tags alone ---- */

/* What the group says of itself: the numbers in its tags, the image of its own template. */
struct recovery {
    int64_t desired, max;
    const char *image;
    struct rollout_order order;
};

static bool read_tags(const struct rollout *r, struct recovery *out)
{
    const char *desired = tag_value(r->group.tags, r->group.tag_count, "bakehour:desired");
    const char *max = tag_value(r->group.tags, r->group.tag_count, "bakehour:max");
    return desired && max && num_i64(desired, strlen(desired), &out->desired) == 0 &&
           num_i64(max, strlen(max), &out->max) == 0 && out->desired >= 0 && out->max >= out->desired;
}

static enum roll read_image(struct rollout *r, struct recovery *out)
{
    struct aws_error error = {0};
    const struct rollout_order *o = r->o;
    if (*r->group.launch_config) {
        struct launch_configs configs;
        const char *name = r->group.launch_config;
        if (cloud_describe_launch_configs(o->cloud, &name, 1, &r->arena, &configs, &error))
            return rollout_failed(r, "DescribeLaunchConfigurations", false, &error);
        out->image = configs.count ? configs.items[0].spec.image : "";
        out->order.configuration = true;
        out->order.version_good = name;
    } else {
        struct template_versions versions;
        if (cloud_describe_template_versions(o->cloud, r->group.template_id, r->group.template_version, &r->arena,
                                             &versions, &error))
            return rollout_failed(r, "DescribeLaunchTemplateVersions", false, &error);
        out->image = versions.count ? versions.items[0].spec.image : "";
        out->order.configuration = false;
        out->order.template_id = r->group.template_id;
        out->order.version_good = r->group.template_version;
    }
    if (*out->image)
        return ROLL_NEXT;
    err_set(r->err, EXIT_FAILED, "what the group %s would launch is not to be found", r->group.name);
    return ROLL_FAIL;
}

/* Members of any other image are what has to go: told by exclusion, since nobody knows the new one. */
static void sort_by_image(struct rollout *r, const char *image)
{
    size_t old = 0;
    size_t alien = 0;
    for (size_t i = 0; i < r->group.member_count; i++) {
        const struct member *m = &r->group.members[i];
        const struct old item = {m, rollout_instance(r, m->id)};
        if (strncmp(m->lifecycle, "Terminat", 8) == 0 || strncmp(m->lifecycle, "Detach", 6) == 0)
            continue;
        if (!item.instance || strcmp(item.instance->image, image) == 0)
            r->old[old++] = item;
        else
            r->alien[alien++] = item;
    }
    r->old_count = old;
    r->alien_count = alien;
}

/* A refresh that a dead runner started goes on by itself: it is found and called off, as its own run would. */
static enum roll find_refresh(struct rollout *r)
{
    static const char *const running[] = {"Pending", "InProgress", "Baking", "RollbackInProgress"};
    struct refreshes found;
    struct aws_error error = {0};
    if (journal_fact(r->o->journal, "rollout.refresh"))
        return ROLL_NEXT;
    if (cloud_describe_refreshes(r->o->cloud, r->group.name, NULL, &r->arena, &found, &error))
        return rollout_failed(r, "DescribeInstanceRefreshes", false, &error);
    for (size_t i = 0; i < found.count; i++)
        for (size_t k = 0; k < sizeof running / sizeof *running; k++)
            if (strcmp(found.items[i].status, running[k]) == 0)
                return rollout_note(r, "rollout.refresh", found.items[i].id);
    return rollout_note(r, "rollout.refresh", "none") == ROLL_STOP ||
                   rollout_note(r, "rollout.refresh_over", "none") == ROLL_STOP
               ? ROLL_STOP
               : ROLL_NEXT;
}

static enum roll recover_step(struct rollout *r, bool *found)
{
    enum roll next = rollout_see(r);
    struct recovery *recovery = arena_alloc(&r->arena, sizeof *recovery); /* the look's own */
    recovery->order = *r->o;
    if (next != ROLL_NEXT)
        return next;
    if (!read_tags(r, recovery))
        return ROLL_NEXT;
    *found = true;
    next = read_image(r, recovery);
    if (next != ROLL_NEXT)
        return next;
    if (!journal_fact(r->o->journal, "rollout.restore_ms"))
        return rollout_note_i64(r, "rollout.restore_ms", r->now_ms);
    next = find_refresh(r);
    if (next != ROLL_NEXT)
        return next;
    recovery->order.image_good = recovery->image;
    recovery->order.image_new = "";
    r->o = &recovery->order;
    r->desired = recovery->desired;
    r->max = recovery->max;
    r->fresh_count = 0;
    sort_by_image(r, recovery->image);
    return restore_step(r);
}

enum rollout_result rollout_recover(const struct rollout_order *order, bool *found, int64_t *again_ms, struct err *err)
{
    const struct transport *t = order->cloud->transport;
    *found = journal_fact(order->journal, "rollout.restore_ms") != NULL;
    for (;;) {
        struct rollout r = {.o = order, .now_ms = t->now_ms(t->self), .again_ms = again_ms, .err = err};
        *again_ms = 0;
        enum roll next = recover_step(&r, found);
        rollout_unsee(&r);
        switch (next) {
        case ROLL_AGAIN:
            continue;
        case ROLL_WAIT:
            return ROLLOUT_WAIT;
        case ROLL_STOP:
            return ROLLOUT_STOP;
        case ROLL_NEXT:
            if (journal_fact(order->journal, "rollout.restore_ms") &&
                journal_note(order->journal, ROLLOUT_STEP, "rollout.restore_ms", NULL, err))
                return ROLLOUT_STOP;
            return ROLLOUT_DONE;
        default:
            return ROLLOUT_BROKEN;
        }
    }
}
