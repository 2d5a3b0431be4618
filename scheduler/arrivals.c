#include "scheduler/arrivals.h"

#include <assert.h>
#include <math.h>

const int arrivals_gap_minutes[ARRIVALS_GAPS] = {0, 1, 2, 3, 5, 8, 15, 30, 60, 120, 240};
const int arrivals_soon_s[ARRIVALS_SOONS] = {5, 10, 15, 20, 30, 45, 60, 90, 120, 180};

#define GAP_LAST_MINUTE 240
#define ROUNDS          6    /* of rate and factor in turn; the fit moves by less than a thousandth after four */
#define HOUR_PRIOR      2.0  /* commits that the coarse profile counts for in an hour of the week, */
#define MOOD_PRIOR      4.0  /* an average mood in a mood, */
#define CELL_PRIOR      20.0 /* and rate x factor in a cell */
#define SOON_PRIOR      0.2  /* commits that a stretch after a commit begins with, */
#define SOON_USUAL      0.01 /* at this chance */
#define ECHO_COMMITS    30   /* so many commits after each are looked at */
#define CHANCE_MIN      1e-7
#define CHANCE_MAX      0.9

/* Weighted minutes looked at, and those that had a commit. */
struct counts {
    double minutes[ARRIVALS_HOURS][ARRIVALS_MOODS];
    double hits[ARRIVALS_HOURS][ARRIVALS_MOODS];
    double size[ARRIVALS_LEVELS][ARRIVALS_SIZES];
    double busy_minutes[ARRIVALS_GAPS], cooled[ARRIVALS_GAPS];
    double after[ARRIVALS_LEVELS], heated[ARRIVALS_LEVELS];
    double commits;
};

int arrivals_gap_of(int64_t since_s)
{
    int64_t minutes = since_s / ARRIVALS_STEP_S;
    int gap = ARRIVALS_GAPS - 1;
    while (gap > 0 && minutes < arrivals_gap_minutes[gap])
        gap--;
    return gap;
}

void arrivals_hear(struct arrivals_mood *mood, instant_t at_s)
{
    double faded = mood->any ? mood->fading * exp((double)(mood->last_s - at_s) / ARRIVALS_FADE_S) : 0;
    *mood = (struct arrivals_mood){.any = true, .last_s = at_s, .fading = faded + 1};
}

instant_t arrivals_busy_until(const struct arrivals_mood *mood)
{
    if (!mood->any || mood->fading < ARRIVALS_BUSY)
        return INSTANT_MIN;
    return mood->last_s + (instant_t)(ARRIVALS_FADE_S * log(mood->fading / ARRIVALS_BUSY));
}

int arrivals_mood_known(const struct arrivals_mood *mood, instant_t busy_until, instant_t t)
{
    if (!mood->any)
        return (ARRIVALS_GAPS - 1) * ARRIVALS_LEVELS;
    return arrivals_gap_of(t - mood->last_s) * ARRIVALS_LEVELS + (t <= busy_until);
}

int arrivals_mood_at(const struct arrivals_mood *mood, instant_t t)
{
    return arrivals_mood_known(mood, arrivals_busy_until(mood), t);
}

static double weight_at(instant_t t, instant_t now)
{
    return exp2((double)(t - now) / ARRIVALS_HALF_LIFE_S);
}

/* Minutes [from, to) of silence in the last bin, an hour of the week after the other. */
static void count_silence(struct counts *c, instant_t from, instant_t to, int level, instant_t now)
{
    int mood = (ARRIVALS_GAPS - 1) * ARRIVALS_LEVELS + level;
    while (from < to) {
        instant_t next = from - ((from % SECONDS_PER_HOUR) + SECONDS_PER_HOUR) % SECONDS_PER_HOUR + SECONDS_PER_HOUR;
        if (next > to)
            next = to;
        c->minutes[arrivals_hour(from)][mood] += weight_at(from, now) * (double)(next - from) / ARRIVALS_STEP_S;
        from = next;
    }
}

