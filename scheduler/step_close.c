/*
 * step_close.c - after the verdict: the image is marked, the bake instance kept or ended, what is left over removed,
 * the statement made, and record and lease finished in one transaction. Each part is a fact, so it is done once.
 */
#include <stdlib.h>
#include <string.h>

#include "scheduler/deadman.h"
#include "scheduler/gc.h"
#include "scheduler/pipeline_private.h"
#include "scheduler/statement.h"

#define NAME          "clean-up"
#define COLLECT_TRIES 5
#define COLLECT_MS    10000
#define LAG_MS        30000
#define GUARD_TRIES   3
#define GUARD_LOOK_MS 5000

/* A proven image says so itself, so that a machine without the store knows which ones to keep: where it was made, or, a
 * copy, where it is. One that is promoted as it is has been proven where it comes from, and bears that number. */
static enum step_result mark(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct aws_error error;
    const char *id = fact(p, "image.local");
    bool copied =
        config_copies(p->config, p->env) && !journal_is(p->journal, "image.keyed", "yes"); /* of old, in a rollback */
    bool theirs = !copied && strcmp(p->record.kind, "promote") == 0;
    if (!id || theirs || !journal_is(p->journal, "verdict", "completed"))
        return journal_note(p->journal, NAME, "closing.marked", "no", err) ? STEP_STOP : STEP_AGAIN;
    id = arena_dup(&p->calls, id);
    struct tag tags[] = {{"bakehour:proven", "yes"},
                         {"bakehour:deployment", arena_textf(&p->calls, "%lld", (long long)p->record.number)}};
    if (journal_intent(p->journal, NAME, "CreateTags", id, err))
        return STEP_STOP;
    /* Shared with the site's account, it is still the bake's: tags are each account's own. */
    struct cloud *where = copied ? &p->site : &p->cloud;
    int failed = cloud_tag(where, &id, 1, tags, 2, &error);
    if (failed) {
        enum step_result result = call_failed(p, STEP_CLEANUP, "CreateTags", &error, again_ms, err);
        if (result != STEP_FAILED)
            return result;
    }
    struct journal_fact done = {"closing.marked", "yes"};
    return journal_outcome(p->journal, NAME, "CreateTags", !failed, failed ? error.code : "", &done, 1, err)
               ? STEP_STOP
               : STEP_AGAIN;
}

/* Until when the policy keeps it, counted from now; 0: not at all. */
static int64_t keep_until_ms(struct pipeline *p)
{
    struct rates rates;
    struct err err;
    int64_t now = pipeline_now_ms(p);
    int64_t launched_ms = fact_i64(p, "bake.launched_ms");
    struct policy policy = p->env->policy.policy;
    struct terms terms = {.boot_s = p->w->expected.s[STEP_INSTANCE],
                          .bake_s = p->w->expected.s[STEP_IMAGE],
                          .per_deploy = p->env->policy.per_deploy,
                          .delay_price_per_commit_hour = p->env->policy.delay_price,
                          .margin_s = p->env->policy.margin_s};
    bool usable = fact(p, "bake.instance") && fact(p, "bake.ready") && !fact(p, "image.shutdown_ms");
    if (!usable || policy.keep.kind == KEEP_TERMINATE || journal_is(p->journal, "verdict", "broken"))
        return 0;
    if (rates_make(&rates, p->config, p->env, "", p->w->catalog, now / 1000, &err))
        return 0;
    terms.regime = rates.regime;
    terms.price_per_hour = rates.bake_per_hour;
    if (policy_check(&policy, &terms, &err))
        return 0;
    struct decider d = policy_decider(&policy, &terms);
    int64_t until_s = policy_kept_until(&d, launched_ms / 1000, (now + 999) / 1000);
    return until_s * 1000 > now ? until_s * 1000 : 0;
}

static int write_kept(struct pipeline *p, const struct kept_bake *kept, const char *what, struct err *err)
{
    char partition[80];
    char freed[24];
    struct str text;
    str_fit(partition, sizeof(partition), "env#%.60s", p->env->name);
    str_fit(freed, sizeof(freed), "%lld", (long long)pipeline_now_ms(p));
    str_init(&text, STATE_DOCUMENT_MAX);
    struct state_write write = kept_bake_write(kept, partition, &text);
    struct journal_fact facts[] = {{"closing.bake", what}, {"bake.freed_ms", freed}};
    int code = journal_notes_with(p->journal, NAME, facts, 2, &write, 1, err);
    str_release(&text);
    return code;
}

/* What this run uploaded, or began to, is what the next one has to delete. */
static const char *dirty_files(const struct pipeline *p)
{
    const char *uploaded = fact(p, "upload.files");
    const char *before = fact(p, "bake.files");
    return uploaded ? uploaded : before ? before : "";
}

