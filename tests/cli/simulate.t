#!/bin/sh
# bakehour simulate: figures worked out by hand from the contract of the command line. usage: BAKEHOUR=program
# tests/cli/simulate.t
#
# The history h (seconds after 2025-10-06T00:00:00Z, which 300 and 1800 divide):
#     0 60 100 1000 990 1500 7200 7260      the fifth is corrected to 1000
# The pipeline: prepare 60, boot 40, bake 200, rollout 100. A deployment that launches takes 400 s, one that reuses
# 360 s; the rental begins 60 s behind the start, its bake is done 240 (200) s later.
# Money: 0.36 USD an hour = 0.0001 a second; K = 0.01; w = 0.9 a commit-hour = 0.00025 a commit-second.
# Below, "s 400: 60 100 | f 800 | wait 340 300" is a deployment: start, commits taken, end, waiting.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
: "${BAKEHOUR:?the program to test}"
unset COLUMNS NO_COLOR 2>/dev/null || true
export BAKEHOUR_NOW=1763856000 LC_ALL=C
base=1759708800
h=$tmp/h.tsv
log_of "$h" $base 0 60 100 1000 990 1500 7200 7260
pipeline="--prepare 60 --boot 40 --bake 200 --rollout 100"
hourly="--regime hourly --price 0.36 --per-deploy 0.01 --delay-price 0.9"
second="--regime second --price 0.36 --per-deploy 0.01 --delay-price 0.9"

# run DESC ARGUMENT...: the JSON document of a simulation, in $out.
run() {
    desc=$1
    shift
    exit_is "$desc" 0 "$BAKEHOUR" simulate --json "$@"
}

# counts DESC LIST: figures of the first policy of $out.
counts() {
    figures "$1" "$out" policies.0. "$2"
}

# --- every trigger, every keep

# s 0: 0 | f 400 | 0; s 400: 60 | 800 | 340; s 800: 100 | 1200 | 700; s 1200: 1000 | 1600 | 200;
# s 1600: 1000 | 2000 | 600; s 2000: 1500 | 2400 | 500; s 7200: 7200 | 7600 | 0; s 7600: 7260 | 8000 | 340.
# waiting 2680; leads 400 740 1100 600 1000 900 400 740: sum 5880; sorted 400 400 600 740 740 900 1000 1100.
# Ranks of 8: p50 the 4th, p90 (7.2) the 8th. 8 rentals of a started hour: 2.88 + 0.08.
run "every + terminate, hourly" --log "$h" $pipeline $hourly --trigger every --keep terminate
counts "every + terminate, hourly: figures" '
    trigger every
    keep terminate
    commits 8
    corrected 1
    deployments 8
    launches 8
    billed_hours 8
    by_kind.instance 2.8800000000
    by_kind.per-deploy 0.0800000000
    by_kind.launch 0.0000000000
    money_usd 2.9600000000
    waiting_usd 0.6700000000
    cost_usd 3.6300000000
    waiting_commit_s 2680
    lead_s.mean 735
    lead_s.p50 740
    lead_s.p90 1100
    lead_s.p95 1100
    lead_s.p99 1100
    lead_s.max 1100
    by_month.0.month 2025-10
    by_month.0.deployments 8
    by_month.0.commits 8
    by_month.0.money_usd 2.9600000000
    by_month.0.cost_usd 3.6300000000'
is "every + terminate, hourly: one month" "$(json_of "$out" policies.0.by_month.1.month)" ""
# The default is every + terminate, and without --regime what holds for Linux today: the second.
default=$(json_of "$out" policies.0.lead_s.p50)
run "the default policy" --log "$h" $pipeline --price 0.36
is "the default policy is every" "$(json_of "$out" policies.0.trigger) $(json_of "$out" policies.0.lead_s.p50)" \
    "every $default"
is "the default regime is the second" "$(json_of "$out" policies.0.billed_seconds)" $((8 * 240))
run "the regime of the date" --log "$h" $pipeline --price 0.36 --date 2015-09-01
is "the regime of 2015 is the hour" "$(json_of "$out" policies.0.billed_hours)" 8

# s 0: 0 | 400 | 0; s 400: 60 100 | 800 | 340 300; s 1000: 1000 1000 | 1400 | 0 0; s 1500: 1500 | 1900 | 0;
# s 7200: 7200 | 7600 | 0; s 7600: 7260 | 8000 | 340. waiting 980 (0.245 USD);
# leads sorted 400 x 5, 700 740 740: sum 4180. 6 x 0.36 + 0.06 = 2.22.
run "idle + terminate, hourly" --log "$h" $pipeline $hourly --trigger idle --keep terminate
counts "idle + terminate, hourly: figures" '
    deployments 6
    launches 6
    billed_hours 6
    money_usd 2.2200000000
    waiting_usd 0.2450000000
    cost_usd 2.4650000000
    waiting_commit_s 980
    lead_s.mean 522.5
    lead_s.p50 400
    lead_s.p90 740
    lead_s.max 740'

