/*
 * des_report.h - simulate --model: runs a model file, once or many times, and prints what came of it; as a shard, too.
 *
 * Replications are shared out to threads and shards; sums are exact, so the figures do not depend on their number.
 * Ownership: struct des_total is the caller's, zeroed, des_total_open or des_total_parse .. des_total_release.
 */
#ifndef SIM_DES_REPORT_H
#define SIM_DES_REPORT_H

#include "base/session.h"
#include "scheduler/digest.h"
#include "sim/des_run.h"
#include "sim/montecarlo.h"
#include "sim/sums.h"

#define DES_FIXED_FIGURES 15
#define DES_FIGURES       (DES_FIXED_FIGURES + DES_STAGES_MAX)

struct des_total {
    struct des_model model;
    char *path, *text;              /* of the model's file */
    char history[DIGEST_TEXT_SIZE]; /* of the arrivals; "" where the model makes its own */
    uint32_t seed;
    bool many;    /* a mean of several, also where it is of one */
    int64_t runs; /* asked for, all shards together */
    int64_t shard, shards;
    struct sums figures[DES_FIGURES];
};

int des_total_open(struct des_total *t, const char *path, struct err *err) MUST_USE; /* reads the model */
/* history: NULL where the model makes its own commits. many: NULL for a single run. */
int des_total_run(struct des_total *t, const struct commits *history, const struct mc_options *many, uint32_t seed,
                  const struct session *session, struct err *err) MUST_USE;
void des_total_print(const struct des_total *t, const char *command, const struct session *session);
void des_total_release(struct des_total *t);

/* --- shards (des_shard.c) --- */
bool des_total_is_shard(const char *text); /* by the beginning of a document */
void des_total_write(const struct des_total *t, FILE *out);
int des_total_parse(struct des_total *t, const char *name, const char *text, size_t len, struct err *err) MUST_USE;
/* Adds a shard; it must be of the same run. */
int des_total_merge(struct des_total *t, const struct des_total *more, const char *name, struct err *err) MUST_USE;

static inline int64_t des_total_done(const struct des_total *t)
{
    return t->figures[0].n;
}

#endif
