#!/bin/sh
# Runs tests under prove. usage: BAKEHOUR=program BUILD=folder tests/run.sh TEST...   (binaries of cmocka and fuzz_*,
# shell scripts *.t). cmocka binaries report TAP.
set -eu
export CMOCKA_MESSAGE_OUTPUT=TAP
export LC_ALL=C TZ=UTC
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}"
unset COLUMNS NO_COLOR BAKEHOUR_NOW GIT_DIR GIT_WORK_TREE 2>/dev/null || true
echo "== tests of the $VARIANT build"

# The longest first, so that none is left to run alone at the end: those that wait for a twin and those that compute side
# by side, four more at a time than there are processors, since what deploys mostly waits. What is not named here is short.
first="ci_deploy.t test_pipeline_kills promote.t deploy_more.t dynalite.t open_port.t test_ledger_crash test_pipeline_gone
    secrets.t deploy.t runners.t leave.t watch.t test_optimum_milp migrate.t live.t test_optimum_limits dist.t
    test_rollout_faults test_robust test_ledger_log test_cloud_random test_pipeline_port twin.t make.t usage.t test_pipeline
    report.t plan.t organisation.t rehearse.t"
ordered=""
for name in $first; do
    for test; do
        [ "${test##*/}" != "$name" ] || ordered="$ordered $test"
    done
done
for test; do
    case " $ordered " in
    *" $test "*) ;;
    *) ordered="$ordered $test" ;;
    esac
done
# shellcheck disable=SC2086
exec prove -j $(($(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 4)) --timer --exec "" $ordered
