#!/bin/sh
# The rules of the house that no compiler knows: includes follow the arrows (base <- billing <- scheduler <- sim <-
# bakehour.c) and make no loops; no unsafe calls; the clock is asked in one place; no floating point in billing; files
# of at most 700 lines; suppressions with a reason; no notes for later.
# usage: tests/lint_house.sh [TREE]    prints FILE:LINE: what, and exits 1 when there is something
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}"
set --
for file in bakehour.c base/*.[ch] billing/*.[ch] scheduler/*.[ch] scheduler/*/*.[ch] sim/*.[ch] sim/*/*.[ch] tests/*.[ch] data/*.[ch]; do
    [ -f "$file" ] && set -- "$@" "$file"
done
[ $# -gt 0 ] || { echo "tests/lint_house.sh: no C files in $(pwd)" >&2; exit 2; }
LC_ALL=C exec awk -f "$here/lint_house.awk" "$@"
