#include "scheduler/pricing.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"

static const struct {
    const char *name, *key;
} kinds[COST_KINDS] = {
    [COST_BAKE] = {"bake instance", "bake_instance"},
    [COST_ROLLOUT] = {"rollout", "rollout"},
    [COST_DRAINING] = {"draining", "draining"},
    [COST_FAILED] = {"failed launches", "failed_launches"},
    [COST_DISKS] = {"disks", "disks"},
    [COST_ADDRESSES] = {"public addresses", "public_addresses"},
    [COST_IMAGE] = {"image", "image"},
    [COST_RUNNER] = {"CI runner", "ci_runner"},
};

const char *cost_name(enum cost_kind kind)
{
    return kinds[kind].name;
}

const char *cost_key(enum cost_kind kind)
{
    return kinds[kind].key;
}

static int price_of(const struct catalog *catalog, const char *type, const char *region, const char *os, int64_t now_s,
                    money_t *out, struct err *err)
{
    struct catalog_price price;
    if (catalog_find(catalog, type, region, os, now_s, &price, err))
        return EXIT_INPUT;
    *out = price.usd_per_hour;
    return 0;
}

static int find_prices(struct rates *out, const struct config *c, const char *region, const char *fleet_type,
                       const struct catalog *catalog, int64_t now_s, struct err *err)
{
    struct catalog *sample = NULL;
    int code = 0;
    out->bake_per_hour = c->prices.instance_per_hour;
    if (!catalog)
        code = catalog_builtin(&sample, err);
    const struct catalog *from = catalog ? catalog : sample;
    if (!code && !out->bake_per_hour)
        code = price_of(from, c->image.instance_type, c->region, c->prices.os, now_s, &out->bake_per_hour, err);
    out->fleet_per_hour = out->bake_per_hour;
    if (!code && *fleet_type && strcmp(fleet_type, c->image.instance_type) != 0)
        code = price_of(from, fleet_type, region, c->prices.os, now_s, &out->fleet_per_hour, err);
    catalog_free(sample);
    return code;
}

int rates_make(struct rates *out, const struct config *c, const struct config_environment *e, const char *fleet_type,
               const struct catalog *catalog, int64_t now_s, struct err *err)
{
    char price[MONEY_TEXT_SIZE];
    struct rates r = {.runner_per_minute = c->prices.runner_per_minute,
                      .snapshot_per_gb_month = c->prices.snapshot_per_gb_month,
                      .transfer_per_gb = c->prices.transfer_per_gb,
                      .image_gb = c->prices.image_gb,
                      .retained_days = c->prices.retained_days};
    int code = find_prices(&r, c, e->region, fleet_type, catalog, now_s, err);
    if (!code && strcmp(c->prices.regime, "auto") == 0)
        code = regime_at(c->prices.os, now_s, &r.regime, err);
    else
        r.regime = strcmp(c->prices.regime, "hourly") == 0 ? REGIME_HOURLY : REGIME_SECOND;
    if (code)
        return code;
    str_fit(r.bake_region, sizeof(r.bake_region), "%.31s", c->region);
    str_fit(r.fleet_region, sizeof(r.fleet_region), "%.31s", e->region);
    str_fit(r.basis, sizeof(r.basis), "%.30s in %.30s at %s USD an hour (%s), billed %s", c->image.instance_type,
            c->region, money_short(r.bake_per_hour, price),
            c->prices.instance_per_hour ? "as configured"
            : catalog                   ? "catalog"
                                        : "built-in sample prices",
            r.regime == REGIME_HOURLY ? "by the started hour" : "by the second");
    *out = r;
    return 0;
}

static int charge_once(money_t *out, const struct charge_use *use, instant_t end, const struct catalog *catalog,
                       struct err *err)
{
    struct charge charge = {.count = 0};
    struct charge_use it = *use;
    it.end = end;
    int code = charge_make(&charge, &it, catalog, err);
    if (!code && exact_round(&charge.exact, out))
        code = err_set(err, EXIT_INPUT, "the cost of a deployment is out of range");
    charge_release(&charge);
    return code;
}

