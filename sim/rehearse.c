#include "sim/rehearse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/mem.h"
#include "billing/ledger.h"
#include "scheduler/booking.h"
#include "scheduler/git.h"
#include "sim/sample_app.h"

/* ---- folders and commands ---- */

static int make_folder(struct rehearse *r, struct err *err)
{
    const char *base = getenv("TMPDIR");
    str_fit(r->folder, sizeof(r->folder), "%.40s/bakehour.XXXXXX", base && *base && strlen(base) <= 40 ? base : "/tmp");
    if (mkdtemp(r->folder))
        return 0;
    int reason = errno;
    int code = err_at(err, EXIT_FAILED, r->folder, 0, 0, "cannot be made: %s", strerror(reason));
    r->folder[0] = '\0';
    return code;
}

static void ignore(void *context, const char *data, size_t len)
{
    (void)context;
    (void)data;
    (void)len;
}

/* A shell line with up to three arguments; 0 when it succeeds. */
static int shell(const char *line, const char *a, const char *b, const char *c, struct err *err)
{
    struct child child;
    const char *const argv[] = {"/bin/sh", "-c", line, "sh", a, b, c, NULL};
    child_init(&child, ignore, NULL);
    int code = child_start(&child, argv, err);
    if (!code)
        children_finish(&child, 1);
    if (!code && !child_succeeded(&child))
        code = err_set(err, EXIT_FAILED, "%.200s", child.message.len ? child.message.text : "a command failed");
    child_release(&child);
    return code;
}

static bool there_is(const char *command)
{
    struct err err;
    return shell("command -v \"$1\" >/dev/null", command, "", "", &err) == 0;
}

/* ---- commits ---- */

static const char commit_version[] =
    "cd \"$1\" && printf '%s\\n' \"$2\" >version.txt && git add -A && "
    "GIT_COMMITTER_DATE=\"$3\" GIT_AUTHOR_DATE=\"$3\" git -c user.name=bakehour -c user.email=bakehour@localhost "
    "-c commit.gpgsign=false commit --quiet --message \"version $2\"";

/* The sample as a repository of its own: each deployment is of a new commit that changes the artifact. */
static int commit_sample(struct rehearse *r, int64_t number, char commit[GIT_COMMIT_SIZE], struct err *err)
{
    char source[128];
    char version[24];
    char date[64];
    str_fit(source, sizeof(source), "%s/sample", r->folder);
    str_fit(version, sizeof(version), "%lld", (long long)number);
    str_fit(date, sizeof(date), "@%lld +0000", (long long)1767225600 + (long long)number * 60);
    int code = number == 1 ? sample_app_unpack(source, err) : 0;
    if (!code && number == 1)
        code = shell("cd \"$1\" && git init --quiet .", source, "", "", err);
    if (!code)
        code = shell(commit_version, source, version, date, err);
    return code ? code : git_resolve(source, "HEAD", commit, err);
}

static void invent_commit(const struct rehearse *r, int64_t number, char commit[GIT_COMMIT_SIZE])
{
    char text[64];
    char digest[DIGEST_TEXT_SIZE];
    str_fit(text, sizeof(text), "%lld commit %lld", (long long)r->options.seed, (long long)number);
    digest_text(text, strlen(text), digest);
    str_fit(commit, GIT_COMMIT_SIZE, "%.40s", digest);
}

/* The newest commits of a repository of the user's, oldest first. */
static int own_commit(const struct rehearse *r, int64_t number, char commit[GIT_COMMIT_SIZE], struct err *err)
{
    const struct config_repository *repo = &r->config->repository;
    char revision[300];
    str_fit(revision, sizeof(revision), "%.200s~%lld", repo->branch, (long long)(r->options.deployments - number));
    int code = git_resolve(repo->path, revision, commit, err);
    return code && number < r->options.deployments ? git_resolve(repo->path, repo->branch, commit, err) : code;
}

