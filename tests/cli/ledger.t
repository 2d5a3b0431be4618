#!/bin/sh
# bakehour ledger import, check and adjust, and budgets that read the ledger. Figures are worked out by hand.
root=$(cd "${0%/*}/../.." && pwd)
. "${0%/*}/tap.sh"
. "${0%/*}/json.sh"
unset GITHUB_STEP_SUMMARY
BAKEHOUR_NOW=1534377600 # 2018-08-16
export BAKEHOUR_NOW
cd "$tmp" || exit 1

# 50 hours of production (5.00), 10 of staging (1.00), 0.10 an hour.
cat >catalog.csv <<'END'
type,region,effective,usd_per_hour
one,us-east-1,2010-01-01,0.1
END
cat >production.csv <<'END'
instance,type,region,start,end
i-1,one,us-east-1,2018-08-01T00:00:00Z,2018-08-03T02:00:00Z
END
cat >staging.csv <<'END'
instance,type,region,start,end
i-2,one,us-east-1,2018-08-10T00:00:00Z,2018-08-10T10:00:00Z
END

refused "no ledger yet" "the ledger cannot be opened: No such file" budget check --ledger l.db --limit-usd 1
refused "check: no ledger" "cannot be opened: No such file" ledger check --ledger l.db
: >l.db
refused "an empty file" "is empty: nothing is known" budget check --ledger l.db --limit-usd 1
rm l.db
refused "nothing to import" "there is nothing to import" ledger import --ledger l.db

golden "import" ledger import --ledger l.db --usage production.csv --catalog catalog.csv --environment production <<'END'
1 booked, 0 changed, 0 known already.
END
golden "import again" ledger import --ledger l.db --usage production.csv --catalog catalog.csv <<'END'
0 booked, 0 changed, 1 known already.
END
run ledger import --ledger l.db --usage staging.csv --catalog catalog.csv --environment staging --project shop --json
figures "import as JSON" "$out" "" '
    schema bakehour.ledger-import/1
    booked 1
    changed 0
    known 0
    unpriced 0'
golden "check" ledger check --ledger l.db <<'END'
l.db is sound: entries balance, totals and charges are what they were booked as.
What it knows ends at 2018-08-16T00:00:00Z.
END

# Half of 31 days less half a day: 6.00 spent in 15 of 31 days lead to 12.40.
run budget check --ledger l.db --limit-usd 12.4 --json
is "forecast at the limit: exit code" "$code" 4
figures "all environments" "$out" budgets.0. '
    actual_usd 6.0000000000
    forecast_usd 12.4000000000
    state forecast-over'
is "history: the last day" "$(json_of "$out" history.29.day)" 2018-08-16
is "history: the day of staging" "$(json_of "$out" history.23.usd)" 1.0000000000
run budget check --ledger l.db --limit-usd 12.4000000001 --json
is "forecast under the limit: exit code" "$code" 0
run budget check --ledger l.db --limit-usd 1 --environment staging --json
is "at the limit is over: exit code" "$code" 3
is "of one environment" "$(json_of "$out" budgets.0.actual_usd)" 1.0000000000
is "named" "$(json_of "$out" budgets.0.environment)" staging
run budget check --ledger l.db --limit-usd 1 --project other --json
is "of a project without cost: exit code" "$code" 0
run budget check --ledger l.db --limit-hours 60 --json
is "60 hours of 60: exit code" "$code" 3
is "60 hours" "$(json_of "$out" budgets.0.actual_hours)" 60
run budget check --ledger l.db --limit-usd 100 --at 2018-08-02T12:00:00Z --json
is "36 hours up to a time in the middle" "$(json_of "$out" budgets.0.actual_usd)" 3.6000000000

golden "text" budget check --ledger l.db --limit-usd 20 --name shop <<'END'
Month 2018-08 up to 2018-08-16T00:00:00Z

Budget  Unit  Limit  Spent  Of limit  Forecast  Of limit  State
shop    USD   20.00   6.00      30 %     12.40      62 %  ok

2018-07-18 ▁▁▁▁▁▁▁▁▁▁▁▁▁▁██▁▁▁▁▁▁▁▃▁▁▁▁▁▁ 2018-08-16, at most 2.40 USD a day
END

# A name is no command of gnuplot's.
if command -v gnuplot >/dev/null 2>&1; then
    run budget check --ledger l.db --limit-usd 20 --chart odd.svg --name "$(printf "a'\\nset output\\n!touch broken-out\\n\\\\")"
    is "chart of an odd name: exit code" "$code" 0
    ok "chart of an odd name: no command of it ran" "$([ ! -e broken-out ]; echo $?)"
    has "chart of an odd name: it is a picture" "$(cat odd.svg)" '</svg>'
    has "chart of an odd name: the name stands in it" "$(cat odd.svg)" '!touch broken-out'
