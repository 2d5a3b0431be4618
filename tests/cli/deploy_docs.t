#!/bin/sh
# Every option of every command that deploys stands in its help with an example, in the guide and in the manual page.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
: "${BAKEHOUR:?the program to test}"
guide=$root/docs/guide.md
"$BAKEHOUR" --man-page | sed 's/\\//g' >"$tmp/man"
for command in deploy watch resume rollback promote status history show gc doctor 'config check' 'config init' \
    'state init' 'state migrate' 'state unlock' rehearse twin; do
    # shellcheck disable=SC2086
    run $command --help
    is "$command --help: exit code" "$code" 0
    has "$command --help: an example" "$out" "^bakehour.* $command"
    missing=
    for option in $(printf '%s\n' "$out" | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | sort -u); do
        grep -q -e "$option" "$guide" || missing="$missing guide:$option"
        grep -q -e "$option" "$tmp/man" || missing="$missing man:$option"
    done
    is "$command: what guide or manual page do not name" "$missing" ""
done
run deploy --help
has "deploy --help: the exit code of --detach" "$out" '75 wait, or left in good'
has "the manual page: the exit code of --detach" "$(cat "$root/docs/bakehour.1.in")" '^.B deploy .*detach$'
done_testing
