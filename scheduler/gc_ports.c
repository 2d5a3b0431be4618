/* gc_ports.c - rules of a security group that runs opened and did not close (gc.h, port.h). */
#include <stdlib.h>
#include <string.h>

#include "billing/calendar.h"
#include "scheduler/gc_private.h"

#define FOREIGN_S (6 * 3600) /* as what a run makes carries in bakehour:expires */

const char *gc_port_text(char to[GC_PORT_TEXT_SIZE], const char *run, const char *project, const char *environment)
{
    str_fit(to, GC_PORT_TEXT_SIZE, "bakehour %.79s %.60s/%.60s", run, project, environment);
    return to;
}

/* The run and the environment in a rule's description; false: it is no rule of a run of this project. */
static bool read_port_text(const struct needs *n, const struct rule *rule, const char **run, const char **environment)
{
    static const char begin[] = "bakehour ";
    char text[GC_PORT_TEXT_SIZE];
    if (strncmp(rule->description, begin, strlen(begin)) != 0)
        return false;
    const char *at = rule->description + strlen(begin);
    size_t len = strcspn(at, " ");
    const char *slash = strchr(at, '/');
    if (!at[len] || !slash)
        return false;
    *run = arena_dup_n(n->arena, at, len);
    *environment = slash + 1;
    return strcmp(rule->description, gc_port_text(text, *run, n->scope->config->project, *environment)) == 0;
}

static void add_port(struct needs *n, const struct port *at, bool open, const char *why)
{
    const struct gc_scope *s = n->scope;
    struct gc_item *item =
        gc_add(n, GC_PORT, s->bake, arena_textf(n->arena, "%s %s:%d", at->group, at->cidr, at->port), why);
    item->port = (struct gc_port){*at, open, s->state, s->environment->name};
}

/* Does this store have a record of the run? */
static int knows_run(const struct needs *n, const char *environment, const char *run, bool *known, struct err *err)
{
    struct deployments list = {0};
    int code = deployments_list(n->scope->state, environment, &list, err);
    *known = false;
    for (size_t i = 0; !code && i < list.count && !*known; i++)
        *known = strcmp(list.items[i].run, run) == 0;
    deployments_release(&list);
    return code;
}

/* Did it begin less than FOREIGN_S ago? Its name says when: "r-20260115T093000-...". */
static bool is_young(const struct needs *n, const char *run)
{
    char oldest[32];
    struct civil c = calendar_civil(n->scope->now_ms / 1000 - FOREIGN_S);
    str_fit(oldest, sizeof(oldest), "r-%04d%02d%02dT%02d%02d%02d", c.year, c.month, c.day, c.hour, c.minute, c.second);
    return strncmp(run, oldest, strlen(oldest)) >= 0;
}

/* A run of which our store knows nothing may be at work, of a store that is not ours: its rule is left to it, for as
 * long as a run's things live. But where everything of this environment is judged by its tags, its own runs' instances
 * among it, what nobody here knows is nobody's: the rule goes as its instance does. */
static int is_foreign(const struct needs *n, const char *environment, const char *run, bool *foreign, struct err *err)
{
    bool known = true;
    bool own = strcmp(environment, n->scope->environment->name) == 0;
    *foreign = false;
    if ((own && !n->ports_alone) || !is_young(n, run))
        return 0;
    int code = knows_run(n, environment, run, &known, err);
    *foreign = !known;
    return code;
}

/* A rule that a run opened: does this environment close it? */
static int to_close(const struct needs *n, const struct port_claims *claims, const struct rule *rule, bool *yes,
                    struct err *err)
{
    const struct gc_scope *s = n->scope;
    const char *run = "";
    const char *environment = "";
    bool foreign = false;
    *yes = false;
    if (!read_port_text(n, rule, &run, &environment))
        return 0;
    bool ours = strcmp(environment, s->environment->name) == 0 && strcmp(run, s->working_run) != 0;
    for (size_t i = 0; i < claims->count; i++) {
        const struct port_claim *c = &claims->items[i];
        bool mine = strcmp(c->environment, s->environment->name) == 0;
        if (strcmp(c->cidr, rule->cidr) != 0)
            continue;
        if (mine ? *s->working_run && strcmp(c->run, s->working_run) == 0 : c->counts)
            return 0;
        ours = ours || mine;
    }
    if (ours && is_foreign(n, environment, run, &foreign, err))
        return -1;
    *yes = ours && !foreign;
    return 0;
}

