#include "sim/plot.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim/gnuplot.h"

/* Colours of Okabe and Ito, "Color universal design" (2008): told apart by colour-blind people too. */
#define BLACK  "#000000"
#define ORANGE "#E69F00"
#define SKY    "#56B4E9"
#define GREEN  "#009E73"
#define YELLOW "#F0E442"
#define BLUE   "#0072B2"
#define RED    "#D55E00"
#define PURPLE "#CC79A7"
#define GREY   "#999999"
#define WINE   "#661100"

#define POOL_MONTHS_MAX   14 /* the burn-down shows at most so many months, the last */
#define LABELS_MAX        13 /* month labels on an axis */
#define BARS_MIN          6  /* fewer months do not get wider bars */
#define DAYS_MONTHS_MAX   2  /* up to so many months the burn-down names days */
#define POINTS_MONTHS_MAX 36 /* lines have a mark at each month up to so many */

/* Filled where the bake instance is kept, hollow where it is not: shapes tell triggers apart without colour. */
static const struct {
    const char *name, *colour;
    int hollow, filled;
} trigger_looks[] = {
    [TRIGGER_EVERY] = {"every", BLACK, 4, 5},
    [TRIGGER_IDLE] = {"idle", ORANGE, 8, 9},
    [TRIGGER_COUNT] = {"count", SKY, 6, 7},
    [TRIGGER_WINDOW] = {"window", GREEN, 12, 13},
    [TRIGGER_TRAIN] = {"train", PURPLE, 10, 11},
    [TRIGGER_AREA] = {"area", RED, 14, 15},
    [TRIGGER_SQRT] = {"sqrt", BLUE, 4, 5},
    [TRIGGER_RANDOM] = {"random", GREY, 6, 7},
    [TRIGGER_PREDICT] = {"predict", BLUE, 8, 9},
    [TRIGGER_MDP] = {"mdp", BLUE, 12, 13},
    [TRIGGER_BUDGET_HOURS] = {"budget", YELLOW, 10, 11},
    [TRIGGER_BUDGET_USD] = {"budget", YELLOW, 14, 15},
};

static const char *const kind_colours[COST_KINDS] = {
    [COST_INSTANCE] = BLUE, [COST_DEPLOY] = GREY, [COST_LAUNCH] = BLACK, [COST_CI] = ORANGE,    [COST_STORAGE] = GREEN,
    [COST_FSR] = YELLOW,    [COST_LICENCE] = RED, [COST_NAT] = SKY,      [COST_FLEET] = PURPLE, [COST_STORM] = WINE,
};

int plot_check(const char *path, struct err *err)
{
    return gnuplot_check("--plot", path, err);
}

static double usd(money_t money)
{
    return (double)money / (double)MONEY_PER_USD;
}

static double minutes_of(int64_t s)
{
    double minutes = (double)s / 60;
    return minutes < 1.0 / 60 ? 1.0 / 60 : minutes; /* the axis is logarithmic */
}

static double p95_min(const struct frontier_point *p)
{
    return minutes_of(p->outcome.lead.percentile[STATS_P95]);
}

static void add_point(struct str *s, const struct frontier_point *p)
{
    str_addf(s, "%.6f %.6f\n", p95_min(p), usd(p->per_month));
}

/* One data block for each trigger kind and look, and the legend's rows for those that have points. */
static void add_series(struct str *data, struct str *rows, const struct plan *p, enum trigger_kind kind, bool kept)
{
    size_t count = 0;
    struct str block;
    str_init(&block, 0);
    for (size_t i = 0; i < p->frontier.count; i++) {
        const struct policy *policy = &p->frontier.points[i].outcome.policy;
        if (policy->trigger.kind != kind || (policy->keep.kind != KEEP_TERMINATE) != kept)
            continue;
        add_point(&block, &p->frontier.points[i]);
        count++;
    }
    if (count) {
        str_addf(data, "$%s_%d << EOD\n%sEOD\n", trigger_looks[kind].name, kept, block.text);
        str_addf(rows, "$%s_%d with points pt %d ps 1.5 lw 1.6 lc rgb '%s' title '%s%s', ", trigger_looks[kind].name,
                 kept, kept ? trigger_looks[kind].filled : trigger_looks[kind].hollow, trigger_looks[kind].colour,
                 trigger_looks[kind].name, kept ? ", instance kept" : "");
    }
    str_release(&block);
}

