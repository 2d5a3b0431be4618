#include "scheduler/report.h"

#include <string.h>

#include "base/out.h"
#include "base/page.h"
#include "billing/money_json.h"
#include "scheduler/booking.h"

static void print_steps(const struct pipeline_estimate *e, const struct session *session)
{
    struct table *t = table_new();
    char text[INSTANT_TEXT_SIZE];
    table_column(t, "Step", "step", ALIGN_LEFT);
    table_column(t, "Takes", "takes_s", ALIGN_RIGHT);
    table_column(t, "Done after", "ends_s", ALIGN_RIGHT);
    table_column(t, "", "path", ALIGN_LEFT);
    for (int s = 0; s < STEP_CLEANUP; s++) {
        int64_t takes_s = s == STEP_ROLLOUT ? e->expected.s[s] * e->waves : e->expected.s[s];
        bool skipped = e->skipped & (1U << s);
        table_cell(t, "%s", step_name((enum step)s));
        table_cell(t, "%s", skipped ? "-" : duration_text(takes_s, text));
        table_cell(t, "%s", duration_text(e->ends[s], text));
        table_cell(t, "%s", skipped ? "there already" : e->path & (1U << s) ? "critical path" : "beside");
    }
    table_print(t, session);
    table_free(t);
}

struct cost_column {
    const char *title, *key;
    const struct costs *costs;
};

static void print_costs(const struct cost_column *columns, size_t count, const struct session *session)
{
    struct table *t = table_new();
    char text[MONEY_TEXT_SIZE];
    table_column(t, "USD", "kind", ALIGN_LEFT);
    for (size_t i = 0; i < count; i++)
        table_column(t, columns[i].title, columns[i].key, ALIGN_RIGHT);
    for (int k = 0; k < COST_KINDS; k++) {
        bool any = false;
        for (size_t i = 0; i < count; i++)
            any = any || columns[i].costs->usd[k];
        if (!any)
            continue;
        table_cell(t, "%s", cost_name((enum cost_kind)k));
        for (size_t i = 0; i < count; i++)
            table_cell(t, "%s", money_short(columns[i].costs->usd[k], text));
    }
    table_cell(t, "together");
    for (size_t i = 0; i < count; i++)
        table_cell(t, "%s", money_short(columns[i].costs->total, text));
    table_row_bold(t);
    table_print(t, session);
    table_free(t);
}

/* What the table's figures do not say of themselves. */
static void say_more(const struct costs *c, const struct rates *r, const struct used *u, const struct session *session)
{
    char money[MONEY_TEXT_SIZE];
    money_t left = used_paid_left(u, r);
    if (c->usd[COST_IMAGE])
        page_say(session, 0, "The image is reckoned for %lld days; the ledger books it for as long as it is kept.",
                 (long long)r->retained_days);
    if (left)
        page_say(session, 0, "Of the hours that the replaced instances had paid, %s USD are left unused.",
                 money_short(left, money));
}

void report_plan(const struct pipeline_estimate *e, const struct pipeline_order *order, const char *environment,
                 const struct session *session)
{
    FILE *out = session->out;
    char a[INSTANT_TEXT_SIZE];
    char b[INSTANT_TEXT_SIZE];
    char money[MONEY_TEXT_SIZE];
    char other[MONEY_TEXT_SIZE];
    fprintf(out, "%s of %.12s to %s", strcmp(order->kind, "deploy") == 0 ? "Deployment" : order->kind, order->commit,
            environment);
    if (order->commits > 1)
        fprintf(out, ", %lld commits", (long long)order->commits);
    fprintf(out, "\n\n");
    print_steps(e, session);
    fputc('\n', out);
    page_say(session, 0, "Critical path %s; the original pipeline, step after step: %s.",
             duration_text(e->critical_s, a), duration_text(e->serial_s, b));
    page_say(session, 0, "Group of %lld: %lld wave%s of up to %lld instance%s.%s\n", (long long)e->group,
             (long long)e->waves, e->waves == 1 ? "" : "s", (long long)e->surge, e->surge == 1 ? "" : "s",
             e->bake_reused ? " The kept bake instance is used again." : "");
    if (e->reset)
        page_say(session, 0, "It is made clean by %s: the bake is %s USD by files, %s USD by a fresh root volume.\n",
                 strcmp(e->reset, "files") == 0 ? "deleting files" : "a fresh root volume",
                 money_short(e->reset_files, money), money_short(e->reset_root, other));
    else if (e->boots_late && !(e->skipped & (1U << STEP_INSTANCE)))
        page_say(session, 0, "The bake instance boots after the build: before, it is not worth the risk.\n");
    const struct cost_column columns[] = {{"Estimate", "estimate", &e->costs}, {"Original", "original", &e->original}};
    print_costs(columns, 2, session);
    fputc('\n', out);
    page_say(session, 0, "Rests on %s.", e->rates.basis);
    say_more(&e->costs, &e->rates, &e->used, session);
    page_say(session, 0, "Storm cap: %lld failed launch%s, at most %lld instance-seconds (%lld.%02lld h), %s USD.",
             (long long)e->cap_attempts, e->cap_attempts == 1 ? "" : "es", (long long)e->cap_s,
             (long long)(e->cap_s / 3600), (long long)(e->cap_s % 3600 / 36), money_short(e->cap, money));
    if (*e->worst)
        page_say(session, 0, "%s", e->worst);
}

