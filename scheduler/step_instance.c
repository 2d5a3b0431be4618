/*
 * step_instance.c - the bake instance: the kept one, made clean, or a fresh one, launched when it is due.
 *
 *   nothing --kept one alive?--> adopted --reset--> clean --answers--> ready
 *      \--hold until it is due--> launched --running--> answers --> ready
 */
#include <string.h>

#include "scheduler/deadman.h"
#include "scheduler/gc.h"
#include "scheduler/osv.h"
#include "scheduler/pipeline_private.h"
#include "scheduler/port.h"
#include "scheduler/step_guest.h"

#define ATTEMPTS_MAX   3
#define FILES_RESET_S  4  /* deleting and verifying what was uploaded */
#define ROOT_RESET_S   60 /* a fresh root volume, before the guest boots */
#define PORT_WAIT_MS   2000
#define PORT_TRUST_MS  30000 /* a guest that is silent for longer has lost its rule, perhaps */
#define NAME           "instance"
#define GUARD_MS       (60 * 60 * 1000LL) /* the dead-man ends it so long after the runner's last sign of life */
#define GUARD_AGAIN_MS 60000              /* where it was not moved, that is tried again */

/* The schedule that ends the bake instance when nobody else does; its name is in a tag from birth. A kept instance
 * keeps the name that it was born with. */
const char *instance_guard(struct pipeline *p)
{
    char name[DEADMAN_NAME_SIZE];
    char site[DEADMAN_SITE_SIZE];
    deadman_site(site, p->config->project, p->env->name);
    if (!fact(p, "bake.guard"))
        return arena_dup(&p->calls, deadman_name(name, site, p->record.run, "bake"));
    return arena_dup(&p->calls, fact(p, "bake.guard"));
}

int instance_move_guard(struct pipeline *p, int64_t at_ms, bool *sure, struct err *err)
{
    bool armed = false;
    char text[24];
    int code = deadman_arm(&p->cloud, p->journal, p->env, instance_guard(p), at_ms, &armed, err);
    if (code == JOURNAL_STOPPED)
        return code;
    *sure = code == 0;
    int64_t next_ms = *sure ? (armed ? at_ms : INT64_MAX) : pipeline_now_ms(p) + GUARD_MS / 2 + GUARD_AGAIN_MS;
    str_fit(text, sizeof(text), "%lld", (long long)next_ms);
    return journal_note(p->journal, NAME, "bake.guard_ms", text, err);
}

/* Moved on while somebody is alive to do it. */
int instance_keep_guard(struct pipeline *p, struct err *err)
{
    int64_t until_ms = journal_fact_i64(p->journal, "bake.guard_ms", 0);
    int64_t now = pipeline_now_ms(p);
    bool sure = false;
    if (until_ms - now > GUARD_MS / 2)
        return 0;
    return instance_move_guard(p, now + GUARD_MS, &sure, err);
}

static int forget_instance(struct pipeline *p, struct err *err)
{
    char attempt[24];
    str_fit(attempt, sizeof(attempt), "%lld", (long long)fact_i64(p, "bake.attempt") + 1);
    struct journal_fact facts[] = {{"bake.instance", NULL},
                                   {"bake.ready", NULL},
                                   {"bake.address", NULL},
                                   {"bake.public", NULL},
                                   {"bake.reused", NULL},
                                   {"bake.attempt", attempt},
                                   {"bake.files", NULL},
                                   {"bake.task", NULL},
                                   {"bake.guard", NULL},
                                   {"bake.guard_ms", NULL},
                                   {"bake.before_s", NULL},
                                   {"bake.adopted_ms", NULL},
                                   {"command-line.ended_ms", NULL},
                                   {"upload.ended_ms", NULL}};
    char partition[80];
    str_fit(partition, sizeof(partition), "env#%.60s", p->env->name);
    struct state_write gone = kept_bake_write(NULL, partition, NULL); /* a kept one is kept no more */
    return journal_notes_with(p->journal, NAME, facts, sizeof(facts) / sizeof(*facts), &gone,
                              fact(p, "bake.reused") ? 1 : 0, err);
}

