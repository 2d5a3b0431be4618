/* bakehour merge: the shards of one Monte Carlo run, added up. */
#include "sim/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "sim/mc_report.h"

struct merge_args {
    const char **files;
    size_t count, cap;
    bool partial;
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
static int tick(bool *there, const struct mc_report *shard, const char *path, struct err *err)
{
    if (there[shard->shard])
        return err_at(err, EXIT_INPUT, path, 0, 0, "shard %lld of %lld stands twice", (long long)shard->shard,
                      (long long)shard->shards);
    there[shard->shard] = true;
    return 0;
}

static int check_complete(const struct merge_args *args, const bool *there, const struct mc_report *total,
                          struct err *err)
{
    int64_t missing = 0;
    int64_t first = -1;
    for (int64_t i = 0; i < total->shards; i++) {
        missing += !there[i];
        first = first < 0 && !there[i] ? i : first;
    }
    if (args->partial)
        return total->result.runs ? 0 : err_set(err, EXIT_INPUT, "the shards hold no replication");
    if (missing)
        return err_set(err, EXIT_INPUT,
                       "%lld of %lld shards are missing, the first is %lld/%lld (--partial does without)",
                       (long long)missing, (long long)total->shards, (long long)first, (long long)total->shards);
    if (total->result.runs != total->runs)
        return err_set(err, EXIT_INPUT,
                       "the shards hold %lld of %lld replications: one was stopped early (--partial does without)",
                       (long long)total->result.runs, (long long)total->runs);
    return 0;
}

static int add_shards(struct mc_report *total, const struct merge_args *args, struct err *err)
{
    int code = open_shard(total, args->files[0], err);
    if (code)
        return code;
    bool *there = mem_zero((size_t)total->shards, sizeof(*there));
    code = tick(there, total, args->files[0], err);
    for (size_t i = 1; i < args->count && !code; i++) {
        struct mc_report shard;
        code = open_shard(&shard, args->files[i], err);
        if (code)
            break;
        code = mc_report_merge(total, &shard, args->files[i], err);
        if (!code)
            code = tick(there, &shard, args->files[i], err);
        mc_report_release(&shard);
    }
    if (!code)
        code = check_complete(args, there, total, err);
    free(there);
    return code;
}

static int run_merge(struct session *session, void *context, struct err *err)
{
    struct merge_args *args = context;
    if (!args->count)
        return err_set(err, EXIT_INPUT, "which shards? bakehour merge FILE...");
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
    .summary = "add up the shards of a Monte Carlo simulation",
    .about = "Reads the files that simulate --runs N --shard i/n wrote, one for each shard, and prints what the run "
             "would have printed in one piece, to the last bit.",
    .example = "  bakehour simulate --log h.tsv --culprit 0.03 --runs 10000 --shard 1/2 >a.json\n"
               "  bakehour simulate --log h.tsv --culprit 0.03 --runs 10000 --shard 2/2 >b.json\n"
               "  bakehour merge a.json b.json",
    .operands = "FILE...",
    .operand = opt_shard_file,
    .options = merge_options,
    .args_size = sizeof(struct merge_args),
    .run = run_merge,
    .release = release_merge,
};
