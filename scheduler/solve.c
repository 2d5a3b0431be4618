#include "scheduler/solve.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/mix.h"

#define PENDING_MIN 6
#define WARM_DAYS   1     /* how long before the week the end is forgotten */
#define RARE        1e-4F /* ends of a deployment less likely than that are left out, */
#define UNLIKELY    2e-4  /* and sizes with their memories; what is left is made to add up to one again */
#define COMMON      0.01  /* sizes that likely are within the commits that are told apart, twice over */
#define COMINGS     (2 * ARRIVALS_SIZES * ARRIVALS_MEMORIES)

/* Commits pending are told apart at these numbers; a value between two is on the line between theirs, and one beyond
 * the last is the last's, since with so many pending one deploys. */
static const int nodes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96, TABLE_PENDING};
#define PENDINGS ((int)(sizeof(nodes) / sizeof(nodes[0])))

/* Where one hour's deployments of one length end: in which lines of a layer (mood and commits pending then), from each
 * mood, and what waiting costs meanwhile. */
struct endings {
    struct mix_share *items;
    size_t cap, first[ARRIVALS_MOODS + 1];
    float waiting[ARRIVALS_MOODS];
};

struct shape {
    int hold; /* steps that the server is held */
    struct endings hours[ARRIVALS_HOURS];
};

/* How likely each mood and number of commits pending is. top: above it there are no commits; -1: not in that mood. */
struct spread {
    double at[ARRIVALS_MOODS][PENDINGS];
    int top[ARRIVALS_MOODS];
};

/* Where a silent step leads from a mood: to itself or to the next gap. */
struct drift {
    int count, mood[2];
    double chance[2];
};

/* What commits that come make of a number pending: lines of mood and node. */
struct coming {
    int count, mood[COMINGS], node[COMINGS];
    double chance[COMINGS];
};

struct solver {
    const struct arrivals *model;
    const struct decider *d;
    mix_lines *mix;
    struct drift drift[ARRIVALS_MOODS];
    struct coming comings[ARRIVALS_CLASSES][PENDINGS];
    double mean[ARRIVALS_CLASSES]; /* commits that come, when some do */
    int64_t step_s;
    int pendings;                   /* of the nodes, from none on; the last stands for more */
    int kept, width;                /* kept values, and padded to MIX_LANES */
    size_t layer;                   /* floats in a layer of values: mood x pending x width */
    int ring;                       /* layers held */
    float *values;                  /* [time modulo ring][mood][pending][kept] */
    float *coming;                  /* [class][pending][kept]: the value when commits come now */
    float *deploy;                  /* [mood][kept]: the value of deploying, without the commits' past */
    float *scratch;                 /* [kept]: of one mood's effect */
    struct shape fresh, reuse;      /* with the boot and without */
    struct spread spread[2];        /* work of endings_fill */
    float *column;                  /* [time modulo ring][mood][pending]: of values, the one that a launch leaves */
    int kept_after[TABLE_KEPT_MAX]; /* kept steps when a deployment that began so ends */
    float money[TABLE_KEPT_MAX];    /* its marginal money */
    bool reuses[TABLE_KEPT_MAX];
    double chance_scale; /* minutes in a step */
    float wait_price;    /* of a commit's step */
};

/* The chance of any commit in a step; of one minute as fitted. */
static double step_chance(const struct solver *s, int hour, int mood)
{
    double none = 1 - s->model->chance[hour][mood];
    double all = 1;
    for (int64_t i = 0; i < s->step_s / ARRIVALS_STEP_S; i++)
        all *= none;
    return 1 - all;
}

/* The chance that a silent step is the last one in its bin. */
static double leave_gap(const struct solver *s, int gap)
{
    if (gap == ARRIVALS_GAPS - 1)
        return 0;
    double leave = s->chance_scale / (arrivals_gap_minutes[gap + 1] - arrivals_gap_minutes[gap]);
    return leave > 1 ? 1 : leave;
}

