/* Cost reports: CUR in both spellings and FOCUS as one shape of line; AWS's rule of amortising; parts and manifests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/str.h"
#include "billing/cost_report.h"

#define RI "arn:aws:ec2:us-east-1:1:reserved-instances/x"
#define SP "arn:aws:savingsplans::1:savingsplan/y"

#define CUR_HEAD                                                                                                       \
    "bill/InvoiceId,bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId,"                    \
    "lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageType,"     \
    "lineItem/Operation,lineItem/AvailabilityZone,lineItem/ResourceId,lineItem/UsageAmount,"                           \
    "lineItem/NormalizedUsageAmount,lineItem/UnblendedCost,product/instanceType,product/operatingSystem,"              \
    "product/regionCode,pricing/unit,reservation/ReservationARN,reservation/EffectiveCost,"                            \
    "reservation/AmortizedUpfrontFeeForBillingPeriod,reservation/UnusedAmortizedUpfrontFeeForBillingPeriod,"           \
    "reservation/UnusedRecurringFee,reservation/TotalReservedNormalizedUnits,"                                         \
    "reservation/UnusedNormalizedUnitQuantity,savingsPlan/SavingsPlanARN,savingsPlan/SavingsPlanEffectiveCost,"        \
    "savingsPlan/TotalCommitmentToDate,savingsPlan/UsedCommitment\n"
#define CUR2_HEAD                                                                                                      \
    "bill_invoice_id,bill_billing_period_start_date,bill_billing_period_end_date,line_item_usage_account_id,"          \
    "line_item_line_item_type,line_item_usage_start_date,line_item_usage_end_date,line_item_product_code,"             \
    "line_item_usage_type,line_item_operation,line_item_availability_zone,line_item_resource_id,"                      \
    "line_item_usage_amount,line_item_normalized_usage_amount,line_item_unblended_cost,product_instance_type,"         \
    "product_operating_system,product_region_code,pricing_unit,reservation_reservation_a_r_n,"                         \
    "reservation_effective_cost,reservation_amortized_upfront_fee_for_billing_period,"                                 \
    "reservation_unused_amortized_upfront_fee_for_billing_period,reservation_unused_recurring_fee,"                    \
    "reservation_total_reserved_normalized_units,reservation_unused_normalized_unit_quantity,"                         \
    "savings_plan_savings_plan_a_r_n,savings_plan_savings_plan_effective_cost,"                                        \
    "savings_plan_total_commitment_to_date,savings_plan_used_commitment\n"
#define PERIOD "2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,111,"
#define HOUR0  "2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,AmazonEC2,"
#define LARGE  "BoxUsage:m5.large,RunInstances,us-east-1a,"

/* A line of each type of AWS's, amounts as AWS writes them. */
#define CUR_LINES                                                                                                      \
    "," PERIOD "Usage," HOUR0 LARGE                                                                                    \
    "i-a,0.0611111111,0.2444444444,0.0058666667,m5.large,Linux,us-east-1,Hrs,,,,,,,,,,,\n"                             \
    "," PERIOD "DiscountedUsage," HOUR0 LARGE "i-b,1,4,0,m5.large,Linux,us-east-1,Hrs," RI ",0.06,,,,,,,,,\n"          \
    "," PERIOD "SavingsPlanCoveredUsage," HOUR0 "EU-BoxUsage:c5.9xlarge,RunInstances:0002,eu-west-1a,"                 \
    "arn:aws:ec2:eu-west-1:1:instance/i-c,1,,1.53,c5.9xlarge,Windows,eu-west-1,Hrs,,,,,,,," SP ",1.1,,\n"              \
    "," PERIOD "SavingsPlanNegation," HOUR0 "EU-BoxUsage:c5.9xlarge,RunInstances:0002,,i-c,1,,-1.53,,,,,,,,,,,," SP    \
    ",,,\n"                                                                                                            \
    "77," PERIOD "RIFee,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,AmazonEC2,HeavyUsage:m5.large,RunInstances,,,744,"   \
    "2976,44.64,m5.large,Linux,us-east-1,Hrs," RI ",,10,2.5,44.58,2976,2972,,,,\n"                                     \
    "," PERIOD "SavingsPlanRecurringFee," HOUR0 "ComputeSP:1yrNoUpfront,,,,1,,2,,,,,,,,,,,," SP ",,2,1.1\n"            \
    "," PERIOD "SavingsPlanUpfrontFee," HOUR0 "ComputeSP:1yrAllUpfront,,,,1,,500,,,,,,,,,,,," SP ",,,\n"               \
    "," PERIOD "Fee,2024-05-01T00:00:00Z,,AmazonEC2,HeavyUsage:m5.large,,,,1,,365,,,,," RI ",,,,,,,,,,\n"              \
    "," PERIOD "Fee,2024-05-01T00:00:00Z,,AmazonRoute53,HostedZone,,,,1,,0.5,,,,,,,,,,,,,,,\n"                         \
    "," PERIOD "Credit,2024-05-01T00:00:00Z,,AmazonEC2,BoxUsage:m5.large,,,,1,,-1.5E0,,,,,,,,,,,,,,,\n"                \
    "," PERIOD "Refund,2024-05-01T00:00:00Z,,AmazonEC2,BoxUsage:m5.large,,,,1,,-2,,,,,,,,,,,,,,,\n"                    \
    "," PERIOD "EdpDiscount," HOUR0 LARGE "i-a,1,,-0.001,,,,,,,,,,,,,,,\n"                                             \
    "," PERIOD "Tax,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,AmazonEC2,,,,,1,,3.21,,,,,,,,,,,,,,,\n"                  \
    "," PERIOD "Usage," HOUR0                                                                                          \
    "SpotUsage:m5.large,RunInstances:SV001,us-east-1a,i-s,1,4,0.03,m5.large,Linux,us-east-1,"                          \
    "Hrs,,,,,,,,,,,\n"

