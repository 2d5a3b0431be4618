/*
 * Rights: every call of a rehearsal is held to the policy that its configuration gets, resources and conditions
 * included; and the policy holds nothing that is never needed: each action of each statement is taken out once, and
 * then some run is refused something.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/doctor.h"
#include "tests/support_pipeline.h"
#include "tests/support_rights.h"

static const char commit_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char commit_c[] = "cccccccccccccccccccccccccccccccccccccccc";

#define DEAD "\"dead_man_role\": \"arn:aws:iam::123456789012:role/bakehour-dead-man\""

/* ---- a call outside the policy fails ---- */

static void deploy_without(const char *action, bool needed)
{
    struct stage s;
    struct cut cut = {ROLE_DEPLOYER, "", action, false};
    stage_open(&s, &(struct stage_options){.edit_policy = cut_out, .edit_context = &cut});
    enum pipeline_end end = stage_deploy(&s, commit_a);
    if (needed && (!cut.found || end == PIPELINE_COMPLETED))
        fail_msg("a deployment completes without the right to %s", action);
    if (needed && !strstr(s.err.text, "not authorized to perform"))
        fail_msg("without the right to %s: \"%s\"", action, s.err.text);
    if (!needed && (cut.found || end != PIPELINE_COMPLETED))
        fail_msg("the policy of a plain deployment holds %s, or it needs it: %s", action, s.err.text);
    stage_close(&s);
}

