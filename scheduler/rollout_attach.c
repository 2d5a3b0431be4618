/*
 * rollout_attach.c - the default engine: new instances are proven outside the group, attached, and only then does an
 * old one go. The group's template names the good image until the last wave is done.
 *
 *      launch S outside -> all proven -> AttachInstances (desired + S) -> all serve -> drain
 *          -> S old ones go (desired - S)
 *
 * rollout.raised counts attachments, rollout.removed old ones let go; while they differ, the desired count is above
 * what it was. What is being removed is noted before the call, so that a new process removes that one, and no second
 * one. Engine step has its first wave, and the way old ones go, from here.
 */
#include <inttypes.h>
#include <string.h>

#include "scheduler/pricing.h"
#include "scheduler/rollout_private.h"

#define UNSEEN_MS     60000
#define ATTACH_MOST   20 /* AWS's limit for one call */
#define HOUR_MS       3600000
#define HOUR_SLACK_MS 30000  /* an old one is told to go so long before its paid hour ends: a call that fails once, */
#define HOUR_EACH_MS  2000   /* and the calls for all others that go then */
#define DELAY_S       300    /* AWS's own; for a rollout that an older version began, which did not ask */
#define PROVE_MS      120000 /* beside the boot: attaching and the health checks */
#define SAME_HOUR_MS  300000 /* old instances whose hours end within so long go together */

static bool is_step(const struct rollout *r)
{
    return strcmp(r->o->environment->rollout.engine, "step") == 0;
}

static bool at_hour_end(const struct rollout *r)
{
    return r->o->regime == REGIME_HOURLY && strcmp(r->o->environment->rollout.replace, "hour-end") == 0;
}

/* The end of the paid hour an instance is in. */
static int64_t hour_end_ms(const struct rollout *r, const struct old *old)
{
    if (!old->instance || old->instance->launch_ms <= 0)
        return r->now_ms;
    int64_t ran_ms = r->now_ms - old->instance->launch_ms;
    return old->instance->launch_ms + (ran_ms / HOUR_MS + 1) * HOUR_MS;
}

static int64_t first_hour_end_ms(const struct rollout *r)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < r->old_count; i++) {
        int64_t end = hour_end_ms(r, &r->old[i]);
        first = end < first ? end : first;
    }
    return first;
}

/* How long the load balancer lets connections drain. */
static int64_t delay_s(const struct rollout *r)
{
    return rollout_fact(r, "rollout.delay_s", r->group.target_group_count > 0 ? DELAY_S : 0);
}

static int64_t slack_ms(const struct rollout *r)
{
    return HOUR_SLACK_MS + HOUR_EACH_MS * (int64_t)r->old_count + delay_s(r) * 1000;
}

/* When a wave begins, so that its old ones can go as their paid hour ends; now, where that is beyond the limit. */
static int64_t wave_due_ms(const struct rollout *r, int64_t end_ms)
{
    int64_t due_ms = end_ms - slack_ms(r) - r->o->boot_s * 1000 - PROVE_MS;
    int64_t limit_ms =
        rollout_fact(r, "rollout.began_ms", r->now_ms) + r->o->environment->rollout.replace_limit_s * 1000;
    return due_ms > limit_ms ? 0 : due_ms;
}

/* Who goes first: whoever is not healthy, then whose paid hour ends first, or who stands in the fullest zone (or the
 * group would balance its zones by itself), then who has run longest. */
static const struct old *next_to_go(const struct rollout *r)
{
    const struct old *best = NULL;
    int64_t best_key = INT64_MAX;
    int64_t best_ms = INT64_MAX;
    for (size_t i = 0; i < r->old_count; i++) {
        const struct old *old = &r->old[i];
        int64_t ms = old->instance ? old->instance->launch_ms : 0;
        int64_t key = !old->member->healthy ? INT64_MIN
                      : at_hour_end(r)      ? hour_end_ms(r, old)
                                            : -rollout_in_zone(r, old->member->zone);
        if (!best || key < best_key || (key == best_key && ms < best_ms)) {
            best = old;
            best_key = key;
            best_ms = ms;
        }
    }
    return best;
}

