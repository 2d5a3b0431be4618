/*
 * rollout_finish.c - the end of a rollout, and the way back.
 *
 * Finish: every member is of the new image and serves; the template names the new version; desired count and maximum
 * are what they were; nothing is outside; the group bears no tag of ours.
 *
 * Restore, whatever the engine was and wherever it stopped: the template names the good version; what is outside ends;
 * members of the new image go one by one, by the group's own replacement, never below the share that must stay healthy
 * (where it is all of them, the desired count is one higher meanwhile); then all is verified.
 */
#include <inttypes.h>
#include <string.h>

#include "scheduler/rollout_private.h"

#define LOOK_MS     3000
#define PASSED_MS   60000  /* a schedule is carried out within a minute of its time */
#define HARMLESS_MS 120000 /* when a dead-man that names what is there has its time */

/* Outside the group and still alive, as far as the journal knows. */
static struct fresh *outside(struct rollout *r)
{
    for (size_t i = 0; i < r->fresh_count; i++)
        if (r->fresh[i].state <= FRESH_PROVEN && !r->fresh[i].member)
            return &r->fresh[i];
    return NULL;
}

/* ROLL_NEXT with the number of members that serve, of those given. */
static enum roll count_serving(struct rollout *r, const struct old *members, size_t count, int64_t *serving)
{
    *serving = 0;
    for (size_t i = 0; i < count; i++) {
        bool serves = false;
        enum roll next = rollout_serves(r, members[i].member, &serves);
        if (next != ROLL_NEXT)
            return next;
        *serving += serves;
    }
    return ROLL_NEXT;
}

/* The group's own dead-man would give it the good version back. Where it cannot be taken away it is told to name the
 * version that the group has; where that fails, too, the group is not finished: its time would come. */
static enum roll disarm_group(struct rollout *r, bool good)
{
    const char *name = rollout_guard(r, "group");
    int64_t ends_ms = rollout_fact(r, arena_textf(&r->arena, "dead-man.%s", name), 0);
    bool armed = false;
    struct group_change same = GROUP_CHANGE_NONE;
    int code = deadman_disarm(r->o->cloud, r->o->journal, name, r->err);
    if (code == JOURNAL_STOPPED)
        return ROLL_STOP;
    bool step =
        strcmp(r->o->environment->rollout.engine, "step") == 0; /* a refresh that is over cannot be taken back */
    if (!code || good || !step || r->now_ms > ends_ms + PASSED_MS)
        return ROLL_NEXT;
    rollout_name_version(r->o, good, &same);
    code = deadman_arm_group(r->o->cloud, r->o->journal, r->o->environment, name, &same, r->now_ms + HARMLESS_MS,
                             &armed, r->err);
    if (code == JOURNAL_STOPPED)
        return ROLL_STOP;
    if (!code)
        return ROLL_NEXT;
    return r->now_ms + LOOK_MS < ends_ms - PASSED_MS / 2 ? rollout_wait(r, r->now_ms + LOOK_MS) : ROLL_FAIL;
}

static enum roll disarm_all(struct rollout *r, bool good)
{
    for (size_t i = 0; i < r->fresh_count; i++)
        if (fleet_disarm(r, &r->fresh[i]) == ROLL_STOP)
            return ROLL_STOP;
    return disarm_group(r, good);
}

/* ---- forward ---- */

/* The group's size is not what it was. Has somebody else changed it: a policy, a schedule, a person? Its activities
 * say. Else it is a trace of ours (a member that the group took out by itself while a runner was dead, a call that was
 * delivered twice), and is mended. */
static enum roll resized_by_others(struct rollout *r, bool *by_others)
{
    static const char *const words[] = {"triggered policy", "scheduled action",
                                        "explicitly set group desired capacity"};
    struct activities found;
    struct aws_error error = {0};
    *by_others = false;
    if (r->group.desired == r->desired || strcmp(r->o->environment->rollout.engine, "attach") != 0)
        return ROLL_NEXT;
    if (cloud_activities(r->o->cloud, r->group.name, rollout_fact(r, "rollout.began_ms", 0), &r->arena, &found, &error))
        return rollout_failed(r, "DescribeScalingActivities", false, &error);
    for (size_t i = 0; i < found.count; i++)
        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
            *by_others = *by_others || strstr(found.items[i].cause, words[w]);
    return rollout_went_well(r, "DescribeScalingActivities");
}

