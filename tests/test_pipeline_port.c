/* The OSv port: open for the runner's address while the bake runs, closed at every end, found by gc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/support_port.h"

static void open_for_the_upload_only(void **state)
{
    (void)state;
    struct stage s;
    port_stage(&s, &(struct stage_options){0});
    assert_int_equal(stage_deploy(&s, port_commit), PIPELINE_COMPLETED);
    assert_int_equal(port_open_at_upload, 1);
    port_holds(&s, 0);
    stage_holds(&s, 1, "port");
    stage_close(&s);
}

static void closed_after_a_failure(void **state)
{
    (void)state;
    struct stage s;
    struct err err = {0};
    struct fault_set *set = fault_set_new(1, simcloud_options_default().start_ms);
    cJSON *document = cJSON_Parse(
        "{\"faults\": [{\"action\": \"CreateImage\", \"fault\": \"error\", \"code\": \"UnauthorizedOperation\"}]}");
    if (fault_set_add(set, "test", document, &err))
        fail_msg("%s", err.text);
    cJSON_Delete(document);
    port_stage(&s, &(struct stage_options){.faults = set});
    assert_int_equal(stage_deploy(&s, port_commit), PIPELINE_FAILED);
    assert_int_equal(port_open_at_upload, 1);
    port_holds(&s, 0);
    stage_close(&s);
    fault_set_free(set);
}

/* Wherever it died, at each call and each write of the store: resumed, or from tags alone. */
static void closed_after_a_death(void **state)
{
    (void)state;
    for (int death = DEATH_BEFORE_CALL; death <= DEATH_AFTER_WRITE; death++)
        for (int64_t n = 1;; n++) {
            struct stage s;
            bool died = true;
            for (int with_store = 0; with_store < 2 && died; with_store++) {
                port_stage(&s, &(struct stage_options){0});
                stage_kill(&s, (enum death)death, n);
                (void)!stage_deploy(&s, port_commit);
                died = stage_dead(&s);
                if (died) {
                    stage_next_runner(&s, "second/2", with_store);
                    assert_int_equal(stage_finish(&s, port_commit), PIPELINE_COMPLETED);
                }
                port_holds(&s, 0);
                stage_holds(&s, 1, "port after a death");
                stage_close(&s);
            }
            if (!died)
                break;
        }
}

/* A machine that has the rule's own words alone sees the same, whatever its configuration says by now; one that only
 * closes what is its own leaves it for six hours, for that run may be at work with a store of its own. */
static void by_words_alone(struct stage *s, struct stage_eyes *e, const struct gc_scope *with)
{
    struct state empty;
    struct gc_scope scope = *with;
    struct config_network *network = &s->config->network;
    const struct config_network was = *network;
    int64_t port = s->config->osv.port;
    state_open_memory(&empty);
    scope.state = &empty;
    assert_int_equal(port_to_close(e, &scope, true), 1);
    assert_int_equal(port_to_close(e, &scope, false), 0);
    scope.now_ms += 6 * 3600 * 1000;
    assert_int_equal(port_to_close(e, &scope, false), 1);
    scope.now_ms -= 6 * 3600 * 1000;
    network->open_port = false;
    assert_int_equal(port_to_close(e, &scope, true), 1);
    network->runner_cidr = "";
    assert_int_equal(port_to_close(e, &scope, true), 1);
    s->config->osv.port = 9000;
    assert_int_equal(port_to_close(e, &scope, true), 0);
    scope.everywhere = true;
    assert_int_equal(port_to_close(e, &scope, true), 1);
    network->security_group = "";
    assert_int_equal(port_to_close(e, &scope, true), 1);
    scope.working_run = s->record.run;
    assert_int_equal(port_to_close(e, &scope, true), 0);
    *network = was;
    s->config->osv.port = port;
    state_close(&empty);
}

/* A run that died with the rule open. */
static void leave_open(struct stage *s)
{
    int64_t ours = 0;
    int64_t others;
    for (int64_t n = 10; !ours; n++) {
        if (n > 10)
            stage_close(s);
        port_stage(s, &(struct stage_options){0});
        stage_kill(s, DEATH_BEFORE_CALL, n);
        assert_int_not_equal(stage_deploy(s, port_commit), PIPELINE_COMPLETED);
        port_rules(s, &ours, &others);
    }
}

/* As that store sees it, with no run at work. */
static struct gc_scope scope_of(struct stage *s, struct stage_eyes *e, const struct state *state)
{
    return (struct gc_scope){.bake = &e->cloud,
                             .site = &e->cloud,
                             .config = s->config,
                             .environment = &s->config->environments.items[0],
                             .state = state,
                             .alive_run = "",
                             .working_run = "",
                             .now_ms = simcloud_now_ms(s->rehearsal.cloud)};
}