# The rental of s 0 runs from 60 to 3660: s 400: 60 100 | 760 | 340 300; s 1000 | 1360; s 1500 | 1860 reuse it.
# s 7200 launches (paid 7260 to 10860) | 7600; s 7600: 7260 | 7960 | 340 reuses. Two hours: 0.72 + 0.06 = 0.78.
# leads 400 700 660 360 360 360 400 700: sum 3940. Below every (2.96) by 2.18, below idle (2.22) by 1.44.
run "idle + hour" --log "$h" $pipeline $hourly --trigger idle --keep hour
counts "idle + hour: figures" '
    keep hour
    deployments 6
    launches 2
    billed_hours 2
    money_usd 0.7800000000
    waiting_usd 0.2450000000
    cost_usd 1.0250000000
    waiting_commit_s 980
    lead_s.mean 492.5
    lead_s.p50 400
    lead_s.p90 700
    lead_s.max 700
    saving.every.money_usd 2.1800000000
    saving.idle.money_usd 1.4400000000'
is "idle + hour: percent saved of every and idle" \
    "$(printf '%.2f %.2f' "$(json_of "$out" policies.0.saving.every.percent)" \
        "$(json_of "$out" policies.0.saving.idle.percent)")" "73.65 64.86"
figures "the baselines" "$out" baselines. '
    every.trigger every
    every.keep terminate
    every.money_usd 2.9600000000
    idle.trigger idle
    idle.keep terminate
    idle.money_usd 2.2200000000'
figures "the history" "$out" history. '
    commits 8
    corrected 1
    skipped 0
    first 2025-10-06T00:00:00Z
    last 2025-10-06T02:01:00Z'
is "the schema" "$(json_of "$out" schema)" bakehour.simulate/1

# The instance stays 600 s behind each bake: until 900, 1260, 1860, 2360 (reused by 460, 1060, 1560), then anew 7260,
# 8100, 8460. Billed (2360 - 60) + (8460 - 7260) = 3500 s, the tail behind the last deployment too. 0.35 + 0.06.
run "idle + idle:600" --log "$h" $pipeline $second --trigger idle --keep idle:600
counts "idle + idle:600: figures" '
    keep idle:600
    deployments 6
    launches 2
    billed_seconds 3500
    money_usd 0.4100000000
    cost_usd 0.6550000000
    waiting_commit_s 980
    lead_s.mean 492.5'
# Strictly before its end: at s 400 the bake would begin at 460; kept until 300 + 160 it is too late, + 161 in time.
run "a bake at the end of idle:160" --log "$h" $pipeline $second --to 2025-10-06T00:02:00Z --trigger idle --keep idle:160
is "a bake at the end of idle:160 launches" "$(json_of "$out" policies.0.launches)" 2
run "a bake before the end of idle:161" --log "$h" $pipeline $second --to 2025-10-06T00:02:00Z --trigger idle --keep idle:161
is "a bake before the end of idle:161 reuses" "$(json_of "$out" policies.0.launches)" 1

# A launch costs 0.02 + 40 s of boot: rent keeps (0.02 + 0.004) / 0.0001 = 240 s. Rental 1 from 60: until 540, reused
# by 460, until 900. 1060 launches, until 1540; 1560 launches, until 2040; 7260 launches, until 7740, reused by 7660,
# until 8100. Billed 840 + 480 + 480 + 840 = 2640 s = 0.264; launches 4 x 0.02; K 0.06.
# leads 400 700 660 400 400 400 400 700: sum 4060.
run "idle + rent" --log "$h" $pipeline $second --launch-usd 0.02 --trigger idle --keep rent
counts "idle + rent: figures" '
    keep rent
    launches 4
    billed_seconds 2640
    by_kind.instance 0.2640000000
    by_kind.launch 0.0800000000
    by_kind.per-deploy 0.0600000000
    money_usd 0.4040000000
    lead_s.mean 507.5
    lead_s.p50 400
    lead_s.p90 700'
# 120 s + 40 s end at 460 exactly, too late; 120.1 s rounds up to a whole second, in time.
run "rent, 160 s" --log "$h" $pipeline $second --to 2025-10-06T00:02:00Z --launch-usd 0.012 --trigger idle --keep rent
is "rent, 160 s: the second bake launches" "$(json_of "$out" policies.0.launches)" 2
run "rent, 160.1 s" --log "$h" $pipeline $second --to 2025-10-06T00:02:00Z --launch-usd 0.01201 --trigger idle --keep rent
is "rent, 160.1 s: rounded up it reuses" "$(json_of "$out" policies.0.launches)" 1

# s 100: 0 60 100 | 500 | 100 40 0; s 1500: 1000 1000 1500 | 1900 | 500 500 0; what is left at the last arrival:
# s 7260: 7200 7260 | 7660 | 60 0. waiting 1200; leads 500 440 400 900 900 400 460 400: sum 4400.
# 3 x 240 s = 0.072 + 0.03.
run "count:3" --log "$h" $pipeline $second --trigger count:3
counts "count:3: figures" '
    trigger count:3
    deployments 3
    billed_seconds 720
    money_usd 0.1020000000
    waiting_usd 0.3000000000
    cost_usd 0.4020000000
    waiting_commit_s 1200
    lead_s.mean 550
    lead_s.p50 440
    lead_s.p90 900'

