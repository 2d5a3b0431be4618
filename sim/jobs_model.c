#include "sim/jobs_model.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const enum step step_of[JOB_KINDS] = {[JOB_PULL] = STEP_PULL, [JOB_TEST] = STEP_TEST, [JOB_BUILD] = STEP_BUILD};

static int make_folder(const char *path, struct err *err)
{
    if (mkdir(path, 0700) && errno != EEXIST)
        return err_at(err, EXIT_FAILED, path, 0, 0, "the folder cannot be made: %s", strerror(errno));
    return 0;
}

static int write_artifact(struct jobs_model *m, const struct job_order *order, struct err *err)
{
    char path[4096];
    struct str text;
    str_fit(path, sizeof(path), "%.3000s/%.200s", order->directory, m->artifact_name);
    for (char *slash = strchr(path + strlen(order->directory) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (make_folder(path, err))
            return EXIT_FAILED;
        *slash = '/';
    }
    str_init(&text, 0);
    if (m->artifact)
        m->artifact(m->context, order->commit, &text);
    else
        str_addf(&text, "#!bakehour-app\nbody=%s\n", order->commit);
    FILE *out = fopen(path, "w");
    int code = 0;
    if (!out || fwrite(text.text, 1, text.len, out) != text.len)
        code = err_at(err, EXIT_FAILED, path, 0, 0, "the artifact cannot be written: %s", strerror(errno));
    if (out && fclose(out) && !code)
        code = err_at(err, EXIT_FAILED, path, 0, 0, "the artifact cannot be written: %s", strerror(errno));
    str_release(&text);
    return code;
}

/* The checkout's arguments: sh -c SCRIPT sh REPOSITORY COMMIT FOLDER FOLDER. */
static int pretend(struct jobs_model *m, const struct job_order *order, struct err *err)
{
    size_t count = 0;
    while (order->argv[count])
        count++;
    if (order->kind == JOB_PULL)
        return count >= 8 && (make_folder(order->argv[6], err) || make_folder(order->argv[7], err)) ? EXIT_FAILED : 0;
    return order->kind == JOB_BUILD ? write_artifact(m, order, err) : 0;
}

static int model_start(void *self, const struct job_order *order, struct err *err)
{
    struct jobs_model *m = self;
    struct modelled_job *job = &m->running[order->kind];
    int code = m->real ? m->real_jobs.start(m->real_jobs.self, order, err) : pretend(m, order, err);
    if (code)
        return code;
    *job = (struct modelled_job){.running = true, .state = JOB_RUNNING};
    job->fails = m->fails && m->fails(m->context, order->kind, order->commit);
    job->due_ms = m->clock->now_ms(m->clock->self) + m->durations.s[step_of[order->kind]] * 1000;
    return 0;
}

static enum job_state settle(struct jobs_model *m, enum job_kind kind, int *status)
{
    struct modelled_job *job = &m->running[kind];
    *status = job->fails ? 1 << 8 : 0;
    job->running = false;
    job->state = job->fails ? JOB_FAILED : JOB_PASSED;
    if (!m->real || job->fails)
        return job->state;
    do { /* in real time it takes as long as it takes */
        job->state = m->real_jobs.look(m->real_jobs.self, kind, status);
    } while (job->state == JOB_RUNNING && poll(NULL, 0, 5) == 0);
    return job->state;
}

static enum job_state model_look(void *self, enum job_kind kind, int *status)
{
    struct jobs_model *m = self;
    struct modelled_job *job = &m->running[kind];
    *status = 0;
    if (job->running && m->clock->now_ms(m->clock->self) >= job->due_ms)
        return settle(m, kind, status);
    return job->state;
}

static void model_stop(void *self, unsigned kinds)
{
    struct jobs_model *m = self;
    if (m->real)
        m->real_jobs.stop(m->real_jobs.self, kinds);
    for (int kind = 0; kind < JOB_KINDS; kind++)
        if (kinds & (1U << kind))
            m->running[kind] = (struct modelled_job){.running = false};
}

static int64_t model_due(void *self, enum job_kind kind)
{
    struct jobs_model *m = self;
    return m->running[kind].running ? m->running[kind].due_ms : 0;
}

void jobs_model_open(struct jobs_model *m, const struct transport *clock, const struct durations *durations)
{
    *m = (struct jobs_model){.clock = clock, .durations = *durations, .artifact_name = "app.jar"};
    m->jobs = (struct jobs){m, model_start, model_look, model_stop, model_due};
    jobs_open(&m->real_jobs, &m->real_self, NULL);
}

void jobs_model_close(struct jobs_model *m)
{
    jobs_close(m->real_self);
    m->real_self = NULL;
}
