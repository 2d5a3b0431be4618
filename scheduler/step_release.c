/*
 * step_release.c - the image gets a name that a group can launch (a numbered template version, or a launch
 * configuration), and the group gets the image.
 *
 * Where the group is in another region or account, the image goes there first: shared with that account, copied into
 * that region under a name of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "scheduler/late.h"
#include "scheduler/pipeline_private.h"
#include "scheduler/rollout.h"
#include "scheduler/step_release.h"

#define NAME       "register"
#define COPIES_MAX 3
#define GONE_MS    120000 /* so long a new image may not be shown yet */

static bool configuration(const struct pipeline *p)
{
    return strcmp(p->env->template_kind, "launch-configuration") == 0;
}

/* ---- what the group is like before ---- */

/* When the members were launched, "ms ms ...": what their paid hours have left at the end is a cost of the rollout. */
static const char *launches_of(struct pipeline *p, const struct group *g)
{
    struct instances found;
    struct aws_error error;
    struct str list;
    const char **ids = arena_alloc(&p->calls, (g->member_count + 1) * sizeof(*ids));
    for (size_t i = 0; i < g->member_count; i++)
        ids[i] = g->members[i].id;
    struct lookup lookup = {.ids = ids, .id_count = g->member_count};
    if (!g->member_count || cloud_describe_instances(&p->site, &lookup, &p->calls, &found, &error))
        return ""; /* the statement then leaves it out */
    str_init(&list, 32768);
    for (size_t i = 0; i < found.count; i++)
        str_addf(&list, "%s%lld", i ? " " : "", (long long)found.items[i].launch_ms);
    const char *kept = arena_dup(&p->calls, list.text);
    str_release(&list);
    return kept;
}

/* Are its instances in the security group whose port is opened for the bake? Where none is named, AWS takes the VPC's
 * default, which may be it. */
static const char *behind_port(const struct pipeline *p, const struct launch_spec *spec)
{
    for (size_t i = 0; i < spec->security_group_count; i++)
        if (strcmp(spec->security_groups[i], p->config->network.security_group) == 0)
            return "yes";
    return spec->security_group_count ? "no" : "perhaps";
}

static enum step_result note_good(struct pipeline *p, const struct group *g, const char *version,
                                  const struct launch_spec *spec, const char *template_id, struct err *err)
{
    struct journal_fact facts[] = {
        {"group.desired", arena_textf(&p->calls, "%lld", (long long)g->desired)},
        {"group.max", arena_textf(&p->calls, "%lld", (long long)g->max)},
        {"good.version", version},
        {"good.image", spec->image ? spec->image : ""},
        {"good.template", template_id},
        {"group.launches", launches_of(p, g)},
        {"group.behind_port", behind_port(p, spec)},
    };
    return journal_notes(p->journal, NAME, facts, p->config->network.open_port ? 7 : 6, err) ? STEP_STOP : STEP_AGAIN;
}

static enum step_result good_configuration(struct pipeline *p, const struct group *g, int64_t *again_ms,
                                           struct err *err)
{
    struct launch_configs found;
    struct aws_error error;
    if (!*g->launch_config)
        return step_fail(err, "the group %s has no launch configuration; set \"template\": \"launch-template\"",
                         g->name);
    if (cloud_describe_launch_configs(&p->site, &g->launch_config, 1, &p->calls, &found, &error))
        return call_failed(p, STEP_REGISTER, "DescribeLaunchConfigurations", &error, again_ms, err);
    const struct launch_spec none = {.image = ""};
    return note_good(p, g, g->launch_config, found.count ? &found.items[0].spec : &none, "", err);
}

