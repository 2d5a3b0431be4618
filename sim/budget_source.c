#include "sim/budget_source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "billing/settled.h"
#include "scheduler/held.h"

static int set_limit(void *field, const char *value, int decimals, const char *what, struct err *err)
{
    int64_t limit;
    if (num_decimal(value, strlen(value), decimals, &limit))
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no %s (digits, a point, at most %d decimals)", value, what,
                       decimals);
    if (limit <= 0)
        return err_set(err, EXIT_INPUT, "\"%.60s\": a limit is above zero", value);
    *(int64_t *)field = limit;
    return 0;
}

int budget_opt_limit_usd(void *field, const char *value, struct err *err)
{
    return set_limit(field, value, MONEY_DECIMALS, "amount in USD", err);
}

int budget_opt_limit_hours(void *field, const char *value, struct err *err)
{
    return set_limit(field, value, BUDGET_HOUR_DECIMALS, "number of hours", err);
}

int budget_opt_max_age(void *field, const char *value, struct err *err)
{
    int code = opt_duration(field, value, err);
    if (!code && *(int64_t *)field <= 0)
        code = err_set(err, EXIT_INPUT, "\"%.60s\": an age is above zero", value);
    return code;
}

struct placed {
    const struct config *config;
    const struct session *session;
};

static void report_place(void *context, const cJSON *node, bool of_key, const char *text)
{
    const struct placed *p = context;
    struct diag diag = {.out = p->session->err};
    size_t line;
    size_t column;
    config_position(p->config, node, of_key, &line, &column);
    diag_at(&diag, p->config->file, line, column, "%s", text);
}

static int open_config(struct budget_source *s, const struct budget_options *o, const struct session *session,
                       struct err *err)
{
    bool limited = o->limit_usd || o->limit_hours;
    const char *path = o->config;
    if (!path && !(limited && o->ledger) && access(CONFIG_FILE, F_OK) == 0)
        path = CONFIG_FILE;
    if (!path)
        return 0;
    int code = config_open(&s->config, path, session, err);
    struct placed placed = {s->config, session};
    if (!code)
        code = budget_config_parse(&s->limits, s->config->budgets, report_place, &placed, err);
    s->path = path;
    return code;
}

