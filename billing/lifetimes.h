/*
 * lifetimes.h - which instance of a group ran when, rebuilt from what is known of it: the group's scaling activities,
 * the instances' own launch times, and who was there when somebody looked.
 *
 * An instance of an Auto Scaling group runs once. Its start is its earliest launch; where no launch is known (the
 * activities go back six weeks), the first time it was seen. Its end is the earliest termination: billing stops when
 * the instance begins to shut down. Where it was found gone and no termination is known, it counts up to then, which is
 * too much rather than too little. What is a guess of either kind is marked; a later look can know better, and the
 * ledger books the difference.
 *
 * The order of the events does not matter, nor do repetitions: activities are read again and again. Pure functions.
 * Ownership: the array is the caller's (free); its texts are the events'. Cost: O(n log n).
 */
#ifndef BILLING_LIFETIMES_H
#define BILLING_LIFETIMES_H

#include <stdbool.h>
#include <stddef.h>

#include "billing/calendar.h"

enum life {
    LIFE_LAUNCHED,   /* a successful launch activity's start, or the instance's launch time */
    LIFE_TERMINATED, /* a termination activity's start */
    LIFE_SEEN,       /* pending or running at this time */
    LIFE_GONE,       /* not there, or terminated, at this time */
};

struct life_event {
    const char *instance;
    enum life life;
    instant_t at;
};

struct lifetime {
    const char *instance;
    instant_t start, end; /* end: where it is open, up to when it is known */
    bool open, guessed;
};

/* now: up to when what has not ended is known to run. Events of the future count as now. Returns how many lifetimes;
 * they stand in the order of instance ids. Instances of which only their end is known are left out. */
size_t lifetimes_of(struct lifetime **out, const struct life_event *events, size_t count, instant_t now);

/* The instance of an activity's description, "Launching a new EC2 instance: i-0123" or "Terminating EC2 instance:
 * i-0123
 * ...": sets what it tells; false where it is another kind of activity. */
bool lifetimes_read_activity(const char *description, char instance[32], enum life *life);

#endif
