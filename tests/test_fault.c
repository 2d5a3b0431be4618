/* Fault rules: where, when, what; and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/out.h"
#include "sim/fault.h"

#define BEGIN_MS INT64_C(1790000000000)

static struct fault_set *set_of(const char *text)
{
    struct err err = {0};
    cJSON *document = json_parse("test", text, strlen(text), &err);
    assert_non_null(document);
    struct fault_set *set = fault_set_new(7, BEGIN_MS);
    int code = fault_set_add(set, "test", document, &err);
    if (code)
        fail_msg("%s", err.text);
    cJSON_Delete(document);
    return set;
}

/* The kind that strikes the call at second `at`. */
static struct fault_verdict call_at(struct fault_set *set, enum aws_service service, const char *action,
                                    const char *value, int64_t at_s)
{
    struct aws_request request;
    aws_request_init(&request, service, action);
    aws_param(&request, "ImageId", value);
    struct fault_verdict v = fault_of_call(set, &request, BEGIN_MS + at_s * 1000);
    aws_request_release(&request);
    return v;
}

static enum fault_kind call(struct fault_set *set, const char *action)
{
    return call_at(set, AWS_EC2, action, "ami-1", 0).kind;
}

static void rules_say_where(void **state)
{
    (void)state;
    struct fault_set *set = set_of("[{\"action\": \"RunInstances\", \"fault\": \"error\", \"code\": \"X\"},"
                                   " {\"action\": \"autoscaling:Describe*\", \"fault\": \"throttle\"},"
                                   " {\"action\": \"CreateImage\", \"match\": \"ImageId=ami-9\", \"fault\": \"drop\"},"
                                   " {\"action\": \"guest:POST /file/*\", \"fault\": \"time-out\"}]");
    assert_int_equal(call(set, "RunInstances"), FAULT_ERROR);
    assert_int_equal(call(set, "StopInstances"), FAULT_NONE);
    assert_int_equal(call(set, "DescribeInstances"), FAULT_NONE);
    struct fault_verdict v = call_at(set, AWS_AUTOSCALING, "DescribeAutoScalingGroups", "", 0);
    assert_string_equal(v.code, "Throttling");
    assert_int_equal(v.status, 400);
    assert_int_equal(call(set, "CreateImage"), FAULT_NONE);
    v = call_at(set, AWS_EC2, "CreateImage", "ami-9", 0);
    assert_int_equal(v.kind, FAULT_DROP);
    assert_true(v.done);
    assert_int_equal(fault_of_guest(set, "POST", "/file/a?x", "127.0.0.2", BEGIN_MS).kind, FAULT_TIME_OUT);
    assert_int_equal(fault_of_guest(set, "GET", "/file/a?x", "127.0.0.2", BEGIN_MS).kind, FAULT_NONE);
    fault_set_free(set);
}

static void rules_say_when(void **state)
{
    (void)state;
    struct fault_set *set = set_of("{\"faults\": [{\"action\": \"A\", \"nth\": 2, \"fault\": \"drop\"},"
                                   " {\"action\": \"B\", \"from\": 2, \"count\": 2, \"fault\": \"drop\"},"
                                   " {\"action\": \"C\", \"every\": 3, \"fault\": \"drop\"},"
                                   " {\"action\": \"D\", \"after_s\": 10, \"until_s\": 20, \"fault\": \"drop\"},"
                                   " {\"action\": \"E\", \"probability\": 0.25, \"fault\": \"drop\"}]}");
    static const char *const wanted[] = {"-+---", "-++--", "--+--"};
    for (size_t rule = 0; rule < 3; rule++)
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(call(set, rule == 0 ? "A" : rule == 1 ? "B" : "C") == FAULT_DROP, wanted[rule][i] == '+');
    assert_int_equal(call_at(set, AWS_EC2, "D", "", 9).kind, FAULT_NONE);
    assert_int_equal(call_at(set, AWS_EC2, "D", "", 10).kind, FAULT_DROP);
    assert_int_equal(call_at(set, AWS_EC2, "D", "", 20).kind, FAULT_NONE);
    int struck = 0;
    for (int i = 0; i < 4000; i++)
        struck += call(set, "E") == FAULT_DROP;
    assert_in_range(struck, 890, 1110); /* 1,000 +- 4 standard deviations of 27.4 */
    fault_set_free(set);
}

static void slowness_comes_beside_another_fault(void **state)
{
    (void)state;
    struct fault_set *set = set_of("[{\"action\": \"*\", \"fault\": \"slow\", \"delay_ms\": 700},"
                                   " {\"action\": \"A\", \"fault\": \"http\", \"status\": 502, \"body\": \"cut\"},"
                                   " {\"action\": \"A\", \"fault\": \"drop\"},"
                                   " {\"action\": \"B\", \"fault\": \"capacity\"}]");
    struct fault_verdict v = call_at(set, AWS_EC2, "A", "", 0);
    assert_int_equal(v.kind, FAULT_HTTP);
    assert_int_equal(v.status, 502);
    assert_int_equal(v.body, FAULT_BODY_CUT);
    assert_int_equal(v.delay_ms, 700);
    assert_false(v.done);
    assert_int_equal(call(set, "C"), FAULT_SLOW);
    assert_string_equal(call_at(set, AWS_EC2, "B", "", 0).code, "InsufficientInstanceCapacity");
    fault_set_free(set);
}