static void add_costs(cJSON *to, const char *name, const struct costs *c)
{
    cJSON *object = json_object(to, name);
    for (int k = 0; k < COST_KINDS; k++) {
        char key[40];
        str_fit(key, sizeof(key), "%s_usd", cost_key((enum cost_kind)k));
        json_money(object, key, c->usd[k]);
    }
    json_money(object, "total_usd", c->total);
}

void report_plan_json(const struct pipeline_estimate *e, cJSON *to)
{
    cJSON *steps = json_array(to, "steps");
    for (int s = 0; s < STEP_CLEANUP; s++) {
        cJSON *step = json_object(steps, NULL);
        bool skipped = e->skipped & (1U << s);
        json_text(step, "step", step_name((enum step)s));
        json_i64(step, "takes_s", skipped ? 0 : s == STEP_ROLLOUT ? e->expected.s[s] * e->waves : e->expected.s[s]);
        json_i64(step, "ends_s", e->ends[s]);
        json_bool(step, "critical", e->path & (1U << s));
    }
    json_i64(to, "critical_path_s", e->critical_s);
    json_i64(to, "original_s", e->serial_s);
    json_i64(to, "group", e->group);
    json_i64(to, "waves", e->waves);
    json_i64(to, "surge", e->surge);
    json_bool(to, "bake_reused", e->bake_reused);
    if (e->reset) {
        cJSON *reset = json_object(to, "reset");
        json_text(reset, "choice", e->reset);
        json_money(reset, "files_usd", e->reset_files);
        json_money(reset, "root_volume_usd", e->reset_root);
    }
    json_bool(to, "boots_after_build", e->boots_late);
    add_costs(to, "estimate", &e->costs);
    add_costs(to, "original", &e->original);
    json_money(to, "estimate_usd", e->costs.total);
    json_money(to, "original_usd", e->original.total);
    json_money(to, "paid_left_usd", used_paid_left(&e->used, &e->rates));
    json_i64(to, "image_days", e->rates.retained_days);
    json_text(to, "basis", e->rates.basis);
    json_i64(to, "storm_cap_attempts", e->cap_attempts);
    json_i64(to, "storm_cap_instance_s", e->cap_s);
    json_money(to, "storm_cap_usd", e->cap);
    json_text(to, "worst_case", e->worst);
}

void report_statement(const struct statement *s, const struct session *session)
{
    const struct deployment *d = &s->record;
    FILE *out = session->out;
    char a[MONEY_TEXT_SIZE];
    char b[MONEY_TEXT_SIZE];
    char c[INSTANT_TEXT_SIZE];
    char e[INSTANT_TEXT_SIZE];
    page_say(session, 0, "Deployment %lld of %s: %s%s%s", (long long)d->number, d->environment, d->state,
             *d->reason ? ": " : "", d->reason);
    page_say(session, 0, "Commit %.12s%s%s; from start to verdict %s (critical path %s)\n", d->commit,
             *d->image ? ", image " : "", d->image, duration_text(s->makespan_s, c), duration_text(s->critical_s, e));
    /* A record of an older version has the estimate only as a sum. */
    struct cost_column columns[3] = {{"Cost", "cost", &s->costs}, {"Estimate", "estimate", &d->estimates}};
    size_t count = d->estimates.total ? 2 : 1;
    columns[count++] = (struct cost_column){"Original", "original", &s->originals};
    print_costs(columns, count, session);
    fputc('\n', out);
    page_say(session, 0, "Estimated %s USD; the original pipeline would have cost %s USD.", money_short(s->estimate, a),
             money_short(s->original, b));
    page_say(session, 0, "Rests on %s.", s->rates.basis);
    say_more(&s->costs, &s->rates, &s->used, session);
    if (s->drained_ms > s->record.ended_ms)
        page_say(
            session, 0,
            "The replaced instances are out of service; the last is gone by %s at the latest, when its connections "
            "have drained. When it went is booked by the next deployment, or by `bakehour gc`.",
            calendar_text(s->drained_ms / 1000, c));
}

static void add_time(cJSON *to, const char *name, int64_t ms)
{
    char text[INSTANT_TEXT_SIZE];
    json_text(to, name, ms ? calendar_text(ms / 1000, text) : NULL);
}

