#!/bin/sh
# bakehour budget check and budget forecast on the command line. All figures are worked out by hand beside their inputs.
. "${0%/*}/tap.sh"
. "${0%/*}/json.sh"
unset GITHUB_STEP_SUMMARY
cd "$tmp" || exit 1

judged() { # judged DESC CODE ARGS...: runs budget check with the scene's files; nothing on stderr, stdout on stdin
    judged_desc=$1
    judged_code=$2
    shift 2
    judged_wanted=$(cat)
    run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 "$@"
    is "$judged_desc: exit code" "$code" "$judged_code"
    is "$judged_desc" "$out" "$judged_wanted"
    is "$judged_desc: nothing on stderr" "$err" ""
}

well_formed() { # well_formed DESC XML: every tag closed in turn, no bare & or <; and by xmllint where it is at hand
    printf '%s\n' "$2" >"$tmp/xml"
    awk -v RS='<' '
        NR == 1 { if ($0 != "") bad = "text in front"; next }
        !index($0, ">") { bad = "a bare <"; exit }
        { tag = substr($0, 1, index($0, ">") - 1); text = substr($0, index($0, ">") + 1)
          rest = tag text; gsub(/&#[0-9]+;/, "", rest)
          if (rest ~ /&/) bad = "a bare &: " $0
          quotes = tag; if (gsub(/"/, "", quotes) % 2) bad = "an open quote: " tag
          if (tag ~ /^\?/ || tag ~ /\/$/) next
          if (tag ~ /^\//) { if (open[depth--] != substr(tag, 2)) bad = "closed out of turn: " tag; next }
          sub(/ .*/, "", tag); open[++depth] = tag; if (depth == 1 && roots++) bad = "two roots" }
        END { if (depth) bad = "left open: " open[depth]; if (bad != "") { print bad; exit 1 } }' "$tmp/xml" >"$tmp/why"
    ok "$1: well-formed" $?
    [ ! -s "$tmp/why" ] || note "$(cat "$tmp/why")"
    if command -v xmllint >/dev/null; then
        exit_is "$1: xmllint agrees" 0 xmllint --noout "$tmp/xml"
    else
        ok "$1: xmllint agrees # SKIP not at hand" 0
    fi
}

# August 2018, two instances of 300 hours at 1 USD by the end of day 15 of 31: 600, which leads to 1,240.
cat >usage.csv <<'END'
instance,type,region,start,end
a,one,r,2018-08-01T00:00:00Z,2018-08-13T12:00:00Z
b,one,r,2018-08-01T00:00:00Z,2018-08-13T12:00:00Z
END
cat >catalog.csv <<'END'
type,region,effective,usd_per_hour
one,r,2010-01-01,1
END

judged "text, ok" 0 --limit-usd 2000 <<'END'
Month 2018-08 up to 2018-08-16T00:00:00Z

Budget  Unit    Limit   Spent  Of limit  Forecast  Of limit  State
month   USD   2000.00  600.00      30 %   1240.00      62 %  ok
END
judged "text, over by forecast" 4 --limit-usd 1000 --format text <<'END'
Month 2018-08 up to 2018-08-16T00:00:00Z

Budget  Unit    Limit   Spent  Of limit  Forecast  Of limit  State
month   USD   1000.00  600.00      60 %   1240.00     124 %  over by forecast
END
# 1240 / 600 = 206.666... %
judged "text, exactly at the limit" 3 --limit-usd 600 <<'END'
Month 2018-08 up to 2018-08-16T00:00:00Z

Budget  Unit   Limit   Spent  Of limit  Forecast  Of limit  State
month   USD   600.00  600.00     100 %   1240.00  206.67 %  over
END
judged "just below the limit" 4 --limit-usd 600.0000000001 --csv <<'END'
name,unit,limit,actual,actual_percent,forecast,forecast_percent,state
month,USD,600.0000000001,600.0000000000,100,1240.0000000000,206.67,forecast-over
END
judged "the forecast exactly at the limit" 4 --limit-usd 1240 --csv <<'END'
name,unit,limit,actual,actual_percent,forecast,forecast_percent,state
month,USD,1240.0000000000,600.0000000000,48.39,1240.0000000000,100,forecast-over
END
judged "the forecast just below it" 0 --limit-usd 1240.0000000001 --csv <<'END'
name,unit,limit,actual,actual_percent,forecast,forecast_percent,state
month,USD,1240.0000000001,600.0000000000,48.39,1240.0000000000,100,ok
END

# JSON, by --json and by --format json.
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 1000 --json
is "json: exit code" "$code" 4
json=$out
figures "json" "$out" "" '
    schema bakehour.budget/1
    month 2018-08
    at 2018-08-16T00:00:00Z
    budgets.0.name month
    budgets.0.limit_usd 1000.0000000000
    budgets.0.actual_usd 600.0000000000
    budgets.0.forecast_usd 1240.0000000000
    budgets.0.state forecast-over
    notes ['
is "json: one budget" "$(json_of "$out" budgets.1.name)" ""
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 1000 --format json
is "json: the same by --format" "$out" "$json"
is "json: the states" "$(for limit in 600 1240 1241; do
    "$BAKEHOUR" budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 \
        --limit-usd $limit --json >doc
    json_of "$(cat doc)" budgets.0.state
done | tr '\n' ' ')" "over forecast-over ok "

# GitHub: % is escaped in messages, : and , in the title too.
judged "github, over" 3 --limit-usd 500 --format github <<'END'
::error title=Budget month is over::month: over: 600.00 of 500.00 USD (120 %25) by 2018-08-16T00:00:00Z; forecast for 2018-08: 1240.00 (248 %25)
END
judged "github, over by forecast" 4 --limit-usd 1000 --format github --name 'a: 50 %, b' <<'END'
::warning title=Budget a%3A 50 %25%2C b is over by forecast::a: 50 %25, b: over by forecast: 600.00 of 1000.00 USD (60 %25) by 2018-08-16T00:00:00Z; forecast for 2018-08: 1240.00 (124 %25)
END
judged "github, ok" 0 --limit-usd 2000 --format github <<'END'
::notice title=Budget month is ok::month: ok: 600.00 of 2000.00 USD (30 %25) by 2018-08-16T00:00:00Z; forecast for 2018-08: 1240.00 (62 %25)
END
odd=$(printf 'a<b>&"c'\''|*_`\n::error::x, 100%% ]]>')
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 1000 \
    --format github --name "$odd"
is "github, an odd name: one command" "$(printf '%s\n' "$out" | grep -c '^::')" 1
is "github, an odd name: one line" "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 1

# The step's summary: appended to, at most 1,024 KiB in all.
echo "before" >summary.md
GITHUB_STEP_SUMMARY=summary.md
export GITHUB_STEP_SUMMARY
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 500 --format github
is "summary: exit code" "$code" 3
is "summary: appended" "$(cat summary.md)" 'before
### Budget of 2018-08: over

| Budget | Unit | Limit | Spent | Forecast | State |
|---|---|--:|--:|--:|---|
| month | USD | 500.00 | 600.00 (120 %) | 1240.00 (248 %) | **over** |

Spent: up to 2018-08-16T00:00:00Z. Forecast: the whole month at the present rate.'
added=$(($(wc -c <summary.md) - 7))
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 500
is "summary: only for github" "$(($(wc -c <summary.md) - 7))" "$added"
dd if=/dev/zero of=summary.md bs=1 count=1 seek=$((1048576 - added - 1)) 2>/dev/null
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 500 --format github
is "summary: up to 1,024 KiB" "$(($(wc -c <summary.md)))" 1048576
is "summary: up to 1,024 KiB: nothing on stderr" "$err" ""
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 500 --format github
is "summary: not beyond" "$(($(wc -c <summary.md)))" 1048576
holds "summary: not beyond: said" "$err" "summary.md: the summary would be over 1,024 KiB"
is "summary: not beyond: the verdict stands" "$code" 3
GITHUB_STEP_SUMMARY=nowhere/summary.md
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 2000 --format github
holds "summary: cannot be opened: said" "$err" "nowhere/summary.md: the summary cannot be opened"
is "summary: cannot be opened: the verdict stands" "$code" 0
unset GITHUB_STEP_SUMMARY

# GitLab and SARIF. Fingerprints: printf 'month\nbudget-usd-over' | sha256sum, and with budget-usd-forecast-over.
over=2e191573af1e68b639a732dea353f04bfcdbd597143e24371fc7c5917cd3d8b5
forecast_over=2fbc19c24efd54f3c98210ca6eb8f4d9a9f72d22dcb0730433746f6aa34c3662
run budget check --usage ./usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 600 --format gitlab
is "gitlab, over: exit code" "$code" 3
figures "gitlab, over" "$out" "0." "
    description month: over: 600.00 of 600.00 USD (100 %) by 2018-08-16T00:00:00Z; forecast for 2018-08: 1240.00 (206.67 %)
    check_name budget-usd-over
    fingerprint $over
    severity critical
    location.path usage.csv
    location.lines.begin 1"
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-15 --limit-usd 1000 --format gitlab
is "gitlab, over by forecast: exit code" "$code" 4
figures "gitlab, over by forecast: another day, the same fingerprint" "$out" "0." "
    check_name budget-usd-forecast-over
    fingerprint $forecast_over
    severity major"
judged "gitlab, ok: an empty array" 0 --limit-usd 2000 --format gitlab <<'END'
[]
END

cp usage.csv "my usage.csv"
run budget check --usage "my usage.csv" --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 600 --format sarif
is "sarif: exit code" "$code" 3
figures "sarif" "$out" "" "
    \$schema https://json.schemastore.org/sarif-2.1.0.json
    version 2.1.0
    runs.0.tool.driver.name bakehour
    runs.0.tool.driver.rules.0.id budget-usd-over
    runs.0.tool.driver.rules.1.id budget-usd-forecast-over
    runs.0.tool.driver.rules.2.id budget-hours-over
    runs.0.tool.driver.rules.3.id budget-hours-forecast-over
    runs.0.results.0.ruleId budget-usd-over
    runs.0.results.0.ruleIndex 0
    runs.0.results.0.level error
    runs.0.results.0.message.text month: over: 600.00 of 600.00 USD (100 %) by 2018-08-16T00:00:00Z; forecast for 2018-08: 1240.00 (206.67 %)
    runs.0.results.0.locations.0.physicalLocation.artifactLocation.uri my%20usage.csv
    runs.0.results.0.locations.0.physicalLocation.region.startLine 1
    runs.0.results.0.partialFingerprints.bakehourBudget/v1 $over"
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 1000 --format sarif
figures "sarif, over by forecast" "$out" "runs.0.results.0." "
    ruleId budget-usd-forecast-over
    ruleIndex 1
    level warning
    partialFingerprints.bakehourBudget/v1 $forecast_over"
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 2000 --format sarif
is "sarif, ok: exit code" "$code" 0
is "sarif, ok: no results" "$(json_of "$out" runs.0.results)" "["

# JUnit.
judged "junit, over by forecast" 4 --limit-usd 1000 --format junit <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="bakehour budget check" tests="1" failures="1" errors="0" skipped="0" time="0" timestamp="2018-08-16T00:00:00">
    <testcase classname="bakehour.budget" name="month (USD)" time="0">
      <failure type="budget-usd-forecast-over" message="month: over by forecast: 600.00 of 1000.00 USD (60 %) by 2018-08-16T00:00:00Z; forecast for 2018-08: 1240.00 (124 %)">month: over by forecast: 600.00 of 1000.00 USD (60 %) by 2018-08-16T00:00:00Z; forecast for 2018-08: 1240.00 (124 %)</failure>
    </testcase>
  </testsuite>
</testsuites>
END
well_formed "junit" "$out"
judged "junit, ok" 0 --limit-usd 2000 --format junit <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="bakehour budget check" tests="1" failures="0" errors="0" skipped="0" time="0" timestamp="2018-08-16T00:00:00">
    <testcase classname="bakehour.budget" name="month (USD)" time="0">
      <system-out>month: ok: 600.00 of 2000.00 USD (30 %) by 2018-08-16T00:00:00Z; forecast for 2018-08: 1240.00 (62 %)</system-out>
    </testcase>
  </testsuite>
</testsuites>
END
well_formed "junit, ok" "$out"
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 1000 \
    --format junit --name "$odd"
xml=$out
well_formed "junit, an odd name" "$xml"
holds "junit, an odd name: escaped" "$xml" 'name="a&#60;b&#62;&#38;&#34;c&#39;|*_`&#10;::error::x, 100% ]]&#62; (USD)"'

# Markdown, and odd names in the others.
judged "markdown" 4 --limit-usd 1000 --format markdown --name 'a|b' <<'END'
### Budget of 2018-08: over by forecast

| Budget | Unit | Limit | Spent | Forecast | State |
|---|---|--:|--:|--:|---|
| a&#124;b | USD | 1000.00 | 600.00 (60 %) | 1240.00 (124 %) | **over by forecast** |

Spent: up to 2018-08-16T00:00:00Z. Forecast: the whole month at the present rate.
END
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 2000 \
    --format markdown --name "$odd"
holds "markdown, an odd name" "$out" \
    '| a&#60;b&#62;&#38;&#34;c&#39;&#124;&#42;&#95;&#96; &#58;&#58;error&#58;&#58;x&#44; 100&#37; &#93;&#93;&#62; | USD | 2000.00 | 600.00 (30 %) | 1240.00 (62 %) | ok |'
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 1000 \
    --json --name "$odd"
is "json, an odd name" "$(json_of "$out" budgets.0.name)" 'a<b>&\"c'\''|*_`\n::error::x, 100% ]]>'
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --limit-usd 1000 \
    --json --name "$(printf 'a\377b')"
is "json, no UTF-8" "$(json_of "$out" budgets.0.name)" "$(printf 'a\357\277\275b')"

# Pools: 600 of 744 hours drawn, 40 a day: the 744 are gone after 18.6 days. The fee is 744 x 0.01 a month; 15 days of
# 31 of it are 3.60.
cat >pool.csv <<'END'
type,region,model,hourly_usd,start,end
one,r,pool,0.01,2018-01-01,2019-01-01
END
judged "pool: both limits" 3 --reserved pool.csv --limit-usd 1000 --limit-hours 600 <<'END'
Month 2018-08 up to 2018-08-16T00:00:00Z

Budget  Unit          Limit  Spent  Of limit  Forecast  Of limit  State
month   USD         1000.00   3.60    0.36 %      7.44    0.74 %  ok
month   pool hours      600    600     100 %      1240  206.67 %  over

pool: 744 prepaid hours a month are a budgeting approximation; AWS bills by
clock hour
END
run budget check --usage usage.csv --catalog catalog.csv --reserved pool.csv --at 2018-08-16 --regime hourly \
    --limit-hours 744 --json
is "pool: exit code" "$code" 4
figures "pool: json" "$out" budgets.0. '
    name month
    limit_hours 744
    actual_hours 600
    forecast_hours 1240
    state forecast-over'
is "pool: no USD" "$(json_of "$out" budgets.0.limit_usd)" ""
run budget check --usage usage.csv --catalog catalog.csv --reserved pool.csv --at 2018-08-16 --regime hourly \
    --limit-hours 744 --format gitlab
is "pool: its rule" "$(json_of "$out" 0.check_name)" budget-hours-forecast-over
golden "forecast: pool" budget forecast --usage usage.csv --catalog catalog.csv --reserved pool.csv --regime hourly \
    --at 2018-08-16 <<'END'
Month 2018-08 up to 2018-08-16T00:00:00Z

Unit        So far  Month end
USD           3.60       7.44
pool hours     600       1240

At this rate the 744 prepaid hours run out on 2018-08-19.

pool: 744 prepaid hours a month are a budgeting approximation; AWS bills by
clock hour
END
run budget forecast --usage usage.csv --catalog catalog.csv --reserved pool.csv --regime hourly --at 2018-08-16 --json
figures "forecast: json" "$out" "" '
    schema bakehour.budget-forecast/1
    actual_usd 3.6000000000
    forecast_usd 7.4400000000
    pool.hours 744
    pool.actual_hours 600
    pool.forecast_hours 1240
    pool.run_out false
    pool.runs_out_at 2018-08-19T14:24:00Z'
golden "forecast: csv" budget forecast --usage usage.csv --catalog catalog.csv --regime hourly --at 2018-08-16 --csv <<'END'
unit,actual,forecast
USD,600.0000000000,1240.0000000000
END
# Two that go on: 48 a day; on the 17th the pool is empty, and 24 hours of 1 USD and 16 of 31 days of 7.44 are paid.
sed 's/2018-08-13T12:00:00Z//' usage.csv >open.csv
golden "forecast: run out" budget forecast --usage open.csv --catalog catalog.csv --reserved pool.csv --regime hourly \
    --at 2018-08-17 <<'END'
Month 2018-08 up to 2018-08-17T00:00:00Z

Unit        So far  Month end
USD          27.84      53.94
pool hours     744     1441.5

The 744 prepaid hours have run out.

pool: 744 prepaid hours a month are a budgeting approximation; AWS bills by
clock hour
END

# A month without cost; its first instant; now by default; the shipped prices.
echo "instance,type,region,start,end" >none.csv
run budget check --usage none.csv --limit-usd 1 --at 2018-08-16 --json
is "no usage: exit code" "$code" 0
is "no usage costs nothing" "$(json_of "$out" budgets.0.actual_usd)" 0.0000000000
holds "the shipped prices: said" "$(json_of "$out" notes.0)" "the shipped sample"
run budget check --usage usage.csv --catalog catalog.csv --limit-usd 1 --at 2018-08-01 --json
is "the first instant of a month: exit code" "$code" 0
figures "the first instant of a month" "$out" budgets.0. '
    actual_usd 0.0000000000
    forecast_usd 0.0000000000
    state ok'
run budget forecast --usage usage.csv --catalog catalog.csv --reserved pool.csv --at 2018-08-01
holds "forecast: the first instant" "$out" "Nothing of the month has passed"
BAKEHOUR_NOW=1534377600 # 2018-08-16
export BAKEHOUR_NOW
run budget check --usage usage.csv --catalog catalog.csv --regime hourly --limit-usd 1000 --json
unset BAKEHOUR_NOW
is "now by default" "$out" "$json"
out=$("$BAKEHOUR" budget check --usage - --catalog catalog.csv --at 2018-08-16 --limit-usd 500 --format gitlab <usage.csv)
is "usage from stdin has a place" "$(json_of "$out" 0.location.path)" stdin

# Everything that is refused: exit 2, nothing on stdout.
refused "no --usage" "--usage FILE is needed" budget check --limit-usd 1
refused "no limit" "a limit is needed: --limit-usd X or --limit-hours X" budget check --usage usage.csv
refused "no such file" "missing.csv: cannot be opened" budget check --usage missing.csv --limit-usd 1
: >empty.csv
refused "an empty file" "empty.csv: is empty" budget check --usage empty.csv --limit-usd 1
refused "no amount" "is no amount in USD" budget check --usage usage.csv --limit-usd much
refused "a limit of nothing" "a limit is above zero" budget check --usage usage.csv --limit-usd 0
refused "a limit below nothing" "a limit is above zero" budget check --usage usage.csv --limit-hours=-1
refused "no pool" "needs a row of the model pool" budget check --usage usage.csv --catalog catalog.csv \
    --at 2018-08-16 --limit-hours 1
refused "bad format" "is none of text, json, github" budget check --usage usage.csv --limit-usd 1 --format xml
refused "two formats" "--format and --csv exclude each other" budget check --usage usage.csv --limit-usd 1 \
    --format text --csv
refused "bad time" "is no UTC time" budget check --usage usage.csv --limit-usd 1 --at tomorrow
refused "no price" 'usage.csv:2:3: no price for the type "one"' budget check --usage usage.csv --limit-usd 1 \
    --at 2018-08-16
refused "forecast: no --usage" "--usage FILE is needed" budget forecast
refused "forecast: no such file" "missing.csv: cannot be opened" budget forecast --usage missing.csv
done_testing