/* A runner that never returned: gc, which holds the lease, closes it; a dry run leaves a run at work alone. */
static void gc_closes_it(void **state)
{
    (void)state;
    struct stage s;
    struct stage_eyes e;
    struct gc_list list;
    struct aws_error error;
    leave_open(&s);
    stage_eyes_open(&e, &s);
    struct gc_scope scope = scope_of(&s, &e, &s.inner);
    scope.alive_run = scope.working_run = s.record.run;
    assert_int_equal(gc_find(&scope, &e.arena, &list, &error), 0);
    for (size_t i = 0; i < list.count; i++)
        assert_int_not_equal(list.items[i].kind, GC_PORT);
    free(list.items);
    scope.working_run = "";
    assert_int_equal(gc_find(&scope, &e.arena, &list, &error), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].kind, GC_PORT);
    by_words_alone(&s, &e, &scope);
    const struct gc_port *port = &list.items[0].port;
    assert_true(port->open);
    assert_int_equal(cloud_close_port(&e.cloud, port->is.group, port->is.port, port->is.cidr, &error), 0);
    free(list.items);
    port_holds(&s, 0);
    /* The run goes on after gc: its next process opens the port again, and closes it. */
    stage_next_runner(&s, "second/2", true);
    s.rehearsal.world.event = port_hear;
    assert_int_equal(stage_finish(&s, port_commit), PIPELINE_COMPLETED);
    assert_int_equal(port_open_at_upload, 1);
    port_holds(&s, 0);
    stage_eyes_close(&e);
    stage_close(&s);
}

/* ---- two environments behind one rule ---- */

static const char other_run[] = "r-20260101T000000-0ther0";

static struct port the_port(void)
{
    return (struct port){port_group, port_runner, 8000};
}

/* Another environment's run begins: its record is the unfinished one of "staging". */
static void other_begins(struct stage *s, struct lease *lease)
{
    struct err err = {0};
    struct deployment d = {.number = 0};
    int64_t now_ms = simcloud_now_ms(s->rehearsal.cloud);
    str_fit(d.run, sizeof(d.run), "%s", other_run);
    str_fit(d.kind, sizeof(d.kind), "deploy");
    str_fit(d.state, sizeof(d.state), "running");
    str_fit(d.environment, sizeof(d.environment), "staging");
    assert_int_equal(lease_take(lease, &s->inner, "staging", "other/1", now_ms, 3600000, &err), 0);
    assert_int_equal(deployment_begin(&s->inner, lease, &d, now_ms, &err), 0);
    struct port port = the_port();
    assert_int_equal(port_claim(&s->inner, &port, "staging", other_run, now_ms, &err), 0);
}

/* It ends as a run does: what gc finds for it goes. How many rules were to be closed. */
static size_t other_ends(struct stage *s, struct lease *lease)
{
    struct stage_eyes e;
    struct gc_list list;
    struct aws_error error;
    struct err err = {0};
    struct journal *journal;
    struct config_environment staging = s->config->environments.items[0];
    size_t closed = 0;
    staging.name = "staging";
    stage_eyes_open(&e, s);
    struct gc_scope scope = scope_of(s, &e, &s->inner);
    scope.environment = &staging;
    struct journal_clock clock = {e.transport.transport.now_ms, e.transport.transport.self};
    assert_int_equal(journal_open(&journal, &s->inner, lease, other_run, clock, &err), 0);
    assert_int_equal(gc_find_ports(&scope, &e.arena, &list, &error), 0);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].kind, GC_PORT);
        closed += list.items[i].port.open;
        assert_int_equal(gc_remove(&list.items[i], journal, &error, &err), 0);
    }
    free(list.items);
    journal_free(journal);
    stage_eyes_close(&e);
    return closed;
}

static struct lease other_lease;
static int64_t open_after_other;

static void hear_other_begin(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    port_hear(context, at_ms, kind, text, detail);
    if (strcmp(text, "upload is done") == 0)
        other_begins(port_heard, &other_lease);
}

static void hear_other_end(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    int64_t others;
    port_hear(context, at_ms, kind, text, detail);
    if (strcmp(text, "upload is done") != 0)
        return;
    assert_int_equal(other_ends(port_heard, &other_lease), 0);
    port_rules(port_heard, &open_after_other, &others);
}

