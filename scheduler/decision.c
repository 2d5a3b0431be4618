#include "scheduler/decision.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PENDING_MAX 100000
#define PAST_MAX    350000 /* commits of the branch that a trigger that learns is told: git.c takes no more */

/* What is known when a decision is asked for. */
struct known {
    const struct pipeline_world *w;
    struct recall *recall;
    int64_t now_s;
    char deployed[72], failed[72]; /* failed: the commit of the last deployment, where that was no success */
    char head[GIT_COMMIT_SIZE];
    int64_t free_s; /* INSTANT_MIN: nothing was deployed yet */
    int64_t last;   /* the last deployment's number; 0: none */
    struct deployments deployments;
    struct commits pending;
};

static int last_deployed(struct known *k, struct err *err)
{
    struct deployments *list = &k->deployments;
    bool all = policy_learns(k->w->environment->policy.policy.trigger.kind);
    int code = (all ? deployments_list : deployments_newest)(k->w->state, k->w->environment->name, list, err);
    if (code || !list->items)
        return code;
    const struct deployment *d = deployments_last_good(list, NULL);
    const struct deployment *last = &list->items[list->count - 1];
    if (d)
        str_fit(k->deployed, sizeof(k->deployed), "%s", d->commit);
    if (last != d && strcmp(last->state, "running") != 0)
        str_fit(k->failed, sizeof(k->failed), "%s", last->commit);
    k->free_s = last->ended_ms / 1000;
    k->last = last->number;
    return code;
}

static int terms_now(struct terms *out, const struct known *k, struct err *err)
{
    const struct pipeline_world *w = k->w;
    const struct config_policy *policy = &w->environment->policy;
    const int64_t *s = w->expected.s;
    struct rates rates;
    int code = rates_make(&rates, w->config, w->environment, w->environment->instance_type, w->catalog, k->now_s, err);
    if (code)
        return code;
    *out = (struct terms){.prepare_s = s[STEP_PULL] + s[STEP_BUILD],
                          .boot_s = s[STEP_INSTANCE],
                          .bake_s = s[STEP_UPLOAD] + s[STEP_COMMAND_LINE] + s[STEP_IMAGE],
                          .rollout_s = s[STEP_REGISTER] + s[STEP_ROLLOUT],
                          .regime = rates.regime,
                          .price_per_hour = rates.bake_per_hour,
                          .per_deploy = policy->per_deploy,
                          .delay_price_per_commit_hour = policy->delay_price,
                          .margin_s = policy->margin_s};
    return policy_check(&policy->policy, out, err);
}

/* The deployments that the outlook is told: those that took what was pending. */
static struct recall_start *starts_of(const struct deployments *list, size_t *count)
{
    struct recall_start *starts = mem_array(NULL, list->count + 1, sizeof(*starts));
    *count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct deployment *d = &list->items[i];
        if (strcmp(d->state, "completed") == 0 && strcmp(d->kind, "deploy") == 0)
            starts[(*count)++] = (struct recall_start){d->started_ms / 1000, d->ended_ms / 1000, d->commits};
    }
    return starts;
}

static int fire_by_past(int64_t *at_s, const struct known *k, const struct decider *d, const struct rental *rental,
                        struct err *err)
{
    struct recall_past past = {.pending = k->pending.count, .free_at = k->free_s};
    struct recall *recall = k->recall ? k->recall : recall_new();
    int64_t *times = NULL;
    int code = git_arrivals(k->w->config->repository.path, k->head, PAST_MAX, &times, &past.commits, err);
    struct recall_start *starts = starts_of(&k->deployments, &past.count);
    for (size_t i = 0; i < past.commits; i++)
        times[i] = times[i] < k->now_s ? times[i] : k->now_s;
    past.at_s = times;
    past.starts = starts;
    past.pending = past.pending < past.commits ? past.pending : past.commits;
    if (!code)
        code = recall_fire_at(recall, d, &past, rental, at_s, err);
    free(starts);
    free(times);
    if (!k->recall)
        recall_free(recall);
    return code;
}

static int fire_at(int64_t *at_s, const struct known *k, struct err *err)
{
    struct terms terms;
    struct kept_bake kept;
    int64_t version;
    const struct policy *policy = &k->w->environment->policy.policy;
    int code = terms_now(&terms, k, err);
    if (!code)
        code = kept_bake_get(k->w->state, k->w->environment->name, &kept, &version, err);
    if (code)
        return code;
    struct decider d = policy_decider(policy, &terms);
    struct rental rental = {.open = kept.instance[0] && kept.until_ms / 1000 > k->now_s,
                            .begin = kept.launched_ms / 1000,
                            .busy_until = kept.freed_ms / 1000,
                            .kept_until = kept.until_ms / 1000};
    if (policy_learns(policy->trigger.kind))
        return fire_by_past(at_s, k, &d, &rental, err);
    struct pending pending = {.count = (int64_t)k->pending.count, .oldest = k->pending.items[0].arrived_s};
    for (size_t i = 0; i < k->pending.count; i++)
        pending.arrival_sum += k->pending.items[i].arrived_s;
    *at_s = policy_fire_at(&d, k->free_s, &pending, &rental);
    return 0;
}

