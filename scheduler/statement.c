#include "scheduler/statement.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/pipeline_private.h"
#include "scheduler/rollout.h"
#include "scheduler/uses.h"

#define ORIGINAL_WAVES 2

/* What the replaced instances had paid and not used, and were billed for draining, where nothing but their launches
 * ("ms ms ...") is known of each: AWS's refresh took them all out of service at about that time. */
static void put_old(struct used *u, enum regime regime, const char *launches, int64_t end_ms, int64_t delay_s)
{
    while (launches && *launches) {
        char *next = NULL;
        int64_t launched_ms = strtoll(launches, &next, 10);
        int64_t ran_s = (end_ms - launched_ms) / 1000;
        if (next == launches)
            break;
        if (launched_ms > 0 && ran_s > 0) {
            u->paid_left_s += used_left_s(regime, ran_s);
            u->draining_s += used_draining_s(regime, ran_s, delay_s);
        }
        launches = next + (*next == ' ');
    }
}

/* Engines that pick the instances themselves know of each. */
static void put_replaced(struct used *u, const struct journal *j, enum regime regime, int64_t ended_ms)
{
    int64_t rolled_ms = journal_fact_whole(j, "rollout.ended_ms");
    int64_t delay_s = journal_fact_whole(j, "rollout.delay_s");
    u->paid_left_s = journal_fact_whole(j, "rollout.left_s");
    u->draining_s = journal_fact_whole(j, "rollout.draining_s");
    if (!journal_fact(j, "rollout.left_s"))
        put_old(u, regime, journal_fact(j, "group.launches"), (rolled_ms ? rolled_ms : ended_ms) - delay_s * 1000,
                delay_s);
}

/* What the original pipeline would have had, too. */
static struct used used_of(const struct journal *j, const struct deployment *d, enum regime regime)
{
    bool replaced = journal_fact_whole(j, "rollout.launched") > 0 && strcmp(d->state, "completed") == 0;
    struct used u = {
        .at = d->started_ms / 1000,
        .disk_gb = d->disk_gb,
        .bake_public = journal_is(j, "bake.public", "1"),
    };
    if (replaced)
        put_replaced(&u, j, regime, d->ended_ms);
    return u;
}

unsigned statement_skipped(const struct journal *j, const struct deployment *d)
{
    unsigned bake = 1U << STEP_INSTANCE | 1U << STEP_UPLOAD | 1U << STEP_COMMAND_LINE | 1U << STEP_IMAGE;
    if (strcmp(d->kind, "deploy") != 0)
        return bake | 1U << STEP_PULL | 1U << STEP_TEST | 1U << STEP_BUILD;
    if (journal_fact(j, "image.found"))
        return bake;
    return journal_fact(j, "bake.reused") ? 1U << STEP_INSTANCE : 0;
}

int statement_make(struct statement *out, const struct journal *j, const struct deployment *record,
                   const struct pipeline_world *w, struct err *err)
{
    int64_t ends[STEPS];
    unsigned path;
    struct statement s = {.record = *record, .estimate = record->estimate};
    struct durations original = durations_original();
    int64_t group = journal_fact_whole(j, "group.desired");
    int64_t waves = journal_fact_whole(j, "rollout.waves");
    struct costs theirs;
    struct uses uses;
    uses_init(&uses);
    int code = rates_make(&s.rates, w->config, w->environment, w->environment->instance_type, w->catalog,
                          record->started_ms / 1000, err);
    s.used = used_of(j, record, s.rates.regime);
    s.drained_ms = journal_fact_whole(j, "rollout.drained_ms");
    if (!code) {
        uses_of(&uses, j, record, w, &s.rates);
        code = uses_cost(&s.costs, &uses, w->catalog, err);
    }
    s.used.fleet_public = uses.public_fleet;
    uses_release(&uses);
    struct used by_original = used_by_original(&original, &s.used, group, ORIGINAL_WAVES);
    if (!code)
        code = costs_make(&theirs, &s.rates, &by_original, err);
    if (code)
        return code;
    s.originals = theirs;
    s.original = theirs.total;
    int64_t verdict_ms = journal_fact_i64(j, "verdict_ms", record->ended_ms ? record->ended_ms : journal_now_ms(j));
    s.makespan_s = (verdict_ms - record->started_ms + 999) / 1000;
    int64_t gone_s = w->expected.s[STEP_CLEANUP] + journal_fact_whole(j, "rollout.delay_s");
    const struct graph_run run = {
        .skipped = statement_skipped(j, record),
        .waves = waves ? waves : 1,
        .canary_s = rollout_beside_waves_s(w->environment, group, w->expected.s[STEP_INSTANCE], gone_s),
        .boots_late = journal_fact_whole(j, "bake.launched_ms") >= journal_fact_whole(j, "build.ended_ms") &&
                      journal_fact_whole(j, "build.ended_ms") && !journal_fact(j, "bake.reused"),
        .copy_s = journal_fact(j, "image.copied") ? w->expected.s[STEP_IMAGE] : 0};
    s.critical_s = graph_critical_path(&w->expected, &run, ends, &path);
    *out = s;
    return 0;
}

void statement_finish(struct pipeline *p)
{
    struct statement s;
    struct err err;
    struct deployment *d = &p->record;
    d->ended_ms = pipeline_now_ms(p);
    d->reused = fact(p, "image.found") || fact(p, "bake.reused");
    if (statement_make(&s, p->journal, d, p->w, &err)) {
        pipeline_say(p, "statement", "no statement: %s", err.text);
        return;
    }
    d->cost = s.costs.total;
    struct used storm = {.failed_instances = journal_fact_whole(p->journal, "rollout.attempts"),
                         .failed_s = journal_fact_whole(p->journal, "rollout.failed_s")};
    d->storm_s = used_failed_billed_s(&storm, s.rates.regime);
    d->original = s.original;
    d->makespan_s = s.makespan_s;
    d->critical_s = s.critical_s;
}