static enum roll name_new(struct rollout *r)
{
    struct group_change change = GROUP_CHANGE_NONE;
    bool by_others = false;
    enum roll next = resized_by_others(r, &by_others);
    if (next != ROLL_NEXT)
        return next;
    if (!by_others && r->group.desired != r->desired)
        change.desired = r->desired;
    if (r->group.max != r->max && r->group.desired <= r->max)
        change.max = r->max;
    if (!rollout_names(r, false))
        rollout_name_version(r->o, false, &change);
    if (change.max < 0 && change.desired < 0 && !change.template_id && !change.launch_config)
        return ROLL_NEXT;
    return rollout_change(r, &change, r->o->version_new);
}

static enum roll all_new_serve(struct rollout *r)
{
    for (size_t i = 0; i < r->fresh_count; i++) {
        bool serves = true;
        if (!r->fresh[i].member)
            continue;
        enum roll next = rollout_serves(r, r->fresh[i].member, &serves);
        if (next != ROLL_NEXT)
            return next;
        if (!serves)
            return ROLL_WAIT;
    }
    int64_t serving = 0;
    enum roll next = count_serving(r, r->alien, r->alien_count, &serving);
    return next != ROLL_NEXT ? next : serving == (int64_t)r->alien_count ? ROLL_NEXT : ROLL_WAIT;
}

static int64_t new_members(const struct rollout *r)
{
    int64_t count = (int64_t)r->alien_count;
    for (size_t i = 0; i < r->fresh_count; i++)
        count += r->fresh[i].member != NULL;
    return count;
}

/* What the group launched by itself is counted when all of it is there: for the statement. */
static enum roll count_launches(struct rollout *r)
{
    bool attach = strcmp(r->o->environment->rollout.engine, "attach") == 0;
    if (attach || journal_fact(r->o->journal, "rollout.by_group"))
        return ROLL_NEXT;
    int64_t launched = rollout_fact(r, "rollout.launched", 0) + (int64_t)r->alien_count;
    const struct journal_fact facts[] = {{"rollout.by_group", rollout_number(r, (int64_t)r->alien_count)},
                                         {"rollout.launched", rollout_number(r, launched)}};
    return journal_notes(r->o->journal, ROLLOUT_STEP, facts, 2, r->err) ? ROLL_STOP : ROLL_NEXT;
}

enum roll finish_step(struct rollout *r)
{
    int64_t since_ms = rollout_fact(r, "rollout.finish_ms", 0);
    struct fresh *left = outside(r);
    if (!since_ms)
        return rollout_note_i64(r, "rollout.finish_ms", r->now_ms);
    if (left)
        return fleet_end(r, left, "gone");
    if (r->old_count > 0 && rollout_names(r, false) && r->now_ms - since_ms > LOOK_MS)
        return rollout_note(r, "rollout.phase", "waves"); /* the group launched one more of the good image in between */
    if (r->old_count > 0 && !rollout_names(r, false))
        return rollout_note(r, "rollout.phase", "waves");
    enum roll next = name_new(r);
    if (next != ROLL_NEXT)
        return next;
    next = all_new_serve(r);
    if (next == ROLL_STOP || next == ROLL_FAIL || next == ROLL_AGAIN)
        return next;
    if (next == ROLL_WAIT || new_members(r) < r->group.desired || r->old_count > 0) {
        if (r->now_ms - since_ms > rollout_life_s(r->o) * 1000) {
            err_set(r->err, EXIT_FAILED, "of %" PRId64 " members %" PRId64 " are of the new image, and not all serve",
                    r->group.desired, new_members(r));
            return ROLL_FAIL;
        }
        return rollout_wait(r, r->now_ms + LOOK_MS);
    }
    next = disarm_all(r, false);
    if (next != ROLL_NEXT)
        return next;
    return count_launches(r) == ROLL_STOP ? ROLL_STOP : rollout_untag_group(r);
}

/* ---- back ---- */

/* Members that have to go: of the new image, whoever brought them in. */
static size_t bad_members(struct rollout *r, struct old **out)
{
    size_t count = 0;
    struct old *bad = arena_alloc(&r->arena, (r->group.member_count + 1) * sizeof *bad);
    for (size_t i = 0; i < r->alien_count; i++)
        bad[count++] = r->alien[i];
    for (size_t i = 0; i < r->fresh_count; i++)
        if (r->fresh[i].member)
            bad[count++] = (struct old){r->fresh[i].member, r->fresh[i].instance};
    *out = bad;
    return count;
}

static enum roll stop_refresh(struct rollout *r)
{
    struct aws_error error = {0};
    if (!journal_fact(r->o->journal, "rollout.refresh") || journal_fact(r->o->journal, "rollout.refresh_over"))
        return ROLL_NEXT;
    if (rollout_intend(r, "CancelInstanceRefresh", "") == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_cancel_refresh(r->o->cloud, r->group.name, &error))
        return rollout_failed(r, "CancelInstanceRefresh", true, &error);
    const struct journal_fact fact = {"rollout.refresh_over", "cancelled"};
    return rollout_did(r, "CancelInstanceRefresh", r->group.name, &fact, 1);
}

