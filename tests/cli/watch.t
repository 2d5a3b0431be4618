#!/bin/sh
# watch over the wire: commits that arrive within a window go out together, as one deployment, and not before the window
# has passed; what arrives later is another; a commit whose tests fail is left until there is a next one.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git python3
site 200 --group hello-internal=1 <<'END'
"repository": {"branch": "main"},
"build": {"test": "grep -q bakehour-app app.txt", "build": "mkdir out && cp app.txt out/app.jar", "artifact": "out/*.jar"},
"policy": {"trigger": "window:10s"},
END
git branch side
ok "every call is held to the policy" "$(twin_policy && echo 0 || echo 1)"
# shellcheck disable=SC2086
run deploy --now --yes $cloud
is "the first one: exit code" "$code" 0

# shellcheck disable=SC2086
"$BAKEHOUR" watch --yes --every 5s --deployments 2 $cloud >"$tmp/watch.out" 2>"$tmp/watch.err" &
runner=$!
# Three commits, on the branch at the same moment, however long it takes to make them.
git checkout -q side
for body in a b c; do
    commit "$body"
done
oldest=$(git log -3 --format=%ct | tail -n 1)
newest=$(git rev-parse HEAD)
git branch -f main side
ok "three commits in a window: deployed" \
    "$(until_there '^Deployment 2 of internal: completed$' "$tmp/watch.out" && echo 0 || echo 1)"
told() { # told N EXPRESSION: of deployment N, d
    "$BAKEHOUR" show --deployment "$1" --json | python3 -c "
import datetime, json, sys
d = json.load(sys.stdin)
began = int(datetime.datetime.fromisoformat(d['started'].replace('Z', '+00:00')).timestamp())
print($2)"
}
is "three commits in a window: one deployment brings them" "$(told 2 "d['commits'], d['commit']")" "3 $newest"
is "three commits in a window: once the window has passed" "$(told 2 "began >= $oldest + 10")" True

# What comes later, and one that fails in between.
printf 'nothing\n' >app.txt
git add -A
git -c user.name=t -c user.email=t@localhost -c commit.gpgsign=false commit -q -m broken
git branch -f main side
ok "its tests fail: said" "$(until_there 'test failed with exit status 1' "$tmp/watch.err" && echo 0 || echo 1)"
code=0
wait $runner || code=$?
runner=
is "--deployments 2: it ends" "$code" 1
commit mended
git branch -f main side
# shellcheck disable=SC2086
"$BAKEHOUR" watch --yes --every 5s --deployments 1 $cloud >"$tmp/watch.out" 2>"$tmp/watch.err" || code=$?
has "the next one: completed" "$(cat "$tmp/watch.out")" '^Deployment 4 of internal: completed$'
is "the next one: brings both" "$(told 4 "d['commits'], d['commit']")" "2 $(git rev-parse HEAD)"
run history --csv
is "four deployments in all" "$(printf '%s\n' "$out" | grep -c ',deploy,')" 4
is "no right was missing" "$(twin_denied)" null
done_testing
