/*
 * Rights of the other roles, as tests/test_rights.c has them of the deployer: what AWS ends when the runner is gone,
 * what a promotion changes in another account, the store's table, who reads it and who makes it; and the deployer's own
 * that only a port, a profile or another account needs. Nothing is missing, and each action of each statement is
 * needed.
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
#include "scheduler/state_dynamodb.h"
#include "tests/support_pipeline.h"
#include "tests/support_rights.h"

static const char *const commits[] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                                      "cccccccccccccccccccccccccccccccccccccccc"};

#define DEAD    "\"dead_man_role\": \"arn:aws:iam::123456789012:role/bakehour-dead-man\""
#define ANOTHER "210987654321"

/* ---- one world after another ---- */

struct world {
    const char *name;
    struct stage_options options;
    void (*run)(struct stage *s, struct cut *cut);
    enum permission_role role;
    const char *only;   /* "Sid Sid": statements that are asked about; NULL: all */
    const char *except; /* "action action": NULL: none */
};

/* For runs that open stages of their own. */
static const struct stage_options *current;
static uint64_t denials;
static char last_denial[200];

static uint64_t denied_in(const struct world *w, struct cut *cut, char last[200])
{
    struct stage s;
    const char *text;
    struct stage_options o = w->options;
    o.edit_policy = cut ? cut_out : NULL;
    o.edit_context = cut;
    current = &o;
    denials = 0;
    stage_open(&s, &o);
    w->run(&s, cut);
    uint64_t denied = simcloud_denials(s.rehearsal.cloud, &text) + denials;
    str_fit(last, 200, "%.190s", denials ? last_denial : text);
    stage_close(&s);
    return denied;
}

static int asked, unneeded;

static int is_needed(const void *context, struct cut *cut)
{
    const struct world *w = context;
    char last[200];
    if ((w->only && !is_listed(w->only, cut->sid)) || (w->except && is_listed(w->except, cut->action)))
        return 0;
    asked++;
    if (denied_in(w, cut, last))
        return 0;
    printf("# %s: nothing needs %s of statement %s\n", w->name, cut->action, cut->sid);
    unneeded++;
    return 0;
}

static void holds(const struct world *w)
{
    struct stage s;
    char last[200];
    if (denied_in(w, NULL, last))
        fail_msg("%s: the policy lacks %s", w->name, last);
    stage_open(&s, &w->options);
    s.config->network.open_port = w->only && strcmp(w->only, "Port") == 0;
    const struct permission_terms terms = {.config = s.config, .account = SIMCLOUD_ACCOUNT, .pass_role = ""};
    cJSON *policy = permissions_policy(&terms, w->role, &s.err);
    assert_non_null(policy);
    asked = unneeded = 0;
    (void)cut_each(policy, w->role, is_needed, w);
    cJSON_Delete(policy);
    stage_close(&s);
    assert_int_equal(unneeded, 0);
    if (!asked)
        fail_msg("%s: no action was asked about", w->name);
}

/* ---- the dead-man ---- */

/* The runner dies for good, wherever; three days pass. Each death has a cloud of its own. */
static void die_for_good(struct stage *first, struct cut *cut)
{
    (void)cut;
    for (int64_t n = 40; n <= 130; n += 10) {
        struct stage s;
        const char *text;
        stage_open(&s, current);
        (void)stage_deploy(&s, commits[0]);
        stage_kill(&s, DEATH_IN_CALL, n);
        (void)stage_deploy(&s, commits[1]);
        s.rehearsal.transport.kill_after = 0;
        stage_rest(&s, (int64_t)3 * 86400);
        uint64_t more = simcloud_denials(s.rehearsal.cloud, &text);
        denials += more;
        if (more)
            str_fit(last_denial, sizeof(last_denial), "%.190s", text);
        stage_close(&s);
    }
    (void)first;
}

static void the_dead_man(void **state)
{
    (void)state;
    static const struct world worlds[] = {
        {"dead-man, attach", {.environment = ", \"rollout\": {" DEAD "}"}, die_for_good, ROLE_DEAD_MAN, NULL, NULL},
        {"dead-man, step",
         {.environment = ", \"rollout\": {\"engine\": \"step\", " DEAD "}"},
         die_for_good,
         ROLE_DEAD_MAN,
         NULL,
         NULL}};
    holds(&worlds[0]);
    holds(&worlds[1]);
}

/* ---- the port, and a profile ---- */