static enum roll remove_bad(struct rollout *r, const char *id, bool decrement)
{
    static const char action[] = "TerminateInstanceInAutoScalingGroup";
    struct aws_error error = {0};
    if (rollout_intend(r, action, id) == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_terminate_member(r->o->cloud, r->group.name, id, decrement, &error))
        return rollout_failed(r, action, true, &error);
    return rollout_did(r, action, id, NULL, 0);
}

/* One more than were wanted, so that none is missing while a replacement starts. */
static enum roll raise_by_one(struct rollout *r)
{
    struct group_change change = GROUP_CHANGE_NONE;
    enum roll next = rollout_tag_group(r);
    if (next != ROLL_NEXT)
        return next;
    change.desired = r->desired + 1;
    if (change.desired > r->group.max)
        change.max = change.desired;
    return rollout_change(r, &change, "one more while bad ones go");
}

/* One bad member goes, if that leaves enough. NEXT: it has to wait. */
static enum roll replace_bad(struct rollout *r, const struct old *bad, size_t count)
{
    int64_t bad_serving = 0;
    int64_t good_serving = 0;
    int64_t floor = (r->desired * r->o->environment->rollout.min_healthy_percent + 99) / 100;
    enum roll next = count_serving(r, r->old, r->old_count, &good_serving);
    for (size_t i = 0; i < count && next == ROLL_NEXT; i++) {
        int64_t one = 0;
        next = count_serving(r, &bad[i], 1, &one);
        if (next == ROLL_NEXT && !one) /* it serves nobody: no loss */
            return remove_bad(r, bad[i].member->id, r->group.desired > r->desired);
        bad_serving += one;
    }
    if (next != ROLL_NEXT)
        return next;
    if (good_serving + bad_serving - 1 >= floor)
        return remove_bad(r, bad[0].member->id, r->group.desired > r->desired);
    return r->group.desired <= r->desired ? raise_by_one(r) : ROLL_NEXT;
}

static enum roll size_as_before(struct rollout *r)
{
    struct group_change change = GROUP_CHANGE_NONE;
    if (r->group.desired != r->desired)
        change.desired = r->desired;
    if (r->group.max != r->max)
        change.max = r->max;
    if (!rollout_names(r, true))
        rollout_name_version(r->o, true, &change);
    if (change.desired < 0 && change.max < 0 && !change.template_id && !change.launch_config)
        return ROLL_NEXT;
    return rollout_change(r, &change, r->o->version_good);
}

/* What the group does by itself takes as long as a boot and its grace for each member, and then some. */
static enum roll wait_for_group(struct rollout *r)
{
    int64_t since_ms = rollout_fact(r, "rollout.restore_ms", r->now_ms);
    int64_t limit_ms = since_ms + rollout_life_s(r->o) * 1000 * (2 + r->desired);
    if (r->now_ms < limit_ms)
        return rollout_wait(r, r->now_ms + LOOK_MS);
    err_set(r->err, EXIT_FAILED,
            "after %" PRId64 " s the group %s does not have its %" PRId64 " members of %s, serving",
            (r->now_ms - since_ms) / 1000, r->group.name, r->desired, r->o->image_good);
    return ROLL_FAIL;
}

enum roll restore_step(struct rollout *r)
{
    struct old *bad = NULL;
    struct fresh *left = outside(r);
    int64_t serving = 0;
    bool same = strcmp(r->o->image_new, r->o->image_good) == 0;
    size_t count = same ? 0 : bad_members(r, &bad);
    enum roll next = stop_refresh(r);
    if (next != ROLL_NEXT)
        return next;
    if (!rollout_names(r, true)) {
        struct group_change change = GROUP_CHANGE_NONE;
        rollout_name_version(r->o, true, &change);
        return rollout_change(r, &change, r->o->version_good);
    }
    if (left)
        return fleet_end(r, left, "gone");
    next = count ? replace_bad(r, bad, count) : size_as_before(r);
    if (next != ROLL_NEXT)
        return next;
    if (!count) {
        next = count_serving(r, r->old, r->old_count, &serving);
        if (next != ROLL_NEXT)
            return next;
        if (serving >= r->desired && (int64_t)r->old_count == r->desired)
            return disarm_all(r, true) == ROLL_STOP ? ROLL_STOP : rollout_untag_group(r);
    }
    return wait_for_group(r);
}
