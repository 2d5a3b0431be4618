/* Threads: as many as are asked for, within what makes sense; each worker once, and all are back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/threads.h"

static void how_many(void **state)
{
    (void)state;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    assert_int_equal(threads_count(0, 1000000), processors > THREADS_MAX ? THREADS_MAX : processors);
    assert_int_equal(threads_count(5, 1000), 5);
    assert_int_equal(threads_count(5, 5), 5);
    assert_int_equal(threads_count(5, 4), 4);
    assert_int_equal(threads_count(5, 0), 1);
    assert_int_equal(threads_count(0, 1), 1);
    assert_int_equal(threads_count(1, 1000), 1);
    assert_int_equal(threads_count(100000, 100000), THREADS_MAX);
}

#define JOBS 20000

struct shared {
    atomic_int next, arrived;
    atomic_int done[JOBS];
};

struct worker {
    struct shared *shared;
    int runs;
    int64_t met; /* how many had arrived when it went on */
};

static struct shared shared;
static struct worker workers[THREADS_MAX];

static void begin(void)
{
    memset(&shared, 0, sizeof(shared));
    memset(workers, 0, sizeof(workers));
    for (int i = 0; i < THREADS_MAX; i++)
        workers[i].shared = &shared;
}

/* Those that ran are the first ones, each once. The system may have given fewer than were asked for. */
static int ran(int asked)
{
    int count = 0;
    assert_int_equal(workers[0].runs, 1);
    for (int i = 0; i < THREADS_MAX; i++) {
        assert_true(workers[i].runs <= (i < asked && count == i));
        count += workers[i].runs;
    }
    return count;
}

static void *take_jobs(void *context)
{
    struct worker *w = context;
    w->runs++;
    for (int job; (job = atomic_fetch_add(&w->shared->next, 1)) < JOBS;)
        atomic_fetch_add(&w->shared->done[job], 1);
    return NULL;
}

static void all_is_done(void **state)
{
    (void)state;
    static const int asked[] = {1, 2, 7, THREADS_MAX};
    for (size_t k = 0; k < sizeof(asked) / sizeof(*asked); k++) {
        begin();
        threads_run(take_jobs, workers, sizeof(*workers), asked[k]);
        (void)ran(asked[k]);
        for (int job = 0; job < JOBS; job++)
            assert_int_equal(atomic_load(&shared.done[job]), 1);
    }
}

/* Waits for the other; for half a minute, lest a system that gives no thread keep it for ever. */
static void *meet(void *context)
{
    struct worker *w = context;
    w->runs++;
    atomic_fetch_add(&w->shared->arrived, 1);
    for (int i = 0; i < 30000 && atomic_load(&w->shared->arrived) < 2; i++)
        (void)usleep(1000);
    w->met = atomic_load(&w->shared->arrived);
    return NULL;
}

static void *nothing(void *context)
{
    return context;
}

static bool another_is_given(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL))
        return false;
    pthread_join(thread, NULL);
    return true;
}

static void at_once(void **state)
{
    (void)state;
    int together = 0;
    for (int tries = 0; tries < 100 && together < 2; tries++) {
        begin();
        threads_run(take_jobs, workers, sizeof(*workers), 2);
        together = ran(2);
        if (together < 2 && !another_is_given()) {
            print_message("the system gives no second thread: not seen at once\n");
            skip();
        }
    }
    assert_int_equal(together, 2);
    begin();
    threads_run(meet, workers, sizeof(*workers), 2);
    int count = ran(2);
    for (int i = 0; i < count; i++) /* one after the other, the first would have gone on alone */
        assert_int_equal(workers[i].met, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_many),
        cmocka_unit_test(at_once),
        cmocka_unit_test(all_is_done),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
