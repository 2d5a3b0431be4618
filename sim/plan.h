/*
 * plan.h - what `bakehour plan` found, before it is printed, as text, as JSON or as pictures.
 *
 * Owned by cmd_plan.c; everything here points into its frontier and scenario.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "sim/frontier.h"
#include "sim/prepaid.h"
#include "sim/yardstick.h"

struct plan {
    const struct scenario *scenario;
    struct frontier frontier;
    struct limits limits;
    const struct frontier_point *best; /* the recommended policy; NULL when none fits */
    struct str reason;
    struct prepaid prepaid;     /* with --reserved */
    struct offer_list offers;   /* with --offers */
    struct yardstick yardstick; /* with --delay-price or --vs-optimum */
    struct bound_line drawn;    /* with --plot: what a clairvoyant would have paid */
    bool show_all;
};

/* What reusing the bake instance is worth: of the money without it, the part that it saves. -1: nothing to compare. */
double plan_reuse_percent(const struct plan *p);

void plan_print(const struct plan *p, const struct session *session);
void plan_print_table(const struct plan *p, const struct session *session); /* the table alone; CSV where asked */
void plan_print_json(const struct plan *p, const struct session *session);

#endif
