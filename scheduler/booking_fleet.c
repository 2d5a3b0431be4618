/*
 * booking_fleet.c - what an environment has running, from what AWS tells: the group's scaling activities, the instances
 * that EC2 shows (the ended ones for an hour), and the ledger's own open uses.
 *
 *      activities, instances --lifetimes.h--> an instance of the group: one use, "i-0123:life"
 *      every instance use of the environment --> its root volume, "i-0123:root", and public address, "i-0123:ip", as
 *                                                 long as it
 *      open uses of instances outside the group, of images --> ended, where EC2 says that they are gone
 *
 * What a kept bake instance runs between its deployments, and after the last, is the environment's. While one is at
 * work nothing of it is booked: it pays from where it took the instance over, wherever we look.
 *
 * Keys name things, so looking again books the difference and nothing else, whoever looks and whenever it was killed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/charge.h"
#include "billing/lifetimes.h"
#include "scheduler/booking_private.h"
#include "scheduler/pipeline_private.h"
#include "scheduler/uses.h"

#define KNOWN_S   ((instant_t)45 * SECONDS_PER_DAY) /* activities go back six weeks */
#define PENDING_S 10                                /* an instance is pending for longer than that */
#define GONE_S    3600                              /* what EC2 does not show any more ended so long ago at least */

struct known {
    struct ledger_usage usage;
    struct ledger_scope scope;
};

struct fleet {
    struct books b;
    struct pipeline p; /* for its clouds */
    struct arena arena;
    struct known *known; /* uses of the environment, texts in the arena */
    size_t known_count, known_cap;
    struct instances group, ours; /* the group's; what bears the environment's tags where bakes run */
    struct volumes volumes;
    struct images images, base, copies; /* copies: where the group is, if that is elsewhere */
    bool at_work;                       /* a deployment of the environment is */
};

static int aws_failed(const char *action, const struct aws_error *error, struct err *err)
{
    return cloud_err(err, EXIT_FAILED, action, error);
}

/* ---- what the ledger knows ---- */

static int take_known(void *context, const struct ledger_usage *usage, const struct ledger_scope *scope,
                      struct err *err)
{
    struct fleet *f = context;
    (void)err;
    if (strcmp(scope->environment, f->b.w->environment->name) != 0 ||
        strcmp(scope->project, f->b.w->config->project) != 0)
        return 0;
    f->known = mem_grow(f->known, &f->known_cap, f->known_count + 1, sizeof(*f->known));
    struct known *k = &f->known[f->known_count++];
    k->usage = *usage;
    k->usage.key = arena_dup(&f->arena, usage->key);
    k->usage.kind = arena_dup(&f->arena, usage->kind);
    k->usage.resource = arena_dup(&f->arena, usage->resource);
    k->usage.account = arena_dup(&f->arena, usage->account);
    k->usage.type = arena_dup(&f->arena, usage->type);
    k->usage.region = arena_dup(&f->arena, usage->region);
    k->usage.zone = arena_dup(&f->arena, usage->zone);
    k->usage.os = arena_dup(&f->arena, usage->os);
    k->scope = (struct ledger_scope){arena_dup(&f->arena, scope->deployment), f->b.w->environment->name,
                                     f->b.w->config->project};
    return 0;
}

static int load_known(struct fleet *f, struct err *err)
{
    f->known_count = 0;
    return ledger_usages(f->b.ledger, f->b.now - KNOWN_S, f->b.now + 1, take_known, f, err);
}

static const struct known *known_by_key(const struct fleet *f, const char *key)
{
    for (size_t i = 0; i < f->known_count; i++)
        if (strcmp(f->known[i].usage.key, key) == 0)
            return &f->known[i];
    return NULL;
}

/* Is it a group's: "i-0123:life"? */
static bool is_life(const struct ledger_usage *u)
{
    const char *tail = strrchr(u->key, ':');
    return tail && strcmp(tail, ":life") == 0;
}

/* Is it on the ledger as it is to be, for good? What ended weeks ago is not reckoned again after each deployment. */
static bool stands(const struct known *k, const struct ledger_usage *u)
{
    return k && !k->usage.open && !u->open && k->usage.start == u->start && k->usage.end == u->end;
}

