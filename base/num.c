#include "base/num.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Appends digits to *value, staying inside int64; returns how many were read, or -1 when they do not fit. */
static int take_digits(const char *text, size_t len, int sign, int64_t *value)
{
    int count = 0;
    for (; (size_t)count < len && digit(text[count]); count++) {
        int64_t d = text[count] - '0';
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, sign * d, value))
            return -1;
        if (count >= 64)
            return -1;
    }
    return count;
}

int num_i64(const char *text, size_t len, int64_t *out)
{
    int sign = len && text[0] == '-' ? -1 : 1;
    size_t at = sign < 0;
    int64_t value = 0;
    int count = take_digits(text + at, len - at, sign, &value);
    if (count < 1 || at + (size_t)count != len)
        return -1;
    *out = value;
    return 0;
}

/* The digits behind the point: exactly `decimals` of them count, missing ones are zeros, further ones must be. */
static int take_fraction(const char *text, size_t len, int decimals, int sign, int64_t *value)
{
    for (size_t i = 0; i < len; i++)
        if (!digit(text[i]) || (i >= (size_t)decimals && text[i] != '0'))
            return -1;
    for (int i = 0; i < decimals; i++) {
        int64_t d = (size_t)i < len ? text[i] - '0' : 0;
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, sign * d, value))
            return -1;
    }
    return 0;
}

int num_decimal(const char *text, size_t len, int decimals, int64_t *out)
{
    int sign = len && text[0] == '-' ? -1 : 1;
    text += sign < 0;
    len -= sign < 0;
    int64_t value = 0;
    int whole = take_digits(text, len, sign, &value);
    if (whole < 0)
        return -1;
    size_t at = (size_t)whole;
    size_t fraction = 0;
    if (at < len && text[at] == '.')
        fraction = len - ++at;
    else if (at != len)
        return -1;
    if (whole == 0 && fraction == 0)
        return -1;
    if (take_fraction(text + at, fraction, decimals, sign, &value))
        return -1;
    *out = value;
    return 0;
}

int128 num_div_floor(int128 n, int128 d)
{
    assert(d > 0);
    int128 q = n / d;
    return n % d < 0 ? q - 1 : q;
}

int128 num_div_ceil(int128 n, int128 d)
{
    assert(d > 0);
    int128 q = n / d;
    return n % d > 0 ? q + 1 : q;
}

int128 num_div_half_even(int128 n, int128 d)
{
    int128 q = num_div_floor(n, d);
    int128 above = n - q * d;
    int128 below = d - above;
    if (above > below || (above == below && (q & 1)))
        q++;
    return q;
}

void num_i128_text(int128 n, char to[41])
{
    char digits[40];
    int count = 0;
    int at = 0;
    bool minus = n < 0;
    do {
        int d = (int)(n % 10);
        digits[count++] = (char)('0' + (d < 0 ? -d : d));
        n /= 10;
    } while (n);
    if (minus)
        to[at++] = '-';
    while (count)
        to[at++] = digits[--count];
    to[at] = '\0';
}
