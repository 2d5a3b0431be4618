/* The doctor: each thing that may be wrong is found, with a remedy; and where all is well, it says so. */
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

static const char commit_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

struct visit {
    struct stage s;
    struct doctor d;
    struct arena arena;
    struct cloud cloud;
};

static void look(struct visit *v)
{
    struct pipeline_world *w = &v->s.rehearsal.world;
    v->cloud = (struct cloud){.transport = w->transport, .retry = w->retry, .region = v->s.config->region};
    v->d = (struct doctor){.bake = &v->cloud,
                           .site = &v->cloud,
                           .config = v->s.config,
                           .environment = w->environment,
                           .state = w->state,
                           .arena = &v->arena};
    doctor_look(&v->d);
}

static void visit_open(struct visit *v, const struct stage_options *o)
{
    stage_open(&v->s, o);
    arena_init(&v->arena);
}

static void visit_close(struct visit *v)
{
    free(v->d.items);
    arena_release(&v->arena);
    stage_close(&v->s);
}

/* The finding of that name whose detail has the text; NULL: there is none. */
static const struct finding *finding(const struct visit *v, const char *name, const char *text)
{
    for (size_t i = 0; i < v->d.count; i++)
        if (strcmp(v->d.items[i].name, name) == 0 && strstr(v->d.items[i].detail, text))
            return &v->d.items[i];
    return NULL;
}

static void says(const struct visit *v, enum finding_state state, const char *name, const char *text,
                 const char *remedy)
{
    const struct finding *f = finding(v, name, text);
    if (f && f->state == state && strstr(f->remedy, remedy))
        return;
    for (size_t i = 0; i < v->d.count; i++)
        printf("# %s %s: %s [%s]\n", finding_state_name(v->d.items[i].state), v->d.items[i].name, v->d.items[i].detail,
               v->d.items[i].remedy);
    fail_msg("no %s %s \"%s\" with \"%s\"", finding_state_name(state), name, text, remedy);
}

static void one(const struct stage_options *o, enum finding_state state, const char *name, const char *text,
                const char *remedy)
{
    struct visit v;
    visit_open(&v, o);
    look(&v);
    says(&v, state, name, text, remedy);
    visit_close(&v);
}

/* ---- permissions ---- */

static const char *const asked[] = {"RunInstances",
                                    "CreateImage",
                                    "TerminateInstances",
                                    "CreateTags",
                                    "DeregisterImage",
                                    "DeleteSnapshot",
                                    "DeleteVolume",
                                    "CreateLaunchTemplateVersion",
                                    "DeleteLaunchTemplateVersions"};

static void each_permission_by_itself(void **state)
{
    (void)state;
    struct visit v;
    char text[80];
    visit_open(&v, &(struct stage_options){0});
    assert_int_equal(stage_deploy(&v.s, commit_a), PIPELINE_COMPLETED);
    look(&v);
    for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
        str_fit(text, sizeof(text), "ec2:%s would be allowed", asked[i]);
        says(&v, FINDING_OK, "permission", text, "");
    }
    assert_null(finding(&v, "permission", "CopyImage")); /* what the configuration does not use is not asked */
    assert_null(finding(&v, "permission", "would be refused"));
    visit_close(&v);
}

static void before_the_first_deployment(void **state)
{
    (void)state;
    struct visit v;
    visit_open(&v, &(struct stage_options){0});
    look(&v);
    says(&v, FINDING_OK, "permission", "ec2:RunInstances would be allowed", "");
    says(&v, FINDING_UNKNOWN, "permission", "ec2:TerminateInstances: nothing carries this project's tag yet",
         "after the first deployment");
    assert_null(finding(&v, "permission", "would be refused"));
    visit_close(&v);
}

static void take_out(void *context, enum permission_role role, cJSON *policy)
{
    const char *action = context;
    for (cJSON *s = cJSON_GetObjectItemCaseSensitive(policy, "Statement")->child; s && role == ROLE_DEPLOYER;
         s = s->next) {
        cJSON *actions = cJSON_GetObjectItemCaseSensitive(s, "Action");
        for (cJSON *a = actions->child, *next; a; a = next) {
            next = a->next;
            if (strcmp(a->valuestring, action) == 0)
                cJSON_Delete(cJSON_DetachItemViaPointer(actions, a));
        }
        if (!actions->child)
            cJSON_AddItemToArray(actions, cJSON_CreateString("none:Nothing"));
    }
}