static int next_commit(struct rehearse *r, int64_t number, char commit[GIT_COMMIT_SIZE], struct err *err)
{
    if (!r->real && !r->options.config) {
        invent_commit(r, number, commit);
        return 0;
    }
    return r->options.config ? own_commit(r, number, commit, err) : commit_sample(r, number, commit, err);
}

/* ---- opening ---- */

/* The first path that fits the artifact's pattern, for a model to write. */
static const char *model_artifact(struct config *c)
{
    struct str name;
    str_init(&name, 200);
    for (const char *at = c->build.artifact; *at; at++)
        str_add(&name, *at == '*' ? "app" : *at == '?' ? "a" : (char[]){*at, '\0'});
    const char *kept = arena_dup(&c->arena, name.text);
    str_release(&name);
    return kept;
}

static int open_config(struct rehearse *r, const struct session *session, struct err *err)
{
    if (r->options.config)
        return config_open(&r->config, r->options.config, session, err);
    const char *text = sample_app_config();
    int code = config_parse(&r->config, "sample-app/bakehour.json", text, strlen(text), session->err, err);
    if (!code)
        r->config->repository.path = arena_textf(&r->config->arena, "%s/sample", r->folder);
    return code;
}

static int open_rest(struct rehearse *r, const struct session *session, struct err *err)
{
    int code = open_config(r, session, err);
    if (!code)
        code = r->options.calibration ? calibration_open(&r->calibration, r->options.calibration, err)
                                      : calibration_steps_builtin(&r->calibration, err);
    if (!code && r->options.faults) {
        r->faults = fault_set_new((uint32_t)r->options.seed, simcloud_options_default().start_ms);
        code = fault_set_read(r->faults, r->options.faults, err);
    }
    r->real = !r->options.modelled && (r->options.config || (there_is("javac") && there_is("jar") && there_is("git")));
    if (!code && !r->real && !r->options.modelled)
        session_note(session, "no JDK (javac, jar) or no git here: tests and build are modelled");
    return code;
}

static void hear(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    const struct rehearse *r = context;
    char at[INSTANT_TEXT_SIZE];
    (void)kind;
    (void)detail;
    session_note(r->session, "%s %s", calendar_text(at_ms / 1000, at), text);
}

static int open_world(struct rehearse *r, const struct session *session, struct err *err)
{
    const struct config_environment *e = config_environment(r->config, r->options.environment, err);
    if (!e)
        return EXIT_INPUT;
    struct rehearsal_options o = {.seed = (uint32_t)r->options.seed,
                                  .config = r->config,
                                  .environment = e,
                                  .calibration = &r->calibration,
                                  .faults = r->faults,
                                  .group = r->options.group,
                                  .artifact_bytes = r->real ? 2300 : 0,
                                  .lag_ms = r->options.lag_ms,
                                  .work = r->folder,
                                  .real_jobs = r->real,
                                  .check = r->options.check,
                                  .event = session->live && !session->quiet ? hear : NULL,
                                  .event_context = r};
    int code = rehearsal_open(&r->rehearsal, &o, err);
    if (!code)
        r->rehearsal.jobs.artifact_name = model_artifact(r->config);
    if (!code)
        cloud_transport_pace(&r->rehearsal.transport, r->options.speed);
    return code;
}

/* ---- running ---- */

static void state_it(struct rehearse *r, struct rehearsed *item)
{
    struct journal *j;
    struct err err;
    const struct pipeline_world *w = &r->rehearsal.world;
    struct journal_clock clock = {w->transport->now_ms, w->transport->self};
    if (!item->record.run[0] || journal_open(&j, w->state, NULL, item->record.run, clock, &err))
        return;
    item->stated = statement_make(&item->statement, j, &item->record, w, &err) == 0;
    journal_free(j);
}

static int book_it(struct rehearse *r, struct ledger *ledger, struct rehearsed *item, struct err *err)
{
    const struct pipeline_world *w = &r->rehearsal.world;
    if (!item->stated)
        return 0;
    int code = booking_begin(ledger, w, &item->record, &item->estimate, err);
    return code ? code : booking_end(ledger, w, &item->record, err);
}