/* ---- what AWS shows ---- */

static int look_at_group(struct fleet *f, struct err *err)
{
    struct aws_error error = {0};
    struct tag of_group = {"tag:aws:autoscaling:groupName", f->b.w->environment->group};
    struct lookup lookup = {.filters = &of_group, .filter_count = 1};
    if (cloud_describe_instances(&f->p.site, &lookup, &f->arena, &f->group, &error))
        return aws_failed("DescribeInstances", &error, err);
    return 0;
}

static int look_at_ours(struct fleet *f, struct err *err)
{
    struct aws_error error = {0};
    const char *base = f->b.w->config->image.base;
    struct tag tags[] = {{"tag:bakehour:project", f->b.w->config->project},
                         {"tag:bakehour:environment", f->b.w->environment->name}};
    struct lookup lookup = {.filters = tags, .filter_count = 2};
    struct lookup by_id = {.ids = &base, .id_count = 1};
    if (cloud_describe_instances(&f->p.cloud, &lookup, &f->arena, &f->ours, &error))
        return aws_failed("DescribeInstances", &error, err);
    if (cloud_describe_images(&f->p.cloud, &lookup, &f->arena, &f->images, &error) ||
        cloud_describe_images(&f->p.cloud, &by_id, &f->arena, &f->base, &error))
        return aws_failed("DescribeImages", &error, err);
    bool elsewhere = pipeline_apart(f->b.w) || f->b.w->site_transport;
    if (elsewhere && cloud_describe_images(&f->p.site, &lookup, &f->arena, &f->copies, &error))
        return aws_failed("DescribeImages", &error, err);
    return 0;
}

static const struct instance *shown(const struct fleet *f, const char *id)
{
    const struct instances *lists[] = {&f->group, &f->ours};
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < lists[l]->count; i++)
            if (strcmp(lists[l]->items[i].id, id) == 0)
                return &lists[l]->items[i];
    return NULL;
}

static bool runs(const struct instance *i)
{
    return i->state == INSTANCE_RUNNING || i->state == INSTANCE_PENDING;
}

/* ---- the group's instances ---- */

struct events {
    struct life_event *items;
    size_t count, cap;
};

static void tell(struct events *e, const char *instance, enum life life, instant_t at)
{
    e->items = mem_grow(e->items, &e->cap, e->count + 1, sizeof(*e->items));
    e->items[e->count++] = (struct life_event){instance, life, at};
}

static void tell_activity(struct fleet *f, struct events *e, const struct activity *a)
{
    char id[32];
    enum life life;
    bool happened = strcmp(a->status, "Failed") != 0 && strcmp(a->status, "Cancelled") != 0;
    if (!lifetimes_read_activity(a->description, id, &life))
        return;
    if (life == LIFE_LAUNCHED && happened)
        tell(e, arena_dup(&f->arena, id), life, a->start_ms / 1000);
    /* While its connections drain it is paid for: EC2 says when that ended, else the end of the activity does. */
    const struct instance *i = shown(f, id);
    if (life == LIFE_TERMINATED && a->end_ms && !(i && (runs(i) || i->ended_ms)))
        tell(e, arena_dup(&f->arena, id), life, (a->end_ms + 999) / 1000);
}

static void tell_instance(const struct fleet *f, struct events *e, const struct instance *i)
{
    tell(e, i->id, LIFE_LAUNCHED, i->launch_ms / 1000);
    if (runs(i))
        tell(e, i->id, LIFE_SEEN, f->b.now);
    else if (i->ended_ms)
        tell(e, i->id, LIFE_TERMINATED, (i->ended_ms + 999) / 1000);
    else
        tell(e, i->id, LIFE_GONE, f->b.now);
}

