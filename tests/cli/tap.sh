# TAP for the command-line tests: source it, call ok, is and golden, end with done_testing.
# $BAKEHOUR is the program; $dir a folder of this test's own, removed at the end.

tap_count=0
tap_failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
: "${BAKEHOUR:=./bakehour}"
case $BAKEHOUR in
/*) ;;
*) BAKEHOUR=$PWD/$BAKEHOUR ;;
esac

# ok NAME COMMAND...: the command succeeds.
ok() {
    tap_name=$1
    shift
    tap_count=$((tap_count + 1))
    if "$@"; then
        echo "ok $tap_count - $tap_name"
    else
        tap_failed=$((tap_failed + 1))
        echo "not ok $tap_count - $tap_name"
    fi
}

# is NAME GOT WANTED: two texts are equal.
is() {
    tap_count=$((tap_count + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $tap_count - $1"
        return
    fi
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
    printf '%s\n' "got:" "$2" "wanted:" "$3" | sed 's/^/# /'
}

# has NAME TEXT PART: the text holds the part.
has() {
    case $2 in
    *"$3"*) is "$1" yes yes ;;
    *) is "$1" "$2" "...$3..." ;;
    esac
}

# run ARGUMENTS...: leaves $out, $err and $code. A last newline of a text is not kept.
run() {
    code=0
    "$BAKEHOUR" "$@" >"$dir/.out" 2>"$dir/.err" || code=$?
    out=$(cat "$dir/.out")
    err=$(cat "$dir/.err")
}

# golden NAME ARGUMENTS... <<WANTED: exit 0 and exactly this on stdout.
golden() {
    tap_name=$1
    shift
    tap_wanted=$(cat)
    run "$@"
    is "$tap_name: exit code" "$code" 0
    is "$tap_name" "$out" "$tap_wanted"
}

# refused NAME PART ARGUMENTS...: exit 2, nothing on stdout, the part on stderr.
refused() {
    tap_name=$1
    tap_part=$2
    shift 2
    run "$@"
    is "$tap_name: exit code" "$code" 2
    is "$tap_name: nothing on stdout" "$out" ""
    has "$tap_name: message" "$err" "$tap_part"
}

done_testing() {
    echo "1..$tap_count"
    [ "$tap_failed" -eq 0 ]
}