static enum step_result good_template(struct pipeline *p, const struct group *g, int64_t *again_ms, struct err *err)
{
    struct template_versions found;
    struct aws_error error;
    if (!*g->template_id)
        return step_fail(err, "the group %s has no launch template; set \"template\": \"launch-configuration\"",
                         g->name);
    if (*p->env->template_name && strcmp(p->env->template_name, g->template_name) != 0)
        return step_fail(err, "the group %s uses the launch template %s, not %s", g->name, g->template_name,
                         p->env->template_name);
    if (cloud_describe_template_versions(&p->site, g->template_id,
                                         *g->template_version ? g->template_version : "$Default", &p->calls, &found,
                                         &error))
        return call_failed(p, STEP_REGISTER, "DescribeLaunchTemplateVersions", &error, again_ms, err);
    if (!found.count)
        return step_fail(err, "the launch template %s has no version %s", g->template_id, g->template_version);
    return note_good(p, g, arena_textf(&p->calls, "%lld", (long long)found.items[0].version), &found.items[0].spec,
                     g->template_id, err);
}

static enum step_result look_at_group(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct group g;
    struct aws_error error;
    if (cloud_describe_group(&p->site, p->env->group, &p->calls, &g, &error))
        return call_failed(p, STEP_REGISTER, "DescribeAutoScalingGroups", &error, again_ms, err);
    return configuration(p) ? good_configuration(p, &g, again_ms, err) : good_template(p, &g, again_ms, err);
}

/* ---- the image where the group is ---- */

/* A copy's name is the image's, and says which key it is encrypted with. */
static const char *copy_name(struct pipeline *p)
{
    char digest[DIGEST_TEXT_SIZE];
    const char *name = arena_dup(&p->calls, fact(p, "image.name"));
    int64_t attempt = fact_i64(p, "image.copy_attempt");
    if (*p->env->kms_key) {
        digest_text(p->env->kms_key, strlen(p->env->kms_key), digest);
        const char *end = strrchr(name, '-');
        if (!end || strncmp(end + 1, digest, 8) != 0 || strlen(end) != 9)
            name = arena_textf(&p->calls, "%.110s-%.8s", name, digest);
    }
    return attempt ? arena_textf(&p->calls, "%.120s-%lld", name, (long long)attempt) : name;
}

/* AWS's own key of an account is nobody else's: its images cannot be shared. */
static enum step_result share_failed(struct pipeline *p, const struct image *image, const char *account,
                                     const struct aws_error *error, int64_t *again_ms, struct err *err)
{
    if (image->encrypted && aws_error_is(error, "OperationNotPermitted"))
        return step_fail(err,
                         "%s cannot be shared with account %s: the default key (aws/ebs) encrypts it. Bake with a "
                         "customer managed key that %s may use (aws ec2 modify-ebs-default-kms-key-id), or from an "
                         "unencrypted base",
                         image->id, account, account);
    return call_failed(p, STEP_REGISTER, "ModifyImageAttribute", error, again_ms, err);
}

/* Before the permission, so that a share is found by its tag wherever this run dies (gc.h). */
static enum step_result mark_share(struct pipeline *p, const struct image *image, const char *account,
                                   int64_t *again_ms, struct err *err)
{
    struct aws_error error;
    char key[GC_SHARE_KEY_SIZE];
    const struct tag tag = {gc_share_key(key, p->env->name), account};
    if (journal_intent(p->journal, NAME, "CreateTags", image->id, err))
        return STEP_STOP;
    if (cloud_tag(&p->cloud, &image->id, 1, &tag, 1, &error))
        return call_failed(p, STEP_REGISTER, "CreateTags", &error, again_ms, err);
    struct journal_fact done = {"image.share_marked", account};
    return journal_outcome(p->journal, NAME, "CreateTags", true, account, &done, 1, err) ? STEP_STOP : STEP_AGAIN;
}

