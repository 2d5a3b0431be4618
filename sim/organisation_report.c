/* What organisation.h found, summed up and printed: text, JSON, CSV. */
#include "sim/organisation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "base/str.h"
#include "billing/money_json.h"

#define MONTH_S      2629746 /* 365.2425 / 12 days */
#define SHOWN        20      /* services in the text, without --all */
#define POOL_MONTH_S ((int64_t)744 * SECONDS_PER_HOUR)

/* --- sums --- */

static int128 above(int128 value, int128 limit)
{
    return value > limit ? value - limit : 0;
}

/* Of what the deployments used, the seconds that the reservations cover; the undisturbed fleet draws first. */
static int128 covered_in(int128 used_s, int128 base_s, int128 capacity_s)
{
    return used_s - base_s - (above(used_s, capacity_s) - above(base_s, capacity_s));
}

static int64_t base_at(const struct hours *base, int64_t hour)
{
    int64_t at = hour - base->first;
    return at >= 0 && at < (int64_t)base->count ? base->seconds[at] : 0;
}

/* By the hour of the clock, or by the month: prepaid hours that a month's end finds are gone. */
static int128 covered_s(const struct organisation *o, size_t p)
{
    const struct hours *used = &o->used[p];
    const struct hours *base = &o->base[p];
    bool pool = o->reserved_model == MODEL_POOL;
    int64_t capacity_s = o->reserved * (pool ? POOL_MONTH_S : SECONDS_PER_HOUR);
    int128 sum = 0;
    for (size_t h = 0; h < used->count;) {
        int64_t hour = used->first + (int64_t)h;
        int64_t end =
            pool ? calendar_month_start(calendar_month(hour * SECONDS_PER_HOUR) + 1) / SECONDS_PER_HOUR : hour + 1;
        int128 used_s = 0;
        int128 base_s = 0;
        for (; h < used->count && hour < end; h++, hour++) {
            used_s += used->seconds[h];
            base_s += base_at(base, hour);
        }
        sum += covered_in(used_s, base_s, capacity_s);
    }
    return sum;
}

static size_t policy_of(const struct organisation *o, const struct org_service *s, size_t policy)
{
    if (policy < o->policies.count)
        return policy;
    return s->best < 0 ? o->idle : (size_t)s->best;
}

static void span_of(const struct organisation *o, instant_t *from, instant_t *to)
{
    *from = INSTANT_MAX;
    *to = INSTANT_MIN;
    for (size_t i = 0; i < o->count; i++) {
        const struct org_service *s = &o->services[i];
        if (!s->figures)
            continue;
        *from = s->span_from < *from ? s->span_from : *from;
        *to = s->span_to > *to ? s->span_to : *to;
    }
}

static bool fits(int128 value)
{
    return value <= INT64_MAX && value >= -(int128)INT64_MAX;
}

/* What is added up over services, before it is known whether that is too much. */
struct sum {
    int128 deployments, launches, billed_s, commits, money, waiting, cost;
};

static void add_service(struct org_total *t, struct sum *sum, const struct org_service *s, size_t p, size_t at)
{
    const struct org_figures *f = &s->figures[p];
    t->services++;
    t->within += f->within;
    t->best += s->best == (int64_t)p;
    t->lead_s += f->lead_s;
    if (f->lead_p95_s > t->worst_p95_s || t->services == 1) {
        t->worst_p95_s = f->lead_p95_s;
        t->worst = at;
    }
    sum->deployments += f->deployments;
    sum->launches += f->launches;
    sum->billed_s += f->billed_s;
    sum->commits += f->commits;
    sum->money += f->money;
    sum->waiting += f->waiting;
    sum->cost += f->cost;
}

/* false: one of them is too much. */
static bool take_sum(struct org_total *t, const struct sum *sum)
{
    const struct {
        int64_t *to;
        int128 value;
    } all[] = {{&t->deployments, sum->deployments},
               {&t->launches, sum->launches},
               {&t->billed_s, sum->billed_s},
               {&t->commits, sum->commits},
               {&t->money, sum->money},
               {&t->waiting, sum->waiting},
               {&t->cost, sum->cost}};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        if (!fits(all[i].value))
            return false;
        *all[i].to = (int64_t)all[i].value;
    }
    return true;
}