/* The staircase under which no policy lies: from the fastest on, each cheaper one. */
static void add_staircase(struct str *data, const struct plan *p)
{
    const struct frontier *f = &p->frontier;
    double x = -1;
    double y = 1e300;
    str_add(data, "$stairs << EOD\n");
    for (;;) {
        const struct frontier_point *next = NULL;
        for (size_t i = 0; i < f->count; i++) {
            const struct frontier_point *q = &f->points[i];
            if (p95_min(q) <= x || usd(q->per_month) >= y)
                continue;
            if (!next || p95_min(q) < p95_min(next) || (p95_min(q) <= p95_min(next) && q->per_month < next->per_month))
                next = q;
        }
        if (!next)
            break;
        add_point(data, next);
        x = p95_min(next);
        y = usd(next->per_month);
    }
    str_add(data, "EOD\n");
}

/* The clairvoyant's frontier: a line, of those that are cheaper than each one before. */
static void add_optimum(struct str *data, struct str *rows, const struct plan *p)
{
    const struct bound_line *line = &p->drawn;
    money_t least = INT64_MAX;
    if (line->count < 2)
        return;
    str_add(data, "$optimum << EOD\n");
    for (size_t i = 0; i < line->count; i++) {
        const struct bound *b = &line->at[i];
        if (b->per_month >= least)
            continue;
        least = b->per_month;
        str_addf(data, "%.6f %.6f\n", minutes_of(b->outcome.lead.percentile[STATS_P95]), usd(least));
    }
    str_add(data, "EOD\n");
    str_addf(rows, "$optimum with lines lw 2.2 lc rgb '%s' title 'clairvoyant', ", GREEN);
}

static void add_ring(struct str *data, struct str *rows, const char *name, const struct frontier_point *q,
                     const char *what, const char *colour, double size)
{
    if (!q)
        return;
    char policy[2 * POLICY_TEXT_SIZE];
    str_addf(data, "$%s << EOD\n", name);
    add_point(data, q);
    str_add(data, "EOD\n");
    str_addf(rows, "$%s with points pt 6 ps %.1f lw 2.5 lc rgb '%s' title '%s: %s', ", name, size, colour, what,
             outcome_policy_label(&q->outcome.policy, policy));
}

static void add_title(struct str *s, const struct plan *p)
{
    char first[INSTANT_TEXT_SIZE];
    char last[INSTANT_TEXT_SIZE];
    const struct scenario *sc = p->scenario;
    struct str title;
    str_init(&title, 0);
    str_addf(&title, "%zu commits, %s to %s, %s", sc->commits.count,
             calendar_date_text(sc->history.arrival_s[0], first),
             calendar_date_text(sc->history.arrival_s[sc->commits.count - 1], last),
             sc->model.terms.regime == REGIME_HOURLY ? "billed by the started hour" : "billed by the second");
    gnuplot_quoted(s, title.text);
    str_release(&title);
}

/* The legend stands right of the panel whose top is at `top` pixels from the bottom. */
static void add_key(struct str *s, double top)
{
    str_addf(s, "set key at screen 0.695, screen %.4f left top vertical Left reverse samplen 1.5 spacing 1.2\n", top);
}

/* gnuplot complains about an axis from 0 to 0. */
static bool costs_something(const struct plan *p)
{
    for (size_t i = 0; i < p->frontier.count; i++)
        if (p->frontier.points[i].outcome.money)
            return true;
    return false;
}

