/* Filters, pages, the elements of answers, and "does not exist" as EC2 words it. */
#include "sim/cloud_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

/* ---- filters ---- */

bool sc_glob(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *back = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            back = text;
        } else if (*pattern == '?' || (*pattern == *text && *pattern)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++back;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static int read_token(struct sc_call *c, struct sc_filters *f)
{
    const char *token = sc_param(c, "NextToken");
    const char *marker = c->request->service == AWS_ELBV2 ? "Marker" : NULL;
    if (!token && marker)
        token = sc_param(c, marker);
    if (!token || !*token)
        return 0;
    int64_t number;
    if (strncmp(token, "page-", 5) != 0 || num_i64(token + 5, strlen(token + 5), &number) || number < 0)
        return c->request->service == AWS_EC2
                   ? sc_fail(c, 400, "InvalidNextToken", "The token '%.60s' is invalid", token)
                   : sc_fail(c, 400, "InvalidNextToken", "The token '%.60s' is invalid.", token);
    f->after = (uint64_t)number;
    return 0;
}

static const char *page_size_name(const struct sc_call *c)
{
    switch (c->request->service) {
    case AWS_EC2:
        return "MaxResults";
    case AWS_AUTOSCALING:
        return "MaxRecords";
    default:
        return "PageSize";
    }
}

int sc_filters_read(struct sc_call *c, struct sc_filters *f, int64_t max_low, int64_t max_high)
{
    *f = (struct sc_filters){0};
    const char *prefix = c->request->service == AWS_EC2 ? "Filter" : "Filters.member";
    if (read_token(c, f))
        return -1;
    if (c->request->service != AWS_EC2)
        f->max = max_high;
    if (sc_param_i64(c, page_size_name(c), max_low, max_high, &f->max))
        return -1;
    size_t count = 0;
    while (sc_param_under(c, sc_pathf(c, "%s.%zu", prefix, count + 1)))
        count++;
    if (count > 200)
        return sc_fail(c, 400, "FilterLimitExceeded", "The maximum number of filters is 200");
    f->items = arena_alloc(c->arena, (count + 1) * sizeof *f->items);
    for (size_t i = 0; i < count; i++) {
        f->items[i].name = sc_param_or(c, sc_pathf(c, "%s.%zu.Name", prefix, i + 1), "");
        const char *values = c->request->service == AWS_EC2 ? "Value" : "Values";
        f->items[i].values = sc_param_list(c, sc_pathf(c, "%s.%zu.%s", prefix, i + 1, values));
    }
    f->count = count;
    return 0;
}

static bool any_value_fits(const struct sc_filter *filter, const char *value)
{
    for (size_t i = 0; i < filter->values.count; i++)
        if (sc_glob(filter->values.items[i], value))
            return true;
    return false;
}

static bool any_line_fits(struct sc_call *c, const struct sc_filter *filter, const char *value)
{
    if (!strchr(value, '\n'))
        return any_value_fits(filter, value);
    for (const char *at = value; *at;) {
        size_t len = strcspn(at, "\n");
        if (any_value_fits(filter, arena_dup_n(c->arena, at, len)))
            return true;
        at += len + (at[len] == '\n');
    }
    return false;
}

static int tags_fit(const struct sc_filter *filter, const struct sc_tags *tags)
{
    if (strncmp(filter->name, "tag:", 4) == 0) {
        const char *value = sc_tag_get(tags, filter->name + 4);
        return value && any_value_fits(filter, value);
    }
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(filter->name, "tag-value") == 0 && any_value_fits(filter, tags->items[i].value))
            return 1;
        if (strcmp(filter->name, "tag-key") == 0 && any_value_fits(filter, tags->items[i].key))
            return 1;
    }
    return 0;
}

static int one_fits(struct sc_call *c, const struct sc_filter *filter, const struct sc_object *object,
                    sc_filter_value *value)
{
    if (strncmp(filter->name, "tag", 3) == 0 && strchr(":-", filter->name[3]) && filter->name[3])
        return tags_fit(filter, &object->tags);
    const char *is = value(c, object, filter->name);
    if (!is) {
        const char *code = c->request->service == AWS_EC2 ? "InvalidParameterValue" : "ValidationError";
        return sc_fail(c, 400, code, "The filter '%.100s' is invalid", filter->name);
    }
    return any_line_fits(c, filter, is);
}

int sc_filters_match(struct sc_call *c, struct sc_filters *f, const struct sc_object *object, sc_filter_value *value)
{
    if (object->number <= f->after)
        return 0;
    for (size_t i = 0; i < f->count; i++) {
        int fits = one_fits(c, &f->items[i], object, value);
        if (fits <= 0)
            return fits;
    }
    if (f->max > 0 && f->matched >= f->max) {
        f->more = true;
        return 0;
    }
    f->matched++;
    f->last = object->number;
    return 1;
}

void sc_filters_end(struct sc_call *c, struct sc_filters *f)
{
    if (!f->more)
        return;
    const char *name = c->request->service == AWS_EC2     ? "nextToken"
                       : c->request->service == AWS_ELBV2 ? "NextMarker"
                                                          : "NextToken";
    node_textf(c->arena, c->out, name, "page-%llu", (unsigned long long)f->last);
}

/* ---- elements ---- */

