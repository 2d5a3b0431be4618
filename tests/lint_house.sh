#!/bin/sh
# The rules of the house that no compiler knows: includes follow the arrows (base <- billing <- scheduler <- sim <-
# bakehour.c) and make no loops; no unsafe calls; the clock is asked in one place; no floating point in billing; files
# of at most 700 lines; suppressions with a reason; no notes for later. And no file, C or not, names what only they
# have who wrote it: their own papers, the numbers of their tasks, the folders of their machines.
# usage: tests/lint_house.sh [TREE]    prints FILE:LINE: what, and exits 1 when there is something
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}"
set --
for file in bakehour.c base/*.[ch] billing/*.[ch] scheduler/*.[ch] scheduler/*/*.[ch] sim/*.[ch] sim/*/*.[ch] tests/*.[ch] data/*.[ch]; do
    [ -f "$file" ] && set -- "$@" "$file"
done
[ $# -gt 0 ] || { echo "tests/lint_house.sh: no C files in $(pwd)" >&2; exit 2; }
status=0
LC_ALL=C awk -f "$here/lint_house.awk" "$@" || status=$?
names='theory[.]md|osv-and-aws|billing[.]md|(DESIGN|CONVENTIONS)[.]md|(^|[^A-Za-z])[Ii]ssue [0-9]|[Vv]ector of the [f]acts'
names="$names|(^|[^A-Za-z0-9_.\$}])/work/"
named=$(grep -rnIE --exclude-dir=build --exclude-dir=.git --exclude=lint_house.sh -e "$names" . |
    sed -e 's|^\./||' -e 's|^\([^:]*:[0-9]*\):[[:space:]]*|\1: names what no reader has: |')
[ -z "$named" ] || { printf '%s\n' "$named"; status=1; }
exit "$status"
