#!/bin/sh
# Keys of bakehour.json that are read outside a run: each one is changed, and what the program then does is another
# thing. tests/test_config_keys.c asks that every key is tested somewhere; the names of tests here begin with the key's.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git
mkdir "$tmp/site" "$tmp/upstream"
as_a_runner
cd "$tmp/upstream"
git init -q -b main .
commit far
far=$(git rev-parse HEAD)
cd "$tmp/site"
git init -q -b main .
printf '%s\n' .bakehour/ bakehour.json '*.jsonl' elsewhere/ '*.db*' prices.csv >.gitignore
commit one
one=$(git rev-parse HEAD)
git checkout -q -b release
commit two
two=$(git rev-parse HEAD)
git checkout -q main
twin_start --speed 200 --no-throttle --group hello-internal=1
cloud="--endpoint-url $url --speed 200"

configure() { # configure SECTION...: '"repository": {...}', instead of the usual ones
    cat >bakehour.json <<END
{
    "project": "hello",
    "build": {"build": "mkdir out && cp app.txt out/app.jar", "artifact": "out/*.jar"${build:-}},
    "image": {"base": "ami-00000000000000001", "command_line": "/java.so -jar {artifact}", "flush_wait": "10s"},
    "environments": [{"name": "internal", "group": "hello-internal"}]
END
    for section; do
        printf '    , %s\n' "$section" >>bakehour.json
    done
    echo '}' >>bakehour.json
}
planned() { # what a dry run would deploy
    # shellcheck disable=SC2086
    run deploy --dry-run --now $cloud
    printf '%s\n' "$out" | sed -n 's/^Deployment of \([0-9a-f]*\) .*/\1/p'
}
short() {
    printf '%.12s' "$1"
}

configure
is "by default: the branch main of the clone here" "$(planned)" "$(short "$one")"
configure '"repository": {"path": "../upstream"}'
is "key repository.path: another clone" "$(planned)" "$(short "$far")"
configure '"repository": {"branch": "release"}'
is "key repository.branch: another branch" "$(planned)" "$(short "$two")"

# A clone that has a remote: what is there now, and what was there when it was last fetched.
git clone -q ../upstream "$tmp/clone"
git clone -q ../upstream "$tmp/stale"
(cd "$tmp/upstream" && commit farther)
farther=$(cd "$tmp/upstream" && git rev-parse HEAD)
configure '"repository": {"path": "../clone"}'
is "without a remote: the clone as it is" "$(planned)" "$(short "$far")"
configure '"repository": {"path": "../clone", "remote": "origin"}'
is "key repository.remote: what the remote has" "$(planned)" "$(short "$farther")"
configure '"repository": {"path": "../stale", "remote": "origin", "fetch": false}'
is "key repository.fetch: not asked again" "$(planned)" "$(short "$far")"

configure '"policy": {"trigger": "count:3"}'
# shellcheck disable=SC2086
run deploy --dry-run $cloud
is "key policy.trigger: the policy waits" "$code" 75
has "key policy.trigger: for what" "$out" 'ount:3 waits for more commits; 1 so far'

# The threshold is what a deployment costs: with more of it the same commit waits for longer.
waits_until() { # waits_until PER_DEPLOY
    configure '"policy": {"trigger": "area:1", "delay_price_usd": "0.01", "per_deploy_usd": "'"$1"'"}'
    # shellcheck disable=SC2086
    run deploy --dry-run $cloud
    printf '%s\n' "$out" | sed -n 's/.* says wait until \([^ ]*Z\).*/\1/p' | head -n 1
}
soon=$(waits_until 0.5)
late=$(waits_until 50)
has "key policy.per_deploy_usd: waits" "$soon" '^20..-'
is "key policy.per_deploy_usd: more of it, for longer" "$(printf '%s\n' "$late" "$soon" | sort | head -n 1)" "$soon"
hasnt "key policy.per_deploy_usd: not the same" "$late" "^$soon\$"

printf '%s\n' 'type,region,os,effective,usd_per_hour' 't2.micro,us-east-1,linux,2020-01-01,7.5' >prices.csv
configure '"prices": {"catalog": "prices.csv"}'
# shellcheck disable=SC2086
run deploy --dry-run --now $cloud
has "key prices.catalog: whose price it is" "$out" 'at 7\.50* USD an hour'
hasnt "key prices.catalog: not the sample's" "$out" '0\.0116 USD an hour'

configure '"network": {"runner_cidr": "10.0.0.0/8"}'
refused "key network.runner_cidr_wide: a range is refused" "runner_cidr_wide" config check
configure '"network": {"runner_cidr": "10.0.0.0/8", "runner_cidr_wide": true}'
run config check
is "key network.runner_cidr_wide: and taken where it says so" "$code" 0

# A deployment, with everything it writes elsewhere.
rm -rf .bakehour # what the looks made
build=', "directory": "elsewhere/work"'
configure '"state": {"path": "elsewhere/journal.db"}' '"ledger": "elsewhere/costs.db"' \
    '"sinks": [{"kind": "file", "path": "told.jsonl"}]'
mkdir elsewhere
# shellcheck disable=SC2086
run deploy --now --yes $cloud
is "elsewhere: deployed" "$code" 0
ok "key build.directory: the checkout and its logs" "$(ls elsewhere/work/r-*/build.log >/dev/null 2>&1 && echo 0 || echo 1)"
ok "key state.path: the store" "$([ -s elsewhere/journal.db ] && echo 0 || echo 1)"
ok "key ledger: the ledger" "$([ -s elsewhere/costs.db ] && echo 0 || echo 1)"
has "key sinks.path: the events" "$(cat told.jsonl 2>/dev/null)" '"kind":"completed"'
is "elsewhere: nothing where it is by default" "$(ls .bakehour 2>/dev/null | tr '\n' ' ')" ""
build=
configure '"state": {"backend": "memory"}' '"ledger": ""'
# shellcheck disable=SC2086
run deploy --now --yes $cloud
is "key state.backend: deployed with a store in memory" "$code" 0
run history --csv
is "key state.backend: which nobody remembers" "$(printf '%s\n' "$out" | grep -c ',completed,' || true)" 0
is "key ledger: empty, nothing is booked" "$(ls .bakehour/ledger.db 2>/dev/null)" ""
done_testing