/* Both are instance seconds, at the same rate, beyond those it has run. */
int instance_price_resets(const struct pipeline_world *w, const struct kept_bake *kept, int64_t now_ms,
                          struct reset_prices *out)
{
    struct rates rates;
    struct costs files;
    struct costs root;
    struct err err;
    const int64_t *s = w->expected.s;
    int64_t ran_s = (now_ms - kept->launched_ms) / 1000;
    int64_t work_s = s[STEP_UPLOAD] + s[STEP_COMMAND_LINE] + s[STEP_IMAGE];
    struct used by_files = {.bakes = true, .bake_before_s = ran_s, .bake_s = ran_s + work_s + FILES_RESET_S};
    struct used by_root = by_files;
    by_root.bake_s += ROOT_RESET_S - FILES_RESET_S + s[STEP_INSTANCE];
    int code = rates_make(&rates, w->config, w->environment, "", w->catalog, now_ms / 1000, &err);
    if (!code)
        code = costs_make(&files, &rates, &by_files, &err);
    if (!code)
        code = costs_make(&root, &rates, &by_root, &err);
    if (code)
        return code;
    bool by_itself = strcmp(w->config->image.reset, "auto") == 0;
    out->files = files.total;
    out->root = root.total;
    out->choice = !by_itself                                  ? w->config->image.reset
                  : files.total <= root.total && *kept->files ? "files"
                                                              : "root-volume";
    return 0;
}

static const char *choose_reset(struct pipeline *p, const struct kept_bake *kept)
{
    struct reset_prices prices;
    char a[MONEY_TEXT_SIZE];
    char b[MONEY_TEXT_SIZE];
    if (instance_price_resets(p->w, kept, pipeline_now_ms(p), &prices))
        return strcmp(p->config->image.reset, "auto") != 0 ? p->config->image.reset : "root-volume";
    pipeline_say(p, "reset", "the kept instance %s is made clean by %s: %s USD by files, %s by a fresh root volume",
                 kept->instance, prices.choice, money_short(prices.files, a), money_short(prices.root, b));
    return prices.choice;
}

static enum step_result adopt(struct pipeline *p, const struct kept_bake *kept, int64_t *again_ms, struct err *err)
{
    struct instance i;
    struct aws_error error;
    char launched[24];
    char before[24];
    char adopted[24];
    if (cloud_describe_instance(&p->cloud, kept->instance, &p->calls, &i, &error))
        return call_failed(p, STEP_INSTANCE, "DescribeInstances", &error, again_ms, err);
    if (i.state != INSTANCE_RUNNING) {
        if (journal_note(p->journal, NAME, "bake.kept", "gone", err))
            return STEP_STOP;
        return STEP_AGAIN;
    }
    str_fit(launched, sizeof(launched), "%lld", (long long)kept->launched_ms);
    long long before_s = (kept->freed_ms - kept->launched_ms) / 1000;
    str_fit(before, sizeof(before), "%lld", before_s);
    str_fit(adopted, sizeof(adopted), "%lld", (long long)pipeline_now_ms(p));
    struct journal_fact facts[] = {{"bake.kept", "used"},          {"bake.before_s", before},
                                   {"bake.adopted_ms", adopted},   {"bake.instance", kept->instance},
                                   {"bake.launched_ms", launched}, {"bake.guard", kept->guard},
                                   {"bake.guard_ms", NULL},        {"bake.reused", choose_reset(p, kept)},
                                   {"bake.files", kept->files}};
    if (journal_notes(p->journal, NAME, facts, 9, err))
        return STEP_STOP;
    return STEP_AGAIN;
}

/* The kept instance serves when the bake would begin before it is to end. */
static enum step_result try_kept(struct pipeline *p, bool *tried, int64_t *again_ms, struct err *err)
{
    struct kept_bake kept;
    int64_t version;
    *tried = fact(p, "bake.kept") != NULL;
    if (*tried)
        return STEP_AGAIN;
    if (kept_bake_get(p->w->state, p->env->name, &kept, &version, err))
        return STEP_STOP;
    bool serves = kept.instance[0] && pipeline_now_ms(p) < kept.until_ms &&
                  strcmp(kept.image, p->config->image.base) == 0 &&
                  strcmp(kept.type, p->config->image.instance_type) == 0;
    if (serves)
        return adopt(p, &kept, again_ms, err);
    if (journal_note(p->journal, NAME, "bake.kept", "none", err))
        return STEP_STOP;
    return STEP_AGAIN;
}