static void add_frontier(struct str *s, const struct plan *p, double top)
{
    struct str rows;
    str_init(&rows, 0);
    add_staircase(s, p);
    add_optimum(s, &rows, p);
    for (int kind = TRIGGER_EVERY; kind < TRIGGER_KINDS; kind++)
        for (int kept = 0; kept < 2; kept++)
            add_series(s, &rows, p, (enum trigger_kind)kind, kept);
    add_ring(s, &rows, "ring_every", p->frontier.every, "baseline", GREY, 2.6);
    add_ring(s, &rows, "ring_idle", p->frontier.idle, "baseline", ORANGE, 2.6);
    add_ring(s, &rows, "ring_best", p->best, "recommended", RED, 3.6);
    str_add(s, "set title ");
    add_title(s, p);
    str_add(s, " font ',15'\n"
               "set logscale x\nset xlabel 'lead time from commit to rolled out, 95th percentile (m minutes, h hours, "
               "d days)'\n"
               "set ylabel 'USD a month'\nset offsets graph 0.04, graph 0.04, graph 0.06, 0\n"
               "set xtics ('1s' 0.016667, '10s' 0.16667, '1m' 1, '2m' 2, '5m' 5, '10m' 10, "
               "'20m' 20, '40m' 40, '80m' 80, '3h' 180, '6h' 360, '12h' 720, '1d' 1440, '2d' 2880, '4d' 5760, "
               "'8d' 11520, '16d' 23040, '1mo' 43829, '3mo' 131487, '1y' 525949, '10y' 5259492)\n");
    str_addf(s, "set yrange [0:%s]\n", costs_something(p) ? "*" : "1");
    add_key(s, top);
    str_addf(s, "plot $stairs with steps lc rgb '%s' lw 2 dt 2 title 'frontier', %s 1/0 notitle\n", GREY, rows.text);
    str_add(s, "unset logscale x\nset offsets 0, 0, 0, 0\n");
    str_release(&rows);
}

static double month_usd(const struct plan *p, const struct cost_month *m, int first_kind, int last_kind)
{
    struct exact sum = {0};
    money_t money = 0;
    for (int k = first_kind; k <= last_kind; k++)
        cost_money(&p->scenario->model, m, (enum cost_kind)k, &sum);
    int too_big = exact_round(&sum, &money);
    exact_release(&sum);
    return too_big ? 0 : usd(money);
}

/* Rows "index stack-top": bars are drawn from the highest stack to the lowest, one over the other. */
static void add_stack(struct str *data, struct str *rows, const struct plan *p, const struct outcome *o, int kind)
{
    if (!o->by_kind[kind])
        return;
    str_addf(data, "$kind_%d << EOD\n", kind);
    for (size_t i = 0; i < o->costs.count; i++)
        str_addf(data, "%zu %.6f\n", i, month_usd(p, &o->costs.months[i], 0, kind));
    str_add(data, "EOD\n");
    str_addf(rows, "$kind_%d with boxes fs solid 1 noborder lc rgb '%s' title '%s', ", kind, kind_colours[kind],
             cost_kind_label((enum cost_kind)kind));
}

static void add_baseline(struct str *data, struct str *rows, const struct plan *p, const char *name,
                         const struct outcome *shown, const struct outcome *o, const char *look)
{
    int first = shown->costs.months[0].month;
    char policy[2 * POLICY_TEXT_SIZE];
    str_addf(data, "$line_%s << EOD\n", name);
    for (size_t i = 0; i < o->costs.count; i++)
        str_addf(data, "%d %.6f\n", o->costs.months[i].month - first,
                 month_usd(p, &o->costs.months[i], 0, COST_KINDS - 1));
    str_add(data, "EOD\n");
    str_addf(rows, "$line_%s with %s title '%s', ", name, look, outcome_policy_label(&o->policy, policy));
}

