/*
 * Model M1 (data/model-m1.json) on the discrete-event core: commits a second of user CPU time, and the figures that the
 * other simulators must reach too. Median of five runs with seeds of their own.
 *
 *   make bench          or: build/release/tests/bench_des [COMMITS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/num.h"
#include "sim/des_run.h"

#define ROUNDS 5

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double cpu_ns(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_utime.tv_sec * 1e9 + (double)use.ru_utime.tv_usec * 1e3;
}

int main(int argc, char **argv)
{
    int64_t commits = 20000000;
    if (argc > 1 && (num_i64(argv[1], strlen(argv[1]), &commits) || commits < 1)) {
        fprintf(stderr, "usage: bench_des [COMMITS]\n");
        return 2;
    }
    struct des_model model;
    struct err err;
    if (des_model_open(&model, "data/model-m1.json", &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    model.commits = commits;
    static struct des_result result;
    double ns[ROUNDS];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct des_options options = {.seed = round};
        double begin_ns = cpu_ns();
        if (des_run(&result, &model, &options, &err)) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        ns[round] = cpu_ns() - begin_ns;
    }
    qsort(ns, ROUNDS, sizeof(*ns), by_value);
    double per_commit_ns = ns[ROUNDS / 2] / (double)commits;
    printf("bakehour %.0f %.4f %.6f %.1f\n", 1e9 / per_commit_ns,
           (double)result.lead_us / (double)result.commits / (double)DES_SECOND,
           (double)(int64_t)result.stages[0].billed_s / 3600 / (double)result.commits,
           ns[ROUNDS / 2] / (double)result.events);
    return 0;
}
