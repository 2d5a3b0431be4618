/* Retries as the SDKs' standard mode has them, what may be tried again, client-side limits, waiters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support_transport.h"

#define DONE "<R><return>true</return></R>"

static int call(struct fake *f, enum retry_class kind, const char *action, struct aws_error *error)
{
    struct aws_request request;
    struct aws_reply reply;
    struct retry_how how = {kind, f->cloud.before, f->cloud.before_context};
    aws_request_init(&request, AWS_EC2, action);
    aws_reply_init(&reply);
    int failed = retry_call(&f->retry, &f->transport, &request, &how, &reply, error);
    aws_request_release(&request);
    aws_reply_release(&reply);
    return failed;
}

static void three_attempts_and_no_more(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "DescribeVolumes", .code = "InternalError", .status = 500, .outcome = AWS_UNCERTAIN},
        {.action = "DescribeVolumes", .code = "Unavailable", .status = 503, .outcome = AWS_UNCERTAIN},
        {.action = "DescribeVolumes", .code = "RequestLimitExceeded", .status = 503},
    };
    struct fake f;
    struct aws_error error;
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(call(&f, RETRY_READ, "DescribeVolumes", &error), -1);
    assert_string_equal(error.code, "RequestLimitExceeded");
    assert_int_equal(f.sleeps, 2);
    assert_true(f.slept_ms <= 1000 + 2000);
    assert_int_equal(f.retry.quota, 490);
    fake_done(&f);
}

/* A table that throttles is asked ten times, from 50 ms on; other failures of it three times. */
static void a_table_is_asked_more_often(void **state)
{
    (void)state;
    struct fake_step steps[13] = {{.action = NULL}};
    for (size_t i = 0; i < 13; i++)
        steps[i] =
            (struct fake_step){.action = "GetItem", .code = "ProvisionedThroughputExceededException", .status = 400};
    for (size_t i = 10; i < 13; i++)
        steps[i] = (struct fake_step){
            .action = "GetItem", .code = "InternalServerError", .status = 500, .outcome = AWS_UNCERTAIN};
    struct fake f;
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    struct retry_how how = {RETRY_READ, NULL, NULL};
    FAKE_SCRIPT(&f, steps);
    aws_request_init(&request, AWS_DYNAMODB, "GetItem");
    aws_reply_init(&reply);
    for (int round = 0; round < 2; round++) {
        f.slept_ms = 0;
        f.sleeps = 0;
        assert_int_equal(retry_call(&f.retry, &f.transport, &request, &how, &reply, &error), -1);
        assert_int_equal(f.sleeps - (round == 1), round ? 2 : 9);
        if (!round) /* 50 ms doubled eight times, below the cap of 20 s; each drawn from nothing to that */
            assert_true(f.slept_ms > 50 * 511 / 4 && f.slept_ms <= 50 * 511);
        f.retry.bucket[AWS_DYNAMODB][1].tokens = 0; /* 1: it stood in line once more */
    }
    aws_request_release(&request);
    aws_reply_release(&reply);
    fake_done(&f);
}

