/*
 * opt.h - one declarative table of options for each command. Parser, --help, man page, shell completion and the
 * nearest-name suggestions all come from it.
 *
 * A command's options live in a struct of its own (args_size bytes, zeroed); each option names the field it sets by
 * offset and a function that reads the text into it. Tables are static data; texts point into argv.
 * Errors: bad usage returns EXIT_INPUT with the option, what is wrong and the nearest name.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/session.h"

typedef int opt_set(void *field, const char *value, struct err *err);

enum opt_kind { OPT_VALUE, OPT_FLAG, OPT_MAYBE /* --name or --name=VALUE */, OPT_HEADING };

struct opt {
    const char *name; /* without the dashes; for OPT_HEADING the heading */
    enum opt_kind kind;
    const char *arg; /* what stands for the value in the help: "FILE" */
    const char *help;
    opt_set *set; /* OPT_FLAG: called with ""; OPT_MAYBE: with "" when no value was given */
    size_t offset;
};

#define OPT_END                                                                                                        \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

struct command {
    const char *name;    /* one word or two: "simulate", "prices show" */
    const char *summary; /* a line for the list of commands */
    const char *about;   /* paragraphs for --help, separated by an empty line */
    const char *example; /* lines, shown as they are */
    const struct opt *options;
    size_t args_size;
    int (*run)(struct session *session, void *args, struct err *err); /* returns an exit code */
    void (*release)(void *args);                                      /* may be NULL */
    const char *operands; /* what may stand beside the options, for the usage line: "FILE..."; NULL: nothing may */
    opt_set *operand;     /* called with the args for each word that is no option */
};

/* Setters for the common kinds. */
opt_set opt_flag;  /* bool */
opt_set opt_text;  /* const char * */
opt_set opt_count; /* int64_t, 0 .. 1e9 */

/* Finds the command, parses, runs; prints errors and help. Returns the exit code. commands ends with NULL. */
int opt_main(const struct command *const *commands, int argc, char **argv, struct session *session);

/* Parses argv for one command into args. *help is set when --help stands in it. */
int opt_parse(const struct command *command, int argc, char **argv, void *args, struct session *session, bool *help,
              struct err *err) MUST_USE;

void opt_help(const struct command *command, const struct session *session, FILE *out);
void opt_overview(const struct command *const *commands, const struct session *session, FILE *out);

/* Whether command is one of two words of which the first is word. */
bool opt_in_group(const struct command *command, const char *word);

/* Lists the commands of two words that begin with word. Returns false, with nothing written, when there is none. */
bool opt_group_help(const struct command *const *commands, const char *word, const struct session *session, FILE *out);
void opt_man_page(const struct command *const *commands, FILE *out); /* the roff of COMMANDS and OPTIONS */
void opt_bash_completion(const struct command *const *commands, FILE *out);

/* The options that every command takes; they set fields of struct session. */
const struct opt *opt_globals(void);

/* The name of the list (NULL-terminated) nearest to text by edits, or NULL when none is near. */
const char *opt_nearest(const char *text, const char *const *names);

#endif