# s 300: 0 60 100 | 700 | 300 240 200; s 1300: 1000 1000 | 1700 | 300 300; s 1800 (not 1700): 1500 | 2200 | 300;
# s 7500: 7200 7260 | 7900 | 300 240. waiting 2180 = 0.545; leads sum 2180 + 8 x 400 = 5380.
run "window:300" --log "$h" $pipeline $second --trigger window:5m
counts "window:300: figures" '
    trigger window:300
    deployments 4
    billed_seconds 960
    money_usd 0.1360000000
    waiting_usd 0.5450000000
    cost_usd 0.6810000000
    waiting_commit_s 2180
    lead_s.mean 672.5
    lead_s.p50 700
    lead_s.max 700'

# s 0: 0 | 400 | 0; s 1800: 60 100 1000 1000 1500 | 2200 | 1740 1700 800 800 300; s 7200: 7200 | 7600 | 0; the next
# train, behind the last commit: s 9000: 7260 | 9400 | 1740. waiting 7080; leads 400 2140 2100 1200 1200 700 400 2140.
run "train:1800" --log "$h" $pipeline $second --trigger train:30m
counts "train:1800: figures" '
    deployments 4
    money_usd 0.1360000000
    waiting_usd 1.7700000000
    cost_usd 1.9060000000
    waiting_commit_s 7080
    lead_s.mean 1285
    lead_s.p50 1200
    lead_s.max 2140'
# A train that passes while the pipeline is busy is missed: s 0 is busy until 400, so 60 100 take the one of 600, not
# of 300: | 1000 | 540 500; s 1200: 1000 1000 | 1600 | 200 200; not 1500: s 1800: 1500 | 2200 | 300; s 7200 | 7600;
# not 7500: s 7800: 7260 | 8200 | 540. waiting 2280.
run "train:300" --log "$h" $pipeline $second --trigger train:300
counts "train:300: figures" '
    deployments 6
    waiting_commit_s 2280
    lead_s.mean 685
    lead_s.max 940'

# A launch costs K + 240 s = 0.034 = 136 commit-seconds. s 98 (60 + 2 x 38 = 136): 0 60 | 498 | 98 38;
# s 498 (398 > 136 already): 100 | 898 | 398; s 1068: 1000 1000 | 1468 | 68 68; s 1636: 1500 | 2036 | 136;
# s 7298: 7200 7260 | 7698 | 98 38. waiting 942 = 0.2355; leads sum 942 + 3200 = 4142.
run "area:1, second" --log "$h" $pipeline $second --trigger area:1
counts "area:1, second: figures" '
    trigger area:1
    deployments 5
    money_usd 0.1700000000
    waiting_usd 0.2355000000
    cost_usd 0.4055000000
    waiting_commit_s 942
    lead_s.mean 517.75
    lead_s.p50 468
    lead_s.max 798'
# By the hour a launch adds 0.37 = 1480 commit-seconds, a reuse inside the paid hour K alone = 40. 3t - 160 >= 1480:
# s 547: 0 60 100 | 947 | 547 487 447 (paid 607 to 4207); s 1020: 1000 1000 | 1380 | 20 20; s 1540: 1500 | 1900 | 40;
# launches again: 2t - 14460 >= 1480: s 7970: 7200 7260 | 8370 | 770 710. waiting 3041; leads sum 6121.
run "area:1 + hour" --log "$h" $pipeline $hourly --trigger area:1 --keep hour
counts "area:1 + hour: figures" '
    deployments 4
    launches 2
    billed_hours 2
    money_usd 0.7600000000
    waiting_usd 0.7602500000
    cost_usd 1.5202500000
    waiting_commit_s 3041
    lead_s.mean 765.125
    lead_s.p50 847
    lead_s.max 1170'
# Half the threshold: 2t - 60 >= 68 at 64: s 64: 0 60 | 464; s 464: 100; s 1034: 1000 1000; s 1568; s 7264.
run "area:0.5" --log "$h" $pipeline $second --trigger area:0.5
counts "area:0.5: figures" '
    trigger area:0.5
    waiting_commit_s 636'

# --- rentals

# The rental of 0 is paid from 60 to 3660. The bake of 3500 begins at 3560 inside it, overruns it and extends it to
# 7260; the bake of 7199 begins at 7259 inside that and extends it to 10860. One launch, three hours.
log_of "$tmp/extend.tsv" $base 0 3500 7199
run "an overrun extends the rental" --log "$tmp/extend.tsv" $pipeline $hourly --trigger idle --keep hour
counts "an overrun extends the rental: figures" '
    launches 1
    billed_hours 3'
# A bake that would begin at 3660 sharp finds the instance gone.
log_of "$tmp/late.tsv" $base 0 3600
run "a bake at the end of the paid hour" --log "$tmp/late.tsv" $pipeline $hourly --trigger idle --keep hour
is "a bake at the end of the paid hour launches" "$(json_of "$out" policies.0.launches)" 2
# h with margins. 3200: gone at 460, the second bake's begin, and before each other: six launches, six hours.
# 3199: until 461, one second more: 460 and 7660 reuse; 1060 and 1560 launch still: four hours.
run "--margin 3200" --log "$h" $pipeline $hourly --margin 3200 --trigger idle --keep hour
counts "--margin 3200: figures" '
    launches 6
    billed_hours 6'
