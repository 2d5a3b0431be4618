/*
 * The phase dynamic program. Let s be a start, N(s) the commits that have arrived by then, A(s) the sum of their
 * arrivals, and G(s, r, k) the least cost of everything up to a start at s in a rental that began in phase r (its first
 * start modulo the quantum H), k = 1 where it began with this very start. The quanta of a rental that are paid when its
 * last bake ends at e are ceil((e - begin) / H), which depends on r alone but for a constant, so that what a reuse adds
 * is a difference h_r(s' + P) - h_r(e):
 *
 *   G(s', r, 0) = K + w (N(s') s' - A(s')) + c h_r(s' + P) + min { G(s, r, k) - c h_r(e) + w A(s) - w N(s) s' }
 *   G(s', r, 1) = K + w (N(s') s' - A(s')) + c q           + min { min over r of G(s, r, k) + w A(s) - w N(s) s' }
 *
 * over all s with e(s, k) <= s'; q is what a rental with one bake pays. Each min is the lowest of lines in s' whose
 * slopes ascend with s: a line_front for each phase and k, and one for launches and k.
 *
 * A rental that is kept although another one is launched gains nothing: whatever the new one is paid for, the old one
 * could have been extended by, and it needs no boot. So the current rental is all there is to know.
 *
 * Silences. Let a < b be the first steps at or after two successive arrivals, and F the steps a fresh start holds the
 * server. At steps x from a + 2F to before b the lines to choose from are fixed, because useful predecessors begin
 * before a, or between a and a + F (see below), and are over by then. There
 *   (1) the cost of a fresh start is a minimum of lines with slopes w (N - N_i) >= 0, or constant where nothing was
 *       pending: concave and not falling;
 *   (2) a reuse costs such a minimum plus c h_r(x + P): not falling, and neither is it without c h_r(x + P).
 * What is still to come sees of a start at x in phase r only G (for a launch), which is least at the first step, and
 * G - c h_r(e) (for a reuse). For k = 0 the latter is least at the first step by (2). For k = 1 steps of one phase
 * are a cycle apart, over which h_r grows by the same each time, so it is concave along them and least at one of the
 * ends: the first cycle from a + 2F, or the last that is over when the next start comes, at b or later: inside
 * b - F - cycle .. b. All steps between are left out. The same holds of the predecessors in (1) and (2): from a + F
 * on, G does not fall. Behind the last arrival G is all that counts, and nothing falls from a + F.
 */
#include "scheduler/optimum.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/line_front.h"

#define NO_NODE     LINE_NO_ORIGIN    /* before the first start */
#define NODES_FIRST ((size_t)1 << 16) /* fewer are never worth collecting */

/* A start that a later one may build on. */
struct node {
    int64_t step; /* times two, plus whether it launches */
    uint32_t before;
};

struct solver {
    const struct optimum_terms *terms;
    int64_t base_step; /* steps below count from here: the first at or after the first arrival */
    int64_t bake_steps, fresh_steps;
    int64_t phases;
    int64_t launch_quanta;
    int128 unit;    /* w * grid: what a commit's waiting costs each step */
    int128 quantum; /* c * H */
    int128 per_deploy;

    int64_t step, arrived; /* now; commits by now, */
    int128 arrived_wait;   /* and w times the sum of their arrivals since base_step */

    struct line_front *same[2]; /* by phase: the same rental goes on; [1]: behind its first bake */
    struct line_front launch[2];

    struct node *nodes;
    size_t node_count, node_cap, collect_at;
    uint32_t *node_kept; /* while collecting: the new number */

    int128 best; /* of the starts that took the last commit */
    struct node last;
};

static int64_t ceil_div(int64_t n, int64_t d)
{
    return (int64_t)num_div_ceil(n, d);
}

static int64_t at_least(int64_t n, int64_t least)
{
    return n > least ? n : least;
}

static int64_t gcd(int64_t a, int64_t b)
{
    return b ? gcd(b, a % b) : a;
}

