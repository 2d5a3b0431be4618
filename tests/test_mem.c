/* Allocation: growth, overflow, copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static void grow_keeps_items_and_is_amortised(void **state)
{
    (void)state;
    int *items = NULL;
    size_t cap = 0;
    int moves = 0;
    for (size_t i = 0; i < 100000; i++) {
        size_t before = cap;
        items = mem_grow(items, &cap, i + 1, sizeof(*items));
        assert_true(cap >= i + 1);
        moves += cap != before;
        items[i] = (int)i;
    }
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(items[i], i);
    assert_true(moves < 40); /* log1.5(100000 / 16) = 22 */
    free(items);
}

static void grow_reaches_a_large_need_at_once(void **state)
{
    (void)state;
    size_t cap = 4;
    char *items = mem_array(NULL, 4, 1);
    char *same = mem_grow(items, &cap, 4, 1);
    assert_ptr_equal(same, items);
    assert_int_equal(cap, 4);
    items = mem_grow(items, &cap, 1000, 1);
    assert_true(cap >= 1000);
    memset(items, 1, 1000);
    free(items);
}

static void zero_is_zeroed_and_nothing_is_something(void **state)
{
    (void)state;
    unsigned char *p = mem_zero(1000, 3);
    for (size_t i = 0; i < 3000; i++)
        assert_int_equal(p[i], 0);
    free(p);
    void *none[3] = {mem_alloc(0), mem_zero(0, 8), mem_array(NULL, 0, 8)};
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(none[i]);
        free(none[i]);
    }
}

static void copies(void **state)
{
    (void)state;
    char *whole = mem_dup("abc");
    char *part = mem_dup_n("abc", 2);
    char *empty = mem_dup_n(NULL, 0);
    assert_string_equal(whole, "abc");
    assert_string_equal(part, "ab");
    assert_string_equal(empty, "");
    free(whole);
    free(part);
    free(empty);
}

/* The exit code of a child that does what is asked; its stderr is thrown away. */
static int exit_code_of(void (*work)(void))
{
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        work();
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void die(void)
{
    mem_die(5);
}

static void overflow(void)
{
    free(mem_array(NULL, SIZE_MAX / 2, 3));
}

static void out_of_memory_ends_the_program(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(die), 1);
    assert_int_equal(exit_code_of(overflow), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grow_keeps_items_and_is_amortised),       cmocka_unit_test(grow_reaches_a_large_need_at_once),
        cmocka_unit_test(zero_is_zeroed_and_nothing_is_something), cmocka_unit_test(copies),
        cmocka_unit_test(out_of_memory_ends_the_program),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
