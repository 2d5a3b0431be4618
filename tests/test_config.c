/* bakehour.json: defaults, comments, every bad place with its line and column, inheritance, the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "scheduler/config.h"

#define GOOD                                                                                                           \
    "{\n\"project\": \"p\",\n\"build\": {\"build\": [\"make\"], \"artifact\": \"a.jar\"},\n"                           \
    "\"image\": {\"base\": \"ami-1\", \"command_line\": \"java.so -jar {artifact} {x}\", "                             \
    "\"variables\": {\"x\": \"one\"}},\n\"environments\": [{\"name\": \"a\", \"group\": \"ga\"}%s]\n%s}"

static char *filled(const char *environments, const char *more)
{
    struct str s;
    str_init(&s, 0);
    str_addf(&s, GOOD, environments, more);
    return str_detach(&s);
}

static struct config *good(const char *environments, const char *more)
{
    struct config *c = NULL;
    struct err err = {0};
    char *text = filled(environments, more);
    if (config_parse(&c, "t", text, strlen(text), stderr, &err))
        fail_msg("%s", err.text);
    free(text);
    return c;
}

/* The reports of a bad one. */
static char *reports_of(const char *text)
{
    struct config *c = NULL;
    struct err err = {0};
    char *reports = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&reports, &len);
    assert_non_null(out);
    assert_int_equal(config_parse(&c, "t", text, strlen(text), out, &err), EXIT_INPUT);
    assert_null(c);
    fclose(out);
    if (!len) {
        free(reports);
        return strdup(err.text);
    }
    return reports;
}

static void reports(const char *environments, const char *more, const char *expected)
{
    char *text = filled(environments, more);
    char *got = reports_of(text);
    assert_string_equal(got, expected);
    free(text);
    free(got);
}

static void defaults_stand(void **state)
{
    (void)state;
    struct config *c = good("", "");
    assert_string_equal(c->region, "us-east-1");
    assert_string_equal(c->repository.branch, "main");
    assert_int_equal(c->build.test.count, 0);
    assert_int_equal(c->build.test_limit_s, 1800);
    assert_string_equal(c->image.artifact_path, "/app.jar");
    assert_int_equal(c->image.flush_wait_s, 12);
    assert_int_equal(c->retention.images, 3);
    assert_int_equal(c->environments.items[0].retain_images, 3);
    assert_int_equal(c->environments.items[0].policy.policy.trigger.kind, TRIGGER_IDLE);
    assert_int_equal(c->environments.items[0].policy.policy.keep.kind, KEEP_TERMINATE);
    assert_string_equal(c->environments.items[0].region, "us-east-1");
    assert_string_equal(c->environments.items[0].rollout.engine, "attach");
    assert_true(c->environments.items[0].rollout.dead_man);
    assert_string_equal(c->state.backend, "file");
    assert_int_equal(c->state.lease_s, 300);
    assert_int_equal(c->prices.snapshot_per_gb_month, 500000000);
    config_free(c);
}

static void environments_inherit(void **state)
{
    (void)state;
    struct config *c = good(", {\"name\": \"b\", \"group\": \"gb\", \"rollout\": {\"surge\": 4}, \"policy\": "
                            "{\"keep\": \"idle:60\"}, \"retain_images\": 9}",
                            ", \"rollout\": {\"engine\": \"step\", \"surge\": 2}, \"policy\": {\"trigger\": "
                            "\"window:15m\"}, \"smoke\": [{\"path\": \"/health\"}]");
    const struct config_environment *a = &c->environments.items[0];
    const struct config_environment *b = &c->environments.items[1];
    assert_int_equal(a->rollout.surge, 2);
    assert_int_equal(b->rollout.surge, 4);
    assert_string_equal(b->rollout.engine, "step");
    assert_int_equal(b->policy.policy.trigger.kind, TRIGGER_WINDOW);
    assert_int_equal(b->policy.policy.trigger.arg, 900);
    assert_int_equal(b->policy.policy.keep.kind, KEEP_IDLE);
    assert_int_equal(a->policy.policy.keep.kind, KEEP_TERMINATE);
    assert_int_equal(b->retain_images, 9);
    assert_int_equal(b->smoke.count, 1);
    assert_int_equal(b->smoke.items[0].within_ms, 5000);
    struct err err;
    assert_ptr_equal(config_environment(c, "", &err), a);
    assert_ptr_equal(config_environment(c, "b", &err), b);
    assert_ptr_equal(config_next_environment(c, a), b);
    assert_null(config_next_environment(c, b));
    assert_null(config_environment(c, "bb", &err));
    assert_non_null(strstr(err.text, "there are: a, b"));
    config_free(c);
}

