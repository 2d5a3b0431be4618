#include "sim/failure_args.h"

#include <string.h>

#include "base/num.h"
#include "sim/attempts.h"

#define SEED_MAX      UINT32_MAX
#define TRIES_MAX     60
#define STORM_CAP_MAX 100000
#define NIGHT_MAX     (7 * SECONDS_PER_DAY)

int opt_probability(void *field, const char *value, struct err *err)
{
    struct given *given = field;
    int64_t p;
    if (num_decimal(value, strlen(value), 9, &p) || p < 0 || p > PROBABILITY_ONE)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no probability from 0 to 1", value);
    *given = (struct given){true, p};
    return 0;
}

int opt_culprit(void *field, const char *value, struct err *err)
{
    struct failure_args *args = field;
    args->culprit_fit = strcmp(value, "fit") == 0;
    return args->culprit_fit ? 0 : opt_probability(&args->culprit, value, err);
}

uint32_t failure_args_seed(const struct failure_args *args)
{
    return (uint32_t)given_or(args->seed, 1);
}

static uint64_t risk_of(struct given p)
{
    if (!p.is)
        return 0;
    return (uint64_t)num_div_half_even((int128)p.value * (int128)RISK_CERTAIN, PROBABILITY_ONE);
}

static int check_hopeless(const struct failure_args *a, struct err *err)
{
    const struct {
        const char *name;
        struct given p;
    } repeated[] = {{"--fail-build", a->build}, {"--fail-bake", a->bake}, {"--fail-smoke", a->smoke}};
    for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++)
        if (repeated[i].p.is && repeated[i].p.value > PROBABILITY_ONE / 100 * 99)
            return err_set(err, EXIT_INPUT, "%s goes up to 0.99: what always fails is tried for ever",
                           repeated[i].name);
    return 0;
}

static int64_t usual_cap(int64_t fleet)
{
    int64_t half = (fleet + 1) / 2; /* the threshold of ECS's deployment circuit breaker */
    return half < 3 ? 3 : half > 200 ? 200 : half;
}

static int apply_storm(const struct failure_args *a, struct model *m, struct err *err)
{
    struct failures *f = &m->failures;
    f->storm_cycle_s = given_or(a->storm_cycle_s, 180);
    f->storm_cap = given_or(a->storm_cap, usual_cap(m->fleet));
    f->storm_usd = given_or(a->storm_usd, 0);
    f->night_s = given_or(a->night_s, 8 * SECONDS_PER_HOUR);
    if (f->storm_cycle_s < 1 || f->storm_cycle_s > SECONDS_PER_DAY)
        return err_set(err, EXIT_INPUT, "--storm-cycle goes from a second to a day");
    if (f->storm_cap > STORM_CAP_MAX)
        return err_set(err, EXIT_INPUT, "--storm-cap goes up to %d", STORM_CAP_MAX);
    if (f->night_s < 1 || f->night_s > NIGHT_MAX)
        return err_set(err, EXIT_INPUT, "--night goes from a second to a week");
    return 0;
}

static int apply_mode(const struct failure_args *a, struct model *m, const struct session *session, struct err *err)
{
    const char *mode = a->rollout_mode ? a->rollout_mode : "naive";
    m->hour_end = strcmp(mode, "hour-end") == 0;
    m->limit_s = given_or(a->limit_s, SECONDS_PER_HOUR);
    if (!m->hour_end && strcmp(mode, "naive") != 0)
        return err_set(err, EXIT_INPUT, "--rollout-mode: \"%.60s\" is neither naive nor hour-end", mode);
    if (a->limit_s.is && !m->hour_end)
        return err_set(err, EXIT_INPUT, "--rollout-limit goes with --rollout-mode hour-end");
    if (m->hour_end && m->terms.regime == REGIME_SECOND) {
        session_note(session, "--rollout-mode hour-end: by the second no paid hour is lost, so nothing waits");
        m->hour_end = false;
    }
    if (m->hour_end && !m->fleet)
        session_note(session, "--rollout-mode hour-end without --fleet changes nothing");
    return 0;
}

int failure_args_apply(const struct failure_args *a, struct model *m, const struct session *session, struct err *err)
{
    struct failures *f = &m->failures;
    *f = (struct failures){.culprit = risk_of(a->culprit),
                           .caught = risk_of(a->caught),
                           .build = risk_of(a->build),
                           .bake = risk_of(a->bake),
                           .boot = risk_of(a->boot),
                           .smoke = risk_of(a->smoke),
                           .bake_tries = given_or(a->bake_tries, 3),
                           .detect_s = given_or(a->detect_s, 0),
                           .rollback_s = given_or(a->rollback_s, m->terms.rollout_s)};
    f->any = f->culprit || f->build || f->bake || f->boot || f->smoke;
    int code = check_hopeless(a, err);
    const char *on_fail = a->on_fail ? a->on_fail : "bisect";
    f->on_fail = strcmp(on_fail, "revert") == 0 ? ON_FAIL_REVERT : ON_FAIL_BISECT;
    if (!code && f->on_fail == ON_FAIL_BISECT && strcmp(on_fail, "bisect") != 0)
        code = err_set(err, EXIT_INPUT, "--on-fail: \"%.60s\" is neither bisect nor revert", on_fail);
    if (!code && (f->bake_tries < 1 || f->bake_tries > TRIES_MAX))
        code = err_set(err, EXIT_INPUT, "--bake-tries goes from 1 to %d", TRIES_MAX);
    if (!code && a->seed.is && a->seed.value > (int64_t)SEED_MAX)
        code = err_set(err, EXIT_INPUT, "--seed goes up to %u", SEED_MAX);
    if (!code)
        code = apply_storm(a, m, err);
    return code ? code : apply_mode(a, m, session, err);
}
