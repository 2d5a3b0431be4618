#include "scheduler/rollout.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "billing/meter.h"
#include "scheduler/rollout_private.h"

#define TROUBLE_MS      600000 /* how long transient failures are borne */
#define TROUBLE_LOOK_MS 5000
#define FILTER_MOST     200
#define ROUNDS_MOST     500 /* steps of one call of rollout_advance */

/* ---- facts and calls ---- */

int64_t rollout_fact(const struct rollout *r, const char *key, int64_t otherwise)
{
    return journal_fact_i64(r->o->journal, key, otherwise);
}

const char *rollout_number(struct rollout *r, int64_t n)
{
    return arena_textf(&r->arena, "%" PRId64, n);
}

const char *rollout_guard(struct rollout *r, const char *what)
{
    char name[DEADMAN_NAME_SIZE];
    char site[DEADMAN_SITE_SIZE];
    const char *project = r->o->config->project ? r->o->config->project : "";
    deadman_site(site, project, r->o->environment->name);
    return arena_dup(&r->arena, deadman_name(name, site, journal_run(r->o->journal), what));
}

enum roll rollout_wait(struct rollout *r, int64_t at_ms)
{
    if (*r->again_ms == 0 || at_ms < *r->again_ms)
        *r->again_ms = at_ms;
    return ROLL_WAIT;
}

enum roll rollout_note(struct rollout *r, const char *key, const char *value)
{
    return journal_note(r->o->journal, ROLLOUT_STEP, key, value, r->err) ? ROLL_STOP : ROLL_AGAIN;
}

enum roll rollout_note_i64(struct rollout *r, const char *key, int64_t value)
{
    return rollout_note(r, key, rollout_number(r, value));
}

enum roll rollout_intend(struct rollout *r, const char *action, const char *token)
{
    return journal_intent(r->o->journal, ROLLOUT_STEP, action, token, r->err) ? ROLL_STOP : ROLL_NEXT;
}

/* Since when a call fails is a fact, so that a new process does not start the ten minutes anew; each call has its own,
 * or one that succeeds would forgive another that never does. */
static const char *trouble_of(struct rollout *r, const char *action)
{
    return arena_textf(&r->arena, "rollout.trouble.%s", action);
}

enum roll rollout_went_well(struct rollout *r, const char *action)
{
    const char *key = trouble_of(r, action);
    return journal_fact(r->o->journal, key) && rollout_note(r, key, NULL) == ROLL_STOP ? ROLL_STOP : ROLL_NEXT;
}

enum roll rollout_did(struct rollout *r, const char *action, const char *detail, const struct journal_fact *facts,
                      size_t count)
{
    if (journal_outcome(r->o->journal, ROLLOUT_STEP, action, true, detail, facts, count, r->err))
        return ROLL_STOP;
    return rollout_went_well(r, action) == ROLL_STOP ? ROLL_STOP : ROLL_AGAIN;
}

static bool asked_to_leave(const struct aws_error *e)
{
    return aws_error_is(e, "stopped") || aws_error_is(e, "killed") || aws_error_is(e, "lease");
}

static bool is_transient(const struct aws_error *e)
{
    return aws_error_transient(e) || e->outcome == AWS_UNCERTAIN || e->outcome == AWS_UNSENT || retry_not_found(e) ||
           aws_error_is(e, "InsufficientInstanceCapacity") || aws_error_is(e, "InstanceLimitExceeded") ||
           aws_error_is(e, "ScalingActivityInProgress") || aws_error_is(e, "ScalingActivityInProgressFault");
}

enum roll rollout_failed(struct rollout *r, const char *action, bool intended, const struct aws_error *error)
{
    cloud_err(r->err, EXIT_FAILED, action, error);
    if (asked_to_leave(error))
        return ROLL_STOP;
    const char *key = trouble_of(r, action);
    int64_t since_ms = rollout_fact(r, key, 0);
    if (since_ms < rollout_fact(r, "rollout.restore_ms", 0)) /* the way back has its own ten minutes */
        since_ms = 0;
    struct journal_fact trouble = {key, rollout_number(r, since_ms ? since_ms : r->now_ms)};
    struct err why = *r->err;
    if (intended && journal_outcome(r->o->journal, ROLLOUT_STEP, action, false, error->code, &trouble, 1, r->err))
        return ROLL_STOP;
    if (!intended && !since_ms && rollout_note(r, trouble.key, trouble.value) == ROLL_STOP)
        return ROLL_STOP;
    *r->err = why;
    if (!is_transient(error) || (since_ms && r->now_ms - since_ms > TROUBLE_MS))
        return ROLL_FAIL;
    return rollout_wait(r, r->now_ms + TROUBLE_LOOK_MS);
}

