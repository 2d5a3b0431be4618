/* step_upload.c - artifact and further files into the bake instance, each verified; then its command line. */
#include <string.h>

#include "scheduler/digest.h"
#include "scheduler/pipeline_private.h"
#include "scheduler/signature.h"
#include "scheduler/step_guest.h"

#define TRIES 3

/* A guest that fails several times in a row is given up with its instance: the instance step makes another. */
static enum step_result guest_failed(struct pipeline *p, enum step s, int64_t *again_ms, struct err *err)
{
    char key[64];
    char tries[24];
    struct err noted = *err;
    if (p->stopping)
        return STEP_STOP;
    p->port_open_ms = 0;
    str_fit(key, sizeof(key), "%s.tries", step_name(s));
    int64_t tried = fact_i64(p, key) + 1;
    str_fit(tries, sizeof(tries), "%lld", (long long)tried);
    if (tried >= 2 * TRIES)
        return step_fail(err, "%s: %s (after %lld tries on two instances)", step_name(s), noted.text, (long long)tried);
    struct journal_fact facts[] = {{key, tries}, {"bake.ready", NULL}};
    if (journal_outcome(p->journal, step_name(s), step_name(s), false, noted.text, facts, 2, err))
        return STEP_STOP;
    pipeline_say(p, "step", "%s failed and is tried again: %s", step_name(s), noted.text);
    *again_ms = pipeline_now_ms(p) + 2000;
    return STEP_WAIT;
}

/* Everything that is uploaded, by its path in the image: what a later reset has to delete. */
static const char *uploaded_files(struct pipeline *p)
{
    struct str list;
    str_init(&list, 500);
    str_add(&list, p->config->image.artifact_path);
    for (size_t i = 0; i < p->config->image.files.count; i++)
        str_addf(&list, "\n%s", p->config->image.files.items[i].to);
    const char *kept = list.full ? "" : arena_dup(&p->calls, list.text);
    str_release(&list);
    return kept;
}

/* What goes up is what was built, and signed: a file that was changed meanwhile is not uploaded. */
static int still_as_built(struct pipeline *p, struct err *err)
{
    char sha256[DIGEST_TEXT_SIZE];
    int64_t size;
    const struct config_signing *s = &p->config->signing;
    const char *signature = fact(p, "build.signature");
    int code = digest_file(p->artifact, sha256, &size, err);
    if (!code && !journal_is(p->journal, "build.sha256", sha256))
        code = err_at(err, EXIT_FAILED, p->artifact, 0, 0,
                      "was changed after it was built: its SHA-256 is %.12s..., not %.12s...", sha256,
                      fact(p, "build.sha256"));
    if (!code && s->public_key_files.count)
        code = signature_check(p->artifact, signature ? signature : "", s->public_key_files.items,
                               s->public_key_files.count, err);
    return code;
}

enum step_result poll_upload(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    const char *there = fact(p, "upload.sha256");
    if (!bake_needed(p) || (step_is_done(p, STEP_UPLOAD) && there && journal_is(p->journal, "build.sha256", there)))
        return STEP_DONE;
    if (still_as_built(p, err))
        return STEP_FAILED;
    const char *address = arena_dup(&p->calls, fact(p, "bake.address"));
    if (journal_intent(p->journal, "upload", "POST /file", p->artifact, err) ||
        journal_note(p->journal, "upload", "upload.files", uploaded_files(p), err))
        return STEP_STOP;
    int failed = 0;
    for (size_t i = 0; !failed && i < p->config->image.files.count; i++) {
        const struct config_file *f = &p->config->image.files.items[i];
        failed = guest_put(p, address, arena_textf(&p->calls, "%s/%s", p->source, f->from), f->to, err);
    }
    if (!failed)
        failed = guest_put(p, address, p->artifact, p->config->image.artifact_path, err);
    if (failed)
        return guest_failed(p, STEP_UPLOAD, again_ms, err);
    return step_done(p, STEP_UPLOAD, "upload.sha256", fact(p, "build.sha256"), err);
}

enum step_result poll_command_line(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct str line;
    if (!bake_needed(p) || step_is_done(p, STEP_COMMAND_LINE))
        return STEP_DONE;
    str_init(&line, 4096);
    const char *address = arena_dup(&p->calls, fact(p, "bake.address"));
    int failed = config_command_line(p->config, p->env, p->record.commit, &line, err);
    enum step_result result = failed ? STEP_FAILED : STEP_DONE;
    if (!failed && journal_intent(p->journal, "command-line", "POST /os/cmdline", "", err))
        result = STEP_STOP;
    else if (!failed && guest_command_line(p, address, line.text, err))
        result = guest_failed(p, STEP_COMMAND_LINE, again_ms, err);
    else if (!failed)
        result = step_done(p, STEP_COMMAND_LINE, NULL, NULL, err);
    str_release(&line);
    return result;
}
