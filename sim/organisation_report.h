/*
 * organisation_report.h - what the sums and the forms of an organisation's report share (organisation_total.c, _json.c,
 * _report.c).
 *
 * struct org_report lives as long as one report; its arrays are organisation_report's.
 */
#ifndef SIM_ORGANISATION_REPORT_H
#define SIM_ORGANISATION_REPORT_H

#include "base/session.h"
#include "sim/organisation.h"

struct org_report {
    const struct organisation *o;
    struct org_total *totals; /* by policy, then each with its best */
    size_t *policies;         /* in the order of money */
    size_t *services;         /* in the order of what there is to save */
    size_t count;             /* services that are there */
    instant_t from, to;       /* the span of all */
    const struct session *session;
    bool all, wide;
};

/* The policy itself; o->policies.count: the service's best, or idle where none fits. */
size_t organisation_choice(const struct organisation *o, const struct org_service *s, size_t policy);
/* From the first to the last of the services that are there. */
void organisation_span(const struct organisation *o, instant_t *from, instant_t *to);
/* A span's money as that of a month of 365.2425 / 12 days, rounded half to even; a span has at least a day. */
int128 organisation_month(int128 money, instant_t from, instant_t to);
void organisation_report_json(const struct org_report *r, const char *command);

#endif
