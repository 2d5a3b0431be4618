/* cmd_prices.c - bakehour prices show: the on-demand prices that bills and plans would use. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "billing/catalog.h"
#include "billing/commands.h"
#include "billing/option.h"

struct args {
    const char *type, *region, *os, *catalog;
    struct opt_instant date;
};

static const struct opt options[] = {
    {"Selection", OPT_HEADING, NULL, NULL, NULL, 0},
    {"type", OPT_VALUE, "TYPE", "this instance type only: m4.large", opt_text, offsetof(struct args, type)},
    {"region", OPT_VALUE, "REGION", "this region only: us-east-1", opt_text, offsetof(struct args, region)},
    {"os", OPT_VALUE, "OS", "this operating system only: linux", opt_text, offsetof(struct args, os)},
    {"date", OPT_VALUE, "DATE", "only the prices in force then", opt_instant, offsetof(struct args, date)},
    {"catalog", OPT_VALUE, "FILE", "prices, CSV: type,region,os,effective,usd_per_hour (default: the shipped sample)",
     opt_text, offsetof(struct args, catalog)},
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
        fputs("\nThis is the shipped sample: dates are when a public scraper first saw a price, not AWS's word.\n",
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

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
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
    .summary = "list on-demand prices",
    .about = "Lists the on-demand prices by type, region, operating system and the date from which they hold: those of "
             "the shipped sample, or of a catalog of your own.",
    .example = "bakehour prices show --type t2.micro --region us-east-1\n"
               "bakehour prices show --date 2015-08-01 --json",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
