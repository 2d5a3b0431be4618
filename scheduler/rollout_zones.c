/*
 * rollout_zones.c - where the next one goes, so that the group's zones stay in balance: where they differ by two, Auto
 * Scaling launches one more in the emptiest and ends one in the fullest, beside what the rollout does.
 *
 * Places are the group's subnets, or its zones where it names none. The emptiest gets the next launch: counted are
 * members that stay, those launched for the group already, and launches refused there. Where several are equally empty
 * it is the one with the fewest new ones, as the old ones go in the end. The choice stands in the journal before the
 * call: its token is the same for whoever makes it, and must mean the same.
 */
#include <inttypes.h>
#include <string.h>

#include "scheduler/rollout_private.h"

struct place {
    const char *name, *zone; /* zone NULL: nobody knows it yet */
    int64_t used, fresh;
};

struct places {
    struct place *items;
    size_t count;
    bool subnets;
};

static struct places places_of(struct rollout *r)
{
    struct places p = {.subnets = *r->group.subnets != '\0'};
    size_t most = r->group.zone_count + 1;
    for (const char *c = r->group.subnets; *c; c++)
        most += *c == ',';
    p.items = arena_alloc(&r->arena, (most + 1) * sizeof *p.items);
    for (const char *at = r->group.subnets; p.subnets && *at; at += strspn(at, ", ")) {
        size_t len = strcspn(at, ", ");
        if (len)
            p.items[p.count++] = (struct place){.name = arena_dup_n(&r->arena, at, len)};
        at += len;
    }
    for (size_t i = 0; !p.subnets && i < r->group.zone_count; i++)
        p.items[p.count++] = (struct place){.name = r->group.zones[i], .zone = r->group.zones[i]};
    return p;
}

static void learn_zones(const struct rollout *r, struct places *p)
{
    for (size_t i = 0; p->subnets && i < p->count; i++)
        for (size_t k = 0; k < r->seen.count && !p->items[i].zone; k++)
            if (strcmp(r->seen.items[k].subnet, p->items[i].name) == 0 && *r->seen.items[k].zone)
                p->items[i].zone = r->seen.items[k].zone;
}

/* Subnets of one zone fill it together. */
static void fill(struct places *p, const char *zone, const char *name, bool fresh)
{
    for (size_t i = 0; i < p->count; i++) {
        bool here = zone && *zone ? p->items[i].zone && strcmp(p->items[i].zone, zone) == 0
                                  : name && strcmp(p->items[i].name, name) == 0;
        p->items[i].used += here;
        p->items[i].fresh += here && fresh;
    }
}

static void count_all(struct rollout *r, struct places *p)
{
    int64_t launches = rollout_fact(r, "rollout.launches", 0);
    for (size_t i = 0; i < r->old_count; i++)
        fill(p, r->old[i].member->zone, NULL, false);
    for (size_t i = 0; i < r->alien_count; i++)
        fill(p, r->alien[i].member->zone, NULL, true);
    for (int64_t k = 0; k < launches; k++) /* refused there: as good as full */
        if (!journal_factf(r->o->journal, "rollout.launch.%" PRId64, k))
            fill(p, NULL, journal_factf(r->o->journal, "rollout.place.%" PRId64, k), false);
    for (size_t i = 0; i < r->fresh_count; i++) {
        const struct fresh *f = &r->fresh[i];
        const char *name = journal_factf(r->o->journal, "rollout.place.%" PRId64, f->k);
        if (f->state <= FRESH_ATTACHED)
            fill(p, f->instance ? f->instance->zone : NULL, name, true);
    }
}

enum roll rollout_choose_place(struct rollout *r, int64_t k, const char **name, bool *is_subnet)
{
    const char *key = arena_textf(&r->arena, "rollout.place.%" PRId64, k);
    const char *chosen = journal_fact(r->o->journal, key);
    struct places p = places_of(r);
    *is_subnet = p.subnets;
    *name = chosen ? arena_dup(&r->arena, chosen) : NULL;
    if (chosen || p.count == 0)
        return ROLL_NEXT;
    learn_zones(r, &p);
    count_all(r, &p);
    const struct place *best = &p.items[(size_t)k % p.count];
    for (size_t i = 1; i < p.count; i++) {
        const struct place *here = &p.items[((size_t)k + i) % p.count];
        if (here->used < best->used || (here->used == best->used && here->fresh < best->fresh))
            best = here;
    }
    *name = best->name;
    return rollout_note(r, key, best->name) == ROLL_STOP ? ROLL_STOP : ROLL_NEXT;
}

int64_t rollout_in_zone(const struct rollout *r, const char *zone)
{
    int64_t count = 0;
    for (size_t i = 0; i < r->old_count; i++)
        count += strcmp(r->old[i].member->zone, zone) == 0;
    for (size_t i = 0; i < r->alien_count; i++)
        count += strcmp(r->alien[i].member->zone, zone) == 0;
    for (size_t i = 0; i < r->fresh_count; i++)
        count += r->fresh[i].member && strcmp(r->fresh[i].member->zone, zone) == 0;
    return count;
}