run "--margin 3199" --log "$h" $pipeline $hourly --margin 3199 --trigger idle --keep hour
counts "--margin 3199: figures" '
    launches 4
    billed_hours 4'
# At least 60 seconds.
run "the minimum" --log "$h" --bake 10 $second --trigger every
is "the minimum of a rental is 60 s" "$(json_of "$out" policies.0.billed_seconds)" 480
# 3600 s sharp are one hour, a second more two.
run "an hour sharp" --log "$h" --bake 3600 $hourly --trigger count:8
is "an hour sharp is one hour" "$(json_of "$out" policies.0.billed_hours)" 1
run "an hour and a second" --log "$h" --bake 3601 $hourly --trigger count:8
is "an hour and a second is two hours" "$(json_of "$out" policies.0.billed_hours)" 2

# --- the nearest rank, told apart: n commits at once, ten seconds each, lead times 10 20 ... 10 n
awk -v base=$base 'BEGIN { for (i = 0; i < 100; i++) print base }' >"$tmp/100.tsv"
run "a hundred lead times" --log "$tmp/100.tsv" --bake 10 --price 0 --trigger every
counts "a hundred lead times: ranks 50 90 95 99 100" '
    lead_s.mean 505
    lead_s.p50 500
    lead_s.p90 900
    lead_s.p95 950
    lead_s.p99 990
    lead_s.max 1000'
# of 101: 50.5, 90.9, 95.95, 99.99 round up to 51, 91, 96, 100
awk -v base=$base 'BEGIN { for (i = 0; i < 101; i++) print base }' >"$tmp/101.tsv"
run "a hundred and one lead times" --log "$tmp/101.tsv" --bake 10 --price 0 --trigger every
counts "a hundred and one lead times: ranks 51 91 96 100 101" '
    lead_s.mean 510
    lead_s.p50 510
    lead_s.p90 910
    lead_s.p95 960
    lead_s.p99 1000
    lead_s.max 1010'

# --- which commits

# Gaps within 60 s: pushes {0 60 100} at 100, {1000 1000} at 1000, {1500}, {7200 7260} at 7260. every: s 100 | 500 |
# 100 40 0; s 1000; s 1500; s 7260 | 60 0. waiting 200 = 0.05; leads 500 440 400 400 400 400 460 400: sum 3400.
run "--push-gap 60" --log "$h" $pipeline $second --push-gap 60 --trigger every
counts "--push-gap 60: figures" '
    commits 8
    deployments 4
    waiting_commit_s 200
    waiting_usd 0.0500000000
    money_usd 0.1360000000
    lead_s.mean 425
    lead_s.p50 400
    lead_s.max 500'
# A gap of 60 is not within 59: {0} {60 100} {1000 1000} {1500} {7200} {7260}.
run "--push-gap 59" --log "$h" $pipeline $second --push-gap 59 --trigger every
is "--push-gap 59: deployments" "$(json_of "$out" policies.0.deployments)" 6
# By corrected arrival, [from, to): both commits of 1000 and 1500, not 7200.
run "--from and --to" --log "$h" $pipeline $second --from 2025-10-06T00:16:40Z --to 2025-10-06T02:00:00Z
counts "--from and --to: commits" '
    commits 3
    deployments 3'
is "--from and --to: the first" "$(json_of "$out" history.first)" 2025-10-06T00:16:40Z
run "--to a second later" --log "$h" $pipeline $second --from 2025-10-06T00:16:41Z --to 2025-10-06T02:00:01Z
is "--to a second later: 1500 and 7200" "$(json_of "$out" policies.0.commits)" 2
run "--from a date" --log "$h" $pipeline $second --from 2025-10-06 --to 2025-10-07
is "--from a date: all" "$(json_of "$out" policies.0.commits)" 8
from_stdin() {
    "$BAKEHOUR" simulate --json $pipeline $second --trigger idle --log - <"$h"
}
exit_is "the history from stdin" 0 from_stdin
is "the history from stdin: deployments" "$(json_of "$out" policies.0.deployments)" 6

# --- months: a commit 100 s before November. It bakes from 40 s before to 200 s behind midnight.
november=1761955200
log_of "$tmp/turn.tsv" $((november - 100)) 0
run "over the month's end, second" --log "$tmp/turn.tsv" $pipeline $second
counts "over the month's end, second: where it falls" '
    by_month.0.month 2025-10
    by_month.0.commits 1
    by_month.0.deployments 1
    by_month.0.launches 1
    by_month.0.billed_seconds 40
    by_month.0.money_usd 0.0140000000
    by_month.1.month 2025-11
    by_month.1.commits 0
    by_month.1.deployments 0
    by_month.1.billed_seconds 200
    by_month.1.money_usd 0.0200000000
    money_usd 0.0340000000'
run "over the month's end, hourly" --log "$tmp/turn.tsv" $pipeline $hourly
counts "over the month's end, hourly: where it opens" '
    by_month.0.month 2025-10
    by_month.0.billed_hours 1
    by_month.0.money_usd 0.3700000000
    money_usd 0.3700000000'