/* ---- letting old ones go ---- */

size_t attach_own_facts(struct rollout *r, int64_t k, const char *id, bool is_public, int64_t at_ms,
                        int64_t relieved_ms, struct journal_fact facts[4])
{
    facts[0] = (struct journal_fact){arena_textf(&r->arena, "rollout.own.%" PRId64, k), arena_dup(&r->arena, id)};
    facts[1] = (struct journal_fact){arena_textf(&r->arena, "rollout.own_at.%" PRId64, k), rollout_number(r, at_ms)};
    facts[2] = (struct journal_fact){arena_textf(&r->arena, "rollout.own_relieved.%" PRId64, k),
                                     rollout_number(r, relieved_ms)};
    facts[3] = (struct journal_fact){arena_textf(&r->arena, "rollout.own_public.%" PRId64, k), is_public ? "1" : NULL};
    return 4;
}

size_t attach_old_facts(struct rollout *r, int64_t k, const struct instance *old, int64_t told_ms,
                        struct journal_fact facts[5])
{
    facts[0] = (struct journal_fact){arena_textf(&r->arena, "rollout.old.%" PRId64, k), arena_dup(&r->arena, old->id)};
    facts[1] =
        (struct journal_fact){arena_textf(&r->arena, "rollout.old_type.%" PRId64, k), arena_dup(&r->arena, old->type)};
    facts[2] = (struct journal_fact){arena_textf(&r->arena, "rollout.old_launched.%" PRId64, k),
                                     rollout_number(r, old->launch_ms)};
    facts[3] =
        (struct journal_fact){arena_textf(&r->arena, "rollout.old_told.%" PRId64, k), rollout_number(r, told_ms)};
    facts[4] = (struct journal_fact){arena_textf(&r->arena, "rollout.old_until.%" PRId64, k),
                                     rollout_number(r, told_ms + delay_s(r) * 1000)};
    return 5;
}

/* Whom an old one made room for: those attached, in order, then those that the group launched itself, by their
 * launch. */
struct successor {
    int64_t at_ms;
    const char *relieved;       /* of an attached one: the fact that says until when it ran for the deployment's sake */
    const struct instance *own; /* of the group's making; neither: nobody is known */
};

static struct successor successor_of(struct rollout *r, int64_t removed)
{
    struct successor s = {.at_ms = r->now_ms};
    int64_t seen = 0;
    for (size_t i = 0; i < r->fresh_count; i++)
        if (r->fresh[i].state == FRESH_ATTACHED && seen++ == removed) {
            s.relieved = arena_textf(&r->arena, "rollout.relieved.%" PRId64, r->fresh[i].k);
            s.at_ms = r->fresh[i].at_ms;
            return s;
        }
    for (size_t i = 0; i < r->alien_count; i++) {
        const struct instance *one = r->alien[i].instance;
        int64_t before = 0;
        for (size_t k = 0; one && k < r->alien_count; k++) {
            int64_t other_ms = r->alien[k].instance ? r->alien[k].instance->launch_ms : INT64_MAX;
            before += other_ms < one->launch_ms || (other_ms == one->launch_ms && k < i);
        }
        if (one && before == removed - seen && one->launch_ms > 0 && one->launch_ms < r->now_ms) {
            s.own = one;
            s.at_ms = one->launch_ms;
        }
    }
    return s;
}

/* It is no member any more, and the desired count did not fall: not by us, then, but by zone rebalancing or a health
 * check, and another stands in its place. */
static bool left_by_itself(const struct rollout *r, const char *id)
{
    for (size_t i = 0; i < r->group.member_count; i++)
        if (strcmp(r->group.members[i].id, id) == 0)
            return false;
    return r->group.desired >= rollout_fact(r, "rollout.removing_desired", INT64_MAX);
}

struct going {
    int64_t left_s, draining_s, drained_ms; /* the rollout's sums and latest, with this one */
    bool drains;                            /* and it is known since when it runs */
};

