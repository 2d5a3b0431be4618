/* The parsers of amounts, times and durations: what is read comes back from its own text. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "billing/calendar.h"
#include "billing/money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    "0.0130000000",
    "-922337203.6854775808",
    "2015-08-01T12:00:00Z",
    "2000-02-29T23:59:59.000-12:30",
    "1w3d2h15m4s",
    "9999-12-31",
    ".5",
    NULL,
};

static void try_money(const char *text)
{
    money_t value;
    money_t back;
    char to[MONEY_TEXT_SIZE];
    if (money_parse(text, &value))
        return;
    int code = money_parse(money_text(value, to), &back);
    assert(code == 0 && back == value);
    money_short(value, to);
}

static void try_instant(const char *text)
{
    instant_t t;
    instant_t back;
    struct err err;
    char to[INSTANT_TEXT_SIZE];
    if (calendar_parse(text, &t, &err) || t < INSTANT_MIN || t > INSTANT_MAX)
        return;
    int code = calendar_parse(calendar_text(t, to), &back, &err);
    assert(code == 0 && back == t);
    assert(calendar_month_start(calendar_month(t)) <= t && t < calendar_month_start(calendar_month(t) + 1));
}

static void try_duration(const char *text)
{
    int64_t seconds;
    struct err err;
    char to[INSTANT_TEXT_SIZE];
    if (!duration_parse(text, &seconds, &err)) {
        assert(seconds >= 0);
        duration_text(seconds, to);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_dup_n((const char *)data, size);
    try_money(text);
    try_instant(text);
    try_duration(text);
    free(text);
    return 0;
}