void report_statement_json(const struct statement *s, cJSON *to)
{
    add_costs(to, "cost", &s->costs);
    if (s->record.estimates.total)
        add_costs(to, "estimate", &s->record.estimates);
    add_costs(to, "original", &s->originals);
    json_money(to, "cost_usd", s->costs.total);
    json_money(to, "estimate_usd", s->estimate);
    json_money(to, "original_usd", s->original);
    json_money(to, "paid_left_usd", used_paid_left(&s->used, &s->rates));
    json_i64(to, "image_days", s->rates.retained_days);
    json_i64(to, "makespan_s", s->makespan_s);
    json_i64(to, "critical_path_s", s->critical_s);
    json_i64(to, "draining_s", s->used.draining_s);
    add_time(to, "drained_by", s->drained_ms);
    json_text(to, "basis", s->rates.basis);
}

void report_deployment_json(const struct deployment *d, cJSON *to)
{
    json_i64(to, "deployment", d->number);
    json_text(to, "environment", d->environment);
    json_text(to, "kind", d->kind);
    json_text(to, "outcome", d->state);
    json_text(to, "reason", *d->reason ? d->reason : NULL);
    json_text(to, "run", d->run);
    json_text(to, "commit", d->commit);
    json_i64(to, "commits", d->commits);
    json_text(to, "artifact_sha256", *d->sha256 ? d->sha256 : NULL);
    json_text(to, "bake_key", *d->bake_key ? d->bake_key : NULL);
    json_text(to, "image", *d->image ? d->image : NULL);
    json_text(to, "image_name", *d->image_name ? d->image_name : NULL);
    json_text(to, "version", *d->version ? d->version : NULL);
    json_text(to, "source", *d->source ? d->source : NULL);
    add_time(to, "started", d->started_ms);
    add_time(to, "ended", d->ended_ms);
    json_i64(to, "makespan_s", d->makespan_s);
    json_i64(to, "critical_path_s", d->critical_s);
    json_money(to, "estimate_usd", d->estimate);
    json_money(to, "cost_usd", d->cost);
    json_money(to, "original_usd", d->original);
    json_bool(to, "bake_reused", d->reused);
    json_i64(to, "storm_instance_s", d->storm_s);
    json_i64(to, "storm_cap_instance_s", d->cap_s);
}

static const char *override_of(const struct budget_overrides *overrides, const struct deployment *d)
{
    char name[80];
    booking_name(d, name);
    const struct budget_override *one = budget_override_of(overrides, name);
    return one ? one->reason : "";
}

void report_deployments(const struct deployments *list, const struct budget_overrides *overrides,
                        const struct session *session)
{
    struct table *t = table_new();
    char text[INSTANT_TEXT_SIZE];
    char a[MONEY_TEXT_SIZE];
    table_column(t, "No.", "deployment", ALIGN_RIGHT);
    table_column(t, "Started", "started", ALIGN_LEFT);
    table_column(t, "Outcome", "outcome", ALIGN_LEFT);
    table_column(t, "Kind", "kind", ALIGN_LEFT);
    table_column(t, "Commit", "commit", ALIGN_LEFT);
    table_column(t, "Took", "makespan_s", ALIGN_RIGHT);
    table_column(t, "USD", "cost_usd", ALIGN_RIGHT);
    table_optional_column(t, "Estimate", "estimate_usd", ALIGN_RIGHT);
    table_optional_column(t, "Image", "image", ALIGN_LEFT);
    if (session->csv && overrides)
        table_column(t, "Override", "override", ALIGN_LEFT);
    for (size_t i = 0; i < list->count; i++) {
        const struct deployment *d = &list->items[i];
        table_cell(t, "%lld", (long long)d->number);
        table_cell(t, "%s", calendar_text(d->started_ms / 1000, text));
        table_cell(t, "%s", d->state);
        table_cell(t, "%s", d->kind);
        table_cell(t, session->csv ? "%s" : "%.12s", d->commit);
        if (session->csv)
            table_cell(t, "%lld", (long long)d->makespan_s);
        else
            table_cell(t, "%s", d->makespan_s ? duration_text(d->makespan_s, text) : "");
        table_cell(t, "%s", session->csv ? money_text(d->cost, a) : money_short(d->cost, a));
        table_cell(t, "%s", session->csv ? money_text(d->estimate, a) : money_short(d->estimate, a));
        table_cell(t, "%s", d->image);
        if (session->csv && overrides)
            table_cell(t, "%s", override_of(overrides, d));
        if (strcmp(d->state, "completed") != 0)
            table_row_dim(t);
    }
    table_print(t, session);
    table_free(t);
    if (!session->csv && overrides)
        budget_overrides_print(overrides, session);
}
