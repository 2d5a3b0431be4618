#include "scheduler/doctor_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "scheduler/deadman.h"
#include "scheduler/lease.h"
#include "scheduler/osv.h"

const char *finding_state_name(enum finding_state state)
{
    static const char *const names[FINDING_STATES] = {"ok", "warning", "problem", "unknown"};
    return names[state];
}

size_t doctor_count(const struct doctor *d, enum finding_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < d->count; i++)
        count += d->items[i].state == state;
    return count;
}

void doctor_found(struct doctor *d, enum finding_state state, const char *name, const char *detail, const char *remedy)
{
    d->items = mem_grow(d->items, &d->cap, d->count + 1, sizeof(*d->items));
    d->items[d->count++] = (struct finding){name, state, detail, remedy ? remedy : ""};
}

bool doctor_denied(const struct aws_error *e)
{
    return e->http_status == 403 || aws_error_is(e, "AccessDenied") || aws_error_is(e, "UnauthorizedOperation") ||
           aws_error_is(e, "AccessDeniedException");
}

void doctor_look_failed(struct doctor *d, const char *name, const char *action, const struct aws_error *e)
{
    bool denied = doctor_denied(e);
    doctor_found(d, denied ? FINDING_PROBLEM : FINDING_UNKNOWN, name, SAY(d, "%s: %s: %s", action, e->code, e->message),
                 denied ? SAY(d, "allow %s for the role that deploys", action) : "look again later");
}

#define CLOCK_OFF_MOST_S 60 /* of the 300 that AWS bears: a clock that drifts gets there */

/* A signature was accepted, so it is within five minutes; by how much it is off tells whether it will stay so. */
static void look_at_clock(struct doctor *d, int64_t date_s)
{
    const struct transport *t = d->bake->transport;
    int64_t off_s = date_s ? t->now_ms(t->self) / 1000 - date_s : 0;
    int64_t by_s = off_s < 0 ? -off_s : off_s;
    if (by_s > CLOCK_OFF_MOST_S)
        doctor_found(d, FINDING_WARNING, "clock",
                     SAY(d, "%lld s %s AWS's", (long long)by_s, off_s < 0 ? "behind" : "ahead of"),
                     "set the machine's clock (NTP): AWS refuses signatures more than five minutes off");
    else if (date_s)
        doctor_found(d, FINDING_OK, "clock", SAY(d, "within %lld s of AWS's", (long long)by_s + 1), "");
    else
        doctor_found(d, FINDING_OK, "clock", "within five minutes of AWS's: a signature was accepted", "");
}

static void look_at_identity(struct doctor *d)
{
    struct identity who;
    struct aws_error error;
    if (cloud_identity(d->bake, d->arena, &who, &error) == 0) {
        d->account = who.account;
        doctor_found(d, FINDING_OK, "credentials", SAY(d, "account %s, %s", who.account, who.arn), "");
        look_at_clock(d, who.date_s);
        return;
    }
    d->no_identity = true;
    bool skewed = aws_error_is(&error, "RequestTimeTooSkewed") || aws_error_is(&error, "SignatureExpired") ||
                  aws_error_is(&error, "RequestExpired") || aws_error_is(&error, "RequestInTheFuture");
    doctor_found(d, FINDING_PROBLEM, skewed ? "clock" : "credentials", SAY(d, "%s: %s", error.code, error.message),
                 skewed ? "set the machine's clock: AWS refuses signatures more than five minutes off"
                        : "set AWS_PROFILE or the AWS_* variables; 'bakehour deploy --help' lists the sources");
}

/* ---- image and instance type ---- */

/* Families on Nitro begin with these letters from the given generation on; older ones run on Xen. */
static bool nitro(const char *type)
{
    static const struct {
        const char *family;
        int from;
    } families[] = {{"t", 3}, {"m", 5}, {"c", 5}, {"r", 5}, {"a", 1}, {"i", 4}, {"z", 1}, {"x", 2}, {"d", 3}};
    for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
        if (type[0] == families[i].family[0] && type[1] >= '0' && type[1] <= '9')
            return type[1] - '0' >= families[i].from;
    return true;
}