/* Takes off what the shared hours cover, and brings the rest to a month. */
static bool take_reserved(struct org_total *t, const struct organisation *o, size_t policy)
{
    int128 covered = o->reserved ? covered_s(o, policy) : 0;
    assert(fits(covered)); /* of each hour at most what is reserved, less what the fleet alone would take of it */
    int128 saved = num_div_half_even(covered * o->price_per_hour, SECONDS_PER_HOUR);
    int128 money = t->money - saved;
    int128 cost = t->cost - saved;
    if (!fits(saved) || !fits(money) || !fits(cost))
        return false;
    instant_t from;
    instant_t to;
    span_of(o, &from, &to);
    int64_t span_s = to - from > SECONDS_PER_DAY ? to - from : SECONDS_PER_DAY;
    int128 per_month = num_div_half_even(money * MONTH_S, span_s);
    if (!fits(per_month))
        return false;
    t->money = (money_t)money;
    t->cost = (money_t)cost;
    t->saved = (money_t)saved;
    t->covered_s = (int64_t)covered;
    t->per_month = (money_t)per_month;
    return true;
}

int organisation_total(const struct organisation *o, size_t policy, struct org_total *out, struct err *err)
{
    struct org_total t = {0};
    struct sum sum = {0};
    for (size_t i = 0; i < o->count; i++) {
        const struct org_service *s = &o->services[i];
        if (s->figures)
            add_service(&t, &sum, s, policy_of(o, s, policy), i);
    }
    if (!take_sum(&t, &sum) || !take_reserved(&t, o, policy))
        return err_set(err, EXIT_INPUT,
                       "the organisation's figures add up to more than 900 million USD or 9 * 10^18 seconds; are the "
                       "prices right?");
    *out = t;
    return 0;
}

/* --- what is printed --- */

struct report {
    const struct organisation *o;
    struct org_total *totals; /* by policy, then each with its best */
    size_t *policies;         /* in the order of money */
    size_t *services;         /* in the order of what there is to save */
    size_t count;             /* services that are there */
    const struct session *session;
    bool all, wide;
};

#define WIDE 100 /* columns from which on the text shows everything */

static const char *policy_label(const struct organisation *o, size_t p, char to[2 * POLICY_TEXT_SIZE])
{
    if (p < o->policies.count)
        return outcome_policy_label(&o->policies.items[p], to);
    str_fit(to, (size_t)2 * POLICY_TEXT_SIZE, "each its best");
    return to;
}

static money_t price_of(const struct report *r, size_t p)
{
    return r->o->delay ? r->totals[p].cost : r->totals[p].money;
}

/* What a service saves by its best, against idle. */
static money_t saving_of(const struct organisation *o, size_t at)
{
    const struct org_service *s = &o->services[at];
    const struct org_figures *best = &s->figures[policy_of(o, s, o->policies.count)];
    const struct org_figures *idle = &s->figures[o->idle];
    return o->delay ? idle->cost - best->cost : idle->money - best->money;
}

