#!/bin/sh
# make bench: replay by trigger; reading a repository beside bare git; plan over 100,000 commits. usage: bench.sh BUILD
set -eu
build=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
BAKEHOUR=${BAKEHOUR:-./bakehour}
export BAKEHOUR

# told PATTERN COMMAND...: runs a test and shows the lines of its output that match; all of it, and the end, where it fails.
told() {
    pattern=$1
    shift
    "$@" >"$tmp/told" 2>&1 || { cat "$tmp/told"; exit 1; }
    grep -e "$pattern" -e 'SKIP' "$tmp/told"
}

"$build/tests/bench_replay"
"$build/tests/bench_lanes"
"$build/tests/bench_cloud"
"$build/tests/bench_twin"
echo "a shared ledger's cache"
told '^#' env LEDGER_BENCH=10000 "$build/tests/test_ledger_log"
echo "a decision that says wait"
told '^# wait' env BENCH=1 sh tests/cli/wait.t
echo "fifty runners"
told '^#' env RUNNERS=50 RUNNERS_SEEDS=20 "$build/tests/test_runners"
told '^#' env BENCH=1 RUNNERS=50 COMMITS=12 VARIANT=release sh tests/cli/runners.t

awk 'BEGIN { srand(5); t = 1400000000; for (i = 0; i < 100000; i++) { t += int(-900 * log(1 - rand())); print t } }' \
    >"$tmp/log.tsv"
plans() { # plans OPTIONS: the time of plan in both regimes
    for regime in second hourly; do
        each=""
        for _ in 1 2 3 4 5; do
            begin=$(date +%s%N)
            # shellcheck disable=SC2086
            "$BAKEHOUR" plan --log "$tmp/log.tsv" --price 0.1 $1 --regime $regime >/dev/null
            each="$each $((($(date +%s%N) - begin) / 1000000))"
        done
        # shellcheck disable=SC2086
        memory=$(/usr/bin/time -f '%M KB' "$BAKEHOUR" plan --log "$tmp/log.tsv" --price 0.1 $1 --regime $regime 2>&1 >/dev/null || true)
        # shellcheck disable=SC2086
        echo "  --regime $regime: $memory, median $(printf '%s\n' $each | sort -n | sed -n 3p) ms of:$each"
    done
}
echo "plan with its default grid over 100,000 commits (text output, no plot)"
plans ""
echo "the same with --delay-price 0.01: triggers that learn, and the optimum"
plans "--delay-price 0.01"
echo
sh tests/bench_history.sh
echo
sh tests/bench_montecarlo.sh
echo
sh tests/bench_organisation.sh
sh tests/bench_reports.sh "$build"
sh tests/bench_peers.sh "$build"
