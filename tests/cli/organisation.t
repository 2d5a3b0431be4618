#!/bin/sh
# bakehour organisation: lists, figures by hand and against plan and simulate, shared hours, parts, going on.
# usage: BAKEHOUR=program tests/cli/organisation.t
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
unset COLUMNS NO_COLOR SLURM_ARRAY_TASK_ID AWS_BATCH_JOB_ARRAY_INDEX JOB_COMPLETION_INDEX 2>/dev/null || true
export BAKEHOUR_NOW=1763856000 LC_ALL=C
hour=1759708800 # 2025-10-06T00:00:00Z
mkdir "$tmp/logs"
log_of "$tmp/logs/a.tsv" $hour 0
log_of "$tmp/logs/b.tsv" $hour 60 3660 7000
log_of "$tmp/logs/c.tsv" $hour 120 130
terms="--prepare 0 --boot 0 --bake 600 --rollout 0 --price 1 --regime hourly"

# --- by hand: six deployments of every + terminate open an hour each: three in the first clock hour (a, b, c), c's
# second (its first is busy until 720) in it too, b's others in the second hour: 4 and 2.
run organisation "$tmp/logs" $terms --policy every --json
is "six hours on demand" "$(json_of "$out" policies.0.money_usd) $(json_of "$out" policies.0.deployments)" "6.0000000000 6"
is "idle: the same six" "$(json_of "$out" policies.1.money_usd)" 6.0000000000
for expected in "1 4.0000000000 2" "2 2.0000000000 4" "3 1.0000000000 5" "4 0.0000000000 6"; do
    set -- $expected
    run organisation "$tmp/logs" $terms --policy every --reserved $1 --json
    is "$1 shared by clock hours" "$(json_of "$out" policies.0.money_usd) $(json_of "$out" policies.0.reserved_hours)" "$2 $3"
    is "$1 shared by clock hours: each its best" "$(json_of "$out" each_its_best.money_usd)" "$2"
done
run organisation "$tmp/logs" $terms --policy every --reserved 1 --reserved-model pool --json
is "a pool covers all six" "$(json_of "$out" policies.0.money_usd) $(json_of "$out" policies.0.reserved_usd)" "0.0000000000 6.0000000000"
cat >"$tmp/own.csv" <<END
service,log,instance,price
first,logs/a.tsv,,
second,logs/b.tsv,,2
third,logs/c.tsv,,
END
run organisation "$tmp/own.csv" $terms --policy every --reserved 1 --json
is "another price does not share" "$(json_of "$out" policies.0.money_usd) $(json_of "$out" services.1.shares_reserved)" "8.0000000000 false"

# --- one service is what plan and simulate say
log_of "$tmp/one.tsv" $hour $(awk 'BEGIN { for (i = t = 0; i < 400; i++) { t += 97 * i * i % 5003; print t } }')
fleet="--prepare 60 --boot 40 --bake 200 --rollout 100 --fleet 3 --surge 1 --drain 30 --image-gb 2 --runner-usd-per-minute 0.006"
fails="--culprit 0.05 --fail-boot 0.02"
for regime in hourly second; do
    for limit in "" "--max-lead 40m" "--max-usd 300" "--delay-price 1"; do
        run plan --log "$tmp/one.tsv" $fleet --price 0.9 --regime $regime $limit --csv
        plan=$(printf '%s\n' "$out" | grep recommended | cut -d, -f1,2)
        has "plan recommends: $regime $limit" "$plan" '^[a-z]*[:0-9a-z]* + .*,[0-9]'
        run organisation "$tmp/one.tsv" $fleet --price 0.9 --regime $regime $limit --csv
        is "as plan: $regime $limit" "$(printf '%s\n' "$out" | sed 1d | cut -d, -f3,4)" "$plan"
    done
    for reserved in "--reserved 1" "--reserved 4" "--reserved 2 --reserved-model pool" "--reserved 4 --reserved-model pool"; do
        run simulate --log "$tmp/one.tsv" $fleet --price 0.9 --regime $regime --trigger count:2 $reserved --json
        simulate="$(json_of "$out" policies.0.money_usd) $(json_of "$out" policies.0.lead_s.p95) $(json_of "$out" policies.0.deployments)"
        has "simulate has figures: $regime $reserved" "$simulate" '^[0-9]*\.[0-9]* [1-9][0-9]* [1-9][0-9]*$'
        run organisation "$tmp/one.tsv" $fleet --price 0.9 --regime $regime --policy count:2 $reserved --all --json
        is "as simulate: $regime $reserved" "$(json_of "$out" policies.0.money_usd) $(json_of "$out" policies.0.worst_p95_s) $(json_of "$out" policies.0.deployments)" "$simulate"
    done
