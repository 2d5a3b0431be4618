/*
 * study_policies.c - the figures of docs/study.md, as tab-separated rows. usage:
 *
 *   study_policies history NAME < TIMES    unix seconds, a line each: cost / optimum of each policy, both regimes
 *   study_policies made NAME               the same for a generated history: office, bursts, steady
 *   study_policies worst                   the worst that a search finds for each policy, beside what is proven
 *
 * `history` prints nothing for a history with less than a hundred commits in either half.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox.h"
#include "tests/study.h"

#define USD    MONEY_PER_USD
#define ONE    THETA_PER_ONE
#define DRAWS  10                                            /* histories from the model */
#define MONDAY ((instant_t)1640995200 + 2 * SECONDS_PER_DAY) /* 2022-01-03 */

static const double prices[] = {0.05, 0.2, 1, 5}; /* of a commit-hour of waiting, over the hourly price */
static const int64_t windows_s[] = {0, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800};
static const int64_t thetas[] = {0,       ONE / 50, ONE / 20,    ONE / 10, ONE / 5,
                                 ONE / 3, ONE / 2,  ONE * 3 / 4, ONE,      ONE * 3 / 2};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct policy policy_of(enum trigger_kind kind, int64_t arg, struct keep keep)
{
    return (struct policy){{kind, arg}, keep};
}

static double random_mean(const struct study_history *h, struct keep keep, const struct terms *t, int seeds)
{
    double sum = 0;
    for (int seed = 1; seed <= seeds; seed++) {
        struct policy p = policy_of(TRIGGER_RANDOM, seed, keep);
        sum += study_policy(h, &p, t);
    }
    return sum / seeds;
}

/* mdp on histories drawn from the model that it fitted to the first half, over their own optima. */
static double limit_mean(const struct study_history own[DRAWS], const struct policy *mdp, const struct terms *t,
                         int64_t grid_s)
{
    double cost[DRAWS];
    double sum = 0;
    study_each(own, DRAWS, mdp, t, cost);
    for (int i = 0; i < DRAWS; i++)
        sum += cost[i] / study_optimum(&own[i], t, grid_s);
    return sum / DRAWS;
}

static void print_row(const struct study_history *h, const struct study_history own[DRAWS], struct terms t,
                      struct keep keep, int64_t grid_s, const char *regime)
{
    for (size_t i = 0; i < LENGTH(prices); i++) {
        t.delay_price_per_commit_hour = (money_t)(prices[i] * (double)USD + 0.5);
        struct policy idle = policy_of(TRIGGER_IDLE, 0, keep);
        struct policy area = policy_of(TRIGGER_AREA, ONE, keep);
        struct policy root = policy_of(TRIGGER_SQRT, ONE / 2, keep);
        struct policy predict = policy_of(TRIGGER_PREDICT, ONE / 4, keep);
        struct policy mdp = policy_of(TRIGGER_MDP, 0, keep);
        double optimum = study_optimum(h, &t, grid_s);
        double ns;
        double fit_s;
        double by_mdp = study_timed(h, &mdp, &t, &ns, &fit_s);
        printf("%s\t%s\t%g\t%zu\t%zu", h->name, regime, prices[i], h->half, h->count - h->half);
        printf("\t%.4f\t%.4f", study_policy(h, &idle, &t) / optimum,
               study_tuned(h, policy_of(TRIGGER_WINDOW, 0, keep), &t, windows_s, LENGTH(windows_s)) / optimum);
        printf("\t%.4f\t%.4f", study_policy(h, &area, &t) / optimum,
               study_tuned(h, area, &t, thetas, LENGTH(thetas)) / optimum);
        printf("\t%.4f\t%.4f\t%.4f\t%.4f", study_policy(h, &root, &t) / optimum, random_mean(h, keep, &t, 3) / optimum,
               study_policy(h, &predict, &t) / optimum, by_mdp / optimum);
        printf("\t%.4f\t%.0f\t%.2f\n", limit_mean(own, &mdp, &t, grid_s), ns, fit_s);
        fflush(stdout);
    }
}

static void study(const char *name, const instant_t *at_s, size_t count)
{
    struct study_history h = {0};
    struct study_history own[DRAWS];
    str_fit(h.name, sizeof(h.name), "%.70s", name);
    if (!study_cut(&h, at_s, count, ARRIVALS_STEP_S))
        return;
    for (int i = 0; i < DRAWS; i++)
        study_draw(&own[i], &h, (uint32_t)i + 1);
    struct terms hourly = {.bake_s = 900, .regime = REGIME_HOURLY, .price_per_hour = USD};
    print_row(&h, own, hourly, (struct keep){KEEP_HOUR, 0}, 60, "hourly");
    struct terms second = {.boot_s = 60, .bake_s = 900, .regime = REGIME_SECOND, .price_per_hour = USD};
    print_row(&h, own, second, (struct keep){KEEP_RENT, 0}, 60, "second");
    study_release(&h);
    for (int i = 0; i < DRAWS; i++)
        study_release(&own[i]);
}