/* Equals keep their order, whatever the C library's qsort does. */
struct ranked {
    money_t value;
    size_t at;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static void rank(struct ranked *ranked, size_t count, size_t *out)
{
    if (count)
        qsort(ranked, count, sizeof(*ranked), by_value);
    for (size_t i = 0; i < count; i++)
        out[i] = ranked[i].at;
}

static void sort_all(struct report *r)
{
    const struct organisation *o = r->o;
    struct ranked *ranked = mem_zero(o->count + o->policies.count + 1, sizeof(*ranked));
    r->policies = mem_zero(o->policies.count + 1, sizeof(*r->policies));
    r->services = mem_zero(o->count + 1, sizeof(*r->services));
    for (size_t p = 0; p <= o->policies.count; p++)
        ranked[p] = (struct ranked){price_of(r, p), p == o->policies.count ? 0 : p + 1};
    rank(ranked, o->policies.count + 1, r->policies);
    for (size_t i = 0; i <= o->policies.count; i++)
        r->policies[i] = r->policies[i] ? r->policies[i] - 1 : o->policies.count;
    r->count = 0;
    for (size_t i = 0; i < o->count; i++)
        if (o->services[i].figures)
            ranked[r->count++] = (struct ranked){-saving_of(o, i), i};
    rank(ranked, r->count, r->services);
    free(ranked);
}

/* --- text --- */

/* A number that was parsed, or is still the digits that it was made of. */
static int64_t head_number(const struct organisation *o, const char *name)
{
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(o->head, "model");
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(model, name);
    int64_t value = 0;
    if (cJSON_IsNumber(item))
        return (int64_t)item->valuedouble;
    return cJSON_IsRaw(item) && !num_i64(item->valuestring, strlen(item->valuestring), &value) ? value : 0;
}

static const char *head_text(const struct organisation *o, const char *name)
{
    const cJSON *model = cJSON_GetObjectItemCaseSensitive(o->head, "model");
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(model, name));
    return text ? text : "";
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_services_line(const struct report *r, struct str *text)
{
    const struct organisation *o = r->o;
    int64_t commits = 0;
    int64_t own = 0;
    int64_t shallow = 0;
    char from[INSTANT_TEXT_SIZE];
    char to[INSTANT_TEXT_SIZE];
    instant_t first = INSTANT_MAX;
    instant_t last = INSTANT_MIN;
    for (size_t i = 0; i < r->count; i++) {
        const struct org_service *s = &o->services[r->services[i]];
        commits += s->commits;
        own += s->own_terms;
        shallow += s->shallow;
        first = s->first < first ? s->first : first;
        last = s->last > last ? s->last : last;
    }
    str_addf(text, "%zu, %lld commit%s, %s to %s", r->count, (long long)commits, plural(commits),
             calendar_date_text(first, from), calendar_date_text(last, to));
    if (r->count < o->count)
        str_addf(text, "; %zu of the list left out", o->count - r->count);
    if (own)
        str_addf(text, "; %lld with terms of %s own", (long long)own, own == 1 ? "its" : "their");
    if (shallow)
        str_addf(text, "; %lld shallow: only the commits that are there", (long long)shallow);
    str_add_char(text, '.');
}

static void print_head(const struct report *r)
{
    static const char *const steps[] = {"prepare", "boot", "bake", "rollout"};
    const struct organisation *o = r->o;
    struct str text;
    str_init(&text, 0);
    print_services_line(r, &text);
    page_wrap(r->session, "Services  ", text.text);
    str_clear(&text);
    for (int i = 0; i < 4; i++) {
        char name[POLICY_TEXT_SIZE];
        char took[INSTANT_TEXT_SIZE];
        str_fit(name, sizeof(name), "%s_s", steps[i]);
        str_addf(&text, "%s%s %s", i ? ", " : "", steps[i], duration_text(head_number(o, name), took));
    }
    str_add_char(&text, '.');
    page_wrap(r->session, "Pipeline  ", text.text);
    str_clear(&text);
    str_addf(&text, "%s, billed by the %s.", head_text(o, "price"), o->hourly ? "started hour" : "second");
    page_wrap(r->session, "Price     ", text.text);
    str_release(&text);
}

static void print_reserved(const struct report *r)
{
    const struct organisation *o = r->o;
    const struct org_total *best = &r->totals[o->policies.count];
    char usd[MONEY_TEXT_SIZE];
    int64_t sharing = 0;
    if (!o->reserved)
        return;
    for (size_t i = 0; i < o->count; i++)
        sharing += o->services[i].figures && o->services[i].shares;
    struct str text;
    str_init(&text, 0);
    str_addf(
        &text,
        "%lld reservation%s, counted %s, shared by %lld service%s. With each its best they cover %.1f hours of what "
        "deployments use, worth %s USD.",
        (long long)o->reserved, plural(o->reserved),
        o->reserved_model == MODEL_POOL ? "as a pool of hours" : "clock hour by clock hour", (long long)sharing,
        plural(sharing), (double)best->covered_s / SECONDS_PER_HOUR, money_short(best->saved, usd));
    page_wrap(r->session, "Reserved  ", text.text);
    str_release(&text);
}

static struct table *policies_table(const struct organisation *o, bool csv, bool wide)
{
    struct table *t = table_new();
    table_column(t, "all services", "policy", ALIGN_LEFT);
    table_column(t, "USD/mo", "usd_per_month", ALIGN_RIGHT);
    if (csv)
        table_column(t, "", "money_usd", ALIGN_RIGHT);
    if (csv || o->delay)
        table_column(t, "+waiting", "cost_usd", ALIGN_RIGHT);
    table_column(t, "vs idle", "vs_idle_percent", ALIGN_RIGHT);
    if (csv || o->reserved)
        table_column(t, "reserved h", "reserved_hours", ALIGN_RIGHT);
    if (csv || wide)
        table_column(t, "lead mean", "lead_mean_s", ALIGN_RIGHT);
    table_column(t, "worst p95", "worst_p95_s", ALIGN_RIGHT);
    if (csv)
        table_column(t, "", "worst_service", ALIGN_LEFT);
    table_column(t, "best for", "best_for", ALIGN_RIGHT);
    if (csv) {
        table_column(t, "", "within", ALIGN_RIGHT);
        table_column(t, "", "deployments", ALIGN_RIGHT);
    }
    return t;
}

/* Money and waiting, a month of the span in the text. */
static money_t cost_per_month(const struct report *r, const struct org_total *t)
{
    instant_t from;
    instant_t to;
    span_of(r->o, &from, &to);
    int64_t span_s = to - from > SECONDS_PER_DAY ? to - from : SECONDS_PER_DAY;
    int128 value = num_div_half_even((int128)t->cost * MONTH_S, span_s);
    return fits(value) ? (money_t)value : INT64_MAX;
}

static void lead_cell(struct table *t, double s, bool csv)
{
    char text[INSTANT_TEXT_SIZE];
    if (csv)
        table_cell(t, "%.3f", s);
    else
        table_cell(t, "%s", duration_text((int64_t)(s + 0.5), text));
}

static void policy_row(struct table *t, const struct report *r, size_t p, bool csv)
{
    const struct organisation *o = r->o;
    const struct org_total *total = &r->totals[p];
    const struct org_total *idle = &r->totals[o->idle];
    char text[2 * POLICY_TEXT_SIZE];
    char percent[POLICY_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    if (csv && p < o->policies.count)
        table_cell(t, "%s", outcome_policy_text(&o->policies.items[p], text));
    else
        table_cell(t, "%s", policy_label(o, p, text));
    table_cell(t, "%s", csv ? money_text(total->per_month, usd) : money_short(total->per_month, usd));
    if (csv)
        table_cell(t, "%s", money_text(total->money, usd));
    if (csv || o->delay)
        table_cell(t, "%s", csv ? money_text(total->cost, usd) : money_short(cost_per_month(r, total), usd));
    table_cell(t, "%s", (csv ? outcome_percent_csv : outcome_percent_text)(total->money, idle->money, percent));
    if (csv || o->reserved)
        table_cell(t, "%.1f", (double)total->covered_s / SECONDS_PER_HOUR);
    if (csv || r->wide)
        lead_cell(t, total->commits ? (double)total->lead_s / (double)total->commits : 0, csv);
    lead_cell(t, (double)total->worst_p95_s, csv);
    if (csv)
        table_cell(t, "%s", o->services[total->worst].name);
    if (p < o->policies.count || csv)
        table_cell(t, "%lld", (long long)total->best);
    else
        table_cell(t, "%s", "");
    if (csv) {
        table_cell(t, "%lld", (long long)total->within);
        table_cell(t, "%lld", (long long)total->deployments);
    }
    if (p == o->policies.count)
        table_row_bold(t);
}

/* Without --all what is worth a look: best for somebody, a baseline, or the cheapest that is within all limits. */
static bool policy_shown(const struct report *r, size_t p, size_t cheapest)
{
    const struct organisation *o = r->o;
    return r->all || p >= o->policies.count || p == o->idle || p == o->every || p == cheapest || r->totals[p].best;
}

/* The cheapest policy that is within every service's limits; policies.count: there is none. */
static size_t cheapest_for_all(const struct report *r)
{
    const struct organisation *o = r->o;
    for (size_t i = 0; i <= o->policies.count; i++) {
        size_t p = r->policies[i];
        if (p < o->policies.count && r->totals[p].within == r->totals[p].services)
            return p;
    }
    return o->policies.count;
}

static void print_policies(const struct report *r)
{
    size_t cheapest = cheapest_for_all(r);
    struct table *t = policies_table(r->o, false, r->wide);
    size_t hidden = 0;
    for (size_t i = 0; i <= r->o->policies.count; i++) {
        if (policy_shown(r, r->policies[i], cheapest))
            policy_row(t, r, r->policies[i], false);
        else
            hidden++;
    }
    fputc('\n', r->session->out);
    page_table(r->session, t);
    table_free(t);
    if (hidden)
        page_say(r->session, 0, "%zu more are best for no service (--all shows %s).", hidden,
                 hidden == 1 ? "it" : "them");
}

static struct table *services_table(const struct organisation *o, bool csv, bool wide)
{
    struct table *t = table_new();
    table_column(t, "service", "service", ALIGN_LEFT);
    if (csv || wide)
        table_column(t, "commits", "commits", ALIGN_RIGHT);
    table_column(t, "best policy", "policy", ALIGN_LEFT);
    table_column(t, "USD/mo", "usd_per_month", ALIGN_RIGHT);
    if (csv)
        table_column(t, "", "money_usd", ALIGN_RIGHT);
    if (csv || o->delay)
        table_column(t, "+waiting", "cost_usd", ALIGN_RIGHT);
    table_column(t, "vs idle", "vs_idle_percent", ALIGN_RIGHT);
    table_column(t, "lead p95", "lead_p95_s", ALIGN_RIGHT);
    if (csv) {
        table_column(t, "", "deployments", ALIGN_RIGHT);
        table_column(t, "", "fits", ALIGN_LEFT);
        table_column(t, "", "source", ALIGN_LEFT);
    }
    return t;
}

/* A long name keeps its end, which is what differs. */
static void name_cell(struct table *t, const char *name, bool csv)
{
    size_t len = strlen(name);
    size_t from = len > 22 && !csv ? len - 19 : 0;
    while (from && name[from] && ((unsigned char)name[from] & 0xC0) == 0x80)
        from++;
    table_cell(t, "%s%s", from ? "..." : "", name + from);
}

static money_t service_cost_per_month(const struct org_service *s, const struct org_figures *f)
{
    int64_t span_s = s->span_to - s->span_from > SECONDS_PER_DAY ? s->span_to - s->span_from : SECONDS_PER_DAY;
    int128 value = num_div_half_even((int128)f->cost * MONTH_S, span_s);
    return fits(value) ? (money_t)value : INT64_MAX;
}

static void service_row(struct table *t, const struct report *r, size_t at, bool csv)
{
    const struct organisation *o = r->o;
    const struct org_service *s = &o->services[at];
    size_t p = policy_of(o, s, o->policies.count);
    const struct org_figures *f = &s->figures[p];
    char text[2 * POLICY_TEXT_SIZE];
    char percent[POLICY_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    name_cell(t, s->name, csv);
    if (csv || r->wide)
        table_cell(t, "%lld", (long long)s->commits);
    if (csv)
        table_cell(t, "%s", outcome_policy_text(&o->policies.items[p], text));
    else
        table_cell(t, "%s", s->best < 0 ? "none fits" : policy_label(o, p, text));
    table_cell(t, "%s", csv ? money_text(f->per_month, usd) : money_short(f->per_month, usd));
    if (csv)
        table_cell(t, "%s", money_text(f->money, usd));
    if (csv || o->delay)
        table_cell(t, "%s", csv ? money_text(f->cost, usd) : money_short(service_cost_per_month(s, f), usd));
    money_t idle = s->figures[o->idle].money;
    table_cell(t, "%s", (csv ? outcome_percent_csv : outcome_percent_text)(f->money, idle, percent));
    lead_cell(t, (double)f->lead_p95_s, csv);
    if (csv) {
        table_cell(t, "%lld", (long long)f->deployments);
        table_cell(t, "%s", s->best < 0 ? "no" : "yes");
        table_cell(t, "%s", s->source);
    }
}

static void print_services(const struct report *r)
{
    size_t shown = r->all || r->count <= SHOWN ? r->count : SHOWN;
    struct table *t = services_table(r->o, false, r->wide);
    for (size_t i = 0; i < shown; i++)
        service_row(t, r, r->services[i], false);
    fputc('\n', r->session->out);
    page_table(r->session, t);
    table_free(t);
    if (shown < r->count)
        page_say(r->session, 0, "%zu more save less (--all shows them; --csv has a row a service).", r->count - shown);
}

static int64_t without_best(const struct report *r)
{
    int64_t none = 0;
    for (size_t i = 0; i < r->count; i++)
        none += r->o->services[r->services[i]].best < 0;
    return none;
}

static void print_verdict(const struct report *r)
{
    const struct organisation *o = r->o;
    const struct org_total *best = &r->totals[o->policies.count];
    const struct org_total *idle = &r->totals[o->idle];
    size_t cheapest = cheapest_for_all(r);
    char label[2 * POLICY_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    char percent[POLICY_TEXT_SIZE];
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "Each service with its best policy: %s USD a month", money_short(best->per_month, usd));
    str_addf(&text, ", against %s with idle + terminate everywhere", money_short(idle->per_month, usd));
    if (*outcome_percent_text(best->money, idle->money, percent))
        str_addf(&text, " (%s)", percent);
    str_add_char(&text, '.');
    if (cheapest < o->policies.count) {
        const struct org_total *one = &r->totals[cheapest];
        str_addf(&text, " One policy for all within every service's limits: %s, %s USD a month.",
                 policy_label(o, cheapest, label), money_short(one->per_month, usd));
    } else {
        str_addf(&text, " No single policy is within every service's limits.");
    }
    int64_t none = without_best(r);
    if (none)
        str_addf(&text, " For %lld service%s no policy fits: counted with idle + terminate.", (long long)none,
                 plural(none));
    fputc('\n', r->session->out);
    page_wrap(r->session, "", text.text);
    str_release(&text);
}

/* --- JSON --- */

static void total_json(cJSON *to, const struct report *r, size_t p)
{
    const struct organisation *o = r->o;
    const struct org_total *t = &r->totals[p];
    char text[POLICY_TEXT_SIZE];
    int64_t unit_s = o->hourly ? SECONDS_PER_HOUR : 1;
    if (p < o->policies.count) {
        json_text(to, "trigger", policy_trigger_text(o->policies.items[p].trigger, text));
        json_text(to, "keep", policy_keep_text(o->policies.items[p].keep, text));
        json_i64(to, "best_for", t->best);
    }
    json_i64(to, "within", t->within);
    json_i64(to, "deployments", t->deployments);
    json_i64(to, "launches", t->launches);
    json_i64(to, o->hourly ? "billed_hours" : "billed_seconds", t->billed_s / unit_s);
    if (o->reserved) {
        json_i64(to, o->hourly ? "reserved_hours" : "reserved_seconds", t->covered_s / unit_s);
        json_money(to, "reserved_usd", t->saved);
    }
    json_money(to, "money_usd", t->money);
    json_money(to, "waiting_usd", t->waiting);
    json_money(to, "cost_usd", t->cost);
    json_money(to, "usd_per_month", t->per_month);
    json_number(to, "lead_mean_s", t->commits ? (double)t->lead_s / (double)t->commits : 0);
    json_i64(to, "worst_p95_s", t->worst_p95_s);
    json_text(to, "worst_service", o->services[t->worst].name);
}

static void figures_json(cJSON *to, const struct organisation *o, const struct org_service *s, size_t p)
{
    const struct org_figures *f = &s->figures[p];
    char text[POLICY_TEXT_SIZE];
    json_text(to, "trigger", policy_trigger_text(o->policies.items[p].trigger, text));
    json_text(to, "keep", policy_keep_text(o->policies.items[p].keep, text));
    json_bool(to, "within", f->within);
    json_i64(to, "deployments", f->deployments);
    json_i64(to, "launches", f->launches);
    json_i64(to, o->hourly ? "billed_hours" : "billed_seconds", f->billed_s / (o->hourly ? SECONDS_PER_HOUR : 1));
    json_money(to, "money_usd", f->money);
    json_money(to, "waiting_usd", f->waiting);
    json_money(to, "cost_usd", f->cost);
    json_money(to, "usd_per_month", f->per_month);
    cJSON *lead = json_object(to, "lead_s");
    json_number(lead, "mean", f->commits ? (double)f->lead_s / (double)f->commits : 0);
    json_i64(lead, "p50", f->lead_p50_s);
    json_i64(lead, "p95", f->lead_p95_s);
}

static void service_json(cJSON *to, const struct organisation *o, const struct org_service *s, bool all)
{
    char text[INSTANT_TEXT_SIZE];
    json_text(to, "service", s->name);
    json_text(to, "source", s->source);
    json_i64(to, "commits", s->commits);
    json_i64(to, "corrected", s->corrected);
    json_text(to, "first", calendar_text(s->first, text));
    json_text(to, "last", calendar_text(s->last, text));
    json_bool(to, "shallow", s->shallow);
    if (o->reserved)
        json_bool(to, "shares_reserved", s->shares);
    if (s->best < 0)
        cJSON_AddNullToObject(to, "best");
    else
        figures_json(json_object(to, "best"), o, s, (size_t)s->best);
    figures_json(json_object(to, "idle"), o, s, o->idle);
    figures_json(json_object(to, "every"), o, s, o->every);
    cJSON *policies = all ? json_array(to, "policies") : NULL;
    for (size_t p = 0; all && p < o->policies.count; p++)
        figures_json(json_object(policies, NULL), o, s, p);
}

static void print_json(const struct report *r, const char *command)
{
    const struct organisation *o = r->o;
    cJSON *document = json_document(command);
    for (const cJSON *item = o->head->child; item; item = item->next)
        cJSON_AddItemToObject(document, item->string, cJSON_Duplicate(item, true));
    cJSON *counts = json_object(document, "organisation");
    json_i64(counts, "services", (int64_t)r->count);
    json_i64(counts, "left_out", (int64_t)(o->count - r->count));
    json_i64(counts, "reserved", o->reserved);
    if (o->reserved)
        json_text(counts, "reserved_model", o->reserved_model == MODEL_POOL ? "pool" : "clock-hour");
    total_json(json_object(document, "each_its_best"), r, o->policies.count);
    cJSON *policies = json_array(document, "policies");
    for (size_t p = 0; p < o->policies.count; p++)
        total_json(json_object(policies, NULL), r, p);
    cJSON *services = json_array(document, "services");
    for (size_t i = 0; i < o->count; i++)
        if (o->services[i].figures)
            service_json(json_object(services, NULL), o, &o->services[i], r->all);
    json_print(document, r->session->out);
}

static void print_csv(const struct report *r, enum org_table which)
{
    struct table *t = which == ORG_POLICIES ? policies_table(r->o, true, true) : services_table(r->o, true, true);
    if (which == ORG_POLICIES)
        for (size_t p = 0; p <= r->o->policies.count; p++)
            policy_row(t, r, p, true);
    for (size_t i = 0; i < r->o->count && which == ORG_SERVICES; i++)
        if (r->o->services[i].figures)
            service_row(t, r, i, true);
    table_print(t, r->session);
    table_free(t);
}

int organisation_report(const struct organisation *o, const char *command, enum org_table csv, bool all,
                        const struct session *session, struct err *err)
{
    struct report r = {.o = o, .session = session, .all = all, .wide = page_width(session) >= WIDE};
    int code = 0;
    r.totals = mem_zero(o->policies.count + 1, sizeof(*r.totals));
    for (size_t p = 0; p <= o->policies.count && !code; p++)
        code = organisation_total(o, p, &r.totals[p], err);
    if (!code) {
        sort_all(&r);
        if (session_form(session) == FORM_JSON) {
            print_json(&r, command);
        } else if (session_form(session) == FORM_CSV) {
            print_csv(&r, csv);
        } else {
            print_head(&r);
            print_reserved(&r);
            print_policies(&r);
            print_services(&r);
            print_verdict(&r);
        }
        if (without_best(&r))
            code = err_set(err, EXIT_FAILED, "for %lld of %zu services no policy fits; loosen --max-lead or --max-usd",
                           (long long)without_best(&r), r.count);
    }
    free(r.totals);
    free(r.policies);
    free(r.services);
    return code;
}