# --- all a deployment costs besides

# Whole minutes of prepare to rollout: 400 s = 7 min for the 2 that launch, 360 s = 6 for the 4 that reuse: 38.
run "CI minutes" --log "$h" $pipeline $hourly --runner-usd-per-minute 0.01 --trigger idle --keep hour
counts "CI minutes: figures" '
    by_kind.ci 0.3800000000
    money_usd 1.1600000000'
# idle + terminate has images from 300 700 1300 1800 7500 7900 on, until 8000. Two kept: 400 + 2 x 7300 = 15000
# image-seconds x 10 GB x 0.05 / 2678400 s of October = 0.00280017921...
run "image storage" --log "$h" $pipeline $second --image-gb 10 --retain 2 --trigger idle
is "image storage: two images kept" "$(json_of "$out" policies.0.by_kind.storage)" 0.0028001792
# Until --to: 400 + 2 x (2246400 - 700) = 4491800 image-seconds: 0.83852299...
run "image storage until --to" --log "$h" $pipeline $second --image-gb 10 --retain 2 --to 2025-11-01 --trigger idle
is "image storage until --to" "$(json_of "$out" policies.0.by_kind.storage)" \
    "$(awk 'BEGIN { printf "%.10f", 4491800 * 10 * 0.05 / 2678400 }')"
run "image storage, one, dearer" --log "$h" $pipeline $second --image-gb 1.5 --retain 1 --storage-usd-per-gb-month 0.1 \
    --trigger idle
# 7700 s x 1.5 x 0.1 / 2678400 = 0.00043122759...
is "image storage, one, dearer" "$(json_of "$out" policies.0.by_kind.storage)" 0.0004312276
# At least an hour a zone and rollout: 6 x 2 x 0.75; a rollout of 3630 s is 61 minutes, of 0.72 an hour: 0.732.
run "fast snapshot restore" --log "$h" $pipeline $second --fsr-zones 2 --trigger idle
is "fast snapshot restore: the minimum" "$(json_of "$out" policies.0.by_kind.fsr)" 9.0000000000
run "fast snapshot restore, whole minutes" --log "$h" --rollout 3630 $second --fsr-zones 1 --fsr-usd-per-hour 0.72 \
    --trigger count:8
is "fast snapshot restore: whole minutes" "$(json_of "$out" policies.0.by_kind.fsr)" 0.7320000000
# A licence is metered as its instance: two hours, or 3500 s.
run "a licence by the hour" --log "$h" $pipeline $hourly --licence-usd-per-hour 0.1 --trigger idle --keep hour
counts "a licence by the hour: figures" '
    by_kind.licence 0.2000000000
    by_kind.instance 0.7200000000
    money_usd 0.9800000000'
run "a licence by the second" --log "$h" $pipeline $second --licence-usd-per-hour 0.036 --trigger idle --keep idle:600
is "a licence by the second" "$(json_of "$out" policies.0.by_kind.licence)" 0.0350000000
# 6 deployments x 10 GB x 0.045; or 2.5 GB each.
run "NAT" --log "$h" $pipeline $second --nat-usd-per-gb 0.045 --image-gb 10 --trigger idle
is "NAT: the image" "$(json_of "$out" policies.0.by_kind.nat)" 2.7000000000
run "NAT, its own size" --log "$h" $pipeline $second --nat-usd-per-gb 0.045 --nat-gb 2.5 --trigger idle
is "NAT: its own size" "$(json_of "$out" policies.0.by_kind.nat)" 0.6750000000
# Launches beyond their seconds: six.
run "launches" --log "$h" $pipeline $second --launch-usd 0.0005 --trigger idle
is "launches" "$(json_of "$out" policies.0.by_kind.launch)" 0.0030000000

# --- half to even, once, from the exact sum: 1e-10 USD an hour for 0.5, 1.5 and 2.5 hours
log_of "$tmp/one.tsv" $base 0
for case in 1800:0.0000000000 5400:0.0000000002 9000:0.0000000002; do
    run "rounding ${case%:*} s" --log "$tmp/one.tsv" --bake "${case%:*}" --regime second --price 0.0000000001
    is "rounding ${case%:*} s" "$(json_of "$out" policies.0.money_usd)" "${case#*:}"
done
# Half a unit of money and half of waiting are nothing each and one together.
run "rounding the sum" --log "$tmp/one.tsv" --bake 1800 --regime second --price 0.0000000001 --delay-price 0.0000000001 \
    --trigger window:1800
counts "rounding the sum: once" '
    money_usd 0.0000000000
    waiting_usd 0.0000000000
    cost_usd 0.0000000001'

# --- the fleet and prepaid hours