static void fates_and_skew(void **state)
{
    (void)state;
    struct fault_set *set = set_of("[{\"action\": \"boot\", \"match\": \"ami-bad\", \"fault\": \"storm\"},"
                                   " {\"action\": \"life\", \"nth\": 1, \"fault\": \"dies\", \"after_ms\": 60000},"
                                   " {\"action\": \"image\", \"fault\": \"fails\"},"
                                   " {\"fault\": \"skew\", \"skew_s\": -600, \"until_s\": 30}]");
    assert_int_equal(fault_of_fate(set, FATE_BOOT, "i-1", "ami-bad", BEGIN_MS).kind, FAULT_UNHEALTHY);
    assert_int_equal(fault_of_fate(set, FATE_BOOT, "i-1", "ami-good", BEGIN_MS).kind, FAULT_NONE);
    struct fault_verdict v = fault_of_fate(set, FATE_LIFE, "i-1", "", BEGIN_MS);
    assert_int_equal(v.kind, FAULT_DIES);
    assert_int_equal(v.delay_ms, 60000);
    assert_int_equal(fault_of_fate(set, FATE_LIFE, "i-1", "", BEGIN_MS).kind, FAULT_NONE);
    assert_int_equal(fault_of_fate(set, FATE_IMAGE, "ami-2", "", BEGIN_MS).kind, FAULT_FAILS);
    assert_int_equal(fault_skew_s(set, BEGIN_MS), -600);
    assert_int_equal(fault_skew_s(set, BEGIN_MS + 30000), 0);
    assert_int_equal(fault_skew_s(NULL, BEGIN_MS), 0);
    assert_int_equal(call(set, "RunInstances"), FAULT_NONE);
    fault_set_free(set);
}

static void bad_rules_are_refused_and_nothing_changes(void **state)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"{}", "a list of rules is wanted"},
        {"[1]", "faults[0]: an object is wanted"},
        {"[{\"action\": \"A\", \"fault\": \"drop\"}, {\"fault\": \"drop\"}]", "faults[1].action: missing"},
        {"[{\"action\": \"A\", \"fault\": \"sulk\"}]", "faults[0].fault: "},
        {"[{\"action\": \"A\", \"fault\": \"drop\", \"nth\": 0}]", "faults[0].nth: "},
        {"[{\"action\": \"A\", \"fault\": \"drop\", \"nth\": 1.5}]", "faults[0].nth: "},
        {"[{\"action\": \"A\", \"fault\": \"drop\", \"often\": 1}]", "\"often\" is no field"},
        {"[{\"action\": \"A\", \"fault\": \"drop\", \"probability\": 2}]", "faults[0].probability: "},
        {"[{\"action\": \"A\", \"fault\": \"error\"}]", "faults[0].code: "},
        {"[{\"action\": \"A\", \"fault\": \"dies\"}]", "faults[0].action: "},
        {"[{\"action\": \"boot\", \"fault\": \"drop\"}]", "faults[0].fault: "},
        {"[{\"action\": \"A\", \"fault\": \"http\", \"body\": \"x\"}]", "faults[0].body: "},
        {"[{\"action\": \"A\", \"fault\": \"drop\", \"done\": 1}]", "faults[0].done: "},
        {"[{\"action\": 1, \"fault\": \"drop\"}]", "faults[0].action: "},
    };
    (void)state;
    struct fault_set *set = set_of("[{\"action\": \"RunInstances\", \"fault\": \"drop\"}]");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        cJSON *document = json_parse("test", cases[i].text, strlen(cases[i].text), &err);
        assert_int_equal(fault_set_add(set, "test", document, &err), EXIT_INPUT);
        if (!strstr(err.text, cases[i].part))
            fail_msg("%s: %s", cases[i].text, err.text);
        cJSON_Delete(document);
    }
    cJSON *rules = fault_set_json(set);
    assert_int_equal(cJSON_GetArraySize(rules), 1);
    cJSON_Delete(rules);
    fault_set_free(set);
}

static void rules_can_be_cleared(void **state)
{
    (void)state;
    struct err err = {0};
    struct fault_set *set = set_of("[{\"action\": \"A\", \"fault\": \"drop\"}]");
    assert_int_equal(call(set, "A"), FAULT_DROP);
    cJSON *document = cJSON_Parse("{\"clear\": true, \"faults\": [{\"action\": \"B\", \"fault\": \"drop\"}]}");
    assert_int_equal(fault_set_add(set, "test", document, &err), 0);
    cJSON_Delete(document);
    assert_int_equal(call(set, "A"), FAULT_NONE);
    assert_int_equal(call(set, "B"), FAULT_DROP);
    cJSON *rules = fault_set_json(set);
    char *text = cJSON_PrintUnformatted(rules);
    assert_string_equal(text, "[{\"action\":\"B\",\"fault\":\"drop\",\"matched\":1,\"struck\":1}]");
    free(text);
    cJSON_Delete(rules);
    fault_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_say_where),
        cmocka_unit_test(rules_say_when),
        cmocka_unit_test(slowness_comes_beside_another_fault),
        cmocka_unit_test(fates_and_skew),
        cmocka_unit_test(bad_rules_are_refused_and_nothing_changes),
        cmocka_unit_test(rules_can_be_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
