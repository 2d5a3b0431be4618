/* The plan for people. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "sim/plan.h"

#define SHORT_SPAN_S ((int64_t)14 * SECONDS_PER_DAY)
#define WIDE         100 /* columns from which on the table shows everything */

double plan_reuse_percent(const struct plan *p)
{
    if (!p->best)
        return -1;
    const struct frontier_point *plain = frontier_without_reuse(&p->frontier, p->best);
    const struct frontier_point *kept = p->best;
    for (size_t i = 0; i < p->frontier.count; i++) { /* the same trigger with the keep that saves most */
        const struct frontier_point *q = &p->frontier.points[i];
        const struct trigger *a = &q->outcome.policy.trigger;
        const struct trigger *b = &p->best->outcome.policy.trigger;
        if (q != plain && a->kind == b->kind && a->arg == b->arg &&
            (kept == plain || q->outcome.money < kept->outcome.money))
            kept = q;
    }
    if (!plain || kept == plain || plain->outcome.money <= 0)
        return -1;
    double saved = (double)plain->outcome.money - (double)kept->outcome.money;
    return 100.0 * saved / (double)plain->outcome.money;
}

/* Rows are sorted, points stay where they are. */
struct row {
    const struct frontier_point *point;
};

static int by_money(const void *a, const void *b)
{
    const struct frontier_point *pa = ((const struct row *)a)->point;
    const struct frontier_point *pb = ((const struct row *)b)->point;
    if (pa->outcome.money != pb->outcome.money)
        return pa->outcome.money < pb->outcome.money ? -1 : 1;
    int64_t la = pa->outcome.lead.percentile[STATS_P95];
    int64_t lb = pb->outcome.lead.percentile[STATS_P95];
    if (la != lb)
        return la < lb ? -1 : 1;
    return pa < pb ? -1 : pa > pb;
}

/* "dominated" is said of a baseline to scripts alone: it is dim, and the page has no room. */
static const char *mark_of(const struct plan *p, const struct frontier_point *q, bool csv)
{
    if (q == p->best)
        return "recommended";
    if (q == p->frontier.every || q == p->frontier.idle)
        return q->dominated && csv ? "baseline, dominated" : "baseline";
    return q->dominated ? "dominated" : "";
}

/* Which columns a page has room for; CSV has all of them. */
struct shape {
    bool csv, p50, deployments, waiting, optimum;
};

static struct shape shape_of(const struct plan *p, const struct session *session)
{
    bool csv = session_form(session) == FORM_CSV;
    bool wide = csv || page_width(session) >= WIDE;
    return (struct shape){.csv = csv,
                          .p50 = wide || (!p->limits.by_cost && page_width(session) >= 80),
                          .deployments = wide,
                          .waiting = p->limits.by_cost,
                          .optimum = yardstick_is(&p->yardstick)};
}

static void lead_cell(struct table *t, const struct outcome *o, int rank, bool csv)
{
    char text[INSTANT_TEXT_SIZE];
    int64_t s = o->lead.percentile[rank];
    if (csv)
        table_cell(t, "%lld", (long long)s);
    else
        table_cell(t, "%s", duration_text(s, text));
}

/* Money and waiting: of the whole history in CSV, a month beside the money of a month. */
static void waiting_cell(struct table *t, const struct plan *p, const struct outcome *o, bool csv)
{
    char usd[MONEY_TEXT_SIZE];
    money_t per_month = 0;
    struct exact sum = {0};
    cost_waiting(&p->scenario->model, &o->costs.total, &sum);
    exact_add_all(&sum, &o->money_exact);
    bool too_big = scenario_per_month(p->scenario, &sum, &per_month) != 0;
    exact_release(&sum);
    table_cell(t, "%s", csv ? money_text(o->cost, usd) : too_big ? "-" : money_short(per_month, usd));
}

