#include "sim/frontier_chart.h"

/* Colours of Okabe and Ito, "Color universal design" (2008). */
#define BLUE "#0072B2"
#define RED  "#D55E00"
#define GREY "#999999"

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

int frontier_chart_svg(const struct frontier *f, const struct frontier_point *best, struct str *out, struct err *err)
{
    struct str s;
    struct str rows;
    str_init(&s, 0);
    str_init(&rows, 0);
    str_add(&s, "set terminal svg size 900,520 font 'sans,13' background '#FFFFFF'\nset encoding utf8\n"
                "set grid lc rgb '#DDDDDD' lw 0.8\nset border 3 lc rgb '#444444'\nset tics nomirror\n"
                "set logscale x\nset xlabel 'lead time from commit to rolled out, 95th percentile'\n"
                "set ylabel 'USD a month'\nset format y '%g'\nset yrange [0:*]\nset offsets graph 0.05, graph 0.05, "
                "graph 0.1, 0\n"
                "set key outside bottom center horizontal\n"
                "set xtics ('1s' 1, '10s' 10, '1m' 60, '5m' 300, '20m' 1200, '1h' 3600, '3h' 10800, '12h' 43200, "
                "'1d' 86400, '4d' 345600, '16d' 1382400, '3mo' 7889400, '1y' 31556952)\n");
    add_marks(&s, "worth", f, false);
    add_marks(&s, "beaten", f, true);
    add_ring(&s, &rows, "idle", f->idle, "baseline", "pt 6 ps 2 lw 2 lc rgb '" GREY "'");
    add_ring(&s, &rows, "every", f->every, "baseline", "pt 4 ps 2 lw 2 lc rgb '" GREY "'");
    add_ring(&s, &rows, "best", best, "recommended", "pt 6 ps 2.6 lw 3 lc rgb '" RED "'");
    str_addf(&s, "plot $worth with points pt 7 ps 1 lc rgb '" BLUE "' title 'no other beats it'%s%s\n",
             count_of(f, true) ? ", $beaten with points pt 2 ps 0.8 lc rgb '" GREY "' title 'beaten by another'" : "",
             rows.text);
    int code = gnuplot_text(&s, out, err);
    str_release(&s);
    str_release(&rows);
    return code;
}
