/* Who is told what: bodies by kind, secrets that stay where they are, failures that end nothing; the CI systems' words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "scheduler/sinks.h"
#include "tests/support_http.h"

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
    struct sinks *s = sinks_open(c, "e", &ci, &session, NULL, hear, NULL);
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
    static char answers[32][128];
    static size_t next;
    for (size_t i = 0; variables[i]; i += 2)
        if (strcmp(variables[i], name) == 0) {
            char *answer = answers[next++ % 32];
            str_fit(answer, 128, "%s", variables[i + 1]);
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

/* Each system by its documentation's words; what is a password in an address is left out. */
static void other_ci_systems(void **state)
{
    (void)state;
    static const char *const gitlab[] = {"GITLAB_CI",
                                         "true",
                                         "CI_COMMIT_SHA",
                                         "c1",
                                         "CI_COMMIT_REF_NAME",
                                         "main",
                                         "CI_PROJECT_PATH",
                                         "group/p",
                                         "CI_JOB_ID",
                                         "12",
                                         "GITLAB_USER_LOGIN",
                                         "ada",
                                         "CI_JOB_URL",
                                         "https://gitlab.example/group/p/-/jobs/12",
                                         NULL};
    static const char *const jenkins[] = {
        "JENKINS_URL", "https://ci.example/", "GIT_COMMIT", "c2",
        "GIT_BRANCH",  "origin/main",         "GIT_URL",    "https://bot:s3cret@git.example/p.git?x=a@b",
        "BUILD_TAG",   "jenkins-p-3",         "BUILD_URL",  "https://u:s3cret@ci.example/job/p/3/",
        NULL};
    static const char *const buildkite[] = {"BUILDKITE",
                                            "true",
                                            "BUILDKITE_COMMIT",
                                            "c3",
                                            "BUILDKITE_BRANCH",
                                            "main",
                                            "BUILDKITE_REPO",
                                            "git@github.com:a/b.git",
                                            "BUILDKITE_JOB_ID",
                                            "j",
                                            "BUILDKITE_BUILD_URL",
                                            "https://buildkite.com/a/b/builds/3",
                                            NULL};
    variables = gitlab;
    struct ci_context c = ci_read(lookup);
    assert_string_equal(c.system, "gitlab");
    assert_string_equal(c.commit, "c1");
    assert_string_equal(c.branch, "main");
    assert_string_equal(c.repository, "group/p");
    assert_string_equal(c.job, "12");
    assert_string_equal(c.actor, "ada");
    assert_string_equal(c.url, "https://gitlab.example/group/p/-/jobs/12");
    variables = jenkins;
    c = ci_read(lookup);
    assert_string_equal(c.system, "jenkins");
    assert_string_equal(c.commit, "c2");
    assert_string_equal(c.branch, "origin/main");
    assert_string_equal(c.repository, "https://git.example/p.git?x=a@b");
    assert_string_equal(c.job, "jenkins-p-3");
    assert_string_equal(c.url, "https://ci.example/job/p/3/");
    variables = buildkite;
    c = ci_read(lookup);
    assert_string_equal(c.system, "buildkite");
    assert_string_equal(c.commit, "c3");
    assert_string_equal(c.repository, "git@github.com:a/b.git");
    assert_string_equal(c.url, "https://buildkite.com/a/b/builds/3");
}

/* ---- over the wire ---- */

static struct sinks *open_wire(struct session *session, struct config **c, const char *sink, const char *url,
                               const volatile sig_atomic_t *stop)
{
    static const struct ci_context none = {.system = "", .commit = "", .branch = "", .job = "", .actor = ""};
    setenv("T_URL", url, 1);
    setenv("T_TOKEN", " s3cret\n", 1);
    *session = (struct session){.out = stdout, .err = tmpfile(), .program = "bakehour"};
    *c = with_sink(sink);
    return sinks_open(*c, "e", &none, session, stop, NULL, NULL);
}

static int64_t close_wire(struct session *session, struct config *c, struct sinks *s, const char *said)
{
    char line[512] = "";
    size_t lines = 0;
    sinks_close(s);
    config_free(c);
    rewind(session->err);
    while (fgets(line, sizeof(line), session->err)) {
        lines++;
        assert_null(strstr(line, "s3cret"));
        assert_null(strstr(line, "127.0.0.1"));
        assert_non_null(strstr(line, said));
    }
    fclose(session->err);
    return (int64_t)lines;
}

