#!/bin/sh
# Everything that reads the sources without running them. Called by `make lint`, which gives CFLAGS_FOR_LINT.
# usage: tests/lint.sh [PART...]   parts: house shell format gcc clang cppcheck tidy; all of them by default
set -u
cd "$(dirname "$0")/.."
flags=${CFLAGS_FOR_LINT:?is set by the Makefile: run make lint} # quoted for the shell: use by eval
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
log=$(mktemp -d "${TMPDIR:-/tmp}/lint.XXXXXX")
trap 'rm -rf "$log"' EXIT
trap 'exit 130' INT TERM HUP
bad=""

sources() {
    for file in bakehour.c base/*."$1" billing/*."$1" scheduler/*."$1" scheduler/*/*."$1" sim/*."$1" sim/*/*."$1" tests/*."$1" data/*."$1"; do
        case "$file" in *."$1") [ -f "$file" ] && echo "$file" ;; esac
    done
    return 0
}

house() {
    failed=0
    sh tests/lint_house.sh . || failed=1
    # The same for what is no C: shell, awk, the Makefile. The words are put together so that this file passes.
    grep -nwE "TO""DO|FIX""ME|XX""X" Makefile tests/*.sh tests/cli/* data/*.sh data/ci/*.sh .ci/* 2>/dev/null |
        sed 's/$/: a note for later: do it now, or leave it out/' | grep . && failed=1
    return $failed
}

shell() {
    failed=0
    for file in tests/*.sh tests/cli/*.sh tests/cli/*.t data/*.sh data/ci/*.sh .ci/run; do
        [ -f "$file" ] || continue
        sh -n "$file" || failed=1
        case "$file" in *.t) [ -x "$file" ] || { echo "$file: is not executable"; failed=1; } ;; esac
    done
    return $failed
}

format() {
    {
        sources c
        sources h
    } | xargs clang-format --dry-run --Werror
}

gcc() {
    make --no-print-directory -s -k -j"$jobs" CC=gcc WERROR=1 BUILD=build/lint-gcc objects
}

clang() {
    make --no-print-directory -s -k -j"$jobs" CC=clang WERROR=1 BUILD=build/lint-clang objects
}

cppcheck_() {
    defines=$(eval "for f in $flags; do case \$f in -D*|-I*) printf \"'%s' \" \"\$f\" ;; esac; done")
    mkdir -p build/lint-cppcheck
    # unknownMacro, missingInclude: the headers of libraries are not read, so their macros stay unknown.
    eval "sources c | xargs cppcheck --quiet --std=c11 --language=c -j$jobs --inline-suppr \
        --cppcheck-build-dir=build/lint-cppcheck --enable=warning,performance,portability --library=posix \
        --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unknownMacro \
        --suppress=unmatchedSuppression --error-exitcode=1 --template='{file}:{line}: {severity}: {message} [{id}]' \
        $defines"
}

tidy() {
    command -v clang-tidy || return 1
    # Judged by what is said, since xargs keeps no exit codes apart; "N warnings generated" is about system headers.
    export FLAGS="$flags"
    sources c | xargs -P "$jobs" -n 3 sh -c 'eval "clang-tidy --quiet \"\$@\" -- $FLAGS" 2>&1' sh |
        grep -vE '^[0-9]+ warnings?( treated as errors?| generated)|^Suppressed|^Use -header-filter' >"$log/tidy.out"
    cat "$log/tidy.out"
    ! grep -qE ': (error|warning):|^error|rror while' "$log/tidy.out"
}

part() {
    begin=$(date +%s)
    if "$1" >"$log/$1" 2>&1; then
        printf 'ok    %-9s %s (%d s)\n' "${1%_}" "$2" $(($(date +%s) - begin))
    else
        printf 'FAIL  %-9s %s (%d s)\n' "${1%_}" "$2" $(($(date +%s) - begin))
        sed 's/^/      /' "$log/$1"
        bad="$bad ${1%_}"
    fi
}

for name in ${*:-house shell format gcc clang cppcheck tidy}; do
    case "$name" in
    house) part house "includes follow the arrows; no unsafe calls; no floating point in money; file sizes" ;;
    shell) part shell "shell scripts parse" ;;
    format) part format "layout is that of .clang-format" ;;
    gcc) part gcc "builds without warnings: $(command gcc --version | head -n 1)" ;;
    clang) part clang "builds without warnings: $(command clang --version | head -n 1)" ;;
    cppcheck) part cppcheck_ "warning, performance, portability: $(cppcheck --version)" ;;
    tidy) part tidy ".clang-tidy: bugs, the analyzer, functions of at most 70 lines" ;;
    *) echo "tests/lint.sh: unknown part \"$name\"" >&2; exit 2 ;;
    esac
done
[ -z "$bad" ] || { echo "lint:$bad failed" >&2; exit 1; }
