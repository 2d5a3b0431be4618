#!/bin/sh
# How much longer the program takes to read a repository than git alone: medians of alternating runs.
# usage: BAKEHOUR=program tests/bench_history.sh [REPOSITORY]     (default: 50,000 commits made here, commit-graph written)
# RUNS=15 sets how many runs of each.
set -eu
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
BAKEHOUR=${BAKEHOUR:?BAKEHOUR must name the program}
RUNS=${RUNS:-15}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

make_repository() {
    git init -q --bare -b main "$1"
    awk -v count=50000 'BEGIN {
        time = 1600000000
        for (i = 1; i <= count; i++) {
            time += (i * 7919) % 2400
            print "commit refs/heads/main"
            print "committer A <a@example.invalid> " time " +0000"
            message = "change " i
            print "data " length(message)
            print message
        }
    }' | git -C "$1" fast-import --quiet
    git -C "$1" commit-graph write --reachable 2>/dev/null
}

now_ns() {
    date +%s%N
}

# timed FILE COMMAND...: appends the milliseconds that COMMAND took.
timed() {
    file=$1
    shift
    begin=$(now_ns)
    "$@" >/dev/null
    end=$(now_ns)
    echo "$begin $end" | awk '{ printf "%.3f\n", ($2 - $1) / 1e6 }' >>"$file"
}

median() {
    sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

if [ $# -ge 1 ]; then
    repository=$1
else
    repository=$folder/repository.git
    make_repository "$repository"
fi
bare() {
    git -C "$repository" rev-list --first-parent --timestamp HEAD
}
whole() {
    "$BAKEHOUR" simulate --repo "$repository" --trigger idle --bake 900 --price 1 --json
}
bare >/dev/null
whole >/dev/null
i=0
while [ "$i" -lt "$RUNS" ]; do
    timed "$folder/bare" bare
    timed "$folder/whole" whole
    i=$((i + 1))
done
echo "$(bare | wc -l) $(median "$folder/bare") $(median "$folder/whole") $RUNS" | awk '{
    printf "history of %d commits: git alone %.1f ms, bakehour %.1f ms (medians of %d), ratio %.2f\n",
           $1, $2, $3, $4, $3 / $2 }'
