#!/bin/sh
# make bench: replay by trigger; reading a repository beside bare git; plan over 100,000 commits. usage: bench.sh BUILD
set -eu
build=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
BAKEHOUR=${BAKEHOUR:-./bakehour}
export BAKEHOUR

"$build/tests/bench_replay"
"$build/tests/bench_lanes"
"$build/tests/bench_cloud"
"$build/tests/bench_twin"
echo "a shared ledger's cache"
LEDGER_BENCH=10000 "$build/tests/test_ledger_log" 2>/dev/null | grep '^#'
echo "a decision that says wait"
BENCH=1 sh tests/cli/wait.t | grep '^# wait'
echo "fifty runners"
RUNNERS=50 RUNNERS_SEEDS=20 "$build/tests/test_runners" 2>/dev/null | grep '^#'
RUNNERS=50 COMMITS=12 VARIANT=release sh tests/cli/runners.t | grep '^#'

echo "plan with its default grid over 100,000 commits (text output, no plot)"
awk 'BEGIN { srand(5); t = 1400000000; for (i = 0; i < 100000; i++) { t += int(-900 * log(1 - rand())); print t } }' \
    >"$tmp/log.tsv"
for regime in second hourly; do
    best=""
    for round in 1 2 3 4 5; do
        begin=$(date +%s%N)
        "$BAKEHOUR" plan --log "$tmp/log.tsv" --price 0.1 --delay-price 0.01 --regime $regime >/dev/null
        ms=$((($(date +%s%N) - begin) / 1000000))
        best="$best $ms"
    done
    echo "  --regime $regime: median $(printf '%s\n' $best | sort -n | sed -n 3p) ms of:$best"
done
/usr/bin/env sh -c 'command -v /usr/bin/time >/dev/null' && /usr/bin/time -f '  peak memory %M KB' \
    "$BAKEHOUR" plan --log "$tmp/log.tsv" --price 0.1 >/dev/null
echo
sh tests/bench_history.sh
echo
sh tests/bench_montecarlo.sh
echo
sh tests/bench_organisation.sh
sh tests/bench_reports.sh "$build"
sh tests/bench_peers.sh "$build"