static void add_line(struct str *to, const struct cost_line *l)
{
    char start[INSTANT_TEXT_SIZE];
    char end[INSTANT_TEXT_SIZE];
    char usd[6][MONEY_TEXT_SIZE];
    str_addf(to, "%s|%s|%s|%s|%s|%s|%s %s %s|%s..%s|%s|%s|%s", cost_type_name(l->type), l->account, l->service,
             l->resource, l->region, l->zone, l->instance ? "instance" : "-", l->instance_type, l->os,
             calendar_text(l->start, start), l->end ? calendar_text(l->end, end) : "", money_text(l->amount, usd[0]),
             money_text(l->unblended, usd[1]), money_text(l->amortised, usd[2]));
    if (*l->commitment)
        str_addf(to, "|%s effective %s", l->commitment, money_text(l->effective, usd[3]));
    str_add(to, l->invoiced ? "|invoiced\n" : "\n");
}

static void lines_are(struct cost_report *report, const char *expected)
{
    struct err err = {0};
    struct cost_line line = {0};
    struct str got;
    str_init(&got, 0);
    int more;
    while ((more = cost_report_next(report, &line, &err)) > 0)
        add_line(&got, &line);
    if (more < 0)
        fail_msg("%s", err.text);
    assert_string_equal(got.text, expected);
    str_release(&got);
}

/* Amortised: by AWS's rule, from the lines above. The plan's unused part: 2 - 1.1; the reservation's: 2.5 + 44.58. */
#define DAY0   "2024-05-01T00:00:00Z.."
#define HOURS0 DAY0 "2024-05-01T01:00:00Z|"
#define MONTH0 DAY0 "2024-06-01T00:00:00Z|"
static const char cur_expected[] =
    "usage|111|AmazonEC2|i-a|us-east-1|us-east-1a|instance m5.large linux|" HOURS0
    "0.0611111111|0.0058666667|0.0058666667\n"
    "discounted-usage|111|AmazonEC2|i-b|us-east-1|us-east-1a|instance m5.large linux|" HOURS0
    "1.0000000000|0.0000000000|0.0600000000|" RI " effective 0.0600000000\n"
    "savings-plan-covered-usage|111|AmazonEC2|i-c|eu-west-1|eu-west-1a|instance c5.9xlarge windows|" HOURS0
    "1.0000000000|1.5300000000|1.1000000000|" SP " effective 1.1000000000\n"
    "savings-plan-negation|111|AmazonEC2|i-c|||-  |" HOURS0 "1.0000000000|-1.5300000000|0.0000000000|" SP
    " effective 0.0000000000\n"
    "reserved-fee|111|AmazonEC2||us-east-1||-  |" MONTH0 "744.0000000000|44.6400000000|47.0800000000|" RI
    " effective 0.0000000000|invoiced\n"
    "savings-plan-recurring-fee|111|AmazonEC2||||-  |" HOURS0 "1.0000000000|2.0000000000|0.9000000000|" SP
    " effective 0.0000000000\n"
    "savings-plan-upfront-fee|111|AmazonEC2||||-  |" HOURS0 "1.0000000000|500.0000000000|0.0000000000|" SP
    " effective 0.0000000000\n"
    "fee|111|AmazonEC2||||-  |" DAY0 "|1.0000000000|365.0000000000|0.0000000000|" RI " effective 0.0000000000\n"
    "fee|111|AmazonRoute53||||-  |" DAY0 "|1.0000000000|0.5000000000|0.5000000000\n"
    "credit|111|AmazonEC2||||-  |" DAY0 "|1.0000000000|-1.5000000000|-1.5000000000\n"
    "refund|111|AmazonEC2||||-  |" DAY0 "|1.0000000000|-2.0000000000|-2.0000000000\n"
    "discount|111|AmazonEC2|i-a||us-east-1a|-  |" HOURS0 "1.0000000000|-0.0010000000|-0.0010000000\n"
    "tax|111|AmazonEC2||||-  |" MONTH0 "1.0000000000|3.2100000000|3.2100000000\n"
    "usage|111|AmazonEC2|i-s|us-east-1|us-east-1a|-  |" HOURS0 "1.0000000000|0.0300000000|0.0300000000\n";

