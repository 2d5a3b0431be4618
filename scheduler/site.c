#include "scheduler/site.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/clock.h"
#include "base/undumpable.h"
#include "scheduler/aws/aws.h"
#include "scheduler/ledger_place.h"
#include "scheduler/port.h"
#include "scheduler/state_dynamodb.h"
#include "scheduler/state_snapshot.h"

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static void hear_signals(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int open_aws(struct site *s, const struct site_options *o, struct err *err)
{
    if (s->aws)
        return 0;
    struct aws_options options = {
        .region = s->config->region, .profile = o->profile, .endpoint_url = o->endpoint_url, .stop = &stop_asked};
    struct retry_settings settings = retry_standard();
    int code = aws_open(&s->aws, &options, err);
    if (!code) {
        s->transport = aws_transport(s->aws);
        settings.attempts = aws_attempts(s->aws);
        retry_init(&s->retry, &settings, (uint32_t)getpid());
    }
    return code;
}

int site_table(struct site *s, const struct site_options *o, struct state_table *out, struct err *err)
{
    struct state_table table = {.name = s->config->state.table};
    if (RAND_bytes((unsigned char *)&table.salt, sizeof(table.salt)) != 1)
        return err_set(err, EXIT_FAILED, "the system gives no random numbers");
    int code = open_aws(s, o, err);
    table.transport = s->transport;
    table.retry = &s->retry;
    *out = table;
    return code;
}

int site_open_state(struct site *s, const struct site_options *o, const char *name, struct state *out, struct err *err)
{
    const struct config_state *c = &s->config->state;
    struct state_table table;
    if (strcmp(name, "file") == 0)
        return state_open_file(out, c->path, err);
    if (strcmp(name, "memory") == 0) {
        state_open_memory(out);
        return 0;
    }
    int code = site_table(s, o, &table, err);
    table.unasked = true;
    return code ? code : state_open_dynamodb(out, &table, err);
}

static int look_once(struct site *s, struct err *err)
{
    char partition[80];
    str_fit(partition, sizeof(partition), "env#%.60s", s->environment->name);
    return state_snapshot(&s->state, partition, err);
}

static int open_cloud(struct site *s, const struct site_options *o, struct err *err)
{
    int code = open_aws(s, o, err);
    if (!code && *s->environment->profile) {
        struct aws_options options = {.region = s->environment->region,
                                      .profile = s->environment->profile,
                                      .endpoint_url = o->endpoint_url,
                                      .stop = &stop_asked};
        code = aws_open(&s->site_aws, &options, err);
        if (!code) {
            s->site_transport = aws_transport(s->site_aws);
            retry_init(&s->site_retry, &s->retry.settings, (uint32_t)getpid() + 1);
        }
    }
    return code;
}

static void hear_event(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    struct site *s = context;
    if (!s->session->quiet)
        session_note(s->session, "%s", text);
    sinks_tell(s->sinks, at_ms, kind, text, detail);
}

/* The runner's own address, where the configuration names the variable that holds it. */
static int take_runner_cidr(struct site *s, struct err *err)
{
    struct config_network *n = &s->config->network;
    const char *value = n->open_port && *n->runner_cidr_env ? getenv(n->runner_cidr_env) : NULL;
    if (!n->open_port || !*n->runner_cidr_env)
        return 0;
    if (!value || !*value)
        return *n->runner_cidr ? 0
                               : err_set(err, EXIT_INPUT,
                                         "%s (network.runner_cidr_env) is not set: for whom the OSv "
                                         "port is opened",
                                         n->runner_cidr_env);
    const char *fault = port_cidr_fault(value, n->runner_cidr_wide);
    if (fault)
        return err_set(err, EXIT_INPUT, "%s (network.runner_cidr_env): %s", n->runner_cidr_env, fault);
    n->runner_cidr = arena_dup(&s->config->arena, value);
    return 0;
}

static void make_world(struct site *s)
{
    s->world = (struct pipeline_world){.config = s->config,
                                       .environment = s->environment,
                                       .state = &s->state,
                                       .transport = s->transport,
                                       .retry = &s->retry,
                                       .site_transport = s->site_transport,
                                       .site_retry = s->site_transport ? &s->site_retry : NULL,
                                       .jobs = &s->jobs,
                                       .holder = s->holder,
                                       .work = s->config->build.directory,
                                       .catalog = s->catalog,
                                       .account = "",
                                       .event = hear_event,
                                       .event_context = s};
}

int site_open(struct site *s, const struct site_options *o, bool with_cloud, struct session *session, struct err *err)
{
    struct ci_context ci = ci_read(getenv);
    *s = (struct site){.session = session};
    int code = config_open(&s->config, o->config ? o->config : CONFIG_FILE, session, err);
    ledger_place_where(NULL, o->endpoint_url);
    if (!code) {
        s->environment = config_environment(s->config, o->environment, err);
        code = s->environment ? site_open_state(s, o, s->config->state.backend, &s->state, err) : EXIT_INPUT;
    }
    if (!code && *s->config->prices.catalog)
        code = catalog_open(&s->catalog, s->config->prices.catalog, session, err);
    if (!code && with_cloud) {
        undumpable();
        hear_signals();
        lease_holder(s->holder);
        jobs_open(&s->jobs, &s->jobs_self, s->config);
        s->sinks = sinks_open(s->config, s->environment->name, &ci, session, &stop_asked, NULL, NULL);
        code = take_runner_cidr(s, err);
    }
    if (!code && with_cloud)
        code = open_cloud(s, o, err);
    if (code) {
        site_close(s);
        return code;
    }
    if (o->one_look)
        code = look_once(s, err);
    if (code) {
        site_close(s);
        return code;
    }
    make_world(s);
    s->world.speed = o->speed;
    site_learn(s);
    return 0;
}

void site_close(struct site *s)
{
    jobs_close(s->jobs_self);
    sinks_close(s->sinks);
    aws_close(s->aws);
    aws_close(s->site_aws);
    catalog_free(s->catalog);
    state_close(&s->state);
    config_free(s->config);
    *s = (struct site){.session = s->session};
}

/* Each step's own time in the newest completed deployment: from the ends of the steps it waited for to its own. */
static void learn_durations(const struct state *state, const struct deployment *d, struct durations *out)
{
    struct journal *j;
    struct err err = {.code = 0};
    struct journal_clock none = {NULL, NULL};
    int64_t ends[STEPS];
    if (journal_open(&j, state, NULL, d->run, none, &err))
        return;
    for (int s = 0; s < STEPS; s++) {
        char key[64];
        str_fit(key, sizeof(key), "%s.ended_ms", step_name((enum step)s));
        ends[s] = journal_fact_i64(j, key, 0);
    }
    for (int s = STEP_PULL; s <= STEP_REGISTER; s++) {
        int64_t began = d->started_ms;
        if (s == STEP_INSTANCE)
            began = journal_fact_i64(j, "bake.launched_ms", 0);
        for (int i = 0; i < STEPS; i++)
            if ((step_needs((enum step)s) & (1U << i)) && ends[i] > began)
                began = ends[i];
        bool whole = ends[s] > began && began && !(s == STEP_INSTANCE && journal_fact(j, "bake.reused")) &&
                     !(s == STEP_IMAGE && journal_fact(j, "image.found"));
        if (whole)
            out->s[s] = (ends[s] - began + 999) / 1000;
    }
    journal_free(j);
}

void site_learn(struct site *s)
{
    struct deployments list = {0};
    struct err err = {.code = 0};
    struct durations *d = &s->world.expected;
    *d = durations_original();
    bool known = deployments_newest(&s->state, s->environment->name, &list, &err) == 0;
    for (size_t i = known ? list.count : 0; i > 0; i--)
        if (strcmp(list.items[i - 1].state, "completed") == 0 && strcmp(list.items[i - 1].kind, "deploy") == 0) {
            learn_durations(&s->state, &list.items[i - 1], d);
            break;
        }
    s->world.fails_permille = deployments_fail_permille(known ? &list : NULL);
    for (int step = 0; s->world.speed > 1 && step < STEPS; step++)
        d->s[step] = (d->s[step] + s->world.speed - 1) / s->world.speed;
    deployments_release(&list);
}
