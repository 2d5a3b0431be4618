/* cmd_prices.c - bakehour prices show: the prices that bills and plans would use, those of reserved terms beside them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "billing/catalog.h"
#include "billing/commands.h"
#include "billing/option.h"
#include "billing/price_option.h"
#include "billing/price_rates.h"
#include "billing/price_set.h"

struct args {
    const char *type, *region, *os, *catalog;
    struct opt_instant date;
    enum price_term_choice term;
    bool rates;
    const char *sku;
};

static const struct opt options[] = {
    {"Selection", OPT_HEADING, NULL, NULL, NULL, 0},
    {"type", OPT_VALUE, "TYPE", "this instance type only: m4.large", opt_text, offsetof(struct args, type)},
    {"region", OPT_VALUE, "REGION", "this region only: us-east-1", opt_text, offsetof(struct args, region)},
    {"os", OPT_VALUE, "OS", "this operating system only: linux", opt_text, offsetof(struct args, os)},
    {"date", OPT_VALUE, "DATE", "only the prices in force then", opt_instant, offsetof(struct args, date)},
    {"term", OPT_VALUE, "on-demand|reserved|all", "prices of this kind (default: on-demand)", price_opt_term,
     offsetof(struct args, term)},
    PRICE_CATALOG_OPTION(struct args, catalog),
    {"rates", OPT_FLAG, NULL, "every rate as AWS publishes it: all products, terms and tiers of --catalog", opt_flag,
     offsetof(struct args, rates)},
    {"sku", OPT_VALUE, "SKU", "with --rates: this product only", opt_text, offsetof(struct args, sku)},
    OPT_END,
};

static bool matches(const struct args *args, const struct catalog *c, size_t index)
{
    const struct catalog_price *p = catalog_at(c, index);
    if ((args->type && strcmp(args->type, p->type) != 0) || (args->region && strcmp(args->region, p->region) != 0) ||
        (args->os && strcmp(args->os, p->os) != 0))
        return false;
    if (!args->date.given)
        return true;
    return p->effective <= args->date.at &&
           catalog_next_change(c, p->type, p->region, p->os, p->effective) > args->date.at;
}

typedef const char *price_field(const struct catalog_price *price);

static const char *price_type(const struct catalog_price *p)
{
    return p->type;
}

static const char *price_region(const struct catalog_price *p)
{
    return p->region;
}

static const char *price_os(const struct catalog_price *p)
{
    return p->os;
}

/* Whether a name that was asked for is in the catalog; where not, err says so and names the nearest. */
static bool known(const struct catalog *c, const char *what, const char *asked, price_field *field, struct err *err)
{
    if (!asked)
        return true;
    size_t count = 0;
    const char **names = mem_zero(catalog_count(c) + 1, sizeof(*names));
    bool found = false;
    for (size_t i = 0; i < catalog_count(c); i++) {
        names[count++] = field(catalog_at(c, i));
        found = found || strcmp(names[i], asked) == 0;
    }
    const char *nearest = found ? NULL : opt_nearest(asked, names);
    if (!found && nearest)
        err_set(err, EXIT_INPUT, "no price for the %s \"%.60s\"; did you mean %s?", what, asked, nearest);
    else if (!found)
        err_set(err, EXIT_INPUT, "no price for the %s \"%.60s\"; `prices show` lists what there is", what, asked);
    free(names);
    return found;
}

static int nothing(const struct args *args, const struct catalog *c, struct err *err)
{
    if (!known(c, "type", args->type, price_type, err) || !known(c, "region", args->region, price_region, err) ||
        !known(c, "operating system", args->os, price_os, err))
        return EXIT_INPUT;
    struct args any_date = *args;
    any_date.date.given = false;
    const struct catalog_price *first = NULL;
    for (size_t i = 0; i < catalog_count(c); i++)
        if (matches(&any_date, c, i) && (!first || catalog_at(c, i)->effective < first->effective))
            first = catalog_at(c, i);
    char date[INSTANT_TEXT_SIZE];
    if (first)
        return err_set(err, EXIT_INPUT, "no price so early; the first one is of %s in %s from %s", first->type,
                       first->region, calendar_date_text(first->effective, date));
    return err_set(err, EXIT_INPUT,
                   "no price for this combination; leave out --type, --region or --os to see what "
                   "there is");
}