static int end_bake(struct pipeline *p, const char *instance, struct err *err)
{
    struct aws_error error;
    if (journal_intent(p->journal, NAME, "TerminateInstances", instance, err))
        return JOURNAL_STOPPED;
    int failed = cloud_terminate_instances(&p->cloud, &instance, 1, &error);
    if (failed && asked_to_leave(&error))
        return JOURNAL_STOPPED;
    /* Where it failed, clean-up tries again: it is found by its tag. */
    return journal_outcome(p->journal, NAME, "TerminateInstances", !failed, failed ? error.code : "", NULL, 0, err);
}

/* The dead-man of a kept instance has its time, and it is known to: else it would be paid for up to an hour longer than
 * the policy says. FAILED: it cannot be had. */
static enum step_result guard_kept(struct pipeline *p, int64_t until_ms, int64_t *again_ms, struct err *err)
{
    char tries[24];
    bool sure = false;
    int64_t tried = fact_i64(p, "closing.guard_tries");
    if (instance_move_guard(p, until_ms, &sure, err))
        return STEP_STOP;
    if (sure)
        return STEP_DONE;
    if (tried + 1 >= GUARD_TRIES)
        return STEP_FAILED;
    str_fit(tries, sizeof(tries), "%lld", (long long)tried + 1);
    *again_ms = pipeline_now_ms(p) + paced_ms(p, GUARD_LOOK_MS);
    return journal_note(p->journal, NAME, "closing.guard_tries", tries, err) ? STEP_STOP : STEP_WAIT;
}

static enum step_result end_kept(struct pipeline *p, const char *instance, struct err *err)
{
    return end_bake(p, instance, err) || write_kept(p, NULL, "ended", err) ? STEP_STOP : STEP_AGAIN;
}

/* Once its image is there (or never will be) the bake instance is kept as the policy says, or ended. */
static enum step_result settle_bake(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct kept_bake kept = {.freed_ms = pipeline_now_ms(p)};
    char until[INSTANT_TEXT_SIZE];
    const char *instance = fact(p, "bake.instance");
    if (!instance) /* none was used; a kept one stays what it is */
        return journal_note(p->journal, NAME, "closing.bake", "none", err) ? STEP_STOP : STEP_AGAIN;
    instance = arena_dup(&p->calls, instance);
    kept.until_ms = keep_until_ms(p);
    if (!kept.until_ms)
        return end_kept(p, instance, err);
    str_fit(kept.instance, sizeof(kept.instance), "%.31s", instance);
    str_fit(kept.image, sizeof(kept.image), "%.39s", p->config->image.base);
    str_fit(kept.type, sizeof(kept.type), "%.31s", p->config->image.instance_type);
    str_fit(kept.guard, sizeof(kept.guard), "%.71s", instance_guard(p));
    str_fit(kept.files, sizeof(kept.files), "%.511s", dirty_files(p));
    kept.launched_ms = fact_i64(p, "bake.launched_ms");
    enum step_result guarded = guard_kept(p, kept.until_ms, again_ms, err);
    if (guarded == STEP_FAILED)
        pipeline_say(p, "step", "the bake instance %s is not kept: its dead-man cannot be moved", kept.instance);
    if (guarded != STEP_DONE)
        return guarded == STEP_FAILED ? end_kept(p, instance, err) : guarded;
    if (write_kept(p, &kept, "kept", err))
        return STEP_STOP;
    pipeline_say(p, "step", "the bake instance %s is kept until %s", kept.instance,
                 calendar_text(kept.until_ms / 1000, until));
    return STEP_AGAIN;
}

/* Once the image is there nobody needs the port, but where the group's own instances are behind the same security
 * group: they may be asked by it whether they are good. */
static bool port_is_over(const struct pipeline *p)
{
    return p->config->network.open_port && *p->config->network.security_group && !fact(p, "closing.port") &&
           journal_is(p->journal, "group.behind_port", "no");
}

enum step_result poll_settle(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    if (port_is_over(p)) {
        if (close_ports(p, err) || journal_note(p->journal, NAME, "closing.port", "closed", err))
            return STEP_STOP;
        return STEP_AGAIN;
    }
    return fact(p, "closing.bake") ? STEP_DONE : settle_bake(p, again_ms, err);
}

/* Counts what is to be looked at again: what could not be removed, and instances, whose schedules are free only once
 * they are gone. */
static int collect_each(struct pipeline *p, const struct gc_list *list, size_t *failed, struct err *err)
{
    struct aws_error error;
    *failed = 0;
    for (size_t i = 0; i < list->count; i++) {
        int code = gc_remove(&list->items[i], p->journal, &error, err);
        if (code == JOURNAL_STOPPED)
            return code;
        *failed += code || list->items[i].kind == GC_INSTANCE;
        if (code) {
            pipeline_say(p, "step", "%s %s could not be removed: %s %s", gc_kind_name(list->items[i].kind),
                         list->items[i].id, error.code, error.message);
        }
    }
    return 0;
}

