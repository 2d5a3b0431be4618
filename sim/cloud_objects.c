#include "sim/cloud_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/names.h"

const char *sc_intern(struct simcloud *cloud, const char *text)
{
    if (!text || !*text)
        return cloud->empty;
    return names_text(cloud->names, names_id(cloud->names, text));
}

const char *sc_internf(struct simcloud *cloud, const char *fmt, ...)
{
    struct str text;
    str_init(&text, 0);
    va_list args;
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    const char *interned = sc_intern(cloud, text.text);
    str_release(&text);
    return interned;
}

/* ---- places ---- */

struct sc_place *sc_place_bare(struct simcloud *cloud, const char *account, const char *region)
{
    struct sc_place *place = mem_zero(1, sizeof *place);
    uint64_t number = cloud->place_count;
    place->cloud = cloud;
    place->account = sc_intern(cloud, account);
    place->region = sc_intern(cloud, region);
    place->vpc = sc_draw_id(cloud, "vpc-", number, 1);
    place->subnet_public = true;
    for (int i = 0; i < 3; i++) {
        place->zones[i] = sc_internf(cloud, "%s%c", place->region, 'a' + i);
        place->subnets[i] = sc_draw_id(cloud, "subnet-", number * 3 + (uint64_t)i, 2);
    }
    for (int i = 0; i < SC_BUCKETS; i++)
        place->buckets[i].at_ms = -1;
    cloud->places = mem_grow(cloud->places, &cloud->place_cap, cloud->place_count + 1, sizeof(struct sc_place *));
    cloud->places[cloud->place_count++] = place;
    return place;
}

struct sc_place *sc_place(struct simcloud *cloud, const char *account, const char *region)
{
    for (size_t i = 0; i < cloud->place_count; i++)
        if (strcmp(cloud->places[i]->account, account) == 0 && strcmp(cloud->places[i]->region, region) == 0)
            return cloud->places[i];
    struct sc_place *place = sc_place_bare(cloud, account, region);
    sc_default_security_group(cloud, place);
    sc_image_base(cloud, place);
    return place;
}

/* ---- objects ---- */

static const size_t sizes[SC_KINDS] = {
    [SC_INSTANCE] = sizeof(struct sc_instance),
    [SC_VOLUME] = sizeof(struct sc_volume),
    [SC_SNAPSHOT] = sizeof(struct sc_snapshot),
    [SC_IMAGE] = sizeof(struct sc_image),
    [SC_SECURITY_GROUP] = sizeof(struct sc_security_group),
    [SC_ROOT_TASK] = sizeof(struct sc_root_task),
    [SC_TEMPLATE] = sizeof(struct sc_template),
    [SC_VERSION] = sizeof(struct sc_version),
    [SC_LAUNCH_CONFIG] = sizeof(struct sc_launch_config),
    [SC_GROUP] = sizeof(struct sc_group),
    [SC_ACTIVITY] = sizeof(struct sc_activity),
    [SC_REFRESH] = sizeof(struct sc_refresh),
    [SC_TARGET_GROUP] = sizeof(struct sc_target_group),
    [SC_TARGET] = sizeof(struct sc_target),
    [SC_SCHEDULE] = sizeof(struct sc_schedule),
    [SC_TOKEN] = sizeof(struct sc_token),
};

/* FNV-1a. */
static uint64_t hash_of(const char *text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h ^ h >> 29;
}

static void index_add(struct simcloud *cloud, struct sc_object *o)
{
    if (cloud->object_count * 2 >= cloud->slot_count) {
        size_t count = cloud->slot_count ? cloud->slot_count * 4 : 256;
        struct sc_object **slots = mem_zero(count, sizeof(struct sc_object *));
        for (size_t i = 0; i < cloud->slot_count; i++)
            for (struct sc_object *x = cloud->slots[i], *after; x; x = after) {
                after = x->same_hash;
                size_t at = hash_of(x->id) & (count - 1);
                x->same_hash = slots[at];
                slots[at] = x;
            }
        free(cloud->slots);
        cloud->slots = slots;
        cloud->slot_count = count;
    }
    size_t at = hash_of(o->id) & (cloud->slot_count - 1);
    o->same_hash = cloud->slots[at];
    cloud->slots[at] = o;
    cloud->object_count++;
}

static void index_remove(struct simcloud *cloud, struct sc_object *o)
{
    struct sc_object **link = &cloud->slots[hash_of(o->id) & (cloud->slot_count - 1)];
    while (*link != o)
        link = &(*link)->same_hash;
    *link = o->same_hash;
    cloud->object_count--;
}

static int64_t lag_of(struct simcloud *cloud, struct sc_object *o)
{
    const struct simcloud_options *options = &cloud->options;
    if (options->lag_max_ms == 0 || cloud->at_once)
        return 0;
    uint64_t width = (uint64_t)(options->lag_max_ms - options->lag_min_ms + 1);
    return options->lag_min_ms + (int64_t)sc_draw_below(cloud, o, width);
}

