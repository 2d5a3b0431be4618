#include "billing/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/rows.h"

#define PLANS_REQUIRED "plan,hourly_usd,start,end"
#define RATES_REQUIRED "type,region,effective,usd_per_hour"
#define FAR            (INT64_MAX / 4)

const char *plan_kind_name(enum plan_kind kind)
{
    return kind == PLAN_EC2_INSTANCE ? "ec2-instance" : "compute";
}

static enum plan_kind read_kind(struct rows *rows)
{
    const char *text = rows_name(rows, "plan");
    if (strcmp(text, "ec2-instance") == 0)
        return PLAN_EC2_INSTANCE;
    if (rows->good && strcmp(text, "compute") != 0)
        rows_bad(rows, "plan", "\"%.60s\" is neither ec2-instance nor compute", text);
    return PLAN_COMPUTE;
}

static void read_plan(struct plans *out, struct names *names, struct rows *rows)
{
    struct plan p = {
        .account = names_id(names, rows_name_or(rows, "account", "")),
        .kind = read_kind(rows),
        .line = (uint32_t)csv_line(rows->csv),
        .hourly_usd = rows_price(rows, "hourly_usd"),
        .start = rows_instant(rows, "start"),
        .end = rows_instant(rows, "end"),
    };
    if (p.kind == PLAN_EC2_INSTANCE) {
        p.family = names_id(names, rows_name(rows, "family"));
        p.region = names_id(names, rows_name(rows, "region"));
    }
    if (rows->good && p.end <= p.start)
        rows_bad(rows, "end", "the term ends before it starts");
    if (!rows->good)
        return;
    out->rows = mem_grow(out->rows, &out->cap, out->count + 1, sizeof(*out->rows));
    out->rows[out->count++] = p;
}

static int load_plans(struct plans *out, struct names *names, struct rows *rows, struct err *err)
{
    struct plans plans = {.name = mem_dup(csv_name(rows->csv))};
    while (rows_next(rows))
        read_plan(&plans, names, rows);
    int code = rows_close(rows, err);
    if (code)
        plans_release(&plans);
    else
        *out = plans;
    return code;
}

int plans_open(struct plans *out, struct names *names, const char *path, const struct session *session, struct err *err)
{
    struct rows rows;
    int code = rows_open(&rows, path, PLANS_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load_plans(out, names, &rows, err);
}

int plans_open_text(struct plans *out, struct names *names, const char *name, const char *text, size_t len,
                    const struct session *session, struct err *err)
{
    struct rows rows;
    int code = rows_open_text(&rows, name, text, len, PLANS_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load_plans(out, names, &rows, err);
}

void plans_release(struct plans *plans)
{
    free(plans->name);
    free(plans->rows);
    *plans = (struct plans){0};
}

static void read_rate(struct plan_rates *out, struct names *names, struct rows *rows)
{
    struct plan_rate r = {
        .type = names_id(names, rows_name(rows, "type")),
        .region = names_id(names, rows_name(rows, "region")),
        .os = names_id(names, rows_os(rows)),
        .effective = rows_instant(rows, "effective"),
        .usd_per_hour = rows_price(rows, "usd_per_hour"),
    };
    const char *plan = rows_name_or(rows, "plan", "");
    r.serves[PLAN_EC2_INSTANCE] = !*plan || strcmp(plan, "ec2-instance") == 0;
    r.serves[PLAN_COMPUTE] = !*plan || strcmp(plan, "compute") == 0;
    if (!r.serves[0] && !r.serves[1])
        rows_bad(rows, "plan", "\"%.60s\" is neither ec2-instance nor compute", plan);
    if (rows->good && r.usd_per_hour > PLAN_RATE_MAX)
        rows_bad(rows, "usd_per_hour", "more than 1,000 USD an hour");
    if (!rows->good)
        return;
    out->rows = mem_grow(out->rows, &out->cap, out->count + 1, sizeof(*out->rows));
    out->rows[out->count++] = r;
}

static int load_rates(struct plan_rates *out, struct names *names, struct rows *rows, struct err *err)
{
    struct plan_rates rates = {0};
    while (rows_next(rows))
        read_rate(&rates, names, rows);
    int code = rows_close(rows, err);
    if (code)
        plan_rates_release(&rates);
    else
        *out = rates;
    return code;
}

int plan_rates_open(struct plan_rates *out, struct names *names, const char *path, const struct session *session,
                    struct err *err)
{
    struct rows rows;
    int code = rows_open(&rows, path, RATES_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load_rates(out, names, &rows, err);
}

int plan_rates_open_text(struct plan_rates *out, struct names *names, const char *name, const char *text, size_t len,
                         const struct session *session, struct err *err)
{
    struct rows rows;
    int code = rows_open_text(&rows, name, text, len, RATES_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load_rates(out, names, &rows, err);
}

void plan_rates_release(struct plan_rates *rates)
{
    free(rates->rows);
    *rates = (struct plan_rates){0};
}

static bool of_usage(const struct plan_rate *r, uint32_t type, uint32_t region, uint32_t os)
{
    return r->type == type && r->region == region && r->os == os;
}

money_t plan_rate_at(const struct plan_rates *rates, enum plan_kind kind, uint32_t type, uint32_t region, uint32_t os,
                     instant_t at)
{
    const struct plan_rate *best = NULL;
    for (size_t i = 0; i < rates->count; i++) {
        const struct plan_rate *r = &rates->rows[i];
        if (of_usage(r, type, region, os) && r->serves[kind] && r->effective <= at &&
            (!best || r->effective >= best->effective))
            best = r;
    }
    return best ? best->usd_per_hour : -1;
}

instant_t plan_rate_next_change(const struct plan_rates *rates, uint32_t type, uint32_t region, uint32_t os,
                                instant_t at)
{
    instant_t next = FAR;
    for (size_t i = 0; i < rates->count; i++)
        if (of_usage(&rates->rows[i], type, region, os) && rates->rows[i].effective > at &&
            rates->rows[i].effective < next)
            next = rates->rows[i].effective;
    return next;
}