struct gc_scope pipeline_gc_scope(struct pipeline *p, const char *alive_run, const char *working_run)
{
    bool apart = p->w->site_transport || pipeline_apart(p->w);
    return (struct gc_scope){.bake = apart ? &p->cloud : &p->site,
                             .site = &p->site,
                             .config = p->config,
                             .environment = p->env,
                             .state = p->w->state,
                             .alive_run = alive_run,
                             .working_run = working_run,
                             .now_ms = pipeline_now_ms(p)};
}

/* Best effort but for the journal: what stays open is found by gc. */
int close_ports(struct pipeline *p, struct err *err)
{
    struct gc_list list;
    struct aws_error error;
    size_t failed;
    struct gc_scope scope = pipeline_gc_scope(p, "", "");
    p->port_open_ms = 0;
    if (gc_find_ports(&scope, &p->calls, &list, &error)) {
        pipeline_say(p, "step", "the OSv port may still be open: %s %s", error.code, error.message);
        return 0;
    }
    int code = collect_each(p, &list, &failed, err);
    if (code)
        pipeline_say(p, "step", "the OSv port may still be open");
    free(list.items);
    return code;
}

int withdraw_shares(struct pipeline *p, struct err *err)
{
    struct gc_list list;
    struct aws_error error;
    size_t failed;
    struct gc_scope scope = pipeline_gc_scope(p, "", "");
    if (gc_find_shares(&scope, &p->calls, &list, &error)) {
        pipeline_say(p, "step", "the image is still shared: %s %s", error.code, error.message);
        return 0;
    }
    int code = collect_each(p, &list, &failed, err);
    free(list.items);
    return code;
}

/* Reads lag behind what was called for: whoever looks at once does not find the image of a moment ago (a run that
 * failed right after CreateImage), and leaves it behind for good. */
static bool may_lag(struct pipeline *p, int64_t *again_ms)
{
    *again_ms = journal_created_ms(p->journal) + paced_ms(p, LAG_MS);
    return pipeline_now_ms(p) < *again_ms;
}

/* What cannot be removed after some tries is left to the next run's clean-up, or to gc. */
enum step_result poll_collect(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct gc_list list;
    struct aws_error error;
    char tries[24];
    size_t failed = 0;
    int64_t tried = fact_i64(p, "closing.tries");
    struct gc_scope scope = pipeline_gc_scope(p, "", "");
    if (may_lag(p, again_ms))
        return STEP_WAIT;
    if (gc_find(&scope, &p->calls, &list, &error)) {
        if (asked_to_leave(&error))
            return STEP_STOP;
        failed = 1;
    } else if (collect_each(p, &list, &failed, err)) {
        free(list.items);
        return STEP_STOP;
    }
    free(list.items);
    if (!failed || tried + 1 >= COLLECT_TRIES)
        return journal_note(p->journal, NAME, "closing.collected", failed ? "not all" : "all", err) ? STEP_STOP
                                                                                                    : STEP_AGAIN;
    str_fit(tries, sizeof(tries), "%lld", (long long)tried + 1);
    if (journal_note(p->journal, NAME, "closing.tries", tries, err))
        return STEP_STOP;
    *again_ms = pipeline_now_ms(p) + COLLECT_MS * (tried + 1);
    return STEP_WAIT;
}

static enum step_result disarm(struct pipeline *p, struct err *err)
{
    if (journal_is(p->journal, "closing.bake", "ended") && fact(p, "bake.guard_ms") &&
        deadman_disarm(&p->cloud, p->journal, instance_guard(p), err) == JOURNAL_STOPPED)
        return STEP_STOP;
    return journal_note(p->journal, NAME, "closing.disarmed", "yes", err) ? STEP_STOP : STEP_AGAIN;
}

static enum step_result finish(struct pipeline *p, struct err *err)
{
    char partition[80];
    char key[24];
    struct str text;
    struct state_write writes[2];
    statement_finish(p);
    str_init(&text, STATE_DOCUMENT_MAX);
    size_t count = deployment_writes(&p->record, true, partition, key, &text, writes);
    struct journal_fact closed = {"closed", "yes"};
    int code = journal_notes_with(p->journal, NAME, &closed, 1, writes, count, err);
    str_release(&text);
    return code ? STEP_STOP : STEP_DONE;
}

enum step_result poll_closing(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    stop_jobs(p);
    if (!fact(p, "closing.marked"))
        return mark(p, again_ms, err);
    if (!fact(p, "closing.bake"))
        return settle_bake(p, again_ms, err);
    if (!fact(p, "closing.collected"))
        return poll_collect(p, again_ms, err);
    if (!fact(p, "closing.disarmed"))
        return disarm(p, err);
    return finish(p, err);
}
