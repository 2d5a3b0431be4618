#include "scheduler/arrivals.h"

#include <assert.h>
#include <math.h>

const int arrivals_gap_minutes[ARRIVALS_GAPS] = {0, 1, 2, 3, 5, 8, 15, 30, 60, 120, 240};
const int arrivals_soon_s[ARRIVALS_SOONS] = {5, 10, 15, 20, 30, 45, 60, 90, 120, 180};

#define GAP_LAST_MINUTE 240
#define BURST_GAPS      7    /* gaps in which commits may follow the last one */
#define FIRST_ROUNDS    8    /* of rate and factor in turn, */
#define ROUNDS          30   /* and of expectation and maximisation */
#define FIRST_BURST     0.7  /* which begins with so large a part of a mood's chance */
#define PROFILE_PRIOR   0.1  /* commits that the average counts for in a day of the week, and in an hour of the day, */
#define HOUR_PRIOR      10.0 /* the coarse profile in an hour of the week, */
#define MOOD_PRIOR      8.0  /* an average mood in a mood, */
#define BURST_PRIOR     2.0  /* the gap's bursts in one memory's, */
#define CELL_PRIOR      20.0 /* burst + rate x factor in a cell, */
#define SIZE_PRIOR      5.0  /* all sizes in those of a stretch of gaps, and these in a class */
#define SOON_PRIOR      0.2  /* commits that a stretch after a commit begins with, */
#define SOON_USUAL      0.01 /* at this chance */
#define ECHO_COMMITS    30   /* so many commits after each are looked at */
#define CHANCE_MIN      1e-7
#define CHANCE_MAX      0.97

/* Weighted minutes looked at, and those that had a commit. */
struct counts {
    double minutes[ARRIVALS_HOURS][ARRIVALS_MOODS];
    double hits[ARRIVALS_HOURS][ARRIVALS_MOODS];
    double size[ARRIVALS_CLASSES][ARRIVALS_SIZES];
    double turn[ARRIVALS_CLASSES][ARRIVALS_TURNS][ARRIVALS_MEMORIES];
    double commits[ARRIVALS_SIZES], hits_of[ARRIVALS_SIZES];
};

/* Chances as they are fitted: burst[mood] + rate[hour] * factor[mood]. */
struct chances {
    double rate[ARRIVALS_HOURS], coarse[ARRIVALS_HOURS];
    double factor[ARRIVALS_MOODS], burst[ARRIVALS_MOODS];
};

int arrivals_gap_of(int64_t since_s)
{
    int64_t minutes = since_s / ARRIVALS_STEP_S;
    int gap = ARRIVALS_GAPS - 1;
    while (gap > 0 && minutes < arrivals_gap_minutes[gap])
        gap--;
    return gap;
}

int arrivals_size_of(int64_t commits)
{
    int size = 0;
    while (size + 1 < ARRIVALS_SIZES && commits > (int64_t)1 << size)
        size++;
    return size;
}

void arrivals_hear(struct arrivals_mood *mood, instant_t at_s)
{
    double faded = mood->any ? mood->fading * exp((double)(mood->last_s - at_s) / ARRIVALS_FADE_S) : 0;
    int run = mood->any && at_s - mood->last_s <= ARRIVALS_RUN_S ? mood->run : 0;
    *mood = (struct arrivals_mood){
        .any = true, .last_s = at_s, .fading = faded + 1, .run = run < ARRIVALS_RUN_MOST ? run + 1 : run};
}

static int memory_of(const struct arrivals_mood *mood)
{
    if (!mood->any || mood->fading < ARRIVALS_BUSY)
        return 0;
    return mood->run < 2 ? 1 : mood->run < 4 ? 2 : mood->run < 8 ? 3 : 4;
}

int arrivals_mood_at(const struct arrivals_mood *mood, instant_t t)
{
    if (!mood->any)
        return arrivals_mood_of(ARRIVALS_GAPS - 1, 0);
    return arrivals_mood_of(arrivals_gap_of(t - mood->last_s), memory_of(mood));
}

static double weight_at(instant_t t, instant_t now)
{
    return exp2((double)(t - now) / ARRIVALS_HALF_LIFE_S);
}

