#!/bin/sh
# Deployments that went on over a hard budget are told wherever a month is told. tests/make_ledger books them: of 100
# deployments (0.10 USD each, one in two hours, up to 2018-08-16) number 98 (staging/49) and 99 (production/50) went on
# by --override, the last one ended by the storm cap.
maker=${BUILD:-build/release}/tests/make_ledger
case $maker in /*) ;; *) maker=$PWD/$maker ;; esac
. "${0%/*}/tap.sh"
. "${0%/*}/json.sh"
unset GITHUB_STEP_SUMMARY
BAKEHOUR_NOW=1534377600 # 2018-08-16
export BAKEHOUR_NOW
if [ ! -x "$maker" ]; then
    ok "overrides # SKIP tests/make_ledger is not built" 0
    done_testing
fi
cd "$tmp" || exit 1
# In a log it would be a command, in a table a column, in HTML an element, on a terminal a colour.
esc=$(printf '\033')
odd=$(printf 'a | b <i> 50%% %s[31m\n::error::x' "$esc")
"$maker" l.db --deployments 100 --capped 1 --overrides 2 --reason "$odd"
"$maker" none.db --deployments 3

golden "budget check: text" budget check --ledger l.db --limit-usd 100 <<'END'
Month 2018-08 up to 2018-08-16T00:00:00Z

Budget  Unit   Limit  Spent  Of limit  Forecast  Of limit  State
month   USD   100.00  10.00      10 %     20.67   20.67 %  ok

2018-07-18 ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▃████████▁ 2018-08-16, at most 1.20 USD a day

Went on over a hard budget by --override:
  2018-08-15T17:59:59Z, deployment staging/49: a | b <i> 50%  [31m ::error::x
      budget "shop": 9.00 USD spent in 2018-08 and an estimate of 1.00 reach the
      limit of 10.00
  2018-08-15T19:59:59Z, deployment production/50: a | b <i> 50%  [31m ::error::x
      budget "shop": 9.00 USD spent in 2018-08 and an estimate of 1.00 reach the
      limit of 10.00
END
run budget check --ledger l.db --limit-usd 100 --json
figures "budget check: JSON" "$out" overrides. "
    0.at 2018-08-15T17:59:59Z
    0.deployment staging/49
    0.environment staging
    0.project shop
    0.reason a | b <i> 50%  [31m ::error::x
    1.deployment production/50"
holds "budget check: JSON: the limits" "$(json_of "$out" overrides.1.limits)" "9.00 USD spent in 2018-08"
run budget check --ledger none.db --limit-usd 100 --json
is "budget check: JSON: none" "$(json_of "$out" overrides)" "["
run budget check --ledger l.db --limit-usd 100 --environment production --json
figures "budget check: of one environment" "$out" overrides. "
    0.deployment production/50"
is "budget check: of one environment alone" "$(json_of "$out" overrides.1.deployment)" ""
run budget check --ledger l.db --limit-usd 100 --at 2018-08-15T18:00:00Z --json
is "budget check: up to a time" "$(json_of "$out" overrides.1.deployment)" ""
run budget check --ledger l.db --limit-usd 100 --format github
is "github: two lines, two commands" \
    "$(printf '%s\n' "$out" | grep -c '^::notice title=')/$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 2/2
has "github: a notice" "$out" '^::notice title=Budgets overridden::2 deployments went on over a hard budget this month; the last, production/50: a | b <i> 50%25 '
run budget check --ledger l.db --limit-usd 100 --format markdown
has "markdown: a row" "$out" '^| 2018-08-15T19:59:59Z | production/50 | a &#124; b &#60;i&#62; 50&#37;  &#91;31m &#58;&#58;error&#58;&#58;x | budget '
is "markdown: no column more" "$(printf '%s\n' "$out" | grep -c '^|[^|]*|[^|]*|[^|]*|[^|]*|$')" 4

for by in kind deployment; do
    run bill --ledger l.db --by $by
    has "bill --by $by" "$out" '^  2018-08-15T19:59:59Z, deployment production/50: a '
    run bill --ledger l.db --by $by --json
    is "bill --by $by: JSON" "$(json_of "$out" overrides.1.limits)" \
        'budget \"shop\": 9.00 USD spent in 2018-08 and an estimate of 1.00 reach the limit of 10.00'
done
run bill --ledger l.db
has "bill" "$out" '^  2018-08-15T19:59:59Z, deployment production/50: a '
run bill --ledger l.db --json
is "bill: JSON" "$(json_of "$out" overrides.0.deployment)" staging/49
is "bill: JSON: a document still" "$(json_of "$out" total_usd)" 10.0000000000
run bill --ledger l.db --to 2018-08-15 --json
is "bill: up to a time" "$(json_of "$out" overrides)" "["
run bill --ledger none.db
hasnt "bill: none" "$out" 'Went on'
for command in "budget check --limit-usd 100" "budget check --limit-usd 100 --format github" bill "bill --by day"; do
    # shellcheck disable=SC2086
    run $command --ledger l.db
    hasnt "$command: nothing for the terminal" "$out" "$esc"
done
done_testing
