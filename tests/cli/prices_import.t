#!/bin/sh
# bakehour prices import, history and diff; AWS's price lists as --catalog. The lists have the shapes that AWS publishes
# (a few products instead of a hundred thousand); the expected figures are those written into them.
. "${0%/*}/tap.sh"
cd "$tmp" || exit 1

# list VERSION DATE HOURLY RESERVED UPFRONT: a list of one Linux instance, on demand and reserved, and a price in tiers.
list() {
    cat <<END
{
  "formatVersion" : "v1.0",
  "disclaimer" : "This pricing list is for informational purposes only.",
  "offerCode" : "AmazonEC2",
  "version" : "$1",
  "publicationDate" : "$2T20:30:45Z",
  "products" : {
    "JG5TAV9UXXEU3Q7B" : {
      "sku" : "JG5TAV9UXXEU3Q7B",
      "productFamily" : "Compute Instance",
      "attributes" : {
        "servicecode" : "AmazonEC2", "location" : "US East (N. Virginia)", "locationType" : "AWS Region",
        "instanceType" : "m5.large", "tenancy" : "Shared", "operatingSystem" : "Linux",
        "licenseModel" : "No License required", "usagetype" : "BoxUsage:m5.large", "operation" : "RunInstances",
        "capacitystatus" : "Used", "preInstalledSw" : "NA"
      }
    },
    "TRANSFERBBBBBBBB" : { "sku" : "TRANSFERBBBBBBBB", "productFamily" : "Data Transfer",
      "attributes" : { "usagetype" : "DataTransfer-Out-Bytes", "regionCode" : "us-east-1" } }
  },
  "terms" : {
    "OnDemand" : {
      "JG5TAV9UXXEU3Q7B" : {
        "JG5TAV9UXXEU3Q7B.JRTCKXETXF" : {
          "offerTermCode" : "JRTCKXETXF", "sku" : "JG5TAV9UXXEU3Q7B", "effectiveDate" : "$2T00:00:00Z",
          "priceDimensions" : {
            "JG5TAV9UXXEU3Q7B.JRTCKXETXF.6YS6EN2CT7" : {
              "rateCode" : "JG5TAV9UXXEU3Q7B.JRTCKXETXF.6YS6EN2CT7", "beginRange" : "0", "endRange" : "Inf",
              "unit" : "Hrs", "appliesTo" : [ ], "pricePerUnit" : { "USD" : "$3" } } },
          "termAttributes" : { } } },
      "TRANSFERBBBBBBBB" : {
        "TRANSFERBBBBBBBB.JRTCKXETXF" : {
          "offerTermCode" : "JRTCKXETXF", "sku" : "TRANSFERBBBBBBBB", "effectiveDate" : "$2T00:00:00Z",
          "priceDimensions" : {
            "a" : { "rateCode" : "TRANSFERBBBBBBBB.JRTCKXETXF.A", "beginRange" : "0", "endRange" : "10240",
              "unit" : "GB", "pricePerUnit" : { "USD" : "0.0900000000" } },
            "b" : { "rateCode" : "TRANSFERBBBBBBBB.JRTCKXETXF.B", "beginRange" : "10240", "endRange" : "Inf",
              "unit" : "GB", "pricePerUnit" : { "USD" : "0.0850000000" } } } } }
    },
    "Reserved" : {
      "JG5TAV9UXXEU3Q7B" : {
        "JG5TAV9UXXEU3Q7B.HU7G6KETJZ" : {
          "offerTermCode" : "HU7G6KETJZ", "sku" : "JG5TAV9UXXEU3Q7B", "effectiveDate" : "$2T00:00:00Z",
          "priceDimensions" : {
            "JG5TAV9UXXEU3Q7B.HU7G6KETJZ.6YS6EN2CT7" : {
              "rateCode" : "JG5TAV9UXXEU3Q7B.HU7G6KETJZ.6YS6EN2CT7", "unit" : "Hrs",
              "beginRange" : "0", "endRange" : "Inf", "pricePerUnit" : { "USD" : "$4" } },
            "JG5TAV9UXXEU3Q7B.HU7G6KETJZ.2TG2D8R56U" : {
              "rateCode" : "JG5TAV9UXXEU3Q7B.HU7G6KETJZ.2TG2D8R56U", "unit" : "Quantity",
              "pricePerUnit" : { "USD" : "$5" } } },
          "termAttributes" : { "LeaseContractLength" : "1yr", "OfferingClass" : "standard",
            "PurchaseOption" : "Partial Upfront" } } }
    }
  }
}
END
}