/* We opened it, the other one joined: our end leaves it open, and the other's closes it, though its words name us. */
static void our_end_does_not_cut_the_other(void **state)
{
    (void)state;
    struct stage s;
    port_stage(&s, &(struct stage_options){0});
    s.rehearsal.world.event = hear_other_begin;
    assert_int_equal(stage_deploy(&s, port_commit), PIPELINE_COMPLETED);
    port_holds(&s, 1);
    assert_int_equal(other_ends(&s, &other_lease), 1);
    port_holds(&s, 0);
    stage_close(&s);
}

/* The other one opened it, and ends in the middle of ours. */
static void the_others_end_does_not_cut_us(void **state)
{
    (void)state;
    struct stage s;
    struct stage_eyes e;
    struct aws_error error;
    char text[GC_PORT_TEXT_SIZE];
    port_stage(&s, &(struct stage_options){0});
    other_begins(&s, &other_lease);
    stage_eyes_open(&e, &s);
    gc_port_text(text, other_run, s.config->project, "staging");
    assert_int_equal(cloud_open_port(&e.cloud, port_group, 8000, port_runner, text, &error), 0);
    stage_eyes_close(&e);
    s.rehearsal.world.event = hear_other_end;
    open_after_other = -1;
    assert_int_equal(stage_deploy(&s, port_commit), PIPELINE_COMPLETED);
    assert_int_equal(open_after_other, 1);
    port_holds(&s, 0);
    stage_close(&s);
}

/* Left while the image is made: the port is closed meanwhile, and opened again only where a guest is still needed. */
static void closed_while_detached(void **state)
{
    (void)state;
    struct stage s;
    port_stage(&s, &(struct stage_options){0});
    s.rehearsal.world.detach = true;
    assert_int_equal(stage_deploy(&s, port_commit), PIPELINE_STOPPED);
    assert_int_equal(port_open_at_upload, 1);
    port_holds(&s, 0);
    s.rehearsal.world.detach = false;
    assert_int_equal(stage_finish(&s, port_commit), PIPELINE_COMPLETED);
    port_holds(&s, 0);
    stage_holds(&s, 1, "detached");
    stage_close(&s);
}

/* Two machines with a store each for one environment: the one that leaves closes what is its own. The other one goes on
 * as if nobody had been there. */
static void another_store_leaves_it(void **state)
{
    (void)state;
    struct stage s;
    struct stage_eyes e;
    struct state other;
    leave_open(&s);
    state_open_memory(&other);
    stage_eyes_open(&e, &s);
    struct gc_scope scope = scope_of(&s, &e, &other);
    assert_int_equal(port_to_close(&e, &scope, false), 0);
    scope.state = &s.inner; /* which knows that run, and has its lease */
    assert_int_equal(port_to_close(&e, &scope, false), 1);
    stage_eyes_close(&e);
    state_close(&other);
    stage_close(&s);
}

/* ---- guests that are heard only while the rule is there ---- */

static void hear_and_cut(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    (void)context, (void)at_ms, (void)kind, (void)detail;
    if (!port_gate.cuts && port_gate.cut_at && strcmp(text, port_gate.cut_at) == 0)
        port_cut();
}

/* Whoever has a store of its own knows nothing of our claim and closes the rule: it is opened again, whether the guest
 * was booting, took the upload, or was to take the command line. */
static void opened_again(void **state)
{
    static const char *const moments[] = {NULL, "instance is done", "upload is done"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct stage s;
        port_stage(&s, &(struct stage_options){0});
        port_gate = (struct port_gate){.inner = s.rehearsal.transport.transport.guest, .cut_at = moments[i]};
        s.rehearsal.transport.transport.guest = port_gated;
        s.rehearsal.world.event = hear_and_cut;
        if (stage_deploy(&s, port_commit) != PIPELINE_COMPLETED)
            fail_msg("moment %zu: %s", i, s.err.text);
        assert_int_equal(port_gate.cuts, 1);
        if (!port_gate.silent)
            fail_msg("moment %zu: nobody was silent", i);
        port_holds(&s, 0);
        stage_holds(&s, 1, "opened again");
        stage_close(&s);
    }
}

/* The key is taken out while a dead run's rule is open: the next run closes it all the same. */
static void closed_when_switched_off(void **state)
{
    (void)state;
    struct stage s;
    leave_open(&s);
    stage_next_runner(&s, "second/2", true);
    s.config->network.open_port = false;
    assert_int_equal(stage_finish(&s, port_commit), PIPELINE_COMPLETED);
    port_holds(&s, 0);
    stage_holds(&s, 1, "switched off");
    stage_close(&s);
}

/* A run of another environment, of a store that is not ours, opened it and may be at work: we used it, and leave it.
 * Six hours later it is nobody's. */
