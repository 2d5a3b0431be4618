/*
 * pool.h - prepaid pools: 744 hours a calendar month for each reservation of the model `pool`, drawn in the order in
 * which hours and running periods open. A budgeting approximation of reserved instances. Internal to bill.c.
 */
#ifndef BILLING_POOL_H
#define BILLING_POOL_H

#include "billing/booking.h"

/* Draws all that waits in b->pooled; what no pool has hours for goes on-demand. */
void pool_draw_all(struct booking *b);

#endif
