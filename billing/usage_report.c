#include "billing/usage_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

#define UNITS_PER_HOUR INT64_C(10000000000)
#define HOURS_MOST     1000 /* that one instance can have started in one clock hour */

/* Instance time in one clock hour; usage_row.end is not known yet. */
struct part {
    struct usage_row row;
    int64_t amount; /* hours, 1e-10 */
};

struct parts {
    struct part *items;
    size_t count, cap;
};

static int add_part(struct parts *parts, struct names *names, const struct cost_line *line, const char *file, size_t at,
                    struct err *err)
{
    if (line->end - line->start > SECONDS_PER_HOUR)
        return err_at(err, EXIT_INPUT, file, at, 0, "a line of more than an hour: only reports by hour can be billed");
    if (line->amount < 0 || line->amount > HOURS_MOST * UNITS_PER_HOUR)
        return err_at(err, EXIT_INPUT, file, at, 0, "instance time below zero, or more than can be in an hour");
    parts->items = mem_grow(parts->items, &parts->cap, parts->count + 1, sizeof(*parts->items));
    parts->items[parts->count++] = (struct part){.row = {.account = names_id(names, line->account),
                                                         .instance = names_id(names, line->resource),
                                                         .type = names_id(names, line->instance_type),
                                                         .region = names_id(names, line->region),
                                                         .zone = names_id(names, line->zone),
                                                         .os = names_id(names, line->os),
                                                         .line = (uint32_t)at,
                                                         .type_column = 1,
                                                         .start = line->start - line->start % SECONDS_PER_HOUR},
                                                 .amount = line->amount};
    return 0;
}

static int compare_parts(const void *a, const void *b)
{
    const struct usage_row *x = &((const struct part *)a)->row;
    const struct usage_row *y = &((const struct part *)b)->row;
    if (x->account != y->account)
        return x->account < y->account ? -1 : 1;
    if (x->instance != y->instance)
        return x->instance < y->instance ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static bool same_instance(const struct part *a, const struct part *b)
{
    return a->row.account == b->row.account && a->row.instance == b->row.instance && a->row.type == b->row.type &&
           a->row.os == b->row.os && a->row.region == b->row.region;
}

/* Lines of one instance and hour (covered in part, say) become one part. */
static void sum_hours(struct parts *parts)
{
    size_t kept = 0;
    for (size_t i = 0; i < parts->count; i++) {
        struct part *last = kept ? &parts->items[kept - 1] : NULL;
        if (last && same_instance(last, &parts->items[i]) && last->row.start == parts->items[i].row.start)
            last->amount += parts->items[i].amount;
        else
            parts->items[kept++] = parts->items[i];
    }
    parts->count = kept;
}

static int64_t seconds_of(const struct part *part)
{
    return (int64_t)num_div_half_even((int128)part->amount * SECONDS_PER_HOUR, UNITS_PER_HOUR);
}

static void add_row(struct usage *usage, const struct part *part, instant_t start, instant_t end)
{
    if (start >= end)
        return;
    usage->rows = mem_grow(usage->rows, &usage->cap, usage->count + 1, sizeof(*usage->rows));
    struct usage_row *row = &usage->rows[usage->count++];
    *row = part->row;
    row->start = start;
    row->end = end;
}

/* Adds the parts [first, last): hours of one instance, one behind the other. */
static void add_run(struct usage *usage, const struct part *first, const struct part *last)
{
    instant_t start = first->row.start;
    instant_t end = start;
    for (const struct part *p = first; p < last; p++) {
        int64_t seconds = seconds_of(p);
        for (; seconds > SECONDS_PER_HOUR; seconds -= SECONDS_PER_HOUR)
            add_row(usage, p, p->row.start, p->row.start + SECONDS_PER_HOUR);
        if (p == first) {
            end = start + seconds;
            if (last - first > 1) {
                start += SECONDS_PER_HOUR - seconds;
                end = first->row.start + SECONDS_PER_HOUR;
            }
            continue;
        }
        if (end != p->row.start) {
            add_row(usage, p, start, end);
            start = p->row.start;
        }
        end = p->row.start + seconds;
    }
    add_row(usage, first, start, end);
}

static void add_runs(struct usage *usage, const struct parts *parts)
{
    for (size_t i = 0; i < parts->count;) {
        size_t j = i + 1;
        while (j < parts->count && same_instance(&parts->items[i], &parts->items[j]) &&
               parts->items[j].row.start == parts->items[j - 1].row.start + SECONDS_PER_HOUR)
            j++;
        add_run(usage, &parts->items[i], &parts->items[j]);
        i = j;
    }
}

int usage_from_report(struct usage *out, struct names *names, struct cost_report *report, struct err *err)
{
    struct usage usage = {.name = mem_dup(cost_report_file(report))};
    struct parts parts = {0};
    struct cost_line line = {0};
    int got = 0;
    int code = 0;
    while (!code && (got = cost_report_next(report, &line, err)) > 0)
        if (line.instance && *line.resource)
            code = add_part(&parts, names, &line, cost_report_file(report), cost_report_line(report), err);
    code = got < 0 ? EXIT_INPUT : code;
    if (!code && parts.count) {
        qsort(parts.items, parts.count, sizeof(*parts.items), compare_parts);
        sum_hours(&parts);
        add_runs(&usage, &parts);
    }
    free(parts.items);
    if (code)
        usage_release(&usage);
    else
        *out = usage;
    return code;
}
