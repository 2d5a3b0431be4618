#!/bin/sh
# Reading the history of commits: logs, repositories, the sample year. usage: BAKEHOUR=program tests/cli/history.t
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/tap.sh
BAKEHOUR=${BAKEHOUR:-./bakehour}
case $BAKEHOUR in
/*) ;;
*) BAKEHOUR=$PWD/$BAKEHOUR ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
export LC_ALL=C BAKEHOUR_NOW=1800000000
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_CEILING_DIRECTORIES="$folder"
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.invalid GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.invalid
printf 'x' >"$folder/probe"

# simulate ARGUMENT...: the document of a simulation of what the arguments name.
simulate() {
    "$BAKEHOUR" simulate "$@" --trigger idle --bake 900 --price 1 --json
}

# of_first NAME: a number of the first policy in $out.
of_first() {
    printf '%s' "$out" | tr -d ' \t\n' | awk -v name="\"$1\":" '{
        at = index($0, "\"policies\":[")
        text = substr($0, at)
        at = at ? index(text, name) : 0
        text = at ? substr(text, at + length(name)) : "missing,"
        sub(/[,}\]].*/, "", text)
        print text
    }'
}

# reads DESCRIPTION COMMITS CORRECTED ARGUMENT...
reads() {
    description=$1 commits=$2 corrected=$3
    shift 3
    exit_is "$description" 0 simulate "$@"
    is "$description: commits" "$(of_first commits)" "$commits"
    is "$description: corrected" "$(of_first corrected)" "$corrected"
}

# refuses DESCRIPTION CODE PATTERN ARGUMENT...
refuses() {
    description=$1 code=$2 pattern=$3
    shift 3
    exit_is "$description" "$code" simulate "$@"
    is "$description: nothing on stdout" "$out" ""
    has "$description: says why" "$err" "$pattern"
}

# commit REPOSITORY TIME...: empty commits with these times on what is checked out.
commit() {
    target=$1
    shift
    for time; do
        GIT_COMMITTER_DATE="$time +0000" git -C "$target" commit -q --allow-empty -m "at $time"
    done
}

# --- logs
log=$folder/log.tsv
printf '#time\thash\n1700000000\ta\n1700000600\tb\n1700000300\tc\n\n1700000600\td' >"$log"
reads "a log" 4 1 --log "$log"
gzip -c "$log" >"$log.gz"
reads "a log in gzip" 4 1 --log "$log.gz"
tr '\n' '~' <"$log" | sed 's/~/\r~/g' | tr '~' '\n' >"$folder/crlf.tsv"
reads "a log with CRLF" 4 1 --log "$folder/crlf.tsv"
from_stdin() {
    simulate --log - <"$1"
}
exit_is "a log from stdin" 0 from_stdin "$log"
is "a log from stdin: commits" "$(of_first commits)" 4
exit_is "a gzip log from stdin" 0 from_stdin "$log.gz"
is "a gzip log from stdin: commits" "$(of_first commits)" 4
printf '0\n900\n5\n' >"$folder/small.tsv"
reads "small times" 3 1 --log "$folder/small.tsv"

printf '1700000000\nabc\n123.5\n\tx\n-5\n1800086401\n1700000000000\n99999999999999999999\n1700000001\n' >"$folder/bad.tsv"
refuses "bad lines" 2 "bad.tsv: 7 bad lines of 9; --skip-bad passes over them" --log "$folder/bad.tsv"
for line in 2 3 4 5 6 7 8; do
    has "bad lines: line $line is told" "$err" "bad.tsv:$line:1: "
done
has "bad lines: milliseconds are recognised" "$err" ":7:1: .*milliseconds"
reads "bad lines passed over" 2 0 --log "$folder/bad.tsv" --skip-bad
refuses "an empty log" 2 "no commits at all" --log /dev/null
refuses "a folder" 2 "is a folder" --log "$folder"
refuses "a missing file" 2 "cannot be opened: No such file" --log "$folder/missing.tsv"
awk 'BEGIN { for (i = 0; i < 5000; i++) print 1700000000 + i * 37 % 1000 }' | gzip -c >"$folder/whole.gz"
head -c 1500 "$folder/whole.gz" >"$folder/cut.gz"
refuses "a gzip file cut short" 2 "stops before its end" --log "$folder/cut.gz"
{ head -c 1000 "$folder/whole.gz"; printf 'XXXX'; tail -c +1005 "$folder/whole.gz"; } >"$folder/corrupt.gz"
refuses "a corrupt gzip file" 2 "corrupt" --log "$folder/corrupt.gz"

