/*
 * policy_list.h - the policies of a command line: --trigger and --keep, repeated.
 *
 * Each trigger takes the keep that follows it before the next trigger; else the last keep given before it; else the
 * keep of the next trigger that has one; else terminate. Owned by the command's options: policy_list_finish once the
 * options are parsed, policy_list_release at the end.
 */
#ifndef SIM_POLICY_LIST_H
#define SIM_POLICY_LIST_H

#include "base/opt.h"
#include "scheduler/policy.h"

struct policy_list {
    struct policy *items;
    bool *keep_given; /* behind this trigger */
    size_t count, cap, given_cap;
    bool keep_before; /* a keep stood in front of the first trigger */
    struct keep first_keep;
};

opt_set opt_trigger, opt_keep; /* fields of type struct policy_list */
opt_set opt_policy;            /* both in one: "window:15m,hour", "idle"; a comma or a plus between them */

#define POLICY_LIST_OPTIONS(type, member)                                                                              \
    {"trigger",                                                                                                        \
     OPT_VALUE,                                                                                                        \
     "T",                                                                                                              \
     "every, idle, count:N, window:S, train:S, area:THETA; those that learn: mdp, predict[:TRUST], "                   \
     "sqrt[:KAPPA], random[:SEED], budget:HOURSh, budget:AMOUNTusd (default every)",                                   \
     opt_trigger,                                                                                                      \
     offsetof(type, member)},                                                                                          \
    {                                                                                                                  \
        "keep", OPT_VALUE, "K", "terminate, hour, idle:S, rent (default terminate)", opt_keep, offsetof(type, member)  \
    }

/* Settles the keeps; without any trigger the list becomes: every. */
void policy_list_finish(struct policy_list *list);
void policy_list_release(struct policy_list *list);
void policy_list_add(struct policy_list *list, struct policy policy);

#endif