/* The end of the minute. */
static instant_t minute_of(instant_t t)
{
    instant_t begin = t - t % ARRIVALS_STEP_S;
    return t % ARRIVALS_STEP_S > 0 ? begin + ARRIVALS_STEP_S : begin;
}

/* Minutes [from, to) of silence in the last gap, an hour of the week after the other. */
static void count_silence(struct counts *c, instant_t from, instant_t to, int mood, instant_t now)
{
    while (from < to) {
        instant_t next = from - ((from % SECONDS_PER_HOUR) + SECONDS_PER_HOUR) % SECONDS_PER_HOUR + SECONDS_PER_HOUR;
        if (next > to)
            next = to;
        c->minutes[arrivals_hour(from)][mood] += weight_at(from, now) * (double)(next - from) / ARRIVALS_STEP_S;
        from = next;
    }
}

/* The minutes after a commit, up to `until`, each in its mood; in the last one commits came or not. */
static void count_gap(struct counts *c, const struct arrivals_mood *mood, instant_t until, instant_t now)
{
    double weight = weight_at(until, now);
    instant_t scanned = mood->last_s + (instant_t)GAP_LAST_MINUTE * ARRIVALS_STEP_S;
    instant_t end = scanned < until ? scanned : until;
    for (instant_t t = mood->last_s; t + ARRIVALS_STEP_S <= end; t += ARRIVALS_STEP_S)
        c->minutes[arrivals_hour(t)][arrivals_mood_at(mood, t)] += weight;
    count_silence(c, scanned, until, arrivals_mood_at(mood, scanned), now);
}

/* So many commits in the minute that ends at t. */
static void count_hit(struct counts *c, const struct arrivals_mood *before, const struct arrivals_mood *after,
                      instant_t t, size_t commits, instant_t now)
{
    double weight = weight_at(t, now);
    int mood = arrivals_mood_at(before, t - ARRIVALS_STEP_S);
    int of = arrivals_class(mood);
    int size = arrivals_size_of((int64_t)commits);
    c->hits[arrivals_hour(t - ARRIVALS_STEP_S)][mood] += weight;
    c->size[of][size] += weight;
    c->turn[of][commits < ARRIVALS_TURNS ? commits - 1 : ARRIVALS_TURNS - 1][memory_of(after)] += weight;
    c->hits_of[size] += weight;
    c->commits[size] += weight * (double)commits;
}

static void count(struct counts *c, const instant_t *at_s, size_t n, instant_t now)
{
    struct arrivals_mood mood = {0};
    for (size_t i = 0; i < n;) {
        instant_t minute = minute_of(at_s[i]);
        struct arrivals_mood after = mood;
        size_t end = i;
        for (; end < n && at_s[end] <= minute; end++)
            arrivals_hear(&after, minute);
        if (mood.any) {
            count_gap(c, &mood, minute, now);
            count_hit(c, &mood, &after, minute, end - i, now);
        }
        mood = after;
        i = end;
    }
    if (mood.any && now > mood.last_s)
        count_gap(c, &mood, now, now);
}

/* A coarse profile: overall rate x factor of the day x smoothed factor of the hour of the day. */
static void profile(const struct counts *c, double to[ARRIVALS_HOURS], double *overall)
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
        hour_factor[u] = (hour_hits[u] + PROFILE_PRIOR) / (hour_minutes[u] * rate + PROFILE_PRIOR);
    for (int h = 0; h < ARRIVALS_HOURS; h++) {
        int u = h % 24;
        double day_factor = (day_hits[h / 24] + PROFILE_PRIOR) / (day_minutes[h / 24] * rate + PROFILE_PRIOR);
        double smooth = 0.25 * hour_factor[(u + 23) % 24] + 0.5 * hour_factor[u] + 0.25 * hour_factor[(u + 1) % 24];
        to[h] = rate * day_factor * smooth;
    }
    *overall = rate;
}

static double clamp(double chance)
{
    return chance < CHANCE_MIN ? CHANCE_MIN : chance > CHANCE_MAX ? CHANCE_MAX : chance;
}

/* The moods of one gap: from first on, so many. */
static int moods_of(int gap, int *first)
{
    *first = arrivals_mood_of(gap, 0);
    return gap < ARRIVALS_SHORT ? ARRIVALS_MEMORIES : ARRIVALS_LEVELS;
}