static void print_table(const struct args *args, const struct catalog *c, const struct session *session)
{
    char date[INSTANT_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    struct table *t = table_new();
    table_column(t, "Type", "type", ALIGN_LEFT);
    table_column(t, "Region", "region", ALIGN_LEFT);
    table_column(t, "OS", "os", ALIGN_LEFT);
    table_column(t, "From", "effective", ALIGN_LEFT);
    table_column(t, "USD/hour", "usd_per_hour", ALIGN_RIGHT);
    for (size_t i = 0; i < catalog_count(c); i++) {
        const struct catalog_price *p = catalog_at(c, i);
        if (!matches(args, c, i))
            continue;
        table_cell(t, "%s", p->type);
        table_cell(t, "%s", p->region);
        table_cell(t, "%s", p->os);
        bool midnight = p->effective % SECONDS_PER_DAY == 0;
        table_cell(t, "%s", (midnight ? calendar_date_text : calendar_text)(p->effective, date));
        table_cell(t, "%s", money_text(p->usd_per_hour, usd));
    }
    table_print(t, session);
    table_free(t);
    if (!session->csv && !args->catalog)
        fputs("\nThis is the shipped sample: dates are when a public scraper first saw a price,\nnot AWS's word.\n",
              session->out);
}

static void print_json(const struct args *args, const struct catalog *c, FILE *out)
{
    char text[MONEY_TEXT_SIZE];
    cJSON *document = json_document("prices");
    json_bool(document, "sample", !args->catalog);
    cJSON *prices = json_array(document, "prices");
    for (size_t i = 0; i < catalog_count(c); i++) {
        const struct catalog_price *p = catalog_at(c, i);
        if (!matches(args, c, i))
            continue;
        cJSON *price = json_object(prices, NULL);
        json_text(price, "type", p->type);
        json_text(price, "region", p->region);
        json_text(price, "os", p->os);
        json_text(price, "effective", calendar_text(p->effective, text));
        json_text(price, "usd_per_hour", money_text(p->usd_per_hour, text));
    }
    json_print(document, out);
}

/* What of the set is asked for: an entry's own index, or not. */
static bool chosen(const struct args *args, const struct price_set *set, size_t first, size_t index)
{
    size_t next;
    return !args->date.given || price_set_at(set, first, args->date.at, &next) == &set->entries[index];
}

static void terms_row(struct table *t, const struct price_entry *e)
{
    char text[PRICE_TERM_TEXT];
    table_cell(t, "%s", e->type);
    table_cell(t, "%s", e->region);
    table_cell(t, "%s", e->os);
    table_cell(t, "%s", price_entry_term(e, text));
    table_cell(t, "%s", calendar_date_text(e->effective, text));
    table_cell(t, "%s", money_text(e->hourly_usd, text));
    table_cell(t, "%s", money_text(e->upfront_usd, text));
    table_cell(t, "%s", money_text(price_entry_effective_usd(e), text));
}

static void terms_json(cJSON *prices, const struct price_entry *e)
{
    char text[MONEY_TEXT_SIZE];
    cJSON *price = json_object(prices, NULL);
    json_text(price, "type", e->type);
    json_text(price, "region", e->region);
    json_text(price, "os", e->os);
    json_text(price, "term", strcmp(e->kind, PRICE_ON_DEMAND) == 0 ? "on-demand" : "reserved");
    json_text(price, "lease", e->lease);
    json_text(price, "offering", e->offering);
    json_text(price, "payment", e->payment);
    json_text(price, "effective", calendar_text(e->effective, text));
    json_text(price, "usd_per_hour", money_text(e->hourly_usd, text));
    json_text(price, "upfront_usd", money_text(e->upfront_usd, text));
    json_text(price, "effective_usd_per_hour", money_text(price_entry_effective_usd(e), text));
}

static int print_terms(const struct args *args, const struct price_set *set, const struct session *session,
                       struct err *err)
{
    struct table *t = table_new();
    table_column(t, "Type", "type", ALIGN_LEFT);
    table_column(t, "Region", "region", ALIGN_LEFT);
    table_optional_column(t, "OS", "os", ALIGN_LEFT);
    table_column(t, "Term", "term", ALIGN_LEFT);
    table_column(t, "From", "effective", ALIGN_LEFT);
    table_column(t, "USD/hour", "usd_per_hour", ALIGN_RIGHT);
    table_column(t, "Upfront USD", "upfront_usd", ALIGN_RIGHT);
    table_column(t, "Effective/hour", "effective_usd_per_hour", ALIGN_RIGHT);
    cJSON *document = json_document("prices");
    json_bool(document, "sample", !args->catalog);
    cJSON *prices = json_array(document, "prices");
    size_t first = 0;
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct price_entry *e = &set->entries[i];
        if (price_entry_compare_key(&set->entries[first], e) != 0)
            first = i;
        if (!chosen(args, set, first, i))
            continue;
        count++;
        if (session->json)
            terms_json(prices, e);
        else
            terms_row(t, e);
    }
    if (count && !session->json)
        table_print(t, session);
    table_free(t);
    if (count && session->json)
        json_print(document, session->out);
    else
        cJSON_Delete(document);
    return count ? 0
                 : err_set(err, EXIT_INPUT,
                           "no such price; `prices show --term all` without --type, --region or --os "
                           "lists what there is");
}

