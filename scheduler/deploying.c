#include "scheduler/deploying.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/out.h"
#include "billing/budget_guard.h"
#include "billing/settled.h"
#include "scheduler/booking.h"
#include "scheduler/held.h"

#define REASON_MAX 1000 /* bytes of an override's reason */

int deploying_opt_reason(void *field, const char *value, struct err *err)
{
    if (value[strspn(value, " \t\r\n")] == '\0')
        return err_set(err, EXIT_INPUT, "a reason is needed: it is booked");
    if (strlen(value) > REASON_MAX)
        return err_set(err, EXIT_INPUT, "\"%.40s...\" is longer than %d bytes", value, REASON_MAX);
    return opt_text(field, value, err);
}

static bool has_ledger(const struct deploying *d)
{
    return *d->site->config->ledger != '\0';
}

static void book(const struct deploying *d, const struct deployment *record)
{
    struct ledger *ledger;
    struct err err;
    if (!has_ledger(d))
        return;
    if (ledger_open(&ledger, d->site->config->ledger, LEDGER_WRITE, &err)) {
        session_note(d->site->session, "the deployment is not booked: %s", err.text);
        return;
    }
    if (booking_end(ledger, &d->site->world, record, &err) || booking_missed(ledger, &d->site->world, record, &err))
        session_note(d->site->session, "the deployment is not booked whole: %s", err.text);
    if (booking_fleet(ledger, &d->site->world, &err))
        session_note(d->site->session, "the group's instances are not booked whole: %s", err.text);
    ledger_close(ledger);
}

void deploying_follow(const struct deploying *d)
{
    struct ledger *ledger;
    struct err err;
    if (!has_ledger(d))
        return;
    if (ledger_open(&ledger, d->site->config->ledger, LEDGER_READ, &err))
        return; /* nothing was booked yet: nothing goes on */
    ledger_close(ledger);
    int code = ledger_open(&ledger, d->site->config->ledger, LEDGER_WRITE, &err);
    if (!code) {
        code = booking_fleet(ledger, &d->site->world, &err);
        ledger_close(ledger);
    }
    if (code)
        session_note(d->site->session, "the group's instances are not booked: %s", err.text);
}

void deploying_tell(const struct deploying *d, const struct deployment *record)
{
    struct statement s;
    struct err err;
    struct journal *j;
    const struct pipeline_world *w = &d->site->world;
    struct journal_clock clock = {w->transport->now_ms, w->transport->self};
    book(d, record);
    if (journal_open(&j, w->state, NULL, record->run, clock, &err)) {
        session_note(d->site->session, "no statement: %s", err.text);
        return;
    }
    if (statement_make(&s, j, record, w, &err))
        session_note(d->site->session, "no statement: %s", err.text);
    else if (d->document) {
        report_deployment_json(record, d->document);
        report_statement_json(&s, json_object(d->document, "statement"));
    } else {
        report_statement(&s, d->site->session);
    }
    journal_free(j);
}

/* How a run ended, for people and as an exit code. */
static int end_code(const struct deploying *d, enum pipeline_end end, const struct deployment *record, struct err *err)
{
    int code = pipeline_exit_code(end);
    if (end == PIPELINE_STOPPED && !record->number)
        session_note(d->site->session, "left in good order, before a deployment was begun");
    else if (end == PIPELINE_STOPPED)
        session_note(d->site->session, "left in good order; '%s resume' goes on with deployment %lld",
                     d->site->session->program, (long long)record->number);
    else if (end == PIPELINE_BUSY || end == PIPELINE_LOST)
        session_note(d->site->session, "%s", err->text);
    if (d->document)
        json_i64(d->document, "exit_code", code);
    return code;
}

static bool is_over(enum pipeline_end end)
{
    return end != PIPELINE_STOPPED && end != PIPELINE_BUSY && end != PIPELINE_OVERTAKEN && end != PIPELINE_LOST;
}

static int adopt_tags(const struct deploying *d, struct err *err)
{
    struct deployment last;
    bool found = false;
    int code = deployment_find(&d->site->state, d->site->environment->name, 0, &last, &found, err);
    if (code || found)
        return code;
    enum pipeline_end end = pipeline_recover(&d->site->world, &found, err);
    if (end != PIPELINE_COMPLETED)
        return end_code(d, end, &last, err);
    if (found)
        session_note(d->site->session, "the store knew nothing of %s; what tags told was put in order",
                     d->site->environment->name);
    return 0;
}

