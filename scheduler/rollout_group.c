/*
 * rollout_group.c - engines that let the group launch: `refresh` (AWS's instance refresh, which rolls back by itself)
 * and `step` (the original's: new template first, then the desired capacity up and down). Both begin outside, so an
 * image that does not start never comes near the group: `refresh` with a canary that is let go again, as AWS replaces
 * members by launches of its own only; `step` with its first wave, which is attached when the template names the new
 * version. Both count what the group's launches come to.
 */
#include <inttypes.h>
#include <string.h>

#include "scheduler/rollout_private.h"

#define LOOK_MS    5000
#define IDLE_MS    30000   /* engine step: while nothing is to be done before a time; its dead-man has to be moved on */
#define BLOCKED_MS 4200000 /* how long a refresh that is not this run's is waited for */
#define GUARD_MS   180000 /* engine step: so long after the last sign of life the group goes back to the good version */

/* ---- what the group's own launches come to ---- */

static bool is_launch(const struct activity *a)
{
    return strncmp(a->description, "Launching", 9) == 0;
}

/* A member that the group took out by itself because it was ill: its cause names the health check. */
static bool is_ill(const struct activity *a)
{
    return strncmp(a->description, "Terminating", 11) == 0 &&
           (strstr(a->cause, "health check") || strstr(a->cause, "health-check"));
}

static const struct activity *launch_of(const struct activities *list, const char *instance)
{
    for (size_t i = 0; i < list->count; i++)
        if (*instance && is_launch(&list->items[i]) && strcmp(list->items[i].instance, instance) == 0)
            return &list->items[i];
    return NULL;
}

static bool has_failed(const struct activity *a)
{
    return strcmp(a->status, "Failed") == 0 || strcmp(a->status, "Cancelled") == 0;
}

/* When an ill member was launched, by the group or outside of it; 0: it was there before. */
static int64_t began_ms_of(const struct rollout *r, const struct activities *list, const struct activity *ill)
{
    const struct activity *launch = launch_of(list, ill->instance);
    const struct fresh *f = rollout_fresh(r, ill->instance);
    return launch ? launch->start_ms : f ? f->at_ms : 0;
}

/* Which they were, and how long they ran: the ledger and the statement have them by these. */
static enum roll note_storm(struct rollout *r, const struct activities *found, int64_t failures, int64_t failed_s,
                            const char *last)
{
    struct journal_fact *facts = arena_alloc(&r->arena, (3 * found->count + 4) * sizeof(*facts));
    size_t n = 0;
    int64_t sick = 0;
    for (size_t i = 0; i < found->count; i++) {
        const struct activity *a = &found->items[i];
        int64_t began_ms = is_ill(a) ? began_ms_of(r, found, a) : 0;
        if (!began_ms)
            continue;
        facts[n++] = (struct journal_fact){arena_textf(&r->arena, "rollout.sick.%" PRId64, sick), a->instance};
        facts[n++] = (struct journal_fact){arena_textf(&r->arena, "rollout.sick_at.%" PRId64, sick),
                                           rollout_number(r, began_ms)};
        facts[n++] = (struct journal_fact){arena_textf(&r->arena, "rollout.sick_ended.%" PRId64, sick++),
                                           rollout_number(r, a->start_ms)};
    }
    facts[n++] = (struct journal_fact){"rollout.sick", rollout_number(r, sick)};
    facts[n++] = (struct journal_fact){"rollout.attempts", rollout_number(r, failures)};
    facts[n++] = (struct journal_fact){"rollout.failed_s", rollout_number(r, failed_s)};
    facts[n++] = (struct journal_fact){"rollout.last_failure", last};
    return journal_notes(r->o->journal, ROLLOUT_STEP, facts, n, r->err) ? ROLL_STOP : ROLL_NEXT;
}

