/*
 * step_source.c - checkout, tests, build: child processes in the run's own folder.
 *
 * They run again on a machine that lost the folder, as far as their results are still needed: tests that passed have
 * passed, an image that exists needs no artifact.
 */
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/pipeline_private.h"
#include "scheduler/signature.h"
#include "scheduler/step_image.h"

#define JOB_LOOK_MS 250

/* Two clones, since tests and build run at the same time; they share the repository's objects, so nothing is copied.
 * $1 repository, $2 commit, $3 and $4 folders. */
static const char checkout[] = "set -e; for d in \"$3\" \"$4\"; do rm -rf -- \"$d\"; "
                               "git clone --quiet --shared --no-checkout -- \"$1\" \"$d\"; "
                               "git -C \"$d\" checkout --quiet --detach \"$2\"; done";

bool source_needed(const struct pipeline *p)
{
    bool tested = fact(p, "test.passed") || !p->config->build.test.count;
    return !(tested && !bake_needed(p));
}

static const char *run_folder(struct pipeline *p)
{
    return arena_textf(&p->arena, "%s/%s", p->w->work, p->record.run);
}

static int make_folders(struct pipeline *p, struct err *err)
{
    const char *folder = run_folder(p);
    for (const char *at = strchr(folder + 1, '/');; at = strchr(at + 1, '/')) {
        char *part = arena_dup_n(&p->calls, folder, at ? (size_t)(at - folder) : strlen(folder));
        if (mkdir(part, 0700) && errno != EEXIST)
            return err_at(err, EXIT_FAILED, part, 0, 0, "the folder cannot be made: %s", strerror(errno));
        if (!at)
            return 0;
    }
}

static enum step_result start(struct pipeline *p, enum job_kind kind, enum step s, const char *const *argv,
                              const char *directory, struct err *err)
{
    struct job_order order = {.kind = kind,
                              .argv = argv,
                              .directory = directory,
                              .log = arena_textf(&p->calls, "%s/%s.log", run_folder(p), step_name(s)),
                              .commit = p->record.commit};
    if (make_folders(p, err) || p->w->jobs->start(p->w->jobs->self, &order, err))
        return STEP_FAILED;
    p->job_running[kind] = true;
    p->job_since_ms[kind] = pipeline_now_ms(p);
    return STEP_AGAIN;
}

/* Waits for the job; DONE when it passed. */
static enum step_result look(struct pipeline *p, enum job_kind kind, enum step s, int64_t limit_s, int64_t *again_ms,
                             struct err *err)
{
    int status = 0;
    char how[32];
    int64_t now = pipeline_now_ms(p);
    int64_t began = p->job_since_ms[kind];
    enum job_state state = p->w->jobs->look(p->w->jobs->self, kind, &status);
    if (state == JOB_RUNNING && limit_s && now - began > limit_s * 1000) {
        p->w->jobs->stop(p->w->jobs->self, 1U << kind);
        p->job_running[kind] = false;
        return step_fail(err, "%s took longer than its limit of %lld s", step_name(s), (long long)limit_s);
    }
    if (state == JOB_RUNNING) {
        int64_t due = p->w->jobs->due_ms(p->w->jobs->self, kind);
        *again_ms = due > now ? due : now + JOB_LOOK_MS;
        return STEP_WAIT;
    }
    p->job_running[kind] = false;
    if (state == JOB_PASSED)
        return STEP_DONE;
    job_status_text(status, how);
    return step_fail(err, "%s failed with %s; its output is in %s/%s.log", step_name(s), how, run_folder(p),
                     step_name(s));
}

/* Settings may say it as a list of words, or as one text for the shell. */
static const char *const *words_of(struct pipeline *p, const struct config_texts *texts)
{
    const char **argv = arena_alloc(&p->calls, (texts->count + 4) * sizeof(*argv));
    size_t n = 0;
    if (texts->count == 1) {
        argv[n++] = "/bin/sh";
        argv[n++] = "-c";
    }
    for (size_t i = 0; i < texts->count; i++)
        argv[n++] = texts->items[i];
    return argv;
}

static const char *tests_folder(struct pipeline *p, const char *source)
{
    return arena_textf(&p->calls, "%s-tests", source);
}

enum step_result poll_pull(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    if (p->source || !source_needed(p))
        return STEP_DONE;
    const char *folder = arena_textf(&p->arena, "%s/source", run_folder(p));
    if (!p->job_running[JOB_PULL]) {
        const char *const argv[] = {"/bin/sh",
                                    "-c",
                                    checkout,
                                    "sh",
                                    p->config->repository.path,
                                    p->record.commit,
                                    folder,
                                    tests_folder(p, folder),
                                    NULL};
        return start(p, JOB_PULL, STEP_PULL, argv, NULL, err);
    }
    enum step_result result = look(p, JOB_PULL, STEP_PULL, p->config->build.build_limit_s, again_ms, err);
    if (result != STEP_DONE)
        return result;
    p->source = folder;
    return step_is_done(p, STEP_PULL) ? STEP_DONE : step_done(p, STEP_PULL, NULL, NULL, err);
}

