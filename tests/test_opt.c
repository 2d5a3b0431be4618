/* The command line: every kind of option, the words around it, what goes wrong, and what is printed about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/opt.h"

struct toy {
    bool flag;
    const char *text, *maybe;
    int64_t count;
    int sum;
};

static struct toy seen; /* as the command saw it */
static int released;

static int set_maybe(void *field, const char *value, struct err *err)
{
    (void)err;
    *(const char **)field = *value ? value : "default";
    return 0;
}

static int set_sum(void *field, const char *value, struct err *err)
{
    if (strlen(value) != 1)
        return err_set(err, EXIT_INPUT, "\"%s\" is not one digit", value);
    *(int *)field += value[0] - '0';
    return 0;
}

static int run_toy(struct session *session, void *args, struct err *err)
{
    seen = *(struct toy *)args;
    fputs("ran\n", session->out);
    if (seen.count == 13)
        return err_set(err, EXIT_OVER, "thirteen");
    return seen.count == 75 ? EXIT_WAIT : 0;
}

static void release_toy(void *args)
{
    (void)args;
    released++;
}

static const struct opt toy_options[] = {
    {"Things", OPT_HEADING, NULL, NULL, NULL, 0},
    {"flag", OPT_FLAG, NULL, "a flag", opt_flag, offsetof(struct toy, flag)},
    {"text", OPT_VALUE, "FILE",
     "a text whose explanation is so long that it has to be wrapped into several lines, since a terminal has no more "
     "than eighty columns and nobody likes to read around the corner",
     opt_text, offsetof(struct toy, text)},
    {"maybe", OPT_MAYBE, "HOW", "with a value or without", set_maybe, offsetof(struct toy, maybe)},
    {"count", OPT_VALUE, "N", "a number", opt_count, offsetof(struct toy, count)},
    {"sum-with-a-very-long-name", OPT_VALUE, "DIGIT", "adds up", set_sum, offsetof(struct toy, sum)},
    OPT_END,
};

static const struct command cmd_toy = {
    "toy",
    "plays, and says in a summary that is a little too long for one line of eighty columns what it plays",
    "A paragraph that is long enough to be wrapped because it goes on and on about nothing in particular.\n\nAnother "
    "one, 'quoted' with \\ and\n.dots in front.",
    "  bakehour toy --flag",
    toy_options,
    sizeof(struct toy),
    run_toy,
    release_toy,
    NULL,
    NULL};
static const struct command cmd_show = {
    "prices show", "shows", "Shows.", "  bakehour prices show", toy_options, sizeof(struct toy), run_toy,
    NULL,          NULL,    NULL};
static const struct command cmd_import = {
    "prices import", "imports", "Imports.", "  bakehour prices import", NULL, 1, run_toy, NULL, NULL, NULL};
static const struct command *const commands[] = {&cmd_toy, &cmd_show, &cmd_import, NULL};

struct result {
    int code;
    char *out, *err;
    struct session session;
};

#define WORDS_MAX 16

