#!/bin/sh
# bakehour bill on the command line. All amounts are worked out by hand beside their inputs.
. "${0%/*}/tap.sh"
cd "$tmp" || exit 1

# August 2015, hourly: a runs 65 minutes, two hours of 0.013; b half an hour, one of 0.126.
cat >usage.csv <<'EOF'
instance,type,region,start,end
a,t2.micro,us-east-1,2015-08-01T10:00:00Z,2015-08-01T11:05:00Z
b,m4.large,us-east-1,2015-08-01T10:00:00Z,2015-08-01T10:30:00Z
EOF
golden "text" bill --usage usage.csv <<'EOF'
Bill from 2015-08-01T00:00:00Z to 2015-09-01T00:00:00Z

Kind       Instance  Type      Hours           USD  Region     OS
on-demand  a         t2.micro      2  0.0260000000  us-east-1  linux
on-demand  b         m4.large      1  0.1260000000  us-east-1  linux

Total               USD
on-demand  0.1520000000
all        0.1520000000

prices: the shipped sample, first seen by a public scraper, not AWS's word;
--catalog FILE takes your own
EOF
golden "csv" bill --usage usage.csv --csv <<'EOF'
kind,account,instance,type,hours,cost_usd,region,os,reservation
on-demand,,a,t2.micro,2,0.0260000000,us-east-1,linux,
on-demand,,b,m4.large,1,0.1260000000,us-east-1,linux,
EOF
# By the second: 3,900 s of 0.013 / 3,600 = 0.01408333...; 1,800 s of 0.126 = 0.063.
golden "json by the second" bill --usage usage.csv --regime second --json <<'EOF'
{
  "schema": "bakehour.bill/1",
  "from": "2015-08-01T00:00:00Z",
  "to": "2015-09-01T00:00:00Z",
  "total_usd": "0.0770833333",
  "by_kind": {"on-demand":"0.0770833333","reserved":"0.0000000000","reserved-fee":"0.0000000000","unused":"0.0000000000","storage":"0.0000000000","address":"0.0000000000","other":"0.0000000000","free-tier":"0.0000000000","savings-plan":"0.0000000000"},
  "notes": ["prices: the shipped sample, first seen by a public scraper, not AWS's word; --catalog FILE takes your own"],
  "lines": [
    {"kind":"on-demand","account":"","instance":"a","type":"t2.micro","hours":"1.083333","cost_usd":"0.0140833333","region":"us-east-1","os":"linux"},
    {"kind":"on-demand","account":"","instance":"b","type":"m4.large","hours":"0.5","cost_usd":"0.0630000000","region":"us-east-1","os":"linux"}
  ]
}
EOF

# A reservation of 0.05 an hour for each hour of the window's ten: two fees of 0.5. Of a's two hours (opened 10:00 and
# 11:00) the first reservation pays for both, so the second one is not used at all.
cat >reserved.csv <<'EOF'
type,region,count,hourly_usd,start,end
t2.micro,us-east-1,2,0.05,2015-01-01,2016-01-01
EOF
golden "reserved" bill --usage usage.csv --reserved reserved.csv --from 2015-08-01T10:00:00Z --to 2015-08-01T20:00:00Z \
    --csv <<'EOF'
kind,account,instance,type,hours,cost_usd,region,os,reservation
on-demand,,b,m4.large,1,0.1260000000,us-east-1,linux,
reserved,,a,t2.micro,2,0.0000000000,us-east-1,linux,reserved.csv:2#1
reserved-fee,,,t2.micro,10,0.5000000000,us-east-1,linux,reserved.csv:2#1
unused,,,t2.micro,8,0.0000000000,us-east-1,linux,reserved.csv:2#1
reserved-fee,,,t2.micro,10,0.5000000000,us-east-1,linux,reserved.csv:2#2
unused,,,t2.micro,10,0.0000000000,us-east-1,linux,reserved.csv:2#2
EOF
run bill --usage usage.csv --reserved reserved.csv --from 2015-08-01T10:00:00Z --to 2015-08-01T20:00:00Z --json
holds "reserved: the total" "$out" '"total_usd": "1.1260000000"'
holds "reserved: by kind" "$out" '"reserved-fee":"1.0000000000"'
holds "reserved: which one" "$out" '"zone":"","reservation":"reserved.csv:2#1"'