static bool graviton(const char *type)
{
    const char *dot = strchr(type, '.');
    size_t len = dot ? (size_t)(dot - type) : strlen(type);
    return len > 2 && memchr(type + 2, 'g', len - 2) != NULL;
}

/* Says so where the image cannot start on that type. */
static bool fits_type(struct doctor *d, const char *name, const struct image *image, const char *type)
{
    bool arm = strcmp(image->architecture, "arm64") == 0;
    if (*image->architecture && arm != graviton(type)) {
        doctor_found(d, FINDING_PROBLEM, name,
                     SAY(d, "an image for %s does not start on %s", image->architecture, type),
                     "choose an instance type of the image's architecture");
        return false;
    }
    if (nitro(type) && !image->ena) {
        doctor_found(d, FINDING_PROBLEM, name, SAY(d, "%s runs on Nitro, which needs an image with ENA", type),
                     "use a t2 type, or an OSv image of 2024 or later registered with ENA support");
        return false;
    }
    return true;
}

static void look_at_image(struct doctor *d)
{
    struct image image;
    struct aws_error error;
    const char *type = d->config->image.instance_type;
    if (cloud_describe_image(d->bake, d->config->image.base, d->arena, &image, &error)) {
        doctor_look_failed(d, "base image", "DescribeImages", &error);
        return;
    }
    if (image.state != IMAGE_AVAILABLE) {
        doctor_found(d, FINDING_PROBLEM, "base image",
                     SAY(d, "%s is not available in this region", d->config->image.base),
                     "set image.base to an OSv image of this region");
        return;
    }
    d->base = arena_alloc(d->arena, sizeof(*d->base));
    *d->base = image;
    if (fits_type(d, "base image", &image, type))
        doctor_found(d, FINDING_OK, "base image", SAY(d, "%s is available and fits %s", image.id, type), "");
    if (strcmp(image.imds, "v2.0") == 0)
        doctor_found(d, FINDING_WARNING, "metadata",
                     "the image asks for metadata tokens, which OSv's cloud-init does not send",
                     "register it without ImdsSupport v2.0; Bakehour launches with tokens optional");
}

static void look_at_metadata(struct doctor *d)
{
    const char *tokens;
    struct aws_error error;
    if (cloud_metadata_tokens(d->site, d->arena, &tokens, &error))
        doctor_look_failed(d, "metadata", "GetInstanceMetadataDefaults", &error);
    else if (strcmp(tokens, "required") == 0)
        doctor_found(
            d, FINDING_WARNING, "metadata",
            "this account requires metadata tokens by default; OSv's cloud-init sends none",
            "set HttpTokens=optional in the group's launch template (Bakehour does so for what it launches itself)");
    else
        doctor_found(d, FINDING_OK, "metadata", "tokens are not required by default", "");
}

/* ---- the group ---- */

static bool given_text(const char *text)
{
    return text && *text;
}

static void look_at_targets(struct doctor *d, const struct group *g)
{
    for (size_t i = 0; i < g->target_group_count; i++) {
        struct targets targets;
        struct aws_error error;
        if (cloud_target_health(d->site, g->target_groups[i], d->arena, &targets, &error)) {
            doctor_look_failed(d, "load balancer", "DescribeTargetHealth", &error);
            continue;
        }
        int64_t delay_s = 0;
        if (cloud_deregistration_delay(d->site, g->target_groups[i], &delay_s, &error)) {
            doctor_look_failed(d, "load balancer", "DescribeTargetGroupAttributes", &error);
            continue;
        }
        size_t healthy = 0;
        for (size_t j = 0; j < targets.count; j++)
            healthy += strcmp(targets.items[j].state, "healthy") == 0;
        bool well = healthy == targets.count;
        doctor_found(d, well ? FINDING_OK : FINDING_WARNING, "load balancer",
                     SAY(d, "%zu of %zu targets are healthy; one that leaves drains for up to %lld s", healthy,
                         targets.count, (long long)delay_s),
                     well ? "" : "a rollout waits for healthy targets: mend those that are there first");
    }
    if (g->target_group_count && strcmp(g->health_check, "ELB") != 0)
        doctor_found(d, FINDING_WARNING, "load balancer",
                     "the group's health check is EC2's: it keeps instances that serve nothing",
                     "set the group's health check type to ELB");
}

