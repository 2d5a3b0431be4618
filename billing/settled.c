#include "billing/settled.h"

#include <assert.h>

#include "billing/ledger_private.h"

bool settled_by(const struct bill_sources *s)
{
    return s->reserved || s->commitments || s->plan_rates || s->free_tier.given;
}

/* One month of the ledger's usage as the input of its bill, and the bill booked. */
static int settle_month(struct ledger *ledger, struct bill_files *held, const struct bill_sources *sources, int month,
                        instant_t now, struct ledger_settled *out, const struct session *session, struct err *err)
{
    usage_release(&held->usage);
    resources_release(&held->resources);
    held->usage = (struct usage){0};
    held->resources = (struct resources){0};
    int code = ledger_bill_open(held, ledger, calendar_month_start(month) - SECONDS_PER_HOUR, now, NULL, err);
    if (code)
        return code;
    struct bill_input in = bill_files_input(held, sources);
    in.resources = &held->resources;
    return ledger_settle(ledger, &in, month, now, out, session, err);
}

struct booking_month {
    struct bill_files *held;
    const struct bill_sources *sources;
    int month;
    instant_t now;
    struct ledger_settled *out;
    const struct session *session;
};

static int book_month(struct ledger *ledger, void *context, struct err *err)
{
    const struct booking_month *b = context;
    int code = ledger_uses_up_to(ledger, b->now, false, err);
    return code ? code : settle_month(ledger, b->held, b->sources, b->month, b->now, b->out, b->session, err);
}

int settled_book(struct ledger *ledger, struct bill_files *held, const struct bill_sources *sources, int month,
                 instant_t now, struct ledger_settled *out, const struct session *session, struct err *err)
{
    struct booking_month b = {held, sources, month, now, out, session};
    return ledger_together(ledger, book_month, &b, now, err);
}

/* Whether a month was settled after its end, and nothing of it is newer. */
static int is_closed(struct ledger *ledger, int month, bool *closed, struct err *err)
{
    struct ledger_month_settled last;
    int code = ledger_month_settled(ledger, month, &last, err);
    *closed = !code && last.id && last.booked >= calendar_month_start(month + 1) && !last.newer;
    return code;
}

/* The first use's start, or `from` where there is one before it: then nobody reads them all. */
static int first_use(struct ledger *ledger, instant_t from, instant_t *at, struct err *err)
{
    int64_t first = *at;
    int64_t earlier = 0;
    int code = db_query(ledger->db, err, db_take_i64, &earlier, "SELECT EXISTS (SELECT 1 FROM usage WHERE start < ?)",
                        "i", (int64_t)from);
    if (!code && earlier)
        first = from;
    else if (!code)
        code = db_query(ledger->db, err, db_take_i64, &first, "SELECT coalesce(min(start), ?1) FROM usage", "i",
                        (int64_t)*at);
    *at = first;
    return code;
}

static int settle_months(struct ledger *ledger, struct bill_files *held, const struct bill_sources *sources,
                         instant_t from, instant_t at, const struct session *session, struct err *err)
{
    struct ledger_settled out;
    instant_t first = at - 1;
    int code = ledger_uses_up_to(ledger, at, true, err);
    if (!code)
        code = first_use(ledger, from, &first, err);
    for (int month = calendar_month(first > from ? first : from); !code && month <= calendar_month(at - 1); month++) {
        instant_t end = calendar_month_start(month + 1);
        bool closed = false;
        if (end <= at)
            code = is_closed(ledger, month, &closed, err);
        if (!code && !closed)
            code = settle_month(ledger, held, sources, month, end < at ? end : at, &out, session, err);
    }
    return code;
}

int settled_view(struct ledger *ledger, struct bill_files *held, const struct bill_sources *sources, instant_t from,
                 instant_t at, const struct session *session, struct err *err)
{
    assert(!ledger->inside);
    int code = db_begin(ledger->db, err);
    if (code)
        return code;
    ledger->inside = true;
    code = settle_months(ledger, held, sources, from, at, session, err);
    if (code)
        settled_view_end(ledger);
    return code;
}

void settled_view_end(struct ledger *ledger)
{
    if (!ledger || !ledger->inside)
        return;
    db_rollback(ledger->db);
    ledger->inside = false;
}

struct last {
    int64_t id, booked;
};

static int take_last(void *context, sqlite3_stmt *row)
{
    struct last *last = context;
    last->id = sqlite3_column_int64(row, 0);
    last->booked = sqlite3_column_int64(row, 1);
    return 0;
}

int settled_note(struct ledger *ledger, struct str *to, struct err *err)
{
    struct last last = {0};
    int64_t newer = 0;
    char text[INSTANT_TEXT_SIZE];
    str_clear(to);
    int code = db_query(ledger->db, err, take_last, &last,
                        "SELECT coalesce(max(id), 0), coalesce(max(booked), 0) FROM entry WHERE key >= '" SETTLE_KEY
                        "' AND key < '" SETTLE_KEY_END "'",
                        "");
    if (!code && last.id)
        code = db_query(ledger->db, err, db_take_i64, &newer,
                        "SELECT count(DISTINCT usage) FROM entry WHERE id > ? AND kind = 'usage'", "i", last.id);
    if (!code && newer)
        str_addf(to,
                 "note: %lld %s booked since the ledger was settled (%s) %s at on-demand prices: name what pays "
                 "(--reserved and the like), or run `ledger settle`",
                 (long long)newer, newer == 1 ? "use" : "uses", calendar_text(last.booked, text),
                 newer == 1 ? "stands" : "stand");
    return code;
}
