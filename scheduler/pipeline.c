/* pipeline.c - the executor: asks every step that may work, sleeps until the first is due, and so on to the end. */
#include "scheduler/pipeline.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/pipeline_private.h"

#define TWIN_LEASE_MS 10000
#define PORT_MS       1400 /* beside a call under way (1.5 s), jobs that do not hear (1 s) and the store (1 s): 5 s */

static const struct {
    const char *state;
    enum pipeline_end end;
    int code;
} ends[] = {
    {"completed", PIPELINE_COMPLETED, EXIT_DONE},      {"rolled-back", PIPELINE_ROLLED_BACK, EXIT_ROLLED_BACK},
    {"capped", PIPELINE_CAPPED, EXIT_STORM_CAP},       {"failed", PIPELINE_FAILED, EXIT_FAILED},
    {"broken", PIPELINE_BROKEN, EXIT_ROLLBACK_FAILED},
};

int pipeline_exit_code(enum pipeline_end end)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (ends[i].end == end)
            return ends[i].code;
    return end == PIPELINE_BUSY || end == PIPELINE_STOPPED || end == PIPELINE_OVERTAKEN ? EXIT_WAIT : EXIT_FAILED;
}

static enum pipeline_end end_of(const char *state)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (strcmp(ends[i].state, state) == 0)
            return ends[i].end;
    return PIPELINE_LOST;
}

/* In the order in which they are asked; poll_look stands between the build and what it may save. */
static const struct work {
    enum step step;
    unsigned needs; /* bits of works, by their place here */
    step_poll *poll;
} works[] = {
    {STEP_PULL, 0, poll_pull},                         /* 0 */
    {STEP_BUILD, 1U << 0, poll_build},                 /* 1: first, so that it runs while tests are started */
    {STEP_TEST, 1U << 0, poll_test},                   /* 2 */
    {STEP_IMAGE, 1U << 1, poll_look},                  /* 3 */
    {STEP_INSTANCE, 0, poll_instance},                 /* 4 */
    {STEP_UPLOAD, 1U << 3 | 1U << 4, poll_upload},     /* 5 */
    {STEP_COMMAND_LINE, 1U << 5, poll_command_line},   /* 6 */
    {STEP_IMAGE, 1U << 6, poll_image},                 /* 7 */
    {STEP_REGISTER, 1U << 7 | 1U << 2, poll_register}, /* 8 */
    {STEP_CLEANUP, 1U << 7, poll_settle},              /* 9 */
    {STEP_ROLLOUT, 1U << 8, poll_rollout},             /* 10 */
};

#define WORKS (sizeof(works) / sizeof(*works))

/* One round over all steps. AGAIN: something moved. WAIT: nothing before *again_ms. DONE: there is a verdict. */
static enum step_result ask_steps(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    unsigned done = 0;
    *again_ms = INT64_MAX;
    for (size_t i = 0; i < WORKS; i++) {
        int64_t due_ms = INT64_MAX;
        if ((works[i].needs & done) != works[i].needs)
            continue;
        arena_reset(&p->calls);
        enum step_result result = works[i].poll(p, &due_ms, err);
        if (result == STEP_AGAIN || result == STEP_STOP || result == STEP_FAILED)
            return result;
        if (result == STEP_DONE)
            done |= 1U << i;
        else if (due_ms < *again_ms)
            *again_ms = due_ms;
    }
    return fact(p, "verdict") ? STEP_DONE : STEP_WAIT;
}

static enum step_result ask(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    if (!fact(p, "verdict")) {
        enum step_result result = ask_steps(p, again_ms, err);
        if (result == STEP_FAILED) {
            struct err why = *err;
            result = pipeline_verdict(p, "failed", why.text, err) ? STEP_STOP : STEP_AGAIN;
        }
        return result == STEP_DONE ? STEP_AGAIN : result;
    }
    arena_reset(&p->calls);
    return poll_closing(p, again_ms, err);
}

/* Sleeps, and renews the lease on the way. True: leave. */
bool pipeline_rest(struct pipeline *p, int64_t until_ms, struct err *err)
{
    const struct transport *t = p->w->transport;
    for (int64_t now = t->now_ms(t->self); now < until_ms; now = t->now_ms(t->self)) {
        int64_t step_ms = until_ms - now;
        if (step_ms > p->lease.ttl_ms / 3)
            step_ms = p->lease.ttl_ms / 3;
        if (t->sleep_ms(t->self, step_ms)) {
            p->stopping = true;
            return true;
        }
        if (journal_keep_lease(p->journal, err))
            return true;
    }
    return false;
}