/* The silence after a commit, up to `until`: whole minutes, each in its mood. */
static void count_gap(struct counts *c, const struct arrivals_mood *mood, instant_t until, instant_t now)
{
    int64_t minutes = (until - mood->last_s) / ARRIVALS_STEP_S;
    instant_t busy_until = arrivals_busy_until(mood);
    double weight = weight_at(until, now);
    int gap = 0;
    for (int64_t k = 0; k < minutes && k < GAP_LAST_MINUTE; k++) {
        instant_t t = mood->last_s + k * ARRIVALS_STEP_S;
        while (gap + 1 < ARRIVALS_GAPS && k >= arrivals_gap_minutes[gap + 1])
            gap++;
        bool busy = t <= busy_until;
        c->minutes[arrivals_hour(t)][gap * ARRIVALS_LEVELS + busy] += weight;
        if (busy) {
            c->busy_minutes[gap] += weight;
            c->cooled[gap] += t + ARRIVALS_STEP_S > busy_until ? weight : 0;
        }
    }
    instant_t from = mood->last_s + (instant_t)GAP_LAST_MINUTE * ARRIVALS_STEP_S;
    instant_t to = mood->last_s + minutes * ARRIVALS_STEP_S;
    instant_t calm = busy_until < from ? from : busy_until < to ? busy_until : to;
    if (from < calm) {
        double spent = weight * (double)(calm - from) / ARRIVALS_STEP_S;
        c->busy_minutes[ARRIVALS_GAPS - 1] += spent;
        c->cooled[ARRIVALS_GAPS - 1] += calm < to ? weight : 0;
        count_silence(c, from, calm, 1, now);
    }
    count_silence(c, calm, to, 0, now);
}

/* A minute that had `size` commits, the first of them at t. */
static void count_hit(struct counts *c, const struct arrivals_mood *before, const struct arrivals_mood *after,
                      instant_t t, size_t size, instant_t now)
{
    double weight = weight_at(t, now);
    int mood = arrivals_mood_at(before, t);
    int level = mood % ARRIVALS_LEVELS;
    c->minutes[arrivals_hour(t)][mood] += weight;
    c->hits[arrivals_hour(t)][mood] += weight;
    c->size[level][size < ARRIVALS_SIZES ? size - 1 : ARRIVALS_SIZES - 1] += weight;
    c->after[level] += weight;
    c->heated[level] += after->fading >= ARRIVALS_BUSY ? weight : 0;
    c->commits += weight * (double)size;
}

static void count(struct counts *c, const instant_t *at_s, size_t n, instant_t now)
{
    struct arrivals_mood mood = {0};
    for (size_t i = 0; i < n;) {
        size_t end = i;
        struct arrivals_mood after = mood;
        while (end < n && at_s[end] < at_s[i] + ARRIVALS_STEP_S)
            arrivals_hear(&after, at_s[end++]);
        if (mood.any) {
            count_gap(c, &mood, at_s[i], now);
            count_hit(c, &mood, &after, at_s[i], end - i, now);
        }
        mood = after;
        mood.last_s = at_s[i]; /* the next minute begins a minute after this one did */
        i = end;
    }
    if (mood.any && now > mood.last_s)
        count_gap(c, &mood, now, now);
}

/* A coarse profile: overall rate x factor of the day x smoothed factor of the hour of the day. */
static void profile(const struct counts *c, double to[ARRIVALS_HOURS])
{
    double day_hits[7] = {0};
    double day_minutes[7] = {0};
    double hour_hits[24] = {0};
    double hour_minutes[24] = {0};
    double hits = 1;
    double minutes = 7 * 1440; /* before anything is known: a commit a week */
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        for (int m = 0; m < ARRIVALS_MOODS; m++) {
            day_hits[h / 24] += c->hits[h][m];
            day_minutes[h / 24] += c->minutes[h][m];
            hour_hits[h % 24] += c->hits[h][m];
            hour_minutes[h % 24] += c->minutes[h][m];
            hits += c->hits[h][m];
            minutes += c->minutes[h][m];
        }
    double rate = hits / minutes;
    double hour_factor[24];
    for (int u = 0; u < 24; u++)
        hour_factor[u] = (hour_hits[u] + HOUR_PRIOR) / (hour_minutes[u] * rate + HOUR_PRIOR);
    for (int h = 0; h < ARRIVALS_HOURS; h++) {
        int u = h % 24;
        double day_factor = (day_hits[h / 24] + HOUR_PRIOR) / (day_minutes[h / 24] * rate + HOUR_PRIOR);
        double smooth = 0.25 * hour_factor[(u + 23) % 24] + 0.5 * hour_factor[u] + 0.25 * hour_factor[(u + 1) % 24];
        to[h] = rate * day_factor * smooth;
    }
}

static double clamp(double chance)
{
    return chance < CHANCE_MIN ? CHANCE_MIN : chance > CHANCE_MAX ? CHANCE_MAX : chance;
}

/* Rates of the hours and factors of the moods, in turn. */
static void fit_rates(const struct counts *c, double rate[ARRIVALS_HOURS], double factor[ARRIVALS_MOODS])
{
    double coarse[ARRIVALS_HOURS];
    profile(c, coarse);
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        rate[h] = coarse[h];
    for (int round = 0; round < ROUNDS; round++) {
        for (int m = 0; m < ARRIVALS_MOODS; m++) {
            double hits = MOOD_PRIOR;
            double expected = MOOD_PRIOR;
            for (int h = 0; h < ARRIVALS_HOURS; h++) {
                hits += c->hits[h][m];
                expected += c->minutes[h][m] * rate[h];
            }
            factor[m] = hits / expected;
        }
        for (int h = 0; h < ARRIVALS_HOURS; h++) {
            double hits = HOUR_PRIOR;
            double expected = HOUR_PRIOR / coarse[h];
            double weighted = 0;
            double minutes = 0;
            for (int m = 0; m < ARRIVALS_MOODS; m++) {
                hits += c->hits[h][m];
                weighted += c->minutes[h][m] * factor[m];
                minutes += c->minutes[h][m];
            }
            double mean = minutes > 0 ? weighted / minutes : 1; /* the profile is of all moods together */
            rate[h] = hits / (weighted + expected * mean);
        }
    }
}