static void a_call_outside_the_policy_fails(void **state)
{
    (void)state;
    static const char *const needed[] = {"ec2:RunInstances",
                                         "ec2:CreateImage",
                                         "ec2:CreateTags",
                                         "autoscaling:AttachInstances",
                                         "autoscaling:UpdateAutoScalingGroup",
                                         "ec2:DescribeImages",
                                         "ec2:CreateLaunchTemplateVersion",
                                         "autoscaling:DescribeAutoScalingGroups"};
    static const char *const foreign[] = {"autoscaling:StartInstanceRefresh", "ec2:CopyImage", "ec2:StopInstances",
                                          "ec2:AuthorizeSecurityGroupIngress"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        deploy_without(needed[i], true);
    for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
        deploy_without(foreign[i], false);
}

/* ---- resources and conditions ---- */

static const char *answer_to(struct stage *s, struct aws_request *request, struct aws_error *error)
{
    struct aws_reply reply;
    const struct transport *t = s->rehearsal.world.transport;
    aws_reply_init(&reply);
    *error = (struct aws_error){0};
    (void)t->call(t->self, request, &reply, error);
    aws_reply_release(&reply);
    aws_request_release(request);
    return error->code;
}

/* What the deployer's own words cannot reach, though the action is in the policy. */
static void only_what_is_ours(void **state)
{
    (void)state;
    struct stage s;
    struct aws_request r;
    struct aws_error e;
    char image[40];
    int64_t members;
    int64_t desired;
    int64_t max;
    struct stage_eyes eyes;
    struct group g;
    stage_open(&s, &(struct stage_options){0});
    stage_group(&s, image, &members, &desired, &max);
    stage_eyes_open(&eyes, &s);
    assert_int_equal(cloud_describe_group(&eyes.cloud, "group-test", &eyes.arena, &g, &e), 0);
    /* a member that the group launched by itself has no tag of ours */
    aws_request_init(&r, AWS_EC2, "TerminateInstances");
    aws_param(&r, "InstanceId.1", g.members[0].id);
    assert_string_equal(answer_to(&s, &r, &e), "UnauthorizedOperation");
    assert_int_equal(e.http_status, 403);
    assert_non_null(
        strstr(e.message, "ec2:TerminateInstances on resource: arn:aws:ec2:us-east-1:123456789012:instance/"));
    /* nor has what is not there: AWS cannot say whose it was */
    aws_request_init(&r, AWS_EC2, "TerminateInstances");
    aws_param(&r, "InstanceId.1", "i-00000000000000000");
    assert_string_equal(answer_to(&s, &r, &e), "UnauthorizedOperation");
    /* another group */
    aws_request_init(&r, AWS_AUTOSCALING, "UpdateAutoScalingGroup");
    aws_param(&r, "AutoScalingGroupName", "group-prod");
    aws_param(&r, "MaxSize", "9");
    assert_string_equal(answer_to(&s, &r, &e), "AccessDenied");
    aws_request_init(&r, AWS_AUTOSCALING, "UpdateAutoScalingGroup");
    aws_param(&r, "AutoScalingGroupName", "group-test");
    aws_param(&r, "MaxSize", "9");
    assert_string_equal(answer_to(&s, &r, &e), "");
    /* a bake instance of another type, or without our tag; DryRun says which would go */
    static const char *const types[] = {"t2.micro", "c5.18xlarge"};
    for (int tagged = 0; tagged < 2; tagged++)
        for (int large = 0; large < 2; large++) {
            aws_request_init(&r, AWS_EC2, "RunInstances");
            aws_param(&r, "ImageId", SIMCLOUD_BASE_IMAGE);
            aws_param(&r, "InstanceType", types[large]);
            aws_param(&r, "MinCount", "1");
            aws_param(&r, "MaxCount", "1");
            aws_param(&r, "DryRun", "true");
            for (int i = 1; i <= 2 && tagged; i++) {
                aws_paramf(&r, i == 1 ? "TagSpecification.1.ResourceType" : "TagSpecification.2.ResourceType", "%s",
                           i == 1 ? "instance" : "volume");
                aws_param(&r, i == 1 ? "TagSpecification.1.Tag.1.Key" : "TagSpecification.2.Tag.1.Key",
                          "bakehour:project");
                aws_param(&r, i == 1 ? "TagSpecification.1.Tag.1.Value" : "TagSpecification.2.Tag.1.Value", "hello");
            }
            assert_string_equal(answer_to(&s, &r, &e), tagged && !large ? "DryRunOperation" : "UnauthorizedOperation");
        }
    stage_eyes_close(&eyes);
    stage_close(&s);
}

/* A schedule of another name, or with another role, is refused. */
static void schedules_pass_one_role(void **state)
{
    (void)state;
    struct stage s;
    struct aws_request r;
    struct aws_error e;
    static const struct {
        const char *name, *role, *code;
    } cases[] = {{"bakehour-x", "bakehour-dead-man", ""},
                 {"other-x", "bakehour-dead-man", "AccessDeniedException"},
                 {"bakehour-y", "administrator", "AccessDeniedException"}};
    stage_open(&s, &(struct stage_options){.environment = ", \"rollout\": {" DEAD "}"});
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[512];
        str_fit(text, sizeof(text),
                "{\"Name\": \"%s\", \"ScheduleExpression\": \"at(2026-01-02T00:00:00)\", \"FlexibleTimeWindow\": "
                "{\"Mode\": \"OFF\"}, \"Target\": {\"Arn\": \"arn:aws:scheduler:::aws-sdk:ec2:terminateInstances\", "
                "\"RoleArn\": \"arn:aws:iam::123456789012:role/%s\", \"Input\": \"{\\\"InstanceIds\\\": []}\"}}",
                cases[i].name, cases[i].role);
        aws_request_init(&r, AWS_SCHEDULER, "CreateSchedule");
        r.json = cJSON_Parse(text);
        assert_string_equal(answer_to(&s, &r, &e), cases[i].code);
    }
    stage_close(&s);
}

/* ---- nothing is left out, and nothing is too much ---- */

