#include "billing/forecast.h"

#include <assert.h>

/* The month that `at` ends a part of: at its first instant nothing of it has elapsed. */
static void elapsed_of(instant_t at, int64_t *elapsed_s, int64_t *length_s)
{
    int month = calendar_month(at);
    *elapsed_s = at - calendar_month_start(month);
    *length_s = calendar_month_seconds(month);
}

int forecast_linear(const struct exact *spent, instant_t at, money_t *out, struct err *err)
{
    int64_t elapsed_s;
    int64_t length_s;
    char month[INSTANT_TEXT_SIZE];
    elapsed_of(at, &elapsed_s, &length_s);
    if (!elapsed_s)
        return err_set(err, EXIT_INPUT, "no forecast at the first instant of %s: nothing of the month has passed",
                       calendar_month_text(calendar_month(at), month));
    if (exact_round_scaled(spent, length_s, elapsed_s, out))
        return err_set(err, EXIT_INPUT, "the forecast is more than can be counted (922 million USD)");
    return 0;
}

bool forecast_reaches(const struct exact *spent, instant_t at, money_t limit_usd)
{
    int64_t elapsed_s;
    int64_t length_s;
    elapsed_of(at, &elapsed_s, &length_s);
    struct exact limit = {0};
    exact_add(&limit, (int128)limit_usd * elapsed_s, length_s);
    bool reaches = exact_compare(spent, &limit) >= 0;
    exact_release(&limit);
    return reaches;
}

int forecast_percent(const struct exact *part, money_t whole_usd, int64_t *hundredths)
{
    assert(whole_usd > 0);
    return exact_round_scaled(part, 10000, whole_usd, hundredths);
}