static void fit_rest(struct arrivals *to, const struct counts *c)
{
    static const double sizes[ARRIVALS_SIZES] = {4, 0.5, 0.2, 0.1};
    for (int l = 0; l < ARRIVALS_LEVELS; l++) {
        double sum = 0;
        for (int i = 0; i < ARRIVALS_SIZES; i++)
            sum += c->size[l][i] + sizes[i];
        for (int i = 0; i < ARRIVALS_SIZES; i++)
            to->size[l][i] = (c->size[l][i] + sizes[i]) / sum;
        to->heat[l] = (c->heated[l] + 0.5) / (c->after[l] + 1);
    }
    for (int g = 0; g < ARRIVALS_GAPS; g++)
        to->cool[g] = (c->cooled[g] + 0.1) / (c->busy_minutes[g] + 10);
}

/* Commits of the same second come together whatever one does; the others' gaps count. */
static void fit_soon(struct arrivals *to, const instant_t *at_s, size_t n, instant_t now)
{
    double seen[ARRIVALS_SOONS] = {0};
    double hits[ARRIVALS_SOONS] = {0};
    for (size_t i = 1; i < n; i++) {
        int64_t gap_s = at_s[i] - at_s[i - 1];
        double weight = weight_at(at_s[i], now);
        for (int k = 0; gap_s && k < ARRIVALS_SOONS; k++) {
            seen[k] += weight;
            if (gap_s > arrivals_soon_s[k])
                continue;
            hits[k] += weight;
            break;
        }
    }
    for (int k = 0; k < ARRIVALS_SOONS; k++)
        to->soon[k] = (hits[k] + SOON_PRIOR) / (seen[k] + SOON_PRIOR / SOON_USUAL);
}

/* How many commits come how long after a commit, whatever came between. */
static void fit_echo(struct arrivals *to, const instant_t *at_s, size_t n, instant_t now)
{
    double hits[ARRIVALS_GAPS] = {0};
    double commits = 1;
    for (size_t i = 0; i < n; i++) {
        double weight = weight_at(at_s[i], now);
        commits += weight;
        for (size_t j = i + 1; j < n && j <= i + ECHO_COMMITS; j++) {
            int64_t lag_s = at_s[j] - at_s[i];
            if (lag_s >= (int64_t)GAP_LAST_MINUTE * ARRIVALS_STEP_S)
                break;
            hits[arrivals_gap_of(lag_s)] += weight;
        }
    }
    for (int g = 0; g + 1 < ARRIVALS_GAPS; g++)
        to->echo[g] = hits[g] / commits / (arrivals_gap_minutes[g + 1] - arrivals_gap_minutes[g]);
    to->echo[ARRIVALS_GAPS - 1] = 0;
}

void arrivals_fit(struct arrivals *to, const instant_t *at_s, size_t n, instant_t now)
{
    assert(n == 0 || at_s[n - 1] <= now);
    struct counts c = {0};
    double rate[ARRIVALS_HOURS];
    double factor[ARRIVALS_MOODS];
    count(&c, at_s, n, now);
    fit_rates(&c, rate, factor);
    fit_rest(to, &c);
    fit_soon(to, at_s, n, now);
    fit_echo(to, at_s, n, now);
    for (int h = 0; h < ARRIVALS_HOURS; h++) {
        double hits = 0;
        double minutes = 0;
        for (int m = 0; m < ARRIVALS_MOODS; m++) {
            double coarse = clamp(rate[h] * factor[m]);
            to->chance[h][m] = clamp((c.hits[h][m] + CELL_PRIOR) / (c.minutes[h][m] + CELL_PRIOR / coarse));
            hits += c.hits[h][m];
            minutes += c.minutes[h][m];
        }
        to->rate[h] = minutes > 0 ? 60 * hits / minutes : 60 * clamp(rate[h]);
    }
}

double arrivals_per_hour(const struct arrivals *a, instant_t t, int mood)
{
    int level = mood % ARRIVALS_LEVELS;
    double commits = 0;
    for (int i = 0; i < ARRIVALS_SIZES; i++)
        commits += (i + 1) * a->size[level][i];
    return 60 * a->chance[arrivals_hour(t)][mood] * commits;
}