enum roll storm_step(struct rollout *r)
{
    struct activities found;
    struct aws_error error = {0};
    int64_t own = rollout_fact(r, "rollout.own_attempts", 0);
    int64_t failures = own;
    int64_t failed_s = rollout_fact(r, "rollout.own_failed_s", 0);
    const char *last = "";
    if (cloud_activities(r->o->cloud, r->group.name, rollout_fact(r, "rollout.began_ms", 0), &r->arena, &found, &error))
        return rollout_failed(r, "DescribeScalingActivities", false, &error);
    for (size_t i = 0; i < found.count; i++) {
        const struct activity *a = &found.items[i];
        int64_t began_ms = is_ill(a) ? began_ms_of(r, &found, a) : 0;
        if (!(is_launch(a) && has_failed(a)) && !began_ms)
            continue;
        failures++;
        last = *last ? last : *a->status_message ? a->status_message : a->cause;
        failed_s += began_ms && a->start_ms > began_ms ? (a->start_ms - began_ms + 999) / 1000 : 0;
    }
    if (failures != rollout_fact(r, "rollout.attempts", 0) &&
        note_storm(r, &found, failures, failed_s, last) == ROLL_STOP)
        return ROLL_STOP;
    if (failures < rollout_allowed(r->o))
        return rollout_went_well(r, "DescribeScalingActivities");
    err_set(r->err, EXIT_FAILED, "%" PRId64 " launches failed, which is the storm cap; the last: %.300s", failures,
            last);
    return ROLL_CAP;
}

/* Failures outside the group stay counted beside those of the group. */
static enum roll keep_own(struct rollout *r)
{
    if (journal_fact(r->o->journal, "rollout.own_attempts"))
        return ROLL_NEXT;
    const struct journal_fact facts[] = {
        {"rollout.own_attempts", rollout_number(r, rollout_fact(r, "rollout.attempts", 0))},
        {"rollout.own_failed_s", rollout_number(r, rollout_fact(r, "rollout.failed_s", 0))}};
    return journal_notes(r->o->journal, ROLLOUT_STEP, facts, 2, r->err) ? ROLL_STOP : ROLL_NEXT;
}

/* ---- refresh ---- */

/* AWS would go on for an hour with instances that fail one after the other: a refresh whose runner is gone is taken
 * back. Where AWS does not permit that the plan has said so, and it is tried again now and then. */
static enum roll guard_refresh(struct rollout *r)
{
    const char *name = rollout_guard(r, "group");
    bool armed = false;
    int64_t refused_ms = rollout_fact(r, "rollout.unguarded_ms", 0);
    int64_t ends_ms = rollout_fact(r, arena_textf(&r->arena, "dead-man.%s", name), 0);
    if (ends_ms - r->now_ms > GUARD_MS * 2 / 3 || (refused_ms && r->now_ms - refused_ms < GUARD_MS / 3))
        return ROLL_NEXT;
    if (ends_ms && ends_ms <= r->now_ms && rollout_note(r, "rollout.taken_back", "yes") == ROLL_STOP)
        return ROLL_STOP;
    int code =
        deadman_arm_refresh(r->o->cloud, r->o->journal, r->o->environment, name, r->now_ms + GUARD_MS, &armed, r->err);
    if (code == JOURNAL_STOPPED)
        return ROLL_STOP;
    bool refused = code && !armed; /* else there is one, or none is wanted */
    return refused ? rollout_note_i64(r, "rollout.unguarded_ms", r->now_ms) : ROLL_NEXT;
}

/* Another refresh is at work, or one of ours is on its way back: AWS ends either when nothing moves for an hour. */
static bool is_blocked(const struct aws_error *error)
{
    return aws_error_is(error, "InstanceRefreshInProgress") || aws_error_is(error, "InstanceRefreshInProgressFault");
}

static enum roll wait_until_free(struct rollout *r, const struct aws_error *error)
{
    static const char action[] = "StartInstanceRefresh";
    int64_t since_ms = rollout_fact(r, "rollout.blocked_ms", r->now_ms);
    const struct journal_fact fact = {"rollout.blocked_ms", rollout_number(r, since_ms)};
    if (journal_outcome(r->o->journal, ROLLOUT_STEP, action, false, error->code, &fact, 1, r->err))
        return ROLL_STOP;
    cloud_err(r->err, EXIT_FAILED, action, error);
    return r->now_ms - since_ms > BLOCKED_MS ? ROLL_FAIL : rollout_wait(r, r->now_ms + LOOK_MS);
}

