#include "sim/rehearsal.h"

#include <string.h>

#include "base/num.h"
#include "base/out.h"

#define ARTIFACT_BYTES 61 /* of the modelled build's: its two lines name a commit of forty digits */

struct durations durations_of(const struct calibration *c)
{
    struct durations d = durations_original();
    const struct {
        enum step step;
        int64_t s;
    } given[] = {{STEP_PULL, c->pull_s},      {STEP_TEST, c->test_s},         {STEP_BUILD, c->build_s},
                 {STEP_INSTANCE, c->boot_s},  {STEP_UPLOAD, c->upload_s},     {STEP_COMMAND_LINE, c->command_line_s},
                 {STEP_IMAGE, c->image_s},    {STEP_REGISTER, c->register_s}, {STEP_ROLLOUT, c->wave_s},
                 {STEP_CLEANUP, c->cleanup_s}};
    for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++)
        if (given[i].s > 0)
            d.s[given[i].step] = given[i].s;
    return d;
}

static struct simcloud_options cloud_options(const struct rehearsal_options *o)
{
    struct simcloud_options options = simcloud_options_default();
    struct durations d = durations_of(o->calibration);
    int64_t bytes = o->artifact_bytes ? o->artifact_bytes : ARTIFACT_BYTES;
    options.seed = o->seed;
    options.times = simcloud_times_of(o->calibration);
    if (d.s[STEP_UPLOAD] > 0)
        options.guest.ns_per_byte = d.s[STEP_UPLOAD] * 1000000000 / bytes;
    options.lag_max_ms = o->lag_ms;
    options.check = o->check;
    options.encrypt_default = o->encrypt_default;
    options.tokens_required = o->tokens_required;
    options.instance_limit = o->instance_limit;
    options.throttle = o->throttle;
    options.faults = o->faults;
    options.hooks = o->hooks;
    options.os = o->config->prices.os;
    options.regime = strcmp(o->config->prices.regime, "hourly") == 0   ? CHOOSE_HOURLY
                     : strcmp(o->config->prices.regime, "second") == 0 ? CHOOSE_SECOND
                                                                       : CHOOSE_AUTO;
    return options;
}

static int add_groups(struct rehearsal *r, struct err *err)
{
    const struct config *c = r->options.config;
    for (size_t i = 0; i < c->environments.count; i++) {
        struct simcloud_caller owner = {SIMCLOUD_ACCOUNT, c->environments.items[i].region, r->transport.caller_arn};
        bool configuration = strcmp(c->environments.items[i].template_kind, "launch-configuration") == 0;
        int code = simcloud_add_group_by(r->cloud, &owner, c->environments.items[i].group,
                                         r->options.group ? r->options.group : 2, configuration, err);
        if (code)
            return code;
    }
    return 0;
}

static void make_world(struct rehearsal *r, const char *holder)
{
    struct durations d = durations_of(r->options.calibration);
    struct retry_settings settings = retry_standard();
    settings.reads_per_s = settings.writes_per_s = 1000; /* nobody else shares the modelled account */
    retry_init(&r->retry, &settings, r->options.seed);
    jobs_model_open(&r->jobs, &r->transport.transport, &d);
    r->jobs.real = r->options.real_jobs;
    r->world = (struct pipeline_world){.config = r->options.config,
                                       .environment = r->options.environment,
                                       .state = &r->state,
                                       .transport = &r->transport.transport,
                                       .retry = &r->retry,
                                       .jobs = &r->jobs.jobs,
                                       .holder = holder,
                                       .work = r->options.work,
                                       .account = SIMCLOUD_ACCOUNT,
                                       .expected = d,
                                       .event = r->options.event,
                                       .event_context = r->options.event_context};
}

/* ---- rights: the policies that config iam prints, and no others ---- */

static cJSON *make_policy(const struct rehearsal *r, enum permission_role role, const char *account, struct err *err)
{
    struct permission_terms terms = {.config = r->options.config, .account = account, .pass_role = ""};
    cJSON *policy = permissions_policy(&terms, role, err);
    if (policy)
        return policy;
    terms.environment = r->options.environment; /* too many for one policy: each has its own role then */
    return permissions_policy(&terms, role, err);
}

int rehearsal_grant(struct rehearsal *r, enum permission_role role, const char *account, const char *principal,
                    struct err *err)
{
    cJSON *policy = make_policy(r, role, account, err);
    if (!policy)
        return EXIT_INPUT;
    if (r->options.edit_policy)
        r->options.edit_policy(r->options.edit_context, role, policy);
    int code = simcloud_grant(r->cloud, account, principal, permission_role_name(role), policy, err);
    cJSON_Delete(policy);
    return code;
}

static const char *last_part(const char *arn)
{
    const char *slash = strrchr(arn, '/');
    return slash ? slash + 1 : arn;
}

/* The runner is the deployer, and, where a promotion leads to another account, the role there, too: a rehearsal has one
 * account. What AWS ends by itself, it ends as the dead-man. */
static int grant_all(struct rehearsal *r, struct err *err)
{
    const struct config *c = r->options.config;
    const char *runner = last_part(r->transport.caller_arn);
    bool elsewhere = false;
    int code = rehearsal_grant(r, ROLE_DEPLOYER, SIMCLOUD_ACCOUNT, runner, err);
    for (size_t i = 0; i < c->environments.count && !code; i++) {
        const struct config_environment *e = &c->environments.items[i];
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first = first && strcmp(c->environments.items[j].rollout.dead_man_role, e->rollout.dead_man_role) != 0;
        elsewhere = elsewhere || *e->profile;
        if (*e->rollout.dead_man_role && first)
            code = rehearsal_grant(r, ROLE_DEAD_MAN, SIMCLOUD_ACCOUNT, last_part(e->rollout.dead_man_role), err);
    }
    return !code && elsewhere ? rehearsal_grant(r, ROLE_TARGET, SIMCLOUD_ACCOUNT, runner, err) : code;
}

int rehearsal_grant_again(struct rehearsal *r, struct err *err)
{
    simcloud_revoke_all(r->cloud);
    return grant_all(r, err);
}

int rehearsal_open(struct rehearsal *r, const struct rehearsal_options *options, struct err *err)
{
    struct simcloud_options cloud = cloud_options(options);
    *r = (struct rehearsal){.options = *options, .own_state = true};
    r->cloud = simcloud_new(&cloud);
    cloud_transport_init(&r->transport, r->cloud, options->faults);
    r->transport.region = options->config->region;
    state_open_memory(&r->state);
    make_world(r, "rehearsal/1");
    int code = add_groups(r, err);
    if (!code)
        code = grant_all(r, err);
    if (code)
        rehearsal_close(r);
    return code;
}

void rehearsal_replace_runner(struct rehearsal *r, struct state *store, const char *holder)
{
    jobs_model_close(&r->jobs);
    if (store) {
        r->state = *store;
    } else {
        if (r->own_state)
            state_close(&r->state);
        state_open_memory(&r->state);
    }
    r->transport.kill_after = 0;
    r->transport.calls = 0;
    make_world(r, holder);
}

void rehearsal_close(struct rehearsal *r)
{
    if (!r->cloud)
        return;
    jobs_model_close(&r->jobs);
    if (r->own_state)
        state_close(&r->state);
    simcloud_free(r->cloud);
    r->cloud = NULL;
}