static void solver_init(struct solver *s, const struct optimum_terms *t, int64_t first_arrival)
{
    int64_t fresh_s = t->bake_s + t->boot_s;
    int64_t quantum_s = t->meter.quantum_s;
    bool warms = !t->prelaunch && t->boot_s > 0;
    *s = (struct solver){
        .terms = t,
        .base_step = ceil_div(first_arrival, t->grid_s),
        .bake_steps = at_least(ceil_div(t->bake_s, t->grid_s), 1),
        .fresh_steps = at_least(ceil_div(t->prelaunch ? t->bake_s : fresh_s, t->grid_s), 1),
        .phases = quantum_s / gcd(quantum_s, t->grid_s),
        .launch_quanta = at_least(ceil_div(fresh_s, quantum_s), 1),
        .unit = (int128)t->delay_price_per_commit_hour * t->grid_s,
        .quantum = (int128)t->price_per_hour * quantum_s,
        .per_deploy = (int128)t->per_deploy * OPTIMUM_UNITS_PER_MONEY,
        .collect_at = NODES_FIRST,
        .best = LINE_NONE,
        .last = {.before = NO_NODE},
    };
    for (int k = 0; k < 2; k++) {
        s->same[k] = mem_zero((size_t)s->phases, sizeof(*s->same[k]));
        for (int64_t r = 0; r < s->phases; r++)
            line_front_init(&s->same[k][r], false);
        line_front_init(&s->launch[k], warms);
    }
    line_front_offer(&s->launch[0], &(struct line){.origin = NO_NODE});
}

static void each_front(struct solver *s, void (*visit)(struct solver *, struct line_front *))
{
    for (int k = 0; k < 2; k++) {
        for (int64_t r = 0; r < s->phases; r++)
            visit(s, &s->same[k][r]);
        visit(s, &s->launch[k]);
    }
}

static void release_front(struct solver *s, struct line_front *f)
{
    (void)s;
    line_front_release(f);
}

static void solver_release(struct solver *s)
{
    each_front(s, release_front);
    for (int k = 0; k < 2; k++)
        free(s->same[k]);
    free(s->nodes);
}

static void wake_front(struct solver *s, struct line_front *f)
{
    (void)s;
    f->wake = INT64_MIN;
}

typedef void origin_visit(struct solver *, uint32_t *);

static void each_origin(struct solver *s, struct line_front *f, origin_visit *visit)
{
    for (size_t i = f->waiting.head; i < f->waiting.tail; i++)
        visit(s, &f->waiting.items[i].origin);
    for (size_t i = f->hull.head; i < f->hull.tail; i++)
        visit(s, &f->hull.items[i].origin);
    visit(s, &f->lowest.origin); /* stands in the hull too, or never stood anywhere */
}

static void mark(struct solver *s, uint32_t *node)
{
    if (*node != NO_NODE)
        s->node_kept[*node] = 0;
}

static void renumber(struct solver *s, uint32_t *node)
{
    if (*node != NO_NODE)
        *node = s->node_kept[*node];
}

static void mark_front(struct solver *s, struct line_front *f)
{
    each_origin(s, f, mark);
}

static void renumber_front(struct solver *s, struct line_front *f)
{
    each_origin(s, f, renumber);
}

/* Forgets the nodes that no line descends from. A node's predecessor has the lower number. */
static void collect(struct solver *s)
{
    size_t kept = 0;
    s->node_kept = mem_array(NULL, s->node_count, sizeof(*s->node_kept));
    for (size_t i = 0; i < s->node_count; i++)
        s->node_kept[i] = NO_NODE;
    each_front(s, mark_front);
    mark(s, &s->last.before);
    for (size_t i = s->node_count; i-- > 0;)
        if (s->node_kept[i] != NO_NODE)
            mark(s, &s->nodes[i].before);
    for (size_t i = 0; i < s->node_count; i++) {
        if (s->node_kept[i] == NO_NODE)
            continue;
        renumber(s, &s->nodes[i].before);
        s->node_kept[i] = (uint32_t)kept;
        s->nodes[kept++] = s->nodes[i];
    }
    each_front(s, renumber_front);
    renumber(s, &s->last.before);
    free(s->node_kept);
    s->node_kept = NULL;
    s->node_count = kept;
    s->collect_at = 2 * kept > NODES_FIRST ? 2 * kept : NODES_FIRST;
}

static uint32_t node_new(struct solver *s, uint32_t before, bool launches)
{
    s->nodes = mem_grow(s->nodes, &s->node_cap, s->node_count + 1, sizeof(*s->nodes));
    s->nodes[s->node_count] = (struct node){s->step * 2 + launches, before};
    assert(s->node_count < NO_NODE);
    return (uint32_t)s->node_count++;
}

