/* cmd_deploy.c - bakehour deploy, resume, rollback and promote: one decision, one run. */
#include <string.h>

#include "base/num.h"
#include "base/out.h"
#include "base/page.h"
#include "scheduler/commands.h"
#include "scheduler/decision.h"
#include "scheduler/deploying.h"
#include "scheduler/promote.h"
#include "scheduler/state_snapshot.h"

struct args {
    struct site_options where;
    const char *commit, *override, *from;
    int64_t to;
    bool now, dry_run, yes, detach;
};

#define RUN_OPTIONS                                                                                                    \
    {"dry-run", OPT_FLAG,                                                                                              \
     NULL,      "shows the plan and its price; changes nothing",                                                       \
     opt_flag,  offsetof(struct args, dry_run)},                                                                       \
        {"yes",    OPT_FLAG,                                                                                           \
         NULL,     "does not ask (needed where there is no terminal)",                                                 \
         opt_flag, offsetof(struct args, yes)},                                                                        \
    {                                                                                                                  \
        "override", OPT_VALUE, "REASON", "goes on over a hard budget; the reason is booked", deploying_opt_reason,     \
            offsetof(struct args, override)                                                                            \
    }

static const struct opt deploy_options[] = {
    {"What", OPT_HEADING, NULL, NULL, NULL, 0},
    {"now", OPT_FLAG, NULL, "deploys what waits, whatever the policy says", opt_flag, offsetof(struct args, now)},
    {"commit", OPT_VALUE, "REV", "deploys this commit", opt_text, offsetof(struct args, commit)},
    RUN_OPTIONS,
    {"detach", OPT_FLAG, NULL, "leaves while the image is made; a later deploy or resume goes on", opt_flag,
     offsetof(struct args, detach)},
    SITE_OPTIONS(struct args, where),
    SITE_CLOUD_OPTIONS(struct args, where),
    OPT_END,
};

static const struct opt resume_options[] = {
    SITE_OPTIONS(struct args, where),
    SITE_CLOUD_OPTIONS(struct args, where),
    OPT_END,
};

static const struct opt rollback_options[] = {
    {"What", OPT_HEADING, NULL, NULL, NULL, 0},
    {"to", OPT_VALUE, "N", "the deployment to go back to (default: the last good one before)", opt_count,
     offsetof(struct args, to)},
    RUN_OPTIONS,
    SITE_OPTIONS(struct args, where),
    SITE_CLOUD_OPTIONS(struct args, where),
    OPT_END,
};

static const struct opt promote_options[] = {
    {"What", OPT_HEADING, NULL, NULL, NULL, 0},
    {"from", OPT_VALUE, "ENV", "the environment whose last good image is taken (default: the one before)", opt_text,
     offsetof(struct args, from)},
    RUN_OPTIONS,
    SITE_OPTIONS(struct args, where),
    SITE_CLOUD_OPTIONS(struct args, where),
    OPT_END,
};

static struct deploying deploying_of(const struct args *args, struct site *site, cJSON *document)
{
    return (struct deploying){
        .site = site, .document = document, .override = args->override, .dry_run = args->dry_run, .yes = args->yes};
}

/* The part of a command between an open site and a closed one. */
typedef int body(const struct args *args, const struct deploying *d, struct err *err);

static int with_site(const char *name, struct session *session, const struct args *args, body *run, struct err *err)
{
    struct site site;
    cJSON *document = session->json ? json_document(name) : NULL;
    int code = site_open(&site, &args->where, true, session, err);
    if (!code) {
        struct deploying d = deploying_of(args, &site, document);
        site.world.detach = args->detach;
        code = run(args, &d, err);
        site_close(&site);
    }
    bool said = document && cJSON_GetArraySize(document) > 1 && code != EXIT_INPUT;
    if (said)
        json_print(document, session->out);
    else
        cJSON_Delete(document);
    return code;
}

static void tell_decision(const struct deploying *d, const struct decision *decision)
{
    static const char *const kinds[] = {"deploy", "wait", "nothing"};
    char at[INSTANT_TEXT_SIZE];
    if (!d->document) {
        if (decision->kind != DECIDE_DEPLOY)
            page_say(d->site->session, 0, "%c%s",
                     decision->why[0] - ('a' <= decision->why[0] && decision->why[0] <= 'z' ? 32 : 0),
                     decision->why + 1);
        return;
    }
    json_text(d->document, "decision", kinds[decision->kind]);
    json_text(d->document, "why", decision->why);
    json_i64(d->document, "pending", decision->pending);
    bool timed = decision->kind == DECIDE_WAIT && decision->at_s != POLICY_NEVER;
    json_text(d->document, "come_back_at", timed ? calendar_text(decision->at_s, at) : NULL);
}