int deploying_adopt(const struct deploying *d, struct err *err)
{
    struct deployment record;
    bool found = false;
    if (d->dry_run)
        return 0;
    enum pipeline_end end = pipeline_resume(&d->site->world, &found, &record, err);
    if (!found && end == PIPELINE_COMPLETED)
        return adopt_tags(d, err);
    if (is_over(end)) {
        struct deploying quiet = *d;
        quiet.document = d->document ? json_object(d->document, "adopted") : NULL;
        deploying_tell(&quiet, &record);
        return end == PIPELINE_BROKEN ? pipeline_exit_code(end) : 0;
    }
    return end_code(d, end, &record, err);
}

/* What the budgets said of a deployment: an override that they took is booked when the deployment goes on. */
struct permit {
    bool overridden;
    struct str why;
};

static struct budget_request request_of(const struct deploying *d, const struct pipeline_estimate *e, const char *name)
{
    const struct pipeline_world *w = &d->site->world;
    return (struct budget_request){.deployment = name,
                                   .environment = d->site->environment->name,
                                   .project = d->site->config->project,
                                   .now = w->transport->now_ms(w->transport->self) / 1000,
                                   .estimate_usd = e->costs.total,
                                   .estimate_instance_s = used_instance_s(&e->used, e->rates.regime),
                                   .override = d->override};
}

/* Why what was spent is not known, appended to `why`; nothing where it is. A ledger without an entry beside a store
 * with deployments (a runner's disk was new) is filled from the store first, as far as that is looked at. */
static int find_unknown(const struct deploying *d, struct ledger *ledger, struct str *why, struct err *err)
{
    struct deployment last = {.number = 0};
    bool found = false;
    bool any;
    instant_t at;
    size_t unpriced = 0;
    char *first = NULL;
    int code = ledger_last(ledger, &any, &at, err);
    if (!code && !any)
        code = deployment_find(&d->site->state, d->site->environment->name, 0, &last, &found, err);
    bool lost = !code && found && last.number > BOOKING_LOOKS_BACK;
    if (lost)
        str_addf(why, "%s has no entry, though %s has %lld deployments\n", ledger_path(ledger),
                 d->site->environment->name, (long long)last.number);
    if (!code && found && !lost && !d->dry_run) {
        last.number++;
        code = booking_missed(ledger, &d->site->world, &last, err);
    }
    if (!code)
        code = ledger_unpriced(ledger, &unpriced, &first, err);
    if (!code && unpriced)
        str_addf(why, "%zu %s no price on %s (%s)\n", unpriced, unpriced == 1 ? "use has" : "uses have",
                 ledger_path(ledger), first);
    free(first);
    return code;
}

/* What is not known is no green light: EXIT_INPUT, unless a person takes it on (then it is part of what is booked). */
static int know_spent(const struct deploying *d, struct ledger *ledger, struct str *unknown, struct err *err)
{
    int code = find_unknown(d, ledger, unknown, err);
    if (code || !unknown->len || d->override)
        return code;
    return err_set(
        err, EXIT_INPUT,
        "what was spent is not known, so the hard budget cannot be kept: %.*s; --override REASON goes on, and "
        "is booked",
        (int)strcspn(unknown->text, "\n"), unknown->text);
}

static int guard(const struct deploying *d, const struct budget_limits *limits, const struct pipeline_estimate *e,
                 struct permit *permit, struct err *err)
{
    struct ledger *ledger;
    enum budget_answer answer = BUDGET_GO;
    struct budget_request request = request_of(d, e, "");
    struct bill_sources sources;
    struct bill_files held = {0};
    struct str unknown;
    if (!budget_guards(limits,
                       &request)) /* then nothing that money lacks holds it up: neither a lock nor a price file */
        return 0;
    int code = ledger_open(&ledger, d->site->config->ledger, LEDGER_WRITE, err);
    if (code)
        return code;
    str_init(&unknown, 4096);
    code = know_spent(d, ledger, &unknown, err);
    if (!code)
        code = held_of_config(&sources, d->site->config, err);
    if (!code && settled_by(&sources))
        code = bill_files_open_held(&held, &sources, d->site->session, err);
    if (!code && settled_by(&sources))
        code = settled_view(ledger, &held, &sources, request.now, request.now, d->site->session, err);
    request.held = &held.reservations;
    if (!code)
        code = budget_guard(&answer, &permit->why, ledger, limits, &request, err);
    str_add(&permit->why, code ? "" : unknown.text);
    ledger_close(ledger); /* and the view of it */
    bill_files_release(&held);
    if (!code && permit->why.len)
        session_note(d->site->session, "%s", permit->why.text);
    if (!code && answer == BUDGET_REFUSED)
        code = err_set(err, EXIT_OVER, "over a hard budget; --override REASON goes on, and is booked");
    permit->overridden = answer == BUDGET_GO_OVERRIDDEN || (!code && unknown.len);
    str_release(&unknown);
    return code;
}