/* "Jan" over the year, then "Feb", "Mar"; years alone where there are many. */
static void add_month_label(struct str *s, int month, bool first, int step)
{
    static const char names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (step >= 12)
        str_addf(s, "\"%d\"", month / 12);
    else if (first || month % 12 == 0)
        str_addf(s, "\"%s\\n%d\"", names[month % 12], month / 12);
    else
        str_addf(s, "\"%s\"", names[month % 12]);
}

static int label_step(int months)
{
    static const int steps[] = {1, 3, 6, 12, 24, 60, 120, 600};
    int i = 0;
    while (i < 7 && months / steps[i] > LABELS_MAX)
        i++;
    return steps[i];
}

/* Labels for months first .. first + count - 1, by their number or by their begin (not before `from`). */
static void add_month_tics(struct str *s, int first, int count, bool by_time, long long from)
{
    int step = label_step(count);
    int written = 0;
    str_add(s, "set xtics (");
    for (int month = first; month < first + count; month++) {
        if (month % step)
            continue;
        str_add(s, written ? ", " : "");
        add_month_label(s, month, written == 0, step);
        long long at = by_time ? (long long)calendar_month_start(month) : (long long)(month - first);
        str_addf(s, " %lld", by_time && at < from ? from : at);
        written++;
    }
    str_add(s, written ? ")\n" : "\"\" 0)\n");
}

static void add_months(struct str *s, const struct plan *p, double top)
{
    const struct outcome *o = p->best ? &p->best->outcome : &p->frontier.idle->outcome;
    char policy[2 * POLICY_TEXT_SIZE];
    struct str rows;
    str_init(&rows, 0);
    for (int k = COST_KINDS - 1; k >= 0; k--)
        add_stack(s, &rows, p, o, k);
    bool many = o->costs.count > POINTS_MONTHS_MAX; /* a point would ask more of lines than they take */
    add_baseline(s, &rows, p, "every", o, &p->frontier.every->outcome,
                 many ? "lines lw 1.3 lc rgb '" BLACK "'" : "linespoints lw 1.3 pt 4 ps 0.9 lc rgb '" BLACK "'");
    add_baseline(s, &rows, p, "idle", o, &p->frontier.idle->outcome,
                 many ? "lines lw 1.3 dt 3 lc rgb '" BLACK "'"
                      : "linespoints lw 1.3 dt 3 pt 8 ps 0.9 lc rgb '" BLACK "'");
    double room = o->costs.count < BARS_MIN ? (double)(BARS_MIN - o->costs.count) / 2 : 0;
    str_addf(s, "set title 'Month by month: %s as bars, the baselines as lines' font ',13'\n",
             outcome_policy_label(&o->policy, policy));
    add_month_tics(s, o->costs.months[0].month, (int)o->costs.count, false, 0);
    add_key(s, top);
    str_addf(s,
             "set xlabel 'month (UTC)' offset 0,-0.7\nset ylabel 'USD'\nset yrange [0:%s]\nset xrange [%.1f:%.1f]\n"
             "set boxwidth 0.8\nplot %s 1/0 notitle\nset xrange [*:*]\n",
             costs_something(p) ? "*" : "1", -0.6 - room, (double)o->costs.count - 0.4 + room, rows.text);
    str_release(&rows);
}

/* Each week of a month by its date; the first with its year. */
static void add_day_tics(struct str *s, instant_t begin, instant_t end)
{
    int written = 0;
    str_add(s, "set xtics (");
    for (int month = calendar_month(begin); month <= calendar_month(end - 1); month++) {
        instant_t next = calendar_month_start(month + 1);
        for (instant_t at = calendar_month_start(month); at < next && at < end; at += 7 * SECONDS_PER_DAY) {
            char date[INSTANT_TEXT_SIZE];
            if (at + SECONDS_PER_DAY <= begin)
                continue;
            calendar_date_text(at, date);
            str_addf(s, "%s\"%s\" %lld", written ? ", " : "", written ? date + 5 : date,
                     (long long)(at < begin ? begin : at));
            written++;
        }
    }
    str_add(s, written ? ")\n" : "\"\" 0)\n");
}

