#include "scheduler/decision.h"

#include <string.h>

#define PENDING_MAX 100000

/* failed: the commit of the last deployment, where that was no success. */
static int last_deployed(const struct pipeline_world *w, char commit[72], char failed[72], int64_t *ended_s,
                         struct err *err)
{
    struct deployments list = {0};
    int code = deployments_list(w->state, w->environment->name, &list, err);
    commit[0] = failed[0] = '\0';
    *ended_s = 0;
    if (code || !list.items)
        return code;
    const struct deployment *d = deployments_last_good(&list, NULL);
    const struct deployment *last = &list.items[list.count - 1];
    if (d)
        str_fit(commit, 72, "%s", d->commit);
    if (last != d && strcmp(last->state, "running") != 0)
        str_fit(failed, 72, "%s", last->commit);
    *ended_s = (last->ended_ms + 999) / 1000;
    deployments_release(&list);
    return code;
}

static int fire_at(struct decision *out, const struct pipeline_world *w, const struct commits *c, int64_t free_s,
                   int64_t now_s, struct err *err)
{
    struct rates rates;
    struct kept_bake kept;
    int64_t version;
    const struct config_policy *policy = &w->environment->policy;
    int code = rates_make(&rates, w->config, w->environment, w->environment->instance_type, w->catalog, now_s, err);
    if (!code)
        code = kept_bake_get(w->state, w->environment->name, &kept, &version, err);
    if (code)
        return code;
    const int64_t *s = w->expected.s;
    struct terms terms = {.prepare_s = s[STEP_PULL] + s[STEP_BUILD],
                          .boot_s = s[STEP_INSTANCE],
                          .bake_s = s[STEP_UPLOAD] + s[STEP_COMMAND_LINE] + s[STEP_IMAGE],
                          .rollout_s = s[STEP_REGISTER] + s[STEP_ROLLOUT],
                          .regime = rates.regime,
                          .price_per_hour = rates.bake_per_hour,
                          .per_deploy = policy->per_deploy,
                          .delay_price_per_commit_hour = policy->delay_price,
                          .margin_s = policy->margin_s};
    code = policy_check(&policy->policy, &terms, err);
    if (code)
        return code;
    struct decider d = policy_decider(&policy->policy, &terms);
    struct rental rental = {.open = kept.instance[0] && kept.until_ms / 1000 > now_s,
                            .begin = kept.launched_ms / 1000,
                            .busy_until = kept.freed_ms / 1000,
                            .kept_until = kept.until_ms / 1000};
    struct pending pending = {.count = (int64_t)c->count, .oldest = c->items[0].arrived_s};
    for (size_t i = 0; i < c->count; i++)
        pending.arrival_sum += c->items[i].arrived_s;
    out->at_s = policy_fire_at(&d, free_s, &pending, &rental);
    return 0;
}

static void choose(struct decision *out, const struct commits *c, enum trigger_kind trigger)
{
    const struct git_commit *taken = trigger == TRIGGER_EVERY ? &c->items[0] : &c->items[c->count - 1];
    out->kind = DECIDE_DEPLOY;
    out->commits = trigger == TRIGGER_EVERY ? 1 : (int64_t)c->count;
    str_fit(out->commit, sizeof(out->commit), "%s", taken->id);
}

static int judge(struct decision *out, const struct pipeline_world *w, const struct commits *c, int64_t free_s,
                 bool now, const char *failed, struct err *err)
{
    const struct config_policy *policy = &w->environment->policy;
    int64_t now_s = w->transport->now_ms(w->transport->self) / 1000;
    char at[INSTANT_TEXT_SIZE];
    out->pending = (int64_t)c->count;
    if (!c->count) {
        out->kind = DECIDE_NOTHING;
        str_fit(out->why, sizeof(out->why), "nothing waits to be deployed");
        return 0;
    }
    const struct git_commit *next = policy->policy.trigger.kind == TRIGGER_EVERY ? c->items : &c->items[c->count - 1];
    if (!now && strcmp(next->id, failed) == 0) {
        out->kind = DECIDE_NOTHING;
        str_fit(out->why, sizeof(out->why), "%.12s failed; another commit is awaited (--now tries it again)", failed);
        return 0;
    }
    int code = now ? 0 : fire_at(out, w, c, free_s, now_s, err);
    if (code)
        return code;
    if (now || out->at_s <= now_s) {
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

int decide(struct decision *out, const struct pipeline_world *w, bool now, struct err *err)
{
    char deployed[72];
    char failed[72];
    char head[GIT_COMMIT_SIZE];
    int64_t free_s = 0;
    struct commits c;
    *out = (struct decision){.at_s = POLICY_NEVER};
    int code = fetch(w, err);
    if (!code)
        code = last_deployed(w, deployed, failed, &free_s, err);
    if (!code)
        code = head_of(w, head, err);
    if (!code)
        code = git_pending(w->config->repository.path, deployed, head, PENDING_MAX, &c, err);
    if (code)
        return code;
    code = judge(out, w, &c, free_s, now, failed, err);
    commits_release(&c);
    return code;
}

int decide_commit(struct decision *out, const struct pipeline_world *w, const char *revision, struct err *err)
{
    *out = (struct decision){.kind = DECIDE_DEPLOY, .commits = 1, .pending = 1};
    str_fit(out->why, sizeof(out->why), "asked for");
    int code = fetch(w, err);
    return code ? code : git_resolve(w->config->repository.path, revision, out->commit, err);
}
