/* cmd_watch.c - bakehour watch: follows the branch and deploys as the policy says, until it is asked to stop. */
#include <string.h>

#include "base/out.h"
#include "scheduler/commands.h"
#include "scheduler/decision.h"
#include "scheduler/deploying.h"

struct args {
    struct site_options where;
    int64_t every_s, most;
    const char *override;
    bool yes;
};

static int set_every(void *field, const char *value, struct err *err)
{
    int code = duration_parse(value, field, err);
    if (!code && *(int64_t *)field < 5)
        code = err_set(err, EXIT_INPUT, "\"%.40s\": at least 5 s lie between two looks", value);
    return code;
}

static const struct opt options[] = {
    {"What", OPT_HEADING, NULL, NULL, NULL, 0},
    {"every", OPT_VALUE, "DURATION", "between two looks at the branch (default: 60s)", set_every,
     offsetof(struct args, every_s)},
    {"deployments", OPT_VALUE, "N", "ends after so many (default: never)", opt_count, offsetof(struct args, most)},
    {"yes", OPT_FLAG, NULL, "deploys without asking; needed, since nobody is there to ask", opt_flag,
     offsetof(struct args, yes)},
    {"override", OPT_VALUE, "REASON", "goes on over a hard budget; the reason is booked", deploying_opt_reason,
     offsetof(struct args, override)},
    SITE_OPTIONS(struct args, where),
    SITE_CLOUD_OPTIONS(struct args, where),
    OPT_END,
};

/* A kept bake instance whose time is over is ended by whoever is awake. */
static int tidy(const struct deploying *d, struct err *err)
{
    struct kept_bake kept;
    int64_t version;
    bool found = false;
    const struct pipeline_world *w = &d->site->world;
    int code = kept_bake_get(w->state, d->site->environment->name, &kept, &version, err);
    if (code || !kept.instance[0] || kept.until_ms > w->transport->now_ms(w->transport->self))
        return code;
    enum pipeline_end end = pipeline_recover(w, &found, err);
    return end == PIPELINE_COMPLETED || end == PIPELINE_BUSY ? 0 : pipeline_exit_code(end);
}

/* One look. *again_s: when to look again at the latest. */
static int look(const struct deploying *d, const struct args *args, struct recall *recall, int64_t *done,
                int64_t *again_s, struct err *err)
{
    struct decision decision;
    int64_t now_s = d->site->world.transport->now_ms(d->site->world.transport->self) / 1000;
    *again_s = now_s + (args->every_s ? args->every_s : 60);
    int code = deploying_adopt(d, err);
    if (!code)
        code = tidy(d, err);
    if (!code)
        code = decide(&decision, &d->site->world, false, recall, err);
    if (code)
        return code;
    if (decision.kind == DECIDE_WAIT && decision.at_s < *again_s)
        *again_s = decision.at_s > now_s ? decision.at_s : now_s + 1;
    if (decision.kind != DECIDE_DEPLOY)
        return 0;
    struct pipeline_order order = {.kind = "deploy",
                                   .commit = decision.commit,
                                   .commits = decision.commits,
                                   .standing = decision.standing,
                                   .last = decision.last};
    code = deploying_run(d, &order, err);
    *again_s = now_s;
    if (code == DEPLOYING_OVERTAKEN)
        return 0;
    site_learn(d->site);
    ++*done;
    fflush(d->site->session->out);
    return code;
}

/* What ends it: a signal, a rollback that failed, a budget, bad input. A deployment that failed does not, but its
 * commit is not tried again until another arrives: the policy counts from the last deployment. */
static bool goes_on(int code)
{
    return code == 0 || code == EXIT_FAILED || code == EXIT_ROLLED_BACK || code == EXIT_STORM_CAP;
}

static int watch(const struct deploying *d, const struct args *args, struct recall *recall, struct err *err)
{
    const struct site *site = d->site;
    struct transport *t = site->transport;
    int64_t done = 0;
    for (;;) {
        int64_t again_s = 0;
        int code = look(d, args, recall, &done, &again_s, err);
        if (code && goes_on(code)) {
            session_note(site->session, "%s", err->text);
            again_s = t->now_ms(t->self) / 1000 + 300;
        } else if (code == EXIT_WAIT) {
            return 0; /* asked to leave, in good order */
        } else if (code) {
            return code;
        }
        if (args->most && done >= args->most)
            return code;
        int64_t wait_ms = again_s * 1000 - t->now_ms(t->self);
        if (wait_ms > 0 && t->sleep_ms(t->self, wait_ms))
            return 0;
    }
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct site site;
    if (session->json || session->csv)
        return err_set(err, EXIT_INPUT, "watch has no end to print one document at; sinks and 'history' tell the same");
    if (!args->yes)
        return err_set(err, EXIT_INPUT, "watch deploys without asking; say --yes");
    int code = site_open(&site, &args->where, true, session, err);
    if (code)
        return code;
    struct deploying d = {.site = &site, .override = args->override, .yes = args->yes};
    struct recall *recall = recall_new();
    code = watch(&d, args, recall, err);
    recall_free(recall);
    site_close(&site);
    return code;
}

const struct command cmd_watch = {
    .name = "watch",
    .summary = "follow the branch and deploy as the policy says",
    .about = "Looks at the branch again and again, deploys when the policy says so, ends a kept bake instance when its "
             "time is over. SIGINT and SIGTERM end it within 5 s, in an order that resume goes on from.",
    .example = "bakehour watch --yes\nbakehour watch --env internal --every 30s --yes",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
