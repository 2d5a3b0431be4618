#include "tests/support_reference.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 wide;

/* The contract names only K and the billed cost in the marginal money of `area`; build with 1 to
   try the other reading, in which a launch also pays launch_usd there. */
#ifndef REF_AREA_ADDS_LAUNCH_COST
#define REF_AREA_ADDS_LAUNCH_COST 0
#endif

enum { HOUR_S = 3600, DAY_S = 86400, POOL_HOURS = 744, LEAST_BILLED_S = 60 };

/* A trigger that never fires is a mistake in the test's input: stop instead of scanning forever. */
static const int64_t SCAN_LIMIT_S = 200000000;

struct rental {
    int64_t begin, bake_end;
};

struct history {
    size_t n;
    int64_t *arrival;
    size_t *push_last; /* index of the last commit of this commit's push */
    int64_t *ready;    /* arrival of that push: from then on the commit is pending */
};

struct bucket {
    int64_t key, used;
};

struct booking {
    const struct ref_model *model;
    struct ref_result *out;
    struct bucket *buckets;
    size_t bucket_count, bucket_room;
};

static void *must(void *p)
{
    if (p == NULL) {
        fputs("reference_sim: out of memory\n", stderr);
        abort();
    }
    return p;
}

static void *zeroed(size_t count, size_t size)
{
    return must(calloc(count == 0 ? 1 : count, size));
}

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return (a % b != 0 && a < 0) ? q - 1 : q;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static void civil_month(int64_t t, int *year, int *month)
{
    int64_t day = floor_div(t, DAY_S);
    int y = 1970;
    int mo = 1;
    while (day < 0) {
        y--;
        day += is_leap(y) ? 366 : 365;
    }
    while (day >= (is_leap(y) ? 366 : 365)) {
        day -= is_leap(y) ? 366 : 365;
        y++;
    }
    while (day >= days_in_month(y, mo)) {
        day -= days_in_month(y, mo);
        mo++;
    }
    *year = y;
    *month = mo;
}

/* ---- the instance: how long it is kept, what it bills ---- */

static int64_t idle_tail(const struct ref_model *m)
{
    if (m->keep == REF_IDLE_KEEP) {
        return m->keep_arg;
    }
    if (m->keep == REF_RENT) {
        assert(m->price_per_hour > 0);
        /* (launch + rate * boot) / rate with rate = price / 3600, multiplied through by 3600 */
        wide top = (wide)m->launch_cost * HOUR_S + (wide)m->price_per_hour * m->boot_s;
        wide seconds = top / m->price_per_hour;
        if (seconds * m->price_per_hour < top) {
            seconds++;
        }
        return (int64_t)seconds;
    }
    return 0;
}

static int64_t rental_units(const struct ref_model *m, struct rental r)
{
    int64_t length = r.bake_end + idle_tail(m) - r.begin;
    if (m->second_regime) {
        return length < LEAST_BILLED_S ? LEAST_BILLED_S : length;
    }
    int64_t hours = 1;
    while (hours * HOUR_S < length) {
        hours++;
    }
    return hours;
}

/* The instance can be reused by a bake that begins strictly before this. */
static int64_t kept_until(const struct ref_model *m, struct rental r)
{
    if (m->keep == REF_HOUR) {
        int64_t end = r.begin + rental_units(m, r) * HOUR_S - m->margin_s;
        return end < r.bake_end ? r.bake_end : end;
    }
    return r.bake_end + idle_tail(m);
}

/* ---- the history: arrivals and pushes ---- */

static int64_t correct_arrivals(const int64_t *raw, size_t n, int64_t *arrival)
{
    int64_t corrected = 0;
    for (size_t i = 0; i < n; i++) {
        arrival[i] = raw[i];
        if (i > 0 && arrival[i - 1] > raw[i]) {
            arrival[i] = arrival[i - 1];
            corrected++;
        }
    }
    return corrected;
}

static void merge_pushes(const struct ref_model *m, struct history *h)
{
    for (size_t i = 0; i < h->n; i++) {
        size_t last = i;
        while (m->push_gap_s > 0 && last + 1 < h->n && h->arrival[last + 1] - h->arrival[last] <= m->push_gap_s) {
            last++;
        }
        h->push_last[i] = last;
        h->ready[i] = h->arrival[last];
    }
}

/* ---- the trigger ---- */

/* Index after the last commit, from `next` on, whose push arrived by t. */
static size_t pending_end(const struct history *h, size_t next, int64_t t)
{
    size_t end = next;
    while (end < h->n && h->ready[end] <= t) {
        end++;
    }
    return end;
}

