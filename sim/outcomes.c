#include "sim/outcomes.h"

#include <stdlib.h>

#include "base/mem.h"

void outcomes_init(struct outcomes *s)
{
    *s = (struct outcomes){0};
}

void outcomes_release(struct outcomes *s)
{
    replay_release(&s->alone);
    for (size_t i = 0; i < LANES_MAX; i++)
        replay_release(&s->lanes[i]);
    outcomes_init(s);
}

struct job {
    struct outcomes *scratch;
    const struct policy *policies;
    size_t count;
    const struct model *model;
    const struct commits *commits;
    outcome_taker *take;
    void *context;
    bool *taken; /* by policy */
};

static int take(struct job *job, size_t at, struct outcome *o, int code, struct err *err)
{
    job->taken[at] = true;
    if (code) {
        outcome_release(o);
        return code;
    }
    return job->take(job->context, at, o, err);
}

static int run_alone(struct job *job, size_t at, struct err *err)
{
    struct outcome o;
    int code = outcome_run(&o, &job->policies[at], job->model, job->commits, &job->scratch->alone, false, err);
    return take(job, at, &o, code, err);
}

/* One pass of the lanes. What they cannot do after all is left for later: only dates near the end of time. */
static int run_pass(struct job *job, const struct decider *deciders, const size_t *ats, size_t count, struct err *err)
{
    const struct decider *pass[LANES_MAX] = {NULL};
    struct err ignored;
    for (size_t i = 0; i < count; i++)
        pass[i] = &deciders[ats[i]];
    if (lanes_run(pass, count, job->commits, job->scratch->lanes, &ignored))
        return 0;
    job->scratch->side_by_side += count;
    int code = 0;
    for (size_t i = 0; i < count && !code; i++) {
        struct outcome o;
        code = outcome_of(&o, pass[i], job->model, job->commits, &job->scratch->lanes[i], err);
        code = take(job, ats[i], &o, code, err);
    }
    return code;
}

static int run_lanes(struct job *job, const struct decider *deciders, enum lanes_kind kind, struct err *err)
{
    size_t ats[LANES_MAX];
    size_t n = 0;
    int code = 0;
    for (size_t at = 0; at <= job->count && !code; at++) {
        bool end = at == job->count;
        if (!end && lanes_can(&deciders[at]) == kind)
            ats[n++] = at;
        if (n < LANES_MAX && !end)
            continue;
        if (n >= OUTCOMES_LANES_LEAST)
            code = run_pass(job, deciders, ats, n, err);
        n = 0;
    }
    return code;
}

static int run_all(struct job *job, struct err *err)
{
    int code = 0;
    bool plain = !outcome_troubled(job->model) && job->commits->count <= OUTCOMES_LANES_MOST;
    if (plain && job->count >= OUTCOMES_LANES_LEAST) {
        struct decider *deciders = mem_array(NULL, job->count, sizeof(*deciders));
        for (size_t i = 0; i < job->count; i++)
            deciders[i] = policy_decider(&job->policies[i], &job->model->terms);
        for (enum lanes_kind kind = LANES_TERMINATE; kind <= LANES_HOUR && !code; kind++)
            code = run_lanes(job, deciders, kind, err);
        free(deciders);
    }
    for (size_t i = 0; i < job->count && !code; i++)
        if (!job->taken[i])
            code = run_alone(job, i, err);
    return code;
}

int outcomes_each(struct outcomes *s, const struct policy *policies, size_t count, const struct model *m,
                  const struct commits *c, outcome_taker *taker, void *context, struct err *err)
{
    int code = 0;
    for (size_t i = 0; i < count && !code; i++)
        code = policy_check(&policies[i], &m->terms, err);
    if (code)
        return code;
    bool *taken = mem_zero(count + 1, sizeof(*taken));
    struct job job = {s, policies, count, m, c, taker, context, taken};
    code = run_all(&job, err);
    free(taken);
    return code;
}
