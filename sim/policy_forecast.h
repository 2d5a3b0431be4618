/*
 * policy_forecast.h - what the rest of a month will cost by the schedule that a policy implies: not the run rate, but
 * the policy replayed on the history, in windows as long as the time that remains.
 *
 * The last windows of the history, end to end, at most POLICY_WINDOWS of them, are replayed one by one; each is one
 * possible rest of the month. What is booked for no deployment (a fleet, storage) goes on at its own run rate. The
 * interval holds nine in ten of the windows (nearest rank), so with few of them it is their range.
 *
 * Errors: EXIT_INPUT where the history has room for fewer than POLICY_WINDOWS_MIN windows, or more than one policy is
 * named. Cost: three replays a window.
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
    size_t windows;
    money_t spent, steady;    /* steady: what is no deployment's, for the rest of the month */
    struct outlook_next rest; /* of the deployments, a window each */
    money_t mean, low, high;  /* the month's end */
};

int policy_forecast(struct policy_forecast *out, const struct budget_source *source,
                    const struct budget_options *options, const struct scenario_args *scenario,
                    const struct policy_list *policies, const struct session *session, struct err *err) MUST_USE;

#endif
