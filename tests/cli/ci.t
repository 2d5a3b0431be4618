#!/bin/sh
# The CI templates of data/ci: their scripts are taken out and run, in a repository with a budget, against a ledger.
here=$(cd "${0%/*}" && pwd)
. "$here/tap.sh"
. "$here/json.sh"
templates=$here/../../data/ci
unset GITHUB_STEP_SUMMARY
BAKEHOUR_NOW=1534377600 # 2018-08-16
export BAKEHOUR_NOW
mkdir "$tmp/bin"
ln -s "$BAKEHOUR" "$tmp/bin/bakehour"
PATH=$tmp/bin:$PATH
cd "$tmp" || exit 1

# The lines behind the one that matches FROM, as far as they are indented more, without their indent.
block() { # block FILE FROM
    awk -v from="$2" '
        inside { match($0, /^ */); if (NF && RLENGTH <= outer) exit; if (!indent) indent = RLENGTH
                 print substr($0, indent + 1) }
        !inside && $0 ~ from { inside = 1; match($0, /^ */); outer = RLENGTH }' "$1"
}
block "$templates/github-actions.yml" '^ *run: [|]' >github.sh
block "$templates/gitlab-ci.yml" '^    - [|]' >gitlab.sh
awk "/script: '''/ { on = 1; next } /'''/ { on = 0 } on" "$templates/Jenkinsfile" >jenkins.sh
for script in github gitlab jenkins; do
    has "$script: there is a script" "$(cat $script.sh)" "bakehour budget check"
done

# 10 spent in 15 of 31 days lead to 20.67.
cat >usage.csv <<'END'
instance,type,region,start,end
i,one,us-east-1,2018-08-01T00:00:00Z,2018-08-05T04:00:00Z
END
cat >catalog.csv <<'END'
type,region,effective,usd_per_hour
one,us-east-1,2010-01-01,0.1
END
bakehour ledger import --usage usage.csv --catalog catalog.csv >/dev/null
bakehour config init --config - --project shop >base.json
budget() { # budget LIMIT
    sed 's|^{|{ "budgets": [{"name": "shop", "limit_usd": "'"$1"'"}],|' base.json >bakehour.json
}
# GitHub runs "bash -e", GitLab "sh -e" with pipefail where there is one, Jenkins "sh -xe".
verdict() { # verdict DESC SCRIPT CODE
    exit_is "$1" "$3" sh -e "$2.sh"
}

budget 100
verdict "github: ok" github 0
has "github: ok: a notice" "$out" '^::notice title=Budget shop is ok::'
verdict "gitlab: ok" gitlab 0
is "gitlab: ok: an empty report" "$(tr -d ' \n' <budget-code-quality.json)" "[]"
verdict "jenkins: ok" jenkins 0
has "jenkins: ok: a test passed" "$(cat budget-junit.xml)" 'tests="1" failures="0"'

budget 15
verdict "github: forecast over: warns only" github 0
has "github: forecast over: a warning" "$out" '^::warning title=Budget shop is over by forecast::'
BUDGET_STRICT=yes
export BUDGET_STRICT
verdict "github: forecast over: fails where it is strict" github 4
unset BUDGET_STRICT
verdict "gitlab: forecast over: the code that may fail" gitlab 4
is "gitlab: forecast over: severity" "$(json_of "$(cat budget-code-quality.json)" 0.severity)" major
has "gitlab: allow_failure names the code" "$(cat "$templates/gitlab-ci.yml")" 'exit_codes: \[4\]'
verdict "jenkins: forecast over: the code for unstable" jenkins 4

budget 10
GITHUB_STEP_SUMMARY=$tmp/summary
export GITHUB_STEP_SUMMARY
verdict "github: at the limit" github 3
has "github: at the limit: an error" "$out" '^::error title=Budget shop is over::'
has "github: the summary" "$(cat summary)" '| shop | USD | 10.00 | 10.00 (100 %) | 20.67 .* | \*\*over\*\* |'
unset GITHUB_STEP_SUMMARY
verdict "gitlab: at the limit" gitlab 3
has "gitlab: the test report" "$(cat budget-junit.xml)" 'failures="1"'
verdict "jenkins: at the limit" jenkins 3
has "jenkins: the test report" "$(cat budget-junit.xml)" '<failure type="budget-usd-over"'

BAKEHOUR_NOW=1534600000 # more than 36 hours later
for script in github gitlab jenkins; do
    verdict "$script: stale is not green" $script 2
done
BAKEHOUR_NOW=1534377600
mv .bakehour away
for script in github gitlab jenkins; do
    verdict "$script: no ledger is not green" $script 2
done
done_testing
