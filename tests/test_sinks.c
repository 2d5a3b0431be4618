/* Who is told what: bodies by kind, secrets that stay where they are, failures that end nothing; the CI systems' words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "scheduler/sinks.h"

static struct heard {
    int posts, status;
    char url[128], header[128], body[4096];
} heard;

static int hear(void *context, const char *url, const char *header, const char *body, size_t len)
{
    (void)context;
    (void)len;
    heard.posts++;
    str_fit(heard.url, sizeof(heard.url), "%s", url);
    str_fit(heard.header, sizeof(heard.header), "%s", header);
    str_fit(heard.body, sizeof(heard.body), "%s", body);
    return heard.status;
}

static struct config *with_sink(const char *sink)
{
    struct config *c = NULL;
    struct err err = {0};
    struct str text;
    str_init(&text, 0);
    str_addf(
        &text,
        "{\"project\": \"p\", \"build\": {\"build\": \"x\", \"artifact\": \"a\"}, \"image\": {\"base\": \"ami-1\", "
        "\"command_line\": \"x\"}, \"environments\": [{\"name\": \"e\", \"group\": \"g\"}], \"sinks\": [%s]}",
        sink);
    if (config_parse(&c, "t", text.text, text.len, stderr, &err))
        fail_msg("%s", err.text);
    str_release(&text);
    return c;
}

static void tell(const char *sink, const char *kind, int times)
{
    struct session session = {.out = stdout, .err = tmpfile(), .program = "bakehour"};
    struct ci_context ci = {.system = "", .actor = "ada"};
    struct config *c = with_sink(sink);
    cJSON *detail = cJSON_CreateObject();
    cJSON_AddStringToObject(detail, "commit", "abc123");
    struct sinks *s = sinks_open(c, "e", &ci, &session, hear, NULL);
    for (int i = 0; i < times; i++)
        sinks_tell(s, 1767225600000, kind, "it is done", detail);
    sinks_close(s);
    cJSON_Delete(detail);
    config_free(c);
    rewind(session.err);
    char line[512];
    while (fgets(line, sizeof(line), session.err))
        assert_null(strstr(line, "s3cret"));
    fclose(session.err);
}

static void reset(int status)
{
    heard = (struct heard){.status = status};
}

static void each_kind_has_its_form(void **state)
{
    (void)state;
    setenv("T_URL", "https://hooks.example/s3cret", 1);
    setenv("T_TOKEN", "s3cret", 1);
    reset(200);
    tell("{\"kind\": \"slack\", \"url_env\": \"T_URL\"}", "completed", 1);
    assert_string_equal(heard.url, "https://hooks.example/s3cret");
    assert_string_equal(heard.body, "{\"text\":\"p (e): it is done\"}");
    reset(200);
    tell("{\"kind\": \"slack\", \"url_env\": \"T_URL\"}", "step", 1);
    assert_int_equal(heard.posts, 0); /* steps are not for people */
    tell("{\"kind\": \"newrelic\", \"token_env\": \"T_TOKEN\"}", "completed", 1);
    assert_string_equal(heard.header, "Api-Key: s3cret");
    assert_string_equal(heard.body,
                        "{\"deployment\":{\"revision\":\"abc123\",\"description\":\"it is done\",\"user\":\"ada\"}}");
    reset(200);
    tell("{\"kind\": \"http\", \"url\": \"https://x.example/\", \"token_env\": \"T_TOKEN\"}", "step", 1);
    assert_string_equal(heard.header, "Authorization: Bearer s3cret");
    assert_string_equal(heard.body, "{\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"step\",\"text\":\"it is done\","
                                    "\"project\":\"p\",\"environment\":\"e\",\"detail\":{\"commit\":\"abc123\"}}\n");
    reset(200);
    tell("{\"kind\": \"loggly\", \"url\": \"https://logs.example/bulk/\"}", "step", 3);
    assert_int_equal(heard.posts, 1); /* gathered */
    assert_non_null(strchr(strchr(heard.body, '\n') + 1, '\n'));
}

static void failures_end_nothing(void **state)
{
    (void)state;
    reset(500);
    tell("{\"kind\": \"http\", \"url\": \"https://x.example/\"}", "step", 10);
    assert_int_equal(heard.posts, 3); /* then it is left alone */
    reset(200);
    unsetenv("T_NONE");
    tell("{\"kind\": \"slack\", \"url_env\": \"T_NONE\"}", "completed", 2);
    assert_int_equal(heard.posts, 0);
    tell("{\"kind\": \"file\", \"path\": \"/nonexistent/events\"}", "completed", 2);
}

static const char *const *variables;

static char *lookup(const char *name)
{
    static char answers[32][64];
    static size_t next;
    for (size_t i = 0; variables[i]; i += 2)
        if (strcmp(variables[i], name) == 0) {
            char *answer = answers[next++ % 32];
            str_fit(answer, 64, "%s", variables[i + 1]);
            return answer;
        }
    return NULL;
}

static void ci_systems(void **state)
{
    (void)state;
    static const char *const github[] = {"GITHUB_ACTIONS",
                                         "true",
                                         "GITHUB_SHA",
                                         "abc",
                                         "GITHUB_REPOSITORY",
                                         "a/b",
                                         "GITHUB_RUN_ID",
                                         "7",
                                         "GITHUB_SERVER_URL",
                                         "https://github.com",
                                         NULL};
    static const char *const snap[] = {"SNAP_CI", "true", "SNAP_COMMIT", "def", "SNAP_BRANCH", "master", NULL};
    static const char *const none[] = {NULL};
    variables = github;
    struct ci_context c = ci_read(lookup);
    assert_string_equal(c.system, "github");
    assert_string_equal(c.url, "https://github.com/a/b/actions/runs/7");
    variables = snap;
    c = ci_read(lookup);
    assert_string_equal(c.system, "snap");
    assert_string_equal(c.commit, "def");
    assert_string_equal(c.branch, "master");
    variables = none;
    c = ci_read(lookup);
    assert_string_equal(c.system, "");
    assert_string_equal(c.commit, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_form),
        cmocka_unit_test(failures_end_nothing),
        cmocka_unit_test(ci_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
