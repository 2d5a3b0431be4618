/*
 * Any bytes as a cost report: lines in the promised shape or an error with a place; and whatever is read can be held
 * against some usage: the difference is explained to the last unit (reconcile asserts it), the same whether the tally
 * fits in memory or not.
 */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "billing/reconcile.h"
#include "billing/usage_report.h"

#define CUR                                                                                                            \
    "lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/UsageType,lineItem/ResourceId,"      \
    "lineItem/UsageAmount,lineItem/UnblendedCost,reservation/ReservationARN,reservation/EffectiveCost\n"

const char *const fuzz_seeds[] = {
    CUR "Usage,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,BoxUsage:m5.large,i-a,0.5,0.048,,\n"
        "DiscountedUsage,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,BoxUsage:m5.large,i-b,1,0,ri,0.06\n"
        "Tax,2024-05-01T00:00:00Z,,,,1,3.2E0,,\n",
    "line_item_line_item_type,line_item_usage_start_date,line_item_usage_type,line_item_unblended_cost\n"
    "RIFee,2024-05-01T00:00:00.000Z,HeavyUsage,1\nSavingsPlanNegation,2024-05-01 00:00:00,x,-1\n",
    "ChargeCategory,ChargePeriodStart,BilledCost,EffectiveCost,CommitmentDiscountId,CommitmentDiscountStatus\n"
    "Usage,2024-05-01T00:00:00Z,0,1,c,Used\nPurchase,2024-05-01T00:00:00Z,1,0,c,\n",
    NULL,
};

/* Expected: i-a for a whole hour, and a volume. */
static void expect(struct tally *tally, struct names *resources)
{
    struct err err;
    const struct tally_cell cells[] = {
        {.resource = names_id(resources, "i-a"),
         .hour = 476256,
         .expected_on_demand_s = 3600,
         .rate_usd = 960000000,
         .expected_usd = 960000000},
        {.resource = names_id(resources, "+vol-a"), .hour = 476256, .expected_usd = 123},
    };
    for (int i = 0; i < 2; i++) {
        int code = tally_add(tally, &cells[i], &err);
        assert(code == 0);
        (void)code;
    }
}

/* Returns whether the report was good, and the difference. */
static bool reconcile_text(const char *text, size_t len, size_t most_cells, money_t *difference)
{
    struct err err = {0};
    struct cost_report *report;
    if (cost_report_open_text(&report, "fuzz", text, len, &err)) {
        assert(err.code == EXIT_INPUT && err.text[0]);
        return false;
    }
    struct names *resources = names_new();
    struct tally *tally = tally_new(most_cells);
    expect(tally, resources);
    struct reconcile *r = reconcile_new(resources, tally, false);
    struct cost_line line = {0};
    int got = 0;
    int code = 0;
    while (!code && (got = cost_report_next(report, &line, &err)) > 0) {
        assert(line.type < COST_TYPES && line.resource && line.commitment && line.usage_type);
        assert(!line.instance || line.instance_type[0]);
        code = reconcile_line(r, &line, "fuzz", &err);
    }
    const struct reconcile_terms terms = {.compare = true, .top = 3};
    code = got < 0 ? EXIT_INPUT : code;
    if (!code)
        code = reconcile_finish(r, &terms, &err);
    assert(!code || err.text[0]);
    const struct difference_group *groups;
    assert(code || reconcile_groups(r, &groups) <= 3);
    *difference = reconcile_actual_usd(r) - reconcile_expected_usd(r);
    reconcile_free(r);
    tally_free(tally);
    names_free(resources);
    cost_report_close(report);
    return !code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    money_t one = 0;
    money_t two = 0;
    bool good = reconcile_text((const char *)data, size, 1000, &one);
    bool again = reconcile_text((const char *)data, size, 1, &two);
    assert(good == again && (!good || one == two));
    struct err err = {0};
    struct cost_report *report;
    if (cost_report_open_text(&report, "fuzz", (const char *)data, size, &err))
        return 0;
    struct names *names = names_new();
    struct usage usage = {0};
    if (!usage_from_report(&usage, names, report, &err))
        for (size_t i = 0; i < usage.count; i++)
            assert(usage.rows[i].start < usage.rows[i].end);
    usage_release(&usage);
    names_free(names);
    cost_report_close(report);
    return 0;
}
