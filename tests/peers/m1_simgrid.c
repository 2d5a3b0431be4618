/*
 * Model M1 on SimGrid (C API), written twice. `deployments`: an actor for the commits and one for each deployment, which
 * waits for one of three turns, as the SimPy program does. `servers`: three actors that take batches from a line; the
 * leanest that the API allows. Prints commits a second of user CPU time, mean lead time, deployments a commit. Built by
 * tests/bench_peers.sh where SimGrid is there.
 *
 *   m1_simgrid PLATFORM.xml COMMITS SEED deployments|servers
 */
#include <math.h>
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define BATCH   8
#define WAIT_S  1800.0
#define SERVERS 3
#define STEPS   5

struct batch {
    int count;
    double sum_s;
};

static struct batch *line_up; /* batches in the order they closed */
static long head, tail;
static sg_sem_t work;
static long commits;
static double lead_sum_s;
static long delivered, deployments;
static uint64_t state;

/* xorshift64* */
static double unit(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (double)((state * 0x2545F4914F6CDD1Du) >> 11) * 0x1p-53;
}

static int actor_each;
static sg_host_t host;

static void deploy(const struct batch *b)
{
    static const double steps_s[STEPS] = {60, 240, 300, 180, 120};
    for (int i = 0; i < STEPS; i++)
        sg_actor_sleep_for(steps_s[i] * (0.75 + 0.5 * unit()));
    lead_sum_s += b->count * simgrid_get_clock() - b->sum_s;
    delivered += b->count;
    deployments++;
}

static void deployment(int argc, char **argv)
{
    (void)argc, (void)argv;
    const struct batch *b = sg_actor_get_data(sg_actor_self());
    sg_sem_acquire(work);
    deploy(b);
    sg_sem_release(work);
}

static void close_batch(struct batch *b)
{
    line_up[tail++] = *b;
    *b = (struct batch){0, 0};
    if (!actor_each) {
        sg_sem_release(work);
        return;
    }
    sg_actor_t actor = sg_actor_init("deployment", host);
    sg_actor_set_data(actor, &line_up[tail - 1]);
    sg_actor_start(actor, deployment, 0, NULL);
}

static void arrivals(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct batch b = {0, 0};
    double now_s = 0;
    double deadline_s = 0;
    for (long i = 0; i < commits; i++) {
        double next_s = now_s - 300 * log(1 - unit());
        if (b.count && deadline_s < next_s) {
            sg_actor_sleep_for(deadline_s - now_s);
            now_s = deadline_s;
            close_batch(&b);
        }
        sg_actor_sleep_for(next_s - now_s);
        now_s = next_s;
        if (!b.count)
            deadline_s = now_s + WAIT_S;
        b.count++;
        b.sum_s += now_s;
        if (b.count == BATCH)
            close_batch(&b);
    }
    if (b.count) {
        sg_actor_sleep_for(deadline_s - now_s);
        close_batch(&b);
    }
    for (int i = 0; i < SERVERS && !actor_each; i++)
        close_batch(&b); /* an empty one sends a server home */
}

static void server(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (;;) {
        sg_sem_acquire(work);
        struct batch b = line_up[head++];
        if (!b.count)
            return;
        deploy(&b);
    }
}

static double cpu_s(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_utime.tv_sec + (double)use.ru_utime.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
    simgrid_init(&argc, argv);
    if (argc != 5)
        return 2;
    simgrid_load_platform(argv[1]);
    commits = strtol(argv[2], NULL, 10);
    state = 88172645463325252u + (uint64_t)strtol(argv[3], NULL, 10) * 0x9E3779B97F4A7C15u;
    line_up = malloc(((size_t)commits + SERVERS + 1) * sizeof(*line_up));
    actor_each = strcmp(argv[4], "deployments") == 0;
    work = sg_sem_init(actor_each ? SERVERS : 0);
    host = sg_host_by_name("host");
    sg_actor_create("arrivals", host, arrivals, 0, NULL);
    for (int i = 0; i < SERVERS && !actor_each; i++)
        sg_actor_create("server", host, server, 0, NULL);
    double begin_s = cpu_s();
    simgrid_run();
    double took_s = cpu_s() - begin_s;
    printf("simgrid-%s %.0f %.4f %.6f\n", argv[4], (double)commits / took_s, lead_sum_s / (double)delivered,
           (double)deployments / (double)commits);
    return delivered == commits ? 0 : 1;
}
