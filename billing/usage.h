/*
 * usage.h - which instance ran when: usage records from CSV.
 *
 * Columns, by name: account,instance,type,region,zone,os,start,end; account, zone and os may be missing ("", "",
 * linux). One row is one running period [start, end). An empty end means still running and is allowed only where the
 * caller says up to when. Texts are numbers in the caller's struct names.
 *
 * A cost report (cost_report.h: a CUR or FOCUS export, or its manifest) is taken as well: usage_report.h.
 *
 * Ownership: a struct usage is the caller's, from usage_open to usage_release. Cost: one pass and a sort; 56 bytes a
 * row. Errors: every bad row is reported by itself through the session's err stream, then EXIT_INPUT.
 */
#ifndef BILLING_USAGE_H
#define BILLING_USAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/session.h"
#include "billing/calendar.h"
#include "billing/metering.h"
#include "billing/names.h"

struct usage_row {
    uint32_t account, instance, type, region, zone, os;
    uint32_t line, type_column; /* where the row stands, for messages */
    /* Of a ledger's uses: what an hour costs, whatever the catalog says (a name's number + 1, of money_text; 0: the
     * catalog's), and how it is metered (enum regime_choice; 0: as all). */
    uint32_t own_price, own_regime;
    instant_t start, end;
};

struct usage {
    char *name; /* of the file */
    struct usage_row *rows;
    size_t count, cap;
};

/* How a row is metered: in its own way, else in that of all. */
static inline enum regime_choice usage_regime(const struct usage_row *row, enum regime_choice all)
{
    return row->own_regime ? (enum regime_choice)row->own_regime : all;
}

/* until: up to when an instance without an end is billed; NULL: such a row is bad. A row still running that starts at
 * or after it is left out. session NULL: bad rows are only counted. */
int usage_open(struct usage *out, struct names *names, const char *path, const instant_t *until,
               const struct session *session, struct err *err) MUST_USE;
int usage_open_text(struct usage *out, struct names *names, const char *name, const char *text, size_t len,
                    const instant_t *until, const struct session *session, struct err *err) MUST_USE;
void usage_release(struct usage *usage);

#endif