else
    ok "chart of an odd name # SKIP gnuplot is not at hand" 0
fi

# In a pipe: 80 columns, no colour; on a terminal without colour likewise.
run budget check --ledger l.db --limit-usd 5
wide=$(printf '%s\n' "$out" | LC_ALL=C.UTF-8 wc -L)
ok "text: 80 columns ($wide)" "$([ "$wide" -le 80 ]; echo $?)"
hasnt "text: no escape in a pipe" "$out" "$(printf '\033')"
if command -v script >/dev/null 2>&1; then
    seen=$(NO_COLOR=1 TERM=xterm script -q -e -c "'$BAKEHOUR' budget check --ledger l.db --limit-usd 20" /dev/null </dev/null)
    hasnt "text: no escape on a terminal with NO_COLOR" "$seen" "$(printf '\033')"
    seen=$(TERM=xterm script -q -c "'$BAKEHOUR' budget check --ledger l.db --limit-usd 5" /dev/null </dev/null)
    has "text: over is bold on a terminal" "$seen" "$(printf '\033\\[1m')"
else
    ok "text: on a terminal # SKIP script is not at hand" 0
fi

# What is stale, empty or without a price is no green light.
refused "stale" "is stale: what it knows ends at 2018-08-16T00:00:00Z, which is longer ago than 36 h" \
    budget check --ledger l.db --limit-usd 100 --at 2018-08-17T12:00:01Z
run budget check --ledger l.db --limit-usd 100 --at 2018-08-17T12:00:00Z
is "36 hours are not stale: exit code" "$code" 0
refused "stale by --max-age" "is stale" budget check --ledger l.db --limit-usd 100 --at 2018-08-16T01:00:01Z --max-age 1h
refused "an age of nothing" "an age is above zero" budget check --ledger l.db --limit-usd 100 --max-age 0
cp l.db unpriced.db
sed 's/i-2,one/i-3,two/' staging.csv >two.csv
run ledger import --ledger unpriced.db --usage two.csv --catalog catalog.csv
holds "a use without a price is said" "$out" "1 without a price (instance two in us-east-1)"
refused "a use without a price" "1 use has no price, so what was spent is not known (instance two in us-east-1)" \
    budget check --ledger unpriced.db --limit-usd 100
{ cat catalog.csv; echo two,us-east-1,2010-01-01,0.3; } >both.csv
golden "priced later" ledger import --ledger unpriced.db --usage two.csv --catalog both.csv <<'END'
0 booked, 1 changed, 0 known already.
END
run budget check --ledger unpriced.db --limit-usd 100 --json
is "with its price" "$(json_of "$out" budgets.0.actual_usd)" 9.0000000000
run ledger check --ledger unpriced.db
is "still sound" "$code" 0

# Vector 39: a budget of 1,000; 300 or 600 spent by the end of day 15 of 31.
cp l.db v39.db
golden "adjust" ledger adjust --ledger v39.db --usd 294 --reason "vector 39" --at 2018-08-03 <<'END'
Booked.
END
golden "adjust again" ledger adjust --ledger v39.db --usd 294 --reason "vector 39" --at 2018-08-03 <<'END'
Known already: nothing was booked.
END
run budget check --ledger v39.db --limit-usd 1000 --json
is "vector 39: 300: exit code" "$code" 0
is "vector 39: 300" "$(json_of "$out" budgets.0.forecast_usd)" 620.0000000000
run ledger adjust --ledger v39.db --usd 300 --reason more --at 2018-08-04
run budget check --ledger v39.db --limit-usd 1000 --json
is "vector 39: 600: exit code" "$code" 4
is "vector 39: 600" "$(json_of "$out" budgets.0.forecast_usd)" 1240.0000000000
run ledger adjust --ledger v39.db --usd=-600 --reason credit --at 2018-08-04
run budget check --ledger v39.db --limit-usd 1000 --json
is "a credit" "$(json_of "$out" budgets.0.actual_usd)" 0.0000000000
run ledger check --ledger v39.db
is "adjusted and sound" "$code" 0
refused "adjust: nothing" "--usd X and --reason TEXT are needed" ledger adjust --ledger v39.db --usd 1
refused "adjust: an account of somebody else" "is no account to adjust" ledger adjust --ledger v39.db --usd 1 \
    --reason x --account payable:aws

