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
# As each system starts a step: GitHub "bash -e", GitLab bash with errexit and pipefail, or sh where an image has no
# bash, Jenkins "sh -xe" (which writes each command to stderr).
verdict() { # verdict DESC SCRIPT CODE
    desc=$1 script=$2 wanted=$3
    case $script in
    github) set -- bash --noprofile --norc -e ;;
    gitlab) set -- bash --noprofile --norc -eo pipefail ;;
    *) set -- sh -xe ;;
    esac
    [ "$1" != bash ] || command -v bash >/dev/null 2>&1 || set -- sh -e
    exit_is "$desc" "$wanted" "$@" "$script.sh"
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
mkdir .bakehour
: >.bakehour/ledger.db
for script in github gitlab jenkins; do
    verdict "$script: an empty ledger is not green" $script 2
done
exit_is "gitlab, in an image without bash: an empty ledger is not green" 2 sh -e gitlab.sh
rm -r .bakehour
mv away .bakehour
exit_is "gitlab, in an image without bash: at the limit" 3 sh -e gitlab.sh

# The files themselves, by what each system takes.
if command -v python3 >/dev/null 2>&1 && python3 -c 'import yaml' 2>/dev/null; then
    cat >look.py <<'END'
import re, sys, yaml
folder, faults = sys.argv[1], []
def want(truth, text):
    if not truth:
        faults.append(text)
for name in ("github-actions.yml", "github-deploy.yml"):
    flow = yaml.safe_load(open(folder + "/" + name))
    on = flow.pop(True, flow.pop("on", None))  # YAML 1.1 takes the word "on" for true
    want(on and set(on) <= {"push", "pull_request", "schedule", "workflow_dispatch"}, name + ": on")
    want(set(flow) <= {"name", "permissions", "jobs", "concurrency", "env", "defaults"}, name + ": keys")
    want(flow["permissions"].get("contents") == "read" and "write" not in [v for k, v in flow["permissions"].items() if k != "id-token"],
         name + ": permissions are no wider than needed")
    for job in flow["jobs"].values():
        want(set(job) <= {"runs-on", "steps", "timeout-minutes", "needs", "if", "env", "permissions"}, name + ": job")
        for step in job["steps"]:
            want(("uses" in step) != ("run" in step), name + ": a step uses or runs")
            want(set(step) <= {"name", "id", "uses", "run", "with", "env", "if", "shell", "working-directory"}, name + ": step")
            want("uses" not in step or re.search("@[^/]+$", step["uses"]), name + ": an action without a version")
            want("${{" not in step.get("run", ""), name + ": outside text in a script is code")
flow = yaml.safe_load(open(folder + "/gitlab-ci.yml"))
for name, job in flow.items():
    want(set(job) <= {"stage", "script", "before_script", "image", "rules", "artifacts", "allow_failure", "cache", "variables"}, "gitlab: " + name)
    want(set(job["artifacts"]["reports"]) <= {"codequality", "junit"}, "gitlab: reports")
    want(job["artifacts"]["when"] == "always", "gitlab: a report of a job that failed")
    want(job["allow_failure"] == {"exit_codes": [4]}, "gitlab: only the forecast may fail")
    for path in job["artifacts"]["reports"].values():
        want(any(">" + path in line for line in job["script"]), "gitlab: nobody writes " + path)
groovy = re.sub(r"\'\'\'.*?\'\'\'|\'[^\'\\n]*\'|\"[^\"\\n]*\"|//[^\\n]*", "", open(folder + "/Jenkinsfile").read(), flags=re.S)
for a, b in ("{}", "()"):
    want(groovy.count(a) == groovy.count(b) > 0, "Jenkinsfile: " + a + b)
want("error(" in groovy and "unstable(" in groovy, "Jenkinsfile: verdicts")
print("\n".join(faults))
END
    is "what GitHub, GitLab and Jenkins take" "$(python3 look.py "$templates" 2>&1)" ""
else
    ok "what GitHub, GitLab and Jenkins take # SKIP there is no python3-yaml here" 0
fi
if command -v yamllint >/dev/null 2>&1; then
    exit_is "yamllint" 0 yamllint -s -d '{extends: default, rules: {line-length: {max: 140}, document-start: disable,
        truthy: {check-keys: false}, comments: {min-spaces-from-content: 1}}}' \
        "$templates"/*.yml "$templates"/templates/*.yml
    [ -z "$out" ] || note "$out"
else
    ok "yamllint # SKIP not at hand" 0
fi
done_testing