/* What a life of deployments, deaths and left-overs asks for; fails nothing by itself. */
static void leave_things_about(struct stage *s)
{
    struct stage_eyes e;
    struct aws_error error;
    struct aws_request r;
    struct aws_reply reply;
    stage_eyes_open(&e, s);
    const struct tag tags[] = {{"bakehour:project", "hello"},
                               {"bakehour:environment", "test"},
                               {"bakehour:run", "r-20200101T000000-000001"},
                               {"bakehour:role", "bake"}};
    aws_request_init(&r, AWS_EC2, "RunInstances");
    aws_reply_init(&reply);
    aws_param(&r, "ImageId", SIMCLOUD_BASE_IMAGE);
    aws_param(&r, "MinCount", "2");
    aws_param(&r, "MaxCount", "2");
    aws_param(&r, "BlockDeviceMapping.1.DeviceName", "/dev/sda1");
    aws_param(&r, "BlockDeviceMapping.1.Ebs.DeleteOnTermination", "false");
    for (int spec = 1; spec <= 2; spec++) {
        char name[64];
        str_fit(name, sizeof(name), "TagSpecification.%d.ResourceType", spec);
        aws_param(&r, arena_dup(&e.arena, name), spec == 1 ? "instance" : "volume");
        for (int i = 0; i < 4; i++) {
            aws_param(&r, arena_textf(&e.arena, "TagSpecification.%d.Tag.%d.Key", spec, i + 1), tags[i].key);
            aws_param(&r, arena_textf(&e.arena, "TagSpecification.%d.Tag.%d.Value", spec, i + 1), tags[i].value);
        }
    }
    assert_int_equal(e.transport.transport.call(e.transport.transport.self, &r, &reply, &error), 0);
    const struct node *set = node_find(reply.root, "instancesSet");
    const char *gone[] = {arena_dup(&e.arena, node_get(node_child(set, "item"), "instanceId"))};
    aws_request_release(&r);
    aws_reply_release(&reply);
    stage_rest(s, 120);
    /* a volume that is nobody's, a snapshot without its image */
    const char *image;
    const struct image_order order = {
        .instance = gone[0], .name = "left", .no_reboot = true, .tags = tags, .tag_count = 4};
    assert_int_equal(cloud_create_image(&e.cloud, &order, &e.arena, &image, &error), 0);
    assert_int_equal(cloud_wait_image(&e.cloud, image, 0, &error), 0);
    aws_request_init(&r, AWS_EC2, "DeregisterImage");
    aws_reply_init(&reply);
    aws_param(&r, "ImageId", image);
    assert_int_equal(e.transport.transport.call(e.transport.transport.self, &r, &reply, &error), 0);
    aws_request_release(&r);
    aws_reply_release(&reply);
    assert_int_equal(cloud_terminate_instances(&e.cloud, gone, 1, &error), 0);
    stage_rest(s, 300);
    stage_eyes_close(&e);
}

static void live(struct stage *s)
{
    struct deployment first;
    leave_things_about(s);
    (void)stage_deploy(s, commit_a);
    first = s->record;
    (void)stage_deploy(s, commit_b);
    (void)stage_again(s, "rollback", &first);
    (void)stage_deploy(s, commit_c);
    (void)stage_recover(s);
}

/* Killed in the middle of the bake and of the rollout, and found again by another machine, by tags and by journal. The
 * calls are counted from the estimate on: where it makes one more, each point is one later. */
static void die(struct stage *s)
{
    for (int tags = 0; tags < 2; tags++)
        for (int64_t n = 22; n <= 92; n += 7) {
            stage_kill(s, DEATH_IN_CALL, n);
            (void)stage_deploy(s, n % 2 ? commit_a : commit_b);
            if (!stage_dead(s))
                continue;
            stage_next_runner(s, "second/2", !tags);
            (void)stage_finish(s, commit_a);
        }
}

/* The policy's promotion to the second environment. */
static void promote(struct stage *s)
{
    (void)stage_deploy(s, commit_a);
    struct deployment first = s->record;
    stage_environment(s, 1);
    (void)stage_again(s, "promote", &first);
    stage_environment(s, 0);
    (void)stage_deploy(s, commit_b);
    first = s->record;
    stage_environment(s, 1);
    (void)stage_again(s, "promote", &first);
}

/* ---- worlds: a configuration, and what happens in it ---- */

/* Somebody else asks for one more member in the middle of a rollout. */
static struct stage *watched;
static int (*inner_call)(void *, const struct aws_request *, struct aws_reply *, struct aws_error *);

static void grow(struct stage *s)
{
    struct stage_eyes e;
    struct aws_request r;
    struct aws_reply reply;
    struct aws_error error;
    struct group g;
    stage_eyes_open(&e, s);
    assert_int_equal(cloud_describe_group(&e.cloud, "group-test", &e.arena, &g, &error), 0);
    aws_request_init(&r, AWS_AUTOSCALING, "SetDesiredCapacity");
    aws_reply_init(&reply);
    aws_param(&r, "AutoScalingGroupName", "group-test");
    aws_param_i64(&r, "DesiredCapacity", g.desired + 1);
    assert_int_equal(e.transport.transport.call(e.transport.transport.self, &r, &reply, &error), 0);
    aws_request_release(&r);
    aws_reply_release(&reply);
    stage_eyes_close(&e);
}

static int grow_once(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    int code = inner_call(self, request, reply, error);
    bool now = strcmp(request->action, "AttachInstances") == 0 || strcmp(request->action, "StartInstanceRefresh") == 0;
    if (watched && now) {
        struct stage *s = watched;
        watched = NULL;
        grow(s);
    }
    return code;
}