# Damage is found, line by line.
cp l.db bad.db
if command -v sqlite3 >/dev/null; then
    sqlite3 bad.db "UPDATE total SET amount = amount + 1 WHERE account = 'expense:instance'"
    exit_is "damage: exit code" 1 "$BAKEHOUR" ledger check --ledger bad.db
    has "damage: each day is named" "$err" "^bad.db: a day's total is not the sum of its postings: 2018-08-10 expense:instance"
else
    ok "damage # SKIP sqlite3 is not at hand" 0
fi
echo "no database at all, but long enough to be taken for one at a glance" >text.db
refused "some other file" "is no ledger of this program" budget check --ledger text.db --limit-usd 1

# The budgets of the configuration.
sh -c '"$BAKEHOUR" config init --quiet --config - --project shop' BAKEHOUR="$BAKEHOUR" >base.json 2>/dev/null ||
    "$BAKEHOUR" config init --config - --project shop >base.json
configured() { # configured BUDGETS: bakehour.json with them
    sed 's|^{|{ "ledger": "l.db", "budgets": '"$1"',|' base.json | awk '!/"ledger"/ || !seen++' >bakehour.json
}
configured '[{"name": "all", "limit_usd": "12.5"}, {"name": "staging", "limit_usd": 1, "environment": "staging"}, {"name": "hours", "limit_hours": 200}]'
run budget check --json
is "configured: exit code" "$code" 3
figures "configured" "$out" budgets. '
    0.name all
    0.actual_usd 6.0000000000
    0.state ok
    1.name staging
    1.state over
    2.actual_hours 60
    2.state ok'
configured '[{"name": "early", "limit_usd": 10, "actual_percent": 60, "forecast_percent": 0}]'
run budget check --json
is "60 % of 10 are reached: exit code" "$code" 3
configured '[{"name": "late", "limit_usd": 10, "forecast_percent": 125}]'
run budget check --json
is "124 % are under 125 %: exit code" "$code" 0
configured '[{"name": "late", "limit_usd": 10, "forecast_percent": 124}]'
run budget check --json
is "124 % are at 124 %: exit code" "$code" 4
configured '[{"name": "a"}, {"limit_usd": 1}, {"name": "b", "limit_usd": "-1"}, {"name": "c", "limit_usd": 1, "hrad": true}, 7]'
refused "bad budgets" "5 bad places" budget check
has "bad budgets: each by its place" "$err" '^bakehour.json:3:33: a budget needs a limit'
has "bad budgets: the nearest key" "$err" 'no key "hrad"; did you mean "hard"?'
configured '[]'
refused "no budget" "there is no budget" budget check
rm bakehour.json
refused "neither ledger nor usage" "or --ledger FILE, or a bakehour.json in this folder" budget check --limit-usd 1
refused "both" "--usage and --ledger exclude each other" budget check --usage staging.csv --ledger l.db --limit-usd 1
refused "a chart of files" "--chart draws what a ledger knows" budget check --usage staging.csv --limit-usd 1 --chart a.png
refused "a chart of no known form" "must end in .png or .svg" budget check --ledger l.db --limit-usd 1 --chart a.gif
if command -v gnuplot >/dev/null; then
    run budget check --ledger l.db --limit-usd 100 --chart chart.png
    is "chart: exit code" "$code" 0
    is "chart: a PNG" "$(head -c 4 chart.png | tail -c 3)" PNG
    if command -v python3 >/dev/null 2>&1; then
        # Looked at: four days cost something, 2.40, 2.40, 0.20 and 1.00; the limit is one line across.
        python3 "$root/tests/pixels.py" chart.png >pixels
        is "chart: four bars, high as the days were dear, and one limit" "$(json_flat <pixels | awk '
            { is[$1] = $2 } END { for (i = 0; ("bars." i) in is; i++) n++
            a = is["bars.0"]; printf "%d %d %d %d", n, is["bars.1"] - a, int(is["bars.2"] * 12 / a + 0.5), int(is["bars.3"] * 12 / a + 0.5)
            print " " (is["limit_rows"] >= 1 && is["limit_rows"] <= 4) }')" "4 0 1 5 1"
    else
        ok "chart: looked at # SKIP there is no python3 here" 0
    fi
    run budget check --ledger l.db --limit-usd 100 --chart chart.svg
    has "chart: the limit is named" "$(cat chart.svg)" 'limit "month", 100.00 USD\|limit &quot;month&quot;, 100.00 USD'
else
    ok "chart # SKIP gnuplot is not at hand" 0
fi

