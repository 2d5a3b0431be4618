/*
 * overrides.h - the deployments that went on over a hard budget: who, when, why, and which limits stood in the way; as
 * budget_guard.h books them, for all that tells of a month or a deployment.
 *
 * Texts are cleaned of control characters, so that no reason can write on somebody's terminal. Ownership: a struct
 * budget_overrides is the caller's until budget_overrides_release; zeroed is empty. Cost: the ledger's overrides alone,
 * however many entries it has.
 */
#ifndef BILLING_OVERRIDES_H
#define BILLING_OVERRIDES_H

#include <cjson/cJSON.h>

#include "base/session.h"
#include "base/str.h"
#include "billing/ledger.h"

#define BUDGET_OVERRIDE_KIND  "override" /* of the ledger's remark */
#define BUDGET_OVERRIDES_SAID 20         /* the last so many are told to people; documents have all */

struct budget_override {
    instant_t at;
    char *deployment, *environment, *project; /* "" where it is not known */
    char *reason, *limits;                    /* limits: in one line, "; " between them */
};

struct budget_overrides {
    struct budget_override *items; /* in the order of their time */
    size_t count, cap;
};

/* Those from `from` up to and with `to`, of the filter's deployment, environment and project; its account and unit do
 * not matter. Also on an error there is something to release. */
int budget_overrides_read(struct budget_overrides *out, struct ledger *ledger, const struct ledger_filter *filter,
                          struct err *err) MUST_USE;
void budget_overrides_release(struct budget_overrides *list);
/* The last one of a deployment, or NULL. */
const struct budget_override *budget_override_of(const struct budget_overrides *list, const char *deployment);

/* A heading and the last of them, wrapped to the page; nothing where there is none. */
void budget_overrides_print(const struct budget_overrides *list, const struct session *session);
/* overrides[] {at, deployment, environment, project, reason, limits}, always. */
void budget_overrides_json(const struct budget_overrides *list, cJSON *to);
cJSON *budget_overrides_array(const struct budget_overrides *list); /* the same alone, the caller's */
/* A heading and a table; nothing where there is none. */
void budget_overrides_markdown(const struct budget_overrides *list, struct str *to);

#endif