list 20240101000000 2024-01-01 0.1000000000 0.0300000000 262.8 >jan.json
list 20240301000000 2024-03-01 0.1000000000 0.0300000000 262.8 | gzip >mar.json.gz
list 20240501000000 2024-05-01 0.0960000000 0.0300000000 175.2 >may.json

golden "import" prices import --file jan.json --catalog prices.db <<'END'
File      Offer      Published   Products  Rates  New  Changed  As before
jan.json  AmazonEC2  2024-01-01         2      5    5        0          0
END
golden "two more, one of them gzip" prices import --file mar.json.gz --file may.json --catalog prices.db --csv <<'END'
file,offer,published,products,rates,new,changed,confirmed
mar.json.gz,AmazonEC2,2024-03-01,2,5,0,0,5
may.json,AmazonEC2,2024-05-01,2,5,0,2,3
END
golden "on demand" prices show --catalog prices.db <<'END'
Type      Region     OS     From            USD/hour
m5.large  us-east-1  linux  2024-01-01  0.1000000000
m5.large  us-east-1  linux  2024-05-01  0.0960000000
END
# 262.8 USD over 8,760 h is 0.03 an hour, 175.2 USD is 0.02.
golden "reserved: both rates, and what they come to" prices show --catalog prices.db --term reserved --csv <<'END'
type,region,os,term,effective,usd_per_hour,upfront_usd,effective_usd_per_hour
m5.large,us-east-1,linux,"1yr standard, Partial Upfront",2024-01-01,0.0300000000,262.8000000000,0.0600000000
m5.large,us-east-1,linux,"1yr standard, Partial Upfront",2024-05-01,0.0300000000,175.2000000000,0.0500000000
END
golden "all terms on a date" prices show --catalog prices.db --term all --date 2024-04-30 --csv <<'END'
type,region,os,term,effective,usd_per_hour,upfront_usd,effective_usd_per_hour
m5.large,us-east-1,linux,on demand,2024-01-01,0.1000000000,0.0000000000,0.1000000000
m5.large,us-east-1,linux,"1yr standard, Partial Upfront",2024-01-01,0.0300000000,262.8000000000,0.0600000000
END
golden "every rate: tiers, products that are no instances" prices show --catalog prices.db --rates --sku TRANSFERBBBBBBBB --csv <<'END'
sku,family,type,region,os,usage_type,operation,term,lease,payment,offering,rate_code,unit,begin,end,effective,confirmed,usd
TRANSFERBBBBBBBB,Data Transfer,,us-east-1,,DataTransfer-Out-Bytes,,OnDemand,,,,A,GB,0,10240,2024-01-01,2024-05-01,0.0900000000
TRANSFERBBBBBBBB,Data Transfer,,us-east-1,,DataTransfer-Out-Bytes,,OnDemand,,,,B,GB,10240,Inf,2024-01-01,2024-05-01,0.0850000000
END
golden "rates in force on a date" prices show --catalog prices.db --rates --type m5.large --date 2024-04-30 --csv <<'END'
sku,family,type,region,os,usage_type,operation,term,lease,payment,offering,rate_code,unit,begin,end,effective,confirmed,usd
JG5TAV9UXXEU3Q7B,Compute Instance,m5.large,us-east-1,linux,BoxUsage:m5.large,RunInstances,OnDemand,,,,6YS6EN2CT7,Hrs,0,Inf,2024-01-01,2024-03-01,0.1000000000
JG5TAV9UXXEU3Q7B,Compute Instance,m5.large,us-east-1,linux,BoxUsage:m5.large,RunInstances,Reserved,1yr,Partial Upfront,standard,2TG2D8R56U,Quantity,,,2024-01-01,2024-03-01,262.8000000000
JG5TAV9UXXEU3Q7B,Compute Instance,m5.large,us-east-1,linux,BoxUsage:m5.large,RunInstances,Reserved,1yr,Partial Upfront,standard,6YS6EN2CT7,Hrs,0,Inf,2024-01-01,2024-05-01,0.0300000000
END
golden "history" prices history --catalog prices.db --term all <<'END'
Type      Region     OS     Term                           From              Before      USD/hour    Change
m5.large  us-east-1  linux  on demand                      2024-01-01                0.1000000000       new
m5.large  us-east-1  linux  on demand                      2024-05-01  0.1000000000  0.0960000000   -4.00 %
m5.large  us-east-1  linux  1yr standard, Partial Upfront  2024-01-01                0.0600000000       new
m5.large  us-east-1  linux  1yr standard, Partial Upfront  2024-05-01  0.0600000000  0.0500000000  -16.67 %
END
golden "history: a window" prices history --catalog prices.db --from 2024-02-01 --to 2024-05-02 --csv <<'END'
type,region,os,term,effective,before_usd_per_hour,after_usd_per_hour,change
m5.large,us-east-1,linux,on demand,2024-05-01,0.1000000000,0.0960000000,-4.00 %
END
golden "history: nothing in it" prices history --catalog prices.db --from 2025-01-01 <<'END'
No price of this selection in this time.
END
golden "diff of two dates" prices diff --catalog prices.db --from 2024-04-01 --csv <<'END'
type,region,os,term,effective,before_usd_per_hour,after_usd_per_hour,change
m5.large,us-east-1,linux,on demand,2024-05-01,0.1000000000,0.0960000000,-4.00 %
END
golden "diff of two lists" prices diff --catalog may.json --against jan.json --term reserved --csv <<'END'
type,region,os,term,effective,before_usd_per_hour,after_usd_per_hour,change
m5.large,us-east-1,linux,"1yr standard, Partial Upfront",2024-05-01,0.0600000000,0.0500000000,-16.67 %
END
printf 'type,region,effective,usd_per_hour\nm5.large,us-east-1,2024-05-01,0.096\nm5.xlarge,us-east-1,2024-05-01,0.192\n' >mine.csv
golden "diff with a catalog of one's own: what is gone" prices diff --catalog may.json --against mine.csv --csv <<'END'
type,region,os,term,effective,before_usd_per_hour,after_usd_per_hour,change
m5.xlarge,us-east-1,linux,on demand,,0.1920000000,,gone
END
run prices diff --catalog prices.db --from 2024-04-01 --json
is "diff: json" "$(echo "$out" | tr -d ' \t\n')" '{"schema":"bakehour.prices-diff/1","changes":[{"type":"m5.large","region":"us-east-1","os":"linux","term":"on-demand","lease":"","offering":"","payment":"","before":{"effective":"2024-01-01T00:00:00Z","usd_per_hour":"0.1000000000","upfront_usd":"0.0000000000","effective_usd_per_hour":"0.1000000000","version":"20240101000000"},"after":{"effective":"2024-05-01T00:00:00Z","usd_per_hour":"0.0960000000","upfront_usd":"0.0000000000","effective_usd_per_hour":"0.0960000000","version":"20240501000000"}}]}'
run prices import --file jan.json --catalog prices.db --json
is "import: json" "$(echo "$out" | tr -d ' \t\n')" '{"schema":"bakehour.prices-import/1","catalog":"prices.db","files":[{"file":"jan.json","offer":"AmazonEC2","version":"20240101000000","published":"2024-01-01T20:30:45Z","products":2,"rates":5,"new":0,"changed":0,"confirmed":5,"rounded":0,"other_currency":0,"without_product":0}],"missing":[]}'

