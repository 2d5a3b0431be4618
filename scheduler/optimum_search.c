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
 *
 * A limit on lead times: a start whose bake ends at e may follow s only where no commit that has arrived at or before e
 * less the limit, strictly before it, was left by s: N(s) >= the number of arrivals < e - limit. That number does not
 * fall, so lines expire in the order in which they came (line_front_init_expiring). The silences are cut only from
 * where the limit has passed after the last arrival: then all lines left are constant.
 *
 * Prices by period (the months of a pool, each with its multiplier): instead of c h_r(e), the sum C_r(e) of the prices
 * of the quanta of phase r that open before e. Within a period C_r(e) = c_m h_r(e) + o_m(r), where o_(m+1)(r) = o_m(r)
 * + (c_m - c_(m+1)) h_r(B_(m+1)) makes it continuous at the boundary B_(m+1). A fresh start pays C_r(e) - C_r(begin).
 * The silences end at boundaries too, as at an arrival, with as many cycles more on each side as a launch pays quanta;
 * and behind the last arrival the search goes on to the last boundary, since waiting for a cheaper period can pay.
 *
 * Young rentals. By the second at least m seconds are billed. A rental launched at f is young while its bakes end
 * before f + m: reuses cost nothing then, whatever the phase. Such a rental's lines stand in a front of its own, with
 * what m seconds cost; those of its bakes that end later follow the rule above, as if m seconds had been used, but not
 * before they end at f + m. Their lines come in no order, into a front that takes any. For g | m the certificate holds
 * as it does: lengths rounded to multiples of g lie on one side of m.
 */
#include "scheduler/optimum_private.h"

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
    int128 unit; /* w * grid: what a commit's waiting costs each step */
    int128 per_deploy;

    const struct optimum_prices *prices;
    int128 *offset;       /* o_m(r), by period and phase */
    size_t period;        /* of this step */
    int64_t margin_steps; /* around boundaries, on top of those around arrivals */

    const int64_t *arrival_s;
    size_t count;

    int64_t step, arrived;          /* now; commits by now, */
    int128 arrived_wait;            /* and w times the sum of their arrivals since base_step */
    int64_t late_reuse, late_fresh; /* with a limit: commits that a start now would take too late */
    int64_t patience_steps;         /* the limit, for the silences; 0: none */

    struct line_front *same[2]; /* by phase: the same rental goes on; [1]: behind its first bake */
    struct line_front launch[2];

    /* By the second, with bakes shorter than the seconds billed at least; see "Young rentals". */
    int64_t grown_steps;      /* from a launch to the first reuse that ends with them; 0: no rental is ever young */
    struct line_front *young; /* by launch, a ring of grown_steps */
    int64_t *young_step;      /* of the launch; -1: none */
    struct line_front grown;  /* reuses of young rentals, for when they have grown */

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

/* Commits wait from here; one step on the grid is grid_s later. */
static int64_t base_s(const struct solver *s)
{
    return s->base_step * s->terms->grid_s;
}

/* How long before its first start a rental begins. */
static int64_t lead_in_s(const struct solver *s)
{
    return s->terms->prelaunch ? s->terms->boot_s : 0;
}

static int128 quantum_price(const struct solver *s, size_t period)
{
    return (int128)s->prices->per_hour[period] * s->terms->meter.quantum_s;
}

/* h_r(x): the quanta of phase r that open before x, in seconds since the begin of phase 0 at step 0. */
static int64_t opened_before(const struct solver *s, int64_t phase, int64_t x_s)
{
    return ceil_div(x_s - phase * s->terms->grid_s, s->terms->meter.quantum_s);
}

/* The o_m(r) of the theory above. */
static void make_offsets(struct solver *s)
{
    size_t phases = (size_t)s->phases;
    s->offset = mem_zero(s->prices->count * phases, sizeof(*s->offset));
    for (size_t m = 1; m < s->prices->count; m++) {
        int128 falls = quantum_price(s, m - 1) - quantum_price(s, m);
        int64_t boundary_s = s->prices->from_s[m] - base_s(s) + lead_in_s(s);
        for (size_t r = 0; r < phases; r++)
            s->offset[m * phases + r] =
                s->offset[(m - 1) * phases + r] + falls * opened_before(s, (int64_t)r, boundary_s);
    }
}

/* The period of what opens just before end_s (unix seconds), not before this step. */
static size_t period_before(const struct solver *s, int64_t end_s)
{
    size_t period = s->period;
    while (period + 1 < s->prices->count && s->prices->from_s[period + 1] < end_s)
        period++;
    return period;
}

/* C_r(e) for an end at e, before which h quanta of the phase open. */
static int128 paid_before(const struct solver *s, int64_t phase, int64_t h, int64_t end_s)
{
    size_t period = period_before(s, end_s);
    return quantum_price(s, period) * h + s->offset[period * (size_t)s->phases + (size_t)phase];
}