static void point_row(struct table *t, const struct plan *p, const struct frontier_point *q, struct shape shape)
{
    char name[2 * POLICY_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    char percent[POLICY_TEXT_SIZE];
    const struct outcome *o = &q->outcome;
    money_t idle = p->frontier.idle->outcome.money;
    bool csv = shape.csv;
    table_cell(t, "%s", csv ? outcome_policy_text(&o->policy, name) : outcome_policy_label(&o->policy, name));
    table_cell(t, "%s", csv ? money_text(q->per_month, usd) : money_short(q->per_month, usd));
    if (shape.waiting)
        waiting_cell(t, p, o, csv);
    table_cell(t, "%s",
               csv ? outcome_percent_csv(o->money, idle, percent) : outcome_percent_text(o->money, idle, percent));
    if (shape.optimum)
        yardstick_cell(t, &p->yardstick, o, &p->scenario->model, csv);
    if (shape.p50)
        lead_cell(t, o, STATS_P50, csv);
    lead_cell(t, o, STATS_P95, csv);
    if (shape.deployments)
        table_cell(t, "%lld", (long long)o->costs.total.deployments);
    table_cell(t, "%s", mark_of(p, q, csv));
    if (q == p->best)
        table_row_bold(t);
    else if (q->dominated)
        table_row_dim(t);
}

static struct table *point_table(struct shape shape)
{
    struct table *t = table_new();
    table_column(t, "policy", "policy", ALIGN_LEFT);
    table_column(t, "USD/mo", "usd_per_month", ALIGN_RIGHT);
    if (shape.waiting)
        table_column(t, "+waiting", "cost_usd", ALIGN_RIGHT);
    if (shape.optimum)
        table_optional_column(t, "vs idle", "vs_idle_percent", ALIGN_RIGHT);
    else
        table_column(t, "vs idle", "vs_idle_percent", ALIGN_RIGHT);
    if (shape.optimum)
        table_column(t, "x opt", "vs_optimum", ALIGN_RIGHT);
    if (shape.p50)
        table_column(t, "lead p50", "lead_p50_s", ALIGN_RIGHT);
    table_column(t, "lead p95", "lead_p95_s", ALIGN_RIGHT);
    if (shape.deployments)
        table_column(t, "deploys", "deployments", ALIGN_RIGHT);
    table_column(t, "", "mark", ALIGN_LEFT);
    return t;
}

static void print_hidden(size_t hidden, const struct session *session)
{
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "%zu more %s dominated: another one is no dearer and no slower (--all shows %s).", hidden,
             hidden == 1 ? "is" : "are", hidden == 1 ? "it" : "them");
    page_wrap(session, "", text.text);
    str_release(&text);
}

void plan_print_table(const struct plan *p, const struct session *session)
{
    struct shape shape = shape_of(p, session);
    const struct frontier *f = &p->frontier;
    struct row *order = mem_zero(f->count, sizeof(*order));
    for (size_t i = 0; i < f->count; i++)
        order[i].point = &f->points[i];
    qsort(order, f->count, sizeof(*order), by_money);
    struct table *t = point_table(shape);
    size_t hidden = 0;
    for (size_t i = 0; i < f->count; i++) {
        const struct frontier_point *q = order[i].point;
        bool baseline = q == f->every || q == f->idle;
        if (q->dominated && !p->show_all && !shape.csv && !baseline && q != p->best)
            hidden++;
        else
            point_row(t, p, q, shape);
    }
    page_table(session, t);
    table_free(t);
    free(order);
    if (hidden)
        print_hidden(hidden, session);
}

