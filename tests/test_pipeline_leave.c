/* A run that is asked to leave closes the OSv port on its way out, and opens it anew where it goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_port.h"

static struct leaver {
    int (*inner_call)(void *, const struct aws_request *, struct aws_reply *, struct aws_error *);
    bool (*inner_sleep)(void *, int64_t);
    const char *at;  /* what is said when the signal comes; NULL: at call number calls */
    int64_t calls;   /* to go before it comes */
    bool stop, deaf; /* deaf: it cannot linger */
    int64_t excused_ms, excused_calls;
} leaver;

static int leaving_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    leaver.stop = leaver.stop || (!leaver.at && --leaver.calls == 0);
    if (leaver.stop && !leaver.excused_ms) {
        aws_error_set(error, AWS_UNSENT, 0, "stopped", "asked to stop before %s was called", request->action);
        return -1;
    }
    leaver.excused_calls += leaver.stop;
    return leaver.inner_call(self, request, reply, error);
}

static bool leaving_sleep(void *self, int64_t ms)
{
    return leaver.stop || leaver.inner_sleep(self, ms);
}

static void linger(void *self, int64_t ms)
{
    (void)self;
    leaver.excused_ms = leaver.deaf ? 0 : ms;
}

static void hear_and_leave(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    port_hear(context, at_ms, kind, text, detail);
    if (leaver.at && strncmp(text, leaver.at, strlen(leaver.at)) == 0)
        leaver.stop = true;
}

static enum pipeline_end deploy_and_leave(struct stage *s, const char *at, int64_t calls, bool deaf)
{
    struct transport *t = &s->rehearsal.transport.transport;
    port_stage(s, &(struct stage_options){0});
    leaver = (struct leaver){.inner_call = t->call, .inner_sleep = t->sleep_ms, .at = at, .calls = calls, .deaf = deaf};
    port_gate = (struct port_gate){.inner = t->guest, .cut_at = "never"};
    t->guest = port_gated; /* whoever does not open the port again is told nothing */
    t->call = leaving_call;
    t->sleep_ms = leaving_sleep;
    t->linger = linger;
    s->rehearsal.world.event = hear_and_leave;
    return stage_deploy(s, port_commit);
}

static void go_on(struct stage *s)
{
    leaver.stop = false;
    leaver.at = "never";
    assert_int_equal(stage_finish(s, port_commit), PIPELINE_COMPLETED);
    port_holds(s, 0);
    stage_holds(s, 1, "left, and gone on");
    stage_close(s);
}

/* By SIGINT or SIGTERM: the port is closed before the run leaves, and what goes on opens it anew, wherever it was. */
static void closed_on_leaving(void **state)
{
    static const char *const moments[] = {"instance is done", "upload is done", "command-line is done",
                                          "the rollout of "};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct stage s;
        assert_int_equal(deploy_and_leave(&s, moments[i], 0, false), PIPELINE_STOPPED);
        port_holds(&s, 0);
        assert_true(leaver.excused_calls > 0 && leaver.excused_calls < 8);
        assert_int_equal(leaver.excused_ms, 0);
        port_open_at_upload = -1;
        go_on(&s);
        if (i < 1)
            assert_int_equal(port_open_at_upload, 1);
    }
}

/* At whichever call: AWS is asked nothing more but for the port. Who cannot even do that leaves it to whoever goes on.
 */
static void closed_on_leaving_at_each_call(void **state)
{
    (void)state;
    for (int deaf = 0; deaf < 2; deaf++) {
        int64_t n = 1;
        int64_t left_open = 0;
        for (;; n++) {
            struct stage s;
            int64_t ours;
            int64_t others;
            enum pipeline_end end = deploy_and_leave(&s, NULL, n, deaf);
            if (end == PIPELINE_COMPLETED) {
                stage_close(&s);
                break;
            }
            assert_int_equal(end, PIPELINE_STOPPED);
            port_rules(&s, &ours, &others);
            left_open += ours;
            go_on(&s);
        }
        printf("# left at each of %lld calls; the port was open after %lld of them\n", (long long)n - 1,
               (long long)left_open);
        assert_true(n > 20);
        assert_true(deaf ? left_open > 0 : left_open == 0);
    }
}

static int refused_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    if (strcmp(request->action, "AuthorizeSecurityGroupIngress") != 0)
        return leaver.inner_call(self, request, reply, error);
    leaver.calls++;
    aws_error_set(error, AWS_REFUSED, 403, "UnauthorizedOperation", "not you");
    return -1;
}

/* Who may not open it anew goes on with the rollout, which says what does not answer; it is asked for once. */
static void a_rollout_without_the_port(void **state)
{
    (void)state;
    struct stage s;
    assert_int_equal(deploy_and_leave(&s, "the rollout of ", 0, false), PIPELINE_STOPPED);
    struct transport *t = &s.rehearsal.transport.transport;
    leaver.stop = false;
    leaver.calls = 0;
    t->call = refused_call;
    t->guest = port_gate.inner; /* by another way, then */
    assert_int_equal(stage_finish(&s, port_commit), PIPELINE_COMPLETED);
    assert_int_equal(leaver.calls, 1);
    port_holds(&s, 0);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_on_leaving),
        cmocka_unit_test(closed_on_leaving_at_each_call),
        cmocka_unit_test(a_rollout_without_the_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
