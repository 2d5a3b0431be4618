#include "billing/reconcile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "billing/expected.h"
#include "billing/reconcile_private.h"

#define UNITS_PER_HOUR INT64_C(10000000000) /* of a quantity in hours */
#define VOLUME_MOST    ((uint64_t)INT64_MAX / 4)
#define SECONDS_MOST   (1000 * SECONDS_PER_HOUR) /* of an instance in one line */

const char *difference_name(enum difference kind)
{
    static const char *const names[DIFF_KINDS] = {
        [DIFF_MISSING_IN_LEDGER] = "missing-in-ledger",
        [DIFF_MISSING_IN_REPORT] = "missing-in-report",
        [DIFF_USAGE] = "usage",
        [DIFF_ALLOCATION] = "allocation",
        [DIFF_PRICE] = "price",
        [DIFF_ROUNDING] = "rounding",
        [DIFF_RESERVED_FEE] = "reserved-fee",
        [DIFF_SAVINGS_PLAN] = "savings-plan",
        [DIFF_CREDIT] = "credit",
        [DIFF_REFUND] = "refund",
        [DIFF_DISCOUNT] = "discount",
        [DIFF_TAX] = "tax",
        [DIFF_OTHER_CHARGE] = "other-charge",
    };
    assert(kind < DIFF_KINDS);
    return names[kind];
}

struct reconcile *reconcile_new(struct names *resources, struct tally *tally, bool by_day)
{
    struct reconcile *r = mem_zero(1, sizeof(*r));
    r->resources = resources;
    r->tally = tally;
    r->by_day = by_day;
    r->known = names_count(resources);
    r->texts = names_new();
    keys_init(&r->charge_keys, 3);
    keys_init(&r->commitment_keys, 1);
    keys_init(&r->coverage_keys, 1);
    return r;
}

void reconcile_free(struct reconcile *r)
{
    if (!r)
        return;
    names_free(r->texts);
    keys_release(&r->charge_keys);
    keys_release(&r->commitment_keys);
    keys_release(&r->coverage_keys);
    free(r->infos);
    free(r->charges);
    free(r->commitments);
    free(r->coverage);
    free(r->groups);
    free(r);
}

static const char *text_of(const struct reconcile *r, uint32_t id)
{
    return names_text(r->texts, id);
}

static void note_info(struct reconcile *r, uint32_t resource, const struct cost_line *line)
{
    if (resource >= r->info_cap) {
        size_t old = r->info_cap;
        r->infos = mem_grow(r->infos, &r->info_cap, resource + (size_t)1, sizeof(*r->infos));
        memset(r->infos + old, 0, (r->info_cap - old) * sizeof(*r->infos));
    }
    struct resource_info *info = &r->infos[resource];
    if (info->type)
        return;
    info->account = names_id(r->texts, line->account);
    info->type = names_id(r->texts, *line->instance_type ? line->instance_type : line->usage_type);
    info->region = names_id(r->texts, line->region);
}

static uint32_t hour_of(const struct reconcile *r, instant_t at)
{
    uint32_t hour = (uint32_t)(at / SECONDS_PER_HOUR);
    return r->by_day ? hour - hour % 24 : hour;
}

static void add_charge(struct reconcile *r, enum difference kind, const char *what, const struct cost_line *line,
                       money_t usd)
{
    if (r->charge_keys.count >= CHARGES_MOST)
        what = "(further ones)";
    const uint32_t key[] = {kind, names_id(r->texts, what), names_id(r->texts, line->account)};
    uint32_t known = r->charge_keys.count;
    uint32_t id = keys_add(&r->charge_keys, key);
    uint32_t hour = line->start > 0 ? (uint32_t)(line->start / SECONDS_PER_HOUR) : 0;
    if (id == known) {
        r->charges = mem_grow(r->charges, &r->charge_cap, id + (size_t)1, sizeof(*r->charges));
        r->charges[id] = (struct charge_sum){.first_hour = hour, .last_hour = hour};
    }
    struct charge_sum *sum = &r->charges[id];
    sum->lines++;
    sum->usd += usd;
    sum->first_hour = hour < sum->first_hour ? hour : sum->first_hour;
    sum->last_hour = hour > sum->last_hour ? hour : sum->last_hour;
}