static void add_limit(struct budget_source *s, const struct budget_options *o, enum budget_unit unit, int64_t limit)
{
    struct budget_limits *list = &s->limits;
    if (!limit)
        return;
    list->items = mem_grow(list->items, &list->cap, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = (struct budget_limit){.name = mem_dup(o->name ? o->name : "month"),
                                                       .environment = o->environment ? mem_dup(o->environment) : NULL,
                                                       .project = o->project ? mem_dup(o->project) : NULL,
                                                       .unit = unit,
                                                       .limit = limit,
                                                       .actual_percent = 100,
                                                       .forecast_percent = 100};
}

/* What the options name pays; else what the configuration does. */
static int find_held(struct budget_source *s, const struct budget_options *o, struct err *err)
{
    s->sources = o->in;
    if (settled_by(&s->sources) || !s->config)
        return 0;
    int code = held_of_config(&s->sources, s->config, err);
    s->sources.catalog = o->in.catalog;
    s->sources.regime = o->in.regime ? o->in.regime : s->sources.regime;
    return code;
}

/* How far back a forecast looks. A check shows the last days only. */
#define LOOK_BACK_DAYS 56

/* The ledger as its bill has it, where anything is held; else a word where it was settled once and is no more. */
static int look_settled(struct budget_source *s, const struct budget_options *o, int64_t days,
                        const struct session *session, struct err *err)
{
    int code = find_held(s, o, err);
    if (!code && settled_by(&s->sources)) {
        code = bill_files_open_held(&s->held, &s->sources, session, err);
        return code ? code
                    : settled_view(s->ledger, &s->held, &s->sources, s->at - days * SECONDS_PER_DAY, s->at, session,
                                   err);
    }
    struct str note;
    str_init(&note, 0);
    if (!code)
        code = settled_note(s->ledger, &note, err);
    if (!code && note.len)
        session_note(session, "%s; \"prices\" in %s names it for good\n", note.text, CONFIG_FILE);
    str_release(&note);
    return code;
}

static int open_ledger(struct budget_source *s, const struct budget_options *o, int64_t days,
                       const struct session *session, struct err *err)
{
    int code = open_config(s, o, session, err);
    const char *path = o->ledger ? o->ledger : s->config ? s->config->ledger : NULL;
    if (code)
        return code;
    if (!path)
        return err_set(
            err, EXIT_INPUT,
            "--usage FILE is needed (CSV with the columns instance,type,region,start,end), or --ledger FILE, or a "
            "bakehour.json in this folder");
    if (!*path)
        return err_set(err, EXIT_INPUT, "%s says that nothing is booked (\"ledger\": \"\"): --ledger FILE is needed",
                       s->config->file);
    s->path = s->path ? s->path : path;
    code = ledger_open(&s->ledger, path, LEDGER_READ, err);
    if (!code)
        code = budget_ledger_fresh(s->ledger, s->at, o->max_age_s ? o->max_age_s : BUDGET_MAX_AGE_S, err);
    if (!code)
        code = look_settled(s, o, days, session, err);
    if (!code)
        code = budget_ledger_spending(&s->spending, s->ledger, o->environment, o->project, s->at, &s->held.reservations,
                                      err);
    return code;
}

static int open_usage(struct budget_source *s, const struct budget_options *o, const struct session *session,
                      struct err *err)
{
    struct bill_files files = {0};
    if (o->config || o->ledger || o->environment || o->project)
        return err_set(err, EXIT_INPUT, "--usage and --%s exclude each other",
                       o->config        ? "config"
                       : o->ledger      ? "ledger"
                       : o->environment ? "environment"
                                        : "project");
    int code = bill_sources_check(&o->in, err);
    if (!code)
        code = bill_files_open(&files, &o->in, &s->at, session, err);
    if (!code) {
        struct bill_input in = bill_files_input(&files, &o->in);
        code = spending_measure(&s->spending, &in, s->at, session, err);
    }
    bill_files_release(&files);
    s->path = o->in.usage;
    s->sample = !o->in.catalog;
    return code;
}

int budget_source_open(struct budget_source *out, const struct budget_options *o, bool need_limit,
                       const struct session *session, struct err *err)
{
    out->at = o->at.given ? o->at.at : session->now_s;
    if (need_limit && o->in.usage && !o->limit_usd && !o->limit_hours)
        return err_set(err, EXIT_INPUT, "a limit is needed: --limit-usd X or --limit-hours X");
    int code = o->in.usage ? open_usage(out, o, session, err)
                           : open_ledger(out, o, need_limit ? BUDGET_HISTORY_DAYS : LOOK_BACK_DAYS, session, err);
    add_limit(out, o, BUDGET_USD, o->limit_usd);
    add_limit(out, o, BUDGET_HOURS, o->limit_hours);
    if (!code && need_limit && !out->limits.count)
        code = err_set(err, EXIT_INPUT, "there is no budget: --limit-usd X or --limit-hours X, or \"budgets\" in %s",
                       out->config ? out->config->file : CONFIG_FILE);
    return code;
}

void budget_source_release(struct budget_source *s)
{
    config_free(s->config);
    ledger_close(s->ledger); /* and a view of it */
    bill_files_release(&s->held);
    budget_limits_release(&s->limits);
    spending_release(&s->spending);
    *s = (struct budget_source){0};
}

static int take_day(void *context, const struct ledger_row *row, struct err *err)
{
    struct budget_history *h = context;
    instant_t at;
    int code = calendar_parse(row->name, &at, err);
    int64_t day = at / SECONDS_PER_DAY - h->first_day;
    if (!code && day >= 0 && day < (int64_t)h->count)
        h->usd[day] = row->usd;
    return code;
}

int budget_source_history(const struct budget_source *s, const struct budget_options *o, size_t days,
                          struct budget_history *out, struct err *err)
{
    int64_t today = s->at / SECONDS_PER_DAY;
    struct budget_history h = {.first_day = today - (int64_t)days + 1, .count = days};
    h.usd = mem_zero(days, sizeof(*h.usd));
    struct ledger_filter filter = {.from = h.first_day * SECONDS_PER_DAY,
                                   .to = today * SECONDS_PER_DAY,
                                   .environment = o->environment,
                                   .project = o->project,
                                   .account = "expense:",
                                   .unit = "usd"};
    int code = ledger_statement(s->ledger, LEDGER_BY_DAY, &filter, take_day, &h, err);
    filter.from = filter.to;
    filter.to = s->at;
    if (!code && filter.from < filter.to)
        code = ledger_sum(s->ledger, &filter, &h.usd[days - 1], err);
    if (code)
        free(h.usd);
    else
        *out = h;
    return code;
}

int budget_source_overrides(const struct budget_source *s, const struct budget_options *o, struct budget_overrides *out,
                            struct err *err)
{
    const struct ledger_filter filter = {.from = calendar_month_start(s->spending.month),
                                         .to = s->at,
                                         .environment = o->environment,
                                         .project = o->project};
    return budget_overrides_read(out, s->ledger, &filter, err);
}
