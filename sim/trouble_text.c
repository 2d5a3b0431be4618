#include "sim/trouble_text.h"

#include "base/str.h"
#include "billing/calendar.h"
#include "billing/money_json.h"
#include "sim/attempts.h"

static void add_mishaps(struct str *to, const struct outcome *o)
{
    const struct mishaps *w = &o->went;
    const struct {
        int64_t count;
        const char *what;
    } parts[] = {{w->failed_builds, "failed in build or tests"},
                 {w->failed_launches, "bake instances did not come up"},
                 {w->storms, "images did not boot"},
                 {w->rolled_back, "rolled back"},
                 {w->reverted, "commits reverted"}};
    str_addf(to, "%lld attempts", (long long)w->attempts);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i].count)
            str_addf(to, ", %lld %s", (long long)parts[i].count, parts[i].what);
    str_add_char(to, '.');
}

void trouble_print_delivery(const struct outcome *o, const struct session *session)
{
    char text[INSTANT_TEXT_SIZE];
    struct str s;
    str_init(&s, 0);
    str_addf(&s, "%.1f deployments a day, lead time p50 %s", outcome_deployments_per_day(o),
             duration_text(o->lead.percentile[STATS_P50], text));
    if (o->troubled && o->went.attempts)
        str_addf(&s, ", %.1f %% of changes failed", 100 * outcome_failure_rate(o));
    if (o->went.restores)
        str_addf(&s, ", restored in %s", duration_text((int64_t)(outcome_restore_mean_s(o) + 0.5), text));
    str_add_char(&s, '.');
    page_wrap(session, "Delivery: ", s.text);
    str_clear(&s);
    if (o->went.failed_builds || o->went.failed_launches || o->went.storms || o->went.rolled_back || o->went.reverted) {
        add_mishaps(&s, o);
        page_wrap(session, "Went wrong: ", s.text);
    }
    str_release(&s);
}

static money_t storm_money(const struct model *m, const struct storm *storm)
{
    money_t usd = 0;
    struct exact sum = {0};
    exact_add(&sum, (int128)storm->billed_s * m->terms.price_per_hour, SECONDS_PER_HOUR);
    int failed = exact_round(&sum, &usd);
    exact_release(&sum);
    return failed ? INT64_MAX : usd;
}

static void add_storm(struct str *to, const struct model *m, const struct storm *storm)
{
    char usd[MONEY_TEXT_SIZE];
    bool hourly = m->terms.regime == REGIME_HOURLY;
    int64_t launches = storm->slots * storm->launches_a_slot;
    str_addf(to, "%lld launches, %lld paid %s, %s USD", (long long)launches,
             (long long)(storm->billed_s / (hourly ? SECONDS_PER_HOUR : 1)), hourly ? "h" : "s",
             money_short(storm_money(m, storm), usd));
}

void trouble_storm_text(const struct model *m, struct str *to)
{
    char night[INSTANT_TEXT_SIZE];
    struct storm capped = storm_of(m);
    struct storm uncapped = storm_uncapped(m);
    str_addf(to, "an image that does not boot costs in one night (%s) ", duration_text(m->failures.night_s, night));
    add_storm(to, m, &uncapped);
    str_addf(to, "; capped at %lld launch%s a slot ", (long long)capped.launches_a_slot,
             capped.launches_a_slot == 1 ? "" : "es");
    add_storm(to, m, &capped);
    str_add_char(to, '.');
}

void trouble_print_storm(const struct model *m, const struct session *session)
{
    struct str s;
    if (!m->failures.boot)
        return;
    str_init(&s, 0);
    trouble_storm_text(m, &s);
    page_wrap(session, "A storm: ", s.text);
    str_release(&s);
}

static void one_json(cJSON *to, const char *name, const struct model *m, const struct storm *storm)
{
    cJSON *object = json_object(to, name);
    bool hourly = m->terms.regime == REGIME_HOURLY;
    json_i64(object, "launches", storm->slots * storm->launches_a_slot);
    json_i64(object, "launches_a_slot", storm->launches_a_slot);
    json_i64(object, hourly ? "hours" : "seconds", storm->billed_s / (hourly ? SECONDS_PER_HOUR : 1));
    json_money(object, "cost_usd", storm_money(m, storm));
    json_i64(object, "length_s", storm->length_s);
}

void trouble_storm_json(const struct model *m, cJSON *document)
{
    if (!m->failures.boot)
        return;
    cJSON *storm = json_object(document, "storm");
    struct storm capped = storm_of(m);
    struct storm uncapped = storm_uncapped(m);
    json_i64(storm, "cycle_s", m->failures.storm_cycle_s);
    json_i64(storm, "night_s", m->failures.night_s);
    json_i64(storm, "slots", capped.slots);
    one_json(storm, "capped", m, &capped);
    one_json(storm, "uncapped", m, &uncapped);
}