/* ---- what the order allows ---- */

int64_t rollout_life_s(const struct rollout_order *o)
{
    return o->environment->rollout.boot_limit_s + o->environment->rollout.grace_s;
}

int64_t rollout_allowed(const struct rollout_order *o)
{
    int64_t each_s = meter_billed_s(regime_meter(o->regime), rollout_life_s(o));
    int64_t by_time = o->cap_instance_s / each_s;
    return by_time < o->cap_attempts ? by_time : o->cap_attempts;
}

/* ---- a look ---- */

const struct instance *rollout_instance(const struct rollout *r, const char *id)
{
    for (size_t i = 0; i < r->seen.count; i++)
        if (strcmp(r->seen.items[i].id, id) == 0)
            return &r->seen.items[i];
    return NULL;
}

static const struct member *member_of(const struct group *g, const char *id)
{
    for (size_t i = 0; i < g->member_count; i++)
        if (strcmp(g->members[i].id, id) == 0)
            return &g->members[i];
    return NULL;
}

static bool is_leaving(const struct member *m)
{
    return strncmp(m->lifecycle, "Terminat", 8) == 0 || strncmp(m->lifecycle, "Detach", 6) == 0;
}

bool rollout_is_new(const struct rollout *r, const struct member *m, const struct instance *i)
{
    if (i && *i->image)
        return strcmp(i->image, r->o->image_new) == 0;
    if (r->o->configuration)
        return strcmp(m->launch_config, r->o->version_new) == 0;
    return strcmp(m->template_version, r->o->version_new) == 0;
}

static enum fresh_state state_named(const char *text)
{
    static const char *const names[] = {
        [FRESH_PROVEN] = "proven", [FRESH_ATTACHED] = "attached", [FRESH_FAILED] = "failed", [FRESH_GONE] = "gone"};
    for (int i = FRESH_PROVEN; text && i <= FRESH_GONE; i++)
        if (strcmp(text, names[i]) == 0)
            return (enum fresh_state)i;
    return FRESH_LAUNCHED;
}

static void see_fresh(struct rollout *r)
{
    const struct journal *j = r->o->journal;
    int64_t launches = rollout_fact(r, "rollout.launches", 0);
    r->fresh = arena_alloc(&r->arena, (size_t)(launches + 1) * sizeof *r->fresh);
    for (int64_t k = 0; k < launches; k++) {
        const char *id = journal_factf(j, "rollout.launch.%" PRId64, k);
        const char *at = journal_factf(j, "rollout.at.%" PRId64, k);
        if (!id) /* refused: nothing was launched */
            continue;
        r->fresh[r->fresh_count++] = (struct fresh){
            .k = k,
            .id = arena_dup(&r->arena, id),
            .state = state_named(journal_factf(j, "rollout.state.%" PRId64, k)),
            .at_ms = at ? strtoll(at, NULL, 10) : 0,
        };
    }
}

/* Asked by filter: an id that a lagging read does not know is left out, and is no error. A filter takes 200 values. */
static int see_some(struct rollout *r, const struct tag *filters, size_t count, struct aws_error *error)
{
    struct instances some;
    const struct lookup lookup = {.filters = filters, .filter_count = count};
    if (cloud_describe_instances(r->o->cloud, &lookup, &r->arena, &some, error))
        return -1;
    struct instance *all = arena_alloc(&r->arena, (r->seen.count + some.count + 1) * sizeof *all);
    if (r->seen.count > 0)
        memcpy(all, r->seen.items, r->seen.count * sizeof *all);
    if (some.count > 0)
        memcpy(all + r->seen.count, some.items, some.count * sizeof *all);
    r->seen.items = all;
    r->seen.count += some.count;
    return 0;
}

static int see_instances(struct rollout *r, struct aws_error *error)
{
    size_t most = r->group.member_count + r->fresh_count;
    struct tag *filters = arena_alloc(&r->arena, (most + 1) * sizeof *filters);
    size_t count = 0;
    for (size_t i = 0; i < r->group.member_count; i++)
        filters[count++] = (struct tag){"instance-id", r->group.members[i].id};
    for (size_t i = 0; i < r->fresh_count; i++)
        if (r->fresh[i].state <= FRESH_ATTACHED)
            filters[count++] = (struct tag){"instance-id", r->fresh[i].id};
    for (size_t at = 0; at < count; at += FILTER_MOST)
        if (see_some(r, filters + at, count - at < FILTER_MOST ? count - at : FILTER_MOST, error))
            return -1;
    return 0;
}

