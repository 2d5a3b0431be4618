#include "sim/des_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox_fill.h"
#include "sim/des_private.h"
#include "sim/exponential.h"

#define LONG_AGO         (INT64_MIN / 4)
#define PURPOSE_ARRIVALS 0x10000u
#define PURPOSE_STEPS    0x20000u /* + stage; a word for each deployment and step, in this order */
#define PURPOSE_WAITS    0x30000u /* exponential steps: + stage x 64 + step */
#define RING_FIRST       4096
#define END_OF_TIME      (INT64_MAX / 2)

/* --- arrivals */

static __attribute__((noinline)) void grow_own(struct des_engine *e, int64_t end)
{
    int64_t cap = e->own_mask + 1;
    int64_t *wider = mem_array(NULL, (size_t)cap * 2, sizeof(*wider));
    for (int64_t i = e->oldest_commit; i < end; i++)
        wider[i & (2 * cap - 1)] = e->own_us[i & e->own_mask];
    free(e->own_us);
    e->own_us = wider;
    e->own_mask = 2 * cap - 1;
}

static __attribute__((noinline)) void draw_arrivals(struct des_engine *e)
{
    double gaps[DES_ARRIVALS_AT_ONCE];
    const struct des_options *o = e->options;
    exponential_fill(o->seed, o->replication, (uint64_t)e->drawn_to, PURPOSE_ARRIVALS, DES_ARRIVALS_AT_ONCE, gaps);
    while (e->drawn_to + DES_ARRIVALS_AT_ONCE - e->oldest_commit > e->own_mask)
        grow_own(e, e->drawn_to);
    double mean_us = (double)e->model->mean_gap_us;
    int64_t at = e->drawn_until;
    for (int64_t i = 0; i < DES_ARRIVALS_AT_ONCE; i++)
        e->own_us[(e->drawn_to + i) & e->own_mask] = at += (int64_t)(gaps[i] * mean_us + 0.5);
    e->drawn_until = at;
    e->drawn_to += DES_ARRIVALS_AT_ONCE;
}

/* Sets next_arrival to that of commit number `arrived`. */
static inline void look_ahead(struct des_engine *e)
{
    const struct commits *history = e->options->history;
    if (e->arrived >= e->total) {
        e->next_arrival = DES_NEVER;
    } else if (history) {
        e->next_arrival = history->ready_s[e->arrived] * DES_SECOND;
        e->next_own = history->arrival_s[e->arrived] * DES_SECOND;
    } else {
        if (e->arrived == e->drawn_to)
            draw_arrivals(e);
        e->next_arrival = e->next_own = e->own_us[e->arrived & e->own_mask];
    }
}

static inline void arrive(struct des_engine *e)
{
    e->now_us = e->next_arrival;
    if (e->arrived - e->oldest_commit > e->own_mask)
        grow_own(e, e->arrived);
    e->own_us[e->arrived & e->own_mask] = e->next_own;
    e->pending_sum_us += e->next_own;
    e->pending++;
    e->arrived++;
    e->out->events++;
    look_ahead(e);
}

/* One arrival; a batch that it opens gets its deadline, one that it fills is closed. */
static void arrive_in_batch(struct des_engine *e)
{
    const struct des_model *m = e->model;
    arrive(e);
    if (e->pending == 1 && m->batch_us != DES_NEVER)
        e->decide_at = e->now_us + m->batch_us;
    if (e->pending == m->batch_commits)
        des_close(e, e->pending);
}

/* Drawn arrivals matter only where they close a batch. Between two batches, when the next one will be: next_arrival is
 * that of the commit that fills it, or decide_at its deadline, and the other one DES_NEVER. */
