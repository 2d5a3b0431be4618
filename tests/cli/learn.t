#!/bin/sh
# Triggers that learn, saved policy tables, and the distance to the optimum. usage: BAKEHOUR=program tests/cli/learn.t
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
: "${BAKEHOUR:?the program to test}"
unset COLUMNS NO_COLOR 2>/dev/null || true
export BAKEHOUR_NOW=1767225600 LC_ALL=C
base=1759708800
sample=$root/data/sample-history.tsv.gz
cd "$tmp" || exit 1

# Two commits 40 min apart, bakes of 25 min, 30 USD an hour, 60 USD a commit-hour of waiting. At once: two hours, 60 USD.
# Known in advance: the first waits 5 min, both fit into one hour: 30 + 5 (tests/cli/optimum.t). The grid is 5 s: 2 commits
# x 5 s x 60 USD / 3600 s below.
log_of two.tsv $base 0 2400
two="--log two.tsv --bake 25m --regime hourly --price 30"
exit_is "two commits" 0 "$BAKEHOUR" simulate --json $two --delay-price 60 --vs-optimum --trigger idle \
    --trigger window:5m --keep hour
figures "two commits: how far from the optimum" "$out" "" "
    optimum.ratio_of cost
    optimum.cost_usd 35.0000000000
    optimum.lower_bound_usd 34.8333333333
    optimum.grid_s 5
    optimum.deployments 2
    optimum.launches 1
    policies.0.cost_usd 60.0000000000
    policies.1.cost_usd 70.0000000000"
holds "60 of 35" "$(json_of "$out" policies.0.vs_optimum)" 1.71428571
is "5 min for each, and the second bake ends 5 min behind the hour: 70 of 35" "$(json_of "$out" policies.1.vs_optimum)" 2
exit_is "as text" 0 "$BAKEHOUR" simulate $two --delay-price 60 --vs-optimum --trigger idle --keep hour
has "as text: the column" "$out" '^idle + hour .* x1\.71 '
has "as text: what it is over" "$out" 'a clairvoyant: 35\.00 USD$'

# Without a price of waiting: the money over the least with as much waiting. At once nobody waits, and for that two
# hours are the least: 1. Both together after 40 min are one hour, and nothing is cheaper: 1, to what the line tells.
exit_is "without a price of waiting" 0 "$BAKEHOUR" simulate --csv $two --vs-optimum --trigger idle --trigger train:2h \
    --keep hour
has "nobody waits" "$out" '^idle + hour,2,.*,1\.0000,'
exit_is "without a price of waiting, JSON" 0 "$BAKEHOUR" simulate --json $two --vs-optimum --trigger idle --keep hour
is "the frontier has nine points" "$(printf '%s\n' "$out" | json_flat | grep -c 'optimum.frontier.*usd_per_month ')" 9

# Eight weeks of the sample year: one fit.
weeks="--log $sample --from 2025-01-06 --to 2025-02-24 --bake 15m --regime hourly --price 1 --delay-price 0.2"
exit_is "a plan with a price of waiting" 0 "$BAKEHOUR" plan --json $weeks
printf '%s\n' "$out" | json_flat >flat
for trigger in sqrt:0.5 random:1 predict:0.25 mdp; do
    has "it looks at $trigger" "$(cat flat)" "^policies\.[0-9]*\.trigger $trigger\$"
done
costs=$(sed -n 's/^policies\.[0-9]*\.cost_usd //p' flat | sort -n)
lower=$(sed -n 's/^optimum\.lower_bound_usd //p' flat)
cheapest=$(printf '%s\n' "$costs" | head -n 1)
is "no policy is below the optimum" "$(printf '%s %s\n' "$lower" "$cheapest" | awk '{ print ($1 > 0 && $1 <= $2) }')" 1
number=$(sed -n "s/^policies\.\([0-9]*\)\.recommended true\$/\1/p" flat)
is "the recommended one is the cheapest of all" "$(sed -n "s/^policies\.$number\.cost_usd //p" flat)" "$cheapest"
is "every policy has its distance" "$(grep -c 'vs_optimum' flat)" "$(grep -c '^policies\.[0-9]*\.cost_usd' flat)"
exit_is "without a price of waiting nothing learns" 0 "$BAKEHOUR" plan --json --log "$sample" --bake 15m
hasnt "without a price of waiting: no mdp" "$out" '"mdp"'
hasnt "without a price of waiting: no optimum unless asked" "$out" 'vs_optimum'