/* A boot beside the build saves its seconds for every commit that waits, and wastes a bake where the build fails. */
bool instance_prelaunches(const struct pipeline_world *w, int64_t commits, int64_t now_ms)
{
    const char *wanted = w->config->image.prelaunch;
    struct rates rates;
    struct costs waste;
    struct err err;
    if (strcmp(wanted, "auto") != 0)
        return strcmp(wanted, "always") == 0;
    if (!w->environment->policy.delay_price)
        return true; /* nobody said what waiting costs: lead time first */
    int64_t boot_s = w->expected.s[STEP_INSTANCE];
    struct used wasted = {.bakes = true, .bake_s = boot_s};
    if (rates_make(&rates, w->config, w->environment, "", w->catalog, now_ms / 1000, &err) ||
        costs_make(&waste, &rates, &wasted, &err))
        return true;
    int128 saved = (int128)w->environment->policy.delay_price * (commits > 0 ? commits : 1) * boot_s / 3600;
    return saved * 1000 >=
           (int128)waste.total * (w->fails_permille ? w->fails_permille : deployments_fail_permille(NULL));
}

/* When to launch so that it answers as the build ends. */
static int64_t launch_due_ms(struct pipeline *p)
{
    int64_t ends[STEPS];
    unsigned path;
    struct durations d = p->w->expected;
    d.s[STEP_INSTANCE] = 0;
    graph_critical_path(&d, &(struct graph_run){.waves = 1}, ends, &path);
    if (!instance_prelaunches(p->w, p->record.commits, pipeline_now_ms(p)))
        return INT64_MAX;
    int64_t slack_s = 5; /* for a look between the two */
    return p->record.started_ms + (ends[STEP_BUILD] - p->w->expected.s[STEP_INSTANCE] - slack_s) * 1000;
}

static enum step_result launch(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct tag tags[PIPELINE_TAGS + 1];
    char token[JOURNAL_TOKEN_SIZE];
    char launched[24];
    struct instances made;
    struct aws_error error;
    const char *group = p->config->network.security_group;
    int64_t attempt = fact_i64(p, "bake.attempt");
    if (attempt >= ATTEMPTS_MAX)
        return step_fail(err, "%d bake instances in a row did not come up", ATTEMPTS_MAX);
    journal_token(p->journal, token, NAME, "bake", attempt);
    struct run_order order = {.token = token,
                              .image = p->config->image.base,
                              .type = p->config->image.instance_type,
                              .subnet = p->config->network.subnet,
                              .security_groups = &group,
                              .security_group_count = *group ? 1 : 0,
                              .profile = p->config->image.profile,
                              .public_ip = strcmp(p->config->network.address, "public") == 0 ? 1 : 0,
                              .tokens_optional = true,
                              .tags = tags};
    order.tag_count = pipeline_tags(p, "bake", tags);
    tags[order.tag_count++] = (struct tag){DEADMAN_TAG, instance_guard(p)};
    if (instance_keep_guard(p, err) || journal_intent(p->journal, NAME, "RunInstances", token, err))
        return STEP_STOP;
    if (cloud_run_instances(&p->cloud, &order, &p->calls, &made, &error)) {
        enum step_result result = call_failed(p, STEP_INSTANCE, "RunInstances", &error, again_ms, err);
        if (result != STEP_STOP && journal_outcome(p->journal, NAME, "RunInstances", false, error.code, NULL, 0, err))
            return STEP_STOP;
        return result;
    }
    if (!made.count)
        return step_fail(err, "RunInstances answered without an instance");
    /* By our own clock, as everything that is waited for and priced: AWS's may differ by a little, a twin's by much. */
    str_fit(launched, sizeof(launched), "%lld", (long long)pipeline_now_ms(p));
    struct journal_fact facts[] = {{"bake.instance", made.items[0].id}, {"bake.launched_ms", launched}};
    if (journal_outcome(p->journal, NAME, "RunInstances", true, made.items[0].id, facts, 2, err))
        return STEP_STOP;
    pipeline_say(p, "step", "launched the bake instance %s", made.items[0].id);
    return STEP_AGAIN;
}

