#include "scheduler/outlook.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/threads.h"
#include "scheduler/draw.h"
#include "scheduler/foresee.h"
#include "scheduler/pace.h"
#include "scheduler/shadow.h"
#include "scheduler/solve.h"

#define FIRST_FIT_S   ((int64_t)28 * SECONDS_PER_DAY)
#define FIT_EACH_S    ((int64_t)182 * SECONDS_PER_DAY)
#define TRIED_COMMITS 20000 /* a parameter is tried on so many commits of the past, the last */
#define CREW_MAX      8     /* threads */
#define TABLE_BYTES   ((size_t)16 << 20)

/* What a fit makes of the commits up to a moment. */
struct fitted {
    instant_t at;
    struct arrivals model;
    struct policy_table table;
    struct foresee foresee; /* of these */
};

struct outlook {
    struct decider d;    /* the policy; d.outlook is this */
    struct decider base; /* what it is held to: idle for mdp, area:1 for predict */
    const instant_t *at_s;
    size_t known;
    instant_t epoch; /* of the last fit */
    instant_t next_fit;
    instant_t quiet_until; /* before it nothing is fitted and nothing priced */
    bool once, fitted, loaded;
    struct arrivals model;
    struct policy_table table;
    struct foresee foresee;
    struct shadow own, beside; /* what it did, and what base would have done, since the epoch began */
    bool held_back;
    double allowed; /* what waiting may cost from here on, in 1e-10 USD */
    double z;       /* random */
    struct pace pace;
    struct fitted *ahead; /* fits that were made before their time, by it */
    size_t ahead_count, ahead_next;
};

static enum trigger_kind kind_of(const struct outlook *o)
{
    return o->d.policy.trigger.kind;
}

static double launch_money(const struct decider *d)
{
    const struct terms *t = &d->terms;
    return (double)t->per_deploy + (double)t->launch_cost +
           (double)t->price_per_hour * (double)d->launch_s / SECONDS_PER_HOUR;
}

static int load_table(struct outlook *o, const char *path, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    int code = file_read(path, TABLE_BYTES, &text, &len, err);
    if (!code)
        code = policy_table_load(&o->table, path, text, &o->d, err);
    free(text);
    o->loaded = o->fitted = code == 0;
    o->foresee.table = &o->table;
    return code;
}

int outlook_new(struct outlook **out, const struct decider *d, struct err *err)
{
    struct outlook *o = mem_zero(1, sizeof(*o));
    o->d = *d;
    o->d.outlook = o;
    struct policy base = {{TRIGGER_IDLE, 0}, d->policy.keep};
    if (kind_of(o) == TRIGGER_PREDICT)
        base.trigger = (struct trigger){TRIGGER_AREA, THETA_PER_ONE};
    o->base = policy_decider(&base, &d->terms);
    o->epoch = o->next_fit = o->quiet_until = INSTANT_MIN;
    policy_table_init(&o->table);
    foresee_init(&o->foresee, &o->d);
    shadow_init(&o->own, &o->d, 0);
    o->beside = o->own;
    o->beside.d = &o->base;
    if (kind_of(o) == TRIGGER_RANDOM)
        o->z = draw_ripeness((uint32_t)d->policy.trigger.arg);
    o->allowed = INFINITY;
    pace_init(&o->pace, &o->d);
    int code = 0;
    if (kind_of(o) == TRIGGER_MDP && d->terms.policy_table)
        code = load_table(o, d->terms.policy_table, err);
    if (code) {
        outlook_free(o);
        return code;
    }
    *out = o;
    return 0;
}

void outlook_free(struct outlook *o)
{
    if (!o)
        return;
    policy_table_release(&o->table);
    for (size_t i = 0; i < o->ahead_count; i++)
        policy_table_release(&o->ahead[i].table);
    free(o->ahead);
    free(o);
}

struct outlook *outlook_copy(const struct outlook *from)
{
    struct outlook *o = mem_alloc(sizeof(*o));
    *o = *from;
    o->ahead = NULL;
    o->ahead_count = o->ahead_next = 0;
    o->d.outlook = o;
    o->own.d = &o->d;
    o->beside.d = &o->base;
    o->foresee.d = &o->d;
    if (from->foresee.model)
        o->foresee.model = &o->model;
    if (from->foresee.table)
        o->foresee.table = &o->table;
    if (!from->table.need)
        return o;
    size_t size = (size_t)ARRIVALS_HOURS * ARRIVALS_MOODS * (size_t)from->table.kept;
    o->table.need = mem_alloc(size);
    memcpy(o->table.need, from->table.need, size);
    return o;
}

const struct decider *outlook_decider(const struct outlook *o)
{
    return &o->d;
}

void outlook_fit_once(struct outlook *o, instant_t at)
{
    o->once = true;
    o->next_fit = at;
}

