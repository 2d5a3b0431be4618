/*
 * lease.h - one run at a time on an environment.
 *
 * The lease is an item of the state store: who holds it, since which epoch, until when. Its version is the fence:
 * whoever takes or renews the lease changes the version, and every journal entry is written together with a renewal
 * under the condition that the version is still the holder's. So a paused holder can write nothing after another took
 * over. EC2 knows no such fence. So the lease is looked at before each call that changes something, and the call is not
 * sent any more where the program has stood still since for longer than lease_send_by allows: it is looked at the
 * moment before the request is signed and written. Calls end inside LEASE_MARGIN_MS, and what slips through all the
 * same (a pause within the write itself) the next run finds and repairs (late.h).
 *
 *      free --take--> held(holder, epoch, expires) --release--> free
 *                       |  ^ renew                 --expires--> take by another: epoch + 1
 *
 * Times are unix milliseconds. Ownership: a struct lease is a value. Errors: LEASE_TAKEN when another holds it; err
 * says who and until when, and lease->expires_ms tells when to come back.
 */
#ifndef SCHEDULER_LEASE_H
#define SCHEDULER_LEASE_H

#include "scheduler/state.h"

#define LEASE_TAKEN      1001
#define LEASE_WHERE_SIZE 136
#define LEASE_MARGIN_MS  60000 /* a call that changes something ends within this time */

struct lease {
    char partition[160];
    char holder[128], where[LEASE_WHERE_SIZE]; /* where: boot and process space, "" unknown */
    int64_t epoch, version, expires_ms, ttl_ms;
    bool held;
};

/* The holder's text for this process: "host/pid". */
void lease_holder(char to[128]);

int lease_take(struct lease *lease, const struct state *state, const char *environment, const char *holder,
               int64_t now_ms, int64_t ttl_ms, struct err *err) MUST_USE;
/* The write that renews the lease, to stand in a transaction; document holds its text. After the transaction:
 * lease_renewed. */
struct state_write lease_renewal(const struct lease *lease, int64_t now_ms, struct str *document);
void lease_renewed(struct lease *lease, int64_t now_ms);
int lease_renew(struct lease *lease, const struct state *state, int64_t now_ms, struct err *err) MUST_USE;
/* Until when a call may be sent, on the strength of a look at the lease at now_ms: ten seconds, and well before the
 * lease ends and another may take it. */
int64_t lease_send_by(const struct lease *lease, int64_t now_ms);
/* The write that gives it back. */
struct state_write lease_return(const struct lease *lease);
/* Who holds it: "" when it is free or over. */
int lease_look(const struct state *state, const char *environment, int64_t now_ms, char holder[128],
               int64_t *expires_ms, struct err *err) MUST_USE;
/* The id of the lease, which lease_break asks for; 0 where there is none. */
int64_t lease_id(const struct state *state, const char *environment);
/* Takes the lease of that id away from its holder, who notices before it next changes something. EXIT_INPUT where it
 * has another id by now. */
int lease_break(const struct state *state, const char *environment, int64_t id, char holder[128],
                struct err *err) MUST_USE;

#endif
