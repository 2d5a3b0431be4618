#!/bin/sh
# bakehour plan: the frontier, the recommendation, prepaid hours, offers and pictures. Figures are worked out by hand
# (history and pipeline are those of simulate.t) or by an own replay in awk. usage: BAKEHOUR=program tests/cli/plan.t
#
# h by the hour, 0.36 USD an hour and K = 0.01:
#                        deploys launches  money   p50   p95   waiting
#   count:3 + hour             3        2   0.75   440   860      1200
#   window:300 + hour          4        2   0.76   660   700      2180
#   idle + hour                6        2   0.78   400   700       980
#   window:300 + terminate     4        4   1.48   700   700      2180   dominated by window:300 + hour
#   idle + terminate           6        6   2.22   400   740       980   dominated by idle + hour
#   every + terminate          8        8   2.96   740  1100      2680   dominated
# count:3 + hour: s 100 | f 500, paid 160 to 3760; s 1500 | 1860; s 7260 | 7660. leads 500 440 400 860 860 360 460 400.
# window:300 + hour: s 300 | 700, paid 360 to 3960; s 1300 | 1660; s 1800 | 2160; s 7500 | 7900.
#   leads 700 640 600 660 660 660 700 640.
# The history spans less than a day and counts as one: a month of 2629746 s has 30.436875 of them.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
: "${BAKEHOUR:?the program to test}"
unset COLUMNS NO_COLOR 2>/dev/null || true
export BAKEHOUR_NOW=1763856000 LC_ALL=C
cd "$tmp" || exit 1
log_of h.tsv 1759708800 0 60 100 1000 990 1500 7200 7260
pipeline="--prepare 60 --boot 40 --bake 200 --rollout 100"
money="--regime hourly --price 0.36 --per-deploy 0.01"
grid="--policy idle,hour --policy count:3+hour --policy window:5m,hour --policy window:300"

plan() {
    "$BAKEHOUR" plan --log h.tsv $pipeline $money $grid "$@"
}

# recommends DESC "TRIGGER KEEP" ARGUMENT...
recommends() {
    desc=$1 wanted=$2
    shift 2
    exit_is "$desc" 0 plan --json "$@"
    is "$desc: recommends" "$(json_of "$out" recommended.trigger) $(json_of "$out" recommended.keep)" "$wanted"
}

# --- text, JSON and CSV of one plan. 0.75 x 30.436875 = 22.83, 23.13, 23.74, 67.57 (2.22), 90.09 (2.96).
# Against every (2.96) 0.76 is -74.3 %, against idle (2.22) -65.8 %; without reuse 1.48: -48.6 %. K: 0.04 of 0.76.
# From 0 to 7260 s: 2 h 1 min.
exit_is "text" 0 plan
is "text: all of it" "$out" "$(
    cat <<'TEXT'
History   8 commits, 2025-10-06, h.tsv; 1 backward time corrected.
Pipeline  prepare 60 s, boot 40 s, bake 3 min 20 s, rollout 100 s.
Price     0.3600 USD an hour, billed by the started hour.

policy             USD/mo  vs idle    lead p50  lead p95
count:3 + hour      22.83    -66 %  7 min 20 s    14 min
window:5m + hour    23.13    -66 %      11 min    11 min  recommended
idle + hour         23.74    -65 %  6 min 40 s    11 min
idle + terminate    67.57      0 %  6 min 40 s    12 min  baseline
every + terminate   90.09    +33 %      12 min    18 min  baseline
1 more is dominated: another one is no dearer and no slower (--all shows it).