static enum step_result share(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct identity them;
    struct image image;
    struct aws_error error;
    if (cloud_identity(&p->site, &p->calls, &them, &error))
        return call_failed(p, STEP_REGISTER, "GetCallerIdentity", &error, again_ms, err);
    if (cloud_describe_image(&p->cloud, arena_dup(&p->calls, fact(p, "image.id")), &p->calls, &image, &error))
        return call_failed(p, STEP_REGISTER, "DescribeImages", &error, again_ms, err);
    if (image.state != IMAGE_AVAILABLE)
        return step_fail(err,
                         "%s is no image in %s, where the bake runs: it was copied for its environment alone; promote "
                         "from an environment in %s, or deploy the commit",
                         fact(p, "image.id"), p->config->region, p->config->region);
    if (strcmp(image.owner, them.account) == 0)
        return journal_note(p->journal, NAME, "image.shared", "own", err) ? STEP_STOP : STEP_AGAIN;
    if (!fact(p, "image.share_marked"))
        return mark_share(p, &image, them.account, again_ms, err);
    if (journal_intent(p->journal, NAME, "ModifyImageAttribute", image.id, err))
        return STEP_STOP;
    if (cloud_share_image(&p->cloud, &image, them.account, true, &error))
        return share_failed(p, &image, them.account, &error, again_ms, err);
    struct journal_fact done = {"image.shared", them.account};
    return journal_outcome(p->journal, NAME, "ModifyImageAttribute", true, them.account, &done, 1, err) ? STEP_STOP
                                                                                                        : STEP_AGAIN;
}

/* Of this bake, and not one that failed; a name alone says nothing. NULL: none. */
static const struct image *same_copy(const struct images *there, const char *key)
{
    for (size_t i = 0; i < there->count; i++) {
        const struct image *image = &there->items[i];
        const char *theirs = tag_value(image->tags, image->tag_count, "bakehour:bake-key");
        bool serves = image->state == IMAGE_AVAILABLE || image->state == IMAGE_PENDING;
        if (serves && (!*key || (theirs && strcmp(theirs, key) == 0)))
            return image; /* records of old have no key */
    }
    return NULL;
}

/* Another has the name that the copy was to have: it gets one of its own. */
static enum step_result name_taken(struct pipeline *p, const struct image *image, struct err *err)
{
    int64_t next = fact_i64(p, "image.copy_attempt") + 1;
    if (next >= COPIES_MAX)
        return step_fail(err, "the name %s is another image's in %s (%s), and so were %d others", image->name,
                         p->env->region, image->id, COPIES_MAX - 1);
    return journal_note(p->journal, NAME, "image.copy_attempt", arena_textf(&p->calls, "%lld", (long long)next), err)
               ? STEP_STOP
               : STEP_AGAIN;
}

/* One of that name is there already: made by this run, or by an earlier one. It is this account's own, so nothing is
 * to be shared with it. */
static enum step_result look_for_copy(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct images there;
    struct aws_error error;
    char began[24];
    struct tag by_name = {"name", copy_name(p)};
    struct lookup lookup = {.filters = &by_name, .filter_count = 1};
    if (cloud_describe_images(&p->site, &lookup, &p->calls, &there, &error))
        return call_failed(p, STEP_REGISTER, "DescribeImages", &error, again_ms, err);
    const struct image *same = same_copy(&there, fact(p, "build.key") ? fact(p, "build.key") : "");
    if (there.count && !same)
        return name_taken(p, &there.items[0], err);
    str_fit(began, sizeof(began), "%lld", (long long)pipeline_now_ms(p));
    struct journal_fact facts[] = {
        {"image.copy_looked", by_name.value}, {"image.copy_ms", began}, {"image.copy", same ? same->id : NULL}};
    return journal_notes(p->journal, NAME, facts, same ? 3 : 1, err) ? STEP_STOP : STEP_AGAIN;
}

