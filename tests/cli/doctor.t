#!/bin/sh
# bakehour doctor against the twin: what is well, and each thing that is not. usage: BAKEHOUR=program tests/cli/doctor.t
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/json.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git curl
as_a_runner
cd "$tmp" || exit 1
git init -q .
twin_start --speed 60 --group hello-internal=2
export AWS_REGION=us-east-1

exit_is "a configuration" 0 "$BAKEHOUR" config init
exit_is "all is well" 0 "$BAKEHOUR" doctor --endpoint-url "$url"
has "all is well: the account" "$out" '^ok  *credentials  *account 123456789012'
has "all is well: a permission" "$out" '^ok  *permission  *ec2:RunInstances would be allowed'
has "all is well: a quota" "$out" '^ok  *quota  *standard instances (L-1216C47A) in us-east-1: 2 of 1000'
has "all is well: encryption" "$out" '^ok  *encryption'
has "who may do everything may end what is not there" "$out" '^ok  *permission  *ec2:TerminateInstances would be allowed'
has "all is well: the group" "$out" '^ok  *group  *hello-internal: 2 instances'
has "all is well: the image" "$out" '^ok  *base image  *ami-00000000000000001 is available and fits t2.micro'
has "all is well: no dead-man" "$out" '^warning  *dead-man'
has "all is well: said" "$out" '^0 problems, '
exit_is "as JSON" 0 "$BAKEHOUR" doctor --endpoint-url "$url" --json
figures "as JSON: figures" "$out" "" "
    schema bakehour.doctor/1
    environment internal
    problems 0
    checks.0.name this machine
    checks.0.state ok"

# Each thing that is wrong is a problem, with its remedy, and exit code 1.
wrong() { # wrong DESC SED WANT [ENVIRONMENT...]
    sed "$2" bakehour.json >wrong.json
    exit_is "$1" 1 env ${4:-A=b} "$BAKEHOUR" doctor --endpoint-url "$url" --config wrong.json
    has "$1: said" "$out" "$3"
}
wrong "no such group" 's|"group": "hello-internal"|"group": "nobody"|' \
    '^problem  *group  *there is no Auto Scaling group "nobody" here'
wrong "no such image" 's|ami-00000000000000001|ami-0abcdef0123456789|' '^problem  *base image'
wrong "an image of another architecture" 's|"instance_type": "t2.micro"|"instance_type": "m6g.large"|' \
    '^problem  *base image  *an image for x86_64 does not start on m6g.large'
wrong "bad credentials" '' '^problem  *credentials' AWS_SECRET_ACCESS_KEY=wrong
hasnt "bad credentials: no further questions" "$out" 'group'
faults() { # faults JSON: exit code of the request
    code=0
    curl -sf -o /dev/null -X POST "$url/_twin/faults" -d "$1" || code=$?
    echo "$code"
}
ok "a fault is set" "$(faults '{"faults": [{"action": "RunInstances", "fault": "error", "code": "UnauthorizedOperation",
    "status": 403, "message": "no"}]}')"
wrong "a permission is missing" '' '^problem  *permission  *ec2:RunInstances would be refused'

# Held to its own policy, a first look finds nothing that is refused; what goes by tags cannot be tried yet.
ok "no more faults" "$(faults '{"clear": true}')"
ok "the policy of the configuration" "$(twin_policy && echo 0 || echo 1)"
exit_is "under its own policy" 0 "$BAKEHOUR" doctor --endpoint-url "$url"
has "under its own policy: allowed" "$out" '^ok  *permission  *ec2:CreateLaunchTemplateVersion would be allowed'
has "under its own policy: by tags" "$out" '^unknown  *permission  *ec2:TerminateInstances: nothing carries'
done_testing
