/*
 * FOCUS 1.x. BilledCost is the unblended cost, EffectiveCost the amortised one. A commitment's category says what it
 * is: "Usage" a reservation, "Spend" a Savings Plan. Columns that begin with x_ are AWS's own.
 */
#include <string.h>

#include "base/str.h"
#include "billing/cost_report_private.h"

enum focus_column {
    FOCUS_CATEGORY, /* first those that must be there */
    FOCUS_START,
    FOCUS_BILLED,
    FOCUS_EFFECTIVE,
    FOCUS_END,
    FOCUS_CONSUMED,
    FOCUS_PRICED,
    FOCUS_CONSUMED_UNIT,
    FOCUS_RESOURCE,
    FOCUS_ACCOUNT,
    FOCUS_SERVICE,
    FOCUS_REGION,
    FOCUS_ZONE,
    FOCUS_COMMITMENT,
    FOCUS_COMMITMENT_CATEGORY,
    FOCUS_COMMITMENT_STATUS,
    FOCUS_FREQUENCY,
    FOCUS_CLASS,
    FOCUS_USAGE_TYPE,
    FOCUS_OPERATION,
    FOCUS_SKU_METER,
    FOCUS_INVOICE,
    FOCUS_PERIOD_START,
    FOCUS_PERIOD_END,
    FOCUS_COLUMNS
};

const char *const cost_focus_columns[] = {
    [FOCUS_CATEGORY] = "chargecategory",
    [FOCUS_START] = "chargeperiodstart",
    [FOCUS_BILLED] = "billedcost",
    [FOCUS_EFFECTIVE] = "effectivecost",
    [FOCUS_END] = "chargeperiodend",
    [FOCUS_CONSUMED] = "consumedquantity",
    [FOCUS_PRICED] = "pricingquantity",
    [FOCUS_CONSUMED_UNIT] = "consumedunit",
    [FOCUS_RESOURCE] = "resourceid",
    [FOCUS_ACCOUNT] = "subaccountid",
    [FOCUS_SERVICE] = "servicename",
    [FOCUS_REGION] = "regionid",
    [FOCUS_ZONE] = "availabilityzone",
    [FOCUS_COMMITMENT] = "commitmentdiscountid",
    [FOCUS_COMMITMENT_CATEGORY] = "commitmentdiscountcategory",
    [FOCUS_COMMITMENT_STATUS] = "commitmentdiscountstatus",
    [FOCUS_FREQUENCY] = "chargefrequency",
    [FOCUS_CLASS] = "chargeclass",
    [FOCUS_USAGE_TYPE] = "xusagetype",
    [FOCUS_OPERATION] = "xoperation",
    [FOCUS_SKU_METER] = "skumeter",
    [FOCUS_INVOICE] = "invoiceid",
    [FOCUS_PERIOD_START] = "billingperiodstart",
    [FOCUS_PERIOD_END] = "billingperiodend",
    [FOCUS_COLUMNS] = NULL,
};

static enum cost_type type_of(const struct cost_part *part, const char *category)
{
    bool plan = strcmp(cost_text(part, FOCUS_COMMITMENT_CATEGORY), "Spend") == 0;
    bool committed = *cost_text(part, FOCUS_COMMITMENT) != '\0';
    bool recurring = strcmp(cost_text(part, FOCUS_FREQUENCY), "Recurring") == 0;
    if (strcmp(category, "Usage") == 0) {
        if (strcmp(cost_text(part, FOCUS_COMMITMENT_STATUS), "Unused") == 0)
            return COST_UNUSED;
        return !committed ? COST_USAGE : plan ? COST_PLAN_COVERED : COST_DISCOUNTED;
    }
    if (strcmp(category, "Purchase") == 0) {
        if (!committed || !recurring)
            return committed && plan ? COST_PLAN_UPFRONT : COST_FEE;
        return plan ? COST_PLAN_FEE : COST_RESERVED_FEE;
    }
    if (strcmp(category, "Tax") == 0)
        return COST_TAX;
    if (strcmp(category, "Credit") == 0)
        return COST_CREDIT;
    if (strcmp(category, "Adjustment") == 0)
        return strcmp(cost_text(part, FOCUS_CLASS), "Correction") == 0 ? COST_REFUND : COST_DISCOUNT;
    return COST_OTHER;
}

static void read_instance(struct cost_line *line)
{
    bool usage = line->type == COST_USAGE || line->type == COST_DISCOUNTED || line->type == COST_PLAN_COVERED;
    line->instance_type[0] = line->os[0] = '\0';
    line->instance = usage && cost_box_usage(line->usage_type, line->instance_type, sizeof(line->instance_type));
    if (line->instance)
        cost_os("", line->operation, line->os, sizeof(line->os));
}

int cost_focus_line(const struct cost_part *part, struct cost_line *line, struct err *err)
{
    line->focus = true;
    line->invoiced = *cost_text(part, FOCUS_INVOICE) != '\0';
    line->type_name = cost_text(part, FOCUS_CATEGORY);
    line->type = type_of(part, line->type_name);
    line->resource = cost_resource(cost_text(part, FOCUS_RESOURCE));
    line->account = cost_text(part, FOCUS_ACCOUNT);
    line->service = cost_text(part, FOCUS_SERVICE);
    line->usage_type = cost_text(part, FOCUS_USAGE_TYPE);
    if (!*line->usage_type)
        line->usage_type = cost_text(part, FOCUS_SKU_METER);
    line->operation = cost_text(part, FOCUS_OPERATION);
    line->zone = cost_text(part, FOCUS_ZONE);
    line->region = cost_text(part, FOCUS_REGION);
    line->unit = cost_text(part, FOCUS_CONSUMED_UNIT);
    line->commitment = cost_text(part, FOCUS_COMMITMENT);
    line->normalized = line->upfront_amortised = line->unused_upfront = line->unused_recurring = 0;
    line->total_units = line->unused_units = 0;
    line->plan_total = line->plan_used = 0;
    read_instance(line);
    int amount = *cost_text(part, FOCUS_CONSUMED) ? FOCUS_CONSUMED : FOCUS_PRICED;
    int code = cost_instant(part, FOCUS_START, &line->start, err);
    code = code ? code : cost_instant(part, FOCUS_END, &line->end, err);
    if (!code)
        code = (line->instance ? cost_number : cost_quantity)(part, amount, &line->amount, err);
    code = code ? code : cost_number(part, FOCUS_BILLED, &line->unblended, err);
    code = code ? code : cost_number(part, FOCUS_EFFECTIVE, &line->effective, err);
    line->amortised = line->effective;
    return code;
}

bool cost_focus_period(const struct cost_part *part, instant_t *from, instant_t *to)
{
    struct err err;
    return *cost_text(part, FOCUS_PERIOD_START) && *cost_text(part, FOCUS_PERIOD_END) &&
           !cost_instant(part, FOCUS_PERIOD_START, from, &err) && !cost_instant(part, FOCUS_PERIOD_END, to, &err) &&
           *from < *to;
}