static void init_young(struct solver *s)
{
    const struct optimum_terms *t = s->terms;
    line_front_init_any_order(&s->grown);
    if (t->bake_s + t->boot_s >= t->meter.minimum_s || t->meter.minimum_s <= t->meter.quantum_s)
        return;
    assert(t->meter.quantum_s == 1);
    s->grown_steps = at_least(ceil_div(t->meter.minimum_s - t->bake_s - lead_in_s(s), t->grid_s), 1);
    s->margin_steps = s->grown_steps + 1;
    s->young = mem_zero((size_t)s->grown_steps, sizeof(*s->young));
    s->young_step = mem_array(NULL, (size_t)s->grown_steps, sizeof(*s->young_step));
    for (int64_t i = 0; i < s->grown_steps; i++) {
        (t->max_lead_s ? line_front_init_expiring : line_front_init)(&s->young[i], false);
        s->young_step[i] = -1;
    }
}

static void init_front(struct line_front *f, const struct optimum_terms *t, bool also_equal)
{
    (t->max_lead_s ? line_front_init_expiring : line_front_init)(f, also_equal);
}

static void solver_init(struct solver *s, const struct optimum_terms *t, const struct optimum_prices *prices,
                        const int64_t *arrival_s, size_t count)
{
    int64_t fresh_s = t->bake_s + t->boot_s;
    int64_t quantum_s = t->meter.quantum_s;
    bool warms = (!t->prelaunch && t->boot_s > 0) || prices->count > 1; /* also: opens a quantum while it is cheap */
    *s = (struct solver){
        .terms = t,
        .base_step = ceil_div(arrival_s[0], t->grid_s),
        .bake_steps = at_least(ceil_div(t->bake_s, t->grid_s), 1),
        .fresh_steps = at_least(ceil_div(t->prelaunch ? t->bake_s : fresh_s, t->grid_s), 1),
        .phases = quantum_s / gcd(quantum_s, t->grid_s),
        .launch_quanta = at_least(ceil_div(at_least(fresh_s, t->meter.minimum_s), quantum_s), 1),
        .unit = (int128)t->delay_price_per_commit_hour * t->grid_s,
        .per_deploy = (int128)t->per_deploy * OPTIMUM_UNITS_PER_MONEY,
        .prices = prices,
        .arrival_s = arrival_s,
        .count = count,
        .patience_steps = t->max_lead_s ? ceil_div(t->max_lead_s, t->grid_s) : 0,
        .collect_at = NODES_FIRST,
        .best = LINE_NONE,
        .last = {.before = NO_NODE},
    };
    init_young(s);
    if (prices->count > 1)
        s->margin_steps += s->launch_quanta * s->phases + ceil_div(t->boot_s, t->grid_s);
    make_offsets(s);
    for (int k = 0; k < 2; k++) {
        s->same[k] = mem_zero((size_t)s->phases, sizeof(*s->same[k]));
        for (int64_t r = 0; r < s->phases; r++)
            init_front(&s->same[k][r], t, false);
        init_front(&s->launch[k], t, warms);
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
    for (int64_t i = 0; i < s->grown_steps; i++)
        visit(s, &s->young[i]);
    visit(s, &s->grown);
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
    free(s->young);
    free(s->young_step);
    free(s->nodes);
    free(s->offset);
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

static inline struct state lowest_in(struct line_front *f, const struct solver *s, int128 at)
{
    line_front_at(f, s->step, s->arrived, s->unit);
    return (struct state){f->lowest.intercept - f->lowest.count * at, f->lowest.origin};
}

static inline struct state lower_of(struct state a, struct state b)
{
    return b.cost < a.cost ? b : a;
}

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
    int64_t end_s = s->step * t->grid_s + t->bake_s + lead_in_s(s);
    size_t period = period_before(s, base_s(s) + end_s - lead_in_s(s));
    int128 quantum = quantum_price(s, period);
    const int128 *offset = s->offset + period * (size_t)s->phases;
    end_s += quantum_s - 1;
    int64_t over_s = end_s % quantum_s; /* h_r(s + P) of phase 0 is end_s / quantum_s; further ones begin later */
    int128 paid = quantum * (end_s / quantum_s);
    for (int64_t r = 0; r < s->phases; r++) {
        for (over_s -= r ? t->grid_s : 0; over_s < 0; over_s += quantum_s)
            paid -= quantum;
        struct state state = lowest_of(&s->same[0][r], &s->same[1][r], s, at);
        if (s->grown_steps)
            state = lower_of(state, lowest_in(&s->grown, s, at));
        if (state.before != NO_NODE) {
            state.cost += taken;
            if (line_front_wants(&s->same[0][r], s->arrived, state.cost))
                offer(s, &s->same[0][r], state.cost, s->bake_steps, node_new(s, state.before, false));
            state.cost += paid + offset[r];
            if (state.cost < best.cost)
                best = state;
        }
    }
    return best;
}

static struct line_front *young_front(const struct solver *s, int64_t launch_step)
{
    return &s->young[launch_step % s->grown_steps];
}

/* A rental that was launched at this step, the cost of its least seconds in it. */
static void bear(struct solver *s, int128 cost, uint32_t node)
{
    struct line_front *f = young_front(s, s->step);
    line_front_reset(f);
    f->wake = INT64_MIN;
    f->least = s->late_reuse;
    s->young_step[s->step % s->grown_steps] = s->step;
    offer(s, f, cost, s->fresh_steps, node);
}

/* All starts at this step that end within the least seconds of their rentals, which are paid; returns the cheapest. */
static struct state reuse_young(struct solver *s, int128 at, int128 taken)
{
    struct state best = {LINE_NONE, NO_NODE};
    int64_t from = at_least(s->step - s->grown_steps + 1, 0);
    for (int64_t born = from; born < s->step; born++) {
        struct line_front *f = young_front(s, born);
        if (s->young_step[born % s->grown_steps] != born)
            continue;
        struct state state = lowest_in(f, s, at);
        if (state.before == NO_NODE)
            continue;
        state.cost += taken;
        best = lower_of(best, state);
        if (!line_front_wants(f, s->arrived, state.cost))
            continue;
        uint32_t node = node_new(s, state.before, false);
        offer(s, f, state.cost, s->bake_steps, node);
        int64_t begin_s = base_s(s) + born * s->terms->grid_s - lead_in_s(s);
        int64_t before = born * s->terms->grid_s + s->launch_quanta; /* seconds before the rental has grown */
        state.cost -= paid_before(s, 0, before, begin_s + s->launch_quanta);
        int64_t held = at_least(born + s->grown_steps - s->step, s->bake_steps);
        offer(s, &s->grown, state.cost, held, node);
    }
    return best;
}

/* A start on a fresh instance; state is that of the start before, and this start's waiting and per_deploy. */
static struct state launch(struct solver *s, struct state state)
{
    const struct optimum_terms *t = s->terms;
    int64_t phase = s->step % s->phases;
    int64_t before = (s->step - phase) * t->grid_s / t->meter.quantum_s;
    int64_t begin_s = base_s(s) + s->step * t->grid_s - lead_in_s(s);
    int64_t end_s = begin_s + s->launch_quanta * t->meter.quantum_s;
    int128 paid = paid_before(s, phase, before + s->launch_quanta, end_s);
    int128 same_cost = state.cost - paid_before(s, phase, before, begin_s);
    state.cost = same_cost + paid;
    bool to_launch = line_front_wants(&s->launch[1], s->arrived, state.cost);
    bool to_same = line_front_wants(&s->same[1][phase], s->arrived, same_cost);
    if (!to_launch && !to_same && !s->grown_steps)
        return state;
    uint32_t node = node_new(s, state.before, true);
    if (s->grown_steps)
        bear(s, state.cost, node);
    if (to_launch)
        offer(s, &s->launch[1], state.cost, s->fresh_steps, node);
    if (to_same)
        offer(s, &s->same[1][phase], same_cost, at_least(s->grown_steps, s->fresh_steps), node);
    return state;
}

/* With a limit: lets go of the starts that would leave a commit to this step too long. */
static void expire(struct solver *s)
{
    const struct optimum_terms *t = s->terms;
    int64_t limit_s = base_s(s) + s->step * t->grid_s + t->bake_s - t->max_lead_s;
    int64_t fresh_limit_s = limit_s + (t->prelaunch ? 0 : t->boot_s);
    int64_t late_reuse = s->late_reuse;
    int64_t late_fresh = s->late_fresh;
    while (late_reuse < s->arrived && s->arrival_s[late_reuse] < limit_s)
        late_reuse++;
    while (late_fresh < s->arrived && s->arrival_s[late_fresh] < fresh_limit_s)
        late_fresh++;
    for (int k = 0; k < 2; k++) {
        for (int64_t r = 0; late_reuse != s->late_reuse && r < s->phases; r++) {
            s->same[k][r].least = late_reuse;
            s->same[k][r].wake = INT64_MIN;
        }
        for (int64_t i = 0; late_reuse != s->late_reuse && k == 0 && i < s->grown_steps; i++) {
            s->young[i].least = late_reuse;
            s->young[i].wake = INT64_MIN;
        }
        s->launch[k].least = late_fresh;
        s->launch[k].wake = late_fresh != s->late_fresh ? INT64_MIN : s->launch[k].wake;
    }
    if (late_reuse != s->late_reuse) {
        s->grown.least = late_reuse;
        s->grown.wake = INT64_MIN;
    }
    s->late_reuse = late_reuse;
    s->late_fresh = late_fresh;
}

/* All starts at this step. Costs are G + w A(s) where a launch is to follow, less C_r(e) where a reuse is. */
static void visit_step(struct solver *s, bool all_arrived)
{
    int128 at = s->unit * s->step;
    int128 taken = s->arrived * at + s->per_deploy;
    if (s->node_count >= s->collect_at)
        collect(s);
    while (s->period + 1 < s->prices->count &&
           s->prices->from_s[s->period + 1] < base_s(s) + s->step * s->terms->grid_s - lead_in_s(s))
        s->period++;
    if (s->terms->max_lead_s)
        expire(s);
    struct state fresh = lowest_of(&s->launch[0], &s->launch[1], s, at);
    struct state reuse = reuse_all(s, at, taken);
    if (s->grown_steps)
        reuse = lower_of(reuse, reuse_young(s, at, taken));
    if (reuse.before != NO_NODE && line_front_wants(&s->launch[0], s->arrived, reuse.cost))
        offer(s, &s->launch[0], reuse.cost, s->bake_steps, node_new(s, reuse.before, false));
    if (all_arrived && reuse.before != NO_NODE)
        finish(s, reuse, false);
    if (fresh.cost >= LINE_NONE / 2)
        return; /* with a limit: only a reuse is quick enough */
    fresh.cost += taken;
    fresh = launch(s, fresh);
    if (all_arrived)
        finish(s, fresh, true);
}

/* Takes in the commits of this step. */
static void take_arrivals(struct solver *s)
{
    int64_t now_s = base_s(s) + s->step * s->terms->grid_s;
    size_t next = (size_t)s->arrived;
    for (; next < s->count && s->arrival_s[next] <= now_s; next++)
        s->arrived_wait += (int128)s->terms->delay_price_per_commit_hour * (s->arrival_s[next] - base_s(s));
    if (next == (size_t)s->arrived)
        return;
    s->arrived = (int64_t)next;
    each_front(s, wake_front);
}

/* The first boundary of periods after this step, as a step; INT64_MAX: there is none. */
static int64_t next_boundary(const struct solver *s, size_t *boundary)
{
    for (; *boundary < s->prices->count; ++*boundary) {
        int64_t step = ceil_div(s->prices->from_s[*boundary], s->terms->grid_s) - s->base_step;
        if (step > s->step)
            return step;
    }
    return INT64_MAX;
}

/* Every step from an arrival or boundary (this one) to before the next that matters; see "Silences". */
static void visit_until(struct solver *s, int64_t to, int64_t patient_until)
{
    int64_t cycle = s->phases;
    int64_t from = s->step > patient_until ? s->step : patient_until;
    int64_t skip_from = from + 2 * s->fresh_steps + cycle + s->margin_steps;
    int64_t skip_to = to - s->fresh_steps - cycle - s->margin_steps;
    bool all_arrived = (size_t)s->arrived == s->count;
    for (; s->step < to; s->step++) {
        if (s->step == skip_from && skip_to > skip_from)
            s->step = skip_to;
        visit_step(s, all_arrived);
    }
}

static void visit_steps(struct solver *s, struct progress *progress)
{
    size_t boundary = 1;
    int64_t patient_until = 0;
    for (bool over = false; !over;) {
        int64_t arrived = s->arrived;
        take_arrivals(s);
        if (s->arrived > arrived)
            patient_until = s->step + s->patience_steps;
        int64_t to = next_boundary(s, &boundary);
        if ((size_t)s->arrived < s->count) {
            int64_t arrival = ceil_div(s->arrival_s[s->arrived], s->terms->grid_s) - s->base_step;
            to = arrival < to ? arrival : to;
        }
        over = to == INT64_MAX;
        visit_until(s, over ? s->step + s->fresh_steps + 1 + s->margin_steps : to,
                    s->patience_steps ? patient_until : 0);
        if (progress)
            progress_at(progress, s->arrived);
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

bool optimum_search(struct optimum *out, int128 *cost, const struct optimum_terms *t,
                    const struct optimum_prices *prices, const int64_t *arrival_s, size_t count,
                    struct progress *progress)
{
    struct solver s;
    solver_init(&s, t, prices, arrival_s, count);
    visit_steps(&s, progress);
    bool found = s.best < LINE_NONE;
    if (found) {
        *out = (struct optimum){0};
        recover(&s, out);
        *cost = s.best - s.arrived_wait;
    }
    solver_release(&s);
    return found;
}