/* The number of an instance; further ones than RESOURCES_MOST share one by type. */
static uint32_t instance_id(struct reconcile *r, const struct cost_line *line)
{
    if (r->info_count > RESOURCES_MOST) {
        char name[80] = "(further ";
        size_t len = strlen(name);
        size_t type = strlen(line->instance_type);
        memcpy(name + len, line->instance_type, type);
        memcpy(name + len + type, ")", 2);
        return names_id(r->resources, name);
    }
    uint32_t id = names_id(r->resources, line->resource);
    r->info_count = id > r->info_count ? id : r->info_count;
    return id;
}

static int64_t seconds_of(const struct cost_line *line)
{
    return (int64_t)num_div_half_even((int128)line->amount * SECONDS_PER_HOUR, UNITS_PER_HOUR);
}

static int check_hours(const struct reconcile *r, const struct cost_line *line, const char *file, struct err *err)
{
    instant_t most = r->by_day ? SECONDS_PER_DAY : SECONDS_PER_HOUR;
    if (line->start < 0 || line->start > INSTANT_MAX - SECONDS_PER_DAY)
        return err_at(err, EXIT_INPUT, file, 0, 0, "usage of %.60s before 1970, or after the year 9999",
                      line->resource);
    if (line->end - line->start <= most)
        return 0;
    return err_at(err, EXIT_INPUT, file, 0, 0,
                  r->by_day ? "a line of %.60s is of more than a day: monthly reports cannot be matched"
                            : "a line of %.60s is of more than an hour: the report is by day; say --by day",
                  line->resource);
}

static int instance_line(struct reconcile *r, const struct cost_line *line, const char *file, struct err *err)
{
    int code = check_hours(r, line, file, err);
    if (code)
        return code;
    int64_t seconds = seconds_of(line);
    if (seconds > SECONDS_MOST || seconds < -SECONDS_MOST)
        return err_at(err, EXIT_INPUT, file, 0, 0, "%.60s has more instance time in a line than can be",
                      line->resource);
    bool covered = line->type != COST_USAGE;
    uint32_t hour = hour_of(r, line->start);
    r->first_hour = r->any_hours && r->first_hour < hour ? r->first_hour : hour;
    r->last_hour = r->any_hours && r->last_hour > hour ? r->last_hour : hour;
    r->any_hours = true;
    reconcile_cover(r, line, seconds);
    const struct tally_cell cell = {.resource = instance_id(r, line),
                                    .hour = hour,
                                    .on_demand_s = covered ? 0 : seconds,
                                    .covered_s = covered ? seconds : 0,
                                    .lines = 1,
                                    .usd = covered ? 0 : line->amortised};
    note_info(r, cell.resource, line);
    return tally_add(r->tally, &cell, err);
}

/* A volume, a snapshot, an address that the ledger knows: by day, as expected.c has it. */
static int known_resource_line(struct reconcile *r, uint32_t resource, const struct cost_line *line, struct err *err)
{
    uint32_t hour = (uint32_t)(line->start / SECONDS_PER_HOUR);
    const struct tally_cell cell = {.resource = resource, .hour = hour - hour % 24, .lines = 1, .usd = line->amortised};
    note_info(r, resource, line);
    return tally_add(r->tally, &cell, err);
}

/* The number of a resource that was expected; 0: it was not. */
static uint32_t expected_resource(struct reconcile *r, const struct cost_line *line)
{
    if (!r->known || !*line->resource || line->start < 0)
        return 0;
    char name[EXPECTED_NAME_MAX];
    uint32_t id = names_find(r->resources, expected_other_name(line->resource, name));
    return id < r->known ? id : 0;
}

