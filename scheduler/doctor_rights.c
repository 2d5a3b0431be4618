/* doctor_rights.c - permissions one by one, by EC2's dry runs. */
#include <string.h>

#include "scheduler/doctor_private.h"
#include "scheduler/gc.h"
#include "scheduler/permissions.h"

/* Something of ours to ask about: what a policy allows by tags can only be tried on what has them. "": there is none.
 */
struct subjects {
    const char *instance, *image, *snapshot, *volume;
};

struct trial {
    struct doctor *d;
    struct cloud *bake, *site; /* dry */
    const struct subjects *of;
};

static const char *or_none(const char *id, const char *none)
{
    return *id ? id : none;
}

static int try_run(const struct trial *t, struct aws_error *e)
{
    const struct config *c = t->d->config;
    struct instances instances;
    const char *group = c->network.security_group;
    struct tag tag = {"bakehour:project", c->project};
    struct run_order run = {.token = "bakehour-doctor",
                            .image = c->image.base,
                            .type = c->image.instance_type,
                            .subnet = c->network.subnet,
                            .security_groups = &group,
                            .security_group_count = *group ? 1 : 0,
                            .profile = c->image.profile,
                            .tokens_optional = true,
                            .tags = &tag,
                            .tag_count = 1};
    return cloud_run_instances(t->bake, &run, t->d->arena, &instances, e);
}

static int try_image(const struct trial *t, struct aws_error *e)
{
    const char *image;
    struct tag tag = {"bakehour:project", t->d->config->project};
    struct image_order order = {.instance = or_none(t->of->instance, "i-00000000000000000"),
                                .name = "bakehour-doctor",
                                .no_reboot = true,
                                .tags = &tag,
                                .tag_count = 1};
    return cloud_create_image(t->bake, &order, t->d->arena, &image, e);
}

static int try_terminate(const struct trial *t, struct aws_error *e)
{
    const char *id = or_none(t->of->instance, "i-00000000000000000");
    return cloud_terminate_instances(t->bake, &id, 1, e);
}

static int try_mark(const struct trial *t, struct aws_error *e)
{
    const char *id = or_none(t->of->image, "ami-00000000000000000");
    struct tag tag = {"bakehour:proven", "yes"};
    char key[GC_SHARE_KEY_SIZE];
    const struct tag shared = {gc_share_key(key, t->d->environment->name), "111122223333"};
    int failed = cloud_tag(t->bake, &id, 1, &tag, 1, e);
    if (*t->d->environment->profile && !doctor_denied(e)) /* another account's gets the image shared */
        failed = cloud_tag(t->bake, &id, 1, &shared, 1, e);
    return failed;
}

static int try_release(const struct trial *t, struct aws_error *e)
{
    const char *id = or_none(t->of->instance, "i-00000000000000000");
    struct tag tag = {"bakehour:outside", NULL};
    return cloud_untag(t->bake, &id, 1, &tag, 1, e);
}

static int try_root(const struct trial *t, struct aws_error *e)
{
    struct root_task task;
    struct tag tag = {"bakehour:project", t->d->config->project};
    return cloud_replace_root(t->bake, or_none(t->of->instance, "i-00000000000000000"), t->d->config->image.base, NULL,
                              "bakehour-doctor", &tag, 1, t->d->arena, &task, e);
}

static int try_deregister(const struct trial *t, struct aws_error *e)
{
    struct image image = {.id = or_none(t->of->image, "ami-00000000000000000")};
    return cloud_remove_image(t->bake, &image, e);
}

static int try_snapshot(const struct trial *t, struct aws_error *e)
{
    return cloud_delete_snapshot(t->bake, or_none(t->of->snapshot, "snap-00000000000000000"), e);
}

static int try_volume(const struct trial *t, struct aws_error *e)
{
    return cloud_delete_volume(t->bake, or_none(t->of->volume, "vol-00000000000000000"), e);
}

