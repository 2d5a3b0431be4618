#include "tests/support_pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "billing/meter.h"
#include "billing/names.h"
#include "billing/usage.h"
#include "scheduler/booking.h"

#define CONFIG                                                                                                         \
    "{\"project\": \"hello\", \"build\": {\"test\": [\"a\", \"b\"], \"build\": [\"a\", \"b\"], \"artifact\": "         \
    "\"app.jar\"}, \"image\": {\"base\": \"" SIMCLOUD_BASE_IMAGE "\", \"command_line\": \"/java.so -jar "              \
    "{artifact}\"%s}, \"smoke\": [{\"path\": \"/health\"}], \"environments\": [{\"name\": \"test\", \"group\": "       \
    "\"group-test\"%s}%s]%s}"
#define SECOND ", {\"name\": \"production\", \"group\": \"group-production\"}"

/* ---- the store that counts ---- */

bool stage_dead(const struct stage *s)
{
    const struct cloud_transport *t = &s->rehearsal.transport;
    return t->kill_after && t->calls >= t->kill_after;
}

static int refuse(struct err *err)
{
    return err_set(err, EXIT_FAILED, "the runner is dead");
}

static int store_get(void *self, const char *partition, const char *key, struct str *document, int64_t *version,
                     struct err *err)
{
    struct stage *s = self;
    return stage_dead(s) ? refuse(err) : state_get(&s->inner, partition, key, document, version, err);
}

static int store_query(void *self, const char *partition, const char *prefix, state_row *row, void *context,
                       struct err *err)
{
    struct stage *s = self;
    return stage_dead(s) ? refuse(err) : state_query(&s->inner, partition, prefix, row, context, err);
}

static int store_write(void *self, const struct state_write *writes, size_t count, struct err *err)
{
    struct stage *s = self;
    if (stage_dead(s))
        return refuse(err);
    s->writes++;
    if (s->sites && s->sites->write_count < STAGE_SITES_MAX) {
        struct stage_sites *to = s->sites;
        str_fit(to->writes[to->write_count++], sizeof(*to->writes), "%s+%zu",
                to->call_count ? to->calls[to->call_count - 1] : "", ++to->since_call);
    }
    bool dies = s->die_at && s->writes == s->die_at;
    if (dies)
        s->rehearsal.transport.kill_after = 1, s->rehearsal.transport.calls++;
    if (dies && s->death == DEATH_BEFORE_WRITE)
        return refuse(err);
    int code = state_write(&s->inner, writes, count, err);
    return dies ? refuse(err) : code;
}

static void store_close(void *self)
{
    (void)self;
}

static const struct state_backend counting = {"counting", store_get, store_query, store_write, store_close, NULL, NULL};

/* ---- the stage ---- */

static void hear(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    const struct stage *s = context;
    (void)detail;
    if (s->loud)
        printf("# %lld %s: %s\n", (long long)(at_ms / 1000), kind, text);
}

static void powered_on(void *context, const struct simcloud_instance *instance, int64_t now_ms)
{
    struct stage *s = context;
    (void)now_ms;
    assert_true(s->instance_count < STAGE_INSTANCES_MAX);
    struct stage_instance *to = &s->instances[s->instance_count++];
    str_fit(to->id, sizeof(to->id), "%s", instance->id);
    str_fit(to->image, sizeof(to->image), "%s", instance->image);
}

static const char *image_of(const struct stage *s, const char *instance)
{
    for (size_t i = 0; i < s->instance_count; i++)
        if (strcmp(s->instances[i].id, instance) == 0)
            return s->instances[i].image;
    return "";
}

void stage_balance(struct stage *s)
{
    struct stage_eyes e;
    struct aws_request r;
    struct aws_reply reply;
    struct aws_error error;
    stage_eyes_open(&e, s);
    struct transport *t = &e.transport.transport;
    aws_request_init(&r, AWS_ELBV2, "CreateTargetGroup");
    aws_reply_init(&reply);
    aws_param(&r, "Name", "web");
    aws_param(&r, "Protocol", "HTTP");
    aws_param(&r, "Port", "8080");
    aws_param(&r, "HealthCheckPath", "/health");
    assert_int_equal(t->call(t->self, &r, &reply, &error), 0);
    const char *arn =
        arena_dup(&e.arena, node_get(reply.root, "CreateTargetGroupResult/TargetGroups/member/TargetGroupArn"));
    assert_true(*arn);
    aws_request_release(&r);
    aws_reply_release(&reply);
    aws_request_init(&r, AWS_AUTOSCALING, "AttachLoadBalancerTargetGroups");
    aws_reply_init(&reply);
    aws_param(&r, "AutoScalingGroupName", "group-test");
    aws_param(&r, "TargetGroupARNs.member.1", arn);
    assert_int_equal(t->call(t->self, &r, &reply, &error), 0);
    aws_request_release(&r);
    aws_reply_release(&reply);
    stage_eyes_close(&e);
}

