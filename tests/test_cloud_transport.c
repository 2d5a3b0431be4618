/* The in-process transport: time, faults and kills, as the pipeline meets them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/out.h"
#include "sim/cloud.h"
#include "sim/cloud_transport.h"

#define BASE SIMCLOUD_BASE_IMAGE

struct bench {
    struct simcloud *cloud;
    struct fault_set *faults;
    struct cloud_transport t;
    struct aws_error error;
    char id[40], address[40];
    struct guest_reply reply;
};

static void begin(struct bench *b, const char *rules)
{
    struct simcloud_options options = simcloud_options_default();
    options.check = true;
    *b = (struct bench){.faults = fault_set_new(1, options.start_ms)};
    struct err err = {0};
    cJSON *document = json_parse("test", rules, strlen(rules), &err);
    assert_int_equal(fault_set_add(b->faults, "test", document, &err), 0);
    cJSON_Delete(document);
    b->cloud = simcloud_new(&options);
    cloud_transport_init(&b->t, b->cloud, b->faults);
    str_init(&b->reply.body, 0);
}

static void end(struct bench *b)
{
    str_release(&b->reply.body);
    simcloud_free(b->cloud);
    fault_set_free(b->faults);
}

/* RunInstances with a token; 0 or -1. */
static int run(struct bench *b, const char *token)
{
    struct aws_request request;
    struct aws_reply reply;
    aws_request_init(&request, AWS_EC2, "RunInstances");
    aws_reply_init(&reply);
    aws_param(&request, "ImageId", BASE);
    aws_param(&request, "InstanceType", "t2.micro");
    aws_param(&request, "MinCount", "1");
    aws_param(&request, "MaxCount", "1");
    aws_param(&request, "ClientToken", token);
    int code = b->t.transport.call(b->t.transport.self, &request, &reply, &b->error);
    if (!code) {
        str_fit(b->id, sizeof b->id, "%s", node_get(reply.root, "instancesSet/item/instanceId"));
        str_fit(b->address, sizeof b->address, "%s", node_get(reply.root, "instancesSet/item/privateIpAddress"));
    }
    aws_request_release(&request);
    aws_reply_release(&reply);
    return code;
}

static size_t instances(struct bench *b)
{
    struct aws_request request;
    struct aws_reply reply;
    aws_request_init(&request, AWS_EC2, "DescribeInstances");
    aws_reply_init(&reply);
    struct simcloud_caller caller = {b->t.account, b->t.region, b->t.caller_arn};
    struct aws_error error;
    assert_int_equal(simcloud_call(b->cloud, &caller, &request, &reply, &error), 0);
    size_t count = node_count(node_find(reply.root, "reservationSet"), "item");
    aws_request_release(&request);
    aws_reply_release(&reply);
    return count;
}

static enum guest_outcome visit(struct bench *b, const char *method, const char *target, int64_t total_ms)
{
    struct guest_request request = {.address = b->address,
                                    .port = 8000,
                                    .method = method,
                                    .target = target,
                                    .connect_ms = 3000,
                                    .total_ms = total_ms};
    struct err err = {0};
    str_clear(&b->reply.body);
    b->reply.status = 0;
    return b->t.transport.guest(b->t.transport.self, &request, &b->reply, &err);
}

static void calls_take_time_and_effect(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "[]");
    int64_t before = b.t.transport.now_ms(b.t.transport.self);
    assert_int_equal(run(&b, "t"), 0);
    assert_int_equal(b.t.transport.now_ms(b.t.transport.self) - before, 80);
    assert_false(b.t.transport.sleep_ms(b.t.transport.self, 1000));
    assert_int_equal(b.t.transport.now_ms(b.t.transport.self) - before, 1080);
    assert_int_equal(visit(&b, "GET", "/os/version", 2000), GUEST_TIMED_OUT); /* pending: nobody is there */
    b.t.transport.sleep_ms(b.t.transport.self, 17000);
    before = b.t.transport.now_ms(b.t.transport.self);
    assert_int_equal(visit(&b, "GET", "/os/version", 2000), GUEST_TIMED_OUT); /* boots: it connects, and is silent */
    assert_int_equal(b.t.transport.now_ms(b.t.transport.self) - before, 2000);
    b.t.transport.sleep_ms(b.t.transport.self, 10000);
    assert_int_equal(visit(&b, "GET", "/os/version", 2000), GUEST_OK);
    assert_int_equal(b.reply.status, 200);
    assert_string_equal(b.reply.body.text, "\"v0.57.0-398-g0e34e4dc\"");
    before = b.t.transport.now_ms(b.t.transport.self);
    assert_int_equal(visit(&b, "POST", "/os/reboot", 60000), GUEST_DROPPED);
    assert_in_range(b.t.transport.now_ms(b.t.transport.self) - before, 4600, 4610);
    assert_int_equal(visit(&b, "POST", "/os/shutdown", 60000), GUEST_DROPPED);
    assert_int_not_equal(visit(&b, "GET", "/os/version", 2000), GUEST_OK);
    end(&b);
}

