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
    str_fit(r.basis, sizeof(r.basis), "%.30s in %.30s at %s USD an hour (%s), billed %s", c->image.instance_type,
            c->region, money_short(r.bake_per_hour, price),
            c->prices.instance_per_hour ? "as configured"
            : catalog                   ? "catalog"
                                        : "built-in sample prices",
            r.regime == REGIME_HOURLY ? "by the started hour" : "by the second");
    *out = r;
    return 0;
}

static int product(money_t price, int64_t amount, int64_t per, money_t *out, struct err *err)
{
    int128 value = num_div_half_even((int128)price * amount, per);
    if (value > INT64_MAX || value < INT64_MIN)
        return err_set(err, EXIT_INPUT, "the cost of a deployment is out of range");
    *out = (money_t)value;
    return 0;
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

/* Billed seconds of the failed ones: each by itself. */
int64_t used_failed_billed_s(const struct used *u, enum regime regime)
{
    struct meter m = regime_meter(regime);
    if (!u->failed_instances)
        return 0;
    int64_t each = u->failed_s / u->failed_instances;
    int64_t longer = u->failed_s % u->failed_instances;
    return longer * meter_billed_s(m, each + 1) + (u->failed_instances - longer) * meter_billed_s(m, each);
}

static int images_cost(const struct rates *r, const struct used *u, money_t *out, struct err *err)
{
    money_t transfer = 0;
    int64_t stored = (int64_t)u->makes_image + u->copies_image;
    int code = product(r->snapshot_per_gb_month, stored * r->image_gb * r->retained_days, 30, out, err);
    if (!code && u->copies_image && u->crosses)
        code = product(r->transfer_per_gb, r->image_gb, 1, &transfer, err);
    if (!code && money_add(*out, transfer, out))
        code = err_set(err, EXIT_INPUT, "the cost of a deployment is out of range");
    return code;
}

int costs_make(struct costs *out, const struct rates *r, const struct used *u, struct err *err)
{
    struct meter m = regime_meter(r->regime);
    int64_t bake_s =
        u->bakes ? meter_billed_s(m, u->bake_s) - (u->bake_before_s ? meter_billed_s(m, u->bake_before_s) : 0) : 0;
    int64_t beside_s = u->beside_s + (r->regime == REGIME_HOURLY ? u->paid_left_s : 0);
    int64_t minutes = (u->runner_s + 59) / 60;
    struct costs c = {.total = 0};
    assert(bake_s >= 0 && beside_s >= 0);
    int code = product(r->bake_per_hour, bake_s, SECONDS_PER_HOUR, &c.usd[COST_BAKE], err);
    if (!code)
        code = product(r->fleet_per_hour, beside_s, SECONDS_PER_HOUR, &c.usd[COST_ROLLOUT], err);
    if (!code)
        code = product(r->fleet_per_hour, u->draining_s, SECONDS_PER_HOUR, &c.usd[COST_DRAINING], err);
    if (!code)
        code =
            product(r->fleet_per_hour, used_failed_billed_s(u, r->regime), SECONDS_PER_HOUR, &c.usd[COST_FAILED], err);
    if (!code)
        code = images_cost(r, u, &c.usd[COST_IMAGE], err);
    if (!code)
        code = product(r->runner_per_minute, minutes, 1, &c.usd[COST_RUNNER], err);
    for (int i = 0; !code && i < COST_KINDS; i++)
        if (money_add(c.total, c.usd[i], &c.total))
            code = err_set(err, EXIT_INPUT, "the cost of a deployment is out of range");
    if (!code)
        *out = c;
    return code;
}

struct used used_by_original(const struct durations *d, const struct used *ours, int64_t group, int64_t waves)
{
    int64_t serial_s = graph_serial(d, waves);
    return (struct used){.bakes = true,
                         .bake_s = serial_s - d->s[STEP_PULL] - d->s[STEP_TEST] - d->s[STEP_BUILD],
                         .instances = group,
                         .beside_s = group * d->s[STEP_ROLLOUT],
                         .paid_left_s = ours->paid_left_s,
                         .draining_s = ours->draining_s,
                         .makes_image = true,
                         .runner_s = serial_s};
}