static size_t read_times(instant_t **to)
{
    size_t count = 0;
    size_t cap = 0;
    char line[64];
    while (fgets(line, sizeof(line), stdin)) {
        char *end;
        errno = 0;
        long long t = strtoll(line, &end, 10);
        if (end == line || errno)
            continue;
        *to = mem_grow(*to, &cap, count + 1, sizeof(**to));
        (*to)[count] = count && (*to)[count - 1] > t ? (*to)[count - 1] : t;
        count++;
    }
    return count;
}

/* Two years of commits by a rate an hour, and after each further ones minutes later with a chance. */
static size_t make(const char *name, instant_t **to)
{
    bool office = strcmp(name, "office") == 0;
    bool bursts = strcmp(name, "bursts") == 0;
    double rate = office ? 0.8 : bursts ? 0.08 : 0.4;
    double follow = office ? 0.25 : bursts ? 0.8 : 0;
    struct philox p = philox_stream(2022, 0, strlen(name), 0x6d616465);
    size_t count = 0;
    size_t cap = 0;
    for (instant_t t = MONDAY; t < MONDAY + (instant_t)104 * 7 * SECONDS_PER_DAY; t += 60) {
        int hour = arrivals_hour(t);
        if (office && (hour >= 120 || hour % 24 < 8 || hour % 24 >= 18))
            continue;
        if (philox_unit(&p) >= rate / 60)
            continue;
        instant_t at = t;
        do {
            *to = mem_grow(*to, &cap, count + 1, sizeof(**to));
            (*to)[count++] = at;
            at += 30 + (instant_t)(philox_exponential(&p) * 300);
        } while (philox_unit(&p) < follow);
        t = at > t ? at / 60 * 60 : t;
    }
    return count;
}

/* A pattern of gaps, again and again: what the search turns over. */
#define GAPS    5
#define REPEATS 12

struct instance {
    int64_t gap_s[GAPS], train_gap_s[GAPS];
    int gaps;
};

static int64_t draw_gap(struct philox *p)
{
    static const int64_t of[] = {0,    60,   120,  300,  600,  900,   1200,  1800,  2400,
                                 2700, 3000, 3600, 4500, 7200, 14400, 36000, 86400, 259200};
    return of[philox_below(p, LENGTH(of))];
}

static struct instance draw_instance(struct philox *p)
{
    struct instance i = {.gaps = 1 + (int)philox_below(p, GAPS)};
    for (int g = 0; g < GAPS; g++) {
        i.gap_s[g] = draw_gap(p);
        i.train_gap_s[g] = draw_gap(p);
    }
    i.train_gap_s[0] += 7200;
    return i;
}

static struct instance change(const struct instance *from, struct philox *p)
{
    struct instance i = *from;
    int g = (int)philox_below(p, GAPS);
    switch (philox_below(p, 4)) {
    case 0:
        i.gaps = 1 + (int)philox_below(p, GAPS);
        break;
    case 1:
        i.train_gap_s[g] = draw_gap(p) + (g ? 0 : 7200);
        break;
    case 2:
        i.gap_s[g] += 60 * ((int64_t)philox_below(p, 31) - 15);
        i.gap_s[g] = i.gap_s[g] < 0 ? 0 : i.gap_s[g];
        break;
    default:
        i.gap_s[g] = draw_gap(p);
    }
    return i;
}

static void build(struct study_history *h, const struct instance *i, bool learns)
{
    size_t train = learns ? 200 : 0;
    size_t test = (size_t)i->gaps * REPEATS;
    instant_t t = MONDAY;
    str_fit(h->name, sizeof(h->name), "search");
    h->count = train + test;
    h->half = train;
    h->at_s = mem_array(NULL, h->count, sizeof(*h->at_s));
    for (size_t k = 0; k < train; k++)
        h->at_s[k] = t += i->train_gap_s[k % GAPS];
    h->middle = t;
    t += SECONDS_PER_DAY;
    for (size_t k = 0; k < test; k++)
        h->at_s[train + k] = t += i->gap_s[k % (size_t)i->gaps];
    h->end = t;
}

