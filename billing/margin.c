#include "billing/margin.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/ledger_private.h"

/* The deployment that the next one is like. */
struct like {
    char *id;
    instant_t started, ended;
};

static int take_like(void *context, sqlite3_stmt *row)
{
    struct like *like = context;
    like->id = mem_dup((const char *)sqlite3_column_text(row, 0));
    like->started = sqlite3_column_int64(row, 1);
    like->ended = sqlite3_column_int64(row, 2);
    return 0;
}

static int find_like(struct ledger *ledger, const char *environment, instant_t at, struct like *out, struct err *err)
{
    return db_query(
        ledger->db, err, take_like, out,
        "SELECT id, started, ended FROM deployment d WHERE started < ?1 AND ended <= ?1 AND outcome = "
        "'completed' AND (?2 IS NULL OR environment = ?2) AND EXISTS (SELECT 1 FROM entry e JOIN usage u ON "
        "u.id = e.usage WHERE e.deployment = d.id AND u.deployment = d.id) ORDER BY started DESC, id DESC LIMIT 1",
        "is", (int64_t)at, environment);
}

static bool is_instance(const struct ledger_usage *u)
{
    return strcmp(u->kind, "instance") == 0;
}

/* What the next deployment uses: moved to `at`, instances no longer than the deployment. */
static void move(struct ledger_usage_rows *uses, const struct like *like, instant_t at)
{
    for (size_t i = 0; i < uses->count; i++) {
        struct ledger_usage *u = &uses->items[i].usage;
        instant_t end = is_instance(u) && u->end > like->ended ? like->ended : u->end;
        instant_t begin = u->start > like->started ? u->start : like->started;
        int64_t length = end > begin ? end - begin : 0;
        u->start = at + (begin - like->started);
        u->end = u->start + length;
        u->open = false;
    }
}

/* Both bills in the making. */
struct bills {
    struct ledger_usage_rows next; /* its uses */
    bool *placed;                  /* of them: in an instance that runs already */
    instant_t at, from, to;
    bool with;
    struct bill_files *files;
    bool reuses;
};

static bool same_kind(const struct ledger_usage *a, const struct ledger_usage *b)
{
    return is_instance(a) && is_instance(b) && strcmp(a->type, b->type) == 0 && strcmp(a->region, b->region) == 0 &&
           strcmp(a->os, b->os) == 0 && strcmp(a->account, b->account) == 0;
}

/* Up to when an instance that a deployment keeps has work: `at`, or the end of the use that takes place in it. */
static instant_t kept_until(struct bills *b, const struct ledger_usage *kept)
{
    for (size_t i = 0; i < b->next.count; i++) {
        const struct ledger_usage *u = &b->next.items[i].usage;
        if (b->placed[i] || !same_kind(u, kept))
            continue;
        b->placed[i] = b->reuses = true;
        return b->with ? u->end : b->at;
    }
    return b->at;
}

static int add_booked(void *context, const struct ledger_usage *u, const struct ledger_scope *scope, struct err *err)
{
    struct bills *b = context;
    (void)err;
    if (!u->open || u->start >= b->at)
        ledger_bill_add(b->files, u, u->end);
    else if (!is_instance(u) || !*scope->deployment)
        ledger_bill_add(b->files, u, b->to);
    else
        ledger_bill_add(b->files, u, kept_until(b, u));
    return 0;
}

static void empty(struct bill_files *files)
{
    usage_release(&files->usage);
    resources_release(&files->resources);
    files->usage = (struct usage){.name = mem_dup("the ledger")};
    files->resources = (struct resources){.name = mem_dup("the ledger")};
}

static int total_of(const struct bills *b, const struct bill_sources *sources, money_t *out,
                    const struct session *session, struct err *err)
{
    struct bill bill = {0};
    struct bill_input in = bill_files_input(b->files, sources);
    in.resources = &b->files->resources;
    in.from = (struct opt_instant){true, b->from};
    in.to = (struct opt_instant){true, b->to};
    int code = bill_make(&bill, &in, session, err);
    *out = bill.total_usd;
    if (!code)
        bill_release(&bill);
    return code;
}

static int one_bill(struct bills *b, struct ledger *ledger, const struct bill_sources *sources, bool with, money_t *out,
                    const struct session *session, struct err *err)
{
    memset(b->placed, 0, b->next.count * sizeof(*b->placed));
    b->with = with;
    b->reuses = false;
    empty(b->files);
    int code = ledger_usages(ledger, b->from - SECONDS_PER_HOUR, b->to, add_booked, b, err);
    for (size_t i = 0; with && i < b->next.count && !code; i++)
        if (!b->placed[i])
            ledger_bill_add(b->files, &b->next.items[i].usage, b->next.items[i].usage.end);
    return code ? code : total_of(b, sources, out, session, err);
}

/* Its uses alone, with nothing that pays. */
static int on_demand(struct bills *b, const struct bill_sources *sources, money_t *out, const struct session *session,
                     struct err *err)
{
    const struct bill_sources bare = {.regime = sources->regime};
    empty(b->files);
    for (size_t i = 0; i < b->next.count; i++)
        ledger_bill_add(b->files, &b->next.items[i].usage, b->next.items[i].usage.end);
    return total_of(b, &bare, out, session, err);
}

static int compare_bills(struct margin *out, struct ledger *ledger, struct bills *b, const struct bill_sources *sources,
                         const struct session *session, struct err *err)
{
    money_t with = 0;
    money_t without = 0;
    int code = b->files->catalog ? 0 : ledger_catalog(ledger, &b->files->catalog, err);
    if (!code)
        code = one_bill(b, ledger, sources, false, &without, session, err);
    if (!code)
        code = one_bill(b, ledger, sources, true, &with, session, err);
    out->reuses = b->reuses;
    out->usd = with - without;
    return code ? code : on_demand(b, sources, &out->on_demand_usd, session, err);
}

int margin_of_next(struct margin *out, struct ledger *ledger, const char *environment, instant_t at,
                   struct bill_files *held, const struct bill_sources *sources, const struct session *session,
                   struct err *err)
{
    struct like like = {0};
    struct bills b = {.at = at, .from = calendar_month_start(calendar_month(at)), .to = at + 1, .files = held};
    *out = (struct margin){0};
    int code = find_like(ledger, environment, at, &like, err);
    if (!code && like.id)
        code = db_query(
            ledger->db, err, ledger_usage_rows_take, &b.next,
            "SELECT " LEDGER_USAGE_COLUMNS
            " FROM usage WHERE id IN (SELECT usage FROM entry WHERE deployment = ?1) AND deployment = ?1 ORDER BY id",
            "s", like.id);
    if (!code && b.next.count) {
        move(&b.next, &like, at);
        for (size_t i = 0; i < b.next.count; i++)
            b.to = b.next.items[i].usage.end > b.to ? b.next.items[i].usage.end : b.to;
        b.to = calendar_month_start(calendar_month(b.to - 1) + 1);
        b.placed = mem_zero(b.next.count, sizeof(*b.placed));
        if (!held->names)
            held->names = names_new();
        out->known = true;
        str_fit(out->like, sizeof(out->like), "%s", like.id);
        code = compare_bills(out, ledger, &b, sources, session, err);
    }
    ledger_usage_rows_release(&b.next);
    free(b.placed);
    free(like.id);
    return code;
}
