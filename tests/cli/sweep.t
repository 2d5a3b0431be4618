#!/bin/sh
# bakehour simulate --sweep: combinations, files that go on where they were stopped, pictures.
# usage: BAKEHOUR=program tests/cli/sweep.t
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
unset COLUMNS NO_COLOR 2>/dev/null || true
export BAKEHOUR_NOW=1763856000 LC_ALL=C
h=$tmp/h.tsv
log_of "$h" 1759708800 0 60 100 1000 990 1500 7200 7260
terms="--log $h --prepare 60 --boot 40 --bake 200 --rollout 100 --regime hourly --trigger every --trigger idle --keep hour"

exit_is "two parameters" 0 "$BAKEHOUR" simulate $terms --sweep price=0.36,0.72,fleet=0,2 --json
sweep=$out
is "two parameters: rows" "$(printf '%s\n' "$sweep" | json_flat | grep -c '^sweep\.rows\.[0-9]*\.policy ')" 8
# Each row is what simulate says for those values.
n=0
for price in 0.36 0.72; do
    for fleet in 0 2; do
        exit_is "price $price, fleet $fleet" 0 "$BAKEHOUR" simulate $terms --price $price --fleet $fleet --json
        for policy in 0 1; do
            one="$(json_of "$out" policies.$policy.deployments) $(json_of "$out" policies.$policy.lead_s.p95) $(json_of "$out" policies.$policy.money_usd)"
            row="$(json_of "$sweep" sweep.rows.$n.deployments.mean) $(json_of "$sweep" sweep.rows.$n.lead_p95_s.mean) $(printf '%.10f' "$(json_of "$sweep" sweep.rows.$n.money_usd.mean)")"
            is "price $price, fleet $fleet, policy $policy: the same" "$row" "$one"
            is "price $price, fleet $fleet, policy $policy: named" "$(json_of "$sweep" sweep.rows.$n.price) $(json_of "$sweep" sweep.rows.$n.fleet)" "$price $fleet"
            n=$((n + 1))
        done
    done
done
exit_is "a range" 0 "$BAKEHOUR" simulate $terms --price 1 --sweep bake=100..500/5 --csv
is "a range: its values" "$(printf '%s\n' "$out" | sed -n 's/,idle.*//p' | tr '\n' ' ')" "100 200 300 400 500 "
exit_is "a range of fractions" 0 "$BAKEHOUR" simulate $terms --price 1 --sweep culprit=0..0.2/5 --csv
is "a range of fractions: its values" "$(printf '%s\n' "$out" | sed -n 's/,idle.*//p' | tr '\n' ' ')" "0 0.05 0.1 0.15 0.2 "

# --- stopped and gone on
many="simulate $terms --price 1 --culprit 0.1 --fail-boot 0.1 --runs 150 --threads 1 --sweep storm-cycle=60..3600/60,bake=100,200 --csv"
"$BAKEHOUR" $many >"$tmp/whole.csv"
"$BAKEHOUR" $many --out "$tmp/out.csv" >"$tmp/first" 2>"$tmp/first.err" &
pid=$!
tries=0
while [ "$({ wc -l <"$tmp/out.csv"; } 2>/dev/null || echo 0)" -lt 12 ] && [ $tries -lt 400 ]; do
    tries=$((tries + 1))
    sleep 0.02
done
kill -INT $pid
status=0
wait $pid || status=$?
rows=$(($(wc -l <"$tmp/out.csv") - 2))
if [ "$rows" -lt 240 ]; then
    is "Ctrl-C: exit code" "$status" 1
    has "Ctrl-C: says how to go on" "$(cat "$tmp/first.err")" "the same command goes on"
else
    ok "Ctrl-C: exit code # SKIP it was done before" 0
    ok "Ctrl-C: says how to go on # SKIP it was done before" 0
fi
is "Ctrl-C: whole points are kept" $((rows % 4 % 2)) 0
printf '60,100,idle + ho' >>"$tmp/out.csv" # as if the disk had been full
exit_is "gone on" 0 "$BAKEHOUR" $many --out "$tmp/out.csv"
ok "gone on: the same as in one piece" "$(printf '%s\n' "$out" | cmp -s - "$tmp/whole.csv"; echo $?)"
ok "gone on: and so is the file" "$(sed 1d "$tmp/out.csv" | cmp -s - "$tmp/whole.csv"; echo $?)"
refused "another sweep's file" "another sweep" simulate $terms --price 2 --sweep bake=1,2 --out "$tmp/out.csv"

# --- pictures
if command -v gnuplot >/dev/null 2>&1; then
    for sweep in price=1,2,3 price=1,2,fleet=1,2,3 price=1,2,fleet=1,2,bake=100,200; do
        exit_is "picture of $sweep" 0 "$BAKEHOUR" simulate $terms --sweep $sweep --plot "$tmp/p.png"
        is "picture of $sweep: a PNG" "$(head -c 4 "$tmp/p.png" | tail -c 3)" PNG
    done
    exit_is "picture as SVG" 0 "$BAKEHOUR" simulate $terms --sweep price=1,2,fleet=1,2 --plot "$tmp/p.svg"
    has "picture as SVG: names the policies" "$(cat "$tmp/p.svg")" "idle + hour"
else
    ok "pictures # SKIP there is no gnuplot" 0
fi

for bad in "price" "prize=1" "price=" "price=1,price=2" "price=x" "log=a,b" "bake=1..5" "bake=5..1/3" "price=1,,2" \
    "price=1..2/300" "a=1" "price=1,fleet=1,bake=1,boot=1,rollout=1"; do
    exit_is "refused: $bad" 2 "$BAKEHOUR" simulate $terms --sweep "$bad"
done
refused "a picture without a sweep" "go with --sweep" simulate $terms --price 1 --plot "$tmp/x.png"
refused "no picture of that kind" ".png or .svg" simulate $terms --sweep price=1,2 --plot "$tmp/x.gif"
done_testing