static int try_share(const struct trial *t, struct aws_error *e)
{
    struct image image = {.id = or_none(t->of->image, "ami-00000000000000000")};
    return cloud_share_image(t->bake, &image, "111122223333", true, e);
}

static int try_copy(const struct trial *t, struct aws_error *e)
{
    const char *image;
    struct tag tag = {"bakehour:project", t->d->config->project};
    struct copy_order order = {.source_region = t->bake->region,
                               .source_image = t->d->config->image.base,
                               .name = "bakehour-doctor",
                               .token = "bakehour-doctor",
                               .encrypted = *t->d->environment->kms_key != '\0',
                               .kms_key = t->d->environment->kms_key,
                               .tags = &tag,
                               .tag_count = 1};
    return cloud_copy_image(t->site, &order, t->d->arena, &image, e);
}

static int try_open(const struct trial *t, struct aws_error *e)
{
    const struct config *c = t->d->config;
    return cloud_open_port(t->bake, c->network.security_group, (int)c->osv.port, "192.0.2.1/32", "doctor", e);
}

static int try_close(const struct trial *t, struct aws_error *e)
{
    const struct config *c = t->d->config;
    return cloud_close_port(t->bake, c->network.security_group, (int)c->osv.port, "192.0.2.1/32", e);
}

static int try_version(const struct trial *t, struct aws_error *e)
{
    struct template_version version;
    struct launch_spec spec = {.image = t->d->config->image.base};
    return cloud_create_template_version(t->site, t->d->group.template_id, "", "bakehour-doctor", &spec,
                                         "bakehour-doctor", t->d->arena, &version, e);
}

static int try_delete_version(const struct trial *t, struct aws_error *e)
{
    return cloud_delete_template_version(t->site, t->d->group.template_id, 999999999, e);
}

/* by: what of ours the policy's condition wants to see the tag of; 0: nothing. */
enum by { BY_NOTHING, BY_INSTANCE, BY_IMAGE, BY_SNAPSHOT, BY_VOLUME, BY_GROUP };

static const struct {
    const char *call;
    int (*attempt)(const struct trial *t, struct aws_error *e);
    enum by by;
} trials[] = {{"RunInstances", try_run, BY_NOTHING},
              {"CreateImage", try_image, BY_INSTANCE},
              {"TerminateInstances", try_terminate, BY_INSTANCE},
              {"CreateReplaceRootVolumeTask", try_root, BY_INSTANCE},
              {"DeleteTags", try_release, BY_INSTANCE},
              {"CreateTags", try_mark, BY_IMAGE},
              {"DeregisterImage", try_deregister, BY_IMAGE},
              {"ModifyImageAttribute", try_share, BY_IMAGE},
              {"DeleteSnapshot", try_snapshot, BY_SNAPSHOT},
              {"DeleteVolume", try_volume, BY_VOLUME},
              {"CopyImage", try_copy, BY_NOTHING},
              {"AuthorizeSecurityGroupIngress", try_open, BY_NOTHING},
              {"RevokeSecurityGroupIngress", try_close, BY_NOTHING},
              {"CreateLaunchTemplateVersion", try_version, BY_GROUP},
              {"DeleteLaunchTemplateVersions", try_delete_version, BY_GROUP}};

static const char *subject(const struct trial *t, enum by by)
{
    const struct group *g = &t->d->group;
    switch (by) {
    case BY_INSTANCE:
        return t->of->instance;
    case BY_IMAGE:
        return t->of->image;
    case BY_SNAPSHOT:
        return t->of->snapshot;
    case BY_VOLUME:
        return t->of->volume;
    case BY_GROUP:
        return g->name && g->template_id ? g->template_id : "";
    default:
        return "-";
    }
}

