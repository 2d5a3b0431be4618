#!/bin/sh
# Triggers that learn decide over the branch's own past, in deploy and watch; and what plan recommends is what deploy
# then goes by. usage: BAKEHOUR=program tests/cli/live.t
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
. "$root/tests/cli/json.sh"
: "${BAKEHOUR:?the program to test}"
needs git
mkdir "$tmp/site"
cd "$tmp/site"
as_a_runner

# A year of days with eight commits each, within some hours before this time of day, the last of them two minutes ago.
now=$(date +%s)
git init -q -b main .
awk -v now="$now" 'BEGIN {
    srand(7)
    for (day = 365; day >= 0; day--) {
        t = now - day * 86400 - 21600
        for (k = 1; k <= 8; k++) {
            t += 60 + int(rand() * 5000)
            if (k == 8 || t > now - day * 86400 - 120) { t = now - day * 86400 - 120; k = 8 }
            print "commit refs/heads/main\ncommitter A <a@example.invalid> " t " +0000"
            print "data <<END\nx\nEND"
            if (!n++) print "M 644 inline app.txt\ndata <<END\n#!bakehour-app\nbody=it learns\nEND"
        }
    }
}' | git fast-import --quiet
git reset -q --hard
printf '.bakehour/\nbakehour.json\n' >.git/info/exclude

# config TRIGGER KEEP DELAY-PRICE
config() {
    cat >bakehour.json <<END
{
    "project": "hello",
    "repository": {"branch": "HEAD"},
    "build": {"build": "mkdir out && cp app.txt out/app.jar", "artifact": "out/*.jar"},
    "image": {"base": "ami-00000000000000001", "command_line": "/java.so -jar {artifact}", "flush_wait": "10s"},
    "prices": {"instance_usd_per_hour": "1", "regime": "hourly"},
    "policy": {"trigger": "$1", "keep": "$2", "delay_price_usd": "$3"},
    "environments": [{"name": "internal", "group": "hello-internal"}],
}
END
}

for trigger in mdp predict sqrt random; do
    config $trigger terminate 0
    run config check
    is "$trigger without a price of waiting: exit code" "$code" 2
    holds "$trigger without a price of waiting: where and why" "$err" "bakehour.json:7:"
    holds "$trigger without a price of waiting: what is missing" "$err" "needs \"delay_price_usd\""
done

twin_start --speed 120 --no-throttle --group hello-internal=1
cloud="--endpoint-url $url --speed 120"

# shellcheck disable=SC2086
{
    # Waiting that costs a thousand times what a launch does is not waited for, and waiting that costs next to nothing is.
    for trigger in mdp predict:0.25 sqrt random:1; do
        config $trigger terminate 1000
        run deploy --dry-run --json $cloud
        is "$trigger, dear waiting: deploys" "$code" 0
        holds "$trigger, dear waiting: says so" "$out" '"decision":	"deploy"'
        config $trigger terminate 0.001
        run deploy --dry-run --json $cloud
        is "$trigger, cheap waiting: exit code of a wait" "$code" 75
        back=$(json_of "$out" come_back_at)
        is "$trigger, cheap waiting: comes back later" "$([ "$(date -u -d "$back" +%s)" -gt "$now" ] && echo later)" later
    done
    config budget:100000h terminate 0
    run deploy --dry-run --json $cloud
    is "a budget that nothing spends: deploys" "$code" 0

    # What plan recommends for this very repository can be written down and deployed by.
    run plan --repo . --calibration "$root/data/calibration-original.json" --price 1 --regime hourly --delay-price 0.2 --json
    is "plan: exit code" "$code" 0
    trigger=$(json_of "$out" recommended.trigger)
    keep=$(json_of "$out" recommended.keep)
    holds "plan recommends one that learns" " mdp predict:0.25 sqrt:0.5 random:1 " " $trigger "
    config "$trigger" "$keep" 0.2
    run config check
    is "what plan recommends is in order: $trigger, $keep" "$code" 0
    run deploy --dry-run --json $cloud
    is "what plan recommends decides" "$([ $code -eq 0 ] || [ $code -eq 75 ] && echo decides)" decides
    holds "what plan recommends is the reason" "$out" "$trigger"

    # watch goes by it, and the next decision knows the start in the store.
    config mdp "$keep" 1000
    run watch --yes --deployments 1 $cloud
    is "watch: exit code" "$code" 0
    has "watch: a statement" "$out" '^Deployment 1 of internal: completed$'
    run deploy --dry-run $cloud
    has "nothing waits then" "$out" '^Nothing waits to be deployed$'
    commit two
    # A pause of seconds after a commit may be worth its while: then it comes back.
    looks=0
    run deploy --dry-run --json $cloud
    while [ "$code" -eq 75 ] && [ $looks -lt 240 ]; do
        looks=$((looks + 1))
        sleep 1
        run deploy --dry-run --json $cloud
    done
    is "with a past start: deploys" "$code" 0
    is "with a past start: what waits" "$(json_of "$out" pending)" 1
}
done_testing