static void cur_in_both_spellings(void **state)
{
    (void)state;
    static const char *const texts[] = {CUR_HEAD CUR_LINES, CUR2_HEAD CUR_LINES};
    for (int i = 0; i < 2; i++) {
        struct err err = {0};
        struct cost_report *report;
        if (cost_report_open_text(&report, "cur.csv", texts[i], strlen(texts[i]), &err))
            fail_msg("%s", err.text);
        assert_int_equal(cost_report_format(report), i ? COST_CUR2 : COST_CUR);
        instant_t from;
        instant_t to;
        assert_true(cost_report_period(report, &from, &to));
        assert_int_equal(from, 1714521600);
        assert_int_equal(to, 1717200000);
        lines_are(report, cur_expected);
        cost_report_close(report);
    }
}

/* Columns in another order, most of them missing, times as Data Exports writes them. */
static void columns_by_name(void **state)
{
    (void)state;
    static const char text[] =
        "line_item_unblended_cost,resource_tags,line_item_usage_type,line_item_line_item_type,line_item_usage_start_"
        "date,"
        "line_item_resource_id,line_item_usage_amount,line_item_operation\n"
        "0.1,\"{\"\"a\"\":\"\"b\"\"}\",USW2-BoxUsage,Usage,2024-05-01T13:00:00.000Z,i-1,1,RunInstances:0010\n"
        "0.2,,APN1-BoxUsage:t3.micro,Usage,2024-05-01 14:00:00,i-2,2.5,RunInstances\n"
        "0.3,,DedicatedUsage:t3.micro,Usage,2024-05-01T14:00:00+02:00,i-3,1,RunInstances\n";
    struct err err = {0};
    struct cost_report *report;
    assert_int_equal(cost_report_open_text(&report, "cur.csv", text, sizeof(text) - 1, &err), 0);
    instant_t from;
    instant_t to;
    assert_false(cost_report_period(report, &from, &to));
    lines_are(report,
              "usage|||i-1|||instance m1.small rhel|2024-05-01T13:00:00Z..|1.0000000000|0.1000000000|0.1000000000\n"
              "usage|||i-2|||instance t3.micro linux|2024-05-01T14:00:00Z..|2.5000000000|0.2000000000|0.2000000000\n"
              "usage|||i-3|||-  |2024-05-01T12:00:00Z..|1.0000000000|0.3000000000|0.3000000000\n");
    cost_report_close(report);
}

