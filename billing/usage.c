#include "billing/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/rows.h"
#include "billing/usage_report.h"

#define USAGE_REQUIRED "instance,type,region,start,end"

/* What a row is known by while rows are compared with each other. */
struct loaded {
    struct usage usage;
    uint32_t *start_column; /* by row */
    size_t start_cap;
    const instant_t *until;
    struct names *names;
};

static instant_t read_end(struct rows *rows, const instant_t *until)
{
    const char *text = csv_field(rows->csv, "end");
    if (text && *text)
        return rows_instant(rows, "end");
    if (!until)
        rows_bad(rows, "end", "is empty: the instance still runs; say up to when with --to");
    return until ? *until : 0;
}

static void read_row(struct loaded *in, struct rows *rows)
{
    struct names *names = in->names;
    const char *end_text = csv_field(rows->csv, "end");
    bool open = end_text && !*end_text;
    struct usage_row row = {
        .account = names_id(names, rows_name_or(rows, "account", "")),
        .instance = names_id(names, rows_name(rows, "instance")),
        .type = names_id(names, rows_name(rows, "type")),
        .region = names_id(names, rows_name(rows, "region")),
        .zone = names_id(names, rows_name_or(rows, "zone", "")),
        .os = names_id(names, rows_os(rows)),
        .line = (uint32_t)csv_line(rows->csv),
        .type_column = (uint32_t)csv_column_at(rows->csv, "type"),
        .start = rows_instant(rows, "start"),
    };
    row.end = read_end(rows, in->until);
    if (rows->good && row.end < row.start && !open)
        rows_bad(rows, "end", "the end is before the start");
    if (!rows->good || (open && row.start >= row.end))
        return;
    struct usage *u = &in->usage;
    u->rows = mem_grow(u->rows, &u->cap, u->count + 1, sizeof(*u->rows));
    in->start_column = mem_grow(in->start_column, &in->start_cap, u->count + 1, sizeof(*in->start_column));
    in->start_column[u->count] = (uint32_t)csv_column_at(rows->csv, "start");
    u->rows[u->count++] = row;
}

static int compare_number(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_rows(const void *a, const void *b)
{
    const struct usage_row *x = *(const struct usage_row *const *)a;
    const struct usage_row *y = *(const struct usage_row *const *)b;
    int order = compare_number(x->account, y->account);
    order = order ? order : compare_number(x->instance, y->instance);
    order = order ? order : (x->start > y->start) - (x->start < y->start);
    order = order ? order : (x->end > y->end) - (x->end < y->end);
    return order ? order : compare_number(x->line, y->line);
}

/* An instance runs once at a time: in the order of starts, each period begins no earlier than all before it ended. */
static void check_overlap(struct loaded *in, struct rows *rows)
{
    struct usage *u = &in->usage;
    const struct usage_row **order = mem_array(NULL, u->count, sizeof(struct usage_row *));
    for (size_t i = 0; i < u->count; i++)
        order[i] = &u->rows[i];
    if (u->count)
        qsort(order, u->count, sizeof(struct usage_row *), compare_rows);
    const struct usage_row *last = NULL; /* of this instance's, the one that ends last */
    for (size_t i = 0; i < u->count; i++) {
        const struct usage_row *row = order[i];
        bool same = last && last->account == row->account && last->instance == row->instance;
        if (same && row->start < last->end)
            diag_at(&rows->diag, u->name, row->line, in->start_column[row - u->rows],
                    "start: the instance \"%s\" runs already, since line %u", names_text(in->names, row->instance),
                    last->line);
        if (!same || row->end > last->end)
            last = row;
    }
    free(order);
}

static int load(struct usage *out, struct names *names, const instant_t *until, struct rows *rows, struct err *err)
{
    struct loaded in = {.until = until, .names = names};
    in.usage.name = mem_dup(csv_name(rows->csv));
    while (rows_next(rows))
        read_row(&in, rows);
    check_overlap(&in, rows);
    free(in.start_column);
    int code = rows_close(rows, err);
    if (code)
        usage_release(&in.usage);
    else
        *out = in.usage;
    return code;
}

static int open_report(struct usage *out, struct names *names, const char *path, struct err *err)
{
    struct cost_report *report;
    int code = cost_report_open(&report, &path, 1, err);
    if (code)
        return code;
    code = usage_from_report(out, names, report, err);
    cost_report_close(report);
    return code;
}

int usage_open(struct usage *out, struct names *names, const char *path, const instant_t *until,
               const struct session *session, struct err *err)
{
    if (cost_report_is(path))
        return open_report(out, names, path, err);
    struct rows rows;
    int code = rows_open(&rows, path, USAGE_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load(out, names, until, &rows, err);
}

int usage_open_text(struct usage *out, struct names *names, const char *name, const char *text, size_t len,
                    const instant_t *until, const struct session *session, struct err *err)
{
    struct rows rows;
    int code = rows_open_text(&rows, name, text, len, USAGE_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load(out, names, until, &rows, err);
}

void usage_release(struct usage *usage)
{
    free(usage->name);
    free(usage->rows);
    *usage = (struct usage){0};
}