/* Nothing but the image is awaited, which AWS makes without us: a later run goes on from here. */
static bool may_leave(const struct pipeline *p)
{
    bool working = false;
    for (size_t i = 0; i < JOB_KINDS; i++)
        working = working || p->job_running[i];
    return p->w->detach && !working && fact(p, "image.pending") && !fact(p, "image.id") && fact(p, "test.passed") &&
           !fact(p, "verdict");
}

enum pipeline_end pipeline_left(const struct pipeline *p)
{
    const struct transport *t = p->w->transport;
    return p->stopping || t->sleep_ms(t->self, 0) ? PIPELINE_STOPPED : PIPELINE_LOST;
}

/* Asked to leave, a run closes the OSv port on its way out; what goes on opens it anew. Where the time does not suffice
 * it says so: the claim stands, and the next run or gc closes it. */
static void close_on_leaving(struct pipeline *p)
{
    struct err err;
    const struct transport *t = p->w->transport;
    const struct config_network *network = &p->config->network;
    bool may_be_open = network->open_port && *network->security_group && !fact(p, "closing.port");
    if (!may_be_open || !t->linger || pipeline_left(p) != PIPELINE_STOPPED)
        return;
    t->linger(t->self, PORT_MS);
    if (close_ports(p, &err))
        p->port_open_ms = 0; /* it has said so */
    t->linger(t->self, 0);
}

static enum pipeline_end drive(struct pipeline *p, struct err *err)
{
    for (;;) {
        int64_t again_ms = INT64_MAX;
        enum step_result result = ask(p, &again_ms, err);
        if (result == STEP_DONE)
            return end_of(fact(p, "verdict"));
        if (result == STEP_AGAIN)
            continue;
        if (result == STEP_WAIT && may_leave(p))
            return close_ports(p, err) ? PIPELINE_LOST : PIPELINE_STOPPED;
        if (result == STEP_STOP ||
            pipeline_rest(p, again_ms == INT64_MAX ? pipeline_now_ms(p) + 1000 : again_ms, err)) {
            close_on_leaving(p);
            stop_jobs(p);
            return pipeline_left(p);
        }
    }
}

/* Called before each attempt of each call that changes something: is the lease still ours? The clock is read before the
 * store is asked, whose answer may be old when it comes. */
static int before_change(void *context, const struct aws_request *request, int64_t *latest_ms, struct aws_error *error)
{
    struct pipeline *p = context;
    int64_t now_ms = pipeline_now_ms(p);
    struct str text;
    struct err err = {.text = ""};
    int64_t version = 0;
    str_init(&text, STATE_DOCUMENT_MAX);
    int code = state_get(p->w->state, p->lease.partition, "lease", &text, &version, &err);
    str_release(&text);
    *latest_ms = lease_send_by(&p->lease, now_ms);
    if (!code && version == p->lease.version)
        return 0;
    aws_error_set(error, AWS_UNSENT, 0, "stopped", "%s is not called: %s", request->action,
                  code ? err.text : "another run took the lease");
    return -1;
}

struct journal_clock pipeline_clock(const struct pipeline_world *w)
{
    return (struct journal_clock){w->transport->now_ms, w->transport->self};
}

void pipeline_open_clouds(struct pipeline *p)
{
    const struct pipeline_world *w = p->w;
    p->cloud = (struct cloud){.transport = w->transport,
                              .region = p->config->region,
                              .retry = w->retry,
                              .before = before_change,
                              .before_context = p};
    p->site = p->cloud;
    p->site.region = p->env->region;
    if (w->site_transport) {
        p->site.transport = w->site_transport;
        p->site.retry = w->site_retry;
    }
}

static enum pipeline_end go(struct pipeline *p, struct err *err)
{
    if (journal_open(&p->journal, p->w->state, &p->lease, p->record.run, pipeline_clock(p->w), err))
        return PIPELINE_LOST;
    pipeline_open_clouds(p);
    enum pipeline_end end = drive(p, err);
    if (end != PIPELINE_STOPPED && end != PIPELINE_LOST) {
        const char *reason = fact(p, "verdict.reason");
        if (reason && *reason)
            err_set(err, pipeline_exit_code(end), "%s", reason);
        pipeline_say(p, p->record.state, "deployment %lld of %s is %s", (long long)p->record.number, p->env->name,
                     p->record.state);
    }
    journal_free(p->journal);
    return end;
}