static void each_bad_place_is_named(void **state)
{
    (void)state;
    reports("", ", \"regin\": \"x\"\n", "t:6:3: unknown key \"regin\"; did you mean \"region\"?\n");
    reports("", ",\n  \"region\": 7,\n \"prices\": {\"image_gb\": -1}\n",
            "t:7:13: \"region\" must be a text\nt:8:25: \"image_gb\" must be a whole number from 0 to 65536\n");
    reports("", ", \"rollout\": {\"engine\": \"atach\"}",
            "t:6:25: \"engine\" cannot be \"atach\"; did you mean \"attach\"?; there are: attach, refresh, step\n");
    reports(", {\"name\": \"a\", \"group\": \"g\"}", "", "t:5:57: there is another environment \"a\"\n");
    reports(", {\"name\": \"b\"}", "", "t:5:48: \"group\" is missing: Its Auto Scaling group.\n");
    reports("", ", \"policy\": {\"keep\": \"hour\"}, \"prices\": {\"regime\": \"second\"}",
            "t:6:22: \"keep\" hour belongs to the hourly regime; prices.regime says second\n");
    reports("", ", \"project\": \"q\"", "t:6:3: \"project\" stands here a second time\n");
    reports("", ", \"image\": {}", "t:6:3: \"image\" stands here a second time\n");
    reports("", ", \"sinks\": [{\"kind\": \"slack\", \"url\": \"https://hooks.example/secret\"}]",
            "t:6:13: a Slack webhook's address is a secret: name the environment variable in \"url_env\"\n");
    reports("", ",\n\"budgets\": [{\"name\": \"x\", \"limit_usd\": -1, \"hrd\": true}]\n",
            "t:7:40: \"limit_usd\" must be above zero: a text such as \"12.50\" with at most 10 decimals, or a whole "
            "number\nt:7:44: a budget has no key \"hrd\"; did you mean \"hard\"?\n");
    reports("", ", \"budgets\": [{\"name\": \"x\", \"limit_usd\": 5}], \"ledger\": \"\"",
            "t:6:57: \"budgets\" need a \"ledger\": without it nobody knows what was spent\n");
    reports("", ", \"sinks\": [{\"kind\": \"file\", \"path\": \"e\", \"events\": [\"started\", \"fialed\"]}]",
            "t:6:65: no event is of the kind \"fialed\"; did you mean \"failed\"?\n");
    reports(", {\"name\": \"b\", \"group\": \"g\", \"rollout\": {\"engine\": \"refresh\", \"drain\": 60}}", "",
            "t:5:118: the engine refresh of b does not carry out \"drain\", since AWS picks instances and times: "
            "attach and step do\n");
    reports(", {\"name\": \"b\", \"group\": \"g\", \"rollout\": {\"engine\": \"refresh\", \"surge\": 2, "
            "\"min_healthy_percent\": 50}}",
            "",
            "t:5:118: the engine refresh of b does not carry out \"surge\": it goes by \"min_healthy_percent\" below "
            "100; attach and step do\n");
    reports("", ", \"network\": {\"open_port\": true}",
            "t:6:28: \"open_port\" needs \"security_group\": the group whose port it is\n"
            "t:6:28: \"open_port\" needs \"runner_cidr\" or \"runner_cidr_env\": for whom\n");
    reports("", ", \"network\": {\"runner_cidr\": \"0.0.0.0/0\", \"runner_cidr_wide\": true}",
            "t:6:30: the OSv port has no authentication of its own: it is never opened for everybody\n");
    reports("", ", \"network\": {\"runner_cidr\": \"10.0.0.0/8\"}",
            "t:6:30: more than one address: the OSv port opens for the runner's own, /32 or /128; a wider range needs "
            "\"runner_cidr_wide\": true\n");
    reports("", ", \"smoke\": [{\"body\": \"(\"}]", "t:6:22: \"body\" is no POSIX extended regular expression\n");
    reports("", ", \"smoke\": [{\"within\": \"soon\"}]",
            "t:6:24: \"within\" must be a time such as \"250ms\" or \"5s\", up to 600 s\n");
    reports("", ", \"storm\": {\"limit_usd\": -1}",
            "t:6:26: \"limit_usd\" must be an amount in USD such as \"0.013\"\n");
}

