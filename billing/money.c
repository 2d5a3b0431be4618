#include "billing/money.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>

#include "base/mem.h"
#include "base/str.h"

int money_parse(const char *text, money_t *out)
{
    return num_decimal(text, strlen(text), MONEY_DECIMALS, out);
}

int money_parse_price(const char *text, money_t *out, struct err *err)
{
    money_t value;
    if (money_parse(text, &value))
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no amount in USD (digits, a point, at most ten decimals)", text);
    if (value < 0)
        return err_set(err, EXIT_INPUT, "\"%.60s\": an amount here cannot be negative", text);
    if (value > MONEY_INPUT_MAX)
        return err_set(err, EXIT_INPUT, "\"%.60s\": more than a million USD", text);
    *out = value;
    return 0;
}

const char *money_text(money_t value, char to[MONEY_TEXT_SIZE])
{
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    uint64_t unit = (uint64_t)MONEY_PER_USD;
    str_fit(to, MONEY_TEXT_SIZE, "%s%llu.%010llu", value < 0 ? "-" : "", (unsigned long long)(size / unit),
            (unsigned long long)(size % unit));
    return to;
}

const char *money_short(money_t value, char to[MONEY_TEXT_SIZE])
{
    bool small = value > -MONEY_PER_USD && value < MONEY_PER_USD && value != 0;
    int64_t step = small ? MONEY_PER_USD / 10000 : MONEY_PER_USD / 100;
    int64_t rounded = (int64_t)num_div_half_even(value, step);
    int64_t per_usd = small ? 10000 : 100;
    uint64_t size = rounded < 0 ? -(uint64_t)rounded : (uint64_t)rounded;
    str_fit(to, MONEY_TEXT_SIZE, "%s%llu.%0*llu", rounded < 0 ? "-" : "",
            (unsigned long long)(size / (uint64_t)per_usd), small ? 4 : 2,
            (unsigned long long)(size % (uint64_t)per_usd));
    return to;
}

int money_add(money_t a, money_t b, money_t *out)
{
    return __builtin_add_overflow(a, b, out) ? -1 : 0;
}

void exact_release(struct exact *sum)
{
    free(sum->terms);
    *sum = (struct exact){0};
}

void exact_add(struct exact *sum, int128 numerator, int64_t denominator)
{
    assert(denominator > 0);
    for (size_t i = 0; i < sum->count; i++)
        if (sum->terms[i].denominator == denominator) {
            bool overflow = __builtin_add_overflow(sum->terms[i].numerator, numerator, &sum->terms[i].numerator);
            assert(!overflow);
            return;
        }
    sum->terms = mem_grow(sum->terms, &sum->cap, sum->count + 1, sizeof(*sum->terms));
    sum->terms[sum->count++] = (struct exact_term){denominator, numerator};
}

void exact_add_all(struct exact *sum, const struct exact *more)
{
    for (size_t i = 0; i < more->count; i++)
        exact_add(sum, more->terms[i].numerator, more->terms[i].denominator);
}

void exact_subtract_all(struct exact *sum, const struct exact *less)
{
    for (size_t i = 0; i < less->count; i++)
        exact_add(sum, -less->terms[i].numerator, less->terms[i].denominator);
}

/*
 * Bringing fractions of different denominators together can need any number of digits (a hundred reservations with
 * terms of odd lengths), so it is done with OpenSSL's BIGNUM. Only here; running sums stay in 128 bits.
 */
struct ratio {
    BN_CTX *ctx;
    BIGNUM *n, *d;
};

static void must(int ok)
{
    if (!ok)
        mem_die(0); /* BIGNUM fails only when there is no memory */
}

static BIGNUM *bn_from_i128(int128 value)
{
    unsigned char bytes[16];
    bool minus = value < 0;
    unsigned __int128 size = minus ? -(unsigned __int128)value : (unsigned __int128)value;
    for (int i = 15; i >= 0; i--, size >>= 8)
        bytes[i] = (unsigned char)size;
    BIGNUM *bn = BN_bin2bn(bytes, sizeof(bytes), NULL);
    must(bn != NULL);
    BN_set_negative(bn, minus);
    return bn;
}

static void ratio_init(struct ratio *r)
{
    r->ctx = BN_CTX_new();
    r->n = BN_new();
    r->d = BN_new();
    must(r->ctx && r->n && r->d && BN_one(r->d));
}

