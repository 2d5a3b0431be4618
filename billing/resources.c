#include "billing/resources.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "billing/meter.h"
#include "billing/rows.h"

#define REQUIRED     "resource,kind,start,end"
#define QUANTITY_MAX ((int64_t)1000000 * CHARGE_QUANTITY)

static const char *kind_of(struct rows *rows)
{
    const char *kind = rows_name(rows, "kind");
    struct err err;
    if (strcmp(kind, "storage") == 0)
        return "volume";
    if (strcmp(kind, "address") == 0)
        return "public-ipv4";
    if (rows->good && strcmp(kind, "instance") == 0)
        rows_bad(rows, "kind", "instances are usage: --usage FILE reads them");
    else if (rows->good && charge_kind_check(kind, &err))
        rows_bad(rows, "kind", "%s", err.text);
    return kind;
}

static int64_t quantity_of(struct rows *rows)
{
    const char *text = csv_field(rows->csv, "quantity");
    int64_t quantity = CHARGE_QUANTITY;
    if (text && *text && (num_decimal(text, strlen(text), 6, &quantity) || quantity < 0 || quantity > QUANTITY_MAX)) {
        rows_bad(rows, "quantity", "\"%.60s\" is no number from 0 to a million with at most six decimals", text);
        return 0;
    }
    return quantity;
}

/* A unit may be left out; where it stands it must be the kind's, or 100 GB could be taken for 100 bytes. */
static void check_unit(struct rows *rows, const char *kind)
{
    const char *unit = rows_name_or(rows, "unit", "");
    const char *own = meter_kind_unit(kind);
    if (!rows->good || !*unit || !own || strcmp(unit, own) == 0)
        return;
    bool storage = strcmp(own, "GB-month") == 0;
    bool fits = storage ? strcmp(unit, "GB") == 0
                        : strcmp(unit, "hour") == 0 || strcmp(unit, "count") == 0 || strcmp(unit, "job") == 0;
    if (!fits)
        rows_bad(rows, "unit", "\"%.60s\" is not what %s is counted in (%s)", unit, kind, storage ? "GB" : own);
}

static instant_t end_of(struct rows *rows, const instant_t *until)
{
    const char *text = csv_field(rows->csv, "end");
    if (text && !*text && until)
        return *until;
    return rows_instant(rows, "end");
}

static void read_row(struct resources *out, struct names *names, struct rows *rows, const instant_t *until)
{
    const char *usd = csv_field(rows->csv, "usd");
    const char *kind = kind_of(rows);
    check_unit(rows, kind);
    struct resource_row row = {
        .account = names_id(names, rows_name_or(rows, "account", "")),
        .resource = names_id(names, rows_name(rows, "resource")),
        .kind = names_id(names, kind),
        .region = names_id(names, rows_name_or(rows, "region", "any")),
        .line = (uint32_t)csv_line(rows->csv),
        .kind_column = (uint32_t)csv_column_at(rows->csv, "kind"),
        .quantity = quantity_of(rows),
        .usd = usd && *usd ? rows_price(rows, "usd") : -1,
        .start = rows_instant(rows, "start"),
    };
    row.end = end_of(rows, until);
    if (rows->good && row.end < row.start)
        rows_bad(rows, "end", "the end is before the start");
    if (rows->good && row.end - row.start > CHARGE_MOST_S)
        rows_bad(rows, "end", "longer than a hundred years");
    if (!rows->good)
        return;
    out->rows = mem_grow(out->rows, &out->cap, out->count + 1, sizeof(*out->rows));
    out->rows[out->count++] = row;
}

static int load(struct resources *out, struct names *names, struct rows *rows, const instant_t *until, struct err *err)
{
    struct resources r = {.name = mem_dup(csv_name(rows->csv))};
    while (rows_next(rows))
        read_row(&r, names, rows, until);
    int code = rows_close(rows, err);
    if (code)
        resources_release(&r);
    else
        *out = r;
    return code;
}

int resources_open(struct resources *out, struct names *names, const char *path, const instant_t *until,
                   const struct session *session, struct err *err)
{
    struct rows rows;
    int code = rows_open(&rows, path, REQUIRED, session ? session->err : NULL, err);
    return code ? code : load(out, names, &rows, until, err);
}

int resources_open_text(struct resources *out, struct names *names, const char *name, const char *text, size_t len,
                        const instant_t *until, const struct session *session, struct err *err)
{
    struct rows rows;
    int code = rows_open_text(&rows, name, text, len, REQUIRED, session ? session->err : NULL, err);
    return code ? code : load(out, names, &rows, until, err);
}

void resources_release(struct resources *resources)
{
    free(resources->name);
    free(resources->rows);
    *resources = (struct resources){0};
}