/* An instance that will not come up any more: the next attempt is a new one; what is left is collected by its tag. */
static enum step_result give_up(struct pipeline *p, const char *why, struct err *err)
{
    struct aws_error error;
    const char *id = arena_dup(&p->calls, fact(p, "bake.instance"));
    pipeline_say(p, "step", "the bake instance %s is given up: %s", id, why);
    if (journal_intent(p->journal, NAME, "TerminateInstances", id, err))
        return STEP_STOP;
    int failed = cloud_terminate_instances(&p->cloud, &id, 1, &error);
    if (failed && asked_to_leave(&error))
        return STEP_STOP;
    bool kept = fact(p, "bake.reused") != NULL; /* whose running period is known already, and goes on to its end */
    int64_t ran_s = kept ? 0 : (pipeline_now_ms(p) - fact_i64(p, "bake.launched_ms")) / 1000;
    long long count = fact_i64(p, "bake.wasted") + !kept;
    long long seconds = fact_i64(p, "bake.wasted_s") + ran_s;
    struct journal_fact wasted[] = {{"bake.wasted", arena_textf(&p->calls, "%lld", count)},
                                    {"bake.wasted_s", arena_textf(&p->calls, "%lld", seconds)}};
    if (journal_outcome(p->journal, NAME, "TerminateInstances", !failed, failed ? error.code : "", wasted, 2, err) ||
        forget_instance(p, err))
        return STEP_STOP;
    return STEP_AGAIN;
}

static enum step_result replace_root(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct root_task task;
    struct aws_error error;
    struct tag tags[PIPELINE_TAGS];
    char token[JOURNAL_TOKEN_SIZE];
    const char *known = fact(p, "bake.task");
    if (known) {
        if (cloud_describe_root_task(&p->cloud, known, &p->calls, &task, &error))
            return call_failed(p, STEP_INSTANCE, "DescribeReplaceRootVolumeTasks", &error, again_ms, err);
        if (strncmp(task.state, "fail", 4) == 0)
            return give_up(p, "its root volume could not be replaced", err);
        if (strcmp(task.state, "succeeded") != 0) {
            *again_ms = look_again_ms(pipeline_now_ms(p), fact_i64(p, "bake.task_ms"), ROOT_RESET_S * 1000);
            return STEP_WAIT;
        }
        return journal_note(p->journal, NAME, "bake.files", "", err) ? STEP_STOP : STEP_AGAIN;
    }
    journal_token(p->journal, token, NAME, "root", fact_i64(p, "bake.attempt"));
    if (journal_intent(p->journal, NAME, "CreateReplaceRootVolumeTask", token, err))
        return STEP_STOP;
    if (cloud_replace_root(&p->cloud, fact(p, "bake.instance"), p->config->image.base, NULL, token, tags,
                           pipeline_tags(p, "bake", tags), &p->calls, &task, &error)) {
        enum step_result result = call_failed(p, STEP_INSTANCE, "CreateReplaceRootVolumeTask", &error, again_ms, err);
        return result == STEP_FAILED ? give_up(p, "its root volume cannot be replaced", err) : result;
    }
    char now[24];
    str_fit(now, sizeof(now), "%lld", (long long)pipeline_now_ms(p));
    struct journal_fact facts[] = {{"bake.task", task.id}, {"bake.task_ms", now}};
    return journal_outcome(p->journal, NAME, "CreateReplaceRootVolumeTask", true, task.id, facts, 2, err) ? STEP_STOP
                                                                                                          : STEP_AGAIN;
}

/* bake.files names what an earlier bake left; "" is clean. */
static enum step_result make_clean(struct pipeline *p, const char *address, int64_t *again_ms, struct err *err)
{
    if (strcmp(fact(p, "bake.reused"), "files") != 0)
        return replace_root(p, again_ms, err);
    if (journal_intent(p->journal, NAME, "delete files", "", err))
        return STEP_STOP;
    int failed = guest_clear(p, address, fact(p, "bake.files"), err);
    struct journal_fact clean = {"bake.files", ""};
    struct journal_fact other = {"bake.reused", "root-volume"};
    if (journal_outcome(p->journal, NAME, "delete files", !failed, failed ? err->text : "", failed ? &other : &clean, 1,
                        err))
        return STEP_STOP;
    return STEP_AGAIN;
}

