#!/bin/sh
# bakehour reconcile, and bill on a cost report. The report is made by hand in AWS's shape; figures are summed by hand.
. "${0%/*}/tap.sh"
cd "$tmp" || exit 1

head='identity/LineItemId,bill/InvoiceId,bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageType,lineItem/Operation,lineItem/AvailabilityZone,lineItem/ResourceId,lineItem/UsageAmount,lineItem/NormalizedUsageAmount,lineItem/UnblendedCost,product/instanceType,product/operatingSystem,product/regionCode,reservation/ReservationARN,reservation/EffectiveCost,reservation/AmortizedUpfrontFeeForBillingPeriod,reservation/UnusedAmortizedUpfrontFeeForBillingPeriod,reservation/UnusedRecurringFee,reservation/TotalReservedNormalizedUnits,reservation/UnusedNormalizedUnitQuantity'
# box TYPE HOUR INSTANCE AMOUNT COST RESERVATION EFFECTIVE
box() {
    echo "x,9,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,111,$1,2024-05-01T$2:00:00Z,2024-05-01T$2:59:59Z,AmazonEC2,BoxUsage:m5.large,RunInstances,us-east-1a,$3,$4,,$5,m5.large,Linux,us-east-1,$6,$7,,,,,"
}
# 4 normalised units an hour
units() {
    sed 's/,i-b,1,,/,i-b,1,4,/'
}
ri=arn:aws:ec2:us-east-1:111:reserved-instances/r
{
    echo "$head"
    box Usage 00 i-a 1.0000000000 0.0960000000
    box Usage 01 i-a 0.0611111111 0.0058666667
    box Usage 02 i-c 1 0.096
    echo "x,9,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,111,RIFee,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,AmazonEC2,HeavyUsage:m5.large,RunInstances,,,744,2976,44.64,m5.large,Linux,us-east-1,$ri,,10,9.99,44.58,2976,2972"
} >part-1.csv
{
    echo "$head"
    box DiscountedUsage 00 i-b 1 0 $ri 0.07 | units
    echo "x,9,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,111,Tax,2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,AmazonEC2,,,,,1,,3.21,,,,,,,,,,"
} | gzip >part-2.csv.gz
cat >usage.csv <<'END'
account,instance,type,region,zone,start,end
111,i-a,m5.large,us-east-1,us-east-1a,2024-05-01T00:00:00Z,2024-05-01T01:03:40Z
111,i-b,m5.large,us-east-1,us-east-1a,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z
END
printf 'type,region,effective,usd_per_hour\nm5.large,us-east-1,2020-01-01,0.096\n' >prices.csv

# Charged: 0.0960 + 0.0058666667 + 0.0960 on demand, 0.07 reserved, 9.99 + 44.58 unused, 3.21 tax = 58.0478666667.
# Expected, without a reservation: 1 h 220 s of i-a, 1 h of i-b = 0.1978666667.
golden "two parts, one of them gzip" reconcile --cur part-1.csv --cur part-2.csv.gz --usage usage.csv --catalog prices.csv <<END
CUR, 6 lines in 2 parts, 2024-05-01T00:00:00Z to 2024-06-01T00:00:00Z
Charged 58.0478666667 USD (amortised), expected 0.1978666667 by usage.csv: a difference of 57.8500000000

Difference         Count            USD
missing-in-ledger      1   0.0960000000
allocation             1  -0.0960000000
reserved-fee           2  54.6400000000
tax                    1   3.2100000000
all                       57.8500000000

Largest first      What                                                      USD    Hours  First                 Last                  Count  Type      Region     Account
reserved-fee       $ri  54.6400000000           2024-05-01T00:00:00Z  2024-05-01T00:00:00Z      2                       111
tax                AmazonEC2                                        3.2100000000           2024-05-01T00:00:00Z  2024-05-01T00:00:00Z      1                       111
missing-in-ledger  i-c                                              0.0960000000   1.0000  2024-05-01T02:00:00Z  2024-05-01T02:00:00Z      1  m5.large  us-east-1  111
allocation         i-b                                             -0.0960000000  -1.0000  2024-05-01T00:00:00Z  2024-05-01T00:00:00Z      1  m5.large  us-east-1  111

Line type         Lines  Unblended USD  Amortised USD
usage                 3   0.1978666667   0.1978666667
discounted-usage      1   0.0000000000   0.0700000000
reserved-fee          1  44.6400000000  54.5700000000
tax                   1   3.2100000000   3.2100000000
all                   6  48.0478666667  58.0478666667

Commitment                                        Used      Used USD     Unused USD       Paid USD  Balanced
$ri  0.13 %  0.0700000000  54.5700000000  54.6400000000  yes

