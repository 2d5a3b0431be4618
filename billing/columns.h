/*
 * columns.h - the names of columns and attributes in AWS's files, whatever their spelling.
 *
 * "lineItem/UsageStartDate" (CUR), "line_item_usage_start_date" (CUR 2.0), "Instance Type" and "instanceType" (price
 * lists) are compared as "lineitemusagestartdate" and "instancetype": letters and digits, in small letters.
 */
#ifndef BILLING_COLUMNS_H
#define BILLING_COLUMNS_H

#include <stddef.h>

#include "base/csv.h"

#define COLUMN_NONE     SIZE_MAX
#define COLUMN_NAME_MAX 128 /* of what counts; the rest is cut */

const char *column_normal(const char *name, char to[COLUMN_NAME_MAX]);

/* The number of the first column of that normal name, or COLUMN_NONE. */
size_t column_find(const struct csv *csv, const char *normal);

/* The text of a column of the current record, "" where there is no such column. */
const char *column_text(const struct csv *csv, size_t column);

#endif
