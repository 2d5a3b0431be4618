/* The trace, and everything there is, as JSON; field by field from the table of cloud_fields.c. */
#include "sim/cloud_private.h"

#include <string.h>

#include "base/out.h"

uint64_t simcloud_trace_hash(const struct simcloud *cloud)
{
    return cloud->trace_hash;
}

uint64_t simcloud_trace_count(const struct simcloud *cloud)
{
    return cloud->trace_count;
}

static void put_time(cJSON *object, const char *name, int64_t ms)
{
    struct arena arena = {0};
    json_text(object, name, sc_iso(&arena, ms, true));
    arena_release(&arena);
}

static void put_entry(cJSON *item, const struct simcloud_trace_entry *e)
{
    json_i64(item, "number", (int64_t)e->number);
    put_time(item, "time", e->ms);
    json_text(item, "kind", e->kind);
    json_text(item, "id", e->id);
    if (*e->from)
        json_text(item, "from", e->from);
    json_text(item, "to", e->to);
    json_text(item, "account", e->account);
    json_text(item, "region", e->region);
    if (*e->detail)
        json_text(item, "detail", e->detail);
}

cJSON *simcloud_trace(const struct simcloud *cloud, size_t most)
{
    uint64_t kept = cloud->options.trace_max;
    kept = cloud->trace_count - cloud->trace_forgotten < kept ? cloud->trace_count - cloud->trace_forgotten : kept;
    kept = most < kept ? most : kept;
    cJSON *document = json_document("twin-trace");
    json_i64(document, "count", (int64_t)cloud->trace_count);
    cJSON *entries = json_array(document, "entries");
    for (uint64_t n = cloud->trace_count - kept; n < cloud->trace_count; n++)
        put_entry(json_object(entries, NULL), &cloud->trace[n % cloud->options.trace_max]);
    return document;
}

/* ---- state ---- */

static void put_texts(cJSON *object, const char *name, const struct sc_texts *texts)
{
    if (texts->count == 0)
        return;
    cJSON *list = json_array(object, name);
    for (size_t i = 0; i < texts->count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(texts->items[i]));
}

static void put_guest(cJSON *object, const struct guest *guest)
{
    static const char *const phases[] = {"off", "booting", "up", "rebooting", "stuck"};
    static const char *const apps[] = {"none", "starting", "running", "failed"};
    if (!guest)
        return;
    json_text(object, "guest", phases[guest_phase(guest)]);
    json_text(object, "app", apps[guest_app(guest)]);
}

/* "..._ms" fields are instants; what is not set is left out. */
static void put_i64(cJSON *object, const char *name, int64_t value)
{
    size_t len = strlen(name);
    if (len < 4 || strcmp(name + len - 3, "_ms") != 0) {
        if (value != 0)
            json_i64(object, name, value);
        return;
    }
    char short_name[64];
    if (value <= 0 || value == SIMCLOUD_NEVER || len >= sizeof(short_name))
        return;
    memcpy(short_name, name, len - 3);
    short_name[len - 3] = '\0';
    put_time(object, short_name, value);
}

static void put_field(cJSON *object, const struct sc_object *o, const struct sc_field *f)
{
    const void *at = (const char *)o + f->offset;
    const char *dot = strchr(f->name, '.');
    const char *name = dot ? dot + 1 : f->name;
    switch (f->type) {
    case FIELD_TEXT:
        if (**(const char *const *)at)
            json_text(object, name, *(const char *const *)at);
        break;
    case FIELD_I64:
        put_i64(object, name, *(const int64_t *)at);
        break;
    case FIELD_INT:
        json_text(object, name, sc_member_state_name(*(const int *)at));
        break;
    case FIELD_BOOL:
        if (*(const bool *)at)
            json_bool(object, name, true);
        break;
    case FIELD_TEXTS:
        put_texts(object, name, at);
        break;
    case FIELD_GUEST:
        put_guest(object, *(struct guest *const *)at);
        break;
    case FIELD_DISK:
        if (*(struct guest_disk *const *)at)
            json_i64(object, "disk_bytes", (int64_t)guest_disk_bytes(*(struct guest_disk *const *)at));
        break;
    }
}

static void put_object(cJSON *object, const struct sc_object *o)
{
    json_text(object, "id", o->id);
    if (*o->name)
        json_text(object, "name", o->name);
    const char *state = sc_state_name(o->kind, o->state);
    if (*state)
        json_text(object, "state", state);
    put_time(object, "created", o->created_ms);
    if (o->tags.count) {
        cJSON *tags = json_object(object, "tags");
        for (size_t i = 0; i < o->tags.count; i++)
            json_text(tags, o->tags.items[i].key, o->tags.items[i].value);
    }
    for (const struct sc_field *f = sc_fields(o->kind); f->name; f++)
        put_field(object, o, f);
}

cJSON *simcloud_state(const struct simcloud *cloud)
{
    cJSON *document = json_document("twin-state");
    put_time(document, "now", cloud->now_ms);
    json_i64(document, "calls", (int64_t)cloud->calls);
    if (cloud->heap_count > 0)
        put_time(document, "next_event", cloud->heap[0].ms);
    cJSON *places = json_array(document, "places");
    for (size_t p = 0; p < cloud->place_count; p++) {
        const struct sc_place *place = cloud->places[p];
        cJSON *out = json_object(places, NULL);
        json_text(out, "account", place->account);
        json_text(out, "region", place->region);
        json_text(out, "vpc", place->vpc);
        for (int kind = 0; kind < SC_KINDS; kind++) {
            cJSON *list = json_array(out, sc_kind_name((enum sc_kind)kind));
            for (const struct sc_object *o = place->first[kind]; o; o = o->next)
                put_object(json_object(list, NULL), o);
        }
    }
    return document;
}
