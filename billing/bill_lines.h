/*
 * bill_lines.h - the lines and sums of a bill, from the booking in which all usage has been allocated. Internal to
 * bill.c.
 */
#ifndef BILLING_BILL_LINES_H
#define BILLING_BILL_LINES_H

#include "billing/booking.h"

int bill_lines_add(struct bill *bill, const struct booking *b, const struct session *session, struct err *err) MUST_USE;

#endif