# One deployment at 0 on a fleet of two, one at a time: the image is there at 300. Wave 1: new at 300, old until 350 +
# 30; wave 2: new at 350, old until 430; the books end at 430. Old and new together: 80 s twice: 160 s = 0.016.
run "a fleet, second" --log "$tmp/one.tsv" $pipeline $second --fleet 2 --surge 1 --drain 30
is "a fleet, second: overlap" "$(json_of "$out" policies.0.by_kind.fleet)" 0.0160000000
# Both at once: 300 to 430 twice: 260 s.
run "a fleet at once" --log "$tmp/one.tsv" $pipeline $second --fleet 2 --drain 30
is "a fleet at once: overlap" "$(json_of "$out" policies.0.by_kind.fleet)" 0.0260000000
# By the hour each new instance opens an hour of its own.
run "a fleet, hourly" --log "$tmp/one.tsv" $pipeline $hourly --fleet 2 --drain 30
counts "a fleet, hourly: two hours more" '
    by_kind.fleet 0.7200000000
    money_usd 1.0900000000'
# Reserved for clock hours: six rentals open at 60 460 1060 1560 (hour 0) and 7260 7660 (hour 2): one each is covered.
run "clock-hour, hourly" --log "$h" $pipeline $hourly --reserved 1 --reserved-model clock-hour --trigger idle
counts "clock-hour, hourly: figures" '
    billed_hours 6
    reserved_hours 2
    by_kind.instance 1.4400000000
    money_usd 1.5000000000'
run "clock-hour is the default" --log "$h" $pipeline $hourly --reserved 1 --trigger idle
is "clock-hour is the default" "$(json_of "$out" policies.0.reserved_hours)" 2
# By the second 960 s of hour 0 and 480 s of hour 2 fit into 3600 s each.
run "clock-hour, second" --log "$h" $pipeline $second --reserved 1 --trigger idle
counts "clock-hour, second: figures" '
    reserved_seconds 1440
    by_kind.instance 0.0000000000
    money_usd 0.0600000000'
# Two reservations cover two of the four hours opened in hour 0 and both in hour 2.
run "clock-hour, two" --log "$h" $pipeline $hourly --reserved 2 --trigger idle
is "clock-hour, two: four of six" "$(json_of "$out" policies.0.reserved_hours)" 4
# The pool of 744 h covers all six.
run "pool" --log "$h" $pipeline $hourly --reserved 1 --reserved-model pool --trigger idle
counts "pool: figures" '
    billed_hours 6
    reserved_hours 6
    money_usd 0.0600000000'
# A fleet of two from 2025-10-01 00:00 on, undisturbed 31 days: 1488 h on a pool of 744. Used up after 372 h, on the
# 16th at 12:00. A commit on the 10th: covered, 1 bake hour; one on the 20th: not.
october=1759276800
log_of "$tmp/pool.tsv" $october 0 $((19 * 86400))
run "a pool that runs out" --log "$tmp/pool.tsv" --bake 60 $hourly --reserved 1 --reserved-model pool --fleet 2 \
    --to 2025-11-01
counts "a pool that runs out: one bake covered, one not" '
    billed_hours 2
    reserved_hours 1
    by_kind.instance 0.3600000000'
has "a pool that runs out: on the 16th" "$(json_of "$out" policies.0.by_month.0.pool_ran_out)" '^2025-10-16T'

# --- several policies; each takes the --keep behind it, or the last one given
run "several policies" --log "$h" $pipeline $hourly --trigger idle --keep hour --trigger count:3 --trigger window:300 \
    --keep terminate --trigger every
figures "several policies: triggers and keeps" "$out" policies. '
    0.trigger idle
    0.keep hour
    0.money_usd 0.7800000000
    1.trigger count:3
    1.keep hour
    2.trigger window:300
    2.keep terminate
    3.trigger every
    3.keep terminate
    3.money_usd 2.9600000000'
is "several policies: no fifth" "$(json_of "$out" policies.4.trigger)" ""
run "a keep before the triggers" --log "$h" $pipeline $hourly --keep hour --trigger idle --trigger every
figures "a keep before the triggers: holds for all" "$out" policies. '
    0.keep hour
    1.keep hour'
run "a keep behind two triggers" --log "$h" $pipeline $hourly --trigger every --trigger idle --keep hour
figures "a keep behind two triggers: holds for both" "$out" policies. '
    0.keep hour
    1.keep hour'

# --- what a person reads: the figures above, rounded. 0.7800, 1.025 and 2.465 (half to even), 11 min of 700 s,
# 18 min of 1100 s, 12 min of 740 s; the mean lead time of 492.5 s is rounded to 8 min 13 s.
cd "$tmp" || exit 1
exit_is "text" 0 "$BAKEHOUR" simulate --log h.tsv $pipeline $hourly --trigger idle --keep hour
is "text: all of it" "$out" "$(
    cat <<'TEXT'
History   8 commits, 2025-10-06, h.tsv; 1 backward time corrected.
Pipeline  prepare 60 s, boot 40 s, bake 3 min 20 s, rollout 100 s.
Price     0.3600 USD an hour, billed by the started hour.

policy             deploys  launches  paid h     USD  +waiting  vs idle     p95
idle + hour              6         2       2  0.7800      1.02    -65 %  11 min
every + terminate        8         8       8    2.96      3.63    +33 %  18 min
idle + terminate         6         6       6    2.22      2.46      0 %  12 min

idle + hour, month by month (UTC)
month    commits  deploys  launches  paid h     USD   mean lead
2025-10        8        6         2       2  0.7800  8 min 13 s