Instances  Covered  On-demand h  Reserved h  Plan h
m5.large   32.67 %       2.0611      1.0000  0.0000
all        32.67 %       2.0611      1.0000  0.0000
END
cat >report-Manifest.json <<'END'
{ "assemblyId": "a", "account": "111", "compression": "GZIP", "bucket": "b",
  "reportKeys": [ "prefix/report/20240501-20240601/a/part-1.csv", "prefix/report/20240501-20240601/a/part-2.csv.gz" ] }
END
golden "the manifest; differences as CSV" reconcile --cur report-Manifest.json --usage usage.csv --catalog prices.csv --top 2 --csv <<END
kind,what,usd,hours,first,last,count,type,region,account
reserved-fee,$ri,54.6400000000,,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,2,,,111
tax,AmazonEC2,3.2100000000,,2024-05-01T00:00:00Z,2024-05-01T00:00:00Z,1,,,111
END
golden "without an expected side" reconcile --cur report-Manifest.json --csv <<'END'
line_type,lines,unblended_usd,amortised_usd
usage,3,0.1978666667,0.1978666667
discounted-usage,1,0.0000000000,0.0700000000
reserved-fee,1,44.6400000000,54.5700000000
tax,1,3.2100000000,3.2100000000
all,6,48.0478666667,58.0478666667
END
run reconcile --cur part-1.csv --usage usage.csv --catalog prices.csv --json
flat=$(echo "$out" | tr -d ' \t\n')
holds "json: the heading" "$flat" '{"schema":"bakehour.reconcile/1","format":"CUR","parts":1,"lines":4,"from":"2024-05-01T00:00:00Z","to":"2024-06-01T00:00:00Z","by_line_type":{"usage":{"lines":3,"unblended_usd":"0.1978666667","amortised_usd":"0.1978666667"}'
holds "json: the comparison" "$flat" '"comparison":{"against":"usage.csv","expected_usd":"0.1978666667","actual_usd":"54.7678666667","difference_usd":"54.5700000000"'
holds "json: a kind" "$flat" '"missing-in-report":{"count":1,"usd":"-0.0960000000"}'
holds "json: a difference" "$flat" '{"kind":"missing-in-report","what":"i-b","account":"","type":"","region":"","count":1,"first":"2024-05-01T00:00:00Z","last":"2024-05-01T00:00:00Z","hours":"-1.0000","usd":"-0.0960000000"}'
holds "json: a commitment" "$flat" "{\"id\":\"$ri\",\"kind\":\"reservation\",\"utilisation\":\"0.00%\",\"used_usd\":\"0.0000000000\",\"unused_usd\":\"54.5700000000\",\"fee_usd\":\"44.6400000000\",\"upfront_usd\":\"10.0000000000\",\"balanced\":false}"

# The same through a ledger.
run ledger import --usage usage.csv --catalog prices.csv --ledger ledger.db
is "a ledger" "$code" 0
run reconcile --cur report-Manifest.json --ledger ledger.db --json
holds "with a ledger: its usage, its prices" "$(echo "$out" | tr -d ' \t\n')" '"expected_usd":"0.1978666667","actual_usd":"58.0478666667","difference_usd":"57.8500000000"'

# A reservation told: its fee is 744 x 0.06 + 10 of upfront, spread; what it covers is at no cost.
printf 'account,type,region,start,end,hourly_usd,upfront_usd\n111,m5.large,us-east-1,2024-05-01,2024-06-01,0.06,10\n' >reserved.csv
run reconcile --cur report-Manifest.json --usage usage.csv --reserved reserved.csv --catalog prices.csv --json
flat=$(echo "$out" | tr -d ' \t\n')
holds "a reservation: its fee is as expected" "$flat" '"reserved-fee":{"count":2,"usd":"0.0000000000"}'
holds "a reservation: what it pays for differs by 220 s" "$flat" '"allocation":{"count":3,"usd":"0.0058666667"}'

