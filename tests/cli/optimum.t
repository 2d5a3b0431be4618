#!/bin/sh
# bakehour optimum: figures worked out by hand. usage: BAKEHOUR=program tests/cli/optimum.t
#
# Histories are in seconds after 2025-10-06T00:00:00Z.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
: "${BAKEHOUR:?the program to test}"
unset COLUMNS NO_COLOR 2>/dev/null || true
export BAKEHOUR_NOW=1763856000 LC_ALL=C
base=1759708800
cd "$tmp" || exit 1

# run DESC ARGUMENT...: the JSON document, in $out.
run() {
    desc=$1
    shift
    exit_is "$desc" 0 "$BAKEHOUR" optimum --json "$@"
}

# Two commits 40 min apart, bakes of 25 min, 30 USD an hour, 1 USD a commit-minute: the first waits for 5 min, then both
# fit into one hour. 30 + 5. Without waiting they would cost 60; the bound is 2 commits x 1 USD a minute below.
log_of two.tsv $base 0 2400
two="--log two.tsv --bake 25m --regime hourly --price 30 --delay-price 60"
run "one hour for two" $two --grid 60 --starts
figures "one hour for two: figures" "$out" "" "
    schema bakehour.optimum/1
    cost_usd 35.0000000000
    lower_bound_usd 33.0000000000
    money_usd 30.0000000000
    waiting_usd 5.0000000000
    deployments 2
    launches 1
    billed_hours 1
    grid_s 60
    exact false
    boot_mode serial
    starts.0 $((base + 300))
    starts.1 $((base + 2400))"
run "the grid is a minute unless given" $two
is "the grid is a minute unless given: it is" "$(json_of "$out" grid_s)" 60
is "no starts unless asked for" "$(json_of "$out" starts.0)" ""
run "by the second" $two --grid 1 --starts
figures "by the second: exact" "$out" "" "
    cost_usd 35.0000000000
    lower_bound_usd 35.0000000000
    exact true
    starts.0 $((base + 300))
    starts.1 $((base + 2400))"
# Bakes of 25.5 min are no whole minutes: the first waits for 6, so that the hour lasts until the second is baked. With
# bakes rounded down to 25 min it would be 5: no less than 35, and 2 x 1 below.
run "the usual grid does not divide the bake" --log two.tsv --bake 1530 --regime hourly --price 30 --delay-price 60 --starts
figures "the usual grid does not divide the bake: figures" "$out" "" "
    grid_s 60
    cost_usd 36.0000000000
    lower_bound_usd 33.0000000000
    exact false
    starts.0 $((base + 360))
    starts.1 $((base + 2400))"

# Three commits, bakes of 10 min, boot of 50 min, 12 USD an hour, 18 USD a commit-hour: the instance is kept over two idle
# hours, so that the bake at 7200 is over by 10200. A launch at 7200 would hold the server until 10800.
log_of three.tsv $base 0 7200 10200
three="--log three.tsv --bake 10m --boot 50m --regime hourly --price 12 --delay-price 18 --grid 600"
run "idle hours for a boot" $three --starts
figures "idle hours for a boot: figures" "$out" "" "
    cost_usd 36.0000000000
    lower_bound_usd 27.0000000000
    money_usd 36.0000000000
    waiting_usd 0.0000000000
    deployments 3
    launches 1
    billed_hours 3
    starts.0 $base
    starts.1 $((base + 7200))
    starts.2 $((base + 10200))"
# Booted beforehand, each of the three may have an hour of its own; nobody waits.
run "booted beforehand" $three --boot-mode prelaunch
figures "booted beforehand: figures" "$out" "" "
    cost_usd 36.0000000000
    waiting_usd 0.0000000000
    deployments 3
    billed_hours 3
    boot_mode prelaunch"

