/* The plan over many services: shared hours against booking each second's hour by itself, and parts that come back as
 * they went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/organisation.h"
#include "tests/support_draw.h"

#define HOUR_ZERO 488808 /* 2025-10-06T00:00Z in hours */
#define HOURS     2200   /* three months' ends */
#define SERVICES  5

static void no_policy_twice(struct organisation *o)
{
    policy_list_add(&o->policies, (struct policy){{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}});
    policy_list_add(&o->policies, (struct policy){{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}});
    o->idle = 1;
    o->shards = 1;
    o->head = cJSON_CreateObject();
    memset(o->key, 'a', DIGEST_TEXT_SIZE - 1);
}

static void fill_service(struct organisation *o, size_t at, struct philox *p)
{
    struct org_service *s = &o->services[at];
    char name[20];
    str_fit(name, sizeof(name), "s%zu", at);
    s->name = mem_dup(name);
    s->source = mem_dup("x.tsv");
    memset(s->key, 'b', DIGEST_TEXT_SIZE - 1);
    s->commits = draw(p, 1, 1000);
    s->first = s->span_from = (int64_t)HOUR_ZERO * 3600;
    s->last = s->span_to = s->first + (int64_t)HOURS * 3600;
    s->best = draw(p, -1, 1);
    s->shares = true;
    s->figures = mem_zero(o->policies.count, sizeof(*s->figures));
    for (size_t i = 0; i < o->policies.count; i++) {
        struct org_figures *f = &s->figures[i];
        *f = (struct org_figures){.deployments = draw(p, 0, 500), .launches = 7, .billed_s = draw(p, 0, 1 << 30)};
        f->commits = s->commits;
        f->money = draw(p, 0, INT64_C(1) << 40) * 1000;
        f->waiting = draw(p, 0, INT64_C(1) << 40);
        f->cost = f->money + f->waiting;
        f->lead_s = (int128)draw(p, 0, INT64_C(1) << 60) * 1000;
        f->lead_p50_s = 3;
        f->lead_p95_s = draw(p, 0, 100000);
        f->within = draw(p, 0, 1) == 1;
    }
}

/* What one hour used, of it by a fleet that would have run anyway. */
static void fill_hours(struct organisation *o, struct philox *p)
{
    for (size_t i = 0; i <= o->policies.count; i++) {
        struct hours *used = &o->used[i];
        struct hours *base = &o->base[i];
        *used = (struct hours){HOUR_ZERO, HOURS, mem_zero(HOURS, sizeof(int64_t))};
        *base = (struct hours){HOUR_ZERO + 5, HOURS - 100, mem_zero(HOURS - 100, sizeof(int64_t))};
        for (size_t h = 0; h < HOURS; h++) {
            int64_t fleet_s = h >= 5 && h < HOURS - 95 ? draw(p, 0, 2) * 3600 : 0;
            if (fleet_s)
                base->seconds[h - 5] = fleet_s;
            used->seconds[h] = fleet_s + draw(p, 0, 3) * draw(p, 0, 3600);
        }
    }
}

static void make(struct organisation *o, uint64_t seed)
{
    struct philox p = philox_stream(11, 0, seed, 1);
    *o = (struct organisation){.hourly = draw(&p, 0, 1) == 1, .reserved = draw(&p, 1, 3)};
    o->reserved_model = draw(&p, 0, 1) ? MODEL_POOL : MODEL_CLOCK_HOUR;
    o->price_per_hour = draw(&p, 0, INT64_C(1) << 36);
    no_policy_twice(o);
    organisation_make_room(o, SERVICES);
    for (size_t i = 0; i < SERVICES; i++)
        fill_service(o, i, &p);
    fill_hours(o, &p);
}

/* Second by second from a jar that is filled each hour or each month: the fleet takes first, what is left is for the
 * deployments, and a jar of the fleet alone says what it would have taken without them. */
