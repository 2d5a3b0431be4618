#!/bin/sh
# deploy, status, history, show, rollback, gc over the wire, against the twin: a runner that is killed with -9 in the
# middle, and one that goes on. No key appears in the store, the output, or the arguments.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git curl
site 120 --group hello-internal=2 --group hello-production=1 <<'END'
"build": {"test": "grep -q bakehour-app app.txt", "build": "mkdir out && cp app.txt out/app.jar", "artifact": "out/*.jar"},
"sinks": [{"kind": "file", "path": "events.jsonl"}, {"kind": "slack", "url_env": "NO_SUCH_VARIABLE"}],
"environments": [{"name": "internal", "group": "hello-internal"}, {"name": "production", "group": "hello-production"}],
END
ok "every call is held to the policy" "$(twin_policy && echo 0 || echo 1)"

# shellcheck disable=SC2086
{
    run deploy --now --dry-run $cloud
    is "deploy --dry-run: exit code" "$code" 0
    has "deploy --dry-run: the critical path" "$out" '^Critical path '
    has "deploy --dry-run: the storm cap" "$out" '^Storm cap: 3 failed launches, at most '
    run status
    has "a dry run changes nothing" "$out" 'nothing that was deployed from here'
    run deploy --now $cloud
    is "without a terminal it asks for --yes" "$code" 2

    # Killed with -9 while the image is made; resume goes on.
    slow_next image 120
    "$BAKEHOUR" deploy --now --yes $cloud >"$tmp/first.out" 2>"$tmp/first.err" &
    runner=$!
    ok "the runner gets as far as the image" "$(until_there 'command-line is done' "$tmp/first.err" && echo 0 || echo 1)"
    kill -9 $runner
    wait $runner 2>/dev/null || true
    run status
    has "killed: the run is unfinished" "$out" 'unfinished  run r-'
    run resume $cloud
    is "resume: exit code" "$code" 0
    has "resume: the statement" "$out" '^Deployment 1 of internal: completed$'
    run history --csv
    is "history: one completed deployment" "$(printf '%s\n' "$out" | grep -c ',completed,deploy,')" 1
    run deploy $cloud
    has "nothing waits" "$out" '^Nothing waits to be deployed$'
    is "nothing waits: exit code" "$code" 0

    # A second commit, promoted, and back.
    commit two
    run deploy --now --yes --json $cloud
    is "a second deployment: exit code" "$code" 0
    holds "a second deployment: completed" "$out" '"outcome":	"completed"'
    run promote --env production --yes $cloud
    is "promote: exit code" "$code" 0
    has "promote: the statement" "$out" '^Deployment 1 of production: completed$'
    run rollback --yes $cloud
    is "rollback: exit code" "$code" 0
    has "rollback: the statement" "$out" '^Deployment 3 of internal: completed$'
    run show --journal
    has "show --journal: intents" "$out" 'intent .*rollout'
    run gc --dry-run $cloud
    has "nothing is left over" "$out" '^Nothing is left over.$'

    # Tests that fail: nothing is touched.
    printf 'nothing\n' >app.txt
    git add -A
    git -c user.name=t -c user.email=t@localhost -c commit.gpgsign=false commit -q -m broken
    run deploy --now --yes $cloud
    is "a failing test: exit code" "$code" 1
    has "a failing test: said" "$out" 'test failed with exit status 1'
    run deploy --yes $cloud
    has "a commit that failed is not tried again by itself" "$out" 'failed; another commit is awaited'
    run gc --dry-run $cloud
    has "a failing test: nothing is left over" "$out" '^Nothing is left over.$'
}
has "sinks: events in the file" "$(cat events.jsonl)" '"kind":"completed"'
leaks=$(grep -rl 'bakehour-twin' .bakehour events.jsonl "$tmp"/first.* 2>/dev/null | tr '\n' ' ')
is "no secret in store, events or output" "$leaks" ""
is "no right was missing" "$(twin_denied)" null
done_testing