/* A cost without the part that all commits so far have in common, and the node of the start before. */
struct state {
    int128 cost;
    uint32_t before;
};

static inline struct state lowest_of(struct line_front *k0, struct line_front *k1, const struct solver *s, int128 at)
{
    line_front_at(k0, s->step, s->arrived, s->unit);
    line_front_at(k1, s->step, s->arrived, s->unit);
    int128 a = k0->lowest.intercept - k0->lowest.count * at;
    int128 b = k1->lowest.intercept - k1->lowest.count * at;
    return b < a ? (struct state){b, k1->lowest.origin} : (struct state){a, k0->lowest.origin};
}

static void offer(struct solver *s, struct line_front *f, int128 cost, int64_t held_steps, uint32_t origin)
{
    struct line line = {.intercept = cost, .count = s->arrived, .from = s->step + held_steps, .origin = origin};
    line_front_offer(f, &line);
}

static void finish(struct solver *s, struct state state, bool launches)
{
    if (state.cost >= s->best)
        return;
    s->best = state.cost;
    s->last = (struct node){s->step * 2 + launches, state.before};
}

/* All starts at this step that reuse an instance; returns the cheapest of them. `at` is w * time for one commit. */
static struct state reuse_all(struct solver *s, int128 at, int128 taken)
{
    const struct optimum_terms *t = s->terms;
    struct state best = {LINE_NONE, NO_NODE};
    int64_t quantum_s = t->meter.quantum_s;
    int64_t end_s = s->step * t->grid_s + t->bake_s + (t->prelaunch ? t->boot_s : 0) + quantum_s - 1;
    int64_t over_s = end_s % quantum_s; /* h_r(s + P) of phase 0 is end_s / quantum_s; further ones begin later */
    int128 paid = s->quantum * (end_s / quantum_s);
    for (int64_t r = 0; r < s->phases; r++) {
        for (over_s -= r ? t->grid_s : 0; over_s < 0; over_s += quantum_s)
            paid -= s->quantum;
        struct state state = lowest_of(&s->same[0][r], &s->same[1][r], s, at);
        if (state.before != NO_NODE) {
            state.cost += taken;
            if (line_front_wants(&s->same[0][r], s->arrived, state.cost))
                offer(s, &s->same[0][r], state.cost, s->bake_steps, node_new(s, state.before, false));
            state.cost += paid;
            if (state.cost < best.cost)
                best = state;
        }
    }
    return best;
}

static void launch(struct solver *s, struct state state)
{
    int64_t phase = s->step % s->phases;
    int64_t quanta = (s->step - phase) * s->terms->grid_s / s->terms->meter.quantum_s + s->launch_quanta;
    int128 same_cost = state.cost - s->quantum * quanta;
    bool to_launch = line_front_wants(&s->launch[1], s->arrived, state.cost);
    bool to_same = line_front_wants(&s->same[1][phase], s->arrived, same_cost);
    if (!to_launch && !to_same)
        return;
    uint32_t node = node_new(s, state.before, true);
    if (to_launch)
        offer(s, &s->launch[1], state.cost, s->fresh_steps, node);
    if (to_same)
        offer(s, &s->same[1][phase], same_cost, s->fresh_steps, node);
}

/* All starts at this step. Costs are G + w A(s) where a launch is to follow, less c h_r(e) where a reuse is. */
static void visit_step(struct solver *s, bool all_arrived)
{
    int128 at = s->unit * s->step;
    int128 taken = s->arrived * at + s->per_deploy;
    if (s->node_count >= s->collect_at)
        collect(s);
    struct state fresh = lowest_of(&s->launch[0], &s->launch[1], s, at);
    struct state reuse = reuse_all(s, at, taken);
    if (reuse.before != NO_NODE && line_front_wants(&s->launch[0], s->arrived, reuse.cost))
        offer(s, &s->launch[0], reuse.cost, s->bake_steps, node_new(s, reuse.before, false));
    fresh.cost += taken + s->quantum * s->launch_quanta;
    launch(s, fresh);
    if (all_arrived) {
        finish(s, reuse, false);
        finish(s, fresh, true);
    }
}

