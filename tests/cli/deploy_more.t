#!/bin/sh
# deploy over the wire, against the twin: detached, asked to stop by a signal, watched, held by a budget, with an image
# of a guest that was shut down; and where secrets could show while it runs.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git python3
# number.py STORE N: the environment's last deployment is number N.
cat >"$tmp/number.py" <<'END'
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
partition, key, text = db.execute("SELECT partition, key, document FROM items WHERE partition LIKE 'env#internal%' AND key LIKE 'd#%' ORDER BY key DESC").fetchone()
record = dict(json.loads(text), number=int(sys.argv[2]))
db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, 1, ?)", (partition, "d#%08d" % record["number"], json.dumps(record)))
db.commit()
END
SINK_TOKEN=token-of-a-sink
export SINK_TOKEN

configure() { # configure BUDGETS ORDER
    configuration <<END
"image": {"base": "ami-00000000000000001", "command_line": "/java.so -jar {artifact}", "flush_wait": "10s", "order": "$2"},
"sinks": [{"kind": "file", "path": "events.jsonl"}, {"kind": "slack", "url_env": "SINK_TOKEN"}],
"budgets": [$1],
END
}

# Deployment 6 has an image that never becomes healthy.
cat >"$tmp/faults.json" <<'END'
{"faults": [{"action": "boot", "match": "bakehour:deployment=6 bakehour:role=service", "fault": "unhealthy"}]}
END
site 300 --group hello-internal=1 --faults "$tmp/faults.json" </dev/null
configure '' flush
ok "every call is held to the policy" "$(twin_policy && echo 0 || echo 1)"

