/*
 * journal.h - what a run meant to do, what came of it, and what it knows.
 *
 * One run is one list of entries in the state store. An intent is written before each call that changes something, an
 * outcome after it; both carry facts (a text under a name; the last one wins). The facts are all that a step may
 * rely on besides what the cloud itself shows: a process that opens the journal of a dead one knows as much as it did.
 *
 *      j#00000007 {"kind":"intent", "step":"image", "action":"CreateImage", "token":"bakehour-..."}
 *                                    -- the call --
 *      j#00000008 {"kind":"outcome","step":"image", "action":"CreateImage", "ok":true, "facts":{"image.id":"ami-1"}}
 *
 * Numbered invariants:
 *   1. Every entry is one transaction with a renewal of the environment's lease (lease.h): a holder that lost it
 *      writes nothing.
 *   2. Entry n + 1 is written only after entry n is durable; numbers have no gaps.
 *   3. After a failure nothing more is written: each function returns JOURNAL_STOPPED at once, and so must the caller.
 *   4. No secrets: tokens here are names for idempotency, and details are AWS's error codes and messages.
 *
 * Ownership: a struct journal is the caller's from journal_open to journal_free; facts live until they are set again.
 * Units: unix milliseconds. Cost: one store transaction an entry; journal_fact O(log n).
 */
#ifndef SCHEDULER_JOURNAL_H
#define SCHEDULER_JOURNAL_H

#include "scheduler/lease.h"
#include "scheduler/state.h"

#define JOURNAL_STOPPED    1002
#define JOURNAL_TOKEN_SIZE 65 /* a ClientToken: at most 64 characters */
#define JOURNAL_KEY_SIZE   128

struct journal;

struct journal_fact {
    const char *key, *value; /* value NULL: no longer known */
};

struct journal_clock {
    int64_t (*now_ms)(void *self);
    void *self;
};

/* The journal of a run, read if there is one. state and lease outlive it; lease NULL: only to read. */
int journal_open(struct journal **out, const struct state *state, struct lease *lease, const char *run,
                 struct journal_clock clock, struct err *err) MUST_USE;
void journal_free(struct journal *j);
const char *journal_run(const struct journal *j);
int64_t journal_now_ms(const struct journal *j);
size_t journal_entries(const struct journal *j);
/* When the run last called, or was about to call, for something new; 0: never. Reads may not show it yet. */
int64_t journal_created_ms(const struct journal *j);

const char *journal_fact(const struct journal *j, const char *key); /* NULL where there is none */
const char *journal_factf(const struct journal *j, const char *fmt, ...) PRINTF_LIKE(2, 3);
int64_t journal_fact_i64(const struct journal *j, const char *key, int64_t otherwise);
/* A time or a count, 0 where there is none, and never below it: AWS's clock and ours may differ. */
int64_t journal_fact_whole(const struct journal *j, const char *key);
bool journal_is(const struct journal *j, const char *key, const char *value);

/* Before a call that changes something. token: its ClientToken or unique name; "" for none. */
int journal_intent(struct journal *j, const char *step, const char *action, const char *token,
                   struct err *err) MUST_USE;
/* After it. detail: AWS's error where ok is false, what was changed else. */
int journal_outcome(struct journal *j, const char *step, const char *action, bool ok, const char *detail,
                    const struct journal_fact *facts, size_t count, struct err *err) MUST_USE;
/* Facts without a call. */
int journal_note(struct journal *j, const char *step, const char *key, const char *value, struct err *err) MUST_USE;
int journal_notes(struct journal *j, const char *step, const struct journal_fact *facts, size_t count,
                  struct err *err) MUST_USE;
/* Facts together with further writes of the store (a deployment's record), one transaction. */
int journal_notes_with(struct journal *j, const char *step, const struct journal_fact *facts, size_t count,
                       const struct state_write *more, size_t more_count, struct err *err) MUST_USE;
/* Renews the lease when half of its time is over; for long waits. */
int journal_keep_lease(struct journal *j, struct err *err) MUST_USE;

/* The same for the same run, step, thing and attempt: what makes a repeated call the same call. */
const char *journal_token(const struct journal *j, char to[JOURNAL_TOKEN_SIZE], const char *step, const char *what,
                          int64_t attempt);

/* Every entry as its JSON text, in order. */
int journal_each(const struct state *state, const char *run, state_row *row, void *context, struct err *err) MUST_USE;

#endif
