/* The invariants of des_run.h, looked over after an event. Slow: everything in flight is counted again. */
#include "sim/des_private.h"

struct seen {
    int64_t commits, served, in_line[DES_STAGES_MAX], busy[DES_STAGES_MAX];
    int128 sum_us;
};

static void check_deployments(const struct des_engine *e, struct seen *seen)
{
    int64_t first = e->oldest_commit;
    for (int64_t n = e->oldest; n < e->next_number; n++) {
        const struct des_deployment *d = &e->ring[n & e->ring_mask];
        assert(d->first == first && d->count > 0); /* 1: in order, none twice */
        first += d->count;
        if (d->done)
            continue;
        assert(d->stage < e->model->stage_count && d->since_us <= e->now_us);
        seen->commits += d->count;
        seen->sum_us += d->arrival_sum_us;
        (d->in_line ? seen->in_line : seen->busy)[d->stage]++;
        seen->served += !d->in_line;
    }
    assert(first == e->pending_first);
}

static void check_pending(const struct des_engine *e, const struct seen *seen)
{
    int128 sum_us = 0;
    for (int64_t i = 0; i < e->pending; i++) {
        int64_t own_us = e->own_us[(e->pending_first + i) & e->own_mask];
        assert(own_us <= e->now_us);
        sum_us += own_us;
    }
    assert(sum_us == e->pending_sum_us && e->pending_first + e->pending == e->arrived);
    assert(e->delivered + seen->commits + e->pending == e->arrived); /* 1 */
    assert(e->delivered == e->out->commits && e->arrived <= e->total);
}

static void check_stage(const struct des_engine *e, const struct seen *seen, size_t stage)
{
    const struct des_line *line = &e->lines[stage];
    int64_t servers = e->model->stages[stage].servers;
    assert(line->busy >= 0 && line->busy <= servers && line->busy == seen->busy[stage]); /* 2 */
    assert(line->length == seen->in_line[stage] && (!line->length || line->busy == servers));
    assert(line->joined == line->begun + line->length); /* 3 */
    int64_t length = 0;
    int64_t last_us = 0;
    for (int64_t n = line->head; n != DES_NOBODY; n = e->ring[n & e->ring_mask].next) {
        const struct des_deployment *d = &e->ring[n & e->ring_mask];
        assert(d->in_line && d->stage == stage && d->since_us >= last_us);
        last_us = d->since_us;
        length++;
    }
    assert(length == line->length);
    const struct des_stage_result *r = &e->out->stages[stage];
    assert(r->billed_s * DES_SECOND >= (e->model->stages[stage].billed ? r->busy_us : 0)); /* 5 */
}

static void check_servers(const struct des_engine *e)
{
    int64_t busy = 0;
    for (int64_t i = 0; i < e->model->stages[0].servers; i++) {
        const struct des_server *s = &e->servers[i];
        busy += s->busy;
        assert(!s->rental.open || (s->rental.begin <= s->rental.busy_until));
    }
    assert(busy == e->lines[0].busy);
}

void des_check(const struct des_engine *e)
{
    struct seen seen = {0};
    check_deployments(e, &seen);
    check_pending(e, &seen);
    for (size_t stage = 0; stage < e->model->stage_count; stage++)
        check_stage(e, &seen, stage);
    check_servers(e);
    assert((int64_t)e->queue.count == seen.served && e->queue.now <= e->now_us); /* 4 */
    des_queue_check(&e->queue);
    if (!e->model->by_policy && e->model->batch_commits)
        assert(e->pending < e->model->batch_commits);
}
