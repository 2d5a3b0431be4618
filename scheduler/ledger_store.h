/*
 * ledger_store.h - the log of a shared ledger (billing/ledger_log.h) in the state store.
 *
 *      partition   sort key        document
 *      ledger      e#0000000034    entry 34: {"schema":1,"rows":TEXT} or, deflated and in base64,
 * {"schema":1,"len":N,"z":TEXT} or {"schema":1,"len":N,"parts":3}, the text lying in ledger      x#0000000034#2
 * {"z":TEXT}, its parts, written in one transaction with it ledger      s#0000000001    a segment: entries 1 to 256 in
 * one document, for machines that begin with an empty disk
 *
 * An entry is one write under the condition that its number is free, so two runners never book under the same number,
 * and a lost answer is found out (state_dynamodb.c). Segments repeat what the entries say and are written by whoever
 * books a number that SEGMENT divides: 256 entries are then one read of some 30 KB. Where one is missing, or what it
 * would hold is too large, the entries are read. Nothing here expires: it is what the money was spent on.
 *
 * Limits: an item holds STATE_DOCUMENT_MAX, an entry up to 15 of them; deflated rows shrink to about a tenth, so some
 * 30 MB of rows, 60,000 uses imported at once. More is EXIT_INPUT.
 * Cost in requests: opening a cache 1 read, or 2 and one more for each megabyte when it is empty; a transaction 1
 * write; each 256th 2 reads and 1 write more. Ownership: the store and the transport (its clock sleeps between two
 * goes) are the caller's and outlive the log.
 */
#ifndef SCHEDULER_LEDGER_STORE_H
#define SCHEDULER_LEDGER_STORE_H

#include "billing/ledger_log.h"
#include "scheduler/retry.h"
#include "scheduler/state.h"

#define LEDGER_SEGMENT 256 /* entries */

struct ledger_store {
    struct ledger_log log; /* what ledger_open_log takes */
    const struct state *state;
    const struct transport *transport; /* NULL: never sleeps */
    struct retry *retry;               /* of the pauses; NULL without transport */
    char name[300];
};

void ledger_store_init(struct ledger_store *store, const struct state *state, const char *name,
                       const struct transport *transport, struct retry *retry);

#endif