done

# --- lists
cp -r "$tmp/logs" "$tmp/folder"
for n in one two; do
    git init -q "$tmp/folder/$n"
    GIT_COMMITTER_DATE="@$hour +0000" git -C "$tmp/folder/$n" -c user.name=a -c user.email=a commit -q --allow-empty -m x
done
run organisation "$tmp/folder" $terms --policy every --json
is "a folder: logs and repositories" "$(printf '%s\n' "$out" | json_flat | sed -n 's/^services\.[0-9]*\.service //p' | tr '\n' ' ')" "a b c one two "
printf '# ours\nfolder/a.tsv\n\nfolder/one\r\n' >"$tmp/paths.txt"
run organisation "$tmp/paths.txt" "$tmp/logs/c.tsv" $terms --policy every --csv
is "a path a line, and a log" "$(printf '%s\n' "$out" | sed 1d | cut -d, -f1 | tr '\n' ' ')" "a one c "
cat >"$tmp/list.json" <<END
[{"service": "eins", "log": "logs/a.tsv", "fleet": 2, "drain": 60}, {"repo": "folder/one", "branch": "HEAD", "bake": "20m"},
 {"service": "drei", "log": "$tmp/logs/c.tsv", "price": "0.5", "prepare": null}]
END
cat >"$tmp/list.csv" <<END
service,log,repo,branch,fleet,drain,bake,price
eins,logs/a.tsv,,,2,60,,
,,folder/one,HEAD,,,20m,
drei,$tmp/logs/c.tsv,,,,,,0.5
END
run organisation "$tmp/list.json" $terms --json --all
json=$out
run organisation "$tmp/list.csv" $terms --json --all
is "CSV says what JSON says" "$out" "$json"
is "its own price" "$(json_of "$out" services.2.every.money_usd)" 1.0000000000
is "its own terms are those of plan" "$(json_of "$out" services.0.every.money_usd)" "$("$BAKEHOUR" plan --log "$tmp/logs/a.tsv" $terms --fleet 2 --drain 60 --csv 2>/dev/null | awk -F, '$1 == "every + terminate" { print $2 }' | awk '{ printf "%.10f", $1 * 86400 / 2629746 }')"
sed "s|,logs/|,$tmp/logs/|; s|,folder/|,$tmp/folder/|" "$tmp/list.csv" | "$BAKEHOUR" organisation - $terms --csv >"$tmp/stdin.csv"
is "a list on stdin" "$(sed 1d "$tmp/stdin.csv" | cut -d, -f1 | tr '\n' ' ')" "eins one drei "
for pair in "log,prize|neither service nor an option" "log,reserved|belongs to the whole organisation" "log,bka|bake meant" \
    "log,fleet;logs/a.tsv,x|fleet: " "log;logs/none.tsv|No such file" "log,repo;logs/a.tsv,folder/one|more than one of" \
    "log,bake;,5|no log, repo or workload" "service,log;x,logs/a.tsv;x,logs/b.tsv|is there already, from" \
    "log;|no service in the list"; do
    printf '%s\n' "${pair%%|*}" | tr ';' '\n' >"$tmp/bad.csv"
    refused "list: ${pair%%|*}" "${pair#*|}" organisation "$tmp/bad.csv" $terms
done
printf 'log,fleet\nlogs/a.tsv,x\nlogs/none.tsv,1\n' >"$tmp/bad.csv"
run organisation "$tmp/bad.csv" $terms
is "each bad place by itself" "$(printf '%s\n' "$err" | sed -n 's|.*/bad.csv:\([0-9:]*\):.*|\1|p' | tr '\n' ' ')" "2:12 3:1 "
printf '{"services": [3, {"log": "logs/a.tsv", "fleet": []}]}' >"$tmp/bad.json"
refused "JSON: what is no service" "service 1 is no object" organisation "$tmp/bad.json" $terms
holds "JSON: what is no value" "$err" "fleet: neither text nor number"
printf '[{"log": ' >"$tmp/bad.json"
refused "JSON: cut short" "bad.json:1:" organisation "$tmp/bad.json" $terms
mkdir "$tmp/empty"
refused "an empty folder" "holds no log" organisation "$tmp/empty" $terms
refused "no services" "which services" organisation $terms
for bad in "--by month" "--threads 0" "--shard 3/2" "--out -" "--policy x" "--policy idle,hour --regime second" "--from 2025-10-07 --to 2025-10-06"; do
    exit_is "refused: $bad" 2 "$BAKEHOUR" organisation "$tmp/logs" $terms $bad
