/*
 * resources.h - what was kept or used beside instances: records from CSV.
 *
 * Columns, by name: account,resource,kind,quantity,unit,region,start,end,usd; resource, kind, start and end are
 * required; else account "", region "any", quantity 1, unit the kind's own, usd the price of data/resource-prices.csv.
 * kind: volume (or storage), snapshot, public-ipv4 (or address), fsr, ci-minute, nat-gb, transfer-gb. One row is one
 * use [start, end); quantity (at most six decimals) is in GB, addresses, zones, jobs. usd is a price of its own: per
 * GB-month, hour, ...
 *
 * Ownership: a struct resources is the caller's, from resources_open to resources_release; texts are numbers in the
 * caller's struct names. Errors: every bad row is reported by itself, then EXIT_INPUT.
 */
#ifndef BILLING_RESOURCES_H
#define BILLING_RESOURCES_H

#include "base/session.h"
#include "billing/calendar.h"
#include "billing/charge.h"
#include "billing/names.h"

struct resource_row {
    uint32_t account, resource, kind, region; /* kind by its own name, not the alias */
    uint32_t line, kind_column;
    int64_t quantity; /* millionths */
    money_t usd;      /* below zero: none of its own */
    instant_t start, end;
};

struct resources {
    char *name; /* of the file */
    struct resource_row *rows;
    size_t count, cap;
};

int resources_open(struct resources *out, struct names *names, const char *path, const instant_t *until,
                   const struct session *session, struct err *err) MUST_USE;
int resources_open_text(struct resources *out, struct names *names, const char *name, const char *text, size_t len,
                        const instant_t *until, const struct session *session, struct err *err) MUST_USE;
void resources_release(struct resources *resources);

#endif
