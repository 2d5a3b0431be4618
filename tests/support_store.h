/*
 * support_store.h - a state store of each kind in a test.
 *
 * In memory; SQLite in a file of its own under a folder of /tmp; DynamoDB as the modelled cloud has it, with reads that
 * lag where nobody asks for consistency; and, with BAKEHOUR_TEST_DYNAMODB, the address of a DynamoDB that is not ours.
 * Each store begins empty. Ownership: from test_store_open to test_store_close; a test that closes state by itself
 * sets state.backend to NULL (state_close does).
 */
#ifndef TESTS_SUPPORT_STORE_H
#define TESTS_SUPPORT_STORE_H

#include "scheduler/retry.h"
#include "scheduler/state.h"
#include "sim/cloud.h"
#include "sim/cloud_transport.h"

enum test_store_kind { IN_MEMORY, IN_FILE, IN_DYNAMODB, IN_SERVER };

struct test_store {
    struct state state;
    struct simcloud *cloud; /* IN_DYNAMODB */
    struct cloud_transport wire;
    struct retry retry;
    char folder[40], path[64]; /* IN_FILE */
};

/* How many kinds there are to be tried: with the server or without. */
int test_store_kinds(void);
void test_store_open(struct test_store *s, enum test_store_kind kind);
void test_store_close(struct test_store *s);

int test_put(const struct state *s, const char *partition, const char *key, int64_t version, const char *document);

#endif