static void other_line(struct reconcile *r, const struct cost_line *line)
{
    static const enum difference kinds[COST_TYPES] = {
        [COST_USAGE] = DIFF_OTHER_CHARGE,
        [COST_DISCOUNTED] = DIFF_RESERVED_FEE,
        [COST_PLAN_COVERED] = DIFF_SAVINGS_PLAN,
        [COST_RESERVED_FEE] = DIFF_RESERVED_FEE,
        [COST_UNUSED] = DIFF_RESERVED_FEE,
        [COST_FEE] = DIFF_OTHER_CHARGE,
        [COST_PLAN_FEE] = DIFF_SAVINGS_PLAN,
        [COST_PLAN_UPFRONT] = DIFF_SAVINGS_PLAN,
        [COST_PLAN_NEGATION] = DIFF_SAVINGS_PLAN,
        [COST_CREDIT] = DIFF_CREDIT,
        [COST_REFUND] = DIFF_REFUND,
        [COST_DISCOUNT] = DIFF_DISCOUNT,
        [COST_TAX] = DIFF_TAX,
        [COST_OTHER] = DIFF_OTHER_CHARGE,
    };
    enum difference kind = kinds[line->type];
    if (line->type == COST_FEE && *line->commitment)
        kind = DIFF_RESERVED_FEE;
    const char *what = *line->usage_type ? line->usage_type : *line->service ? line->service : line->type_name;
    if (*line->commitment && (kind == DIFF_RESERVED_FEE || kind == DIFF_SAVINGS_PLAN))
        what = line->commitment;
    if (line->amortised)
        add_charge(r, kind, what, line, line->amortised);
}

static uint64_t size_of(money_t usd)
{
    return usd < 0 ? -(uint64_t)usd : (uint64_t)usd;
}

static bool countable(struct reconcile *r, const struct cost_line *line)
{
    const money_t amounts[] = {line->unblended,      line->amortised,        line->effective,  line->upfront_amortised,
                               line->unused_upfront, line->unused_recurring, line->plan_total, line->plan_used};
    for (size_t i = 0; i < sizeof(amounts) / sizeof(*amounts); i++) {
        if (size_of(amounts[i]) > VOLUME_MOST)
            return false;
        r->volume_usd += size_of(amounts[i]);
        if (r->volume_usd > VOLUME_MOST)
            return false;
    }
    return true;
}

int reconcile_line(struct reconcile *r, const struct cost_line *line, const char *file, struct err *err)
{
    struct cost_view *view = &r->views[line->type];
    if (!countable(r, line))
        return err_at(err, EXIT_INPUT, file, 0, 0, "the report sums to more than can be counted (230 million USD)");
    r->lines++;
    r->closed = r->closed || (line->invoiced && line->instance); /* a fee has its invoice at once */
    view->lines++;
    view->unblended_usd += line->unblended;
    view->amortised_usd += line->amortised;
    r->actual_usd += line->amortised;
    if (*line->commitment)
        reconcile_commitment(r, line);
    bool instance = line->instance && *line->resource;
    r->nameless += line->instance && !*line->resource;
    if (instance) {
        int code = instance_line(r, line, file, err);
        if (code || line->type == COST_USAGE)
            return code;
        other_line(r, line); /* what it cost lies with its commitment */
        return 0;
    }
    uint32_t known = line->type == COST_USAGE ? expected_resource(r, line) : 0;
    if (known)
        return known_resource_line(r, known, line, err);
    other_line(r, line);
    return 0;
}

static bool smaller(const struct difference_group *a, const struct difference_group *b)
{
    money_t x = a->usd < 0 ? -a->usd : a->usd;
    money_t y = b->usd < 0 ? -b->usd : b->usd;
    if (x != y)
        return x < y;
    if (a->kind != b->kind)
        return a->kind > b->kind;
    return strcmp(a->what, b->what) > 0;
}

static void swap(struct difference_group *a, struct difference_group *b)
{
    struct difference_group c = *a;
    *a = *b;
    *b = c;
}

/* Keeps the `top` largest: a heap with the smallest of them at its top. */
void reconcile_keep_group(struct reconcile *r, const struct difference_group *group)
{
    if (!r->top || (!group->usd && !group->seconds))
        return;
    size_t i;
    if (r->group_count < r->top) {
        r->groups = mem_grow(r->groups, &r->group_cap, r->group_count + 1, sizeof(*r->groups));
        i = r->group_count++;
        r->groups[i] = *group;
        for (; i && smaller(&r->groups[i], &r->groups[(i - 1) / 2]); i = (i - 1) / 2)
            swap(&r->groups[i], &r->groups[(i - 1) / 2]);
        return;
    }
    if (!smaller(&r->groups[0], group))
        return;
    r->groups[0] = *group;
    for (i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < r->group_count; child++)
            if (smaller(&r->groups[child], &r->groups[least]))
                least = child;
        if (least == i)
            return;
        swap(&r->groups[i], &r->groups[least]);
        i = least;
    }
}