/* What the group launches: its images are copies of what is baked from the base image. */
static void look_at_spec(struct doctor *d, const struct launch_spec *spec)
{
    d->group_spec = *spec;
    if (!d->base || !given_text(spec->type))
        return; /* the base image's own finding says so; a template without a type gets AWS's */
    if (fits_type(d, "template", d->base, spec->type))
        doctor_found(d, FINDING_OK, "template", SAY(d, "images baked from %s fit its %s", d->base->id, spec->type), "");
    if (given_text(spec->profile))
        doctor_found(d, FINDING_WARNING, "template",
                     SAY(d,
                         "it hands an instance profile on (%s), which whoever launches from it must be allowed to pass",
                         spec->profile),
                     "print the policy with 'bakehour config iam --pass-role NAME'");
}

static void look_at_template(struct doctor *d, const struct group *g)
{
    bool config = strcmp(d->environment->template_kind, "launch-configuration") == 0;
    bool has = *g->launch_config ? config : !config;
    if (!has) {
        doctor_found(d, FINDING_PROBLEM, "template",
                     SAY(d, "the group has a launch %s, the configuration says %s",
                         *g->launch_config ? "configuration" : "template", d->environment->template_kind),
                     "set the environment's template kind to what the group has");
        return;
    }
    if (config) {
        doctor_found(d, FINDING_WARNING, "template", "launch configurations take no new instance types",
                     "move the group to a launch template");
        return;
    }
    struct template_versions versions;
    struct aws_error error;
    const char *version = *g->template_version ? g->template_version : "$Default";
    if (cloud_describe_template_versions(d->site, g->template_id, version, d->arena, &versions, &error)) {
        doctor_look_failed(d, "template", "DescribeLaunchTemplateVersions", &error);
        return;
    }
    if (versions.count)
        look_at_spec(d, &versions.items[0].spec);
    bool floating = g->template_version[0] == '$';
    doctor_found(d, floating ? FINDING_WARNING : FINDING_OK, "template",
                 SAY(d, "%s, version %s%s", g->template_name, version, versions.count ? "" : " (which does not exist)"),
                 floating ? "a version by number keeps what is proven: the first deployment sets it" : "");
}

static void look_at_group(struct doctor *d)
{
    struct group g;
    struct aws_error error;
    const char *name = d->environment->group;
    if (cloud_describe_group(d->site, name, d->arena, &g, &error)) {
        if (aws_error_is(&error, "NoSuchGroup"))
            doctor_found(d, FINDING_PROBLEM, "group", SAY(d, "there is no Auto Scaling group \"%s\" here", name),
                         "correct the environment's \"group\" or its region");
        else
            doctor_look_failed(d, "group", "DescribeAutoScalingGroups", &error);
        return;
    }
    d->group = g;
    size_t stopped = 0;
    for (size_t i = 0; i < g.suspended_count; i++)
        stopped += strcmp(g.suspended[i], "Launch") == 0 || strcmp(g.suspended[i], "Terminate") == 0;
    if (stopped)
        doctor_found(d, FINDING_PROBLEM, "group", SAY(d, "%s: launching or terminating is suspended", name),
                     "resume the group's processes");
    else
        doctor_found(
            d, FINDING_OK, "group",
            SAY(d, "%s: %lld instances, %lld to %lld", name, (long long)g.desired, (long long)g.min, (long long)g.max),
            "");
    bool attach = strcmp(d->environment->rollout.engine, "attach") == 0;
    if (attach && g.max <= g.desired)
        doctor_found(d, FINDING_WARNING, "group",
                     "its maximum leaves no room for one more instance: a rollout raises it meanwhile",
                     "set the maximum at least one above the usual count");
    look_at_template(d, &g);
    look_at_targets(d, &g);
}

