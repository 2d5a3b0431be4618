/*
 * ledger_storm.h - what a rollout launched in vain, on the ledger: how often, for how many billed seconds, how many the
 * storm cap allowed, and what no cap would have allowed.
 *
 * The money is booked as usage of its own (scheduler/booking.h); this is the remark "storm" that says what it was. A
 * group without a cap launches a broken image again as soon as the last one is gone, each slot by itself, with no
 * documented back-off: in a night, night / cycle launches a slot, each billed by its meter. The cycle is what one
 * failed instance took here, on average.
 *
 * Units: seconds. Ownership: lists are the caller's until released; zeroed is empty.
 */
#ifndef BILLING_LEDGER_STORM_H
#define BILLING_LEDGER_STORM_H

#include "billing/ledger.h"

#define LEDGER_STORM_KIND  "storm"
#define LEDGER_STORM_NIGHT ((int64_t)8 * 3600) /* how long nobody looks, as in `simulate` */

struct ledger_storm {
    int64_t attempts; /* launches of the new image that failed */
    int64_t slots;    /* instances that the group wants */
    int64_t failed_s; /* how long they ran, together */
    int64_t billed_s; /* what of that is billed */
    int64_t cap_s;    /* billed seconds at the very most, as printed before */
    bool hourly;      /* each opens a paid hour; else seconds, at least 60 */
};

/* Once for each deployment. */
int ledger_storm_book(struct ledger *ledger, const struct ledger_scope *scope, const struct ledger_storm *storm,
                      instant_t now, struct err *err) MUST_USE;

struct ledger_storms {
    struct ledger_storm_item {
        char *deployment;
        struct ledger_storm storm;
    } * items;
    size_t count, cap;
};
/* Those booked from filter->from up to and with filter->to. Also on an error there is something to release. */
int ledger_storms_read(struct ledger_storms *out, struct ledger *ledger, const struct ledger_filter *filter,
                       struct err *err) MUST_USE;
void ledger_storms_release(struct ledger_storms *list);
const struct ledger_storm *ledger_storm_of(const struct ledger_storms *list, const char *deployment); /* or NULL */

/* Billed seconds in a time that nobody looks: INT64_MAX where it is more than can be counted. */
int64_t ledger_storm_uncapped_s(const struct ledger_storm *storm, int64_t night_s);

#endif
