#include "billing/ledger_bill.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
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

static void add_instance(struct bill_files *files, const struct ledger_usage *u, instant_t end)
{
    struct names *names = files->names;
    struct usage *list = &files->usage;
    char price[MONEY_TEXT_SIZE];
    list->rows = mem_grow(list->rows, &list->cap, list->count + 1, sizeof(*list->rows));
    list->rows[list->count] = (struct usage_row){.account = names_id(names, u->account),
                                                 .instance = names_id(names, u->resource),
                                                 .type = names_id(names, u->type),
                                                 .region = names_id(names, u->region),
                                                 .zone = names_id(names, u->zone),
                                                 .os = names_id(names, u->os),
                                                 .line = (uint32_t)list->count + 1,
                                                 .type_column = 1,
                                                 .own_regime = u->regime,
                                                 .start = u->start,
                                                 .end = end};
    if (u->usd >= 0)
        list->rows[list->count].own_price = names_id(names, money_text(u->usd, price)) + 1;
    list->count++;
}

void ledger_bill_add(struct bill_files *files, const struct ledger_usage *u, instant_t end)
{
    struct names *names = files->names;
    struct resources *list = &files->resources;
    if (strcmp(u->kind, "instance") == 0) {
        add_instance(files, u, end);
        return;
    }
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
                                                    .end = end};
    list->count++;
}

