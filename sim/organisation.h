/*
 * organisation.h - one plan over many services: every policy over the history of each, what is best for each, and what
 * the whole organisation pays when all deploy alike, or each as is best for it.
 *
 *   services --(threads, shards)--> a record a service, clock hours a policy --+--> a part (file) --merge--+
 *                                                                              +-------------------------- +--> report
 *
 * Each service is planned as `plan` does it, at on-demand prices. Reservations are shared: what ran in a clock hour is
 * added up over the services that have the organisation's instance type, region and OS, and the reservations cover the
 * sum. Records and hours are whole numbers, so that the report is the same bits for any number of threads and parts.
 *
 * Invariants: a service's record is there once or not at all; used and base hold the hours of exactly the services
 * whose records are there; sums over services are those of the printed, rounded figures.
 *
 * Ownership: struct organisation is the caller's, zeroed, organisation_release. Memory: 100 bytes a service and policy;
 * with shared reservations 16 bytes a clock hour and policy.
 */
#ifndef SIM_ORGANISATION_H
#define SIM_ORGANISATION_H

#include <cjson/cJSON.h>

#include "scheduler/digest.h"
#include "sim/frontier.h"
#include "sim/hours.h"
#include "sim/services.h"

#define ORGANISATION_PART_MAX ((size_t)1 << 30) /* bytes of a part */

/* One policy over one service. */
struct org_figures {
    int64_t deployments, launches, billed_s, commits;
    money_t money, waiting, cost, per_month;
    int128 lead_s;
    int64_t lead_p50_s, lead_p95_s;
    bool within; /* the limits */
};

struct org_service {
    char *name, *source;
    char key[DIGEST_TEXT_SIZE]; /* of its history, terms, policies and limits; "" while there is no record */
    int64_t commits, corrected;
    instant_t first, last, span_from, span_to;
    bool shallow, shares, own_terms;
    int64_t best; /* policy; -1: none is within the limits */
    struct org_figures *figures;
    char *failure; /* why there is no record */
    int failure_code;
};

struct organisation {
    cJSON *head;                /* the model that all have, as plan prints it */
    char key[DIGEST_TEXT_SIZE]; /* of the list, terms, policies and limits: parts of one organisation have the same */
    bool hourly, delay;
    int64_t shard, shards;
    struct policy_list policies; /* those asked for, with the baselines */
    size_t every, idle;
    struct limits limits;
    int64_t reserved; /* shared */
    enum reserved_model reserved_model;
    money_t price_per_hour;
    size_t count; /* of the whole list */
    struct org_service *services;
    struct hours *used, *base; /* by policy; behind the last: each service with its best */
};

struct org_options {
    int64_t threads;       /* 0: as many as processors */
    int64_t shard, shards; /* services i with i mod shards == shard; shards 0: all */
    const char *out;       /* records are kept there; NULL: nowhere */
    bool partial;          /* services that fail are left out */
};

/* Fills o, zeroed. base: the terms that all have, without a history; its model.reserved is 0. A file at options->out is
 * gone on with. Fails with EXIT_FAILED where it was stopped; what is done is in the file then. */
int organisation_run(struct organisation *o, const struct services *list, const struct policy_list *policies,
                     const struct scenario *base, const struct scenario_args *given, const struct org_options *options,
                     const struct session *session, struct err *err) MUST_USE;
void organisation_release(struct organisation *o);
void organisation_make_room(struct organisation *o, size_t services); /* once policies are there */
void organisation_drop(struct organisation *o, size_t service);       /* its record, as if it had never been */

/* --- parts (organisation_part.c) --- */
bool organisation_is_part(const char *text); /* by the beginning of a document */
void organisation_write(const struct organisation *o, FILE *out);
int organisation_save(const struct organisation *o, const char *path,
                      struct err *err) MUST_USE; /* whole or not at all */
int organisation_parse(struct organisation *o, const char *name, const char *text, size_t len,
                       struct err *err) MUST_USE;
/* Takes the records of `more` over; they must be of the same organisation and of other services. */
int organisation_merge(struct organisation *o, struct organisation *more, const char *name, struct err *err) MUST_USE;

/* --- sums and report (organisation_total.c, _report.c, _json.c) --- */
struct org_total {
    int64_t services, within, best; /* counted; within the limits; for how many it is the best */
    int64_t deployments, launches, billed_s, commits;
    int128 lead_s;
    money_t money, waiting, cost; /* what the shared hours cover is taken off */
    money_t per_month;            /* of the organisation's span */
    money_t saved;                /* by the shared hours */
    int64_t covered_s;            /* of them, what deployments used */
    int64_t worst_p95_s;
    size_t worst;
};

/* policy == o->policies.count: each service with its best, or idle where none fits. */
int organisation_total(const struct organisation *o, size_t policy, struct org_total *out, struct err *err) MUST_USE;

enum org_table { ORG_SERVICES, ORG_POLICIES };
/* --by of the CSV: "service", which NULL is too, or "policy". */
int organisation_table(const char *by, enum org_table *out, struct err *err) MUST_USE;
int organisation_report(const struct organisation *o, const char *command, enum org_table csv, bool all,
                        const struct session *session, struct err *err) MUST_USE;

#endif
