/* rehearsal_orphans.c - what is left that nobody needs: asked of the cloud by calls of its own, not by the clean-up. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/deployment.h"
#include "sim/rehearsal.h"

/* A one-time schedule of EventBridge is carried out within a minute of its time. */
#define GRACE_MS 60000

struct search {
    struct rehearsal *r;
    struct cloud_transport transport; /* without faults and kills */
    struct retry retry;
    struct cloud cloud;
    struct arena arena;
    struct str *names;
    size_t count;
};

static void found(struct search *s, const char *kind, const char *id)
{
    s->count++;
    if (s->names)
        str_addf(s->names, "%s%s %s", s->names->len ? ", " : "", kind, id);
}

static bool ours(const struct search *s, const struct tag *tags, size_t count)
{
    const char *project = tag_value(tags, count, "bakehour:project");
    return project && strcmp(project, s->r->options.config->project) == 0;
}

static bool is_member(struct search *s, const char *id)
{
    const struct config *c = s->r->options.config;
    struct aws_error error;
    struct group g;
    for (size_t i = 0; i < c->environments.count; i++) {
        if (strcmp(c->environments.items[i].region, s->cloud.region) != 0 ||
            cloud_describe_group(&s->cloud, c->environments.items[i].group, &s->arena, &g, &error))
            continue;
        for (size_t j = 0; j < g.member_count; j++)
            if (strcmp(g.members[j].id, id) == 0)
                return true;
    }
    return false;
}

static bool is_kept(const struct search *s, const char *id, bool by_guard)
{
    const struct config *c = s->r->options.config;
    struct kept_bake kept;
    struct err err = {.code = 0};
    int64_t version;
    for (size_t i = 0; i < c->environments.count; i++)
        if (kept_bake_get(s->r->world.state, c->environments.items[i].name, &kept, &version, &err) == 0 &&
            strcmp(by_guard ? kept.guard : kept.instance, id) == 0 &&
            kept.until_ms + GRACE_MS > simcloud_now_ms(s->r->cloud))
            return true;
    return false;
}

static void look_at_instances(struct search *s)
{
    struct instances list;
    struct aws_error error;
    struct lookup all = {0};
    if (cloud_describe_instances(&s->cloud, &all, &s->arena, &list, &error)) {
        found(s, "no answer", error.code);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct instance *it = &list.items[i];
        if (it->state != INSTANCE_TERMINATED && it->state != INSTANCE_SHUTTING_DOWN &&
            ours(s, it->tags, it->tag_count) && !is_member(s, it->id) && !is_kept(s, it->id, false))
            found(s, "instance", it->id);
    }
}

/* What a member of a group runs is needed, whatever the records say: the way back of a run may have failed after its
 * template named the new image, and a machine with the tags alone then keeps what runs. */
static bool is_served(struct search *s, const char *image)
{
    struct instances list;
    struct aws_error error;
    struct lookup all = {0};
    if (cloud_describe_instances(&s->cloud, &all, &s->arena, &list, &error))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].state == INSTANCE_RUNNING && strcmp(list.items[i].image, image) == 0 &&
            is_member(s, list.items[i].id))
            return true;
    return false;
}

/* The images of the last completed deployments that each environment keeps. */
static bool is_retained(const struct search *s, const char *image)
{
    const struct config *c = s->r->options.config;
    for (size_t i = 0; i < c->environments.count; i++) {
        const struct config_environment *e = &c->environments.items[i];
        struct deployments list = {0};
        struct err err = {.code = 0};
        const char *images[64];
        size_t kept = 0;
        bool there = false;
        if (deployments_list(s->r->world.state, e->name, &list, &err))
            continue;
        for (size_t j = list.count; j > 0 && kept < (size_t)e->retain_images && kept < 64; j--) {
            const struct deployment *d = &list.items[j - 1];
            bool again = false;
            if (strcmp(d->state, "completed") != 0)
                continue;
            for (size_t k = 0; k < kept; k++)
                again = again || strcmp(images[k], d->image) == 0;
            if (!again)
                images[kept++] = d->image;
            there = there || strcmp(d->image, image) == 0;
        }
        deployments_release(&list);
        if (there)
            return true;
    }
    return false;
}

