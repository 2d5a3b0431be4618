/*
 * mc_report.h - Monte Carlo results for people and scripts, and as files that `merge` adds up.
 *
 * A report is what simulate --runs prints; a shard file holds the exact sums of some of the replications and all that
 * the report says besides. Reports of one scenario, seed and number of runs whose shards are all there add up to the
 * same bits as a run without shards.
 *
 * Ownership: struct mc_report is the caller's, zeroed, filled .. mc_report_release.
 */
#ifndef SIM_MC_REPORT_H
#define SIM_MC_REPORT_H

#include <cjson/cJSON.h>

#include "sim/montecarlo.h"

#define SHARD_FILE_MAX ((size_t)256 << 20)

struct mc_report {
    cJSON *head; /* history, model, storm: as simulate prints them */
    bool hourly, fails, reserved, delay;
    int64_t corrected;
    int64_t runs; /* asked for, all shards together */
    uint32_t seed;
    int64_t shard, shards;
    struct policy_list policies; /* with the baselines */
    struct mc_result result;
};

void mc_report_begin(struct mc_report *r, const struct policy_list *asked, const struct scenario *s,
                     const struct mc_options *o);
void mc_report_release(struct mc_report *r);

void mc_report_json(const struct mc_report *r, const char *command, const struct session *session);
/* The table (CSV too) and the paired differences; what stands above it is the caller's. */
void mc_report_print(const struct mc_report *r, const struct session *session);

void mc_report_write(const struct mc_report *r, FILE *out); /* the shard file */
int mc_report_parse(struct mc_report *out, const char *name, const char *text, size_t len, struct err *err) MUST_USE;

/* Adds a shard; it must be of the same run. */
int mc_report_merge(struct mc_report *to, const struct mc_report *more, const char *name, struct err *err) MUST_USE;

#endif