/* Runs a command line, its words separated by single spaces. */
static struct result run_width(const char *line, int width)
{
    static char words[1024];
    snprintf(words, sizeof(words), "%s", line);
    char *argv[WORDS_MAX];
    int argc = 0;
    char *save = NULL;
    for (char *w = strtok_r(words, " ", &save); w && argc < WORDS_MAX; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    struct result r = {0};
    size_t len[2];
    r.session = (struct session){.out = open_memstream(&r.out, &len[0]),
                                 .err = open_memstream(&r.err, &len[1]),
                                 .program = "bakehour",
                                 .width = width};
    memset(&seen, 0, sizeof(seen));
    released = 0;
    r.code = opt_main(commands, argc, argv, &r.session);
    fclose(r.session.out);
    fclose(r.session.err);
    return r;
}

static struct result run(const char *line)
{
    return run_width(line, 0);
}

static void done(struct result *r)
{
    free(r->out);
    free(r->err);
}

/* Fails with code and a message on err alone. */
static void refuses(const char *line, const char *message)
{
    struct result r = run(line);
    assert_int_equal(r.code, EXIT_INPUT);
    assert_string_equal(r.out, "");
    if (!strstr(r.err, message))
        fail_msg("\"%s\" is not in: %s", message, r.err);
    done(&r);
}

static void every_kind(void **state)
{
    (void)state;
    struct result r = run("toy --flag --text a=b --maybe --count 12 --sum-with-a-very-long-name 3 "
                          "--sum-with-a-very-long-name=4");
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, "ran\n");
    assert_string_equal(r.err, "");
    assert_true(seen.flag);
    assert_string_equal(seen.text, "a=b");
    assert_string_equal(seen.maybe, "default");
    assert_int_equal(seen.count, 12);
    assert_int_equal(seen.sum, 7);
    assert_int_equal(released, 1);
    done(&r);
    r = run("toy --text=--flag --maybe=x=y --count=0");
    assert_int_equal(r.code, 0);
    assert_string_equal(seen.text, "--flag");
    assert_string_equal(seen.maybe, "x=y");
    assert_false(seen.flag);
    done(&r);
    r = run("toy --text - --text=");
    assert_int_equal(r.code, 0);
    assert_string_equal(seen.text, "");
    done(&r);
}

static void bad_usage(void **state)
{
    (void)state;
    refuses("toy --text", "bakehour toy: --text needs a value: --text FILE\nTry 'bakehour toy --help'.\n");
    refuses("toy --text --flag", "--text needs a value");
    refuses("toy --flag=1", "--flag takes no value");
    refuses("toy --txet x", "unknown option --txet; did you mean --text?");
    refuses("toy --jsn", "unknown option --jsn; did you mean --json?");
    refuses("toy --zzzzzzzz", "unknown option --zzzzzzzz\n");
    refuses("toy -flag", "unknown option -flag; did you mean --flag?");
    refuses("toy -v", "unknown option -v");
    refuses("toy --=x", "unknown option --");
    refuses("toy file", "unexpected argument \"file\"");
    refuses("toy --", "unexpected argument \"--\"");
    refuses("toy -", "unexpected argument \"-\"");
    refuses("toy --count many", "--count: \"many\" is no whole number");
    refuses("toy --count -1", "no whole number");
    refuses("toy --count 1000000001", "no whole number");
    refuses("toy --sum-with-a-very-long-name 10", "--sum-with-a-very-long-name: \"10\" is not one digit");
    refuses("toy --json --csv", "--json and --csv exclude each other");
    refuses("--json toy --csv", "--json and --csv exclude each other");
    refuses("--json --csv toy", "bakehour: --json and --csv exclude each other");
}

static void globals_on_both_sides(void **state)
{
    (void)state;
    struct result r = run("--json --quiet toy --no-color");
    assert_int_equal(r.code, 0);
    assert_true(r.session.json && r.session.quiet && r.session.no_color && !r.session.csv);
    done(&r);
    r = run("toy --csv");
    assert_true(r.session.csv && !r.session.json);
    done(&r);
    refuses("--flag toy", "unknown option --flag");
}

static void commands_of_two_words(void **state)
{
    (void)state;
    struct result r = run("prices show --flag");
    assert_int_equal(r.code, 0);
    assert_true(seen.flag);
    done(&r);
    refuses("prices", "\"prices\" needs a second word: prices show, prices import");
    refuses("prices shwo", "needs a second word");
    refuses("show", "unknown command \"show\"");
    const char *const asked[] = {"prices --help", "help prices", "--help prices"};
    for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
        r = run(asked[i]);
        assert_int_equal(r.code, 0);
        assert_string_equal(r.err, "");
        assert_non_null(strstr(r.out, "Usage: bakehour prices COMMAND"));
        assert_non_null(strstr(r.out, "  prices show "));
        assert_null(strstr(r.out, "toy"));
        done(&r);
    }
    refuses("help shwo", "unknown command \"shwo\"");
    refuses("prices shwo --help", "needs a second word");
}

