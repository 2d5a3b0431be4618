/* What organisation.h found, printed as text and CSV. */
#include "sim/organisation_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "base/str.h"
#include "billing/money_json.h"

#define SHOWN 20  /* services in the text, without --all */
#define WIDE  100 /* columns from which on the text shows everything */

static const char *policy_label(const struct organisation *o, size_t p, char to[2 * POLICY_TEXT_SIZE])
{
    if (p < o->policies.count)
        return outcome_policy_label(&o->policies.items[p], to);
    str_fit(to, (size_t)2 * POLICY_TEXT_SIZE, "each its best");
    return to;
}

static money_t price_of(const struct org_report *r, size_t p)
{
    return r->o->delay ? r->totals[p].cost : r->totals[p].money;
}

/* What a service saves by its best, against idle. */
static money_t saving_of(const struct organisation *o, size_t at)
{
    const struct org_service *s = &o->services[at];
    const struct org_figures *best = &s->figures[organisation_choice(o, s, o->policies.count)];
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

static void sort_all(struct org_report *r)
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
    return json_member(model, name, "");
}

static const char *plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_services_line(const struct org_report *r, struct str *text)
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

static void print_head(const struct org_report *r)
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

static void print_reserved(const struct org_report *r)
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
static money_t cost_per_month(money_t cost, instant_t from, instant_t to)
{
    int128 value = organisation_month(cost, from, to);
    return value <= INT64_MAX ? (money_t)value : INT64_MAX;
}

static void lead_cell(struct table *t, double s, bool csv)
{
    char text[INSTANT_TEXT_SIZE];
    if (csv)
        table_cell(t, "%.3f", s);
    else
        table_cell(t, "%s", duration_text((int64_t)(s + 0.5), text));
}

static void policy_row(struct table *t, const struct org_report *r, size_t p, bool csv)
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
        table_cell(t, "%s",
                   csv ? money_text(total->cost, usd) : money_short(cost_per_month(total->cost, r->from, r->to), usd));
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
static bool policy_shown(const struct org_report *r, size_t p, size_t cheapest)
{
    const struct organisation *o = r->o;
    return r->all || p >= o->policies.count || p == o->idle || p == o->every || p == cheapest || r->totals[p].best;
}

/* The cheapest policy that is within every service's limits; policies.count: there is none. */
static size_t cheapest_for_all(const struct org_report *r)
{
    const struct organisation *o = r->o;
    for (size_t i = 0; i <= o->policies.count; i++) {
        size_t p = r->policies[i];
        if (p < o->policies.count && r->totals[p].within == r->totals[p].services)
            return p;
    }
    return o->policies.count;
}

static void print_policies(const struct org_report *r)
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

static void service_row(struct table *t, const struct org_report *r, size_t at, bool csv)
{
    const struct organisation *o = r->o;
    const struct org_service *s = &o->services[at];
    size_t p = organisation_choice(o, s, o->policies.count);
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
        table_cell(t, "%s",
                   csv ? money_text(f->cost, usd)
                       : money_short(cost_per_month(f->cost, s->span_from, s->span_to), usd));
    money_t idle = s->figures[o->idle].money;
    table_cell(t, "%s", (csv ? outcome_percent_csv : outcome_percent_text)(f->money, idle, percent));
    lead_cell(t, (double)f->lead_p95_s, csv);
    if (csv) {
        table_cell(t, "%lld", (long long)f->deployments);
        table_cell(t, "%s", s->best < 0 ? "no" : "yes");
        table_cell(t, "%s", s->source);
    }
}

static void print_services(const struct org_report *r)
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

static int64_t without_best(const struct org_report *r)
{
    int64_t none = 0;
    for (size_t i = 0; i < r->count; i++)
        none += r->o->services[r->services[i]].best < 0;
    return none;
}

static void print_verdict(const struct org_report *r)
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

static void print_csv(const struct org_report *r, enum org_table which)
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

int organisation_table(const char *by, enum org_table *out, struct err *err)
{
    *out = by && strcmp(by, "policy") == 0 ? ORG_POLICIES : ORG_SERVICES;
    return by && *out == ORG_SERVICES && strcmp(by, "service") != 0
               ? err_set(err, EXIT_INPUT, "--by: \"%.60s\" is neither service nor policy", by)
               : 0;
}

int organisation_report(const struct organisation *o, const char *command, enum org_table csv, bool all,
                        const struct session *session, struct err *err)
{
    struct org_report r = {.o = o, .session = session, .all = all, .wide = page_width(session) >= WIDE};
    int code = 0;
    r.totals = mem_zero(o->policies.count + 1, sizeof(*r.totals));
    for (size_t p = 0; p <= o->policies.count && !code; p++)
        code = organisation_total(o, p, &r.totals[p], err);
    organisation_span(o, &r.from, &r.to);
    if (!code) {
        sort_all(&r);
        if (session_form(session) == FORM_JSON) {
            organisation_report_json(&r, command);
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