/* What ran once and is in no answer any more is known from the ledger alone. */
static void tell_known(const struct fleet *f, struct events *e)
{
    for (size_t k = 0; k < f->known_count; k++) {
        const struct ledger_usage *u = &f->known[k].usage;
        if (strcmp(u->kind, "instance") != 0 || !is_life(u))
            continue;
        const struct instance *i = shown(f, u->resource);
        tell(e, u->resource, LIFE_LAUNCHED, u->start);
        if (u->open && !i) {
            tell(e, u->resource, LIFE_SEEN, u->end);
            tell(e, u->resource, LIFE_GONE, f->b.now - GONE_S > u->end ? f->b.now - GONE_S : u->end + 1);
        } else if (!u->open && !(i && (runs(i) || i->ended_ms))) { /* EC2 knows better when one that drained ended */
            tell(e, u->resource, LIFE_TERMINATED, u->end);
        }
    }
}

static int record_life(struct fleet *f, const struct lifetime *life, struct err *err)
{
    char key[USES_KEY_SIZE];
    const struct instance *i = shown(f, life->instance);
    const struct known *k = known_by_key(f, uses_life_key(key, life->instance));
    if (!k && !life->open && life->end - life->start < PENDING_S)
        return 0; /* it never came to run, and only what runs is billed */
    if (k && !k->usage.open && life->open && k->usage.end > f->b.now)
        return 0; /* it drains, until then at the latest */
    struct ledger_usage u = uses_usage(f->b.w, &f->b.rates, key, "instance", life->instance);
    u.type = k ? k->usage.type : i && *i->type ? i->type : uses_fleet_type(f->b.w);
    u.region = f->b.w->environment->region;
    u.usd = uses_hour(f->b.w, f->b.rates.fleet_per_hour);
    u.start = k && k->usage.start < life->start ? k->usage.start : life->start;
    u.end = life->end > u.start ? life->end : u.start + 1;
    u.open = life->open;
    if (stands(k, &u))
        return 0;
    return books_record(&f->b, &u, &f->b.scope, err);
}

static int book_group(struct fleet *f, struct err *err)
{
    struct activities found = {0};
    struct aws_error error = {0};
    struct events events = {0};
    struct lifetime *lives = NULL;
    int code = 0;
    if (cloud_activities(&f->p.site, f->b.w->environment->group, 0, &f->arena, &found, &error) &&
        !aws_error_is(&error, "NoSuchGroup"))
        return aws_failed("DescribeScalingActivities", &error, err);
    for (size_t i = 0; i < found.count; i++)
        tell_activity(f, &events, &found.items[i]);
    for (size_t i = 0; i < f->group.count; i++)
        tell_instance(f, &events, &f->group.items[i]);
    tell_known(f, &events);
    size_t count = lifetimes_of(&lives, events.items, events.count, f->b.now);
    for (size_t i = 0; !code && i < count; i++)
        code = record_life(f, &lives[i], err);
    free(lives);
    free(events.items);
    return code;
}

/* ---- bake instances and images: open uses that have ended, or go on ---- */

static int record_again(struct fleet *f, const struct known *k, const struct ledger_scope *scope, instant_t end,
                        bool open, struct err *err)
{
    struct ledger_usage u = k->usage;
    u.end = end > u.start ? end : u.start + 1;
    u.open = open;
    return books_record(&f->b, &u, scope, err);
}

static int follow_instance(struct fleet *f, const struct known *k, struct err *err)
{
    const struct instance *i = shown(f, k->usage.resource);
    if (i && runs(i))
        return f->at_work ? 0 : record_again(f, k, &f->b.scope, f->b.now, true, err);
    instant_t latest = k->usage.end + GONE_S < f->b.now ? k->usage.end + GONE_S : f->b.now; /* its dead-man's time */
    return record_again(f, k, &f->b.scope, i && i->ended_ms ? (i->ended_ms + 999) / 1000 : latest, false, err);
}

static int follow_image(struct fleet *f, const struct known *k, const struct images *images, struct err *err)
{
    for (size_t i = 0; i < images->count; i++)
        if (strcmp(images->items[i].id, k->usage.resource) == 0 && images->items[i].state != IMAGE_GONE)
            return record_again(f, k, &k->scope, f->b.now, true, err);
    return record_again(f, k, &k->scope, f->b.now, false, err);
}