/* Claims of this environment on what it does not close: only they go. */
static void find_claims(struct needs *n, const struct port_claims *claims, size_t first)
{
    const struct gc_scope *s = n->scope;
    for (size_t i = 0; i < claims->count; i++) {
        const struct port_claim *c = &claims->items[i];
        const struct port at = {s->config->network.security_group, c->cidr, (int)s->config->osv.port};
        bool listed = strcmp(c->environment, s->environment->name) != 0 ||
                      (*s->working_run && strcmp(c->run, s->working_run) == 0);
        for (size_t j = first; j < n->out->count && !listed; j++)
            listed = strcmp(n->out->items[j].port.is.cidr, c->cidr) == 0 &&
                     strcmp(n->out->items[j].port.is.group, at.group) == 0 && n->out->items[j].port.is.port == at.port;
        if (!listed)
            add_port(n, &at, false, "its run is over; the rule is not, as others need it");
    }
}

static bool has_claim(const struct port_claims *claims, const char *environment)
{
    for (size_t i = 0; i < claims->count; i++)
        if (strcmp(claims->items[i].environment, environment) == 0)
            return true;
    return false;
}

/* One rule of a group. configured: the claims on the group and port of the configuration; those on another are read. */
static int look_at_rule(struct needs *n, const char *group, const struct rule *rule,
                        const struct port_claims *configured, struct err *err)
{
    const struct gc_scope *s = n->scope;
    struct port_claims claims = *configured;
    bool yes = false;
    const char *run;
    const char *environment;
    bool one_port = strcmp(rule->protocol, "tcp") == 0 && rule->from_port == rule->to_port;
    bool here = rule->from_port == s->config->osv.port && strcmp(group, s->config->network.security_group) == 0;
    if (!one_port || (!here && (!s->everywhere || !read_port_text(n, rule, &run, &environment))))
        return 0;
    const struct port at = {arena_dup(n->arena, group), arena_dup(n->arena, rule->cidr), (int)rule->from_port};
    int code = here ? 0 : port_claims(s->state, at.group, at.port, s->now_ms, n->arena, &claims, err);
    if (!code)
        code = to_close(n, &claims, rule, &yes, err);
    if (yes)
        add_port(n, &at, true, "the run that opened it is over");
    return code;
}

int gc_look_at_ports(struct needs *n, struct aws_error *error)
{
    struct security_groups found;
    struct port_claims claims = {0};
    struct err err = {.code = 0};
    const struct gc_scope *s = n->scope;
    const struct config_network *network = &s->config->network;
    struct lookup lookup = {.ids = &network->security_group, .id_count = s->everywhere ? 0 : 1};
    size_t first = n->out->count;
    if (!*network->security_group && !s->everywhere)
        return 0;
    if (*network->security_group &&
        port_claims(s->state, network->security_group, (int)s->config->osv.port, s->now_ms, n->arena, &claims, &err))
        return gc_store_failed(error, &err);
    if (n->ports_alone && !network->open_port && !has_claim(&claims, s->environment->name))
        return 0; /* none was opened from here, or it was closed before the key was taken out */
    if (cloud_describe_security_groups(s->bake, &lookup, n->arena, &found, error)) {
        if (!retry_not_found(error))
            return -1;
        found.count = 0;
    }
    for (size_t i = 0; i < found.count; i++)
        for (size_t j = 0; j < found.items[i].rule_count; j++)
            if (look_at_rule(n, found.items[i].id, &found.items[i].rules[j], &claims, &err))
                return gc_store_failed(error, &err);
    find_claims(n, &claims, first);
    return 0;
}

int gc_find_ports(const struct gc_scope *scope, struct arena *arena, struct gc_list *out, struct aws_error *error)
{
    struct needs n = {.scope = scope, .arena = arena, .out = out, .ports_alone = true};
    *out = (struct gc_list){0};
    return gc_look_at_ports(&n, error);
}

/* The claim goes first: where another environment's run came meanwhile, the rule stays open for it. */
int gc_remove_port(const struct gc_item *item, struct journal *journal, struct aws_error *error, struct err *err)
{
    const struct gc_port *p = &item->port;
    bool last = false;
    if (port_leave(p->state, &p->is, p->environment, journal_now_ms(journal), &last, err))
        return JOURNAL_STOPPED;
    int code = last && p->open ? gc_remove_journalled(item, journal, error, err) : 0;
    if (code)
        return code; /* the claim says that it is being closed, until somebody else looks again */
    return last && port_closed(p->state, &p->is, p->environment, err) ? JOURNAL_STOPPED : 0;
}