static enum step_result copy(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct tag tags[PIPELINE_TAGS + 3];
    struct aws_error error;
    const char *id;
    char began[24];
    char token[JOURNAL_TOKEN_SIZE];
    const char *name = copy_name(p);
    const char *key = fact(p, "build.key") ? fact(p, "build.key") : "";
    const char *sha256 = fact(p, "build.sha256") ? fact(p, "build.sha256") : "";
    size_t count = pipeline_tags(p, "image", tags);
    tags[count++] = (struct tag){"bakehour:bake-key", arena_dup(&p->calls, key)};
    tags[count++] = (struct tag){"bakehour:sha256", arena_dup(&p->calls, sha256)};
    if (fact(p, "build.signature"))
        tags[count++] = (struct tag){"bakehour:signature", arena_dup(&p->calls, fact(p, "build.signature"))};
    journal_token(p->journal, token, NAME, "copy", fact_i64(p, "image.copy_attempt"));
    str_fit(began, sizeof(began), "%lld", (long long)pipeline_now_ms(p));
    struct copy_order order = {.source_region = p->config->region,
                               .source_image = arena_dup(&p->calls, fact(p, "image.id")),
                               .name = name,
                               .description = arena_textf(&p->calls, "copied from %s", p->config->region),
                               .token = token,
                               .encrypted = *p->env->kms_key,
                               .kms_key = p->env->kms_key,
                               .tags = tags,
                               .tag_count = count};
    if (journal_intent(p->journal, NAME, "CopyImage", token, err))
        return STEP_STOP;
    if (cloud_copy_image(&p->site, &order, &p->calls, &id, &error))
        return call_failed(p, STEP_REGISTER, "CopyImage", &error, again_ms, err);
    struct journal_fact facts[] = {{"image.copy", id}, {"image.copied", "1"}, {"image.copy_ms", began}};
    return journal_outcome(p->journal, NAME, "CopyImage", true, id, facts, 3, err) ? STEP_STOP : STEP_AGAIN;
}

/* A copy that failed is collected by its tag, in closing; the next one has a name of its own. */
static enum step_result copy_failed(struct pipeline *p, const struct image *image, struct err *err)
{
    int64_t next = fact_i64(p, "image.copy_attempt") + 1;
    if (next >= COPIES_MAX)
        return step_fail(err, "the copy of the image to %s failed %d times: %s", p->env->region, COPIES_MAX,
                         image->state_reason);
    pipeline_say(p, "step", "the copy %s failed (%s); another is made", image->id,
                 image->state == IMAGE_GONE ? "it is gone" : image->state_reason);
    struct journal_fact facts[] = {{"image.copy", NULL},
                                   {"image.copy_looked", NULL},
                                   {"image.shared", NULL}, /* anew: another run may have withdrawn it */
                                   {"image.share_marked", NULL},
                                   {"image.copy_attempt", arena_textf(&p->calls, "%lld", (long long)next)}};
    return journal_notes(p->journal, NAME, facts, 5, err) ? STEP_STOP : STEP_AGAIN;
}

static enum step_result wait_copy(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct image image;
    struct aws_error error;
    int64_t now = pipeline_now_ms(p);
    int64_t began = fact_i64(p, "image.copy_ms");
    if (cloud_describe_image(&p->site, arena_dup(&p->calls, fact(p, "image.copy")), &p->calls, &image, &error))
        return call_failed(p, STEP_REGISTER, "DescribeImages", &error, again_ms, err);
    if (image.state == IMAGE_AVAILABLE && *p->env->kms_key && !image.encrypted)
        return step_fail(err, "the copy %s is not encrypted, though %s.kms_key is set", image.id, p->env->name);
    if (image.state == IMAGE_AVAILABLE)
        return journal_note(p->journal, NAME, "image.local", image.id, err) ? STEP_STOP : STEP_AGAIN;
    bool gone = image.state == IMAGE_GONE && now - began > GONE_MS;
    if (image.state == IMAGE_FAILED || gone)
        return copy_failed(p, &image, err);
    if (now - began > 2 * p->config->image.image_limit_s * 1000)
        return step_fail(err, "the copy of the image to %s is not available in time", p->env->region);
    *again_ms = look_again_ms(now, began, p->w->expected.s[STEP_IMAGE] * 1000);
    return STEP_WAIT;
}

/* An environment of the bake's own account and region, with a key: the image may have it already, as its base has. */
static bool may_have_key(const struct pipeline *p)
{
    return *p->env->kms_key && !pipeline_apart(p->w) && !p->w->site_transport;
}

static enum step_result look_at_key(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct aws_error error;
    bool has = false;
    const char *id = arena_dup(&p->calls, fact(p, "image.id"));
    if (image_has_key(&p->cloud, id, p->env->kms_key, &p->calls, &has, &error))
        return call_failed(p, STEP_REGISTER, "DescribeSnapshots", &error, again_ms, err);
    struct journal_fact facts[] = {{"image.keyed", has ? "yes" : "no"}, {"image.local", id}};
    return journal_notes(p->journal, NAME, facts, has ? 2 : 1, err) ? STEP_STOP : STEP_AGAIN;
}

