#include "billing/savings.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/rows.h"

#define SCALE ((int128)SECONDS_PER_HOUR * UNIT_SCALE)
#define FINE  30 /* bits behind the point of what is left of a use: a plan may cover any part of it */

/* As much in each of `hours` clock hours from `first` on. */
struct item {
    uint32_t row;
    instant_t at, first; /* at: in the first of them */
    instant_t order;
    bool seconds;
    bool run; /* `order` holds for all its hours */
    int64_t hours, units;
    int64_t left; /* units, shifted by FINE, while a stretch is settled */
    money_t rate, price;
};

struct saver {
    struct booking *b;
    struct item *items;
    size_t count, cap;
    instant_t *events;
    size_t event_count, event_cap;
    uint32_t *active, *fitting;
    size_t active_count;
};

static instant_t hour_floor(instant_t t)
{
    return t - ((t % SECONDS_PER_HOUR) + SECONDS_PER_HOUR) % SECONDS_PER_HOUR;
}

static void add_event(struct saver *s, instant_t at)
{
    s->events = mem_grow(s->events, &s->event_cap, s->event_count + 1, sizeof(*s->events));
    s->events[s->event_count++] = at;
}

static void add_item(struct saver *s, const struct piece *p, instant_t at, int64_t hours, int64_t units)
{
    struct item item = {.row = p->row,
                        .at = at,
                        .first = hour_floor(at),
                        .order = p->seconds || p->run ? p->order : at,
                        .run = p->seconds || p->run,
                        .seconds = p->seconds,
                        .hours = hours,
                        .units = units};
    s->items = mem_grow(s->items, &s->cap, s->count + 1, sizeof(*s->items));
    s->items[s->count++] = item;
    add_event(s, item.first);
    add_event(s, item.first + hours * SECONDS_PER_HOUR);
}

/* Seconds from `at` up to `end`: what is left of the first clock hour, whole ones, what the last has. */
static void add_seconds(struct saver *s, const struct piece *p, instant_t at, instant_t end)
{
    instant_t next = hour_floor(at) + SECONDS_PER_HOUR;
    if (at % SECONDS_PER_HOUR && at < end) {
        instant_t stop = end < next ? end : next;
        add_item(s, p, at, 1, (stop - at) * p->units);
        at = stop;
    }
    int64_t hours = (end - at) / SECONDS_PER_HOUR;
    if (hours > 0)
        add_item(s, p, at, hours, SECONDS_PER_HOUR * p->units);
    at += hours * SECONDS_PER_HOUR;
    if (at < end)
        add_item(s, p, at, 1, (end - at) * p->units);
}

/* The next instant behind `at` at which a rate of the usage or a plan's term changes. */
static instant_t next_cut(const struct booking *b, const struct subject *u, instant_t at)
{
    const struct plans *plans = b->in->plans;
    instant_t cut = FAR_FUTURE;
    if (!plans)
        return cut;
    cut = plan_rate_next_change(b->in->plan_rates, u->type, u->region, u->os, at);
    for (size_t i = 0; i < plans->count; i++) {
        instant_t start = plans->rows[i].start;
        instant_t end = plans->rows[i].end;
        cut = start > at && start < cut ? start : cut;
        cut = end > at && end < cut ? end : cut;
    }
    return cut;
}

static void add_piece(struct saver *s, const struct piece *p)
{
    const struct subject *u = &s->b->subjects[s->b->subject_of[p->row]];
    int64_t step = p->seconds ? 1 : SECONDS_PER_HOUR;
    instant_t at = p->at;
    int64_t left = p->n;
    while (left > 0) {
        instant_t cut = next_cut(s->b, u, at);
        int64_t n = cut - at <= (left - 1) * step ? (cut - at + step - 1) / step : left;
        if (p->seconds)
            add_seconds(s, p, at, at + n);
        else
            add_item(s, p, at, n, p->units);
        at += n * step;
        left -= n;
    }
}

