# Test Anything Protocol for shell scripts; source it. ok, is, exit_is and has print one result each; done_testing
# prints the plan and ends the script. exit_is leaves what the command wrote in $tap_out and $tap_err.
tap_count=0
tap_failed=0
tap_out=
tap_err=

# ok DESCRIPTION STATUS: passes when STATUS is 0.
ok() {
    tap_count=$((tap_count + 1))
    if [ "$2" -eq 0 ]; then
        printf 'ok %d - %s\n' "$tap_count" "$1"
    else
        tap_failed=$((tap_failed + 1))
        printf 'not ok %d - %s\n' "$tap_count" "$1"
    fi
    return 0
}

# Shows text as comments under a failed result.
tap_show() {
    printf '%s\n' "$2" | head -n 40 | sed "s/^/#   $1: /"
}

# is DESCRIPTION GOT EXPECTED: passes when they are the same text.
is() {
    if [ "$2" = "$3" ]; then
        ok "$1" 0
    else
        ok "$1" 1
        tap_show got "$2"
        tap_show expected "$3"
    fi
}

# exit_is DESCRIPTION CODE COMMAND...: passes when the command ends with CODE.
exit_is() {
    tap_description=$1
    tap_code=$2
    shift 2
    tap_file=$(mktemp)
    tap_got=0
    tap_out=$("$@" 2>"$tap_file") || tap_got=$?
    tap_err=$(cat "$tap_file")
    rm -f "$tap_file"
    if [ "$tap_got" -eq "$tap_code" ]; then
        ok "$tap_description" 0
    else
        ok "$tap_description" 1
        tap_show "exit code" "$tap_got instead of $tap_code"
        tap_show stdout "$tap_out"
        tap_show stderr "$tap_err"
    fi
}

# has DESCRIPTION TEXT PATTERN: passes when a line of TEXT matches the basic regular expression.
has() {
    if printf '%s\n' "$2" | grep -q -e "$3"; then
        ok "$1" 0
    else
        ok "$1" 1
        tap_show "no match for" "$3"
        tap_show text "$2"
    fi
}

done_testing() {
    printf '1..%d\n' "$tap_count"
    [ "$tap_failed" -eq 0 ]
    exit
}
