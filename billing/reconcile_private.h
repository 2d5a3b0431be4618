/* reconcile_private.h - the working state of a reconciliation. Internal to reconcile*.c. */
#ifndef BILLING_RECONCILE_PRIVATE_H
#define BILLING_RECONCILE_PRIVATE_H

#include "billing/keys.h"
#include "billing/reconcile.h"

#define RESOURCES_MOST 300000 /* known by name; further instances are told by type */
#define CHARGES_MOST   100000 /* pairs of service and usage type, and the like */

/* What the report says of a resource besides its cells. Texts are numbers in reconcile.texts. */
struct resource_info {
    uint32_t account, type, region;
};

/* A difference that is no matter of hours: by kind, what, account. */
struct charge_sum {
    uint32_t lines;
    uint32_t first_hour, last_hour;
    money_t usd;
};

struct reconcile {
    struct names *resources; /* the caller's */
    struct tally *tally;     /* the caller's */
    struct names *texts;
    bool by_day;
    uint32_t known; /* resources that were expected */
    struct resource_info *infos;
    size_t info_cap, info_count;
    struct keys charge_keys; /* kind, what, account */
    struct charge_sum *charges;
    size_t charge_cap;
    struct keys commitment_keys; /* id */
    struct commitment_view *commitments;
    size_t commitment_cap;
    struct keys coverage_keys; /* type */
    struct coverage_view *coverage;
    size_t coverage_cap;
    struct cost_view views[COST_TYPES];
    bool any_hours, closed;
    uint32_t first_hour, last_hour; /* of the report's instance lines */
    int64_t lines, late_cells, nameless;
    uint64_t volume_usd; /* all amounts of the report without their signs: bounds every partial sum */
    money_t expected_usd, actual_usd, expected_fee_usd;
    money_t kind_usd[DIFF_KINDS];
    int64_t kind_cells[DIFF_KINDS];
    struct difference_group *groups; /* a heap of the largest, the smallest on top, then sorted */
    size_t group_count, group_cap, top;
    struct difference_group open[DIFF_KINDS]; /* of the resource that is being read */
    uint32_t open_resource;
    bool any_open;
};

void reconcile_commitment(struct reconcile *r, const struct cost_line *line);
void reconcile_balance(struct reconcile *r);
void reconcile_cover(struct reconcile *r, const struct cost_line *line, int64_t seconds);
void reconcile_keep_group(struct reconcile *r, const struct difference_group *group);

#endif