static void a_missing_permission_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
        struct visit v;
        char action[80];
        char text[96];
        str_fit(action, sizeof(action), "ec2:%s", asked[i]);
        str_fit(text, sizeof(text), "%s would be refused", action);
        visit_open(&v, &(struct stage_options){0});
        assert_int_equal(stage_deploy(&v.s, commit_a), PIPELINE_COMPLETED);
        v.s.rehearsal.options.edit_policy = take_out;
        v.s.rehearsal.options.edit_context = action;
        assert_int_equal(rehearsal_grant_again(&v.s.rehearsal, &v.s.err), 0);
        look(&v);
        says(&v, FINDING_PROBLEM, "permission", text, action);
        visit_close(&v);
    }
    static struct {
        char action[48];
        const char *name;
    } looks[] = {{"ec2:DescribeImages", "base image"},
                 {"ec2:GetInstanceMetadataDefaults", "metadata"},
                 {"ec2:GetEbsEncryptionByDefault", "encryption"},
                 {"ec2:DescribeInstanceTypes", "quota"},
                 {"servicequotas:GetServiceQuota", "quota"},
                 {"autoscaling:DescribeAutoScalingGroups", "group"},
                 {"ec2:DescribeLaunchTemplateVersions", "template"}};
    for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++)
        one(&(struct stage_options){.edit_policy = take_out, .edit_context = looks[i].action}, FINDING_PROBLEM,
            looks[i].name, "not authorized to perform", "allow ");
}

/* ---- quotas, encryption, metadata ---- */

static void quotas(void **state)
{
    (void)state;
    struct visit v;
    visit_open(&v, &(struct stage_options){.group = 3});
    look(&v);
    /* three t2.micro of one vCPU each run; a bake takes one, a rollout as many as the group has */
    says(&v, FINDING_OK, "quota",
         "standard instances (L-1216C47A) in us-east-1: 3 of 1000 vCPUs run; a bake takes 1 more", "");
    says(&v, FINDING_OK, "quota", "3 of 1000 vCPUs run; a rollout takes 3 more", "");
    /* the base image, and its snapshot */
    says(&v, FINDING_OK, "quota", "images (L-B665C33B) in us-east-1: 1 of 50000", "");
    says(&v, FINDING_OK, "quota", "snapshots (L-309BACF6) in us-east-1: 1 of 100000", "");
    visit_close(&v);
    one(&(struct stage_options){.group = 3, .instance_limit = 5}, FINDING_PROBLEM, "quota",
        "3 of 5 vCPUs run; a rollout takes 3 more", "--quota-code L-1216C47A --desired-value 6");
    one(&(struct stage_options){.group = 3, .instance_limit = 5}, FINDING_OK, "quota", "a bake takes 1 more", "");
    one(&(struct stage_options){.group = 3, .instance_limit = 3}, FINDING_PROBLEM, "quota", "a bake takes 1 more",
        "--desired-value 4");
    one(&(struct stage_options){.group = 3, .image = ", \"instance_type\": \"trn1.2xlarge\""}, FINDING_UNKNOWN, "quota",
        "trn1.2xlarge in us-east-1: the quota of its family was not looked at", "list-service-quotas");
    /* a wave launches what is configured, as far as the group has room for it, and no more than are to be replaced */
    one(&(struct stage_options){.group = 3, .more = ", \"rollout\": {\"surge\": 2}"}, FINDING_OK, "quota",
        "3 of 1000 vCPUs run; a rollout takes 2 more", "");
    visit_open(&v, &(struct stage_options){.group = 6, .more = ", \"rollout\": {\"surge\": 5}"});
    struct stage_eyes e;
    struct aws_error error;
    struct group_change change = GROUP_CHANGE_NONE;
    change.max = 8;
    stage_eyes_open(&e, &v.s);
    assert_int_equal(cloud_update_group(&e.cloud, "group-test", &change, &error), 0);
    stage_eyes_close(&e);
    look(&v);
    says(&v, FINDING_OK, "quota", "6 of 1000 vCPUs run; a rollout takes 2 more", "");
    visit_close(&v);
    one(&(struct stage_options){.group = 6,
                                .more = ", \"rollout\": {\"engine\": \"refresh\", \"min_healthy_percent\": 50}"},
        FINDING_OK, "quota", "6 of 1000 vCPUs run; a rollout takes 3 more", "");
}