static void ratio_release(struct ratio *r)
{
    BN_free(r->n);
    BN_free(r->d);
    BN_CTX_free(r->ctx);
}

static void ratio_reduce(struct ratio *r)
{
    BIGNUM *g = BN_new();
    must(g && BN_gcd(g, r->n, r->d, r->ctx));
    if (!BN_is_zero(g))
        must(BN_div(r->n, NULL, r->n, g, r->ctx) && BN_div(r->d, NULL, r->d, g, r->ctx));
    BN_free(g);
}

/* r += n / d */
static void ratio_add(struct ratio *r, int128 n, int64_t d)
{
    BIGNUM *bn = bn_from_i128(n);
    BIGNUM *bd = bn_from_i128(d);
    must(BN_mul(r->n, r->n, bd, r->ctx) && BN_mul(bn, bn, r->d, r->ctx) && BN_add(r->n, r->n, bn) &&
         BN_mul(r->d, r->d, bd, r->ctx));
    ratio_reduce(r);
    BN_free(bn);
    BN_free(bd);
}

static void ratio_scale(struct ratio *r, int64_t n, int64_t d)
{
    BIGNUM *bn = bn_from_i128(n);
    BIGNUM *bd = bn_from_i128(d);
    must(BN_mul(r->n, r->n, bn, r->ctx) && BN_mul(r->d, r->d, bd, r->ctx));
    ratio_reduce(r);
    BN_free(bn);
    BN_free(bd);
}

/* r rounded half to even; truncating division, then a look at twice the rest. */
static int ratio_round(struct ratio *r, money_t *out)
{
    BIGNUM *q = BN_new();
    BIGNUM *rest = BN_new();
    must(q && rest && BN_div(q, rest, r->n, r->d, r->ctx) && BN_lshift1(rest, rest));
    int against = BN_ucmp(rest, r->d);
    bool minus = BN_is_negative(r->n);
    int failed = BN_num_bits(q) > 63;
    int64_t value = failed ? 0 : (int64_t)BN_get_word(q);
    if (against > 0 || (against == 0 && (value & 1)))
        failed |= __builtin_add_overflow(value, 1, &value);
    BN_free(q);
    BN_free(rest);
    if (failed)
        return -1;
    *out = minus ? -value : value;
    return 0;
}

static void ratio_of(struct ratio *r, const struct exact *sum)
{
    ratio_init(r);
    for (size_t i = 0; i < sum->count; i++)
        ratio_add(r, sum->terms[i].numerator, sum->terms[i].denominator);
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The usual case: the sum as one fraction of 128 bits. False where it does not fit. */
static bool small_ratio(const struct exact *sum, int128 *numerator, int64_t *denominator)
{
    int128 n = 0;
    int64_t d = 1;
    for (size_t i = 0; i < sum->count; i++) {
        const struct exact_term *t = &sum->terms[i];
        if (!t->numerator)
            continue;
        int64_t times = t->denominator / common_divisor(d, t->denominator);
        int128 more;
        if (__builtin_mul_overflow(n, (int128)times, &n) || __builtin_mul_overflow(d, times, &d) ||
            __builtin_mul_overflow(t->numerator, (int128)(d / t->denominator), &more) ||
            __builtin_add_overflow(n, more, &n))
            return false;
    }
    *numerator = n;
    *denominator = d;
    return true;
}

int exact_round(const struct exact *sum, money_t *out)
{
    int128 numerator;
    int64_t denominator;
    if (!small_ratio(sum, &numerator, &denominator))
        return exact_round_scaled(sum, 1, 1, out);
    int128 value = num_div_half_even(numerator, denominator);
    if (value > INT64_MAX || value < -INT64_MAX)
        return -1;
    *out = (money_t)value;
    return 0;
}

int exact_round_scaled(const struct exact *sum, int64_t numerator, int64_t denominator, money_t *out)
{
    assert(denominator > 0);
    struct ratio r;
    ratio_of(&r, sum);
    ratio_scale(&r, numerator, denominator);
    int failed = ratio_round(&r, out);
    ratio_release(&r);
    return failed;
}

int exact_compare(const struct exact *a, const struct exact *b)
{
    struct ratio r;
    ratio_of(&r, a);
    for (size_t i = 0; i < b->count; i++)
        ratio_add(&r, -b->terms[i].numerator, b->terms[i].denominator);
    int sign = BN_is_zero(r.n) ? 0 : BN_is_negative(r.n) ? -1 : 1;
    ratio_release(&r);
    return sign;
}
