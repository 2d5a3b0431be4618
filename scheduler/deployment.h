/*
 * deployment.h - the records of an environment: its deployments, the run at work, the kept bake instance; and the
 * bakes that exist, by their key.
 *
 *      running --> completed | rolled-back | capped | failed | broken
 *
 * Numbered invariants:
 *   1. Deployments of an environment are numbered from 1 without gaps; at most the last one is running.
 *   2. `current` names the run that is not closed; it appears together with its record, and goes with its last word.
 *
 * Ownership: records are values; texts are cut at their sizes, which no id, digest or commit reaches.
 * Units: unix milliseconds, money in 1e-10 USD. Errors: those of state.h.
 */
#ifndef SCHEDULER_DEPLOYMENT_H
#define SCHEDULER_DEPLOYMENT_H

#include "billing/money.h"
#include "scheduler/journal.h"
#include "scheduler/pricing.h"
#include "scheduler/state.h"

struct deployment {
    int64_t number;
    char run[80];
    char kind[12];  /* deploy, rollback, promote */
    char state[12]; /* running, completed, rolled-back, capped, failed, broken */
    char environment[48];
    char commit[72];
    char sha256[72]; /* of the artifact */
    char bake_key[72];
    char image[40], image_name[136];
    char version[136]; /* of the launch template, or the launch configuration's name */
    char source[48];   /* promote: the environment it came from */
    char reason[256];
    int64_t commits; /* that it brings */
    int64_t started_ms, ended_ms;
    money_t estimate, cost, original;
    struct costs estimates; /* the estimate by resource; all 0 in records of older versions */
    int64_t disk_gb;        /* of the root volume of each of its instances; 0: not known */
    int64_t makespan_s, critical_s;
    bool reused; /* a bake instance, or a bake */
    int64_t storm_s, cap_s;
};

/* The record and `current` of a run that begins; number is set. Needs the lease. */
int deployment_begin(const struct state *state, struct lease *lease, struct deployment *d, int64_t now_ms,
                     struct err *err) MUST_USE;
/* The writes that put the record as it is, and (finished) take `current` away: two of them, into writes. text holds
 * what they point to. */
size_t deployment_writes(const struct deployment *d, bool finished, char partition[80], char key[24], struct str *text,
                         struct state_write writes[2]);
/* number 0: the last. *found false where there is none. */
int deployment_find(const struct state *state, const char *environment, int64_t number, struct deployment *out,
                    bool *found, struct err *err) MUST_USE;
/* The run that is not finished; "" where there is none. */
int deployment_current(const struct state *state, const char *environment, char run[80], struct err *err) MUST_USE;

struct deployments {
    struct deployment *items;
    size_t count, cap;
};

int deployments_list(const struct state *state, const char *environment, struct deployments *out,
                     struct err *err) MUST_USE;
/* Enough to tell the last one and the newest completed one: the last 201, or all where none of those is completed. One
 * request to the store, however long the history is. */
int deployments_newest(const struct state *state, const char *environment, struct deployments *out,
                       struct err *err) MUST_USE;
/* The last `most` of them, in the same order. */
int deployments_recent(const struct state *state, const char *environment, size_t most, struct deployments *out,
                       struct err *err) MUST_USE;
void deployments_release(struct deployments *list);
/* The newest completed one before `before` (NULL: the newest of all), or NULL. */
const struct deployment *deployments_last_good(const struct deployments *list, const struct deployment *before);

/* Did it end in its build or its tests? By its reason, in step_source.c's words. */
bool deployment_failed_building(const struct deployment *d);
/* How many of a thousand do: of the last 200 that are over, and of twenty more before them of which one failed, which
 * stand for a project that never deployed (the mean of a beta distribution with 1 and 19). */
int64_t deployments_fail_permille(const struct deployments *list);

/* ---- the kept bake instance of an environment ---- */

struct kept_bake {
    char instance[32];
    char image[40]; /* that its root volume came from */
    char type[32];
    char guard[72];                          /* the dead-man's name, in its tag */
    int64_t launched_ms, freed_ms, until_ms; /* when its last bake let go of it; until when it is kept */
    char files[512]; /* what was uploaded, separated by newlines: not clean until they are gone */
};

int kept_bake_get(const struct state *state, const char *environment, struct kept_bake *out, int64_t *version,
                  struct err *err) MUST_USE;
struct state_write kept_bake_write(const struct kept_bake *k /* NULL: none any more */, const char *partition,
                                   struct str *text);

/* ---- images by bake key ---- */

struct bake {
    char key[72], image[40], image_name[136], region[32], sha256[72], commit[72];
    int64_t made_ms;
};

int bake_get(const struct state *state, const char *region, const char *key, struct bake *out, bool *found,
             struct err *err) MUST_USE;
struct state_write bake_write(const struct bake *b, char key[112], struct str *text);
int bake_forget(const struct state *state, const char *region, const char *key, struct err *err) MUST_USE;

#endif