struct node *sc_node(struct sc_call *c, struct node *parent, const char *name)
{
    struct node *node = arena_alloc(c->arena, sizeof *node);
    node->name = name;
    node->text = "";
    if (parent->last_child)
        parent->last_child->next = node;
    else
        parent->child = node;
    parent->last_child = node;
    return node;
}

void sc_put(struct sc_call *c, struct node *parent, const char *name, const char *text)
{
    sc_node(c, parent, name)->text = text;
}

void sc_puti(struct sc_call *c, struct node *parent, const char *name, int64_t value)
{
    sc_put(c, parent, name, arena_textf(c->arena, "%lld", (long long)value));
}

void sc_putb(struct sc_call *c, struct node *parent, const char *name, bool value)
{
    sc_put(c, parent, name, value ? "true" : "false");
}

void sc_put_time(struct sc_call *c, struct node *parent, const char *name, int64_t ms)
{
    sc_put(c, parent, name, sc_iso(c->arena, ms, true));
}

void sc_put_tag_set(struct sc_call *c, struct node *parent, const struct sc_tags *tags)
{
    if (tags->count == 0)
        return;
    struct node *set = sc_node(c, parent, "tagSet");
    for (size_t i = 0; i < tags->count; i++) {
        struct node *item = sc_node(c, set, "item");
        sc_put(c, item, "key", tags->items[i].key);
        sc_put(c, item, "value", tags->items[i].value);
    }
}

void sc_put_list(struct sc_call *c, struct node *parent, const char *name, const char *item, const struct sc_texts *l)
{
    struct node *list = sc_node(c, parent, name);
    for (size_t i = 0; i < l->count; i++)
        sc_put(c, list, item, l->items[i]);
}

/* ---- what an id names ---- */

static const struct {
    const char *prefix, *malformed, *missing, *one, *many;
} wording[SC_KINDS] = {
    [SC_INSTANCE] = {"i-", "InvalidInstanceID.Malformed", "InvalidInstanceID.NotFound",
                     "The instance ID '%s' does not exist", "The instance IDs '%s' do not exist"},
    [SC_VOLUME] = {"vol-", "InvalidParameterValue", "InvalidVolume.NotFound", "The volume '%s' does not exist.",
                   "The volumes '%s' do not exist."},
    [SC_SNAPSHOT] = {"snap-", "InvalidSnapshotID.Malformed", "InvalidSnapshot.NotFound",
                     "The snapshot '%s' does not exist.", "The snapshots '%s' do not exist."},
    [SC_IMAGE] = {"ami-", "InvalidAMIID.Malformed", "InvalidAMIID.NotFound", "The image id '[%s]' does not exist",
                  "The image ids '[%s]' do not exist"},
    [SC_SECURITY_GROUP] = {"sg-", "InvalidGroupId.Malformed", "InvalidGroup.NotFound",
                           "The security group '%s' does not exist", "The security groups '%s' do not exist"},
    [SC_TEMPLATE] = {"lt-", "InvalidLaunchTemplateId.Malformed", "InvalidLaunchTemplateId.NotFound",
                     "The specified launch template, with template ID %s, does not exist.",
                     "The specified launch templates, with template IDs %s, do not exist."},
    [SC_ROOT_TASK] = {"replacevol-", "InvalidParameterValue", "InvalidReplaceRootVolumeTaskID.NotFound",
                      "The replace root volume task '%s' does not exist",
                      "The replace root volume tasks '%s' do not exist"},
};

static bool well_formed(const char *id, const char *prefix)
{
    size_t len = strlen(prefix);
    if (strncmp(id, prefix, len) != 0)
        return false;
    size_t digits = strspn(id + len, "0123456789abcdef");
    return id[len + digits] == '\0' && (digits == 8 || digits == 17);
}

static struct sc_object *find_seen(struct sc_call *c, enum sc_kind kind, const char *id)
{
    struct sc_object *o = kind == SC_IMAGE ? (struct sc_object *)sc_image_find(c->cloud, c->place, id)
                                           : (struct sc_object *)sc_find(c->cloud, c->place, kind, id);
    return o && sc_seen(c->cloud, o) ? o : NULL;
}

int sc_need_all(struct sc_call *c, enum sc_kind kind, const struct sc_texts *ids, struct sc_object ***out)
{
    assert(wording[kind].prefix);
    const char *missing = NULL;
    size_t missing_count = 0;
    *out = arena_alloc(c->arena, (ids->count + 1) * sizeof(struct sc_object *));
    for (size_t i = 0; i < ids->count; i++) {
        const char *id = ids->items[i];
        if (!well_formed(id, wording[kind].prefix))
            return sc_fail(c, 400, wording[kind].malformed, "Invalid id: \"%.60s\" (expecting \"%s...\")", id,
                           wording[kind].prefix);
        (*out)[i] = find_seen(c, kind, id);
        if ((*out)[i])
            continue;
        missing = missing ? arena_textf(c->arena, "%s, %s", missing, id) : id;
        missing_count++;
    }
    if (missing_count == 0)
        return 0;
    return sc_fail(c, 400, wording[kind].missing, missing_count == 1 ? wording[kind].one : wording[kind].many, missing);
}

void *sc_need(struct sc_call *c, enum sc_kind kind, const char *id)
{
    struct sc_object **found;
    const char *items[1] = {id};
    struct sc_texts ids = {items, 1, 1};
    return sc_need_all(c, kind, &ids, &found) ? NULL : found[0];
}