static bool area_reached(const struct ref_model *m, const struct history *h, size_t next, size_t end,
                         const struct rental *current, int64_t t)
{
    int64_t begin = t + m->prepare_s;
    int64_t extra_units;
    wide fixed = m->per_deploy;
    if (current != NULL && begin < kept_until(m, *current)) {
        struct rental with = {current->begin, begin + m->bake_s};
        extra_units = rental_units(m, with) - rental_units(m, *current);
    } else {
        struct rental with = {begin, begin + m->boot_s + m->bake_s};
        extra_units = rental_units(m, with);
        if (REF_AREA_ADDS_LAUNCH_COST) {
            fixed += m->launch_cost;
        }
    }
    wide waiting = 0;
    for (size_t i = next; i < end; i++) {
        waiting += t - h->arrival[i];
    }
    /* Both sides times 3600, so that prices an hour and units of seconds stay whole. */
    wide unit_s = m->second_regime ? 1 : HOUR_S;
    wide marginal = fixed * HOUR_S + (wide)extra_units * unit_s * m->price_per_hour;
    wide one = 10000000000;
    return waiting * m->delay_price_per_commit_hour * one >= marginal * m->trigger_arg;
}

/* Does the trigger fire at second t? The pipeline is free and [next, end) is pending, not empty. */
static bool fires(const struct ref_model *m, const struct history *h, size_t next, size_t end,
                  const struct rental *current, int64_t t)
{
    switch (m->trigger) {
    case REF_EVERY:
    case REF_IDLE:
        return true;
    case REF_COUNT:
        return (int64_t)(end - next) >= m->trigger_arg || end == h->n;
    case REF_WINDOW:
        return t >= h->ready[next] + m->trigger_arg;
    case REF_TRAIN:
        return t % m->trigger_arg == 0;
    case REF_AREA:
        return area_reached(m, h, next, end, current, t);
    }
    abort();
}

static int64_t decide_start(const struct ref_model *m, const struct history *h, size_t next,
                            const struct rental *current, int64_t free_from)
{
    int64_t t = free_from;
    if (t < h->ready[next]) {
        t = h->ready[next]; /* nothing is pending before */
    }
    int64_t limit = t + SCAN_LIMIT_S;
    while (!fires(m, h, next, pending_end(h, next, t), current, t)) {
        t++;
        if (t > limit) {
            fputs("reference_sim: the trigger never fires\n", stderr);
            abort();
        }
    }
    return t;
}

/* ---- booking: months, and reserved hours, one billed unit after the other ---- */

static struct ref_month *month_at(struct ref_result *out, int64_t t)
{
    int year, month;
    civil_month(t, &year, &month);
    size_t at = out->month_count;
    while (at > 0) {
        struct ref_month *here = &out->months[at - 1];
        if (here->year == year && here->month == month) {
            return here;
        }
        if (here->year * 12 + here->month < year * 12 + month) {
            break;
        }
        at--;
    }
    out->months = must(realloc(out->months, (out->month_count + 1) * sizeof *out->months));
    memmove(&out->months[at + 1], &out->months[at], (out->month_count - at) * sizeof *out->months);
    memset(&out->months[at], 0, sizeof out->months[at]);
    out->months[at].year = year;
    out->months[at].month = month;
    out->month_count++;
    return &out->months[at];
}

static struct bucket *clock_hour_at(struct booking *b, int64_t t)
{
    int64_t key = floor_div(t, HOUR_S);
    for (size_t i = b->bucket_count; i > 0; i--) {
        if (b->buckets[i - 1].key == key) {
            return &b->buckets[i - 1];
        }
    }
    if (b->bucket_count == b->bucket_room) {
        b->bucket_room = b->bucket_room * 2 + 8;
        b->buckets = must(realloc(b->buckets, b->bucket_room * sizeof *b->buckets));
    }
    b->buckets[b->bucket_count] = (struct bucket){key, 0};
    return &b->buckets[b->bucket_count++];
}

static void book_unit(struct booking *b, struct ref_month *month, int64_t opens)
{
    const struct ref_model *m = b->model;
    int64_t unit_factor = m->second_regime ? HOUR_S : 1;
    bool covered;
    if (m->reserved_clock_hour) {
        struct bucket *hour = clock_hour_at(b, opens);
        covered = hour->used < m->reserved_count * unit_factor;
        if (covered) {
            hour->used++;
        }
    } else {
        covered = month->covered_units < m->reserved_count * POOL_HOURS * unit_factor;
    }
    month->billed_units++;
    b->out->billed_units++;
    if (covered) {
        month->covered_units++;
        b->out->covered_units++;
    }
}

static void book_rental(struct booking *b, struct rental r)
{
    int64_t units = rental_units(b->model, r);
    int64_t step = b->model->second_regime ? 1 : HOUR_S;
    struct ref_month *month = month_at(b->out, r.begin);
    int64_t day = floor_div(r.begin, DAY_S);
    month->launches++;
    b->out->launches++;
    for (int64_t i = 0; i < units; i++) {
        int64_t opens = r.begin + i * step;
        /* A month only changes with the day. */
        if (floor_div(opens, DAY_S) != day) {
            day = floor_div(opens, DAY_S);
            month = month_at(b->out, opens);
        }
        book_unit(b, month, opens);
    }
}