By kind, USD: bake instance 0.7200, per deployment 0.0600.
Delivery: 6.0 deployments a day, lead time p50 6 min 40 s.

Baselines: every + terminate is a deployment for each commit, idle + terminate
           what a CI system does with one line of configuration. Claim savings
           against idle.
TEXT
)"
is "text: nothing on stderr" "$err" ""
text=$out
for width in 20 60 200; do
    exit_is "text in a pipe, COLUMNS=$width" 0 env COLUMNS=$width TERM=xterm-256color "$BAKEHOUR" simulate --log h.tsv \
        $pipeline $hourly --trigger idle --keep hour
    is "text in a pipe, COLUMNS=$width: the same" "$out" "$text"
done
exit_is "NO_COLOR" 0 env NO_COLOR=1 "$BAKEHOUR" simulate --log h.tsv $pipeline $hourly --trigger idle --keep hour
is "NO_COLOR: the same in a pipe" "$out" "$text"
exit_is "--no-color" 0 "$BAKEHOUR" simulate --no-color --log h.tsv $pipeline $hourly --trigger idle --keep hour
is "--no-color: the same in a pipe" "$out" "$text"

# count:3 paid 720 s, 0.102, half of idle's 1440 s, 0.204; money and waiting 0.402 and 0.449; 9 min 10 s = 550 s.
# idle + idle:600 costs 0.41, 101 % more. Its p95 is 700 s, that of count:3 900 s, of every 1100 s, of idle 740 s.
exit_is "text, several policies" 0 "$BAKEHOUR" simulate --log h.tsv $pipeline $second --by-month \
    --trigger idle --keep idle:600 --trigger count:3 --keep terminate
is "text, several policies: all of it" "$out" "$(
    cat <<'TEXT'
History   8 commits, 2025-10-06, h.tsv; 1 backward time corrected.
Pipeline  prepare 60 s, boot 40 s, bake 3 min 20 s, rollout 100 s.
Price     0.3600 USD an hour, billed by the second.

policy               deploys  launches     USD  +waiting  vs idle     p95
idle + idle:10m            6         2  0.4100    0.6550   +101 %  11 min
count:3 + terminate        3         3  0.1020    0.4020    -50 %  15 min
every + terminate          8         8  0.2720    0.9420    +33 %  18 min
idle + terminate           6         6  0.2040    0.4490      0 %  12 min

idle + idle:10m, month by month (UTC)
month    commits  deploys  launches  paid s     USD   mean lead
2025-10        8        6         2    3500  0.4100  8 min 13 s

By kind, USD: bake instance 0.3500, per deployment 0.0600.
Delivery: 6.0 deployments a day, lead time p50 6 min 40 s.

count:3 + terminate, month by month (UTC)
month    commits  deploys  launches  paid s     USD   mean lead
2025-10        8        3         3     720  0.1020  9 min 10 s

By kind, USD: bake instance 0.0720, per deployment 0.0300.
Delivery: 3.0 deployments a day, lead time p50 7 min 20 s.

Baselines: every + terminate is a deployment for each commit, idle + terminate
           what a CI system does with one line of configuration. Claim savings
           against idle.
TEXT
)"
# Without --by-month several policies have no tables of months; a baseline that was asked for is not shown twice.
exit_is "text, baselines asked for" 0 "$BAKEHOUR" simulate --log h.tsv $pipeline $second --trigger idle --trigger every
hasnt "text, several policies: no months unasked" "$out" 'month by month'
is "text, baselines asked for: once each" "$(printf '%s\n' "$out" | grep -c -e '^[a-z:0-9]* + terminate  ')" 2

# CSV: all digits, percentages as numbers: 0.78 / 2.96 - 1 = -73.65 %, 0.78 / 2.22 - 1 = -64.86 %, 2.22 / 2.96 = -25 %.
exit_is "CSV" 0 "$BAKEHOUR" simulate --csv --log h.tsv $pipeline $hourly --trigger idle --keep hour
is "CSV: all of it" "$out" "$(
    cat <<'TEXT'
policy,deployments,launches,billed_hours,money_usd,cost_usd,vs_every_percent,vs_idle_percent,lead_p50_s,lead_p95_s
idle + hour,6,2,2,0.7800000000,1.0250000000,-73.65,-64.86,400,700
every + terminate,8,8,8,2.9600000000,3.6300000000,0.00,33.33,740,1100
idle + terminate,6,6,6,2.2200000000,2.4650000000,-25.00,0.00,400,740
TEXT
)"
exit_is "CSV by the second" 0 "$BAKEHOUR" simulate --csv --log h.tsv $pipeline --price 0 --trigger window:15m
has "CSV by the second: billed_seconds" "$out" '^policy,deployments,launches,billed_seconds,money_usd,vs_every'
has "CSV by the second: no percent of nothing" "$out" '^window:900 + terminate,.*,0\.0000000000,,,[0-9]*,[0-9]*$'