static int take_use(void *context, const struct ledger_usage *u, const struct ledger_scope *scope, struct err *err)
{
    const struct filling *f = context;
    (void)scope;
    (void)err;
    ledger_bill_add(f->files, u, end_of(f, u));
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

/* What the bill says of one resource in the month: its on-demand money, all else having cost nothing or being fees; or
 * the seconds that it drew from pools. */
struct target {
    const char *resource, *kind;
    int64_t amount;
    bool pool;
};

struct targets {
    struct target *list;
    size_t count, cap;
    money_t reserved_fees, plan_fees;
    struct arena texts; /* of those that the bill says nothing of */
};

static void add_target(struct targets *t, const struct target *target)
{
    t->list = mem_grow(t->list, &t->cap, t->count + 1, sizeof(*t->list));
    t->list[t->count++] = *target;
}

static int compare_targets(const void *a, const void *b)
{
    const struct target *x = a;
    const struct target *y = b;
    int order = strcmp(x->resource, y->resource);
    order = order ? order : strcmp(x->kind, y->kind);
    return order ? order : x->pool - y->pool;
}

static void add_line(struct targets *t, const struct bill_line *l)
{
    const char *kind = l->factor4 ? "instance" : l->type;
    if (!*l->instance && l->plan_line)
        t->plan_fees += l->cost_usd;
    else if (!*l->instance)
        t->reserved_fees += l->cost_usd;
    else
        add_target(t, &(struct target){l->instance, kind, l->cost_usd, false});
    if (*l->instance && l->pool && l->kind == BILL_RESERVED)
        add_target(
            t, &(struct target){l->instance, kind,
                                (int64_t)num_div_half_even(l->hours_numerator * SECONDS_PER_HOUR, l->hours_denominator),
                                true});
}

/* What was settled before and is on no bill any more: to be taken back. */
static int take_settled(void *context, sqlite3_stmt *row)
{
    struct targets *t = context;
    const char *account = (const char *)sqlite3_column_text(row, 1);
    bool pool = strncmp(account, POOL_PREFIX, strlen(POOL_PREFIX)) == 0;
    const char *resource = (const char *)sqlite3_column_text(row, 0);
    const char *kind = strchr(account, ':') + 1;
    add_target(t, &(struct target){arena_dup(&t->texts, resource), arena_dup(&t->texts, kind), 0, pool});
    return 0;
}

/* One target a resource and kind. */
static void merge(struct targets *t)
{
    size_t kept = 0;
    if (t->count)
        qsort(t->list, t->count, sizeof(*t->list), compare_targets);
    for (size_t i = 0; i < t->count; i++) {
        if (kept && compare_targets(&t->list[kept - 1], &t->list[i]) == 0)
            t->list[kept - 1].amount += t->list[i].amount;
        else
            t->list[kept++] = t->list[i];
    }
    t->count = kept;
}

/* What is booked of one resource: by who pays and by slice. weight: as metered; booked: with what was settled. */
struct share {
    char *deployment, *environment, *project;
    instant_t at;
    int64_t weight, booked;
};

struct shares {
    struct share *list;
    size_t count, cap;
    int128 weight;
    int64_t booked;
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
    int64_t amount = sqlite3_column_int64(row, 4);
    share->weight = sqlite3_column_int(row, 5) ? amount : 0;
    share->booked = sqlite3_column_int(row, 6) ? amount : 0;
    s->weight += share->weight;
    s->booked += share->booked;
    return 0;
}

static int compare_shares(const void *a, const void *b)
{
    const struct share *x = a;
    const struct share *y = b;
    int order = x->at < y->at ? -1 : x->at > y->at;
    order = order ? order : strcmp(x->deployment, y->deployment);
    order = order ? order : strcmp(x->environment, y->environment);
    return order ? order : strcmp(x->project, y->project);
}

static void release_share(struct share *s)
{
    free(s->deployment);
    free(s->environment);
    free(s->project);
}

/* One share a payer and instant, in their order: SQLite would open a sorter for each resource. */
static void merge_shares(struct shares *s)
{
    size_t kept = 0;
    if (s->count > 1)
        qsort(s->list, s->count, sizeof(*s->list), compare_shares);
    for (size_t i = 0; i < s->count; i++) {
        if (!kept || compare_shares(&s->list[kept - 1], &s->list[i]) != 0) {
            s->list[kept++] = s->list[i];
            continue;
        }
        s->list[kept - 1].weight += s->list[i].weight;
        s->list[kept - 1].booked += s->list[i].booked;
        release_share(&s->list[i]);
    }
    s->count = kept;
}

static void release_shares(struct shares *s)
{
    for (size_t i = 0; i < s->count; i++)
        release_share(&s->list[i]);
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

/* Where a target is booked. */
struct place {
    struct str account, metered; /* metered: whose postings say who pays which part */
    const char *against, *unit;
};

static void place_open(struct place *p, const struct target *t)
{
    str_init(&p->account, 0);
    str_init(&p->metered, 0);
    str_addf(&p->account, "%s%s", t->pool ? POOL_PREFIX : "expense:", t->kind);
    str_addf(&p->metered, "%s%s", t->pool ? "time:" : "expense:", t->kind);
    p->against = t->pool ? POOL_PREFIX "meter" : "payable:aws";
    p->unit = t->pool ? "s" : "usd";
}

static void place_release(struct place *p)
{
    str_release(&p->account);
    str_release(&p->metered);
}

static int load_shares(const struct settling *s, const char *resource, const struct place *p, struct shares *out,
                       struct err *err)
{
    int code =
        db_query(s->ledger->db, err, take_share, out,
                 "SELECT e.deployment, e.environment, e.project, p.at, p.amount, e.kind = 'usage' AND p.account "
                 "= ?3, p.account = ?2 FROM entry e CROSS JOIN posting p ON p.entry = e.id WHERE e.resource = "
                 "?1 AND p.account IN (?2, ?3) AND p.unit = ?4 AND p.at >= ?5 AND p.at < ?6 AND e.kind IN "
                 "('usage', 'settlement')",
                 "ssssii", resource, p->account.text, p->metered.text, p->unit, (int64_t)s->from, (int64_t)s->to);
    if (!code)
        merge_shares(out);
    return code;
}

static int post(struct settling *s, const char *resource, const struct place *p, const struct ledger_scope *scope,
                instant_t at, int64_t amount, struct err *err)
{
    struct str key;
    bool inserted = false;
    if (!amount)
        return 0;
    str_init(&key, 0);
    str_addf(&key, SETTLE_KEY "%lld:%zu", (long long)s->number, s->out->entries++);
    const struct ledger_entry entry = {.key = key.text,
                                       .kind = "settlement",
                                       .scope = scope,
                                       .resource = resource,
                                       .memo = "what the month's bill says",
                                       .booked = s->now};
    const struct ledger_posting pair[2] = {{p->account.text, p->unit, at, at, amount},
                                           {p->against, p->unit, at, at, -amount}};
    int code = ledger_post(s->ledger, &entry, pair, 2, &inserted, err);
    assert(code || inserted);
    str_release(&key);
    return code;
}

/* Brings what is booked of one resource to what the bill says, each share in proportion to what was metered. */
static int settle_shares(struct settling *s, const struct target *t, const struct place *p, const struct shares *shares,
                         struct err *err)
{
    int128 weight = 0;
    int64_t given = 0;
    int sign = shares->weight < 0 ? -1 : 1;
    int code = 0;
    for (size_t i = 0; i < shares->count && !code; i++) {
        const struct share *share = &shares->list[i];
        const struct ledger_scope scope = {share->deployment, share->environment, share->project};
        weight += share->weight;
        int64_t wanted = i + 1 == shares->count ? t->amount
                         : shares->weight ? (int64_t)num_div_half_even(sign * weight * t->amount, sign * shares->weight)
                                          : 0;
        code = post(s, t->resource, p, &scope, share->at, wanted - given - share->booked, err);
        given = wanted;
    }
    return code;
}

static int settle_target(struct settling *s, const struct target *t, struct err *err)
{
    const struct ledger_scope nobody = {"", "", ""};
    struct shares shares = {0};
    struct place place;
    place_open(&place, t);
    int code = load_shares(s, t->resource, &place, &shares, err);
    if (!code)
        code = settle_shares(s, t, &place, &shares, err);
    if (!code && !shares.count)
        code = post(s, t->resource, &place, &nobody, s->from, t->amount, err);
    s->out->before_usd += t->pool ? 0 : shares.booked;
    place_release(&place);
    release_shares(&shares);
    return code;
}

/* Money that is no resource's: fees, and what rounding leaves over. What was settled is found by its keys: by the time
 * or by the resource ("+" and CROSS keep SQLite from it) each entry of the month, or each deployment, would be read. */
static int settle_account(struct settling *s, const char *name, money_t wanted, struct err *err)
{
    const struct ledger_scope nobody = {"", "", ""};
    int64_t booked = 0;
    struct place place;
    place_open(&place, &(struct target){.kind = name});
    int code = db_query(s->ledger->db, err, db_take_i64, &booked,
                        "SELECT coalesce(sum(p.amount), 0) FROM entry e CROSS JOIN posting p ON p.entry = e.id WHERE "
                        "e.key >= '" SETTLE_KEY "' AND e.key < '" SETTLE_KEY_END
                        "' AND +e.resource = '' AND p.account = ? AND p.at >= ? AND p.at < ?",
                        "sii", place.account.text, (int64_t)s->from, (int64_t)s->to);
    s->out->before_usd += booked;
    if (!code)
        code = post(s, "", &place, &nobody, s->from, wanted - booked, err);
    place_release(&place);
    return code;
}

/* The bill's lines, and what an earlier settling booked in the month. */
static int gather(const struct settling *s, struct targets *t, struct err *err)
{
    for (size_t i = 0; i < s->bill->count; i++)
        add_line(t, &s->bill->lines[i]);
    int code =
        db_query(s->ledger->db, err, take_settled, t,
                 "SELECT DISTINCT e.resource, p.account FROM entry e CROSS JOIN posting p ON p.entry = e.id WHERE "
                 "e.key >= '" SETTLE_KEY "' AND e.key < '" SETTLE_KEY_END
                 "' AND e.resource <> '' AND (p.account LIKE 'expense:%' OR (p.account "
                 "LIKE '" POOL_PREFIX "%' AND p.account <> '" POOL_PREFIX "meter')) AND p.at >= ? AND p.at < ?",
                 "ii", (int64_t)s->from, (int64_t)s->to);
    merge(t);
    return code;
}

static int take_month_settled(void *context, sqlite3_stmt *row)
{
    struct ledger_month_settled *out = context;
    out->id = sqlite3_column_int64(row, 0);
    out->booked = sqlite3_column_int64(row, 1);
    return 0;
}

int ledger_month_settled(struct ledger *ledger, int month, struct ledger_month_settled *out, struct err *err)
{
    int64_t from = calendar_month_start(month);
    int64_t to = calendar_month_start(month + 1);
    int64_t newer = 0;
    char text[INSTANT_TEXT_SIZE];
    *out = (struct ledger_month_settled){0};
    int code =
        db_query(ledger->db, err, take_month_settled, out,
                 "SELECT coalesce(max(e.id), 0), coalesce(max(e.booked), 0) FROM entry e WHERE e.key >= '" SETTLE_KEY
                 "' AND e.key < '" SETTLE_KEY_END "' AND (e.memo = ?3 OR EXISTS (SELECT 1 FROM posting p WHERE "
                 "p.entry = e.id AND p.at >= ?1 AND p.at < ?2))",
                 "iis", from, to, calendar_month_text(month, text));
    if (!code)
        code = db_query(ledger->db, err, db_take_i64, &newer,
                        "SELECT EXISTS (SELECT 1 FROM entry e JOIN posting p ON p.entry = e.id WHERE e.id > ? AND "
                        "e.kind = 'usage' AND p.at >= ? AND p.at < ?)",
                        "iii", out->id, from, to);
    out->newer = newer != 0;
    return code;
}

/* A settling that had nothing to change is known by an entry without postings, where none says yet that all uses were
 * looked at, or that the month was settled after its end. */
static int mark_settled(struct settling *s, struct err *err)
{
    const struct ledger_scope nobody = {"", "", ""};
    struct ledger_month_settled last;
    struct str key;
    char text[INSTANT_TEXT_SIZE];
    bool inserted = false;
    int month = calendar_month(s->from);
    instant_t end = calendar_month_start(month + 1);
    int code = ledger_month_settled(s->ledger, month, &last, err);
    bool closes = last.id && last.booked < end && s->now >= end;
    if (code || (!last.newer && !closes))
        return code;
    str_init(&key, 0);
    str_addf(&key, SETTLE_KEY "%lld:0", (long long)s->number);
    const struct ledger_entry entry = {.key = key.text,
                                       .kind = "settlement",
                                       .scope = &nobody,
                                       .resource = "",
                                       .memo = calendar_month_text(month, text),
                                       .booked = s->now};
    code = ledger_post(s->ledger, &entry, NULL, 0, &inserted, err);
    assert(code || inserted);
    str_release(&key);
    return code;
}

/* Run again where another runner booked first: it starts afresh. */
static int settle_all(struct ledger *ledger, void *context, struct err *err)
{
    struct settling *s = context;
    struct targets targets = {0};
    money_t sum = 0;
    *s->out = (struct ledger_settled){.bill_usd = s->bill->total_usd};
    assert(ledger == s->ledger);
    int code = gather(s, &targets, err);
    if (!code)
        code = db_query(s->ledger->db, err, db_take_i64, &s->number, "SELECT coalesce(max(id), 0) + 1 FROM entry", "");
    for (size_t i = 0; i < targets.count && !code; i++) {
        code = settle_target(s, &targets.list[i], err);
        sum += targets.list[i].pool ? 0 : targets.list[i].amount;
    }
    if (!code)
        code = settle_account(s, "reserved-fee", targets.reserved_fees, err);
    if (!code)
        code = settle_account(s, "savings-plan", targets.plan_fees, err);
    sum += targets.reserved_fees + targets.plan_fees;
    if (!code)
        code = settle_account(s, "rounding", s->bill->total_usd - sum, err);
    if (!code && !s->out->entries)
        code = mark_settled(s, err);
    free(targets.list);
    arena_release(&targets.texts);
    return code;
}

int ledger_settle(struct ledger *ledger, const struct bill_input *in, int month, instant_t now,
                  struct ledger_settled *out, const struct session *session, struct err *err)
{
    instant_t end = calendar_month_start(month + 1);
    struct settling s = {
        .ledger = ledger, .from = calendar_month_start(month), .to = now < end ? now : end, .now = now, .out = out};
    struct bill_input part = *in;
    struct bill bill = {0};
    *out = (struct ledger_settled){0};
    part.from = (struct opt_instant){true, s.from};
    part.to = (struct opt_instant){true, s.to};
    if (s.to <= s.from)
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
