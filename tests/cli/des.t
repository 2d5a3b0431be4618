#!/bin/sh
# bakehour simulate --model: the discrete-event core from a file. usage: BAKEHOUR=program tests/cli/des.t
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
unset COLUMNS NO_COLOR 2>/dev/null || true
export BAKEHOUR_NOW=1763856000 LC_ALL=C
h=$tmp/h.tsv
log_of "$h" 1759708800 0 60 100 1000 990 1500 7200 7260
# The serial model as a stage: the same figures as the replay.
cat >"$tmp/serial.json" <<'JSON'
{"name": "serial", "trigger": "window:900", "keep": "hour", "regime": "hourly", "price_usd_per_hour": "0.36",
 "per_deploy_usd": "0.01", "delay_price_usd_per_commit_hour": "0.9",
 "stages": [{"name": "pipeline", "steps": [{"name": "prepare", "seconds": 60},
   {"name": "boot", "seconds": 40, "instance": true, "launch": true},
   {"name": "bake", "seconds": 200, "instance": true}, {"name": "rollout", "seconds": 100}]}]}
JSON
exit_is "model" 0 "$BAKEHOUR" simulate --json --model "$tmp/serial.json" --log "$h"
model=$out
exit_is "replay" 0 "$BAKEHOUR" simulate --json --log "$h" --prepare 60 --boot 40 --bake 200 --rollout 100 --regime hourly \
    --price 0.36 --per-deploy 0.01 --delay-price 0.9 --trigger window:900 --keep hour
for path in commits deployments launches billed_hours money_usd waiting_usd cost_usd waiting_commit_s lead_s.mean lead_s.max; do
    is "model and replay: $path" "$(json_of "$model" policies.0.$path)" "$(json_of "$out" policies.0.$path)"
done
# What a SimPy model of the same pipeline gives (tests/peers/m1_simpy.py): mean lead 1,776 to 1,780 s, 0.1555
# hours a commit; here with the standard error of 10 runs of 50,000.
sed 's/"commits": 1000000/"commits": 50000/' "$root/data/model-m1.json" >"$tmp/m1.json"
exit_is "M1" 0 "$BAKEHOUR" simulate --json --model "$tmp/m1.json" --runs 10 --threads 2
ok "M1: mean lead" "$(awk -v x="$(json_of "$out" policies.0.lead_s.mean.mean)" 'BEGIN { print !(x > 1770 && x < 1786) }')"
ok "M1: hours" "$(awk -v x="$(json_of "$out" policies.0.billed_hours.mean)" 'BEGIN { print !(x > 7700 && x < 7850) }')"
threads=$out
exit_is "M1, one thread" 0 "$BAKEHOUR" simulate --json --model "$tmp/m1.json" --runs 10 --threads 1
ok "M1: the same for any number of threads" "$([ "$out" = "$threads" ]; echo $?)"
for i in 1 2 3; do
    "$BAKEHOUR" simulate --json --model "$tmp/m1.json" --runs 10 --shard $i/3 >"$tmp/shard$i"
done
exit_is "M1, shards" 0 "$BAKEHOUR" merge --json "$tmp/shard3" "$tmp/shard1" "$tmp/shard2"
is "M1, shards: the same to the last bit" "$out" "$(printf '%s\n' "$threads" | sed 's|bakehour.simulate/1|bakehour.merge/1|')"
refused "M1, a shard is missing" "1 of 3 shards are missing" merge "$tmp/shard1" "$tmp/shard3"
refused "M1, a shard twice" "stands twice" merge "$tmp/shard1" "$tmp/shard1"
# A model file of almost the size that is allowed goes through a shard and back.
{ cat "$tmp/m1.json" && head -c 900000 /dev/zero | tr '\0' ' '; } >"$tmp/big.json"
exit_is "a big model: a shard" 0 "$BAKEHOUR" simulate --model "$tmp/big.json" --runs 1 --shard 1/1
printf '%s\n' "$out" >"$tmp/big"
exit_is "a big model: merged" 0 "$BAKEHOUR" merge --json "$tmp/big"
sed 's/"mean_gap_s": 300/"mean_gap_s": 301/' "$tmp/m1.json" >"$tmp/m1b.json"
sed 's/"servers": 3/"servers": 4/' "$tmp/m1.json" >"$tmp/m1c.json"
"$BAKEHOUR" simulate --model "$tmp/m1c.json" --runs 10 --shard 2/3 >"$tmp/other"
refused "M1, a shard of another model" "another model" merge "$tmp/shard1" "$tmp/other"
sed 's/"figures":.*/"figures": [],/' "$tmp/shard1" >"$tmp/broken"
refused "M1, a broken shard" "broken" merge "$tmp/broken"
"$BAKEHOUR" simulate --json --model "$tmp/serial.json" --log "$h" --runs 3 --shard 1/2 >"$tmp/a"
"$BAKEHOUR" simulate --json --model "$tmp/serial.json" --log "$h" --runs 3 --shard 2/2 >"$tmp/b"
exit_is "a model over a history, shards" 0 "$BAKEHOUR" merge --json "$tmp/a" "$tmp/b"
is "a model over a history, shards: runs" "$(json_of "$out" policies.0.money_usd.runs)" 3
# Half the width of the cost's interval at 32 runs says whether more are needed; 48 are, or 72.
sed 's/"commits": 50000/"commits": 500/' "$tmp/m1.json" >"$tmp/few.json"
exit_is "precision" 0 "$BAKEHOUR" simulate --json --model "$tmp/few.json" --precision 0.01 --threads 2
precise=$out
runs=$(json_of "$out" policies.0.cost_usd.runs)
ok "precision: looked at after 32, 48, 72, ... ($runs)" "$(case $runs in 32 | 48 | 72 | 108 | 162 | 243) echo 0 ;; *) echo 1 ;; esac)"
ok "precision: kept" "$(awk -v m="$(json_of "$out" policies.0.cost_usd.mean)" -v h="$(json_of "$out" policies.0.cost_usd.half_width)" 'BEGIN { print !(h <= 0.01 * m && m > 0) }')"
exit_is "precision, five threads" 0 "$BAKEHOUR" simulate --json --model "$tmp/few.json" --precision 0.01 --threads 5
ok "precision: the same for any number of threads" "$([ "$out" = "$precise" ]; echo $?)"
exit_is "M1, text" 0 "$BAKEHOUR" simulate --model "$tmp/m1.json"
has "M1, text: paid hours" "$out" "^paid .* h$"
refused "a model and a history" "one too many" simulate --model "$tmp/m1.json" --log "$h"
refused "a model without commits" "which history" simulate --model "$tmp/serial.json"
sed 's/"servers": 3/"server": 3/' "$tmp/m1.json" >"$tmp/bad.json"
refused "a misspelt key" "unknown key \"server\"" simulate --model "$tmp/bad.json"
refused "no such file" "cannot be" simulate --model "$tmp/none.json"
sed 's/window:900/count:3/; s/"keep": "hour", //' "$tmp/serial.json" >"$tmp/count.json"
exit_is "what is left at the end goes" 0 "$BAKEHOUR" simulate --json --model "$tmp/count.json" --log "$h"
done_testing