/* Each service for itself, DynamoDB faster than the others: what is beyond the burst of 40 waits. */
static void a_table_takes_more(void **state)
{
    (void)state;
    static const struct {
        enum aws_service service;
        const char *action;
        enum retry_class kind;
        int64_t least_ms, most_ms; /* that 140 calls take: 100 of them at the service's rate */
    } cases[] = {
        {AWS_EC2, "CreateTags", RETRY_SAFE, 19000, 21000},    /* 5 a second */
        {AWS_EC2, "DescribeVolumes", RETRY_READ, 4700, 5300}, /* 20 */
        {AWS_DYNAMODB, "UpdateItem", RETRY_SAFE, 400, 700},   /* 200 */
        {AWS_DYNAMODB, "Query", RETRY_READ, 150, 400},        /* 500 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct fake_step steps[140];
        struct fake f;
        struct aws_request request;
        struct aws_reply reply;
        struct aws_error error;
        struct retry_how how = {cases[i].kind, NULL, NULL};
        for (size_t n = 0; n < 140; n++)
            steps[n] =
                (struct fake_step){.action = cases[i].action, .reply = cases[i].service == AWS_EC2 ? DONE : "{}"};
        FAKE_SCRIPT(&f, steps);
        aws_request_init(&request, cases[i].service, cases[i].action);
        aws_reply_init(&reply);
        for (int n = 0; n < 140; n++)
            assert_int_equal(retry_call(&f.retry, &f.transport, &request, &how, &reply, &error), 0);
        if (f.slept_ms < cases[i].least_ms || f.slept_ms > cases[i].most_ms)
            fail_msg("%s: %lld ms", cases[i].action, (long long)f.slept_ms);
        aws_request_release(&request);
        aws_reply_release(&reply);
        fake_done(&f);
    }
}

static void what_may_be_tried_again(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        int status;
        enum aws_outcome outcome;
        bool read, safe, once;
    } cases[] = {
        {"RequestLimitExceeded", 503, AWS_REFUSED, true, true, true},
        {"Throttling", 400, AWS_REFUSED, true, true, true},
        {"ResourceContention", 500, AWS_REFUSED, true, true, true},
        {"ExpiredToken", 403, AWS_REFUSED, true, true, true},
        {"connection", 0, AWS_UNSENT, true, true, true},
        {"connection", 0, AWS_UNCERTAIN, true, true, false},
        {"time-out", 0, AWS_UNCERTAIN, true, true, false},
        {"reply", 502, AWS_UNCERTAIN, true, true, false},
        {"InternalError", 500, AWS_UNCERTAIN, true, true, false},
        {"InternalError", 500, AWS_REFUSED, true, true, false},
        {"InvalidAMIName.Duplicate", 400, AWS_REFUSED, false, false, false},
        {"InvalidInstanceID.NotFound", 400, AWS_REFUSED, false, true, false},
        {"UnauthorizedOperation", 403, AWS_REFUSED, false, false, false},
        {"credentials", 0, AWS_UNSENT, false, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int kind = RETRY_READ; kind <= RETRY_ONCE; kind++) {
            const struct fake_step steps[] = {
                {.action = "DescribeVolumes",
                 .code = cases[i].code,
                 .status = cases[i].status,
                 .outcome = cases[i].outcome},
                {.action = "DescribeVolumes", .reply = DONE},
            };
            bool again = kind == RETRY_READ   ? cases[i].read
                         : kind == RETRY_SAFE ? cases[i].safe
                         : kind == RETRY_GONE ? cases[i].safe && cases[i].status != 400
                                              : cases[i].once;
            if (kind == RETRY_GONE && strcmp(cases[i].code, "Throttling") == 0)
                again = true;
            struct fake f;
            struct aws_error error;
            fake_init(&f, steps, again ? 2 : 1);
            int failed = call(&f, (enum retry_class)kind, "DescribeVolumes", &error);
            assert_int_equal(failed, again ? 0 : -1);
            if (failed)
                assert_string_equal(error.code, cases[i].code);
            fake_done(&f);
        }
}

static void not_found_settles(void **state)
{
    (void)state;
    enum { TIMES = 21 };
    struct fake_step steps[TIMES];
    for (int i = 0; i < TIMES; i++)
        steps[i] = (struct fake_step){.action = "CreateTags", .code = "InvalidInstanceID.NotFound"};
    struct fake f;
    struct aws_error error;
    fake_init(&f, steps, TIMES); /* once a second for 20 s: looks at 0, 1 ... 20 */
    assert_int_equal(call(&f, RETRY_SAFE, "CreateTags", &error), -1);
    assert_true(retry_not_found(&error));
    assert_int_equal(f.slept_ms, 20000);
    assert_int_equal(f.retry.quota, 500);
    fake_done(&f);
}

static void the_quota_ends_hammering(void **state)
{
    (void)state;
    enum { CALLS = 60 };
    struct fake_step steps[CALLS * 3];
    for (int i = 0; i < CALLS * 3; i++)
        steps[i] = (struct fake_step){.action = "DescribeVolumes", .code = "time-out", .outcome = AWS_UNCERTAIN};
    struct fake f;
    struct aws_error error;
    fake_init(&f, steps, CALLS * 3);
    for (int i = 0; i < CALLS; i++)
        assert_int_equal(call(&f, RETRY_READ, "DescribeVolumes", &error), -1);
    /* 500 tokens at 10 for a retry after a time-out: 50 retries among all calls */
    assert_int_equal(f.at, CALLS + 50);
    assert_int_equal(f.retry.quota, 0);
    steps[f.at] = (struct fake_step){.action = "DescribeVolumes", .reply = DONE};
    assert_int_equal(call(&f, RETRY_READ, "DescribeVolumes", &error), 0);
    assert_int_equal(f.retry.quota, 1);
    str_release(&f.sent);
}

static void pauses_double_up_to_the_cap(void **state)
{
    (void)state;
    struct fake f;
    fake_init(&f, NULL, 0);
    for (int attempt = 1; attempt <= 40; attempt++) {
        int64_t most = attempt > 5 ? 20000 : 1000 << (attempt - 1);
        int64_t sum = 0;
        for (int i = 0; i < 400; i++) {
            int64_t pause = retry_pause_ms(&f.retry, attempt);
            assert_true(pause >= 0 && pause < (most > 20000 ? 20000 : most));
            sum += pause;
        }
        int64_t mean = sum / 400;
        int64_t half = (most > 20000 ? 20000 : most) / 2;
        assert_true(mean > half * 85 / 100 && mean < half * 115 / 100);
    }
    fake_done(&f);
}

static void throttling_slows_the_client_down(void **state)
{
    (void)state;
    enum { CALLS = 300 };
    static struct fake_step steps[CALLS];
    for (int i = 0; i < CALLS; i++)
        steps[i] = (struct fake_step){.action = "DescribeVolumes", .reply = DONE};
    struct fake f;
    struct aws_error error;
    fake_init(&f, steps, CALLS);
    for (int i = 0; i < 140; i++) /* a burst of 40, then 20 a second */
        assert_int_equal(call(&f, RETRY_READ, "DescribeVolumes", &error), 0);
    assert_in_range(f.now_ms - FAKE_START_MS, 4900, 5200);
    steps[f.at] = (struct fake_step){.action = "DescribeVolumes", .code = "RequestLimitExceeded", .status = 503};
    assert_int_equal(call(&f, RETRY_READ, "DescribeVolumes", &error), 0);
    assert_in_range((int)f.retry.bucket[AWS_EC2][1].rate, 10, 11);
    for (int i = 0; i < 40; i++)
        assert_int_equal(call(&f, RETRY_READ, "DescribeVolumes", &error), 0);
    assert_true(f.retry.bucket[AWS_EC2][1].rate == 20.0);
    str_release(&f.sent);
}

static int lease_is_lost(void *context, const struct aws_request *request, int64_t *latest_ms, struct aws_error *error)
{
    int *left = context;
    *latest_ms = 0;
    if (--*left >= 0)
        return 0;
    aws_error_set(error, AWS_UNSENT, 0, "lease", "lost before %s", request->action);
    return -1;
}

static void each_attempt_of_a_change_asks_first(void **state)
{
    (void)state;
    const struct fake_step steps[] = {{.action = "DescribeVolumes", .code = "time-out", .outcome = AWS_UNCERTAIN}};
    struct fake f;
    struct aws_error error;
    int left = 1;
    FAKE_SCRIPT(&f, steps);
    f.cloud.before = lease_is_lost;
    f.cloud.before_context = &left;
    assert_int_equal(call(&f, RETRY_SAFE, "DescribeVolumes", &error), -1);
    assert_string_equal(error.code, "lease");
    assert_int_equal(error.outcome, AWS_UNCERTAIN); /* the first attempt may have been done */
    fake_done(&f);
}

/* One that was not sent, since the program stood still, is surely not done: it is tried again, and the lease looked at
 * again. */
static void what_was_late_asks_again(void **state)
{
    (void)state;
    const struct fake_step steps[] = {{.action = "DescribeVolumes", .code = "late", .outcome = AWS_UNSENT},
                                      {.action = "DescribeVolumes", .code = "late", .outcome = AWS_UNSENT}};
    struct fake f;
    struct aws_error error;
    int left = 2;
    FAKE_SCRIPT(&f, steps);
    f.cloud.before = lease_is_lost;
    f.cloud.before_context = &left;
    assert_int_equal(call(&f, RETRY_ONCE, "DescribeVolumes", &error), -1);
    assert_string_equal(error.code, "lease");
    assert_int_equal(left, -1);
    assert_int_equal(error.outcome, AWS_UNSENT);
    fake_done(&f);
}

static void a_stop_ends_the_waiting(void **state)
{
    (void)state;
    const struct fake_step steps[] = {{.action = "DescribeVolumes", .code = "time-out", .outcome = AWS_UNCERTAIN}};
    struct fake f;
    struct aws_error error;
    FAKE_SCRIPT(&f, steps);
    f.sleeps_until_stop = 1;
    assert_int_equal(call(&f, RETRY_SAFE, "DescribeVolumes", &error), -1);
    assert_string_equal(error.code, "time-out");
    f.retry.bucket[AWS_EC2][0].tokens = -5;
    assert_int_equal(call(&f, RETRY_SAFE, "DescribeVolumes", &error), -1);
    assert_true(retry_stopped(&error) && error.outcome == AWS_UNSENT);
    fake_done(&f);
}

static enum wait_state look(void *context, struct aws_error *error)
{
    int *left = context;
    if (*left == -1) {
        aws_error_set(error, AWS_REFUSED, 0, "state", "gone for good");
        return WAIT_FAILED;
    }
    return (*left)-- > 0 ? WAIT_ON : WAIT_MET;
}

static void waiters_poll_ever_more_slowly(void **state)
{
    (void)state;
    const struct wait_terms terms = {2000, 15000, 600000};
    struct fake f;
    struct aws_error error;
    int left = 8;
    fake_init(&f, NULL, 0);
    assert_int_equal(wait_until(&f.transport, &terms, look, &left, "x", &error), 0);
    /* 2, 3, 4.5, 6.75, 10.125, then 15 s each */
    assert_int_equal(f.slept_ms, 2000 + 3000 + 4500 + 6750 + 10125 + 15000 * 3);
    left = 1000;
    int64_t begin = f.now_ms;
    assert_int_equal(wait_until(&f.transport, &terms, look, &left, "the image", &error), -1);
    assert_string_equal(error.code, "time-out");
    assert_string_equal(error.message, "the image: not within 600 s");
    assert_int_equal(f.now_ms - begin, 600000);
    left = -1;
    assert_int_equal(wait_until(&f.transport, &terms, look, &left, "x", &error), -1);
    assert_string_equal(error.code, "state");
    f.sleeps_until_stop = 1;
    left = 5;
    assert_int_equal(wait_until(&f.transport, &terms, look, &left, "x", &error), -1);
    assert_true(retry_stopped(&error));
    fake_done(&f);
}

static void an_unlisted_call_is_not_sent(void **state)
{
    (void)state;
    const struct fake_step steps[] = {{.action = "DeleteVpc", .reply = DONE}};
    struct fake f;
    struct aws_error error;
    fake_init(&f, steps, 0); /* the answer is there for a call that goes out after all */
    assert_int_equal(call(&f, RETRY_SAFE, "DeleteVpc", &error), -1);
    assert_string_equal(error.code, "unlisted");
    assert_int_equal(error.outcome, AWS_UNSENT);
    assert_int_equal(f.at, 0);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unlisted_call_is_not_sent),     cmocka_unit_test(three_attempts_and_no_more),
        cmocka_unit_test(a_table_is_asked_more_often),      cmocka_unit_test(a_table_takes_more),
        cmocka_unit_test(what_may_be_tried_again),          cmocka_unit_test(not_found_settles),
        cmocka_unit_test(the_quota_ends_hammering),         cmocka_unit_test(pauses_double_up_to_the_cap),
        cmocka_unit_test(throttling_slows_the_client_down), cmocka_unit_test(each_attempt_of_a_change_asks_first),
        cmocka_unit_test(what_was_late_asks_again),         cmocka_unit_test(a_stop_ends_the_waiting),
        cmocka_unit_test(waiters_poll_ever_more_slowly),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
