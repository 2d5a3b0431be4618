/* cmd_ledger_settle.c - bakehour ledger settle: reservations, plans and free hours on the ledger. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "billing/commands.h"
#include "billing/settled.h"

struct args {
    const char *ledger;
    struct bill_sources in;
    struct opt_instant at;
};

static const struct opt options[] = {
    {"Ledger", OPT_HEADING, NULL, NULL, NULL, 0},
    {"ledger", OPT_VALUE, "FILE", "the ledger: a file, or dynamodb:TABLE (default: " LEDGER_FILE ")", opt_text,
     offsetof(struct args, ledger)},
    {"at", OPT_VALUE, "TIME", "its UTC month is settled, up to it (default: now)", opt_instant,
     offsetof(struct args, at)},
    {"What pays", OPT_HEADING, NULL, NULL, NULL, 0},
    {"reserved", OPT_VALUE, "FILE", "reservations, CSV as 'bill' reads it", opt_text,
     offsetof(struct args, in.reserved)},
    {"commitments", OPT_VALUE, "FILE", "Savings Plans, CSV as 'bill' reads it (needs --plan-rates)", opt_text,
     offsetof(struct args, in.commitments)},
    {"plan-rates", OPT_VALUE, "FILE", "what Savings Plans pay an hour", opt_text, offsetof(struct args, in.plan_rates)},
    {"free-tier", OPT_VALUE, "DATE", "the account was opened then", bill_opt_free_tier,
     offsetof(struct args, in.free_tier)},
    {"unlinked", OPT_FLAG, NULL, "reservations and plans serve their own account only", opt_flag,
     offsetof(struct args, in.unlinked)},
    {"catalog", OPT_VALUE, "FILE", "on-demand prices (default: those that usage was booked at)", opt_text,
     offsetof(struct args, in.catalog)},
    BILL_REGIME_OPTION(struct args, in),
    OPT_END,
};

static void print(const struct ledger_settled *s, int month, const struct session *session)
{
    char bill[MONEY_TEXT_SIZE];
    char before[MONEY_TEXT_SIZE];
    char text[INSTANT_TEXT_SIZE];
    if (session->json) {
        cJSON *document = json_document("ledger-settle");
        json_text(document, "month", calendar_month_text(month, text));
        json_text(document, "bill_usd", money_text(s->bill_usd, bill));
        json_text(document, "before_usd", money_text(s->before_usd, before));
        json_i64(document, "entries", (int64_t)s->entries);
        json_print(document, session->out);
        return;
    }
    fprintf(session->out, "%s: the bill is %s USD, %s were booked; %zu %s booked now.\n",
            calendar_month_text(month, text), money_text(s->bill_usd, bill), money_text(s->before_usd, before),
            s->entries, s->entries == 1 ? "entry" : "entries");
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct ledger *ledger = NULL;
    struct bill_files files = {0};
    struct ledger_settled settled = {0};
    instant_t now = args->at.given ? args->at.at : session->now_s;
    int month = calendar_month(now - 1);
    int code = bill_files_open_held(&files, &args->in, session, err);
    if (!code)
        code = ledger_open(&ledger, args->ledger ? args->ledger : LEDGER_FILE, LEDGER_READ, err);
    if (!code)
        code = settled_book(ledger, &files, &args->in, month, now, &settled, session, err);
    if (!code)
        print(&settled, month, session);
    ledger_close(ledger);
    bill_files_release(&files);
    return code;
}

const struct command cmd_ledger_settle = {
    .name = "ledger settle",
    .summary = "book what reservations, plans and free hours pay for",
    .about =
        "Makes the bill of a month from the ledger's own usage and books the difference to what stands there: covered "
        "usage costs nothing any more, fees are booked, and the month sums to the bill to the last unit. Each "
        "deployment keeps its share. Settling again books only what has changed.",
    .example = "bakehour ledger settle --reserved reserved.csv",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
