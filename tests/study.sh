#!/bin/sh
# The study of policies: writes docs/study.md. usage: tests/study.sh BUILD-FOLDER   (make study)
#
# Histories: the shipped sample year, three generated ones, and the real ones beside the repository where they are:
# ../shared/commit-logs/*.tsv.gz (first column unix seconds). Of the deployments, *.deploys.tsv.gz, all together are one
# history, and the sixteen applications deployed most often to production are one each; STUDY_ALL=1 takes every
# application in every environment.
set -eu
cd "$(dirname "$0")/.."
program=${STUDY_PROGRAM:-$PWD/$1/tests/study_policies}
logs=../shared/commit-logs
tmp=$(mktemp -d "${TMPDIR:-/tmp}/study.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
mkdir -p "$tmp/made" "$tmp/logs" "$tmp/apps" "$tmp/rows"

for name in office bursts steady; do : >"$tmp/made/$name"; done
gzip -dc data/sample-history.tsv.gz | grep -v '^#' | cut -f 1 >"$tmp/made/sample-year"
for log in "$logs"/*.tsv.gz; do
    [ -f "$log" ] || continue
    name=$(basename "$log" .tsv.gz)
    case $name in
    *.deploys)
        gzip -dc "$log" | grep -v '^#' | cut -f 1 >"$tmp/logs/${name%.deploys}"
        gzip -dc "$log" | awk -F '\t' -v all="${STUDY_ALL:-}" -v to="$tmp/apps/" '
            !/^#/ && (all || $4 == "production") { print $1 > (to $3 (all ? "-" $4 : "")) }'
        [ -n "${STUDY_ALL:-}" ] || wc -l "$tmp"/apps/* | grep -v ' total$' | sort -rn | tail -n +17 | awk '{ print $2 }' |
            xargs rm -f
        ;;
    *) gzip -dc "$log" | grep -v '^#' | cut -f 1 >"$tmp/logs/$name" ;;
    esac
done

for group in logs made apps; do
    for file in "$tmp/$group"/*; do
        [ -e "$file" ] && echo "$group $file"
    done
done >"$tmp/list"
export program tmp
# shellcheck disable=SC2016 # expanded by the inner shell
xargs -P "$jobs" -n 2 sh -c '
    name=$(basename "$2")
    if [ -s "$2" ]; then "$program" history "$name" <"$2" >"$tmp/rows/$1.$name"
    else "$program" made "$name" >"$tmp/rows/$1.$name"; fi
    echo "$1 $name" >&2' sh <"$tmp/list"
"$program" worst >"$tmp/worst"
for file in "$tmp"/rows/*; do
    group=$(basename "$file")
    sed "s/^/${group%%.*}\t/" "$file"
done >"$tmp/all"
awk -f tests/study.awk "$tmp/all" "$tmp/worst" >"$tmp/tables"
awk -v tables="$tmp/tables" '
    /^<!-- tables -->$/ { print; while ((getline line < tables) > 0) print line; skip = 1; next }
    /^<!-- end of tables -->$/ { skip = 0 }
    !skip { print }' docs/study.md >"$tmp/study.md"
cat "$tmp/study.md" >docs/study.md
echo "written: docs/study.md"