static int64_t covered_slowly(const struct organisation *o, size_t p)
{
    int64_t jar = 0;
    int64_t fleet_jar = 0;
    int month = -1;
    int64_t paid_by_jar = 0;
    for (int64_t h = 0; h < HOURS; h++) {
        bool pool = o->reserved_model == MODEL_POOL;
        int now = calendar_month((HOUR_ZERO + h) * 3600);
        if (!pool || now != month)
            jar = fleet_jar = o->reserved * (pool ? 744 : 1) * 3600;
        month = now;
        int64_t fleet_s = h >= 5 && h < HOURS - 95 ? o->base[p].seconds[h - 5] : 0;
        int64_t left = o->used[p].seconds[h];
        while (left >= 3600 && jar >= 3600) {
            left -= 3600;
            jar -= 3600;
            paid_by_jar += 3600;
        }
        for (; left && jar; left--, jar--)
            paid_by_jar++;
        for (; fleet_s && fleet_jar; fleet_s--, fleet_jar--)
            paid_by_jar--; /* it would have been covered anyway */
    }
    return paid_by_jar;
}

static void shared_hours(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct organisation o;
        make(&o, seed);
        for (size_t p = 0; p <= o.policies.count; p++) {
            struct org_total t;
            struct err err;
            int128 money = 0;
            assert_int_equal(organisation_total(&o, p, &t, &err), 0);
            for (size_t i = 0; i < SERVICES; i++) {
                int64_t best = o.services[i].best < 0 ? 1 : o.services[i].best;
                money += o.services[i].figures[p < 2 ? p : (size_t)best].money;
            }
            assert_int_equal(t.covered_s, covered_slowly(&o, p));
            assert_true(t.money == money - t.saved);
            assert_true(t.saved == (money_t)num_div_half_even((int128)t.covered_s * o.price_per_hour, 3600));
        }
        organisation_release(&o);
    }
}

static char *text_of(const struct organisation *o, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    organisation_write(o, out);
    fclose(out);
    char *own = mem_dup(text); /* gcc takes what the stream has written for the stream's own */
    free(text);
    return own;
}

static void as_it_went(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct organisation o;
        struct organisation again;
        struct err err;
        size_t len;
        size_t len_again;
        make(&o, seed);
        char *text = text_of(&o, &len);
        assert_true(organisation_is_part(text));
        assert_int_equal(organisation_parse(&again, "part", text, len, &err), 0);
        char *text_again = text_of(&again, &len_again);
        assert_string_equal(text, text_again);
        free(text);
        free(text_again);
        organisation_release(&again);
        organisation_release(&o);
    }
}

/* Each record in one of two parts, in either order: what comes out is the whole. */
static void merged(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct organisation whole;
        struct organisation part[2];
        struct err err;
        size_t len;
        make(&whole, seed);
        char *text = text_of(&whole, &len);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(organisation_parse(&part[i], "part", text, len, &err), 0);
            for (size_t s = 0; s < SERVICES; s++)
                if (s % 2 != (seed + (uint64_t)i) % 2)
                    organisation_drop(&part[i], s);
            for (size_t p = 0; p < 3; p++) /* an hour in one of the two */
                for (size_t h = 0; h < part[i].used[p].count; h++)
                    if ((int)(h % 3 == 0) != i)
                        part[i].used[p].seconds[h] = 0;
            for (size_t p = 0; p < 3 && i; p++)
                hours_release(&part[i].base[p]);
        }
        assert_int_equal(organisation_merge(&part[0], &part[1], "second", &err), 0);
        size_t merged_len;
        char *merged_text = text_of(&part[0], &merged_len);
        assert_string_equal(merged_text, text);
        organisation_release(&part[1]);
        assert_int_equal(organisation_parse(&part[1], "part", text, len, &err), 0);
        assert_int_equal(organisation_merge(&part[0], &part[1], "third", &err), EXIT_INPUT);
        assert_non_null(strstr(err.text, "stands twice"));
        free(text);
        free(merged_text);
        organisation_release(&part[0]);
        organisation_release(&part[1]);
        organisation_release(&whole);
    }
}

/* Spans that meet, overlap or lie apart, against a wide array. */
static void hours_are_added(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct philox p = philox_stream(12, 0, seed, 1);
        int64_t wide[200] = {0};
        struct hours sum = {0};
        for (int n = 0; n < 4; n++) {
            struct hours more = {draw(&p, 0, 150), (size_t)draw(&p, 0, 49), NULL};
            more.seconds = mem_zero(more.count + 1, sizeof(int64_t));
            for (size_t h = 0; h < more.count; h++)
                wide[more.first + (int64_t)h] += more.seconds[h] = draw(&p, 0, 1 << 20);
            hours_add(&sum, &more);
            hours_release(&more);
        }
        for (int64_t h = 0; h < 200; h++) {
            bool in = h >= sum.first && h < sum.first + (int64_t)sum.count;
            assert_int_equal(in ? sum.seconds[h - sum.first] : 0, wide[h]);
        }
        hours_release(&sum);
    }
}