/* One that does not serve has no connections to drain. */
static bool drains(const struct rollout *r, const char *id)
{
    for (size_t i = 0; i < r->group.member_count; i++)
        if (strcmp(r->group.members[i].id, id) == 0 && !r->group.members[i].healthy)
            return false;
    bool asked = false;
    for (size_t t = 0; r->health && t < r->group.target_group_count; t++)
        for (size_t i = 0; i < r->health[t].count; i++) {
            asked = true;
            if (strcmp(r->health[t].items[i].id, id) == 0 && strcmp(r->health[t].items[i].state, "healthy") == 0)
                return true;
        }
    return !asked;
}

static struct going going_of(const struct rollout *r, const char *id)
{
    const struct instance *one = rollout_instance(r, id);
    int64_t ran_s = one && one->launch_ms > 0 ? (r->now_ms - one->launch_ms) / 1000 : 0;
    struct going g = {.left_s = rollout_fact(r, "rollout.left_s", 0) + used_left_s(r->o->regime, ran_s),
                      .draining_s = rollout_fact(r, "rollout.draining_s", 0),
                      .drained_ms = rollout_fact(r, "rollout.drained_ms", 0)};
    if (delay_s(r) > 0 && drains(r, id)) {
        g.draining_s += used_draining_s(r->o->regime, ran_s, delay_s(r));
        g.drained_ms = r->now_ms + delay_s(r) * 1000;
        g.drains = ran_s > 0;
    }
    return g;
}

enum roll attach_remove_old(struct rollout *r, const char *id)
{
    static const char action[] = "TerminateInstanceInAutoScalingGroup";
    struct aws_error error = {0};
    int64_t removed = rollout_fact(r, "rollout.removed", 0);
    struct successor next = successor_of(r, removed);
    if (left_by_itself(r, id))
        return rollout_note(r, "rollout.removing", NULL);
    if (rollout_intend(r, action, id) == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_terminate_member(r->o->cloud, r->group.name, id, true, &error))
        return rollout_failed(r, action, true, &error);
    int64_t beside_s = rollout_fact(r, "rollout.beside_s", 0) + (r->now_ms - next.at_ms) / 1000;
    const struct going going = going_of(r, id);
    struct journal_fact facts[18] = {{"rollout.removing", NULL},
                                     {"rollout.left_s", rollout_number(r, going.left_s)},
                                     {"rollout.draining_s", rollout_number(r, going.draining_s)},
                                     {"rollout.drained_ms", rollout_number(r, going.drained_ms)},
                                     {"rollout.removed", rollout_number(r, removed + 1)},
                                     {"rollout.beside_s", rollout_number(r, beside_s)}};
    size_t n = 6;
    if (next.relieved)
        facts[n++] = (struct journal_fact){next.relieved, rollout_number(r, r->now_ms)};
    if (next.own) {
        int64_t own = rollout_fact(r, "rollout.own", 0);
        n += attach_own_facts(r, own, next.own->id, *next.own->public_ip, next.at_ms, r->now_ms, facts + n);
        facts[n++] = (struct journal_fact){"rollout.own", rollout_number(r, own + 1)};
    }
    if (going.drains) {
        int64_t old = rollout_fact(r, "rollout.old", 0);
        n += attach_old_facts(r, old, rollout_instance(r, id), r->now_ms, facts + n);
        facts[n++] = (struct journal_fact){"rollout.old", rollout_number(r, old + 1)};
    }
    return rollout_did(r, action, id, facts, n);
}

enum roll attach_let_old_go(struct rollout *r)
{
    const struct old *old = next_to_go(r);
    int64_t served_ms = rollout_fact(r, "rollout.served_ms", 0);
    if (!old) /* the group has shrunk by itself meanwhile */
        return rollout_note_i64(r, "rollout.removed", rollout_fact(r, "rollout.raised", 0));
    if (!served_ms)
        return rollout_note_i64(r, "rollout.served_ms", r->now_ms);
    int64_t drained_ms = served_ms + r->o->environment->rollout.drain_s * 1000;
    if (r->now_ms < drained_ms)
        return rollout_wait(r, drained_ms);
    int64_t due_ms = hour_end_ms(r, old) - slack_ms(r);
    bool waits = at_hour_end(r) && old->member->healthy && wave_due_ms(r, hour_end_ms(r, old)) > 0;
    if (waits && r->now_ms < due_ms)
        return rollout_wait(r, due_ms);
    if (rollout_note_i64(r, "rollout.removing_desired", r->group.desired) == ROLL_STOP ||
        rollout_note(r, "rollout.removing", old->member->id) == ROLL_STOP)
        return ROLL_STOP;
    return attach_remove_old(r, arena_dup(&r->arena, old->member->id));
}

