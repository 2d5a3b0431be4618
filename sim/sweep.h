/*
 * sweep.h - one simulation for each combination of parameters: --sweep price=0.05,0.1,fleet=1,5,20.
 *
 * A sweep has one to four axes, each an option of the scenario with its values; its points are all combinations, the
 * last axis running fastest. Each point is a row for each policy. With --out the rows go to a CSV file as they are
 * done; a later run with the same command reads them back and goes on behind the last whole point, so Ctrl-C loses
 * nothing but the point at hand.
 *
 * Ownership: struct sweep is the caller's, sweep_parse (also where it fails) .. sweep_release.
 */
#ifndef SIM_SWEEP_H
#define SIM_SWEEP_H

#include "base/opt.h"
#include "base/str.h"
#include "sim/policy_list.h"

#define SWEEP_AXES_MAX   4
#define SWEEP_VALUES_MAX 200
#define SWEEP_POINTS_MAX 20000

struct sweep_axis {
    char name[48];
    const struct opt *opt;
    char **values;
    size_t count, cap;
};

/* What a point says of a policy. Widths are zero for a single run. */
enum {
    SWEEP_DEPLOYMENTS,
    SWEEP_MONEY,
    SWEEP_COST,
    SWEEP_LEAD_P50,
    SWEEP_LEAD_P95,
    SWEEP_FAILURE_RATE,
    SWEEP_MEASURES,
};

struct sweep_measure {
    const char *name, *label;
    int decimals;
};
extern const struct sweep_measure sweep_measures[SWEEP_MEASURES];

struct sweep_row {
    double mean[SWEEP_MEASURES], half_width[SWEEP_MEASURES];
};

struct sweep {
    struct sweep_axis axes[SWEEP_AXES_MAX];
    size_t axis_count;
    size_t policies;        /* rows a point */
    size_t points, done;    /* in order: the first `done` are known */
    struct sweep_row *rows; /* point by point, policy by policy */
    char **policy_names;
};

/* "name=v1,v2,name2=v3..v4/5": options by their names; lookup finds them, NULL where there is none to sweep. */
typedef const struct opt *sweep_lookup(const char *name, size_t len);
int sweep_parse(struct sweep *s, const char *text, sweep_lookup *lookup, struct err *err) MUST_USE;
void sweep_release(struct sweep *s);

/* Once the axes are parsed. */
int sweep_begin(struct sweep *s, const struct policy_list *policies, struct err *err) MUST_USE;
/* Which value of the axis a point has. */
size_t sweep_value_at(const struct sweep *s, size_t point, size_t axis);

/* The CSV file: header and rows. key: what makes two sweeps the same; it stands in the first line. */
int sweep_read(struct sweep *s, const char *path, const char *key, struct err *err) MUST_USE;
int sweep_append(const struct sweep *s, const char *path, size_t point, struct err *err) MUST_USE;
void sweep_header(const struct sweep *s, struct str *to);
void sweep_row_text(const struct sweep *s, size_t point, size_t policy, struct str *to);

/* sweep_plot.c: heat-maps (two axes and more: small multiples for the others and the policies) or lines (one axis). */
int sweep_plot(const struct sweep *s, bool with_waiting, const char *path, struct err *err) MUST_USE;

#endif
