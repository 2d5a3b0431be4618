#include "billing/clock_hour.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/instance_type.h"

/* Which kind of reservation pays for whose usage, one after the other. */
enum scope { SCOPE_ZONAL, SCOPE_REGIONAL };
static const struct pass {
    enum scope scope;
    bool linked; /* for all accounts but the owner's */
} passes[] = {{SCOPE_ZONAL, false}, {SCOPE_ZONAL, true}, {SCOPE_REGIONAL, false}, {SCOPE_REGIONAL, true}};

/* Reservations that serve the same usage. */
struct class
{
    enum scope scope;
    uint32_t owner;
    uint32_t type; /* 0: every size of the group's family */
    uint32_t zone; /* SCOPE_ZONAL only */
    uint32_t *singles;
    size_t count, cap;
};

/* A segment of a usage row, with the clock hours [first, last) that it counts in. */
struct item {
    uint32_t row;
    bool hourly;
    instant_t at;
    int64_t count;
    instant_t first, last;
};

/* What one item brings into a clock hour, or the part of it between two cuts. */
struct atom {
    uint32_t row;
    uint32_t account, type, zone;
    int64_t factor4;
    instant_t order, at;
    bool run;     /* order is that of its running period */
    int64_t left; /* unit-seconds */
};

struct instants {
    instant_t *at;
    size_t count, cap;
};

/* One group's walk through time. The arrays are reused from group to group. */
struct sweep {
    struct booking *b;
    instant_t care_from, care_to; /* clock hours outside do not matter to the bill */
    struct class *classes;
    size_t class_count, class_cap;
    const uint32_t *singles; /* of the group, in the order of the rows */
    size_t single_count;
    bool one_owner;
    struct item *items;
    size_t item_count, item_cap;
    struct instants events; /* clock hours in which something begins, ends or changes */
    struct instants cuts;   /* instants inside clock hours where a term, the window or a price changes */
    struct atom *atoms;
    size_t atom_count, atom_cap;
    uint32_t *active; /* items that count in the current hours */
    size_t active_count, active_cap;
    uint32_t *matched;
    size_t matched_cap;
    uint32_t *rate_stamp; /* by rate: the group, plus one, that has its changes among the events */
};

static instant_t hour_floor(instant_t t)
{
    return t - ((t % SECONDS_PER_HOUR) + SECONDS_PER_HOUR) % SECONDS_PER_HOUR;
}

static instant_t hour_ceil(instant_t t)
{
    return hour_floor(t + SECONDS_PER_HOUR - 1);
}

static void add_instant(struct instants *list, instant_t at)
{
    list->at = mem_grow(list->at, &list->cap, list->count + 1, sizeof(*list->at));
    list->at[list->count++] = at;
}

static int compare_instants(const void *a, const void *b)
{
    instant_t x = *(const instant_t *)a;
    instant_t y = *(const instant_t *)b;
    return (x > y) - (x < y);
}

static void sort_unique(struct instants *list)
{
    if (!list->count)
        return;
    qsort(list->at, list->count, sizeof(*list->at), compare_instants);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++)
        if (list->at[i] != list->at[kept - 1])
            list->at[kept++] = list->at[i];
    list->count = kept;
}

/* A change at an instant: where it falls inside a clock hour, that hour stands alone and is cut there. */
static void add_change(struct sweep *w, instant_t at)
{
    add_instant(&w->events, hour_floor(at));
    add_instant(&w->events, hour_ceil(at));
    if (hour_floor(at) != at)
        add_instant(&w->cuts, at);
}

static bool group_is_flexible(const struct sweep *w, const struct reservation *r)
{
    const struct names *names = w->b->in->names;
    return strcmp(names_text(names, r->os), "linux") == 0 && instance_type_of(names_text(names, r->type)).flexible;
}

static struct class *class_for(struct sweep *w, const struct reservation *r)
{
    enum scope scope = r->zone ? SCOPE_ZONAL : SCOPE_REGIONAL;
    uint32_t owner = booking_owner(w->b, r);
    uint32_t type = scope == SCOPE_REGIONAL && group_is_flexible(w, r) ? 0 : r->type;
    for (size_t i = 0; i < w->class_count; i++) {
        struct class *c = &w->classes[i];
        if (c->scope == scope && c->owner == owner && c->type == type && c->zone == r->zone)
            return c;
    }
    w->classes = mem_grow(w->classes, &w->class_cap, w->class_count + 1, sizeof(*w->classes));
    struct class *c = &w->classes[w->class_count++];
    *c = (struct class){.scope = scope, .owner = owner, .type = type, .zone = r->zone};
    return c;
}