/* Where the store of an environment knows no completed deployment, its images that say that they were proven stay: a
 * machine that has only the tags keeps them as the lost store would have. */
static bool is_proven(const struct search *s, const struct image *image)
{
    const struct config *c = s->r->options.config;
    const char *environment = tag_value(image->tags, image->tag_count, "bakehour:environment");
    for (size_t i = 0; environment && i < c->environments.count; i++) {
        struct deployments list = {0};
        struct err err = {.code = 0};
        if (strcmp(c->environments.items[i].name, environment) != 0 ||
            deployments_list(s->r->world.state, environment, &list, &err))
            continue;
        bool known = deployments_last_good(&list, NULL) != NULL;
        deployments_release(&list);
        return !known && tag_value(image->tags, image->tag_count, "bakehour:proven");
    }
    return false;
}

static void look_at_images(struct search *s)
{
    struct images images;
    struct snapshots snapshots;
    struct aws_error error;
    struct lookup all = {0};
    if (cloud_describe_images(&s->cloud, &all, &s->arena, &images, &error) ||
        cloud_describe_snapshots(&s->cloud, &all, &s->arena, &snapshots, &error)) {
        found(s, "no answer", error.code);
        return;
    }
    for (size_t i = 0; i < images.count; i++)
        if (ours(s, images.items[i].tags, images.items[i].tag_count) && images.items[i].state != IMAGE_GONE &&
            !is_retained(s, images.items[i].id) && !is_proven(s, &images.items[i]) && !is_served(s, images.items[i].id))
            found(s, "image", images.items[i].id);
    for (size_t i = 0; i < snapshots.count; i++) {
        bool used = !ours(s, snapshots.items[i].tags, snapshots.items[i].tag_count);
        for (size_t j = 0; j < images.count && !used; j++)
            for (size_t k = 0; k < images.items[j].snapshot_count && !used; k++)
                used = strcmp(images.items[j].snapshots[k], snapshots.items[i].id) == 0;
        if (!used)
            found(s, "snapshot", snapshots.items[i].id);
    }
}

static void look_at_volumes(struct search *s)
{
    struct volumes list;
    struct aws_error error;
    struct lookup all = {0};
    if (cloud_describe_volumes(&s->cloud, &all, &s->arena, &list, &error)) {
        found(s, "no answer", error.code);
        return;
    }
    for (size_t i = 0; i < list.count; i++)
        if (ours(s, list.items[i].tags, list.items[i].tag_count) && strcmp(list.items[i].state, "available") == 0)
            found(s, "volume", list.items[i].id);
}

static void look_at_schedules(struct search *s)
{
    struct schedules list;
    struct aws_error error;
    if (cloud_list_schedules(&s->cloud, NULL, "bakehour-", &s->arena, &list, &error))
        return;
    for (size_t i = 0; i < list.count; i++)
        if (!is_kept(s, list.items[i].name, true))
            found(s, "schedule", list.items[i].name);
}

static void look_everywhere(struct search *s)
{
    const struct config *c = s->r->options.config;
    for (size_t i = 0; i <= c->environments.count; i++) {
        const char *region = i ? c->environments.items[i - 1].region : c->region;
        bool seen = i > 0 && strcmp(region, c->region) == 0;
        for (size_t j = 1; j < i; j++)
            seen = seen || strcmp(region, c->environments.items[j - 1].region) == 0;
        if (seen)
            continue;
        s->cloud.region = region;
        look_at_instances(s);
        look_at_images(s);
        look_at_volumes(s);
        look_at_schedules(s);
    }
}

size_t rehearsal_orphans(struct rehearsal *r, struct str *names)
{
    struct search s = {.r = r, .names = names};
    struct retry_settings settings = retry_standard();
    settings.reads_per_s = settings.writes_per_s = 1000;
    cloud_transport_init(&s.transport, r->cloud, NULL);
    s.transport.region = r->options.config->region;
    retry_init(&s.retry, &settings, 1);
    s.cloud = (struct cloud){.transport = &s.transport.transport, .retry = &s.retry};
    arena_init(&s.arena);
    look_everywhere(&s);
    arena_release(&s.arena);
    return s.count;
}
