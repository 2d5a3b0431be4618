/*
 * port.h - who needs the OSv port open: claims on one rule of a security group, in the state store.
 *
 * EC2 knows a rule by protocol, port and address range alone, so two environments whose bakes share a security group
 * and a runner's address share the rule too. Each run claims it before it opens it; who leaves last closes it.
 *
 *      port#GROUP:PORT   CIDR   {"claims": {"ENVIRONMENT": {"run": "r-...", "closing_ms": 0}, ...}}
 *
 *      none --port_claim--> claimed --port_leave--> none                        another environment's run still has it
 *                                                   closing --port_closed--> none    the last one: revoke in between
 *
 * Numbered invariants:
 *   1. An environment has one claim on a rule; a later run's (which has the lease) replaces an earlier one's.
 *   2. While one closes, nobody else claims: a claim waits until the rule is gone, or for LEASE_MARGIN_MS, by when the
 *      call of one who died has ended.
 *   3. A claim counts only while its run is the environment's unfinished one, or closes.
 *
 * Ownership: values. Errors: those of state.h, or PORT_CLOSING. Times are unix milliseconds.
 */
#ifndef SCHEDULER_PORT_H
#define SCHEDULER_PORT_H

#include "base/arena.h"
#include "scheduler/state.h"

#define PORT_CLOSING 1004 /* beside the exit codes: another run is closing it; come again */

struct port {
    const char *group, *cidr;
    int port;
};

struct port_claim {
    const char *cidr, *environment, *run;
    int64_t closing_ms; /* since when it is being closed; 0: it is not */
    bool counts;        /* invariant 3 */
};

struct port_claims {
    struct port_claim *items; /* by the arena */
    size_t count, cap;
};

int port_claim(const struct state *state, const struct port *port, const char *environment, const char *run,
               int64_t now_ms, struct err *err) MUST_USE;
/* *last: nobody else needs it; it is to be closed, then port_closed. */
int port_leave(const struct state *state, const struct port *port, const char *environment, int64_t now_ms, bool *last,
               struct err *err) MUST_USE;
int port_closed(const struct state *state, const struct port *port, const char *environment, struct err *err) MUST_USE;
/* All claims on rules of a group and port, whatever the range. */
int port_claims(const struct state *state, const char *group, int port, int64_t now_ms, struct arena *arena,
                struct port_claims *out, struct err *err) MUST_USE;

/* A range as EC2 writes it back ("198.51.100.7/32", "2001:db8::1/128"): NULL, or what is wrong with it. wide: more than
 * one address may be meant; everybody never is. */
const char *port_cidr_fault(const char *cidr, bool wide);

#endif