int64_t stage_billed_s(struct stage *s, const char *image)
{
    struct usage usage;
    struct names *names = names_new();
    bool hourly = strcmp(s->config->prices.regime, "hourly") == 0;
    struct meter meter = regime_meter(hourly ? REGIME_HOURLY : REGIME_SECOND);
    int64_t sum_s = 0;
    simcloud_usage(s->rehearsal.cloud, NULL, names, &usage);
    for (size_t i = 0; i < usage.count; i++)
        if (strcmp(image_of(s, names_text(names, usage.rows[i].instance)), image) == 0)
            sum_s += meter_billed_s(meter, usage.rows[i].end - usage.rows[i].start);
    usage_release(&usage);
    names_free(names);
    return sum_s;
}

static void stand_before(struct stage *s)
{
    s->inner = s->rehearsal.state;
    s->store = (struct state){&counting, s};
    s->rehearsal.world.state = &s->store;
    s->writes = 0;
    s->die_at = 0;
}

static void parse(struct stage *s, const struct stage_options *o)
{
    struct str text;
    str_init(&text, 0);
    str_addf(&text, CONFIG, o->image ? o->image : "", o->environment ? o->environment : "", o->two ? SECOND : "",
             o->more ? o->more : "");
    if (config_parse(&s->config, "test", text.text, text.len, stderr, &s->err))
        fail_msg("%s", s->err.text);
    str_release(&text);
    if (calibration_steps_builtin(&s->calibration, &s->err))
        fail_msg("%s", s->err.text);
    if (o->quick_command_line)
        s->calibration.command_line_s = 0;
}

/* ---- listening ---- */

static struct stage *stage_of(void *transport)
{
    return (struct stage *)((char *)transport - offsetof(struct stage, rehearsal.transport));
}

static void heard(struct stage *s, const char *what)
{
    struct stage_sites *to = s->sites;
    if (!to || to->call_count == STAGE_SITES_MAX)
        return;
    str_fit(to->calls[to->call_count++], sizeof(*to->calls), "%.63s", what);
    to->since_call = 0;
}

static int listen_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    struct stage *s = stage_of(self);
    heard(s, request->action);
    return s->inner_call(self, request, reply, error);
}

static enum guest_outcome listen_guest(void *self, const struct guest_request *request, struct guest_reply *reply,
                                       struct err *err)
{
    struct stage *s = stage_of(self);
    char name[64];
    str_fit(name, sizeof(name), "guest:%s %.*s*", request->method, (int)strcspn(request->target + 1, "/?") + 1,
            request->target);
    heard(s, name);
    return s->inner_guest(self, request, reply, err);
}

void stage_listen(struct stage *s, struct stage_sites *sites)
{
    struct transport *t = &s->rehearsal.transport.transport;
    sites->call_count = sites->write_count = sites->since_call = 0;
    s->sites = sites;
    if (s->inner_call)
        return;
    s->inner_call = t->call;
    s->inner_guest = t->guest;
    t->call = listen_call;
    t->guest = listen_guest;
}

/* ---- folders: one a machine, so that another machine has nothing of the first one's; gone when the test ends ---- */

#define MACHINES_KEPT 500 /* their folders are removed in between, too */

static char all_work[64];
static long machines;

static void remove_work(void)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", all_work, (char *)NULL);
        _exit(1);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

static void new_machine(struct stage *s)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    if (!*all_work) {
        str_fit(all_work, sizeof(all_work), "%s/pipeline.%ld", base, (long)getpid());
        atexit(remove_work);
    }
    str_fit(s->work, sizeof(s->work), "%s/%ld", all_work, machines++);
    s->rehearsal.options.work = s->work;
}

void stage_open(struct stage *s, const struct stage_options *o)
{
    *s = (struct stage){.loud = getenv("LOUD") != NULL};
    parse(s, o);
    if (machines % MACHINES_KEPT == 0 && machines)
        remove_work();
    new_machine(s);
    struct rehearsal_options options = {.seed = o->seed ? o->seed : 1,
                                        .config = s->config,
                                        .environment = &s->config->environments.items[0],
                                        .calibration = &s->calibration,
                                        .faults = o->faults,
                                        .group = o->group,
                                        .lag_ms = o->lag_ms,
                                        .work = s->work,
                                        .check = true,
                                        .encrypt_default = o->encrypt_default,
                                        .tokens_required = o->tokens_required,
                                        .instance_limit = o->instance_limit,
                                        .throttle = o->throttle,
                                        .hooks = {.context = s, .power_on = powered_on},
                                        .event = hear,
                                        .event_context = s,
                                        .edit_policy = o->edit_policy,
                                        .edit_context = o->edit_context};
    if (rehearsal_open(&s->rehearsal, &options, &s->err))
        fail_msg("%s", s->err.text);
    stand_before(s);
}