static void add_single(struct sweep *w, uint32_t id)
{
    const struct reservation *r = w->b->singles[id].row;
    struct class *c = class_for(w, r);
    c->singles = mem_grow(c->singles, &c->cap, c->count + 1, sizeof(*c->singles));
    c->singles[c->count++] = id;
    if (w->b->singles[id].number > 1)
        return;
    add_change(w, r->start);
    add_change(w, r->end);
}

static void add_item(struct sweep *w, uint32_t row, const struct segment *s)
{
    struct item item = {.row = row, .hourly = s->hourly, .at = s->at, .count = s->count, .first = hour_floor(s->at)};
    item.last = s->hourly ? item.first + s->count * SECONDS_PER_HOUR : hour_ceil(s->at + s->count);
    if (item.last <= w->care_from || item.first >= w->care_to)
        return;
    w->items = mem_grow(w->items, &w->item_cap, w->item_count + 1, sizeof(*w->items));
    w->items[w->item_count++] = item;
    add_instant(&w->events, item.first);
    add_instant(&w->events, item.last);
    if (!s->hourly) { /* the first and the last clock hour are rarely whole */
        add_instant(&w->events, item.first + SECONDS_PER_HOUR);
        add_instant(&w->events, hour_floor(s->at + s->count));
    }
}

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    int order = (x->first > y->first) - (x->first < y->first);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static void add_atom(struct sweep *w, const struct item *item, instant_t at, int64_t seconds)
{
    const struct subject *s = &w->b->subjects[w->b->subject_of[item->row]];
    w->atoms = mem_grow(w->atoms, &w->atom_cap, w->atom_count + 1, sizeof(*w->atoms));
    w->atoms[w->atom_count++] = (struct atom){
        .row = item->row,
        .account = s->account,
        .type = s->type,
        .zone = w->b->in->usage->rows[item->row].zone,
        .factor4 = s->factor4,
        .order = item->hourly ? at : item->at,
        .run = !item->hourly,
        .at = at,
        .left = seconds * s->factor4,
    };
}

