#include "scheduler/promote.h"

#include <string.h>

#include "base/num.h"
#include "scheduler/pipeline_private.h"

static const char *tag_or(const struct image *image, const char *key)
{
    const char *value = tag_value(image->tags, image->tag_count, key);
    return value ? value : "";
}

/* The number of the deployment that proved it; 0: nobody did. */
static int64_t proven_by(const struct image *image)
{
    int64_t number = 0;
    const char *text = tag_or(image, "bakehour:deployment");
    bool proven =
        image->state == IMAGE_AVAILABLE && *tag_or(image, "bakehour:proven") && *tag_or(image, "bakehour:commit");
    return proven && num_i64(text, strlen(text), &number) == 0 ? number : 0;
}

static int look(const struct pipeline_world *w, const char *region, const struct tag filters[2], struct arena *arena,
                struct images *out, struct err *err)
{
    struct aws_error error;
    struct cloud cloud = {.transport = w->transport, .region = region, .retry = w->retry};
    struct lookup lookup = {.filters = filters, .filter_count = 2};
    return cloud_describe_images(&cloud, &lookup, arena, out, &error)
               ? cloud_err(err, EXIT_FAILED, "DescribeImages", &error)
               : 0;
}

/* The newest image that was proven in the environment, where its group is. */
static int newest_proven(const struct pipeline_world *w, const struct config_environment *from, struct arena *arena,
                         struct image *out, struct err *err)
{
    struct images found;
    const struct tag filters[2] = {{"tag:bakehour:project", w->config->project},
                                   {"tag:bakehour:environment", from->name}};
    int code = look(w, from->region, filters, arena, &found, err);
    int64_t best = 0;
    for (size_t i = 0; !code && i < found.count; i++) {
        int64_t number = proven_by(&found.items[i]);
        if (!number || number < best || (number == best && found.items[i].created_ms < out->created_ms))
            continue;
        best = number;
        *out = found.items[i];
    }
    if (!code && !best)
        code = err_set(err, EXIT_INPUT, "%s has no completed deployment to promote: the store knows none, nor do tags",
                       from->name);
    return code;
}

/* The image with that key where the bake runs: what the copy of `from` was made from. */
static int origin(const struct pipeline_world *w, const struct config_environment *from, const char *key,
                  struct arena *arena, struct image *out, struct err *err)
{
    struct images found;
    bool there = false;
    const struct tag filters[2] = {{"tag:bakehour:project", w->config->project}, {"tag:bakehour:bake-key", key}};
    int code = look(w, w->config->region, filters, arena, &found, err);
    for (size_t i = 0; !code && i < found.count; i++) {
        if (found.items[i].state != IMAGE_AVAILABLE || (there && found.items[i].created_ms >= out->created_ms))
            continue; /* the oldest: copies are younger */
        there = true;
        *out = found.items[i];
    }
    if (!code && !there)
        code = err_set(err, EXIT_INPUT,
                       "%s has a copy of an image that is not in %s any more, where it was made; deploy the commit, or "
                       "promote from another environment",
                       from->name, w->config->region);
    return code;
}

static int order_by_tags(const struct pipeline_world *w, const struct config_environment *from, struct arena *arena,
                         struct pipeline_order *out, struct err *err)
{
    struct image image = {.id = ""};
    if (*from->profile)
        return err_set(err, EXIT_INPUT,
                       "the store knows no completed deployment of %s, and its images are another account's; name an "
                       "environment of the account where images are made with --from",
                       from->name);
    int code = newest_proven(w, from, arena, &image, err);
    if (code)
        return code;
    out->commit = tag_or(&image, "bakehour:commit");
    if (config_copies(w->config, from))
        code = origin(w, from, tag_or(&image, "bakehour:bake-key"), arena, &image, err);
    if (code)
        return code;
    out->commits = 1;
    out->image = image.id;
    out->image_name = image.name;
    out->sha256 = tag_or(&image, "bakehour:sha256");
    out->bake_key = tag_or(&image, "bakehour:bake-key");
    return 0;
}

static int order_by_store(const struct pipeline_world *w, const struct config_environment *from,
                          const struct deployment *good, struct arena *arena, struct pipeline_order *out,
                          struct err *err)
{
    struct bake bake;
    struct image image = {.id = ""};
    bool found = false;
    out->commit = arena_dup(arena, good->commit);
    out->commits = good->commits;
    out->image = arena_dup(arena, good->image);
    out->image_name = arena_dup(arena, good->image_name);
    out->sha256 = arena_dup(arena, good->sha256);
    out->bake_key = arena_dup(arena, good->bake_key);
    if (!config_copies(w->config, from) || !*good->bake_key)
        return 0;
    int code = bake_get(w->state, w->config->region, good->bake_key, &bake, &found, err);
    if (!code && found) {
        out->image = arena_dup(arena, bake.image);
        out->image_name = arena_dup(arena, bake.image_name);
        return 0;
    }
    if (!code)
        code = origin(w, from, good->bake_key, arena, &image, err);
    if (!code) {
        out->image = image.id;
        out->image_name = image.name;
    }
    return code;
}

int promote_order(const struct pipeline_world *w, const struct config_environment *from, struct arena *arena,
                  struct pipeline_order *out, bool *by_tags, struct err *err)
{
    struct deployments list = {0};
    *out = (struct pipeline_order){.kind = "promote", .source = from->name};
    *by_tags = false;
    int code = deployments_list(w->state, from->name, &list, err);
    if (code)
        return code;
    const struct deployment *good = deployments_last_good(&list, NULL);
    *by_tags = list.count == 0;
    if (good)
        code = order_by_store(w, from, good, arena, out, err);
    else if (list.count)
        code = err_set(err, EXIT_INPUT, "%s has no completed deployment to promote", from->name);
    else
        code = order_by_tags(w, from, arena, out, err);
    deployments_release(&list);
    return code;
}