static void with_port(struct stage *s, struct cut *cut)
{
    struct stage_eyes e;
    struct security_groups found;
    struct aws_error error;
    struct lookup all = {.ids = NULL};
    (void)cut;
    stage_eyes_open(&e, s);
    assert_int_equal(cloud_describe_security_groups(&e.cloud, &all, &e.arena, &found, &error), 0);
    s->config->network.security_group = found.items[0].id;
    s->config->network.runner_cidr = "198.51.100.7/32";
    s->config->network.open_port = true;
    assert_int_equal(rehearsal_grant_again(&s->rehearsal, &s->err), 0);
    (void)stage_deploy(s, commits[0]);
    s->config->network.security_group = "";
    stage_eyes_close(&e);
}

static void just_deploy(struct stage *s, struct cut *cut)
{
    (void)cut;
    (void)stage_deploy(s, commits[0]);
}

static void port_and_profile(void **state)
{
    (void)state;
    holds(&(struct world){"port", {0}, with_port, ROLE_DEPLOYER, "Port", NULL});
    holds(&(struct world){
        "profile", {.image = ", \"profile\": \"baker\""}, just_deploy, ROLE_DEPLOYER, "PassProfile", NULL});
}

/* ---- another account ---- */

/* For storms, deaths, load balancers and left-overs, which are the same in any account: tests/test_rights.c has them.
 */
#define SAME                                                                                                           \
    "autoscaling:DescribeScalingActivities autoscaling:DescribeInstanceRefreshes "                                     \
    "elasticloadbalancing:DescribeTargetHealth elasticloadbalancing:DescribeTargetGroupAttributes "                    \
    "ec2:TerminateInstances ec2:DeleteVolume"
#define PROD                                                                                                           \
    ", \"retain_images\": 1}, {\"name\": \"prod\", \"group\": \"group-prod\", \"retain_images\": 1, \"profile\": "     \
    "\"target\""
#define ABROAD PROD ", \"region\": \"eu-west-1\", \"kms_key\": \"arn:aws:kms:eu-west-1:" ANOTHER ":key/one\""

struct other {
    struct cloud_transport wire;
    struct retry retry;
};

static void take_role(struct stage *s)
{
    struct aws_request r;
    struct aws_reply reply;
    struct aws_error error;
    const struct transport *t = s->rehearsal.world.transport;
    aws_request_init(&r, AWS_STS, "AssumeRole");
    aws_reply_init(&reply);
    aws_param(&r, "RoleArn", "arn:aws:iam::" ANOTHER ":role/" PERMISSIONS_TARGET);
    aws_param(&r, "RoleSessionName", "bakehour");
    (void)t->call(t->self, &r, &reply, &error);
    aws_request_release(&r);
    aws_reply_release(&reply);
}

static enum pipeline_end promote_one(struct stage *s, const char *commit)
{
    struct pipeline_world *w = &s->rehearsal.world;
    struct transport *site = w->site_transport;
    w->site_transport = NULL;
    stage_environment(s, 0);
    (void)stage_deploy(s, commit);
    struct deployment first = s->record;
    w->site_transport = site;
    stage_environment(s, 1);
    return stage_again(s, "promote", &first);
}

static void look_around(struct stage *s, struct other *o)
{
    struct arena arena = {0};
    struct pipeline_world *w = &s->rehearsal.world;
    struct cloud bake = {.transport = w->transport, .retry = w->retry, .region = s->config->region};
    struct cloud site = {.transport = &o->wire.transport, .retry = &o->retry, .region = w->environment->region};
    struct doctor d = {.bake = &bake,
                       .site = &site,
                       .config = s->config,
                       .environment = w->environment,
                       .state = w->state,
                       .arena = &arena};
    doctor_look(&d);
    free(d.items);
    arena_release(&arena);
}

static void promote_abroad(struct stage *s, struct cut *cut)
{
    struct other o;
    const struct config_environment *prod = &s->config->environments.items[1];
    struct simcloud_caller owner = {ANOTHER, prod->region, "arn:aws:iam::" ANOTHER ":role/deploy"};
    struct retry_settings settings = retry_standard();
    (void)cut;
    settings.reads_per_s = settings.writes_per_s = 1000;
    cloud_transport_init(&o.wire, s->rehearsal.cloud, NULL);
    retry_init(&o.retry, &settings, 1);
    o.wire.account = ANOTHER;
    o.wire.region = prod->region;
    o.wire.caller_arn = owner.arn;
    assert_int_equal(simcloud_add_group(s->rehearsal.cloud, &owner, "group-prod", 2, &s->err), 0);
    /* here the target is another account: what a rehearsal of one account gives the runner besides is not his */
    simcloud_revoke_all(s->rehearsal.cloud);
    assert_int_equal(rehearsal_grant(&s->rehearsal, ROLE_DEPLOYER, SIMCLOUD_ACCOUNT, "twin", &s->err), 0);
    assert_int_equal(rehearsal_grant(&s->rehearsal, ROLE_TARGET, ANOTHER, "deploy", &s->err), 0);
    s->rehearsal.world.site_transport = &o.wire.transport;
    s->rehearsal.world.site_retry = &o.retry;
    take_role(s);
    for (size_t i = 0; i < 3; i++)
        (void)promote_one(s, commits[i]);
    look_around(s, &o);
    s->rehearsal.world.site_transport = NULL;
    s->rehearsal.world.site_retry = NULL;
}