/* image.local: the image that the group can launch. */
static enum step_result bring_image(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    bool copies = config_copies(p->config, p->env);
    if (may_have_key(p) && !fact(p, "image.keyed"))
        return look_at_key(p, again_ms, err);
    if (fact(p, "image.copy"))
        return wait_copy(p, again_ms, err);
    if (copies && !fact(p, "image.copy_looked"))
        return look_for_copy(p, again_ms, err);
    if ((copies || p->w->site_transport) && !fact(p, "image.shared"))
        return share(p, again_ms, err);
    if (copies)
        return copy(p, again_ms, err);
    return journal_note(p->journal, NAME, "image.local", fact(p, "image.id"), err) ? STEP_STOP : STEP_AGAIN;
}

/* The account has its copy: it needs the image of ours no more. What cannot be withdrawn now is at the end, or by gc.
 */
static enum step_result withdraw(struct pipeline *p, struct err *err)
{
    if (withdraw_shares(p, err) || journal_note(p->journal, NAME, "image.withdrawing", "tried", err))
        return STEP_STOP;
    return STEP_AGAIN;
}

static bool may_withdraw(const struct pipeline *p)
{
    return config_copies(p->config, p->env) && fact(p, "image.share_marked") && !fact(p, "image.withdrawing");
}

/* ---- the version ---- */

static enum step_result make_configuration(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct launch_configs good;
    struct aws_error error;
    const char *from = arena_dup(&p->calls, fact(p, "good.version"));
    const char *name = release_configuration_name(p);
    if (cloud_describe_launch_configs(&p->site, &from, 1, &p->calls, &good, &error))
        return call_failed(p, STEP_REGISTER, "DescribeLaunchConfigurations", &error, again_ms, err);
    if (!good.count)
        return step_fail(err, "the launch configuration %s is gone", from);
    struct launch_spec spec = good.items[0].spec;
    spec.image = arena_dup(&p->calls, fact(p, "image.local"));
    if (*p->env->instance_type)
        spec.type = p->env->instance_type;
    if (journal_intent(p->journal, NAME, "CreateLaunchConfiguration", name, err))
        return STEP_STOP;
    if (cloud_create_launch_config(&p->site, name, &spec, &error))
        return call_failed(p, STEP_REGISTER, "CreateLaunchConfiguration", &error, again_ms, err);
    return step_done(p, STEP_REGISTER, "register.version", name, err);
}

static enum step_result make_version(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct tag tags[PIPELINE_TAGS];
    struct template_version made;
    struct aws_error error;
    char token[JOURNAL_TOKEN_SIZE];
    struct launch_spec spec = {.image = arena_dup(&p->calls, fact(p, "image.local")), .tags = tags};
    spec.tag_count = pipeline_tags(p, "service", tags) - 1; /* what serves does not expire */
    if (*p->env->instance_type)
        spec.type = p->env->instance_type;
    journal_token(p->journal, token, NAME, "version", 0);
    if (journal_intent(p->journal, NAME, "CreateLaunchTemplateVersion", token, err))
        return STEP_STOP;
    if (cloud_create_template_version(
            &p->site, arena_dup(&p->calls, fact(p, "good.template")), arena_dup(&p->calls, fact(p, "good.version")),
            arena_textf(&p->calls, "bakehour %s", p->record.run), &spec, token, &p->calls, &made, &error))
        return call_failed(p, STEP_REGISTER, "CreateLaunchTemplateVersion", &error, again_ms, err);
    return step_done(p, STEP_REGISTER, "register.version", arena_textf(&p->calls, "%lld", (long long)made.version),
                     err);
}

const char *release_configuration_name(struct pipeline *p)
{
    return arena_textf(&p->calls, "bakehour-%s-%s-%s", p->config->project, p->env->name, p->record.run);
}

/* An image that was made before carries its signature with it; it is verified on the canary. A rollback's image is the
 * copy itself, which is where the group is. */
