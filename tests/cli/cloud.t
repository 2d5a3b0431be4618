#!/bin/sh
# The modelled cloud's answers and parameters against AWS's own API models, as botocore carries them.
cd "$(dirname "$0")/../.." || exit 1
. tests/cli/tap.sh
: "${BUILD:=build/release}"

python=""
for candidate in /usr/bin/python3 python3; do
    if "$candidate" -c 'import botocore.session' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "1..0 # SKIP no python3 with botocore here (Debian: python3-botocore)"
    exit 0
fi

export BAKEHOUR_REPLIES="$tmp/replies" BAKEHOUR_ACTIONS="$tmp/actions"
for test in instances groups bill calls; do
    exit_is "test_cloud_$test writes its replies down" 0 "$BUILD/tests/test_cloud_$test"
done
BAKEHOUR_SEEDS=40
export BAKEHOUR_SEEDS
exit_is "so does the random driver" 0 "$BUILD/tests/test_cloud_random"
"$python" tests/shapes.py "$tmp/replies" "$tmp/actions" >"$tmp/said" 2>&1
status=$?
ok "every element and parameter is in AWS's shapes" $status
note "$(cat "$tmp/said")"
done_testing