/* Takes in the commits of this step; returns the next of them. */
static size_t take_arrivals(struct solver *s, const int64_t *arrival_s, size_t next, size_t count)
{
    int64_t base_s = s->base_step * s->terms->grid_s;
    int64_t now_s = base_s + s->step * s->terms->grid_s;
    for (; next < count && arrival_s[next] <= now_s; next++)
        s->arrived_wait += (int128)s->terms->delay_price_per_commit_hour * (arrival_s[next] - base_s);
    s->arrived = (int64_t)next;
    each_front(s, wake_front);
    return next;
}

/* Every step that matters; see "Silences". */
static void visit_steps(struct solver *s, const int64_t *arrival_s, size_t count, struct progress *progress)
{
    int64_t cycle = s->phases;
    for (size_t next = 0; next < count;) {
        int64_t from = s->step;
        next = take_arrivals(s, arrival_s, next, count);
        bool last = next == count;
        int64_t to = last ? from + s->fresh_steps + 1 : ceil_div(arrival_s[next], s->terms->grid_s) - s->base_step;
        int64_t skip_from = from + 2 * s->fresh_steps + cycle;
        int64_t skip_to = to - s->fresh_steps - cycle;
        for (; s->step < to; s->step++) {
            if (s->step == skip_from && skip_to > skip_from)
                s->step = skip_to;
            visit_step(s, last);
        }
        if (progress)
            progress_at(progress, (int64_t)next);
    }
}

static void recover(const struct solver *s, struct optimum *out)
{
    size_t count = 1;
    for (uint32_t i = s->last.before; i != NO_NODE; i = s->nodes[i].before)
        count++;
    out->start = mem_array(NULL, count, sizeof(*out->start));
    out->deployments = count;
    const struct node *node = &s->last;
    while (count-- > 0) {
        out->start[count] = (s->base_step + (node->step >> 1)) * s->terms->grid_s * 2 + (node->step & 1);
        node = node->before == NO_NODE ? NULL : &s->nodes[node->before];
        assert(node || count == 0);
    }
}

static bool any_between(const int64_t *arrival_s, size_t *below, int64_t after_s, int64_t until_s)
{
    while (*below > 0 && arrival_s[*below - 1] > until_s)
        --*below;
    return *below > 0 && arrival_s[*below - 1] > after_s;
}

/* Whether the reuse at next[0] may launch its instance itself, at no more than the empty start at `at` pays for it. */
static bool warms_in_vain(const struct optimum_terms *t, int64_t at, const int64_t *next, size_t left, int64_t *ends_s)
{
    int64_t start_s = next[0] >> 1;
    int64_t end_s = start_s + t->boot_s + t->bake_s;
    if (left > 1 && (next[1] >> 1) < end_s)
        return false;
    if (left > 1 && !(next[1] & 1))
        end_s = *ends_s;
    if (meter_billed_s(t->meter, end_s - start_s) > meter_billed_s(t->meter, *ends_s - at))
        return false;
    *ends_s = end_s;
    return true;
}

/* Among equal optima the one without empty starts: those that were free, and gain nothing, go. From the last back. */
static void drop_empty_starts(struct optimum *o, const struct optimum_terms *t, const int64_t *arrival_s, size_t count)
{
    size_t first = o->deployments; /* of those that stay, gathered at the end */
    int64_t ends_s = 0;            /* the rental that `first` is in */
    for (size_t i = o->deployments; i-- > 0;) {
        int64_t start_s = o->start[i] >> 1;
        bool launches = o->start[i] & 1;
        size_t left = o->deployments - first;
        bool reused = left && !(o->start[first] & 1);
        if (launches && i && !any_between(arrival_s, &count, o->start[i - 1] >> 1, start_s)) {
            if (!reused)
                continue;
            if (warms_in_vain(t, start_s, o->start + first, left, &ends_s)) {
                o->start[first] |= 1;
                continue;
            }
        }
        if (!reused)
            ends_s = start_s + t->bake_s + (launches && !t->prelaunch ? t->boot_s : 0);
        o->start[--first] = o->start[i];
    }
    o->deployments -= first;
    memmove(o->start, o->start + first, o->deployments * sizeof(*o->start));
}

