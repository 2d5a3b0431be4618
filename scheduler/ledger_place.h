/*
 * ledger_place.h - where a shared ledger lies: "dynamodb:TABLE" or "dynamodb:TABLE@REGION", wherever a ledger is named.
 *
 * The entries are in the state store's table (scheduler/ledger_store.h); on this machine they are copied to
 * .bakehour/TABLE.ledger.db, which may be deleted at any time. Without @REGION it is the configuration's, or what the
 * environment and the shared files say. Credentials are found as for everything else (scheduler/aws/credentials.h).
 *
 * Errors: EXIT_INPUT where there is no such table, or for reading no entry. Cost in requests: that of
 * state_open_dynamodb and of ledger_open_log.
 */
#ifndef SCHEDULER_LEDGER_PLACE_H
#define SCHEDULER_LEDGER_PLACE_H

#include "billing/ledger.h"

/* A ledger_opener; the program hands it to ledger_elsewhere. */
int ledger_place_open(struct ledger **out, const char *table, enum ledger_mode mode, struct err *err) MUST_USE;

/* What the command at hand knows better than the environment; copied. NULL: as before. */
void ledger_place_where(const char *region, const char *endpoint_url);

#endif
