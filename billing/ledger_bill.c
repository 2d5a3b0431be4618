#include "billing/ledger_bill.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/ledger_private.h"

struct filling {
    struct bill_files *files;
    const instant_t *until;
};

static instant_t end_of(const struct filling *f, const struct ledger_usage *u)
{
    instant_t most = u->start + CHARGE_MOST_S;
    if (!u->open || !f->until || *f->until <= u->end)
        return u->end;
    return *f->until < most ? *f->until : most;
}

static int take_instance(const struct filling *f, const struct ledger_usage *u)
{
    struct names *names = f->files->names;
    struct usage *list = &f->files->usage;
    list->rows = mem_grow(list->rows, &list->cap, list->count + 1, sizeof(*list->rows));
    list->rows[list->count] = (struct usage_row){.account = names_id(names, u->account),
                                                 .instance = names_id(names, u->resource),
                                                 .type = names_id(names, u->type),
                                                 .region = names_id(names, u->region),
                                                 .zone = names_id(names, u->zone),
                                                 .os = names_id(names, u->os),
                                                 .line = (uint32_t)list->count + 1,
                                                 .type_column = 1,
                                                 .start = u->start,
                                                 .end = end_of(f, u)};
    list->count++;
    return 0;
}

static int take_use(void *context, const struct ledger_usage *u, const struct ledger_scope *scope, struct err *err)
{
    const struct filling *f = context;
    struct names *names = f->files->names;
    struct resources *list = &f->files->resources;
    (void)scope;
    (void)err;
    if (strcmp(u->kind, "instance") == 0)
        return take_instance(f, u);
    list->rows = mem_grow(list->rows, &list->cap, list->count + 1, sizeof(*list->rows));
    list->rows[list->count] = (struct resource_row){.account = names_id(names, u->account),
                                                    .resource = names_id(names, u->resource),
                                                    .kind = names_id(names, u->kind),
                                                    .region = names_id(names, u->region),
                                                    .line = (uint32_t)list->count + 1,
                                                    .kind_column = 1,
                                                    .quantity = u->quantity,
                                                    .usd = u->usd,
                                                    .start = u->start,
                                                    .end = end_of(f, u)};
    list->count++;
    return 0;
}

int ledger_bill_open(struct bill_files *files, struct ledger *ledger, instant_t from, instant_t to,
                     const instant_t *until, struct err *err)
{
    struct filling f = {files, until};
    files->usage.name = mem_dup(ledger_path(ledger));
    files->resources.name = mem_dup(ledger_path(ledger));
    int code = ledger_usages(ledger, from, to, take_use, &f, err);
    return code || files->catalog ? code : ledger_catalog(ledger, &files->catalog, err);
}

/* ---- settling ---- */

/* What the bill says of one resource in the month: its on-demand money, all else having cost nothing or being fees. */
struct target {
    const char *resource, *kind;
    money_t usd;
};

struct targets {
    struct target *list;
    size_t count, cap;
    money_t reserved_fees, plan_fees;
};

static void add_target(struct targets *t, const char *resource, const char *kind, money_t usd)
{
    t->list = mem_grow(t->list, &t->cap, t->count + 1, sizeof(*t->list));
    t->list[t->count++] = (struct target){resource, kind, usd};
}

static int compare_targets(const void *a, const void *b)
{
    const struct target *x = a;
    const struct target *y = b;
    int order = strcmp(x->resource, y->resource);
    return order ? order : strcmp(x->kind, y->kind);
}

/* The lines, one target a resource and kind. */
static void gather(struct targets *t, const struct bill *bill)
{
    for (size_t i = 0; i < bill->count; i++) {
        const struct bill_line *l = &bill->lines[i];
        if (!*l->instance && l->plan_line)
            t->plan_fees += l->cost_usd;
        else if (!*l->instance)
            t->reserved_fees += l->cost_usd;
        else
            add_target(t, l->instance, l->factor4 ? "instance" : l->type, l->cost_usd);
    }
    if (t->count)
        qsort(t->list, t->count, sizeof(*t->list), compare_targets);
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (kept && compare_targets(&t->list[kept - 1], &t->list[i]) == 0)
            t->list[kept - 1].usd += t->list[i].usd;
        else
            t->list[kept++] = t->list[i];
    }
    t->count = kept;
}

/* What is booked of one resource: by who pays and by day. */
struct share {
    char *deployment, *environment, *project;
    instant_t at;
    money_t usd;
};

struct shares {
    struct share *list;
    size_t count, cap;
    money_t sum;
};

static int take_share(void *context, sqlite3_stmt *row)
{
    struct shares *s = context;
    s->list = mem_grow(s->list, &s->cap, s->count + 1, sizeof(*s->list));
    struct share *share = &s->list[s->count++];
    share->deployment = mem_dup((const char *)sqlite3_column_text(row, 0));
    share->environment = mem_dup((const char *)sqlite3_column_text(row, 1));
    share->project = mem_dup((const char *)sqlite3_column_text(row, 2));
    share->at = sqlite3_column_int64(row, 3);
    share->usd = sqlite3_column_int64(row, 4);
    s->sum += share->usd;
    return 0;
}

static void release_shares(struct shares *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->list[i].deployment);
        free(s->list[i].environment);
        free(s->list[i].project);
    }
    free(s->list);
}

/* One month's settling. */
struct settling {
    struct ledger *ledger;
    instant_t from, to, now;
    struct ledger_settled *out;
    int64_t number; /* of this settling, so that its keys are new */
    const struct bill *bill;
};