done
printf 'service,log,regime\nx,logs/a.tsv,second\ny,logs/b.tsv,\n' >"$tmp/mixed.csv"
refused "another regime" "billed by another regime" organisation "$tmp/mixed.csv" $terms --policy every

# --- what cannot be read, what does not fit
printf 'x\n' >"$tmp/folder/bad.tsv"
refused "a bad history" "1 of 6 services failed" organisation "$tmp/folder" $terms
holds "a bad history: which" "$err" 'service "bad":'
exit_is "--partial" 0 "$BAKEHOUR" organisation "$tmp/folder" $terms --partial --json
is "--partial: the others" "$(json_of "$out" organisation.services) $(json_of "$out" organisation.left_out)" "5 1"
rm "$tmp/folder/bad.tsv"
exit_is "nothing fits" 1 "$BAKEHOUR" organisation "$tmp/logs" $terms --max-lead 605 --json
holds "nothing fits: for whom" "$err" "for 1 of 3 services no policy fits"
is "nothing fits: no best" "$(json_of "$out" services.2.best) $(json_of "$out" each_its_best.within)" "null 2"

# --- the same bits for any number of threads and parts
mkdir "$tmp/many"
for n in 1 2 3 4 5 6 7; do
    log_of "$tmp/many/s$n.tsv" $((hour - n * 86400)) $(awk -v n=$n 'BEGIN { for (i = t = 0; i < 300; i++) { t += (97 + n) * i * i % 7919; print t } }')
done
many="organisation $tmp/many --prepare 60 --boot 40 --bake 200 --rollout 100 --fleet 1 --reserved 2 --instance m5.large --max-lead 1h $fails"
"$BAKEHOUR" $many --threads 1 --json --all >"$tmp/whole.json"
for threads in 2 5; do
    "$BAKEHOUR" $many --threads $threads --json --all >"$tmp/again.json"
    ok "$threads threads: the same bits" "$(cmp -s "$tmp/again.json" "$tmp/whole.json"; echo $?)"
done
for i in 1 2 3; do
    "$BAKEHOUR" $many --shard $i/3 >"$tmp/part$i"
    "$BAKEHOUR" $many --shard $i/3 --out "$tmp/out$i" >"$tmp/stdout"
    ok "part $i: the same in a file" "$(cmp -s "$tmp/part$i" "$tmp/out$i" && ! [ -s "$tmp/stdout" ]; echo $?)"
done
SLURM_ARRAY_TASK_ID=6 SLURM_ARRAY_TASK_MIN=5 SLURM_ARRAY_TASK_COUNT=3 "$BAKEHOUR" $many --shard auto >"$tmp/slurm"
AWS_BATCH_JOB_ARRAY_INDEX=1 AWS_BATCH_JOB_ARRAY_SIZE=3 "$BAKEHOUR" $many --shard auto >"$tmp/batch"
JOB_COMPLETION_INDEX=1 "$BAKEHOUR" $many --shard auto/3 >"$tmp/kubernetes"
for from in slurm batch kubernetes; do
    ok "a part by $from's environment" "$(cmp -s "$tmp/$from" "$tmp/part1"; echo $?)"
done
for form in --json "--json --all" "" --all --csv "--csv --by policy"; do
    "$BAKEHOUR" $many $form | sed 's|bakehour.organisation/1|bakehour.merge/1|' >"$tmp/whole"
    "$BAKEHOUR" merge $form "$tmp/part3" "$tmp/part1" "$tmp/part2" >"$tmp/merged"
    ok "merge $form: the same bits" "$(cmp -s "$tmp/merged" "$tmp/whole"; echo $?)"