static void print_recommendation(const struct plan *p, const struct session *session)
{
    char name[2 * POLICY_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    char p50[INSTANT_TEXT_SIZE];
    char p95[INSTANT_TEXT_SIZE];
    fputc('\n', session->out);
    if (p->best) {
        struct str text;
        str_init(&text, 0);
        str_addf(&text, "Recommended: %s, %s USD a month, lead time p50 %s, p95 %s.",
                 outcome_policy_label(&p->best->outcome.policy, name), money_short(p->best->per_month, usd),
                 duration_text(p->best->outcome.lead.percentile[STATS_P50], p50),
                 duration_text(p->best->outcome.lead.percentile[STATS_P95], p95));
        fputs(session_bold(session), session->out);
        page_wrap(session, "", text.text);
        fputs(session_plain(session), session->out);
        str_release(&text);
    }
    page_wrap(session, "", p->reason.text);
}

static void add_missing(const struct model *m, struct str *to)
{
    const char *missing[3];
    int count = 0;
    if (!m->runner_per_minute)
        missing[count++] = "CI minutes (--runner-usd-per-minute)";
    if (!m->image_size)
        missing[count++] = "stored images (--image-gb)";
    if (!m->fleet)
        missing[count++] = "the fleet that each rollout doubles for a while (--fleet, --surge, --drain)";
    for (int i = 0; i < count; i++)
        str_addf(to, "%s%s",
                 !i               ? " Not counted, since no price was given: "
                 : i + 1 == count ? " and "
                                  : ", ",
                 missing[i]);
    if (count)
        str_add_char(to, '.');
}

/* A month made of a few days is a guess. */
static void add_short_span(const struct scenario *s, struct str *to)
{
    int64_t span_s = s->span_to - s->span_from;
    char text[INSTANT_TEXT_SIZE];
    if (span_s < SHORT_SPAN_S)
        str_addf(to, " The history spans %s only: a month is what it would be if all went on like this.",
                 duration_text(span_s, text));
}

static void add_shares(const struct outcome *o, struct str *to)
{
    const char *sep = "The money goes to: ";
    for (int k = 0; k < COST_KINDS; k++) {
        if (!o->by_kind[k])
            continue;
        double share = 100.0 * (double)o->by_kind[k] / (double)o->money;
        str_addf(to, share < 1 ? "%s%s %.2f %%" : "%s%s %.0f %%", sep, cost_kind_label((enum cost_kind)k), share);
        sep = ", ";
    }
    str_add_char(to, '.');
}

static void print_shares(const struct plan *p, const struct session *session)
{
    if (!p->best || p->best->outcome.money <= 0)
        return;
    struct str text;
    str_init(&text, 0);
    add_shares(&p->best->outcome, &text);
    double reuse = plan_reuse_percent(p);
    if (reuse >= 1)
        str_addf(&text, " Keeping the bake instance for the next deployment is worth %.0f %%.", reuse);
    else if (reuse > -1)
        str_addf(&text, " Keeping the bake instance for the next deployment is worth less than 1 %% here: leave it.");
    add_missing(&p->scenario->model, &text);
    add_short_span(p->scenario, &text);
    if (p->best->per_month < MONEY_PER_USD && p->frontier.every->per_month < MONEY_PER_USD)
        str_add(&text, " All of it is less than a dollar a month: choose by lead time.");
    page_wrap(session, "", text.text);
    str_release(&text);
}

static void print_optimum(const struct plan *p, const struct session *session)
{
    if (!yardstick_is(&p->yardstick))
        return;
    struct str text;
    str_init(&text, 0);
    yardstick_text(&p->yardstick, &text);
    page_wrap(session, "", text.text);
    str_release(&text);
}

static void print_pool_months(const struct prepaid *pre, const struct session *session)
{
    struct table *t = table_new();
    table_column(t, "month", "month", ALIGN_LEFT);
    table_column(t, "prepaid h", "pool_hours", ALIGN_RIGHT);
    table_column(t, "fleet h", "fleet_hours", ALIGN_RIGHT);
    table_column(t, "free deploys", "free_deployments", ALIGN_RIGHT);
    table_column(t, "deploys", "deployments", ALIGN_RIGHT);
    table_column(t, "ran out", "ran_out", ALIGN_LEFT);
    for (size_t i = 0; i < pre->count; i++) {
        const struct prepaid_month *m = &pre->months[i];
        char text[INSTANT_TEXT_SIZE];
        table_cell(t, "%s", calendar_month_text(m->month, text));
        table_cell(t, "%lld", (long long)m->pool_hours);
        table_cell(t, "%lld", (long long)m->fleet_hours);
        table_cell(t, "%lld", (long long)m->free_deployments);
        table_cell(t, "%lld", (long long)m->deployments);
        table_cell(t, "%.13s%s", m->ran_out == INSTANT_MAX ? "-" : calendar_text(m->ran_out, text),
                   m->ran_out == INSTANT_MAX ? "" : "h");
    }
    page_table(session, t);
    table_free(t);
}

static void print_prepaid(const struct plan *p, const struct session *session)
{
    const struct prepaid *pre = &p->prepaid;
    const struct model *m = &p->scenario->model;
    char usd[MONEY_TEXT_SIZE];
    if (!pre->filled)
        return;
    fprintf(session->out, "\n%sPrepaid hours%s with %s\n", session_bold(session), session_plain(session),
            p->best ? "the recommended policy" : "idle + terminate, since none fits");
    if (m->reserved_model == MODEL_POOL) {
        print_pool_months(pre, session);
        struct str text;
        str_init(&text, 0);
        str_addf(&text,
                 "Counted as a pool: 744 h a month for %lld reservation%s%s, a budgeting approximation. Free "
                 "deployments are what the fleet, running day and night, leaves of them. After that each deployment "
                 "that launches an instance costs %s USD.",
                 (long long)m->reserved, m->reserved == 1 ? "" : "s", m->reserved == 1 ? "" : " each",
                 money_short(pre->deployment_after, usd));
        page_wrap(session, "", text.text);
        str_release(&text);
        return;
    }
    const struct cost_month *total = &pre->outcome.costs.total;
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "%.1f of %.1f bake hours fell into clock hours that the reservations had to spare (%.0f %%).",
             (double)total->covered_s / 3600, (double)total->billed_s / 3600,
             total->billed_s ? 100.0 * (double)total->covered_s / (double)total->billed_s : 0);
    page_wrap(session, "", text.text);
    str_release(&text);
}