/* Factors from hits and what was expected of rates alone, those of a gap's moods shrunk to their common one. */
static void shrink_factors(const double hits[ARRIVALS_MOODS], const double expected[ARRIVALS_MOODS],
                           double factor[ARRIVALS_MOODS])
{
    for (int g = 0; g < ARRIVALS_GAPS; g++) {
        double all_hits = MOOD_PRIOR;
        double all_expected = MOOD_PRIOR;
        int first;
        int end = moods_of(g, &first) + first;
        for (int m = first; m < end; m++) {
            all_hits += hits[m];
            all_expected += expected[m];
        }
        for (int m = first; m < end; m++)
            factor[m] = (hits[m] + MOOD_PRIOR) / (expected[m] + MOOD_PRIOR * all_expected / all_hits);
    }
}

/* The same for bursts, of minutes. */
static void shrink_bursts(const double hits[ARRIVALS_MOODS], const double minutes[ARRIVALS_MOODS],
                          double burst[ARRIVALS_MOODS])
{
    for (int g = 0; g < BURST_GAPS; g++) {
        double all_hits = 0.01;
        double all_minutes = 1;
        int first;
        int end = moods_of(g, &first) + first;
        for (int m = first; m < end; m++) {
            all_hits += hits[m];
            all_minutes += minutes[m];
        }
        for (int m = first; m < end; m++)
            burst[m] = (hits[m] + BURST_PRIOR) / (minutes[m] + BURST_PRIOR * all_minutes / all_hits);
    }
}

/* Hits in each mood and hour that the rate brought; the rest is of bursts. */
struct shares {
    double by_rate[ARRIVALS_MOODS], by_burst[ARRIVALS_MOODS], by_hour[ARRIVALS_HOURS];
    double minutes[ARRIVALS_MOODS], expected[ARRIVALS_MOODS]; /* expected: minutes x rate */
    double weighted[ARRIVALS_HOURS], spent[ARRIVALS_HOURS];   /* minutes x factor, and minutes */
};

static void share(const struct counts *c, const struct chances *f, struct shares *to)
{
    *to = (struct shares){0};
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        for (int m = 0; m < ARRIVALS_MOODS; m++) {
            double background = f->rate[h] * f->factor[m];
            double by_rate = c->hits[h][m] * background / (f->burst[m] + background);
            to->by_rate[m] += by_rate;
            to->by_burst[m] += c->hits[h][m] - by_rate;
            to->by_hour[h] += by_rate;
            to->minutes[m] += c->minutes[h][m];
            to->expected[m] += c->minutes[h][m] * f->rate[h];
            to->weighted[h] += c->minutes[h][m] * f->factor[m];
            to->spent[h] += c->minutes[h][m];
        }
}

static void fit_rates(const struct shares *s, struct chances *f)
{
    for (int h = 0; h < ARRIVALS_HOURS; h++) {
        double mean = s->spent[h] > 0 ? s->weighted[h] / s->spent[h] : 1; /* the profile is of all moods together */
        f->rate[h] = (s->by_hour[h] + HOUR_PRIOR) / (s->weighted[h] + HOUR_PRIOR / f->coarse[h] * mean);
    }
}

/* Rates of the hours, factors of the moods and bursts, in turn; first as if there were no bursts. */
static void fit_chances(const struct counts *c, struct chances *f)
{
    struct shares s;
    double overall;
    profile(c, f->coarse, &overall);
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        f->rate[h] = f->coarse[h];
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        f->factor[m] = 1;
        f->burst[m] = 0;
    }
    for (int round = 0; round < FIRST_ROUNDS + ROUNDS; round++) {
        share(c, f, &s);
        shrink_factors(s.by_rate, s.expected, f->factor);
        if (round >= FIRST_ROUNDS)
            shrink_bursts(s.by_burst, s.minutes, f->burst);
        share(c, f, &s);
        fit_rates(&s, f);
        if (round + 1 != FIRST_ROUNDS)
            continue;
        for (int m = 0; m < ARRIVALS_MOODS && arrivals_gap_in(m) < BURST_GAPS; m++) {
            f->burst[m] = FIRST_BURST * f->factor[m] * overall;
            f->factor[m] *= 1 - FIRST_BURST;
        }
    }
}