# A pool: 744 hours of 0.01, whatever the month's length; and it says what it is.
cat >pool.csv <<'EOF'
type,region,model,hourly_usd,start,end
m4.large,us-east-1,pool,0.01,2015-01-01,2016-01-01
EOF
run bill --usage usage.csv --reserved pool.csv --json
holds "pool: the fee" "$out" '"reserved-fee":"7.4400000000"'
holds "pool: what is left" "$out" '{"kind":"unused","account":"","instance":"","type":"m4.large","hours":"743"'
holds "pool: it is an approximation" "$out" "budgeting approximation"

# A catalog of one's own; os may be missing.
cat >catalog.csv <<'EOF'
type,region,effective,usd_per_hour
t2.micro,us-east-1,2015-01-01,1
m4.large,us-east-1,2015-01-01,10
EOF
run bill --usage usage.csv --catalog catalog.csv --json
holds "catalog" "$out" '"total_usd": "12.0000000000"'
holds "catalog: no note about the sample" "$out" '"notes": []'

# Still running: billed up to --to, and not without it. 10:00 to 12:15 is three hours of 0.013.
cat >open.csv <<'EOF'
account,instance,type,region,zone,os,start,end
acme,a,t2.micro,us-east-1,us-east-1a,linux,2015-08-01T10:00:00Z,
EOF
refused "no end" "open.csv:2:65: end: is empty" bill --usage open.csv
run bill --usage open.csv --to 2015-08-01T12:15:00Z --csv
holds "no end, but --to" "$out" "on-demand,acme,a,t2.micro,3,0.0390000000,"

echo "instance,type,region,start,end" >none.csv
run bill --usage none.csv --json
is "no usage: exit code" "$code" 0
holds "no usage costs nothing" "$out" '"total_usd": "0.0000000000"'
holds "no usage has no lines" "$out" '"lines": []'
run bill --usage none.csv --reserved reserved.csv --json
holds "no usage and no window: no fees" "$out" '"total_usd": "0.0000000000"'

out=$("$BAKEHOUR" bill --usage - --csv <usage.csv | wc -l)
is "usage from stdin" "$((out))" 3

# Everything that is refused: exit 2, nothing on stdout, the place on stderr.
refused "no --usage" "--usage FILE is needed" bill
refused "no such file" "missing.csv: cannot be opened" bill --usage missing.csv
refused "bad regime" "none of auto, hourly, second" bill --usage usage.csv --regime daily
refused "bad time" "is no UTC time" bill --usage usage.csv --from yesterday
refused "empty window" "--from must be before --to" bill --usage usage.csv --from 2015-09-01 --to 2015-08-01
refused "two from stdin" "only one file can come from stdin" bill --usage - --reserved -
printf '%s\n' type,region,start,end "t2.micro,us-east-1,2015-08-01,2015-08-02" >columns.csv
refused "no instance column" 'columns.csv:1:1: the header has no column "instance"' bill --usage columns.csv
: >empty.csv
refused "an empty file" "empty.csv: is empty" bill --usage empty.csv

