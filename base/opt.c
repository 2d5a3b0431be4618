#include "base/opt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

#define NAMES_MAX    128
#define NAME_MAX_LEN 40

static const struct opt global_options[] = {
    {"Everywhere", OPT_HEADING, NULL, NULL, NULL, 0},
    {"json", OPT_FLAG, NULL, "print one JSON document", opt_flag, offsetof(struct session, json)},
    {"csv", OPT_FLAG, NULL, "print the main table as CSV", opt_flag, offsetof(struct session, csv)},
    {"quiet", OPT_FLAG, NULL, "no notes and no progress on stderr", opt_flag, offsetof(struct session, quiet)},
    {"no-color", OPT_FLAG, NULL, "no colour (so does NO_COLOR in the environment)", opt_flag,
     offsetof(struct session, no_color)},
    OPT_END,
};

int opt_flag(void *field, const char *value, struct err *err)
{
    (void)value;
    (void)err;
    *(bool *)field = true;
    return 0;
}

int opt_text(void *field, const char *value, struct err *err)
{
    (void)err;
    *(const char **)field = value;
    return 0;
}

int opt_count(void *field, const char *value, struct err *err)
{
    int64_t count;
    if (num_i64(value, strlen(value), &count) || count < 0 || count > 1000000000)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no whole number from 0 to 1000000000", value);
    *(int64_t *)field = count;
    return 0;
}

/* Optimal string alignment distance: insert, delete, replace, swap neighbours. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_LEN + 1];
    size_t m = strlen(a);
    size_t n = strlen(b);
    if (m > NAME_MAX_LEN || n > NAME_MAX_LEN)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            bool swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swap && rows[(i - 2) % 3][j - 2] + 1 < best)
                best = rows[(i - 2) % 3][j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[m % 3][n];
}

const char *opt_nearest(const char *text, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = strlen(text) / 3 + 2;
    for (; *names; names++) {
        size_t distance = edit_distance(text, *names);
        if (distance < best_distance) {
            best_distance = distance;
            best = *names;
        }
    }
    return best;
}

static const struct opt *find_option(const struct opt *table, const char *name, size_t len)
{
    for (; table && table->name; table++)
        if (table->kind != OPT_HEADING && strlen(table->name) == len && memcmp(table->name, name, len) == 0)
            return table;
    return NULL;
}

static size_t gather_names(const struct opt *table, const char **names, size_t count)
{
    for (; table && table->name; table++)
        if (table->kind != OPT_HEADING) {
            assert(count < NAMES_MAX);
            names[count++] = table->name;
        }
    return count;
}

static int unknown_option(const struct command *command, const char *dashes, const char *word, size_t len,
                          struct err *err)
{
    const char *names[NAMES_MAX + 1];
    size_t count = gather_names(command->options, names, 0);
    count = gather_names(global_options, names, count);
    names[count] = NULL;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)len, word);
    const char *nearest = opt_nearest(name, names);
    if (nearest)
        return err_set(err, EXIT_INPUT, "unknown option %s%s; did you mean --%s?", dashes, name, nearest);
    return err_set(err, EXIT_INPUT, "unknown option %s%s", dashes, name);
}

/* A value that starts with two dashes is written --name=VALUE; after a space it is a forgotten value. */
static bool starts_option(const char *word)
{
    return word[0] == '-' && word[1] == '-' && word[2];
}

/* Parses the option at argv[*at] and moves *at to its last word. */
static int parse_option(const struct command *command, int argc, char **argv, int *at, void *args,
                        struct session *session, struct err *err)
{
    const char *word = argv[*at] + 2;
    size_t len = strcspn(word, "=");
    void *base = args;
    const struct opt *opt = find_option(command->options, word, len);
    if (!opt) {
        opt = find_option(global_options, word, len);
        base = session;
    }
    if (!opt)
        return unknown_option(command, "--", word, len, err);
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    if (opt->kind == OPT_FLAG && value)
        return err_set(err, EXIT_INPUT, "--%s takes no value", opt->name);
    if (opt->kind == OPT_VALUE && !value) {
        if (*at + 1 >= argc || starts_option(argv[*at + 1]))
            return err_set(err, EXIT_INPUT, "--%s needs a value: --%s %s", opt->name, opt->name, opt->arg);
        value = argv[++*at];
    }
    struct err detail = {0};
    if (opt->set((char *)base + opt->offset, value ? value : "", &detail))
        return err_set(err, EXIT_INPUT, "--%s: %s", opt->name, detail.text);
    return 0;
}