void stage_close(struct stage *s)
{
    rehearsal_close(&s->rehearsal);
    config_free(s->config);
}

void stage_kill(struct stage *s, enum death death, int64_t n)
{
    struct cloud_transport *t = &s->rehearsal.transport;
    s->death = death;
    if (death == DEATH_BEFORE_CALL || death == DEATH_IN_CALL) {
        t->kill_after = t->calls + n;
        t->kill_done = death == DEATH_IN_CALL;
    } else if (death != DEATH_NONE) {
        s->die_at = s->writes + n;
    }
}

void stage_next_runner(struct stage *s, const char *holder, bool with_store)
{
    if (strcmp(holder, s->rehearsal.world.holder) != 0)
        new_machine(s);
    rehearsal_replace_runner(&s->rehearsal, with_store ? &s->inner : NULL, holder);
    stand_before(s);
}

void stage_runner(struct stage *s, enum runner runner)
{
    stage_next_runner(s, runner == RUNNER_SAME ? s->rehearsal.world.holder : "second/2", runner != RUNNER_TAGS);
}

void stage_environment(struct stage *s, size_t index)
{
    s->rehearsal.options.environment = &s->config->environments.items[index];
    s->rehearsal.world.environment = s->rehearsal.options.environment;
}

enum pipeline_end stage_deploy(struct stage *s, const char *commit)
{
    struct pipeline_order order = {.kind = "deploy", .commit = commit, .commits = 1};
    return pipeline_run(&s->rehearsal.world, &order, &s->record, &s->err);
}

enum pipeline_end stage_again(struct stage *s, const char *kind, const struct deployment *target)
{
    struct pipeline_order order = {.kind = kind,
                                   .commit = target->commit,
                                   .commits = target->commits,
                                   .image = target->image,
                                   .image_name = target->image_name,
                                   .sha256 = target->sha256,
                                   .bake_key = target->bake_key,
                                   .source = target->environment};
    return pipeline_run(&s->rehearsal.world, &order, &s->record, &s->err);
}

void stage_rest(struct stage *s, int64_t seconds)
{
    const struct transport *t = s->rehearsal.world.transport;
    t->sleep_ms(t->self, seconds * 1000);
}

void stage_book(struct stage *s, struct ledger *ledger)
{
    static const struct pipeline_estimate none = {.rates = {.basis = "a test"}};
    const struct pipeline_world *w = &s->rehearsal.world;
    if (booking_begin(ledger, w, &s->record, &none, &s->err) || booking_end(ledger, w, &s->record, &s->err) ||
        booking_fleet(ledger, w, &s->err))
        fail_msg("%s", s->err.text);
}

enum pipeline_end stage_resume(struct stage *s, bool *found)
{
    enum pipeline_end end = pipeline_resume(&s->rehearsal.world, found, &s->record, &s->err);
    for (int i = 0; end == PIPELINE_BUSY && i < 100; i++) {
        stage_rest(s, 30);
        end = pipeline_resume(&s->rehearsal.world, found, &s->record, &s->err);
    }
    return end;
}

enum pipeline_end stage_recover(struct stage *s)
{
    bool found = false;
    enum pipeline_end end = pipeline_recover(&s->rehearsal.world, &found, &s->err);
    for (int i = 0; end == PIPELINE_BUSY && i < 100; i++) {
        stage_rest(s, 30);
        end = pipeline_recover(&s->rehearsal.world, &found, &s->err);
    }
    return end;
}

enum pipeline_end stage_finish(struct stage *s, const char *commit)
{
    struct deployments list = {0};
    bool found = false;
    enum pipeline_end end = stage_resume(s, &found);
    if (end != PIPELINE_COMPLETED || found)
        return end;
    if (deployments_list(&s->store, s->rehearsal.world.environment->name, &list, &s->err))
        return PIPELINE_LOST;
    bool knows = list.count > 0;
    bool done = knows && strcmp(list.items[list.count - 1].state, "completed") == 0;
    deployments_release(&list);
    if (!knows)
        end = stage_recover(s);
    return end != PIPELINE_COMPLETED || done ? end : stage_deploy(s, commit);
}