# What the prices are for: 2 h over the change of price cost 0.100 + 0.096; per second regime.
printf 'instance,type,region,start,end\ni-1,m5.large,us-east-1,2024-04-30T23:00:00Z,2024-05-01T01:00:00Z\n' >usage.csv
for catalog in prices.db may.json; do
    run bill --usage usage.csv --catalog $catalog --json
    case $catalog in
    prices.db) holds "bill with the SQLite catalog" "$out" '"total_usd": "0.1960000000"' ;;
    may.json) is "bill with a list that begins too late: refused" "$code" 2 ;;
    esac
done
list 20240101000000 2024-01-01 0.1000000000 0.03 262.8 >a.json
run bill --usage usage.csv --catalog a.json --json
holds "bill with a price list" "$out" '"total_usd": "0.2000000000"'
run bill --usage usage.csv --catalog - --json <a.json
echo 1711965600 >log.tsv
run simulate --log log.tsv --trigger every --keep terminate --instance m5.large --region us-east-1 --date 2024-04-01 \
    --catalog prices.db --bake 6m --boot 0 --json
holds "simulate with the SQLite catalog: six minutes at 0.10 an hour" "$(echo "$out" | tr -d ' \t\n')" '"money_usd":"0.0100000000"'

# An index of regions, and a mirror of AWS's paths in which one of the two lists is missing.
mkdir -p mirror/offers/v1.0/aws/AmazonEC2/current mirror/offers/v1.0/aws/AmazonEC2/20240101000000/us-east-1
cp jan.json mirror/offers/v1.0/aws/AmazonEC2/20240101000000/us-east-1/index.json
cat >mirror/offers/v1.0/aws/AmazonEC2/current/region_index.json <<'END'
{ "formatVersion" : "v1.0", "publicationDate" : "2024-01-01T20:30:45Z", "regions" : {
  "us-east-1" : { "regionCode" : "us-east-1", "currentVersionUrl" : "/offers/v1.0/aws/AmazonEC2/20240101000000/us-east-1/index.json" },
  "eu-west-1" : { "regionCode" : "eu-west-1", "currentVersionUrl" : "/offers/v1.0/aws/AmazonEC2/20240101000000/eu-west-1/index.json" } } }