/* ---- network ---- */

/* Asks a bake instance that runs, where there is one, as an upload would. */
static void try_port(struct doctor *d)
{
    const struct tag filters[] = {{"tag:bakehour:project", d->config->project},
                                  {"tag:bakehour:role", "bake"},
                                  {"instance-state-name", "running"}};
    struct lookup lookup = {.filters = filters, .filter_count = 3};
    struct instances found;
    struct aws_error error;
    if (cloud_describe_instances(d->bake, &lookup, d->arena, &found, &error)) {
        doctor_look_failed(d, "port", "DescribeInstances", &error);
        return;
    }
    if (!found.count) {
        doctor_found(d, FINDING_UNKNOWN, "port",
                     SAY(d, "no bake instance runs: port %lld was not tried", (long long)d->config->osv.port),
                     "look again while a deployment bakes, or after one with policy.keep");
        return;
    }
    const struct instance *i = &found.items[0];
    const char *address = osv_address(d->config, i);
    struct osv osv = osv_configured(d->bake->transport, d->config, address);
    osv.connect_ms = osv.call_ms = OSV_PROBE_MS;
    char version[96];
    struct err err;
    if (osv_version(&osv, version, &err))
        doctor_found(
            d, FINDING_PROBLEM, "port",
            SAY(d, "%s does not answer at %s:%lld: %s", i->id, address, (long long)d->config->osv.port, err.text),
            "let the runner reach it: network.address, network.open_port, or a rule of the security group");
    else
        doctor_found(d, FINDING_OK, "port",
                     SAY(d, "%s answers at %s:%lld: OSv %s", i->id, address, (long long)d->config->osv.port, version),
                     "");
}

static bool covers(const struct doctor *d, const struct rule *r)
{
    return r->from_port < 0 || (r->from_port <= d->config->osv.port && d->config->osv.port <= r->to_port);
}

static void look_at_rules(struct doctor *d, const struct security_groups *groups, const char *id)
{
    size_t covering = 0;
    for (size_t g = 0; g < groups->count; g++)
        for (size_t i = 0; i < groups->items[g].rule_count; i++) {
            const struct rule *r = &groups->items[g].rules[i];
            bool world = strcmp(r->cidr, "0.0.0.0/0") == 0 || strcmp(r->cidr, "::/0") == 0;
            covering += covers(d, r);
            if (world && covers(d, r)) {
                doctor_found(d, FINDING_PROBLEM, "network",
                             SAY(d, "%s lets the whole world reach port %lld, where OSv takes any command", id,
                                 (long long)d->config->osv.port),
                             "remove the rule: allow the runner's own address alone");
                return;
            }
        }
    if (!covering && !d->config->network.open_port)
        doctor_found(d, FINDING_WARNING, "network",
                     SAY(d, "%s lets nobody reach port %lld by address", id, (long long)d->config->osv.port),
                     "set network.open_port, or allow the runner's address");
    else
        doctor_found(d, FINDING_OK, "network", SAY(d, "%s does not open OSv's port to the world", id), "");
}

static void look_at_network(struct doctor *d)
{
    struct security_groups groups;
    struct aws_error error;
    const char *id = d->config->network.security_group;
    struct lookup lookup = {.ids = &id, .id_count = 1};
    if (!*id)
        doctor_found(d, FINDING_WARNING, "network",
                     "no security group is named: OSv's port is reached as the default group allows",
                     "name one in network.security_group");
    else if (cloud_describe_security_groups(d->bake, &lookup, d->arena, &groups, &error))
        doctor_look_failed(d, "network", "DescribeSecurityGroups", &error);
    else
        look_at_rules(d, &groups, id);
    try_port(d);
}

