#!/bin/sh
# bakehour simulate with things that go wrong, rollout modes and many runs: by hand where it can be.
# usage: BAKEHOUR=program tests/cli/failures.t
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
unset COLUMNS NO_COLOR 2>/dev/null || true
export BAKEHOUR_NOW=1763856000 LC_ALL=C
base=1759708800 # 2025-10-06T00:00:00Z
h=$tmp/h.tsv
log_of "$h" $base 0 60 100 1000 990 1500 7200 7260
pipeline="--prepare 60 --boot 40 --bake 200 --rollout 100"
hourly="--regime hourly --price 0.36"

# Every image fails to boot once: the first deployment's bake ends 300 s behind its start, 3 launches of 180 s, rollback
# 100 s, so 940 s later it is tried again and takes 400 s.
# idle: s 0: 0 | storm, back at 940; s 940: 0 60 100 | 1340 | s 1340: 1000 1000 | storm, back at 2280; s 2280: 1000 1000
# 1500 | 2680; s 7200: 7200 | storm, 8140; s 8140: 7200 7260 | 8540. Six bakes; nine storm hours.
exit_is "a storm for each image" 0 "$BAKEHOUR" simulate --json --log "$h" $pipeline $hourly --trigger idle --fail-boot 1
figures "a storm for each image: figures" "$out" policies.0. '
    commits 8
    deployments 6
    launches 6
    billed_hours 6
    by_kind.instance 2.1600000000
    by_kind.storm 3.2400000000
    money_usd 5.4000000000
    lead_s.max 1680
    lead_s.p50 1280
    failures.attempts 6
    failures.storms 3
    failures.storm_launches 9
    failures.storm_hours 9
    failures.rolled_back 0
    failures.delivered 8
    delivery.change_failure_rate 0.5
    delivery.restore_mean_s 640
    delivery.deployments_per_day 3'
# A night of 8 h, a launch each 180 s, 4 of 10 slots at a time: 640 hours uncapped; half of ten, 5 a slot: 20.
exit_is "what a storm costs" 0 "$BAKEHOUR" simulate --json --log "$h" $pipeline $hourly --fail-boot 0.1 --fleet 10 --surge 4
figures "what a storm costs: figures" "$out" storm. '
    slots 4
    uncapped.launches 640
    uncapped.hours 640
    uncapped.cost_usd 230.4000000000
    capped.launches_a_slot 5
    capped.hours 20
    capped.cost_usd 7.2000000000
    capped.length_s 900'
run simulate --log "$h" $pipeline $hourly --trigger idle --fail-boot 1 --fleet 10 --surge 4 --storm-usd 3 --night 1h
storm=$(printf '%s\n' "$out" | sed -n '/^A storm/,/^Baselines/p' | sed '/^Baselines/d' | tr -s ' \n' ' ')
is "a storm in a sentence" "$storm" "A storm: an image that does not boot costs in one night (60 min) 80 launches, 80 paid h, 28.80 USD; capped at 2 launches a slot 8 launches, 8 paid h, 2.88 USD. "
exit_is "uncapped" 0 "$BAKEHOUR" simulate --json --log "$h" $pipeline $hourly --trigger idle --fail-boot 1 --storm-cap 0 --night 600
is "uncapped: three launches in 600 s" "$(json_of "$out" policies.0.failures.storm_launches)" 9

# All commits are culprits: nothing is delivered, and the program ends.
exit_is "all culprits" 0 "$BAKEHOUR" simulate --json --log "$h" $pipeline $hourly --trigger idle --culprit 1
is "all culprits: all reverted" "$(json_of "$out" policies.0.failures.reverted) $(json_of "$out" policies.0.failures.delivered)" "8 0"
exit_is "all caught" 0 "$BAKEHOUR" simulate --json --log "$h" $pipeline $hourly --trigger idle --culprit 1 --caught 1 --runner-usd-per-minute 1
is "all caught: nothing launched" "$(json_of "$out" policies.0.launches) $(json_of "$out" policies.0.money_usd)" "0 $(json_of "$out" policies.0.failures.attempts).0000000000"

