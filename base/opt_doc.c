/* What people read of the option tables: --help, the overview, the man page's roff, shell completion. */
#include "base/opt.h"

#include <stdlib.h>
#include <string.h>

#include "base/page.h"
#include "base/str.h"

#define HELP_WIDTH_MAX 100
#define HELP_INDENT    27

static int help_width(const struct session *s)
{
    int width = page_width(s);
    return width > HELP_WIDTH_MAX ? HELP_WIDTH_MAX : width;
}

static void option_left(const struct opt *opt, struct str *to)
{
    if (opt->kind == OPT_FLAG)
        str_addf(to, "--%s", opt->name);
    else if (opt->kind == OPT_MAYBE)
        str_addf(to, "--%s[=%s]", opt->name, opt->arg);
    else
        str_addf(to, "--%s %s", opt->name, opt->arg);
}

static void help_options(const struct opt *options, const struct session *s, FILE *out)
{
    for (; options && options->name; options++) {
        if (options->kind == OPT_HEADING) {
            fprintf(out, "\n%s", session_bold(s));
            page_flow(out, options->name, 0, 0, help_width(s));
            fputs(session_plain(s), out);
            continue;
        }
        struct str left;
        str_init(&left, 0);
        option_left(options, &left);
        fprintf(out, "  %-*s", HELP_INDENT - 4, left.text);
        if (left.len > HELP_INDENT - 4)
            fprintf(out, "\n%*s", HELP_INDENT, "");
        else
            fputs("  ", out);
        page_flow(out, options->help, HELP_INDENT, HELP_INDENT, help_width(s));
        str_release(&left);
    }
}

/* --help is no row of a table, since nothing is parsed into it, but it is to be read wherever the others are. */
static const struct opt *opt_help_row(void)
{
    static const struct opt row[] = {{"help", OPT_FLAG, NULL, "this text", NULL, 0}, OPT_END};
    return row;
}

/* Each line of it two columns in, however the command has it. */
static void help_example(const char *line, FILE *out)
{
    int indent = *line == ' ' ? 0 : 2;
    while (*line) {
        int len = (int)strcspn(line, "\n");
        fprintf(out, "%*s%.*s\n", indent, "", len, line);
        line += len + (line[len] != '\0');
    }
}

void opt_help(const struct command *command, const struct session *s, FILE *out)
{
    fprintf(out, "%s%s %s%s -", session_bold(s), s->program, command->name, session_plain(s));
    page_flow(out, command->summary, (int)(strlen(s->program) + strlen(command->name)) + 3, 2, help_width(s));
    fprintf(out, "\nUsage: %s %s [OPTIONS]%s%s\n\n", s->program, command->name, command->operands ? " " : "",
            command->operands ? command->operands : "");
    page_flow(out, command->about, 0, 0, help_width(s));
    help_options(command->options, s, out);
    help_options(opt_globals(), s, out);
    help_options(opt_help_row(), s, out);
    fprintf(out, "\n%sExample%s\n", session_bold(s), session_plain(s));
    help_example(command->example, out);
}

static void summary_row(const struct command *command, const struct session *s, FILE *out)
{
    fprintf(out, "  %-16s ", command->name);
    page_flow(out, command->summary, 19, 19, help_width(s));
}

bool opt_in_group(const struct command *command, const char *word)
{
    size_t len = strlen(word);
    return strncmp(command->name, word, len) == 0 && command->name[len] == ' ';
}

bool opt_group_help(const struct command *const *commands, const char *word, const struct session *s, FILE *out)
{
    bool found = false;
    for (; *commands; commands++) {
        if (!opt_in_group(*commands, word))
            continue;
        if (!found)
            fprintf(out, "Usage: %s %s COMMAND [OPTIONS]\n\nCommands\n", s->program, word);
        summary_row(*commands, s, out);
        found = true;
    }
    if (found)
        fprintf(out, "\n'%s %s COMMAND --help' tells more.\n", s->program, word);
    return found;
}

void opt_overview(const struct command *const *commands, const struct session *s, FILE *out)
{
    fprintf(out, "%s%s%s -", session_bold(s), s->program, session_plain(s));
    page_flow(out, "deploy machine images from every commit, and know what each deployment costs",
              (int)strlen(s->program) + 2, 2, help_width(s));
    fprintf(out, "\nUsage: %s COMMAND [OPTIONS]\n\nCommands\n", s->program);
    for (; *commands; commands++)
        summary_row(*commands, s, out);
    fprintf(out,
            "\nStart with your own repository; no AWS account is needed:\n"
            "  %s plan --repo .\n\n"
            "'%s COMMAND --help' tells more; '%s --version' names the version.\n"
            "Exit codes: 0 done, 1 failed, 2 bad usage or bad input, 3 over budget,\n"
            "4 over budget by forecast; the manual page has them all.\n",
            s->program, s->program, s->program);
}

