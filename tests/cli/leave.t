#!/bin/sh
# Who is asked to stop leaves in good order, with a store that is reached over the network and with sinks that never
# answer: the lease is given back, so that the next job, on another machine, need not wait for its end.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git curl python3

# Servers that take what comes and never answer.
cat >"$tmp/deaf.py" <<'END'
import socket, sys
server = socket.create_server(("127.0.0.1", 0), backlog=64)
print(server.getsockname()[1], flush=True)
held = []
while True:
    held.append(server.accept())
END
python3 "$tmp/deaf.py" >"$tmp/deaf.port" &
deaf=$!
trap 'kill $twin $runner $deaf 2>/dev/null || true; rm -rf "$tmp"' EXIT
until_there '^[0-9]' "$tmp/deaf.port" || true
port=$(cat "$tmp/deaf.port")
sinks=
for n in 1 2 3 4 5 6 7 8; do
    sinks="$sinks${sinks:+, }{\"kind\": \"loggly\", \"url_env\": \"DEAF\", \"events\": [\"step\"]}" # sent at the end
done
site 200 --group hello-internal=1 <<END
"build": {"test": "trap '' TERM; grep -q slow app.txt || exit 0; sleep 300.$$ & wait; sleep 300.$$",
    "build": "mkdir out && cp app.txt out/app.jar", "artifact": "out/*.jar"},
"state": {"backend": "dynamodb"},
"ledger": "",
"sinks": [$sinks],
END
run state init --endpoint-url "$url"
is "state init: exit code" "$code" 0
ok "every call is held to the policy" "$(twin_policy && echo 0 || echo 1)"
holder() { # who has the lease, by the table itself
    curl -s "$url/_twin/state" | sed -n 's/.*\\"holder\\":\\"\([^\\]*\)\\".*/\1/p' | head -n 1
}
start() {
    : >"$tmp/run.err" # now: nobody reads the last run's
    # shellcheck disable=SC2086
    DEAF=http://127.0.0.1:$port/ "$BAKEHOUR" "$@" $cloud >"$tmp/run.out" 2>"$tmp/run.err" &
    runner=$!
}

# While the image is made.
slow_next image 200
start deploy --now --yes
is "image: it gets there" "$(until_there 'command-line is done' "$tmp/run.err" && echo 0 || echo 1)" 0
has "image: it holds the lease" "$(holder)" '/[0-9]'
kill $runner
leaves $runner
runner=
is "image: leaves: exit code" "$left" 75
is "image: nobody holds the lease" "$(holder)" ""
hasnt "image: nothing to complain of" "$(cat "$tmp/run.err")" 'was not given back'
tried=$(grep -c 'sink [0-9] (loggly) failed' "$tmp/run.err" || true)
is "image: of eight sinks, each of which would take its time, one was tried, and hardly more" \
    "$([ "$tried" -ge 1 ] && [ "$tried" -le 2 ] && echo 0 || echo "$tried")" 0
# shellcheck disable=SC2086
run resume $cloud
is "image, resumed: exit code" "$code" 0
has "image, resumed: completed" "$out" '^Deployment 1 of internal: completed$'

# While tests run that do not hear SIGTERM.
theirs() { # how many of the tests' processes there are
    for process in /proc/[0-9]*; do
        tr '\0' ' ' <"$process/cmdline" && echo
    done 2>/dev/null | grep -c "sleep 300\.$$" || true
}
settled() { # settled TEST NUMBER: their number, once it is that, or after half a minute
    tries=0
    until [ "$(theirs)" "$1" "$2" ] || [ $tries -ge 300 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    theirs
}
commit slow
start deploy --now --yes
is "tests: it gets there" "$(until_there 'build is done' "$tmp/run.err" && echo 0 || echo 1)" 0
is "tests: they run" "$([ "$(settled -ge 2)" -ge 2 ] && echo 0 || echo 1)" 0
kill $runner
leaves $runner
runner=
is "tests: leaves: exit code" "$left" 75
is "tests: nobody holds the lease" "$(holder)" ""
is "tests: none of theirs is left" "$(settled -eq 0)" 0
is "no right was missing" "$(twin_denied)" null
done_testing
