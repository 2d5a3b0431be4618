#include "scheduler/solve.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LANES       16 /* the innermost loops run over so many kept steps at once */
#define PENDINGS    (TABLE_PENDING + 1)
#define PENDING_MIN 6
#define WARM_DAYS   1     /* how long before the week the end is forgotten */
#define RARE        1e-4F /* ends of a deployment less likely than that are left out */

/* Where a deployment that starts in a mood ends: mood and commits pending then. */
struct ending {
    int mood, pending;
    float chance;
};

/* All endings of one hour's deployments of one length, and what waiting costs meanwhile. */
struct endings {
    struct ending *items;
    size_t cap, first[ARRIVALS_MOODS + 1];
    float waiting[ARRIVALS_MOODS];
};

struct shape {
    int hold; /* steps that the server is held */
    struct endings hours[ARRIVALS_HOURS];
};

struct solver {
    const struct arrivals *model;
    const struct decider *d;
    int64_t step_s;
    int pendings;                   /* pending values, from none on; the last stands for more */
    int kept, width;                /* kept values, and padded to LANES */
    size_t layer;                   /* floats in a layer of values: mood x pending x width */
    int ring;                       /* layers held */
    float *values;                  /* [time modulo ring][mood][pending][kept] */
    float *coming;                  /* [level][pending][kept]: the value when commits come now */
    float *deploy;                  /* [mood][kept]: the value of deploying, without the commits' past */
    float *scratch;                 /* [kept]: of one mood's effect */
    struct shape fresh, reuse;      /* with the boot and without */
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

static double cool_down(const struct solver *s, int mood)
{
    if (mood % ARRIVALS_LEVELS == 0)
        return 0;
    double cool = s->model->cool[mood / ARRIVALS_LEVELS] * s->chance_scale;
    return cool > 1 ? 1 : cool;
}

/* Where a silent step leads: at most four moods. */
struct drift {
    int count, mood[4];
    double chance[4];
};

static struct drift silent(const struct solver *s, int mood)
{
    struct drift d = {0};
    int gap = mood / ARRIVALS_LEVELS;
    double leave = leave_gap(s, gap);
    double cool = cool_down(s, mood);
    for (int g = 0; g < 2; g++)
        for (int c = 0; c < 2; c++) {
            double p = (g ? leave : 1 - leave) * (c ? cool : 1 - cool);
            if (p <= 0)
                continue;
            d.mood[d.count] = (gap + g) * ARRIVALS_LEVELS + mood % ARRIVALS_LEVELS - c;
            d.chance[d.count++] = p;
        }
    return d;
}

static int more(const struct solver *s, int pending, int by)
{
    return pending + by < s->pendings ? pending + by : s->pendings - 1;
}

typedef double grid[ARRIVALS_MOODS][PENDINGS];

static void step_forward(const struct solver *s, int hour, grid from, grid to)
{
    memset(to, 0, sizeof(grid));
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        struct drift drift = silent(s, m);
        int level = m % ARRIVALS_LEVELS;
        double hit = step_chance(s, hour, m);
        for (int n = 0; n < s->pendings; n++) {
            double p = from[m][n];
            if (p < RARE / 100)
                continue;
            for (int i = 0; i < drift.count; i++)
                to[drift.mood[i]][n] += p * (1 - hit) * drift.chance[i];
            for (int k = 0; k < ARRIVALS_SIZES; k++) {
                double q = p * hit * s->model->size[level][k];
                to[1][more(s, n, k + 1)] += q * s->model->heat[level];
                to[0][more(s, n, k + 1)] += q * (1 - s->model->heat[level]);
            }
        }
    }
}

static double pending_sum(grid at)
{
    double sum = 0;
    for (int m = 0; m < ARRIVALS_MOODS; m++)
        for (int n = 1; n < PENDINGS; n++)
            sum += n * at[m][n];
    return sum;
}

/* A deployment from each mood, step by step. */
static void endings_fill(const struct solver *s, struct endings *e, int hour, int hold)
{
    static const int moods = ARRIVALS_MOODS;
    size_t count = 0;
    for (int m = 0; m < moods; m++) {
        grid a = {{0}};
        grid b;
        a[m][0] = 1;
        double waiting = 0;
        for (int i = 0; i < hold; i++) {
            step_forward(s, hour, a, b);
            memcpy(a, b, sizeof(grid));
            waiting += i + 1 < hold ? pending_sum(a) : 0;
        }
        e->waiting[m] = (float)(waiting * (double)s->wait_price);
        e->first[m] = count;
        double kept = 0;
        for (int to = 0; to < moods; to++)
            for (int n = 0; n < s->pendings; n++) {
                if (a[to][n] < (double)RARE)
                    continue;
                e->items = mem_grow(e->items, &e->cap, count + 1, sizeof(*e->items));
                e->items[count++] = (struct ending){to, n, (float)a[to][n]};
                kept += a[to][n];
            }
        for (size_t i = e->first[m]; i < count; i++)
            e->items[i].chance = (float)((double)e->items[i].chance / kept);
    }
    e->first[moods] = count;
}