static void focus(void **state)
{
    (void)state;
#define FOCUS_PERIOD "2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,111,"
    static const char text[] =
        "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,SubAccountId,ChargeCategory,ChargeClass,"
        "ChargeFrequency,BilledCost,EffectiveCost,ConsumedQuantity,ConsumedUnit,PricingQuantity,ResourceId,RegionId,"
        "ServiceName,CommitmentDiscountId,CommitmentDiscountCategory,CommitmentDiscountStatus,x_UsageType,x_"
        "Operation\n" FOCUS_PERIOD
        "Usage,,Usage-Based,0.096,0.096,1,Hours,1,i-a,us-east-1,EC2,,,,BoxUsage:m5.large,RunInstances\n" FOCUS_PERIOD
        "Usage,,Usage-Based,0,0.06,1,Hours,1,i-b,us-east-1,EC2," RI
        ",Usage,Used,BoxUsage:m5.large,RunInstances\n" FOCUS_PERIOD "Usage,,Usage-Based,0,1.1,,,1,i-c,us-east-1,EC2," SP
        ",Spend,Used,BoxUsage:c5.9xlarge,RunInstances:0002\n" FOCUS_PERIOD
        "Usage,,Usage-Based,0,0.9,,,,,us-east-1,EC2," SP ",Spend,Unused,,\n" FOCUS_PERIOD
        "Purchase,,Recurring,0.06,0,,,1,,us-east-1,EC2," RI ",Usage,,HeavyUsage:m5.large,\n" FOCUS_PERIOD
        "Purchase,,Recurring,2,0,,,1,,,EC2," SP ",Spend,,ComputeSP:1yr,\n" FOCUS_PERIOD
        "Purchase,,One-Time,365,0,,,1,,,EC2," RI ",Usage,,HeavyUsage:m5.large,\n" FOCUS_PERIOD
        "Purchase,,One-Time,500,0,,,1,,,EC2," SP ",Spend,,ComputeSP:1yr,\n" FOCUS_PERIOD
        "Purchase,,One-Time,5,5,,,1,,,Marketplace,,,,,\n" FOCUS_PERIOD
        "Credit,,One-Time,-1.5,-1.5,,,,,,EC2,,,,,\n" FOCUS_PERIOD
        "Adjustment,Correction,One-Time,-2,-2,,,,,,EC2,,,,,\n" FOCUS_PERIOD
        "Adjustment,,One-Time,-3,-3,,,,,,EC2,,,,,\n" FOCUS_PERIOD "Tax,,Recurring,3.21,3.21,,,,,,EC2,,,,,\n";
    struct err err = {0};
    struct cost_report *report;
    if (cost_report_open_text(&report, "focus.csv", text, sizeof(text) - 1, &err))
        fail_msg("%s", err.text);
    assert_int_equal(cost_report_format(report), COST_FOCUS);
    lines_are(report,
              "usage|111|EC2|i-a|us-east-1||instance m5.large linux|" HOURS0 "1.0000000000|0.0960000000|0.0960000000\n"
              "discounted-usage|111|EC2|i-b|us-east-1||instance m5.large linux|" HOURS0
              "1.0000000000|0.0000000000|0.0600000000|" RI " effective 0.0600000000\n"
              "savings-plan-covered-usage|111|EC2|i-c|us-east-1||instance c5.9xlarge windows|" HOURS0
              "1.0000000000|0.0000000000|1.1000000000|" SP " effective 1.1000000000\n"
              "unused-commitment|111|EC2||us-east-1||-  |" HOURS0 "0.0000000000|0.0000000000|0.9000000000|" SP
              " effective 0.9000000000\n"
              "reserved-fee|111|EC2||us-east-1||-  |" HOURS0 "1.0000000000|0.0600000000|0.0000000000|" RI
              " effective 0.0000000000\n"
              "savings-plan-recurring-fee|111|EC2||||-  |" HOURS0 "1.0000000000|2.0000000000|0.0000000000|" SP
              " effective 0.0000000000\n"
              "fee|111|EC2||||-  |" HOURS0 "1.0000000000|365.0000000000|0.0000000000|" RI " effective 0.0000000000\n"
              "savings-plan-upfront-fee|111|EC2||||-  |" HOURS0 "1.0000000000|500.0000000000|0.0000000000|" SP
              " effective 0.0000000000\n"
              "fee|111|Marketplace||||-  |" HOURS0 "1.0000000000|5.0000000000|5.0000000000\n"
              "credit|111|EC2||||-  |" HOURS0 "0.0000000000|-1.5000000000|-1.5000000000\n"
              "refund|111|EC2||||-  |" HOURS0 "0.0000000000|-2.0000000000|-2.0000000000\n"
              "discount|111|EC2||||-  |" HOURS0 "0.0000000000|-3.0000000000|-3.0000000000\n"
              "tax|111|EC2||||-  |" HOURS0 "0.0000000000|3.2100000000|3.2100000000\n");
    cost_report_close(report);
}

#define SMALL_HEAD                                                                                                     \
    "lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageType,lineItem/UnblendedCost,lineItem/UsageAmount\n"

/* ---- whole headers, as AWS's exports have them ---- */

/* The columns of a legacy report of 2022 and of a FOCUS 1.2 export, in AWS's order: product columns come and go with
 * what an account uses. */
#define LEGACY_COLUMNS                                                                                                 \
    "identity/LineItemId,identity/TimeInterval,bill/InvoiceId,bill/InvoicingEntity,bill/BillingEntity,bill/BillType,"  \
    "bill/PayerAccountId,bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId,"               \
    "lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageType,"     \
    "lineItem/Operation,lineItem/AvailabilityZone,lineItem/ResourceId,lineItem/UsageAmount,"                           \
    "lineItem/NormalizationFactor,lineItem/NormalizedUsageAmount,lineItem/CurrencyCode,lineItem/UnblendedRate,"        \
    "lineItem/UnblendedCost,lineItem/BlendedRate,lineItem/BlendedCost,lineItem/LineItemDescription,lineItem/TaxType,"  \
    "lineItem/NetUnblendedRate,lineItem/NetUnblendedCost,lineItem/LegalEntity,product/ProductName,"                    \
    "product/availabilityZone,product/clockSpeed,product/instanceType,product/instanceTypeFamily,"                     \
    "product/licenseModel,product/location,product/marketoption,product/normalizationSizeFactor,"                      \
    "product/operatingSystem,product/operation,product/preInstalledSw,product/productFamily,product/region,"           \
    "product/regionCode,product/servicecode,product/sku,product/tenancy,product/usagetype,product/vcpu,"               \
    "pricing/LeaseContractLength,pricing/OfferingClass,pricing/PurchaseOption,pricing/RateCode,pricing/RateId,"        \
    "pricing/currency,pricing/publicOnDemandCost,pricing/publicOnDemandRate,pricing/term,pricing/unit,"                \
    "reservation/AmortizedUpfrontCostForUsage,reservation/AmortizedUpfrontFeeForBillingPeriod,"                        \
    "reservation/EffectiveCost,reservation/EndTime,reservation/ModificationStatus,reservation/NetEffectiveCost,"       \
    "reservation/NormalizedUnitsPerReservation,reservation/NumberOfReservations,reservation/RecurringFeeForUsage,"     \
    "reservation/ReservationARN,reservation/StartTime,reservation/SubscriptionId,"                                     \
    "reservation/TotalReservedNormalizedUnits,reservation/TotalReservedUnits,reservation/UnitsPerReservation,"         \
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod,reservation/UnusedNormalizedUnitQuantity,"                  \
    "reservation/UnusedQuantity,reservation/UnusedRecurringFee,reservation/UpfrontValue,"                              \
    "savingsPlan/TotalCommitmentToDate,savingsPlan/SavingsPlanARN,savingsPlan/SavingsPlanRate,"                        \
    "savingsPlan/UsedCommitment,savingsPlan/SavingsPlanEffectiveCost,"                                                 \
    "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod,savingsPlan/RecurringCommitmentForBillingPeriod,"          \
    "resourceTags/user:Name"