static enum roll start_refresh(struct rollout *r)
{
    struct aws_error error = {0};
    const char *id = NULL;
    int64_t size = rollout_refresh_size(r->o->environment, r->desired, r->max - r->desired);
    int64_t more_percent = r->desired > 0 ? (100 * size + r->desired - 1) / r->desired : 100;
    const struct refresh_order order = {
        .group = r->group.name,
        .template_id = r->o->template_id,
        .template_version = r->o->version_new,
        .mixed = r->group.mixed,
        .min_healthy_percent = r->o->environment->rollout.min_healthy_percent,
        .max_healthy_percent = r->o->environment->rollout.min_healthy_percent == 100 ? 100 + more_percent : -1,
        .warmup_s = -1,
        .auto_rollback = true};
    enum roll next = rollout_tag_group(r);
    if (next != ROLL_NEXT)
        return next;
    if (rollout_intend(r, "StartInstanceRefresh", r->o->version_new) == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_start_refresh(r->o->cloud, &order, &r->arena, &id, &error))
        return is_blocked(&error) ? wait_until_free(r, &error)
                                  : rollout_failed(r, "StartInstanceRefresh", true, &error);
    const struct journal_fact facts[] = {{"rollout.refresh", id},
                                         {"rollout.refresh_ms", rollout_number(r, r->now_ms)},
                                         {"rollout.waves", rollout_number(r, (r->desired + size - 1) / size)},
                                         {"rollout.blocked_ms", NULL}};
    return rollout_did(r, "StartInstanceRefresh", id, facts, 4);
}

/* The next of the refresh's launches, or of its terminations, behind the last one that was taken. */
static const struct activity *next_of(const struct rollout *r, const struct activities *found, bool launches,
                                      const struct activity *last)
{
    const struct activity *next = NULL;
    int64_t since_ms = rollout_fact(r, "rollout.refresh_ms", 0);
    for (size_t i = found->count; i-- > 0;) { /* they come newest first */
        const struct activity *a = &found->items[i];
        bool fits = a->start_ms >= since_ms && !has_failed(a) && !is_ill(a) && *a->instance &&
                    (launches ? is_launch(a) : strncmp(a->description, "Terminating", 11) == 0);
        bool later = !last || a->start_ms > last->start_ms || (a->start_ms == last->start_ms && a < last);
        if (fits && later && (!next || a->start_ms < next->start_ms))
            next = a;
    }
    return next;
}

static const struct instance *seen_member(const struct rollout *r, const char *id)
{
    for (size_t i = 0; i < r->alien_count; i++)
        if (r->alien[i].instance && strcmp(r->alien[i].instance->id, id) == 0)
            return r->alien[i].instance;
    return NULL;
}

/* The old one, which EC2 shows for an hour yet. NULL: not shown. */
static const struct instance *ended_one(struct rollout *r, const char *id)
{
    struct instances found;
    struct aws_error error;
    const struct tag by_id = {"instance-id", arena_dup(&r->arena, id)};
    const struct lookup lookup = {.filters = &by_id, .filter_count = 1};
    int failed = cloud_describe_instances(r->o->cloud, &lookup, &r->arena, &found, &error);
    return !failed && found.count && found.items[0].launch_ms > 0 ? &found.items[0] : NULL;
}

/* What AWS launched and ended, in the order of time: how long each new one stood beside the old one that was told to go
 * for it, and, behind a load balancer, how long that one drained. */
static enum roll note_refreshed(struct rollout *r)
{
    struct activities found;
    struct aws_error error = {0};
    const struct activity *new = NULL;
    const struct activity *old = NULL;
    int64_t own = 0;
    int64_t drained = 0;
    size_t n = 0;
    if (journal_fact(r->o->journal, "rollout.own"))
        return ROLL_NEXT;
    if (cloud_activities(r->o->cloud, r->group.name, rollout_fact(r, "rollout.began_ms", 0), &r->arena, &found, &error))
        return rollout_failed(r, "DescribeScalingActivities", false, &error);
    struct journal_fact *facts = arena_alloc(&r->arena, (9 * found.count + 2) * sizeof(*facts));
    while ((new = next_of(r, &found, true, new)) && (old = next_of(r, &found, false, old))) {
        const struct instance *i = seen_member(r, new->instance);
        bool drains = rollout_fact(r, "rollout.delay_s", 0) > 0;
        const struct instance *gone = drains ? ended_one(r, old->instance) : NULL;
        if (i && old->start_ms > new->start_ms)
            n += attach_own_facts(r, own++, i->id, *i->public_ip, new->start_ms, old->start_ms, facts + n);
        if (gone)
            n += attach_old_facts(r, drained++, gone, old->start_ms, facts + n);
    }
    facts[n++] = (struct journal_fact){"rollout.own", rollout_number(r, own)};
    facts[n++] = (struct journal_fact){"rollout.old", rollout_number(r, drained)};
    return journal_notes(r->o->journal, ROLLOUT_STEP, facts, n, r->err) ? ROLL_STOP : ROLL_NEXT;
}