cat >bad.csv <<'EOF'
instance,type,region,os,start,end
a,t2.micro,us-east-1,linux,2015-08-01T10:00:00Z,2015-08-01T09:00:00Z
,t2.micro,us-east-1,linux,2015-08-01T10:00:00Z,2015-08-01T11:00:00Z
b,,us-east-1,linux,2015-08-01T10:00:00Z,2015-08-01T11:00:00Z
c,t2.micro,us-east-1,plan9,2015-08-01T10:00:00Z,2015-08-01T11:00:00Z
d,t2.micro,us-east-1,linux,noon,2015-08-01T11:00:00Z
e,t2.micro,us-east-1,linux,2015-08-01T10:00:00Z,2015-08-01T12:00:00Z
e,t2.micro,us-east-1,linux,2015-08-01T11:00:00Z,2015-08-01T13:00:00Z
f,t2.micro,us-east-1,linux,2015-08-01T11:00:00Z,12015-08-01
g,t2.micro
EOF
run bill --usage bad.csv
is "bad rows: exit code" "$code" 2
is "bad rows: nothing on stdout" "$out" ""
for place in bad.csv:2:49 bad.csv:3:1 bad.csv:4:3 bad.csv:5:22 bad.csv:6:28 bad.csv:8:28 bad.csv:9:49 bad.csv:10:1; do
    has "bad rows: $place" "$err" "$place: "
done
holds "bad rows: how many" "$err" "bad.csv: 8 bad places"

cat >held.csv <<'EOF'
type,region,model,count,start,end
t2.micro,us-east-1,lake,1,2015-01-01,2016-01-01
t2.micro,us-east-1,pool,none,2015-01-01,2014-01-01
EOF
refused "bad reservations" "held.csv:2:20: model" bill --usage usage.csv --reserved held.csv
holds "bad reservations: the other row too" "$err" "held.csv:3:25: count"
run bill --usage bad.csv --reserved held.csv
holds "bad rows of both files: usage" "$err" "bad.csv:2:49: "
holds "bad rows of both files: reservations" "$err" "held.csv:2:20: "

# Usage without a price is named; covered usage needs none.
cat >unknown.csv <<'EOF'
instance,type,region,start,end
a,t2.micro,us-east-1,2015-08-01T10:00:00Z,2015-08-01T11:00:00Z
b,z9.large,us-east-1,2015-08-01T10:00:00Z,2015-08-01T11:00:00Z
c,t2.micro,us-east-1,2010-08-01T10:00:00Z,2010-08-01T11:00:00Z
EOF
refused "no price" 'unknown.csv:3:3: no price for the type "z9.large"' bill --usage unknown.csv
holds "no price yet" "$err" "unknown.csv:4:3: no price for t2.micro in us-east-1 on linux at 2010-08-01T10:00:00Z"
cat >covered.csv <<'EOF'
type,region,start,end
z9.large,us-east-1,2015-01-01,2016-01-01
t2.micro,us-east-1,2010-01-01,2011-01-01
EOF
run bill --usage unknown.csv --reserved covered.csv --json
is "covered usage needs no price" "$code" 0
holds "covered usage costs nothing" "$out" '"total_usd": "0.0130000000"'

echo '{"formatVersion": "v1.0"}' >list.json
refused "JSON that is no price list" "list.json: is JSON, but no AWS price list" bill --usage usage.csv \
    --catalog list.json
# A reservation without an account serves the one account of the usage, but not when there are two.
cat >one.csv <<'EOF'
account,instance,type,region,start,end
acme,i,m4.large,us-east-1,2018-01-01T00:00:00Z,2018-01-01T02:00:00Z
EOF
cat >ours.csv <<'EOF'
type,region,model,start,end
m4.large,us-east-1,clock-hour,2018-01-01T00:00:00Z,2018-02-01T00:00:00Z
EOF
run bill --usage one.csv --reserved ours.csv --json
holds "a reservation without an account: one account" "$out" '"total_usd": "0.0000000000"'
sed 's/clock-hour/pool/' ours.csv >pooled.csv
run bill --usage one.csv --reserved pooled.csv --json
holds "a pool without an account: one account" "$out" '"total_usd": "0.0000000000"'
echo 'other,j,m4.large,us-east-1,2018-01-01T05:00:00Z,2018-01-01T06:00:00Z' >>one.csv
run bill --usage one.csv --reserved ours.csv --json
holds "a reservation without an account: linked ones share it" "$out" '"total_usd": "0.0000000000"'
run bill --usage one.csv --reserved ours.csv --unlinked --json
holds "a reservation without an account: unlinked" "$out" '"total_usd": "0.3000000000"'

done_testing
