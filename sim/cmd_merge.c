/* bakehour merge: the shards of one Monte Carlo run, or the parts of an organisation's plan, added up. */
#include "sim/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "sim/des_report.h"
#include "sim/mc_report.h"
#include "sim/organisation.h"

struct merge_args {
    const char **files;
    size_t count, cap;
    const char *by;
    bool partial, all;
};

static int opt_shard_file(void *field, const char *value, struct err *err)
{
    struct merge_args *args = field;
    (void)err;
    args->files = mem_grow(args->files, &args->cap, args->count + 1, sizeof(*args->files));
    args->files[args->count++] = value;
    return 0;
}

static const struct opt merge_options[] = {
    {"partial", OPT_FLAG, NULL, "shards may be missing: the figures are those of the replications that are there",
     opt_flag, offsetof(struct merge_args, partial)},
    {"all", OPT_FLAG, NULL, "of an organisation: every policy and every service, as organisation --all", opt_flag,
     offsetof(struct merge_args, all)},
    {"by", OPT_VALUE, "WHAT", "of an organisation, with --csv: a row a service (default), or a row a policy", opt_text,
     offsetof(struct merge_args, by)},
    OPT_END,
};

/* Notes that the shard is there; refuses one that was there already. */
static int tick(bool *there, int64_t shard, int64_t shards, const char *path, struct err *err)
{
    if (there[shard])
        return err_at(err, EXIT_INPUT, path, 0, 0, "shard %lld of %lld stands twice", (long long)shard,
                      (long long)shards);
    there[shard] = true;
    return 0;
}

static int check_complete(const struct merge_args *args, const bool *there, int64_t shards, int64_t runs, int64_t done,
                          struct err *err)
{
    int64_t missing = 0;
    int64_t first = -1;
    for (int64_t i = 0; i < shards; i++) {
        missing += !there[i];
        first = first < 0 && !there[i] ? i : first;
    }
    if (args->partial)
        return done ? 0 : err_set(err, EXIT_INPUT, "the shards hold no replication");
    if (missing)
        return err_set(err, EXIT_INPUT,
                       "%lld of %lld shards are missing, the first is %lld/%lld (--partial does without)",
                       (long long)missing, (long long)shards, (long long)first, (long long)shards);
    if (done != runs)
        return err_set(err, EXIT_INPUT,
                       "the shards hold %lld of %lld replications: one was stopped early (--partial does without)",
                       (long long)done, (long long)runs);
    return 0;
}

/* --- what the three kinds of files have in common --- */

struct place {
    int64_t shard, shards;
};

/* total and more are of the kind's own type. */
struct kind {
    size_t size, file_max;
    int (*parse)(void *out, const char *name, const char *text, size_t len, struct err *err);
    int (*add)(void *total, void *more, const char *name, struct err *err);
    void (*release)(void *more);
    struct place (*place)(const void *part);
};

static int open_file(const struct kind *kind, void *out, const char *path, struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(path, kind->file_max, &text, &len, err);
    if (code)
        return code;
    code = kind->parse(out, path, text, len, err);
    free(text);
    return code;
}

/* Adds the others to the first, which is in total; there: which shards there are. */
static int add_others(const struct kind *kind, void *total, const struct merge_args *args, bool *there, struct err *err)
{
    struct place first = kind->place(total);
    int code = tick(there, first.shard, first.shards, args->files[0], err);
    void *more = mem_zero(1, kind->size);
    for (size_t i = 1; i < args->count && !code; i++) {
        memset(more, 0, kind->size);
        code = open_file(kind, more, args->files[i], err);
        if (!code)
            code = kind->add(total, more, args->files[i], err);
        struct place place = kind->place(more);
        if (!code)
            code = tick(there, place.shard, place.shards, args->files[i], err);
        kind->release(more);
    }
    free(more);
    return code;
}

/* *there is the caller's, also where it fails. */
static int add_files(const struct kind *kind, void *total, const struct merge_args *args, bool **there, struct err *err)
{
    *there = NULL;
    int code = open_file(kind, total, args->files[0], err);
    if (code)
        return code;
    *there = mem_zero((size_t)kind->place(total).shards, sizeof(**there));
    return add_others(kind, total, args, *there, err);
}

/* --- shards of simulate --runs --- */

static int parse_report(void *out, const char *name, const char *text, size_t len, struct err *err)
{
    return mc_report_parse(out, name, text, len, err);
}

static int add_report(void *total, void *more, const char *name, struct err *err)
{
    return mc_report_merge(total, more, name, err);
}

static void release_report(void *more)
{
    mc_report_release(more);
}

static struct place place_of_report(const void *part)
{
    const struct mc_report *r = part;
    return (struct place){r->shard, r->shards};
}

static int merge_shards(const struct merge_args *args, const struct session *session, struct err *err)
{
    static const struct kind kind = {sizeof(struct mc_report), SHARD_FILE_MAX, parse_report, add_report,
                                     release_report,           place_of_report};
    struct mc_report total = {0};
    bool *there;
    int code = add_files(&kind, &total, args, &there, err);
    if (!code)
        code = check_complete(args, there, total.shards, total.runs, total.result.runs, err);
    if (!code && session_form(session) == FORM_JSON)
        mc_report_json(&total, "merge", session);
    else if (!code)
        mc_report_print(&total, session);
    free(there);
    mc_report_release(&total);
    return code;
}