/* What was said of a decision that did not stand. */
static void unsay(cJSON *document)
{
    static const char *const names[] = {"decision", "why", "pending", "come_back_at", "plan"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        cJSON_DeleteItemFromObjectCaseSensitive(document, names[i]);
}

static int decide_and_run(const struct args *args, const struct deploying *d, struct err *err)
{
    struct decision decision;
    int code = deploying_adopt(d, err);
    if (code)
        return code;
    code = args->commit ? decide_commit(&decision, &d->site->world, args->commit, err)
                        : decide(&decision, &d->site->world, args->now, NULL, err);
    if (code)
        return code;
    state_snapshot_drop(&d->site->state); /* a person may take long to answer */
    tell_decision(d, &decision);
    if (decision.kind != DECIDE_DEPLOY)
        return decision.kind == DECIDE_WAIT ? EXIT_WAIT : 0;
    struct pipeline_order order = {.kind = "deploy",
                                   .commit = decision.commit,
                                   .commits = decision.commits,
                                   .standing = decision.standing,
                                   .last = decision.last};
    return deploying_run(d, &order, err);
}

/* As often as another run was quicker: each time one more deployment is done. */
static int deploy(const struct args *args, const struct deploying *d, struct err *err)
{
    int code = decide_and_run(args, d, err);
    while (code == DEPLOYING_OVERTAKEN) {
        unsay(d->document);
        code = decide_and_run(args, d, err);
    }
    return code;
}

static int resume(const struct args *args, const struct deploying *d, struct err *err)
{
    struct deployment record;
    bool found = false;
    (void)args;
    enum pipeline_end end = pipeline_resume(&d->site->world, &found, &record, err);
    if (!found && end == PIPELINE_COMPLETED) {
        if (d->document)
            json_bool(d->document, "found", false);
        else
            fprintf(d->site->session->out, "Nothing is unfinished in %s.\n", d->site->environment->name);
        return 0;
    }
    if (end == PIPELINE_STOPPED || end == PIPELINE_BUSY || end == PIPELINE_LOST) {
        session_note(d->site->session, "%s", err->text);
        return pipeline_exit_code(end);
    }
    if (d->document)
        json_bool(d->document, "found", true);
    deploying_tell(d, &record);
    return pipeline_exit_code(end);
}

static struct pipeline_order order_of(const char *kind, const struct deployment *d)
{
    return (struct pipeline_order){.kind = kind,
                                   .commit = d->commit,
                                   .commits = d->commits,
                                   .image = d->image,
                                   .image_name = d->image_name,
                                   .sha256 = d->sha256,
                                   .bake_key = d->bake_key,
                                   .source = d->environment};
}

static const struct deployment *chosen(const struct deployments *list, int64_t to, const char *environment,
                                       struct err *err)
{
    const struct deployment *now = deployments_last_good(list, NULL);
    if (!to) {
        const struct deployment *before = now ? deployments_last_good(list, now) : NULL;
        while (before && strcmp(before->image, now->image) == 0)
            before = deployments_last_good(list, before);
        if (!before)
            err_set(err, EXIT_INPUT, "%s has no good deployment before the present one", environment);
        return before;
    }
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].number == to && strcmp(list->items[i].state, "completed") == 0)
            return &list->items[i];
    err_set(err, EXIT_INPUT, "deployment %lld of %s is none that was completed ('bakehour history' lists them)",
            (long long)to, environment);
    return NULL;
}

/* The number of the last deployment, which a choice that was made by looking back rests on. */
static int stand_on_last(const struct deploying *d, struct pipeline_order *order, struct err *err)
{
    struct deployment last = {.number = 0};
    bool found = false;
    int code = deployment_find(&d->site->state, d->site->environment->name, 0, &last, &found, err);
    order->standing = true;
    order->last = last.number;
    return code;
}

/* A person chose: not chosen anew. */
static int run_chosen(const struct deploying *d, const struct pipeline_order *order, struct err *err)
{
    int code = deploying_run(d, order, err);
    return code == DEPLOYING_OVERTAKEN ? EXIT_WAIT : code;
}