static void close_resource(struct reconcile *r)
{
    for (int k = 0; k < DIFF_KINDS && r->any_open; k++) {
        if (r->open[k].cells)
            reconcile_keep_group(r, &r->open[k]);
        r->open[k].cells = 0;
    }
    r->any_open = false;
}

static void open_resource(struct reconcile *r, uint32_t resource)
{
    static const struct resource_info nothing = {0};
    const struct resource_info *info = resource < r->info_cap ? &r->infos[resource] : &nothing;
    const char *what = names_text(r->resources, resource);
    r->open_resource = resource;
    r->any_open = true;
    for (int k = 0; k < DIFF_KINDS; k++)
        r->open[k] = (struct difference_group){.kind = (enum difference)k,
                                               .what = what + (*what == '+'),
                                               .account = text_of(r, info->account),
                                               .type = text_of(r, info->type),
                                               .region = text_of(r, info->region)};
}

static void add_difference(struct reconcile *r, const struct tally_cell *c, enum difference kind, money_t usd,
                           int64_t seconds)
{
    if (!usd && !seconds)
        return;
    struct difference_group *g = &r->open[kind];
    g->first_hour = g->cells ? g->first_hour : c->hour;
    g->last_hour = c->hour;
    g->cells++;
    g->usd += usd;
    g->seconds += seconds;
    r->kind_usd[kind] += usd;
    r->kind_cells[kind]++;
}

/* False: more than can be counted. */
static bool at_rate(money_t rate, int64_t seconds, money_t *out)
{
    int128 usd = num_div_half_even((int128)rate * seconds, SECONDS_PER_HOUR);
    *out = usd > -(int128)VOLUME_MOST && usd < (int128)VOLUME_MOST ? (money_t)usd : 0;
    return *out == usd;
}

/* AWS rounds each line's quantity and cost to ten decimals. */
static bool is_rounding(const struct tally_cell *c, money_t usd)
{
    money_t bound = 2 + c->lines + c->lines * (c->rate_usd / UNITS_PER_HOUR);
    return usd >= -bound && usd <= bound;
}

static int explain(struct reconcile *r, const struct tally_cell *c, struct err *err)
{
    int64_t expected_s = c->expected_on_demand_s + c->expected_covered_s;
    int64_t actual_s = c->on_demand_s + c->covered_s;
    money_t rest = c->usd - c->expected_usd;
    if (!c->lines) {
        add_difference(r, c, DIFF_MISSING_IN_REPORT, rest, -expected_s);
        return 0;
    }
    if (!expected_s && !c->expected_usd) {
        add_difference(r, c, DIFF_MISSING_IN_LEDGER, rest, actual_s);
        return 0;
    }
    if (!c->rate_usd && c->expected_on_demand_s == 0 && c->on_demand_s && actual_s == expected_s) {
        add_difference(r, c, DIFF_ALLOCATION, rest,
                       c->on_demand_s); /* all was expected to be covered, at no known rate */
        return 0;
    }
    money_t usage;
    money_t allocation;
    if (!at_rate(c->rate_usd, actual_s - expected_s, &usage) ||
        !at_rate(c->rate_usd, c->expected_covered_s - c->covered_s, &allocation))
        return err_set(err, EXIT_INPUT, "a difference of %.60s is more than can be counted (230 million USD)",
                       names_text(r->resources, c->resource));
    add_difference(r, c, DIFF_USAGE, usage, actual_s - expected_s);
    add_difference(r, c, DIFF_ALLOCATION, allocation, c->expected_covered_s - c->covered_s);
    rest -= usage + allocation;
    add_difference(r, c, is_rounding(c, rest) ? DIFF_ROUNDING : DIFF_PRICE, rest, 0);
    return 0;
}

