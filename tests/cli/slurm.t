#!/bin/sh
# bakehour organisation and simulate as array jobs: under a real Slurm on this machine alone (no systemd, no munge),
# where it is installed; and by the same job script with what AWS Batch and Kubernetes put into the environment.
# usage: BAKEHOUR=program tests/cli/slurm.t
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
unset COLUMNS NO_COLOR SLURM_ARRAY_TASK_ID AWS_BATCH_JOB_ARRAY_INDEX JOB_COMPLETION_INDEX 2>/dev/null || true
export BAKEHOUR_NOW=1763856000 LC_ALL=C PATH="$PATH:/usr/sbin"
mkdir "$tmp/logs" "$tmp/parts"
for n in 1 2 3 4 5 6 7; do
    log_of "$tmp/logs/s$n.tsv" $((1759708800 - n * 86400)) $(awk -v n=$n 'BEGIN { for (i = t = 0; i < 200; i++) { t += (97 + n) * i * i % 7919; print t } }')
done
organisation="organisation $tmp/logs --fleet 1 --reserved 2 --max-lead 1h --culprit 0.05"
simulate="simulate --log $tmp/logs/s1.tsv --price 1 --regime hourly --culprit 0.1 --runs 30"
"$BAKEHOUR" $organisation --json | sed 's|bakehour.organisation/1|bakehour.merge/1|' >"$tmp/organisation"
"$BAKEHOUR" $simulate --json | sed 's|bakehour.simulate/1|bakehour.merge/1|' >"$tmp/simulate"

# The script that a task runs. $1: how many tasks there are, where the scheduler does not say so (/n).
cat >"$tmp/job.sh" <<END
#!/bin/sh
index=\${SLURM_ARRAY_TASK_ID:-\${AWS_BATCH_JOB_ARRAY_INDEX:-\${JOB_COMPLETION_INDEX:-}}}
'$BAKEHOUR' $organisation --shard auto\${1:-} --out "$tmp/parts/organisation.\$index" &&
    '$BAKEHOUR' $simulate --shard auto\${1:-} >"$tmp/parts/simulate.\$index"
END
chmod +x "$tmp/job.sh"

same() { # same DESC TASKS: as many parts, and they add up to the whole
    is "$1: parts" "$(ls "$tmp/parts" | grep -c organisation)" "$2"
    for what in organisation simulate; do
        "$BAKEHOUR" merge --json "$tmp/parts/$what".* >"$tmp/merged" 2>"$tmp/merge.err"
        ok "$1: $what, the same bits as in one piece" "$(cmp -s "$tmp/merged" "$tmp/$what"; echo $?)"
        [ ! -s "$tmp/merge.err" ] || note "$(cat "$tmp/merge.err")"
    done
    rm -f "$tmp/parts"/*
}

for i in 0 1 2; do
    AWS_BATCH_JOB_ARRAY_INDEX=$i AWS_BATCH_JOB_ARRAY_SIZE=3 sh "$tmp/job.sh"
done
same "AWS Batch's environment" 3
for i in 0 1 2 3; do
    JOB_COMPLETION_INDEX=$i sh "$tmp/job.sh" /4
done
same "Kubernetes' environment" 4
for i in 7 8; do
    SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MIN=7 SLURM_ARRAY_TASK_COUNT=2 sh "$tmp/job.sh"
done
same "Slurm's environment" 2

missing=""
for tool in slurmctld slurmd sbatch squeue sinfo; do
    command -v $tool >/dev/null 2>&1 || missing="$missing $tool"
done
if [ -n "$missing" ]; then
    ok "Slurm itself # SKIP there is no$missing (Debian: slurm-wlm)" 0
    done_testing
fi

# Two free ports: those of this process, out of the range that the system hands out.
port=$((20000 + $$ % 5000 * 2))
host=$(hostname -s 2>/dev/null || hostname)
mkdir "$tmp/slurm" "$tmp/slurm/state" "$tmp/slurm/spool"
cat >"$tmp/slurm/slurm.conf" <<END
ClusterName=bakehour
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/none
CredType=cred/none
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$tmp/slurm/state
SlurmdSpoolDir=$tmp/slurm/spool
SlurmctldPidFile=$tmp/slurm/slurmctld.pid
SlurmdPidFile=$tmp/slurm/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
export SLURM_CONF="$tmp/slurm/slurm.conf"
slurmctld -D -i >"$tmp/slurm/slurmctld.out" 2>&1 &
controller=$!
slurmd -D -N "$host" >"$tmp/slurm/slurmd.out" 2>&1 &
node=$!
stop_slurm() {
    kill $controller $node 2>/dev/null
    wait $controller $node 2>/dev/null
    return 0
}
trap 'stop_slurm; rm -rf "$tmp"' EXIT
array() { # array RANGE: runs the job, and waits until it is gone from the queue
    exit_is "an array job of tasks $1" 0 sbatch --parsable --array=$1 -o "$tmp/slurm/task-%a.txt" "$tmp/job.sh"
    tries=0
    while [ -n "$(squeue -h -j "$out" 2>/dev/null)" ] && [ $tries -lt 1200 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
}
tries=0
while ! sinfo -h -o %T 2>/dev/null | grep -q '^idle' && [ $tries -lt 600 ] &&
    kill -0 $controller 2>/dev/null && kill -0 $node 2>/dev/null; do
    tries=$((tries + 1))
    sleep 0.1
done
if ! sinfo -h -o %T 2>/dev/null | grep -q '^idle'; then
    note "$(tail -n 3 "$tmp/slurm/slurmctld.out" "$tmp/slurm/slurmd.out" 2>&1)"
    ok "Slurm itself # SKIP it does not start on this machine" 0
    done_testing
fi
array 0-3
same "Slurm, four tasks" 4
array 1-3
same "Slurm, three tasks" 3
stop_slurm
done_testing