Recommended: window:5m + hour, 23.13 USD a month, lead time p50 11 min, p95
11 min.
Of 6 policies it is the cheapest that is no slower than idle + terminate (p95
12 min). Against deploying at every commit (90.09 USD a month) that is -74 %.
Against deploying whenever the pipeline is idle (67.57 USD a month) that is
-66 %.
The money goes to: bake instance 95 %, per deployment 5 %. Keeping the bake
instance for the next deployment is worth 49 %. Not counted, since no price was
given: CI minutes (--runner-usd-per-minute), stored images (--image-gb) and the
fleet that each rollout doubles for a while (--fleet, --surge, --drain). The
history spans 2 h 1 min only: a month is what it would be if all went on like
this.
TEXT
)"
text=$out
exit_is "text in a pipe, COLUMNS=50" 0 env COLUMNS=50 TERM=xterm NO_COLOR=1 "$BAKEHOUR" plan --log h.tsv $pipeline $money $grid
is "text in a pipe, COLUMNS=50: the same" "$out" "$text"
exit_is "--all" 0 plan --all
has "--all: the dominated one" "$out" '^window:5m + terminate  *45\.05  *-33 %  *11 min  *11 min  dominated$'
hasnt "--all: nothing is hidden" "$out" '--all'
exit_is "CSV" 0 plan --csv
is "CSV: all of it, by money" "$out" "$(
    cat <<'TEXT'
policy,usd_per_month,vs_idle_percent,lead_p50_s,lead_p95_s,deployments,mark
count:3 + hour,22.8276562500,-66.22,440,860,3,
window:300 + hour,23.1320250000,-65.77,660,700,4,recommended
idle + hour,23.7407625000,-64.86,400,700,6,
window:300 + terminate,45.0465750000,-33.33,700,700,4,dominated
idle + terminate,67.5698625000,0.00,400,740,6,"baseline, dominated"
every + terminate,90.0931500000,33.33,740,1100,8,"baseline, dominated"
TEXT
)"
exit_is "JSON" 0 plan --json
figures "JSON: figures" "$out" "" '
    schema bakehour.plan/1
    history.commits 8
    history.corrected 1
    model.regime hourly
    model.price_usd_per_hour 0.3600000000
    policies.0.trigger idle
    policies.0.keep hour
    policies.0.money_usd 0.7800000000
    policies.0.usd_per_month 23.7407625000
    policies.0.dominated false
    policies.0.recommended false
    policies.0.baseline false
    policies.2.trigger window:300
    policies.2.recommended true
    policies.3.dominated true
    policies.4.trigger every
    policies.4.baseline true
    policies.4.dominated true
    policies.5.trigger idle
    policies.5.baseline true
    frontier.0.trigger idle
    frontier.1.trigger count:3
    frontier.1.usd_per_month 22.8276562500
    frontier.1.lead_p50_s 440
    frontier.1.lead_p95_s 860
    frontier.2.trigger window:300
    recommended.trigger window:300
    recommended.keep hour
    recommended.usd_per_month 23.1320250000
    recommended.lead_p50_s 660
    recommended.lead_p95_s 700'
is "JSON: three on the frontier" "$(json_of "$out" frontier.3.trigger)" ""
# 100 x (1.48 - 0.76) / 1.48
is "JSON: what reuse saves" "$(printf '%.4f' "$(json_of "$out" recommended.reuse_saves_percent)")" 48.6486
is "JSON: no offers, no prepaid hours unasked" "$(json_of "$out" offers.0.years)$(json_of "$out" prepaid.model)" ""

