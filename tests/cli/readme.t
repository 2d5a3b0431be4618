#!/bin/sh
# The examples of README.md, run: each ```console block is a command behind "$ " and what it prints.
. "$(dirname "$0")/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
unset BAKEHOUR_NOW COLUMNS NO_COLOR

awk -v folder="$tmp" '
    /^```console$/ { inside = 1; n++; next }
    /^```$/ { inside = 0; next }
    inside && /^\$ / { print substr($0, 3) >(folder "/command." n); next }
    inside { print >(folder "/output." n) }
    END { print n + 0 >(folder "/count") }' README.md
count=$(cat "$tmp/count")
ok "there are examples" $((count >= 2 ? 0 : 1))
n=1
while [ "$n" -le "$count" ]; do
    command=$(cat "$tmp/command.$n")
    # shellcheck disable=SC2086
    run ${command#./bakehour }
    is "README example $n: exit code" "$code" 0
    is "README example $n: $command" "$out" "$(cat "$tmp/output.$n")"
    n=$((n + 1))
done
for word in $(grep -o '`[a-z_]*/[a-z_.]*`' README.md | tr -d '`' | sort -u); do
    [ -e "$word" ]
    ok "README: $word exists" $?
done
done_testing
