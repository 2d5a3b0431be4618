/* Lifetimes of a group's instances from what is known of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "billing/lifetimes.h"

static void assert_life(const struct life_event *events, size_t count, instant_t now, instant_t start, instant_t end,
                        bool open, bool guessed)
{
    struct lifetime *list;
    assert_int_equal(lifetimes_of(&list, events, count, now), 1);
    assert_int_equal(list[0].start, start);
    assert_int_equal(list[0].end, end);
    assert_int_equal(list[0].open, open);
    assert_int_equal(list[0].guessed, guessed);
    free(list);
}

static void one_instance(void **state)
{
    (void)state;
    const struct life_event whole[] = {{"i-1", LIFE_TERMINATED, 900}, {"i-1", LIFE_LAUNCHED, 100},
                                       {"i-1", LIFE_LAUNCHED, 100},   {"i-1", LIFE_SEEN, 500},
                                       {"i-1", LIFE_GONE, 950},       {"i-1", LIFE_TERMINATED, 901}};
    assert_life(whole, 6, 1000, 100, 900, false, false);
    const struct life_event running[] = {{"i-1", LIFE_LAUNCHED, 100}, {"i-1", LIFE_SEEN, 800}};
    assert_life(running, 2, 1000, 100, 1000, true, false);
    const struct life_event old[] = {{"i-1", LIFE_SEEN, 300}, {"i-1", LIFE_SEEN, 800}};
    assert_life(old, 2, 1000, 300, 1000, true, true);
    const struct life_event vanished[] = {
        {"i-1", LIFE_LAUNCHED, 100}, {"i-1", LIFE_SEEN, 800}, {"i-1", LIFE_GONE, 900}};
    assert_life(vanished, 3, 1000, 100, 900, false, true);
    const struct life_event late_reply[] = {
        {"i-1", LIFE_LAUNCHED, 100}, {"i-1", LIFE_GONE, 110}, {"i-1", LIFE_SEEN, 800}};
    assert_life(late_reply, 3, 1000, 100, 1000, true, false); /* a list that lagged behind */
    const struct life_event odd[] = {{"i-1", LIFE_LAUNCHED, 500}, {"i-1", LIFE_TERMINATED, 400}};
    assert_life(odd, 2, 1000, 500, 500, false, false);
    const struct life_event future[] = {{"i-1", LIFE_LAUNCHED, 100}, {"i-1", LIFE_TERMINATED, 2000}};
    assert_life(future, 2, 1000, 100, 1000, false, false);
}

static void an_end_alone_tells_nothing(void **state)
{
    (void)state;
    const struct life_event end[] = {{"i-1", LIFE_TERMINATED, 400}, {"i-2", LIFE_GONE, 400}};
    struct lifetime *list;
    assert_int_equal(lifetimes_of(&list, end, 2, 1000), 0);
    free(list);
    assert_int_equal(lifetimes_of(&list, NULL, 0, 1000), 0);
    free(list);
}

/* A group that scales at random: whatever the order in which the activities are told, and however often. */
static void random_groups(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 200; n++) {
        struct philox p = philox_stream(6, n, 0, 1);
        char names[40][8];
        instant_t start[40];
        instant_t end[40];
        struct life_event events[240];
        size_t count = 0;
        size_t instances = 1 + philox_below(&p, 40);
        for (size_t i = 0; i < instances; i++) {
            snprintf(names[i], sizeof(names[i]), "i-%03zu", i);
            start[i] = (instant_t)philox_below(&p, 1000);
            end[i] = philox_below(&p, 3) ? start[i] + (instant_t)philox_below(&p, 1000) : INSTANT_MAX;
            for (uint64_t times = 1 + philox_below(&p, 3); times; times--) {
                events[count++] = (struct life_event){names[i], LIFE_LAUNCHED, start[i]};
                if (end[i] != INSTANT_MAX)
                    events[count++] = (struct life_event){names[i], LIFE_TERMINATED, end[i]};
            }
        }
        for (size_t i = count - 1; i > 0; i--) {
            size_t j = philox_below(&p, i + 1);
            struct life_event swap = events[i];
            events[i] = events[j];
            events[j] = swap;
        }
        struct lifetime *list;
        assert_int_equal(lifetimes_of(&list, events, count, 3000), instances);
        for (size_t i = 0; i < instances; i++) {
            assert_string_equal(list[i].instance, names[i]);
            assert_int_equal(list[i].start, start[i]);
            assert_int_equal(list[i].end, end[i] == INSTANT_MAX ? 3000 : end[i]);
            assert_int_equal(list[i].open, end[i] == INSTANT_MAX);
        }
        free(list);
    }
}

static void activities_are_read(void **state)
{
    (void)state;
    char id[32];
    enum life life;
    assert_true(lifetimes_read_activity("Launching a new EC2 instance: i-0123456789abcdef0", id, &life));
    assert_string_equal(id, "i-0123456789abcdef0");
    assert_int_equal(life, LIFE_LAUNCHED);
    assert_true(lifetimes_read_activity("Terminating EC2 instance: i-0123456789abcdef0 - Waiting for ELB", id, &life));
    assert_string_equal(id, "i-0123456789abcdef0");
    assert_int_equal(life, LIFE_TERMINATED);
    assert_true(lifetimes_read_activity("Launching a new EC2 instance: i-01, from the warm pool", id, &life));
    assert_string_equal(id, "i-01");
    assert_false(lifetimes_read_activity("Launching a new EC2 instance", id, &life));
    assert_false(lifetimes_read_activity("Launching a new EC2 instance: i-", id, &life));
    assert_false(
        lifetimes_read_activity("Launching a new EC2 instance: i-0123456789012345678901234567890123", id, &life));
    assert_false(lifetimes_read_activity("Attaching an existing EC2 instance: i-01", id, &life));
    assert_false(lifetimes_read_activity("", id, &life));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_instance),
        cmocka_unit_test(an_end_alone_tells_nothing),
        cmocka_unit_test(random_groups),
        cmocka_unit_test(activities_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
