#!/bin/sh
# The state store against dynalite, a DynamoDB emulator that nobody here wrote, over the wire; and the commands of the
# store. usage: BAKEHOUR=program BUILD=folder tests/cli/dynalite.t     Passes over with a line where npm is missing.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
: "${BAKEHOUR:?the program to test}" "${BUILD:=build/release}"
case "$BUILD" in /*) ;; *) BUILD="$root/$BUILD" ;; esac
cache="$root/build/npm"

skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}
command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 ||
    skip_all "no npm here: the state store is not tried against dynalite"
if [ ! -x "$cache/node_modules/.bin/dynalite" ]; then
    mkdir -p "$cache"
    (
        flock 9
        [ -x "$cache/node_modules/.bin/dynalite" ] ||
            timeout 60 npm install --silent --no-audit --no-fund --prefix "$cache" dynalite@4
    ) 9>"$cache/lock" >"$tmp/npm.log" 2>&1 || skip_all "npm could not install dynalite"
fi

# A port of its own, by trying.
server=""
url=""
port=$((20000 + $$ % 20000))
for attempt in 1 2 3 4 5; do
    port=$((port + attempt))
    node "$cache/node_modules/.bin/dynalite" --port "$port" --host 127.0.0.1 --createTableMs 50 --deleteTableMs 50 \
        >"$tmp/dynalite.log" 2>&1 &
    server=$!
    for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        grep -qi 'listening' "$tmp/dynalite.log" && break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.2
    done
    if grep -qi 'listening' "$tmp/dynalite.log"; then
        url="http://127.0.0.1:$port"
        break
    fi
    kill "$server" 2>/dev/null
done
trap 'kill "$server" 2>/dev/null; rm -rf "$tmp"' EXIT
[ -n "$url" ] || skip_all "dynalite does not start"

export AWS_ACCESS_KEY_ID=TWIN AWS_SECRET_ACCESS_KEY=bakehour-twin AWS_REGION=us-east-1
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL 2>/dev/null || true
BAKEHOUR_TEST_DYNAMODB=$url
export BAKEHOUR_TEST_DYNAMODB
exit_is "the tests of the store, over the wire" 0 "$BUILD/tests/test_state"
exit_is "the tests of a snapshot, over the wire" 0 "$BUILD/tests/test_state_snapshot"
# What lies in one item is one conditional write; large transactions need TransactWriteItems, which dynalite lacks.
exit_is "the tests of the ledger's log, over the wire" 0 "$BUILD/tests/test_ledger_log"

cd "$tmp" || exit 1
export AWS_ENDPOINT_URL="$url"
exit_is "a configuration" 0 "$BAKEHOUR" config init
exit_is "the file's store is made" 0 "$BAKEHOUR" state init
has "the file's store is made: said" "$out" 'the backend "file" is ready in .bakehour/state.db'
exit_is "from nowhere" 2 "$BAKEHOUR" state migrate --from file
has "from nowhere: said" "$err" 'from where to where?'
exit_is "to a table that is not there" 2 "$BAKEHOUR" state migrate --from file --to dynamodb
has "to a table that is not there: said" "$err" 'there is no DynamoDB table "bakehour": bakehour state init makes it'
sed 's|^    // "state": {|    "state": { "backend": "dynamodb" }, // {|' bakehour.json >other.json
exit_is "the table is made" 0 "$BAKEHOUR" state init --config other.json
has "the table is made: said" "$out" 'the table "bakehour" is made'
exit_is "the table is there" 0 "$BAKEHOUR" state init --config other.json
has "the table is there: said" "$out" 'was there already'
exit_is "nothing to copy" 0 "$BAKEHOUR" state migrate --from file --to dynamodb
has "nothing to copy: said" "$out" '0 items copied from file to dynamodb'
exit_is "no lease to break" 2 "$BAKEHOUR" state unlock 3 --config other.json
has "no lease to break: said" "$err" 'nobody holds the lease of internal'
exit_is "which lease" 2 "$BAKEHOUR" state unlock --config other.json
exit_is "status from the table" 0 "$BAKEHOUR" status --config other.json
has "status from the table: said" "$out" 'nothing that was deployed from here'
done_testing