/* Each five seconds, for the storm's sake, and at its expected end. */
static int64_t look_at_refresh_ms(const struct rollout *r)
{
    int64_t since_ms = rollout_fact(r, "rollout.refresh_ms", r->now_ms);
    int64_t expected_ms = rollout_fact(r, "rollout.waves", 1) * r->o->wave_s * 1000;
    int64_t at_ms = look_again_ms(r->now_ms, since_ms, expected_ms);
    return at_ms < r->now_ms + LOOK_MS ? at_ms : r->now_ms + LOOK_MS;
}

enum roll refresh_step(struct rollout *r)
{
    struct refreshes found;
    struct aws_error error = {0};
    const char *id = journal_fact(r->o->journal, "rollout.refresh");
    if (r->o->configuration) {
        err_set(r->err, EXIT_FAILED, "an instance refresh that rolls back needs a launch template");
        return ROLL_FAIL;
    }
    enum roll next = canary_step(r);
    if (next == ROLL_NEXT)
        next = keep_own(r);
    if (next == ROLL_NEXT)
        next = guard_refresh(r);
    if (next != ROLL_NEXT || !id)
        return next == ROLL_NEXT ? start_refresh(r) : next;
    next = storm_step(r);
    if (next != ROLL_NEXT)
        return next;
    if (cloud_describe_refreshes(r->o->cloud, r->group.name, id, &r->arena, &found, &error))
        return rollout_failed(r, "DescribeInstanceRefreshes", false, &error);
    if (rollout_went_well(r, "DescribeInstanceRefreshes") == ROLL_STOP)
        return ROLL_STOP;
    const char *status = found.count ? found.items[0].status : "Pending";
    if (strcmp(status, "Successful") == 0)
        return note_refreshed(r);
    if (strcmp(status, "Pending") == 0 || strcmp(status, "InProgress") == 0 || strcmp(status, "Baking") == 0)
        return rollout_wait(r, look_at_refresh_ms(r));
    if (strcmp(status, "RollbackInProgress") == 0 || strcmp(status, "Cancelling") == 0)
        return rollout_wait(r, r->now_ms + LOOK_MS);
    if (journal_is(r->o->journal, "rollout.taken_back", "yes")) { /* by its dead-man, while nobody was there */
        const struct journal_fact again[] = {{"rollout.taken_back", NULL}, {"rollout.refresh", NULL}};
        return journal_notes(r->o->journal, ROLLOUT_STEP, again, 2, r->err) ? ROLL_STOP : ROLL_AGAIN;
    }
    err_set(r->err, EXIT_FAILED, "the instance refresh ended as %s: %s", status, found.items[0].reason);
    if (rollout_note(r, "rollout.refresh_over", status) == ROLL_STOP)
        return ROLL_STOP;
    return ROLL_FAIL;
}

/* ---- step ---- */

static enum roll guard_group(struct rollout *r)
{
    const char *name = rollout_guard(r, "group");
    bool armed = false;
    struct group_change good = {.min = -1, .max = r->max, .desired = r->desired};
    rollout_name_version(r->o, true, &good);
    int64_t ends_ms = rollout_fact(r, arena_textf(&r->arena, "dead-man.%s", name), 0);
    if (ends_ms - r->now_ms > GUARD_MS * 2 / 3)
        return ROLL_NEXT;
    int code = deadman_arm_group(r->o->cloud, r->o->journal, r->o->environment, name, &good, r->now_ms + GUARD_MS,
                                 &armed, r->err);
    if (code == JOURNAL_STOPPED)
        return ROLL_STOP;
    if (armed)
        return ROLL_NEXT;
    if (!code)
        err_set(r->err, EXIT_FAILED,
                "engine step needs rollout.dead_man and rollout.dead_man_role: without them a dead "
                "runner leaves a group that retries a broken image for ever");
    return ROLL_FAIL;
}