static void judge(const struct trial *t, const char *call, enum by by, int code, const struct aws_error *e)
{
    struct doctor *d = t->d;
    const char *about = subject(t, by);
    /* Who may not is told so before anything else is looked at. */
    bool allowed = code == 0 || aws_error_is(e, "DryRunOperation") || strstr(e->code, ".NotFound") ||
                   strstr(e->code, "InUse") || strncmp(e->code, "Incorrect", 9) == 0;
    if (doctor_denied(e) && !*about)
        doctor_found(d, FINDING_UNKNOWN, "permission",
                     SAY(d, "ec2:%s: nothing carries this project's tag yet, so that EC2 cannot say", call),
                     "look again after the first deployment");
    else if (doctor_denied(e))
        doctor_found(d, FINDING_PROBLEM, "permission", SAY(d, "ec2:%s would be refused: %s", call, e->message),
                     SAY(d, "allow ec2:%s for the role that deploys: 'bakehour config iam' prints its policy", call));
    else if (allowed)
        doctor_found(d, FINDING_OK, "permission", SAY(d, "ec2:%s would be allowed", call), "");
    else
        doctor_found(d, FINDING_UNKNOWN, "permission", SAY(d, "ec2:%s: %s: %s", call, e->code, e->message),
                     "look again later");
}

/* Is the call one that this configuration makes? */
static bool is_made(const struct permission_terms *terms, const char *call)
{
    for (size_t i = 0; permission_at(i); i++) {
        const struct permission *p = permission_at(i);
        if (p->service == AWS_EC2 && strcmp(p->call, call) == 0 &&
            (permission_granted(p, terms, ROLE_DEPLOYER) || permission_granted(p, terms, ROLE_TARGET)))
            return true;
    }
    return false;
}

/* ---- something of ours ---- */

static void find_subjects(struct doctor *d, struct subjects *out)
{
    const struct tag filters[] = {{"tag:bakehour:project", d->config->project}, {"instance-state-name", "running"}};
    struct lookup ours = {.filters = filters, .filter_count = 1};
    struct lookup running = {.filters = filters, .filter_count = 2};
    struct instances instances;
    struct images images;
    struct volumes volumes;
    struct aws_error error;
    *out = (struct subjects){"", "", "", ""};
    if (cloud_describe_instances(d->bake, &running, d->arena, &instances, &error) == 0 && instances.count)
        out->instance = instances.items[0].id;
    if (cloud_describe_images(d->bake, &ours, d->arena, &images, &error) == 0 && images.count) {
        out->image = images.items[0].id;
        out->snapshot = images.items[0].snapshot_count ? images.items[0].snapshots[0] : "";
    }
    if (cloud_describe_volumes(d->bake, &ours, d->arena, &volumes, &error) == 0 && volumes.count)
        out->volume = volumes.items[0].id;
}

void doctor_rights(struct doctor *d)
{
    struct subjects of;
    struct cloud bake = *d->bake;
    struct cloud site = *d->site;
    struct retry at_once = *d->bake->retry; /* what is asked about may not exist: no use in waiting for it */
    struct retry site_at_once = *d->site->retry;
    const struct permission_terms terms = {
        .config = d->config, .environment = d->environment, .account = d->account, .pass_role = ""};
    find_subjects(d, &of);
    bake.dry_run = site.dry_run = true;
    bake.before = site.before = NULL;
    bake.retry = &at_once;
    site.retry = &site_at_once;
    at_once.settings.settle_ms = site_at_once.settings.settle_ms = 0;
    const struct trial t = {d, &bake, &site, &of};
    for (size_t i = 0; i < sizeof(trials) / sizeof(*trials); i++) {
        struct aws_error e = {0};
        bool nothing = trials[i].by == BY_GROUP && !*subject(&t, BY_GROUP);
        if (nothing || !is_made(&terms, trials[i].call))
            continue;
        int code = trials[i].attempt(&t, &e);
        judge(&t, trials[i].call, trials[i].by, code, &e);
    }
    doctor_found(d, FINDING_UNKNOWN, "permission",
                 "Auto Scaling, load balancing, schedules and DynamoDB know no dry run: their changing calls were not "
                 "tried",
                 "rehearse them under the same policy: 'bakehour rehearse --config bakehour.json'");
}
