#include "billing/reservation.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/rows.h"

#define RESERVED_REQUIRED "type,region,start,end"

const char *reserved_model_name(enum reserved_model model)
{
    return model == MODEL_POOL ? "pool" : "clock-hour";
}

static enum reserved_model read_model(struct rows *rows)
{
    const char *name = rows_name_or(rows, "model", "clock-hour");
    if (strcmp(name, "pool") == 0)
        return MODEL_POOL;
    if (strcmp(name, "clock-hour") != 0)
        rows_bad(rows, "model", "\"%.60s\" is neither clock-hour nor pool", name);
    return MODEL_CLOCK_HOUR;
}

static void read_row(struct reservations *r, struct names *names, struct rows *rows)
{
    struct reservation row = {
        .account = names_id(names, rows_name_or(rows, "account", "")),
        .type = names_id(names, rows_name(rows, "type")),
        .region = names_id(names, rows_name(rows, "region")),
        .zone = names_id(names, rows_name_or(rows, "zone", "")),
        .os = names_id(names, rows_os(rows)),
        .line = (uint32_t)csv_line(rows->csv),
        .count = (uint32_t)rows_count_or(rows, "count", 1, RESERVATION_COUNT_MAX, 1),
        .model = read_model(rows),
        .upfront_usd = rows_price_or(rows, "upfront_usd", 0),
        .hourly_usd = rows_price_or(rows, "hourly_usd", 0),
        .start = rows_instant(rows, "start"),
        .end = rows_instant(rows, "end"),
    };
    if (rows->good && row.end <= row.start)
        rows_bad(rows, "end", "the term ends before it has begun");
    if (!rows->good)
        return;
    r->rows = mem_grow(r->rows, &r->cap, r->count + 1, sizeof(*r->rows));
    r->rows[r->count++] = row;
}

static int load(struct reservations *out, struct names *names, struct rows *rows, struct err *err)
{
    struct reservations r = {.name = mem_dup(csv_name(rows->csv))};
    while (rows_next(rows))
        read_row(&r, names, rows);
    int code = rows_close(rows, err);
    if (code)
        reservations_release(&r);
    else
        *out = r;
    return code;
}

int reservations_open(struct reservations *out, struct names *names, const char *path, const struct session *session,
                      struct err *err)
{
    struct rows rows;
    int code = rows_open(&rows, path, RESERVED_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load(out, names, &rows, err);
}

int reservations_open_text(struct reservations *out, struct names *names, const char *name, const char *text,
                           size_t len, const struct session *session, struct err *err)
{
    struct rows rows;
    int code = rows_open_text(&rows, name, text, len, RESERVED_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load(out, names, &rows, err);
}

void reservations_release(struct reservations *r)
{
    free(r->name);
    free(r->rows);
    *r = (struct reservations){0};
}