static void comments_and_last_commas(void **state)
{
    (void)state;
    struct config *c = good("", "/* , */ , // \"x\": 1\n \"region\": \"eu//west\", /* \"a\" */\n");
    assert_string_equal(c->region, "eu//west");
    config_free(c);
    char *got = reports_of("{ /* never ends\n");
    assert_non_null(strstr(got, "t:1: a comment that begins here does not end"));
    free(got);
    got = reports_of("{\n // x\n \"a\" 1}");
    assert_non_null(strstr(got, "t:3:"));
    free(got);
    got = reports_of("[]");
    assert_non_null(strstr(got, "must be an object"));
    free(got);
}

static void the_command_line_is_put_together(void **state)
{
    (void)state;
    struct err err;
    struct str s;
    struct config *c = good(", {\"name\": \"b\", \"group\": \"gb\", \"variables\": {\"x\": \"two\"}}", "");
    str_init(&s, 0);
    assert_int_equal(config_command_line(c, &c->environments.items[0], "abc", &s, &err), 0);
    assert_string_equal(s.text, "java.so -jar /app.jar one");
    str_clear(&s);
    assert_int_equal(config_command_line(c, &c->environments.items[1], "abc", &s, &err), 0);
    assert_string_equal(s.text, "java.so -jar /app.jar two");
    str_release(&s);
    config_free(c);
    char *text = filled("", "");
    char *name = strstr(text, "{x}");
    name[1] = 'y';
    char *got = reports_of(text);
    assert_non_null(strstr(got, "image.command_line names {y}"));
    free(got);
    free(text);
}

static void the_starter_is_good(void **state)
{
    (void)state;
    struct str s;
    struct err err = {0};
    struct config *c = NULL;
    str_init(&s, 0);
    config_starter(&s, "hello");
    if (config_parse(&c, "starter", s.text, s.len, stderr, &err))
        fail_msg("%s", err.text);
    assert_string_equal(c->project, "hello");
    config_free(c);
    /* With every key put in (the dead comments of one line uncommented) it is still good, and says the same. */
    struct str all;
    str_init(&all, 0);
    for (const char *line = s.text; *line;) {
        const char *end = strchr(line, '\n');
        const char *dead = strstr(line, "// ");
        bool is_key =
            dead && dead < end && (dead[3] == '"' || dead[3] == '}') && strspn(line, " ") == (size_t)(dead - line);
        if (is_key)
            str_add_n(&all, dead + 3, (size_t)(end - dead - 2));
        else
            str_add_n(&all, line, (size_t)(end - line) + 1);
        line = end + 1;
    }
    if (config_parse(&c, "starter", all.text, all.len, stderr, &err))
        fail_msg("%s", err.text);
    assert_int_equal(c->image.flush_wait_s, 12);
    config_free(c);
    str_release(&all);
    str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stand),          cmocka_unit_test(environments_inherit),
        cmocka_unit_test(each_bad_place_is_named), cmocka_unit_test(comments_and_last_commas),
        cmocka_unit_test(the_starter_is_good),     cmocka_unit_test(the_command_line_is_put_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