static int add_usd(struct costs *to, enum cost_kind kind, int128 usd, struct err *err)
{
    if (usd > INT64_MAX || usd < 0 || money_add(to->usd[kind], (money_t)usd, &to->usd[kind]) ||
        money_add(to->total, (money_t)usd, &to->total))
        return err_set(err, EXIT_INPUT, "the cost of a deployment is out of range");
    return 0;
}

int costs_add(struct costs *to, enum cost_kind kind, const struct charge_use *use, instant_t taken, int64_t count,
              const struct catalog *catalog, struct err *err)
{
    money_t whole = 0;
    money_t before = 0;
    assert(use->end >= use->start && taken <= use->end && count >= 0);
    if (!count)
        return 0;
    int code = charge_once(&whole, use, use->end, catalog, err);
    if (!code && taken > use->start)
        code = charge_once(&before, use, taken, catalog, err);
    return code ? code : add_usd(to, kind, (int128)(whole - before) * count, err);
}

int64_t used_left_s(enum regime regime, int64_t ran_s)
{
    return regime == REGIME_HOURLY && ran_s > 0 ? (SECONDS_PER_HOUR - ran_s % SECONDS_PER_HOUR) % SECONDS_PER_HOUR : 0;
}

int64_t used_draining_s(enum regime regime, int64_t ran_s, int64_t delay_s)
{
    if (regime != REGIME_HOURLY)
        return delay_s;
    int64_t more_s = delay_s - used_left_s(regime, ran_s);
    return more_s > 0 ? (more_s + SECONDS_PER_HOUR - 1) / SECONDS_PER_HOUR * SECONDS_PER_HOUR : 0;
}

/* Each is billed by itself; of the seconds of all each has as many as the others, or one less. */
static int64_t billed_evenly_s(struct meter m, int64_t count, int64_t all_s)
{
    if (!count)
        return 0;
    int64_t each = all_s / count;
    int64_t longer = all_s % count;
    return longer * meter_billed_s(m, each + 1) + (count - longer) * meter_billed_s(m, each);
}

int64_t used_failed_billed_s(const struct used *u, enum regime regime)
{
    return billed_evenly_s(regime_meter(regime), u->failed_instances, u->failed_s);
}

money_t used_paid_left(const struct used *u, const struct rates *r)
{
    int64_t left_s = r->regime == REGIME_HOURLY ? u->paid_left_s : 0;
    return (money_t)num_div_half_even((int128)r->fleet_per_hour * left_s, SECONDS_PER_HOUR);
}

int64_t used_instance_s(const struct used *u, enum regime regime)
{
    struct meter m = regime_meter(regime);
    int64_t bake_s =
        u->bakes ? meter_billed_s(m, u->bake_s) - (u->bake_before_s ? meter_billed_s(m, u->bake_before_s) : 0) : 0;
    int64_t beside_s = u->beside_s ? billed_evenly_s(m, u->instances, u->beside_s) : 0;
    return bake_s + beside_s + u->draining_s + used_failed_billed_s(u, regime);
}

/* ---- expected seconds ---- */

struct adding {
    struct costs *to;
    const struct rates *rates;
    const struct used *used;
};

static struct charge_use of(const struct adding *a, const char *kind, const char *region, int64_t seconds)
{
    return (struct charge_use){.kind = kind,
                               .type = "",
                               .region = region,
                               .os = "linux", /* the regime is given */
                               .quantity = CHARGE_QUANTITY,
                               .start = a->used->at,
                               .end = a->used->at + seconds,
                               .usd = -1,
                               .regime = a->rates->regime == REGIME_HOURLY ? CHOOSE_HOURLY : CHOOSE_SECOND};
}

