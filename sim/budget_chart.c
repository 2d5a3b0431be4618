#include "sim/budget_chart.h"

#include <stdio.h>
#include <string.h>

#include "sim/chart_theme.h"

#define LIMITS_MOST 5

static const char *usd_text(money_t usd, char to[MONEY_TEXT_SIZE])
{
    return money_text(usd, to);
}

/* Day by day: what the month has cost by its end. The last is the day of the report, up to now. */
static void add_month(struct str *s, const struct budget_report *r)
{
    const struct budget_history *h = r->history;
    const struct spending *p = r->spending;
    int64_t first = calendar_month_start(p->month) / SECONDS_PER_DAY;
    int64_t today = p->at / SECONDS_PER_DAY;
    char text[MONEY_TEXT_SIZE];
    money_t sum = 0;
    str_add(s, "$month << EOD\n0 0\n");
    for (int64_t day = first; day < today; day++) {
        int64_t i = day - h->first_day;
        sum += i >= 0 && i < (int64_t)h->count ? h->usd[i] : 0;
        int64_t end = day - first + 1;
        str_addf(s, "%lld %s\n", (long long)end, usd_text(sum, text));
    }
    struct err err;
    money_t now = sum;
    money_t forecast = sum;
    if (spending_so_far(p, BUDGET_USD, &now, &err) || spending_forecast(p, BUDGET_USD, &forecast, &err))
        forecast = now;
    int64_t ahead = p->length_s / SECONDS_PER_DAY;
    str_addf(s, "%lld.%04lld %s\nEOD\n", (long long)(p->elapsed_s / SECONDS_PER_DAY),
             (long long)(p->elapsed_s % SECONDS_PER_DAY * 10000 / SECONDS_PER_DAY), usd_text(now, text));
    str_addf(s, "$ahead << EOD\n%lld.%04lld %s\n", (long long)(p->elapsed_s / SECONDS_PER_DAY),
             (long long)(p->elapsed_s % SECONDS_PER_DAY * 10000 / SECONDS_PER_DAY), usd_text(now, text));
    str_addf(s, "%lld %s\nEOD\n", (long long)ahead, usd_text(forecast, text));
}

static void add_limits(struct str *s, struct str *rows, const struct budget_report *r)
{
    char text[MONEY_TEXT_SIZE];
    int drawn = 0;
    for (size_t i = 0; i < r->count && drawn < LIMITS_MOST; i++) {
        const struct budget *b = &r->budgets[i];
        if (b->unit != BUDGET_USD || b->environment || b->project)
            continue;
        str_addf(s, "$limit%d << EOD\n0 %s\n", drawn, usd_text(b->limit, text));
        str_addf(s, "%lld %s\nEOD\n", (long long)(r->spending->length_s / SECONDS_PER_DAY), usd_text(b->limit, text));
        str_addf(rows, "$limit%d with lines lw 2 dt 4 lc rgb '" CHART_RED "' title ", drawn++);
        struct str title;
        str_init(&title, 0);
        str_addf(&title, "limit \"%.60s\", %s USD", b->name, money_short(b->limit, text));
        gnuplot_quoted(rows, title.text);
        str_add(rows, ", ");
        str_release(&title);
    }
}

static void add_days(struct str *s, const struct budget_report *r)
{
    const struct budget_history *h = r->history;
    char text[MONEY_TEXT_SIZE];
    char date[INSTANT_TEXT_SIZE];
    str_add(s, "$days << EOD\n");
    for (size_t i = 0; i < h->count; i++)
        str_addf(s, "%zu %s\n", i, usd_text(h->usd[i], text));
    str_add(s, "EOD\nset xtics (");
    for (size_t i = h->count % 5 ? h->count % 5 - 1 : 4; i < h->count; i += 5)
        str_addf(s, "%s'%s' %zu", i >= 5 ? ", " : "",
                 calendar_date_text((h->first_day + (int64_t)i) * SECONDS_PER_DAY, date) + 5, i);
    str_add(s, ")\n");
}

static bool costs_something(const struct budget_history *h)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->usd[i])
            return true;
    return false;
}

/* What differs between a picture for a wide page and one for a phone, which is shown as large as it is drawn. */
struct look {
    const char *size, *font, *title_font, *left, *right, *about;
};
static const struct look wide = {"900,640", "sans,12", ",14",
                                 "0.1",     "0.97",    "Cost of %s so far, and at the present rate"};
static const struct look narrow = {"400,620", "sans,14", ",14", "0.17", "0.95", "Cost of %s, and at this rate"};

static void add_upper(struct str *s, const struct budget_report *r, const struct look *look, const char *limits)
{
    char month[INSTANT_TEXT_SIZE];
    struct str title;
    str_init(&title, 0);
    str_addf(&title, look->about, calendar_month_text(r->spending->month, month));
    str_addf(s,
             "set origin 0,0.4\nset size 1,0.6\nset title '%s' font '%s'\nset xrange [0:%lld]\nset xtics 5\n"
             "set xlabel 'day of the month (UTC)'\nset ylabel 'USD'\nset key left top reverse Left\n",
             title.text, look->title_font, (long long)(r->spending->length_s / SECONDS_PER_DAY));
    str_addf(s,
             "plot %s$month with lines lw 3 lc rgb '" CHART_BLUE
             "' title 'spent', $ahead with lines lw 2.5 dt 2 lc rgb '" CHART_BLUE "' title 'forecast'\n",
             limits);
    str_release(&title);
}

static void script(struct str *s, const struct budget_report *r, const struct look *look, bool svg)
{
    struct str rows;
    str_init(&rows, 0);
    str_addf(s, "set terminal %s size %s font '%s' background '" CHART_PAGE "' noenhanced\nset encoding utf8\n",
             svg ? "svg" : "pngcairo", look->size, look->font);
    str_addf(s,
             "set multiplot\nset grid ytics lc rgb '" CHART_GRID "' lw 0.8\nset border 3 lc rgb '" CHART_AXIS
             "'\nset tics nomirror\nset lmargin at screen %s\nset rmargin at screen %s\nset yrange [0:*]\n"
             "set format y '%%g'\n",
             look->left, look->right);
    add_month(s, r);
    add_limits(s, &rows, r);
    add_upper(s, r, look, rows.text);
    add_days(s, r);
    str_addf(s,
             "set origin 0,0\nset size 1,0.4\nset title 'Each of the last %zu days' font '%s'\nset xrange "
             "[-0.7:%zu.7]\nunset key\nset xlabel ''\nset boxwidth 0.8\nset style fill solid 0.9\n%s"
             "plot $days with boxes lc rgb '" CHART_BLUE "'\nunset multiplot\n",
             r->history->count, look->title_font, r->history->count - 1,
             costs_something(r->history) ? "" : "set yrange [0:1]\n");
    str_release(&rows);
}

int budget_chart(const struct budget_report *report, const char *option, const char *path, struct err *err)
{
    struct str s;
    str_init(&s, 0);
    script(&s, report, &wide, strcmp(gnuplot_extension(path), "svg") == 0);
    int code = gnuplot_draw(option, &s, path, err);
    str_release(&s);
    return code;
}

int budget_chart_svg(const struct budget_report *report, bool for_phone, struct str *out, struct err *err)
{
    struct str s;
    str_init(&s, 0);
    script(&s, report, for_phone ? &narrow : &wide, true);
    int code = gnuplot_text(&s, out, err);
    str_release(&s);
    return code;
}
