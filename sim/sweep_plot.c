/* The picture of a sweep: see sweep.h. */
#include "sim/sweep.h"

#include <string.h>

#include "sim/gnuplot.h"

#define PANELS_MAX  16
#define LABELS_MAX  12  /* labels on an axis */
#define CELLS_MAX   144 /* cells of a panel whose values are written in */
#define PANEL_WIDE  620
#define PANEL_HIGH  470
#define MARGIN_HIGH 60

/* Viridis (Smith and van der Walt, 2015): its lightness rises evenly, so it reads in grey and for the colour-blind. */
static const char palette[] = "set palette defined (0 '#440154', 1 '#46327E', 2 '#365C8D', 3 '#277F8E', 4 '#1FA187', "
                              "5 '#4AC16D', 6 '#A0DA39', 7 '#FDE725')\n";
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                      "#E69F00", "#56B4E9", "#000000", "#999999"};

/* The two last axes span a panel; the axes before them and the policies make the panels. */
struct panel_set {
    const struct sweep *s;
    int measure;
    const struct sweep_axis *x, *y;
    size_t outer;  /* combinations of the axes before the last two */
    size_t count;  /* panels */
    size_t across; /* in a row */
    double least, most;
};

static double value_at(const struct panel_set *set, size_t panel, size_t y, size_t x)
{
    const struct sweep *s = set->s;
    size_t point = (panel / s->policies * set->y->count + y) * set->x->count + x;
    return s->rows[point * s->policies + panel % s->policies].mean[set->measure];
}

static void find_range(struct panel_set *set)
{
    set->least = 1e300;
    set->most = -1e300;
    for (size_t panel = 0; panel < set->count; panel++)
        for (size_t y = 0; y < set->y->count; y++)
            for (size_t x = 0; x < set->x->count; x++) {
                double value = value_at(set, panel, y, x);
                set->least = value < set->least ? value : set->least;
                set->most = value > set->most ? value : set->most;
            }
    if (set->most <= set->least)
        set->most = set->least + 1;
}

/* Labels of the x axis that would run into each other are turned. */
static bool is_crowded(const struct sweep_axis *values)
{
    size_t letters = 0;
    for (size_t i = 0; i < values->count; i++)
        letters += strlen(values->values[i]) + 2;
    return letters > 50;
}

static void add_tics(struct str *to, const char *axis, const struct sweep_axis *values, bool rotated)
{
    size_t every = (values->count + LABELS_MAX - 1) / LABELS_MAX;
    str_addf(to, "set %stics %s(", axis, rotated ? "rotate by -40 " : "");
    for (size_t i = 0; i < values->count; i += every) {
        str_add(to, i ? ", " : "");
        gnuplot_quoted(to, values->values[i]);
        str_addf(to, " %zu", i);
    }
    str_add(to, ")\n");
}

static void add_title(struct str *to, const struct panel_set *set, size_t panel)
{
    const struct sweep *s = set->s;
    struct str title;
    str_init(&title, 512);
    str_add(&title, s->policy_names[panel % s->policies]);
    size_t point = panel / s->policies * set->y->count * set->x->count;
    for (size_t a = 0; a + 2 < s->axis_count; a++)
        str_addf(&title, ", %s %s", s->axes[a].name, s->axes[a].values[sweep_value_at(s, point, a)]);
    str_add(to, "set title ");
    gnuplot_quoted(to, title.text);
    str_add(to, " font ',12'\n");
    str_release(&title);
}

/* A value as it stands in a cell. */
static void add_number(struct str *to, double value)
{
    double size = value < 0 ? -value : value;
    str_addf(to,
             size >= 1000  ? "%.0f"
             : size >= 100 ? "%.0f"
             : size >= 10  ? "%.1f"
             : size >= 1   ? "%.2f"
                           : "%.3g",
             value);
}

static void add_panel(struct str *data, struct str *to, const struct panel_set *set, size_t panel, double high)
{
    size_t row = panel / set->across;
    size_t column = panel % set->across;
    str_addf(data, "$panel%zu << EOD\n", panel);
    for (size_t y = 0; y < set->y->count; y++)
        for (size_t x = 0; x < set->x->count; x++) {
            double value = value_at(set, panel, y, x);
            bool dark = value < set->least + 0.6 * (set->most - set->least);
            str_addf(data, "%zu %zu %.9g \"", x, y, value);
            add_number(data, value);
            str_addf(data, "\" %d\n", dark ? 0xFFFFFF : 0x000000);
        }
    str_add(data, "EOD\n");
    add_title(to, set, panel);
    str_addf(to, "set size %.4f,%.4f\nset origin %.4f,%.4f\n", 1.0 / (double)set->across, PANEL_HIGH / high,
             (double)column / (double)set->across, 1 - (MARGIN_HIGH + (double)(row + 1) * PANEL_HIGH) / high);
    str_addf(to, "plot $panel%zu using 1:2:3 with image notitle", panel);
    if (set->x->count * set->y->count <= CELLS_MAX)
        str_addf(to, ", $panel%zu using 1:2:4:5 with labels font ',9' tc rgb variable notitle", panel);
    str_add(to, "\n");
}