#define FOCUS_COLUMNS                                                                                                  \
    "AvailabilityZone,BilledCost,BillingAccountId,BillingAccountName,BillingAccountType,BillingCurrency,"              \
    "BillingPeriodEnd,BillingPeriodStart,CapacityReservationId,CapacityReservationStatus,ChargeCategory,ChargeClass,"  \
    "ChargeDescription,ChargeFrequency,ChargePeriodEnd,ChargePeriodStart,CommitmentDiscountCategory,"                  \
    "CommitmentDiscountId,CommitmentDiscountName,CommitmentDiscountQuantity,CommitmentDiscountStatus,"                 \
    "CommitmentDiscountType,CommitmentDiscountUnit,ConsumedQuantity,ConsumedUnit,ContractedCost,"                      \
    "ContractedUnitPrice,EffectiveCost,InvoiceId,InvoiceIssuerName,ListCost,ListUnitPrice,PricingCategory,"            \
    "PricingCurrency,PricingCurrencyContractedUnitPrice,PricingCurrencyEffectiveCost,"                                 \
    "PricingCurrencyListUnitPrice,PricingQuantity,PricingUnit,ProviderName,PublisherName,RegionId,RegionName,"         \
    "ResourceId,ResourceName,ResourceType,ServiceCategory,ServiceName,ServiceSubcategory,SkuId,SkuMeter,"              \
    "SkuPriceDetails,SkuPriceId,SubAccountId,SubAccountName,SubAccountType,Tags,x_Discounts,x_Operation,x_ServiceCode"

struct cell {
    const char *column, *text; /* quoted as in the file */
};

/* A line of the columns' order; each cell's column must be there. */
static void add_cells(struct str *to, const char *columns, const struct cell *cells)
{
    size_t placed = 0;
    for (const char *at = columns; *at; at += *at == ',') {
        size_t len = strcspn(at, ",");
        for (const struct cell *c = cells; c->column; c++)
            if (strlen(c->column) == len && strncmp(c->column, at, len) == 0) {
                str_add(to, c->text);
                placed++;
            }
        at += len;
        str_add_char(to, *at ? ',' : '\n');
    }
    while (cells->column) {
        cells++;
        placed--;
    }
    assert_int_equal(placed, 0);
}

static void sample_is(const char *name, const char *columns, const struct cell *const *rows, size_t count,
                      enum cost_format format, const char *expected)
{
    struct err err = {0};
    struct cost_report *report;
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "%s\n", columns);
    for (size_t i = 0; i < count; i++)
        add_cells(&text, columns, rows[i]);
    if (cost_report_open_text(&report, name, text.text, text.len, &err))
        fail_msg("%s", err.text);
    assert_int_equal(cost_report_format(report), format);
    lines_are(report, expected);
    cost_report_close(report);
    str_release(&text);
}

/* Daily lines: a day that a reservation paid whole, in normalised units; an instance that ran ten and a half hours; and
 * tax, with times as tables write them, and nothing of a product. */
