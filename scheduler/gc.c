#include "scheduler/gc_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "scheduler/deadman.h"

static const char *const kind_names[GC_KINDS] = {
    "instance", "image",     "snapshot", "volume", "template version", "launch configuration",
    "schedule", "open port", "share"};

const char *gc_kind_name(enum gc_kind kind)
{
    return kind_names[kind];
}

static void need(struct needs *n, const char ***list, size_t *count, size_t *cap, const char *text)
{
    if (!text || !*text)
        return;
    *list = mem_grow(*list, cap, *count + 1, sizeof(**list));
    (*list)[(*count)++] = arena_dup(n->arena, text);
}

bool gc_among(const char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

struct gc_item *gc_add(struct needs *n, enum gc_kind kind, struct cloud *cloud, const char *id, const char *why)
{
    n->out->items = mem_grow(n->out->items, &n->out->cap, n->out->count + 1, sizeof(*n->out->items));
    struct gc_item *item = &n->out->items[n->out->count++];
    *item = (struct gc_item){.kind = kind, .cloud = cloud, .id = arena_dup(n->arena, id), .why = why};
    return item;
}

/* What a copy was made from is needed as long as a promotion would go on from there (promote.h). */
static int need_origin(struct needs *n, const struct config_environment *e, const struct deployments *list,
                       struct err *err)
{
    struct bake bake;
    bool found = false;
    const struct config *c = n->scope->config;
    const struct deployment *good = deployments_last_good(list, NULL);
    if (!good || !*good->bake_key || !config_copies(c, e))
        return 0;
    int code = bake_get(n->scope->state, c->region, good->bake_key, &bake, &found, err);
    if (!code && found)
        need(n, &n->images, &n->image_count, &n->image_cap, bake.image);
    return code;
}

/* The last N completed deployments of an environment need their images and versions. *known: there is one. */
static int need_deployments(struct needs *n, const struct config_environment *e, bool *known, struct err *err)
{
    struct deployments list = {0};
    int code = deployments_list(n->scope->state, e->name, &list, err);
    *known = false;
    int64_t left = e->retain_images;
    size_t from = n->image_count; /* each environment counts its own */
    for (size_t i = list.count; !code && i > 0; i--) {
        const struct deployment *d = &list.items[i - 1];
        bool completed = strcmp(d->state, "completed") == 0;
        bool running = strcmp(d->state, "running") == 0;
        *known = *known || completed;
        if (running ? e == n->scope->environment && !*n->scope->alive_run : !completed || left <= 0)
            continue;
        size_t own = n->image_count - from;
        if (completed && !(own && gc_among(n->images + from, own, d->image)))
            left--;
        need(n, &n->images, &n->image_count, &n->image_cap, d->image);
        if (e == n->scope->environment)
            need(n, &n->versions, &n->version_count, &n->version_cap, d->version);
    }
    if (!code)
        code = need_origin(n, e, &list, err);
    deployments_release(&list);
    return code;
}

/* Its versions are needed by the group and its members, whoever put them there. */
static void need_versions(struct needs *n, const struct group *g)
{
    need(n, &n->versions, &n->version_count, &n->version_cap, g->template_version);
    need(n, &n->versions, &n->version_count, &n->version_cap, g->launch_config);
    for (size_t i = 0; i < g->member_count; i++) {
        if (strncmp(g->members[i].lifecycle, "Terminat", 8) == 0)
            continue; /* on its way out: nothing is launched for it again */
        need(n, &n->versions, &n->version_count, &n->version_cap, g->members[i].template_version);
        need(n, &n->versions, &n->version_count, &n->version_cap, g->members[i].launch_config);
    }
}

/* The image that a group's template names is needed. */
static int need_template(struct needs *n, const struct group *g, struct aws_error *error)
{
    struct template_versions found;
    struct launch_configs configs;
    if (*g->template_id) {
        const char *version = *g->template_version ? g->template_version : "$Default";
        if (cloud_describe_template_versions(n->scope->site, g->template_id, version, n->arena, &found, error))
            return -1;
        for (size_t i = 0; i < found.count; i++)
            need(n, &n->images, &n->image_count, &n->image_cap, found.items[i].spec.image);
    } else if (*g->launch_config) {
        if (cloud_describe_launch_configs(n->scope->site, &g->launch_config, 1, n->arena, &configs, error))
            return -1;
        for (size_t i = 0; i < configs.count; i++)
            need(n, &n->images, &n->image_count, &n->image_cap, configs.items[i].spec.image);
    }
    return 0;
}

int gc_store_failed(struct aws_error *error, const struct err *err)
{
    aws_error_set(error, AWS_UNSENT, 0, "state", "%s", err->text);
    return -1;
}

/* Another environment of which the store knows nothing may be on an image that was made for this one: its group says
 * so, where we can see it. */
static int need_unknown(struct needs *n, const struct config_environment *e, struct aws_error *error)
{
    struct group g;
    const struct config_environment *own = n->scope->environment;
    if (strcmp(e->region, own->region) != 0 || strcmp(e->profile, own->profile) != 0)
        return 0;
    if (cloud_describe_group(n->scope->site, e->group, n->arena, &g, error))
        return aws_error_is(error, "NoSuchGroup") ? 0 : -1;
    return need_template(n, &g, error);
}

/* What was added to the images from there on is needed by this environment itself. */
static void note_own(struct needs *n, size_t from)
{
    for (size_t i = from; i < n->image_count; i++) {
        n->own = mem_grow(n->own, &n->own_cap, n->own_count + 1, sizeof(*n->own));
        n->own[n->own_count++] = n->images[i];
    }
}

static int need_environments(struct needs *n, struct aws_error *error)
{
    const struct gc_scope *s = n->scope;
    struct err err = {.code = 0};
    for (size_t i = 0; i < s->config->environments.count; i++) {
        const struct config_environment *e = &s->config->environments.items[i];
        bool known = false;
        size_t from = n->image_count;
        if (need_deployments(n, e, &known, &err))
            return gc_store_failed(error, &err);
        if (e == s->environment) {
            n->known = known;
            note_own(n, from);
        } else if (!known && need_unknown(n, e, error))
            return -1;
    }
    return 0;
}

static int gather(struct needs *n, struct aws_error *error)
{
    const struct gc_scope *s = n->scope;
    struct err err = {.code = 0};
    int64_t version;
    if (kept_bake_get(s->state, s->environment->name, &n->kept, &version, &err))
        return gc_store_failed(error, &err);
    if (need_environments(n, error))
        return -1;
    if (cloud_describe_group(s->site, s->environment->group, n->arena, &n->group, error)) {
        if (!aws_error_is(error, "NoSuchGroup"))
            return -1;
        n->group = (struct group){.name = s->environment->group, .template_id = "", .launch_config = ""};
    }
    need(n, &n->images, &n->image_count, &n->image_cap, s->config->image.base);
    need_versions(n, &n->group);
    size_t from = n->image_count;
    if (need_template(n, &n->group, error))
        return -1;
    note_own(n, from);
    return 0;
}

static bool alive(const struct needs *n, const struct tag *tags, size_t count)
{
    const char *run = tag_value(tags, count, "bakehour:run");
    return run && *n->scope->alive_run && strcmp(run, n->scope->alive_run) == 0;
}

static struct lookup by_tags(const struct needs *n, struct tag filters[3])
{
    filters[0] = (struct tag){"tag:bakehour:project", n->scope->config->project};
    filters[1] = (struct tag){"tag:bakehour:environment", n->scope->environment->name};
    return (struct lookup){.filters = filters, .filter_count = 2};
}

static bool is_member(const struct group *g, const char *id)
{
    for (size_t i = 0; i < g->member_count; i++)
        if (strcmp(g->members[i].id, id) == 0)
            return true;
    return false;
}

static int find_instances(struct needs *n, struct cloud *cloud, struct aws_error *error)
{
    struct tag filters[3];
    struct lookup lookup = by_tags(n, filters);
    struct instances found;
    if (cloud_describe_instances(cloud, &lookup, n->arena, &found, error))
        return -1;
    for (size_t i = 0; i < found.count; i++) {
        const struct instance *it = &found.items[i];
        const char *group = tag_value(it->tags, it->tag_count, "aws:autoscaling:groupName");
        if (it->state == INSTANCE_TERMINATED || it->state == INSTANCE_SHUTTING_DOWN || is_member(&n->group, it->id) ||
            alive(n, it->tags, it->tag_count) || (group && *group))
            continue;
        bool kept = strcmp(it->id, n->kept.instance) == 0;
        if (kept && n->scope->now_ms < n->kept.until_ms)
            continue;
        gc_add(n, GC_INSTANCE, cloud, it->id,
               kept ? "the kept bake instance's time is over" : "no run and no group needs it");
    }
    return 0;
}

/* Where the store knows nothing, images that were proven are kept as if it did: the newest N. */
static int compare_newest(const void *a, const void *b)
{
    const struct image *x = a;
    const struct image *y = b;
    if (x->created_ms != y->created_ms)
        return x->created_ms < y->created_ms ? 1 : -1;
    return strcmp(y->id, x->id);
}

static void need_proven(struct needs *n, struct images *found)
{
    int64_t left = n->scope->environment->retain_images;
    if (n->known)
        return;
    if (found->count)
        qsort(found->items, found->count, sizeof(*found->items), compare_newest);
    for (size_t i = 0; i < found->count && left > 0; i++)
        if (tag_value(found->items[i].tags, found->items[i].tag_count, "bakehour:proven")) {
            need(n, &n->images, &n->image_count, &n->image_cap, found->items[i].id);
            left--;
        }
}

static int find_images(struct needs *n, struct cloud *cloud, struct aws_error *error)
{
    struct tag filters[3];
    struct lookup lookup = by_tags(n, filters);
    struct images found;
    struct snapshots snapshots;
    if (cloud_describe_images(cloud, &lookup, n->arena, &found, error) ||
        cloud_describe_snapshots(cloud, &lookup, n->arena, &snapshots, error))
        return -1;
    need_proven(n, &found);
    for (size_t i = 0; i < found.count; i++) {
        const struct image *image = &found.items[i];
        if (image->state == IMAGE_GONE || gc_among(n->images, n->image_count, image->id) ||
            alive(n, image->tags, image->tag_count))
            continue;
        gc_add(n, GC_IMAGE, cloud, image->id,
               image->state == IMAGE_FAILED ? "it failed" : "no deployment that is kept needs it")
            ->image = *image;
    }
    for (size_t i = 0; i < snapshots.count; i++) {
        bool used = alive(n, snapshots.items[i].tags, snapshots.items[i].tag_count);
        for (size_t j = 0; j < found.count && !used; j++)
            used = found.items[j].state != IMAGE_GONE &&
                   gc_among(found.items[j].snapshots, found.items[j].snapshot_count, snapshots.items[i].id);
        if (!used && strcmp(snapshots.items[i].state, "pending") != 0)
            gc_add(n, GC_SNAPSHOT, cloud, snapshots.items[i].id, "no image has it");
    }
    return 0;
}

static int find_volumes(struct needs *n, struct cloud *cloud, struct aws_error *error)
{
    struct tag filters[3];
    struct lookup lookup = by_tags(n, filters);
    struct volumes found;
    filters[lookup.filter_count++] = (struct tag){"status", "available"};
    if (cloud_describe_volumes(cloud, &lookup, n->arena, &found, error))
        return -1;
    for (size_t i = 0; i < found.count; i++)
        if (strcmp(found.items[i].state, "available") == 0 && !alive(n, found.items[i].tags, found.items[i].tag_count))
            gc_add(n, GC_VOLUME, cloud, found.items[i].id, "nothing is attached to it");
    return 0;
}

static int find_versions(struct needs *n, struct aws_error *error)
{
    struct template_versions found;
    if (!*n->group.template_id)
        return 0;
    if (cloud_describe_template_versions(n->scope->site, n->group.template_id, NULL, n->arena, &found, error))
        return -1;
    for (size_t i = 0; i < found.count; i++) {
        const struct template_version *v = &found.items[i];
        char number[24];
        str_fit(number, sizeof(number), "%lld", (long long)v->version);
        bool ours = strncmp(v->description, "bakehour r-", 11) == 0;
        bool of_alive = ours && *n->scope->alive_run && strcmp(v->description + 9, n->scope->alive_run) == 0;
        if (!ours || of_alive || v->is_default || gc_among(n->versions, n->version_count, number) ||
            gc_among(n->images, n->image_count, v->spec.image))
            continue;
        gc_add(n, GC_VERSION, n->scope->site, number, "no deployment that is kept needs it")->parent =
            arena_dup(n->arena, n->group.template_id);
    }
    return 0;
}

static int find_configurations(struct needs *n, struct aws_error *error)
{
    struct launch_configs found;
    char prefix[128];
    if (strcmp(n->scope->environment->template_kind, "launch-configuration") != 0)
        return 0;
    if (cloud_describe_launch_configs(n->scope->site, NULL, 0, n->arena, &found, error))
        return -1;
    str_fit(prefix, sizeof(prefix), "bakehour-%s-%s-r-", n->scope->config->project, n->scope->environment->name);
    for (size_t i = 0; i < found.count; i++) {
        const struct launch_config *c = &found.items[i];
        bool ours = strncmp(c->name, prefix, strlen(prefix)) == 0;
        bool of_alive = *n->scope->alive_run && strstr(c->name, n->scope->alive_run);
        if (ours && !of_alive && !gc_among(n->versions, n->version_count, c->name))
            gc_add(n, GC_CONFIGURATION, n->scope->site, c->name, "no deployment that is kept needs it");
    }
    return 0;
}

/* Schedules that guard nothing any more, of runs of this environment that are over: their names say whose they are. */
static int find_schedules(struct needs *n, struct cloud *cloud, struct aws_error *error)
{
    struct schedules found;
    char site[DEADMAN_SITE_SIZE];
    const struct gc_scope *s = n->scope;
    const struct config_rollout *rollout = &s->environment->rollout;
    if (!rollout->dead_man || !*rollout->dead_man_role)
        return 0;
    if (deadman_leftovers(cloud, n->arena, &found, error))
        return aws_error_is(error, "AccessDeniedException") ? 0 : -1;
    deadman_site(site, s->config->project, s->environment->name);
    for (size_t i = 0; i < found.count; i++) {
        const char *name = found.items[i].name;
        bool kept = strcmp(name, n->kept.guard) == 0 && s->now_ms < n->kept.until_ms;
        bool is_alive = *s->alive_run && strstr(name, s->alive_run);
        if (deadman_is_of(name, site) && !is_alive && !kept)
            gc_add(n, GC_SCHEDULE, cloud, name, "what it guarded is gone");
    }
    return 0;
}

static void release(struct needs *n)
{
    free(n->images);
    free(n->versions);
    free(n->own);
}

static int end_list(struct gc_list *out, int failed)
{
    if (!failed)
        return 0;
    free(out->items);
    *out = (struct gc_list){0};
    return -1;
}

int gc_find(const struct gc_scope *scope, struct arena *arena, struct gc_list *out, struct aws_error *error)
{
    struct needs n = {.scope = scope, .arena = arena, .out = out};
    bool apart = scope->bake != scope->site;
    *out = (struct gc_list){0};
    int failed = gather(&n, error) || find_instances(&n, scope->site, error) ||
                 (apart && find_instances(&n, scope->bake, error)) || find_versions(&n, error) ||
                 find_configurations(&n, error) || gc_look_at_shares(&n, error) ||
                 find_images(&n, scope->site, error) || (apart && find_images(&n, scope->bake, error)) ||
                 find_volumes(&n, scope->site, error) || (apart && find_volumes(&n, scope->bake, error)) ||
                 find_schedules(&n, scope->site, error) || (apart && find_schedules(&n, scope->bake, error)) ||
                 gc_look_at_ports(&n, error);
    release(&n);
    return end_list(out, failed);
}

int gc_find_shares(const struct gc_scope *scope, struct arena *arena, struct gc_list *out, struct aws_error *error)
{
    struct needs n = {.scope = scope, .arena = arena, .out = out};
    *out = (struct gc_list){0};
    bool copies = config_copies(scope->config, scope->environment); /* which needs none, whatever is deployed */
    int failed = (!copies && gather(&n, error)) || gc_look_at_shares(&n, error);
    release(&n);
    return end_list(out, failed);
}

static int remove_it(const struct gc_item *item, struct aws_error *error)
{
    int64_t version = 0;
    switch (item->kind) {
    case GC_INSTANCE:
        return cloud_terminate_instances(item->cloud, &item->id, 1, error);
    case GC_IMAGE:
        return cloud_remove_image(item->cloud, &item->image, error);
    case GC_SNAPSHOT:
        return cloud_delete_snapshot(item->cloud, item->id, error);
    case GC_VOLUME:
        return cloud_delete_volume(item->cloud, item->id, error);
    case GC_VERSION:
        if (num_i64(item->id, strlen(item->id), &version))
            return 0;
        return cloud_delete_template_version(item->cloud, item->parent, version, error);
    case GC_CONFIGURATION:
        return cloud_delete_launch_config(item->cloud, item->id, error);
    case GC_SCHEDULE:
        return cloud_delete_schedule(item->cloud, NULL, item->id, error);
    case GC_PORT:
        return cloud_close_port(item->cloud, item->port.is.group, item->port.is.port, item->port.is.cidr, error);
    case GC_SHARE:
        return gc_withdraw(item, error);
    case GC_KINDS:
        break;
    }
    return 0;
}

int gc_remove_journalled(const struct gc_item *item, struct journal *journal, struct aws_error *error, struct err *err)
{
    static const char *const actions[GC_KINDS] = {
        "TerminateInstances",           "DeregisterImage",           "DeleteSnapshot", "DeleteVolume",
        "DeleteLaunchTemplateVersions", "DeleteLaunchConfiguration", "DeleteSchedule", "RevokeSecurityGroupIngress",
        "ModifyImageAttribute"};
    if (journal_intent(journal, "clean-up", actions[item->kind], item->id, err))
        return JOURNAL_STOPPED;
    int failed = remove_it(item, error);
    if (failed && (aws_error_is(error, "stopped") || aws_error_is(error, "killed")))
        return JOURNAL_STOPPED;
    if (journal_outcome(journal, "clean-up", actions[item->kind], !failed, failed ? error->code : "", NULL, 0, err))
        return JOURNAL_STOPPED;
    return failed ? -1 : 0;
}

int gc_remove(const struct gc_item *item, struct journal *journal, struct aws_error *error, struct err *err)
{
    assert(item->kind < GC_KINDS);
    *error = (struct aws_error){.http_status = 0};
    return item->kind == GC_PORT ? gc_remove_port(item, journal, error, err)
                                 : gc_remove_journalled(item, journal, error, err);
}