static int take_cell(void *context, const struct tally_cell *cell, struct err *err)
{
    struct reconcile *r = context;
    if (!cell->lines && r->any_hours && !r->closed && cell->hour > r->last_hour) {
        r->late_cells++;
        return 0;
    }
    if (!r->any_open || r->open_resource != cell->resource) {
        close_resource(r);
        open_resource(r, cell->resource);
    }
    r->expected_usd += cell->expected_usd;
    return explain(r, cell, err);
}

static void take_charges(struct reconcile *r)
{
    for (uint32_t i = 0; i < r->charge_keys.count; i++) {
        const uint32_t *key = keys_at(&r->charge_keys, i);
        const struct charge_sum *sum = &r->charges[i];
        const struct difference_group group = {.kind = (enum difference)key[0],
                                               .what = text_of(r, key[1]),
                                               .account = text_of(r, key[2]),
                                               .type = "",
                                               .region = "",
                                               .cells = sum->lines,
                                               .first_hour = sum->first_hour,
                                               .last_hour = sum->last_hour,
                                               .usd = sum->usd};
        r->kind_usd[key[0]] += sum->usd;
        r->kind_cells[key[0]] += sum->lines;
        reconcile_keep_group(r, &group);
    }
}

static void take_fee(struct reconcile *r, enum difference kind, money_t fee_usd)
{
    const struct difference_group fee = {.kind = kind,
                                         .what = "(expected fees)",
                                         .account = "",
                                         .type = "",
                                         .region = "",
                                         .usd = -fee_usd,
                                         .cells = 1,
                                         .first_hour = r->first_hour,
                                         .last_hour = r->last_hour};
    r->expected_usd += fee_usd;
    r->kind_usd[kind] -= fee_usd;
    reconcile_keep_group(r, &fee);
}

static int compare_groups(const void *a, const void *b)
{
    return smaller(a, b) ? 1 : smaller(b, a) ? -1 : 0;
}

int reconcile_finish(struct reconcile *r, const struct reconcile_terms *terms, struct err *err)
{
    r->top = terms->top;
    reconcile_balance(r);
    if (!terms->compare)
        return 0;
    int code = tally_each(r->tally, take_cell, r, err);
    close_resource(r);
    if (code)
        return code;
    take_charges(r);
    if (terms->expected_fee_usd)
        take_fee(r, DIFF_RESERVED_FEE, terms->expected_fee_usd);
    if (terms->expected_plan_usd)
        take_fee(r, DIFF_SAVINGS_PLAN, terms->expected_plan_usd);
    if (r->group_count)
        qsort(r->groups, r->group_count, sizeof(*r->groups), compare_groups);
    money_t sum = 0;
    for (int k = 0; k < DIFF_KINDS; k++)
        sum += r->kind_usd[k];
    assert(sum == r->actual_usd - r->expected_usd);
    return 0;
}

money_t reconcile_expected_usd(const struct reconcile *r)
{
    return r->expected_usd;
}

money_t reconcile_actual_usd(const struct reconcile *r)
{
    return r->actual_usd;
}

money_t reconcile_kind_usd(const struct reconcile *r, enum difference kind)
{
    return r->kind_usd[kind];
}

int64_t reconcile_kind_cells(const struct reconcile *r, enum difference kind)
{
    return r->kind_cells[kind];
}

size_t reconcile_groups(const struct reconcile *r, const struct difference_group **groups)
{
    *groups = r->groups;
    return r->group_count;
}

int64_t reconcile_late_cells(const struct reconcile *r)
{
    return r->late_cells;
}

int64_t reconcile_nameless(const struct reconcile *r)
{
    return r->nameless;
}

int64_t reconcile_lines(const struct reconcile *r)
{
    return r->lines;
}

bool reconcile_hours(const struct reconcile *r, instant_t *from, instant_t *to)
{
    *from = (instant_t)r->first_hour * SECONDS_PER_HOUR;
    *to = ((instant_t)r->last_hour + (r->by_day ? 24 : 1)) * SECONDS_PER_HOUR;
    return r->any_hours;
}

const struct cost_view *reconcile_view(const struct reconcile *r, enum cost_type type)
{
    return &r->views[type];
}
