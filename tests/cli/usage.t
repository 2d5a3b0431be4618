#!/bin/sh
# The command line as a new user meets it. $BAKEHOUR is the program.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
: "${BAKEHOUR:?the program to test}"
unset NO_COLOR COLUMNS BAKEHOUR_NOW 2>/dev/null || true

widest() { # the width of the widest line
    printf '%s\n' "$1" | awk '{ n = length($0); if (n > most) most = n } END { print most + 0 }'
}

narrow() { # narrow DESC TEXT: no line over 80 columns
    most=$(widest "$2")
    status=0
    [ "$most" -le 80 ] || status=1
    ok "$1 fits 80 columns (widest $most)" "$status"
}

options_of() { # the options that a help text lists
    printf '%s\n' "$1" | sed -n 's/^  --\([a-z0-9][a-z0-9-]*\).*/\1/p' | LC_ALL=C sort -u
}

# The overview.
exit_is "no arguments are bad usage" 2 "$BAKEHOUR"
is "no arguments: nothing on stdout" "$out" ""
has "no arguments: the overview on stderr" "$err" '^Usage: bakehour COMMAND'
overview=$err
exit_is "--help is a result" 0 "$BAKEHOUR" --help
is "--help: the same overview, on stdout" "$out" "$overview"
is "--help: nothing on stderr" "$err" ""
narrow "the overview" "$out"
exit_is "help is --help" 0 "$BAKEHOUR" help
is "help: the same text" "$out" "$overview"
commands=$(printf '%s\n' "$overview" | sed -n '/^Commands/,/^$/s/^  \([a-z][a-z ]*[a-z]\)  *[^ ].*/\1/p' | sed 's/  .*//')
for command in plan simulate optimum bill "budget check" "budget forecast" "prices show" "config check" "config iam" "config init" "config keys" rehearse deploy watch resume rollback promote status history show gc; do
    has "the overview lists $command" "$commands" "^$command\$"
done

exit_is "--version" 0 "$BAKEHOUR" --version
has "--version: program and number" "$out" '^bakehour [0-9][0-9.]*$'
is "--version: nothing on stderr" "$err" ""

# Each command's help; man page and completion know the same options.
exit_is "--man-page" 0 "$BAKEHOUR" --man-page
man=$(printf '%s\n' "$out" | sed 's/\\-/-/g')
exit_is "--completion" 0 "$BAKEHOUR" --completion
completion=$out
printf '%s\n' "$completion" >"$tmp/completion"
exit_is "the completion is bash" 0 bash -n "$tmp/completion"
printf '%s\n' "$commands" >"$tmp/commands"
while IFS= read -r command; do
    exit_is "$command --help" 0 "$BAKEHOUR" $command --help
    help=$out
    is "$command --help: nothing on stderr" "$err" ""
    narrow "$command --help" "$help"
    has "$command --help: an example" "$(printf '%s\n' "$help" | sed '1,/^Example/d')" "bakehour $command"
    has "$command --help: usage" "$help" "^Usage: bakehour $command "
    exit_is "help $command" 0 "$BAKEHOUR" help $command
    is "help $command: the same text" "$out" "$help"
    section=$(printf '%s\n' "$man" | awk -v name=".SS $command" '$0 == name { on = 1; next } /^\.S[SH]/ { on = 0 } on')
    everywhere=$(printf '%s\n' "$man" | awk '/^\.SH GLOBAL OPTIONS/ { on = 1; next } /^\.SH/ { on = 0 } on')
    words=$(grep "^    '$command'" "$tmp/completion" || true)
    missing=""
    for option in $(options_of "$help"); do
        printf '%s\n%s\n' "$section" "$everywhere" | grep -q -e "^\\.B --$option\\([ [].*\\)\\{0,1\\}\$" ||
            missing="$missing man:$option"
        printf '%s\n' "$words" | grep -q -e "[ \"]--$option[ \"]" || missing="$missing completion:$option"
    done
    is "$command: man page and completion have every option" "$missing" ""
    has "$command: takes --json" "$help" '^  --json '
    exit_is "$command: an unknown option" 2 "$BAKEHOUR" $command --jsom
    is "$command: an unknown option: nothing on stdout" "$out" ""
    has "$command: an unknown option: the nearest" "$err" 'unknown option --jsom; did you mean --json?'
    has "$command: an unknown option: where to read on" "$err" "^Try 'bakehour $command --help'"
    exit_is "$command: an argument too many" 2 "$BAKEHOUR" $command something
    exit_is "$command: two forms at once" 2 "$BAKEHOUR" $command --json --csv
    has "$command: two forms at once: said" "$err" 'exclude each other'
done <"$tmp/commands"

# Mistakes.
exit_is "an unknown command" 2 "$BAKEHOUR" plna
is "an unknown command: nothing on stdout" "$out" ""
has "an unknown command: the nearest" "$err" 'unknown command "plna"; did you mean "plan"?'
exit_is "an unknown command, nothing near" 2 "$BAKEHOUR" xyzzyx
hasnt "an unknown command, nothing near: no guess" "$err" 'did you mean'
exit_is "half a command" 2 "$BAKEHOUR" prices
has "half a command: the whole ones" "$err" 'needs a second word: .*prices show'
exit_is "help of a first word" 0 "$BAKEHOUR" prices --help
has "help of a first word: its commands" "$out" '^  prices import '
narrow "help of a first word" "$out"
exit_is "an unknown global option" 2 "$BAKEHOUR" --quite plan
has "an unknown global option: the nearest" "$err" 'did you mean --quiet?'
exit_is "an option without its value" 2 "$BAKEHOUR" simulate --log
has "an option without its value: said" "$err" '\-\-log needs a value: --log FILE'
exit_is "a file that is not there" 2 "$BAKEHOUR" simulate --log "$tmp/none.tsv"
is "a file that is not there: nothing on stdout" "$out" ""
has "a file that is not there: which" "$err" 'none\.tsv'
exit_is "a clock that is none" 2 env BAKEHOUR_NOW=today "$BAKEHOUR" --help
has "a clock that is none: said" "$err" 'BAKEHOUR_NOW="today"'

# Colour and escape sequences never reach a pipe.
exit_is "help in a pipe" 0 env TERM=xterm-256color "$BAKEHOUR" plan --help
hasnt "help in a pipe: no escape sequences" "$out" "$(printf '\033')"

# A full disk is noticed.
if [ -w /dev/full ]; then
    for word in --help --version --man-page --completion; do
        status=0
        "$BAKEHOUR" $word >/dev/full 2>"$tmp/err" || status=$?
        is "$word on a full disk: exit code" "$status" 1
        has "$word on a full disk: said" "$(cat "$tmp/err")" 'could not be written'
    done
else
    ok "a full disk # SKIP no /dev/full here" 0
fi
done_testing
