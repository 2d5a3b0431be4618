/* The clock: fixed by the environment, else the machine's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

static void fixed(void **state)
{
    (void)state;
    setenv("BAKEHOUR_NOW", "1445385600", 1);
    assert_int_equal(clock_now_s(), 1445385600);
    setenv("BAKEHOUR_NOW", "-1", 1);
    assert_int_equal(clock_now_s(), -1);
    unsetenv("BAKEHOUR_NOW");
}

/* A file's own time stamp is an independent clock. */
static void else_the_machines(void **state)
{
    (void)state;
    char path[] = "/tmp/test_clock.XXXXXX";
    setenv("BAKEHOUR_NOW", "", 1);
    int64_t before = clock_now_s();
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    unsetenv("BAKEHOUR_NOW");
    int64_t after = clock_now_s();
    close(fd);
    unlink(path);
    assert_true(before - 2 <= st.st_mtime && st.st_mtime <= after + 2);
}

static void nonsense_is_not_passed_over(void **state)
{
    (void)state;
    const char *const nonsense[] = {"soon", "1445385600.5", "2015-10-21", " 1"};
    for (size_t i = 0; i < 4; i++) {
        pid_t child = fork();
        if (child == 0) {
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
            setenv("BAKEHOUR_NOW", nonsense[i], 1);
            _exit(clock_now_s() > 0 ? 99 : 98);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), EXIT_INPUT);
    }
}

static void monotonic(void **state)
{
    (void)state;
    int64_t first = clock_monotonic_ns();
    usleep(20000);
    int64_t passed = clock_monotonic_ns() - first;
    assert_true(passed >= 20000000 && passed < 20000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed),
        cmocka_unit_test(else_the_machines),
        cmocka_unit_test(nonsense_is_not_passed_over),
        cmocka_unit_test(monotonic),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