enum step_result poll_test(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    if (fact(p, "test.passed"))
        return STEP_DONE;
    if (!p->config->build.test.count)
        return step_done(p, STEP_TEST, "test.passed", "none", err);
    if (!p->job_running[JOB_TEST])
        return start(p, JOB_TEST, STEP_TEST, words_of(p, &p->config->build.test), tests_folder(p, p->source), err);
    enum step_result result = look(p, JOB_TEST, STEP_TEST, p->config->build.test_limit_s, again_ms, err);
    return result == STEP_DONE ? step_done(p, STEP_TEST, "test.passed", p->record.commit, err) : result;
}

/* The one file that fits the pattern. */
static const char *find_artifact(struct pipeline *p, struct err *err)
{
    glob_t found = {0};
    const char *pattern = arena_textf(&p->calls, "%s/%s", p->source, p->config->build.artifact);
    int failed = glob(pattern, GLOB_NOSORT, NULL, &found);
    const char *path = NULL;
    if (failed && failed != GLOB_NOMATCH)
        err_set(err, EXIT_FAILED, "build.artifact \"%s\" cannot be looked for", p->config->build.artifact);
    else if (found.gl_pathc != 1)
        err_set(err, EXIT_FAILED, "build.artifact \"%s\" fits %zu files after the build; exactly one is needed",
                p->config->build.artifact, found.gl_pathc);
    else
        path = arena_dup(&p->arena, found.gl_pathv[0]);
    globfree(&found);
    return path;
}

/* Signed here, or by the build; verified in either case. Empty where no signature is asked for. */
static int signature_of(struct pipeline *p, const char *path, char to[SIGNATURE_TEXT_SIZE], struct err *err)
{
    const struct config_signing *s = &p->config->signing;
    to[0] = '\0';
    if (!s->public_key_files.count)
        return 0;
    const char *file = *s->signature ? arena_textf(&p->calls, "%s/%s", p->source, s->signature)
                                     : arena_textf(&p->calls, "%s.sig", path);
    if (!*s->private_key_file && access(file, F_OK))
        return err_at(
            err, EXIT_FAILED, file, 0, 0,
            "there is no signature of the artifact, and signing.public_key_files wants one ('bakehour signature "
            "make', or signing.private_key_file)");
    int code =
        *s->private_key_file ? signature_make(path, s->private_key_file, to, err) : signature_read(file, to, err);
    return code ? code : signature_check(path, to, s->public_key_files.items, s->public_key_files.count, err);
}

static enum step_result built(struct pipeline *p, struct err *err)
{
    char signature[SIGNATURE_TEXT_SIZE];
    char sha256[DIGEST_TEXT_SIZE];
    char bytes[24];
    int64_t size = 0;
    const char *path = find_artifact(p, err);
    if (!path || digest_file(path, sha256, &size, err) || signature_of(p, path, signature, err))
        return STEP_FAILED;
    if (!size)
        return step_fail(err, "the artifact %s is empty", path);
    str_fit(bytes, sizeof(bytes), "%lld", (long long)size);
    const char *key = bake_key(p, sha256, err);
    if (!key)
        return STEP_FAILED;
    p->artifact = path;
    if (fact(p, "build.sha256") && strcmp(fact(p, "build.sha256"), sha256) == 0)
        return STEP_DONE; /* built again on another machine, to the same bytes */
    char at[24];
    str_fit(at, sizeof(at), "%lld", (long long)pipeline_now_ms(p));
    struct journal_fact facts[] = {{"build.sha256", sha256},
                                   {"build.bytes", bytes},
                                   {"build.key", key},
                                   {"build.ended_ms", at},
                                   {"build.signature", *signature ? signature : NULL}};
    if (journal_notes(p->journal, step_name(STEP_BUILD), facts, 5, err))
        return STEP_STOP;
    pipeline_say(p, "step", "build is done: %s, %lld bytes", p->config->build.artifact, (long long)size);
    return STEP_DONE;
}

enum step_result poll_build(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    if (!bake_needed(p) || p->artifact)
        return STEP_DONE;
    if (!p->job_running[JOB_BUILD])
        return start(p, JOB_BUILD, STEP_BUILD, words_of(p, &p->config->build.build), p->source, err);
    enum step_result result = look(p, JOB_BUILD, STEP_BUILD, p->config->build.build_limit_s, again_ms, err);
    return result == STEP_DONE ? built(p, err) : result;
}

void stop_jobs(struct pipeline *p)
{
    unsigned kinds = 0;
    for (int kind = 0; kind < JOB_KINDS; kind++) {
        kinds |= p->job_running[kind] ? 1U << kind : 0;
        p->job_running[kind] = false;
    }
    if (kinds)
        p->w->jobs->stop(p->w->jobs->self, kinds);
}
