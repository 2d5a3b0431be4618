#include "sim/frontier_chart.h"

#include "sim/chart_theme.h"

static void add_point(struct str *s, const struct frontier_point *p)
{
    char text[MONEY_TEXT_SIZE];
    int64_t lead_s = p->outcome.lead.percentile[STATS_P95];
    str_addf(s, "%lld %s\n", (long long)(lead_s > 0 ? lead_s : 1), money_text(p->per_month, text));
}

static void add_marks(struct str *s, const char *name, const struct frontier *f, bool dominated)
{
    str_addf(s, "$%s << EOD\n", name);
    for (size_t i = 0; i < f->count; i++)
        if (f->points[i].dominated == dominated)
            add_point(s, &f->points[i]);
    str_add(s, "EOD\n");
}

static size_t count_of(const struct frontier *f, bool dominated)
{
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++)
        count += f->points[i].dominated == dominated;
    return count;
}

static void add_ring(struct str *s, struct str *rows, const char *name, const struct frontier_point *p,
                     const char *what, const char *look)
{
    char label[2 * POLICY_TEXT_SIZE];
    struct str title;
    if (!p)
        return;
    str_addf(s, "$%s << EOD\n", name);
    add_point(s, p);
    str_add(s, "EOD\n");
    str_init(&title, 0);
    str_addf(&title, "%s: %s", what, outcome_policy_label(&p->outcome.policy, label));
    str_addf(rows, ", $%s with points %s title ", name, look);
    gnuplot_quoted(rows, title.text);
    str_release(&title);
}

/* The key stands below, in a margin of its own. */
static void add_setting(struct str *s, bool for_phone)
{
    str_addf(s,
             "set terminal svg size %s font '%s' background '" CHART_PAGE "' noenhanced\nset encoding utf8\n"
             "set lmargin at screen %s\nset rmargin at screen %s\nset tmargin at screen 0.97\n"
             "set bmargin at screen %s\nset xlabel '%s'\n",
             for_phone ? "400,600" : "900,560", for_phone ? "sans,14" : "sans,13", for_phone ? "0.17" : "0.09",
             for_phone ? "0.95" : "0.97", for_phone ? "0.45" : "0.31",
             for_phone ? "lead time to rolled out, 95th percentile"
                       : "lead time from commit to rolled out, 95th percentile");
    str_addf(s, "set key at screen 0.5, screen %s center top vertical Left reverse spacing 1.6 maxrows %d\n",
             for_phone ? "0.32" : "0.2", for_phone ? 6 : 3);
    str_add(s, "set grid lc rgb '" CHART_GRID "' lw 0.8\nset border 3 lc rgb '" CHART_AXIS
               "'\nset tics nomirror\nset logscale x\nset ylabel 'USD a month'\nset format y '%g'\nset yrange "
               "[0:*]\nset offsets graph 0.05, graph 0.05, graph 0.1, 0\n"
               "set xtics ('1s' 1, '10s' 10, '1m' 60, '5m' 300, '20m' 1200, '1h' 3600, '3h' 10800, '12h' 43200, "
               "'1d' 86400, '4d' 345600, '16d' 1382400, '3mo' 7889400, '1y' 31556952)\n");
}

int frontier_chart_svg(const struct frontier *f, const struct frontier_point *best, bool for_phone, struct str *out,
                       struct err *err)
{
    struct str s;
    struct str rows;
    str_init(&s, 0);
    str_init(&rows, 0);
    add_setting(&s, for_phone);
    add_marks(&s, "worth", f, false);
    add_marks(&s, "beaten", f, true);
    add_ring(&s, &rows, "idle", f->idle, "baseline", "pt 6 ps 2 lw 2 lc rgb '" CHART_GREY "'");
    add_ring(&s, &rows, "every", f->every, "baseline", "pt 4 ps 2 lw 2 lc rgb '" CHART_GREY "'");
    add_ring(&s, &rows, "best", best, "recommended", "pt 6 ps 2.6 lw 3 lc rgb '" CHART_RED "'");
    str_addf(&s, "plot $worth with points pt 7 ps 1 lc rgb '" CHART_BLUE "' title 'no other beats it'%s%s\n",
             count_of(f, true) ? ", $beaten with points pt 2 ps 0.8 lc rgb '" CHART_GREY "' title 'beaten by another'"
                               : "",
             rows.text);
    int code = gnuplot_text(&s, out, err);
    str_release(&s);
    str_release(&rows);
    return code;
}