static inline void plan_batch(struct des_engine *e)
{
    const struct des_model *m = e->model;
    int64_t first = e->arrived;
    e->next_arrival = e->decide_at = DES_NEVER;
    if (first >= e->total)
        return;
    if (first == e->drawn_to)
        draw_arrivals(e);
    int64_t deadline = m->batch_us != DES_NEVER ? e->own_us[first & e->own_mask] + m->batch_us : DES_NEVER;
    int64_t last = first + m->batch_commits - 1;
    bool fills = m->batch_commits && last < e->total;
    while (fills && last >= e->drawn_to && e->drawn_until <= deadline)
        draw_arrivals(e);
    if (fills && last < e->drawn_to && e->own_us[last & e->own_mask] <= deadline)
        e->next_arrival = e->own_us[last & e->own_mask];
    else
        e->decide_at = deadline;
}

/* The batch that was planned: its commits arrive, and it is closed. */
static inline void take_batch(struct des_engine *e, int64_t count, int64_t at)
{
    e->now_us = at;
    e->out->events += count;
    e->arrived += count;
    e->pending = count;
    des_close(e, count);
    plan_batch(e);
}

static inline void take_by_deadline(struct des_engine *e)
{
    int64_t deadline = e->decide_at;
    int64_t end = e->arrived;
    for (;;) {
        while (end < e->drawn_to && end < e->total && e->own_us[end & e->own_mask] <= deadline)
            end++;
        if (end < e->drawn_to || end >= e->total)
            break;
        draw_arrivals(e);
    }
    take_batch(e, end - e->arrived, deadline);
}

/* --- deployments and stages */

static __attribute__((noinline)) void grow_ring(struct des_engine *e)
{
    int64_t cap = e->ring_mask + 1;
    int64_t wider_mask = 2 * cap - 1;
    struct des_deployment *wider = mem_array(NULL, (size_t)cap * 2, sizeof(*wider));
    for (int64_t n = e->oldest; n < e->next_number; n++)
        wider[n & wider_mask] = e->ring[n & e->ring_mask];
    for (size_t i = 0; i < e->queue.count; i++) { /* slots are numbers modulo the ring's size */
        int64_t slot = des_slot(e->queue.heap[i]);
        int64_t number = e->oldest + ((slot - e->oldest) & e->ring_mask);
        e->queue.heap[i] = (e->queue.heap[i] - (uint64_t)slot) + (uint64_t)(number & wider_mask);
    }
    free(e->ring);
    e->ring = wider;
    e->ring_mask = wider_mask;
}

static void draw_window(struct des_engine *e, size_t stage, int64_t number)
{
    struct des_draws *d = &e->draws[stage];
    d->from = number - number % DES_WINDOW;
    uint64_t steps = e->model->stages[stage].step_count;
    const struct philox_words to = {{d->words[0], d->words[1], d->words[2], d->words[3]}};
    philox_fill(e->options->seed, e->options->replication, (uint64_t)d->from * steps / 4,
                PURPOSE_STEPS + (uint32_t)stage, DES_WINDOW * steps / 4, &to);
}

static inline int64_t duration_us(struct des_engine *e, int64_t number, size_t stage, size_t step)
{
    const struct des_step *s = &e->model->stages[stage].steps[step];
    if (!s->spread_us)
        return s->least_us;
    if (s->exponential) {
        double four[4];
        exponential_fill(e->options->seed, e->options->replication, (uint64_t)number * 4,
                         PURPOSE_WAITS + (uint32_t)(stage * 64 + step), 4, four);
        return s->least_us + (int64_t)(four[0] * (double)s->spread_us + 0.5);
    }
    struct des_draws *d = &e->draws[stage];
    if (number < d->from || number >= d->from + DES_WINDOW || d->from == DES_NOBODY)
        draw_window(e, stage, number);
    size_t at = (size_t)(number - d->from) * e->model->stages[stage].step_count + step;
    uint32_t word = d->words[at % 4][at / 4];
    return s->least_us + (int64_t)((unsigned __int128)(uint64_t)s->spread_us * word >> 32);
}

/* The bake instance at the border of two steps; returns the step that really comes next. */
static size_t change_instance(struct des_engine *e, struct des_deployment *d, size_t step)
{
    const struct des_stage *stage = &e->model->stages[0];
    bool wants = step < stage->step_count && stage->steps[step].instance;
    if (wants && !d->has_instance && !des_instance_acquire(e, d))
        while (step < stage->step_count && stage->steps[step].launch)
            step++;
    wants = step < stage->step_count && stage->steps[step].instance;
    if (!wants && d->has_instance)
        des_instance_release(e, d);
    return step;
}

