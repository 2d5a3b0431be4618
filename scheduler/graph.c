#include "scheduler/graph.h"

#define BIT(s) (1U << (s))

static const struct {
    const char *name;
    unsigned needs;
} steps[STEPS] = {
    [STEP_PULL] = {"pull", 0},
    [STEP_TEST] = {"test", BIT(STEP_PULL)},
    [STEP_BUILD] = {"build", BIT(STEP_PULL)},
    [STEP_INSTANCE] = {"instance", 0},
    [STEP_UPLOAD] = {"upload", BIT(STEP_BUILD) | BIT(STEP_INSTANCE)},
    [STEP_COMMAND_LINE] = {"command-line", BIT(STEP_UPLOAD)},
    [STEP_IMAGE] = {"image", BIT(STEP_COMMAND_LINE)},
    [STEP_REGISTER] = {"register", BIT(STEP_IMAGE) | BIT(STEP_TEST)},
    [STEP_ROLLOUT] = {"rollout", BIT(STEP_REGISTER)},
    [STEP_CLEANUP] = {"clean-up", BIT(STEP_ROLLOUT)},
};

const char *step_name(enum step s)
{
    return steps[s].name;
}

unsigned step_needs(enum step s)
{
    return steps[s].needs;
}

struct durations durations_original(void)
{
    return (struct durations){{[STEP_PULL] = 15,
                               [STEP_TEST] = 180,
                               [STEP_BUILD] = 165,
                               [STEP_INSTANCE] = 90,
                               [STEP_UPLOAD] = 25,
                               [STEP_COMMAND_LINE] = 5,
                               [STEP_IMAGE] = 210,
                               [STEP_REGISTER] = 10,
                               [STEP_ROLLOUT] = 150,
                               [STEP_CLEANUP] = 20}};
}

static int64_t takes(const struct durations *d, const struct graph_run *run, enum step s)
{
    if (run->skipped & BIT(s))
        return 0;
    if (s == STEP_ROLLOUT)
        return run->canary_s + d->s[s] * run->waves;
    return s == STEP_REGISTER ? run->copy_s + d->s[s] : d->s[s];
}

static unsigned needs_of(const struct graph_run *run, enum step s)
{
    return s == STEP_INSTANCE && run->boots_late ? BIT(STEP_BUILD) : steps[s].needs;
}

int64_t graph_critical_path(const struct durations *d, const struct graph_run *run, int64_t ends[STEPS],
                            unsigned *on_path)
{
    enum step before[STEPS];
    for (int i = 0; i < STEPS; i++) { /* steps stand in an order in which each comes after what it needs */
        enum step s = (enum step)i;
        int64_t begin = 0;
        before[s] = s;
        for (int j = 0; j < i; j++)
            if ((needs_of(run, s) & BIT(j)) && ends[j] >= begin) {
                begin = ends[j];
                before[s] = (enum step)j;
            }
        ends[s] = begin + takes(d, run, s);
    }
    *on_path = BIT(STEP_ROLLOUT);
    for (enum step s = STEP_ROLLOUT; before[s] != s; s = before[s])
        *on_path |= BIT(before[s]);
    return ends[STEP_ROLLOUT];
}

int64_t graph_serial(const struct durations *d, int64_t waves)
{
    int64_t sum = 0;
    const struct graph_run original = {.waves = waves};
    for (int s = 0; s < STEPS; s++)
        sum += takes(d, &original, (enum step)s);
    return sum;
}
