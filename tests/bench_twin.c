/* make bench: how fast the twin answers signed requests, and how soon it is up. usage: BAKEHOUR=program bench_twin */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support_twin.h"

#define EC2(action) "Action=" action "&Version=2016-11-15"
#define ROUNDS      20000

/* Processor seconds of a process so far. */
static double cpu_of(pid_t pid)
{
    char path[64], text[1000];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[got] = '\0';
    if (file)
        fclose(file);
    const char *at = strrchr(text, ')');
    unsigned long user = 0, system_time = 0;
    if (at)
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system_time);
    return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

/* Signed requests on one connection that stays open, each signed anew. */
static void bench_requests(const struct twin_child *b, const char *what, const char *form, int count)
{
    char host[32];
    str_fit(host, sizeof host, "127.0.0.1:%u", b->port);
    struct signing with = {.service = "ec2", .host = host};
    struct str request, reply;
    str_init(&request, 0);
    str_init(&reply, 0);
    int fd = dial("127.0.0.1", b->port);
    double cpu = cpu_of(b->pid);
    int64_t begin_ns = clock_monotonic_ns();
    int whole = 0;
    for (int i = 0; i < count; i++) {
        str_clear(&request);
        str_clear(&reply);
        sign_request(&with, form, &request);
        whole += exchange(fd, request.text, request.len, &reply) && strncmp(reply.text, "HTTP/1.1 200", 12) == 0;
    }
    double wall = (double)(clock_monotonic_ns() - begin_ns) / 1e9;
    cpu = cpu_of(b->pid) - cpu;
    printf("  %-32s %d of %d: %.0f a second of the twin's processor time, %.0f a second by the clock\n", what, whole,
           count, cpu > 0 ? count / cpu : 0, count / wall);
    close(fd);
    str_release(&request);
    str_release(&reply);
}

int main(void)
{
    static const char *const args[] = {"--no-throttle", NULL};
    struct twin_child twin;
    int64_t best = INT64_MAX;
    for (int i = 0; i < 20; i++) {
        if (!twin_child_start(&twin, args))
            return 1;
        best = twin.start_ns < best ? twin.start_ns : best;
        (void)twin_child_stop(&twin, SIGTERM);
    }
    printf("twin: signed requests, one at a time on one connection; the client shares the machine\n");
    printf("  start-up, best of 20: %.1f ms\n", (double)best / 1e6);
    if (!twin_child_start(&twin, args))
        return 1;
    struct signing with = {.service = "ec2"};
    struct str body;
    str_init(&body, 0);
    bench_requests(&twin, "DescribeImages", EC2("DescribeImages"), ROUNDS);
    bench_requests(&twin, "DescribeRegions", EC2("DescribeRegions"), ROUNDS);
    (void)call_twin(twin.port, &with,
                    EC2("RunInstances") "&MinCount=1&MaxCount=1&InstanceType=t2.micro&ImageId=ami-00000000000000001",
                    &body);
    bench_requests(&twin, "DescribeInstances, one of them", EC2("DescribeInstances"), ROUNDS);
    str_release(&body);
    return twin_child_stop(&twin, SIGTERM);
}
