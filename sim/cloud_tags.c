/* Tags of EC2's resources. */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

static const enum sc_kind taggable[] = {SC_INSTANCE,       SC_VOLUME,   SC_SNAPSHOT, SC_IMAGE,
                                        SC_SECURITY_GROUP, SC_TEMPLATE, SC_ROOT_TASK};

static const struct {
    const char *prefix, *type;
    enum sc_kind kind;
} prefixes[] = {{"i-", "instance", SC_INSTANCE},
                {"vol-", "volume", SC_VOLUME},
                {"snap-", "snapshot", SC_SNAPSHOT},
                {"ami-", "image", SC_IMAGE},
                {"sg-", "security-group", SC_SECURITY_GROUP},
                {"lt-", "launch-template", SC_TEMPLATE},
                {"replacevol-", "replace-root-volume-task", SC_ROOT_TASK}};

bool sc_kind_of_id(const char *id, enum sc_kind *kind)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        if (strncmp(id, prefixes[i].prefix, strlen(prefixes[i].prefix)) != 0)
            continue;
        *kind = prefixes[i].kind;
        return true;
    }
    return false;
}

const char *sc_resource_type(enum sc_kind kind)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (prefixes[i].kind == kind)
            return prefixes[i].type;
    assert(0 && "of no kind that has tags");
    return "";
}

static struct sc_object *resource(struct sc_call *c, const char *id)
{
    enum sc_kind kind;
    if (sc_kind_of_id(id, &kind))
        return sc_need(c, kind, id);
    sc_fail(c, 400, "InvalidID", "The ID '%.60s' is not valid", id);
    return NULL;
}

static int resources(struct sc_call *c, struct sc_object ***out, size_t *count)
{
    struct sc_texts ids = sc_param_list(c, "ResourceId");
    if (ids.count == 0)
        return sc_fail(c, 400, "MissingParameter", "The request must contain the parameter resourceIdSet");
    if (ids.count > 1000)
        return sc_fail(c, 400, "InvalidParameterValue", "At most 1000 resources can be tagged at once");
    *out = arena_alloc(c->arena, ids.count * sizeof(struct sc_object *));
    for (size_t i = 0; i < ids.count; i++)
        if (!((*out)[i] = resource(c, ids.items[i])))
            return -1;
    *count = ids.count;
    return 0;
}

static int create_tags(struct sc_call *c)
{
    struct sc_object **objects = NULL;
    size_t count = 0;
    struct sc_texts pairs = {0};
    int code = resources(c, &objects, &count);
    code = code ? code : sc_param_pairs(c, "Tag", &pairs);
    if (!code && pairs.count == 0)
        code = sc_fail(c, 400, "MissingParameter", "The request must contain the parameter tagSet");
    for (size_t i = 0; !code && i < count; i++)
        if (objects[i]->tags.count + pairs.count / 2 > 50)
            code = sc_fail(c, 400, "TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
    code = code ? code : sc_commit(c);
    for (size_t i = 0; !code && i < count; i++)
        sc_put_tags(c->cloud, objects[i], &pairs);
    sc_texts_clear(&pairs);
    if (!code)
        sc_putb(c, c->out, "return", true);
    return code;
}

static int delete_tags(struct sc_call *c)
{
    struct sc_object **objects = NULL;
    size_t count = 0;
    if (resources(c, &objects, &count) || sc_commit(c))
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (!sc_param_under(c, "Tag"))
            objects[i]->tags.count = 0;
        for (int n = 1; sc_param_under(c, sc_pathf(c, "Tag.%d", n)); n++)
            sc_tag_remove(&objects[i]->tags, sc_param_or(c, sc_pathf(c, "Tag.%d.Key", n), ""),
                          sc_param(c, sc_pathf(c, "Tag.%d.Value", n)));
    }
    sc_putb(c, c->out, "return", true);
    return 0;
}

/* DescribeTags filters tags, not resources: each tag by itself. */
struct one_tag {
    const struct sc_object *object;
    const struct sc_tag *tag;
};

static const char *type_of(enum sc_kind kind)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (prefixes[i].kind == kind)
            return prefixes[i].type;
    return "";
}

static const char *tag_value(const struct one_tag *t, const char *name)
{
    if (strcmp(name, "resource-id") == 0)
        return t->object->id;
    if (strcmp(name, "resource-type") == 0)
        return type_of(t->object->kind);
    if (strcmp(name, "key") == 0)
        return t->tag->key;
    if (strcmp(name, "value") == 0)
        return t->tag->value;
    return strncmp(name, "tag:", 4) == 0 && strcmp(name + 4, t->tag->key) == 0 ? t->tag->value : NULL;
}

static bool tag_fits(const struct sc_filters *f, const struct one_tag *t)
{
    for (size_t i = 0; i < f->count; i++) {
        const char *value = tag_value(t, f->items[i].name);
        bool any = false;
        for (size_t v = 0; value && v < f->items[i].values.count; v++)
            any = any || sc_glob(f->items[i].values.items[v], value);
        if (!any)
            return false;
    }
    return true;
}

static int check_filters(struct sc_call *c, const struct sc_filters *f)
{
    static const char *const known[] = {"resource-id", "resource-type", "key", "value"};
    for (size_t i = 0; i < f->count; i++) {
        bool good = strncmp(f->items[i].name, "tag:", 4) == 0;
        for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
            good = good || strcmp(f->items[i].name, known[k]) == 0;
        if (!good)
            return sc_fail(c, 400, "InvalidParameterValue", "The filter '%.100s' is invalid", f->items[i].name);
    }
    return 0;
}

/* Pages are counted in tags; the token is the number of the last one shown, in the order of kinds and births. */
static int describe_tags(struct sc_call *c)
{
    struct sc_filters f;
    if (sc_filters_read(c, &f, 5, 1000) || check_filters(c, &f))
        return -1;
    struct node *set = sc_node(c, c->out, "tagSet");
    uint64_t place = 0;
    for (size_t k = 0; k < sizeof(taggable) / sizeof(*taggable); k++)
        for (const struct sc_object *o = c->place->first[taggable[k]]; o; o = o->next)
            for (size_t t = 0; t < o->tags.count && sc_seen(c->cloud, o); t++) {
                struct one_tag one = {o, &o->tags.items[t]};
                if (!tag_fits(&f, &one) || ++place <= f.after)
                    continue;
                if (f.max > 0 && f.matched >= f.max) {
                    f.more = true;
                    continue;
                }
                f.matched++;
                f.last = place;
                struct node *item = sc_node(c, set, "item");
                sc_put(c, item, "resourceId", o->id);
                sc_put(c, item, "resourceType", type_of(o->kind));
                sc_put(c, item, "key", one.tag->key);
                sc_put(c, item, "value", one.tag->value);
            }
    sc_filters_end(c, &f);
    return 0;
}

const struct sc_action sc_actions_tags[] = {
    {{AWS_EC2, "CreateTags", true, "ResourceId Tag"}, create_tags, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DeleteTags", true, "ResourceId Tag"}, delete_tags, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DescribeTags", false, "Filter MaxResults NextToken"}, describe_tags, NULL, BUCKET_EC2_READ},
    {{0}, NULL, NULL, 0},
};
