#!/bin/sh
# Monte Carlo throughput: replications of a history of 10,000 commits under ten policies with failures, all processors;
# how long 10,000 replications would take, and whether one thread gives the same bits. usage: bench_montecarlo.sh
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
BAKEHOUR=${BAKEHOUR:-./bakehour}
runs=${RUNS:-1000}
awk 'BEGIN { srand(5); t = 1400000000; for (i = 0; i < 10000; i++) { t += int(-1500 * log(1 - rand())); print t } }' \
    >"$tmp/log.tsv"
simulate() {
    "$BAKEHOUR" simulate --log "$tmp/log.tsv" --regime hourly --price 0.1 --delay-price 0.01 --culprit 0.03 \
        --fail-boot 0.01 --fail-build 0.05 --trigger window:15m --keep terminate --trigger window:1h --trigger count:3 \
        --trigger train:1h --trigger area:1 --trigger window:15m --keep hour --trigger window:1h --trigger count:5 \
        --trigger window:2h --trigger train:2h --json --runs "$@"
}
echo "Monte Carlo: 10,000 commits, ten policies and two baselines, failures; $runs replications"
begin=$(date +%s%N)
simulate "$runs" >"$tmp/all"
took_ms=$((($(date +%s%N) - begin) / 1000000))
times >"$tmp/times" # the second line is that of the children, user time first, as 0m6.120s
cpu_s=$(awk 'NR == 2 { split($1, part, /[ms]/); printf "%.1f", part[1] * 60 + part[2] }' "$tmp/times")
simulate 50 --threads 1 >"$tmp/one"
simulate 50 --threads 3 >"$tmp/three"
cmp -s "$tmp/one" "$tmp/three" && same="the same bits" || same="DIFFERENT bits"
echo "  $took_ms ms, $cpu_s s of CPU time: 10,000 replications take $(awk -v s="$cpu_s" -v runs="$runs" 'BEGIN { printf "%.0f", s * 10000 / runs }') s of it," \
    "$(getconf _NPROCESSORS_ONLN) processors share it; one thread and three give $same"
echo