static void choose(struct decision *out, const struct commits *c, enum trigger_kind trigger)
{
    const struct git_commit *taken = trigger == TRIGGER_EVERY ? &c->items[0] : &c->items[c->count - 1];
    out->kind = DECIDE_DEPLOY;
    out->commits = trigger == TRIGGER_EVERY ? 1 : (int64_t)c->count;
    str_fit(out->commit, sizeof(out->commit), "%s", taken->id);
}

static int judge(struct decision *out, const struct known *k, bool now, struct err *err)
{
    const struct config_policy *policy = &k->w->environment->policy;
    const struct commits *c = &k->pending;
    char at[INSTANT_TEXT_SIZE];
    out->pending = (int64_t)c->count;
    if (!c->count) {
        out->kind = DECIDE_NOTHING;
        str_fit(out->why, sizeof(out->why), "nothing waits to be deployed");
        return 0;
    }
    const struct git_commit *next = policy->policy.trigger.kind == TRIGGER_EVERY ? c->items : &c->items[c->count - 1];
    if (!now && strcmp(next->id, k->failed) == 0) {
        out->kind = DECIDE_NOTHING;
        str_fit(out->why, sizeof(out->why), "%.12s failed; another commit is awaited (--now tries it again)",
                k->failed);
        return 0;
    }
    int code = now ? 0 : fire_at(&out->at_s, k, err);
    if (code)
        return code;
    if (now || out->at_s <= k->now_s) {
        choose(out, c, policy->policy.trigger.kind);
        str_fit(out->why, sizeof(out->why), "%s", now ? "asked for" : policy->trigger_text);
        return 0;
    }
    out->kind = DECIDE_WAIT;
    if (out->at_s == POLICY_NEVER)
        str_fit(out->why, sizeof(out->why), "%.40s waits for more commits; %lld so far", policy->trigger_text,
                (long long)out->pending);
    else
        str_fit(out->why, sizeof(out->why), "%.40s says wait until %s", policy->trigger_text,
                calendar_text(out->at_s, at));
    return 0;
}

static int fetch(const struct pipeline_world *w, struct err *err)
{
    const struct config_repository *r = &w->config->repository;
    return r->fetch && *r->remote ? git_fetch(r->path, r->remote, r->branch, err) : 0;
}

static int head_of(const struct pipeline_world *w, char head[GIT_COMMIT_SIZE], struct err *err)
{
    const struct config_repository *r = &w->config->repository;
    char name[300];
    if (!*r->remote)
        return git_resolve(r->path, r->branch, head, err);
    str_fit(name, sizeof(name), "%.90s/%.200s", r->remote, r->branch);
    return git_resolve(r->path, name, head, err);
}

int decide(struct decision *out, const struct pipeline_world *w, bool now, struct recall *recall, struct err *err)
{
    struct known k = {
        .w = w, .recall = recall, .now_s = w->transport->now_ms(w->transport->self) / 1000, .free_s = INSTANT_MIN};
    *out = (struct decision){.at_s = POLICY_NEVER, .standing = true};
    int code = fetch(w, err);
    if (!code)
        code = last_deployed(&k, err);
    out->last = k.last;
    if (!code)
        code = head_of(w, k.head, err);
    if (!code)
        code = git_pending(w->config->repository.path, k.deployed, k.head, PENDING_MAX, &k.pending, err);
    for (size_t i = 0; i < k.pending.count; i++)
        if (k.pending.items[i].arrived_s > k.now_s)
            k.pending.items[i].arrived_s = k.now_s;
    if (!code)
        code = judge(out, &k, now, err);
    deployments_release(&k.deployments);
    commits_release(&k.pending);
    return code;
}

int decide_commit(struct decision *out, const struct pipeline_world *w, const char *revision, struct err *err)
{
    *out = (struct decision){.kind = DECIDE_DEPLOY, .commits = 1, .pending = 1};
    str_fit(out->why, sizeof(out->why), "asked for");
    int code = fetch(w, err);
    return code ? code : git_resolve(w->config->repository.path, revision, out->commit, err);
}