/* ---- those attached ---- */

/* Of a wave, what is not the boot is the entry into service. A group that is much faster than it used to be is noticed
 * before twice the time it took. */
static int64_t look_at_entry_ms(const struct rollout *r)
{
    int64_t since_ms = rollout_fact(r, "rollout.attached_ms", r->now_ms);
    int64_t entry_s = r->o->wave_s > r->o->boot_s ? r->o->wave_s - r->o->boot_s : 0;
    int64_t at_ms = look_again_ms(r->now_ms, since_ms, entry_s * 1000);
    int64_t twice_ms = since_ms + 2 * (r->now_ms - since_ms);
    int64_t soon_ms = r->now_ms + 2000;
    twice_ms = twice_ms > soon_ms ? twice_ms : soon_ms;
    return twice_ms < at_ms ? twice_ms : at_ms;
}

/* One that left a group of engine step is the group's to launch again, and its activities say why it went. */
static enum roll watch(struct rollout *r, struct fresh *f, int64_t limit_ms)
{
    bool serves = false;
    if (!f->member) {
        bool is_dead = f->instance && f->instance->state >= INSTANCE_STOPPING && f->instance->state != INSTANCE_UNKNOWN;
        if (!is_dead && r->now_ms - rollout_fact(r, "rollout.attached_ms", 0) < UNSEEN_MS)
            return rollout_wait(r, r->now_ms + 2000);
        return is_step(r) ? ROLL_NEXT : fleet_fail(r, f, "it left the group");
    }
    enum roll next = rollout_serves(r, f->member, &serves);
    if (next != ROLL_NEXT || serves)
        return next;
    if (r->now_ms < limit_ms) {
        int64_t at_ms = look_at_entry_ms(r);
        return rollout_wait(r, at_ms < limit_ms ? at_ms : limit_ms);
    }
    err_set(r->err, EXIT_FAILED, "%s does not serve %" PRId64 " s after it was attached: %s, %s", f->id,
            r->o->environment->rollout.grace_s, f->member->lifecycle, f->member->healthy ? "healthy" : "unhealthy");
    return ROLL_FAIL;
}

enum roll attach_watch(struct rollout *r)
{
    enum roll result = ROLL_NEXT;
    int64_t limit_ms = rollout_fact(r, "rollout.attached_ms", 0) + r->o->environment->rollout.grace_s * 1000;
    for (size_t i = 0; i < r->fresh_count; i++) {
        if (r->fresh[i].state != FRESH_ATTACHED)
            continue;
        if (fleet_disarm(r, &r->fresh[i]) == ROLL_STOP)
            return ROLL_STOP;
        enum roll next = watch(r, &r->fresh[i], limit_ms);
        if (next == ROLL_STOP || next == ROLL_FAIL)
            return next;
        if (next != ROLL_NEXT)
            result = next;
    }
    return result;
}

/* ---- attaching ---- */

static enum roll make_room(struct rollout *r, int64_t count)
{
    struct group_change change = GROUP_CHANGE_NONE;
    enum roll next = rollout_tag_group(r);
    if (next != ROLL_NEXT || r->group.desired + count <= r->group.max)
        return next;
    change.max = r->group.desired + count;
    return rollout_change(r, &change, "the maximum makes room for the new instances");
}

/* A proven one that died before it was attached has failed after all. */
enum roll attach_still_there(struct rollout *r)
{
    for (size_t i = 0; i < r->fresh_count; i++) {
        struct fresh *f = &r->fresh[i];
        if (f->state != FRESH_PROVEN || f->member || !f->instance || f->instance->state == INSTANCE_RUNNING)
            continue;
        return fleet_fail(r, f, "it ended before it was attached");
    }
    return ROLL_NEXT;
}

