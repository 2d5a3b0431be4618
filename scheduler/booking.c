#include "scheduler/booking_private.h"

#include "billing/ledger_storm.h"
#include "scheduler/statement.h"
#include "scheduler/uses.h"

void booking_name(const struct deployment *d, char to[80])
{
    str_fit(to, 80, "%s/%lld", d->environment, (long long)d->number);
}

static struct ledger_scope scope_of(const struct pipeline_world *w, const struct deployment *d, char name[80])
{
    booking_name(d, name);
    return (struct ledger_scope){name, w->environment->name, w->config->project};
}

int booking_begin(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *d,
                  const struct pipeline_estimate *estimate, struct err *err)
{
    char name[80];
    struct ledger_scope scope = scope_of(w, d, name);
    instant_t now = w->transport->now_ms(w->transport->self) / 1000;
    return ledger_deployment_begin(ledger, &scope, d->commit, d->started_ms / 1000, d->estimate, estimate->rates.basis,
                                   now, err);
}

int books_record(const struct books *b, const struct ledger_usage *usage, const struct ledger_scope *scope,
                 struct err *err)
{
    enum ledger_booked booked = LEDGER_NEW;
    return ledger_record(b->ledger, usage, scope, b->w->catalog, b->now, &booked, err);
}

struct ending {
    const struct books *b;
    const struct ledger_usage *usage;
};

/* As open, which changes nothing where its end is known already, then as over. */
static int book_ending(struct ledger *ledger, void *context, struct err *err)
{
    const struct ending *e = context;
    struct ledger_usage over = *e->usage;
    enum ledger_booked booked = LEDGER_UNCHANGED;
    over.open = false;
    int code = ledger_record(ledger, e->usage, &e->b->scope, e->b->w->catalog, e->b->now, &booked, err);
    return code || booked == LEDGER_UNCHANGED ? code : books_record(e->b, &over, &e->b->scope, err);
}

/* Until it was taken over, what a deployment uses was the environment's. What is known under the key by another size or
 * name (an older version booked it, from what EC2 showed) goes on as it began: booking_fleet follows it. */
static int book_use(const struct books *b, const struct use *use, struct err *err)
{
    const struct ledger_scope environment = {"", b->scope.environment, b->scope.project};
    struct ledger_usage before = use->usage;
    bool other = false;
    int code = ledger_knows_other(b->ledger, &use->usage, &other, err);
    if (code || other)
        return code;
    before.end = use->taken;
    before.open = true;
    struct ending ending = {b, &use->usage};
    if (use->taken > use->usage.start)
        code = books_record(b, &before, &environment, err);
    if (code)
        return code;
    return use->ends ? ledger_together(b->ledger, book_ending, &ending, b->now, err)
                     : books_record(b, &use->usage, &b->scope, err);
}

static int book_uses(const struct books *b, struct err *err)
{
    struct uses uses;
    int code = 0;
    uses_init(&uses);
    uses_of(&uses, b->j, b->d, b->w, &b->rates);
    for (size_t i = 0; !code && i < uses.count; i++)
        code = book_use(b, &uses.items[i], err);
    uses_release(&uses);
    return code;
}

/* What of that the rollout launched in vain, and what its cap allowed. */
static int book_storm(const struct books *b, struct err *err)
{
    const struct ledger_storm storm = {.attempts = journal_fact_i64(b->j, "rollout.attempts", 0),
                                       .slots = journal_fact_i64(b->j, "rollout.desired", 1),
                                       .failed_s = journal_fact_i64(b->j, "rollout.failed_s", 0),
                                       .billed_s = b->d->storm_s,
                                       .cap_s = b->d->cap_s,
                                       .hourly = b->rates.regime == REGIME_HOURLY};
    return storm.attempts > 0 ? ledger_storm_book(b->ledger, &b->scope, &storm, b->now, err) : 0;
}

static int book_all(struct books *b, struct err *err)
{
    struct statement s = {.makespan_s = 0};
    struct journal *j = NULL;
    struct journal_clock clock = {b->w->transport->now_ms, b->w->transport->self};
    int code = journal_open(&j, b->w->state, NULL, b->d->run, clock, err);
    b->j = j;
    if (!code)
        code = statement_make(&s, j, b->d, b->w, err);
    b->rates = s.rates;
    if (!code)
        code = book_uses(b, err);
    if (!code)
        code = book_storm(b, err);
    journal_free(j);
    return code;
}

int booking_end(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *d, struct err *err)
{
    struct books b = {.ledger = ledger, .w = w, .d = d, .now = w->transport->now_ms(w->transport->self) / 1000};
    b.scope = scope_of(w, d, b.name);
    int code = book_all(&b, err);
    if (!code)
        code = ledger_deployment_end(ledger, b.name, d->ended_ms / 1000, d->state, b.now, err);
    return code ? code : ledger_synced(ledger, b.now, err);
}
