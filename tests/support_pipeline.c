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

#define CONFIG                                                                                                         \
    "{\"project\": \"hello\", \"build\": {\"test\": [\"a\", \"b\"], \"build\": [\"a\", \"b\"], \"artifact\": "         \
    "\"app.jar\"}, \"image\": {\"base\": \"" SIMCLOUD_BASE_IMAGE "\", \"command_line\": \"/java.so -jar "              \
    "{artifact}\"%s}, \"smoke\": [{\"path\": \"/health\"}], \"environments\": [{\"name\": \"test\", \"group\": "       \
    "\"group-test\"%s}]%s}"

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

static const struct state_backend counting = {"counting", store_get, store_query, store_write, store_close, NULL};

/* ---- the stage ---- */

static void hear(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    const struct stage *s = context;
    (void)detail;
    if (s->loud)
        printf("# %lld %s: %s\n", (long long)(at_ms / 1000), kind, text);
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
    str_addf(&text, CONFIG, o->image ? o->image : "", o->environment ? o->environment : "", o->more ? o->more : "");
    if (config_parse(&s->config, "test", text.text, text.len, stderr, &s->err))
        fail_msg("%s", s->err.text);
    str_release(&text);
    if (calibration_steps_builtin(&s->calibration, &s->err))
        fail_msg("%s", s->err.text);
    if (o->quick_command_line)
        s->calibration.command_line_s = 0;
}

/* Once, when the test ends: the folders of all its runs. */
static char all_work[64];

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

void stage_open(struct stage *s, const struct stage_options *o)
{
    *s = (struct stage){.loud = getenv("LOUD") != NULL};
    parse(s, o);
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    str_fit(s->work, sizeof(s->work), "%s/pipeline.%ld", base, (long)getpid());
    if (!*all_work) {
        str_fit(all_work, sizeof(all_work), "%s", s->work);
        atexit(remove_work);
    }
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
                                        .event = hear,
                                        .event_context = s};
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
    rehearsal_replace_runner(&s->rehearsal, with_store ? &s->inner : NULL, holder);
    stand_before(s);
}

enum pipeline_end stage_deploy(struct stage *s, const char *commit)
{
    struct pipeline_order order = {.kind = "deploy", .commit = commit, .commits = 1};
    return pipeline_run(&s->rehearsal.world, &order, &s->record, &s->err);
}

static void rest(struct stage *s, int64_t seconds)
{
    const struct transport *t = s->rehearsal.world.transport;
    t->sleep_ms(t->self, seconds * 1000);
}

enum pipeline_end stage_finish(struct stage *s, const char *commit)
{
    struct deployments list = {0};
    bool found = false;
    enum pipeline_end end = pipeline_resume(&s->rehearsal.world, &found, &s->record, &s->err);
    for (int i = 0; end == PIPELINE_BUSY && i < 100; i++) {
        rest(s, 30);
        end = pipeline_resume(&s->rehearsal.world, &found, &s->record, &s->err);
    }
    if (end != PIPELINE_COMPLETED || found)
        return end;
    if (deployments_list(&s->store, "test", &list, &s->err))
        return PIPELINE_LOST;
    bool knows = list.count > 0;
    bool done = knows && strcmp(list.items[list.count - 1].state, "completed") == 0;
    deployments_release(&list);
    if (!knows)
        end = pipeline_recover(&s->rehearsal.world, &found, &s->err);
    for (int i = 0; end == PIPELINE_BUSY && i < 100; i++) {
        rest(s, 30);
        end = pipeline_recover(&s->rehearsal.world, &found, &s->err);
    }
    return end != PIPELINE_COMPLETED || done ? end : stage_deploy(s, commit);
}

/* ---- what must hold ---- */

struct eyes {
    struct cloud_transport transport;
    struct retry retry;
    struct cloud cloud;
    struct arena arena;
};

static void open_eyes(struct eyes *e, struct stage *s)
{
    struct retry_settings settings = retry_standard();
    settings.reads_per_s = 1000;
    cloud_transport_init(&e->transport, s->rehearsal.cloud, NULL);
    e->transport.region = s->config->region;
    retry_init(&e->retry, &settings, 1);
    e->cloud = (struct cloud){.transport = &e->transport.transport, .retry = &e->retry, .region = s->config->region};
    arena_init(&e->arena);
}

static const char *template_image(struct eyes *e, const struct group *g)
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
    struct eyes e;
    struct group g;
    struct aws_error error;
    open_eyes(&e, s);
    if (cloud_describe_group(&e.cloud, "group-test", &e.arena, &g, &error))
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
    arena_release(&e.arena);
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
    rest(s, 120);
    if (rehearsal_orphans(&s->rehearsal, &names))
        fail_msg("%s: left over: %s", where, names.text);
    str_release(&names);
    if (deployments_list(&s->inner, "test", &list, &s->err))
        fail_msg("%s: %s", where, s->err.text);
    for (size_t i = 0; i < list.count; i++)
        done += strcmp(list.items[i].state, "completed") == 0;
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