static void resized(struct stage *s)
{
    struct transport *t = &s->rehearsal.transport.transport;
    (void)stage_deploy(s, commit_a);
    watched = s;
    inner_call = t->call;
    t->call = grow_once;
    (void)stage_deploy(s, commit_b);
    t->call = inner_call;
    watched = NULL;
}

static void balance(struct stage *s)
{
    stage_balance(s);
    live(s);
}

/* The doctor looks at everything; ours is there to be asked about. */
static void examine(struct stage *s)
{
    struct stage_eyes e;
    struct security_groups found;
    struct aws_error error;
    struct lookup all = {.ids = NULL};
    (void)stage_deploy(s, commit_a);
    stage_eyes_open(&e, s);
    assert_int_equal(cloud_describe_security_groups(&e.cloud, &all, &e.arena, &found, &error), 0);
    s->config->network.security_group = found.items[0].id;
    struct pipeline_world *w = &s->rehearsal.world;
    struct cloud cloud = {.transport = w->transport, .retry = w->retry, .region = s->config->region};
    struct doctor d = {.bake = &cloud,
                       .site = &cloud,
                       .config = s->config,
                       .environment = w->environment,
                       .state = w->state,
                       .arena = &e.arena};
    doctor_look(&d);
    free(d.items);
    s->config->network.security_group = "";
    stage_eyes_close(&e);
}

#define RUNS 6

struct world {
    const char *name;
    struct stage_options options;
    void (*runs[RUNS])(struct stage *s);
    const char *faults[RUNS]; /* of each run; NULL: none */
    enum permission_role role;
    const char *except; /* " sid:action ": what only other tests need */
};

#if defined(__SANITIZE_ADDRESS__)
#define WORLDS 2
#else
#define WORLDS (sizeof(worlds) / sizeof(*worlds))
#endif

/* The way back from a refresh that AWS carried out to its end: the runs here do not come there. */
#define REFRESHS " Group:UpdateAutoScalingGroup "
#define RETAIN   ", \"retain_images\": 1"
#define SMALL    ", \"instance_type\": \"t2.small\"" /* of the bake: another one than the group's */
#define HOURLY   ", \"prices\": {\"regime\": \"hourly\", \"instance_usd_per_hour\": \"0.01\"}"
static const char storm[] = STAGE_STORM_INSIDE;
static const char stuck[] = "{\"faults\": [{\"action\": \"DeleteSchedule\", \"fault\": \"error\", \"code\": "
                            "\"InternalServerException\", \"status\": 500}]}";
#define ENGINE(name, more) RETAIN ", \"rollout\": {\"engine\": \"" name "\"" more "}"
#define PROBE              ", \"probe\": \"load-balancer\""

static const struct world worlds[] = {
    {"attach",
     {.environment = ENGINE("attach", ""), .image = SMALL},
     {examine, live, die, resized, balance},
     {NULL},
     ROLE_DEPLOYER,
     ""},
    {"refresh",
     {.environment = ENGINE("refresh", ""), .image = SMALL},
     {examine, live, die, resized, balance},
     {NULL, NULL, NULL, storm, NULL},
     ROLE_DEPLOYER,
     REFRESHS},
    {"step",
     {.environment = ENGINE("step", ", " DEAD), .image = SMALL},
     {examine, live, die, live, balance, live},
     {NULL, NULL, NULL, storm, NULL, stuck},
     ROLE_DEPLOYER,
     ""},
    {"dead-man",
     {.environment = ENGINE("attach", ", " DEAD), .image = SMALL},
     {examine, live, die, resized, live, balance},
     {NULL, NULL, NULL, NULL, stuck, NULL},
     ROLE_DEPLOYER,
     ""},
    {"balanced attach",
     {.environment = ENGINE("attach", PROBE), .image = SMALL},
     {examine, balance, die, resized, live},
     {NULL},
     ROLE_DEPLOYER,
     ""},
    {"balanced refresh",
     {.environment = ENGINE("refresh", PROBE), .image = SMALL},
     {examine, balance, die, resized, live},
     {NULL, NULL, NULL, storm, NULL},
     ROLE_DEPLOYER,
     REFRESHS},
    {"balanced step",
     {.environment = ENGINE("step", ", " DEAD PROBE), .image = SMALL},
     {examine, balance, die, live, live},
     {NULL, NULL, NULL, storm, stuck},
     ROLE_DEPLOYER,
     ""},
    {"launch configuration",
     {.environment = RETAIN ", \"template\": \"launch-configuration\"", .image = SMALL},
     {examine, live, die, resized, balance},
     {NULL},
     ROLE_DEPLOYER,
     ""},
    {"kept bake instance",
     {.environment = RETAIN,
      .image = SMALL ", \"reset\": \"root-volume\"",
      .more = ", \"policy\": {\"keep\": \"hour\"}" HOURLY},
     {examine, live, die, resized, balance},
     {NULL},
     ROLE_DEPLOYER,
     ""},
    {"another region",
     {.environment = RETAIN "}, {\"name\": \"prod\", \"group\": \"group-prod\", \"region\": \"eu-west-1\", "
                            "\"retain_images\": 1, \"kms_key\": \"arn:aws:kms:eu-west-1:123456789012:key/one\"",
      .image = SMALL},
     {examine, live, die, promote, resized, balance},
     {NULL},
     ROLE_DEPLOYER,
     ""},
};