static void unknown_commands(void **state)
{
    (void)state;
    refuses("toi", "bakehour: unknown command \"toi\"; did you mean \"toy\"?\nTry 'bakehour --help'.\n");
    refuses("elephant", "unknown command \"elephant\"\n");
    refuses("toyy --flag", "did you mean \"toy\"?");
}

static void codes_of_commands(void **state)
{
    (void)state;
    struct result r = run("toy --count 13");
    assert_int_equal(r.code, EXIT_OVER);
    assert_string_equal(r.err, "bakehour toy: thirteen\n");
    done(&r);
    r = run("toy --count 75");
    assert_int_equal(r.code, EXIT_WAIT);
    assert_string_equal(r.err, "");
    done(&r);
}

static void help_is_a_result(void **state)
{
    (void)state;
    struct result help = run("toy --help");
    assert_int_equal(help.code, 0);
    assert_string_equal(help.err, "");
    assert_non_null(strstr(help.out, "bakehour toy --flag"));
    for (const struct opt *opt = toy_options; opt->name; opt++)
        assert_non_null(strstr(help.out, opt->name));
    assert_non_null(strstr(help.out, "--json"));
    assert_non_null(strstr(help.out, "  --help "));
    const char *const same[] = {"help toy", "--help toy", "toy -h", "toy --flag --help --count 3"};
    for (size_t i = 0; i < 4; i++) {
        struct result r = run(same[i]);
        assert_int_equal(r.code, 0);
        assert_string_equal(r.out, help.out);
        done(&r);
    }
    done(&help);
    refuses("help toi", "did you mean \"toy\"?");
}

static void overview(void **state)
{
    (void)state;
    struct result nothing = run("");
    struct result asked = run("--help");
    struct result word = run("help");
    assert_int_equal(nothing.code, EXIT_INPUT);
    assert_string_equal(nothing.out, "");
    assert_int_equal(asked.code, 0);
    assert_string_equal(asked.err, "");
    assert_string_equal(asked.out, nothing.err);
    assert_string_equal(word.out, asked.out);
    for (size_t i = 0; commands[i]; i++)
        assert_non_null(strstr(asked.out, commands[i]->name));
    done(&nothing);
    done(&asked);
    done(&word);
}