static void a_daily_legacy_report(void **state)
{
    (void)state;
#define DAY(type)                                                                                                      \
    {"identity/LineItemId", "q7lthq"}, {"identity/TimeInterval", "2022-10-03T00:00:00Z/2022-10-04T00:00:00Z"},         \
        {"bill/BillType", "Anniversary"}, {"bill/PayerAccountId", "111122223333"},                                     \
        {"bill/BillingPeriodStartDate", "2022-10-01T00:00:00Z"},                                                       \
        {"bill/BillingPeriodEndDate", "2022-11-01T00:00:00Z"}, {"lineItem/UsageAccountId", "444455556666"},            \
        {"lineItem/LineItemType", type}, {"lineItem/UsageStartDate", "2022-10-03T00:00:00Z"},                          \
        {"lineItem/UsageEndDate", "2022-10-04T00:00:00Z"}, {"lineItem/ProductCode", "AmazonEC2"},                      \
        {"lineItem/Operation", "RunInstances"}, {"lineItem/UsageType", "EUC1-BoxUsage:c5.large"},                      \
        {"lineItem/AvailabilityZone", "eu-central-1a"}, {"lineItem/CurrencyCode", "USD"},                              \
        {"product/ProductName", "Amazon Elastic Compute Cloud"}, {"product/instanceType", "c5.large"},                 \
        {"product/operatingSystem", "Linux"}, {"product/region", "eu-central-1"},                                      \
    {                                                                                                                  \
        "pricing/unit", "Hrs"                                                                                          \
    }
    static const struct cell covered[] = {
        DAY("DiscountedUsage"),
        {"lineItem/ResourceId", "i-0a"},
        {"lineItem/UsageAmount", "24.0000000000"},
        {"lineItem/NormalizationFactor", "4.0"},
        {"lineItem/NormalizedUsageAmount", "96.0000000000"},
        {"lineItem/UnblendedRate", "0.0000000000"},
        {"lineItem/UnblendedCost", "0.0000000000"},
        {"lineItem/LineItemDescription", "\"USD 0.0 per Linux/UNIX (Amazon VPC), c5.large, reserved\""},
        {"lineItem/LegalEntity", "\"Amazon Web Services, Inc.\""},
        {"pricing/term", "Reserved"},
        {"reservation/AmortizedUpfrontCostForUsage", "1.3561643808"},
        {"reservation/EffectiveCost", "1.3561643808"},
        {"reservation/NetEffectiveCost", "1.2205479427"},
        {"reservation/ReservationARN", "arn:aws:ec2:eu-central-1:444455556666:reserved-instances/0b"},
        {"resourceTags/user:Name", "\"bake, \"\"blue\"\"\""},
        {NULL, NULL}};
    static const struct cell on_demand[] = {DAY("Usage"),
                                            {"lineItem/ResourceId", "i-0c"},
                                            {"lineItem/UsageAmount", "10.5000000000"},
                                            {"lineItem/UnblendedRate", "0.0970000000"},
                                            {"lineItem/UnblendedCost", "1.0185000000"},
                                            {"lineItem/BlendedCost", "0.9000000000"},
                                            {"pricing/term", "OnDemand"},
                                            {NULL, NULL}};
    static const struct cell tax[] = {{"bill/InvoiceId", "EUINDE22-1"},
                                      {"bill/BillingPeriodStartDate", "2022-10-01"},
                                      {"bill/BillingPeriodEndDate", "2022-11-01"},
                                      {"lineItem/UsageAccountId", "444455556666"},
                                      {"lineItem/LineItemType", "Tax"},
                                      {"lineItem/UsageStartDate", "2022-10-01 00:00:00"},
                                      {"lineItem/UsageEndDate", "2022-11-01 00:00:00"},
                                      {"lineItem/ProductCode", "AmazonEC2"},
                                      {"lineItem/UsageAmount", "1.0"},
                                      {"lineItem/NormalizationFactor", "0.0"},
                                      {"lineItem/UnblendedCost", "3.8"},
                                      {"lineItem/TaxType", "VAT"},
                                      {NULL, NULL}};
    static const struct cell *const rows[] = {covered, on_demand, tax};
#define DAY_OF "2022-10-03T00:00:00Z..2022-10-04T00:00:00Z|"
    sample_is("legacy.csv", LEGACY_COLUMNS, rows, 3, COST_CUR,
              "discounted-usage|444455556666|AmazonEC2|i-0a|eu-central-1|eu-central-1a|instance c5.large linux|" DAY_OF
              "24.0000000000|0.0000000000|1.3561643808|arn:aws:ec2:eu-central-1:444455556666:reserved-instances/0b "
              "effective 1.3561643808\n"
              "usage|444455556666|AmazonEC2|i-0c|eu-central-1|eu-central-1a|instance c5.large linux|" DAY_OF
              "10.5000000000|1.0185000000|1.0185000000\n"
              "tax|444455556666|AmazonEC2||||-  |2022-10-01T00:00:00Z..2022-11-01T00:00:00Z|1.0000000000|3.8000000000|"
              "3.8000000000|invoiced\n");
}

/* AWS writes small numbers with exponents, nothing as nothing or as two quotes, times with milliseconds. */
#define HOUR                                                                                                           \
    {"BillingPeriodStart", "2025-09-01T00:00:00.000Z"}, {"BillingPeriodEnd", "2025-10-01T00:00:00.000Z"},              \
        {"ChargePeriodStart", "2025-09-01T05:00:00.000Z"}, {"ChargePeriodEnd", "2025-09-01T06:00:00.000Z"},            \
        {"BillingCurrency", "USD"}, {"BillingAccountId", "111122223333"}, {"SubAccountId", "444455556666"},            \
        {"InvoiceIssuerName", "\"Amazon Web Services, Inc.\""},                                                        \
    {                                                                                                                  \
        "ProviderName", "AWS"                                                                                          \
    }
