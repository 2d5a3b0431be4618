# tap.sh - TAP for shell tests (POSIX sh). Source it, call the functions below, end with done_testing.
#
#   ok DESC STATUS            passes when STATUS is 0:  cmp -s a b; ok "same" $?
#   is DESC GOT EXPECTED      two texts are equal; prints a diff when not
#   exit_is DESC CODE CMD...  runs CMD; its output is left in $out and $err
#   has DESC TEXT PATTERN     a line of TEXT matches the basic regular expression
#   hasnt DESC TEXT PATTERN   none does
#   holds DESC TEXT PART      the text holds the part, letter by letter
#   run ARGS...               runs $BAKEHOUR; leaves $out, $err and $code
#   golden DESC ARGS...       runs it: exit code 0 and stdout is what stands on stdin
#   refused DESC PART ARGS... runs it: exit code 2, nothing on stdout, the part on stderr
#   needs TOOL...             ends the test, skipped with a line that says why, where a program is missing
#   done_testing              prints the plan; exits 1 when something failed
#
# $tmp is a folder of the test's own; it goes away at the end.

tests_run=0
case ${BAKEHOUR:=./bakehour} in
/*) ;;
*) BAKEHOUR=$PWD/$BAKEHOUR ;;
esac
tests_failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tap.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP

ok() {
    tests_run=$((tests_run + 1))
    if [ "$2" -eq 0 ]; then
        printf 'ok %d - %s\n' "$tests_run" "$1"
        return 0
    fi
    tests_failed=$((tests_failed + 1))
    printf 'not ok %d - %s\n' "$tests_run" "$1"
    return 0
}

note() {
    printf '%s\n' "$1" | sed 's/^/# /'
}

is() {
    if [ "$2" = "$3" ]; then
        ok "$1" 0
        return
    fi
    ok "$1" 1
    printf '%s\n' "$3" >"$tmp/.expected"
    printf '%s\n' "$2" >"$tmp/.got"
    diff -u "$tmp/.expected" "$tmp/.got" | sed 's/^/# /' || true
}

exit_is() {
    tap_desc=$1
    tap_code=$2
    shift 2
    tap_status=0
    "$@" >"$tmp/.out" 2>"$tmp/.err" </dev/null || tap_status=$?
    out=$(cat "$tmp/.out")
    err=$(cat "$tmp/.err")
    if [ "$tap_status" -eq "$tap_code" ]; then
        ok "$tap_desc" 0
        return
    fi
    ok "$tap_desc" 1
    note "exit code $tap_status, expected $tap_code: $*"
    note "$(head -n 20 "$tmp/.err")"
}

has() {
    if printf '%s\n' "$2" | grep -q -e "$3"; then
        ok "$1" 0
        return
    fi
    ok "$1" 1
    note "no line matches: $3"
    note "$(printf '%s\n' "$2" | head -n 20)"
}

hasnt() {
    if printf '%s\n' "$2" | grep -q -e "$3"; then
        ok "$1" 1
        note "matches: $(printf '%s\n' "$2" | grep -e "$3" | head -n 5)"
        return
    fi
    ok "$1" 0
}

holds() {
    case $2 in
    *"$3"*) ok "$1" 0 ;;
    *) is "$1" "$2" "...$3..." ;;
    esac
}

run() {
    code=0
    "$BAKEHOUR" "$@" >"$tmp/.out" 2>"$tmp/.err" || code=$?
    out=$(cat "$tmp/.out")
    err=$(cat "$tmp/.err")
}

golden() {
    tap_desc=$1
    shift
    tap_wanted=$(cat)
    run "$@"
    is "$tap_desc: exit code" "$code" 0
    is "$tap_desc" "$out" "$tap_wanted"
}

refused() {
    tap_desc=$1
    tap_part=$2
    shift 2
    run "$@"
    is "$tap_desc: exit code" "$code" 2
    is "$tap_desc: nothing on stdout" "$out" ""
    holds "$tap_desc: message" "$err" "$tap_part"
}

needs() {
    for tap_tool; do
        command -v "$tap_tool" >/dev/null 2>&1 || { echo "1..0 # SKIP there is no $tap_tool here"; exit 0; }
    done
}

done_testing() {
    printf '1..%d\n' "$tests_run"
    [ "$tests_failed" -eq 0 ] || exit 1
    exit 0
}