# The bill of the ledger's usage, and what is booked, summed up.
golden "bill --ledger" bill --ledger l.db <<'END'
Bill from 2018-08-01T00:00:00Z to 2018-09-01T00:00:00Z

Kind       Instance  Type  Hours           USD  Region     OS
on-demand  i-1       one      50  5.0000000000  us-east-1  linux
on-demand  i-2       one      10  1.0000000000  us-east-1  linux

Total               USD
on-demand  6.0000000000
all        6.0000000000
END
golden "by day" bill --ledger l.db --by day <<'END'
Day            USD  Hours
2018-08-01    2.40  24.00
2018-08-02    2.40  24.00
2018-08-03  0.2000   2.00
2018-08-10    1.00  10.00

Together 6.00 USD.
END
golden "by month" bill --ledger l.db --by month --csv <<'END'
name,usd,hours
2018-08,6.0000000000,60.00
END
golden "by environment" bill --ledger l.db --by environment --csv <<'END'
name,usd,hours
production,5.0000000000,50.00
staging,1.0000000000,10.00
END
golden "by kind, of a day" bill --ledger l.db --by kind --csv --from 2018-08-03 --to 2018-08-04 <<'END'
name,usd,hours
instance,0.2000000000,2.00
END
run bill --ledger l.db --by project --json
figures "by project as JSON" "$out" "" '
    schema bakehour.bill/1
    by project
    total_usd 6.0000000000
    rows.0.name 
    rows.0.usd 5.0000000000
    rows.1.name shop
    rows.1.usd 1.0000000000'
golden "by deployment: none" bill --ledger l.db --by deployment --csv <<'END'
name,started,environment,outcome,estimate_usd,usd,off_by_usd
END
refused "--by without a ledger" "--ledger FILE is needed" bill --by day
refused "--ledger and --usage" "exclude each other" bill --ledger l.db --usage staging.csv

# Reservations: one of the type, at 0.05 an hour. 60 hours are covered; up to the 16th 360 hours of fees.
cat >reserved.csv <<'END'
type,region,hourly_usd,start,end
one,us-east-1,0.05,2018-01-01,2019-01-01
END
cp l.db settled.db
golden "settle" ledger settle --ledger settled.db --reserved reserved.csv <<'END'
2018-08: the bill is 18.0000000000 USD, 6.0000000000 were booked; 5 entries booked now.
END
golden "settle again" ledger settle --ledger settled.db --reserved reserved.csv <<'END'
2018-08: the bill is 18.0000000000 USD, 18.0000000000 were booked; 0 entries booked now.
END
golden "settled: by kind" bill --ledger settled.db --by kind --csv <<'END'
name,usd,hours
instance,0.0000000000,60.00
reserved-fee,18.0000000000,0.00
END
run ledger check --ledger settled.db
is "settled and sound" "$code" 0
run budget check --ledger settled.db --limit-usd 100 --json
is "settled: budget" "$(json_of "$out" budgets.0.actual_usd)" 18.0000000000

# Looked at as settled, by the options or by the configuration: the same, and nothing is booked.
run budget check --ledger l.db --reserved reserved.csv --limit-usd 100 --json
is "a look as settled" "$(json_of "$out" budgets.0.actual_usd)" 18.0000000000
golden "by kind, as settled" bill --ledger l.db --by kind --csv --reserved reserved.csv <<'END'
name,usd,hours
instance,0.0000000000,60.00
reserved-fee,18.0000000000,0.00
END
golden "nothing was booked" bill --ledger l.db --by kind --csv <<'END'
name,usd,hours
instance,6.0000000000,60.00
END
mkdir -p held
cat >held/pool.csv <<'END'
type,region,model,hourly_usd,start,end
one,us-east-1,pool,0.05,2018-01-01,2019-01-01
END
cat >held/bakehour.json <<'END'
{
    "project": "shop", "region": "us-east-1", "ledger": "../l.db",
    "build": {"build": ["true"], "artifact": "app.jar"},
    "image": {"base": "ami-00000000000000001", "command_line": "/java.so"},
    "environments": [{"name": "production", "group": "shop"}],
    "prices": {"reserved": "pool.csv"},
    "budgets": [{"name": "prepaid", "limit_hours": 120, "forecast_percent": 0},
                {"name": "usd", "limit_usd": 18, "forecast_percent": 0},
                {"name": "staging", "limit_hours": 10, "environment": "staging"}]
}
END
cd held || exit 1
run budget check --json
is "held by the configuration: the least of them is over" "$code" 3
figures "held by the configuration" "$out" budgets. '
    0.actual_hours 60
    0.state ok
    1.actual_usd 18.0000000000
    1.state over
    2.actual_hours 10
    2.state over'
