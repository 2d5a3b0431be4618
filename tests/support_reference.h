#ifndef REFERENCE_SIM_H
#define REFERENCE_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Money is int64 in units of 1e-10 USD, theta in units of 1e-10, time in whole unix seconds. */

enum ref_trigger { REF_EVERY, REF_IDLE, REF_COUNT, REF_WINDOW, REF_TRAIN, REF_AREA };
enum ref_keep { REF_TERMINATE, REF_HOUR, REF_IDLE_KEEP, REF_RENT };

struct ref_model {
    int64_t prepare_s, boot_s, bake_s, rollout_s;
    enum ref_trigger trigger;
    int64_t trigger_arg; /* N, S, or theta in 1e-10 */
    enum ref_keep keep;
    int64_t keep_arg, margin_s;
    bool second_regime;
    int64_t price_per_hour, per_deploy, delay_price_per_commit_hour, launch_cost;
    int64_t push_gap_s;
    int64_t reserved_count;
    bool reserved_clock_hour; /* else pool */
};

struct ref_month {
    int year, month;
    int64_t commits, deployments, launches, billed_units, covered_units, waiting_commit_s;
};

struct ref_result {
    size_t deployments;
    int64_t *start_s, *end_s;            /* each deployment's s and f, in order */
    size_t *first_commit, *commit_count; /* which commits (indices into the history) it took */
    bool *launched;
    size_t commits;
    int64_t *lead_s, *wait_s; /* per commit */
    int64_t launches, billed_units /* hours or seconds */, covered_units;
    int64_t corrected;
    size_t month_count;
    struct ref_month *months; /* ascending, only months where something is booked */
};

/* commit_time_s: raw commit times in parent order (may run backwards). n >= 1. */
void ref_simulate(const struct ref_model *m, const int64_t *commit_time_s, size_t n, struct ref_result *out);
void ref_result_release(struct ref_result *r);
/* Nearest rank: sorted[ceil(p*n/100)-1]; sorts a copy. */
int64_t ref_percentile(const int64_t *values, size_t n, int percent);

#endif