/* It is there: wait until it runs and answers, cleaned where it was used before. */
static enum step_result bring_up(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct instance i;
    struct aws_error error;
    int64_t now = pipeline_now_ms(p);
    int64_t since = fact_i64(p, "bake.launched_ms");
    const char *reused = fact(p, "bake.reused");
    if (reused)
        since = step_began_ms(p, STEP_INSTANCE);
    if (cloud_describe_instance(&p->cloud, fact(p, "bake.instance"), &p->calls, &i, &error))
        return call_failed(p, STEP_INSTANCE, "DescribeInstances", &error, again_ms, err);
    bool gone = i.state == INSTANCE_TERMINATED || i.state == INSTANCE_SHUTTING_DOWN || i.state == INSTANCE_STOPPED ||
                i.state == INSTANCE_STOPPING;
    if (gone)
        return give_up(p, *i.state_reason ? i.state_reason : "it is no longer running", err);
    if (now - since > p->config->image.boot_limit_s * 1000)
        return give_up(p, "it does not answer within image.boot_limit", err);
    const char *address = i.state == INSTANCE_RUNNING ? osv_address(p->config, &i) : "";
    *again_ms = look_again_ms(now, since, reused ? 0 : p->w->expected.s[STEP_INSTANCE] * 1000);
    if (!*address)
        return STEP_WAIT;
    if (reused && fact(p, "bake.files") && *fact(p, "bake.files"))
        return make_clean(p, address, again_ms, err);
    if (!guest_answers(p, address, err)) {
        now = pipeline_now_ms(p);
        if (now - p->port_open_ms > PORT_TRUST_MS)
            p->port_open_ms = 0;
        *again_ms = look_again_ms(now, since, reused ? 0 : p->w->expected.s[STEP_INSTANCE] * 1000);
        return p->stopping ? STEP_STOP : STEP_WAIT;
    }
    struct journal_fact facts[] = {
        {"bake.address", address}, {"bake.ready", "1"}, {"bake.public", *i.public_ip ? "1" : NULL}};
    if (journal_notes(p->journal, NAME, facts, 3, err))
        return STEP_STOP;
    return step_done(p, STEP_INSTANCE, NULL, NULL, err);
}

/* The port of OSv's REST API, for the runner's own address; closed with what else the run leaves (gc.h). Claimed and
 * opened by each process that goes on with the run, before it first reaches the instance, and again after a guest did
 * not answer: whoever shares the group from another store knows nothing of our claim. */
enum step_result instance_open_port(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    static const char action[] = "AuthorizeSecurityGroupIngress";
    char text[GC_PORT_TEXT_SIZE];
    struct aws_error error;
    const struct config_network *network = &p->config->network;
    struct port port = {network->security_group, network->runner_cidr, (int)p->config->osv.port};
    if (p->port_open_ms || !network->open_port || !*network->security_group)
        return STEP_DONE;
    int code = port_claim(p->w->state, &port, p->env->name, p->record.run, pipeline_now_ms(p), err);
    if (code == PORT_CLOSING) {
        *again_ms = pipeline_now_ms(p) + PORT_WAIT_MS;
        return STEP_WAIT;
    }
    gc_port_text(text, p->record.run, p->config->project, p->env->name);
    if (code || journal_intent(p->journal, NAME, action, text, err))
        return STEP_STOP;
    if (cloud_open_port(&p->cloud, port.group, port.port, port.cidr, text, &error)) {
        enum step_result result = call_failed(p, STEP_INSTANCE, action, &error, again_ms, err);
        if (result != STEP_STOP && journal_outcome(p->journal, NAME, action, false, error.code, NULL, 0, err))
            return STEP_STOP;
        return result;
    }
    if (journal_outcome(p->journal, NAME, action, true, port.cidr, NULL, 0, err))
        return STEP_STOP;
    p->port_open_ms = pipeline_now_ms(p);
    p->trouble_ms[STEP_INSTANCE] = 0;
    return STEP_DONE;
}

enum step_result poll_instance(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    bool tried = false;
    if (!bake_needed(p))
        return STEP_DONE;
    enum step_result opened = fact(p, "bake.instance") ? instance_open_port(p, again_ms, err) : STEP_DONE;
    if (opened != STEP_DONE || fact(p, "bake.ready"))
        return opened;
    if (fact(p, "bake.instance") && instance_keep_guard(p, err))
        return STEP_STOP;
    if (fact(p, "bake.instance"))
        return bring_up(p, again_ms, err);
    if (!step_is_done(p, STEP_BUILD) && !fact(p, "bake.attempt")) {
        int64_t due_ms = launch_due_ms(p);
        if (pipeline_now_ms(p) < due_ms) {
            *again_ms = due_ms;
            return STEP_WAIT;
        }
    }
    enum step_result result = try_kept(p, &tried, again_ms, err);
    return tried ? launch(p, again_ms, err) : result;
}