done
exit_is "the text" 0 "$BAKEHOUR" $many
is "the text fits 80 columns" "$(printf '%s\n' "$out" | awk 'length($0) > 80' | wc -l)" 0
holds "the text: what is shared" "$out" "2 reservations, counted clock hour by clock hour, shared by 7"
refused "a part is missing" "2 of 7 services are missing, the first is in part 2/3" merge "$tmp/part1" "$tmp/part3"
exit_is "a part is missing, --partial" 0 "$BAKEHOUR" merge --partial --json "$tmp/part1" "$tmp/part3"
is "a part is missing: the others" "$(json_of "$out" organisation.services)" 5
refused "a part twice" "stands twice" merge "$tmp/part1" "$tmp/part1"
"$BAKEHOUR" $many --max-usd 5 --shard 2/3 >"$tmp/other"
refused "a part of another question" "other terms" merge "$tmp/part1" "$tmp/other"
mkdir "$tmp/reverts"
for n in 1 2; do
    printf '#unix\tx\trevert(1=subject)\n%s\t1\t0\n%s\t1\t1\n' $hour $((hour + 60)) >"$tmp/reverts/$n.tsv"
done
part() { # part OPTIONS: of the services with reverts, and of one with a type of its own
    "$BAKEHOUR" organisation "$tmp/reverts" "$tmp/typed.csv" --bake 600 --instance m5.large --regime hourly --policy every "$@" 2>>"$tmp/fit.err"
}
printf 'service,log,instance\ntyped,reverts/1.tsv,c5.large\n' >"$tmp/typed.csv"
part --culprit fit --detect 60 --date 2020-01-01 --shard 1/2 >"$tmp/fit1"
part --culprit fit --detect 60 --date 2020-01-01 --shard 2/2 >"$tmp/fit2"
part --detect 60 --date 2020-01-01 --shard 2/2 >"$tmp/plain2"
part --culprit fit --detect 90 --date 2020-01-01 --shard 2/2 >"$tmp/late2"
part --culprit fit --detect 60 --date 2021-01-01 --shard 2/2 >"$tmp/dated2"
refused "a part with --culprit fit, a part without" "other terms" merge "$tmp/fit1" "$tmp/plain2"
refused "parts whose fitted culprits are found at different times" "other terms" merge "$tmp/fit1" "$tmp/late2"
refused "parts with prices of different days" "other terms" merge "$tmp/fit1" "$tmp/dated2"
exit_is "both parts with --culprit fit" 0 "$BAKEHOUR" merge "$tmp/fit1" "$tmp/fit2"
sed 's/"figures":\["/"figures":["x/' "$tmp/part1" >"$tmp/broken"
refused "a broken part" "missing or wrong" merge "$tmp/broken"
"$BAKEHOUR" simulate --log "$tmp/one.tsv" --price 1 --culprit 0.1 --runs 2 --shard 1/1 >"$tmp/shard"
refused "a part and a shard" "is it a part" merge "$tmp/part1" "$tmp/shard"
refused "--by of a shard" "go with the parts" merge "$tmp/shard" --by policy

# --- going on: what is done is kept while its history and terms are the same
mkdir "$tmp/some"
cp "$tmp/many/s1.tsv" "$tmp/many/s4.tsv" "$tmp/many/s6.tsv" "$tmp/some"
plain="--prepare 60 --boot 40 --bake 200 --rollout 100 --price 0.1 --max-lead 1h $fails"
for shared in "" "--fleet 1 --reserved 2"; do
    rm -f "$tmp/kept"
    "$BAKEHOUR" organisation "$tmp/some" $plain $shared --out "$tmp/kept" >"$tmp/first" 2>&1
    "$BAKEHOUR" organisation "$tmp/many" $plain $shared --json --all >"$tmp/whole.json"
    exit_is "the list has grown ($shared)" 0 "$BAKEHOUR" organisation "$tmp/many" $plain $shared --out "$tmp/kept" --json --all
    holds "the list has grown ($shared): kept" "$err" "3 services are done already"
    is "the list has grown ($shared): the same as in one piece" "$out" "$(cat "$tmp/whole.json")"
    exit_is "all done ($shared)" 0 "$BAKEHOUR" organisation "$tmp/many" $plain $shared --out "$tmp/kept" --json --all
    holds "all done ($shared): kept" "$err" "7 services are done already"
    is "all done ($shared): the same" "$out" "$(cat "$tmp/whole.json")"
    echo $((hour + 500000)) >>"$tmp/many/s4.tsv"
    "$BAKEHOUR" organisation "$tmp/many" $plain $shared --json --all >"$tmp/whole.json"
    exit_is "a new commit ($shared)" 0 "$BAKEHOUR" organisation "$tmp/many" $plain $shared --out "$tmp/kept" --json --all
    holds "a new commit ($shared): what is kept" "$err" "$([ -n "$shared" ] && echo 0 || echo 6) services are done already"
    is "a new commit ($shared): the same as in one piece" "$out" "$(cat "$tmp/whole.json")"
    cp "$tmp/some/s4.tsv" "$tmp/many/s4.tsv"
