/*
 * Cost and Usage Reports, legacy ("lineItem/UsageStartDate") and 2.0 ("line_item_usage_start_date").
 *
 * The amortised cost of a line is AWS's own rule (CUR user guide, "Amortized costs"): covered usage at its effective
 * cost; of a reservation's fee what was not used; of a plan's fee what was not used; the upfront sums and the
 * negations nothing, since the effective costs carry them.
 */
#include <string.h>

#include "base/str.h"
#include "billing/cost_report_private.h"

enum cur_column {
    CUR_TYPE, /* first those that must be there */
    CUR_START,
    CUR_USAGE_TYPE,
    CUR_COST,
    CUR_END,
    CUR_AMOUNT,
    CUR_NORMALIZED,
    CUR_RESOURCE,
    CUR_ACCOUNT,
    CUR_PRODUCT,
    CUR_OPERATION,
    CUR_ZONE,
    CUR_INSTANCE_TYPE,
    CUR_OS,
    CUR_REGION_CODE,
    CUR_REGION,
    CUR_UNIT,
    CUR_RESERVATION,
    CUR_RESERVATION_EFFECTIVE,
    CUR_UPFRONT_AMORTISED,
    CUR_UNUSED_UPFRONT,
    CUR_UNUSED_RECURRING,
    CUR_TOTAL_UNITS,
    CUR_UNUSED_UNITS,
    CUR_UNUSED_QUANTITY,
    CUR_PLAN,
    CUR_PLAN_EFFECTIVE,
    CUR_PLAN_TOTAL,
    CUR_PLAN_USED,
    CUR_INVOICE,
    CUR_PERIOD_START,
    CUR_PERIOD_END,
    CUR_COLUMNS
};

const char *const cost_cur_columns[] = {
    [CUR_TYPE] = "lineitemlineitemtype",
    [CUR_START] = "lineitemusagestartdate",
    [CUR_USAGE_TYPE] = "lineitemusagetype",
    [CUR_COST] = "lineitemunblendedcost",
    [CUR_END] = "lineitemusageenddate",
    [CUR_AMOUNT] = "lineitemusageamount",
    [CUR_NORMALIZED] = "lineitemnormalizedusageamount",
    [CUR_RESOURCE] = "lineitemresourceid",
    [CUR_ACCOUNT] = "lineitemusageaccountid",
    [CUR_PRODUCT] = "lineitemproductcode",
    [CUR_OPERATION] = "lineitemoperation",
    [CUR_ZONE] = "lineitemavailabilityzone",
    [CUR_INSTANCE_TYPE] = "productinstancetype",
    [CUR_OS] = "productoperatingsystem",
    [CUR_REGION_CODE] = "productregioncode",
    [CUR_REGION] = "productregion",
    [CUR_UNIT] = "pricingunit",
    [CUR_RESERVATION] = "reservationreservationarn",
    [CUR_RESERVATION_EFFECTIVE] = "reservationeffectivecost",
    [CUR_UPFRONT_AMORTISED] = "reservationamortizedupfrontfeeforbillingperiod",
    [CUR_UNUSED_UPFRONT] = "reservationunusedamortizedupfrontfeeforbillingperiod",
    [CUR_UNUSED_RECURRING] = "reservationunusedrecurringfee",
    [CUR_TOTAL_UNITS] = "reservationtotalreservednormalizedunits",
    [CUR_UNUSED_UNITS] = "reservationunusednormalizedunitquantity",
    [CUR_UNUSED_QUANTITY] = "reservationunusedquantity",
    [CUR_PLAN] = "savingsplansavingsplanarn",
    [CUR_PLAN_EFFECTIVE] = "savingsplansavingsplaneffectivecost",
    [CUR_PLAN_TOTAL] = "savingsplantotalcommitmenttodate",
    [CUR_PLAN_USED] = "savingsplanusedcommitment",
    [CUR_INVOICE] = "billinvoiceid",
    [CUR_PERIOD_START] = "billbillingperiodstartdate",
    [CUR_PERIOD_END] = "billbillingperiodenddate",
    [CUR_COLUMNS] = NULL,
};