static int check_budgets(const struct deploying *d, const struct pipeline_estimate *e, struct permit *permit,
                         struct err *err)
{
    struct budget_limits limits = {0};
    if (!d->site->config->budgets || !has_ledger(d))
        return 0;
    int code = budget_config_parse(&limits, d->site->config->budgets, NULL, NULL, err);
    if (!code && limits.count)
        code = guard(d, &limits, e, permit, err);
    budget_limits_release(&limits);
    return code;
}

/* What is booked when the deployment begins. */
struct override {
    const struct deploying *d;
    const struct pipeline_estimate *e;
    const struct permit *permit;
};

/* Under the name that the deployment is about to get, which the lease holds; before it begins, as it may be killed at
 * any moment. */
static int book_override(void *context, struct err *err)
{
    const struct override *o = context;
    const struct deploying *d = o->d;
    struct deployment next = {.number = 0};
    struct ledger *ledger;
    char name[80];
    bool found = false;
    int code = deployment_find(&d->site->state, d->site->environment->name, 0, &next, &found, err);
    next.number = found ? next.number + 1 : 1;
    str_fit(next.environment, sizeof(next.environment), "%.47s", d->site->environment->name);
    booking_name(&next, name);
    const struct budget_request request = request_of(d, o->e, name);
    if (!code)
        code = ledger_open(&ledger, d->site->config->ledger, LEDGER_WRITE, err);
    if (code)
        return code;
    code = budget_book_override(ledger, &request, o->permit->why.text, err);
    ledger_close(ledger);
    return code;
}

static int ask_person(const struct deploying *d, struct err *err)
{
    char answer[16];
    if (d->yes)
        return 0;
    if (!isatty(STDIN_FILENO))
        return err_set(err, EXIT_INPUT, "this changes the cloud; say --yes (or --dry-run to look)");
    fprintf(d->site->session->err, "Go on? [y/N] ");
    fflush(d->site->session->err);
    if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
        return err_set(err, EXIT_FAILED, "nothing was changed");
    return 0;
}

static void book_estimate(const struct deploying *d, const struct deployment *record, const struct pipeline_estimate *e)
{
    struct ledger *ledger;
    struct err err;
    if (!has_ledger(d) || !record->number || ledger_open(&ledger, d->site->config->ledger, LEDGER_WRITE, &err))
        return;
    if (booking_begin(ledger, &d->site->world, record, e, &err))
        session_note(d->site->session, "the estimate is not booked: %s", err.text);
    ledger_close(ledger);
}

/* The plan shown, the budgets asked, a person asked: not 0 where nothing is to be begun. *go: something is. */
static int agree(const struct deploying *d, const struct pipeline_order *order, const struct pipeline_estimate *e,
                 struct permit *permit, bool *go, struct err *err)
{
    if (d->document)
        report_plan_json(e, json_object(d->document, "plan"));
    else
        report_plan(e, order, d->site->environment->name, d->site->session);
    /* A way back is never held up by money. */
    int code = strcmp(order->kind, "rollback") == 0 ? 0 : check_budgets(d, e, permit, err);
    *go = !code && !d->dry_run;
    return *go ? ask_person(d, err) : code;
}

/* Runs what was agreed, and books and tells it. */
static int run_agreed(const struct deploying *d, const struct pipeline_order *order, const struct pipeline_estimate *e,
                      struct err *err)
{
    struct deployment record;
    enum pipeline_end end = pipeline_run(&d->site->world, order, &record, err);
    if (end == PIPELINE_OVERTAKEN) {
        session_note(d->site->session, "%s", err->text);
        return DEPLOYING_OVERTAKEN;
    }
    book_estimate(d, &record, e);
    if (is_over(end) && record.number) {
        if (!d->document)
            fprintf(d->site->session->out, "\n");
        deploying_tell(d, &record);
    }
    return end_code(d, end, &record, err);
}

int deploying_run(const struct deploying *d, const struct pipeline_order *order, struct err *err)
{
    struct pipeline_estimate e;
    struct permit permit = {.overridden = false};
    struct override override = {d, &e, &permit};
    struct pipeline_order agreed = *order;
    bool go = false;
    str_init(&permit.why, 4096);
    int code = pipeline_estimate(&d->site->world, order, &e, err);
    if (!code)
        code = agree(d, order, &e, &permit, &go, err);
    if (permit.overridden) {
        agreed.beginning = book_override;
        agreed.context = &override;
    }
    if (!code && go)
        code = run_agreed(d, &agreed, &e, err);
    str_release(&permit.why);
    return code;
}
