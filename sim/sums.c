#include "sim/sums.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NORMAL_975 1.959963984540054

void sums_add_all(struct sums *s, const struct sums *more)
{
    s->n += more->n;
    s->sum += more->sum;
    s->squares += more->squares;
    s->squares_high += more->squares_high + (s->squares < more->squares);
}

double sums_mean(const struct sums *s)
{
    if (!s->n)
        return 0;
    int128 whole = s->sum / s->n;
    return (double)whole + (double)(s->sum % s->n) / (double)s->n;
}

int64_t sums_mean_half_even(const struct sums *s)
{
    return s->n ? (int64_t)num_div_half_even(s->sum, s->n) : 0;
}

/* The share of Student's t with an even or odd number of degrees of freedom that lies within +-t: the finite series of
 * Abramowitz and Stegun, Handbook of mathematical functions (1964), 26.7.3 and 26.7.4. */
static double within(double t, int64_t freedom)
{
    double theta = atan(t / sqrt((double)freedom));
    double c = cos(theta);
    double sum = 0;
    double term = freedom % 2 ? c : 1;
    for (int64_t k = freedom % 2 ? 2 : 1; k < freedom; k += 2) {
        sum += term;
        term *= c * c * (double)k / (double)(k + 1);
    }
    return freedom % 2 ? (theta + sin(theta) * sum) * 2 / acos(-1.0) : sin(theta) * sum;
}

/* Cornish and Fisher's expansion in 1/freedom; to 1e-8 from 200 degrees of freedom on (A. & S. 26.7.5). */
static double student_large(double freedom)
{
    double x = NORMAL_975;
    double x2 = x * x;
    double g1 = (x2 + 1) * x / 4;
    double g2 = ((5 * x2 + 16) * x2 + 3) * x / 96;
    double g3 = (((3 * x2 + 19) * x2 + 17) * x2 - 15) * x / 384;
    return x + (g1 + (g2 + g3 / freedom) / freedom) / freedom;
}

double student_95(int64_t freedom)
{
    assert(freedom > 0);
    if (freedom > 200)
        return student_large((double)freedom);
    double low = NORMAL_975;
    double high = 13;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (within(middle, freedom) < 0.95)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* 256 bits by 64-bit digits, the lowest first. */
struct big {
    uint64_t digit[4];
};

static struct big times(struct big a, uint64_t b)
{
    unsigned __int128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (unsigned __int128)a.digit[i] * b;
        a.digit[i] = (uint64_t)carry;
        carry >>= 64;
    }
    assert(!carry);
    return a;
}

static struct big square(int128 value)
{
    unsigned __int128 x = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    struct big low = times((struct big){{(uint64_t)x, (uint64_t)(x >> 64), 0, 0}}, (uint64_t)x);
    struct big high = times((struct big){{0, (uint64_t)x, (uint64_t)(x >> 64), 0}}, (uint64_t)(x >> 64));
    unsigned __int128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (unsigned __int128)low.digit[i] + high.digit[i];
        low.digit[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return low;
}

/* a - b for a >= b, as a floating point number. */
static double difference(struct big a, struct big b)
{
    double result = 0;
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        unsigned __int128 take = (unsigned __int128)b.digit[i] + borrow;
        borrow = a.digit[i] < take;
        a.digit[i] = (uint64_t)(a.digit[i] - take);
    }
    assert(!borrow);
    for (int i = 3; i >= 0; i--)
        result = result * 0x1p64 + (double)a.digit[i];
    return result;
}

double sums_half_width(const struct sums *s)
{
    if (s->n < 2)
        return 0;
    double n = (double)s->n;
    struct big squares = {{(uint64_t)s->squares, (uint64_t)(s->squares >> 64), s->squares_high, 0}};
    double spread =
        difference(times(squares, (uint64_t)s->n), square(s->sum)); /* n^2 (n-1) times the mean's variance */
    return student_95(s->n - 1) * sqrt(spread / (n * n * (n - 1)));
}

static void add_big(struct str *to, struct big b)
{
    char text[80];
    char *at = text + sizeof(text) - 1;
    *at = '\0';
    bool more;
    do {
        unsigned __int128 rest = 0;
        more = false;
        for (int i = 3; i >= 0; i--) {
            rest = rest << 64 | b.digit[i];
            b.digit[i] = (uint64_t)(rest / 10);
            rest %= 10;
            more |= b.digit[i] != 0;
        }
        *--at = (char)('0' + (int)rest);
    } while (more);
    str_add(to, at);
}

void sums_text(const struct sums *s, struct str *to)
{
    char digits[41];
    num_i128_text(s->sum, digits);
    str_addf(to, "%lld %s ", (long long)s->n, digits);
    add_big(to, (struct big){{(uint64_t)s->squares, (uint64_t)(s->squares >> 64), s->squares_high, 0}});
}

/* Decimal digits up to a space or the end, below 2^192; the rest of the text, or NULL. */
static const char *read_big(const char *text, struct big *out)
{
    *out = (struct big){{0}};
    if (*text < '0' || *text > '9')
        return NULL;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (out->digit[2] >> 59)
            return NULL;
        *out = times(*out, 10);
        struct big more = {{(uint64_t)(*text - '0'), 0, 0, 0}};
        unsigned __int128 carry = 0;
        for (int i = 0; i < 4; i++) {
            carry += (unsigned __int128)out->digit[i] + more.digit[i];
            out->digit[i] = (uint64_t)carry;
            carry >>= 64;
        }
    }
    return text;
}

/* What n values of 63 bits can add up to: the sum within n x 2^63, n times the squares no less than the sum's. */
static bool is_possible(const struct sums *s, struct big sum)
{
    if (s->n < 0 || s->n > (int64_t)1 << 48 || sum.digit[2])
        return false;
    struct big most = times((struct big){{(uint64_t)1 << 63, 0, 0, 0}}, (uint64_t)s->n);
    if (sum.digit[1] > most.digit[1] || (sum.digit[1] == most.digit[1] && sum.digit[0] > most.digit[0]))
        return false;
    struct big squares =
        times((struct big){{(uint64_t)s->squares, (uint64_t)(s->squares >> 64), s->squares_high, 0}}, (uint64_t)s->n);
    struct big least = square(s->sum);
    for (int i = 3; i >= 0; i--)
        if (squares.digit[i] != least.digit[i])
            return squares.digit[i] > least.digit[i];
    return true;
}

int sums_parse(const char *text, struct sums *out)
{
    struct sums s = {0};
    struct big sum;
    struct big squares;
    const char *space = strchr(text, ' ');
    if (!space || num_i64(text, (size_t)(space - text), &s.n))
        return -1;
    bool negative = space[1] == '-';
    const char *at = read_big(space + 1 + negative, &sum);
    if (!at || *at != ' ' || (sum.digit[1] >> 63))
        return -1;
    at = read_big(at + 1, &squares);
    if (!at || *at || squares.digit[2] >> 48)
        return -1;
    s.sum = (int128)((unsigned __int128)sum.digit[1] << 64 | sum.digit[0]);
    s.sum = negative ? -s.sum : s.sum;
    s.squares = (unsigned __int128)squares.digit[1] << 64 | squares.digit[0];
    s.squares_high = squares.digit[2];
    if (!is_possible(&s, sum))
        return -1;
    *out = s;
    return 0;
}