/* So many instances, each for so long, and what they have. */
static int add_machines(const struct adding *a, enum cost_kind kind, int64_t count, int64_t seconds, int64_t before_s,
                        struct err *err)
{
    bool bake = kind == COST_BAKE;
    const char *region = bake ? a->rates->bake_region : a->rates->fleet_region;
    instant_t taken = before_s ? a->used->at + before_s : 0;
    if (seconds <= 0)
        return 0;
    struct charge_use instance = of(a, "instance", region, seconds);
    struct charge_use disk = of(a, "volume", region, seconds);
    struct charge_use address = of(a, "public-ipv4", region, seconds);
    instance.usd = bake ? a->rates->bake_per_hour : a->rates->fleet_per_hour;
    disk.quantity = a->used->disk_gb * CHARGE_QUANTITY;
    int code = costs_add(a->to, kind, &instance, taken, count, NULL, err);
    if (!code && disk.quantity)
        code = costs_add(a->to, COST_DISKS, &disk, taken, count, NULL, err);
    if (!code && (bake ? a->used->bake_public : a->used->fleet_public))
        code = costs_add(a->to, COST_ADDRESSES, &address, taken, count, NULL, err);
    return code;
}

/* The seconds of all of them, as evenly as whole seconds allow. */
static int add_evenly(const struct adding *a, enum cost_kind kind, int64_t count, int64_t all_s, struct err *err)
{
    int64_t most = count > 0 ? count : 1;
    int64_t each = all_s / most;
    int64_t longer = all_s % most;
    int code = add_machines(a, kind, longer, each + 1, 0, err);
    return code ? code : add_machines(a, kind, most - longer, each, 0, err);
}

/* These are billed seconds already. */
static int add_draining(const struct adding *a, struct err *err)
{
    int128 usd = num_div_half_even((int128)a->rates->fleet_per_hour * a->used->draining_s, SECONDS_PER_HOUR);
    return add_usd(a->to, COST_DRAINING, usd, err);
}

static int add_images(const struct adding *a, struct err *err)
{
    const struct rates *r = a->rates;
    int64_t stored = (int64_t)a->used->makes_image + a->used->copies_image;
    struct charge_use snapshot = of(a, "snapshot", r->bake_region, r->retained_days * SECONDS_PER_DAY);
    struct charge_use transfer = of(a, "transfer-gb", r->bake_region, 0);
    snapshot.quantity = transfer.quantity = r->image_gb * CHARGE_QUANTITY;
    snapshot.usd = r->snapshot_per_gb_month;
    transfer.usd = r->transfer_per_gb;
    int code = snapshot.quantity ? costs_add(a->to, COST_IMAGE, &snapshot, 0, stored, NULL, err) : 0;
    if (!code && transfer.quantity && a->used->copies_image && a->used->crosses)
        code = costs_add(a->to, COST_IMAGE, &transfer, 0, 1, NULL, err);
    return code;
}

int costs_make(struct costs *out, const struct rates *r, const struct used *u, struct err *err)
{
    struct costs c = {.total = 0};
    const struct adding a = {&c, r, u};
    struct charge_use job = of(&a, "ci-minute", r->bake_region, u->runner_s);
    assert(u->bake_s >= u->bake_before_s && u->beside_s >= 0);
    int code = u->bakes ? add_machines(&a, COST_BAKE, 1, u->bake_s, u->bake_before_s, err) : 0;
    if (!code)
        code = add_evenly(&a, COST_ROLLOUT, u->instances, u->beside_s, err);
    if (!code)
        code = add_draining(&a, err);
    if (!code)
        code = add_evenly(&a, COST_FAILED, u->failed_instances, u->failed_s, err);
    if (!code)
        code = add_images(&a, err);
    job.usd = r->runner_per_minute;
    if (!code && u->runner_s > 0)
        code = costs_add(&c, COST_RUNNER, &job, 0, 1, NULL, err);
    if (!code)
        *out = c;
    return code;
}

struct used used_by_original(const struct durations *d, const struct used *ours, int64_t group, int64_t waves)
{
    int64_t serial_s = graph_serial(d, waves);
    return (struct used){.at = ours->at,
                         .disk_gb = ours->disk_gb,
                         .bake_public = ours->bake_public,
                         .fleet_public = ours->fleet_public,
                         .bakes = true,
                         .bake_s = serial_s - d->s[STEP_PULL] - d->s[STEP_TEST] - d->s[STEP_BUILD],
                         .instances = group,
                         .beside_s = group * d->s[STEP_ROLLOUT],
                         .paid_left_s = ours->paid_left_s,
                         .draining_s = ours->draining_s,
                         .makes_image = true,
                         .runner_s = serial_s};
}
