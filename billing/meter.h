/*
 * meter.h - what part of a duration is billed.
 *
 * Every kind of resource is metered by a quantum (durations round up to whole quanta) and a minimum. Durations are
 * whole seconds. Pure functions, O(1). Sources: EC2 user guide, "On-Demand Instances"; the kinds' numbers and their
 * dates are in data/meters.csv and data/regimes.csv.
 */
#ifndef BILLING_METER_H
#define BILLING_METER_H

#include <stdint.h>

#include "base/err.h"

struct meter {
    int64_t quantum_s, minimum_s;
};

/* Billed seconds of one running period: at least the minimum, rounded up to whole quanta. duration_s >= 0. */
static inline int64_t meter_billed_s(struct meter m, int64_t duration_s)
{
    int64_t s = duration_s < m.minimum_s ? m.minimum_s : duration_s;
    return (s + m.quantum_s - 1) / m.quantum_s * m.quantum_s;
}

/* The meter of a kind that data/meters.csv names: "instance-second", "ci-job", "fsr", ... */
int meter_kind(const char *kind, struct meter *out, struct err *err) MUST_USE;
/* What its price is for: "GB-month", "hour", "minute", ...; "" where the kind has none, NULL where there is no such
 * kind.
 */
const char *meter_kind_unit(const char *kind);

#endif