int opt_parse(const struct command *command, int argc, char **argv, void *args, struct session *session, bool *help,
              struct err *err)
{
    for (int at = 0; at < argc; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
            *help = true;
            continue;
        }
        if (starts_option(argv[at])) {
            int code = parse_option(command, argc, argv, &at, args, session, err);
            if (code)
                return code;
            continue;
        }
        if (argv[at][0] == '-' && argv[at][1] && argv[at][1] != '-')
            return unknown_option(command, "-", argv[at] + 1, strlen(argv[at] + 1), err);
        if (command->operand) {
            int code = command->operand(args, argv[at], err);
            if (code)
                return code;
            continue;
        }
        return err_set(err, EXIT_INPUT, "unexpected argument \"%.80s\"", argv[at]);
    }
    if (session->json && session->csv)
        return err_set(err, EXIT_INPUT, "--json and --csv exclude each other");
    return 0;
}

/* How many words of argv name this command: 0 when it is another one. */
static int words_matching(const struct command *command, int argc, char **argv)
{
    size_t first = strcspn(command->name, " ");
    if (argc < 1 || strlen(argv[0]) != first || memcmp(argv[0], command->name, first) != 0)
        return 0;
    if (!command->name[first])
        return 1;
    return argc >= 2 && strcmp(argv[1], command->name + first + 1) == 0 ? 2 : 0;
}

static const struct command *find_command(const struct command *const *commands, int argc, char **argv, int *words)
{
    for (; *commands; commands++)
        if ((*words = words_matching(*commands, argc, argv)) > 0)
            return *commands;
    return NULL;
}

static int report(const struct session *session, const char *command, const struct err *err, bool usage)
{
    fprintf(session->err, "%s%s%s: %s\n", session->program, command ? " " : "", command ? command : "", err->text);
    if (usage)
        fprintf(session->err, "Try '%s%s%s --help'.\n", session->program, command ? " " : "", command ? command : "");
    return err->code;
}

/* "prices" alone, or "prices shwo": the commands of two words that begin so. */
static bool two_word_hint(const struct command *const *commands, char **argv, struct err *err)
{
    struct str list;
    str_init(&list, 1024);
    for (; *commands; commands++)
        if (opt_in_group(*commands, argv[0]))
            str_addf(&list, "%s%s", list.len ? ", " : "", (*commands)->name);
    bool found = list.len > 0;
    if (found)
        err_set(err, EXIT_INPUT, "\"%s\" needs a second word: %s", argv[0], list.text);
    str_release(&list);
    return found;
}

static int unknown_command(const struct command *const *commands, char **argv, struct session *session)
{
    struct err err;
    if (!two_word_hint(commands, argv, &err)) {
        const char *names[NAMES_MAX + 1];
        size_t count = 0;
        for (; count < NAMES_MAX && commands[count]; count++)
            names[count] = commands[count]->name;
        names[count] = NULL;
        const char *nearest = opt_nearest(argv[0], names);
        err_set(&err, EXIT_INPUT,
                nearest ? "unknown command \"%.60s\"; did you mean \"%s\"?" : "unknown command \"%.60s\"", argv[0],
                nearest);
    }
    return report(session, NULL, &err, true);
}

static int run_command(const struct command *command, int argc, char **argv, struct session *session)
{
    struct err err = {0};
    bool help = false;
    void *args = mem_zero(1, command->args_size);
    int code = opt_parse(command, argc, argv, args, session, &help, &err);
    if (help) {
        opt_help(command, session, session->out);
        code = 0;
    } else if (code) {
        report(session, command->name, &err, true);
    } else {
        code = command->run(session, args, &err);
        if (code && err.text[0])
            report(session, command->name, &err, false);
    }
    if (command->release)
        command->release(args);
    free(args);
    return code;
}

/* Global options may stand in front of the command; parses them and returns how many words they are, or -1. */
static int leading_globals(int argc, char **argv, struct session *session, bool *help)
{
    static const struct command none = {.name = ""};
    int at = 0;
    while (at < argc && argv[at][0] == '-') {
        struct err err = {0};
        if (opt_parse(&none, 1, argv + at, NULL, session, help, &err)) {
            report(session, NULL, &err, true);
            return -1;
        }
        at++;
    }
    return at;
}

int opt_main(const struct command *const *commands, int argc, char **argv, struct session *session)
{
    bool help = false;
    int skip = leading_globals(argc, argv, session, &help);
    if (skip < 0)
        return EXIT_INPUT;
    argc -= skip;
    argv += skip;
    if (argc && strcmp(argv[0], "help") == 0) {
        help = true;
        argc--;
        argv++;
    }
    if (!argc) {
        opt_overview(commands, session, help ? session->out : session->err);
        return session_finish(session, help ? 0 : EXIT_INPUT);
    }
    int words = 0;
    const struct command *command = find_command(commands, argc, argv, &words);
    if (!command && (argc == 1 ? help : strcmp(argv[1], "--help") == 0) &&
        opt_group_help(commands, argv[0], session, session->out))
        return session_finish(session, 0);
    if (!command)
        return unknown_command(commands, argv, session);
    if (help) {
        opt_help(command, session, session->out);
        return session_finish(session, 0);
    }
    return session_finish(session, run_command(command, argc - words, argv + words, session));
}

const struct opt *opt_globals(void)
{
    return global_options;
}