static void too_much_money(void **state)
{
    (void)state;
    struct organisation o;
    struct org_total t;
    struct err err;
    make(&o, 1);
    for (size_t i = 0; i < SERVICES; i++)
        o.services[i].figures[0].money = INT64_MAX / 3;
    assert_int_equal(organisation_total(&o, 0, &t, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "900 million"));
    organisation_release(&o);
}

/* Sums, differences and products of whatever two services and their hours may say: told, not overflowed. */
static void too_much_of_anything(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        int64_t much;
    } figures[] = {{offsetof(struct org_figures, launches), INT64_MAX / 2 + 1},
                   {offsetof(struct org_figures, billed_s), INT64_MAX},
                   {offsetof(struct org_figures, money), INT64_MAX},
                   {offsetof(struct org_figures, waiting), INT64_MAX},
                   {offsetof(struct org_figures, cost), INT64_MAX / 2 + 1}};
    struct organisation o;
    struct org_total t;
    struct err err;
    for (size_t f = 0; f < sizeof(figures) / sizeof(*figures); f++) {
        make(&o, 1);
        for (size_t i = 0; i < 2; i++)
            memcpy((char *)&o.services[i].figures[0] + figures[f].offset, &figures[f].much, sizeof(int64_t));
        assert_int_equal(organisation_total(&o, 0, &t, &err), EXIT_INPUT);
        assert_int_equal(organisation_total(&o, 1, &t, &err), 0);
        organisation_release(&o);
    }
    for (int pool = 0; pool < 2; pool++) {
        make(&o, 1);
        o.reserved_model = pool ? MODEL_POOL : MODEL_CLOCK_HOUR;
        o.reserved = 1000000;
        o.price_per_hour = INT64_MAX;
        for (size_t h = 0; h < o.used[0].count; h++)
            o.used[0].seconds[h] = INT64_C(1) << 52;
        assert_int_equal(organisation_total(&o, 0, &t, &err), EXIT_INPUT);
        for (size_t h = 0; h < o.base[0].count; h++) /* a fleet that takes more than there is: less than nothing */
            o.base[0].seconds[h] = INT64_C(1) << 52;
        memset(o.used[0].seconds, 0, o.used[0].count * sizeof(int64_t));
        assert_int_equal(organisation_total(&o, 0, &t, &err), EXIT_INPUT);
        o.price_per_hour = pool ? INT64_C(4000000000) : INT64_C(6600000000); /* a month of it would do */
        assert_int_equal(organisation_total(&o, 0, &t, &err), EXIT_INPUT);
        organisation_release(&o);
        make(&o, 1);
        for (size_t i = 0; i < SERVICES; i++)
            o.services[i].span_to = o.services[i].span_from + 86400;
        o.services[0].figures[0].money = INT64_MAX / 2; /* a day's */
        assert_int_equal(organisation_total(&o, 0, &t, &err), EXIT_INPUT);
        organisation_release(&o);
    }
}

/* What each number of a part's figures may be, from the field's place. */
static void figures_have_bounds(void **state)
{
    (void)state;
    static const char *const most[12] = {"1099511627776",       "9223372036854775807", "9223372036854775807",
                                         "1099511627776",       "9223372036854775807", "9223372036854775807",
                                         "9223372036854775807", "9223372036854775807", "999999999999999999999999999999",
                                         "1099511627776",       "1099511627776",       "1"};
    static const char *const over[12] = {
        "1099511627777",       "9223372036854775808", "9223372036854775808",
        "1099511627777",       "9223372036854775808", "9223372036854775808",
        "9223372036854775808", "9223372036854775808", "1000000000000000000000000000000",
        "1099511627777",       "1099511627777",       "2"};
    struct organisation o;
    struct organisation read;
    struct err err;
    size_t len;
    make(&o, 2);
    char *text = text_of(&o, &len);
    char *begin = strstr(text, "\"figures\":[\"") + strlen("\"figures\":[\"");
    char *end = strchr(begin, '"');
    for (int field = 0; field < 12; field++)
        for (int kind = 0; kind < 3; kind++) {
            struct str changed;
            str_init(&changed, 0);
            str_add_n(&changed, text, (size_t)(begin - text));
            for (int i = 0; i < 12; i++)
                str_addf(&changed, "%s%s", i ? " " : "",
                         i != field  ? "0"
                         : kind == 0 ? most[i]
                         : kind == 1 ? over[i]
                                     : "-1");
            str_add(&changed, end);
            int code = organisation_parse(&read, "part", changed.text, changed.len, &err);
            if (code != (kind ? EXIT_INPUT : 0))
                fail_msg("field %d, %d: %d", field, kind, code);
            str_release(&changed);
            if (!code)
                organisation_release(&read);
        }
    free(text);
    organisation_release(&o);
}