static struct drift silent(const struct solver *s, int mood)
{
    struct drift d = {0};
    double leave = leave_gap(s, arrivals_gap_in(mood));
    if (leave < 1) {
        d.mood[d.count] = mood;
        d.chance[d.count++] = 1 - leave;
    }
    if (leave > 0) {
        d.mood[d.count] = arrivals_mood_later(mood);
        d.chance[d.count++] = leave;
    }
    return d;
}

/* A number of commits on the nodes: on `node` with what is left of one, the rest on the next. */
static double node_of(const struct solver *s, double commits, int *node)
{
    int last = s->pendings - 1;
    *node = last;
    if (commits >= nodes[last])
        return 0;
    while (nodes[*node] > commits)
        --*node;
    return (commits - nodes[*node]) / (nodes[*node + 1] - nodes[*node]);
}

static void coming_add(struct coming *c, int memory, int node, double chance)
{
    int mood = arrivals_mood_of(0, memory);
    int i = 0;
    if (chance <= 0)
        return;
    while (i < c->count && (c->mood[i] != mood || c->node[i] != node))
        i++;
    if (i == c->count)
        c->chance[i] = 0;
    c->count += i == c->count;
    c->mood[i] = mood;
    c->node[i] = node;
    c->chance[i] += chance;
}

static void coming_fill(const struct solver *s, struct coming *c, int of, int pending)
{
    const struct arrivals *a = s->model;
    double sum = 0;
    c->count = 0;
    for (int i = 0; i < ARRIVALS_SIZES; i++)
        for (int z = 0; z < ARRIVALS_MEMORIES; z++) {
            double chance = a->size[of][i] * a->turn[of][i < ARRIVALS_TURNS ? i : ARRIVALS_TURNS - 1][z];
            if (chance < UNLIKELY)
                continue;
            int node;
            double beyond = node_of(s, nodes[pending] + a->commits[i], &node);
            coming_add(c, z, node, chance * (1 - beyond));
            coming_add(c, z, node + 1, chance * beyond);
            sum += chance;
        }
    for (int i = 0; i < c->count; i++)
        c->chance[i] /= sum;
}

static void spread_clear(struct spread *s)
{
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        for (int n = 0; n <= s->top[m]; n++)
            s->at[m][n] = 0;
        s->top[m] = -1;
    }
}

static void spread_to(struct spread *s, int mood, int pending, double chance)
{
    s->at[mood][pending] += chance;
    s->top[mood] = s->top[mood] > pending ? s->top[mood] : pending;
}

/* The commits to expect in this step are given back. */
static double step_forward(const struct solver *s, int hour, const struct spread *from, struct spread *to)
{
    double expected = 0;
    spread_clear(to);
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        const struct drift *drift = &s->drift[m];
        int of = arrivals_class(m);
        double hit = from->top[m] < 0 ? 0 : step_chance(s, hour, m);
        for (int n = 0; n <= from->top[m]; n++) {
            double p = from->at[m][n];
            if (p < (double)RARE / 30)
                continue;
            for (int i = 0; i < drift->count; i++)
                spread_to(to, drift->mood[i], n, p * (1 - hit) * drift->chance[i]);
            expected += p * hit * s->mean[of];
            const struct coming *c = &s->comings[of][n];
            for (int i = 0; p * hit >= (double)RARE / 30 && i < c->count; i++)
                spread_to(to, c->mood[i], c->node[i], p * hit * c->chance[i]);
        }
    }
    return expected;
}

static size_t line_of(const struct solver *s, int mood, int pending)
{
    return ((size_t)mood * (size_t)s->pendings + (size_t)pending) * (size_t)s->width;
}

/* The endings that are likely enough, their chances made to add up to one; lines are so wide. */
static void endings_add(const struct solver *s, struct endings *e, const struct spread *at, int width, size_t *count)
{
    size_t first = *count;
    double kept = 0;
    for (int to = 0; to < ARRIVALS_MOODS; to++)
        for (int n = 0; n <= at->top[to]; n++) {
            if (at->at[to][n] < (double)RARE)
                continue;
            e->items = mem_grow(e->items, &e->cap, *count + 1, sizeof(*e->items));
            e->items[(*count)++] = (struct mix_share){(to * s->pendings + n) * width, (float)at->at[to][n]};
            kept += at->at[to][n];
        }
    for (size_t i = first; i < *count; i++)
        e->items[i].chance = (float)((double)e->items[i].chance / kept);
}

