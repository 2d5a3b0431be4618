/* cmd_prices_import.c - bakehour prices import: AWS's price lists into an SQLite catalog that keeps their history. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/out.h"
#include "billing/commands.h"
#include "billing/price_option.h"

#define AWS_PRICES "https://pricing.us-east-1.amazonaws.com"
#define FILES_MAX  20000

struct args {
    struct opt_list files;
    const char *catalog, *mirror, *offer, *region;
};

static const struct opt options[] = {
    {"Import", OPT_HEADING, NULL, NULL, NULL, 0},
    {"file", OPT_VALUE, "FILE",
     "a price list or an index of price lists, JSON or CSV, plain or gzip (repeatable; -: stdin)", price_opt_list,
     offsetof(struct args, files)},
    {"catalog", OPT_VALUE, "FILE", "the SQLite catalog to import into; made where there is none", opt_text,
     offsetof(struct args, catalog)},
    {"Index files", OPT_HEADING, NULL, NULL, NULL, 0},
    {"mirror", OPT_VALUE, "DIR", "where the lists that an index names lie, below offers/ (default: beside the index)",
     opt_text, offsetof(struct args, mirror)},
    {"offer", OPT_VALUE, "CODE", "of an index of services, this one only: AmazonEC2", opt_text,
     offsetof(struct args, offer)},
    {"region", OPT_VALUE, "REGION", "of an index of regions, this one only: us-east-1", opt_text,
     offsetof(struct args, region)},
    OPT_END,
};

struct file {
    const char *path;
    struct price_import got;
    bool index;
};

struct importing {
    const struct args *args;
    const struct session *session;
    struct price_db *db;
    struct arena texts;
    struct file *files; /* what is imported, in order; indexes append to it */
    size_t count, cap;
    const char **missing; /* addresses that an index names and that do not lie here */
    size_t missing_count, missing_cap;
    size_t at; /* the file being read */
};

static void add_file(struct importing *in, const char *path)
{
    in->files = mem_grow(in->files, &in->cap, in->count + 1, sizeof(*in->files));
    in->files[in->count++] = (struct file){.path = path};
}

/* The folder that a mirror of AWS's paths begins in: the option, or what stands before /offers/ in the index's path,
 * or the folder of the index. */
static const char *mirror_of(struct importing *in)
{
    if (in->args->mirror)
        return in->args->mirror;
    const char *path = in->files[in->at].path;
    const char *offers = strstr(path, "/offers/");
    const char *slash = strrchr(path, '/');
    const char *end = offers ? offers : slash;
    return end ? arena_dup_n(&in->texts, path, (size_t)(end - path)) : ".";
}

/* The list lies under its whole path, or the end of it; as JSON or CSV, packed or not. */
static const char *find_local(struct importing *in, const char *url)
{
    static const char *const endings[] = {"", ".gz"};
    const char *root = mirror_of(in);
    const char *kinds[2] = {url, NULL};
    size_t len = strlen(url);
    if (len > 5 && strcmp(url + len - 5, ".json") == 0)
        kinds[1] = arena_textf(&in->texts, "%.*s.csv", (int)(len - 5), url);
    for (int k = 0; k < 2 && kinds[k]; k++)
        for (const char *tail = kinds[k]; tail; tail = strchr(tail + 1, '/'))
            for (int e = 0; e < 2; e++) {
                if (tail != kinds[k] && !strchr(tail + 1, '/'))
                    break; /* index.json alone says nothing */
                const char *path = arena_textf(&in->texts, "%s%s%s%s", root, *tail == '/' ? "" : "/", tail, endings[e]);
                if (access(path, R_OK) == 0)
                    return path;
            }
    return NULL;
}

static int take_link(void *context, enum price_link kind, const char *name, const char *url, struct err *err)
{
    struct importing *in = context;
    const char *only = kind == LINK_OFFER ? in->args->offer : kind == LINK_REGION ? in->args->region : NULL;
    if (only && strcmp(only, name) != 0)
        return 0;
    if (in->count + in->missing_count >= FILES_MAX)
        return err_set(err, EXIT_INPUT, "more than %d lists", FILES_MAX);
    const char *path = find_local(in, url);
    if (path && strcmp(path, in->files[in->at].path) == 0)
        return 0;
    if (path) {
        add_file(in, path);
        return 0;
    }
    in->missing = mem_grow(in->missing, &in->missing_cap, in->missing_count + 1, sizeof(*in->missing));
    in->missing[in->missing_count++] =
        arena_textf(&in->texts, "%s%s", strncmp(url, "http", 4) == 0 ? "" : AWS_PRICES, url);
    return 0;
}

static int import_file(struct importing *in, struct diag *diag, struct err *err)
{
    struct source *source;
    int code = source_open_ahead(&source, in->files[in->at].path, err);
    if (code)
        return code;
    const struct price_import_options how = {
        .now_s = in->session->now_s, .diag = diag, .link = take_link, .link_context = in};
    struct price_import got;
    code = price_db_import(in->db, source, &how, &got, err);
    in->files[in->at].got = got;
    in->files[in->at].index = got.list.links && !got.list.rates;
    source_close(source);
    return code;
}

static int nothing_here(const struct importing *in, struct err *err)
{
    for (size_t i = 0; i < in->missing_count && i < 20; i++)
        fprintf(in->session->err, "not here: %s\n", in->missing[i]);
    return err_set(err, EXIT_INPUT,
                   in->missing_count
                       ? "none of the %zu lists that the index names lies here; fetch them below --mirror DIR"
                       : "the index names no list that is asked for",
                   in->missing_count);
}