static void encryption_and_metadata(void **state)
{
    (void)state;
    one(&(struct stage_options){0}, FINDING_OK, "encryption", "not encrypted by default", "");
    one(&(struct stage_options){.encrypt_default = true}, FINDING_OK, "encryption", "with alias/aws/ebs", "");
    one(&(struct stage_options){.encrypt_default = true, .environment = ", \"profile\": \"other\""}, FINDING_PROBLEM,
        "encryption", "cannot be shared with the environment's account", "modify-ebs-default-kms-key-id");
    one(&(struct stage_options){.environment = ", \"kms_key\": \"arn:aws:kms:eu-west-1:123456789012:key/x\""},
        FINDING_PROBLEM, "encryption", "is not in the environment's region, us-east-1", "a key of that region");
    one(&(struct stage_options){.environment = ", \"kms_key\": \"arn:aws:kms:us-east-1:123456789012:key/x\""},
        FINDING_WARNING, "encryption", "only where its service's role may use the key", "aws kms create-grant");
    one(&(struct stage_options){0}, FINDING_OK, "metadata", "tokens are not required", "");
    one(&(struct stage_options){.tokens_required = true}, FINDING_WARNING, "metadata",
        "requires metadata tokens by default", "HttpTokens=optional");
}

/* ---- image, template, group, network, machine ---- */

static void image_and_group_fit(void **state)
{
    (void)state;
    one(&(struct stage_options){0}, FINDING_OK, "base image", "is available and fits t2.micro", "");
    one(&(struct stage_options){.image = ", \"instance_type\": \"m6g.large\""}, FINDING_PROBLEM, "base image",
        "an image for x86_64 does not start on m6g.large", "instance type of the image's architecture");
    one(&(struct stage_options){0}, FINDING_OK, "template", "fit its t2.micro", "");
    one(&(struct stage_options){0}, FINDING_OK, "group", "group-test: 2 instances, 0 to 8", "");
    one(&(struct stage_options){.environment = ", \"template\": \"launch-configuration\""}, FINDING_WARNING, "template",
        "launch configurations take no new instance types", "move the group to a launch template");
    one(&(struct stage_options){0}, FINDING_WARNING, "dead-man", "nothing ends what a dead runner leaves",
        "rollout.dead_man_role");
    one(&(struct stage_options){0}, FINDING_OK, "clock", "within 1 s of AWS's", "");
    one(&(struct stage_options){0}, FINDING_OK, "state", "backend", "");
}

static struct visit *heard;
static int64_t tried; /* the port that is asked */

/* In the middle of a bake there is an instance to ask. */
static void ask_while_it_bakes(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    (void)context, (void)at_ms, (void)kind, (void)detail;
    if (strcmp(text, "upload is done") != 0 || !tried)
        return;
    int64_t port = heard->s.config->osv.port;
    heard->s.config->osv.port = tried;
    tried = 0;
    look(heard);
    heard->s.config->osv.port = port;
}

static void bake_and_look(struct visit *v, int64_t port)
{
    visit_open(v, &(struct stage_options){0});
    heard = v;
    tried = port;
    v->s.rehearsal.world.event = ask_while_it_bakes;
    assert_int_equal(stage_deploy(&v->s, commit_a), PIPELINE_COMPLETED);
    assert_int_equal(tried, 0);
}

static void the_port_is_tried(void **state)
{
    (void)state;
    struct visit v;
    one(&(struct stage_options){0}, FINDING_UNKNOWN, "port", "no bake instance runs: port 8000 was not tried",
        "while a deployment bakes");
    bake_and_look(&v, 8000);
    says(&v, FINDING_OK, "port", "answers at ", "");
    visit_close(&v);
    bake_and_look(&v, 8001); /* where nothing listens */
    says(&v, FINDING_PROBLEM, "port", "does not answer at ", "let the runner reach it");
    visit_close(&v);
}

/* ---- the load balancer ---- */