/* The stretch of gaps that a class is of: its first class, and how many there are. */
static int stretch_of(int of, int *first)
{
    *first = of / ARRIVALS_MEMORIES * ARRIVALS_MEMORIES;
    return *first < 2 * ARRIVALS_MEMORIES ? ARRIVALS_MEMORIES : ARRIVALS_LEVELS;
}

static void normalise(double *part, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++)
        sum += part[i];
    for (int i = 0; i < count; i++)
        part[i] /= sum;
}

static void fit_sizes(struct arrivals *to, const struct counts *c)
{
    static const double mean[ARRIVALS_SIZES] = {1, 2, 3.4, 6.2, 12, 24, 48, 90};
    double all[ARRIVALS_SIZES] = {4, 0.5, 0.2, 0.1, 0.03, 0.01, 0.004, 0.002};
    for (int i = 0; i < ARRIVALS_SIZES; i++) {
        all[i] += c->hits_of[i];
        to->commits[i] = (c->commits[i] + mean[i]) / (c->hits_of[i] + 1);
    }
    normalise(all, ARRIVALS_SIZES);
    for (int k = 0; k < ARRIVALS_CLASSES; k++) {
        double near[ARRIVALS_SIZES];
        int first;
        int count = stretch_of(k, &first);
        for (int i = 0; i < ARRIVALS_SIZES; i++) {
            near[i] = SIZE_PRIOR * all[i];
            for (int j = first; j < first + count; j++)
                near[i] += c->size[j][i];
        }
        normalise(near, ARRIVALS_SIZES);
        for (int i = 0; i < ARRIVALS_SIZES; i++)
            to->size[k][i] = c->size[k][i] + SIZE_PRIOR * near[i];
        normalise(to->size[k], ARRIVALS_SIZES);
    }
}

/* A class's own counts, and one commit of its stretch's; where that knows none: in the only memory that is possible,
 * calm for one commit after a long silence, else busy. */
static void fit_turns(struct arrivals *to, const struct counts *c)
{
    for (int k = 0; k < ARRIVALS_CLASSES; k++)
        for (int i = 0; i < ARRIVALS_TURNS; i++) {
            double near[ARRIVALS_MEMORIES] = {0};
            int first;
            int count = stretch_of(k, &first);
            near[i == 0 && k >= 2 * ARRIVALS_MEMORIES ? 0 : i ? 2 : 1] = 1e-6;
            for (int j = first; j < first + count; j++)
                for (int z = 0; z < ARRIVALS_MEMORIES; z++)
                    near[z] += c->turn[j][i][z];
            normalise(near, ARRIVALS_MEMORIES);
            for (int z = 0; z < ARRIVALS_MEMORIES; z++)
                to->turn[k][i][z] = c->turn[k][i][z] + near[z];
            normalise(to->turn[k][i], ARRIVALS_MEMORIES);
        }
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
    struct chances f;
    count(&c, at_s, n, now);
    fit_chances(&c, &f);
    fit_sizes(to, &c);
    fit_turns(to, &c);
    fit_soon(to, at_s, n, now);
    fit_echo(to, at_s, n, now);
    for (int h = 0; h < ARRIVALS_HOURS; h++) {
        double hits = 0;
        double minutes = 0;
        for (int m = 0; m < ARRIVALS_MOODS; m++) {
            double chance = clamp(f.burst[m] + f.rate[h] * f.factor[m]);
            to->chance[h][m] = clamp((c.hits[h][m] + CELL_PRIOR) / (c.minutes[h][m] + CELL_PRIOR / chance));
            hits += c.hits[h][m];
            minutes += c.minutes[h][m];
        }
        to->rate[h] = 60 * (minutes > 0 ? hits / minutes : clamp(f.coarse[h]));
    }
}

double arrivals_commits(const struct arrivals *a, int mood)
{
    const double *size = a->size[arrivals_class(mood)];
    double commits = 0;
    for (int i = 0; i < ARRIVALS_SIZES; i++)
        commits += size[i] * a->commits[i];
    return commits;
}