# --- repositories
repository=$folder/repository
git init -q -b main "$repository"
refuses "a repository without commits" 2 "no commits yet" --repo "$repository"
commit "$repository" 1700000000 1700000600 1700000300
mkdir "$repository/below"
reads "a repository" 3 1 --repo "$repository"
reads "a folder in a repository" 3 1 --repo "$repository/below"
git clone -q --bare "$repository" "$folder/bare.git"
reads "a bare repository" 3 1 --repo "$folder/bare.git"
git clone -q --depth 2 "file://$repository" "$folder/shallow"
reads "a shallow repository" 2 1 --repo "$folder/shallow"
has "a shallow repository: a note says so" "$err" "shallow"
git -C "$repository" worktree add -q -b side "$folder/tree" main~1
commit "$folder/tree" 1700000900
reads "a worktree" 3 0 --repo "$folder/tree"
reads "another branch" 3 0 --repo "$repository" --branch side
git -C "$repository" checkout -q --detach main~2
reads "a detached head" 1 0 --repo "$repository"
git -C "$repository" checkout -q main
git -C "$repository" branch 'odd;$(id>hit)&' main
reads "a branch with an odd name" 3 1 --repo "$repository" --branch 'odd;$(id>hit)&'
refuses "no such branch" 2 'no branch or other revision "sdie"; there are: side, ' --repo "$repository" --branch sdie
refuses "an option for a branch" 2 "no branch or other revision" --repo "$repository" --branch=--all
git -C "$repository" checkout -q --orphan new
refuses "an orphan branch" 2 "no commits yet; --branch takes: " --repo "$repository"
mkdir "$folder/plain"
refuses "not a repository" 2 "not a git repository" --repo "$folder/plain"
refuses "no such folder" 2 "cannot change to" --repo "$folder/nowhere"
astray() {
    GIT_DIR=$folder/bare.git GIT_WORK_TREE=$folder GIT_INDEX_FILE=$folder/probe "$@"
}
exit_is "GIT_DIR in the environment" 0 astray simulate --repo "$folder/tree"
is "GIT_DIR in the environment: the repository asked for" "$(of_first corrected)" 0
git init -q -b main "$folder/same"
i=0
while [ "$i" -lt 40 ]; do
    commit "$folder/same" 1700000000
    i=$((i + 1))
done
reads "forty commits in one second" 40 0 --repo "$folder/same"
commit "$folder/same" 1900000000
refuses "a commit in the future" 2 "same: 1 bad commit of 41; --skip-bad passes over it" --repo "$folder/same"
has "a commit in the future: which" "$err" "same: commit [0-9a-f]\{40\}: 1900000000"
reads "a commit in the future passed over" 40 0 --repo "$folder/same" --skip-bad
bare_path=$folder/bin
mkdir "$bare_path"
no_git() {
    PATH=$bare_path "$BAKEHOUR" simulate --repo "$folder/tree" --trigger idle --bake 900 --price 1 --json
}
exit_is "no git on the PATH" 1 no_git
has "no git on the PATH: says so" "$err" "git cannot be started.*installed"

# --- the sample year: what its head says, counted afresh
sample=data/sample-history.tsv.gz
head_of_sample=$(gzip -dc "$sample" | sed -n '/^[0-9]/q; p')
claim() {
    printf '%s\n' "$head_of_sample" | sed -n "s/^# $1: \([0-9]*\)$/\1/p"
}
counted=$(gzip -dc "$sample" | awk -F '\t' '/^[0-9]/ {
        n++
        if (n > 1) {
            if ($1 == last) same++
            if ($1 < most) behind++
            arrival = $1 > most ? $1 : most
            if (arrival - most <= 600) close10++
        }
        if (n == 1 || $1 < least) least = $1
        last = $1
        if (n == 1 || $1 > most) most = $1
        if (int(least / 86400) < 20089 || int(most / 86400) > 20453) outside = 1
        if ($2 != n) misnumbered = 1
    }
    END { print n, close10, same, behind, outside + misnumbered + 0 }')
is "the sample year is what its head says" "$counted" \
    "$(claim commits) $(claim "within ten minutes of the last") $(claim "in the same second as the last") $(claim "clocks behind") 0"
share=$(echo "$counted" | awk '{ print int(100 * $2 / $1), int($1 / 500) }')
has "the sample year: about 3,000 commits, about 40 % in bursts" "$share" '^\(3[5-9]\|4[0-5]\) [56]$'
reads "the sample year" "$(claim commits)" "$(claim "clocks behind")" --log "$sample"
if cc=$(command -v cc || command -v gcc) && "$cc" -I. -o "$folder/make" data/make-sample-history.c base/philox.c -lm; then
    is "the sample year is made afresh to the letter" "$("$folder/make" | cksum)" "$(gzip -dc "$sample" | cksum)"
else
    ok "the sample year is made afresh to the letter # SKIP no C compiler" 0
fi

# --- real logs, where they are
logs=${BAKEHOUR_COMMIT_LOGS:-../shared/commit-logs}
if [ -d "$logs" ]; then
    for real in "$logs"/*.tsv.gz; do
        counted=$(gzip -dc "$real" | awk '/^[0-9]/ { n++; if ($1 < m) c++; else m = $1 } END { print n, c + 0 }')
        reads "$(basename "$real")" "${counted% *}" "${counted#* }" --log "$real"
    done
else
    ok "real logs # SKIP there is no $logs" 0
fi
done_testing