const struct fresh *rollout_fresh(const struct rollout *r, const char *id)
{
    for (size_t i = 0; i < r->fresh_count; i++)
        if (strcmp(r->fresh[i].id, id) == 0)
            return &r->fresh[i];
    return NULL;
}

static void sort_members(struct rollout *r)
{
    r->old = arena_alloc(&r->arena, (r->group.member_count + 1) * sizeof *r->old);
    r->alien = arena_alloc(&r->arena, (r->group.member_count + 1) * sizeof *r->alien);
    for (size_t i = 0; i < r->group.member_count; i++) {
        const struct member *m = &r->group.members[i];
        const struct old old = {m, rollout_instance(r, m->id)};
        if (is_leaving(m) || rollout_fresh(r, m->id))
            continue;
        if (rollout_is_new(r, m, old.instance))
            r->alien[r->alien_count++] = old;
        else
            r->old[r->old_count++] = old;
    }
    for (size_t i = 0; i < r->fresh_count; i++) {
        const struct member *m = member_of(&r->group, r->fresh[i].id);
        r->fresh[i].instance = rollout_instance(r, r->fresh[i].id);
        r->fresh[i].member = m && !is_leaving(m) ? m : NULL;
    }
}

enum roll rollout_see(struct rollout *r)
{
    struct aws_error error = {0};
    see_fresh(r);
    if (cloud_describe_group(r->o->cloud, r->o->environment->group, &r->arena, &r->group, &error))
        return rollout_failed(r, "DescribeAutoScalingGroups", false, &error);
    if (see_instances(r, &error))
        return rollout_failed(r, "DescribeInstances", false, &error);
    sort_members(r);
    return rollout_went_well(r, "DescribeAutoScalingGroups") == ROLL_STOP ? ROLL_STOP
                                                                          : rollout_went_well(r, "DescribeInstances");
}

void rollout_unsee(struct rollout *r)
{
    arena_release(&r->arena);
}

static bool has_balancer(const struct rollout *r)
{
    return r->group.target_group_count > 0 && strcmp(r->o->environment->rollout.probe, "runner") != 0;
}

/* Once a look, however many members ask. */
static enum roll ask_health(struct rollout *r)
{
    struct aws_error error = {0};
    struct targets *health = arena_alloc(&r->arena, (r->group.target_group_count + 1) * sizeof *health);
    if (r->health)
        return ROLL_NEXT;
    for (size_t t = 0; has_balancer(r) && t < r->group.target_group_count; t++)
        if (cloud_target_health(r->o->cloud, r->group.target_groups[t], &r->arena, &health[t], &error))
            return rollout_failed(r, "DescribeTargetHealth", false, &error);
    r->health = health;
    return rollout_went_well(r, "DescribeTargetHealth");
}

enum roll rollout_serves(struct rollout *r, const struct member *m, bool *serves)
{
    *serves = false;
    enum roll next = ask_health(r);
    if (next != ROLL_NEXT)
        return next;
    *serves = m->healthy && strcmp(m->lifecycle, "InService") == 0;
    for (size_t t = 0; *serves && has_balancer(r) && t < r->group.target_group_count; t++) {
        bool is_healthy = false;
        for (size_t i = 0; i < r->health[t].count; i++)
            is_healthy = is_healthy || (strcmp(r->health[t].items[i].id, m->id) == 0 &&
                                        strcmp(r->health[t].items[i].state, "healthy") == 0);
        *serves = is_healthy;
    }
    return ROLL_NEXT;
}

/* ---- the group ---- */

void rollout_name_version(const struct rollout_order *o, bool good, struct group_change *change)
{
    const char *version = good ? o->version_good : o->version_new;
    if (o->configuration) {
        change->launch_config = version;
    } else {
        change->template_id = o->template_id;
        change->template_version = version;
    }
}

bool rollout_names(const struct rollout *r, bool good)
{
    const char *version = good ? r->o->version_good : r->o->version_new;
    return strcmp(r->o->configuration ? r->group.launch_config : r->group.template_version, version) == 0;
}

