#!/bin/sh
# Runs tests under prove. usage: BAKEHOUR=program BUILD=folder tests/run.sh TEST...   (binaries of cmocka and fuzz_*,
# shell scripts *.t). cmocka binaries report TAP.
set -eu
export CMOCKA_MESSAGE_OUTPUT=TAP
export LC_ALL=C TZ=UTC
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
unset COLUMNS NO_COLOR BAKEHOUR_NOW GIT_DIR GIT_WORK_TREE 2>/dev/null || true
echo "== tests of the $VARIANT build"
# Two more than there are processors: what deploys against a twin mostly waits.
exec prove -j $(($(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 2)) --timer --exec "" "$@"