static void a_foreign_rule_stays(void **state)
{
    (void)state;
    struct stage s;
    struct stage_eyes e;
    struct aws_error error;
    char text[GC_PORT_TEXT_SIZE];
    port_stage(&s, &(struct stage_options){0});
    stage_eyes_open(&e, &s);
    gc_port_text(text, other_run, s.config->project, "staging");
    assert_int_equal(cloud_open_port(&e.cloud, port_group, 8000, port_runner, text, &error), 0);
    stage_eyes_close(&e);
    assert_int_equal(stage_deploy(&s, port_commit), PIPELINE_COMPLETED);
    assert_int_equal(port_open_at_upload, 1);
    port_holds(&s, 1);
    stage_rest(&s, 6 * 3600);
    assert_int_equal(stage_deploy(&s, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"), PIPELINE_COMPLETED);
    port_holds(&s, 0);
    stage_close(&s);
}

static int64_t open_at_rollout, open_in_rollout;
static int (*inner_call)(void *, const struct aws_request *, struct aws_reply *, struct aws_error *);

static int see_attaching(void *self, const struct aws_request *request, struct aws_reply *reply,
                         struct aws_error *error)
{
    int64_t others;
    if (strcmp(request->action, "AttachInstances") == 0)
        port_rules(port_heard, &open_in_rollout, &others);
    return inner_call(self, request, reply, error);
}

static void hear_rollout(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    int64_t others;
    port_hear(context, at_ms, kind, text, detail);
    if (strncmp(text, "the rollout of ", 15) == 0)
        port_rules(port_heard, &open_at_rollout, &others);
}

static void make_group(struct stage *s, char id[40])
{
    struct stage_eyes e;
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    stage_eyes_open(&e, s);
    aws_request_init(&request, AWS_EC2, "CreateSecurityGroup");
    aws_param(&request, "GroupName", "service");
    aws_param(&request, "GroupDescription", "what serves");
    request.region = s->config->region;
    aws_reply_init(&reply);
    assert_int_equal(e.transport.transport.call(e.transport.transport.self, &request, &reply, &error), 0);
    str_fit(id, 40, "%s", node_get(reply.root, "groupId"));
    aws_reply_release(&reply);
    aws_request_release(&request);
    stage_eyes_close(&e);
}

/* Where the group's instances are behind another security group, the port is closed before the rollout. */
static void closed_before_the_rollout(void **state)
{
    (void)state;
    for (int apart = 0; apart < 2; apart++) {
        struct stage s;
        struct stage_eyes e;
        struct group g;
        struct template_version made;
        struct aws_error error;
        char id[40];
        port_stage(&s, &(struct stage_options){0});
        make_group(&s, id);
        stage_eyes_open(&e, &s);
        const char *const groups[] = {apart ? id : port_group};
        struct launch_spec spec = {.security_groups = groups, .security_group_count = 1};
        assert_int_equal(cloud_describe_group(&e.cloud, s.rehearsal.world.environment->group, &e.arena, &g, &error), 0);
        assert_int_equal(
            cloud_create_template_version(&e.cloud, g.template_id, "1", "ours", &spec, NULL, &e.arena, &made, &error),
            0);
        struct group_change change = GROUP_CHANGE_NONE;
        change.template_id = g.template_id;
        change.template_version = "2";
        assert_int_equal(cloud_update_group(&e.cloud, g.name, &change, &error), 0);
        stage_eyes_close(&e);
        s.rehearsal.world.event = hear_rollout;
        open_at_rollout = open_in_rollout = -1;
        inner_call = s.rehearsal.transport.transport.call;
        s.rehearsal.transport.transport.call = see_attaching;
        assert_int_equal(stage_deploy(&s, port_commit), PIPELINE_COMPLETED);
        assert_int_equal(port_open_at_upload, 1);
        assert_int_equal(open_at_rollout, apart ? 0 : 1);
        assert_int_equal(open_in_rollout, apart ? 0 : 1); /* nor is it opened anew where it is in nobody's way */
        port_holds(&s, 0);
        stage_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_for_the_upload_only),       cmocka_unit_test(closed_after_a_failure),
        cmocka_unit_test(closed_after_a_death),           cmocka_unit_test(gc_closes_it),
        cmocka_unit_test(our_end_does_not_cut_the_other), cmocka_unit_test(the_others_end_does_not_cut_us),
        cmocka_unit_test(closed_while_detached),          cmocka_unit_test(opened_again),
        cmocka_unit_test(closed_when_switched_off),       cmocka_unit_test(a_foreign_rule_stays),
        cmocka_unit_test(closed_before_the_rollout),      cmocka_unit_test(another_store_leaves_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