static void heat_maps(struct str *script, const struct panel_set *set, const char *path)
{
    struct str data;
    struct str body;
    str_init(&data, 0);
    str_init(&body, 0);
    size_t rows = (set->count + set->across - 1) / set->across;
    double high = MARGIN_HIGH + (double)rows * PANEL_HIGH;
    bool svg = gnuplot_extension(path)[0] == 's';
    for (size_t panel = 0; panel < set->count; panel++)
        add_panel(&data, &body, set, panel, high);
    str_addf(script, "set terminal %s size %zu,%.0f font 'DejaVu Sans,11' noenhanced background rgb 'white'\n",
             svg ? "svg" : "pngcairo", set->across * PANEL_WIDE, high);
    str_add(script, data.text);
    str_add(script, palette);
    str_addf(script, "set multiplot title '%s' font ',14'\nset border lc rgb '#444444'\nset tics nomirror out\n",
             sweep_measures[set->measure].label);
    str_addf(script, "set cbrange [%.9g:%.9g]\nset xrange [-0.5:%.1f]\nset yrange [-0.5:%.1f]\n", set->least, set->most,
             (double)set->x->count - 0.5, (double)set->y->count - 0.5);
    add_tics(script, "x", set->x, is_crowded(set->x));
    add_tics(script, "y", set->y, false);
    str_addf(script, "set xlabel '%s'\nset ylabel '%s'\n%sunset multiplot\n", set->x->name, set->y->name, body.text);
    str_release(&data);
    str_release(&body);
}

/* One axis: a line for each policy, money above lead time. */
static void lines(struct str *script, const struct sweep *s, int money, const char *path)
{
    bool svg = gnuplot_extension(path)[0] == 's';
    const int measures[2] = {money, SWEEP_LEAD_P95};
    str_addf(script, "set terminal %s size 1000,900 font 'DejaVu Sans,11' noenhanced background rgb 'white'\n",
             svg ? "svg" : "pngcairo");
    for (size_t p = 0; p < s->policies; p++) {
        str_addf(script, "$policy%zu << EOD\n", p);
        for (size_t i = 0; i < s->points; i++) {
            const struct sweep_row *row = &s->rows[i * s->policies + p];
            str_addf(script, "%zu %.9g %.9g %.9g %.9g\n", i, row->mean[money], row->half_width[money],
                     row->mean[SWEEP_LEAD_P95] / 60, row->half_width[SWEEP_LEAD_P95] / 60);
        }
        str_add(script, "EOD\n");
    }
    str_add(script,
            "set multiplot layout 2,1\nset grid lc rgb '#DDDDDD'\nset border 3 lc rgb '#444444'\nset tics nomirror\n"
            "set lmargin 12\nset rmargin at screen 0.74\nset key at graph 1.03,1 left top Left reverse\n");
    str_addf(script, "set xrange [-0.3:%.1f]\nset yrange [0:*]\n", (double)s->points - 0.7);
    add_tics(script, "x", &s->axes[0], is_crowded(&s->axes[0]));
    for (int k = 0; k < 2; k++) {
        str_addf(script, "set ylabel '%s'\nset xlabel '%s'\nplot ",
                 k ? "lead time p95, min" : sweep_measures[measures[0]].label, s->axes[0].name);
        for (size_t p = 0; p < s->policies; p++) {
            const char *colour = colours[p % (sizeof(colours) / sizeof(colours[0]))];
            str_addf(script, "%s$policy%zu using 1:%d:%d with yerrorlines pt %zu ps 1.1 lw 1.8 lc rgb '%s' title ",
                     p ? ", " : "", p, 2 + 2 * k, 3 + 2 * k, 4 + p % 10, colour);
            if (k)
                str_add(script, "''");
            else
                gnuplot_quoted(script, s->policy_names[p]);
        }
        str_add(script, "\n");
    }
    str_add(script, "unset multiplot\n");
}

int sweep_plot(const struct sweep *s, bool with_waiting, const char *path, struct err *err)
{
    struct str script;
    str_init(&script, 0);
    int money = with_waiting ? SWEEP_COST : SWEEP_MONEY;
    int code = 0;
    if (s->axis_count == 1) {
        lines(&script, s, money, path);
    } else {
        struct panel_set set = {
            .s = s, .measure = money, .x = &s->axes[s->axis_count - 1], .y = &s->axes[s->axis_count - 2]};
        set.outer = s->points / (set.x->count * set.y->count);
        set.count = set.outer * s->policies;
        set.across = set.count < 3 ? set.count : set.count < 5 ? 2 : set.count < 10 ? 3 : 4;
        find_range(&set);
        if (set.count > PANELS_MAX)
            code = err_set(err, EXIT_INPUT, "--plot: %zu panels are too many; at most %d fit", set.count, PANELS_MAX);
        else
            heat_maps(&script, &set, path);
    }
    if (!code)
        code = gnuplot_draw("--plot", &script, path, err);
    str_release(&script);
    return code;
}
