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

#define DIGITS_MOST   36 /* that an int128 holds, with room for a step of ten */
#define EXPONENT_MOST 64

/* The digits of "12.34E-5" as a whole number and the power of ten that it is to be multiplied by. */
struct scientific {
    int128 digits;
    int count, exponent;
};

static bool take_scientific_digits(const char **at, const char *end, bool fraction, struct scientific *n)
{
    const char *begin = *at;
    for (; *at < end && digit(**at); ++*at) {
        if (n->digits && ++n->count > DIGITS_MOST)
            return false;
        n->digits = n->digits * 10 + (**at - '0');
        n->exponent -= fraction;
    }
    return *at > begin;
}

static bool parse_scientific(const char *at, const char *end, struct scientific *n)
{
    bool whole = take_scientific_digits(&at, end, false, n);
    bool fraction = false;
    if (at < end && *at == '.') {
        at++;
        fraction = take_scientific_digits(&at, end, true, n);
    }
    if ((!whole && !fraction) || n->count > DIGITS_MOST || n->exponent < -2 * EXPONENT_MOST)
        return false;
    if (at == end)
        return true;
    if (*at != 'e' && *at != 'E')
        return false;
    at++;
    at += at < end && *at == '+';
    int64_t exponent;
    if (num_i64(at, (size_t)(end - at), &exponent) || exponent > EXPONENT_MOST || exponent < -EXPONENT_MOST)
        return false;
    n->exponent += (int)exponent;
    return true;
}

int num_decimal_round(const char *text, size_t len, int decimals, int64_t *out, bool *rounded)
{
    bool negative = len && text[0] == '-';
    struct scientific n = {0};
    if (!parse_scientific(text + negative, text + len, &n))
        return -1;
    int shift = n.exponent + decimals;
    for (; shift > 0 && n.digits; shift--)
        if (__builtin_mul_overflow(n.digits, 10, &n.digits))
            return -1;
    int128 divisor = 1;
    for (; shift < 0 && divisor <= n.digits * 2; shift++)
        divisor *= 10;
    int128 value = shift < 0 ? 0 : num_div_half_even(n.digits, divisor);
    if (value > INT64_MAX)
        return -1;
    *out = negative ? -(int64_t)value : (int64_t)value;
    if (rounded)
        *rounded = shift < 0 ? n.digits != 0 : value * divisor != n.digits;
    return 0;
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