static double ratio_of(const struct instance *i, const struct policy *p, const struct terms *t)
{
    struct study_history h;
    build(&h, i, policy_learns(p->trigger.kind) && p->trigger.kind != TRIGGER_RANDOM);
    double cost = p->trigger.kind == TRIGGER_RANDOM ? random_mean(&h, p->keep, t, 40) : study_policy(&h, p, t);
    double ratio = cost / study_optimum(&h, t, 60);
    study_release(&h);
    return ratio;
}

static double search(const struct policy *p, const struct terms *t, int looks, uint32_t seed, struct instance *worst)
{
    struct philox draws = philox_stream(seed, 0, (uint64_t)p->trigger.kind, 0x776f7273);
    double most = 0;
    double here = 0;
    struct instance at = {0};
    for (int k = 0; k < looks; k++) {
        bool anew = k % (looks / 4) == 0;
        struct instance next = anew ? draw_instance(&draws) : change(&at, &draws);
        double ratio = ratio_of(&next, p, t);
        if (anew || ratio >= here) {
            here = ratio;
            at = next;
        }
        if (ratio > most) {
            most = ratio;
            *worst = next;
        }
    }
    return most;
}

static void print_worst(const char *name, struct policy p, struct terms t, int looks, const char *proven)
{
    struct instance worst = {0};
    double ratio = search(&p, &t, looks, 1, &worst);
    printf("%s\t%s\t%lld\t%g\t%.2f\t%s\t", name, p.keep.kind == KEEP_HOUR ? "hour" : "none, K = 1",
           (long long)t.bake_s / 60, (double)t.delay_price_per_commit_hour / (double)USD, ratio, proven);
    for (int g = 0; g < worst.gaps; g++)
        printf("%s%lld", g ? " " : "", (long long)worst.gap_s[g] / 60);
    printf("\n");
    fflush(stdout);
}

/* Deployments that cost K and no instance: dynamic TCP acknowledgement, but for the minute of the bake. Paid hours with
 * short bakes; and with long ones, at two prices of waiting. */
enum shape { SHAPE_K, SHAPE_SHORT, SHAPE_LONG, SHAPE_LONG_CHEAP, SHAPES };

static void worst(void)
{
    static const struct {
        const char *name;
        enum trigger_kind kind;
        int64_t arg;
        int looks;
        const char *proven[SHAPES];
    } all[] = {
        {"idle", TRIGGER_IDLE, 0, 400, {"none", "none", "none", "none"}},
        {"area:1", TRIGGER_AREA, ONE, 400, {"2", "2", "none", "none"}},
        {"random, mean of 40 seeds", TRIGGER_RANDOM, 1, 200, {"1.582", "none", "none", "none"}},
        {"sqrt:0.5", TRIGGER_SQRT, ONE / 2, 200, {"none", "none", "none", "none"}},
        {"predict:0.25", TRIGGER_PREDICT, ONE / 4, 60, {"2.5", "2.5", "none", "none"}},
        {"mdp", TRIGGER_MDP, 0, 12, {"1.01 x idle", "1.01 x idle", "none", "none"}},
    };
    for (size_t i = 0; i < LENGTH(all); i++)
        for (int shape = 0; shape < SHAPES; shape++) {
            struct terms t = {.bake_s = shape < SHAPE_LONG ? 60 : 900,
                              .regime = REGIME_HOURLY,
                              .price_per_hour = shape == SHAPE_K ? 0 : USD,
                              .per_deploy = shape == SHAPE_K ? USD : 0,
                              .delay_price_per_commit_hour = shape == SHAPE_LONG_CHEAP ? USD / 5 : USD};
            struct keep keep = {shape == SHAPE_K ? KEEP_TERMINATE : KEEP_HOUR, 0};
            print_worst(all[i].name, policy_of(all[i].kind, all[i].arg, keep), t, all[i].looks, all[i].proven[shape]);
        }
}

int main(int argc, char **argv)
{
    instant_t *at_s = NULL;
    size_t count = 0;
    if (argc == 2 && strcmp(argv[1], "worst") == 0) {
        worst();
        return 0;
    }
    if (argc != 3 || (strcmp(argv[1], "history") != 0 && strcmp(argv[1], "made") != 0)) {
        fprintf(stderr, "usage: study_policies history NAME < TIMES | made NAME | worst\n");
        return 2;
    }
    count = strcmp(argv[1], "made") == 0 ? make(argv[2], &at_s) : read_times(&at_s);
    study(argv[2], at_s, count);
    free(at_s);
    return 0;
}
