/*
 * recover.c - a group that nobody brings in order any more.
 *
 * A machine that has only the tags: the store knows nothing of the environment, the cloud does. The group goes back to
 * what its template says (desired count and maximum stand in its own tags), and what carries the environment's tags and
 * belongs to nobody is removed. Journalled under a run of its own, without a record: killed, it is simply done again.
 *
 * A run whose way back failed ("broken") has a journal: the way back is gone once more with what it knows, the version
 * that was good above all, which a template that already named the new one does not tell. Its record then says how it
 * ended after all: rolled back, or capped.
 */
#include <string.h>

#include "scheduler/pipeline_private.h"
#include "scheduler/rollout.h"
#include "scheduler/step_release.h"

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
        if (result == ROLLOUT_STOP)
            return pipeline_left(p);
        if (result != ROLLOUT_WAIT)
            return result == ROLLOUT_BROKEN ? PIPELINE_BROKEN : PIPELINE_COMPLETED;
        if (pipeline_rest(p, again_ms, err))
            return pipeline_left(p);
    }
}

static enum pipeline_end go_back(struct pipeline *p, struct err *err)
{
    for (;;) {
        int64_t again_ms = INT64_MAX;
        arena_reset(&p->calls);
        switch (release_back(p, &again_ms, err)) {
        case ROLLOUT_STOP:
            return pipeline_left(p);
        case ROLLOUT_BROKEN:
            return PIPELINE_BROKEN;
        case ROLLOUT_CAPPED:
            return pipeline_mended(p, "capped", err) ? pipeline_left(p) : PIPELINE_COMPLETED;
        case ROLLOUT_WAIT:
            if (pipeline_rest(p, again_ms, err))
                return pipeline_left(p);
            break;
        default:
            return pipeline_mended(p, "rolled-back", err) ? pipeline_left(p) : PIPELINE_COMPLETED;
        }
    }
}

/* The run before, where its way back failed. */
static enum pipeline_end mend_last(struct pipeline *p, bool *found, struct err *err)
{
    bool any = false;
    enum pipeline_end end = PIPELINE_COMPLETED;
    if (deployment_find(p->w->state, p->env->name, 0, &p->record, &any, err))
        return PIPELINE_LOST;
    if (!any || strcmp(p->record.state, "broken") != 0)
        return PIPELINE_COMPLETED;
    if (journal_open(&p->journal, p->w->state, &p->lease, p->record.run, pipeline_clock(p->w), err))
        return PIPELINE_LOST;
    if (release_goes_back(p)) {
        *found = true;
        end = go_back(p, err);
    }
    journal_free(p->journal);
    p->journal = NULL;
    return end;
}

static enum pipeline_end collect(struct pipeline *p, struct err *err)
{
    while (!fact(p, "closing.collected")) {
        int64_t again_ms = 0;
        arena_reset(&p->calls);
        enum step_result result = poll_collect(p, &again_ms, err);
        if (result == STEP_STOP || (result == STEP_WAIT && pipeline_rest(p, again_ms, err)))
            return pipeline_left(p);
    }
    return PIPELINE_COMPLETED;
}

/* By tags, and what is left over: under a run of its own. */
static enum pipeline_end restore_and_collect(struct pipeline *p, bool *found, struct err *err)
{
    bool by_tags = false;
    pipeline_name_run(p, "recover", pipeline_now_ms(p));
    if (journal_open(&p->journal, p->w->state, &p->lease, p->record.run, pipeline_clock(p->w), err))
        return PIPELINE_LOST;
    enum pipeline_end end = restore_group(p, &by_tags, err);
    if (end == PIPELINE_COMPLETED)
        end = collect(p, err);
    *found = *found || by_tags || journal_entries(p->journal) > 1;
    journal_free(p->journal);
    return end;
}

enum pipeline_end pipeline_recover(const struct pipeline_world *w, bool *found, struct err *err)
{
    struct pipeline p;
    pipeline_begin(&p, w);
    *found = false;
    enum pipeline_end end = pipeline_take_lease(&p, err);
    if (end == PIPELINE_COMPLETED) {
        pipeline_open_clouds(&p);
        end = mend_last(&p, found, err);
        if (end == PIPELINE_COMPLETED)
            end = restore_and_collect(&p, found, err);
        if (end != PIPELINE_LOST)
            pipeline_give_back(&p);
    }
    pipeline_release(&p);
    return end;
}