/* The points of the last months at which hours were used; the refill of a month in which nothing ran is left out. */
static void shown_points(const struct costs *c, size_t *first, size_t *end)
{
    *end = c->pool_count;
    while (*end > 1 && c->pool[*end - 1].at == c->pool[*end - 2].at)
        (*end)--;
    int last_month = calendar_month(c->pool[*end - 1].at - 1);
    instant_t from = calendar_month_start(last_month - POOL_MONTHS_MAX + 1);
    *first = 0;
    while (*first + 1 < *end && (c->pool[*first].at < from || c->pool[*first].at == c->pool[*first + 1].at))
        (*first)++;
}

static void add_pool(struct str *s, const struct plan *p, double top)
{
    const struct costs *c = &p->prepaid.outcome.costs;
    size_t first;
    size_t end;
    shown_points(c, &first, &end);
    str_add(s, "$pool << EOD\n");
    for (size_t i = first; i < end; i++)
        str_addf(s, "%lld %.3f\n", (long long)c->pool[i].at, (double)c->pool[i].left_s / SECONDS_PER_HOUR);
    str_add(s, "EOD\n");
    instant_t begin = c->pool[first].at;
    instant_t last = c->pool[end - 1].at > begin ? c->pool[end - 1].at : begin + SECONDS_PER_HOUR;
    int month = calendar_month(begin);
    int months = calendar_month(last - 1) - month + 1;
    if (months <= DAYS_MONTHS_MAX)
        add_day_tics(s, begin, last);
    else
        add_month_tics(s, month, months, true, (long long)begin);
    add_key(s, top);
    str_add(s, "set title 'Prepaid hours left in the month");
    if (first)
        str_addf(s, " (the last %d months)", months);
    str_addf(s,
             "' font ',13'\nset xlabel 'day (UTC)' offset 0,-0.7\n"
             "set ylabel 'hours'\nset yrange [0:*]\nset xrange [%lld:%lld]\n"
             "plot $pool using 1:2 with filledcurves y1=0 fs solid 0.25 noborder lc rgb '%s' notitle, "
             "$pool using 1:2 with lines lw 1.5 lc rgb '%s' title 'hours left'\n",
             (long long)begin, (long long)last, SKY, BLUE);
}

/* Panels from the top, each a share of the height. No file name: the picture comes out of gnuplot's stdout. */
static void script(struct str *s, const struct plan *p, const char *ext)
{
    bool pool = p->prepaid.filled && p->prepaid.outcome.costs.pool_count > 0;
    int height = pool ? 1350 : 1020;
    str_addf(s, "set terminal %s size 1200,%d font 'DejaVu Sans,11' noenhanced background rgb 'white'\n",
             strcmp(ext, "svg") == 0 ? "svg" : "pngcairo", height);
    str_addf(s,
             "set multiplot\nset grid lc rgb '#DDDDDD' lw 0.8\nset border 3 lc rgb '#444444'\n"
             "set tics nomirror\nset lmargin at screen 0.075\nset rmargin at screen 0.675\n"
             "set size 1,%.4f\nset origin 0,%.4f\n",
             580.0 / height, 1 - 580.0 / height);
    add_frontier(s, p, 1 - 40.0 / height);
    str_addf(s, "set size 1,%.4f\nset origin 0,%.4f\n", 420.0 / height, 1 - 1010.0 / height);
    add_months(s, p, 1 - 625.0 / height);
    if (pool) {
        str_addf(s, "set size 1,%.4f\nset origin 0,0.005\n", 325.0 / height);
        add_pool(s, p, 310.0 / height);
    }
    str_add(s, "unset multiplot\n");
}

int plot_plan(const struct plan *p, const char *path, struct err *err)
{
    struct str text;
    str_init(&text, 0);
    script(&text, p, gnuplot_extension(path));
    int code = gnuplot_draw("--plot", &text, path, err);
    str_release(&text);
    return code;
}