static uint64_t denied_in(const struct world *w, size_t run, struct cut *cut, char last[200])
{
    struct stage s;
    const char *text = "";
    struct stage_options options = w->options;
    options.faults = w->faults[run] ? stage_faults(1, w->faults[run]) : NULL;
    options.encrypt_default = w->runs[run] == examine; /* so that it asks for the key, too */
    options.edit_policy = cut ? cut_out : NULL;
    options.edit_context = cut;
    stage_open(&s, &options);
    w->runs[run](&s);
    uint64_t denied = simcloud_denials(s.rehearsal.cloud, &text);
    str_fit(last, 200, "%.190s", text);
    stage_close(&s);
    fault_set_free(options.faults);
    return denied;
}

static bool is_needed(const struct world *w, struct cut *cut)
{
    char last[200];
    for (size_t i = 0; i < RUNS && w->runs[i]; i++)
        if (denied_in(w, i, cut, last))
            return true;
    return false;
}

static cJSON *policy_of(const struct world *w)
{
    struct stage s;
    stage_open(&s, &w->options);
    const struct permission_terms terms = {.config = s.config, .account = SIMCLOUD_ACCOUNT, .pass_role = ""};
    cJSON *policy = permissions_policy(&terms, w->role, &s.err);
    assert_non_null(policy);
    stage_close(&s);
    return policy;
}

static int too_much(const struct world *w, const cJSON *statement)
{
    int wrong = 0;
    const char *sid = cJSON_GetObjectItemCaseSensitive(statement, "Sid")->valuestring;
    const cJSON *actions = cJSON_GetObjectItemCaseSensitive(statement, "Action");
    for (const cJSON *a = actions->child; a; a = a->next) {
        char name[160];
        struct cut cut = {w->role, sid, a->valuestring, false};
        str_fit(name, sizeof(name), " %s:%s ", sid, strchr(a->valuestring, ':') + 1);
        if (strstr(w->except, name) || is_needed(w, &cut))
            continue;
        printf("# %s: nothing needs %s of statement %s\n", w->name, a->valuestring, sid);
        wrong++;
    }
    return wrong;
}

static void none_too_few(void **state)
{
    int wrong = 0;
    char last[200];
    (void)state;
    for (size_t w = 0; w < WORLDS; w++)
        for (size_t i = 0; i < RUNS && worlds[w].runs[i]; i++) {
            uint64_t denied = denied_in(&worlds[w], i, NULL, last);
            if (denied)
                printf("# %s, run %zu: refused %llu times, last %s\n", worlds[w].name, i, (unsigned long long)denied,
                       last);
            wrong += denied > 0;
        }
    assert_int_equal(wrong, 0);
}

static void none_too_many(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t w = 0; w < WORLDS; w++) {
        cJSON *policy = policy_of(&worlds[w]);
        for (const cJSON *s = cJSON_GetObjectItemCaseSensitive(policy, "Statement")->child; s; s = s->next)
            wrong += too_much(&worlds[w], s);
        cJSON_Delete(policy);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_outside_the_policy_fails),
        cmocka_unit_test(only_what_is_ours),
        cmocka_unit_test(schedules_pass_one_role),
        cmocka_unit_test(none_too_few),
        cmocka_unit_test(none_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
