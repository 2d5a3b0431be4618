/*
 * What the modelled cloud has metered, priced by billing/: instances through bill_make, the rest through charge_make. A
 * running period begins in its whole second; its length rounds up to whole seconds, as EC2 counts a started one.
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "billing/charge.h"
#include "billing/money_json.h"
#include "billing/names.h"

static instant_t start_s(int64_t ms)
{
    return ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
}

static instant_t end_s(int64_t from_ms, int64_t to_ms)
{
    int64_t seconds = (to_ms - from_ms + 999) / 1000;
    return start_s(from_ms) + (seconds > 0 ? seconds : 1);
}

typedef int each_period(void *context, const struct sc_period *period, struct err *err);

static bool of_account(const char *account, const struct sc_place *place)
{
    return !account || strcmp(account, place->account) == 0;
}

/* What is over, and what goes on: up to now. */
static int open_periods(const struct simcloud *cloud, const struct sc_place *place, each_period *each, void *context,
                        struct err *err)
{
    int code = 0;
    struct sc_period p = {.account = place->account, .region = place->region, .end_ms = cloud->now_ms, .quantity = 1};
    SC_EACH(sc_instance, i, place, SC_INSTANCE)
    {
        if (i->running_ms < 0 || code)
            continue;
        p.meter = METER_INSTANCE;
        p.zone = i->spec.zone;
        p.id = i->o.id;
        p.type = i->spec.type;
        p.start_ms = i->running_ms;
        code = each(context, &p, err);
        p.meter = METER_ADDRESS;
        if (!code && *i->public_ip)
            code = each(context, &p, err);
    }
    p.type = p.zone = cloud->empty;
    p.meter = METER_VOLUME;
    SC_EACH(sc_volume, v, place, SC_VOLUME)
    {
        if (v->o.state == VOLUME_DELETED || code)
            continue;
        p.id = v->o.id;
        p.start_ms = v->metered_from_ms;
        p.quantity = v->size_gb;
        code = each(context, &p, err);
    }
    p.meter = METER_SNAPSHOT;
    SC_EACH(sc_snapshot, s, place, SC_SNAPSHOT)
    {
        if (s->freed || s->stored_bytes == 0 || code)
            continue;
        p.id = s->o.id;
        p.start_ms = s->metered_from_ms;
        p.quantity = s->stored_bytes;
        code = each(context, &p, err);
    }
    return code;
}

static int all_periods(const struct simcloud *cloud, const char *account, each_period *each, void *context,
                       struct err *err)
{
    int code = 0;
    for (size_t i = 0; i < cloud->period_count && !code; i++)
        if (!account || strcmp(account, cloud->periods[i].account) == 0)
            code = each(context, &cloud->periods[i], err);
    for (size_t i = 0; i < cloud->place_count && !code; i++)
        if (of_account(account, cloud->places[i]))
            code = open_periods(cloud, cloud->places[i], each, context, err);
    return code;
}

/* ---- instances ---- */

struct usage_of {
    struct names *names;
    struct usage *usage;
    uint32_t os;
};

static int add_usage(void *context, const struct sc_period *p, struct err *err)
{
    (void)err;
    struct usage_of *of = context;
    if (p->meter != METER_INSTANCE)
        return 0;
    struct usage *u = of->usage;
    u->rows = mem_grow(u->rows, &u->cap, u->count + 1, sizeof *u->rows);
    uint32_t line = (uint32_t)u->count + 1;
    u->rows[u->count++] = (struct usage_row){.account = names_id(of->names, p->account),
                                             .instance = names_id(of->names, p->id),
                                             .type = names_id(of->names, p->type),
                                             .region = names_id(of->names, p->region),
                                             .zone = names_id(of->names, p->zone),
                                             .os = of->os,
                                             .line = line,
                                             .type_column = 3,
                                             .start = start_s(p->start_ms),
                                             .end = end_s(p->start_ms, p->end_ms)};
    return 0;
}

void simcloud_usage(const struct simcloud *cloud, const char *account, struct names *names, struct usage *out)
{
    struct err err;
    *out = (struct usage){.name = mem_dup("the modelled cloud's meter")};
    struct usage_of of = {names, out, names_id(names, cloud->os)};
    int code = all_periods(cloud, account, add_usage, &of, &err);
    assert(code == 0);
    (void)code;
}

/* ---- the rest ---- */

static const struct {
    const char *kind, *line;
} kinds[] = {[METER_INSTANCE] = {"instance", "on-demand"},
             [METER_VOLUME] = {"volume", "storage"},
             [METER_SNAPSHOT] = {"snapshot", "snapshot"},
             [METER_ADDRESS] = {"public-ipv4", "address"}};

struct rest {
    struct simcloud_bill *bill;
    const struct catalog *catalog;
    struct exact sums[4];
};

/* In millionths: of GB (bytes round up), of addresses. */
static int64_t quantity_of(const struct sc_period *p)
{
    if (p->meter != METER_SNAPSHOT)
        return p->quantity * CHARGE_QUANTITY;
    return (int64_t)num_div_ceil((int128)p->quantity * CHARGE_QUANTITY, (int128)1 << 30);
}