void outlook_begin(struct outlook *o, const instant_t *at_s, size_t count)
{
    o->at_s = at_s;
    o->known = o->known > count ? o->known : count;
    shadow_hear(&o->own, at_s, o->known);
    o->own.next = count;
    o->own.arrival_sum = 0;
    for (size_t i = count; i < o->known; i++)
        o->own.arrival_sum += at_s[i];
}

/* Both accounts begin anew, from the state in which things are. */
static void open_epoch(struct outlook *o, instant_t at)
{
    o->epoch = at;
    o->own.spent = 0;
    o->own.billed_s = o->own.deployments = 0;
    o->beside = o->own;
    o->beside.d = &o->base;
    o->held_back = false;
    o->allowed = INFINITY;
}

/* What the past would have cost with these settings. */
static double past_cost(const struct outlook *o, const struct foresee *tried, const instant_t *at_s, size_t count,
                        instant_t now)
{
    struct shadow s;
    shadow_init(&s, &o->d, count > TRIED_COMMITS ? count - TRIED_COMMITS : 0);
    s.fire = foresee_shadow;
    s.context = tried;
    shadow_advance(&s, at_s, count, now);
    return shadow_cost(&s, now);
}

/* Of the rule (the table, or the square root with some kappa; kappa 0 deploys at once), with the pause and without,
 * the setting that the past would have been cheapest with. */
static void choose_settings(const struct outlook *o, struct fitted *f, const instant_t *at_s, size_t count)
{
    static const double kappas[] = {0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.65, 1, 1.5, 2.2};
    bool solved = kind_of(o) == TRIGGER_MDP;
    size_t rules = solved ? 2 : sizeof(kappas) / sizeof(*kappas);
    struct foresee best = f->foresee;
    double least = INFINITY;
    for (size_t i = 0; i < 2 * rules; i++) {
        struct foresee tried = f->foresee;
        tried.pauses = i % 2 == 0;
        tried.table = solved && i < 2 ? &f->table : NULL;
        tried.kappa = kappas[solved ? 0 : i / 2];
        double cost = past_cost(o, &tried, at_s, count, f->at);
        if (cost < least) {
            least = cost;
            best = tried;
        }
    }
    f->foresee = best;
}

/* Of the commits up to f->at alone; o is not changed. */
static void make_fit(const struct outlook *o, struct fitted *f, const instant_t *at_s, size_t count)
{
    while (count > 0 && at_s[count - 1] > f->at)
        count--;
    f->foresee = o->foresee;
    arrivals_fit(&f->model, at_s, count, f->at);
    foresee_fit(&f->foresee, &f->model);
    if (kind_of(o) == TRIGGER_MDP)
        solve_policy(&f->table, &f->model, &o->d);
    if (kind_of(o) != TRIGGER_SQRT)
        choose_settings(o, f, at_s, count);
}

/* f's table is o's from then on. */
static void adopt(struct outlook *o, struct fitted *f)
{
    policy_table_release(&o->table);
    o->model = f->model;
    o->table = f->table;
    o->foresee = f->foresee;
    o->foresee.model = &o->model;
    o->foresee.table = f->foresee.table ? &o->table : NULL;
    policy_table_init(&f->table);
}

static void fit(struct outlook *o, instant_t at)
{
    while (o->ahead_next < o->ahead_count && o->ahead[o->ahead_next].at < at)
        o->ahead_next++;
    if (o->ahead_next < o->ahead_count && o->ahead[o->ahead_next].at == at) {
        adopt(o, &o->ahead[o->ahead_next]);
    } else {
        struct fitted *f = mem_zero(1, sizeof(*f));
        f->at = at;
        make_fit(o, f, o->at_s, o->known);
        adopt(o, f);
        free(f);
    }
    o->fitted = true;
    open_epoch(o, at);
}

/* When a model is fitted: four weeks after the first commit, then at twice the age, half a year later at most. */
static instant_t fit_after(instant_t first, instant_t last)
{
    if (last == INSTANT_MIN)
        return first + FIRST_FIT_S;
    int64_t age_s = last - first;
    return last + (age_s < FIT_EACH_S ? age_s : FIT_EACH_S);
}

/* The last moment up to `now` at which a model is due; INSTANT_MIN: none yet. */
static instant_t last_due(instant_t first, instant_t now)
{
    instant_t due = INSTANT_MIN;
    for (instant_t next = fit_after(first, INSTANT_MIN); next <= now; next = fit_after(first, due))
        due = next;
    return due;
}

static bool fits(const struct outlook *o)
{
    return kind_of(o) != TRIGGER_RANDOM && kind_of(o) < TRIGGER_BUDGET_HOURS && !o->loaded;
}

static void fit_when_due(struct outlook *o, instant_t now)
{
    if (!fits(o) || !o->known)
        return;
    if (o->once) {
        if (!o->fitted && now >= o->next_fit)
            fit(o, o->next_fit);
        return;
    }
    if (o->next_fit == INSTANT_MIN)
        o->next_fit = fit_after(o->at_s[0], INSTANT_MIN);
    if (now < o->next_fit)
        return;
    instant_t due = last_due(o->at_s[0], now);
    fit(o, due);
    o->next_fit = fit_after(o->at_s[0], due);
}

