/* Usage records and reservations: what is read, and that every bad row is reported where it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support_bill.h"

#define HEAD "instance,type,region,start,end\n"

/* The reports that reading the text gives, as one text; the caller frees it. */
static char *reports_of(const char *text, bool reserved, int *code)
{
    char *reports = NULL;
    size_t len = 0;
    struct session session = {.err = open_memstream(&reports, &len)};
    struct names *names = names_new();
    struct usage usage = {0};
    struct reservations held = {0};
    struct err err;
    *code = reserved ? reservations_open_text(&held, names, "f.csv", text, strlen(text), &session, &err)
                     : usage_open_text(&usage, names, "f.csv", text, strlen(text), NULL, &session, &err);
    usage_release(&usage);
    reservations_release(&held);
    names_free(names);
    fclose(session.err);
    return reports;
}

struct bad {
    const char *text, *report;
};

static void check_all(const struct bad *cases, size_t count, bool reserved)
{
    for (size_t i = 0; i < count; i++) {
        int code;
        char *reports = reports_of(cases[i].text, reserved, &code);
        assert_int_equal(code, EXIT_INPUT);
        if (!strstr(reports, cases[i].report))
            print_message("wanted: %s\ngot: %s\n", cases[i].report, reports);
        assert_non_null(strstr(reports, cases[i].report));
        free(reports);
    }
}

static void bad_usage_rows_are_named(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {HEAD ",m4.large,r,2015-08-01,2015-08-02\n", "f.csv:2:1: instance: is empty"},
        {HEAD "i,,r,2015-08-01,2015-08-02\n", "f.csv:2:3: type: is empty"},
        {HEAD "i,t,,2015-08-01,2015-08-02\n", "f.csv:2:5: region: is empty"},
        {HEAD "i,t,r,yesterday,2015-08-02\n", "f.csv:2:7: start: \"yesterday\" is no UTC time"},
        {HEAD "i,t,r,,2015-08-02\n", "f.csv:2:7: start: is empty"},
        {HEAD "i,t,r,2015-08-01,2015-02-30\n", "f.csv:2:18: end: \"2015-02-30\" is no UTC time"},
        {HEAD "i,t,r,2015-08-02,2015-08-01\n", "f.csv:2:18: end: the end is before the start"},
        {HEAD "i,t,r,2015-08-01,\n", "f.csv:2:18: end: is empty: the instance still runs"},
        {HEAD "i,t,r,2015-08-01,10000-01-01\n", "f.csv:2:18: end: "},
        {HEAD "i,t,r,2015-08-01,9999-12-31T23:59:59-01:00\n", "outside the years 1 to 9999"},
        {HEAD "i,t,r,2015-08-01\n", "f.csv:2:1: 4 fields where the header has 5 columns"},
        {HEAD "i,t,r,2015-08-01,2015-08-03\ni,t,r,2015-08-02,2015-08-04\n",
         "f.csv:3:7: start: the instance \"i\" runs already, since line 2"},
        {HEAD "i,t,r,2015-08-02,2015-08-04\ni,t,r,2015-08-01,2015-08-03\n", "f.csv:2:7: start: the instance"},
        {HEAD "i,t,r,2015-08-01,2015-08-09\ni,t,r,2015-08-02,2015-08-03\ni,t,r,2015-08-04,2015-08-05\n",
         "f.csv:4:7: start: the instance \"i\" runs already, since line 2"},
        {"instance,type,region,os,start,end\ni,t,r,beos,2015-08-01,2015-08-02\n",
         "f.csv:2:7: os: \"beos\" is no operating system known here; known are linux, windows, rhel, suse"},
        {HEAD "\"i\nj\",t,r,2015-08-01,2015-08-02\n", "a control character"},
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), false);
}

static void bad_reservations_are_named(void **state)
{
    (void)state;
#define HELD "type,region,count,model,hourly_usd,start,end\n"
    static const struct bad cases[] = {
        {HELD ",r,1,pool,0,2015-01-01,2016-01-01\n", "f.csv:2:1: type: is empty"},
        {HELD "t,r,0,pool,0,2015-01-01,2016-01-01\n", "f.csv:2:5: count: \"0\" is no whole number from 1 to 100000"},
        {HELD "t,r,1.5,pool,0,2015-01-01,2016-01-01\n", "f.csv:2:5: count"},
        {HELD "t,r,1,puddle,0,2015-01-01,2016-01-01\n", "f.csv:2:7: model: \"puddle\" is neither clock-hour nor pool"},
        {HELD "t,r,1,pool,-1,2015-01-01,2016-01-01\n", "f.csv:2:12: hourly_usd"},
        {HELD "t,r,1,pool,0,2016-01-01,2016-01-01\n", "f.csv:2:25: end: the term ends before it has begun"},
        {HELD "t,r,1,pool,0,,2016-01-01\n", "f.csv:2:14: start: is empty"},
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), true);
}

static void every_bad_row_is_reported(void **state)
{
    (void)state;
    int code;
    char *reports =
        reports_of(HEAD "i,t,r,x,y\ni,t,r,2015-08-01,2015-08-02\n,t,r,2015-08-05,2015-08-04\nshort\n", false, &code);
    assert_int_equal(code, EXIT_INPUT);
    size_t lines = 0;
    for (const char *c = reports; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 4); /* start and end of line 2, the instance of line 4, the fields of line 5 */
    free(reports);
}

static void columns_by_name_and_defaults(void **state)
{
    (void)state;
    struct names *names = names_new();
    struct usage u;
    struct err err;
    const char *text = "# usage\nend,colour,start,region,type,instance\n\n"
                       "2015-08-02,red,2015-08-01T12:00:00+02:00,r,t,i\r\n2015-08-03,,2015-08-02,r,t,i";
    assert_int_equal(usage_open_text(&u, names, "f.csv", text, strlen(text), NULL, NULL, &err), 0);
    assert_int_equal(u.count, 2);
    assert_int_equal(u.rows[0].start, at("2015-08-01T10:00:00Z"));
    assert_int_equal(u.rows[0].end, at("2015-08-02"));
    assert_string_equal(names_text(names, u.rows[0].os), "linux");
    assert_string_equal(names_text(names, u.rows[0].account), "");
    assert_int_equal(u.rows[0].line, 4);
    usage_release(&u);
    struct reservations r;
    text = "type,region,start,end\nt,r,2015-01-01,2016-01-01\n";
    assert_int_equal(reservations_open_text(&r, names, "f.csv", text, strlen(text), NULL, &err), 0);
    assert_int_equal(r.rows[0].count, 1);
    assert_int_equal(r.rows[0].model, MODEL_CLOCK_HOUR);
    assert_int_equal(r.rows[0].zone, 0);
    reservations_release(&r);
    names_free(names);
}

/* The same name in two accounts is two instances; a period may begin at the second in which the last one ended. */
static void what_is_no_overlap(void **state)
{
    (void)state;
    int code;
    free(reports_of("account,instance,type,region,start,end\nA,i,t,r,2015-08-01,2015-08-03\nB,i,t,r,2015-08-02,"
                    "2015-08-04\nA,i,t,r,2015-08-03,2015-08-04\n",
                    false, &code));
    assert_int_equal(code, 0);
    free(reports_of(HEAD, false, &code));
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_usage_rows_are_named),  cmocka_unit_test(bad_reservations_are_named),
        cmocka_unit_test(every_bad_row_is_reported), cmocka_unit_test(columns_by_name_and_defaults),
        cmocka_unit_test(what_is_no_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