static enum cost_type type_of(const char *name)
{
    static const struct {
        const char *name;
        enum cost_type type;
    } types[] = {
        {"Usage", COST_USAGE},
        {"DiscountedUsage", COST_DISCOUNTED},
        {"SavingsPlanCoveredUsage", COST_PLAN_COVERED},
        {"SavingsPlanNegation", COST_PLAN_NEGATION},
        {"RIFee", COST_RESERVED_FEE},
        {"Fee", COST_FEE},
        {"Credit", COST_CREDIT},
        {"Refund", COST_REFUND},
        {"Tax", COST_TAX},
        {"SavingsPlanRecurringFee", COST_PLAN_FEE},
        {"SavingsPlanUpfrontFee", COST_PLAN_UPFRONT},
        {"BundledDiscount", COST_DISCOUNT},
        {"EdpDiscount", COST_DISCOUNT},
        {"PrivateRateDiscount", COST_DISCOUNT},
        {"RiVolumeDiscount", COST_DISCOUNT},
        {"Discount", COST_DISCOUNT},
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return COST_OTHER;
}

static int read_fee(const struct cost_part *part, struct cost_line *line, struct err *err)
{
    int code = cost_number(part, CUR_UPFRONT_AMORTISED, &line->upfront_amortised, err);
    code = code ? code : cost_number(part, CUR_UNUSED_UPFRONT, &line->unused_upfront, err);
    code = code ? code : cost_number(part, CUR_UNUSED_RECURRING, &line->unused_recurring, err);
    code = code ? code : cost_quantity(part, CUR_TOTAL_UNITS, &line->total_units, err);
    code = code ? code : cost_quantity(part, CUR_UNUSED_UNITS, &line->unused_units, err);
    if (code)
        return code;
    if (!line->total_units) { /* zonal ones have no normalised units: hours */
        line->total_units = line->amount;
        code = cost_quantity(part, CUR_UNUSED_QUANTITY, &line->unused_units, err);
    }
    line->amortised = line->unused_upfront + line->unused_recurring;
    return code;
}

static int read_commitment(const struct cost_part *part, struct cost_line *line, struct err *err)
{
    int code = 0;
    line->amortised = line->unblended;
    switch (line->type) {
    case COST_DISCOUNTED:
        code = cost_number(part, CUR_RESERVATION_EFFECTIVE, &line->effective, err);
        line->amortised = line->effective;
        break;
    case COST_PLAN_COVERED:
        code = cost_number(part, CUR_PLAN_EFFECTIVE, &line->effective, err);
        line->amortised = line->effective;
        break;
    case COST_RESERVED_FEE:
        return read_fee(part, line, err);
    case COST_PLAN_FEE:
        code = cost_number(part, CUR_PLAN_TOTAL, &line->plan_total, err);
        code = code ? code : cost_number(part, CUR_PLAN_USED, &line->plan_used, err);
        line->amortised = line->plan_total - line->plan_used;
        break;
    case COST_PLAN_NEGATION:
    case COST_PLAN_UPFRONT:
        line->amortised = 0;
        break;
    case COST_FEE:
        if (*line->commitment)
            line->amortised = 0;
        break;
    default:
        break;
    }
    return code;
}

static void read_instance(const struct cost_part *part, struct cost_line *line)
{
    bool usage = line->type == COST_USAGE || line->type == COST_DISCOUNTED || line->type == COST_PLAN_COVERED;
    line->instance_type[0] = line->os[0] = '\0';
    line->instance = usage && cost_box_usage(line->usage_type, line->instance_type, sizeof(line->instance_type));
    if (line->instance)
        cost_os(cost_text(part, CUR_OS), line->operation, line->os, sizeof(line->os));
}

int cost_cur_line(const struct cost_part *part, struct cost_line *line, struct err *err)
{
    line->focus = false;
    line->invoiced = *cost_text(part, CUR_INVOICE) != '\0';
    line->type_name = cost_text(part, CUR_TYPE);
    line->type = type_of(line->type_name);
    line->resource = cost_resource(cost_text(part, CUR_RESOURCE));
    line->account = cost_text(part, CUR_ACCOUNT);
    line->service = cost_text(part, CUR_PRODUCT);
    line->usage_type = cost_text(part, CUR_USAGE_TYPE);
    line->operation = cost_text(part, CUR_OPERATION);
    line->zone = cost_text(part, CUR_ZONE);
    line->region = cost_text(part, CUR_REGION_CODE);
    if (!*line->region)
        line->region = cost_text(part, CUR_REGION);
    line->unit = cost_text(part, CUR_UNIT);
    line->commitment = cost_text(part, CUR_RESERVATION);
    if (!*line->commitment)
        line->commitment = cost_text(part, CUR_PLAN);
    line->effective = line->upfront_amortised = line->unused_upfront = line->unused_recurring = 0;
    line->total_units = line->unused_units = 0;
    line->plan_total = line->plan_used = 0;
    read_instance(part, line);
    int code = cost_instant(part, CUR_START, &line->start, err);
    code = code ? code : cost_instant(part, CUR_END, &line->end, err);
    if (!code)
        code = (line->instance ? cost_number : cost_quantity)(part, CUR_AMOUNT, &line->amount, err);
    code = code ? code : cost_quantity(part, CUR_NORMALIZED, &line->normalized, err);
    code = code ? code : cost_number(part, CUR_COST, &line->unblended, err);
    return code ? code : read_commitment(part, line, err);
}

bool cost_cur_period(const struct cost_part *part, instant_t *from, instant_t *to)
{
    struct err err;
    return *cost_text(part, CUR_PERIOD_START) && *cost_text(part, CUR_PERIOD_END) &&
           !cost_instant(part, CUR_PERIOD_START, from, &err) && !cost_instant(part, CUR_PERIOD_END, to, &err) &&
           *from < *to;
}