void pipeline_begin(struct pipeline *p, const struct pipeline_world *w)
{
    *p = (struct pipeline){.w = w, .config = w->config, .env = w->environment};
    arena_init(&p->arena);
    arena_init(&p->calls);
}

void pipeline_release(struct pipeline *p)
{
    arena_release(&p->arena);
    arena_release(&p->calls);
}

/* Beside a twin that is faster than the world it is shorter too, but long enough for a busy machine. */
static int64_t lease_ms(const struct pipeline_world *w)
{
    int64_t ms = w->config->state.lease_s * 1000;
    int64_t paced = w->speed > 1 ? ms / w->speed : ms;
    return w->speed > 1 && paced < TWIN_LEASE_MS ? TWIN_LEASE_MS : paced;
}

enum pipeline_end pipeline_take_lease(struct pipeline *p, struct err *err)
{
    const struct pipeline_world *w = p->w;
    int code = lease_take(&p->lease, w->state, w->environment->name, w->holder,
                          w->transport->now_ms(w->transport->self), lease_ms(w), err);
    return code == LEASE_TAKEN ? PIPELINE_BUSY : code ? PIPELINE_LOST : PIPELINE_COMPLETED;
}

/* Best effort: who does not give it back is waited for. */
void pipeline_give_back(struct pipeline *p)
{
    struct err err;
    struct state_write write = lease_return(&p->lease);
    if (p->lease.held && state_write(p->w->state, &write, 1, &err))
        pipeline_say(p, "step", "the lease was not given back: %s", err.text);
}

void pipeline_name_run(struct pipeline *p, const char *what, int64_t now_ms)
{
    struct civil c = calendar_civil(now_ms / 1000);
    char digest[DIGEST_TEXT_SIZE];
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "%s\n%lld\n%s\n%s\n%lld", p->w->holder, (long long)now_ms, what, p->env->name,
             (long long)p->lease.version);
    digest_text(text.text, text.len, digest);
    str_release(&text);
    str_fit(p->record.run, sizeof(p->record.run), "r-%04d%02d%02dT%02d%02d%02d-%.6s", c.year, c.month, c.day, c.hour,
            c.minute, c.second, digest);
}

static void take_order(struct pipeline *p, const struct pipeline_order *order, int64_t now_ms)
{
    struct deployment *d = &p->record;
    *d = (struct deployment){.commits = order->commits, .started_ms = now_ms};
    str_fit(d->kind, sizeof(d->kind), "%s", order->kind);
    str_fit(d->state, sizeof(d->state), "running");
    str_fit(d->environment, sizeof(d->environment), "%.47s", p->env->name);
    str_fit(d->commit, sizeof(d->commit), "%.71s", order->commit);
    str_fit(d->image, sizeof(d->image), "%.39s", order->image ? order->image : "");
    str_fit(d->image_name, sizeof(d->image_name), "%.135s", order->image_name ? order->image_name : "");
    str_fit(d->sha256, sizeof(d->sha256), "%.71s", order->sha256 ? order->sha256 : "");
    str_fit(d->bake_key, sizeof(d->bake_key), "%.71s", order->bake_key ? order->bake_key : "");
    str_fit(d->source, sizeof(d->source), "%.47s", order->source ? order->source : "");
    pipeline_name_run(p, order->commit, now_ms);
}

/* A rollback or promotion has its image already: the steps before it are facts. */
static int preset(struct pipeline *p, struct err *err)
{
    struct journal *j;
    const struct deployment *d = &p->record;
    if (!*d->image)
        return 0;
    int code = journal_open(&j, p->w->state, &p->lease, d->run, pipeline_clock(p->w), err);
    struct journal_fact facts[] = {{"test.passed", d->commit},    {"image.id", d->image},
                                   {"image.name", d->image_name}, {"image.found", "1"},
                                   {"build.key", d->bake_key},    {"build.sha256", *d->sha256 ? d->sha256 : NULL}};
    if (!code && !journal_entries(j))
        code = journal_notes(j, d->kind, facts, 6, err);
    if (!code)
        journal_free(j);
    return code;
}

/* A group whose way back failed is put in order first: a rollout that began there would take its size for the one to
 * keep, and unproven members for good ones. Where that fails again nothing is begun: a person is needed still. */
static enum pipeline_end mend_broken(const struct pipeline_world *w, struct err *err)
{
    struct deployment last;
    bool found = false;
    if (deployment_find(w->state, w->environment->name, 0, &last, &found, err))
        return PIPELINE_LOST;
    return found && strcmp(last.state, "broken") == 0 ? pipeline_recover(w, &found, err) : PIPELINE_COMPLETED;
}

