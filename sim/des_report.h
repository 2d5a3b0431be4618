/*
 * des_report.h - simulate --model: runs a model file, once or many times, and prints what came of it.
 *
 * Replications are shared out to threads; sums are exact, so the figures do not depend on their number.
 */
#ifndef SIM_DES_REPORT_H
#define SIM_DES_REPORT_H

#include "base/session.h"
#include "sim/des_run.h"
#include "sim/montecarlo.h"

/* history: NULL where the model makes its own commits. many: NULL for a single run. */
int des_report(const struct des_model *model, const char *path, const struct commits *history,
               const struct mc_options *many, uint32_t seed, const struct session *session, struct err *err) MUST_USE;

#endif
