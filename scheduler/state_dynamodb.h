/*
 * state_dynamodb.h - the store in a DynamoDB table, for many runners and for machines that do not last.
 *
 *      pk (S)       sk (S)       v (N)     doc (S)     t (S)
 *      env#NAME     lease        17        {...}       token of the last write
 *
 * Reads are strongly consistent. A write of one item is UpdateItem or DeleteItem under its condition; the item keeps
 * the token of its last write (t), which tells whose it was when an answer got lost. A write of several is one
 * TransactWriteItems with a ClientRequestToken: a repeat is the same write (DynamoDB remembers tokens for ten minutes).
 * Transactions that meet others are tried again; a condition that fails is STATE_CONFLICT.
 *
 * Cost in requests: a get 1 read, a query 1 read for each megabyte, a write 1 (a write unit a kilobyte, two in a
 * transaction).
 * Ownership: transport and retry are the caller's and outlive the store. salt makes the tokens of this process differ
 * from those of all others: 64 random bits, or a fixed number where a run is to be repeated.
 */
#ifndef SCHEDULER_STATE_DYNAMODB_H
#define SCHEDULER_STATE_DYNAMODB_H

#include "scheduler/retry.h"
#include "scheduler/state.h"

struct state_table {
    const char *name, *region; /* region NULL: the transport's own */
    struct transport *transport;
    struct retry *retry;
    uint64_t salt;
    bool unasked; /* opening asks for nothing: a table that is missing is found out by the first read or write */
};

/* Asks for the table (unless it is to be opened unasked): a missing one is EXIT_INPUT, and says how to make it. */
int state_open_dynamodb(struct state *out, const struct state_table *table, struct err *err) MUST_USE;

/* Makes the table (on demand, with point-in-time recovery and a time to live in `expires`) and waits until it is there.
 * One that is there already is left as it is but for these two. *made tells; *guarded is false where the service (an
 * emulator) offers no recovery. */
int state_table_make(const struct state_table *table, bool *made, bool *guarded, struct err *err) MUST_USE;

#endif