/* Characters that roff would take for its own or would turn into typographic ones. */
static const char *roff_escape(char c)
{
    static const char *const escapes[] = {"\\\\e", "-\\-", "'\\(aq", "`\\(ga", "^\\(ha", "~\\(ti", "\"\\(dq"};
    for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++)
        if (escapes[i][0] == c)
            return escapes[i] + 1;
    return NULL;
}

static void roff_text(FILE *out, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        const char *escape = roff_escape(*text);
        if (line_start && *text == '.')
            fputs("\\&", out);
        if (escape)
            fputs(escape, out);
        else if (*text == '\n' && text[1] == '\n')
            fputs("\n.PP", out);
        else
            fputc(*text, out);
        line_start = *text == '\n';
    }
    fputc('\n', out);
}

static void roff_options(FILE *out, const struct opt *options)
{
    for (; options && options->name; options++) {
        if (options->kind == OPT_HEADING) {
            fputs(".PP\n.I ", out);
            roff_text(out, options->name);
            continue;
        }
        struct str left;
        str_init(&left, 0);
        option_left(options, &left);
        fputs(".TP\n.B ", out);
        roff_text(out, left.text);
        roff_text(out, options->help);
        str_release(&left);
    }
}

void opt_man_page(const struct command *const *commands, FILE *out)
{
    fputs(".SH COMMANDS\n", out);
    for (; *commands; commands++) {
        fputs(".SS ", out);
        roff_text(out, (*commands)->name);
        roff_text(out, (*commands)->summary);
        fputs(".PP\n", out);
        roff_text(out, (*commands)->about);
        roff_options(out, (*commands)->options);
        fputs(".PP\nExample:\n.PP\n.nf\n", out);
        roff_text(out, (*commands)->example);
        fputs(".fi\n", out);
    }
    fputs(".SH GLOBAL OPTIONS\n", out);
    roff_options(out, opt_globals() + 1);
    roff_options(out, opt_help_row());
}

static void completion_words(FILE *out, const struct opt *options)
{
    for (; options && options->name; options++)
        if (options->kind != OPT_HEADING)
            fprintf(out, " --%s", options->name);
}

/* Is this the first command of the list that begins with its first word? */
static bool opens_group(const struct command *const *commands, const struct command *const *at)
{
    size_t len = strcspn((*at)->name, " ");
    for (; commands < at; commands++)
        if (strncmp((*commands)->name, (*at)->name, len) == 0 && strcspn((*commands)->name, " ") == len)
            return false;
    return true;
}

/* The second words of the commands that share a first one: "prices show", "prices import". */
static void completion_group(const struct command *const *commands, const char *first, FILE *out)
{
    size_t len = strcspn(first, " ");
    fprintf(out, "    '%.*s ') words=\"", (int)len, first);
    const char *space = "";
    for (; *commands; commands++)
        if (strncmp((*commands)->name, first, len) == 0 && (*commands)->name[len] == ' ') {
            fprintf(out, "%s%s", space, (*commands)->name + len + 1);
            space = " ";
        }
    fputs("\" ;;\n", out);
}

static void completion_first_words(const struct command *const *commands, FILE *out)
{
    for (const struct command *const *at = commands; *at; at++)
        if (opens_group(commands, at))
            fprintf(out, " %.*s", (int)strcspn((*at)->name, " "), (*at)->name);
}

void opt_bash_completion(const struct command *const *commands, FILE *out)
{
    fputs("# bash completion for bakehour\n_bakehour() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]} second='' words\n"
          "    if ((COMP_CWORD > 2)); then second=${COMP_WORDS[2]}; fi\n"
          "    if ((COMP_CWORD == 1)); then first=''; fi\n"
          "    case \"$first $second\" in\n",
          out);
    for (const struct command *const *at = commands; *at; at++) {
        const struct command *c = *at;
        bool two = strchr(c->name, ' ');
        if (two && opens_group(commands, at))
            completion_group(commands, c->name, out);
        fprintf(out, "    '%s'%s) words=\"", c->name, two ? "" : "' '*");
        completion_words(out, c->options);
        completion_words(out, opt_globals());
        fputs(" --help\" ;;\n", out);
    }
    fputs("    *) words=\"help --help --version", out);
    completion_first_words(commands, out);
    fputs("\" ;;\n    esac\n"
          "    COMPREPLY=()\n"
          "    if [[ $word == -* || $COMP_CWORD -eq 1 || $words != *--* ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
          "    else\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
          "    fi\n}\ncomplete -F _bakehour bakehour\n",
          out);
}
