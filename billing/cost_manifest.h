/*
 * cost_manifest.h - the manifest beside a report in several parts: which files belong to it.
 *
 * CUR's "<report>-Manifest.json" has reportKeys, that of Data Exports has dataFiles: paths in a bucket. They are found
 * here under the whole key or any end of it, seen from the manifest's folder (as `aws s3 sync` and `cp` leave them).
 */
#ifndef BILLING_COST_MANIFEST_H
#define BILLING_COST_MANIFEST_H

#include <stdbool.h>

#include "base/err.h"

bool cost_manifest_is(const char *path); /* by its name: *.json */

/* Gives each file out. A file that is not here is an error that names it: a report without a part is no report. */
int cost_manifest_read(const char *path, int (*each)(void *context, const char *file, struct err *err), void *context,
                       struct err *err) MUST_USE;
/* The same of a text that was at `path`. */
int cost_manifest_parse(const char *path, const char *text, size_t len,
                        int (*each)(void *context, const char *file, struct err *err), void *context,
                        struct err *err) MUST_USE;

#endif