static const struct cell focus_logs[] = {HOUR,
                                         {"BilledCost", "6.123E-7"},
                                         {"EffectiveCost", "6.123E-7"},
                                         {"ChargeCategory", "Usage"},
                                         {"ChargeDescription", "First 5GB-mo per month of logs storage is free."},
                                         {"ConsumedQuantity", "2.041E-5"},
                                         {"ConsumedUnit", "GB-Months"},
                                         {"PricingQuantity", "2.041E-5"},
                                         {"RegionId", "eu-west-1"},
                                         {"ResourceId", "arn:aws:logs:eu-west-1:444455556666:log-group:/app"},
                                         {"ResourceType", "\"\""},
                                         {"ServiceName", "AmazonCloudWatch"},
                                         {"SkuMeter", "EU-TimedStorage-ByteHrs"},
                                         {"Tags", "{}"},
                                         {NULL, NULL}};
static const struct cell focus_covered[] = {
    HOUR,
    {"AvailabilityZone", "eu-west-1b"},
    {"BilledCost", "0.0"},
    {"EffectiveCost", "0.061"},
    {"ListCost", "0.107"},
    {"ChargeCategory", "Usage"},
    {"ChargeFrequency", "Usage-Based"},
    {"CommitmentDiscountCategory", "Usage"},
    {"CommitmentDiscountId", "arn:aws:ec2:eu-west-1:444455556666:reserved-instances/0d"},
    {"CommitmentDiscountStatus", "Used"},
    {"CommitmentDiscountType", "Reserved Instance"},
    {"ConsumedQuantity", "1.0"},
    {"ConsumedUnit", "Hours"},
    {"PricingCategory", "Committed"},
    {"PricingQuantity", "1.0"},
    {"PricingUnit", "Hours"},
    {"RegionId", "eu-west-1"},
    {"ResourceId", "i-0e"},
    {"ServiceName", "Amazon Elastic Compute Cloud"},
    {"SkuMeter", "EU-BoxUsage:m5.large"},
    {"x_Operation", "RunInstances:0002"},
    {"x_ServiceCode", "AmazonEC2"},
    {"Tags", "\"{\"\"user:Name\"\":\"\"a,b\"\"}\""},
    {NULL, NULL}};
static const struct cell focus_tax[] = {{"BillingPeriodStart", "2025-09-01T00:00:00.000Z"},
                                        {"BillingPeriodEnd", "2025-10-01T00:00:00.000Z"},
                                        {"ChargePeriodStart", "2025-09-01T00:00:00.000Z"},
                                        {"ChargePeriodEnd", "2025-10-01T00:00:00.000Z"},
                                        {"BilledCost", "0.0"},
                                        {"BillingCurrency", "USD"},
                                        {"ChargeCategory", "Tax"},
                                        {"RegionId", "\"\""},
                                        {"RegionName", "\"\""},
                                        {"ServiceName", "AWS Amplify"},
                                        {"Tags", "{}"},
                                        {NULL, NULL}};