static void another_account(void **state)
{
    (void)state;
    static const struct world shared = {"shared",      {.environment = PROD}, promote_abroad,
                                        ROLE_DEPLOYER, "TakeTarget",          NULL};
    static const struct world abroad = {"abroad", {.environment = ABROAD}, promote_abroad, ROLE_TARGET, NULL, SAME};
    holds(&shared);
    holds(&abroad);
}

/* ---- the table ---- */

static int no_row(void *context, const char *key, int64_t version, const char *document)
{
    (void)context, (void)key, (void)version, (void)document;
    return 0;
}

/* As the store uses its table: by the user of that name. */
static void use_table(struct stage *s, const char *user, bool make, bool write)
{
    struct cloud_transport wire;
    struct retry retry;
    struct state state;
    struct str text;
    struct err err;
    char arn[96];
    bool made;
    bool guarded;
    int64_t version;
    struct retry_settings settings = retry_standard();
    settings.reads_per_s = settings.writes_per_s = 1000;
    str_fit(arn, sizeof(arn), "arn:aws:iam::%s:user/%s", SIMCLOUD_ACCOUNT, user);
    cloud_transport_init(&wire, s->rehearsal.cloud, NULL);
    retry_init(&retry, &settings, 1);
    wire.region = s->config->region;
    wire.caller_arn = arn;
    struct state_table table = {
        .name = s->config->state.table, .transport = &wire.transport, .retry = &retry, .salt = 7};
    if (make)
        (void)!state_table_make(&table, &made, &guarded, &err);
    if (state_open_dynamodb(&state, &table, &err))
        return;
    str_init(&text, 0);
    (void)!state_get(&state, "env#a", "x", &text, &version, &err);
    (void)!state_query(&state, "env#a", "", no_row, NULL, &err);
    const struct state_write put = {STATE_PUT, "env#a", "x", 0, "{}"};
    const struct state_write both[] = {{STATE_PUT, "env#a", "x", 1, "{}"}, {STATE_PUT, "env#a", "y", 0, "{}"}};
    const struct state_write checked[] = {{STATE_CHECK, "env#a", "x", 2, NULL}, {STATE_DELETE, "env#a", "y", 1, NULL}};
    const struct state_write gone = {STATE_DELETE, "env#a", "x", 2, NULL};
    if (write)
        (void)(!state_write(&state, &put, 1, &err) + !state_write(&state, both, 2, &err) +
               !state_write(&state, checked, 2, &err) + !state_write(&state, &gone, 1, &err));
    str_release(&text);
    state_close(&state);
}

static void table_of(struct stage *s, enum permission_role role, bool make, bool write)
{
    if (!make)
        use_table(s, "eyes", true, false); /* somebody has made it */
    assert_int_equal(rehearsal_grant(&s->rehearsal, role, SIMCLOUD_ACCOUNT, "somebody", &s->err), 0);
    use_table(s, "somebody", make, write);
}

static void deployers_table(struct stage *s, struct cut *cut)
{
    (void)cut;
    table_of(s, ROLE_DEPLOYER, false, true);
}

static void readers_table(struct stage *s, struct cut *cut)
{
    (void)cut;
    table_of(s, ROLE_READER, false, false);
}

static void setups_table(struct stage *s, struct cut *cut)
{
    (void)cut;
    table_of(s, ROLE_SETUP, true, true);
}

static void the_table(void **state)
{
    (void)state;
    const struct stage_options o = {.more = ", \"state\": {\"backend\": \"dynamodb\", \"table\": \"bakehour\"}"};
    holds(&(struct world){"deployer's table", o, deployers_table, ROLE_DEPLOYER, "State", NULL});
    holds(&(struct world){"reader's table", o, readers_table, ROLE_READER, NULL, NULL});
    holds(&(struct world){"setup's table", o, setups_table, ROLE_SETUP, NULL, NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dead_man),
        cmocka_unit_test(port_and_profile),
        cmocka_unit_test(another_account),
        cmocka_unit_test(the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