/* Those made where bakes run, and copies where the group is. */
static int follow_stored(struct fleet *f, const struct known *k, struct err *err)
{
    for (size_t i = 0; i < f->copies.count; i++)
        if (strcmp(f->copies.items[i].id, k->usage.resource) == 0)
            return follow_image(f, k, &f->copies, err);
    bool here = strcmp(k->usage.region, f->b.w->config->region) == 0;
    bool there = strcmp(k->usage.region, f->b.w->environment->region) == 0;
    return here || there ? follow_image(f, k, &f->images, err) : 0;
}

static int follow_open(struct fleet *f, struct err *err)
{
    int code = 0;
    for (size_t i = 0; !code && i < f->known_count; i++) {
        const struct known *k = &f->known[i];
        if (!k->usage.open)
            continue;
        if (strcmp(k->usage.kind, "instance") == 0 && !is_life(&k->usage))
            code = follow_instance(f, k, err);
        else if (strcmp(k->usage.kind, "snapshot") == 0)
            code = follow_stored(f, k, err);
    }
    return code;
}

/* ---- root volumes ---- */

static int look_at_volumes(struct fleet *f, struct cloud *cloud, const struct instances *of, struct err *err)
{
    struct aws_error error = {0};
    struct tag *filters = arena_alloc(&f->arena, (of->count + 1) * sizeof(*filters));
    size_t count = 0;
    for (size_t i = 0; i < of->count; i++)
        if (runs(&of->items[i]))
            filters[count++] = (struct tag){"attachment.instance-id", of->items[i].id};
    for (size_t at = 0; at < count; at += 200) {
        struct volumes some = {0};
        struct lookup lookup = {.filters = filters + at, .filter_count = count - at < 200 ? count - at : 200};
        if (cloud_describe_volumes(cloud, &lookup, &f->arena, &some, &error))
            return aws_failed("DescribeVolumes", &error, err);
        struct volume *all = arena_alloc(&f->arena, (f->volumes.count + some.count + 1) * sizeof(*all));
        if (f->volumes.count)
            memcpy(all, f->volumes.items, f->volumes.count * sizeof(*all));
        if (some.count)
            memcpy(all + f->volumes.count, some.items, some.count * sizeof(*all));
        f->volumes.items = all;
        f->volumes.count += some.count;
    }
    return 0;
}

static const struct volume *volume_of(const struct fleet *f, const char *instance)
{
    for (size_t i = 0; i < f->volumes.count; i++)
        if (strcmp(f->volumes.items[i].instance, instance) == 0)
            return &f->volumes.items[i];
    return NULL;
}

/* Who pays for what an instance has, from here on: the environment, where its deployment paid for its own part, and for
 * one that serves in the group, whichever deployment launched it; else who pays for the instance. */
static struct ledger_scope scope_of(const struct fleet *f, const struct known *instance, const struct known *before)
{
    for (size_t i = 0; !before && i < f->group.count; i++)
        if (strcmp(f->group.items[i].id, instance->usage.resource) == 0)
            return f->b.scope;
    return before ? f->b.scope : instance->scope;
}

static int record_volume(struct fleet *f, const struct known *of, const struct known *k, struct ledger_usage *u,
                         struct err *err)
{
    u->region = of->usage.region;
    u->start = k && k->usage.start < of->usage.start ? k->usage.start : of->usage.start;
    u->end = of->usage.end;
    u->open = of->usage.open;
    if (!u->quantity || stands(k, u))
        return 0;
    const struct ledger_scope scope = scope_of(f, of, k);
    return books_record(&f->b, u, &scope, err);
}

/* One that was gone before anybody looked had the size that its image gives; where EC2 shows a larger one than is
 * booked (the launch template says so), the rest has a key of its own. */
