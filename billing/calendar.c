#include "billing/calendar.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"

static int64_t floor_div(int64_t n, int64_t d)
{
    return n / d - (n % d < 0);
}

static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil calendar_civil(instant_t t)
{
    int64_t days = floor_div(t, SECONDS_PER_DAY);
    int rest = (int)(t - days * SECONDS_PER_DAY);
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = (int)(doe - (365 * yoe + yoe / 4 - yoe / 100));
    int mp = (5 * doy + 2) / 153;
    int month = mp < 10 ? mp + 3 : mp - 9;
    return (struct civil){.year = (int)(yoe + era * 400 + (month <= 2)),
                          .month = month,
                          .day = doy - (153 * mp + 2) / 5 + 1,
                          .hour = rest / 3600,
                          .minute = rest / 60 % 60,
                          .second = rest % 60};
}

instant_t calendar_instant(struct civil c)
{
    return days_from_civil(c.year, c.month, c.day) * SECONDS_PER_DAY + c.hour * 3600 + c.minute * 60 + c.second;
}

int calendar_days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    assert(month >= 1 && month <= 12);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

int calendar_month(instant_t t)
{
    struct civil c = calendar_civil(t);
    return c.year * 12 + c.month - 1;
}

instant_t calendar_month_start(int month)
{
    return days_from_civil(month / 12, month % 12 + 1, 1) * SECONDS_PER_DAY;
}

int64_t calendar_month_seconds(int month)
{
    return (int64_t)calendar_days_in_month(month / 12, month % 12 + 1) * SECONDS_PER_DAY;
}

const char *calendar_month_text(int month, char to[INSTANT_TEXT_SIZE])
{
    str_fit(to, INSTANT_TEXT_SIZE, "%04d-%02d", month / 12, month % 12 + 1);
    return to;
}

/* Exactly `digits` digits at *text, in low..high; moves *text behind them. */
static bool take(const char **text, int digits, int low, int high, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        value = value * 10 + (**text - '0');
    }
    *out = value;
    return value >= low && value <= high;
}

static bool skip(const char **text, const char *any)
{
    if (!**text || !strchr(any, **text))
        return false;
    (*text)++;
    return true;
}

static bool parse_date(const char **text, struct civil *c)
{
    return take(text, 4, 1, 9999, &c->year) && skip(text, "-") && take(text, 2, 1, 12, &c->month) && skip(text, "-") &&
           take(text, 2, 1, 31, &c->day) && c->day <= calendar_days_in_month(c->year, c->month);
}

static bool parse_offset(const char **text, int64_t *offset_s)
{
    if (skip(text, "Zz"))
        return true;
    int sign = **text == '-' ? -1 : 1;
    int hours;
    int minutes;
    if (!skip(text, "+-") || !take(text, 2, 0, 23, &hours) || !skip(text, ":") || !take(text, 2, 0, 59, &minutes))
        return false;
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool parse_time(const char **text, struct civil *c, int64_t *offset_s)
{
    if (!take(text, 2, 0, 23, &c->hour) || !skip(text, ":") || !take(text, 2, 0, 59, &c->minute) || !skip(text, ":") ||
        !take(text, 2, 0, 59, &c->second))
        return false;
    if (skip(text, ".")) {
        if (**text != '0')
            return false;
        while (**text == '0')
            (*text)++;
    }
    return parse_offset(text, offset_s);
}

int calendar_parse(const char *text, instant_t *out, struct err *err)
{
    struct civil c = {0};
    int64_t offset_s = 0;
    const char *at = text;
    bool good = parse_date(&at, &c);
    if (good && *at)
        good = skip(&at, "Tt ") && parse_time(&at, &c, &offset_s) && !*at;
    if (!good)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no UTC time; write 2015-08-01T12:00:00Z or 2015-08-01", text);
    *out = calendar_instant(c) - offset_s;
    return 0;
}

const char *calendar_text(instant_t t, char to[INSTANT_TEXT_SIZE])
{
    struct civil c = calendar_civil(t);
    str_fit(to, INSTANT_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute,
            c.second);
    return to;
}

const char *calendar_date_text(instant_t t, char to[INSTANT_TEXT_SIZE])
{
    struct civil c = calendar_civil(t);
    str_fit(to, INSTANT_TEXT_SIZE, "%04d-%02d-%02d", c.year, c.month, c.day);
    return to;
}

static int64_t unit_seconds(const char *text, size_t *len)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"min", 60}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        *len = strlen(units[i].name);
        if (strncmp(text, units[i].name, *len) == 0)
            return units[i].seconds;
    }
    return 0;
}

int duration_parse(const char *text, int64_t *out, struct err *err)
{
    const int64_t most = (int64_t)100 * 366 * SECONDS_PER_DAY;
    int64_t total = 0;
    const char *at = text;
    do {
        size_t digits = strspn(at, "0123456789");
        size_t unit_len = 0;
        int64_t count;
        if (num_i64(at, digits, &count) || count > most)
            goto bad;
        at += digits;
        int64_t unit = at == text + digits && !*at ? 1 : unit_seconds(at, &unit_len);
        if (!unit)
            goto bad;
        at += unit_len;
        total += count * unit;
        if (total > most)
            goto bad;
    } while (*at);
    *out = total;
    return 0;
bad:
    return err_set(err, EXIT_INPUT, "\"%.60s\" is no duration; write whole seconds (900) or 15m, 2h, 1h30m, 3d, 1w",
                   text);
}

const char *duration_text(int64_t s, char to[INSTANT_TEXT_SIZE])
{
    const char *sign = s < 0 ? "-" : "";
    if (s < 0)
        s = -s;
    long long v = (long long)s;
    if (v < 120)
        str_fit(to, INSTANT_TEXT_SIZE, "%s%lld s", sign, v);
    else if (v < 7200)
        str_fit(to, INSTANT_TEXT_SIZE, v % 60 && v < 600 ? "%s%lld min %lld s" : "%s%lld min", sign, v / 60, v % 60);
    else if (v < 2 * SECONDS_PER_DAY)
        str_fit(to, INSTANT_TEXT_SIZE, v / 60 % 60 ? "%s%lld h %lld min" : "%s%lld h", sign, v / 3600, v / 60 % 60);
    else
        str_fit(to, INSTANT_TEXT_SIZE, v / 3600 % 24 ? "%s%lld d %lld h" : "%s%lld d", sign, v / 86400, v / 3600 % 24);
    return to;
}

const char *hours_text(int64_t seconds, int decimals, char to[INSTANT_TEXT_SIZE])
{
    int64_t scale = 1;
    for (int i = 0; i < decimals; i++)
        scale *= 10;
    int128 size = seconds < 0 ? -(int128)seconds : seconds;
    int128 parts = num_div_half_even(size * scale, SECONDS_PER_HOUR);
    assert(decimals > 0 && decimals <= 4); /* as the text has room for */
    str_fit(to, INSTANT_TEXT_SIZE, "%s%lld.%0*lld", seconds < 0 && parts ? "-" : "", (long long)(parts / scale),
            decimals, (long long)(parts % scale));
    return to;
}
