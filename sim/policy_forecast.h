/*
 * policy_forecast.h - what the rest of a month will cost by the schedule that a policy implies: not the run rate, but
 * the policy replayed on the history, in windows as long as the time that remains.
 *
 * Twice: on drawn histories of the workload that is fitted to the history (fitted_forecast.h), and, to hold that
 * against, on the history itself. For the latter the last windows of the history, end to end, at most POLICY_WINDOWS of
 * them, are replayed one by one; each is one possible rest of the month. What is booked for no deployment (a fleet,
 * storage) goes on at its own run rate. The interval holds nine in ten of the windows (nearest rank), so with few of
 * them it is their range.
 *
 * A workload file in place of a history has no windows, a short history of few commits perhaps no fit.
 * Errors: EXIT_INPUT where there is neither a fit nor room for POLICY_WINDOWS_MIN windows, or more than one policy is
 * named. Cost: three replays a window, 400 for the fit.
 */
#ifndef SIM_POLICY_FORECAST_H
#define SIM_POLICY_FORECAST_H

#include "sim/budget_source.h"
#include "sim/frontier.h"
#include "sim/outlook.h"

#define POLICY_WINDOWS     26
#define POLICY_WINDOWS_MIN 3

struct policy_forecast {
    struct policy policy;
    size_t windows;           /* 0: the history has too few */
    money_t spent, steady;    /* steady: what is no deployment's, for the rest of the month */
    struct outlook_next rest; /* of the deployments, a window each */
    money_t mean, low, high;  /* the month's end */
    bool fitted;
    struct outlook_next fitted_rest;
    money_t fitted_mean, fitted_low, fitted_high;
};

int policy_forecast(struct policy_forecast *out, const struct budget_source *source,
                    const struct budget_options *options, const struct scenario_args *scenario,
                    const struct policy_list *policies, const struct session *session, struct err *err) MUST_USE;

#endif