# By the second, 0.01 USD each: a gap of 10 s is kept, as dear as a boot of 10 s. 70 + 10 + 60 s. At 81 it is 70 + 70.
second="--bake 60 --boot 10 --regime second --price 36 --delay-price 36000 --grid 1"
log_of kept.tsv $base 0 80
run "a gap as long as a boot" --log kept.tsv $second
figures "a gap as long as a boot: figures" "$out" "" "
    cost_usd 1.4000000000
    waiting_usd 0.0000000000
    launches 1
    billed_seconds 140
    exact true"
log_of launched.tsv $base 0 81
run "a longer gap" --log launched.tsv $second
figures "a longer gap: figures" "$out" "" "
    cost_usd 1.4000000000
    launches 2
    billed_seconds 140"

# Bakes of 20 s, of which 60 are billed at least: two in one minute cost 0.60, one that ends 5 s behind it 0.65.
short="--bake 20 --regime second --price 36 --delay-price 36000 --grid 1"
log_of minute.tsv $base 0 40
run "two bakes in a minute" --log minute.tsv $short
figures "two bakes in a minute: figures" "$out" "" "
    cost_usd 0.6000000000
    deployments 2
    launches 1
    billed_seconds 60
    exact true"
log_of longer.tsv $base 0 45
run "two bakes in 65 s" --log longer.tsv $short
figures "two bakes in 65 s: figures" "$out" "" "
    cost_usd 0.6500000000
    launches 1
    billed_seconds 65"

# A deployment costs 1 USD, a commit-hour 0.60: the first of two commits a minute apart waits, for 0.01.
log_of pair.tsv $base 0 60
run "a price for each deployment" --log pair.tsv --bake 60 --regime hourly --price 0 --per-deploy 1 --delay-price 0.6 --starts
figures "a price for each deployment: figures" "$out" "" "
    cost_usd 1.0100000000
    money_usd 1.0000000000
    waiting_usd 0.0100000000
    deployments 1
    starts.0 $((base + 60))"
run "only part of the history" --log pair.tsv --bake 60 --regime hourly --price 1 --delay-price 0.6 --to 2025-10-06T00:01:00Z
figures "only part of the history: figures" "$out" "" "
    history.commits 1
    cost_usd 1.0000000000
    deployments 1"

# A limit on the time from a commit to the end of its bake: with 30 min the first of the two may wait for its 5 min, with
# 29 it may not wait at all to any good, and a second hour opens.
run "a limit that allows the wait" $two --max-lead 30m
figures "a limit that allows the wait: figures" "$out" "" "
    cost_usd 35.0000000000
    max_lead_s 1800"
run "a limit that does not" $two --max-lead 29m --grid 1
figures "a limit that does not: figures" "$out" "" "
    cost_usd 60.0000000000
    lower_bound_usd 60.0000000000
    waiting_usd 0.0000000000
    exact true"

# An hour of the month is prepaid: the 5 min of waiting make one hour do. With two prepaid nobody need wait.
run "one hour prepaid" $two --pool 1 --grid 1
figures "one hour prepaid: figures" "$out" "" "
    cost_usd 5.0000000000
    lower_bound_usd 5.0000000000
    money_usd 0.0000000000
    billed_hours 1
    covered_hours 1
    pool_hours 1
    exact true"
run "two hours prepaid" $two --pool 2 --grid 1
figures "two hours prepaid: figures" "$out" "" "
    cost_usd 0.0000000000
    billed_hours 2
    covered_hours 2
    exact true"
run "a pool without hours" $two --pool 0 --grid 1
is "a pool without hours: as without one" "$(json_of "$out" cost_usd)" 35.0000000000
# 22:45 and 23:50 on the last day of October, bakes of 15 min, 0.01 USD a commit-minute: that one hour held both, or the
# second hour opened in November, the first would have to wait for 15 min; the second waits 10 for an hour of November's.
log_of month.tsv $base 2241900 2245800
run "the pool is a month's" --log month.tsv --bake 15m --regime hourly --price 30 --delay-price 0.6 --pool 1 --grid 1 --starts
figures "the pool is a month's: figures" "$out" "" "
    cost_usd 0.1000000000
    exact true
    deployments 2
    launches 2
    billed_hours 2
    covered_hours 2
    starts.0 1761950700
    starts.1 1761955200"