static void an_hour_of_a_part_has_a_bound(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct organisation o;
        struct organisation read;
        struct err err;
        size_t len;
        make(&o, 2);
        o.used[1].seconds[7] = (INT64_C(1) << 52) + over;
        char *text = text_of(&o, &len);
        int code = organisation_parse(&read, "part", text, len, &err);
        assert_int_equal(code, over ? EXIT_INPUT : 0);
        if (!code)
            organisation_release(&read);
        free(text);
        organisation_release(&o);
    }
}

/* What the shared hours take off, or put on, of sums that fit by themselves. */
static void too_much_with_what_is_shared(void **state)
{
    (void)state;
    static const struct {
        bool covers; /* else the fleet alone would have taken the hour */
        int64_t price, money, cost;
        int code;
    } cases[] = {{false, 1000, INT64_MAX, 0, EXIT_INPUT},
                 {false, 1000, 0, INT64_MAX, EXIT_INPUT},
                 {false, 1000, INT64_MAX - 1000, INT64_MAX - 1000, 0},
                 {true, INT64_MAX, INT64_MAX, INT64_MAX, 0},
                 {true, INT64_MAX / 2 + 1, INT64_MAX, INT64_MAX, EXIT_INPUT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct organisation o;
        struct org_total t;
        struct err err;
        make(&o, 1);
        o.reserved_model = MODEL_CLOCK_HOUR;
        o.reserved = 1000000;
        o.price_per_hour = cases[i].price;
        for (size_t s = 0; s < SERVICES; s++) {
            o.services[s].span_to = o.services[s].span_from + INT64_C(400) * 86400;
            o.services[s].figures[0].money = s ? 0 : cases[i].money;
            o.services[s].figures[0].cost = s ? 0 : cases[i].cost;
            o.services[s].figures[0].waiting = 0;
        }
        memset(o.used[0].seconds, 0, o.used[0].count * sizeof(int64_t));
        memset(o.base[0].seconds, 0, o.base[0].count * sizeof(int64_t));
        if (cases[i].covers)
            o.used[0].seconds[0] = i == 3 ? 3600 : 7200;
        else
            o.base[0].seconds[0] = 3600;
        assert_int_equal(organisation_total(&o, 0, &t, &err), cases[i].code);
        organisation_release(&o);
    }
}

static void hours_have_bounds(void **state)
{
    (void)state;
    struct organisation part[2];
    struct err err;
    for (int kind = 0; kind < 3; kind++) {
        for (int i = 0; i < 2; i++)
            make(&part[i], 3);
        for (size_t s = 0; s < SERVICES; s++)
            organisation_drop(&part[s % 2], s);
        part[0].used[1].seconds[7] = part[1].used[1].seconds[7] = INT64_C(1) << 51;
        part[0].used[1].seconds[7] += kind == 2; /* 2^51 + 2^51 may be, one more may not */
        if (!kind)
            part[1].used[2].first += (int64_t)200 * 366 * 24;
        assert_int_equal(organisation_merge(&part[0], &part[1], "second", &err), kind == 1 ? 0 : EXIT_INPUT);
        if (kind != 1)
            assert_non_null(strstr(err.text, kind ? "one hour" : "two hundred years"));
        for (int i = 0; i < 2; i++)
            organisation_release(&part[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_hours),
        cmocka_unit_test(as_it_went),
        cmocka_unit_test(merged),
        cmocka_unit_test(hours_are_added),
        cmocka_unit_test(too_much_money),
        cmocka_unit_test(too_much_of_anything),
        cmocka_unit_test(figures_have_bounds),
        cmocka_unit_test(hours_have_bounds),
        cmocka_unit_test(an_hour_of_a_part_has_a_bound),
        cmocka_unit_test(too_much_with_what_is_shared),
    };
    return cmocka_run_group_tests_name("organisation", tests, NULL, NULL);
}
