#include "sim/yardstick.h"

#include "billing/money_json.h"

int yardstick_find(struct yardstick *y, const struct scenario *s, const struct session *session, struct err *err)
{
    money_t delay_price = s->model.terms.delay_price_per_commit_hour;
    if (delay_price)
        return bound_find(&y->bound, s, delay_price, session, err);
    return bound_line_find(&y->line, s, session, err);
}

void yardstick_release(struct yardstick *y)
{
    bound_release(&y->bound);
    bound_line_release(&y->line);
}

double yardstick_ratio(const struct yardstick *y, const struct outcome *o, const struct model *m)
{
    if (y->bound.is)
        return bound_ratio(&y->bound, o, m);
    return y->line.count ? bound_line_ratio(&y->line, o, m) : 0;
}

void yardstick_cell(struct table *t, const struct yardstick *y, const struct outcome *o, const struct model *m,
                    bool csv)
{
    double ratio = yardstick_ratio(y, o, m);
    if (ratio <= 0)
        table_cell(t, "%s", csv ? "" : "-");
    else
        table_cell(t, csv ? "%.4f" : ratio < 99.5 ? "x%.2f" : "x%.0f", ratio);
}

static money_t rounded(double money)
{
    return money >= 9e18 ? INT64_MAX : (money_t)(money + 0.5);
}

void yardstick_json(const struct yardstick *y, cJSON *document)
{
    if (!yardstick_is(y))
        return;
    cJSON *to = json_object(document, "optimum");
    json_text(to, "ratio_of", y->bound.is ? "cost" : "money at equal waiting");
    if (y->bound.is) {
        const struct bound *b = &y->bound;
        json_money(to, "cost_usd", rounded(b->cost));
        json_money(to, "lower_bound_usd", rounded(b->lower));
        json_i64(to, "grid_s", b->grid_s);
        json_i64(to, "deployments", b->outcome.costs.total.deployments);
        json_i64(to, "launches", b->outcome.costs.total.launches);
    }
    if (!y->line.count)
        return;
    cJSON *frontier = json_array(to, "frontier");
    for (size_t i = 0; i < y->line.count; i++) {
        const struct bound *b = &y->line.at[i];
        cJSON *point = json_object(frontier, NULL);
        json_money(point, "delay_price_usd_per_commit_hour", b->delay_price);
        json_money(point, "usd_per_month", b->per_month);
        json_i64(point, "lead_p50_s", b->outcome.lead.percentile[STATS_P50]);
        json_i64(point, "lead_p95_s", b->outcome.lead.percentile[STATS_P95]);
        json_i64(point, "deployments", b->outcome.costs.total.deployments);
    }
}

void yardstick_policy_json(const struct yardstick *y, cJSON *policy, const struct outcome *o, const struct model *m)
{
    double ratio = yardstick_ratio(y, o, m);
    if (ratio > 0)
        json_number(policy, "vs_optimum", ratio);
}

void yardstick_text(const struct yardstick *y, struct str *to)
{
    const struct bound *b = &y->bound;
    if (!b->is) {
        str_add(to, "x opt is the money over the least that a clairvoyant would have needed for as much waiting: bake "
                    "instances and what each deployment costs.");
        return;
    }
    char cost[MONEY_TEXT_SIZE];
    char lower[MONEY_TEXT_SIZE];
    str_addf(to,
             "x opt is money and waiting over those of a clairvoyant: %s USD with starts each %lld s, %s USD at least "
             "with any. Stored images and the fleet's overlap are left out of it.",
             money_short(rounded(b->cost), cost), (long long)b->grid_s, money_short(rounded(b->lower), lower));
}