enum roll attach_proven(struct rollout *r)
{
    const char *ids[ATTACH_MOST];
    struct journal_fact facts[ATTACH_MOST + 4];
    struct aws_error error = {0};
    size_t count = 0;
    for (size_t i = 0; i < r->fresh_count && count < ATTACH_MOST; i++)
        if (r->fresh[i].state == FRESH_PROVEN) {
            facts[count] =
                (struct journal_fact){arena_textf(&r->arena, "rollout.state.%" PRId64, r->fresh[i].k), "attached"};
            ids[count++] = r->fresh[i].id;
        }
    enum roll next = make_room(r, (int64_t)count);
    if (next != ROLL_NEXT)
        return next;
    if (rollout_intend(r, "AttachInstances", "") == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_attach(r->o->cloud, r->group.name, ids, count, &error))
        return rollout_failed(r, "AttachInstances", true, &error);
    size_t n = count;
    int64_t raised = rollout_fact(r, "rollout.raised", 0) + (int64_t)count;
    facts[n++] = (struct journal_fact){"rollout.raised", rollout_number(r, raised)};
    facts[n++] = (struct journal_fact){"rollout.attached_ms", rollout_number(r, r->now_ms)};
    facts[n++] = (struct journal_fact){"rollout.served_ms", NULL};
    facts[n++] = (struct journal_fact){"rollout.waves", rollout_number(r, rollout_fact(r, "rollout.waves", 0) + 1)};
    return rollout_did(r, "AttachInstances", r->group.name, facts, n);
}

/* ---- a wave ---- */

static int64_t wave_size(const struct rollout *r)
{
    int64_t size = rollout_surge(r->o->environment, r->group.desired, r->group.max);
    bool is_proven = fleet_count(r, FRESH_ATTACHED) > 0 || fleet_count(r, FRESH_PROVEN) > 0;
    if (strcmp(r->o->environment->rollout.canary, "alone") == 0 && (!is_proven || is_step(r)))
        size = 1;
    return size < ATTACH_MOST ? size : ATTACH_MOST;
}

int64_t attach_old_in_wave(const struct rollout *r)
{
    if (!at_hour_end(r))
        return (int64_t)r->old_count;
    int64_t first_ms = first_hour_end_ms(r);
    int64_t count = 0;
    for (size_t i = 0; i < r->old_count; i++)
        count += hour_end_ms(r, &r->old[i]) <= first_ms + SAME_HOUR_MS;
    return count;
}

enum roll attach_await_hour(struct rollout *r)
{
    int64_t begin_ms = at_hour_end(r) && r->old_count > 0 ? wave_due_ms(r, first_hour_end_ms(r)) : 0;
    return r->now_ms < begin_ms ? rollout_wait(r, begin_ms) : ROLL_NEXT;
}

enum roll attach_prove_wave(struct rollout *r)
{
    int64_t outside = fleet_count(r, FRESH_LAUNCHED) + fleet_count(r, FRESH_PROVEN);
    enum roll next = outside == 0 ? attach_await_hour(r) : ROLL_NEXT;
    if (next != ROLL_NEXT)
        return next;
    int64_t size = wave_size(r);
    int64_t old = attach_old_in_wave(r);
    next = fleet_launch(r, (size < old ? size : old) - outside);
    if (next != ROLL_NEXT)
        return next;
    if (fleet_keep_guards(r) == ROLL_STOP)
        return ROLL_STOP;
    return fleet_prove(r);
}

enum roll attach_step(struct rollout *r)
{
    const char *removing = journal_fact(r->o->journal, "rollout.removing");
    if (removing)
        return attach_remove_old(r, arena_dup(&r->arena, removing));
    enum roll next = attach_still_there(r);
    if (next == ROLL_NEXT)
        next = attach_watch(r);
    if (next != ROLL_NEXT)
        return next;
    if (rollout_fact(r, "rollout.raised", 0) > rollout_fact(r, "rollout.removed", 0))
        return attach_let_old_go(r);
    if (r->old_count == 0)
        return ROLL_NEXT;
    next = attach_prove_wave(r);
    return next == ROLL_NEXT ? attach_proven(r) : next;
}