END
index=mirror/offers/v1.0/aws/AmazonEC2/current/region_index.json
golden "an index of regions" prices import --file $index --catalog regions.db --csv <<'END'
file,offer,published,products,rates,new,changed,confirmed
mirror/offers/v1.0/aws/AmazonEC2/20240101000000/us-east-1/index.json,AmazonEC2,2024-01-01,2,5,5,0,0
END
run prices import --file $index --catalog regions.db
holds "the list that is missing" "$err" "1 lists that the index names do not lie here: https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonEC2/20240101000000/eu-west-1/index.json"
refused "nothing of it is here" "not here: https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonEC2/20240101000000/eu-west-1/index.json" \
    prices import --file $index --region eu-west-1 --catalog regions.db
cp $index beside.json
golden "an index elsewhere, and --mirror" prices import --file beside.json --mirror mirror --region us-east-1 --catalog regions.db --csv <<'END'
file,offer,published,products,rates,new,changed,confirmed
mirror/offers/v1.0/aws/AmazonEC2/20240101000000/us-east-1/index.json,AmazonEC2,2024-01-01,2,5,0,0,5
END

refused "no file" "are needed" prices import --catalog x.db
refused "no catalog" "are needed" prices import --file jan.json
refused "a missing file" "nowhere.json: cannot be opened" prices import --file nowhere.json --catalog x.db
head -c 900 jan.json >short.json
refused "a list cut short" "short.json:19: is no JSON" prices import --file jan.json --file short.json --catalog new.db
refused "nothing of it was kept" "has no on-demand prices" prices show --catalog new.db
sed 's/0.1000000000/cheap/' jan.json >bad.json
refused "a price that is none" "the rate JG5TAV9UXXEU3Q7B.JRTCKXETXF.6YS6EN2CT7: its price is no amount in USD" \
    prices import --file bad.json --catalog new.db
refused "diff with nothing" "--from DATE, or --against FILE, is needed" prices diff
refused "rates of nothing" "--rates needs --catalog FILE" prices show --rates
refused "rates of a catalog of one's own" "mine.csv: has no rates" prices show --rates --catalog mine.csv
refused "no such rate" "no such rate" prices show --rates --catalog prices.db --sku NONE
refused "a SKU alone" "--sku goes with --rates" prices show --sku X
refused "a term" '"spot" is none of on-demand, reserved, all' prices show --term spot
done_testing
