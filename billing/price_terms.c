#include "billing/price_terms.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

#define STEPS_MAX 100000 /* changes of the price of one product under one term */

/* One change of one of the two rates. */
struct step {
    instant_t effective, last;
    money_t usd;
    bool upfront;
    const char *version;
};

/* The rows of one product under one term, while they come. */
struct group {
    price_terms_row *row;
    void *context;
    int64_t product, term;
    struct price_terms terms;
    struct step *steps;
    size_t count, cap;
    struct arena texts;
};

static int compare_steps(const void *a, const void *b)
{
    const struct step *x = a;
    const struct step *y = b;
    return (x->effective > y->effective) - (x->effective < y->effective);
}

/* Gives the group out, date by date: what changes at one instant is one change. */
static int give(struct group *g)
{
    struct price_terms *t = &g->terms;
    int code = 0;
    if (g->count)
        qsort(g->steps, g->count, sizeof(*g->steps), compare_steps);
    t->first = true;
    for (size_t i = 0; i < g->count && !code;) {
        t->before_hourly_usd = t->hourly_usd;
        t->before_upfront_usd = t->upfront_usd;
        t->effective = t->last = g->steps[i].effective;
        for (; i < g->count && g->steps[i].effective == t->effective; i++) {
            *(g->steps[i].upfront ? &t->upfront_usd : &t->hourly_usd) = g->steps[i].usd;
            t->last = g->steps[i].last > t->last ? g->steps[i].last : t->last;
            t->version = g->steps[i].version;
        }
        code = g->row(g->context, t);
        t->first = false;
    }
    g->count = 0;
    return code;
}

static void begin_group(struct group *g, const struct price_row *row)
{
    arena_reset(&g->texts);
    struct arena *a = &g->texts;
    g->product = row->product;
    g->term = row->term;
    g->terms = (struct price_terms){.type = arena_dup(a, row->type),
                                    .region = arena_dup(a, row->region),
                                    .os = arena_dup(a, row->os),
                                    .sku = arena_dup(a, row->sku),
                                    .kind = arena_dup(a, row->kind),
                                    .lease = arena_dup(a, row->lease),
                                    .payment = arena_dup(a, row->payment),
                                    .offering = arena_dup(a, row->offering)};
}

static int take(void *context, const struct price_row *row)
{
    struct group *g = context;
    bool upfront = strcmp(row->unit, "Quantity") == 0;
    bool hourly = strcmp(row->unit, "Hrs") == 0 || strcmp(row->unit, "Hours") == 0;
    bool first_tier = !*row->begin || strtol(row->begin, NULL, 10) == 0;
    if ((!upfront && !hourly) || !first_tier)
        return 0;
    if (g->count && (g->product != row->product || g->term != row->term)) {
        int code = give(g);
        if (code)
            return code;
    }
    if (!g->count)
        begin_group(g, row);
    if (g->count == STEPS_MAX)
        return 0;
    g->steps = mem_grow(g->steps, &g->cap, g->count + 1, sizeof(*g->steps));
    g->steps[g->count++] = (struct step){.effective = row->effective,
                                         .last = row->last,
                                         .usd = row->usd,
                                         .upfront = upfront,
                                         .version = arena_dup(&g->texts, row->version)};
    return 0;
}

int price_terms_each(struct price_db *db, const struct price_query *query, price_terms_row *row, void *context,
                     struct err *err)
{
    struct group g = {.row = row, .context = context};
    arena_init(&g.texts);
    int code = price_db_each(db, query, take, &g, err);
    if (!code && g.count)
        code = give(&g);
    arena_release(&g.texts);
    free(g.steps);
    return code;
}

int price_terms_years(const char *lease)
{
    return *lease == '1' || *lease == '3' ? *lease - '0' : 0;
}

static int read_list(struct price_db *db, struct source *source, bool on_demand_only, const struct session *session,
                     struct err *err)
{
    struct diag diag = {.out = session ? session->err : NULL, .most = 20};
    const struct price_import_options options = {
        .now_s = session ? session->now_s : 0, .on_demand_only = on_demand_only, .diag = &diag};
    struct price_import imported;
    int code = price_db_begin(db, err);
    if (!code)
        code = price_db_import(db, source, &options, &imported, err);
    diag_close(&diag);
    if (!code && diag.count)
        code = err_set(err, EXIT_INPUT, "%s: %zu bad %s", source_name(source), diag.count,
                       diag.count == 1 ? "rate" : "rates");
    return code ? code : price_db_commit(db, err);
}

int price_source_open(struct price_db **out, struct source *source, const char *path, bool on_demand_only,
                      const struct session *session, struct err *err)
{
    const char *head;
    ptrdiff_t len = source_peek(source, &head);
    *out = NULL;
    if (len <= 0)
        return 0;
    if (price_db_is(head, (size_t)len))
        return price_db_open(out, path, false, err);
    if (!price_list_is(head, (size_t)len))
        return 0;
    struct price_db *db;
    int code = price_db_open(&db, "", true, err);
    if (code)
        return code;
    code = read_list(db, source, on_demand_only, session, err);
    if (code)
        price_db_close(db);
    else
        *out = db;
    return code;
}