# --- recommendations
recommends "the cheapest not slower than idle" "window:300 hour"
recommends "--max-lead 860" "count:3 hour" --max-lead 860
recommends "--max-lead 859" "window:300 hour" --max-lead 859
recommends "--max-usd 23 leaves count:3" "count:3 hour" --max-usd 23
recommends "--max-usd 24: of two at 700 s the cheaper" "window:300 hour" --max-usd 24
recommends "--max-usd at the cent" "window:300 hour" --max-usd 23.132025
recommends "--max-usd below the cent" "count:3 hour" --max-usd 23.1320249999
# with w = 0.9: 0.75 + 0.3, 0.76 + 0.545, 0.78 + 0.245
recommends "--delay-price: the least sum" "idle hour" --delay-price 0.9
is "--delay-price: the sum" "$(json_of "$out" policies.0.cost_usd)" 1.0250000000
# with w = 0.09: 0.75 + 0.03, 0.76 + 0.0545, 0.78 + 0.0245
recommends "--delay-price a tenth" "count:3 hour" --delay-price 0.09
recommends "--delay-price a tenth, --max-lead 700" "idle hour" --delay-price 0.09 --max-lead 700
recommends "both limits" "window:300 hour" --max-lead 700 --max-usd 23.2
# a month of 1.025 x 30.436875 is 31.20
exit_is "--delay-price, text" 0 plan --delay-price 0.9
has "--delay-price, text: money and waiting of a month" "$out" '^idle + hour  *23\.74  *31\.20  *-65 %  *x[0-9.]*  *11 min  recommended$'
nothing() {
    desc=$1
    shift
    exit_is "$desc" 1 plan "$@"
    has "$desc: the plan says so" "$out" '^None of the 6 policies fits'
    has "$desc: the table stands" "$out" '^count:3 + hour  *22\.83 '
    hasnt "$desc: nothing is recommended" "$out" '[Rr]ecommended'
    has "$desc: what to do" "$err" 'no policy fits; loosen --max-lead or --max-usd'
}
nothing "none within --max-lead" --max-lead 699
has "none within --max-lead: how far it is" "$out" 'within 699 s\.'
has "none within --max-lead: the fastest" "$out" 'p95 lead time of 700 s; the cheapest costs 22\.83'
nothing "none within --max-usd" --max-usd 22.82
nothing "none within both" --max-lead 700 --max-usd 23
exit_is "none, JSON" 1 plan --json --max-lead 10m
is "none, JSON: null" "$(json_of "$out" recommended)" null
has "none, JSON: the reason" "$(json_of "$out" reason)" '^None of the 6 policies fits'
is "none, JSON: the policies" "$(json_of "$out" policies.0.usd_per_month)" 23.7407625000

# --- the sample year, against a replay of its own. A month is 2629746 s of the history's span.
# It ends after the day that the clock is set to elsewhere here.
sample=$root/data/sample-history.tsv.gz
plan_sample() {
    BAKEHOUR_NOW=1800000000 "$BAKEHOUR" plan --log "$sample" "$@"
}
gzip -dc "$sample" | awk '
    /^[0-9]/ { if ($1 > most) most = $1; at[n++] = most }
    function replay(kind, arg, keep,   i, j, s, free, until, begin, busy, launches, hours, deploys) {
        i = 0; free = 0; until = -1; delete lead
        while (i < n) {
            s = at[i] + (kind == "window" ? arg : 0)
            if (s < free) s = free
            for (j = i; j < n && at[j] <= s && (kind != "every" || j == i); j++) ;
            deploys++
            if (keep && s + 600 < until) busy = s + 600 + 210
            else { if (launches++) hours += int((busy - begin + 3599) / 3600); begin = s + 600; busy = begin + 240 }
            until = begin + 3600 * int((busy - begin + 3599) / 3600)
            free = busy + 180
            for (; i < j; i++) lead[i] = free - at[i]
        }
        hours += int((busy - begin + 3599) / 3600)
        for (i = 0; i < n; i++) print lead[i] > ("leads." kind arg keep)
        close("leads." kind arg keep)
        printf "%s%s %d %d %d %.6f\n", kind arg, keep, deploys, launches, hours, hours * 0.1 * 2629746 / (at[n - 1] - at[0])
    }
    END { replay("every", "", ""); replay("idle", "", ""); replay("idle", "", "hour"); replay("window", 900, "hour") }' >replayed
exit_is "the sample year" 0 plan_sample --json --regime hourly --price 0.1 --policy every \
    --policy idle --policy idle,hour --policy window:15m,hour
i=0
while read -r name deploys launches hours usd; do
    ranked=$(sort -n "leads.$name" | awk '{ v[NR] = $1 } END { print v[int((50 * NR + 99) / 100)], v[int((95 * NR + 99) / 100)] }')
    is "the sample year, $name" "$(json_of "$out" policies.$i.deployments) $(json_of "$out" policies.$i.launches) $(
        json_of "$out" policies.$i.billed_hours) $(printf '%.6f' "$(json_of "$out" policies.$i.usd_per_month)") $(
        json_of "$out" policies.$i.lead_s.p50) $(json_of "$out" policies.$i.lead_s.p95)" "$deploys $launches $hours $usd $ranked"
    i=$((i + 1))
