/* cmd_prices_history.c - bakehour prices history and prices diff: how prices changed, and between two dates or lists.
 */
#include <assert.h>
#include <string.h>

#include "base/out.h"
#include "billing/commands.h"
#include "billing/option.h"
#include "billing/price_option.h"
#include "billing/price_set.h"

struct args {
    const char *type, *region, *os, *catalog, *against;
    struct opt_instant from, to;
    enum price_term_choice term;
};

#define CHOICE_OPTIONS                                                                                                 \
    {"Selection", OPT_HEADING, NULL, NULL, NULL, 0},                                                                   \
        {"type", OPT_VALUE, "TYPE", "this instance type only: m4.large", opt_text, offsetof(struct args, type)},       \
        {"region", OPT_VALUE, "REGION", "this region only: us-east-1", opt_text, offsetof(struct args, region)},       \
        {"os", OPT_VALUE, "OS", "this operating system only: linux", opt_text, offsetof(struct args, os)},             \
        {"term",                                                                                                       \
         OPT_VALUE,                                                                                                    \
         "on-demand|reserved|all",                                                                                     \
         "prices of this kind (default: on-demand)",                                                                   \
         price_opt_term,                                                                                               \
         offsetof(struct args, term)},                                                                                 \
        PRICE_CATALOG_OPTION(struct args, catalog)

static const struct opt history_options[] = {
    CHOICE_OPTIONS,
    {"from", OPT_VALUE, "DATE", "changes from here on", opt_instant, offsetof(struct args, from)},
    {"to", OPT_VALUE, "DATE", "and before here", opt_instant, offsetof(struct args, to)},
    OPT_END,
};

static const struct opt diff_options[] = {
    CHOICE_OPTIONS,
    {"against", OPT_VALUE, "FILE", "the catalog to compare with, as the older one (default: --catalog itself)",
     opt_text, offsetof(struct args, against)},
    {"from", OPT_VALUE, "DATE", "the older prices are those in force then (with --against: by default the last ones)",
     opt_instant, offsetof(struct args, from)},
    {"to", OPT_VALUE, "DATE", "the newer prices are those in force then (default: the last ones)", opt_instant,
     offsetof(struct args, to)},
    OPT_END,
};

/* What both commands print: one price before and after. NULL: there was, or is, none. */
struct change {
    const struct price_entry *before, *after;
};

static void change_row(struct table *t, const struct change *c)
{
    const struct price_entry *e = c->after ? c->after : c->before;
    char text[PRICE_TERM_TEXT];
    table_cell(t, "%s", e->type);
    table_cell(t, "%s", e->region);
    table_cell(t, "%s", e->os);
    table_cell(t, "%s", price_entry_term(e, text));
    table_cell(t, "%s", c->after ? calendar_date_text(c->after->effective, text) : "");
    table_cell(t, "%s", c->before ? money_text(price_entry_effective_usd(c->before), text) : "");
    table_cell(t, "%s", c->after ? money_text(price_entry_effective_usd(c->after), text) : "");
    if (c->before && c->after)
        table_cell(t, "%s",
                   price_change_text(price_entry_effective_usd(c->before), price_entry_effective_usd(c->after), text));
    else
        table_cell(t, "%s", c->after ? "new" : "gone");
}

static void entry_json(cJSON *parent, const char *name, const struct price_entry *e)
{
    char text[MONEY_TEXT_SIZE];
    if (!e) {
        cJSON_AddNullToObject(parent, name);
        return;
    }
    cJSON *object = json_object(parent, name);
    json_text(object, "effective", calendar_text(e->effective, text));
    json_text(object, "usd_per_hour", money_text(e->hourly_usd, text));
    json_text(object, "upfront_usd", money_text(e->upfront_usd, text));
    json_text(object, "effective_usd_per_hour", money_text(price_entry_effective_usd(e), text));
    json_text(object, "version", *e->version ? e->version : NULL);
}

static void change_json(cJSON *changes, const struct change *c)
{
    const struct price_entry *e = c->after ? c->after : c->before;
    cJSON *change = json_object(changes, NULL);
    json_text(change, "type", e->type);
    json_text(change, "region", e->region);
    json_text(change, "os", e->os);
    json_text(change, "term", strcmp(e->kind, PRICE_ON_DEMAND) == 0 ? "on-demand" : "reserved");
    json_text(change, "lease", e->lease);
    json_text(change, "offering", e->offering);
    json_text(change, "payment", e->payment);
    entry_json(change, "before", c->before);
    entry_json(change, "after", c->after);
}

/* Where changes go, in either form. */
struct printing {
    const struct session *session;
    struct table *table;
    cJSON *document, *changes;
    size_t count;
};