# A table is written, read back, and decides.
exit_is "a table is saved" 0 "$BAKEHOUR" simulate $weeks --trigger mdp --keep hour --save-policy table.tsv
holds "its file is named" "$err" "written: table.tsv"
is "its first line" "$(head -n 1 table.tsv)" "# bakehour mdp 2"
is "a row for each hour and mood" "$(grep -vc '^#' table.tsv)" 6216
exit_is "it decides" 0 "$BAKEHOUR" simulate --json $weeks --trigger mdp --keep hour --policy-table table.tsv
with_table=$(json_of "$out" policies.0.cost_usd)
awk 'NR <= 4 { print; next } { print $1 "\t" $2 "\t" $3 "\t" $4 "\t1*61" }' table.tsv >at-once.tsv
exit_is "a table of ones" 0 "$BAKEHOUR" simulate --json $weeks --keep hour --trigger mdp --policy-table at-once.tsv \
    --trigger idle
is "a table of ones is idle" "$(json_of "$out" policies.0.cost_usd)" "$(json_of "$out" policies.1.cost_usd)"
status=0
[ "$with_table" != "$(json_of "$out" policies.1.cost_usd)" ] || status=1
ok "the saved one is not" "$status"

simulate="simulate --log two.tsv --bake 25m --regime hourly --price 30"
refused "sqrt needs a price of waiting" "--trigger sqrt:0.5 weighs waiting against money and needs a --delay-price" \
    $simulate --trigger sqrt
refused "mdp needs a price of waiting" "--trigger mdp weighs waiting against money" $simulate --trigger mdp
refused "random needs a price of waiting" "--trigger random:3 weighs waiting" $simulate --trigger random:3
refused "predict needs a price of waiting" "--trigger predict:0.25 weighs waiting" $simulate --trigger predict
refused "a budget needs a figure" "write budget:HOURSh or :AMOUNTusd" $simulate --trigger budget
refused "a budget of what?" "write what a month has, above 0" $simulate --trigger budget:100
refused "a seed is a whole number" "a seed from 0 to 4294967295" $simulate --trigger random:x --delay-price 1
refused "a trust is a number" "predict:much: a number from 0 to 100" $simulate --trigger predict:much --delay-price 1
refused "mdp plans up to 64 hours" "at most 64 hours" simulate --log two.tsv --bake 65h --price 1 --delay-price 1 \
    --trigger mdp
refused "no such table" "nothing.tsv" $simulate --delay-price 1 --trigger mdp --policy-table nothing.tsv
refused "a table for other terms" "table.tsv:2: the table was made for other durations, prices or another keep" \
    simulate $weeks --trigger mdp --keep terminate --policy-table table.tsv
head -n 100 table.tsv >short.tsv
refused "a table cut off" "short.tsv:101: the table ends too early" \
    simulate $weeks --trigger mdp --keep hour --policy-table short.tsv
sed '9s/[0-9-]*\*/177*/' table.tsv >wild.tsv
refused "a table with a wild figure" "wild.tsv:9: a need is \"-\" or a number of commits from 1 to 128" \
    simulate $weeks --trigger mdp --keep hour --policy-table wild.tsv
refused "no history for a table" "this is no policy table" \
    $simulate --delay-price 1 --trigger mdp --keep hour --policy-table two.tsv
refused "nothing to save" "--save-policy writes the table of one --trigger mdp; there are 0" \
    $simulate --trigger idle --save-policy x.tsv
refused "no table of many runs" "belong to a single run" \
    $simulate --delay-price 1 --trigger mdp --save-policy x.tsv --runs 2
refused "no optimum of many runs" "belong to a single run" $simulate --delay-price 1 --vs-optimum --runs 2
exit_is "a folder that is not there" 1 "$BAKEHOUR" $simulate --delay-price 1 --trigger mdp --save-policy no/x.tsv
holds "a folder that is not there: said" "$err" "--save-policy: no/x.tsv cannot be written"
done_testing