# --- errors: exit 2, nothing on stdout, one message that says what is wrong and what to write
refuses() { # refuses DESC PATTERN ARGUMENT...
    desc=$1 pattern=$2
    shift 2
    exit_is "$desc" 2 "$BAKEHOUR" simulate "$@"
    is "$desc: nothing on stdout" "$out" ""
    has "$desc: says what" "$err" "^bakehour simulate: .*$pattern"
}
refuses "keep hour by the second" "--keep hour belongs to the hourly regime.*--regime hourly" --log h.tsv --regime second \
    --price 1 --keep hour
refuses "keep hour by the second of today" "--keep hour belongs to the hourly regime" --log h.tsv --keep hour --json
refuses "area without a delay price" "--delay-price" --log h.tsv --price 1 --trigger area:1
refuses "rent at a price of 0" "--keep rent.*--price above 0" --log h.tsv --price 0 --keep rent
refuses "rent for ten years" "more than ten years.*--launch-usd" --log h.tsv --price 0.0000000001 --launch-usd 1 --keep rent
refuses "no history" "which history? --repo DIR .*--log FILE"
refuses "two histories" "--log and --repo exclude each other" --log h.tsv --repo .
refuses "--branch without --repo" "--branch goes with --repo" --log h.tsv --branch main
refuses "--json and --csv" "--json and --csv exclude each other" --log h.tsv --json --csv
refuses "an unknown trigger" '"widnow:5" is no trigger; did you mean window' --log h.tsv --trigger widnow:5
refuses "an unknown trigger, nothing near" '"xyzzyx" is no trigger; there are: every, idle' --log h.tsv --trigger xyzzyx
refuses "an unknown keep" '"houer" is no keep; did you mean hour' --log h.tsv --keep houer
refuses "a trigger without its argument" 'write window:SECONDS' --log h.tsv --trigger window
refuses "a trigger with an argument too many" 'idle takes no argument' --log h.tsv --trigger idle:5
refuses "count:0" 'from 1 on' --log h.tsv --trigger count:0
refuses "train:0" 'a second at least' --log h.tsv --trigger train:0
refuses "area:-1" 'from 0 to 100' --log h.tsv --trigger area:-1 --delay-price 1
refuses "no regime" '--regime: "hourl" is neither hourly nor second' --log h.tsv --regime hourl
refuses "no model" '--reserved-model: "poool" is neither pool nor clock-hour' --log h.tsv --reserved 1 --reserved-model poool
refuses "--surge without --fleet" '--surge and --drain go with --fleet' --log h.tsv --surge 2
refuses "an unknown type" 'no price for the type "m9.huge" (--price .*--catalog FILE' --log h.tsv --instance m9.huge
refuses "a price twice" '--price excludes --instance' --log h.tsv --instance m5.large --price 1
refuses "--from behind --to" '--from must be before --to' --log h.tsv --from 2025-10-07 --to 2025-10-06
refuses "no commit in the span" 'none of its 8 commits arrived .*they arrived from 2025-10-06T00:00:00Z' --log h.tsv \
    --from 2025-10-07 --to 2025-10-08
refuses "no date" '--date: "2025-13-01" is no UTC time; write' --log h.tsv --date 2025-13-01
refuses "--retain 0" '--retain goes from 1' --log h.tsv --retain 0
for number in -1 1e400 99999999999999999999 0x10 ' 1' '1 ' '' 1,5 nan inf 0.12345678901; do
    for option in price per-deploy delay-price runner-usd-per-minute; do
        refuses "--$option \"$number\"" "--$option: \"$number\"" --log h.tsv "--$option=$number"
    done
done
for number in -1 1e400 99999999999999999999 0x10 ' 1' '1 ' '' 1.5 nan 1y 99999d; do
    for option in bake push-gap margin; do
        refuses "--$option \"$number\"" "--$option: \"$number\"" --log h.tsv "--$option=$number"
    done
done
for number in -1 1e4 99999999999999999999 0x10 ' 1' '' 1.5; do
    for option in fleet reserved; do
        refuses "--$option \"$number\"" "--$option: \"$number\"" --log h.tsv "--$option=$number"
    done
done
refuses "a fleet too large" 'go up to 10000' --log h.tsv --fleet 10001
printf '{"prepare_s": -1, "boot_s": 1, "bake_s": 1, "rollout_s": 1}' >calibration.json
refuses "a bad calibration" 'calibration.json: "prepare_s" must be' --log h.tsv --calibration calibration.json
printf '{"name": "x", "prepare_s": 60, "boot_s": 40, "bake_s": 200, "rollout_s": 100}' >calibration.json
run "a calibration" --log h.tsv --calibration calibration.json $hourly --trigger idle --keep hour
is "a calibration: as the options" "$(json_of "$out" policies.0.cost_usd)" 1.0250000000

# --- where the output goes
closed() {
    "$BAKEHOUR" simulate --log h.tsv "$@" >&-
}
full() {
    "$BAKEHOUR" simulate --log h.tsv "$@" >/dev/full
}
for form in "" --json --csv; do
    exit_is "stdout closed $form" 1 closed $form
    has "stdout closed $form: said" "$err" 'could not be written'
    if [ -w /dev/full ]; then
        exit_is "a full disk $form" 1 full $form
        has "a full disk $form: said" "$err" 'could not be written'
    fi
done
done_testing
