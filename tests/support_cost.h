/* support_cost.h - scenes for the tests of cost: a short history, one policy, one model, run once. */
#ifndef TESTS_SUPPORT_COST_H
#define TESTS_SUPPORT_COST_H

#include "sim/outcome.h"

#define USD         MONEY_PER_USD
#define GB          GB_UNITS
#define MAX_COMMITS 70

struct scene {
    int64_t arrival[MAX_COMMITS];
    struct commits commits;
    struct policy policy;
    struct model model;
    struct replay replay;
    struct outcome outcome;
};

static inline int64_t at(int year, int month, int day, int hour, int minute)
{
    return calendar_instant((struct civil){year, month, day, hour, minute, 0});
}

static inline struct model plain_model(enum regime regime)
{
    return (struct model){.terms = {.regime = regime},
                          .surge = 1,
                          .retain = 3,
                          .ci_meter = {60, 60},
                          .fsr_meter = {60, 3600},
                          .reserved_model = MODEL_CLOCK_HOUR,
                          .until = INSTANT_MIN};
}

static inline void run(struct scene *s, size_t count)
{
    struct err err = {0};
    s->commits = (struct commits){s->arrival, s->arrival, count};
    replay_init(&s->replay);
    if (outcome_run(&s->outcome, &s->policy, &s->model, &s->commits, &s->replay, true, &err))
        fail_msg("%s", err.text);
}

static inline void release(struct scene *s)
{
    outcome_release(&s->outcome);
    replay_release(&s->replay);
}

#endif
