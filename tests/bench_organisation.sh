#!/bin/sh
# The planner over an organisation: 1,000 services of five years (SERVICES, COMMITS: how many, and commits of each), all
# policies of plan's grid, all processors; then killed in the middle and gone on with. usage: bench_organisation.sh
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
BAKEHOUR=${BAKEHOUR:-./bakehour}
services=${SERVICES:-1000}
commits=${COMMITS:-5000}
mkdir "$tmp/logs"
awk -v services="$services" -v commits="$commits" -v dir="$tmp/logs" 'BEGIN {
    srand(7)
    for (s = 0; s < services; s++) {
        file = sprintf("%s/service%04d.tsv", dir, s)
        t = 1577836800
        for (i = 0; i < commits; i++) { t += int(-157766400 / commits * log(1 - rand())); print t >file }
        close(file)
    }
}'
echo "an organisation: $services services, 5 years and $commits commits each, plan's grid of 38 policies"
measure() { # measure WHAT OPTIONS...
    what=$1
    shift
    begin=$(date +%s%N)
    before=$(awk '{ print $16 + $17 }' /proc/$$/stat)
    "$BAKEHOUR" organisation "$tmp/logs" --from 2020-01-01 --to 2025-01-01 "$@" >"$tmp/report" 2>"$tmp/notes"
    after=$(awk '{ print $16 + $17 }' /proc/$$/stat)
    awk -v what="$what" -v ns="$(($(date +%s%N) - begin))" -v ticks="$((after - before))" -v hz="$(getconf CLK_TCK)" \
        'BEGIN { printf "  %-44s %6.1f s, %6.1f s of CPU time\n", what, ns / 1e9, ticks / hz }'
}
measure "by the second" --json
cp "$tmp/report" "$tmp/whole"
measure "by the started hour, 20 reservations shared" --date 2015-09-01 --instance m3.medium --fleet 2 --reserved 20 --json
"$BAKEHOUR" organisation "$tmp/logs" --from 2020-01-01 --to 2025-01-01 --json --out "$tmp/part" >/dev/null 2>&1 &
pid=$!
tries=0
while ! grep -q '"index"' "$tmp/part" 2>/dev/null && [ $tries -lt 1000 ]; do
    tries=$((tries + 1))
    sleep 0.02
done
sleep 1
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
measure "killed after a second or two, gone on with" --json --out "$tmp/part"
cmp -s "$tmp/report" "$tmp/whole" && same="the same bits" || same="DIFFERENT bits"
echo "  $(sed -n 's/.*: \([0-9]* services are done already\).*/\1/p' "$tmp/notes"); $same as in one piece"
/usr/bin/env sh -c 'command -v /usr/bin/time >/dev/null' && /usr/bin/time -f '  peak memory %M KB' \
    "$BAKEHOUR" organisation "$tmp/logs" --from 2020-01-01 --to 2025-01-01 >/dev/null
echo
