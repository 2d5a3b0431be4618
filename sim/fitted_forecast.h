/*
 * fitted_forecast.h - what a stretch of time will cost under a policy, on drawn histories of a fitted workload.
 *
 *   history --workload_fit_even--> shape of the week, bursts --take_level--> as busy as the last quarter of a year was
 *           --400 draws of [from, to)--> the policy's schedule on each --> its money: mean, and nine in ten of the
 * draws
 *
 * How busy it is is known only as well as so many weeks tell it: the level of each draw is itself drawn, with the
 * standard error that the weeks' counts have (at least that of a Poisson process). No trend goes on behind the history:
 * of a quarter of a year it is mostly noise. What the pipeline is doing at `from` is not looked at.
 *
 * The same seed each time: the same figures each time. Cost: 400 replays of the stretch; 40 for policies that learn.
 */
#ifndef SIM_FITTED_FORECAST_H
#define SIM_FITTED_FORECAST_H

#include "sim/model.h"
#include "sim/outlook.h"
#include "sim/workload.h"

#define FITTED_DRAWS          400
#define FITTED_DRAWS_LEARNING 40
#define FITTED_WEEKS          13

/* A workload as it is at one instant. */
struct fitted {
    struct workload workload; /* its per_week is the level, its trend 1 */
    double deviation;         /* of the level, as a share of it */
};

/* Of a history; EXIT_INPUT where it is too short for a fit. */
int fitted_of_history(struct fitted *out, const int64_t *arrival_s, size_t count, struct err *err) MUST_USE;
/* Of a workload that somebody states: its own level and trend at `at`, taken for certain. */
struct fitted fitted_of_workload(const struct workload *w, instant_t at);

/* The money of [from, to); out->deployments is the number of draws. */
int fitted_forecast(struct outlook_next *out, const struct fitted *f, const struct policy *policy,
                    const struct model *model, instant_t from, instant_t to, struct err *err) MUST_USE;

#endif