static int run_terms(struct session *session, const struct args *args, struct err *err)
{
    const struct price_choice choice = {args->type, args->region, args->os, args->term};
    struct price_set set;
    int code = price_set_open(&set, args->catalog, &choice, session, err);
    if (code)
        return code;
    code = print_terms(args, &set, session, err);
    price_set_release(&set);
    return code;
}

/* --term restricts only where it is given: on-demand is what it is when it is not. */
static int run_rates(struct session *session, const struct args *args, struct err *err)
{
    const struct price_query query = {.type = args->type,
                                      .region = args->region,
                                      .os = args->os,
                                      .sku = args->sku,
                                      .kind = args->term == TERM_RESERVED ? PRICE_RESERVED : NULL};
    if (!args->catalog)
        return err_set(err, EXIT_INPUT,
                       "--rates needs --catalog FILE: an AWS price list, or a catalog of `prices import`");
    return price_rates_print(args->catalog, &query, &args->date, session, err);
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    if (args->sku && !args->rates)
        return err_set(err, EXIT_INPUT, "--sku goes with --rates");
    if (args->rates)
        return run_rates(session, args, err);
    if (args->term != TERM_ON_DEMAND)
        return run_terms(session, args, err);
    struct catalog *catalog;
    int code = args->catalog ? catalog_open(&catalog, args->catalog, session, err) : catalog_builtin(&catalog, err);
    if (code)
        return code;
    bool any = false;
    for (size_t i = 0; i < catalog_count(catalog) && !any; i++)
        any = matches(args, catalog, i);
    if (!any)
        code = nothing(args, catalog, err);
    else if (session->json)
        print_json(args, catalog, session->out);
    else
        print_table(args, catalog, session);
    catalog_free(catalog);
    return code;
}

const struct command cmd_prices_show = {
    .name = "prices show",
    .summary = "list prices, on demand or reserved",
    .about = "Lists the prices by type, region, operating system and the date from which they hold: those of the "
             "shipped sample, of a catalog of your own (CSV), of an AWS price list (JSON or CSV), or of the catalog "
             "that `prices import` keeps.\n\n"
             "A reserved term has two rates: one by the hour and a sum paid upfront; the effective price spreads the "
             "sum over the term's hours (8,760 a year).",
    .example = "bakehour prices show --type t2.micro --region us-east-1\n"
               "bakehour prices show --date 2015-08-01 --json\n"
               "bakehour prices show --catalog prices.db --term reserved --type m5.large",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
