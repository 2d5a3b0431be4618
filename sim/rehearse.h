/*
 * rehearse.h - a run of deployments against the modelled cloud, and what became of each.
 *
 * Ownership: struct rehearse is the caller's from rehearse_begin to rehearse_end. Units: seconds, money.
 */
#ifndef SIM_REHEARSE_H
#define SIM_REHEARSE_H

#include "scheduler/statement.h"
#include "sim/rehearsal.h"

struct rehearse_options {
    const char *config;      /* NULL: the sample application's */
    const char *environment; /* NULL: the first */
    const char *faults, *calibration;
    int64_t deployments, group, gap_s, lag_ms;
    int64_t seed;
    int64_t speed; /* times the machine's clock; 0: steps, as fast as it goes */
    bool modelled; /* no command is run */
    bool check;
};

struct rehearsed {
    struct deployment record;
    struct pipeline_estimate estimate;
    struct statement statement;
    bool stated;
    enum pipeline_end end;
    char note[256]; /* why it was not completed */
};

struct rehearse {
    struct rehearse_options options;
    const struct session *session;
    struct config *config;
    struct calibration calibration;
    struct fault_set *faults;
    struct rehearsal rehearsal;
    struct rehearsed *items;
    size_t count;
    char folder[64]; /* of its own, under TMPDIR; gone at the end */
    bool real;       /* the commands are run */
    size_t orphans;
    struct str orphan_names;
    money_t bill, ledger;
};

/* Begins and runs all of it. */
int rehearse_run(struct rehearse *r, const struct rehearse_options *options, const struct session *session,
                 struct err *err) MUST_USE;
void rehearse_end(struct rehearse *r);

#endif