static void each_kind_over_the_wire(void **state)
{
    (void)state;
    static const struct {
        const char *sink, *want;
        int times;
    } cases[] = {
        {"{\"kind\": \"http\", \"url_env\": \"T_URL\", \"token_env\": \"T_TOKEN\"}",
         "POST / HTTP/1.1\nAuthorization: Bearer s3cret\nContent-Type: application/json\n\"text\":\"a < b & c\"", 1},
        {"{\"kind\": \"loggly\", \"url_env\": \"T_URL\"}", "POST / HTTP/1.1\n\"kind\":\"completed\"", 3},
        {"{\"kind\": \"newrelic\", \"url_env\": \"T_URL\", \"token_env\": \"T_TOKEN\"}",
         "Api-Key: s3cret\n{\"deployment\":{\"revision\":\"\",\"description\":\"a < b & c\"", 1},
        {"{\"kind\": \"slack\", \"url_env\": \"T_URL\"}", "{\"text\":\"p (e): a &lt; b &amp; c\"}", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct http_script server;
        struct session session;
        struct config *c;
        struct http_step step = {cases[i].want, HTTP_OK("text/plain", "ok"), 0};
        http_script_start(&server, &step, 1);
        struct sinks *s = open_wire(&session, &c, cases[i].sink, server.url, NULL);
        for (int n = 1; n < cases[i].times; n++)
            sinks_tell(s, 1767225600000, "step", "a < b & c", NULL); /* gathered */
        sinks_tell(s, 1767225600000, "completed", "a < b & c", NULL);
        assert_int_equal(close_wire(&session, c, s, "never"), 0);
        http_script_done(&server);
    }
}

/* A server that does not answer costs three seconds, one second once we are asked to stop, and never the deployment. A
 * redirect is no answer: the token goes nowhere else. */
static void slow_and_odd_servers(void **state)
{
    (void)state;
    static const char sink[] = "{\"kind\": \"http\", \"url_env\": \"T_URL\", \"token_env\": \"T_TOKEN\"}";
    static volatile sig_atomic_t stop = 1;
    static const struct http_step steps[] = {
        {NULL, HTTP_OK("text/plain", "late"), 2500},
        {NULL, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nConnection: close\r\n\r\n", 0}};
    struct http_script server;
    struct session session;
    struct config *c;
    HTTP_SCRIPT(&server, steps);
    struct sinks *s = open_wire(&session, &c, sink, server.url, &stop);
    int64_t began_ns = clock_monotonic_ns();
    sinks_tell(s, 1767225600000, "step", "x", NULL);
    assert_true(clock_monotonic_ns() - began_ns < 2200000000);
    stop = 0;
    sinks_tell(s, 1767225600000, "step", "x", NULL);
    assert_int_equal(close_wire(&session, c, s, "the sink 1 (http) failed: no answer"), 1); /* said once */
    http_script_done(&server);
}

/* What is too long is told without its detail, as whole JSON; a token with a line break in it is none. */
static void sizes_and_breaks(void **state)
{
    (void)state;
    struct ci_context none = {.system = "", .commit = "", .branch = "", .job = "", .actor = ""};
    struct session session = {.out = stdout, .err = tmpfile(), .program = "bakehour"};
    struct config *c = with_sink("{\"kind\": \"http\", \"url\": \"https://x.example/\", \"token_env\": \"T_TOKEN\"}");
    char *big = calloc(1, 100001);
    assert_non_null(big);
    memset(big, 'x', 100000);
    cJSON *detail = cJSON_CreateObject();
    cJSON_AddStringToObject(detail, "big", big);
    setenv("T_TOKEN", "s3cret\r\nX-Other: 1", 1);
    reset(200);
    struct sinks *s = sinks_open(c, "e", &none, &session, NULL, hear, NULL);
    sinks_tell(s, 1767225600000, "step", "it is done", detail);
    assert_string_equal(heard.header, "");
    assert_string_equal(heard.body, "{\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"step\",\"text\":\"(too long to be "
                                    "sent)\",\"project\":\"p\",\"environment\":\"e\"}\n");
    sinks_close(s);
    cJSON_Delete(detail);
    free(big);
    config_free(c);
    fclose(session.err);
}

/* Asked to stop: servers that never answer share one second, so that most of them are not even tried. */
static void one_second_for_all(void **state)
{
    static const struct http_step steps[] = {{NULL, NULL, 3000}};
    static volatile sig_atomic_t stop = 1;
    (void)state;
    struct http_script server;
    struct session session = {.out = stdout, .err = tmpfile(), .program = "bakehour"};
    struct ci_context ci = {.system = ""};
    struct str list;
    HTTP_SCRIPT(&server, steps);
    str_init(&list, 0);
    for (int i = 0; i < 12; i++)
        str_addf(&list, "%s{\"kind\": \"http\", \"url\": \"%s/%d\"}", i ? ", " : "", server.url, i);
    struct config *c = with_sink(list.text);
    struct sinks *s = sinks_open(c, "e", &ci, &session, &stop, NULL, NULL);
    int64_t begin_ns = clock_monotonic_ns();
    for (int i = 0; i < 3; i++)
        sinks_tell(s, 1767225600000, "verdict", "x", NULL);
    sinks_close(s);
    int64_t took_ms = (clock_monotonic_ns() - begin_ns) / 1000000;
    assert_true(took_ms >= 900);
    rewind(session.err);
    char said[4096] = "";
    size_t lines = 0;
    while (fgets(said, sizeof(said), session.err))
        lines++;
    assert_in_range(lines, 1, 2); /* two at the most were tried */
    fclose(session.err);
    config_free(c);
    str_release(&list);
    http_script_done(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_form),
        cmocka_unit_test(failures_end_nothing),
        cmocka_unit_test(ci_systems),
        cmocka_unit_test(other_ci_systems),
        cmocka_unit_test(each_kind_over_the_wire),
        cmocka_unit_test(slow_and_odd_servers),
        cmocka_unit_test(sizes_and_breaks),
        cmocka_unit_test(one_second_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