/* What the starts cost, from the beginning: launches, billed_s, money, waiting. */
static void bill(struct optimum *o, const struct optimum_terms *t, const int64_t *arrival_s, size_t count)
{
    int64_t begin_s = 0;
    int64_t end_s = 0;
    size_t next = 0;
    int128 waiting_s = 0;
    for (size_t i = 0; i < o->deployments; i++) {
        int64_t start_s = o->start[i] >> 1;
        bool launches = o->start[i] & 1;
        assert(i || launches);
        if (i && launches)
            o->billed_s += meter_billed_s(t->meter, end_s - begin_s);
        if (launches)
            begin_s = start_s - (t->prelaunch ? t->boot_s : 0);
        o->launches += launches;
        assert(!i || start_s >= (o->start[i - 1] >> 1) + t->bake_s);
        end_s = start_s + t->bake_s + (launches && !t->prelaunch ? t->boot_s : 0);
        for (; next < count && arrival_s[next] <= start_s; next++)
            waiting_s += start_s - arrival_s[next];
    }
    assert(next == count);
    o->billed_s += meter_billed_s(t->meter, end_s - begin_s);
    o->waiting = waiting_s * t->delay_price_per_commit_hour;
    o->money =
        (int128)o->billed_s * t->price_per_hour + (int128)o->deployments * t->per_deploy * OPTIMUM_UNITS_PER_MONEY;
}

/* The starts and what they cost; no bound yet. */
static void solve(struct optimum *o, const struct optimum_terms *t, const int64_t *arrival_s, size_t count,
                  struct progress *progress)
{
    struct solver s;
    *o = (struct optimum){0};
    solver_init(&s, t, arrival_s[0]);
    visit_steps(&s, arrival_s, count, progress);
    recover(&s, o);
    drop_empty_starts(o, t, arrival_s, count);
    bill(o, t, arrival_s, count);
    assert(o->money + o->waiting == s.best - s.arrived_wait);
    solver_release(&s);
}

/* Whether the meter lets the bound hold, and the search the terms. */
static bool grid_bounds(const struct optimum_terms *t)
{
    return t->meter.quantum_s % t->grid_s == 0 || t->meter.quantum_s == 1;
}

static bool covered(const struct optimum_terms *t)
{
    return t->meter.minimum_s <= t->meter.quantum_s || t->bake_s + t->boot_s >= t->meter.minimum_s;
}

static int128 bound(const struct optimum *o, const struct optimum_terms *t, size_t count)
{
    int128 cost = o->money + o->waiting;
    int128 slack = t->grid_s == 1 ? 0 : (int128)t->delay_price_per_commit_hour * t->grid_s * (int128)count;
    return cost > slack ? cost - slack : 0;
}

static void certify(struct optimum *o, const struct optimum_terms *t, const int64_t *arrival_s, size_t count)
{
    struct optimum_terms shorter = *t;
    shorter.bake_s -= t->bake_s % t->grid_s;
    shorter.boot_s -= t->boot_s % t->grid_s;
    if (!grid_bounds(t) || !covered(&shorter)) {
        o->lower_bound = 0;
    } else if (shorter.bake_s == t->bake_s && shorter.boot_s == t->boot_s) {
        o->lower_bound = bound(o, t, count);
    } else {
        struct optimum below;
        solve(&below, &shorter, arrival_s, count, NULL);
        o->lower_bound = bound(&below, &shorter, count);
        optimum_release(&below);
    }
    o->exact = o->lower_bound == o->money + o->waiting;
}

int optimum_solve(struct optimum *out, const struct optimum_terms *t, const int64_t *arrival_s, size_t count,
                  struct progress *progress, struct err *err)
{
    assert(count > 0 && t->grid_s > 0 && t->meter.quantum_s > 0);
    assert(t->bake_s >= 0 && t->boot_s >= 0);
    if (!covered(t))
        return err_set(err, EXIT_INPUT,
                       "an instance that runs for less than the %lld s that are billed at least is not covered by the "
                       "optimum by the second",
                       (long long)t->meter.minimum_s);
    solve(out, t, arrival_s, count, progress);
    certify(out, t, arrival_s, count);
    return 0;
}

void optimum_release(struct optimum *o)
{
    free(o->start);
    *o = (struct optimum){0};
}
