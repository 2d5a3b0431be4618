/*
 * Which member of a group goes when there are too many. Source: Auto Scaling user guide, "Configure termination
 * policies": the zone with the most members first, then the policies in their order; what is still equal is drawn.
 */
#include "sim/cloud_private.h"

#include <string.h>

struct choice {
    struct sc_instance **items;
    size_t count;
};

static bool eligible(const struct sc_instance *i, const struct sc_group *g)
{
    return i->group == g->o.name && !i->protected_in &&
           (i->lifecycle == MEMBER_IN_SERVICE || i->lifecycle == MEMBER_PENDING);
}

static void in_fullest_zone(const struct sc_group *g, struct choice *c)
{
    int64_t members[3] = {0};
    int64_t most = 0;
    bool has[3] = {false};
    for (size_t n = 0; n < c->count; n++)
        has[sc_zone_of(g->o.place, c->items[n]->spec.zone)] = true;
    SC_EACH(sc_instance, i, g->o.place, SC_INSTANCE)
    if (i->group == g->o.name && i->lifecycle <= MEMBER_IN_SERVICE)
        members[sc_zone_of(g->o.place, i->spec.zone)]++;
    for (int z = 0; z < 3; z++)
        most = has[z] && members[z] > most ? members[z] : most;
    size_t kept = 0;
    for (size_t n = 0; n < c->count; n++)
        if (members[sc_zone_of(g->o.place, c->items[n]->spec.zone)] == most)
            c->items[kept++] = c->items[n];
    c->count = kept;
}

/* The smaller, the sooner it goes. */
typedef int64_t measure(const struct simcloud *cloud, const struct sc_group *g, const struct sc_instance *i);

static int64_t by_birth(const struct simcloud *cloud, const struct sc_group *g, const struct sc_instance *i)
{
    (void)cloud;
    (void)g;
    return (int64_t)i->o.number;
}

static int64_t by_birth_backwards(const struct simcloud *cloud, const struct sc_group *g, const struct sc_instance *i)
{
    (void)cloud;
    (void)g;
    return -(int64_t)i->o.number;
}

/* Seconds to the end of the hour that its running period has opened. */
static int64_t to_next_hour(const struct simcloud *cloud, const struct sc_group *g, const struct sc_instance *i)
{
    (void)g;
    int64_t since = i->running_ms >= 0 ? i->running_ms : cloud->now_ms;
    return 3600000 - (cloud->now_ms - since) % 3600000;
}

static int64_t config_age(const struct simcloud *cloud, const struct sc_group *g, const struct sc_instance *i)
{
    (void)cloud;
    const struct sc_object *config =
        *i->launch_config ? sc_find_named(g->o.place, SC_LAUNCH_CONFIG, i->launch_config) : NULL;
    return config ? (int64_t)config->number : *i->launch_config ? 0 : INT64_MAX;
}

/* Of another template than the group's first, then the lowest version. */
static int64_t template_age(const struct simcloud *cloud, const struct sc_group *g, const struct sc_instance *i)
{
    (void)cloud;
    int64_t version = 0;
    for (const char *at = i->template_version; *at >= '0' && *at <= '9'; at++)
        version = version * 10 + *at - '0';
    return i->template_id == g->template_id ? version : -1;
}

static void least(const struct simcloud *cloud, const struct sc_group *g, struct choice *c, measure *of)
{
    int64_t best = INT64_MAX;
    for (size_t n = 0; n < c->count; n++) {
        int64_t value = of(cloud, g, c->items[n]);
        best = value < best ? value : best;
    }
    size_t kept = 0;
    for (size_t n = 0; n < c->count; n++)
        if (of(cloud, g, c->items[n]) == best)
            c->items[kept++] = c->items[n];
    c->count = kept;
}

static const struct {
    const char *name;
    measure *of[3];
} policies[] = {
    {"Default", {config_age, template_age, to_next_hour}},
    {"OldestInstance", {by_birth}},
    {"NewestInstance", {by_birth_backwards}},
    {"OldestLaunchConfiguration", {config_age}},
    {"OldestLaunchTemplate", {template_age}},
    {"ClosestToNextInstanceHour", {to_next_hour}},
    {"AllocationStrategy", {NULL}},
};

bool sc_policy_known(const char *name)
{
    for (size_t p = 0; p < sizeof(policies) / sizeof(*policies); p++)
        if (strcmp(policies[p].name, name) == 0)
            return true;
    return false;
}

const char *sc_policy_name(size_t index)
{
    return index < sizeof(policies) / sizeof(*policies) ? policies[index].name : NULL;
}

struct sc_instance *sc_policy_choose(struct simcloud *cloud, struct sc_group *g)
{
    struct choice c = {
        arena_alloc(&cloud->scratch, (g->o.place->counts[SC_INSTANCE] + 1) * sizeof(struct sc_instance *)), 0};
    SC_EACH(sc_instance, i, g->o.place, SC_INSTANCE)
    if (eligible(i, g))
        c.items[c.count++] = i;
    if (c.count == 0)
        return NULL;
    in_fullest_zone(g, &c);
    for (size_t n = 0; n < g->policies.count; n++)
        for (size_t p = 0; p < sizeof(policies) / sizeof(*policies); p++)
            for (size_t m = 0; m < 3 && policies[p].of[m] && strcmp(policies[p].name, g->policies.items[n]) == 0; m++)
                least(cloud, g, &c, policies[p].of[m]);
    return c.items[c.count > 1 ? sc_draw_below(cloud, &g->o, c.count) : 0];
}
