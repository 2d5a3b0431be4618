#include "billing/price_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/catalog.h"

#define HOURS_PER_YEAR 8760

static const char *keep(struct price_set *set, const char *text)
{
    return names_text(set->names, names_id(set->names, text));
}

static void add(struct price_set *set, const struct price_entry *e)
{
    set->entries = mem_grow(set->entries, &set->cap, set->count + 1, sizeof(*set->entries));
    set->entries[set->count++] = *e;
}

static int add_terms(void *context, const struct price_terms *t)
{
    struct price_set *set = context;
    const struct price_entry e = {.type = keep(set, t->type),
                                  .region = keep(set, t->region),
                                  .os = keep(set, t->os),
                                  .kind = keep(set, t->kind),
                                  .lease = keep(set, t->lease),
                                  .offering = keep(set, t->offering),
                                  .payment = keep(set, t->payment),
                                  .version = keep(set, t->version),
                                  .effective = t->effective,
                                  .hourly_usd = t->hourly_usd,
                                  .upfront_usd = t->upfront_usd};
    add(set, &e);
    return 0;
}

static bool matches(const char *asked, const char *text)
{
    return !asked || strcmp(asked, text) == 0;
}

static void add_catalog(struct price_set *set, const struct catalog *c, const struct price_choice *choice)
{
    for (size_t i = 0; i < catalog_count(c) && choice->term != TERM_RESERVED; i++) {
        const struct catalog_price *p = catalog_at(c, i);
        if (!matches(choice->type, p->type) || !matches(choice->region, p->region) || !matches(choice->os, p->os))
            continue;
        const struct price_entry e = {.type = keep(set, p->type),
                                      .region = keep(set, p->region),
                                      .os = keep(set, p->os),
                                      .kind = keep(set, PRICE_ON_DEMAND),
                                      .lease = "",
                                      .offering = "",
                                      .payment = "",
                                      .version = "",
                                      .effective = p->effective,
                                      .hourly_usd = p->usd_per_hour};
        add(set, &e);
    }
}

int price_entry_compare_key(const struct price_entry *a, const struct price_entry *b)
{
    const char *const x[] = {a->type, a->region, a->os, a->kind, a->lease, a->offering, a->payment};
    const char *const y[] = {b->type, b->region, b->os, b->kind, b->lease, b->offering, b->payment};
    int order = 0;
    for (size_t i = 0; i < sizeof(x) / sizeof(*x) && !order; i++)
        order = x[i] == y[i] ? 0 : strcmp(x[i], y[i]);
    return order;
}

static int compare_entries(const void *a, const void *b)
{
    const struct price_entry *x = a;
    const struct price_entry *y = b;
    int order = price_entry_compare_key(x, y);
    order = order ? order : (x->effective > y->effective) - (x->effective < y->effective);
    order = order ? order : (x->hourly_usd > y->hourly_usd) - (x->hourly_usd < y->hourly_usd);
    return order ? order : (x->upfront_usd > y->upfront_usd) - (x->upfront_usd < y->upfront_usd);
}

static void sort_and_drop_doubles(struct price_set *set)
{
    if (set->count)
        qsort(set->entries, set->count, sizeof(*set->entries), compare_entries);
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct price_entry *last = kept ? &set->entries[kept - 1] : NULL;
        if (!last || last->effective != set->entries[i].effective || price_entry_compare_key(last, &set->entries[i]))
            set->entries[kept++] = set->entries[i];
    }
    set->count = kept;
}

static int read_aws(struct price_set *set, struct price_db *db, const struct price_choice *choice, struct err *err)
{
    static const char *const kinds[] = {
        [TERM_ON_DEMAND] = PRICE_ON_DEMAND, [TERM_RESERVED] = PRICE_RESERVED, [TERM_ALL] = NULL};
    const struct price_query query = {
        .type = choice->type, .region = choice->region, .os = choice->os, .kind = kinds[choice->term], .plain = true};
    return price_terms_each(db, &query, add_terms, set, err);
}

static int read_catalog(struct price_set *set, const char *path, const struct price_choice *choice,
                        const struct session *session, struct err *err)
{
    struct catalog *catalog;
    int code = path ? catalog_open(&catalog, path, session, err) : catalog_builtin(&catalog, err);
    if (code)
        return code;
    add_catalog(set, catalog, choice);
    catalog_free(catalog);
    return 0;
}

int price_set_open(struct price_set *out, const char *path, const struct price_choice *choice,
                   const struct session *session, struct err *err)
{
    struct price_db *db = NULL;
    struct source *source = NULL;
    bool file = path && strcmp(path, "-") != 0;
    if (path && !file && choice->term != TERM_ON_DEMAND)
        return err_set(err, EXIT_INPUT, "prices of reserved terms are read from a file, not from stdin");
    struct price_set set = {.names = names_new()};
    int code = file ? source_open(&source, path, err) : 0;
    if (!code && file)
        code = price_source_open(&db, source, path, choice->term == TERM_ON_DEMAND, session, err);
    if (!code)
        code = db ? read_aws(&set, db, choice, err) : read_catalog(&set, path, choice, session, err);
    price_db_close(db);
    source_close(source);
    sort_and_drop_doubles(&set);
    if (code)
        price_set_release(&set);
    else
        *out = set;
    return code;
}

void price_set_release(struct price_set *set)
{
    names_free(set->names);
    free(set->entries);
    *set = (struct price_set){0};
}

const struct price_entry *price_set_at(const struct price_set *set, size_t first, instant_t at, size_t *next)
{
    const struct price_entry *found = NULL;
    size_t i = first;
    for (; i < set->count && price_entry_compare_key(&set->entries[i], &set->entries[first]) == 0; i++)
        if (set->entries[i].effective <= at)
            found = &set->entries[i];
    *next = i;
    return found;
}

money_t price_entry_effective_usd(const struct price_entry *e)
{
    int years = price_terms_years(e->lease);
    int128 spread = years ? num_div_half_even(e->upfront_usd, (int128)years * HOURS_PER_YEAR) : 0;
    return e->hourly_usd + (money_t)spread;
}

const char *price_entry_term(const struct price_entry *e, char to[PRICE_TERM_TEXT])
{
    if (strcmp(e->kind, PRICE_ON_DEMAND) == 0)
        str_fit(to, PRICE_TERM_TEXT, "on demand");
    else
        str_fit(to, PRICE_TERM_TEXT, "%.40s %.40s, %.60s", e->lease, *e->offering ? e->offering : "standard",
                e->payment);
    return to;
}

const char *price_change_text(money_t before, money_t after, char to[PRICE_CHANGE_TEXT])
{
    if (!before) {
        str_fit(to, PRICE_CHANGE_TEXT, "%s", after ? "new" : "0.00 %");
        return to;
    }
    int128 hundredths = num_div_half_even(((int128)after - before) * 10000, before);
    char whole[41];
    bool less = hundredths < 0;
    hundredths = less ? -hundredths : hundredths;
    num_i128_text(hundredths / 100, whole);
    str_fit(to, PRICE_CHANGE_TEXT, "%s%.30s.%02d %%", less ? "-" : "+", whole, (int)(hundredths % 100));
    return to;
}