static void end_stage(struct des_engine *e, int64_t number);

/* Begins the step, or ends the stage behind the last; `replace`: in place of the queue's next event. */
static inline void begin_step(struct des_engine *e, int64_t number, size_t step, bool replace)
{
    struct des_deployment *d = des_at(e, number);
    const struct des_stage *stage = &e->model->stages[d->stage];
    if (d->stage == 0 && (d->has_instance || (step < stage->step_count && stage->steps[step].instance)))
        step = change_instance(e, d, step);
    d->step = (uint8_t)step;
    uint32_t slot = (uint32_t)(number & e->ring_mask);
    if (step < stage->step_count) {
        int64_t at = e->now_us + duration_us(e, number, d->stage, step);
        if (replace)
            des_replace(&e->queue, at, slot);
        else
            des_push(&e->queue, at, slot);
        return;
    }
    if (replace)
        des_pop(&e->queue);
    end_stage(e, number);
}

static inline void begin_stage(struct des_engine *e, int64_t number)
{
    struct des_deployment *d = des_at(e, number);
    struct des_line *line = &e->lines[d->stage];
    if (d->in_line)
        e->out->stages[d->stage].waited_us += e->now_us - d->since_us;
    d->in_line = false;
    d->since_us = e->now_us;
    line->busy++;
    line->begun++;
    e->in_stages++;
    if (d->stage == 0) {
        if (e->model->by_policy) {
            d->server = des_server_take(e);
        } else { /* any free one will do */
            d->server = 0;
            while (e->servers[d->server].busy)
                d->server++;
        }
        e->servers[d->server].busy = true;
        e->out->waiting_us += (int128)d->count * e->now_us - d->arrival_sum_us;
    }
    begin_step(e, number, 0, false);
}

static inline void join_stage(struct des_engine *e, int64_t number)
{
    struct des_deployment *d = des_at(e, number);
    struct des_line *line = &e->lines[d->stage];
    line->joined++;
    if (line->busy < e->model->stages[d->stage].servers) {
        begin_stage(e, number);
        return;
    }
    d->since_us = e->now_us;
    d->in_line = true;
    d->next = DES_NOBODY;
    if (line->head == DES_NOBODY)
        line->head = number;
    else
        des_at(e, line->tail)->next = number;
    line->tail = number;
    line->length++;
    struct des_stage_result *r = &e->out->stages[d->stage];
    r->longest_line = line->length > r->longest_line ? line->length : r->longest_line;
}

static inline size_t bucket_of(int64_t us)
{
    if (us < 128)
        return (size_t)us;
    int top = 63 - __builtin_clzll((unsigned long long)us);
    return (size_t)(top - 6) * 128 + (size_t)((us >> (top - 7)) & 127);
}

static inline void deliver(struct des_engine *e, struct des_deployment *d)
{
    struct des_result *r = e->out;
    r->commits += d->count;
    r->deployments++;
    r->lead_us += (int128)d->count * e->now_us - d->arrival_sum_us;
    e->delivered += d->count;
    e->delivered_sum_us += d->arrival_sum_us;
    int64_t longest = e->now_us - e->own_us[d->first & e->own_mask];
    r->lead_max_us = longest > r->lead_max_us ? longest : r->lead_max_us;
    for (int64_t i = d->first; i < d->first + d->count; i++)
        r->buckets[bucket_of(e->now_us - e->own_us[i & e->own_mask])]++;
    d->done = true;
    while (e->oldest < e->next_number && des_at(e, e->oldest)->done) {
        e->oldest_commit += des_at(e, e->oldest)->count;
        e->oldest++;
    }
}