/* Deployments from each mood, step by step: with a boot they go on where those without end. */
static void endings_fill(struct solver *s, int hour)
{
    struct endings *reuse = &s->reuse.hours[hour];
    struct endings *fresh = &s->fresh.hours[hour];
    size_t reuse_count = 0;
    size_t fresh_count = 0;
    struct spread *now = &s->spread[0];
    struct spread *then = &s->spread[1];
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        double waiting = 0;
        double pending = 0; /* to expect */
        reuse->first[m] = reuse_count;
        fresh->first[m] = fresh_count;
        spread_clear(now);
        spread_to(now, m, 0, 1);
        for (int i = 1; i <= s->fresh.hold; i++) {
            waiting += pending;
            pending += step_forward(s, hour, now, then);
            struct spread *swap = now;
            now = then;
            then = swap;
            if (i == s->reuse.hold) {
                reuse->waiting[m] = (float)(waiting * (double)s->wait_price);
                endings_add(s, reuse, now, s->width, &reuse_count);
            }
            if (i == s->fresh.hold) {
                fresh->waiting[m] = (float)(waiting * (double)s->wait_price);
                endings_add(s, fresh, now, 1, &fresh_count);
            }
        }
    }
    reuse->first[ARRIVALS_MOODS] = reuse_count;
    fresh->first[ARRIVALS_MOODS] = fresh_count;
}

static int hold_of(const struct solver *s, int64_t hold_s)
{
    int hold = (int)((hold_s + s->step_s - 1) / s->step_s);
    return hold < 1 ? 1 : hold;
}

static void shape_release(struct shape *shape)
{
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        free(shape->hours[h].items);
}

static double money_of(const struct decider *d, int64_t billed_s)
{
    return (double)d->terms.per_deploy + (double)d->terms.price_per_hour * (double)billed_s / SECONDS_PER_HOUR;
}

static int steps_kept(const struct solver *s, int64_t kept_s)
{
    int64_t steps = kept_s <= 0 ? 0 : kept_s / s->step_s;
    return steps >= s->kept ? s->kept - 1 : (int)steps;
}

/* A rental that would be kept for kept_s from now (instant 0): in its first hour, or after one bake. */
static struct rental rental_kept(const struct decider *d, int64_t kept_s)
{
    const struct terms *t = &d->terms;
    struct rental r = {.open = kept_s > 0, .kept_until = kept_s};
    if (d->policy.keep.kind == KEEP_HOUR) {
        r.begin = kept_s + t->margin_s - SECONDS_PER_HOUR;
        r.busy_until = r.begin + 1;
    } else {
        r.busy_until = kept_s - d->tail_s;
        r.begin = r.busy_until - t->boot_s - t->bake_s;
    }
    return r;
}

/* Money and the instance's state after a deployment, for each kept value. */
static void transitions_fill(struct solver *s)
{
    const struct terms *t = &s->d->terms;
    for (int i = 0; i < s->kept; i++) {
        struct rental r = rental_kept(s->d, i * s->step_s);
        bool reuses = policy_reuses(&r, t->prepare_s);
        int64_t busy_until = t->prepare_s + t->bake_s + (reuses ? 0 : t->boot_s);
        int64_t begin = reuses ? r.begin : t->prepare_s;
        int64_t kept_until = policy_kept_until(s->d, begin, busy_until);
        s->reuses[i] = reuses;
        s->money[i] = (float)(money_of(s->d, policy_marginal_s(s->d, &r, 0)) + (reuses ? 0 : (double)t->launch_cost));
        if (s->d->policy.keep.kind == KEEP_TERMINATE)
            s->kept_after[i] = 0;
        else
            s->kept_after[i] = steps_kept(s, kept_until - busy_until - t->rollout_s);
    }
}

static float *layer_at(const struct solver *s, int64_t t)
{
    return s->values + (size_t)(t % s->ring) * s->layer;
}