done <replayed
is "the sample year: four replays" "$i" 4
exit_is "the sample year, default grid" 0 plan_sample
has "the sample year: a recommendation" "$out" '^Recommended: '
is "the sample year: 80 columns" "$(printf '%s\n' "$out" | awk 'length($0) > 80' | wc -l)" 0
exit_is "the sample year, everything" 0 plan_sample --date 2015-09-01 --instance m3.medium --fleet 4 \
    --surge 2 --drain 2m --reserved 1 --reserved-model pool --offers --runner-usd-per-minute 0.008 --image-gb 2 \
    --fsr-zones 2 --nat-usd-per-gb 0.045 --licence-usd-per-hour 0.05 --launch-usd 0.001 --per-deploy 0.01 --delay-price 1
is "the sample year, everything: 80 columns" "$(printf '%s\n' "$out" | awk 'length($0) > 80' | wc -l)" 0

# --- scenarios
regime_of() { # regime_of ARGUMENT...
    "$BAKEHOUR" plan --json --log h.tsv --policy idle "$@" | json_flat | sed -n 's/^model\.regime //p'
}
is "today Linux is billed by the second" "$(regime_of)" second
is "in 2015 by the hour" "$(regime_of --date 2015-09-01 --instance m3.medium)" hourly
is "on 2017-10-01 by the hour" "$(regime_of --date 2017-10-01 --instance m4.large)" hourly
is "from 2017-10-02 on by the second" "$(regime_of --date 2017-10-02 --instance m4.large)" second
is "--regime has the last word" "$(regime_of --date 2015-09-01 --instance m3.medium --regime second)" second
exit_is "the price of 2015" 0 "$BAKEHOUR" plan --json --log h.tsv --policy idle --date 2015-09-01 --instance m3.medium
is "the price of 2015" "$(json_of "$out" model.price_usd_per_hour)" 0.0670000000
exit_is "the price of May 2015" 0 "$BAKEHOUR" plan --log h.tsv --policy idle --date 2015-05-31 --instance m3.medium
has "the price of May 2015: a scenario" "$out" '0\.0700 USD an hour (sample catalog, since'
has "the price of May 2015: said" "$(printf '%s' "$out" | tr -s '\n ' '  ')" 'a scenario of 2015-05-31\.'

# --- prepaid hours: what a fleet of one leaves of 744 h a month: nothing of 31 days, 24 of 30, 48 of 29, 72 of 28.
for day in 2023-01-10 2023-02-10 2023-04-10 2024-02-10; do
    date -u -d "$day" +%s
done >months.tsv
exit_is "the pool" 0 "$BAKEHOUR" plan --json --log months.tsv --bake 200 --price 0.067 --regime hourly --policy idle --fleet 1 \
    --reserved 1 --reserved-model pool
free_of() {
    printf '%s\n' "$out" | json_flat | awk -v month="$1" '
        $1 ~ /^prepaid.months.*\.month$/ { is = $2 == month }
        is && $1 ~ /\.free_deployments$/ { print $2 }'
}
is "the pool: free deployments in 31, 30, 29 and 28 days" \
    "$(free_of 2023-01) $(free_of 2023-04) $(free_of 2024-02) $(free_of 2023-02)" "0 24 48 72"
figures "the pool: January" "$out" prepaid. '
    model pool
    deployment_after_usd 0.0670000000
    months.0.month 2023-01
    months.0.pool_hours 744
    months.0.fleet_hours 744
    months.0.free_deployments 0
    months.0.deployments 1'
exit_is "the pool, text" 0 "$BAKEHOUR" plan --log months.tsv --bake 200 --price 0.067 --regime hourly --policy idle --fleet 1 \
    --reserved 1 --reserved-model pool
