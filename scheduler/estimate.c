/* estimate.c - what a deployment would do and cost, from describe calls alone: for --dry-run, and before each one. */
#include <string.h>

#include "scheduler/pipeline_private.h"
#include "scheduler/rollout.h"
#include "scheduler/step_release.h"

#define ORIGINAL_WAVES 2
#define DEPLOY_SKIPS                                                                                                   \
    (1U << STEP_PULL | 1U << STEP_TEST | 1U << STEP_BUILD | 1U << STEP_INSTANCE | 1U << STEP_UPLOAD |                  \
     1U << STEP_COMMAND_LINE | 1U << STEP_IMAGE)

struct sight {
    const struct pipeline_world *w;
    struct cloud site;
    struct arena arena;
    struct group group;
    struct kept_bake kept;
    int64_t now_ms, delay_s;
    bool copies; /* the image is copied for this environment */
};

/* Of the members: paid seconds that they have left at an instant, and what their draining is billed, each by its own
 * launch; whether they have public addresses. */
static int put_members(struct sight *s, int64_t at_ms, enum regime regime, struct used *u, struct aws_error *error)
{
    struct instances found;
    const char **ids = arena_alloc(&s->arena, (s->group.member_count + 1) * sizeof(*ids));
    for (size_t i = 0; i < s->group.member_count; i++)
        ids[i] = s->group.members[i].id;
    struct lookup lookup = {.ids = ids, .id_count = s->group.member_count};
    if (!s->group.member_count)
        return 0;
    if (cloud_describe_instances(&s->site, &lookup, &s->arena, &found, error))
        return -1;
    for (size_t i = 0; i < found.count; i++) {
        int64_t ran_s = (at_ms - found.items[i].launch_ms) / 1000;
        u->fleet_public = u->fleet_public || *found.items[i].public_ip;
        if (regime != REGIME_HOURLY || !found.items[i].launch_ms || ran_s <= 0)
            continue;
        u->paid_left_s += used_left_s(regime, ran_s);
        u->draining_s += used_draining_s(regime, ran_s, s->delay_s);
    }
    return 0;
}

/* Where only a key asks for a copy, what is there, or will be made of the base, may have that key. */
static bool is_copied(struct sight *s, const struct pipeline_order *order)
{
    struct aws_error error;
    const struct pipeline_world *w = s->w;
    bool has = false;
    bool copies = config_copies(w->config, w->environment);
    if (!copies || pipeline_apart(w) || w->site_transport)
        return copies;
    const char *image = order->image && *order->image ? order->image : w->config->image.base;
    return image_has_key(&s->site, image, w->environment->kms_key, &s->arena, &has, &error) || !has;
}

/* Bake instance and group have disks of the same size: the one's is the other's image. 0 where the image cannot be
 * seen: then disks are not reckoned, and booked as EC2 shows them. */
static int64_t disk_gb(struct sight *s, const struct pipeline_order *order)
{
    const struct pipeline_world *w = s->w;
    struct cloud bake = {.transport = w->transport, .region = w->config->region, .retry = w->retry};
    struct cloud *clouds[] = {&bake, &s->site};
    struct image image;
    struct aws_error error;
    const char *id = order->image && *order->image ? order->image : w->config->image.base;
    for (size_t i = 0; i < 2; i++)
        if (cloud_describe_image(clouds[i], id, &s->arena, &image, &error) == 0 && image.size_gb > 0)
            return image.size_gb;
    return 0;
}

static int look(struct sight *s, struct err *err)
{
    struct aws_error error;
    int64_t version;
    const struct config_environment *e = s->w->environment;
    if (kept_bake_get(s->w->state, e->name, &s->kept, &version, err))
        return EXIT_FAILED;
    if (cloud_describe_group(&s->site, e->group, &s->arena, &s->group, &error))
        return cloud_err(err, EXIT_FAILED, "DescribeAutoScalingGroups", &error);
    if (rollout_delay(&s->site, &s->group, &s->delay_s, &error))
        return cloud_err(err, EXIT_FAILED, "DescribeTargetGroupAttributes", &error);
    s->now_ms = s->w->transport->now_ms(s->w->transport->self);
    return 0;
}

static int plan_rollout(struct sight *s, struct pipeline_estimate *out, struct err *err)
{
    const struct config_environment *e = s->w->environment;
    struct rollout_plan plan;
    out->group = s->group.desired;
    out->cap_attempts = release_cap_attempts(e, out->group);
    out->cap_s = release_cap_s(e, &out->rates, out->cap_attempts);
    struct rollout_order order = {.cloud = &s->site,
                                  .config = s->w->config,
                                  .environment = e,
                                  .configuration = strcmp(e->template_kind, "launch-configuration") == 0,
                                  .template_id = s->group.template_id,
                                  .version_good = s->group.template_version,
                                  .version_new = "",
                                  .image_new = "",
                                  .image_good = "",
                                  .sha256 = "",
                                  .cap_attempts = out->cap_attempts,
                                  .cap_instance_s = out->cap_s,
                                  .regime = out->rates.regime,
                                  .boot_s = out->expected.s[STEP_INSTANCE],
                                  .wave_s = out->expected.s[STEP_ROLLOUT]};
    int code = rollout_plan(&order, &plan, err);
    if (code)
        return err->code;
    out->waves = plan.waves > 0 ? plan.waves : 1;
    out->surge = plan.surge;
    out->cap_attempts = plan.cap_attempts;
    out->cap_s = plan.cap_instance_s;
    out->cap = (money_t)num_div_half_even((int128)out->rates.fleet_per_hour * out->cap_s, 3600);
    out->worst_s = plan.worst_instance_s;
    str_fit(out->worst, sizeof(out->worst), "%.511s", plan.worst);
    return 0;
}