static void shape_fill(const struct solver *s, struct shape *shape, int64_t hold_s)
{
    shape->hold = (int)((hold_s + s->step_s - 1) / s->step_s);
    shape->hold = shape->hold < 1 ? 1 : shape->hold;
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        endings_fill(s, &shape->hours[h], h, shape->hold);
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

/* The innermost loops: LANES kept values at once, nothing overlapping, so that they become vector instructions. */
static void add_scaled(float *restrict to, const float *restrict from, float by, size_t width)
{
    for (size_t block = 0; block < width; block += LANES)
        for (size_t x = block; x < block + LANES; x++)
            to[x] += by * from[x];
}

static void take_less(float *restrict to, const float *restrict other, size_t width)
{
    for (size_t block = 0; block < width; block += LANES)
        for (size_t x = block; x < block + LANES; x++)
            to[x] = other[x] < to[x] ? other[x] : to[x];
}

/* Up to SOURCES lines of values, each with its chance. */
#define SOURCES 5
struct blend {
    const float *line[SOURCES];
    float chance[SOURCES];
    int count;
};

static void blend_add(struct blend *b, const float *line, double chance)
{
    b->line[b->count] = line;
    b->chance[b->count++] = (float)chance;
}

static void blend_few(float *restrict to, const struct blend *b, float base, size_t width)
{
    const float *restrict p = b->line[0];
    const float *restrict q = b->line[1];
    const float *restrict r = b->line[2];
    const float cp = b->chance[0];
    const float cq = b->chance[1];
    const float cr = b->chance[2];
    for (size_t block = 0; block < width; block += LANES)
        for (size_t x = block; x < block + LANES; x++)
            to[x] = base + cp * p[x] + cq * q[x] + cr * r[x];
}

static void blend_lines(float *restrict to, struct blend *b, float base, size_t width)
{
    while (b->count < 3)
        blend_add(b, b->line[0], 0);
    blend_few(to, b, base, width);
    for (int i = 3; i < b->count; i++)
        add_scaled(to, b->line[i], b->chance[i], width);
}

static size_t line_of(const struct solver *s, int mood, int pending)
{
    return ((size_t)mood * (size_t)s->pendings + (size_t)pending) * (size_t)s->width;
}

/* The value of deploying in each mood and for each kept value, at time t. */
static void look_reuse(const struct solver *s, int hour, int64_t t)
{
    const struct endings *e = &s->reuse.hours[hour];
    const float *then = layer_at(s, t + s->reuse.hold);
    size_t width = (size_t)s->width;
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        for (size_t x = 0; x < width; x++)
            s->scratch[x] = e->waiting[m];
        for (size_t i = e->first[m]; i < e->first[m + 1]; i++) {
            const struct ending *end = &e->items[i];
            add_scaled(s->scratch, then + line_of(s, end->mood, end->pending), end->chance, width);
        }
        float *to = s->deploy + (size_t)m * width;
        for (int x = 0; x < s->kept; x++)
            if (s->reuses[x])
                to[x] = s->money[x] + s->scratch[s->kept_after[x]];
    }
}

/* A launch leaves the instance in one state, whatever was before. */
static void look_fresh(const struct solver *s, int hour, int64_t t)
{
    const struct endings *e = &s->fresh.hours[hour];
    const float *then = layer_at(s, t + s->fresh.hold) + s->kept_after[0];
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        float sum = e->waiting[m] + s->money[0];
        for (size_t i = e->first[m]; i < e->first[m + 1]; i++)
            sum += e->items[i].chance * then[line_of(s, e->items[i].mood, e->items[i].pending)];
        float *to = s->deploy + (size_t)m * (size_t)s->width;
        for (int x = 0; x < s->kept; x++)
            if (!s->reuses[x])
                to[x] = sum;
    }
}

/* What it is worth when commits come in this step: by the level before, for each pending and kept value. */
static void fill_coming(const struct solver *s, const float *next)
{
    const struct arrivals *a = s->model;
    size_t width = (size_t)s->width;
    for (int l = 0; l < ARRIVALS_LEVELS; l++)
        for (int n = 0; n < s->pendings; n++) {
            float *to = s->coming + line_of(s, l, n);
            memset(to, 0, width * sizeof(*to));
            for (int k = 0; k < ARRIVALS_SIZES; k++) {
                int m = more(s, n, k + 1);
                add_scaled(to, next + line_of(s, 0, m), (float)(a->size[l][k] * (1 - a->heat[l])), width);
                add_scaled(to, next + line_of(s, 1, m), (float)(a->size[l][k] * a->heat[l]), width);
            }
        }
}