done
exit_is "other terms" 0 "$BAKEHOUR" organisation "$tmp/many" $plain --price 0.2 --out "$tmp/kept"
holds "other terms: nothing is kept" "$err" "0 services are done already"
refused "another part's file" "is part 0 of 1" organisation "$tmp/many" $plain --shard 1/2 --out "$tmp/kept"
printf 'mine\n' >"$tmp/mine"
refused "somebody else's file" "mine:1:1" organisation "$tmp/many" $plain --out "$tmp/mine"
is "somebody else's file: as it was" "$(cat "$tmp/mine")" mine
exit_is "no such folder" 1 "$BAKEHOUR" organisation "$tmp/many" $plain --out "$tmp/none/kept"

# --- stopped while kept records are looked at: by the git that reads the first one's history; the second has changed and
# is never looked at.
mkdir "$tmp/bin"
cat >"$tmp/bin/git" <<END
#!/bin/sh
rm "$tmp/strike" 2>/dev/null && kill -INT \$PPID
exec "$(command -v git)" "\$@"
END
chmod +x "$tmp/bin/git"
cp "$tmp/many/s2.tsv" "$tmp/changing.tsv"
printf 'repo,log\nfolder/one,\n,changing.tsv\n' >"$tmp/look.csv"
look="organisation $tmp/look.csv $plain --threads 1 --out $tmp/looked --json"
"$BAKEHOUR" $look >"$tmp/first" 2>"$tmp/first.err"
echo $((hour + 500000)) >>"$tmp/changing.tsv"
: >"$tmp/strike"
exit_is "stopped while looking" 1 env PATH="$tmp/bin:$PATH" "$BAKEHOUR" $look
ok "stopped while looking: it was" "$([ -e "$tmp/strike" ]; echo $((!$?)))"
is "stopped while looking: no report" "$out" ""
holds "stopped while looking: says how to go on" "$err" "stopped while looking at what is done; the same command goes on"
exit_is "stopped while looking: gone on" 0 "$BAKEHOUR" $look
has "stopped while looking: the other is kept" "$err" ": 1 services are done already"

# --- stopped, and killed
mkdir "$tmp/long"
case ${VARIANT:-release} in *address*) commits=2000 ;; *) commits=10000 ;; esac # so that it takes a while
n=10
while [ $n -lt 50 ]; do
    awk -v n=$n -v commits=$commits -v t=$((hour - 100000000)) 'BEGIN { srand(n); for (i = 0; i < commits; i++) { t += int(-9000 * log(1 - rand())); print t } }' >"$tmp/long/s$n.tsv"
    n=$((n + 1))
done
long="organisation $tmp/long --price 0.1 --threads 2 --culprit 0.05 --json"
"$BAKEHOUR" $long >"$tmp/whole.json"
for signal in INT KILL; do
    rm -f "$tmp/kept"
    "$BAKEHOUR" $long --out "$tmp/kept" >"$tmp/first" 2>"$tmp/first.err" &
    pid=$!
    tries=0
    while ! grep -q '"index"' "$tmp/kept" 2>/dev/null && kill -0 $pid 2>/dev/null && [ $tries -lt 3000 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    kill -$signal $pid 2>/dev/null
    status=0
    wait $pid 2>/dev/null || status=$?
    if [ -s "$tmp/first" ]; then
        ok "$signal: gone on # SKIP it was done before" 0
        continue
    fi
    [ $signal = KILL ] || is "$signal: exit code" "$status" 1
    [ $signal = KILL ] || holds "$signal: says how to go on" "$(cat "$tmp/first.err")" "the same command goes on"
    exit_is "$signal: gone on" 0 "$BAKEHOUR" $long --out "$tmp/kept"
    has "$signal: finished services are kept" "$err" ": [1-9][0-9]* services are done already"
    is "$signal: the same as in one piece" "$out" "$(cat "$tmp/whole.json")"
done
done_testing