# shellcheck disable=SC2086
{
    # Detached.
    run deploy --now --yes --detach $cloud
    is "deploy --detach: exit code" "$code" 75
    hasnt "deploy --detach: leaves before the image is done" "$err" 'image is done'
    run status
    has "deploy --detach: the run is unfinished" "$out" 'unfinished  run r-'
    run resume $cloud
    is "deploy --detach, resume: exit code" "$code" 0
    has "deploy --detach, resume: completed" "$out" '^Deployment 1 of internal: completed$'

    # A signal while the image is made.
    n=1
    for signal in TERM INT; do
        n=$((n + 1))
        commit "$signal"
        # A shell lets what runs in the background ignore SIGINT; the program asks for it itself.
        : >"$tmp/run.err" # now: nobody reads the last one's notes
        slow_next image 300
        "$BAKEHOUR" deploy --now --yes $cloud >"$tmp/run.out" 2>"$tmp/run.err" &
        runner=$!
        ok "SIG$signal: it gets as far as the image" "$(until_there 'command-line is done' "$tmp/run.err" && echo 0 || echo 1)"
        ps -ef >"$tmp/ps.$signal" 2>/dev/null || true
        kill -s $signal $runner
        leaves $runner
        is "SIG$signal: leaves by the signal: exit code" "$left" 75
        run status
        has "SIG$signal: the run is unfinished" "$out" 'unfinished  run r-'
        run resume $cloud
        is "SIG$signal, resume: exit code" "$code" 0
        has "SIG$signal, resume: completed" "$out" "^Deployment $n of internal: completed\$"
        run gc --dry-run $cloud
        has "SIG$signal: nothing is left over" "$out" '^Nothing is left over.$'
    done

    # Watched.
    : >"$tmp/watch.err" # now: nobody reads the last one's notes
    "$BAKEHOUR" watch --yes --every 5s $cloud >"$tmp/watch.out" 2>"$tmp/watch.err" &
    runner=$!
    commit watched
    ok "watch: deploys a new commit" \
        "$(until_there '^Deployment 4 of internal: completed$' "$tmp/watch.out" && echo 0 || echo 1)"
    note "$(tail -n 5 "$tmp/watch.out" "$tmp/watch.err")"
    kill $runner
    leaves $runner
    is "watch: leaves on SIGTERM: exit code" "$left" 0
    runner=

    # What is held counts before a deployment: a reservation's fees alone, of ten thousand dollars an hour, reach a limit
    # that the deployments are far from.
    printf 'type,region,hourly_usd,start,end\nm5.large,us-east-1,10000,2015-01-01,2040-01-01\n' >.bakehour/reserved.csv
    configure '{"name": "roomy", "limit_usd": "90", "hard": true}' flush
    commit held
    run deploy --now --yes --dry-run $cloud
    is "a budget with room: exit code" "$code" 0
    sed -i 's|"budgets": |"prices": {"reserved": ".bakehour/reserved.csv"}, "budgets": |' bakehour.json
    run deploy --now --yes $cloud
    is "over by what is held: exit code" "$code" 3
    has "over by what is held: which one" "$err" 'budget "roomy": .* reach the limit of '
    run ledger check
    is "over by what is held: the ledger is sound" "$code" 0
    is "over by what is held: nothing was booked by looking" "$(grep -c -a 'what the month' .bakehour/ledger.db)" 0
    cp .bakehour/ledger.db "$tmp/settled.db"
    run ledger settle --ledger "$tmp/settled.db" --reserved .bakehour/reserved.csv
    is "over by what is held: what is booked could be seen" "$(grep -c -a 'what the month' "$tmp/settled.db" | sed 's/[1-9].*/some/')" some

    # A price file that is missing stops a deployment only where a hard budget asks for it.
    configure '{"name": "roomy", "limit_usd": "90"}' flush
    sed -i 's|"budgets": |"prices": {"reserved": ".bakehour/none.csv"}, "budgets": |' bakehour.json
    run deploy --now --yes --dry-run $cloud
    is "no price file, a soft budget: exit code" "$code" 0
    sed -i 's|"limit_usd"|"hard": true, "limit_usd"|' bakehour.json
    run deploy --now --yes --dry-run $cloud
    is "no price file, a hard budget: exit code" "$code" 2
    has "no price file, a hard budget: said" "$err" 'none.csv'

    # Over a hard budget: what four deployments have cost is more than a ten thousandth of a dollar.
    configure '{"name": "tight", "limit_usd": "0.0001", "project": "hello", "hard": true}' shutdown
    commit dear
    run deploy --now --yes $cloud
    is "over a hard budget: exit code" "$code" 3
    has "over a hard budget: which one" "$err" 'budget "tight": .* reach the limit of '
    run history --csv
    is "over a hard budget: nothing was begun" "$(printf '%s\n' "$out" | grep -c ',deploy,')" 4
    run rollback --yes --dry-run $cloud
    is "over a hard budget: a way back is open" "$code" 0
    run deploy --now --yes --dry-run --override 'a look' $cloud
    is "--override with --dry-run: exit code" "$code" 0
    is "--override with --dry-run: nothing is booked" "$(grep -c -a 'a look' .bakehour/ledger.db)" 0
    run deploy --now --yes --override 'a person said so' $cloud
    is "--override: exit code" "$code" 0
    has "--override: completed" "$out" '^Deployment 5 of internal: completed$'
    run show --journal
    has "order shutdown: the guest is shut down before its image is made" "$out" 'POST /os/shutdown'
    run budget check
    is "all that was booked has a price: over the budget, not unknown" "$code" 3
    is "--override: booked under its deployment" "$(grep -q -a 'override:internal/5@' .bakehour/ledger.db && echo yes)" yes
    is "--override: its reason is booked" "$(grep -c -a 'a person said so' .bakehour/ledger.db)" 1
    has "--override: budget check tells it" "$out" 'deployment internal/5: a person said so$'
    run show
    has "--override: show tells it" "$out" 'deployment internal/5: a person said so$'
    holds "--override: show tells the limit" "$out" 'budget "tight": '
    run show --deployment 4
    hasnt "--override: only of that deployment" "$out" 'a person said so'
    run show --json
    is "--override: show as JSON" "$(json_of "$out" overrides.0.reason)" "a person said so"
    run history
    has "--override: history tells it" "$out" 'deployment internal/5: a person said so$'
    run history --csv
    has "--override: history as CSV" "$out" '^5,.*,a person said so$'
    run history --json
    is "--override: history as JSON" "$(json_of "$out" deployments.4.override)" "a person said so"
    is "--override: history as JSON: none" "$(json_of "$out" deployments.3.override)" null
    # A broken image: the report has what it launched in vain, what the cap allowed, and what none would have cost.
    configure '' flush
    commit broken
    run deploy --now --yes $cloud
    is "a broken image: exit code" "$code" 6
    run show --json
    hours=$(json_of "$out" storm_instance_s | awk '{ printf "%.2f", $1 / 3600 }')
    cap=$(json_of "$out" storm_cap_instance_s | awk '{ printf "%.2f", $1 / 3600 }')
    run report --out - --limit-usd 1
    has "a broken image: the report" "$out" '<td class="state">capped</td><td class="right">3</td><td class="right">'"$hours"'</td><td class="right">'"$cap"'</td><td class="right">[0-9.]*</td>.*<td>internal/6</td>'
    holds "a broken image: the report has the override too" "$out" '<td>internal/5</td><td class="words">a person said so</td>'
    # A ledger that was lost (a runner's disk was new) is no month without cost: it is filled from the store first: then
    # what was spent and the estimate reach a limit between the estimate and both.
    commit "after the loss"
    configure '{"name": "month", "limit_usd": "100", "project": "hello", "hard": true}' flush
    run deploy --now --yes --dry-run --json $cloud
    estimate=$(json_of "$out" plan.estimate_usd)
    run budget check --json
    limit=$(echo "$estimate $(json_of "$out" budgets.0.actual_usd)" | awk '{ printf "%.10f", $1 + $2 / 2 }')
    configure '{"name": "month", "limit_usd": "'"$limit"'", "project": "hello", "hard": true}' flush
    rm -f .bakehour/ledger.db*
    run deploy --now --yes $cloud
    is "a lost ledger: exit code" "$code" 3
    has "a lost ledger: what was spent is known again" "$err" 'budget "month": .* reach the limit of '
    run bill --ledger .bakehour/ledger.db --by deployment --csv
    is "a lost ledger: all six are booked" "$(printf '%s\n' "$out" | grep -c '^internal/[1-6],')" 6
    # More deployments than are looked at: what the older ones cost is not known, which a person may take on.
    cp .bakehour/state.db "$tmp/kept.db"
    mkdir "$tmp/kept"
    mv .bakehour/ledger.db* "$tmp/kept/"
    for last in 20 21; do
        python3 "$tmp/number.py" .bakehour/state.db $last
        run deploy --now --yes --dry-run $cloud
        is "a lost ledger, $last deployments: exit code" "$code" "$([ $last -eq 20 ] && echo 0 || echo 2)"
    done
    has "a lost ledger, 21 deployments: said" "$err" 'ledger.db has no entry, though internal has 21 deployments'
    run deploy --now --yes --dry-run --override 'the bill is at hand' $cloud
    is "a lost ledger, 21 deployments: a person takes it on" "$code" 0
    sed -i 's/, "hard": true//' bakehour.json
    run deploy --now --yes --dry-run $cloud
    is "a lost ledger, 21 deployments: a soft budget stops nothing" "$code" 0
    rm -f .bakehour/state.db* .bakehour/ledger.db*
    mv "$tmp/kept.db" .bakehour/state.db
    mv "$tmp"/kept/* .bakehour/
    # What has no price is not known.
    configure '{"name": "month", "limit_usd": "100", "project": "hello", "hard": true}' flush
    printf 'instance,type,region,start,end\ni-x,no.such,us-east-1,2026-01-01T00:00:00Z,2026-01-01T01:00:00Z\n' >"$tmp/odd.csv"
    run ledger import --ledger .bakehour/ledger.db --usage "$tmp/odd.csv"
    run deploy --now --yes --dry-run $cloud
    is "a use without a price: exit code" "$code" 2
    has "a use without a price: said" "$err" 'what was spent is not known, so the hard budget cannot be kept: 1 use has no price'
    run deploy --now --yes --dry-run --override 'known to be small' $cloud
    is "a use without a price: a person takes it on" "$code" 0
    configure '{"name": "month", "limit_usd": "100", "project": "hello"}' flush
    run deploy --now --yes --dry-run $cloud
    is "a use without a price: a soft budget stops nothing" "$code" 0
    refused "--override without a reason" "a reason is needed: it is booked" deploy --now --yes --override ' ' $cloud
}

# Secrets.
has "ps shows the run" "$(cat "$tmp/ps.TERM")" ' deploy --now --yes '
leaks=$(grep -rl -e bakehour-twin -e token-of-a-sink .bakehour events.jsonl "$tmp"/run.* "$tmp"/watch.* "$tmp"/ps.* |
    tr '\n' ' ')
is "no secret in arguments, store, ledger, events or output" "$leaks" ""
is "no right was missing" "$(twin_denied)" null
done_testing