static int add_rest(void *context, const struct sc_period *p, struct err *err)
{
    struct rest *r = context;
    if (p->meter == METER_INSTANCE)
        return 0;
    struct charge charge = {0};
    struct charge_use use = {.kind = kinds[p->meter].kind,
                             .region = p->region,
                             .quantity = quantity_of(p),
                             .start = start_s(p->start_ms),
                             .end = end_s(p->start_ms, p->end_ms),
                             .usd = -1};
    struct simcloud_bill *b = r->bill;
    struct simcloud_bill_line line = {.kind = kinds[p->meter].line,
                                      .account = names_text(b->names, names_id(b->names, p->account)),
                                      .id = names_text(b->names, names_id(b->names, p->id)),
                                      .region = names_text(b->names, names_id(b->names, p->region)),
                                      .unit = p->meter == METER_ADDRESS ? "hour" : "GB-month",
                                      .start = use.start,
                                      .end = use.end};
    int code = charge_make(&charge, &use, r->catalog, err);
    if (code)
        return code;
    code = exact_round(&charge.exact, &line.cost_usd) ? err_set(err, EXIT_INPUT, "a line's cost is too large") : 0;
    exact_add_all(&r->sums[p->meter], &charge.exact);
    charge_release(&charge);
    b->lines = mem_grow(b->lines, &b->cap, b->count + 1, sizeof *b->lines);
    b->lines[b->count++] = line;
    return code;
}

static int round_all(struct simcloud_bill *b, struct rest *r, struct err *err)
{
    struct exact total = {0};
    exact_add_all(&total, &b->instances.total);
    for (int m = METER_VOLUME; m <= METER_ADDRESS; m++)
        exact_add_all(&total, &r->sums[m]);
    int bad = exact_round(&r->sums[METER_VOLUME], &b->storage_usd) |
              exact_round(&r->sums[METER_SNAPSHOT], &b->snapshot_usd) |
              exact_round(&r->sums[METER_ADDRESS], &b->address_usd) | exact_round(&total, &b->total_usd);
    exact_release(&total);
    return bad ? err_set(err, EXIT_INPUT, "the bill is more than can be counted") : 0;
}

int simcloud_bill(const struct simcloud *cloud, const char *account, struct simcloud_bill *out, struct err *err)
{
    struct simcloud_bill b = {.names = names_new()};
    struct usage usage;
    simcloud_usage(cloud, account, b.names, &usage);
    struct bill_input in = {
        .names = b.names, .usage = &usage, .catalog = cloud->catalog, .regime = cloud->options.regime};
    struct rest rest = {.bill = &b, .catalog = cloud->catalog};
    int code = bill_make(&b.instances, &in, NULL, err);
    if (!code) {
        b.instances_usd = b.instances.total_usd;
        code = all_periods(cloud, account, add_rest, &rest, err);
    }
    if (!code)
        code = round_all(&b, &rest, err);
    for (int m = 0; m < 4; m++)
        exact_release(&rest.sums[m]);
    usage_release(&usage);
    if (code)
        simcloud_bill_release(&b);
    else
        *out = b;
    return code;
}

void simcloud_bill_release(struct simcloud_bill *b)
{
    bill_release(&b->instances);
    free(b->lines);
    names_free(b->names);
    *b = (struct simcloud_bill){0};
}

static void put_time(cJSON *object, const char *name, instant_t t)
{
    char text[INSTANT_TEXT_SIZE];
    json_text(object, name, calendar_text(t, text));
}

static void put_lines(const struct simcloud_bill *b, cJSON *lines)
{
    for (size_t i = 0; i < b->instances.count; i++) {
        const struct bill_line *line = &b->instances.lines[i];
        char hours[BILL_HOURS_SIZE];
        cJSON *item = json_object(lines, NULL);
        json_text(item, "kind", bill_kind_name(line->kind));
        json_text(item, "account", line->account);
        json_text(item, "instance", line->instance);
        json_text(item, "type", line->type);
        json_text(item, "region", line->region);
        json_text(item, "hours", bill_hours_text(line, hours));
        json_money(item, "cost_usd", line->cost_usd);
    }
    for (size_t i = 0; i < b->count; i++) {
        const struct simcloud_bill_line *line = &b->lines[i];
        cJSON *item = json_object(lines, NULL);
        json_text(item, "kind", line->kind);
        json_text(item, "account", line->account);
        json_text(item, "resource", line->id);
        json_text(item, "region", line->region);
        put_time(item, "start", line->start);
        put_time(item, "end", line->end);
        json_money(item, "cost_usd", line->cost_usd);
    }
}

cJSON *simcloud_bill_json(const struct simcloud_bill *b)
{
    cJSON *document = json_document("twin-bill");
    json_money(document, "total_usd", b->total_usd);
    cJSON *by_kind = json_object(document, "by_kind");
    json_money(by_kind, "on-demand", b->instances_usd);
    json_money(by_kind, "storage", b->storage_usd);
    json_money(by_kind, "snapshot", b->snapshot_usd);
    json_money(by_kind, "address", b->address_usd);
    put_lines(b, json_array(document, "lines"));
    return document;
}