static void fits(const char *text, size_t width)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        if (len > width)
            fail_msg("%zu columns: %.*s", len, (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void texts_fit_the_terminal(void **state)
{
    (void)state;
    const char *const lines[] = {"toy --help", "--help", "prices import --help"};
    const int widths[] = {0, 80, 60, 100, 200};
    for (size_t i = 0; i < 3; i++)
        for (size_t w = 0; w < 5; w++) {
            if (widths[w] == 60 && i == 1)
                continue; /* the closing lines of the overview are set for 80 */
            struct result r = run_width(lines[i], widths[w]);
            fits(r.out, widths[w] == 0 ? 80 : widths[w] > 100 ? 100 : (size_t)widths[w]);
            done(&r);
        }
}

/* No word is lost or glued to another by the wrapping. */
static void wrapping_keeps_the_words(void **state)
{
    (void)state;
    struct result r = run("toy --help");
    char *flat = strdup(r.out);
    char *to = flat;
    for (const char *at = r.out; *at; at++)
        if (!strchr(" \n", *at))
            *to++ = *at;
        else if (to > flat && to[-1] != ' ')
            *to++ = ' ';
    *to = '\0';
    assert_non_null(strstr(flat, toy_options[2].help));
    assert_non_null(strstr(flat, cmd_toy.summary));
    assert_non_null(strstr(r.out, "particular.\n\nAnother"));
    free(flat);
    done(&r);
}

static char *printed(void (*print)(const struct command *const *, FILE *))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    print(commands, out);
    fclose(out);
    return text;
}

static void man_page(void **state)
{
    (void)state;
    char *text = printed(opt_man_page);
    assert_non_null(strstr(text, ".SS prices show\n"));
    assert_non_null(strstr(text, ".TP\n.B \\-\\-text FILE\n"));
    assert_non_null(strstr(text, "\\(aqquoted\\(aq with \\e and\n\\&.dots"));
    assert_non_null(strstr(text, "\n.PP\nAnother"));
    assert_non_null(strstr(text, "\\-\\-help"));
    assert_null(strstr(text, "\n\n"));
    free(text);
}

/* Bash itself says what it would offer after a word. */
static void offers(const char *words, int at, const char *expected)
{
    char *completion = printed(opt_bash_completion);
    FILE *script = tmpfile();
    FILE *output = tmpfile();
    assert_non_null(script);
    assert_non_null(output);
    fprintf(script, "%s\nCOMP_WORDS=(%s)\nCOMP_CWORD=%d\n_bakehour\necho \"${COMPREPLY[*]}\"\n", completion, words, at);
    rewind(script);
    free(completion);
    pid_t child = fork();
    if (child == 0) {
        dup2(fileno(script), STDIN_FILENO);
        dup2(fileno(output), STDOUT_FILENO);
        execlp("bash", "bash", "-s", (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    rewind(output);
    char line[1024] = "";
    assert_non_null(fgets(line, sizeof(line), output));
    fclose(script);
    fclose(output);
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(line, expected);
}

static void completion(void **state)
{
    (void)state;
    offers("bakehour ''", 1, "help --help --version toy prices");
    offers("bakehour pr", 1, "prices");
    offers("bakehour prices ''", 2, "show import");
    offers("bakehour prices i", 2, "import");
    offers("bakehour prices show --t", 3, "--text");
    offers("bakehour prices import --", 3, "--json --csv --quiet --no-color --help");
    offers("bakehour toy --", 2,
           "--flag --text --maybe --count --sum-with-a-very-long-name --json --csv --quiet --no-color --help");
    offers("bakehour toy --flag --c", 3, "--count --csv");
}

static void nearest(void **state)
{
    (void)state;
    const char *const names[] = {"plan", "simulate", "bill", NULL};
    assert_string_equal(opt_nearest("lpna", names), "plan"); /* neighbours swapped twice: two edits, not four */
    assert_string_equal(opt_nearest("simlate", names), "simulate");
    assert_string_equal(opt_nearest("bil", names), "bill");
    assert_null(opt_nearest("", names));
    assert_null(opt_nearest("zebra", names));
    char word[200];
    memset(word, 'p', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_null(opt_nearest(word, names));
}

static void a_full_disk_is_noticed(void **state)
{
    (void)state;
    struct session session = {.out = fopen("/dev/full", "w"), .program = "bakehour"};
    char *text = NULL;
    size_t len = 0;
    session.err = open_memstream(&text, &len);
    char word[] = "toy";
    char *argv[] = {word};
    assert_int_equal(opt_main(commands, 1, argv, &session), EXIT_FAILED);
    fclose(session.err);
    fclose(session.out);
    assert_string_equal(text, "bakehour: the output could not be written\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(bad_usage),
        cmocka_unit_test(globals_on_both_sides),
        cmocka_unit_test(commands_of_two_words),
        cmocka_unit_test(unknown_commands),
        cmocka_unit_test(codes_of_commands),
        cmocka_unit_test(help_is_a_result),
        cmocka_unit_test(overview),
        cmocka_unit_test(texts_fit_the_terminal),
        cmocka_unit_test(wrapping_keeps_the_words),
        cmocka_unit_test(man_page),
        cmocka_unit_test(completion),
        cmocka_unit_test(nearest),
        cmocka_unit_test(a_full_disk_is_noticed),
    };
    return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