/* AWS's refresh ends old ones first where less than the whole capacity has to be there. */
static bool stands_beside(const struct config_environment *e)
{
    return strcmp(e->rollout.engine, "refresh") != 0 || e->rollout.min_healthy_percent >= 100;
}

static void plan_use(struct sight *s, const struct pipeline_order *order, struct pipeline_estimate *out)
{
    bool deploys = strcmp(order->kind, "deploy") == 0;
    const struct durations *d = &out->expected;
    out->bake_reused = deploys && s->kept.instance[0] && s->now_ms < s->kept.until_ms &&
                       strcmp(s->kept.image, s->w->config->image.base) == 0;
    out->skipped = !deploys ? DEPLOY_SKIPS : out->bake_reused ? 1U << STEP_INSTANCE : 0;
    const struct graph_run run = {.skipped = out->skipped,
                                  .waves = out->waves,
                                  .canary_s = rollout_beside_waves_s(s->w->environment, out->group, d->s[STEP_INSTANCE],
                                                                     d->s[STEP_CLEANUP] + s->delay_s),
                                  .boots_late = !instance_prelaunches(s->w, order->commits, s->now_ms),
                                  .copy_s = s->copies ? d->s[STEP_IMAGE] : 0};
    struct reset_prices prices;
    out->boots_late = run.boots_late;
    if (out->bake_reused && instance_price_resets(s->w, &s->kept, s->now_ms, &prices) == 0) {
        out->reset = prices.choice;
        out->reset_files = prices.files;
        out->reset_root = prices.root;
    }
    out->critical_s = graph_critical_path(d, &run, out->ends, &out->path);
    out->serial_s = graph_serial(d, ORIGINAL_WAVES);
    struct used *u = &out->used;
    u->at = s->now_ms / 1000;
    u->bakes = deploys;
    u->makes_image = deploys;
    u->copies_image = s->copies;
    u->crosses = pipeline_apart(s->w);
    u->instances = out->group;
    u->beside_s = stands_beside(s->w->environment) ? out->group * d->s[STEP_ROLLOUT] : 0;
    if (run.canary_s) {
        u->instances++;
        u->beside_s += d->s[STEP_INSTANCE];
    }
    u->draining_s = out->rates.regime == REGIME_HOURLY ? 0 : out->group * s->delay_s; /* hourly: by each one's hour */
    u->runner_s = out->critical_s + d->s[STEP_CLEANUP];
    if (!deploys)
        return;
    int64_t begun_s = out->ends[STEP_BUILD] > d->s[STEP_INSTANCE] ? out->ends[STEP_BUILD] - d->s[STEP_INSTANCE] : 0;
    u->bake_s = out->ends[STEP_IMAGE] - begun_s;
    if (out->bake_reused) {
        /* another machine's clock, or a look that took long, may have let go of it in our future */
        int64_t now_ms = s->now_ms > s->kept.freed_ms ? s->now_ms : s->kept.freed_ms;
        u->bake_before_s = (now_ms - s->kept.launched_ms) / 1000 + begun_s;
        u->bake_s = u->bake_before_s - begun_s + out->ends[STEP_IMAGE];
    }
}

static int estimate(struct sight *s, const struct pipeline_order *order, struct pipeline_estimate *out, struct err *err)
{
    struct aws_error error;
    struct durations original = durations_original();
    const struct pipeline_world *w = s->w;
    s->copies = is_copied(s, order);
    int code = look(s, err);
    const char *type = *w->environment->instance_type ? w->environment->instance_type
                       : s->group.member_count        ? s->group.members[0].type
                                                      : "";
    if (!code)
        code = rates_make(&out->rates, w->config, w->environment, type, w->catalog, s->now_ms / 1000, err);
    if (!code)
        code = plan_rollout(s, out, err);
    if (code)
        return code;
    plan_use(s, order, out);
    out->used.disk_gb = disk_gb(s, order);
    if (put_members(s, s->now_ms + out->critical_s * 1000, out->rates.regime, &out->used, &error))
        return cloud_err(err, EXIT_FAILED, "DescribeInstances", &error);
    /* Where nothing is said the subnet decides; the group's is the one that can be seen. */
    out->used.bake_public = out->used.fleet_public || strcmp(w->config->network.address, "public") == 0;
    out->original_used = used_by_original(&original, &out->used, out->group, ORIGINAL_WAVES);
    code = costs_make(&out->costs, &out->rates, &out->used, err);
    return code ? code : costs_make(&out->original, &out->rates, &out->original_used, err);
}

int pipeline_estimate(const struct pipeline_world *w, const struct pipeline_order *order, struct pipeline_estimate *out,
                      struct err *err)
{
    struct sight s = {.w = w, .now_ms = w->transport->now_ms(w->transport->self)};
    *out = (struct pipeline_estimate){.expected = w->expected};
    s.site = (struct cloud){.transport = w->site_transport ? w->site_transport : w->transport,
                            .region = w->environment->region,
                            .retry = w->site_transport ? w->site_retry : w->retry};
    arena_init(&s.arena);
    int code = estimate(&s, order, out, err);
    arena_release(&s.arena);
    return code;
}