/* ---- what must hold ---- */

void stage_eyes_open(struct stage_eyes *e, struct stage *s)
{
    struct retry_settings settings = retry_standard();
    settings.reads_per_s = settings.writes_per_s = 1000;
    cloud_transport_init(&e->transport, s->rehearsal.cloud, NULL);
    e->transport.region = s->config->region;
    e->transport.caller_arn = "arn:aws:iam::" SIMCLOUD_ACCOUNT ":user/eyes"; /* who may see and do everything */
    retry_init(&e->retry, &settings, 1);
    e->cloud = (struct cloud){.transport = &e->transport.transport, .retry = &e->retry, .region = s->config->region};
    arena_init(&e->arena);
}

void stage_eyes_close(struct stage_eyes *e)
{
    arena_release(&e->arena);
}

struct fault_set *stage_faults(uint32_t seed, const char *rules)
{
    struct err err = {0};
    struct fault_set *set = fault_set_new(seed, simcloud_options_default().start_ms);
    cJSON *document = cJSON_Parse(rules);
    if (!document || fault_set_add(set, "test", document, &err))
        fail_msg("%s: %s", rules, err.text);
    cJSON_Delete(document);
    return set;
}

static const char *template_image(struct stage_eyes *e, const struct group *g)
{
    struct template_versions v;
    struct launch_configs configs;
    struct aws_error error;
    if (*g->launch_config) {
        if (cloud_describe_launch_configs(&e->cloud, &g->launch_config, 1, &e->arena, &configs, &error))
            fail_msg("%s %s", error.code, error.message);
        return configs.count ? configs.items[0].spec.image : "";
    }
    if (cloud_describe_template_versions(&e->cloud, g->template_id, g->template_version, &e->arena, &v, &error))
        fail_msg("%s %s", error.code, error.message);
    return v.count ? v.items[0].spec.image : "";
}

void stage_group(struct stage *s, char image[40], int64_t *members, int64_t *desired, int64_t *max)
{
    struct stage_eyes e;
    struct group g;
    struct aws_error error;
    stage_eyes_open(&e, s);
    if (cloud_describe_group(&e.cloud, s->rehearsal.world.environment->group, &e.arena, &g, &error))
        fail_msg("%s %s", error.code, error.message);
    str_fit(image, 40, "%s", template_image(&e, &g));
    *members = 0;
    *desired = g.desired;
    *max = g.max;
    for (size_t i = 0; i < g.member_count; i++) {
        struct instance it;
        if (cloud_describe_instance(&e.cloud, g.members[i].id, &e.arena, &it, &error))
            fail_msg("%s %s", error.code, error.message);
        *members += it.state == INSTANCE_RUNNING && strcmp(it.image, image) == 0 && g.members[i].healthy &&
                    strcmp(g.members[i].lifecycle, "InService") == 0;
    }
    if (g.member_count != (size_t)g.desired)
        *members = -(int64_t)g.member_count;
    stage_eyes_close(&e);
}

void stage_holds(struct stage *s, int64_t completed, const char *where)
{
    struct deployments list = {0};
    struct str names;
    char image[40];
    int64_t members;
    int64_t desired;
    int64_t max;
    int64_t done = 0;
    int64_t group = s->rehearsal.options.group ? s->rehearsal.options.group : 2;
    str_init(&names, 4096);
    stage_rest(s, 120);
    if (rehearsal_orphans(&s->rehearsal, &names))
        fail_msg("%s: left over: %s", where, names.text);
    str_release(&names);
    if (deployments_list(&s->inner, s->rehearsal.world.environment->name, &list, &s->err))
        fail_msg("%s: %s", where, s->err.text);
    for (size_t i = 0; i < list.count; i++)
        done += strcmp(list.items[i].state, "completed") == 0;
    stage_rest(s, 480); /* a group replaces a member that died in its own time */
    stage_group(s, image, &members, &desired, &max);
    if (done != completed)
        fail_msg("%s: %lld completed deployments instead of %lld", where, (long long)done, (long long)completed);
    if (members != group || desired != group || max != 2 * group + 4)
        fail_msg("%s: the group has %lld good members, desired %lld, maximum %lld", where, (long long)members,
                 (long long)desired, (long long)max);
    if (completed && strcmp(list.items[list.count - 1].state, "completed") == 0 &&
        strcmp(list.items[list.count - 1].image, image) != 0)
        fail_msg("%s: the template names %s, the record %s", where, image, list.items[list.count - 1].image);
    deployments_release(&list);
    const char *broken = simcloud_check(s->rehearsal.cloud);
    if (broken)
        fail_msg("%s: %s", where, broken);
}
