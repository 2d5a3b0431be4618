/*
 * recover.c - a machine that has only the tags: the store knows nothing of the environment, the cloud does.
 *
 * The group goes back to what its template says (desired count and maximum stand in its own tags), and what carries the
 * environment's tags and belongs to nobody is removed. Journalled under a run of its own, without a record: killed, it
 * is simply done again.
 */
#include <string.h>

#include "scheduler/pipeline_private.h"
#include "scheduler/rollout.h"

static enum pipeline_end left(const struct pipeline *p)
{
    return p->stopping ? PIPELINE_STOPPED : PIPELINE_LOST;
}

static enum pipeline_end restore_group(struct pipeline *p, bool *found, struct err *err)
{
    struct rollout_order order = {.cloud = &p->site,
                                  .journal = p->journal,
                                  .config = p->config,
                                  .environment = p->env,
                                  .configuration = strcmp(p->env->template_kind, "launch-configuration") == 0,
                                  .template_id = "",
                                  .version_new = "",
                                  .version_good = "",
                                  .image_new = "",
                                  .image_good = "",
                                  .sha256 = "",
                                  .boot_s = p->w->expected.s[STEP_INSTANCE],
                                  .wave_s = p->w->expected.s[STEP_ROLLOUT]};
    for (;;) {
        int64_t again_ms = INT64_MAX;
        arena_reset(&p->calls);
        enum rollout_result result = rollout_recover(&order, found, &again_ms, err);
        if (result == ROLLOUT_STOP) {
            p->stopping = true;
            return PIPELINE_STOPPED;
        }
        if (result != ROLLOUT_WAIT)
            return result == ROLLOUT_BROKEN ? PIPELINE_BROKEN : PIPELINE_COMPLETED;
        if (pipeline_rest(p, again_ms, err))
            return left(p);
    }
}

static enum pipeline_end collect(struct pipeline *p, struct err *err)
{
    while (!fact(p, "closing.collected")) {
        int64_t again_ms = 0;
        arena_reset(&p->calls);
        enum step_result result = poll_collect(p, &again_ms, err);
        if (result == STEP_STOP || (result == STEP_WAIT && pipeline_rest(p, again_ms, err)))
            return left(p);
    }
    return PIPELINE_COMPLETED;
}

enum pipeline_end pipeline_recover(const struct pipeline_world *w, bool *found, struct err *err)
{
    struct pipeline p;
    pipeline_begin(&p, w);
    *found = false;
    enum pipeline_end end = pipeline_take_lease(&p, err);
    if (end == PIPELINE_COMPLETED) {
        pipeline_name_run(&p, "recover", pipeline_now_ms(&p));
        if (journal_open(&p.journal, w->state, &p.lease, p.record.run, pipeline_clock(w), err))
            end = PIPELINE_LOST;
    }
    if (end == PIPELINE_COMPLETED) {
        pipeline_open_clouds(&p);
        end = restore_group(&p, found, err);
        if (end == PIPELINE_COMPLETED)
            end = collect(&p, err);
        *found = *found || journal_entries(p.journal) > 1;
        if (end != PIPELINE_LOST)
            pipeline_give_back(&p);
    }
    journal_free(p.journal);
    pipeline_release(&p);
    return end;
}