/* Which kinds' reads lag: EC2's. Auto Scaling, load balancers and schedules answer from one place. */
static bool lags(enum sc_kind kind)
{
    return kind <= SC_VERSION && kind != SC_SECURITY_GROUP;
}

void *sc_new(struct simcloud *cloud, struct sc_place *place, enum sc_kind kind, const char *id, const char *name)
{
    assert(kind < SC_KINDS && sizes[kind] > 0);
    struct sc_object *o = mem_zero(1, sizes[kind]);
    o->kind = kind;
    o->place = place;
    o->number = ++cloud->numbers;
    o->created_ms = o->state_ms = cloud->now_ms;
    o->name = sc_intern(cloud, name);
    o->id = sc_intern(cloud, id);
    o->visible_ms = cloud->now_ms + (lags(kind) ? lag_of(cloud, o) : 0);
    o->shown_ms = INT64_MIN;
    o->prev = place->last[kind];
    if (o->prev)
        o->prev->next = o;
    else
        place->first[kind] = o;
    place->last[kind] = o;
    place->counts[kind]++;
    sc_fields_init(cloud, o);
    index_add(cloud, o);
    return o;
}

const char *sc_draw_id(struct simcloud *cloud, const char *prefix, uint64_t number, uint32_t purpose)
{
    struct philox_block counter = {{0x1d, (uint32_t)number, (uint32_t)(number >> 32), purpose}};
    struct philox_block b = philox4x32_10(counter, cloud->options.seed, 0x1d5);
    return sc_internf(cloud, "%s0%08x%08x", prefix, b.word[0], b.word[1]);
}

void *sc_new_id(struct simcloud *cloud, struct sc_place *place, enum sc_kind kind, const char *prefix, const char *name)
{
    return sc_new(cloud, place, kind, sc_draw_id(cloud, prefix, cloud->numbers + 1, 0), name);
}

void sc_free_object(struct simcloud *cloud, struct sc_object *o)
{
    for (int which = 0; which < SC_TIMERS; which++)
        sc_timer_set(cloud, o, which, SIMCLOUD_NEVER);
    index_remove(cloud, o);
    struct sc_place *place = o->place;
    if (o->prev)
        o->prev->next = o->next;
    else
        place->first[o->kind] = o->next;
    if (o->next)
        o->next->prev = o->prev;
    else
        place->last[o->kind] = o->prev;
    place->counts[o->kind]--;
    sc_fields_release(o);
    free(o->tags.items);
    free(o);
}

void *sc_find(const struct simcloud *cloud, const struct sc_place *place, enum sc_kind kind, const char *id)
{
    for (struct sc_object *o = cloud->slots[hash_of(id) & (cloud->slot_count - 1)]; o; o = o->same_hash)
        if (o->kind == kind && o->place == place && strcmp(o->id, id) == 0)
            return o;
    return NULL;
}

void *sc_find_named(const struct sc_place *place, enum sc_kind kind, const char *name)
{
    for (struct sc_object *o = place->first[kind]; o; o = o->next)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

/* ---- texts and tags ---- */

void sc_texts_add(struct sc_texts *texts, const char *interned)
{
    texts->items = mem_grow(texts->items, &texts->cap, texts->count + 1, sizeof(const char *));
    texts->items[texts->count++] = interned;
}

bool sc_texts_have(const struct sc_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0)
            return true;
    return false;
}

void sc_texts_remove(struct sc_texts *texts, const char *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) != 0)
            texts->items[kept++] = texts->items[i];
    texts->count = kept;
}

void sc_texts_copy(struct sc_texts *to, const struct sc_texts *from)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++)
        sc_texts_add(to, from->items[i]);
}

void sc_texts_clear(struct sc_texts *texts)
{
    free(texts->items);
    *texts = (struct sc_texts){0};
}

void sc_tag_set(struct simcloud *cloud, struct sc_tags *tags, const char *key, const char *value, bool propagates)
{
    for (size_t i = 0; i < tags->count; i++)
        if (strcmp(tags->items[i].key, key) == 0) {
            tags->items[i].value = sc_intern(cloud, value);
            tags->items[i].propagates = propagates;
            return;
        }
    tags->items = mem_grow(tags->items, &tags->cap, tags->count + 1, sizeof *tags->items);
    tags->items[tags->count++] = (struct sc_tag){sc_intern(cloud, key), sc_intern(cloud, value), propagates};
}

bool sc_tag_remove(struct sc_tags *tags, const char *key, const char *value)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->items[i].key, key) != 0 || (value && strcmp(tags->items[i].value, value) != 0))
            continue;
        memmove(&tags->items[i], &tags->items[i + 1], (tags->count - i - 1) * sizeof *tags->items);
        tags->count--;
        return true;
    }
    return false;
}

