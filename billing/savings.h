/*
 * savings.h - Savings Plans and the free tier: what reservations and pools have left over, before it is on-demand.
 *
 * In each clock hour, plan by plan (EC2 Instance plans before Compute ones, else in the order of the rows), first for
 * the owner's account, then for linked ones: usage that the plan has a rate for, the highest saving in percent first,
 * then the lower rate, then the order of openings and rows. The commitment pays at the plan's rate until it is used up.
 * A use that it covers in part is split at 2^-30 of a unit-second, rounded half to even; what no further plan takes of
 * it is on-demand, its cost rounded half to even to 1e-10 USD an hour, its hours to whole unit-seconds (and it draws no
 * free hours). Source: Savings Plans user guide, "How your savings plans apply to your AWS usage".
 *
 * The free tier: 750 instance-hours a calendar month of the types in data/free-tier.csv, one pool over all accounts,
 * Linux and Windows apart, in the order of openings, for the twelve months from the account's opening. Source: AWS free
 * tier terms for accounts opened before 2025-07-15.
 *
 * As everywhere: a started hour counts whole in the clock hour it opens in; usage outside the window draws too, where
 * it shares a clock hour (or a month) with the window. Internal to bill.c.
 */
#ifndef BILLING_SAVINGS_H
#define BILLING_SAVINGS_H

#include "billing/booking.h"

#define FREE_TIER_HOURS  750
#define FREE_TIER_MONTHS 12
#define FREE_TIER_ENDS   1752537600 /* 2025-07-15: accounts opened from then on have none */

/* Settles what waits in b->waiting. */
void savings_settle(struct booking *b);

#endif