static int compare_instants(const void *a, const void *b)
{
    instant_t x = *(const instant_t *)a;
    instant_t y = *(const instant_t *)b;
    return (x > y) - (x < y);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    int order = (x->first > y->first) - (x->first < y->first);
    order = order ? order : (x->order > y->order) - (x->order < y->order);
    order = order ? order : (x->row > y->row) - (x->row < y->row);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* The items of the saver whose order is asked for; qsort has no context. One bill is made at a time by each thread. */
static _Thread_local const struct item *sorting;

/* Highest saving in percent first: rate / price ascending; without a price last. Then the lower rate, then the
 * openings. */
static int compare_saving(const void *a, const void *b)
{
    const struct item *x = &sorting[*(const uint32_t *)a];
    const struct item *y = &sorting[*(const uint32_t *)b];
    int order = (x->price <= 0) - (y->price <= 0);
    if (!order && x->price > 0) {
        int128 left = (int128)x->rate * y->price;
        int128 right = (int128)y->rate * x->price;
        order = (left > right) - (left < right);
    }
    order = order ? order : (x->rate > y->rate) - (x->rate < y->rate);
    order = order ? order : (x->order > y->order) - (x->order < y->order);
    order = order ? order : (x->row > y->row) - (x->row < y->row);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static bool serves(const struct booking *b, const struct plan *plan, const struct subject *u, bool linked)
{
    if ((u->account != plan->account) != linked)
        return false;
    return plan->kind == PLAN_COMPUTE || (plan->region == u->region && plan->family == booking_family(b, u->type));
}

/* The scaled cost of (fine) units at a rate: rate x units / (3600 x factor4), times SCALE and shifted by FINE. */
static int128 scaled_cost(money_t rate, int64_t units, int64_t factor4)
{
    assert(UNIT_SCALE % factor4 == 0);
    return (int128)rate * units * (UNIT_SCALE / factor4);
}

static int64_t whole_units(int64_t fine)
{
    return (int64_t)num_div_half_even(fine, INT64_C(1) << FINE);
}

/* Takes as much of an item as `money` pays for; returns what that costs. */
static int128 cover(struct booking *b, struct item *item, uint32_t plan, int128 money, int64_t hours, instant_t at)
{
    const struct subject *u = &b->subjects[b->subject_of[item->row]];
    int128 cost = scaled_cost(item->rate, item->left, u->factor4);
    int64_t before = whole_units(item->left);
    if (cost <= money)
        item->left = 0;
    else
        item->left = (int64_t)num_div_half_even(cost - money, (int128)item->rate * (UNIT_SCALE / u->factor4));
    int64_t units = before - whole_units(item->left);
    booking_planned(b, item->row, plan, at, (int128)units * hours);
    if (b->in->watch && units)
        b->in->watch->covered(b->in->watch->context, item->row, at, units / u->factor4, hours);
    return cost < money ? cost : money;
}

static instant_t at_in(const struct item *item, instant_t hour)
{
    return hour + (item->at - item->first);
}

/* One plan in the `hours` clock hours from `hour` on, for its own account or the linked ones; returns what is left. */
static int128 pay(struct saver *s, uint32_t id, bool linked, int128 left, instant_t hour, int64_t hours)
{
    struct booking *b = s->b;
    const struct plan *plan = &b->in->plans->rows[id];
    size_t count = 0;
    for (size_t i = 0; i < s->active_count; i++) {
        struct item *item = &s->items[s->active[i]];
        const struct subject *u = &b->subjects[b->subject_of[item->row]];
        instant_t at = at_in(item, hour);
        if (!item->left || at < plan->start || at >= plan->end || !serves(b, plan, u, linked))
            continue;
        item->rate = plan_rate_at(b->in->plan_rates, plan->kind, u->type, u->region, u->os, at);
        item->price = booking_price(b, item->row, at);
        if (item->rate >= 0)
            s->fitting[count++] = s->active[i];
    }
    sorting = s->items;
    if (count)
        qsort(s->fitting, count, sizeof(*s->fitting), compare_saving);
    for (size_t i = 0; i < count; i++) {
        struct item *item = &s->items[s->fitting[i]];
        if (left)
            left -= cover(b, item, id, left, hours, at_in(item, hour));
    }
    return left;
}

/* Seconds of a plan's term in a clock hour that count for the window: settled at their end, as reservations are. */
static bool settled_inside(const struct booking *b, const struct plan *plan, instant_t hour)
{
    instant_t end = plan->end < hour + SECONDS_PER_HOUR ? plan->end : hour + SECONDS_PER_HOUR;
    return end > b->from && end <= b->to;
}

static void settle_plan(struct saver *s, uint32_t id, instant_t hour, int64_t hours)
{
    const struct plan *plan = &s->b->in->plans->rows[id];
    instant_t from = plan->start > hour ? plan->start : hour;
    instant_t to = plan->end < hour + SECONDS_PER_HOUR ? plan->end : hour + SECONDS_PER_HOUR;
    if (to <= from)
        return;
    int128 commitment = ((int128)plan->hourly_usd * (to - from) * UNIT_SCALE) << FINE;
    int128 left = pay(s, id, false, commitment, hour, hours);
    if (!s->b->in->unlinked)
        left = pay(s, id, true, left, hour, hours);
    if (settled_inside(s->b, plan, hour))
        s->b->plans[id].used += num_div_half_even(commitment - left, (int128)1 << FINE) * hours;
}

/* ---- the free tier ---- */

#define FREE_TYPES_MAX 32
#define FREE_NAME_MAX  32

static char free_types[FREE_TYPES_MAX][FREE_NAME_MAX];
static size_t free_type_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load_free_types(void)
{
    struct rows rows;
    rows_open_builtin(&rows, &builtin_free_tier, "type");
    while (rows_next(&rows)) {
        assert(free_type_count < FREE_TYPES_MAX);
        str_fit(free_types[free_type_count++], FREE_NAME_MAX, "%s", rows_name(&rows, "type"));
    }
    rows_close_builtin(&rows);
}

static bool is_free(const struct booking *b, const struct subject *u, instant_t at)
{
    const struct opt_instant *opened = &b->in->free_tier;
    if (!opened->given || at < opened->at)
        return false;
    struct civil until = calendar_civil(opened->at);
    until.year += FREE_TIER_MONTHS / 12;
    until.day = until.month == 2 && until.day == 29 ? 28 : until.day;
    const char *os = names_text(b->in->names, u->os);
    if (at >= calendar_instant(until) || (strcmp(os, "linux") != 0 && strcmp(os, "windows") != 0))
        return false;
    for (size_t i = 0; i < free_type_count; i++)
        if (strcmp(free_types[i], names_text(b->in->names, u->type)) == 0)
            return true;
    return false;
}

/* What draws from the free hours: one clock hour's part of an item. */
struct draw {
    uint32_t row, os;
    int month;
    instant_t order, at;
    int64_t units;
};

struct draws {
    struct draw *list;
    size_t count, cap;
};

static int compare_draws(const void *a, const void *b)
{
    const struct draw *x = a;
    const struct draw *y = b;
    int order = (x->os > y->os) - (x->os < y->os);
    order = order ? order : (x->month > y->month) - (x->month < y->month);
    order = order ? order : (x->order > y->order) - (x->order < y->order);
    order = order ? order : (x->row > y->row) - (x->row < y->row);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static void draw_free(struct booking *b, struct draws *draws)
{
    int64_t left_s = 0; /* instance-seconds */
    if (draws->count)
        qsort(draws->list, draws->count, sizeof(*draws->list), compare_draws);
    for (size_t i = 0; i < draws->count; i++) {
        const struct draw *d = &draws->list[i];
        int64_t factor4 = b->subjects[b->subject_of[d->row]].factor4;
        if (!i || d->os != d[-1].os || d->month != d[-1].month)
            left_s = (int64_t)FREE_TIER_HOURS * SECONDS_PER_HOUR;
        int64_t free_units = d->units < left_s * factor4 ? d->units : left_s * factor4;
        left_s -= (free_units + factor4 - 1) / factor4;
        booking_free_tier(b, d->row, d->at, free_units);
        if (b->in->watch && free_units)
            b->in->watch->covered(b->in->watch->context, d->row, d->at, free_units / factor4, 1);
        booking_on_demand(b, d->row, d->at, d->units - free_units);
    }
    free(draws->list);
}

/* What plans covered in part: the rest costs what it does, rounded to 1e-10 USD an hour. */
static void leave_part(struct booking *b, const struct item *item, instant_t at, int64_t hours)
{
    const struct subject *u = &b->subjects[b->subject_of[item->row]];
    if (item->price < 0) {
        booking_on_demand(b, item->row, at, 1); /* says that there is no price */
        return;
    }
    int128 cost = scaled_cost(item->price, item->left, u->factor4);
    booking_on_demand_at(b, item->row, at, whole_units(item->left), (money_t)num_div_half_even(cost, SCALE << FINE),
                         hours);
}

/* What is left of an item is paid for. */
static void leave_paid(struct booking *b, const struct item *item, instant_t at, int64_t hours)
{
    if (item->left == item->units << FINE)
        booking_on_demand(b, item->row, at, (int128)item->units * hours);
    else
        leave_part(b, item, at, hours);
}

/* What is left of an item in a stretch is on-demand, or draws from the free hours: whole seconds of what may be free.
 */
static void leave(struct saver *s, struct draws *draws, const struct item *item, instant_t hour, int64_t hours)
{
    struct booking *b = s->b;
    const struct subject *u = &b->subjects[b->subject_of[item->row]];
    instant_t at = at_in(item, hour);
    int64_t units = item->left >> FINE;
    if (units << FINE != item->left || !b->in->free_tier.given) {
        leave_paid(b, item, at, hours);
        return;
    }
    for (int64_t i = 0; i < hours; i++, at += SECONDS_PER_HOUR) {
        if (!is_free(b, u, at)) {
            leave_paid(b, item, at, 1);
            continue;
        }
        draws->list = mem_grow(draws->list, &draws->cap, draws->count + 1, sizeof(*draws->list));
        draws->list[draws->count++] = (struct draw){.row = item->row,
                                                    .os = u->os,
                                                    .month = calendar_month(at),
                                                    .order = item->run ? item->order : at,
                                                    .at = at,
                                                    .units = units};
    }
}

static void settle_stretch(struct saver *s, struct draws *draws, instant_t hour, int64_t hours)
{
    const struct plans *plans = s->b->in->plans;
    for (size_t i = 0; i < s->active_count; i++)
        s->items[s->active[i]].left = s->items[s->active[i]].units << FINE;
    for (int kind = PLAN_EC2_INSTANCE; plans && kind <= PLAN_COMPUTE; kind++)
        for (uint32_t i = 0; i < plans->count; i++)
            if ((int)plans->rows[i].kind == kind)
                settle_plan(s, i, hour, hours);
    for (size_t i = 0; i < s->active_count; i++)
        if (s->items[s->active[i]].left)
            leave(s, draws, &s->items[s->active[i]], hour, hours);
}

static void drop_ended(struct saver *s, instant_t hour)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->active_count; i++) {
        const struct item *item = &s->items[s->active[i]];
        if (item->first + item->hours * SECONDS_PER_HOUR > hour)
            s->active[kept++] = s->active[i];
    }
    s->active_count = kept;
}

static void walk(struct saver *s, struct draws *draws)
{
    size_t next = 0;
    qsort(s->items, s->count, sizeof(*s->items), compare_items);
    qsort(s->events, s->event_count, sizeof(*s->events), compare_instants);
    s->active = mem_array(NULL, s->count, sizeof(*s->active));
    s->fitting = mem_array(NULL, s->count, sizeof(*s->fitting));
    for (size_t e = 0; e + 1 < s->event_count; e++) {
        instant_t hour = s->events[e];
        if (s->events[e + 1] == hour)
            continue;
        drop_ended(s, hour);
        for (; next < s->count && s->items[next].first <= hour; next++)
            s->active[s->active_count++] = (uint32_t)next;
        if (s->active_count)
            settle_stretch(s, draws, hour, (s->events[e + 1] - hour) / SECONDS_PER_HOUR);
    }
}

static void add_plan_events(struct saver *s)
{
    const struct plans *plans = s->b->in->plans;
    add_event(s, hour_floor(s->b->from));
    add_event(s, hour_floor(s->b->from) + SECONDS_PER_HOUR);
    add_event(s, hour_floor(s->b->to));
    add_event(s, hour_floor(s->b->to) + SECONDS_PER_HOUR);
    for (size_t i = 0; plans && i < plans->count; i++) {
        add_event(s, hour_floor(plans->rows[i].start));
        add_event(s, hour_floor(plans->rows[i].start) + SECONDS_PER_HOUR);
        add_event(s, hour_floor(plans->rows[i].end));
        add_event(s, hour_floor(plans->rows[i].end) + SECONDS_PER_HOUR);
    }
}

void savings_settle(struct booking *b)
{
    struct saver s = {.b = b};
    struct draws draws = {0};
    if (!b->waiting_count)
        return;
    pthread_once(&once, load_free_types);
    for (size_t i = 0; i < b->waiting_count; i++)
        add_piece(&s, &b->waiting[i]);
    add_plan_events(&s);
    walk(&s, &draws);
    draw_free(b, &draws);
    free(s.items);
    free(s.events);
    free(s.active);
    free(s.fitting);
}