static enum step_result find_signature(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct image image;
    struct aws_error error;
    const char *id = arena_dup(&p->calls, fact(p, "image.id"));
    int failed = cloud_describe_image(&p->cloud, id, &p->calls, &image, &error);
    if (!failed && image.state == IMAGE_GONE && config_copies(p->config, p->env))
        failed = cloud_describe_image(&p->site, id, &p->calls, &image, &error);
    if (failed)
        return call_failed(p, STEP_REGISTER, "DescribeImages", &error, again_ms, err);
    const char *signature = tag_value(image.tags, image.tag_count, "bakehour:signature");
    if (!signature || !*signature)
        return step_fail(err,
                         "the image %s carries no signature, and signing.public_key_files wants one: deploy its commit "
                         "anew",
                         id);
    return journal_note(p->journal, NAME, "build.signature", signature, err) ? STEP_STOP : STEP_AGAIN;
}

enum step_result poll_register(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    if (fact(p, "register.version"))
        return STEP_DONE;
    if (p->config->signing.public_key_files.count && !fact(p, "build.signature"))
        return find_signature(p, again_ms, err);
    if (!fact(p, "good.version")) {
        enum step_result result = late_mend(p, "register", again_ms, err);
        return result == STEP_DONE ? look_at_group(p, again_ms, err) : result;
    }
    if (!fact(p, "image.local"))
        return bring_image(p, again_ms, err);
    if (may_withdraw(p))
        return withdraw(p, err);
    if (journal_is(p->journal, "good.image", fact(p, "image.local")))
        return step_done(p, STEP_REGISTER, "register.version", arena_dup(&p->calls, fact(p, "good.version")), err);
    return configuration(p) ? make_configuration(p, again_ms, err) : make_version(p, again_ms, err);
}

/* ---- the rollout ---- */

/* Half the group, rounded up, clamped to [3, 200], or less where the configuration or its money says so. */
int64_t release_cap_attempts(const struct config_environment *e, int64_t group)
{
    int64_t cap = (group + 1) / 2;
    cap = cap < 3 ? 3 : cap > 200 ? 200 : cap;
    return e->storm.attempts ? e->storm.attempts : cap;
}

/* The instance-seconds behind it: each attempt at its longest, or what the money buys. */
int64_t release_cap_s(const struct config_environment *e, const struct rates *rates, int64_t attempts)
{
    struct meter m = regime_meter(rates->regime);
    int64_t each_s = e->rollout.boot_limit_s + e->rollout.grace_s;
    int64_t cap_s = attempts * meter_billed_s(m, each_s);
    if (e->storm.limit_usd && rates->fleet_per_hour) {
        int128 buys_s = (int128)e->storm.limit_usd * 3600 / rates->fleet_per_hour;
        if (buys_s < cap_s)
            cap_s = (int64_t)buys_s;
    }
    return cap_s;
}

static struct rollout_order order_of(struct pipeline *p, struct tag tags[PIPELINE_TAGS])
{
    struct rates rates = {.regime = REGIME_SECOND};
    struct err ignored;
    int64_t group = fact_i64(p, "group.desired");
    struct rollout_order order = {
        .cloud = &p->site,
        .journal = p->journal,
        .config = p->config,
        .environment = p->env,
        .configuration = configuration(p),
        .template_id = arena_dup(&p->calls, fact(p, "good.template")),
        .version_new = arena_dup(&p->calls, fact(p, "register.version")),
        .version_good = arena_dup(&p->calls, fact(p, "good.version")),
        .image_new = arena_dup(&p->calls, fact(p, "image.local")),
        .image_good = arena_dup(&p->calls, fact(p, "good.image")),
        .sha256 = arena_dup(&p->calls, fact(p, "build.sha256") ? fact(p, "build.sha256") : ""),
        .signature = arena_dup(&p->calls, fact(p, "build.signature") ? fact(p, "build.signature") : ""),
        .tags = tags,
        .boot_s = p->w->expected.s[STEP_INSTANCE],
        .wave_s = p->w->expected.s[STEP_ROLLOUT],
    };
    order.tag_count = pipeline_tags(p, "service", tags);
    if (rates_make(&rates, p->config, p->env, p->env->instance_type, p->w->catalog, pipeline_now_ms(p) / 1000,
                   &ignored))
        rates.fleet_per_hour = 0; /* no price, no limit by money; the estimate said so */
    order.regime = rates.regime;
    order.cap_attempts = release_cap_attempts(p->env, group);
    order.cap_instance_s = release_cap_s(p->env, &rates, order.cap_attempts);
    return order;
}