static int record_volumes(struct fleet *f, const struct known *of, struct err *err)
{
    char key[USES_KEY_SIZE];
    char rest[USES_KEY_SIZE + 8];
    const char *instance = of->usage.resource;
    const struct volume *v = volume_of(f, instance);
    const struct known *k = known_by_key(f, uses_root_key(key, instance));
    int64_t by_image_gb = f->base.count ? f->base.items[0].size_gb : 0;
    struct ledger_usage u = uses_usage(f->b.w, &f->b.rates, key, "volume", k ? k->usage.resource : v ? v->id : key);
    u.quantity = k ? k->usage.quantity : (v ? v->size_gb : by_image_gb) * CHARGE_QUANTITY;
    int code = record_volume(f, of, k, &u, err);
    str_fit(rest, sizeof(rest), "%s:more", key);
    const struct known *more = known_by_key(f, rest);
    u = uses_usage(f->b.w, &f->b.rates, rest, "volume", rest);
    u.quantity = more ? more->usage.quantity : k && v ? v->size_gb * CHARGE_QUANTITY - k->usage.quantity : 0;
    return code || u.quantity <= 0 ? code : record_volume(f, of, more, &u, err);
}

/* ---- public addresses ---- */

/* One of the group that was gone before anybody looked was like those that are there. */
static bool had_address(const struct fleet *f, const struct known *of)
{
    const struct instance *i = shown(f, of->usage.resource);
    if (i && runs(i))
        return *i->public_ip != '\0';
    bool others = false;
    for (size_t g = 0; g < f->group.count; g++)
        others = others || *f->group.items[g].public_ip;
    return others && is_life(&of->usage) && of->scope.deployment[0] == '\0';
}

static int record_address(struct fleet *f, const struct known *of, struct err *err)
{
    char key[USES_KEY_SIZE];
    const struct known *k = known_by_key(f, uses_ip_key(key, of->usage.resource));
    struct ledger_usage u = uses_usage(f->b.w, &f->b.rates, key, "public-ipv4", key);
    u.region = of->usage.region;
    u.start = of->usage.start;
    u.end = of->usage.end;
    u.open = of->usage.open;
    if (stands(k, &u) || !(k || had_address(f, of)))
        return 0;
    const struct ledger_scope scope = scope_of(f, of, k);
    return books_record(&f->b, &u, &scope, err);
}

static int book_what_they_have(struct fleet *f, struct err *err)
{
    int code = look_at_volumes(f, &f->p.site, &f->group, err);
    if (!code)
        code = look_at_volumes(f, &f->p.cloud, &f->ours, err);
    for (size_t i = 0; !code && i < f->known_count; i++)
        if (strcmp(f->known[i].usage.kind, "instance") == 0 && strncmp(f->known[i].usage.resource, "i-", 2) == 0) {
            code = record_volumes(f, &f->known[i], err);
            if (!code)
                code = record_address(f, &f->known[i], err);
        }
    return code;
}

/* ---- the whole ---- */

static int book_all(struct fleet *f, struct err *err)
{
    const struct pipeline_world *w = f->b.w;
    int code =
        rates_make(&f->b.rates, w->config, w->environment, w->environment->instance_type, w->catalog, f->b.now, err);
    char run[80] = "";
    if (!code)
        code = deployment_current(w->state, w->environment->name, run, err);
    f->at_work = !code && *run;
    if (!code)
        code = load_known(f, err);
    if (!code)
        code = look_at_group(f, err);
    if (!code)
        code = look_at_ours(f, err);
    if (!code)
        code = book_group(f, err);
    if (!code)
        code = follow_open(f, err);
    if (!code)
        code = load_known(f, err);
    return code ? code : book_what_they_have(f, err);
}

int booking_fleet(struct ledger *ledger, const struct pipeline_world *w, struct err *err)
{
    struct fleet f = {.b = {.ledger = ledger, .w = w, .now = w->transport->now_ms(w->transport->self) / 1000}};
    f.b.scope = (struct ledger_scope){"", w->environment->name, w->config->project};
    arena_init(&f.arena);
    pipeline_begin(&f.p, w);
    pipeline_open_clouds(&f.p);
    f.p.cloud.before = f.p.site.before = NULL; /* nothing is changed */
    int code = book_all(&f, err);
    pipeline_release(&f.p);
    arena_release(&f.arena);
    free(f.known);
    return code ? code : ledger_synced(ledger, f.b.now, err);
}