static void the_load_balancer(void **state)
{
    (void)state;
    struct visit v;
    visit_open(&v, &(struct stage_options){0});
    assert_int_equal(stage_deploy(&v.s, commit_a), PIPELINE_COMPLETED);
    look(&v);
    assert_null(finding(&v, "load balancer", ""));
    visit_close(&v);
    visit_open(&v, &(struct stage_options){0});
    assert_int_equal(stage_deploy(&v.s, commit_a), PIPELINE_COMPLETED);
    stage_balance(&v.s);
    assert_int_equal(rehearsal_grant_again(&v.s.rehearsal, &v.s.err), 0);
    look(&v); /* registered a moment ago, and not asked yet */
    says(&v, FINDING_WARNING, "load balancer", "0 of 2 targets are healthy; one that leaves drains for up to 300 s",
         "mend those that are there first");
    says(&v, FINDING_WARNING, "load balancer", "the group's health check is EC2's", "health check type to ELB");
    free(v.d.items);
    stage_rest(&v.s, 300);
    look(&v);
    says(&v, FINDING_OK, "load balancer", "2 of 2 targets are healthy; one that leaves drains for up to 300 s", "");
    visit_close(&v);
}

/* ---- the clock ---- */

static int64_t (*right_ms)(void *self);
static int64_t off_ms;

static int64_t wrong_ms(void *self)
{
    return right_ms(self) + off_ms;
}

static void the_clock(void **state)
{
    (void)state;
    static const struct {
        int64_t off_s;
        enum finding_state state;
        const char *text, *remedy;
    } cases[] = {
        {0, FINDING_OK, "within 1 s of AWS's", ""},
        {-59, FINDING_OK, "within 60 s of AWS's", ""},
        {90, FINDING_WARNING, "90 s ahead of AWS's", "set the machine's clock"},
        {-90, FINDING_WARNING, "90 s behind AWS's", "set the machine's clock"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct visit v;
        visit_open(&v, &(struct stage_options){0});
        struct transport wrong = *v.s.rehearsal.world.transport;
        right_ms = wrong.now_ms;
        wrong.now_ms = wrong_ms;
        off_ms = cases[i].off_s * 1000;
        v.s.rehearsal.world.transport = &wrong;
        look(&v);
        says(&v, cases[i].state, "clock", cases[i].text, cases[i].remedy);
        visit_close(&v);
    }
}

static void the_security_group(void **state)
{
    (void)state;
    static const struct {
        const char *cidr;
        bool open_port;
        enum finding_state state;
        const char *text, *remedy;
    } cases[] = {
        {"0.0.0.0/0", false, FINDING_PROBLEM, "lets the whole world reach port 8000", "remove the rule"},
        {"198.51.100.7/32", false, FINDING_OK, "does not open OSv's port to the world", ""},
        {NULL, true, FINDING_OK, "does not open OSv's port to the world", ""},
        {NULL, false, FINDING_WARNING, "lets nobody reach port 8000", "network.open_port"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct visit v;
        struct stage_eyes e;
        struct security_groups found;
        struct aws_error error;
        struct lookup all = {.ids = NULL};
        visit_open(&v, &(struct stage_options){0});
        stage_eyes_open(&e, &v.s);
        assert_int_equal(cloud_describe_security_groups(&e.cloud, &all, &e.arena, &found, &error), 0);
        if (cases[i].cidr)
            assert_int_equal(cloud_open_port(&e.cloud, found.items[0].id, 8000, cases[i].cidr, "x", &error), 0);
        v.s.config->network.security_group = arena_dup(&v.arena, found.items[0].id);
        v.s.config->network.open_port = cases[i].open_port;
        stage_eyes_close(&e);
        assert_int_equal(rehearsal_grant_again(&v.s.rehearsal, &v.s.err), 0);
        look(&v);
        says(&v, cases[i].state, "network", cases[i].text, cases[i].remedy);
        visit_close(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_permission_by_itself),
        cmocka_unit_test(before_the_first_deployment),
        cmocka_unit_test(a_missing_permission_is_named),
        cmocka_unit_test(quotas),
        cmocka_unit_test(encryption_and_metadata),
        cmocka_unit_test(image_and_group_fit),
        cmocka_unit_test(the_port_is_tried),
        cmocka_unit_test(the_load_balancer),
        cmocka_unit_test(the_clock),
        cmocka_unit_test(the_security_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
