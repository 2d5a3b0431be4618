/* Requests, replies and their XML; the arena under them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/transport.h"
#include "scheduler/wire.h"

static void trees_are_found_by_path(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct node *root = node_new(&arena, "DescribeInstancesResponse");
    struct node *set = node_add(&arena, root, "reservationSet");
    for (int i = 0; i < 3; i++) {
        struct node *item = node_add(&arena, set, "item");
        node_i64(&arena, item, "number", i);
    }
    node_text(&arena, root, "absent", NULL);
    assert_string_equal(node_get(root, "reservationSet/item/number"), "0");
    assert_string_equal(node_get(root, "reservationSet/items/number"), "");
    assert_null(node_find(root, "absent"));
    assert_int_equal(node_count(set, "item"), 3);
    const struct node *item = node_child(set, "item");
    item = node_next(node_next(item, "item"), "item");
    assert_string_equal(node_get(item, "number"), "2");
    assert_null(node_next(item, "item"));
    assert_null(node_child(NULL, "x"));
    arena_release(&arena);
}

static void xml_is_escaped(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct node *root = node_new(&arena, "R");
    node_text(&arena, root, "a", "x<y>&\"' \xc3\xa9\r\x01\xff");
    node_add(&arena, root, "empty");
    struct str out;
    str_init(&out, 0);
    node_xml(root, "http://x/", &out);
    assert_string_equal(out.text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"http://x/\"><a>x&#60;y&#62;"
                                  "&#38;&#34;&#39; \xc3\xa9&#13;\xef\xbf\xbd\xef\xbf\xbd</a><empty/></R>");
    str_release(&out);
    arena_release(&arena);
}

static void parameters_keep_their_order(void **state)
{
    (void)state;
    struct aws_request r;
    aws_request_init(&r, AWS_EC2, "DescribeInstances");
    aws_param(&r, "InstanceId.1", "i-1");
    aws_param(&r, "Nothing", NULL);
    aws_param_i64(&r, "MaxResults", INT64_MAX);
    aws_param_bool(&r, "DryRun", false);
    aws_paramf(&r, "Tag.member.1", "%s-%d", "t", 7);
    assert_int_equal(r.param_count, 4);
    assert_string_equal(r.params[1].value, "9223372036854775807");
    assert_string_equal(aws_param_at(&r, "InstanceId", 1), "i-1");
    assert_string_equal(aws_param_at(&r, "Tag", 1), "t-7");
    assert_null(aws_param_at(&r, "Tag", 2));
    assert_string_equal(aws_service_info(r.service)->signing, "ec2");
    aws_request_release(&r);
}

static void errors_are_told_apart(void **state)
{
    (void)state;
    struct aws_error e;
    aws_error_set(&e, AWS_REFUSED, 503, "RequestLimitExceeded", "slow down, %s", "please");
    assert_true(aws_error_throttled(&e) && aws_error_transient(&e));
    aws_error_set(&e, AWS_REFUSED, 400, "InvalidAMIName.Duplicate", "no");
    assert_false(aws_error_throttled(&e) || aws_error_transient(&e));
    aws_error_set(&e, AWS_UNCERTAIN, 0, "time-out", "no");
    assert_true(aws_error_transient(&e) && !aws_error_throttled(&e));
}

static void an_arena_holds_what_it_gave(void **state)
{
    (void)state;
    struct arena arena = {0};
    char *texts[2000];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2000; i++)
            texts[i] = arena_textf(&arena, "text %d", i * (round + 1));
        char *large = arena_alloc(&arena, 1 << 20);
        for (size_t i = 0; i < 1 << 20; i++)
            assert_int_equal(large[i], 0);
        for (int i = 0; i < 2000; i++) {
            char want[32];
            (void)snprintf(want, sizeof want, "text %d", i * (round + 1));
            assert_string_equal(texts[i], want);
            assert_int_equal((uintptr_t)texts[i] % _Alignof(max_align_t), 0);
        }
        arena_reset(&arena);
    }
    assert_string_equal(arena_dup_n(&arena, "abcdef", 3), "abc");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_are_found_by_path),     cmocka_unit_test(xml_is_escaped),
        cmocka_unit_test(parameters_keep_their_order), cmocka_unit_test(errors_are_told_apart),
        cmocka_unit_test(an_arena_holds_what_it_gave),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