static enum step_result verdict(struct pipeline *p, const char *state, struct err *err)
{
    struct err why = *err;
    bool good = strcmp(state, "completed") == 0;
    return pipeline_verdict(p, state, good ? "" : why.text, err) ? STEP_STOP : STEP_DONE;
}

bool release_goes_back(const struct pipeline *p)
{
    return fact(p, "rollout.order") && fact(p, "good.version") && fact(p, "image.local");
}

enum rollout_result release_back(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct tag tags[PIPELINE_TAGS];
    struct rollout_order order = order_of(p, tags);
    const char *why = fact(p, "verdict.reason");
    if (!journal_is(p->journal, "rollout.mends", "yes")) {
        if (rollout_restore(&order, arena_dup(&p->calls, why ? why : ""), err) ||
            journal_note(p->journal, "rollout", "rollout.mends", "yes", err))
            return ROLLOUT_STOP;
    }
    enum rollout_result result = rollout_advance(&order, again_ms, err);
    if (result == ROLLOUT_BROKEN && journal_note(p->journal, "rollout", "rollout.mends", NULL, err))
        return ROLLOUT_STOP;
    return result;
}

/* Are the group's instances asked by the OSv port that is opened for the bake? */
static bool is_behind_port(const struct pipeline *p)
{
    const char *behind = fact(p, "group.behind_port");
    return behind && strcmp(behind, "no") != 0 && !p->w->site_transport && !pipeline_apart(p->w);
}

/* A run that left closed it, and one that bakes nothing never opened it. A rollout that is under way is not held up:
 * whoever does not answer is dealt with there. */
static enum step_result open_for_rollout(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    enum step_result result = is_behind_port(p) ? instance_open_port(p, again_ms, err) : STEP_DONE;
    if (result == STEP_STOP || (result == STEP_WAIT && !fact(p, "rollout.phase")))
        return result;
    if (result == STEP_FAILED) {
        pipeline_say(p, "step", "the OSv port could not be opened for the rollout: %s", err->text);
        p->port_open_ms = pipeline_now_ms(p); /* once is enough */
    }
    return STEP_DONE;
}

enum step_result poll_rollout(struct pipeline *p, int64_t *again_ms, struct err *err)
{
    struct tag tags[PIPELINE_TAGS];
    if (journal_is(p->journal, "good.image", fact(p, "image.local")))
        return verdict(p, "completed", err); /* the group is on it already */
    if (!fact(p, "rollout.order")) {
        if (journal_note(p->journal, "rollout", "rollout.order", fact(p, "register.version"), err))
            return STEP_STOP;
        pipeline_say(p, "rollout", "the rollout of %s to %s begins: %s", fact(p, "image.local"), p->env->group,
                     p->env->rollout.engine);
    }
    if (!fact(p, "rollout.phase")) {
        enum step_result result = late_mend(p, "rollout", again_ms, err);
        if (result != STEP_DONE)
            return result;
    }
    enum step_result opened = open_for_rollout(p, again_ms, err);
    if (opened != STEP_DONE)
        return opened;
    struct rollout_order order = order_of(p, tags);
    err->text[0] = '\0';
    switch (rollout_advance(&order, again_ms, err)) {
    case ROLLOUT_WAIT:
        return STEP_WAIT;
    case ROLLOUT_DONE:
        return verdict(p, "completed", err);
    case ROLLOUT_ROLLED_BACK:
        return verdict(p, "rolled-back", err);
    case ROLLOUT_CAPPED:
        return verdict(p, "capped", err);
    case ROLLOUT_BROKEN:
        return verdict(p, "broken", err);
    case ROLLOUT_STOP:
        break;
    }
    return STEP_STOP;
}