static void print_offers(const struct plan *p, const struct session *session)
{
    if (!p->offers.asked)
        return;
    struct str text;
    str_init(&text, 0);
    fprintf(session->out, "\n%sBuying one more reservation%s\n", session_bold(session), session_plain(session));
    str_addf(&text, "Of %s, by %s in USD and hours a year.", p->scenario->type,
             p->offers.path ? p->offers.path : "the sample of offers");
    page_wrap(session, "", text.text);
    str_release(&text);
    struct table *t = table_new();
    table_column(t, "offer", "offer", ALIGN_LEFT);
    table_column(t, "seen", "seen", ALIGN_LEFT);
    table_column(t, "fee", "fee_usd_per_year", ALIGN_RIGHT);
    table_column(t, "saves", "saved_usd_per_year", ALIGN_RIGHT);
    table_column(t, "h used", "used_hours", ALIGN_RIGHT);
    table_column(t, "pays from", "break_even_hours", ALIGN_RIGHT);
    table_column(t, "", "verdict", ALIGN_LEFT);
    for (size_t i = 0; i < p->offers.count; i++) {
        const struct offer_verdict *v = &p->offers.items[i];
        char usd[MONEY_TEXT_SIZE];
        table_cell(t, "%d year%s, %s", v->years, v->years > 1 ? "s" : "", payment_name(v->payment));
        table_cell(t, "%s", calendar_date_text(v->seen, usd));
        table_cell(t, "%s", money_short(v->fee_per_year, usd));
        table_cell(t, "%s", money_short(v->saved_per_year, usd));
        table_cell(t, "%lld", (long long)v->used_hours);
        table_cell(t, "%lld", (long long)v->break_even_hours);
        table_cell(t, "%s %s", v->net_per_year > 0 ? "pays:" : "loses",
                   money_short(v->net_per_year < 0 ? -v->net_per_year : v->net_per_year, usd));
    }
    page_table(session, t);
    table_free(t);
}

void plan_print(const struct plan *p, const struct session *session)
{
    scenario_print(p->scenario, session);
    fputc('\n', session->out);
    plan_print_table(p, session);
    print_recommendation(p, session);
    print_shares(p, session);
    print_optimum(p, session);
    print_prepaid(p, session);
    print_offers(p, session);
}