static void faults_are_what_a_client_sees(void **state)
{
    static const struct {
        const char *rule;
        enum aws_outcome outcome;
        const char *code;
        size_t instances; /* that there are afterwards */
    } cases[] = {
        {"\"fault\": \"error\", \"code\": \"Boom\"", AWS_REFUSED, "Boom", 0},
        {"\"fault\": \"capacity\"", AWS_REFUSED, "InsufficientInstanceCapacity", 0},
        {"\"fault\": \"throttle\"", AWS_REFUSED, "RequestLimitExceeded", 0},
        {"\"fault\": \"http\", \"status\": 503", AWS_UNCERTAIN, "reply", 0},
        {"\"fault\": \"http\", \"status\": 502, \"done\": true", AWS_UNCERTAIN, "reply", 1},
        {"\"fault\": \"time-out\"", AWS_UNCERTAIN, "time-out", 1},
        {"\"fault\": \"time-out\", \"done\": false", AWS_UNCERTAIN, "time-out", 0},
        {"\"fault\": \"drop\"", AWS_UNCERTAIN, "connection", 1},
        {"\"fault\": \"drop\", \"done\": false", AWS_UNCERTAIN, "connection", 0},
        {"\"fault\": \"skew\", \"skew_s\": 301", AWS_REFUSED, "RequestExpired", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench b;
        char rules[200];
        str_fit(rules, sizeof rules, "[{\"action\": \"RunInstances\", \"count\": 1, %s}]", cases[i].rule);
        begin(&b, rules);
        assert_int_equal(run(&b, "t"), -1);
        assert_int_equal(b.error.outcome, cases[i].outcome);
        assert_string_equal(b.error.code, cases[i].code);
        assert_int_equal(instances(&b), cases[i].instances);
        assert_int_equal(run(&b, "t"), 0); /* the token finds what was done */
        assert_int_equal(instances(&b), 1);
        end(&b);
    }
}

static void delivered_twice_is_done_twice_without_a_token(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "[{\"action\": \"RunInstances\", \"fault\": \"duplicate\"}]");
    assert_int_equal(run(&b, NULL), 0);
    assert_int_equal(instances(&b), 2);
    assert_int_equal(run(&b, "t"), 0);
    assert_int_equal(instances(&b), 3);
    end(&b);
}

static void kills_come_before_or_behind_the_effect(void **state)
{
    (void)state;
    for (int done = 0; done < 2; done++) {
        struct bench b;
        begin(&b, "[]");
        b.t.kill_after = 2;
        b.t.kill_done = done;
        assert_int_equal(run(&b, "a"), 0);
        assert_int_equal(run(&b, "b"), -1);
        assert_int_equal(b.error.outcome, AWS_UNSENT);
        assert_string_equal(b.error.code, "killed");
        assert_int_equal(instances(&b), done ? 2 : 1);
        assert_int_equal(run(&b, "c"), -1);
        assert_true(b.t.transport.sleep_ms(b.t.transport.self, 1000));
        assert_int_equal(instances(&b), done ? 2 : 1);
        end(&b);
    }
}

static void guests_suffer_too(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, "[{\"action\": \"guest:GET /os/version\", \"nth\": 1, \"fault\": \"http\", \"status\": 500},"
              " {\"action\": \"guest:GET /os/version\", \"nth\": 2, \"fault\": \"drop\"},"
              " {\"action\": \"guest:GET /os/version\", \"nth\": 3, \"fault\": \"time-out\"},"
              " {\"action\": \"guest:GET /os/version\", \"nth\": 4, \"fault\": \"slow\", \"delay_ms\": 700},"
              " {\"action\": \"guest:GET /os/version\", \"nth\": 5, \"fault\": \"slow\", \"delay_ms\": 7000}]");
    assert_int_equal(run(&b, "t"), 0);
    b.t.transport.sleep_ms(b.t.transport.self, 60000);
    assert_int_equal(visit(&b, "GET", "/os/version", 2000), GUEST_OK);
    assert_int_equal(b.reply.status, 500);
    assert_int_equal(visit(&b, "GET", "/os/version", 2000), GUEST_DROPPED);
    assert_int_equal(visit(&b, "GET", "/os/version", 2000), GUEST_TIMED_OUT);
    assert_int_equal(visit(&b, "GET", "/os/version", 2000), GUEST_OK);
    assert_in_range(b.reply.took_ms, 700, 710);
    assert_int_equal(visit(&b, "GET", "/os/version", 2000), GUEST_TIMED_OUT);
    b.t.guest_tls = true;
    assert_int_equal(visit(&b, "GET", "/os/version", 2000), GUEST_BAD);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_take_time_and_effect),
        cmocka_unit_test(faults_are_what_a_client_sees),
        cmocka_unit_test(delivered_twice_is_done_twice_without_a_token),
        cmocka_unit_test(kills_come_before_or_behind_the_effect),
        cmocka_unit_test(guests_suffer_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