/* The first cut after `at`, no later than end. */
static instant_t cut_after(const struct sweep *w, instant_t at, instant_t end)
{
    size_t low = 0;
    size_t high = w->cuts.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->cuts.at[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->cuts.count && w->cuts.at[low] < end ? w->cuts.at[low] : end;
}

static void add_atoms(struct sweep *w, const struct item *item, instant_t hour)
{
    if (item->hourly) {
        add_atom(w, item, hour + (item->at - item->first), SECONDS_PER_HOUR);
        return;
    }
    instant_t at = item->at > hour ? item->at : hour;
    instant_t end = item->at + item->count;
    end = end < hour + SECONDS_PER_HOUR ? end : hour + SECONDS_PER_HOUR;
    while (at < end) {
        instant_t cut = cut_after(w, at, end);
        add_atom(w, item, at, cut - at);
        at = cut;
    }
}

static int compare_atoms(const void *a, const void *b)
{
    const struct atom *x = a;
    const struct atom *y = b;
    int order = (x->factor4 > y->factor4) - (x->factor4 < y->factor4);
    order = order ? order : (x->order > y->order) - (x->order < y->order);
    order = order ? order : (x->row > y->row) - (x->row < y->row);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Whether the end of a single's part of this clock hour, when its hour is settled, lies in the window. */
static bool settled_inside(const struct booking *b, const struct reservation *r, instant_t hour)
{
    instant_t end = r->end < hour + SECONDS_PER_HOUR ? r->end : hour + SECONDS_PER_HOUR;
    return end > b->from && end <= b->to;
}

/* Lets one single pay in each of the `hours` clock hours from `hour` on; *open skips atoms that are paid for. */
static void pay(struct sweep *w, uint32_t id, size_t matched_count, size_t *open, instant_t hour, int64_t hours)
{
    struct single *s = &w->b->singles[id];
    bool counts = settled_inside(w->b, s->row, hour);
    for (size_t i = *open; i < matched_count && s->hour_left; i++) {
        struct atom *atom = &w->atoms[w->matched[i]];
        if (!atom->left && i == *open)
            ++*open;
        if (!atom->left || atom->at < s->row->start || atom->at >= s->row->end)
            continue;
        int64_t part = s->hour_left < atom->left ? s->hour_left : atom->left;
        s->hour_left -= part;
        atom->left -= part;
        booking_reserved(w->b, atom->row, id, atom->at, (int128)part * hours);
        const struct bill_watch *watch = w->b->in->watch;
        if (watch)
            watch->covered(watch->context, atom->row, atom->at, part / atom->factor4, hours);
        s->used += counts ? (int128)part * hours : 0;
    }
}

static void allocate_class(struct sweep *w, const struct class *c, bool linked, instant_t hour, int64_t hours)
{
    size_t count = 0;
    w->matched = mem_grow(w->matched, &w->matched_cap, w->atom_count, sizeof(*w->matched));
    for (size_t i = 0; i < w->atom_count; i++) {
        const struct atom *atom = &w->atoms[i];
        bool same_zone = c->scope != SCOPE_ZONAL || c->zone == atom->zone;
        if (atom->left && same_zone && (atom->account != c->owner) == linked && (!c->type || c->type == atom->type))
            w->matched[count++] = (uint32_t)i;
    }
    size_t open = 0;
    for (size_t i = 0; i < c->count && open < count; i++)
        pay(w, c->singles[i], count, &open, hour, hours);
}

/* Classes of one owner serve different usage, so each can be settled at once. Those of several owners compete for what
 * linked accounts use: then the order of the rows decides, single by single. */
static void allocate_pass(struct sweep *w, const struct pass *pass, instant_t hour, int64_t hours)
{
    if (pass->linked && w->b->in->unlinked)
        return;
    for (size_t i = 0; i < w->class_count && (w->one_owner || !pass->linked); i++)
        if (w->classes[i].scope == pass->scope)
            allocate_class(w, &w->classes[i], pass->linked, hour, hours);
    for (size_t i = 0; i < w->single_count && !w->one_owner && pass->linked; i++) {
        uint32_t id = w->singles[i];
        struct class one = *class_for(w, w->b->singles[id].row);
        one.singles = &id;
        one.count = 1;
        if (one.scope == pass->scope && w->b->singles[id].hour_left)
            allocate_class(w, &one, true, hour, hours);
    }
}

static void fill_singles(struct sweep *w, instant_t hour)
{
    for (size_t i = 0; i < w->class_count; i++)
        for (size_t j = 0; j < w->classes[i].count; j++) {
            struct single *s = &w->b->singles[w->classes[i].singles[j]];
            s->hour_left = booking_term_s(s->row, hour, hour + SECONDS_PER_HOUR) * s->factor4;
        }
}

/* Clock hours [hour, hour + hours) are alike: what is active in the first is active, as much, in each. */
static void allocate_stretch(struct sweep *w, instant_t hour, int64_t hours)
{
    w->atom_count = 0;
    for (size_t i = 0; i < w->active_count; i++)
        add_atoms(w, &w->items[w->active[i]], hour);
    if (!w->atom_count)
        return;
    qsort(w->atoms, w->atom_count, sizeof(*w->atoms), compare_atoms);
    fill_singles(w, hour);
    for (size_t p = 0; p < sizeof(passes) / sizeof(passes[0]); p++)
        allocate_pass(w, &passes[p], hour, hours);
    for (size_t i = 0; i < w->atom_count; i++) {
        const struct atom *a = &w->atoms[i];
        if (a->left)
            booking_left(
                w->b, (struct piece){
                          .row = a->row, .run = a->run, .order = a->order, .at = a->at, .n = hours, .units = a->left});
    }
}

static void drop_ended(struct sweep *w, instant_t hour)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->active_count; i++)
        if (w->items[w->active[i]].last > hour)
            w->active[kept++] = w->active[i];
    w->active_count = kept;
}

static void walk(struct sweep *w)
{
    sort_unique(&w->events);
    sort_unique(&w->cuts);
    if (w->item_count)
        qsort(w->items, w->item_count, sizeof(*w->items), compare_items);
    w->active = mem_grow(w->active, &w->active_cap, w->item_count, sizeof(*w->active));
    w->active_count = 0;
    size_t next = 0;
    for (size_t e = 0; e + 1 < w->events.count; e++) {
        instant_t hour = w->events.at[e];
        drop_ended(w, hour);
        for (; next < w->item_count && w->items[next].first <= hour; next++)
            w->active[w->active_count++] = (uint32_t)next;
        if (w->active_count && hour < w->care_to && w->events.at[e + 1] > w->care_from)
            allocate_stretch(w, hour, (w->events.at[e + 1] - hour) / SECONDS_PER_HOUR);
    }
}

static void meter_direct(struct booking *b, uint32_t row)
{
    const struct usage_row *u = &b->in->usage->rows[row];
    int64_t factor4 = b->subjects[b->subject_of[row]].factor4;
    struct metering m;
    struct segment s;
    metering_begin(&m, names_text(b->in->names, u->os), usage_regime(u, b->in->regime), u->start, u->end);
    while (metering_next(&m, &s))
        booking_left(b, (struct piece){.row = row,
                                       .seconds = !s.hourly,
                                       .order = s.at,
                                       .at = s.at,
                                       .n = s.count,
                                       .units = s.hourly ? factor4 * SECONDS_PER_HOUR : factor4});
}

