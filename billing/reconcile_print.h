/* reconcile_print.h - a reconciliation for people, for scripts (JSON), and its list of differences as CSV. */
#ifndef BILLING_RECONCILE_PRINT_H
#define BILLING_RECONCILE_PRINT_H

#include "base/session.h"
#include "billing/reconcile.h"

struct reconcile_heading {
    const char *format; /* "CUR" */
    size_t parts;
    instant_t from, to; /* what was compared */
    bool compare;
    const char *against; /* the ledger, or the file of usage */
};

void reconcile_print_text(const struct reconcile *r, const struct reconcile_heading *heading,
                          const struct session *session);
void reconcile_print_json(const struct reconcile *r, const struct reconcile_heading *heading, FILE *out);

#endif
