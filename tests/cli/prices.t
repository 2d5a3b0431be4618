#!/bin/sh
# bakehour prices show on the command line; the prices are those of data/prices-sample.csv.
. "${0%/*}/tap.sh"
cd "$tmp" || exit 1

golden "text" prices show --type t2.micro --region us-east-1 <<'EOF'
Type      Region     OS     From            USD/hour
t2.micro  us-east-1  linux  2014-07-06  0.0130000000
t2.micro  us-east-1  linux  2016-12-01  0.0120000000
t2.micro  us-east-1  linux  2017-10-26  0.0116000000

This is the shipped sample: dates are when a public scraper first saw a price,
not AWS's word.
EOF
golden "the price in force" prices show --type m4.large --date 2016-11-30 --csv <<'EOF'
type,region,os,effective,usd_per_hour
m4.large,eu-west-1,linux,2016-01-13,0.1320000000
m4.large,us-east-1,linux,2016-01-13,0.1200000000
EOF
golden "on the day of a change" prices show --type m4.large --region us-east-1 --date 2016-12-01 --csv <<'EOF'
type,region,os,effective,usd_per_hour
m4.large,us-east-1,linux,2016-12-01,0.1080000000
EOF
run prices show --type c5.large --os linux --json
is "json: exit code" "$code" 0
flat=$(echo "$out" | tr -d ' \t\n')
is "json" "$flat" '{"schema":"bakehour.prices/1","sample":true,"prices":[{"type":"c5.large","region":"eu-west-1","os":"linux","effective":"2017-11-12T00:00:00Z","usd_per_hour":"0.0960000000"},{"type":"c5.large","region":"us-east-1","os":"linux","effective":"2017-11-12T00:00:00Z","usd_per_hour":"0.0850000000"}]}'

cat >mine.csv <<'EOF'
# prices of our own
type,region,os,effective,usd_per_hour
x1.big,mars-1,suse,2020-01-01T06:00:00Z,2.5
EOF
golden "a catalog of one's own" prices show --catalog mine.csv <<'EOF'
Type    Region  OS    From                      USD/hour
x1.big  mars-1  suse  2020-01-01T06:00:00Z  2.5000000000
EOF

refused "type" 'no price for the type "m4.larg"; did you mean m4.large?' prices show --type m4.larg
refused "region" 'no price for the region "us-east-l"; did you mean us-east-1?' prices show --region us-east-l
refused "system" 'no price for the operating system "windows"' prices show --os windows
refused "too early" "the first one is of t2.micro in eu-west-1 from 2014-07-06" prices show --type t2.micro --date 2010-01-01
refused "no such combination" "no price for this combination" prices show --type m5.large --region eu-west-1
printf '"FormatVersion","v1.0"\n"Disclaimer","..."\n' >aws.csv
refused "AWS's CSV, cut short" "aws.csv: has no header: no line begins with \"SKU\"" prices show --catalog aws.csv
echo '{"formatVersion":"v1.0"}' >aws.json
refused "JSON without prices" "aws.json: is JSON, but no AWS price list" prices show --catalog aws.json
printf 'type,region,effective,usd_per_hour\na,b,c,d\n' >bad.csv
refused "a bad row" "bad.csv:2:5: effective" prices show --catalog bad.csv
holds "a bad row: the other field too" "$err" "bad.csv:2:7: usd_per_hour"
done_testing