static void meter_into(struct sweep *w, uint32_t row)
{
    const struct usage_row *u = &w->b->in->usage->rows[row];
    struct metering m;
    struct segment s;
    metering_begin(&m, names_text(w->b->in->names, u->os), usage_regime(u, w->b->in->regime), u->start, u->end);
    while (metering_next(&m, &s))
        add_item(w, row, &s);
}

static void clear(struct sweep *w)
{
    for (size_t i = 0; i < w->class_count; i++)
        free(w->classes[i].singles);
    w->class_count = w->item_count = w->events.count = w->cuts.count = 0;
}

/* Rows and singles of one group, each list in the order of the file. */
struct members {
    uint32_t *ids;
    size_t count, cap;
};

static void add_member(struct members *m, uint32_t id)
{
    m->ids = mem_grow(m->ids, &m->cap, m->count + 1, sizeof(*m->ids));
    m->ids[m->count++] = id;
}

static void add_price_changes(struct sweep *w, uint32_t row, uint32_t stamp)
{
    uint32_t id = w->b->subjects[w->b->subject_of[row]].rate;
    const struct rate *rate = &w->b->rates[id];
    if (w->rate_stamp[id] == stamp)
        return;
    w->rate_stamp[id] = stamp;
    for (size_t i = 0; i < rate->count; i++)
        add_change(w, rate->steps[i].effective);
}

static void allocate_group(struct sweep *w, uint32_t stamp, const struct members *rows, const struct members *singles)
{
    clear(w);
    add_change(w, w->b->from);
    add_change(w, w->b->to);
    w->singles = singles->ids;
    w->single_count = singles->count;
    w->one_owner = true;
    for (size_t i = 0; i < singles->count; i++) {
        add_single(w, singles->ids[i]);
        w->one_owner &= w->classes[w->class_count - 1].owner == w->classes[0].owner;
    }
    for (size_t i = 0; i < rows->count; i++) {
        add_price_changes(w, rows->ids[i], stamp);
        meter_into(w, rows->ids[i]);
    }
    walk(w);
}

static void set_care(struct sweep *w)
{
    const struct booking *b = w->b;
    bool pools = b->pool_keys.count > 0;
    w->care_from = pools ? calendar_month_start(calendar_month(b->from)) : hour_floor(b->from);
    w->care_to = pools ? calendar_month_start(calendar_month(b->to - 1) + 1) : hour_ceil(b->to);
}

static void release(struct sweep *w)
{
    clear(w);
    free(w->classes);
    free(w->items);
    free(w->events.at);
    free(w->cuts.at);
    free(w->atoms);
    free(w->active);
    free(w->matched);
    free(w->rate_stamp);
}

static void sort_into_groups(struct booking *b, struct members *rows, struct members *singles)
{
    for (uint32_t i = 0; i < b->single_count; i++) {
        const struct reservation *r = b->singles[i].row;
        uint32_t group = r->model == MODEL_CLOCK_HOUR ? booking_group(b, r) : KEYS_NONE;
        if (group != KEYS_NONE)
            add_member(&singles[group], i);
    }
    for (uint32_t i = 0; i < b->in->usage->count; i++) {
        uint32_t group = b->subjects[b->subject_of[i]].group;
        if (singles[group].count)
            add_member(&rows[group], i);
        else
            meter_direct(b, i);
    }
}

void clock_hour_allocate(struct booking *b)
{
    uint32_t groups = b->group_keys.count;
    struct members *singles = mem_zero(groups, sizeof(*singles));
    struct members *rows = mem_zero(groups, sizeof(*rows));
    sort_into_groups(b, rows, singles);
    struct sweep w = {.b = b, .rate_stamp = mem_zero(b->rate_keys.count, sizeof(*w.rate_stamp))};
    set_care(&w);
    for (uint32_t g = 0; g < groups; g++) {
        if (singles[g].count)
            allocate_group(&w, g + 1, &rows[g], &singles[g]);
        free(singles[g].ids);
        free(rows[g].ids);
    }
    release(&w);
    free(singles);
    free(rows);
}

int128 clock_hour_capacity(const struct booking *b, const struct single *s)
{
    const struct reservation *r = s->row;
    if (r->end <= b->from)
        return 0;
    instant_t to = r->end <= b->to ? r->end : hour_floor(b->to);
    return (int128)booking_term_s(r, hour_floor(b->from), to) * s->factor4;
}