static int load_shares(const struct settling *s, const struct target *t, struct shares *out, struct err *err)
{
    struct str account;
    str_init(&account, 0);
    str_addf(&account, "expense:%s", t->kind);
    int code =
        db_query(s->ledger->db, err, take_share, out,
                 "SELECT e.deployment, e.environment, e.project, min(p.at), sum(p.amount) FROM entry e JOIN posting "
                 "p ON p.entry = e.id WHERE e.resource = ? AND p.account = ? AND p.unit = 'usd' AND p.at >= ? AND "
                 "p.at < ? AND e.kind IN ('usage', 'settlement') GROUP BY 1, 2, 3, p.at ORDER BY 4, 1, 2, 3",
                 "ssii", t->resource, account.text, (int64_t)s->from, (int64_t)s->to);
    str_release(&account);
    return code;
}

static int post(struct settling *s, const char *resource, const char *account, const struct ledger_scope *scope,
                instant_t at, money_t usd, struct err *err)
{
    struct str key;
    bool inserted = false;
    if (!usd)
        return 0;
    str_init(&key, 0);
    str_addf(&key, "settle:%lld:%zu", (long long)s->number, s->out->entries++);
    const struct ledger_entry entry = {.key = key.text,
                                       .kind = "settlement",
                                       .scope = scope,
                                       .resource = resource,
                                       .memo = "what the month's bill says",
                                       .booked = s->now};
    const struct ledger_posting pair[2] = {{account, "usd", at, at, usd}, {"payable:aws", "usd", at, at, -usd}};
    int code = ledger_post(s->ledger, &entry, pair, 2, &inserted, err);
    assert(code || inserted);
    str_release(&key);
    return code;
}

/* Brings one resource's expense to what the bill says, in proportion to what each share was booked for. */
static int settle_target(struct settling *s, const struct target *t, struct err *err)
{
    struct shares shares = {0};
    struct str account;
    str_init(&account, 0);
    str_addf(&account, "expense:%s", t->kind);
    int code = load_shares(s, t, &shares, err);
    money_t booked = 0;
    money_t given = 0;
    for (size_t i = 0; i < shares.count && !code; i++) {
        const struct share *share = &shares.list[i];
        const struct ledger_scope scope = {share->deployment, share->environment, share->project};
        booked += share->usd;
        money_t wanted =
            shares.sum ? (money_t)num_div_half_even((int128)t->usd * booked, shares.sum > 0 ? shares.sum : -shares.sum)
            : i + 1 == shares.count ? t->usd
                                    : 0;
        if (shares.sum < 0)
            wanted = -wanted;
        code = post(s, t->resource, account.text, &scope, share->at, wanted - given - share->usd, err);
        given = wanted;
    }
    s->out->before_usd += shares.sum;
    if (!code && !shares.count) {
        const struct ledger_scope nobody = {"", "", ""};
        code = post(s, t->resource, account.text, &nobody, s->from, t->usd, err);
    }
    str_release(&account);
    release_shares(&shares);
    return code;
}

static int take_i64(void *context, sqlite3_stmt *row)
{
    *(int64_t *)context = sqlite3_column_int64(row, 0);
    return 0;
}

/* Money that is no resource's: fees, and what rounding leaves over. */
static int settle_account(struct settling *s, const char *account, money_t wanted, struct err *err)
{
    const struct ledger_scope nobody = {"", "", ""};
    int64_t booked = 0;
    int code =
        db_query(s->ledger->db, err, take_i64, &booked,
                 "SELECT coalesce(sum(p.amount), 0) FROM entry e JOIN posting p ON p.entry = e.id WHERE e.kind = "
                 "'settlement' AND e.resource = '' AND p.account = ? AND p.at >= ? AND p.at < ?",
                 "sii", account, (int64_t)s->from, (int64_t)s->to);
    s->out->before_usd += booked;
    return code ? code : post(s, "", account, &nobody, s->from, wanted - booked, err);
}

/* Run again where another runner booked first: it starts afresh. */
static int settle_all(struct ledger *ledger, void *context, struct err *err)
{
    struct settling *s = context;
    const struct bill *bill = s->bill;
    struct targets targets = {0};
    money_t sum = 0;
    *s->out = (struct ledger_settled){.bill_usd = bill->total_usd};
    assert(ledger == s->ledger);
    gather(&targets, bill);
    int code = db_query(s->ledger->db, err, take_i64, &s->number, "SELECT coalesce(max(id), 0) + 1 FROM entry", "");
    for (size_t i = 0; i < targets.count && !code; i++) {
        code = settle_target(s, &targets.list[i], err);
        sum += targets.list[i].usd;
    }
    if (!code)
        code = settle_account(s, "expense:reserved-fee", targets.reserved_fees, err);
    if (!code)
        code = settle_account(s, "expense:savings-plan", targets.plan_fees, err);
    sum += targets.reserved_fees + targets.plan_fees;
    if (!code)
        code = settle_account(s, "expense:rounding", bill->total_usd - sum, err);
    free(targets.list);
    return code;
}

int ledger_settle(struct ledger *ledger, const struct bill_input *in, int month, instant_t now,
                  struct ledger_settled *out, const struct session *session, struct err *err)
{
    struct settling s = {.ledger = ledger, .from = calendar_month_start(month), .now = now, .out = out};
    struct bill_input part = *in;
    struct bill bill = {0};
    *out = (struct ledger_settled){0};
    s.to = calendar_month_start(month + 1);
    part.from = (struct opt_instant){true, s.from};
    part.to = (struct opt_instant){true, now < s.to ? now : s.to};
    if (part.to.at <= s.from)
        return err_set(err, EXIT_INPUT, "the month has not begun");
    part.pool_fees_accrue = true;
    int code = bill_make(&bill, &part, session, err);
    if (code)
        return code;
    s.bill = &bill;
    code = ledger_together(ledger, settle_all, &s, now, err);
    bill_release(&bill);
    return code;
}
