/* --trigger and --keep, repeated: which keep each trigger gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "sim/policy_list.h"
#include "tests/support_draw.h"

/* Words in order: a trigger, or a keep behind a dash ("idle -hour"); "!" stands for what must be refused. */
static void read_words(struct policy_list *list, const char *words)
{
    while (*words) {
        char word[40];
        struct err err = {0};
        size_t len = strcspn(words, " ");
        str_fit(word, sizeof(word), "%.*s", (int)len, words);
        if (word[0] == '!')
            assert_int_equal(opt_keep(list, word + 1, &err), EXIT_INPUT);
        else if (word[0] == '-' ? opt_keep(list, word + 1, &err) : opt_trigger(list, word, &err))
            fail_msg("%s", err.text);
        words += len + (words[len] == ' ');
    }
    policy_list_finish(list);
}

static void gives(const char *words, const char *expected)
{
    struct policy_list list = {0};
    struct str got;
    str_init(&got, 0);
    read_words(&list, words);
    for (size_t i = 0; i < list.count; i++) {
        char trigger[POLICY_TEXT_SIZE];
        char keep[POLICY_TEXT_SIZE];
        str_addf(&got, "%s%s+%s", i ? " " : "", policy_trigger_text(list.items[i].trigger, trigger),
                 policy_keep_text(list.items[i].keep, keep));
    }
    assert_string_equal(got.text, expected);
    str_release(&got);
    policy_list_release(&list);
    assert_null(list.items);
}

static void by_hand(void **state)
{
    (void)state;
    gives("", "every+terminate");
    gives("-hour", "every+hour");
    gives("idle", "idle+terminate");
    gives("idle -hour", "idle+hour");
    gives("-hour idle", "idle+hour");
    gives("idle -hour -rent", "idle+rent"); /* the last of those behind it */
    gives("-rent -hour idle", "idle+hour"); /* the last of those before it */
    gives("every idle -hour", "every+hour idle+hour");
    gives("every -hour idle", "every+hour idle+hour");
    gives("every -hour idle -rent", "every+hour idle+rent");
    gives("-idle:60 every idle -rent count:2", "every+idle:60 idle+rent count:2+rent");
    gives("every idle -rent count:2 -hour train:60", "every+rent idle+rent count:2+hour train:60+hour");
    gives("-hour idle -terminate count:2", "idle+terminate count:2+terminate"); /* said, not only the default */
    gives("idle idle idle -hour idle", "idle+hour idle+hour idle+hour idle+hour");
    gives("idle !hours -hour", "idle+hour"); /* a refused keep leaves nothing behind */
}

#define WORDS 9

struct word {
    bool keep;
    int64_t seconds; /* idle:S, window:S */
};

/* The header's sentence, for the trigger at `at`; -1: terminate. */
static int64_t keep_of(const struct word *words, size_t count, size_t at)
{
    int64_t keep = -1;
    for (size_t i = at + 1; i < count && words[i].keep; i++) /* behind it, before the next trigger */
        keep = words[i].seconds;
    for (size_t i = at; keep < 0 && i > 0; i--) /* else the last before it */
        if (words[i - 1].keep)
            keep = words[i - 1].seconds;
    for (size_t i = at + 1; keep < 0 && i < count; i++) /* else the first one behind it, settled behind its trigger */
        if (words[i].keep && !(i + 1 < count && words[i + 1].keep))
            keep = words[i].seconds;
    return keep;
}

static void any_order(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 2000; i++) {
        struct philox p = philox_stream(3, 0, i, 1);
        struct word words[WORDS];
        size_t count = (size_t)draw(&p, 1, WORDS);
        struct policy_list list = {0};
        size_t triggers = 0;
        for (size_t k = 0; k < count; k++) {
            char text[40];
            struct err err = {0};
            words[k] = (struct word){draw(&p, 0, 1) != 0, (int64_t)k + 1};
            triggers += !words[k].keep;
            str_fit(text, sizeof(text), "%s:%d", words[k].keep ? "idle" : "window", (int)k + 1);
            assert_int_equal(words[k].keep ? opt_keep(&list, text, &err) : opt_trigger(&list, text, &err), 0);
        }
        policy_list_finish(&list);
        assert_int_equal(list.count, triggers ? triggers : 1);
        for (size_t k = 0, n = 0; k < count; k++) {
            if (words[k].keep)
                continue;
            int64_t keep = keep_of(words, count, k);
            assert_int_equal(list.items[n].trigger.arg, words[k].seconds);
            assert_int_equal(list.items[n].keep.kind, keep < 0 ? KEEP_TERMINATE : KEEP_IDLE);
            assert_int_equal(list.items[n].keep.idle_s, keep < 0 ? 0 : keep);
            n++;
        }
        policy_list_release(&list);
    }
}

static void bad_words_are_refused(void **state)
{
    (void)state;
    struct policy_list list = {0};
    struct err err = {0};
    assert_int_equal(opt_trigger(&list, "widnow:60", &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "did you mean window?"));
    assert_int_equal(list.count, 0);
    assert_int_equal(opt_keep(&list, "hours", &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "did you mean hour?"));
    assert_false(list.keep_before);
    policy_list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(any_order),
        cmocka_unit_test(bad_words_are_refused),
    };
    return cmocka_run_group_tests_name("policy_list", tests, NULL, NULL);
}