static struct printing begin_print(const struct session *session, const char *command)
{
    struct printing p = {.session = session, .table = table_new(), .document = json_document(command)};
    p.changes = json_array(p.document, "changes");
    table_column(p.table, "Type", "type", ALIGN_LEFT);
    table_column(p.table, "Region", "region", ALIGN_LEFT);
    table_optional_column(p.table, "OS", "os", ALIGN_LEFT);
    table_column(p.table, "Term", "term", ALIGN_LEFT);
    table_column(p.table, "From", "effective", ALIGN_LEFT);
    table_column(p.table, "Before", "before_usd_per_hour", ALIGN_RIGHT);
    table_column(p.table, "USD/hour", "after_usd_per_hour", ALIGN_RIGHT);
    table_column(p.table, "Change", "change", ALIGN_RIGHT);
    return p;
}

static void print_change(struct printing *p, struct change change)
{
    assert(change.before || change.after);
    p->count++;
    if (p->session->json)
        change_json(p->changes, &change);
    else
        change_row(p->table, &change);
}

static void end_print(struct printing *p, const char *nothing)
{
    if (p->session->json)
        json_print(p->document, p->session->out);
    else if (p->count || p->session->csv)
        table_print(p->table, p->session);
    else
        fprintf(p->session->out, "%s\n", nothing);
    if (!p->session->json)
        cJSON_Delete(p->document);
    table_free(p->table);
}

static struct price_choice choice_of(const struct args *args)
{
    return (struct price_choice){args->type, args->region, args->os, args->term};
}

static int run_history(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    const struct price_choice choice = choice_of(args);
    struct price_set set;
    int code = price_set_open(&set, args->catalog, &choice, session, err);
    if (code)
        return code;
    struct printing p = begin_print(session, "prices-history");
    for (size_t i = 0; i < set.count; i++) {
        const struct price_entry *e = &set.entries[i];
        bool same = i && price_entry_compare_key(&set.entries[i - 1], e) == 0;
        if ((args->from.given && e->effective < args->from.at) || (args->to.given && e->effective >= args->to.at))
            continue;
        print_change(&p, (struct change){same ? &set.entries[i - 1] : NULL, e});
    }
    end_print(&p, "No price of this selection in this time.");
    price_set_release(&set);
    return 0;
}

static bool same_price(const struct change *c)
{
    return c->before && c->after && c->before->hourly_usd == c->after->hourly_usd &&
           c->before->upfront_usd == c->after->upfront_usd;
}

/* Goes through both sets, sorted alike, key by key. */
static void compare(const struct args *args, const struct price_set *old, const struct price_set *new,
                    struct printing *p)
{
    instant_t from = args->from.given ? args->from.at : INSTANT_MAX;
    instant_t to = args->to.given ? args->to.at : INSTANT_MAX;
    size_t i = 0;
    size_t j = 0;
    while (i < old->count || j < new->count) {
        int order = i == old->count   ? 1
                    : j == new->count ? -1
                                      : price_entry_compare_key(&old->entries[i], &new->entries[j]);
        struct change change = {NULL, NULL};
        if (order <= 0)
            change.before = price_set_at(old, i, from, &i);
        if (order >= 0)
            change.after = price_set_at(new, j, to, &j);
        if ((change.before || change.after) && !same_price(&change))
            print_change(p, change);
    }
}

static int run_diff(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    const struct price_choice choice = choice_of(args);
    if (!args->against && !args->from.given)
        return err_set(err, EXIT_INPUT, "--from DATE, or --against FILE, is needed: what to compare with");
    struct price_set new = {0};
    struct price_set other = {0};
    int code = price_set_open(&new, args->catalog, &choice, session, err);
    if (!code && args->against)
        code = price_set_open(&other, args->against, &choice, session, err);
    if (!code) {
        struct printing p = begin_print(session, "prices-diff");
        compare(args, args->against ? &other : &new, &new, &p);
        end_print(&p, "No price of this selection differs.");
    }
    price_set_release(&new);
    price_set_release(&other);
    return code;
}

const struct command cmd_prices_history = {
    .name = "prices history",
    .summary = "how prices changed",
    .about = "Lists every change of a price by date, with the price before it, of the catalog's whole history. For "
             "reserved terms the price is the effective one: the hourly rate and the upfront sum spread over the term.",
    .example = "bakehour prices history --type m4.large --region us-east-1\n"
               "bakehour prices history --catalog prices.db --term all --type m5.large --json",
    .options = history_options,
    .args_size = sizeof(struct args),
    .run = run_history,
};

const struct command cmd_prices_diff = {
    .name = "prices diff",
    .summary = "what changed between two dates or two price lists",
    .about =
        "Compares the prices in force at two dates, or those of two catalogs or price lists: what changed, what is "
        "new and what is gone.",
    .example = "bakehour prices diff --from 2015-01-01 --to 2017-01-01\n"
               "bakehour prices diff --catalog new.json --against old.json --region eu-west-1",
    .options = diff_options,
    .args_size = sizeof(struct args),
    .run = run_diff,
};
