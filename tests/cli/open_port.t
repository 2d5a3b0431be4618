#!/bin/sh
# network.open_port over the wire, with real processes: a rule for the runner's own address while it works, none
# afterwards, closed by gc behind a runner that was killed with -9. And a run that is asked to stop again and again, in
# its tests, its boot and its rollout, as one job after the other is cancelled: one completed deployment in the end.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git curl
site 120 --group hello-internal=1 </dev/null
RUNNER_CIDR=198.51.100.7/32
export RUNNER_CIDR

rules() { # how many rules let the runner in
    curl -s "$url/_twin/state" | grep -c '198.51.100.7/32' || true
}
group=$(curl -s "$url/_twin/state" | sed -n 's/.*"security_groups":.*"\(sg-[0-9a-f]*\)".*/\1/p' | head -n 1)
configuration <<END
"build": {"test": "sleep 1", "build": "mkdir out && cp app.txt out/app.jar", "artifact": "out/*.jar"},
"network": {"security_group": "$group", "open_port": true, "runner_cidr_env": "RUNNER_CIDR"},
"state": {"lease": "1h"},
END
ok "every call is held to the policy" "$(twin_policy && echo 0 || echo 1)"
held() { # the id of the lease, where somebody holds it
    "$BAKEHOUR" status | tr '\n' ' ' | sed -n 's/.*lease  *held by .*(id *\([0-9]*\)).*/\1/p'
}
start() { # start COMMAND...: in the background, its notes in $tmp/run.err
    : >"$tmp/run.err" # now: nobody reads the last run's
    # shellcheck disable=SC2086
    "$BAKEHOUR" "$@" $cloud >"$tmp/run.out" 2>"$tmp/run.err" &
    runner=$!
}
paused() { # stops the runner at a moment at which it does not write to its store
    tries=0
    while kill -STOP $runner && [ $tries -lt 600 ]; do
        until grep -q '^State:[[:space:]]*[TZ]' /proc/$runner/status; do
            sleep 0.01
        done
        grep -q "WRITE *$runner " /proc/locks || return 0
        kill -CONT $runner
        tries=$((tries + 1))
        sleep 0.05
    done
}

# Open while the bake instance is used, for this address alone; closed at the end.
is "before: no rule" "$(rules)" 0
slow_next image 120
start deploy --now --yes
is "it gets as far as the upload" "$(until_there 'upload is done' "$tmp/run.err" && echo 0 || echo 1)" 0
is "while it works: one rule" "$(rules)" 1
# shellcheck disable=SC2086
run gc --dry-run $cloud
hasnt "while it works, gc --dry-run: leaves it out" "$out" '^open port'
for process in /proc/[0-9]*; do
    tr '\0' ' ' <"$process/cmdline" && echo
done >"$tmp/ps" 2>/dev/null || true
code=0
wait $runner || code=$?
runner=
is "deployed: exit code" "$code" 0
is "deployed: no rule" "$(rules)" 0
if [ -s "$tmp/ps" ]; then
    has "the arguments show the run" "$(cat "$tmp/ps")" ' deploy --now --yes '
    is "the arguments show no secret" "$(grep -c 'bakehour-twi[n]' "$tmp/ps" || true)" 0
fi

# Killed with -9: gc closes it; the run opens it again where it needs it, and closes it.
commit two
slow_next image 120
start deploy --now --yes
is "killed: it gets as far as the command line" "$(until_there 'command-line is done' "$tmp/run.err" && echo 0 || echo 1)" 0
paused # what is stopped while it writes keeps the store for itself, and nobody can take a lease then
lease=$(held)
# shellcheck disable=SC2086
{
    refused "another lease than the one that is held" "$lease" state unlock 99999 $cloud
    refused "two leases" "one lease is wanted" state unlock 1 2 $cloud
    run state unlock "$lease" $cloud
    is "a lease is taken from a runner that does nothing more" "$code" 0
    has "whose it was" "$out" 'holds the lease of internal no more$'
    refused "nobody's lease" "nobody holds the lease of internal" state unlock "$lease" $cloud
}
kill -9 $runner
wait $runner 2>/dev/null || true
runner=
is "killed: the rule is left" "$(rules)" 1
# shellcheck disable=SC2086
run gc --dry-run $cloud
has "killed, gc --dry-run: lists it" "$out" "^open port  $group 198.51.100.7/32:8000 .*would go"
is "killed, gc --dry-run: the rule is left" "$(rules)" 1
# Whatever the configuration says by now, and without the store: by the rule's words alone.
cp bakehour.json "$tmp/kept.json"
grep -v '"network"' "$tmp/kept.json" >bakehour.json
mv .bakehour "$tmp/kept.bakehour"
# shellcheck disable=SC2086
run gc --dry-run $cloud
has "killed, forgotten, gc --dry-run: lists it" "$out" "^open port  *$group 198.51.100.7/32:8000 .*would go"
cp "$tmp/kept.json" bakehour.json
rm -rf .bakehour
mv "$tmp/kept.bakehour" .bakehour
# shellcheck disable=SC2086
run gc $cloud
is "killed, gc: exit code" "$code" 0
has "killed, gc: what went" "$out" "^open port  $group 198.51.100.7/32:8000"
is "killed, gc: no rule" "$(rules)" 0
# shellcheck disable=SC2086
run resume $cloud
is "killed, resumed: exit code" "$code" 0
is "killed, resumed: no rule" "$(rules)" 0

# Cancelled in one phase after the other: tests, build and boot, image, rollout. The port is closed on the way out
# where the time for it suffices; else it says so, and the next one closes it.
commit three
verb="deploy --now --yes"
for phase in 'INT pull is done' 'TERM goes on' 'INT test is done' 'TERM the rollout of '; do
    # The first that is replaced comes up late: the rollout is not over before it is cancelled.
    [ "${phase#* }" != 'the rollout of ' ] || slow_next boot 120 bakehour:role=service
    # shellcheck disable=SC2086
    start $verb
    verb=resume
    is "$phase: it gets there" "$(until_there "${phase#* }" "$tmp/run.err" && echo 0 || echo 1)" 0
    kill -s "${phase%% *}" $runner || true
    leaves $runner
    runner=
    is "$phase: leaves: exit code" "$left" 75
    seen=$(rules)
    ! grep -q 'may still be open\|could not be removed' "$tmp/run.err" || seen="0"
    is "$phase: leaves no rule, or says so" "$seen" 0
done
# shellcheck disable=SC2086
{
    run resume $cloud
    is "cancelled, resumed: exit code" "$code" 0
    has "cancelled, resumed: completed" "$out" '^Deployment 3 of internal: completed$'
    run history --csv
    is "cancelled: completed once" "$(printf '%s\n' "$out" | grep -c '^3,.*,completed,deploy,')" 1
    run gc --dry-run $cloud
    has "cancelled: nothing is left over" "$out" '^Nothing is left over.$'
}
is "cancelled: no rule" "$(rules)" 0
is "no secret in the store or the output" "$(grep -rl bakehour-twin .bakehour "$tmp"/run.* | tr '\n' ' ')" ""

# Nobody knows the address: said before anything is done.
unset RUNNER_CIDR
run status
is "without the variable: looking does not need it" "$code" 0
# shellcheck disable=SC2086
refused "without the variable" "RUNNER_CIDR (network.runner_cidr_env) is not set" deploy --dry-run --now $cloud
is "no right was missing" "$(twin_denied)" null
done_testing