run budget forecast --json
figures "held by the configuration: forecast" "$out" pool. '
    hours 744
    actual_hours 60
    forecast_hours 124'
sed -i 's/"reserved": "pool.csv"/"commitments": "plans.csv"/' bakehour.json
refused "plans without their rates" "prices.commitments and prices.plan_rates go together" config check
cd .. || exit 1

# What alone pays for nothing is not passed over.
printf 'type,region,effective,usd_per_hour\none,us-east-1,2010-01-01,0.06\n' >rates.csv
refused "rates without their plans: a statement" "go together" bill --ledger l.db --by kind --plan-rates rates.csv
refused "rates without their plans: a budget" "go together" budget check --ledger l.db --limit-usd 1 --plan-rates rates.csv

# Settled once, and nobody says what pays: a note counts what came after.
cp settled.db later.db
sed 's/^i-2/i-3/' staging.csv >more.csv
run ledger import --ledger later.db --usage more.csv --catalog catalog.csv
run budget check --ledger later.db --limit-usd 100
is "a note of what is not settled: exit code" "$code" 0
has "a note of what is not settled: budgets have the configuration too" "$err" '"prices" in bakehour.json'
has "a note of what is not settled" "$err" "note: 1 use booked since the ledger was settled (2018-08-16T00:00:00Z) stands at"
run bill --ledger later.db --by kind
has "and in statements" "$err" "stands at on-demand prices"
hasnt "and in statements: which read no configuration" "$err" 'bakehour.json'
run budget check --ledger later.db --limit-usd 100 --reserved reserved.csv
is "none where it is said what pays" "$err" ""

# Where the month leads.
golden "forecast" budget forecast --ledger l.db --limit-hours 100 <<'END'
Month 2018-08 up to 2018-08-16T00:00:00Z

Unit        So far  Month end
USD           6.00      12.40
pool hours      60        124

At this rate the 100 prepaid hours run out on 2018-08-26.

Nine times in ten the month ends between 6.00 and 21.03 USD, if days go on to differ as they did.
Nine times in ten the prepaid hours run out between 2018-08-18 and the month's end, or last.
END

# By a policy: a commit a day at noon for 90 days leaves five windows of 16 days, the rest of August; 16 bakes of 600 s at
# 0.60 an hour are 1.60. What is booked for no deployment, all of the 6.00, goes on: 6.00 x 16 / 15.
awk 'BEGIN { for (i = 0; i < 90; i++) print 1525176000 + i * 86400 }' >daily.tsv
run budget forecast --ledger l.db --log daily.tsv --trigger idle --bake 10m --price 0.60 --json
figures "by a policy" "$out" policy. '
    policy idle + terminate
    windows 5
    forecast_usd 14.0000000000
    forecast_low_usd 14.0000000000
    forecast_high_usd 14.0000000000
    deployments_usd 1.6000000000
    steady_usd 6.4000000000
    fitted.draws 400'
# On the fitted workload they are 7 a week as a Poisson process has them: 16 less what one bake delivers of two commits.
between() { awk -v x="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(x >= a && x <= b) }'; }
fitted=$out
exit_is "by a policy: on the fitted workload" 0 between "$(json_of "$fitted" policy.fitted.deployments_usd)" 1.50 1.62
exit_is "by a policy: 90 % of a Poisson count of 16" 0 between "$(json_of "$fitted" policy.fitted.forecast_low_usd)" 13.2 13.5
exit_is "by a policy: and above" 0 between "$(json_of "$fitted" policy.fitted.forecast_high_usd)" 14.5 14.8
cat >quiet.json <<'END'
{"name": "quiet", "start": "2018-01-01", "days": 365, "per_week": 7}
END
run budget forecast --ledger l.db --workload quiet.json --trigger every --bake 10m --price 0.60 --json
fitted=$out
exit_is "by a policy: a workload of one a day" 0 between "$(json_of "$fitted" policy.fitted.deployments_usd)" 1.56 1.64
is "a workload has no windows" "$(json_of "$fitted" policy.windows)" ""
head -n 40 daily.tsv >short.tsv
refused "a short history" "room for 2 windows" budget forecast --ledger l.db --log short.tsv --bake 10m --price 0.60
refused "two policies" "goes by one policy" budget forecast --ledger l.db --log daily.tsv --trigger idle --trigger every \
    --bake 10m --price 0.60
refused "a policy without a ledger" "--ledger FILE is needed" budget forecast --usage production.csv --catalog catalog.csv \
    --log daily.tsv --bake 10m --price 0.60
done_testing