static void book_deployment(struct ref_result *out, size_t d)
{
    struct ref_month *month = month_at(out, out->start_s[d]);
    month->deployments++;
    month->commits += (int64_t)out->commit_count[d];
    for (size_t i = 0; i < out->commit_count[d]; i++) {
        month->waiting_commit_s += out->wait_s[out->first_commit[d] + i];
    }
}

static void book_all(const struct ref_model *m, const struct rental *rentals, size_t rental_count,
                     struct ref_result *out)
{
    struct booking b = {.model = m, .out = out};
    for (size_t d = 0; d < out->deployments; d++) {
        book_deployment(out, d);
    }
    for (size_t i = 0; i < rental_count; i++) {
        book_rental(&b, rentals[i]);
    }
    free(b.buckets);
}

/* ---- the serial pipeline ---- */

static void allocate_result(struct ref_result *out, size_t n)
{
    memset(out, 0, sizeof *out);
    out->commits = n;
    out->start_s = zeroed(n, sizeof *out->start_s);
    out->end_s = zeroed(n, sizeof *out->end_s);
    out->first_commit = zeroed(n, sizeof *out->first_commit);
    out->commit_count = zeroed(n, sizeof *out->commit_count);
    out->launched = zeroed(n, sizeof *out->launched);
    out->lead_s = zeroed(n, sizeof *out->lead_s);
    out->wait_s = zeroed(n, sizeof *out->wait_s);
}

/* Runs the deployment that starts at s on a kept or a new instance; returns its end f. */
static int64_t run_deployment(const struct ref_model *m, int64_t s, struct rental *rentals, size_t *rental_count,
                              bool *launched)
{
    int64_t begin = s + m->prepare_s;
    *launched = *rental_count == 0 || begin >= kept_until(m, rentals[*rental_count - 1]);
    if (*launched) {
        rentals[*rental_count] = (struct rental){begin, begin + m->boot_s + m->bake_s};
        ++*rental_count;
    } else {
        rentals[*rental_count - 1].bake_end = begin + m->bake_s;
    }
    return rentals[*rental_count - 1].bake_end + m->rollout_s;
}

static void run_history(const struct ref_model *m, const struct history *h, struct ref_result *out)
{
    struct rental *rentals = zeroed(h->n, sizeof *rentals);
    size_t rental_count = 0;
    size_t next = 0;
    int64_t free_from = h->arrival[0];
    while (next < h->n) {
        const struct rental *current = rental_count == 0 ? NULL : &rentals[rental_count - 1];
        int64_t s = decide_start(m, h, next, current, free_from);
        size_t end = m->trigger == REF_EVERY ? h->push_last[next] + 1 : pending_end(h, next, s);
        size_t d = out->deployments++;
        out->start_s[d] = s;
        out->first_commit[d] = next;
        out->commit_count[d] = end - next;
        out->end_s[d] = run_deployment(m, s, rentals, &rental_count, &out->launched[d]);
        for (size_t i = next; i < end; i++) {
            out->wait_s[i] = s - h->arrival[i];
            out->lead_s[i] = out->end_s[d] - h->arrival[i];
        }
        free_from = out->end_s[d];
        next = end;
    }
    book_all(m, rentals, rental_count, out);
    free(rentals);
}

void ref_simulate(const struct ref_model *m, const int64_t *commit_time_s, size_t n, struct ref_result *out)
{
    assert(n >= 1);
    assert(!(m->keep == REF_HOUR && m->second_regime));
    struct history h = {.n = n};
    h.arrival = zeroed(n, sizeof *h.arrival);
    h.push_last = zeroed(n, sizeof *h.push_last);
    h.ready = zeroed(n, sizeof *h.ready);
    allocate_result(out, n);
    out->corrected = correct_arrivals(commit_time_s, n, h.arrival);
    merge_pushes(m, &h);
    run_history(m, &h, out);
    free(h.arrival);
    free(h.push_last);
    free(h.ready);
}

void ref_result_release(struct ref_result *r)
{
    free(r->start_s);
    free(r->end_s);
    free(r->first_commit);
    free(r->commit_count);
    free(r->launched);
    free(r->lead_s);
    free(r->wait_s);
    free(r->months);
    memset(r, 0, sizeof *r);
}

static int compare_int64(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

int64_t ref_percentile(const int64_t *values, size_t n, int percent)
{
    if (n == 0) {
        return 0;
    }
    int64_t *sorted = zeroed(n, sizeof *sorted);
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_int64);
    int64_t rank = 1; /* percent 0 asks for the least value */
    while (rank * 100 < (int64_t)percent * (int64_t)n && rank < (int64_t)n) {
        rank++;
    }
    int64_t value = sorted[rank - 1];
    free(sorted);
    return value;
}
