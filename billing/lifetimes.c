#include "billing/lifetimes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int compare_events(const void *a, const void *b)
{
    const struct life_event *x = *(const struct life_event *const *)a;
    const struct life_event *y = *(const struct life_event *const *)b;
    int order = strcmp(x->instance, y->instance);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* What the events of one instance say; INSTANT_MAX: nothing of the kind. */
struct facts {
    instant_t launched, terminated, first_seen, last_seen, gone;
};

static void take(struct facts *f, const struct life_event *e, instant_t now)
{
    instant_t at = e->at < now ? e->at : now;
    switch (e->life) {
    case LIFE_LAUNCHED:
        f->launched = at < f->launched ? at : f->launched;
        break;
    case LIFE_TERMINATED:
        f->terminated = at < f->terminated ? at : f->terminated;
        break;
    case LIFE_SEEN:
        f->first_seen = at < f->first_seen ? at : f->first_seen;
        f->last_seen = at > f->last_seen ? at : f->last_seen;
        break;
    case LIFE_GONE:
        f->gone = at < f->gone ? at : f->gone;
        break;
    }
}

/* False where there is no start. */
static bool conclude(const struct facts *f, const char *instance, instant_t now, struct lifetime *out)
{
    bool launched = f->launched != INSTANT_MAX;
    *out = (struct lifetime){.instance = instance,
                             .start = launched ? f->launched : f->first_seen,
                             .end = f->terminated,
                             .guessed = !launched};
    if (out->start == INSTANT_MAX)
        return false;
    if (out->end == INSTANT_MAX && f->gone != INSTANT_MAX && f->gone > f->last_seen) {
        out->end = f->gone;
        out->guessed = true;
    }
    if (out->end == INSTANT_MAX) {
        out->end = now;
        out->open = true;
    }
    out->end = out->end > out->start ? out->end : out->start;
    return true;
}

size_t lifetimes_of(struct lifetime **out, const struct life_event *events, size_t count, instant_t now)
{
    const struct life_event **order = mem_array(NULL, count, sizeof(struct life_event *));
    struct lifetime *list = mem_array(NULL, count, sizeof(*list));
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        order[i] = &events[i];
    if (count)
        qsort(order, count, sizeof(struct life_event *), compare_events);
    for (size_t i = 0; i < count;) {
        struct facts f = {INSTANT_MAX, INSTANT_MAX, INSTANT_MAX, INSTANT_MIN, INSTANT_MAX};
        const char *instance = order[i]->instance;
        for (; i < count && strcmp(order[i]->instance, instance) == 0; i++)
            take(&f, order[i], now);
        found += conclude(&f, instance, now, &list[found]);
    }
    free(order);
    *out = list;
    return found;
}

bool lifetimes_read_activity(const char *description, char instance[32], enum life *life)
{
    static const struct {
        const char *begins;
        enum life life;
    } kinds[] = {{"Launching a new EC2 instance: ", LIFE_LAUNCHED}, {"Terminating EC2 instance: ", LIFE_TERMINATED}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].begins);
        if (strncmp(description, kinds[i].begins, len) != 0)
            continue;
        size_t id = strcspn(description + len, " -,;.");
        if (description[len + id] == '-') /* "i-0123" */
            id += 1 + strcspn(description + len + id + 1, " -,;.");
        if (id < 3 || id >= 32 || strncmp(description + len, "i-", 2) != 0)
            return false;
        memcpy(instance, description + len, id);
        instance[id] = '\0';
        *life = kinds[i].life;
        return true;
    }
    return false;
}