has "the pool, text: February" "$out" '^2023-02  *744  *672  *72  *1  '
has "the pool, text: a leap February" "$out" '^2024-02  *744  *696  *48  *1  '
# Deployments of more than an hour: two hours each.
exit_is "the pool, two hours each" 0 "$BAKEHOUR" plan --json --log months.tsv --bake 3700 --price 0.067 --regime hourly \
    --policy idle --fleet 1 --reserved 1 --reserved-model pool
is "the pool, two hours each" "$(free_of 2023-01) $(free_of 2023-04) $(free_of 2024-02) $(free_of 2023-02)" "0 12 24 36"

# --- offers. idle + terminate on h opens four hours in one clock hour and two in another; one reservation covers two of
# them: 730 h of a year (the history counts as a day). At 0.067 that is 48.91 USD.
offers_for() {
    "$BAKEHOUR" plan --log h.tsv $pipeline --date 2015-09-01 --instance m3.medium --policy idle "$@"
}
cat >offers.csv <<'CSV'
type,region,os,years,payment,seen,upfront_usd,hourly_usd
m3.medium,us-east-1,linux,1,no-upfront,2015-08-01,0,0.01
m3.medium,us-east-1,linux,3,all-upfront,2015-08-01,30,0
m3.medium,us-east-1,linux,1,no-upfront,2015-09-02,0,0.001
m4.large,us-east-1,linux,1,no-upfront,2015-08-01,0,0.001
CSV
exit_is "--offers=FILE" 0 offers_for --json --offers=offers.csv
# 8760 x 0.01 = 87.60, from 87.6 / 0.067 = 1307.46 h on; 30 / 3 = 10 a year, from 149.25 h on
figures "--offers=FILE: verdicts" "$out" offers. '
    0.years 1
    0.payment no-upfront
    0.fee_usd_per_year 87.6000000000
    0.saved_usd_per_year 48.9100000000
    0.net_usd_per_year -38.6900000000
    0.used_hours_per_year 730
    0.break_even_hours_per_year 1308
    0.pays false
    1.years 3
    1.payment all-upfront
    1.fee_usd_per_year 10.0000000000
    1.saved_usd_per_year 48.9100000000
    1.net_usd_per_year 38.9100000000
    1.break_even_hours_per_year 150
    1.pays true'
is "--offers=FILE: not those of other types or later days" "$(json_of "$out" offers.2.years)" ""
exit_is "--offers=FILE, text" 0 offers_for --offers=offers.csv
has "--offers=FILE, text: whose" "$out" '^Of m3\.medium, by offers\.csv'
has "--offers=FILE, text: one loses" "$out" '^1 year, no-upfront .* 87\.60  *48\.91 .* loses 38\.69$'
has "--offers=FILE, text: one pays" "$out" '^3 years, all-upfront .* 10\.00  *48\.91 .* pays: 38\.91$'
exit_is "--offers" 0 offers_for --json --offers
figures "--offers: the sample, m3.medium of 2015" "$out" offers. '
    0.seen 2015-08-01
    0.fee_usd_per_year 420.4800000000
    1.fee_usd_per_year 353.0280000000'
refuses() { # refuses DESC PATTERN ARGUMENT...: exit 2, nothing on stdout
    desc=$1 pattern=$2
    shift 2
    exit_is "$desc" 2 "$BAKEHOUR" plan "$@"
    is "$desc: nothing on stdout" "$out" ""
    has "$desc: says what" "$err" "$pattern"
}
refuses "--offers for a type without any" '--offers: there is none for t3.micro .*there are offers for .*--offers=FILE' \
    --log h.tsv --instance t3.micro --offers
refuses "--price with --offers" '--offers needs to know the instance type: --instance TYPE instead of --price' \
    --log h.tsv --price 1 --offers
refuses "--offers=FILE missing" 'none.csv: cannot be opened' --log h.tsv --instance m3.medium --offers=none.csv
printf 'type,region,os,years,payment,seen,upfront_usd,hourly_usd\nm3.medium,us-east-1,linux,x,no-upfront,2015-08-01,0,-1\n' >bad.csv
refuses "--offers=FILE with bad rows" 'bad.csv:2:' --log h.tsv --instance m3.medium --date 2015-09-01 --offers=bad.csv

