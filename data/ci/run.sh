#!/bin/sh
# Runs one command of bakehour as a CI job should. usage: run.sh COMMAND [OPTION...]   (run.sh deploy --yes --detach)
#
# - A cancelled job gets a signal, and the system kills what is left seconds later. The shell that runs a step does not
#   hand the signal on, so this does: bakehour leaves in good order within 5 s, and the next job goes on.
# - "The policy says wait" and "left in good order" (75) are no failure of the job.
# - On GitHub the outcome is set as outputs, and what was said is put into the job's summary.
set -u
out=$(mktemp)
trap 'rm -f "$out"' EXIT
pid=""
# The first signal may come before there is anything to hand it to.
leave=""
hand_on() {
    leave=yes
    [ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null
}
trap hand_on INT TERM HUP
bakehour "$@" >"$out" &
pid=$!
[ -z "$leave" ] || kill -TERM "$pid" 2>/dev/null
wait "$pid"
code=$?
# A trapped signal ends wait at once; bakehour is still leaving.
while kill -0 "$pid" 2>/dev/null; do
    wait "$pid"
    code=$?
done
cat "$out"

case $code in
0) outcome=done ;;
3 | 4) outcome=over-budget ;;
5) outcome=rolled-back ;;
6) outcome=capped ;;
7) outcome=broken ;;
75) outcome=waiting ;;
*) outcome=failed ;;
esac
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'exit-code=%s\noutcome=%s\n' "$code" "$outcome" >>"$GITHUB_OUTPUT"
    case $outcome in
    rolled-back) echo "::error title=Rolled back::The deployment failed; the group is on its last good version." ;;
    capped) echo "::error title=Storm cap::Launches failed as often as the cap allows; the group is on its last good version." ;;
    broken) echo "::error title=A person is needed::The rollback itself failed; 'bakehour status' says where things stand." ;;
    esac
fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -s "$out" ]; then
    # A summary may have 1 MiB; the statement stands at the end.
    {
        printf '### bakehour %s: %s\n\n```\n' "$1" "$outcome"
        tail -c 60000 "$out" | sed 's/```/` ` `/g'
        printf '```\n'
    } >>"$GITHUB_STEP_SUMMARY"
fi
[ "$code" -eq 75 ] && code=0
exit "$code"