/* The value of deploying in each mood and for each kept value, at time t. */
static void look_reuse(const struct solver *s, int hour, int64_t t)
{
    const struct endings *e = &s->reuse.hours[hour];
    size_t width = (size_t)s->width;
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        struct mix sum = {.from = layer_at(s, t + s->reuse.hold),
                          .shares = e->items + e->first[m],
                          .count = e->first[m + 1] - e->first[m],
                          .base = e->waiting[m]};
        s->mix(s->scratch, &sum, width);
        float *to = s->deploy + (size_t)m * width;
        for (int x = 0; x < s->kept; x++)
            if (s->reuses[x])
                to[x] = s->money[x] + s->scratch[s->kept_after[x]];
    }
}

/* A launch leaves the instance in one state, whatever was before: of each line one number. */
static float *column_at(const struct solver *s, int64_t t)
{
    return s->column + (size_t)(t % s->ring) * (size_t)(ARRIVALS_MOODS * s->pendings);
}

static void fill_column(const struct solver *s, int64_t t)
{
    const float *values = layer_at(s, t) + s->kept_after[0];
    float *column = column_at(s, t);
    for (int i = 0; i < ARRIVALS_MOODS * s->pendings; i++)
        column[i] = values[(size_t)i * (size_t)s->width];
}

static void look_fresh(const struct solver *s, int hour, int64_t t)
{
    const struct endings *e = &s->fresh.hours[hour];
    const float *then = column_at(s, t + s->fresh.hold);
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        float sum = e->waiting[m] + s->money[0];
        for (size_t i = e->first[m]; i < e->first[m + 1]; i++)
            sum += e->items[i].chance * then[e->items[i].offset];
        float *to = s->deploy + (size_t)m * (size_t)s->width;
        for (int x = 0; x < s->kept; x++)
            if (!s->reuses[x])
                to[x] = sum;
    }
}

/* What it is worth when commits come in this step: by the class before, for each pending and kept value. */
static void fill_coming(const struct solver *s, const float *next)
{
    for (int k = 0; k < ARRIVALS_CLASSES; k++)
        for (int n = 0; n < s->pendings; n++) {
            const struct coming *c = &s->comings[k][n];
            struct mix_share shares[COMINGS];
            for (int i = 0; i < c->count; i++)
                shares[i] = (struct mix_share){(int32_t)line_of(s, c->mood[i], c->node[i]), (float)c->chance[i]};
            struct mix sum = {.from = next, .shares = shares, .count = (size_t)c->count};
            s->mix(s->coming + line_of(s, k, n), &sum, (size_t)s->width);
        }
}

/* The value of waiting a step, or with `least` that of the better choice. Kept steps shrink by one: lines are written
 * from their second number on, and one behind their end, which is the next one's first, or padding; what is not kept
 * stays so. */
static void wait_values(const struct solver *s, int hour, int mood, const float *next, float *to, bool least)
{
    const struct drift *drift = &s->drift[mood];
    double hit = step_chance(s, hour, mood);
    struct mix_share shares[2];
    const float *deploy = s->deploy + (size_t)mood * (size_t)s->width;
    for (int n = 0; n < s->pendings; n++) {
        bool floored = least && n > 0;
        for (int i = 0; i < drift->count; i++)
            shares[i] =
                (struct mix_share){(int32_t)line_of(s, drift->mood[i], n), (float)((1 - hit) * drift->chance[i])};
        struct mix sum = {.from = next,
                          .shares = shares,
                          .count = (size_t)drift->count,
                          .last = s->coming + line_of(s, arrivals_class(mood), n),
                          .last_chance = (float)hit,
                          .base = s->wait_price * (float)nodes[n],
                          .floor = floored ? deploy + 1 : NULL};
        float *line = to + (size_t)n * (size_t)s->width;
        float not_kept = sum.base;
        for (size_t i = 0; i < sum.count; i++)
            not_kept += shares[i].chance * sum.from[shares[i].offset];
        not_kept += sum.last_chance * sum.last[0];
        s->mix(line + 1, &sum, (size_t)s->width);
        line[0] = floored && deploy[0] < not_kept ? deploy[0] : not_kept;
    }
}