enum roll rollout_tag_group(struct rollout *r)
{
    if (journal_fact(r->o->journal, "rollout.tagged"))
        return ROLL_NEXT;
    struct aws_error error = {0};
    const struct tag tags[] = {{"bakehour:run", journal_run(r->o->journal)},
                               {"bakehour:desired", rollout_number(r, r->desired)},
                               {"bakehour:max", rollout_number(r, r->max)}};
    const struct journal_fact fact = {"rollout.tagged", "yes"};
    if (rollout_intend(r, "CreateOrUpdateTags", "") == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_tag_group(r->o->cloud, r->group.name, tags, 3, &error))
        return rollout_failed(r, "CreateOrUpdateTags", true, &error);
    return rollout_did(r, "CreateOrUpdateTags", r->group.name, &fact, 1);
}

enum roll rollout_untag_group(struct rollout *r)
{
    static const struct tag tags[] = {{"bakehour:run", NULL}, {"bakehour:desired", NULL}, {"bakehour:max", NULL}};
    struct aws_error error = {0};
    const struct journal_fact fact = {"rollout.tagged", NULL};
    if (!journal_fact(r->o->journal, "rollout.tagged") && !tag_value(r->group.tags, r->group.tag_count, tags[1].key))
        return ROLL_NEXT;
    if (rollout_intend(r, "DeleteTags", "") == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_untag_group(r->o->cloud, r->group.name, tags, 3, &error))
        return rollout_failed(r, "DeleteTags", true, &error);
    return rollout_did(r, "DeleteTags", r->group.name, &fact, 1) == ROLL_STOP ? ROLL_STOP : ROLL_NEXT;
}

const char *rollout_asks(struct arena *arena, const struct group_change *change)
{
    const char *version = change->launch_config ? change->launch_config : change->template_version;
    return arena_textf(arena, "desired=%lld max=%lld version=%s", (long long)change->desired, (long long)change->max,
                       version ? version : "");
}

enum roll rollout_change(struct rollout *r, const struct group_change *change, const char *what)
{
    struct aws_error error = {0};
    struct group_change c = *change;
    c.mixed = r->group.mixed;
    if (rollout_intend(r, "UpdateAutoScalingGroup", rollout_asks(&r->arena, &c)) == ROLL_STOP)
        return ROLL_STOP;
    if (cloud_update_group(r->o->cloud, r->group.name, &c, &error))
        return rollout_failed(r, "UpdateAutoScalingGroup", true, &error);
    return rollout_did(r, "UpdateAutoScalingGroup", what, NULL, 0);
}

/* ---- the whole ---- */

static enum roll begin(struct rollout *r)
{
    struct aws_error error = {0};
    int64_t delay_s = 0;
    if (rollout_delay(r->o->cloud, &r->group, &delay_s, &error))
        return rollout_failed(r, "DescribeTargetGroupAttributes", false, &error);
    const struct journal_fact facts[] = {{"rollout.desired", rollout_number(r, r->group.desired)},
                                         {"rollout.max", rollout_number(r, r->group.max)},
                                         {"rollout.began_ms", rollout_number(r, r->now_ms)},
                                         {"rollout.delay_s", rollout_number(r, delay_s)},
                                         {"rollout.phase", "waves"}};
    return journal_notes(r->o->journal, ROLLOUT_STEP, facts, 5, r->err) ? ROLL_STOP : ROLL_AGAIN;
}

static enum roll turn_back(struct rollout *r, const char *verdict)
{
    const struct journal_fact facts[] = {{"rollout.phase", "restore"},
                                         {"rollout.verdict", verdict},
                                         {"rollout.why", arena_dup(&r->arena, r->err->text)},
                                         {"rollout.restore_ms", rollout_number(r, r->now_ms)}};
    return journal_notes(r->o->journal, ROLLOUT_STEP, facts, 4, r->err) ? ROLL_STOP : ROLL_AGAIN;
}

static enum roll forward(struct rollout *r, const char *phase)
{
    static enum roll (*const engines[])(struct rollout *) = {attach_step, refresh_step, step_step};
    static const char *const names[] = {"attach", "refresh", "step"};
    enum roll next = ROLL_FAIL;
    if (strcmp(phase, "finish") == 0)
        return finish_step(r);
    for (size_t i = 0; i < 3; i++)
        if (strcmp(names[i], r->o->environment->rollout.engine) == 0)
            next = engines[i](r);
    return next == ROLL_NEXT ? rollout_note(r, "rollout.phase", "finish") : next;
}