static int import_all(struct importing *in, struct err *err)
{
    struct diag diag = {.out = in->session->err, .most = 20};
    size_t lists = 0;
    int code = price_db_begin(in->db, err);
    for (in->at = 0; in->at < in->count && !code; in->at++) {
        code = import_file(in, &diag, err);
        lists += !in->files[in->at].index;
    }
    diag_close(&diag);
    if (!code && diag.count)
        code = err_set(err, EXIT_INPUT, "%zu bad %s; nothing was imported", diag.count,
                       diag.count == 1 ? "rate" : "rates");
    if (!code && !lists)
        code = nothing_here(in, err);
    if (!code)
        return price_db_commit(in->db, err);
    price_db_rollback(in->db);
    return code;
}

static void print_json(const struct importing *in)
{
    char text[INSTANT_TEXT_SIZE];
    cJSON *document = json_document("prices-import");
    json_text(document, "catalog", in->args->catalog);
    cJSON *files = json_array(document, "files");
    for (size_t i = 0; i < in->count; i++) {
        const struct price_import *p = &in->files[i].got;
        if (in->files[i].index)
            continue;
        cJSON *file = json_object(files, NULL);
        json_text(file, "file", in->files[i].path);
        json_text(file, "offer", p->list.offer);
        json_text(file, "version", p->list.version);
        json_text(file, "published", p->list.published == INSTANT_MIN ? NULL : calendar_text(p->list.published, text));
        json_i64(file, "products", p->products);
        json_i64(file, "rates", p->list.rates);
        json_i64(file, "new", p->added);
        json_i64(file, "changed", p->changed);
        json_i64(file, "confirmed", p->confirmed);
        json_i64(file, "rounded", p->rounded);
        json_i64(file, "other_currency", p->list.other_currency);
        json_i64(file, "without_product", p->orphans);
    }
    cJSON *missing = json_array(document, "missing");
    for (size_t i = 0; i < in->missing_count; i++)
        cJSON_AddItemToArray(missing, cJSON_CreateString(in->missing[i]));
    json_print(document, in->session->out);
}

static void print_notes(const struct importing *in, const struct price_import *p)
{
    if (p->rounded)
        session_note(in->session, "%lld prices have more than ten decimals; they are kept rounded half to even",
                     (long long)p->rounded);
    if (p->list.other_currency)
        session_note(in->session, "%lld rates are in another currency than USD; they are left out",
                     (long long)p->list.other_currency);
    if (p->orphans)
        session_note(in->session, "%lld products have rates but no description; they are not found by type",
                     (long long)p->orphans);
}

static void print_text(const struct importing *in)
{
    char date[INSTANT_TEXT_SIZE];
    struct table *t = table_new();
    table_column(t, "File", "file", ALIGN_LEFT);
    table_column(t, "Offer", "offer", ALIGN_LEFT);
    table_column(t, "Published", "published", ALIGN_LEFT);
    table_column(t, "Products", "products", ALIGN_RIGHT);
    table_column(t, "Rates", "rates", ALIGN_RIGHT);
    table_column(t, "New", "new", ALIGN_RIGHT);
    table_column(t, "Changed", "changed", ALIGN_RIGHT);
    table_column(t, "As before", "confirmed", ALIGN_RIGHT);
    for (size_t i = 0; i < in->count; i++) {
        const struct price_import *p = &in->files[i].got;
        if (in->files[i].index)
            continue;
        table_cell(t, "%s", in->files[i].path);
        table_cell(t, "%s", p->list.offer);
        table_cell(t, "%s", p->list.published == INSTANT_MIN ? "" : calendar_date_text(p->list.published, date));
        table_cell(t, "%lld", (long long)p->products);
        table_cell(t, "%lld", (long long)p->list.rates);
        table_cell(t, "%lld", (long long)p->added);
        table_cell(t, "%lld", (long long)p->changed);
        table_cell(t, "%lld", (long long)p->confirmed);
        print_notes(in, p);
    }
    table_print(t, in->session);
    table_free(t);
    if (in->missing_count)
        session_note(in->session, "%zu lists that the index names do not lie here: %s%s", in->missing_count,
                     in->missing[0], in->missing_count > 1 ? " ..." : "");
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    if (!args->files.count || !args->catalog)
        return err_set(err, EXIT_INPUT,
                       "--file FILE (an AWS price list) and --catalog FILE (to import into) are needed");
    struct importing in = {.args = args, .session = session};
    int code = price_db_open(&in.db, args->catalog, true, err);
    if (code)
        return code;
    arena_init(&in.texts);
    for (size_t i = 0; i < args->files.count; i++)
        add_file(&in, args->files.items[i]);
    code = import_all(&in, err);
    if (!code && session->json)
        print_json(&in);
    else if (!code)
        print_text(&in);
    price_db_close(in.db);
    arena_release(&in.texts);
    free(in.files);
    free(in.missing);
    return code;
}

const struct command cmd_prices_import = {
    .name = "prices import",
    .summary = "import AWS price lists into a catalog with history",
    .about = "Reads AWS's price lists as AWS publishes them (JSON or CSV, of any size, plain or gzip) into an SQLite "
             "catalog: every product and rate, on demand and reserved, with tiers and effective dates. A price that a "
             "later list confirms is kept once; a change is a new entry of the history. An import is there whole or "
             "not at all, also after a power cut.\n\n"
             "An index file (of services, regions or versions) stands for the lists that it names, as far as they lie "
             "in a mirror of AWS's paths; the addresses of those that do not are printed. Nothing is fetched from the "
             "network.",
    .example = "curl -O " AWS_PRICES "\\\n"
               "    /offers/v1.0/aws/AmazonEC2/current/us-east-1/index.json\n"
               "bakehour prices import --file index.json --catalog prices.db\n"
               "bakehour bill --usage usage.csv --catalog prices.db",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
