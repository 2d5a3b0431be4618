/* support_crowd_private.h - what the crowd and the look at what it left share. */
#ifndef TESTS_SUPPORT_CROWD_PRIVATE_H
#define TESTS_SUPPORT_CROWD_PRIVATE_H

#include <pthread.h>

#include "base/philox.h"
#include "sim/rehearsal.h"
#include "tests/support_crowd.h"

#define RUNNERS_MAX 64
#define COMMITS_MAX 64
#define WRITES_MAX  40000
#define STORE_MS    5 /* an operation of the store in memory */
#define NEVER       INT64_MAX

struct crowd;

struct runner {
    struct crowd *crowd;
    pthread_t thread;
    pthread_cond_t turn;
    bool has_turn, over;
    int64_t wake_ms;
    int machine;  /* counts on: each has a folder and a name of its own */
    bool dead;    /* killed: nothing answers it any more */
    bool holding; /* has written to a journal since it last had nothing to do */
    struct transport transport;
    struct retry retry;
    struct jobs_model jobs;
    struct state wrapped, own; /* own: its client of the modelled table */
    struct pipeline_world world;
    struct philox random;
    char holder[48], work[80];
};

/* What the store acknowledged of the journals. */
struct kept_write {
    char partition[80], key[24];
    uint64_t digest;
};

struct crowd {
    struct crowd_options options;
    struct crowd_result *result;
    struct rehearsal stage;
    struct config *config;
    struct calibration calibration;
    struct state memory;
    pthread_mutex_t lock;
    pthread_cond_t back; /* the turn is the referee's again */
    struct runner runners[RUNNERS_MAX];
    struct philox random;
    int machines;
    bool calm, closed; /* nobody is killed any more; everybody leaves at the next look */
    char commits[COMMITS_MAX][41];
    int64_t arrives_ms[COMMITS_MAX];
    struct kept_write *kept;
    size_t kept_count;
    char folder[64];
    int64_t began_ms, ended_ms;
};

int64_t crowd_now_ms(const struct crowd *c);
void crowd_say(struct crowd *c, const char *fmt, ...) PRINTF_LIKE(2, 3); /* the first thing that does not hold */
uint64_t crowd_digest(const char *text);
int crowd_commit(const struct crowd *c, const char *commit); /* its number; -1: none of them */
/* Records, journals, group, what is left over. */
void crowd_check(struct crowd *c);

#endif
