#!/bin/sh
# bakehour workload fit, draw, stats and --workload. usage: BAKEHOUR=program tests/cli/workload.t
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
unset COLUMNS NO_COLOR 2>/dev/null || true
export BAKEHOUR_NOW=1790000000 LC_ALL=C
sample=$root/data/sample-history.tsv.gz

exit_is "fit" 0 "$BAKEHOUR" workload fit --log "$sample"
printf '%s\n' "$out" >"$tmp/w.json"
is "fit: 168 hours" "$(printf '%s\n' "$out" | json_flat | grep -c '^hour_of_week\.')" 168
exit_is "generate" 0 "$BAKEHOUR" workload draw --workload "$tmp/w.json" --seed 3
printf '%s\n' "$out" >"$tmp/drawn.tsv"
exit_is "generate again" 0 "$BAKEHOUR" workload draw --workload "$tmp/w.json" --seed 3
ok "generate: the same seed, the same history" "$(printf '%s\n' "$out" | cmp -s - "$tmp/drawn.tsv"; echo $?)"
exit_is "generate, another seed" 0 "$BAKEHOUR" workload draw --workload "$tmp/w.json" --seed 4
ok "generate: another seed, another history" "$(printf '%s\n' "$out" | cmp -s - "$tmp/drawn.tsv" && echo 1 || echo 0)"
exit_is "simulate the file" 0 "$BAKEHOUR" simulate --json --log "$tmp/drawn.tsv" --trigger idle --price 1
lead=$(json_of "$out" policies.0.lead_s.mean)
exit_is "simulate the workload" 0 "$BAKEHOUR" simulate --json --workload "$tmp/w.json" --seed 3 --trigger idle --price 1
is "simulate: the workload is the history that generate writes" "$(json_of "$out" policies.0.lead_s.mean)" "$lead"
exit_is "many runs" 0 "$BAKEHOUR" simulate --json --workload "$tmp/w.json" --seed 3 --trigger idle --price 1 --runs 40 --push-gap 60
ok "many runs: histories differ" "$(awk -v x="$(json_of "$out" policies.0.commits.half_width)" 'BEGIN { print !(x > 1) }')"
many=$out
exit_is "many runs, one thread" 0 "$BAKEHOUR" simulate --json --workload "$tmp/w.json" --seed 3 --trigger idle --price 1 --runs 40 --push-gap 60 --threads 1
ok "many runs: the same for any threads" "$([ "$out" = "$many" ]; echo $?)"
exit_is "a part of it" 0 "$BAKEHOUR" simulate --json --workload "$tmp/w.json" --from 2025-03-01 --to 2025-04-01 --price 1
is "a part of it: a month" "$(json_of "$out" policies.0.by_month.0.month)$(json_of "$out" policies.0.by_month.2.month)" "2025-03"
exit_is "compare" 0 "$BAKEHOUR" workload stats --json --log "$sample" --workload "$tmp/w.json" --runs 30
for measure in per_week within_10_min; do
    ok "compare: $measure within 4 %" "$(awk -v a="$(json_of "$out" real.$measure)" -v b="$(json_of "$out" drawn.$measure)" 'BEGIN { print !(b > 0.96 * a && b < 1.04 * a) }')"
done
exit_is "plan on a workload" 0 "$BAKEHOUR" plan --workload "$tmp/w.json" --price 0.1
refused "two histories" "exclude each other" simulate --workload "$tmp/w.json" --log "$sample"
refused "a broken file" "is no key" simulate --workload "$root/data/model-m1.json"
refused "nothing to fit" "which history" workload fit
head -c 200 "$tmp/drawn.tsv" >"$tmp/few.tsv"
refused "too little" "50 commits" workload fit --log "$tmp/few.tsv"

# Real histories: what was fitted has the real one's rate and share of short gaps.
logs=$root/../shared/commit-logs
if [ -d "$logs" ]; then
    for name in alphagov__frontend guardian__support-frontend rust-lang__crates.io cloudius-systems__osv; do
        exit_is "$name" 0 "$BAKEHOUR" workload stats --json --log "$logs/$name.tsv.gz" --from 2021-01-01 --to 2024-01-01
        ok "$name: months vary, but less than real ones do or up to half more" "$(awk -v a="$(json_of "$out" real.monthly_spread)" -v b="$(json_of "$out" drawn.monthly_spread)" 'BEGIN { print !(b > 1.2 && b < 1.5 * a) }')"
        for measure in per_week within_10_min; do
            ok "$name: $measure within 6 %" "$(awk -v a="$(json_of "$out" real.$measure)" -v b="$(json_of "$out" drawn.$measure)" 'BEGIN { print !(b > 0.94 * a && b < 1.06 * a) }')"
        done
    done
else
    ok "real histories # SKIP they are not here" 0
fi
done_testing