# The fleet in the hourly regime: one instance from 0 on, one commit; the bake ends at 300, rollout 100.
# naive: the old one ends at 400 (an hour), the new one runs from 300 to the books' end, 400: an hour more than without.
# hour-end: the old one ends at 3600, the new starts at 3500; the commit is delivered at 3600.
log_of "$tmp/one.tsv" $base 0
for mode in naive hour-end; do
    exit_is "$mode" 0 "$BAKEHOUR" simulate --json --log "$tmp/one.tsv" $pipeline $hourly --trigger idle --fleet 1 --rollout-mode $mode --to 2025-10-06T10:00:00Z
    echo "$(json_of "$out" policies.0.by_kind.fleet) $(json_of "$out" policies.0.lead_s.max)" >"$tmp/$mode"
done
# until 10:00: undisturbed 10 h. naive: 1 + ceil((36000 - 300) / 3600) = 11 h. hour-end: 1 + ceil((36000 - 3500) / 3600) = 11 h.
is "naive: an hour" "$(cat "$tmp/naive")" "0.3600000000 400"
is "hour-end: the same once, delivered at the hour" "$(cat "$tmp/hour-end")" "0.3600000000 3600"
exit_is "hour-end, limited" 0 "$BAKEHOUR" simulate --json --log "$tmp/one.tsv" $pipeline $hourly --trigger idle --fleet 1 --rollout-mode hour-end --rollout-limit 30m
is "hour-end, limited: at once" "$(json_of "$out" policies.0.lead_s.max)" 400
# A commit a day at 00:30 past: naive loses an hour a rollout; hour-end opens the next hour as the old one ends.
log_of "$tmp/days.tsv" $base 0 88200 174600 261000 347400 433800
for mode in naive hour-end; do
    exit_is "days, $mode" 0 "$BAKEHOUR" simulate --json --log "$tmp/days.tsv" $pipeline $hourly --trigger idle --fleet 10 --surge 5 --rollout-mode $mode
    json_of "$out" policies.0.by_kind.fleet >"$tmp/$mode"
done
ok "hour-end pays less ($(cat "$tmp/hour-end") < $(cat "$tmp/naive"))" "$(awk -v a="$(cat "$tmp/hour-end")" -v b="$(cat "$tmp/naive")" 'BEGIN { print !(a < b / 2) }')"
run simulate --log "$h" $pipeline --price 1 --regime second --fleet 2 --rollout-mode hour-end
is "hour-end by the second: done" "$code" 0
holds "hour-end by the second: said" "$err" "no paid hour is lost"

# --- many runs
args="simulate --log $h $pipeline $hourly --trigger idle --trigger window:15m --keep hour --culprit 0.1 --fail-boot 0.1 --delay-price 0.9 --runs 60 --seed 7"
exit_is "runs" 0 "$BAKEHOUR" $args --json
whole=$out
for path in deployments launches billed_hours waiting_commit_s lead_s.mean lead_s.p95 delivery.change_failure_rate failures.storms by_month.0.deployments; do
    is "runs: $path has its three" "$(printf '%s\n' "$out" | json_flat | grep -c "^policies\.1\.$path\.\(mean\|half_width\|runs\) [0-9.e-]*$")" 3
done
is "runs: money is text of ten decimals" "$(printf '%s\n' "$out" | json_flat | grep -c '^policies.0.\(money\|cost\|waiting\)_usd.\(mean\|half_width\) [0-9]*\.[0-9]\{10\}$')" 6
is "runs: the number" "$(json_of "$out" policies.0.money_usd.runs)" 60
is "runs: commits are certain" "$(json_of "$out" policies.0.commits.mean) $(json_of "$out" policies.0.commits.half_width)" "8 0"
exit_is "one thread" 0 "$BAKEHOUR" $args --json --threads 1
ok "one thread: the same" "$([ "$out" = "$whole" ]; echo $?)"
exit_is "five threads" 0 "$BAKEHOUR" $args --json --threads 5
ok "five threads: the same" "$([ "$out" = "$whole" ]; echo $?)"
for i in 1 2 3; do
    "$BAKEHOUR" $args --shard $i/3 >"$tmp/shard$i"
