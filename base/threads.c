#include "base/threads.h"

#include <assert.h>
#include <pthread.h>
#include <unistd.h>

int64_t threads_count(int64_t asked, int64_t jobs)
{
    int64_t threads = asked ? asked : sysconf(_SC_NPROCESSORS_ONLN);
    threads = threads > THREADS_MAX ? THREADS_MAX : threads;
    threads = threads > jobs ? jobs : threads;
    return threads < 1 ? 1 : threads;
}

void threads_run(void *(*work)(void *worker), void *workers, size_t size, int64_t count)
{
    pthread_t threads[THREADS_MAX];
    int64_t started = 1;
    assert(count >= 1 && count <= THREADS_MAX);
    for (; started < count; started++)
        if (pthread_create(&threads[started], NULL, work, (char *)workers + (size_t)started * size))
            break;
    (void)work(workers);
    for (int64_t i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
}