# --- bad usage
refuses "a bad trigger" '--policy: "ilde" is no trigger; did you mean idle?' --log h.tsv --policy ilde,hour
refuses "a bad keep" '--policy: "hoar" is no keep; did you mean hour?' --log h.tsv --policy idle,hoar
refuses "an empty policy" '--policy: "" is no trigger' --log h.tsv --policy=
refuses "a policy that cannot work" '--keep hour belongs to the hourly regime' --log h.tsv --policy idle,hour
refuses "no history" 'which history? --repo DIR .*--log FILE'
refuses "an empty history" 'no commits at all' --log /dev/null
refuses "--max-lead -1" '--max-lead: "-1" is no duration' --log h.tsv --max-lead -1
refuses "--max-usd 0x10" '--max-usd: "0x10" is no amount' --log h.tsv --max-usd 0x10
refuses "--json and --csv" 'exclude each other' --log h.tsv --json --csv
printf 'type,region,os,effective,usd_per_hour\nm5.large,us-east-1,linux,2020-01-01,abc\nm5.large,us-east-1,linux,yesterday,1\n' >prices.csv
refuses "a bad catalog" 'prices.csv:2:37: usd_per_hour: "abc" is no amount' --log h.tsv --catalog prices.csv
has "a bad catalog: every bad row" "$err" '^prices.csv:3:'
refuses "a catalog that is missing" 'none.csv: cannot be opened' --log h.tsv --catalog none.csv
printf 'type,region,os,effective,usd_per_hour\nm5.large,eu-west-1,linux,2020-01-01,1\n' >prices.csv
refuses "a catalog without the region" 'no price for m5.large in us-east-1 .*--price' --log h.tsv --catalog prices.csv
refuses "a price of later" 'the first one is from 2017-11-28' --log h.tsv --date 2010-01-01

# --- pictures
if ! command -v gnuplot >/dev/null; then
    ok "pictures # SKIP no gnuplot here" 0
    done_testing
fi
signature() {
    od -An -tx1 -N8 "$1" | tr -d ' \n'
}
png() { # png DESC FILE
    is "$1: a PNG" "$(signature "$2")" 89504e470d0a1a0a
    is "$1: whole" "$(tail -c 8 "$2" | od -An -tx1 | tr -d ' \n')" 49454e44ae426082
}
mkdir pictures
exit_is "--plot png" 0 plan --plot pictures/plan.png
is "--plot png: the plan is printed" "$out" "$text"
is "--plot png: said, and no warning" "$err" "bakehour: drawn: pictures/plan.png"
png "--plot png" pictures/plan.png
exit_is "--plot svg" 0 plan --json --quiet --plot pictures/plan.svg
is "--plot svg: the document is whole" "$(json_of "$out" recommended.trigger)" window:300
is "--plot svg: --quiet is quiet" "$err" ""
has "--plot svg: begins" "$(cat pictures/plan.svg)" '<svg '
is "--plot svg: ends" "$(grep . pictures/plan.svg | tail -n 1)" '</svg>'
for word in 'USD a month' 'lead time from commit' 'Month by month' 'month (UTC)' 'recommended: window:5m + hour'; do
    has "--plot svg: shows \"$word\"" "$(cat pictures/plan.svg)" "$word"
done
hasnt "--plot svg: no prepaid hours unasked" "$(cat pictures/plan.svg)" 'Prepaid hours'
exit_is "--plot with a pool" 0 plan --fleet 1 --reserved 2 --reserved-model pool --plot pictures/pool.svg
has "--plot with a pool: the burn-down" "$(cat pictures/pool.svg)" 'Prepaid hours left in the month'
has "--plot svg: the clairvoyant's line" "$(cat pictures/plan.svg)" '>clairvoyant<'
has "--plot with a pool: the clairvoyant's line" "$(cat pictures/pool.svg)" '>clairvoyant<'
is "--plot with a pool: no warning" "$err" "bakehour: drawn: pictures/pool.svg"
# Nothing to pay: no complaint about an empty axis. Many months: lines without points.
exit_is "--plot of nothing to pay" 0 "$BAKEHOUR" plan --log h.tsv --price 0 --plot pictures/free.png
is "--plot of nothing to pay: no warning" "$err" "bakehour: drawn: pictures/free.png"
awk 'BEGIN { for (i = 0; i < 80; i++) print 1500000000 + i * 2629746 }' >years.tsv
exit_is "--plot of six years" 0 "$BAKEHOUR" plan --log years.tsv --plot pictures/years.png
is "--plot of six years: no warning" "$err" "bakehour: drawn: pictures/years.png"