const char *sc_tag_get(const struct sc_tags *tags, const char *key)
{
    for (size_t i = 0; i < tags->count; i++)
        if (strcmp(tags->items[i].key, key) == 0)
            return tags->items[i].value;
    return NULL;
}

/* ---- draws ---- */

static uint64_t draw(struct simcloud *cloud, struct sc_object *o)
{
    uint64_t n = o->draws++;
    struct philox_block counter = {{(uint32_t)n, (uint32_t)o->number, (uint32_t)(o->number >> 32), 0xd4a3}};
    struct philox_block b = philox4x32_10(counter, cloud->options.seed, 0xc10d);
    return b.word[0] | (uint64_t)b.word[1] << 32;
}

uint64_t sc_draw_below(struct simcloud *cloud, struct sc_object *o, uint64_t bound)
{
    assert(bound > 0);
    return draw(cloud, o) % bound; /* the bias is below 2^-30 for what is drawn here */
}

int64_t sc_draw_ms(struct simcloud *cloud, struct sc_object *o, int64_t ms)
{
    if (cloud->at_once)
        return 0;
    int64_t spread = ms * cloud->options.times.spread_percent / 100;
    if (spread == 0)
        return ms;
    return ms - spread + (int64_t)sc_draw_below(cloud, o, (uint64_t)(2 * spread + 1));
}

/* ---- states and the trace ---- */

void sc_step(struct simcloud *cloud, struct sc_object *o, int to, const char *detail)
{
    const struct sc_machine *machine = sc_machine(o->kind);
    assert(machine && to >= 0 && to < machine->count);
    assert(machine->allowed[o->state] & 1u << to);
    int from = o->state;
    if (lags(o->kind)) {
        if (cloud->now_ms >= o->shown_ms)
            o->shown = from;
        int64_t shown_ms = cloud->now_ms + lag_of(cloud, o);
        o->shown_ms = shown_ms > o->shown_ms ? shown_ms : o->shown_ms;
    }
    o->state = to;
    o->state_ms = cloud->now_ms;
    sc_trace(cloud, o, machine->kind, machine->names[from], machine->names[to], detail);
}

const char *sc_state_name(enum sc_kind kind, int state)
{
    const struct sc_machine *machine = sc_machine(kind);
    return machine && state >= 0 && state < machine->count ? machine->names[state] : "";
}

int sc_shown(const struct simcloud *cloud, const struct sc_object *o)
{
    return cloud->now_ms >= o->shown_ms ? o->state : o->shown;
}

bool sc_seen(const struct simcloud *cloud, const struct sc_object *o)
{
    return cloud->now_ms >= o->visible_ms;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

static void add_entry(struct simcloud *cloud, struct simcloud_trace_entry entry)
{
    entry.ms = cloud->now_ms;
    entry.number = ++cloud->trace_count;
    uint64_t h = mix(cloud->trace_hash, (uint64_t)entry.ms);
    h = mix(h, hash_of(entry.kind));
    h = mix(h, hash_of(entry.id));
    h = mix(h, hash_of(entry.from));
    h = mix(h, hash_of(entry.to));
    cloud->trace_hash = mix(h, hash_of(entry.detail));
    size_t most = cloud->options.trace_max;
    if (most > 0) {
        size_t at = (size_t)((entry.number - 1) % most);
        cloud->trace = mem_grow(cloud->trace, &cloud->trace_cap, at + 1, sizeof *cloud->trace);
        cloud->trace[at] = entry;
    }
    if (cloud->options.hooks.traced)
        cloud->options.hooks.traced(cloud->options.hooks.context, &entry);
}

void sc_trace(struct simcloud *cloud, const struct sc_object *o, const char *kind, const char *from, const char *to,
              const char *detail)
{
    add_entry(cloud, (struct simcloud_trace_entry){.kind = kind,
                                                   .id = o->id,
                                                   .from = from,
                                                   .to = to,
                                                   .account = o->place->account,
                                                   .region = o->place->region,
                                                   .detail = detail ? sc_intern(cloud, detail) : ""});
}

void sc_trace_call(struct simcloud *cloud, const struct sc_place *place, const char *action, const char *outcome,
                   const char *detail)
{
    add_entry(cloud, (struct simcloud_trace_entry){.kind = "call",
                                                   .id = action,
                                                   .from = "",
                                                   .to = sc_intern(cloud, outcome),
                                                   .account = place->account,
                                                   .region = place->region,
                                                   .detail = sc_intern(cloud, detail)});
}

const char *sc_iso(struct arena *arena, int64_t ms, bool millis)
{
    char text[INSTANT_TEXT_SIZE];
    calendar_text(ms / 1000, text);
    if (!millis)
        return arena_dup(arena, text);
    text[strlen(text) - 1] = '\0';
    return arena_textf(arena, "%s.%03dZ", text, (int)(ms % 1000));
}
