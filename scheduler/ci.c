#include "scheduler/ci.h"

#include <stddef.h>
#include <string.h>

#include "base/str.h"

/* Each system: the variable that tells it apart, and where it keeps what (documentation of each, read 2026-11;
 * Snap-CI's environment variables as its documentation listed them until 2017). */
static const struct {
    const char *system, *mark, *commit, *branch, *repository, *job, *actor, *url;
} systems[] = {
    {"github", "GITHUB_ACTIONS", "GITHUB_SHA", "GITHUB_REF_NAME", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_ACTOR",
     NULL},
    {"gitlab", "GITLAB_CI", "CI_COMMIT_SHA", "CI_COMMIT_REF_NAME", "CI_PROJECT_PATH", "CI_JOB_ID", "GITLAB_USER_LOGIN",
     "CI_JOB_URL"},
    {"jenkins", "JENKINS_URL", "GIT_COMMIT", "GIT_BRANCH", "GIT_URL", "BUILD_TAG", "BUILD_USER", "BUILD_URL"},
    {"buildkite", "BUILDKITE", "BUILDKITE_COMMIT", "BUILDKITE_BRANCH", "BUILDKITE_REPO", "BUILDKITE_JOB_ID",
     "BUILDKITE_BUILD_CREATOR", "BUILDKITE_BUILD_URL"},
    {"snap", "SNAP_CI", "SNAP_COMMIT", "SNAP_BRANCH", "SNAP_REPO", "SNAP_PIPELINE_COUNTER", "SNAP_STAGE_TRIGGERED_BY",
     NULL},
};

static const char *value(char *(*get)(const char *), const char *name)
{
    const char *text = name ? get(name) : NULL;
    return text ? text : "";
}

/* "https://user:token@host/path" without what stands before the @; "" where it does not fit. */
static void put_address(char *to, size_t size, const char *text)
{
    const char *scheme = strstr(text, "://");
    const char *host = scheme ? scheme + 3 : text;
    size_t until = scheme ? strcspn(host, "/?#") : 0;
    const char *after = host;
    for (size_t i = 0; i < until; i++)
        if (host[i] == '@')
            after = host + i + 1;
    size_t before = (size_t)(host - text);
    if (before + strlen(after) >= size)
        to[0] = '\0';
    else
        str_fit(to, size, "%.*s%s", (int)before, text, after);
}

struct ci_context ci_read(char *(*get)(const char *name))
{
    struct ci_context c = {.system = "", .commit = "", .branch = "", .job = "", .actor = ""};
    for (size_t i = 0; i < sizeof(systems) / sizeof(*systems); i++) {
        if (!*value(get, systems[i].mark))
            continue;
        c.system = systems[i].system;
        c.commit = value(get, systems[i].commit);
        c.branch = value(get, systems[i].branch);
        put_address(c.repository, sizeof(c.repository), value(get, systems[i].repository));
        c.job = value(get, systems[i].job);
        c.actor = value(get, systems[i].actor);
        struct str url;
        str_init(&url, 2048);
        if (systems[i].url)
            str_add(&url, value(get, systems[i].url));
        else if (i == 0)
            str_addf(&url, "%s/%s/actions/runs/%s", value(get, "GITHUB_SERVER_URL"), c.repository, c.job);
        put_address(c.url, sizeof(c.url), url.full ? "" : url.text);
        str_release(&url);
        break;
    }
    return c;
}