static void end_stage(struct des_engine *e, int64_t number)
{
    struct des_deployment *d = des_at(e, number);
    size_t stage = d->stage;
    struct des_line *line = &e->lines[stage];
    struct des_stage_result *r = &e->out->stages[stage];
    int64_t stayed_us = e->now_us - d->since_us;
    r->busy_us += stayed_us;
    r->served++;
    if (e->model->stages[stage].billed)
        r->billed_s += meter_billed_s(e->decider.meter, stayed_us / DES_SECOND + (stayed_us % DES_SECOND > 0));
    line->busy--;
    e->in_stages--;
    if (stage == 0) {
        e->servers[d->server].busy = false;
        e->servers[d->server].free_s = e->now_us / DES_SECOND + (e->now_us % DES_SECOND > 0);
    }
    if (stage + 1 < e->model->stage_count) {
        d->stage++;
        join_stage(e, number);
    } else {
        deliver(e, d);
    }
    if (line->head == DES_NOBODY)
        return;
    int64_t next = line->head;
    line->head = des_at(e, next)->next;
    line->length--;
    begin_stage(e, next);
}

void des_close(struct des_engine *e, int64_t count)
{
    if (e->next_number - e->oldest > e->ring_mask) {
        if (e->ring_mask + 1 == DES_SLOT_MAX) {
            e->code = EXIT_INPUT;
            return;
        }
        grow_ring(e);
    }
    int128 sum_us = e->pending_sum_us;
    if (e->in_bulk || count < e->pending) {
        sum_us = 0;
        for (int64_t i = 0; i < count; i++)
            sum_us += e->own_us[(e->pending_first + i) & e->own_mask];
    }
    int64_t number = e->next_number++;
    *des_at(e, number) = (struct des_deployment){.first = e->pending_first, .count = count, .arrival_sum_us = sum_us};
    e->pending_first += count;
    e->pending -= count;
    e->pending_sum_us -= e->in_bulk ? 0 : sum_us;
    e->decide_at = DES_NEVER;
    join_stage(e, number);
}

/* --- the run */

static inline void step_ends(struct des_engine *e)
{
    des_event event = des_top(&e->queue);
    e->now_us = des_time(event);
    int64_t number = e->oldest + ((int64_t)(des_slot(event) - (uint64_t)e->oldest) & e->ring_mask);
    begin_step(e, number, (size_t)des_at(e, number)->step + 1, true);
}

static void loop(struct des_engine *e)
{
    bool by_policy = e->model->by_policy;
    while (!e->code) {
        int64_t step_at = des_next_time(&e->queue);
        int64_t until = step_at < e->decide_at ? step_at : e->decide_at;
        if (e->next_arrival <= until && e->next_arrival != DES_NEVER) {
            if (e->in_bulk)
                take_batch(e, e->model->batch_commits, e->next_arrival);
            else if (by_policy)
                arrive(e);
            else
                arrive_in_batch(e);
        } else if (until == DES_NEVER) {
            return;
        } else if (step_at <= e->decide_at) {
            step_ends(e);
            e->out->events++;
        } else {
            e->now_us = e->decide_at;
            e->out->events++;
            if (by_policy)
                des_policy_act(e);
            else if (e->in_bulk)
                take_by_deadline(e);
            else
                des_close(e, e->pending);
        }
        if (by_policy)
            des_policy_look(e);
        if (e->options->checked)
            des_check(e);
    }
}

