/*
 * report.h - deployments for people and for scripts: the plan with its price, the statement, records.
 *
 * Text goes to a stream, JSON into a document of the caller's. Nothing is computed here but differences.
 */
#ifndef SCHEDULER_REPORT_H
#define SCHEDULER_REPORT_H

#include "base/session.h"
#include "billing/overrides.h"
#include "scheduler/pipeline.h"
#include "scheduler/statement.h"

void report_plan(const struct pipeline_estimate *e, const struct pipeline_order *order, const char *environment,
                 const struct session *session);
void report_plan_json(const struct pipeline_estimate *e, cJSON *to);
/* title NULL: "Statement". */
void report_statement(const struct statement *s, const struct session *session);
void report_statement_json(const struct statement *s, cJSON *to);
void report_deployment_json(const struct deployment *d, cJSON *to);
/* A table of records, newest last; below it those that went on over a hard budget (CSV: the column "override").
 * overrides NULL: not known, and not told. */
void report_deployments(const struct deployments *list, const struct budget_overrides *overrides,
                        const struct session *session);

#endif
