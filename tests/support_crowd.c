#include "tests/support_crowd_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "scheduler/state_dynamodb.h"

/* ---- turns ---- */

static void trace(struct crowd *c, uint64_t word)
{
    c->result->trace = (c->result->trace ^ word) * 0x100000001b3ULL;
}

/* The runner stands still until that instant, and the others have their turns. */
static void stand(struct runner *r, int64_t until_ms)
{
    struct crowd *c = r->crowd;
    pthread_mutex_lock(&c->lock);
    r->wake_ms = until_ms;
    r->has_turn = false;
    pthread_cond_signal(&c->back);
    while (!r->has_turn)
        pthread_cond_wait(&r->turn, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

/* Gives the turn to one runner and waits until it comes back. */
static void let(struct crowd *c, struct runner *r)
{
    trace(c, (uint64_t)r->machine << 40 ^ (uint64_t)crowd_now_ms(c));
    pthread_mutex_lock(&c->lock);
    r->has_turn = true;
    pthread_cond_signal(&r->turn);
    while (r->has_turn)
        pthread_cond_wait(&c->back, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static bool holds_lease(const struct runner *r)
{
    struct crowd *c = r->crowd;
    char holder[128];
    int64_t until_ms;
    struct err err = {.text = ""};
    return lease_look(&c->memory, "test", crowd_now_ms(c), holder, &until_ms, &err) == 0 &&
           strcmp(holder, r->holder) == 0;
}

/* ---- mishaps ---- */

enum fate { LIVES, DIES_BEFORE, DIES_AFTER };

/* Short, or past the end of the lease. */
static void pause_runner(struct runner *r)
{
    struct crowd *c = r->crowd;
    bool past = philox_below(&r->random, 2) == 1;
    int64_t lease_ms = c->config->state.lease_s * 1000;
    int64_t ms =
        past ? lease_ms + (int64_t)philox_below(&r->random, 1200000) : (int64_t)philox_below(&r->random, 60000);
    c->result->pauses++;
    c->result->overruns += past;
    stand(r, crowd_now_ms(c) + ms);
}

static enum fate meet(struct runner *r)
{
    struct crowd *c = r->crowd;
    int rarer = r->holding ? 1 : 20; /* those that only look are many */
    if (c->calm)
        return LIVES;
    if (c->options.pauses && philox_below(&r->random, (uint64_t)c->options.pauses * (uint64_t)rarer) == 0)
        pause_runner(r);
    if (!c->options.kills || philox_below(&r->random, (uint64_t)c->options.kills * (uint64_t)rarer) != 0)
        return LIVES;
    c->result->kills++;
    return philox_below(&r->random, 2) ? DIES_AFTER : DIES_BEFORE;
}

/* ---- the world of one runner: the cloud ---- */

static bool changes(const struct aws_request *request)
{
    bool reads = strncmp(request->action, "Describe", 8) == 0 || strncmp(request->action, "List", 4) == 0 ||
                 strncmp(request->action, "Get", 3) == 0;
    return !reads && request->service != AWS_DYNAMODB;
}

static int killed(struct aws_error *error)
{
    aws_error_set(error, AWS_UNSENT, 0, "killed", "the program was killed");
    return -1;
}

static int runner_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    struct runner *r = self;
    struct crowd *c = r->crowd;
    struct transport *t = &c->stage.transport.transport;
    if (r->dead)
        return killed(error);
    enum fate fate = meet(r);
    r->dead = fate != LIVES;
    if (fate == DIES_BEFORE)
        return killed(error);
    stand(r, crowd_now_ms(c));
    bool dynamodb = request->service == AWS_DYNAMODB;
    c->result->store_requests += dynamodb;
    c->result->store_requests_runs += dynamodb && r->holding;
    c->result->cloud_calls += !dynamodb;
    bool late = changes(request) && !holds_lease(r);
    c->result->late_calls += late;
    if (late && c->options.loud)
        printf("# %lld %s: %s comes late\n", (long long)(crowd_now_ms(c) - c->began_ms) / 1000, r->holder,
               request->action);
    int code = t->call(t->self, request, reply, error);
    if (late && !(code && error->outcome == AWS_UNSENT))
        crowd_say(c, "a change was sent after the end of the lease: %s", request->action);
    trace(c, crowd_digest(request->action));
    if (fate == DIES_AFTER)
        return killed(error);
    fate = meet(r);
    r->dead = fate != LIVES;
    stand(r, crowd_now_ms(c));
    return r->dead ? killed(error) : code;
}

static enum guest_outcome runner_guest(void *self, const struct guest_request *request, struct guest_reply *reply,
                                       struct err *err)
{
    struct runner *r = self;
    struct transport *t = &r->crowd->stage.transport.transport;
    enum fate fate = r->dead ? DIES_BEFORE : meet(r);
    enum guest_outcome outcome = GUEST_REFUSED;
    r->dead = fate != LIVES;
    if (fate != DIES_BEFORE) {
        stand(r, crowd_now_ms(r->crowd));
        outcome = t->guest(t->self, request, reply, err);
    }
    if (!r->dead)
        return outcome;
    err_set(err, EXIT_FAILED, "the program was killed");
    return GUEST_REFUSED;
}

static int64_t runner_now_ms(void *self)
{
    const struct runner *r = self;
    return crowd_now_ms(r->crowd);
}

static bool runner_sleep_ms(void *self, int64_t ms)
{
    struct runner *r = self;
    if (!r->dead)
        stand(r, crowd_now_ms(r->crowd) + (ms > 0 ? ms : 0));
    return r->dead;
}

/* ---- the store ---- */

static const struct state *store_of(const struct runner *r)
{
    return r->crowd->options.dynamodb ? &r->own : &r->crowd->memory;
}

static int refuse(struct err *err)
{
    return err_set(err, EXIT_FAILED, "the program was killed");
}

/* Before an operation: its time passes, and what may happen to the runner happens. -1: it is dead. */
static enum fate before_store(struct runner *r)
{
    struct crowd *c = r->crowd;
    if (r->dead)
        return DIES_BEFORE;
    enum fate fate = meet(r);
    r->dead = fate == DIES_BEFORE;
    if (!c->options.dynamodb) {
        c->result->store_requests++;
        c->result->store_requests_runs += r->holding;
        stand(r, crowd_now_ms(c) + STORE_MS);
    }
    return fate;
}

static int after_store(struct runner *r, enum fate fate, int code, struct err *err)
{
    if (fate == DIES_AFTER)
        r->dead = true;
    return r->dead ? refuse(err) : code;
}

static int runner_get(void *self, const char *partition, const char *key, struct str *document, int64_t *version,
                      struct err *err)
{
    struct runner *r = self;
    enum fate fate = before_store(r);
    int code = fate == DIES_BEFORE ? 0 : state_get(store_of(r), partition, key, document, version, err);
    return after_store(r, fate, code, err);
}

static int runner_query(void *self, const char *partition, const char *prefix, state_row *row, void *context,
                        struct err *err)
{
    struct runner *r = self;
    enum fate fate = before_store(r);
    int code = fate == DIES_BEFORE ? 0 : state_query(store_of(r), partition, prefix, row, context, err);
    return after_store(r, fate, code, err);
}

static void keep_write(struct crowd *c, const struct state_write *w)
{
    if (w->action != STATE_PUT || strncmp(w->key, "j#", 2) != 0)
        return;
    if (c->kept_count == WRITES_MAX) {
        crowd_say(c, "more than %d entries", WRITES_MAX);
        return;
    }
    struct kept_write *k = &c->kept[c->kept_count++];
    str_fit(k->partition, sizeof(k->partition), "%.79s", w->partition);
    str_fit(k->key, sizeof(k->key), "%.23s", w->key);
    k->digest = crowd_digest(w->document);
    trace(c, k->digest);
}

static int runner_write(void *self, const struct state_write *writes, size_t count, struct err *err)
{
    struct runner *r = self;
    for (size_t i = 0; i < count; i++)
        r->holding = r->holding || strncmp(writes[i].key, "j#", 2) == 0;
    enum fate fate = before_store(r);
    int code = fate == DIES_BEFORE ? 0 : state_write(store_of(r), writes, count, err);
    code = after_store(r, fate, code, err);
    for (size_t i = 0; !code && i < count; i++)
        keep_write(r->crowd, &writes[i]);
    return code;
}

static void runner_close(void *self)
{
    (void)self;
}

static const struct state_backend backend = {"runners",    runner_get, runner_query, runner_write,
                                             runner_close, NULL,       NULL};

/* ---- a machine ---- */

static int open_table(struct runner *r)
{
    struct err err = {.text = ""};
    struct state_table table = {.name = "bakehour",
                                .transport = &r->transport,
                                .retry = &r->retry,
                                .salt = (uint64_t)r->machine << 32 | r->crowd->options.seed,
                                .unasked = true};
    return r->crowd->options.dynamodb ? state_open_dynamodb(&r->own, &table, &err) : 0;
}

static void hear(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    const struct runner *r = context;
    (void)detail;
    if (r->crowd->options.loud)
        printf("# %lld %s: %s: %s\n", (long long)(at_ms - r->crowd->began_ms) / 1000, r->holder, kind, text);
}

/* A new machine: nothing of the one before is on it. */
static void boot(struct runner *r)
{
    struct crowd *c = r->crowd;
    struct retry_settings settings = retry_standard();
    settings.reads_per_s = settings.writes_per_s = 1000;
    r->machine = ++c->machines;
    r->dead = r->holding = false;
    str_fit(r->holder, sizeof(r->holder), "machine-%d/%d", r->machine, r->machine + 100);
    str_fit(r->work, sizeof(r->work), "%s/%d", c->folder, r->machine);
    (void)mkdir(r->work, 0700);
    r->random = philox_stream(c->options.seed, (uint32_t)r->machine, 0, 1);
    r->transport = (struct transport){r, runner_call, runner_guest, runner_now_ms, runner_sleep_ms, NULL};
    retry_init(&r->retry, &settings, c->options.seed + (uint32_t)r->machine);
    r->wrapped = (struct state){&backend, r};
    r->world = c->stage.world;
    jobs_model_open(&r->jobs, &r->transport, &r->world.expected);
    r->world.jobs = &r->jobs.jobs;
    r->world.transport = &r->transport;
    r->world.retry = &r->retry;
    r->world.state = &r->wrapped;
    r->world.holder = r->holder;
    r->world.work = r->work;
    r->world.event = hear;
    r->world.event_context = r;
    if (open_table(r))
        crowd_say(c, "the table cannot be opened");
}

static void shut(struct runner *r)
{
    jobs_model_close(&r->jobs);
    state_close(&r->own);
}

/* ---- what a runner does ---- */

/* The newest commit there is, where the last completed deployment has an older one; else NULL. *last: the number of
 * the last deployment. */
static const char *decide_next(struct runner *r, int64_t *last)
{
    struct crowd *c = r->crowd;
    struct deployments list = {0};
    struct err err = {.text = ""};
    int newest = -1;
    int failed = -1;
    if (deployments_list(&r->wrapped, "test", &list, &err))
        return NULL;
    const struct deployment *good = deployments_last_good(&list, NULL);
    int deployed = good ? crowd_commit(c, good->commit) : -1;
    if (list.count && strcmp(list.items[list.count - 1].state, "completed") != 0)
        failed = crowd_commit(c, list.items[list.count - 1].commit); /* not tried again */
    *last = list.count ? list.items[list.count - 1].number : 0;
    deployments_release(&list);
    for (int i = 0; i < c->options.commits && c->arrives_ms[i] <= crowd_now_ms(c); i++)
        newest = i;
    return newest > deployed && newest > failed ? c->commits[newest] : NULL;
}

static void look(struct runner *r)
{
    struct crowd *c = r->crowd;
    struct deployment record = {.number = 0};
    struct err err = {.text = ""};
    bool found = false;
    int64_t last = 0;
    enum pipeline_end end = pipeline_resume(&r->world, &found, &record, &err);
    r->holding = false;
    const char *commit = end == PIPELINE_BUSY || r->dead ? NULL : decide_next(r, &last);
    if (!commit || r->dead)
        return;
    if (!c->calm && c->options.pauses && philox_below(&r->random, 4) == 0)
        pause_runner(r); /* as a person who is asked, or a machine that sleeps */
    struct pipeline_order order = {.kind = "deploy", .commit = commit, .commits = 1, .standing = true, .last = last};
    end = pipeline_run(&r->world, &order, &record, &err);
    r->holding = false;
    c->result->overtaken += end == PIPELINE_OVERTAKEN;
}

static void live(struct runner *r)
{
    struct crowd *c = r->crowd;
    while (!c->closed) {
        look(r);
        if (r->dead) {
            shut(r);
            boot(r);
            stand(r, crowd_now_ms(c) + 30000 + (int64_t)philox_below(&r->random, 300000));
        } else {
            stand(r, crowd_now_ms(c) + (int64_t)philox_below(&r->random, (uint64_t)c->options.every_s * 2000));
        }
    }
}

static void *run_thread(void *data)
{
    struct runner *r = data;
    struct crowd *c = r->crowd;
    pthread_mutex_lock(&c->lock);
    while (!r->has_turn)
        pthread_cond_wait(&r->turn, &c->lock);
    pthread_mutex_unlock(&c->lock);
    live(r);
    pthread_mutex_lock(&c->lock);
    r->over = true;
    r->has_turn = false;
    r->wake_ms = NEVER;
    pthread_cond_signal(&c->back);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- the referee ---- */

static struct runner *first_due(struct crowd *c)
{
    struct runner *first = NULL;
    for (int i = 0; i < c->options.runners; i++) {
        struct runner *r = &c->runners[i];
        if (!r->over && (!first || r->wake_ms < first->wake_ms))
            first = r;
    }
    return first;
}

/* The last commit is deployed, and nothing is unfinished. */
static bool all_done(struct crowd *c)
{
    struct deployments list = {0};
    struct err err = {.text = ""};
    char run[80];
    if (*c->result->wrong)
        return true;
    if (deployments_list(&c->memory, "test", &list, &err))
        return false;
    const struct deployment *good = deployments_last_good(&list, NULL);
    bool done = good && strcmp(good->commit, c->commits[c->options.commits - 1]) == 0;
    deployments_release(&list);
    return done && deployment_current(&c->memory, "test", run, &err) == 0 && !*run;
}

#define LONGEST_MS ((int64_t)3 * 86400 * 1000)

static void referee(struct crowd *c)
{
    int64_t looked_ms = 0;
    for (struct runner *r = first_due(c); r; r = first_due(c)) {
        if (r->wake_ms > crowd_now_ms(c))
            simcloud_advance_to(c->stage.cloud, r->wake_ms);
        let(c, r);
        if (crowd_now_ms(c) - looked_ms < 60000)
            continue;
        looked_ms = crowd_now_ms(c);
        /* The last commit has a quiet day, so that everything can be told at its end. */
        c->calm = c->calm || crowd_now_ms(c) >= c->arrives_ms[c->options.commits - 1];
        bool late = crowd_now_ms(c) - c->began_ms > LONGEST_MS;
        if (late)
            crowd_say(c, "no end after 3 days");
        if (!c->closed && (late || (c->calm && all_done(c)))) {
            c->closed = true;
            c->ended_ms = crowd_now_ms(c);
        }
    }
}

/* ---- the whole ---- */

static int parse(struct crowd *c)
{
    struct str text;
    struct err err = {.text = ""};
    str_init(&text, 0);
    str_addf(&text,
             "{\"project\": \"hello\", \"build\": {\"test\": [\"a\"], \"build\": [\"a\"], \"artifact\": \"app.jar\"}, "
             "\"state\": {\"backend\": \"%s\"}, \"image\": {\"base\": \"" SIMCLOUD_BASE_IMAGE "\", \"command_line\": "
             "\"/java.so -jar {artifact}\"}, \"smoke\": [{\"path\": \"/health\"}], \"policy\": {\"keep\": \"%s\"}, "
             "\"rollout\": {\"engine\": \"%s\", \"min_healthy_percent\": %d, "
             "\"dead_man_role\": \"arn:aws:iam::123456789012:role/dead-man\"}, \"environments\": [{\"name\": \"test\", "
             "\"group\": \"group-test\"}]}",
             c->options.dynamodb ? "dynamodb" : "memory", c->options.keep, c->options.engine,
             strcmp(c->options.engine, "refresh") == 0 ? 50 : 100);
    int code = config_parse(&c->config, "test", text.text, text.len, stderr, &err);
    str_release(&text);
    if (!code)
        code = calibration_steps_builtin(&c->calibration, &err);
    if (code)
        crowd_say(c, "%s", err.text);
    return code;
}

static void draw_commits(struct crowd *c)
{
    int64_t at_ms = crowd_now_ms(c) + 1000;
    c->began_ms = at_ms;
    for (int i = 0; i < c->options.commits; i++) {
        str_fit(c->commits[i], sizeof(c->commits[i]), "%040x", 0xc0de0000U + (unsigned)i);
        c->arrives_ms[i] = at_ms;
        at_ms += 60000 + (int64_t)philox_below(&c->random, 3600000);
        if (i == c->options.commits - 2) /* whoever stands still goes on before the last one */
            at_ms += (c->config->state.lease_s + 3600) * 1000;
    }
}

static int open_world(struct crowd *c)
{
    struct err err = {.text = ""};
    if (parse(c))
        return -1;
    struct rehearsal_options options = {.seed = c->options.seed,
                                        .config = c->config,
                                        .environment = &c->config->environments.items[0],
                                        .calibration = &c->calibration,
                                        .lag_ms = 2000,
                                        .work = c->folder,
                                        .check = false};
    if (rehearsal_open(&c->stage, &options, &err)) {
        crowd_say(c, "%s", err.text);
        return -1;
    }
    return 0;
}

/* The referee's own look at the store: not counted, never refused. */
static int open_store(struct crowd *c, struct cloud_transport *wire, struct retry *retry)
{
    struct retry_settings settings = retry_standard();
    struct err err = {.text = ""};
    bool made = false;
    bool guarded = false;
    if (!c->options.dynamodb) {
        state_open_memory(&c->memory);
        return 0;
    }
    settings.reads_per_s = settings.writes_per_s = 1000;
    cloud_transport_init(wire, c->stage.cloud, NULL);
    wire->region = c->config->region;
    wire->call_ms = 0;
    wire->caller_arn = "arn:aws:iam::" SIMCLOUD_ACCOUNT ":user/referee"; /* no runner's policy is its */
    retry_init(retry, &settings, 1);
    struct state_table table = {.name = "bakehour", .transport = &wire->transport, .retry = retry, .salt = 1};
    if (state_table_make(&table, &made, &guarded, &err) || state_open_dynamodb(&c->memory, &table, &err)) {
        crowd_say(c, "%s", err.text);
        return -1;
    }
    return 0;
}

static void start(struct crowd *c)
{
    for (int i = 0; i < c->options.runners; i++) {
        struct runner *r = &c->runners[i];
        r->crowd = c;
        boot(r);
        pthread_cond_init(&r->turn, NULL);
        r->wake_ms = crowd_now_ms(c) + (int64_t)philox_below(&c->random, (uint64_t)c->options.every_s * 1000);
        if (pthread_create(&r->thread, NULL, run_thread, r)) {
            crowd_say(c, "no thread");
            r->over = true;
        }
    }
}

static void finish(struct crowd *c)
{
    for (int i = 0; i < c->options.runners; i++) {
        pthread_join(c->runners[i].thread, NULL);
        pthread_cond_destroy(&c->runners[i].turn);
        shut(&c->runners[i]);
    }
}

static void remove_folder(const char *folder)
{
    char command[120];
    str_fit(command, sizeof(command), "%s", folder);
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", command, (char *)NULL);
        _exit(1);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

int crowd_run(const struct crowd_options *options, struct crowd_result *out)
{
    struct cloud_transport wire;
    struct retry retry;
    struct crowd *c = mem_zero(1, sizeof(*c));
    memset(out, 0, sizeof(*out));
    c->options = *options;
    c->result = out;
    c->random = philox_stream(options->seed, 0, 0, 2);
    c->kept = mem_zero(WRITES_MAX, sizeof(*c->kept));
    str_fit(c->folder, sizeof(c->folder), "%s/runners.%ld", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
            (long)getpid());
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->back, NULL);
    if (mkdir(c->folder, 0700) || open_world(c) || open_store(c, &wire, &retry))
        crowd_say(c, "the world cannot be opened");
    if (!*out->wrong) {
        draw_commits(c);
        start(c);
        referee(c);
        finish(c);
        out->span_s = (c->ended_ms - c->began_ms) / 1000;
        crowd_check(c);
        trace(c, simcloud_trace_hash(c->stage.cloud));
    }
    state_close(&c->memory);
    rehearsal_close(&c->stage);
    config_free(c->config);
    pthread_cond_destroy(&c->back);
    pthread_mutex_destroy(&c->lock);
    remove_folder(c->folder);
    free(c->kept);
    free(c);
    return *out->wrong ? -1 : 0;
}