static void a_focus_1_2_export(void **state)
{
    (void)state;
    static const struct cell *const rows[] = {focus_logs, focus_covered, focus_tax};
#define HOUR_OF "2025-09-01T05:00:00Z..2025-09-01T06:00:00Z|"
    sample_is(
        "focus.csv", FOCUS_COLUMNS, rows, 3, COST_FOCUS,
        "usage|444455556666|AmazonCloudWatch|arn:aws:logs:eu-west-1:444455556666:log-group:/app|eu-west-1||-  "
        "|" HOUR_OF "0.0000204100|0.0000006123|0.0000006123\n"
        "discounted-usage|444455556666|Amazon Elastic Compute Cloud|i-0e|eu-west-1|eu-west-1b|instance m5.large "
        "windows|" HOUR_OF
        "1.0000000000|0.0000000000|0.0610000000|arn:aws:ec2:eu-west-1:444455556666:reserved-instances/0d effective "
        "0.0610000000\n"
        "tax||AWS Amplify||||-  |2025-09-01T00:00:00Z..2025-10-01T00:00:00Z|0.0000000000|0.0000000000|"
        "0.0000000000\n");
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "t.csv: is empty"},
        {"a,b\n1,2\n", "t.csv:1:1: is no cost report"},
        {SMALL_HEAD "Usage,yesterday,x,1,1\n", "t.csv:2:7: lineItem/UsageStartDate: \"yesterday\" is no UTC time"},
        {SMALL_HEAD "Usage,2024-05-01T00:00:00Z,x,1,1\nUsage,2024-05-01T00:00:00Z,x,free,1\n",
         "t.csv:3:30: lineItem/UnblendedCost: \"free\" is no number that can be counted"},
        {SMALL_HEAD "Usage,2024-05-01T00:00:00Z,BoxUsage,1,1e30\n", "t.csv:2:39: lineItem/UsageAmount: \"1e30\""},
        {SMALL_HEAD "Usage,2024-05-01T00:00:00Z,x,1,1f30\n", "t.csv:2:32: lineItem/UsageAmount: \"1f30\""},
        {SMALL_HEAD "Usage,2024-05-01T24:00:00Z,x,1,1\n", "t.csv:2:7: lineItem/UsageStartDate:"},
        {SMALL_HEAD "Usage,2024-05-01T00:00:00Z\n", "t.csv:2:1: 2 fields where the header has 5 columns"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = {0};
        struct cost_report *report = NULL;
        int code = cost_report_open_text(&report, "t.csv", cases[i].text, strlen(cases[i].text), &err);
        struct cost_line line = {0};
        int got = 1;
        while (!code && got > 0)
            got = cost_report_next(report, &line, &err);
        assert_true(code == EXIT_INPUT || got < 0);
        if (strncmp(err.text, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s: %s", cases[i].text, err.text);
        cost_report_close(report);
    }
}

static void write_file(const char *path, const char *text, bool packed)
{
    if (packed) {
        gzFile file = gzopen(path, "wb");
        assert_int_equal(gzputs(file, text), strlen(text));
        assert_int_equal(gzclose(file), Z_OK);
        return;
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int64_t count_lines(const char *const *paths, size_t count, size_t parts)
{
    struct err err = {0};
    struct cost_report *report;
    if (cost_report_open(&report, paths, count, &err))
        fail_msg("%s", err.text);
    assert_int_equal(cost_report_parts(report), parts);
    struct cost_line line = {0};
    int64_t lines = 0;
    int got;
    while ((got = cost_report_next(report, &line, &err)) > 0)
        lines++;
    assert_int_equal(got, 0);
    cost_report_close(report);
    return lines;
}

static void parts_and_manifests(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_cost_report.XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("run", 0700), 0);
    write_file("run/report-00001.csv.gz",
               SMALL_HEAD "Usage,2024-05-01T00:00:00Z,x,1,1\nUsage,2024-05-01T00:00:00Z,x,1,1\n", true);
    write_file("run/report-00002.csv", SMALL_HEAD "Usage,2024-05-01T00:00:00Z,x,1,1\n", false);
    write_file("run/empty.csv", SMALL_HEAD, false);
    write_file("report-Manifest.json",
               "{\"assemblyId\":\"a\",\"compression\":\"GZIP\",\"reportKeys\":[\"prefix/report/20240501-20240601/run/"
               "report-00001.csv.gz\","
               "\"prefix/report/20240501-20240601/run/report-00002.csv\"]}",
               false);
    write_file("run/export-Manifest.json",
               "{\"dataFiles\":[\"s3://bucket/x/report-00002.csv\",\"s3://bucket/x/run/empty.csv\"]}", false);
    write_file("bad-Manifest.json", "{\"reportKeys\":[\"prefix/gone.csv\"]}", false);
    write_file("no-Manifest.json", "{\"files\":[]}", false);
    assert_int_equal(
        count_lines((const char *const[]){"run/report-00001.csv.gz", "run/report-00002.csv", "run/empty.csv"}, 3, 3),
        3);
    assert_int_equal(count_lines((const char *const[]){"report-Manifest.json"}, 1, 2), 3);
    assert_int_equal(count_lines((const char *const[]){"run/export-Manifest.json"}, 1, 2), 1);
    struct err err = {0};
    struct cost_report *report;
    const char *bad = "bad-Manifest.json";
    assert_int_equal(cost_report_open(&report, &bad, 1, &err), EXIT_INPUT);
    assert_string_equal(err.text, "bad-Manifest.json: names the part prefix/gone.csv, which is not here");
    bad = "no-Manifest.json";
    assert_int_equal(cost_report_open(&report, &bad, 1, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "neither reportKeys nor dataFiles"));
    bad = "run/report-00009.csv";
    assert_int_equal(cost_report_open(&report, &bad, 1, &err), EXIT_INPUT);
    assert_true(cost_report_is("run/report-00001.csv.gz"));
    assert_false(cost_report_is("run"));
    assert_false(cost_report_is("nowhere.csv"));
    const char *const files[] = {"run/report-00001.csv.gz", "run/report-00002.csv",     "run/empty.csv",
                                 "report-Manifest.json",    "run/export-Manifest.json", "bad-Manifest.json",
                                 "no-Manifest.json"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        unlink(files[i]);
    rmdir("run");
    assert_int_equal(chdir("/"), 0);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cur_in_both_spellings),
        cmocka_unit_test(columns_by_name),
        cmocka_unit_test(focus),
        cmocka_unit_test(a_daily_legacy_report),
        cmocka_unit_test(a_focus_1_2_export),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(parts_and_manifests),
    };
    return cmocka_run_group_tests_name("cost_report", tests, NULL, NULL);
}
