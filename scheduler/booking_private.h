/* booking_private.h - what the parts of booking share. Not for others. */
#ifndef SCHEDULER_BOOKING_PRIVATE_H
#define SCHEDULER_BOOKING_PRIVATE_H

#include "scheduler/booking.h"

struct books {
    struct ledger *ledger;
    const struct pipeline_world *w;
    const struct deployment *d; /* NULL: of no deployment */
    const struct journal *j;
    struct rates rates;
    struct ledger_scope scope;
    char name[80];
    instant_t now;
};

/* A use with what is the same for all: account, region of the bake, OS, regime. */
struct ledger_usage books_usage(const struct books *b, const char *key, const char *kind, const char *resource);
/* What an instance-hour is booked at. */
money_t books_hour(const struct books *b, money_t rate);
int books_record(const struct books *b, const struct ledger_usage *usage, struct err *err) MUST_USE;

/* The public address of an instance, as long as it. */
int books_address(const struct books *b, const struct ledger_usage *of, bool has_one, struct err *err) MUST_USE;

/* "i-0123:life": an instance of a group, or one launched for it, runs once. */
#define BOOKS_KEY_SIZE 80
const char *books_life_key(char to[BOOKS_KEY_SIZE], const char *instance);
/* "i-0123:ip": its public address, the same. */
const char *books_ip_key(char to[BOOKS_KEY_SIZE], const char *instance);
/* What it is booked as where EC2 does not say: as configured. */
const char *books_fleet_type(const struct books *b);

#endif
