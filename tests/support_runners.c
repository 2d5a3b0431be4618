#include "tests/support_runners.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which actions there are ---- */

static void learn(struct stage_actions *out, const char *name)
{
    for (size_t i = 0; i < out->count; i++)
        if (strcmp(out->names[i], name) == 0)
            return;
    assert_true(out->count < STAGE_ACTIONS_MAX);
    str_fit(out->names[out->count++], sizeof(*out->names), "%s", name);
}

void stage_actions(struct stage_actions *out, const struct stage_options *options)
{
    static struct stage_sites sites;
    struct stage *s = calloc(1, sizeof(*s));
    *out = (struct stage_actions){.count = 0};
    assert_non_null(s);
    stage_open(s, options);
    stage_listen(s, &sites);
    assert_int_equal(stage_deploy(s, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), PIPELINE_COMPLETED);
    assert_int_equal(stage_deploy(s, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"), PIPELINE_COMPLETED);
    for (size_t i = 0; i < sites.call_count; i++)
        learn(out, sites.calls[i]);
    stage_close(s);
    free(s);
    assert_true(out->count > 20);
}

/* ---- faults ---- */

const char *const stage_fault_kinds[] = {
    "\"fault\": \"error\", \"code\": \"InternalError\", \"status\": 500",
    "\"fault\": \"error\", \"code\": \"UnauthorizedOperation\", \"status\": 403",
    "\"fault\": \"http\", \"status\": 503, \"body\": \"html\"",
    "\"fault\": \"http\", \"status\": 502, \"body\": \"cut\", \"done\": true",
    "\"fault\": \"time-out\", \"done\": true",
    "\"fault\": \"time-out\", \"done\": false",
    "\"fault\": \"slow\", \"delay_ms\": 7000",
    "\"fault\": \"drop\"",
    "\"fault\": \"drop\", \"done\": false",
    "\"fault\": \"duplicate\"",
    "\"fault\": \"throttle\"",
    "\"fault\": \"capacity\"",
};
const size_t stage_fault_kind_count = sizeof(stage_fault_kinds) / sizeof(*stage_fault_kinds);

void stage_add_fault(struct fault_set *set, const char *action, const char *kind, const char *when)
{
    struct err err = {0};
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "{\"faults\": [{\"action\": \"%s\", %s, %s}]}", action, kind, when);
    cJSON *document = cJSON_Parse(text.text);
    if (!document || fault_set_add(set, "test", document, &err))
        fail_msg("%s: %s", text.text, err.text);
    cJSON_Delete(document);
    str_release(&text);
}

void stage_clear_faults(struct fault_set *set)
{
    struct err err = {0};
    cJSON *document = cJSON_Parse("{\"clear\": true, \"faults\": []}");
    assert_int_equal(fault_set_add(set, "test", document, &err), 0);
    cJSON_Delete(document);
}

void stage_heal(struct stage *s, struct fault_set *set, const char *where)
{
    struct deployments list = {0};
    bool found = false;
    int64_t completed = 0;
    stage_clear_faults(set);
    stage_next_runner(s, "healer/3", true);
    enum pipeline_end end = stage_resume(s, &found);
    if (end != PIPELINE_BUSY)
        end = stage_recover(s);
    if (end != PIPELINE_COMPLETED)
        fail_msg("%s: it cannot be put in order: %s", where, s->err.text);
    assert_int_equal(deployments_list(&s->inner, "test", &list, &s->err), 0);
    for (size_t i = 0; i < list.count; i++)
        completed += strcmp(list.items[i].state, "completed") == 0;
    for (size_t i = 0; i < list.count; i++)
        if (strcmp(list.items[i].state, "running") == 0)
            fail_msg("%s: deployment %zu is still running", where, i + 1);
    deployments_release(&list);
    stage_holds(s, completed, where);
}

/* ---- a second runner ---- */

static struct {
    struct stage_rival *order;
    struct cloud_transport transport;
    struct retry retry;
    struct jobs_model jobs;
    char work[96];
    int (*call)(void *, const struct aws_request *, struct aws_reply *, struct aws_error *);
} second;

static void run_second(struct stage_rival *rival)
{
    struct stage *s = rival->stage;
    const struct rehearsal *r = &s->rehearsal;
    struct retry_settings settings = retry_standard();
    struct deployment record;
    bool found = false;
    struct pipeline_world world = s->rehearsal.world;
    settings.reads_per_s = settings.writes_per_s = 1000;
    cloud_transport_init(&second.transport, r->cloud, r->options.faults);
    second.transport.region = s->config->region;
    retry_init(&second.retry, &settings, 7);
    jobs_model_open(&second.jobs, &second.transport.transport, &world.expected);
    str_fit(second.work, sizeof(second.work), "%s.rival", s->work);
    world.transport = &second.transport.transport;
    world.retry = &second.retry;
    world.jobs = &second.jobs.jobs;
    world.state = &s->inner;
    world.holder = "rival/9";
    world.work = second.work;
    rival->end = pipeline_resume(&world, &found, &record, &rival->err);
    if (rival->end == PIPELINE_COMPLETED && !found) {
        struct pipeline_order order = {.kind = "deploy", .commit = rival->commit, .commits = 1};
        rival->end = pipeline_run(&world, &order, &record, &rival->err);
    }
    jobs_model_close(&second.jobs);
}

static int paused_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    struct stage_rival *rival = second.order;
    struct stage *s = rival->stage;
    bool before = rival->between && request->latest_ms;
    int code = before ? 0 : second.call(self, request, reply, error);
    bool now = rival->between ? before : strncmp(request->action, "Describe", 8) == 0;
    if (rival->came || ++rival->calls < rival->at || !now || stage_dead(s))
        return before ? second.call(self, request, reply, error) : code;
    rival->came = true;
    if (s->loud)
        printf("# paused for %lld s at %s\n", (long long)rival->pause_s, request->action);
    simcloud_advance_to(s->rehearsal.cloud, simcloud_now_ms(s->rehearsal.cloud) + rival->pause_s * 1000);
    run_second(rival);
    if (s->loud)
        printf("# goes on at %s; the other one ended as %d\n", request->action, (int)rival->end);
    if (!before)
        return code;
    code = second.call(self, request, reply, error);
    rival->sent = rival->pause_s && !(code && error->outcome == AWS_UNSENT);
    return code;
}

void stage_rival(struct stage *s, struct stage_rival *rival)
{
    rival->stage = s;
    rival->calls = 0;
    rival->came = false;
    second.order = rival;
    second.call = s->rehearsal.transport.transport.call;
    s->rehearsal.transport.transport.call = paused_call;
}

void stage_rival_end(struct stage *s)
{
    s->rehearsal.transport.transport.call = second.call;
}