static int rollback(const struct args *args, const struct deploying *d, struct err *err)
{
    struct deployments list = {0};
    int code = deploying_adopt(d, err);
    if (!code)
        code = deployments_list(&d->site->state, d->site->environment->name, &list, err);
    if (code)
        return code;
    const struct deployment *target = chosen(&list, args->to, d->site->environment->name, err);
    code = target ? 0 : EXIT_INPUT;
    if (target) {
        struct pipeline_order order = order_of("rollback", target);
        order.standing = true;
        order.last = list.items[list.count - 1].number;
        code = run_chosen(d, &order, err);
    }
    deployments_release(&list);
    return code;
}

/* --env is where the image goes; it comes from --from, or from the environment before. */
static int promote(const struct args *args, const struct deploying *d, struct err *err)
{
    struct arena arena;
    struct pipeline_order order;
    bool by_tags = false;
    const struct config *c = d->site->config;
    const struct config_environment *to = d->site->environment;
    const struct config_environment *from = to > c->environments.items ? to - 1 : NULL;
    const char *name = to->name;
    if (args->from)
        from = config_environment(c, args->from, err);
    if (args->from && !from)
        return EXIT_INPUT;
    if (!from || from == to)
        return err_set(err, EXIT_INPUT, "%s is the first environment; --env names where to promote to", name);
    int code = deploying_adopt(d, err);
    if (code)
        return code;
    arena_init(&arena);
    code = promote_order(&d->site->world, from, &arena, &order, &by_tags, err);
    if (!code && by_tags)
        session_note(d->site->session, "the store knows nothing of %s; its newest proven image by its tags is %s",
                     from->name, order.image);
    if (!code)
        code = stand_on_last(d, &order, err);
    if (!code)
        code = run_chosen(d, &order, err);
    arena_release(&arena);
    return code;
}

static int run_deploy(struct session *session, void *data, struct err *err)
{
    struct args *args = data;
    args->where.one_look = true;
    return with_site("deploy", session, args, deploy, err);
}

static int run_resume(struct session *session, void *args, struct err *err)
{
    return with_site("resume", session, args, resume, err);
}

static int run_rollback(struct session *session, void *args, struct err *err)
{
    return with_site("rollback", session, args, rollback, err);
}

static int run_promote(struct session *session, void *args, struct err *err)
{
    return with_site("promote", session, args, promote, err);
}

const struct command cmd_deploy = {
    .name = "deploy",
    .summary = "one decision of the policy and, if it says now, the pipeline",
    .about =
        "Looks at the branch, asks the policy, and deploys what waits, or says when to come back (exit code 75). An "
        "unfinished run is finished first. The plan is shown with its price before anything changes, and the statement "
        "with what it cost when it has ended.\n\n"
        "Exit codes: 0 deployed, or nothing waits; 1 failed before the group was touched; 5 rolled back; 6 stopped by "
        "the storm cap; 7 the rollback failed, a person is needed; 3 over a hard budget; 75 wait, or left in good "
        "order: on a signal, or "
        "with --detach while the image is made.",
    .example = "bakehour deploy --dry-run --now\nbakehour deploy --yes\n"
               "bakehour deploy --env production --commit v1.2 --yes",
    .options = deploy_options,
    .args_size = sizeof(struct args),
    .run = run_deploy,
};

const struct command cmd_resume = {
    .name = "resume",
    .summary = "finish a run that was interrupted",
    .about = "Goes on where the journal ends: nothing that was done is done twice. Exit codes as of deploy.",
    .example = "bakehour resume\nbakehour resume --env production --json",
    .options = resume_options,
    .args_size = sizeof(struct args),
    .run = run_resume,
};

const struct command cmd_rollback = {
    .name = "rollback",
    .summary = "go back to an image that was deployed before",
    .about = "Rolls out the image of the last good deployment before the present one, or of --to N, with the same "
             "engine, smoke tests and storm cap as any deployment. Nothing is built or baked.",
    .example = "bakehour rollback --dry-run\nbakehour rollback --to 41 --env production --yes",
    .options = rollback_options,
    .args_size = sizeof(struct args),
    .run = run_rollback,
};

const struct command cmd_promote = {
    .name = "promote",
    .summary = "take the image of one environment to the next",
    .about =
        "Rolls out the last good image of the environment before --env (or of --from) to --env: the same image, "
        "copied where the group is in another region, shared where it is in another account. Where the store knows "
        "nothing of that environment, the image that its tags say was proven last.",
    .example = "bakehour promote --env production --yes\nbakehour promote --from internal --env staging --dry-run",
    .options = promote_options,
    .args_size = sizeof(struct args),
    .run = run_promote,
};
