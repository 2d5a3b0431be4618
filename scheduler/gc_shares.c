/* gc_shares.c - images that were shared with an environment's account, for as long as it needs them there (gc.h). */
#include <string.h>

#include "scheduler/gc_private.h"

#define KEY_BEGIN "bakehour:shared:"

const char *gc_share_key(char to[GC_SHARE_KEY_SIZE], const char *environment)
{
    str_fit(to, GC_SHARE_KEY_SIZE, KEY_BEGIN "%.60s", environment);
    return to;
}

/* The account that has a share by this tag; NULL: nobody. */
static const char *holder(const struct tag *tag)
{
    bool is_share = strncmp(tag->key, KEY_BEGIN, strlen(KEY_BEGIN)) == 0;
    return is_share && *tag->value && strcmp(tag->value, GC_WITHDRAWN) != 0 ? tag->value : NULL;
}

/* Does another environment of that account hold a share of the image? */
static bool is_held(const struct image *image, const char *key, const char *account)
{
    for (size_t i = 0; i < image->tag_count; i++) {
        const char *has = holder(&image->tags[i]);
        if (has && strcmp(image->tags[i].key, key) != 0 && strcmp(has, account) == 0)
            return true;
    }
    return false;
}

/* Of this environment's own shares: where it makes copies, none is needed once no run is at work; where it does not, it
 * launches what is shared. */
int gc_look_at_shares(struct needs *n, struct aws_error *error)
{
    char key[GC_SHARE_KEY_SIZE];
    struct images found;
    const struct gc_scope *s = n->scope;
    bool copies = config_copies(s->config, s->environment);
    if (*s->alive_run || !*s->environment->profile)
        return 0;
    const char *name = arena_dup(n->arena, gc_share_key(key, s->environment->name));
    const struct tag filters[] = {{"tag:bakehour:project", s->config->project}, {"tag-key", name}};
    const struct lookup lookup = {.filters = filters, .filter_count = 2};
    if (cloud_describe_images(s->bake, &lookup, n->arena, &found, error))
        return -1;
    for (size_t i = 0; i < found.count; i++) {
        const struct image *image = &found.items[i];
        const char *account = tag_value(image->tags, image->tag_count, name);
        if (image->state == IMAGE_GONE || !account || !*account || strcmp(account, GC_WITHDRAWN) == 0 ||
            (!copies && gc_among(n->own, n->own_count, image->id)))
            continue;
        struct gc_item *item =
            gc_add(n, GC_SHARE, s->bake, image->id,
                   arena_textf(n->arena, "%s in account %s needs it no more", s->environment->name, account));
        item->image = *image;
        item->parent = name;
    }
    return 0;
}

/* What is gone is shared with nobody; what AWS's own key encrypts never was. */
static bool is_over(const struct gc_item *item, const struct aws_error *e)
{
    return retry_not_found(e) || aws_error_is(e, "InvalidAMIID.Unavailable") ||
           (item->image.encrypted && aws_error_is(e, "OperationNotPermitted"));
}

/* The tag goes last: whoever dies in between leaves it, and the next one withdraws again. */
int gc_withdraw(const struct gc_item *item, struct aws_error *error)
{
    const char *account = tag_value(item->image.tags, item->image.tag_count, item->parent);
    const struct tag over = {item->parent, GC_WITHDRAWN};
    bool held = is_held(&item->image, item->parent, account);
    if (!held && cloud_share_image(item->cloud, &item->image, account, false, error) && !is_over(item, error))
        return -1;
    *error = (struct aws_error){.http_status = 0};
    return cloud_tag(item->cloud, &item->id, 1, &over, 1, error) && !is_over(item, error) ? -1 : 0;
}