for bad in plan.pdf plan pictures.png/plan "" plan.png.txt; do
    exit_is "--plot \"$bad\"" 2 "$BAKEHOUR" plan --log missing.tsv "--plot=$bad"
    has "--plot \"$bad\": said before the history is looked at" "$err" "--plot: .*must end in .png or .svg"
done
for name in "it's.png" '100% "odd" $HOME.png' '%d%s.svg' 'back\slash\n.png' '-x.png' ' .svg' '.png' '`id>hit`$(id>hit).png' \
    'set output
system("touch hit")
.png'; do
    exit_is "--plot named $(printf '%s' "$name" | tr '\n' '~')" 0 plan --quiet "--plot=$name"
    is "--plot named so: there" "$(test -s "./$name" && echo there)" there
    rm -f "./$name"
done
is "odd names run nothing" "$(test -e hit && echo hit)" ""

# failed DESC PATTERN: the plan stands, exit 1, no picture and nothing left of one.
failed() {
    is "$1: the plan is printed" "$out" "$text"
    has "$1: says what" "$err" "$2"
    is "$1: nothing is left" "$(ls pictures)" "kept.png"
}
rm -rf pictures
mkdir pictures bin
printf 'old' >pictures/kept.png
PATH_BEFORE=$PATH
no_gnuplot() {
    PATH=$tmp/bin
    status=0
    plan "$@" || status=$?
    PATH=$PATH_BEFORE
    return "$status"
}
exit_is "no gnuplot" 1 no_gnuplot --plot pictures/new.png
failed "no gnuplot" 'needs gnuplot, which is not installed (Debian: apt-get install gnuplot-nox)'
fake() { # fake COMMANDS: a gnuplot of its own
    printf '#!/bin/sh\n%s\n' "$1" >bin/gnuplot
    chmod +x bin/gnuplot
}
fake_gnuplot() {
    PATH=$tmp/bin:$PATH_BEFORE
    status=0
    plan "$@" || status=$?
    PATH=$PATH_BEFORE
    return "$status"
}
fake 'exit 3'
exit_is "gnuplot fails" 1 fake_gnuplot --plot pictures/new.png
failed "gnuplot fails" 'gnuplot failed'
fake 'cat >/dev/null; echo half a picture; exit 3'
exit_is "gnuplot fails half-way" 1 fake_gnuplot --plot pictures/kept.png
failed "gnuplot fails half-way" 'gnuplot failed'
is "gnuplot fails half-way: the old picture stays" "$(cat pictures/kept.png)" old
fake 'cat >/dev/null; kill -9 $$'
exit_is "gnuplot is killed" 1 fake_gnuplot --plot pictures/new.png
failed "gnuplot is killed" 'gnuplot failed'
fake 'cat >/dev/null'
exit_is "gnuplot draws nothing" 1 fake_gnuplot --plot pictures/new.png
failed "gnuplot draws nothing" 'drew nothing'
exit_is "no such folder" 1 plan --plot nowhere/new.png
failed "no such folder" '--plot: nowhere/new.png cannot be written: No such file'
mkdir folder.png
exit_is "a folder in its place" 1 plan --plot folder.png
failed "a folder in its place" '--plot: folder.png cannot be written: Is a directory'
exit_is "a folder that takes no files" 1 plan --plot /proc/new.svg
failed "a folder that takes no files" '--plot: /proc/new.svg cannot be written'
exit_is "gnuplot missing and nothing fits" 1 no_gnuplot --max-lead 1 --plot pictures/new.png
is "nothing is left of parts" "$(find . -name '*.part*')" ""
done_testing
