#include "scheduler/config_check.h"

#include <ctype.h>
#include <regex.h>
#include <stdarg.h>
#include <string.h>

#include "base/num.h"
#include "base/opt.h"
#include "billing/budget_config.h"
#include "scheduler/held.h"
#include "scheduler/port.h"

/* The node at a path such as "environments.0.policy.trigger"; the nearest one that is there. */
static const cJSON *node_at(const struct config *c, const char *path)
{
    const cJSON *node = c->document;
    while (*path) {
        char part[64];
        int64_t index = 0;
        size_t len = strcspn(path, ".");
        str_fit(part, sizeof(part), "%.*s", (int)(len < 60 ? len : 60), path);
        const cJSON *next = cJSON_IsArray(node) && num_i64(part, strlen(part), &index) == 0
                                ? cJSON_GetArrayItem(node, (int)index)
                                : cJSON_GetObjectItemCaseSensitive(node, part);
        if (!next)
            return node;
        node = next;
        path += len + (path[len] == '.');
    }
    return node;
}

static void bad(const struct config *c, struct diag *diag, const char *path, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void bad(const struct config *c, struct diag *diag, const char *path, const char *fmt, ...)
{
    struct str text;
    size_t line = 0;
    size_t column = 0;
    va_list args;
    str_init(&text, 0);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    config_position(c, node_at(c, path), false, &line, &column);
    diag_at(diag, c->file, line, column, "%s", text.text);
    str_release(&text);
}

/* Names go into tags, image names and keys of the store. */
static bool plain_name(const char *name)
{
    size_t len = strlen(name);
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("-_.", *at))
            return false;
    return len > 0 && len <= 40;
}

static void check_policy(struct config *c, struct diag *diag, struct config_policy *policy, const char *path)
{
    struct err err;
    char at[64];
    if (!policy->trigger_text || !policy->keep_text)
        return;
    str_fit(at, sizeof(at), "%s.trigger", path);
    if (policy_parse_trigger(policy->trigger_text, &policy->policy.trigger, &err))
        bad(c, diag, at, "%s", err.text);
    str_fit(at, sizeof(at), "%s.keep", path);
    if (policy_parse_keep(policy->keep_text, &policy->policy.keep, &err))
        bad(c, diag, at, "%s", err.text);
    else if (policy->policy.keep.kind == KEEP_HOUR && c->prices.regime && strcmp(c->prices.regime, "second") == 0)
        bad(c, diag, at, "\"keep\" hour belongs to the hourly regime; prices.regime says second");
    str_fit(at, sizeof(at), "%s.trigger", path);
    enum trigger_kind kind = policy->policy.trigger.kind;
    if (kind == TRIGGER_AREA && !policy->delay_price)
        bad(c, diag, at, "area:... needs \"delay_price_usd\": without it the threshold is never reached");
    if (kind >= TRIGGER_SQRT && kind <= TRIGGER_MDP && !policy->delay_price)
        bad(c, diag, at, "%.40s needs \"delay_price_usd\": it weighs waiting against money", policy->trigger_text);
}

static void check_smokes(struct config *c, struct diag *diag, const struct config_smokes *smokes, const char *path)
{
    for (size_t i = 0; i < smokes->count; i++) {
        const struct config_smoke *s = &smokes->items[i];
        char at[96];
        regex_t re;
        str_fit(at, sizeof(at), "%s.%zu.path", path, i);
        if (s->path && s->path[0] != '/')
            bad(c, diag, at, "a smoke test's \"path\" begins with /");
        str_fit(at, sizeof(at), "%s.%zu.body", path, i);
        if (s->body && *s->body) {
            int failed = regcomp(&re, s->body, REG_EXTENDED | REG_NOSUB);
            if (failed)
                bad(c, diag, at, "\"body\" is no POSIX extended regular expression");
            else
                regfree(&re);
        }
    }
}

/* What AWS's own refresh does not carry out is refused with it: a key that nothing reads promises too much. */
static void check_engine(struct config *c, struct diag *diag, const struct config_rollout *r, size_t i)
{
    char at[64];
    if (!r->engine || !r->canary || !r->replace || strcmp(r->engine, "refresh") != 0)
        return;
    const struct {
        const char *key;
        bool set;
    } keys[] = {{"canary", strcmp(r->canary, "alone") == 0},
                {"replace", strcmp(r->replace, "hour-end") == 0},
                {"drain", r->drain_s != 0}};
    for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
        str_fit(at, sizeof(at), "environments.%zu.rollout.%s", i, keys[k].key);
        if (keys[k].set)
            bad(c, diag, at,
                "the engine refresh of %.40s does not carry out \"%s\", since AWS picks instances and times: "
                "attach and step do",
                c->environments.items[i].name ? c->environments.items[i].name : "", keys[k].key);
    }
}

