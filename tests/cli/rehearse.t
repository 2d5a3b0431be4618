#!/bin/sh
# Whole deployments against the modelled cloud, from the command line: what they say, cost and leave behind.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
: "${BAKEHOUR:?the program to test}"
unset NO_COLOR COLUMNS BAKEHOUR_NOW 2>/dev/null || true
cd "$tmp"

field() { # field NAME: its values in the last JSON document, one a line
    printf '%s\n' "$out" | sed -n "s/^[[:space:]]*\"$1\":[[:space:]]*\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p"
}

# Three deployments inside one paid hour: the first pays the hour (0.0116), the others none.
run rehearse --modelled --json
is "rehearse: exit code" "$code" 0
holds "rehearse: schema" "$out" '"schema":	"bakehour.rehearse/1"'
is "rehearse: all completed" "$(field outcome)" "completed
completed
completed"
is "rehearse: one bake hour for all (cost, estimate, original)" "$(field bake_instance_usd | awk 'NR % 3 == 1')" "0.0116000000
0.0000000000
0.0000000000"
is "rehearse: the kept instance is used again" "$(field bake_reused)" "false
true
true"
is "rehearse: nothing is left over" "$(field orphans)" 0
slow=$(printf '%s\n' "$out" | awk -F'[:,]' '/"makespan_s"/ && $2 + 0 >= 600 { n++ } END { print n + 0 }')
is "rehearse: each within 600 s" "$slow" 0
first=$out
run rehearse --modelled --json
is "the same seed, the same document" "$out" "$first"

# A broken image: capped, rolled back, and the next one goes out.
run rehearse --modelled --json --faults "$root/data/faults-broken.json"
is "broken: exit code" "$code" 0
is "broken: capped in the middle" "$(field outcome)" "completed
capped
completed"
is "broken: storm hours" "$(field storm_instance_hours)" "0
3
0"
is "broken: never above the printed cap" "$(field storm_cap_instance_hours)" "3
3
3"
is "broken: nothing is left over" "$(field orphans)" 0
run rehearse --modelled --faults "$root/data/faults-broken.json"
has "broken: the statement" "$out" '^Deployment 2 of internal: capped: 3 launches of ami-'
has "broken: what failed launches cost" "$out" '^failed launches   0.0348 '
has "broken: by resource, against the estimate and the original" "$out" '^USD                 Cost  Estimate  Original$'
has "broken: what the prices are" "$out" '^Rests on t2.micro in us-east-1 at 0.0116 USD an hour '
wide=$(printf '%s\n' "$out" | awk 'length($0) > 80 { n++ } END { print n + 0 }')
is "broken: no line is wider than a page" "$wide" 0
hasnt "broken: no colour in a pipe" "$out" "$(printf '\033')"
has "broken: the cap beside what was used" "$out" '^Storm cap: 3 failed launches, at most 10800 billed seconds; used: 10800 of them.$'
has "broken: what was left, in words" "$out" '^Nothing is left over in the cloud.$'

run rehearse --modelled --env production --group 4 --deployments 1 --csv
is "another environment, four instances: exit code" "$code" 0
has "another environment: one row" "$out" '^1,2026-01-01T00:00:00Z,completed,deploy,'

# The ledger against the cloud's own meter, groups included; CI minutes are the ledger's alone. By the second and by the hour.
for group in 2 5; do
    run rehearse --modelled --deployments 3 --gap 20m --group "$group" --json
    apart=$(printf '%s' "$out" | tr -d '"\t,' | awk -F: '$1 == "bill_usd" { bill = $2 } $1 == "ledger_usd" { ledger = $2 }
        $1 == "cost" { inside = 1 } $1 == "estimate" { inside = 0 } $1 == "ci_runner_usd" && inside { ci += $2 }
        END { apart = ledger - ci - bill; print (apart < 0.01 && apart > -0.01 ? "to the cent" : apart) }')
    is "groups of $group: ledger and bill agree" "$apart" "to the cent"
done

# The commands do run where there is a JDK.
if command -v javac >/dev/null 2>&1 && command -v jar >/dev/null 2>&1 && command -v git >/dev/null 2>&1; then
    run rehearse --deployments 1 --json
    is "with its own tests and build: exit code" "$code" 0
    is "with its own tests and build: completed" "$(field outcome)" completed
    holds "with its own tests and build: they ran" "$out" '"commands_run":	true'
else
    ok "# SKIP no JDK (javac, jar) or no git: the sample is not built" 0
fi

refused "an environment that is not there" 'did you mean "production"?' rehearse --modelled --env prodution
for speed in 0 -1 fast 1.5 1000001 ''; do
    refused "a speed that is none: $speed" "is no speed" rehearse --speed "$speed"
done
# 8 min 38 s of virtual time at 600 times the clock are most of a second; the trace is that of steps.
run rehearse --deployments 1 --modelled --json --speed step
steps=$out
begin=$(date +%s%N)
run rehearse --deployments 1 --modelled --json --speed 600
took=$((($(date +%s%N) - begin) / 1000000))
is "at a speed: the same deployment" "$out" "$steps"
ok "at a speed: the clock holds it back ($took ms)" "$([ $took -ge 800 ] && echo 0 || echo 1)"
refused "faults that are none" "none.json" rehearse --modelled --faults none.json
done_testing