/* Between a decision and the lease a runner may have stood still, and others deployed: asked again under the lease. */
static enum pipeline_end still_stands(const struct pipeline *p, const struct pipeline_order *order, struct err *err)
{
    struct deployment last = {.number = 0};
    bool found = false;
    if (!order->standing)
        return PIPELINE_COMPLETED;
    if (deployment_find(p->w->state, p->env->name, 0, &last, &found, err))
        return PIPELINE_LOST;
    if (last.number == order->last)
        return PIPELINE_COMPLETED;
    err_set(err, EXIT_WAIT, "deployment %lld of %s was begun by another run since this was decided",
            (long long)last.number, p->env->name);
    return PIPELINE_OVERTAKEN;
}

enum pipeline_end pipeline_run(const struct pipeline_world *w, const struct pipeline_order *order,
                               struct deployment *out, struct err *err)
{
    struct pipeline p;
    struct pipeline_estimate estimate;
    pipeline_begin(&p, w);
    *out = p.record;
    enum pipeline_end end = mend_broken(w, err);
    if (end != PIPELINE_COMPLETED) {
        pipeline_release(&p);
        return end;
    }
    end = pipeline_take_lease(&p, err);
    if (end == PIPELINE_COMPLETED)
        end = still_stands(&p, order, err);
    if (end == PIPELINE_COMPLETED && order->beginning && order->beginning(order->context, err))
        end = PIPELINE_FAILED;
    if (end == PIPELINE_COMPLETED) {
        int64_t now_ms = w->transport->now_ms(w->transport->self);
        take_order(&p, order, now_ms);
        if (pipeline_estimate(w, order, &estimate, err) == 0) {
            p.record.estimate = estimate.costs.total;
            p.record.estimates = estimate.costs;
            p.record.disk_gb = estimate.used.disk_gb;
            p.record.cap_s = estimate.cap_s;
        }
        if (deployment_begin(w->state, &p.lease, &p.record, now_ms, err) || preset(&p, err))
            end = PIPELINE_LOST;
        else
            pipeline_say(&p, "started", "deployment %lld of %s: %.12s", (long long)p.record.number, p.env->name,
                         p.record.commit);
    }
    if (end == PIPELINE_COMPLETED)
        end = go(&p, err);
    if (end != PIPELINE_LOST && end != PIPELINE_BUSY)
        pipeline_give_back(&p);
    *out = p.record;
    pipeline_release(&p);
    return end;
}

static int find_run(struct pipeline *p, const char *run, struct err *err)
{
    struct deployments list = {0}; /* at most the last one is unfinished (deployment.h) */
    int code = deployments_recent(p->w->state, p->env->name, 2, &list, err);
    bool found = false;
    for (size_t i = 0; !code && i < list.count; i++)
        if (strcmp(list.items[i].run, run) == 0) {
            p->record = list.items[i];
            found = true;
        }
    deployments_release(&list);
    return code || found ? code : err_set(err, EXIT_FAILED, "the store names the run %s, which has no record", run);
}

enum pipeline_end pipeline_resume(const struct pipeline_world *w, bool *found, struct deployment *out, struct err *err)
{
    struct pipeline p;
    char run[80];
    pipeline_begin(&p, w);
    *found = false;
    *out = p.record;
    if (deployment_current(w->state, w->environment->name, run, err)) {
        pipeline_release(&p);
        return PIPELINE_LOST;
    }
    *found = run[0] != '\0';
    enum pipeline_end end = *found ? pipeline_take_lease(&p, err) : PIPELINE_COMPLETED;
    /* Looked at again under the lease: whoever held it may have finished meanwhile. */
    if (*found && end == PIPELINE_COMPLETED && deployment_current(w->state, w->environment->name, run, err))
        end = PIPELINE_LOST;
    bool still = *found && run[0];
    if (still && end == PIPELINE_COMPLETED && (find_run(&p, run, err) || preset(&p, err)))
        end = PIPELINE_LOST;
    if (still && end == PIPELINE_COMPLETED) {
        pipeline_say(&p, "resumed", "deployment %lld of %s goes on: %.12s", (long long)p.record.number, p.env->name,
                     p.record.commit);
        end = go(&p, err);
    }
    if (*found && end != PIPELINE_LOST && end != PIPELINE_BUSY)
        pipeline_give_back(&p);
    *found = still;
    *out = p.record;
    pipeline_release(&p);
    return end;
}