static void begin(struct des_engine *e, const struct des_model *m, const struct des_options *o, struct des_result *out)
{
    memset(out, 0, sizeof(*out));
    *e = (struct des_engine){.model = m, .options = o, .out = out, .decide_at = DES_NEVER};
    struct terms terms = {.regime = m->regime,
                          .price_per_hour = m->price_per_hour,
                          .per_deploy = m->per_deploy,
                          .delay_price_per_commit_hour = m->delay_price_per_commit_hour};
    for (size_t i = 0; i < m->stages[0].step_count; i++) { /* what a policy expects: the steps' means */
        const struct des_step *s = &m->stages[0].steps[i];
        int64_t mean_s = (s->least_us + s->spread_us / (s->exponential ? 1 : 2) + DES_SECOND / 2) / DES_SECOND;
        *(s->launch ? &terms.boot_s : s->instance ? &terms.bake_s : &terms.prepare_s) += mean_s;
        if (!s->instance && terms.bake_s) { /* behind the bake: the rollout */
            terms.prepare_s -= mean_s;
            terms.rollout_s += mean_s;
        }
    }
    e->decider = policy_decider(&m->policy, &terms);
    des_queue_init(&e->queue, 64);
    e->own_mask = e->ring_mask = RING_FIRST - 1;
    e->own_us = mem_array(NULL, RING_FIRST, sizeof(*e->own_us));
    e->ring = mem_array(NULL, RING_FIRST, sizeof(*e->ring));
    e->servers = mem_zero((size_t)m->stages[0].servers, sizeof(*e->servers));
    for (int64_t i = 0; i < m->stages[0].servers; i++)
        e->servers[i] = (struct des_server){.free_s = LONG_AGO, .rental = {.kept_until = LONG_AGO}};
    e->draws = mem_zero(m->stage_count, sizeof(*e->draws));
    for (size_t i = 0; i < m->stage_count; i++) {
        e->draws[i].from = DES_NOBODY;
        e->lines[i].head = e->lines[i].tail = DES_NOBODY;
    }
    e->total = o->history ? (int64_t)o->history->count : m->commits;
    e->in_bulk = !m->by_policy && !o->history && !o->checked;
    if (e->in_bulk)
        plan_batch(e);
    else
        look_ahead(e);
}

static int finish(struct des_engine *e, struct err *err)
{
    if (e->code)
        return err_set(err, EXIT_INPUT, "the model is overloaded: more than %u deployments are in line", DES_SLOT_MAX);
    des_rentals_close(e);
    e->out->ended_us = e->now_us;
    if (e->delivered != e->total)
        return err_set(err, EXIT_INPUT, "%lld commits are never deployed: the trigger waits for ever",
                       (long long)(e->total - e->delivered));
    assert(!e->queue.count && !e->pending && e->oldest == e->next_number);
    return 0;
}

int des_run(struct des_result *out, const struct des_model *m, const struct des_options *options, struct err *err)
{
    struct des_options o = *options;
#if defined(__SANITIZE_ADDRESS__)
    o.checked = true;
#endif
    if (m->by_policy) {
        struct terms terms = {.regime = m->regime,
                              .price_per_hour = m->price_per_hour,
                              .per_deploy = m->per_deploy,
                              .delay_price_per_commit_hour = m->delay_price_per_commit_hour};
        int code = policy_check(&m->policy, &terms, err);
        if (code)
            return code;
    }
    struct des_engine *e = mem_alloc(sizeof(*e));
    begin(e, m, &o, out);
    loop(e);
    int code = finish(e, err);
    des_queue_release(&e->queue);
    free(e->own_us);
    free(e->ring);
    free(e->servers);
    free(e->draws);
    free(e);
    return code;
}

int64_t des_lead_percentile_us(const struct des_result *r, int percent)
{
    assert(percent >= 1 && percent <= 100);
    int64_t rank = (r->commits * percent + 99) / 100;
    for (size_t i = 0; i < DES_BUCKETS; i++) {
        rank -= r->buckets[i];
        if (rank > 0)
            continue;
        int64_t top = i < 128 ? (int64_t)i : ((int64_t)(128 + i % 128 + 1) << (i / 128 - 1)) - 1;
        return top < r->lead_max_us ? top : r->lead_max_us;
    }
    return r->lead_max_us;
}

int des_money(const struct des_result *r, const struct des_model *m, money_t *out)
{
    struct exact sum = {0};
    int128 billed_s = r->instance_billed_s;
    for (size_t i = 0; i < m->stage_count; i++)
        billed_s += r->stages[i].billed_s;
    exact_add(&sum, billed_s * m->price_per_hour, SECONDS_PER_HOUR);
    exact_add(&sum, (int128)r->deployments * m->per_deploy, 1);
    int failed = exact_round(&sum, out);
    exact_release(&sum);
    return failed;
}