/* The fewest commits for which deploying costs no more than waiting. */
static void read_needs(const struct solver *s, const struct policy_table *table, int hour, int mood, const float *wait)
{
    uint8_t *need = table->need + ((size_t)hour * ARRIVALS_MOODS + (size_t)mood) * (size_t)s->kept;
    const float *deploy = s->deploy + (size_t)mood * (size_t)s->width;
    for (int x = 0; x < s->kept; x++) {
        need[x] = TABLE_WAIT;
        for (int n = s->pendings - 1; n >= 1; n--)
            if (deploy[x] <= wait[(size_t)n * (size_t)s->width + (size_t)x])
                need[x] = (uint8_t)nodes[n];
    }
}

static void choose(const struct solver *s, int mood, float *values)
{
    const float *deploy = s->deploy + (size_t)mood * (size_t)s->width;
    for (int n = 1; n < s->pendings; n++) {
        float *line = values + (size_t)n * (size_t)s->width;
        for (int x = 0; x < s->kept; x++)
            line[x] = deploy[x] < line[x] ? deploy[x] : line[x];
    }
}

/* Values are compared, never read: what all have in common is taken off before it eats the digits. */
static double take_off(const struct solver *s, int64_t t)
{
    const float common = layer_at(s, t)[0];
    for (size_t i = 0; i < s->layer * (size_t)s->ring; i++)
        s->values[i] -= common;
    for (int i = 0; i < s->ring; i++)
        fill_column(s, i);
    return (double)common;
}

static void step_back(const struct solver *s, const struct policy_table *table, int64_t t, int hour, bool read)
{
    const float *next = layer_at(s, t + 1);
    float *now = layer_at(s, t);
    fill_coming(s, next);
    look_fresh(s, hour, t);
    if (s->kept > 1)
        look_reuse(s, hour, t);
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        float *values = now + line_of(s, m, 0);
        wait_values(s, hour, m, next, values, !read);
        if (!read)
            continue;
        read_needs(s, table, hour, m, values);
        choose(s, m, values);
    }
    fill_column(s, t);
}

/* The week's steps and those before them, backwards; in the middle of each hour of the week the table is read. */
static void go_back(const struct solver *s, struct policy_table *table)
{
    const int64_t an_hour = SECONDS_PER_HOUR / s->step_s;
    const int64_t a_day = 24 * an_hour;
    assert(a_day > 0 && s->ring > 0);
    const int64_t week = ARRIVALS_HOURS * an_hour;
    const int64_t begin = week + WARM_DAYS * a_day;
    double taken = 0;
    double at_end = 0;
    for (int64_t t = begin; t >= 0; t--) {
        int hour = (int)(t / an_hour % ARRIVALS_HOURS);
        step_back(s, table, t, hour, t < week && t % an_hour == an_hour / 2);
        if (t == week)
            at_end = taken + (double)layer_at(s, t)[0];
        if (t == 0)
            table->per_week = taken + (double)layer_at(s, t)[0] - at_end;
        if (t % a_day == 0)
            taken += take_off(s, t);
    }
}

/* Minutes, or what divides the hour so that a deployment has few enough steps. */
static int64_t choose_step(int64_t hold_s)
{
    static const int64_t minutes[] = {1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30};
    for (size_t i = 0; i < sizeof(minutes) / sizeof(*minutes); i++)
        if (hold_s <= minutes[i] * ARRIVALS_STEP_S * SOLVE_HOLD_STEPS)
            return minutes[i] * ARRIVALS_STEP_S;
    return SECONDS_PER_HOUR;
}

static int choose_kept(const struct decider *d, int64_t step_s)
{
    int64_t most_s = d->policy.keep.kind == KEEP_TERMINATE ? 0
                     : d->policy.keep.kind == KEEP_HOUR    ? SECONDS_PER_HOUR
                                                           : d->tail_s;
    int64_t kept = most_s / step_s + 1;
    return kept > TABLE_KEPT_MAX ? TABLE_KEPT_MAX : (int)kept;
}