static int deploy_one(struct rehearse *r, int64_t number, struct ledger *ledger, struct err *err)
{
    char commit[GIT_COMMIT_SIZE];
    struct err why = {.text = ""};
    const struct pipeline_world *w = &r->rehearsal.world;
    struct rehearsed *item = &r->items[number - 1];
    int code = next_commit(r, number, commit, err);
    struct pipeline_order order = {.kind = "deploy", .commit = commit, .commits = 1};
    if (!code && number > 1)
        w->transport->sleep_ms(w->transport->self, r->options.gap_s * 1000);
    if (!code)
        code = pipeline_estimate(w, &order, &item->estimate, err);
    if (code)
        return code;
    item->end = pipeline_run(w, &order, &item->record, &why);
    str_fit(item->note, sizeof(item->note), "%.255s", item->end == PIPELINE_COMPLETED ? "" : why.text);
    if (item->end == PIPELINE_LOST || item->end == PIPELINE_BUSY || item->end == PIPELINE_STOPPED)
        return err_set(err, EXIT_FAILED, "deployment %lld: %s", (long long)number, why.text);
    r->count++;
    state_it(r, item);
    return book_it(r, ledger, item, err);
}

/* Until nothing more happens by itself within an hour: what is to be terminated is. */
static void settle(struct rehearse *r)
{
    struct transport *t = &r->rehearsal.transport.transport;
    cloud_transport_pace(&r->rehearsal.transport, 0); /* nobody waits to see it */
    t->sleep_ms(t->self, 15 * 60 * 1000);
}

static int sum_up(struct rehearse *r, struct ledger *ledger, struct err *err)
{
    struct simcloud_bill bill = {0};
    struct ledger_filter filter = {.from = INSTANT_MIN, .to = INSTANT_MAX, .account = "expense:", .unit = "usd"};
    settle(r);
    int code = 0;
    for (size_t i = 0; !code && i < r->config->environments.count; i++) {
        struct pipeline_world world = r->rehearsal.world;
        world.environment = &r->config->environments.items[i];
        code = booking_fleet(ledger, &world, err);
    }
    if (!code)
        code = ledger_sum(ledger, &filter, &r->ledger, err);
    if (code)
        return code;
    r->orphans = rehearsal_orphans(&r->rehearsal, &r->orphan_names);
    code = simcloud_bill(r->rehearsal.cloud, NULL, &bill, err);
    r->bill = bill.total_usd;
    simcloud_bill_release(&bill);
    return code;
}

int rehearse_run(struct rehearse *r, const struct rehearse_options *options, const struct session *session,
                 struct err *err)
{
    struct ledger *ledger = NULL;
    char path[128];
    *r = (struct rehearse){.options = *options, .session = session};
    str_init(&r->orphan_names, 4096);
    r->items = mem_zero((size_t)options->deployments + 1, sizeof(*r->items));
    int code = make_folder(r, err);
    if (!code)
        code = open_rest(r, session, err);
    if (!code)
        code = open_world(r, session, err);
    str_fit(path, sizeof(path), "%s/ledger.db", r->folder);
    if (!code)
        code = ledger_open(&ledger, path, LEDGER_WRITE, err);
    for (int64_t i = 1; !code && i <= options->deployments; i++)
        code = deploy_one(r, i, ledger, err);
    if (!code)
        code = sum_up(r, ledger, err);
    ledger_close(ledger);
    return code;
}

void rehearse_end(struct rehearse *r)
{
    struct err err;
    rehearsal_close(&r->rehearsal);
    fault_set_free(r->faults);
    config_free(r->config);
    free(r->items);
    str_release(&r->orphan_names);
    if (r->folder[0])
        (void)!shell("rm -rf -- \"$1\"", r->folder, "", "", &err);
}