done
exit_is "merge" 0 "$BAKEHOUR" merge --json "$tmp/shard2" "$tmp/shard3" "$tmp/shard1"
is "merge: the same to the last bit" "$out" "$(printf '%s\n' "$whole" | sed 's|bakehour.simulate/1|bakehour.merge/1|')"
exit_is "merge, text" 0 "$BAKEHOUR" merge "$tmp/shard2" "$tmp/shard3" "$tmp/shard1"
has "merge, text: the runs" "$out" "^60 replications, seed 7"
AWS_BATCH_JOB_ARRAY_INDEX=2 AWS_BATCH_JOB_ARRAY_SIZE=3 "$BAKEHOUR" $args --shard auto >"$tmp/auto"
ok "a part by the environment" "$(cmp -s "$tmp/auto" "$tmp/shard2"; echo $?)"
refused "a shard is missing" "1 of 3 shards are missing" merge "$tmp/shard1" "$tmp/shard2"
exit_is "a shard is missing, partial" 0 "$BAKEHOUR" merge --partial --json "$tmp/shard1" "$tmp/shard2"
is "a shard is missing, partial: 40 runs" "$(json_of "$out" monte_carlo.runs)" 40
refused "a shard twice" "stands twice" merge "$tmp/shard1" "$tmp/shard1" "$tmp/shard2"
"$BAKEHOUR" $args --seed 8 --shard 2/3 >"$tmp/other"
refused "a shard of another seed" "another seed" merge "$tmp/shard1" "$tmp/other"
refused "no shard at all" "\"schema\" is missing or wrong" merge "$root/data/calibration-original.json"
refused "which shards" "which shards" merge
run simulate --log "$h" --price 1 --runs 5 --json
holds "nothing is drawn: said" "$err" "nothing is drawn"
is "nothing is drawn: no width" "$(json_of "$out" policies.0.money_usd.half_width)" 0.0000000000
exit_is "precision" 0 "$BAKEHOUR" simulate --log "$h" $pipeline $hourly --culprit 0.1 --precision 0.05 --json
ok "precision: enough runs" "$([ "$(json_of "$out" monte_carlo.runs)" -ge 32 ]; echo $?)"

# --- fitted: two of eight rows are reverts; four of six commits of a repository
{ echo "#unix	x	revert(1=subject)"; n=0; while read -r t; do n=$((n + 1)); echo "$t	1	$([ $n -eq 2 ] && echo 1 || { [ $n -eq 5 ] && echo 2 || echo 0; })"; done <"$h"; } >"$tmp/rev.tsv"
run simulate --log "$tmp/rev.tsv" --price 1 --culprit fit
holds "fit: a log's share" "$err" "2 of 8 commits are reverts: 0.2500"
refused "fit: a log without the column" "needs a last column" simulate --log "$h" --price 1 --culprit fit
git init -q "$tmp/repo"
for subject in one "Revert one" two "revert: two" "Merge pull request #3 from x/revert-2-y" "Merge branch 'revert-3'"; do
    GIT_COMMITTER_DATE="@1700000000 +0000" git -C "$tmp/repo" -c user.name=a -c user.email=a commit -q --allow-empty -m "$subject"
done
run simulate --repo "$tmp/repo" --price 1 --culprit fit
holds "fit: a repository's share" "$err" "4 of 6 commits are reverts: 0.6667"

# --- refusals
for bad in "--fail-build 1" "--fail-boot 1.1" "--culprit -0.1" "--culprit x" "--on-fail pray" "--rollout-mode fast" \
    "--storm-cycle 0" "--bake-tries 0" "--threads 2" "--shard 1/2" "--runs 0" "--runs 5 --threads 0" \
    "--runs 5 --shard 3/2" "--runs 5 --precision 0" "--runs 9 --precision 0.1 --shard 1/2" "--seed 4294967296" "--rollout-limit 5m"; do
    exit_is "refused: $bad" 2 "$BAKEHOUR" simulate --log "$h" --price 1 $bad
done
done_testing