# FOCUS: the same hour, in its own words; the commitment's effective costs are what was paid.
cat >focus.csv <<'END'
BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,BilledCost,EffectiveCost,ConsumedQuantity,ChargeFrequency,CommitmentDiscountId,CommitmentDiscountCategory,CommitmentDiscountStatus,ResourceId,RegionId,x_UsageType,x_Operation
2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,Usage,0.096,0.096,1,Usage-Based,,,,i-a,us-east-1,BoxUsage:m5.large,RunInstances
2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,Usage,0,0.06,1,Usage-Based,ri-1,Usage,Used,i-b,us-east-1,BoxUsage:m5.large,RunInstances
2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,Usage,0,0.04,1,Usage-Based,ri-1,Usage,Unused,,,,
2024-05-01T00:00:00Z,2024-06-01T00:00:00Z,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z,Purchase,0.10,0,1,Recurring,ri-1,Usage,,,,,
END
run reconcile --focus focus.csv --usage usage.csv --catalog prices.csv --json
flat=$(echo "$out" | tr -d ' \t\n')
holds "FOCUS" "$flat" '"format":"FOCUS"'
holds "FOCUS: the invariant" "$flat" '{"id":"ri-1","kind":"reservation","utilisation":"60.00%","used_usd":"0.0600000000","unused_usd":"0.0400000000","fee_usd":"0.1000000000","upfront_usd":"0.0000000000","balanced":true}'
sed 's/Purchase,0.10/Purchase,0.11/' focus.csv >unbalanced.csv
run reconcile --focus unbalanced.csv --json
holds "FOCUS: the invariant broken" "$(echo "$out" | tr -d ' \t\n')" '"balanced":false'

# Bills from the report itself: AWS's hours at our prices are AWS's amounts: 0.0960 + 0.0058666667 + 0.0960 on demand.
run bill --usage part-1.csv --catalog prices.csv --json
holds "bill --usage of a report: AWS's own sum" "$out" '"total_usd": "0.1978666667"'
holds "bill --usage of a report: its instance" "$out" '"instance":"i-a","type":"m5.large","hours":"1.061111","cost_usd":"0.1018666667"'
run bill --usage report-Manifest.json --catalog prices.csv --json
holds "bill --usage of a manifest" "$out" '"total_usd": "0.2938666667"'

# A month of a busy group, made by the tool: with the usage that made it, only what usage cannot tell is left over.
maker=${BUILD:-build/release}/tests/make_cur
case $maker in /*) ;; *) maker=${0%/*}/../../$maker ;; esac
if [ -x "$OLDPWD/$maker" ]; then maker=$OLDPWD/$maker; fi
if [ -x "$maker" ]; then
    "$maker" 3000000 --seed 7 --usage made.csv --gzip >made.csv.gz
    "$maker" 3000000 --seed 7 --cur2 >made2.csv
    printf 'account,type,region,count,start,end,hourly_usd\n111122223333,m5.large,us-east-1,5,2024-01-01,2025-01-01,0.06\n' >five.csv
    for report in made.csv.gz made2.csv; do
        run reconcile --cur $report --usage made.csv --reserved five.csv --catalog prices.csv --json
        flat=$(echo "$out" | tr -d ' \t\n')
        holds "$report: nothing is missing" "$flat" '"missing-in-ledger":{"count":0,"usd":"0.0000000000"},"missing-in-report":{"count":0,"usd":"0.0000000000"},"usage":{"count":0,"usd":"0.0000000000"}'
        holds "$report: no price differs" "$flat" '"price":{"count":0,"usd":"0.0000000000"}'
        holds "$report: the tax" "$flat" '"tax":{"count":1,"usd":"123.4500000000"}'
        holds "$report: the fee" "$flat" '"balanced":true'
    done
    run bill --usage made.csv --catalog prices.csv --csv
    by_usage=$(echo "$out" | sort | cksum)
    run bill --usage made.csv.gz --catalog prices.csv --csv
    is "a bill of the report is the bill of the usage, instance by instance" "$(echo "$out" | sort | cksum)" "$by_usage"
else
    echo "# skipped: tests/make_cur is not built"
fi

refused "no report" "--cur FILE or --focus FILE is needed" reconcile --usage usage.csv
refused "both" "--cur and --focus exclude each other" reconcile --cur part-1.csv --focus focus.csv
refused "CUR as FOCUS" "part-1.csv is CUR; use --cur" reconcile --focus part-1.csv
refused "no report at all" "usage.csv:1:1: is no cost report" reconcile --cur usage.csv
refused "usage and a ledger" "--usage and --ledger exclude each other" reconcile --cur part-1.csv --usage usage.csv --ledger ledger.db
refused "no such ledger" "nowhere.db" reconcile --cur part-1.csv --ledger nowhere.db
head -c 150 part-2.csv.gz >cut.csv.gz
refused "half a part" "cut.csv.gz: the gzip data stops before its end" reconcile --cur part-1.csv --cur cut.csv.gz
sed 's/0.0058666667/cheap/' part-1.csv >bad.csv
refused "a bad amount" 'lineItem/UnblendedCost: "cheap" is no number' reconcile --cur bad.csv
refused "parts of two kinds" "focus.csv:1:1: is FOCUS, and the part before it is CUR" reconcile --cur part-1.csv --cur focus.csv
cp part-1.csv x.zip.csv && printf 'PK\003\004' | cat - part-1.csv >zip.csv
refused "a zip archive" "zip.csv: is a zip archive" reconcile --cur zip.csv
done_testing