static enum roll raise_desired(struct rollout *r)
{
    struct group_change change = GROUP_CHANGE_NONE;
    int64_t size = rollout_surge(r->o->environment, r->desired, r->max);
    int64_t allowed = rollout_allowed(r->o) - rollout_fact(r, "rollout.attempts", 0);
    int64_t old = attach_old_in_wave(r);
    enum roll next = attach_await_hour(r);
    if (next != ROLL_NEXT)
        return rollout_wait(r, r->now_ms + IDLE_MS);
    if (journal_fact(r->o->journal, "rollout.served_ms"))
        return rollout_note(r, "rollout.served_ms", NULL);
    size = size < old ? size : old;
    change.desired = r->desired + (size < allowed ? size : allowed);
    if (change.desired > r->group.max)
        change.max = change.desired;
    next = rollout_change(r, &change, "a wave");
    if (next != ROLL_AGAIN)
        return next;
    return rollout_note_i64(r, "rollout.waves", rollout_fact(r, "rollout.waves", 0) + 1);
}

static enum roll serving_new(struct rollout *r, int64_t *count)
{
    *count = 0;
    for (size_t i = 0; i < r->alien_count; i++) {
        bool serves = false;
        enum roll next = rollout_serves(r, r->alien[i].member, &serves);
        if (next != ROLL_NEXT)
            return next;
        *count += serves;
    }
    return ROLL_NEXT;
}

static enum roll name_new(struct rollout *r)
{
    struct group_change change = GROUP_CHANGE_NONE;
    enum roll next = rollout_tag_group(r);
    if (next != ROLL_NEXT || rollout_names(r, false))
        return next;
    rollout_name_version(r->o, false, &change);
    return rollout_change(r, &change, r->o->version_new);
}

/* Proven outside, then the template, then attached: a group's only wave takes no longer than by engine attach. NEXT: it
 * is in the group. */
static enum roll first_wave(struct rollout *r)
{
    if (journal_fact(r->o->journal, "rollout.raised"))
        return ROLL_NEXT;
    enum roll next = rollout_names(r, false) ? guard_group(r) : ROLL_NEXT;
    if (next == ROLL_NEXT)
        next = r->desired > 0 ? attach_still_there(r) : canary_step(r);
    if (next == ROLL_NEXT && r->desired > 0)
        next = attach_prove_wave(r);
    if (next == ROLL_NEXT)
        next = guard_group(r);
    if (next == ROLL_NEXT)
        next = name_new(r);
    return next == ROLL_NEXT && fleet_count(r, FRESH_PROVEN) > 0 ? attach_proven(r) : next;
}

static enum roll more_waves(struct rollout *r)
{
    int64_t serving = 0;
    int64_t members = (int64_t)(r->alien_count + r->old_count);
    enum roll next = serving_new(r, &serving);
    if (next != ROLL_NEXT)
        return next;
    for (size_t i = 0; i < r->fresh_count; i++)
        members += r->fresh[i].member != NULL;
    if (serving < (int64_t)r->alien_count || members < r->group.desired)
        return rollout_wait(r, r->now_ms + LOOK_MS);
    if (r->old_count == 0)
        return ROLL_NEXT; /* the desired count is lowered by the finish */
    if (r->group.desired <= r->desired)
        return raise_desired(r);
    next = attach_let_old_go(r);
    return next == ROLL_WAIT ? rollout_wait(r, r->now_ms + IDLE_MS) : next;
}

enum roll step_step(struct rollout *r)
{
    enum roll next = first_wave(r);
    if (next == ROLL_NEXT)
        next = keep_own(r);
    if (next == ROLL_NEXT)
        next = guard_group(r);
    if (next == ROLL_NEXT)
        next = storm_step(r);
    if (next == ROLL_NEXT)
        next = name_new(r);
    if (next != ROLL_NEXT)
        return next;
    const char *removing = journal_fact(r->o->journal, "rollout.removing");
    if (removing)
        return attach_remove_old(r, arena_dup(&r->arena, removing));
    next = attach_watch(r);
    if (next == ROLL_WAIT)
        return rollout_wait(r, r->now_ms + LOOK_MS);
    return next == ROLL_NEXT ? more_waves(r) : next;
}
