#!/bin/sh
# The configuration from the command line: a starter that is good, bad places by their position, the list of keys.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
: "${BAKEHOUR:?the program to test}"
unset NO_COLOR COLUMNS 2>/dev/null || true
mkdir "$tmp/hello-service"
cd "$tmp/hello-service"

run config init
is "config init: exit code" "$code" 0
is "config init: what it says" "$out" "Wrote bakehour.json. Next: put in your group and your build, then 'bakehour config check'."
run config init
is "config init never overwrites: exit code" "$code" 2
holds "config init never overwrites" "$err" "bakehour.json: exists already; nothing was written"
golden "the starter is good" config check <<'END'
bakehour.json is good: project hello-service, 1 environment

Environment  Group           Region     Trigger     Keep       Engine  Smoke tests
internal     hello-internal  us-east-1  window:15m  terminate  attach            1
END
run --json config check
is "config check --json: exit code" "$code" 0
holds "config check --json" "$out" '"schema":	"bakehour.config-check/1"'

sed 's/"group": "hello-internal"/"grup": "hello-internal"/; s/"trigger": "window:15m"/"trigger": "windw:15m"/' bakehour.json >bad.json
refused "a bad key and a bad policy" 'bad.json:' config check --config bad.json
has "the key, with the nearest" "$err" '^bad.json:[0-9]*:[0-9]*: unknown key "grup"; did you mean "group"?$'
has "what is missing" "$err" '^bad.json:[0-9]*:[0-9]*: "group" is missing: Its Auto Scaling group.$'
has "the policy" "$err" '^bad.json:[0-9]*:[0-9]*: .*windw'
refused "a file that is not there" "nothing.json: there is no such file here; 'bakehour config init' writes one" config check \
    --config nothing.json
refused "a name that no tag takes" "letters, digits" config init --config - --project 'a b'

run config keys
is "config keys: exit code" "$code" 0
has "config keys: a key with its default" "$out" '^image.flush_wait  duration, "12s"$'
run --json config keys
holds "config keys --json" "$out" '"image.files[].from"'
done_testing
