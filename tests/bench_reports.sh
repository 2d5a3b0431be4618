#!/bin/sh
# Big files: a cost report of MB megabytes (before gzip) reconciled with its usage, and a price list of twice as many
# imported: speed by user CPU and by the clock, and memory; then budgets of a ledger of 100,000 deployments, and a bill of
# ROWS rows. usage: [MB=1000] tests/bench_reports.sh BUILD
set -eu
build=$1
megabytes=${MB:-100}
BAKEHOUR=${BAKEHOUR:-./bakehour}
command -v /usr/bin/time >/dev/null || { echo "big files: skipped, /usr/bin/time is missing"; exit 0; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
measure() {
    what=$1
    size=$2
    shift 2
    /usr/bin/time -f '%e %U %S %M' -o "$tmp/time" "$@" >/dev/null
    awk -v what="$what" -v mb="$size" '{ cpu = $2 + $3; mb /= 1e6
        printf "  %-28s %5d MB in %6.2f s (%4d MB/s), CPU %6.2f s (%4d MB/s), memory %d MB\n", what, mb, $1,
            mb / ($1 + 1e-9), cpu, mb / (cpu + 1e-9), $4 / 1024 }' "$tmp/time"
}
echo "big files: cost reports and price lists, by the megabyte of text (MB=1000 for the sizes of the targets)"
printf 'type,region,effective,usd_per_hour\nm5.large,us-east-1,2020-01-01,0.096\n' >"$tmp/prices.csv"
printf 'account,type,region,count,start,end,hourly_usd\n111122223333,m5.large,us-east-1,5,2024-01-01,2025-01-01,0.06\n' \
    >"$tmp/reserved.csv"
bytes=$((megabytes * 1000000))
"$build/tests/make_cur" $bytes --gzip --usage "$tmp/usage.csv" >"$tmp/cur.csv.gz"
measure "reconcile, gzip CUR" $bytes "$BAKEHOUR" reconcile --cur "$tmp/cur.csv.gz" --usage "$tmp/usage.csv" \
    --reserved "$tmp/reserved.csv" --catalog "$tmp/prices.csv"
measure "bill --usage of it" $bytes "$BAKEHOUR" bill --usage "$tmp/cur.csv.gz" --catalog "$tmp/prices.csv"
"$build/tests/make_price_list" $((2 * bytes)) 2>/dev/null >"$tmp/index.json"
measure "prices import, JSON" $((2 * bytes)) "$BAKEHOUR" prices import --file "$tmp/index.json" --catalog "$tmp/prices.db"
measure "prices show of the list" $((2 * bytes)) "$BAKEHOUR" prices show --catalog "$tmp/index.json" --type t1.large

echo "budget check of a ledger of 100,000 deployments, ten times (the target: under 30 ms each; settled by a reservation, too)"
"$build/tests/make_ledger" "$tmp/ledger.db" --deployments 100000 --every 1000 --overrides 20 --capped 5
for name in --version "budget check --ledger $tmp/ledger.db --limit-usd 1000"; do
    # shellcheck disable=SC2086
    BAKEHOUR_NOW=1534377600 /usr/bin/time -f '%e %U %S' -o "$tmp/time" sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do "$@" >/dev/null; done' \
        sh "$BAKEHOUR" $name
    awk -v what="${name%% --l*}" '{ printf "  %-28s %5.1f ms each, CPU %5.1f ms\n", what, $1 * 100, ($2 + $3) * 100 }' "$tmp/time"
done
printf 'type,region,hourly_usd,start,end\nm5.large,us-east-1,0.05,2015-01-01,2040-01-01\n' >"$tmp/held.csv"
# Best of five, by the clock and by user and system CPU.
fastest() {
    what=$1
    shift
    for round in 1 2 3 4 5; do
        begin=$(date +%s%N)
        BAKEHOUR_NOW=1534377600 /usr/bin/time -f '%U %S %M' -o "$tmp/time" "$@" >/dev/null
        echo "$(($(date +%s%N) - begin)) $(cat "$tmp/time")"
    done | sort -n | awk -v what="$what" 'NR == 1 { printf "  %-28s %6.1f ms, CPU %4.0f ms, memory %d MB\n", what, $1 / 1e6,
        ($2 + $3) * 1000, $4 / 1024 }'
}
fastest "settled by a reservation" "$BAKEHOUR" budget check --ledger "$tmp/ledger.db" --limit-usd 100000 \
    --reserved "$tmp/held.csv"
fastest "budget forecast" "$BAKEHOUR" budget forecast --ledger "$tmp/ledger.db"
awk -v n="${ROWS:-1000000}" 'BEGIN { srand(3); print "instance,type,region,start,end"
    for (i = 0; i < n; i++) { d = int(i * 28 / n) + 1; h = int(rand() * 20); m = int(rand() * 60)
        printf "i-%d,m5.large,us-east-1,2024-05-%02dT%02d:%02d:00Z,2024-05-%02dT%02d:%02d:30Z\n", i, d, h, m, d,
            h + 1 + int(rand() * 2), m } }' >"$tmp/rows.csv"
echo "a bill of ${ROWS:-1000000} rows, as JSON"
fastest "bill" "$BAKEHOUR" bill --usage "$tmp/rows.csv" --catalog "$tmp/prices.csv" --json