# Text and CSV.
exit_is "text" 0 "$BAKEHOUR" optimum $two --starts
has "text: the figures" "$out" '^ *2  *1  *1  *30.00  *5.00  *35.00  *33.00$'
has "text: the starts" "$out" '^2025-10-06T00:05:00Z  *launched$'
has "text: the starts, reused" "$out" '^2025-10-06T00:40:00Z  *reused$'
exit_is "CSV" 0 "$BAKEHOUR" optimum $two --csv
is "CSV: the figures" "$out" "deployments,launches,billed_hours,money_usd,waiting_usd,cost_usd,lower_bound_usd
2,1,1,30.0000000000,5.0000000000,35.0000000000,33.0000000000"
exit_is "CSV of the starts" 0 "$BAKEHOUR" optimum $two --csv --starts
is "CSV of the starts: them" "$out" "start,launches
2025-10-06T00:05:00Z,1
2025-10-06T00:40:00Z,0"

# What is refused.
refuses() {
    desc=$1 want=$2
    shift 2
    exit_is "$desc" 2 "$BAKEHOUR" optimum "$@"
    has "$desc: said" "$err" "$want"
    is "$desc: nothing on stdout" "$out" ""
}
refuses "no bake" 'how long does a bake take? --bake S' --log two.tsv
refuses "no history" 'which history?' --bake 60
refuses "no grid" '--grid goes from a second to a day' $two --grid 0
refuses "a grid of two days" '--grid goes from a second to a day' $two --grid 2d
refuses "a grid that does not divide the bake" '--grid: 10 min does not divide the bake of 25 min' $two --grid 10m
refuses "a grid that does not divide the boot" '--grid: 5 min does not divide the boot of 7 min' $two --grid 5m --boot 7m
refuses "a grid that does not divide the hour" '--grid: 25 min does not divide the paid hour of 60 min' $two --grid 25m
refuses "money that cannot be counted" 'the cost is over 922 million USD: more than can be counted' --log two.tsv \
    --bake 3650d --price 1000000 --regime second --grid 1d
refuses "a price that would overflow" 'more than a million USD' --log two.tsv --bake 60 --price 900000000
refuses "a price of waiting below nothing" 'an amount here cannot be negative' --log two.tsv --bake 60 --delay-price -2
refuses "a bake below nothing" '"-5" is no duration' --log two.tsv --bake -5
refuses "a bake of a hundred years" 'bake' --log two.tsv --bake 36500d
refuses "a boot of a hundred years" 'boot' --log two.tsv --bake 60 --boot 36500d
refuses "a grid below nothing" '"-1" is no duration' $two --grid -1
refuses "a limit below nothing" '"-2" is no duration' $two --max-lead -2
refuses "a pool below nothing" '"-1" is no whole number' $two --pool -1
: >empty.tsv
refuses "an empty history" 'empty.tsv: no commits at all' --log empty.tsv --bake 60
printf -- '-5\n' >before.tsv
refuses "a commit before 1970" '-5 is negative' --log before.tsv --bake 60
printf '99999999999999\n' >after.tsv
refuses "a commit in the future" 'is in the future' --log after.tsv --bake 60
refuses "no mode" '--boot-mode: "paralel" is neither serial nor prelaunch' $two --boot-mode paralel
refuses "no regime" '--regime: "hourl" is neither hourly nor second' $two --regime hourl
refuses "prepare is not in it" 'prepare' $two --prepare 60
refuses "a limit shorter than the bake" 'no commit can be deployed within 10 min: the first one takes 25 min' $two --max-lead 10m
refuses "no limit at all" '--max-lead: a limit of no time at all cannot be met' $two --max-lead 0
log_of busy.tsv $base 0 60 120
refuses "a limit that a busy server cannot meet" 'no starts on this grid deploy every commit within 26 min' --log busy.tsv \
    --bake 25m --regime hourly --price 1 --max-lead 26m
refuses "a pool of part hours" '--pool' $two --pool 1.5
done_testing
