/*
 * Deployments that were not booked when they ended are booked with a later one: twenty back and no further, each once,
 * to the same sums as in their own time; also where the list of those before is longer than what is looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/num.h"
#include "scheduler/booking.h"
#include "tests/support_pipeline.h"

#define PRICED ", \"prices\": {\"regime\": \"second\", \"instance_usd_per_hour\": \"0.36\"}"
#define MOST   40

struct seen {
    int64_t times[MOST + 1];
    money_t usd[MOST + 1];
    money_t all;
};

static int see(void *context, const struct ledger_deployment *d, struct err *err)
{
    struct seen *seen = context;
    int64_t number = 0;
    const char *slash = strrchr(d->id, '/');
    (void)err;
    assert_non_null(slash);
    assert_int_equal(num_i64(slash + 1, strlen(slash + 1), &number), 0);
    assert_in_range(number, 1, MOST);
    seen->times[number] += *d->outcome != '\0';
    seen->usd[number] = d->actual_usd;
    seen->all += d->actual_usd;
    return 0;
}

static struct seen look(struct ledger *ledger)
{
    struct seen seen = {.all = 0};
    struct err err = {.code = 0};
    assert_int_equal(ledger_deployments(ledger, "test", INSTANT_MIN, INSTANT_MAX, see, &seen, &err), 0);
    return seen;
}

static void deploy_next(struct stage *s, int64_t n)
{
    char commit[48];
    str_fit(commit, sizeof(commit), "%040lld", (long long)n);
    if (stage_deploy(s, commit) != PIPELINE_COMPLETED)
        fail_msg("%lld: %s", (long long)n, s->err.text);
    assert_int_equal(s->record.number, n);
}

static void book(struct stage *s, struct ledger *ledger)
{
    static const struct pipeline_estimate none = {.rates = {.basis = "a test"}};
    const struct pipeline_world *w = &s->rehearsal.world;
    if (booking_begin(ledger, w, &s->record, &none, &s->err) || booking_end(ledger, w, &s->record, &s->err))
        fail_msg("%s", s->err.text);
}

static struct ledger *open_ledger(struct stage *s)
{
    struct ledger *ledger = NULL;
    if (ledger_open(&ledger, ":memory:", LEDGER_WRITE, &s->err))
        fail_msg("%s", s->err.text);
    return ledger;
}

/* So many deployments, of which one was booked in its time; then the last one books what it finds. */
static void missed_of(int64_t count, int64_t kept)
{
    struct stage s;
    const struct pipeline_world *w = &s.rehearsal.world;
    stage_open(&s, &(struct stage_options){.group = 1, .more = PRICED});
    struct ledger *in_time = open_ledger(&s);
    struct ledger *late = open_ledger(&s);
    for (int64_t n = 1; n <= count; n++) {
        deploy_next(&s, n);
        book(&s, in_time);
        if (n == kept || n == count)
            book(&s, late);
    }
    for (int again = 0; again < 2; again++) {
        if (booking_missed(late, w, &s.record, &s.err))
            fail_msg("%s", s.err.text);
        struct seen wanted = look(in_time);
        struct seen got = look(late);
        for (int64_t n = 1; n <= count; n++) {
            bool booked = n == kept || n >= count - BOOKING_LOOKS_BACK;
            if (got.times[n] != booked || (booked && got.usd[n] != wanted.usd[n]) || wanted.usd[n] <= 0)
                fail_msg("%lld of %lld: booked %lld times, %lld instead of %lld", (long long)n, (long long)count,
                         (long long)got.times[n], (long long)got.usd[n], (long long)wanted.usd[n]);
        }
    }
    ledger_close(in_time);
    ledger_close(late);
    stage_close(&s);
}

static void twenty_back_and_no_further(void **state)
{
    (void)state;
    missed_of(1, 0);
    missed_of(3, 2);
    missed_of(20, 0);
    missed_of(21, 5);
    missed_of(22, 0); /* the first one is 21 before the last */
    missed_of(26, 2); /* one that is booked, older than what is looked at */
    missed_of(26, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_back_and_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
