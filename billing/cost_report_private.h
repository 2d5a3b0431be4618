/* cost_report_private.h - what the readers of CUR and FOCUS share. Internal to cost_report*.c. */
#ifndef BILLING_COST_REPORT_PRIVATE_H
#define BILLING_COST_REPORT_PRIVATE_H

#include "base/csv.h"
#include "billing/columns.h"
#include "billing/cost_report.h"

#define COST_COLUMNS_MAX 48

/* One file: its columns by a number of the format's own. */
struct cost_part {
    struct csv *csv;
    enum cost_format format;
    size_t columns[COST_COLUMNS_MAX];
};

/* The format's column names (columns.h), as many as it has; those that a file must have first. */
extern const char *const cost_cur_columns[];
extern const char *const cost_focus_columns[];
#define COST_REQUIRED 4 /* of either */

int cost_cur_line(const struct cost_part *part, struct cost_line *line, struct err *err) MUST_USE;
int cost_focus_line(const struct cost_part *part, struct cost_line *line, struct err *err) MUST_USE;
bool cost_cur_period(const struct cost_part *part, instant_t *from, instant_t *to);
bool cost_focus_period(const struct cost_part *part, instant_t *from, instant_t *to);

/* Fields of the current record. An empty one is 0; else it must be a number, a time. */
int cost_number(const struct cost_part *part, int column, int64_t *out, struct err *err) MUST_USE;
/* A quantity that nothing hangs on but a share: what does not fit is the most, or the least, that does. */
int cost_quantity(const struct cost_part *part, int column, int64_t *out, struct err *err) MUST_USE;
int cost_instant(const struct cost_part *part, int column, instant_t *out, struct err *err) MUST_USE;
const char *cost_text(const struct cost_part *part, int column);

/* "BoxUsage:m5.large", "EU-BoxUsage": whether it is plain instance time, and of what type (written to `type`). */
bool cost_box_usage(const char *usage_type, char *type, size_t size);
/* From "Linux/UNIX", "Linux", "Windows", ..., or where there is none from "RunInstances:0002". */
void cost_os(const char *name, const char *operation, char *to, size_t size);
/* "arn:aws:ec2:us-east-1:123:instance/i-1" is "i-1"; other names stay. */
const char *cost_resource(const char *name);

#endif