/* An instance refresh that may leave members away goes by their share, not by a number of instances. */
static void check_surge(struct config *c, struct diag *diag, const struct config_rollout *r, size_t i)
{
    char at[64];
    if (!r->engine || strcmp(r->engine, "refresh") != 0 || !r->surge || r->min_healthy_percent == 100)
        return;
    str_fit(at, sizeof(at), "environments.%zu.rollout.surge", i);
    bad(c, diag, at,
        "the engine refresh of %.40s does not carry out \"surge\": it goes by \"min_healthy_percent\" "
        "below 100; attach and step do",
        c->environments.items[i].name ? c->environments.items[i].name : "");
}

static void check_environment(struct config *c, struct diag *diag, size_t i)
{
    struct config_environment *e = &c->environments.items[i];
    char at[64];
    struct err err;
    struct str line;
    str_fit(at, sizeof(at), "environments.%zu.name", i);
    if (e->name && *e->name && !plain_name(e->name))
        bad(c, diag, at, "an environment's name has letters, digits, - _ . and at most 40 of them");
    for (size_t j = 0; e->name && j < i; j++)
        if (c->environments.items[j].name && strcmp(c->environments.items[j].name, e->name) == 0)
            bad(c, diag, at, "there is another environment \"%.60s\"", e->name);
    str_fit(at, sizeof(at), "environments.%zu.group", i);
    for (size_t j = 0; e->group && *e->group && j < i; j++)
        if (c->environments.items[j].group && strcmp(c->environments.items[j].group, e->group) == 0 &&
            strcmp(c->environments.items[j].region, e->region) == 0)
            bad(c, diag, at, "the group \"%.60s\" belongs to another environment already", e->group);
    str_fit(at, sizeof(at), "environments.%zu.policy", i);
    if (cJSON_GetObjectItemCaseSensitive(
            cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(c->document, "environments"), (int)i), "policy"))
        check_policy(c, diag, &e->policy, at);
    else
        e->policy = c->policy;
    str_fit(at, sizeof(at), "environments.%zu.smoke", i);
    if (!e->smoke.count)
        e->smoke = c->smoke;
    else
        check_smokes(c, diag, &e->smoke, at);
    if (e->rollout.engine && strcmp(e->rollout.engine, "step") == 0 && !e->rollout.dead_man) {
        str_fit(at, sizeof(at), "environments.%zu.rollout.engine", i);
        bad(c, diag, at,
            "the engine step names an image in the group's template before all of the group has it: it needs "
            "\"dead_man\": true");
    }
    check_engine(c, diag, &e->rollout, i);
    check_surge(c, diag, &e->rollout, i);
    if (!e->region || !*e->region)
        e->region = c->region;
    if (!e->retain_images)
        e->retain_images = c->retention.images;
    str_init(&line, 0);
    if (c->image.command_line && e->name &&
        config_command_line(c, e, "0123456789012345678901234567890123456789", &line, &err))
        bad(c, diag, "image.command_line", "%s", err.text);
    str_release(&line);
}

static bool safe_path(const char *path)
{
    return path[0] == '/' && path[1] && !strstr(path, "..") && !strpbrk(path, "?#% \"\\");
}

static void check_paths(struct config *c, struct diag *diag)
{
    char at[64];
    if (c->image.artifact_path && !safe_path(c->image.artifact_path))
        bad(c, diag, "image.artifact_path", "an absolute path without \"..\", blanks or ? # %% is needed");
    for (size_t i = 0; i < c->image.files.count; i++) {
        str_fit(at, sizeof(at), "image.files.%zu.to", i);
        if (c->image.files.items[i].to && *c->image.files.items[i].to && !safe_path(c->image.files.items[i].to))
            bad(c, diag, at, "an absolute path without \"..\", blanks or ? # %% is needed");
        str_fit(at, sizeof(at), "image.files.%zu.from", i);
        if (c->image.files.items[i].from &&
            (c->image.files.items[i].from[0] == '/' || strstr(c->image.files.items[i].from, "..")))
            bad(c, diag, at, "a path inside the checkout is needed");
    }
    if (c->build.artifact && (c->build.artifact[0] == '/' || strstr(c->build.artifact, "..")))
        bad(c, diag, "build.artifact", "a path inside the checkout is needed");
}

/* What pipeline_say is given, and how a deployment can end. */
static const char *const event_kinds[] = {"started", "step",      "reset",     "rollout",     "resumed",
                                          "verdict", "statement", "completed", "rolled-back", "capped",
                                          "failed",  "broken",    "mended",    NULL};