/* --- shards of simulate --model --- */

static int parse_total(void *out, const char *name, const char *text, size_t len, struct err *err)
{
    return des_total_parse(out, name, text, len, err);
}

static int add_total(void *total, void *more, const char *name, struct err *err)
{
    return des_total_merge(total, more, name, err);
}

static void release_total(void *more)
{
    des_total_release(more);
}

static struct place place_of_total(const void *part)
{
    const struct des_total *t = part;
    return (struct place){t->shard, t->shards};
}

static int merge_model(const struct merge_args *args, const struct session *session, struct err *err)
{
    static const struct kind kind = {
        sizeof(struct des_total), SHARD_FILE_MAX, parse_total, add_total, release_total, place_of_total};
    struct des_total total = {0};
    bool *there;
    int code = add_files(&kind, &total, args, &there, err);
    if (!code)
        code = check_complete(args, there, total.shards, total.runs, des_total_done(&total), err);
    if (!code)
        des_total_print(&total, "merge", session);
    free(there);
    des_total_release(&total);
    return code;
}

/* --- an organisation's parts --- */

static int parse_part(void *out, const char *name, const char *text, size_t len, struct err *err)
{
    return organisation_parse(out, name, text, len, err);
}

static int add_part(void *total, void *more, const char *name, struct err *err)
{
    return organisation_merge(total, more, name, err);
}

static void release_part(void *more)
{
    organisation_release(more);
}

static struct place place_of_part(const void *part)
{
    const struct organisation *o = part;
    return (struct place){o->shard, o->shards};
}

static int check_services(const struct organisation *o, bool partial, struct err *err)
{
    size_t missing = 0;
    size_t first = o->count;
    for (size_t i = 0; i < o->count; i++) {
        missing += !o->services[i].figures;
        first = first == o->count && !o->services[i].figures ? i : first;
    }
    if (missing == o->count)
        return err_set(err, EXIT_INPUT, "the parts hold no service");
    if (missing && !partial)
        return err_set(err, EXIT_INPUT,
                       "%zu of %zu services are missing, the first is in part %lld/%lld (--partial does without)",
                       missing, o->count, (long long)((int64_t)first % o->shards), (long long)o->shards);
    return 0;
}

static int merge_parts(const struct merge_args *args, const struct session *session, struct err *err)
{
    static const struct kind kind = {
        sizeof(struct organisation), ORGANISATION_PART_MAX, parse_part, add_part, release_part, place_of_part};
    struct organisation total = {0};
    enum org_table table;
    bool *there = NULL;
    int code = organisation_table(args->by, &table, err);
    if (!code)
        code = add_files(&kind, &total, args, &there, err);
    if (!code)
        code = check_services(&total, args->partial, err);
    if (!code)
        code = organisation_report(&total, "merge", table, args->all, session, err);
    free(there);
    organisation_release(&total);
    return code;
}

/* What the first file is, by its first bytes; one that cannot be read is left to the reader of shards. */
static void peek(const char *path, char begin[128])
{
    FILE *file = strcmp(path, "-") == 0 ? NULL : fopen(path, "r");
    size_t got = file ? fread(begin, 1, 127, file) : 0;
    begin[got] = '\0';
    if (file)
        fclose(file);
}

static int run_merge(struct session *session, void *context, struct err *err)
{
    struct merge_args *args = context;
    if (!args->count)
        return err_set(err, EXIT_INPUT, "which shards? bakehour merge FILE...");
    char begin[128];
    peek(args->files[0], begin);
    if (organisation_is_part(begin))
        return merge_parts(args, session, err);
    if (args->all || args->by)
        return err_set(err, EXIT_INPUT, "--all and --by go with the parts of an organisation");
    if (des_total_is_shard(begin))
        return merge_model(args, session, err);
    return merge_shards(args, session, err);
}

static void release_merge(void *context)
{
    struct merge_args *args = context;
    free(args->files);
}

const struct command cmd_merge = {
    .name = "merge",
    .summary = "add up the shards of a simulation, or the parts of an organisation's plan",
    .about = "Reads the files that simulate --runs N --shard i/n or organisation --shard i/n wrote, one for each part, "
             "and prints what would have been printed in one piece, to the last bit.",
    .example = "  bakehour simulate --log h.tsv --culprit 0.03 --runs 10000 --shard 1/2 >a.json\n"
               "  bakehour simulate --log h.tsv --culprit 0.03 --runs 10000 --shard 2/2 >b.json\n"
               "  bakehour merge a.json b.json\n"
               "  bakehour organisation services.csv --shard 1/2 --out part.1",
    .operands = "FILE...",
    .operand = opt_shard_file,
    .options = merge_options,
    .args_size = sizeof(struct merge_args),
    .run = run_merge,
    .release = release_merge,
};