/* ---- what lives outside the group, and this machine ---- */

static void look_at_deadman(struct doctor *d)
{
    struct schedules schedules;
    struct aws_error error;
    if (!d->environment->rollout.dead_man || !*d->environment->rollout.dead_man_role)
        doctor_found(
            d, FINDING_WARNING, "dead-man",
            "nothing ends what a dead runner leaves outside the group; the plan of a deployment says what that may "
            "cost",
            "name a role in rollout.dead_man_role");
    else if (cloud_list_schedules(d->site, NULL, DEADMAN_PREFIX, d->arena, &schedules, &error))
        doctor_look_failed(d, "dead-man", "scheduler:ListSchedules", &error);
    else
        doctor_found(d, FINDING_OK, "dead-man",
                     SAY(d, "schedules may be looked at; role %s", d->environment->rollout.dead_man_role), "");
}

static bool on_path(const char *program)
{
    char file[4096];
    const char *path = getenv("PATH");
    if (strchr(program, '/'))
        return access(program, X_OK) == 0;
    while (path && *path) {
        size_t len = strcspn(path, ":");
        if (len + strlen(program) + 2 < sizeof(file)) {
            str_fit(file, sizeof(file), "%.*s/%s", (int)len, path, program);
            if (access(file, X_OK) == 0)
                return true;
        }
        path += len + (path[len] == ':');
    }
    return false;
}

static void look_for_program(struct doctor *d, const char *what, const struct config_texts *argv)
{
    if (argv->count > 1 && !on_path(argv->items[0]))
        doctor_found(d, FINDING_PROBLEM, "this machine", SAY(d, "%s: there is no program \"%s\"", what, argv->items[0]),
                     "install it, or correct the command");
}

static void look_at_machine(struct doctor *d)
{
    size_t before = d->count;
    struct stat st;
    if (!on_path("git"))
        doctor_found(d, FINDING_PROBLEM, "this machine", "there is no git", "install git");
    look_for_program(d, "build.test", &d->config->build.test);
    look_for_program(d, "build.build", &d->config->build.build);
    if (stat(d->config->repository.path, &st))
        doctor_found(d, FINDING_PROBLEM, "this machine",
                     SAY(d, "there is no repository at %s", d->config->repository.path), "correct repository.path");
    if (d->count == before)
        doctor_found(d, FINDING_OK, "this machine", "git, the repository and the commands are there", "");
}

static void look_at_state(struct doctor *d)
{
    char holder[128];
    int64_t until_ms;
    struct err err;
    int64_t now_ms = d->bake->transport->now_ms(d->bake->transport->self);
    if (lease_look(d->state, d->environment->name, now_ms, holder, &until_ms, &err))
        doctor_found(d, FINDING_PROBLEM, "state", SAY(d, "%s", err.text), "'bakehour state init' makes the store");
    else
        doctor_found(d, FINDING_OK, "state",
                     *holder ? SAY(d, "backend \"%s\"; %s is at work", d->state->backend->name, holder)
                             : SAY(d, "backend \"%s\"", d->state->backend->name),
                     "");
    if (!*d->config->ledger)
        doctor_found(d, FINDING_WARNING, "ledger",
                     "no ledger is kept: what deployments cost is not booked, budgets know nothing",
                     "name a file in \"ledger\"");
    else
        doctor_found(d, FINDING_OK, "ledger", SAY(d, "%s", d->config->ledger), "");
}

void doctor_look(struct doctor *d)
{
    look_at_machine(d);
    look_at_state(d);
    look_at_identity(d);
    if (d->no_identity)
        return;
    look_at_image(d);
    look_at_metadata(d);
    look_at_network(d);
    look_at_group(d);
    look_at_deadman(d);
    doctor_encryption(d);
    doctor_quotas(d);
    doctor_rights(d);
}
