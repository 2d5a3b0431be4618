#!/bin/sh
# The Makefile's promises, on a copy of the tree that has only base/: parallel from clean, nothing rebuilt for
# nothing, rebuilt when flags or headers change, install into DESTDIR.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
case "${VARIANT:-release}" in
release*) ;;
*) echo "1..0 # SKIP nothing of the $VARIANT build is in it: the release build's run is the same to the letter"; exit 0 ;;
esac
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD VARIANT SANITIZE COVERAGE CFLAGS LDFLAGS 2>/dev/null || true

tree="$tmp/tree with space"
mkdir -p "$tree/docs" "$tree/data" "$tree/tests"
cp "$root/Makefile" "$tree"
cp -r "$root/base" "$tree"
cp "$root/docs/bakehour.1.in" "$tree/docs"
cp "$root/tests/test_str.c" "$tree/tests"
echo 'type,region' >"$tree/data/sample.csv"
echo '{}' >"$tree/data/sample.json"
mkdir "$tree/data/ci"
echo 'on: push' >"$tree/data/ci/sample.yml"
echo x | gzip >"$tree/data/sample.tsv.gz"
# A program of two commands stands for the real one: the Makefile does not know the difference.
cat >"$tree/bakehour.c" <<'END'
#include <string.h>
#include "base/opt.h"
static int run(struct session *s, void *args, struct err *err)
{
    (void)s, (void)args, (void)err;
    return 0;
}
static const struct opt options[] = {{"log", OPT_VALUE, "FILE", "a history", opt_text, 0}, OPT_END};
static const struct command plan = {"plan", "plans", "Plans.", "  bakehour plan", options, 8, run, NULL, NULL, NULL};
static const struct command *const commands[] = {&plan, NULL};
int main(int argc, char **argv)
{
    struct session s;
    session_init(&s);
    if (argc > 1 && strcmp(argv[1], "--man-page") == 0)
        opt_man_page(commands, stdout);
    else if (argc > 1 && strcmp(argv[1], "--completion") == 0)
        opt_bash_completion(commands, stdout);
    else
        return opt_main(commands, argc - 1, argv + 1, &s);
    return 0;
}
END
cd "$tree"
lib=build/release/libbakehour.a
sources=$(ls base/*.c | wc -l | tr -d ' ')

build() { # build DESC ARG...: runs make; $compiled is how many files were compiled
    desc=$1
    shift
    exit_is "$desc" 0 make V=1 "$@"
    compiled=$(printf '%s\n' "$out" | grep -c -e ' -c -o ' || true)
}

build "parallel from clean" -j8 OPTIMISE=-O1 $lib
is "parallel from clean: every file once" "$compiled" "$sources"
build "again" -j8 OPTIMISE=-O1 $lib
is "again: nothing is compiled" "$compiled" 0
hasnt "again: no new archive" "$out" ' rcs '
build "other flags" OPTIMISE=-O1 LDFLAGS=-Wl,-O1 -j8 CFLAGS='-O1 -DX="a b"' $lib
is "other flags: all again" "$compiled" "$sources"
build "back to the old flags" -j8 OPTIMISE=-O1 $lib
is "back to the old flags: all again" "$compiled" "$sources"

sleep 1 # time stamps of a second's precision must not hide a change
touch base/philox.h
users=$(grep -l '"base/philox.h"' base/*.c | wc -l | tr -d ' ')
build "a header is touched" -j8 OPTIMISE=-O1 $lib
is "a header is touched: its users are compiled" "$compiled" "$users"

rm base/philox_fill.c base/philox_fill.h
build "a source is gone" -j8 OPTIMISE=-O1 $lib
is "a source is gone: it leaves the archive" "$(ar t $lib | grep -c philox_fill || true)" 0
is "a source is gone: nothing is compiled" "$compiled" 0

build "a variant of its own" -j8 OPTIMISE=-O1 SANITIZE=address,undefined build/address-undefined/base/str.o
is "a variant of its own: compiled apart" "$compiled" 1
build "the first variant" -j8 OPTIMISE=-O1 $lib
is "the first variant is still good" "$compiled" 0
build "another build folder" -j8 OPTIMISE=-O1 BUILD=build/other CC=cc WERROR=1 build/other/base/err.o
is "another build folder: compiled there" "$(ls build/other/base/*.o)" build/other/base/err.o
build "no optimisation is no warning" OPTIMISE=-O0 WERROR=1 BUILD=build/other build/other/base/err.o

build "a test" -j8 OPTIMISE=-O1 build/release/tests/test_str
exit_is "a test runs" 0 build/release/tests/test_str
build "a test again" -j8 OPTIMISE=-O1 build/release/tests/test_str
is "a test again: nothing is compiled" "$compiled" 0
exit_is "coverage builds apart" 0 make -j8 COVERAGE=1 OPTIMISE=-O0 build/release-coverage/tests/test_str
exit_is "coverage runs" 0 build/release-coverage/tests/test_str
is "coverage leaves its counts" "$(ls build/release-coverage/base/str.gcda)" build/release-coverage/base/str.gcda

exit_is "install" 0 make -j8 OPTIMISE=-O1 install DESTDIR="$tmp/dest dir" PREFIX=/opt/x
is "install: what and where" "$(cd "$tmp/dest dir" && find . -type f | LC_ALL=C sort)" "./opt/x/bin/bakehour
./opt/x/share/bakehour/ci/sample.yml
./opt/x/share/bakehour/sample.csv
./opt/x/share/bakehour/sample.json
./opt/x/share/bakehour/sample.tsv.gz
./opt/x/share/bash-completion/completions/bakehour
./opt/x/share/man/man1/bakehour.1"
is "install: the program can be run" "$("$tmp/dest dir/opt/x/bin/bakehour" plan; echo $?)" 0
man=$(cat "$tmp/dest dir/opt/x/share/man/man1/bakehour.1")
has "install: the man page has the options" "$man" '^\.B \\-\\-log FILE$'
hasnt "install: no mark is left in the man page" "$man" '@[A-Z]*@'
build "install again" -j8 OPTIMISE=-O1 install DESTDIR="$tmp/dest dir" PREFIX=/opt/x
is "install again: nothing is compiled" "$compiled" 0
exit_is "uninstall" 0 make uninstall DESTDIR="$tmp/dest dir" PREFIX=/opt/x
is "uninstall: nothing is left" "$(cd "$tmp/dest dir" && find . -type f)" ""
is "the program stands at the top" "$(./bakehour plan; echo $?)" 0
exit_is "clean" 0 make clean
is "clean: only sources are left" "$(ls)" "Makefile
bakehour.c
base
data
docs
tests"
done_testing