static void check_events(struct config *c, struct diag *diag, const struct config_sink *s, size_t i)
{
    char at[64];
    for (size_t j = 0; j < s->events.count; j++) {
        const char *kind = s->events.items[j];
        size_t k = 0;
        while (event_kinds[k] && strcmp(event_kinds[k], kind) != 0)
            k++;
        if (event_kinds[k])
            continue;
        const char *near = opt_nearest(kind, event_kinds);
        str_fit(at, sizeof(at), "sinks.%zu.events.%zu", i, j);
        bad(c, diag, at, "no event is of the kind \"%.40s\"%s%s%s", kind, near ? "; did you mean \"" : "",
            near ? near : "", near ? "\"?" : "");
    }
}

static void check_sink(struct config *c, struct diag *diag, size_t i)
{
    const struct config_sink *s = &c->sinks.items[i];
    char at[64];
    str_fit(at, sizeof(at), "sinks.%zu", i);
    check_events(c, diag, s, i);
    if (!s->kind || !*s->kind)
        return;
    bool file = strcmp(s->kind, "file") == 0;
    if (file && !*s->path)
        bad(c, diag, at, "a file sink needs \"path\"");
    if (!file && strcmp(s->kind, "newrelic") != 0 && !*s->url && !*s->url_env)
        bad(c, diag, at, "a sink of kind %s needs \"url\" or \"url_env\"", s->kind);
    if (strcmp(s->kind, "slack") == 0 && *s->url)
        bad(c, diag, at, "a Slack webhook's address is a secret: name the environment variable in \"url_env\"");
    if (strcmp(s->kind, "newrelic") == 0 && !*s->token_env)
        bad(c, diag, at, "newrelic needs \"token_env\": the variable that holds the API key");
    if (*s->url && strncmp(s->url, "https://", 8) != 0 && strncmp(s->url, "http://", 7) != 0)
        bad(c, diag, at, "\"url\" begins with https:// or http://");
}

struct budget_places {
    const struct config *config;
    struct diag *diag;
};

static void report_budget(void *context, const cJSON *node, bool of_key, const char *text)
{
    const struct budget_places *b = context;
    size_t line = 0;
    size_t column = 0;
    config_position(b->config, node, of_key, &line, &column);
    diag_at(b->diag, b->config->file, line, column, "%s", text);
}

/* Read again by whoever needs them: a bad one is told before anything else is done. */
static void check_budgets(struct config *c, struct diag *diag)
{
    struct budget_limits limits = {0};
    struct budget_places places = {c, diag};
    struct err err;
    if (budget_config_parse(&limits, c->budgets, report_budget, &places, &err) == 0 && limits.count && !*c->ledger)
        bad(c, diag, "ledger", "\"budgets\" need a \"ledger\": without it nobody knows what was spent");
    budget_limits_release(&limits);
}

static void check_held(struct config *c, struct diag *diag)
{
    struct bill_sources sources;
    struct err err;
    if (held_of_config(&sources, c, &err))
        bad(c, diag, *c->prices.free_tier ? "prices.free_tier" : "prices", "%s", err.text);
}

static void check_network(struct config *c, struct diag *diag)
{
    const struct config_network *n = &c->network;
    const char *fault = n->runner_cidr && *n->runner_cidr ? port_cidr_fault(n->runner_cidr, n->runner_cidr_wide) : NULL;
    if (fault)
        bad(c, diag, "network.runner_cidr", "%s", fault);
    if (!n->open_port)
        return;
    if (n->security_group && !*n->security_group)
        bad(c, diag, "network.open_port", "\"open_port\" needs \"security_group\": the group whose port it is");
    if (n->runner_cidr && !*n->runner_cidr && n->runner_cidr_env && !*n->runner_cidr_env)
        bad(c, diag, "network.open_port", "\"open_port\" needs \"runner_cidr\" or \"runner_cidr_env\": for whom");
}

void config_check(struct config *c, struct diag *diag)
{
    if (c->project && *c->project && !plain_name(c->project))
        bad(c, diag, "project", "the project's name has letters, digits, - _ . and at most 40 of them");
    check_policy(c, diag, &c->policy, "policy");
    check_smokes(c, diag, &c->smoke, "smoke");
    check_paths(c, diag);
    for (size_t i = 0; i < c->environments.count; i++)
        check_environment(c, diag, i);
    for (size_t i = 0; i < c->sinks.count; i++)
        check_sink(c, diag, i);
    if (c->osv.tls && c->osv.ca_file && !*c->osv.ca_file)
        bad(c, diag, "osv", "\"tls\" needs \"ca_file\": who signed the instance's certificate");
    if (!c->signing.public_key_files.count && ((c->signing.private_key_file && *c->signing.private_key_file) ||
                                               (c->signing.signature && *c->signing.signature)))
        bad(c, diag, "signing", "\"public_key_files\" is wanted: by which key a signature is verified");
    check_network(c, diag);
    check_budgets(c, diag);
    check_held(c, diag);
}