/* Fits that are made by several threads: each takes the next. */
struct crew {
    const struct outlook *o;
    const instant_t *at_s;
    size_t count, next;
    pthread_mutex_t lock;
};

static void *work(void *context)
{
    struct crew *crew = context;
    for (;;) {
        pthread_mutex_lock(&crew->lock);
        size_t i = crew->next++;
        pthread_mutex_unlock(&crew->lock);
        if (i >= crew->o->ahead_count)
            return NULL;
        make_fit(crew->o, &crew->o->ahead[i], crew->at_s, crew->count);
    }
}

static void work_together(struct crew *crew)
{
    pthread_mutex_init(&crew->lock, NULL);
    threads_run(work, crew, 0,
                threads_count(0, crew->o->ahead_count < CREW_MAX ? (int64_t)crew->o->ahead_count : CREW_MAX));
    pthread_mutex_destroy(&crew->lock);
}

void outlook_look_ahead(struct outlook *o, const instant_t *at_s, size_t count)
{
    size_t cap = 0;
    if (!fits(o) || kind_of(o) == TRIGGER_SQRT || o->once || o->ahead)
        return;
    for (instant_t due = fit_after(at_s[0], INSTANT_MIN); due <= at_s[count - 1]; due = fit_after(at_s[0], due)) {
        o->ahead = mem_grow(o->ahead, &cap, o->ahead_count + 1, sizeof(*o->ahead));
        o->ahead[o->ahead_count] = (struct fitted){.at = due};
        policy_table_init(&o->ahead[o->ahead_count++].table);
    }
    struct crew crew = {.o = o, .at_s = at_s, .count = count};
    work_together(&crew);
}

static void keep_account(struct outlook *o, instant_t now)
{
    if (!o->fitted || (kind_of(o) != TRIGGER_MDP && kind_of(o) != TRIGGER_PREDICT))
        return;
    shadow_advance(&o->beside, o->at_s, o->known, now);
    double part =
        kind_of(o) == TRIGGER_MDP ? OUTLOOK_HELD : 1 + (double)o->d.policy.trigger.arg / (double)THETA_PER_ONE;
    double limit = part * shadow_cost_due(&o->beside, now) + OUTLOOK_SLACK * launch_money(&o->d);
    double left = limit - shadow_cost_due(&o->own, now);
    o->held_back = left < 0;
    o->allowed = left + OUTLOOK_STRETCH * launch_money(&o->d);
}

void outlook_hear(struct outlook *o, const instant_t *at_s, size_t count, instant_t now)
{
    assert(count >= o->known && (!count || at_s[count - 1] <= now));
    o->at_s = at_s;
    o->known = count;
    shadow_hear(&o->own, at_s, count);
    if (now < o->quiet_until)
        return;
    fit_when_due(o, now);
    keep_account(o, now);
    if (kind_of(o) >= TRIGGER_BUDGET_HOURS)
        pace_look(&o->pace, at_s, count, now);
}

void outlook_skip_to(struct outlook *o, instant_t first, instant_t last)
{
    if (kind_of(o) >= TRIGGER_BUDGET_HOURS)
        o->quiet_until = last - ((last % SECONDS_PER_DAY) + SECONDS_PER_DAY) % SECONDS_PER_DAY;
    else if (fits(o) && !o->once)
        o->quiet_until = last_due(first, last);
}

void outlook_started(struct outlook *o, instant_t start)
{
    int64_t before_s = o->own.billed_s;
    shadow_deploy(&o->own, o->at_s, start);
    if (kind_of(o) >= TRIGGER_BUDGET_HOURS)
        pace_spend(&o->pace, start, o->own.billed_s - before_s);
}

int64_t outlook_fire_at(const struct decider *d, int64_t ready, const struct pending *p, const struct rental *rental)
{
    const struct outlook *o = d->outlook;
    assert(o);
    switch (d->policy.trigger.kind) {
    case TRIGGER_RANDOM:
        return draw_fire_at(d, o->z, o->at_s + o->known - (size_t)p->count, (size_t)p->count, ready, rental);
    case TRIGGER_BUDGET_HOURS:
    case TRIGGER_BUDGET_USD:
        return pace_fire_at(&o->pace, ready, p, rental);
    default:
        if (!o->fitted || o->held_back)
            return policy_fire_at(&o->base, ready, p, rental);
        return foresee_fire_at(&o->foresee, &o->own.mood, ready, p, rental, o->allowed);
    }
}

const struct arrivals *outlook_model(const struct outlook *o)
{
    return o->fitted && !o->loaded ? &o->model : NULL;
}

const struct policy_table *outlook_table(const struct outlook *o)
{
    return o->fitted && o->table.need ? &o->table : NULL;
}

double outlook_kappa(const struct outlook *o)
{
    return o->foresee.kappa;
}

bool outlook_held_back(const struct outlook *o)
{
    return o->held_back;
}
