/* Threads: as many as are asked for, within what makes sense; each worker once, and all are back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

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

struct worker {
    atomic_int *arrived;
    int runs, seen; /* how many were there when it had waited for the others */
    int64_t width;  /* so that a worker's size is no pointer's */
};

#define TOGETHER 7

static void *meet(void *context)
{
    struct worker *w = context;
    w->runs++;
    atomic_fetch_add(w->arrived, 1);
    while (atomic_load(w->arrived) < TOGETHER) /* only where they run at once does this end */
        usleep(100);
    w->seen = atomic_load(w->arrived);
    return NULL;
}

static void at_once(void **state)
{
    (void)state;
    atomic_int arrived = 0;
    struct worker workers[TOGETHER + 1] = {0};
    for (int i = 0; i <= TOGETHER; i++)
        workers[i].arrived = &arrived;
    threads_run(meet, workers, sizeof(*workers), TOGETHER);
    for (int i = 0; i <= TOGETHER; i++) {
        assert_int_equal(workers[i].runs, i < TOGETHER);
        assert_int_equal(workers[i].seen, i < TOGETHER ? TOGETHER : 0);
    }
}

static void *count_one(void *context)
{
    struct worker *w = context;
    w->runs++;
    atomic_fetch_add(w->arrived, 1);
    return NULL;
}

static void one_and_all(void **state)
{
    (void)state;
    static struct worker workers[THREADS_MAX];
    atomic_int arrived = 0;
    for (int i = 0; i < THREADS_MAX; i++)
        workers[i].arrived = &arrived;
    threads_run(count_one, workers, sizeof(*workers), 1);
    assert_int_equal(atomic_load(&arrived), 1);
    assert_int_equal(workers[0].runs, 1);
    threads_run(count_one, workers, sizeof(*workers), THREADS_MAX);
    assert_int_equal(atomic_load(&arrived), 1 + THREADS_MAX);
    for (int i = 1; i < THREADS_MAX; i++)
        assert_int_equal(workers[i].runs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_many),
        cmocka_unit_test(at_once),
        cmocka_unit_test(one_and_all),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