static void chances_fill(struct solver *s)
{
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        s->drift[m] = silent(s, m);
        s->mean[arrivals_class(m)] = arrivals_commits(s->model, m);
    }
    for (int k = 0; k < ARRIVALS_CLASSES; k++)
        for (int n = 0; n < s->pendings; n++)
            coming_fill(s, &s->comings[k][n], k, n);
}

/* How many numbers of commits to tell apart: up to some more than three times what the square-root rule would wait
 * for, and more than come at once. */
static int choose_pendings(const struct solver *s)
{
    const struct decider *d = s->d;
    double most = 0;
    double size = 0;
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        for (int h = 0; h < ARRIVALS_HOURS; h++)
            if (arrivals_gap_in(m) >= ARRIVALS_SHORT && s->model->chance[h][m] > most)
                most = s->model->chance[h][m];
        for (int i = 0; i < ARRIVALS_SIZES; i++)
            if (s->model->size[arrivals_class(m)][i] >= COMMON && 2 * s->model->commits[i] > size)
                size = 2 * s->model->commits[i];
    }
    double per_hour = most * SECONDS_PER_HOUR / ARRIVALS_STEP_S;
    double n =
        PENDING_MIN + 3 * sqrt(per_hour * money_of(d, d->launch_s) / (double)d->terms.delay_price_per_commit_hour);
    int node = PENDING_MIN;
    while (node + 1 < PENDINGS && (nodes[node] < n || nodes[node] < size))
        node++;
    return node + 1;
}

static void solver_init(struct solver *s, const struct arrivals *model, const struct decider *d)
{
    const struct terms *t = &d->terms;
    int64_t hold_s = t->prepare_s + t->bake_s + t->rollout_s;
    *s = (struct solver){.model = model, .d = d, .mix = mix_widest(), .step_s = choose_step(hold_s + t->boot_s)};
    s->kept = choose_kept(d, s->step_s);
    s->width = (s->kept + MIX_LANES - 1) / MIX_LANES * MIX_LANES;
    s->chance_scale = (double)s->step_s / ARRIVALS_STEP_S;
    s->wait_price = (float)((double)t->delay_price_per_commit_hour * (double)s->step_s / SECONDS_PER_HOUR);
    s->pendings = choose_pendings(s);
    s->reuse.hold = hold_of(s, hold_s);
    s->fresh.hold = hold_of(s, hold_s + t->boot_s);
    assert(s->fresh.hold <= SOLVE_HOLD_STEPS);
    chances_fill(s);
    for (int m = 0; m < ARRIVALS_MOODS; m++)
        s->spread[0].top[m] = s->spread[1].top[m] = -1;
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        endings_fill(s, h);
    transitions_fill(s);
    s->ring = s->fresh.hold + 1;
    s->layer = (size_t)ARRIVALS_MOODS * (size_t)s->pendings * (size_t)s->width + MIX_LANES;
    s->values = mem_zero(s->layer * (size_t)s->ring, sizeof(float));
    s->coming = mem_zero((size_t)ARRIVALS_CLASSES * (size_t)s->pendings * (size_t)s->width, sizeof(float));
    s->deploy = mem_zero((size_t)ARRIVALS_MOODS * (size_t)s->width + MIX_LANES, sizeof(float));
    s->scratch = mem_zero((size_t)s->width, sizeof(float));
    s->column = mem_zero((size_t)ARRIVALS_MOODS * (size_t)s->pendings * (size_t)s->ring, sizeof(float));
}

static void solver_release(struct solver *s)
{
    shape_release(&s->fresh);
    shape_release(&s->reuse);
    free(s->values);
    free(s->coming);
    free(s->deploy);
    free(s->scratch);
    free(s->column);
}

void solve_policy(struct policy_table *out, const struct arrivals *model, const struct decider *d)
{
    struct solver *s = mem_zero(1, sizeof(*s));
    solver_init(s, model, d);
    out->step_s = s->step_s;
    out->kept = s->kept;
    out->need = mem_array(out->need, (size_t)ARRIVALS_HOURS * ARRIVALS_MOODS * (size_t)s->kept, 1);
    go_back(s, out);
    solver_release(s);
    free(s);
}