static enum roll end_with(struct rollout *r, const char *phase)
{
    const struct journal_fact facts[] = {{"rollout.phase", phase}, {"rollout.ended_ms", rollout_number(r, r->now_ms)}};
    return journal_notes(r->o->journal, ROLLOUT_STEP, facts, 2, r->err) ? ROLL_STOP : ROLL_AGAIN;
}

/* What is left to be called when the end is written already. */
static enum rollout_result result_of(const struct rollout_order *o, const char *phase, struct err *err)
{
    const char *why = journal_fact(o->journal, "rollout.why");
    if (strcmp(phase, "done") == 0)
        return ROLLOUT_DONE;
    err_set(err, EXIT_FAILED, "%s", why ? why : "no reason given");
    if (strcmp(phase, "broken") == 0)
        return ROLLOUT_BROKEN;
    return journal_is(o->journal, "rollout.verdict", "capped") ? ROLLOUT_CAPPED : ROLLOUT_ROLLED_BACK;
}

static enum roll one_step(struct rollout *r, const char *phase)
{
    enum roll next = rollout_see(r);
    bool back = strcmp(phase, "restore") == 0;
    if (next == ROLL_NEXT && !*phase)
        next = begin(r);
    r->desired = rollout_fact(r, "rollout.desired", r->group.desired);
    r->max = rollout_fact(r, "rollout.max", r->group.max);
    if (next == ROLL_FAIL && !*phase) { /* nothing was changed: there is nothing to go back from */
        const struct journal_fact why = {"rollout.why", arena_dup(&r->arena, r->err->text)};
        return journal_notes(r->o->journal, ROLLOUT_STEP, &why, 1, r->err) ? ROLL_STOP : end_with(r, "restored");
    }
    if (!*phase)
        return next;
    if (next == ROLL_NEXT)
        next = back ? restore_step(r) : forward(r, phase);
    if (next == ROLL_NEXT)
        return end_with(r, back ? "restored" : "done");
    if (next != ROLL_FAIL && next != ROLL_CAP)
        return next;
    if (!back)
        return turn_back(r, next == ROLL_CAP ? "capped" : "rolled-back");
    struct journal_fact why = {"rollout.why", arena_textf(&r->arena, "%.400s; and the way back failed: %.400s",
                                                          journal_fact(r->o->journal, "rollout.why"), r->err->text)};
    if (journal_notes(r->o->journal, ROLLOUT_STEP, &why, 1, r->err))
        return ROLL_STOP;
    return end_with(r, "broken");
}

enum rollout_result rollout_advance(const struct rollout_order *order, int64_t *again_ms, struct err *err)
{
    const struct transport *t = order->cloud->transport;
    *again_ms = 0;
    for (int round = 0; round < ROUNDS_MOST; round++) {
        const char *fact = journal_fact(order->journal, "rollout.phase");
        char phase[16];
        str_fit(phase, sizeof phase, "%.15s", fact ? fact : "");
        if (strcmp(phase, "done") == 0 || strcmp(phase, "restored") == 0 || strcmp(phase, "broken") == 0)
            return result_of(order, phase, err);
        struct rollout r = {.o = order, .now_ms = t->now_ms(t->self), .again_ms = again_ms, .err = err};
        *again_ms = 0;
        enum roll next = one_step(&r, phase);
        rollout_unsee(&r);
        if (next == ROLL_STOP)
            return ROLLOUT_STOP;
        if (next == ROLL_WAIT)
            return ROLLOUT_WAIT;
    }
    *again_ms = t->now_ms(t->self) + 1000;
    return ROLLOUT_WAIT;
}

int rollout_restore(const struct rollout_order *order, const char *why, struct err *err)
{
    const struct transport *t = order->cloud->transport;
    const char *phase = journal_fact(order->journal, "rollout.phase");
    char now[24];
    if (phase && strcmp(phase, "waves") != 0 && strcmp(phase, "finish") != 0 && strcmp(phase, "done") != 0 &&
        strcmp(phase, "broken") != 0)
        return 0; /* on its way back, or there */
    str_fit(now, sizeof now, "%" PRId64, t->now_ms(t->self));
    const struct journal_fact facts[] = {{"rollout.phase", "restore"},
                                         {"rollout.verdict", "rolled-back"},
                                         {"rollout.why", why},
                                         {"rollout.restore_ms", now}};
    return journal_notes(order->journal, ROLLOUT_STEP, facts, 4, err);
}
