/*
 * clock_hour.h - reservations of the clock-hour model: each pays for 3,600 s of matching usage in each clock hour.
 *
 * Within a group (region, OS, family): first zonal reservations (exact type and zone), then regional ones (the exact
 * type; where the family is flexible on Linux, any size of it, smallest first), each in the order of the rows;
 * instances in the order of size, opening, row. Accounts are linked, as under one payer: zonal ones serve their owner's
 * account, then what they have left serves the others; then regional ones their owner's, then the others. So a zonal
 * one of any account goes before the owner's regional one (vector 17). Under the hourly regime a started hour counts
 * whole in the clock hour it opens in. Source: EC2 user guide, "How Reserved Instances discounts are applied".
 *
 * Clock hours in which nothing begins, ends or changes price are all alike and are allocated once, together. A term
 * that begins or ends inside a clock hour has that part of the hour, and pays for usage inside the term.
 * Internal to bill.c.
 */
#ifndef BILLING_CLOCK_HOUR_H
#define BILLING_CLOCK_HOUR_H

#include "billing/booking.h"

/* Lets reservations pay for their part of all usage, and hands on the rest: every row, with reservations or not. */
void clock_hour_allocate(struct booking *b);

/* Capacity in unit-seconds whose clock hours are settled inside the window. */
int128 clock_hour_capacity(const struct booking *b, const struct single *s);

#endif
