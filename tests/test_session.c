/* What a command is given of its surroundings, on a terminal (a pseudo one) and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/session.h"

struct seen {
    int color, live, width;
    int64_t now_s;
};

/* session_init in a child whose standard streams are a terminal of 91 columns, or /dev/null (terminal false). */
static struct seen look(bool terminal, const char *name, const char *value)
{
    int answer[2];
    assert_int_equal(pipe(answer), 0);
    int master = -1;
    struct winsize size = {.ws_row = 24, .ws_col = 91};
    pid_t child = terminal ? forkpty(&master, NULL, NULL, &size) : fork();
    if (child == 0) {
        if (!terminal) {
            int null = open("/dev/null", O_WRONLY);
            dup2(null, STDOUT_FILENO);
            dup2(null, STDERR_FILENO);
        }
        unsetenv("COLUMNS");
        unsetenv("NO_COLOR");
        unsetenv("BAKEHOUR_NOW");
        setenv("TERM", "xterm", 1);
        if (name && value)
            setenv(name, value, 1);
        else if (name)
            unsetenv(name);
        struct session s;
        session_init(&s);
        struct seen seen = {s.color, s.live, s.width, s.now_s};
        _exit(write(answer[1], &seen, sizeof(seen)) == sizeof(seen) ? 0 : 1);
    }
    close(answer[1]);
    struct seen seen = {-1, -1, -1, -1};
    ssize_t got = read(answer[0], &seen, sizeof(seen));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    close(answer[0]);
    if (master >= 0)
        close(master);
    assert_int_equal(got, sizeof(seen));
    return seen;
}

static void on_a_terminal(void **state)
{
    (void)state;
    struct seen s = look(true, NULL, NULL);
    assert_int_equal(s.color, 1);
    assert_int_equal(s.live, 1);
    assert_int_equal(s.width, 91);
}

static void in_a_pipe(void **state)
{
    (void)state;
    struct seen s = look(false, "COLUMNS", "40");
    assert_int_equal(s.color, 0);
    assert_int_equal(s.live, 0);
    assert_int_equal(s.width, 0);
}

static void the_environment_has_its_say(void **state)
{
    (void)state;
    assert_int_equal(look(true, "NO_COLOR", "1").color, 0);
    assert_int_equal(look(true, "NO_COLOR", "").color, 1); /* no-color.org: present and not empty */
    assert_int_equal(look(true, "TERM", "dumb").color, 0);
    assert_int_equal(look(true, "TERM", "dumb").live, 0);
    assert_int_equal(look(true, "TERM", NULL).color, 0);
    assert_int_equal(look(true, "COLUMNS", "44").width, 44);
    const char *const nonsense[] = {"", "wide", "0", "-3", "19", "1001", "80 "};
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++)
        assert_int_equal(look(true, "COLUMNS", nonsense[i]).width, 91);
    assert_int_equal(look(false, "BAKEHOUR_NOW", "1700000000").now_s, 1700000000);
}

static void forms(void **state)
{
    (void)state;
    struct session s = {0};
    assert_int_equal(session_form(&s), FORM_TEXT);
    s.csv = true;
    assert_int_equal(session_form(&s), FORM_CSV);
    s = (struct session){.json = true};
    assert_int_equal(session_form(&s), FORM_JSON);
}

static void notes_and_colours(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    struct session s = {.program = "bakehour", .err = open_memstream(&text, &len), .color = true};
    session_note(&s, "%d commits", 3);
    s.quiet = true;
    session_note(&s, "not this");
    fclose(s.err);
    assert_string_equal(text, "bakehour: 3 commits\n");
    free(text);
    assert_string_equal(session_bold(&s), "\033[1m");
    s.no_color = true;
    assert_string_equal(session_bold(&s), "");
    assert_string_equal(session_dim(&s), "");
    assert_string_equal(session_plain(&s), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_terminal),
        cmocka_unit_test(in_a_pipe),
        cmocka_unit_test(the_environment_has_its_say),
        cmocka_unit_test(forms),
        cmocka_unit_test(notes_and_colours),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
