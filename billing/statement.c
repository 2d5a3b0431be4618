#include "billing/statement.h"

#include <assert.h>
#include <string.h>

#include "base/out.h"
#include "base/str.h"
#include "billing/overrides.h"

#define FOREVER (INSTANT_MAX + 1) /* a midnight, so that whole days are summed */

static const char *const names[] = {"day", "month", "deployment", "kind", "environment", "project"};

int statement_opt_by(void *field, const char *value, struct err *err)
{
    for (int i = 0; i < 6; i++)
        if (strcmp(value, names[i]) == 0) {
            *(enum statement_by *)field = (enum statement_by)(STATEMENT_DAY + i);
            return 0;
        }
    return err_set(err, EXIT_INPUT, "\"%.60s\" is none of day, month, deployment, kind, environment, project", value);
}

/* Where rows go: a table or a JSON array. */
struct printing {
    struct table *table;
    cJSON *rows;
    bool exactly;
    int128 total, estimates;
    struct budget_overrides overrides;
};

static const char *usd_text(const struct printing *p, money_t usd, char to[MONEY_TEXT_SIZE])
{
    return p->exactly ? money_text(usd, to) : money_short(usd, to);
}

static int take_row(void *context, const struct ledger_row *row, struct err *err)
{
    struct printing *p = context;
    char usd[MONEY_TEXT_SIZE];
    char hours[INSTANT_TEXT_SIZE];
    (void)err;
    p->total += row->usd;
    if (!row->usd && !row->seconds)
        return 0;
    if (p->rows) {
        cJSON *object = json_object(p->rows, NULL);
        json_text(object, "name", row->name);
        json_text(object, "usd", money_text(row->usd, usd));
        json_text(object, "hours", hours_text(row->seconds, 2, hours));
        return 0;
    }
    table_cell(p->table, "%s", *row->name ? row->name : p->exactly ? "" : "(none)");
    table_cell(p->table, "%s", usd_text(p, row->usd, usd));
    table_cell(p->table, "%s", hours_text(row->seconds, 2, hours));
    return 0;
}

static int take_deployment(void *context, const struct ledger_deployment *d, struct err *err)
{
    struct printing *p = context;
    char at[INSTANT_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    (void)err;
    p->total += d->actual_usd;
    p->estimates += d->estimate_usd;
    if (p->rows) {
        cJSON *object = json_object(p->rows, NULL);
        json_text(object, "name", d->id);
        json_text(object, "environment", d->environment);
        json_text(object, "project", d->project);
        json_text(object, "commit", d->commit);
        json_text(object, "started", calendar_text(d->started, at));
        json_text(object, "ended", *d->outcome ? calendar_text(d->ended, at) : NULL);
        json_text(object, "outcome", *d->outcome ? d->outcome : NULL);
        json_text(object, "basis", d->basis);
        json_text(object, "estimate_usd", money_text(d->estimate_usd, usd));
        json_text(object, "usd", money_text(d->actual_usd, usd));
        return 0;
    }
    table_cell(p->table, "%s", d->id);
    table_cell(p->table, "%s", calendar_text(d->started, at));
    table_cell(p->table, "%s", d->environment);
    table_cell(p->table, "%s", *d->outcome ? d->outcome : "running");
    table_cell(p->table, "%s", usd_text(p, d->estimate_usd, usd));
    table_cell(p->table, "%s", usd_text(p, d->actual_usd, usd));
    table_cell(p->table, "%s", usd_text(p, d->actual_usd - d->estimate_usd, usd));
    return 0;
}

static void add_columns(struct table *t, enum statement_by by)
{
    static const char *const headings[] = {"Day", "Month", "Deployment", "Kind", "Environment", "Project"};
    table_column(t, headings[by - STATEMENT_DAY], "name", ALIGN_LEFT);
    if (by == STATEMENT_DEPLOYMENT) {
        table_column(t, "Started", "started", ALIGN_LEFT);
        table_column(t, "Environment", "environment", ALIGN_LEFT);
        table_column(t, "Outcome", "outcome", ALIGN_LEFT);
        table_column(t, "Estimate", "estimate_usd", ALIGN_RIGHT);
        table_column(t, "USD", "usd", ALIGN_RIGHT);
        table_column(t, "Off by", "off_by_usd", ALIGN_RIGHT);
        return;
    }
    table_column(t, "USD", "usd", ALIGN_RIGHT);
    table_column(t, "Hours", "hours", ALIGN_RIGHT);
}

static int collect(struct ledger *ledger, enum statement_by by, instant_t from, instant_t to, struct printing *p,
                   struct err *err)
{
    static const enum ledger_by ways[] = {LEDGER_BY_DAY,  LEDGER_BY_MONTH,       LEDGER_BY_DEPLOYMENT,
                                          LEDGER_BY_KIND, LEDGER_BY_ENVIRONMENT, LEDGER_BY_PROJECT};
    const struct ledger_filter filter = {.from = from, .to = to};
    if (by == STATEMENT_DEPLOYMENT)
        return ledger_deployments(ledger, NULL, from, to, take_deployment, p, err);
    return ledger_statement(ledger, ways[by - STATEMENT_DAY], &filter, take_row, p, err);
}

static void print_json(struct printing *p, enum statement_by by, struct opt_instant from, struct opt_instant to,
                       const struct session *session)
{
    char at[INSTANT_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    cJSON *document = json_document("bill");
    json_text(document, "by", names[by - STATEMENT_DAY]);
    json_text(document, "from", from.given ? calendar_text(from.at, at) : NULL);
    json_text(document, "to", to.given ? calendar_text(to.at, at) : NULL);
    json_text(document, "total_usd", money_text((money_t)p->total, usd));
    cJSON_AddItemToObject(document, "rows", p->rows);
    budget_overrides_json(&p->overrides, document);
    json_print(document, session->out);
}

static void print_text(const struct printing *p, enum statement_by by, const struct session *session)
{
    char usd[MONEY_TEXT_SIZE];
    table_print(p->table, session);
    if (session->csv)
        return;
    fprintf(session->out, "\nTogether %s USD", money_short((money_t)p->total, usd));
    if (by == STATEMENT_DEPLOYMENT)
        fprintf(session->out, ", estimated %s", money_short((money_t)p->estimates, usd));
    fputs(".\n", session->out);
    budget_overrides_print(&p->overrides, session);
}

int statement_print(struct ledger *ledger, enum statement_by by, struct opt_instant from, struct opt_instant to,
                    const struct session *session, struct err *err)
{
    struct printing p = {.exactly = session->json || session->csv};
    assert(by != STATEMENT_UNSAID);
    if (session->json)
        p.rows = cJSON_CreateArray();
    p.table = table_new();
    add_columns(p.table, by);
    const struct ledger_filter overrides = {.from = from.given ? from.at : INSTANT_MIN,
                                            .to = to.given ? to.at - 1 : FOREVER};
    int code = collect(ledger, by, overrides.from, to.given ? to.at : FOREVER, &p, err);
    if (!code)
        code = budget_overrides_read(&p.overrides, ledger, &overrides, err);
    if (!code && (p.total > INT64_MAX || p.total < -INT64_MAX))
        code = err_set(err, EXIT_INPUT, "the total is more than can be counted (922 million USD)");
    if (!code && session->json)
        print_json(&p, by, from, to, session);
    else if (!code)
        print_text(&p, by, session);
    if (code)
        cJSON_Delete(p.rows);
    budget_overrides_release(&p.overrides);
    table_free(p.table);
    return code;
}