/* The value of waiting a step. Kept steps shrink by one; what is not kept stays so. */
static void wait_values(const struct solver *s, int hour, int mood, const float *next, float *to)
{
    double hit = step_chance(s, hour, mood);
    struct drift drift = silent(s, mood);
    for (int n = 0; n < s->pendings; n++) {
        struct blend b = {.count = 0};
        for (int i = 0; i < drift.count; i++)
            blend_add(&b, next + line_of(s, drift.mood[i], n), (1 - hit) * drift.chance[i]);
        blend_add(&b, s->coming + line_of(s, mood % ARRIVALS_LEVELS, n), hit);
        float *line = to + (size_t)n * (size_t)s->width;
        float price = s->wait_price * (float)n;
        float not_kept = price;
        for (int i = 0; i < b.count; i++)
            not_kept += b.chance[i] * b.line[i][0];
        blend_lines(line + 1, &b, price, (size_t)s->width); /* one behind the line: the next one's first, or padding */
        line[0] = not_kept;
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
                need[x] = (uint8_t)n;
    }
}

static void choose(const struct solver *s, int mood, float *values)
{
    const float *deploy = s->deploy + (size_t)mood * (size_t)s->width;
    for (int n = 1; n < s->pendings; n++)
        take_less(values + (size_t)n * (size_t)s->width, deploy, (size_t)s->width);
}

/* Values are compared, never read: what all have in common is taken off before it eats the digits. */
static double take_off(const struct solver *s, int64_t t)
{
    const float common = layer_at(s, t)[0];
    for (size_t i = 0; i < s->layer * (size_t)s->ring; i++)
        s->values[i] -= common;
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
        wait_values(s, hour, m, next, values);
        if (read)
            read_needs(s, table, hour, m, values);
        choose(s, m, values);
    }
}

/* The week's steps and those before them, backwards; in the middle of each hour of the week the table is read. */
static void go_back(const struct solver *s, struct policy_table *table)
{
    const int64_t an_hour = SECONDS_PER_HOUR / s->step_s;
    assert(an_hour > 0);
    const int64_t week = ARRIVALS_HOURS * an_hour;
    const int64_t begin = week + WARM_DAYS * 24 * an_hour;
    double taken = 0;
    double at_end = 0;
    for (int64_t t = begin; t >= 0; t--) {
        int hour = (int)(t / an_hour % ARRIVALS_HOURS);
        step_back(s, table, t, hour, t < week && t % an_hour == an_hour / 2);
        if (t == week)
            at_end = taken + (double)layer_at(s, t)[0];
        if (t == 0)
            table->per_week = taken + (double)layer_at(s, t)[0] - at_end;
        if (t % (24 * an_hour) == 0)
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

/* How many commits to tell apart: some more than three times what the square-root rule would wait for. */
static int choose_pendings(const struct solver *s)
{
    const struct decider *d = s->d;
    double most = 0;
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        for (int m = 0; m < ARRIVALS_MOODS; m++)
            if (m / ARRIVALS_LEVELS >= 5 && s->model->chance[h][m] > most) /* not within minutes of a commit */
                most = s->model->chance[h][m];
    double per_hour = most * SECONDS_PER_HOUR / ARRIVALS_STEP_S;
    double n =
        PENDING_MIN + 3 * sqrt(per_hour * money_of(d, d->launch_s) / (double)d->terms.delay_price_per_commit_hour);
    return n > TABLE_PENDING ? TABLE_PENDING : (int)n;
}

static void solver_init(struct solver *s, const struct arrivals *model, const struct decider *d)
{
    const struct terms *t = &d->terms;
    int64_t hold_s = t->prepare_s + t->bake_s + t->rollout_s;
    *s = (struct solver){.model = model, .d = d, .step_s = choose_step(hold_s + t->boot_s)};
    s->kept = choose_kept(d, s->step_s);
    s->width = (s->kept + LANES - 1) / LANES * LANES;
    s->chance_scale = (double)s->step_s / ARRIVALS_STEP_S;
    s->wait_price = (float)((double)t->delay_price_per_commit_hour * (double)s->step_s / SECONDS_PER_HOUR);
    s->pendings = choose_pendings(s) + 1;
    shape_fill(s, &s->reuse, hold_s);
    shape_fill(s, &s->fresh, hold_s + t->boot_s);
    assert(s->fresh.hold <= SOLVE_HOLD_STEPS);
    transitions_fill(s);
    s->ring = s->fresh.hold + 1;
    s->layer = (size_t)ARRIVALS_MOODS * (size_t)s->pendings * (size_t)s->width + LANES;
    s->values = mem_zero(s->layer * (size_t)s->ring, sizeof(float));
    s->coming = mem_zero((size_t)ARRIVALS_LEVELS * (size_t)s->pendings * (size_t)s->width, sizeof(float));
    s->deploy = mem_zero((size_t)ARRIVALS_MOODS * (size_t)s->width, sizeof(float));
    s->scratch = mem_zero((size_t)s->width, sizeof(float));
}

static void solver_release(struct solver *s)
{
    shape_release(&s->fresh);
    shape_release(&s->reuse);
    free(s->values);
    free(s->coming);
    free(s->deploy);
    free(s->scratch);
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
