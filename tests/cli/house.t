#!/bin/sh
# tests/lint_house.sh on small made-up trees: it finds what it should and nothing else.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"

tree="$tmp/tree"
mkdir -p "$tree/base" "$tree/billing" "$tree/sim" "$tree/scheduler/aws" "$tree/tests"

good() {
    rm -f "$tree"/*/*.[ch] "$tree"/*/*/*.[ch]
    printf '#include "base/a.h"\n#include "sim/s.h"\nint main(void) { return 0; }\n' >"$tree/bakehour.c"
    printf '/* strcpy(a, b) in a comment\n   over lines: system("x"); */\nint a;\n' >"$tree/base/a.h"
    printf '#include "base/a.h"\nconst char *x = "strcpy(a) \\" sprintf(b)"; // gets(c)\n' >"$tree/base/a.c"
    printf '#include <time.h>\nint t(void) { return (int)time(0); }\n' >"$tree/base/clock.c"
    printf '#include "base/a.h"\nint doubled; /* no float here */\n' >"$tree/billing/b.h"
    printf '#include "billing/b.h"\nvoid s_time(void);\nint q(struct s *p) { s_time(); return p->time(1) + p.rand(); }\n' \
        >"$tree/sim/s.h"
    printf '#include "billing/b.h"\ndouble d;\n' >"$tree/scheduler/aws/z.c"
    printf '#include "sim/s.h"\nchar path[] = "/tmp/x.XXXXXX";\n' >"$tree/tests/test_s.c"
}

# finds DESC FILE CONTENT PATTERN: with CONTENT added to FILE, exactly one finding, and it matches
finds() {
    good
    printf "$3" >>"$tree/$2"
    exit_is "$1" 1 sh "$root/tests/lint_house.sh" "$tree"
    has "$1: the place and the reason" "$out" "$4"
    is "$1: nothing else" "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 1
}

good
exit_is "a good tree passes" 0 sh "$root/tests/lint_house.sh" "$tree"
is "a good tree: no findings" "$out" ""

finds "an include upwards" base/a.c '#include "billing/b.h"\n' \
    '^base/a.c:3: #include "billing/b.h" runs against the arrows: base must not know billing'
finds "an include of the tests" sim/s.h '#include "tests/x.h"\n' '^sim/s.h:4: .*sim must not know tests'
finds "billing knows no simulation" billing/b.h '  #  include   "sim/x.h"\n' '^billing/b.h:3: .*billing must not know sim'
finds "an include without room" billing/b.h '#include "b2.h"\n' '^billing/b.h:3: .*name the room'
finds "a source included" tests/test_s.c '#include "sim/s.c"\n' '^tests/test_s.c:3: .*a source file is no header'
finds "strcpy" base/a.c 'void f(void) { strcpy(a, b); }\n' '^base/a.c:3: strcpy() is not used here'
finds "a call behind a comment" base/a.c '/* x */ int n = /* y */ atoi ("1");\n' '^base/a.c:3: atoi()'
finds "a call behind a string" sim/s.h 'int k = g("/*", '"'\"'"') + rand();\n' '^sim/s.h:4: rand()'
finds "the clock" sim/s.h 'int64_t n = time(NULL);\n' '^sim/s.h:4: time(): only base/clock.c'
finds "the clock in the tests" tests/test_s.c 'int n = clock_gettime(0, &t);\n' '^tests/test_s.c:3: clock_gettime()'
finds "floating point in billing" billing/b.h 'static double d;\n' '^billing/b.h:3: no floating point'
finds "a note for later" base/a.c "/* TO""DO: more */\n" '^base/a.c:3: a note for later'
finds "a suppression without a reason" base/a.c 'int z; /* NOLINT */\n' '^base/a.c:3: NOLINT without'
finds "a cppcheck suppression without a reason" base/a.c '/* cppcheck-suppress nullPointer */\n' \
    '^base/a.c:3: cppcheck-suppress without'
finds "a task of who wrote it" base/a.c "/* by iss""ue 4 */\n" '^base/a.c:3: names what no reader has: /\* by iss'
finds "a folder of theirs" base/a.c "/* see /wo""rk/main */\n" '^base/a.c:3: names what no reader has: /\* see'
finds "a paper of theirs, outside of C" notes.md "See the""ory.md.\n" '^notes.md:1: names what no reader has: See'
rm "$tree/notes.md"

good
printf 'int z; /* NOLINT(cert-err33-c): nothing to do about it */\n// cppcheck-suppress nullPointer ; checked above\n' \
    >>"$tree/base/a.c"
exit_is "suppressions with a reason pass" 0 sh "$root/tests/lint_house.sh" "$tree"

good
printf '#include "billing/c.h"\n' >>"$tree/billing/b.h"
printf '#include "billing/b.h"\n' >"$tree/billing/c.h"
exit_is "two files that include each other" 1 sh "$root/tests/lint_house.sh" "$tree"
has "two files: the place" "$out" '^billing/[bc].h:[13]: .*the two include each other$'

good
printf '#include "billing/c.h"\n' >>"$tree/billing/b.h"
printf '#include "billing/d.h"\n' >"$tree/billing/c.h"
printf '#include "billing/b.h"\n' >"$tree/billing/d.h"
exit_is "a loop of three" 1 sh "$root/tests/lint_house.sh" "$tree"
has "a loop of three: said so" "$out" 'include each other, by way of others$'

good
awk 'BEGIN { for (i = 0; i < 700; i++) print "int x" i ";" }' >"$tree/base/long.c"
exit_is "700 lines pass" 0 sh "$root/tests/lint_house.sh" "$tree"
echo 'int one_more;' >>"$tree/base/long.c"
exit_is "701 do not" 1 sh "$root/tests/lint_house.sh" "$tree"
has "701 lines: which file" "$out" '^base/long.c:701: 701 lines'

mkdir "$tmp/empty"
exit_is "a tree without sources is no success" 2 sh "$root/tests/lint_house.sh" "$tmp/empty"
done_testing
