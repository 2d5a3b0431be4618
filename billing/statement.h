/*
 * statement.h - what the ledger has booked, by day, month, deployment, kind, environment or project, printed as the
 * session says: text, JSON (schema bakehour.bill/1, by, rows[]) or CSV. By deployment, what was estimated stands
 * beside. Below (JSON: overrides[]) the deployments that went on over a hard budget.
 */
#ifndef BILLING_STATEMENT_H
#define BILLING_STATEMENT_H

#include "base/opt.h"
#include "base/session.h"
#include "billing/ledger.h"
#include "billing/option.h"

enum statement_by {
    STATEMENT_UNSAID,
    STATEMENT_DAY,
    STATEMENT_MONTH,
    STATEMENT_DEPLOYMENT,
    STATEMENT_KIND,
    STATEMENT_ENVIRONMENT,
    STATEMENT_PROJECT,
};

opt_set statement_opt_by; /* enum statement_by */
#define STATEMENT_BYS "day|month|deployment|kind|environment|project"

int statement_print(struct ledger *ledger, enum statement_by by, struct opt_instant from, struct opt_instant to,
                    const struct session *session, struct err *err) MUST_USE;

#endif
