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

static int open_shard(struct mc_report *out, const char *path, struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(path, SHARD_FILE_MAX, &text, &len, err);
    if (code)
        return code;
    code = mc_report_parse(out, path, text, len, err);
    free(text);
    return code;
}

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

static int add_shards(struct mc_report *total, const struct merge_args *args, struct err *err)
{
    int code = open_shard(total, args->files[0], err);
    if (code)
        return code;
    bool *there = mem_zero((size_t)total->shards, sizeof(*there));
    code = tick(there, total->shard, total->shards, args->files[0], err);
    for (size_t i = 1; i < args->count && !code; i++) {
        struct mc_report shard;
        code = open_shard(&shard, args->files[i], err);
        if (code)
            break;
        code = mc_report_merge(total, &shard, args->files[i], err);
        if (!code)
            code = tick(there, shard.shard, shard.shards, args->files[i], err);
        mc_report_release(&shard);
    }
    if (!code)
        code = check_complete(args, there, total->shards, total->runs, total->result.runs, err);
    free(there);
    return code;
}

/* --- shards of simulate --model --- */

static int open_model_shard(struct des_total *out, const char *path, struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(path, SHARD_FILE_MAX, &text, &len, err);
    if (code)
        return code;
    code = des_total_parse(out, path, text, len, err);
    free(text);
    return code;
}

static int add_model_shards(struct des_total *total, const struct merge_args *args, struct err *err)
{
    int code = open_model_shard(total, args->files[0], err);
    if (code)
        return code;
    bool *there = mem_zero((size_t)total->shards, sizeof(*there));
    code = tick(there, total->shard, total->shards, args->files[0], err);
    for (size_t i = 1; i < args->count && !code; i++) {
        struct des_total shard = {0};
        code = open_model_shard(&shard, args->files[i], err);
        if (!code)
            code = des_total_merge(total, &shard, args->files[i], err);
        if (!code)
            code = tick(there, shard.shard, shard.shards, args->files[i], err);
        des_total_release(&shard);
    }
    if (!code)
        code = check_complete(args, there, total->shards, total->runs, des_total_done(total), err);
    free(there);
    return code;
}

static int merge_model(const struct merge_args *args, const struct session *session, struct err *err)
{
    struct des_total total = {0};
    int code = add_model_shards(&total, args, err);
    if (!code)
        des_total_print(&total, "merge", session);
    des_total_release(&total);
    return code;
}

/* --- an organisation's parts --- */

static int open_part(struct organisation *out, const char *path, struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(path, ORGANISATION_PART_MAX, &text, &len, err);
    if (code)
        return code;
    code = organisation_parse(out, path, text, len, err);
    free(text);
    return code;
}

static int add_parts(struct organisation *total, const struct merge_args *args, struct err *err)
{
    int code = open_part(total, args->files[0], err);
    for (size_t i = 1; i < args->count && !code; i++) {
        struct organisation part = {0};
        code = open_part(&part, args->files[i], err);
        if (!code)
            code = organisation_merge(total, &part, args->files[i], err);
        organisation_release(&part);
    }
    return code;
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
    struct organisation total = {0};
    enum org_table table = args->by && strcmp(args->by, "policy") == 0 ? ORG_POLICIES : ORG_SERVICES;
    int code = args->by && table == ORG_SERVICES && strcmp(args->by, "service") != 0
                   ? err_set(err, EXIT_INPUT, "--by: \"%.60s\" is neither service nor policy", args->by)
                   : 0;
    if (!code)
        code = add_parts(&total, args, err);
    if (!code)
        code = check_services(&total, args->partial, err);
    if (!code)
        code = organisation_report(&total, "merge", table, args->all, session, err);
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
    struct mc_report total = {0};
    int code = add_shards(&total, args, err);
    if (!code && session_form(session) == FORM_JSON)
        mc_report_json(&total, "merge", session);
    else if (!code)
        mc_report_print(&total, session);
    mc_report_release(&total);
    return code;
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
