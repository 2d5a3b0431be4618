#!/bin/sh
# IAM policies: made from the table of calls, the table is the code's own list, the shipped ones are current, what is
# switched off is not granted, and no trust policy is wide.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
unset NO_COLOR COLUMNS 2>/dev/null || true
config=$root/data/iam/bakehour.json
account=123456789012

# Both lists from the sources: what is sent, and what the table says is sent.
cd "$root/scheduler"
cat cloud*.c state_dynamodb.c aws/credentials_role.c | tr '\n' ' ' |
    grep -oE '(call_begin|begin_named|aws_request_init|call_open|call_open_table|act_on|put_order|request_open|begin)\([^;]*"[A-Z][A-Za-z]+"' |
    grep -oE '"[A-Z][A-Za-z]+"' | tr -d '"' | grep -vx Force | sort -u >"$tmp/sent"
tr '\n' ' ' <permissions.c | grep -oE '(ROW|UNUSED|FREE)\(AWS_[A-Z0-9]+, *"[A-Z][A-Za-z]+"' | grep -oE '"[A-Z][A-Za-z]+"' |
    tr -d '"' | sort -u >"$tmp/table"
is "every call in the sources is in the table" "$(comm -23 "$tmp/sent" "$tmp/table")" ""
cat cloud*.c state_dynamodb.c aws/credentials_role.c >"$tmp/sources"
stale=""
while read -r call; do
    grep -q "\"$call\"" "$tmp/sources" || stale="$stale $call"
done <"$tmp/table"
is "every call in the table is in the sources" "$stale" ""
ok "there are many" "$([ "$(wc -l <"$tmp/sent")" -gt 50 ] && echo 0 || echo 1)"

# What is shipped is what the program makes today.
mkdir "$tmp/iam"
sh "$root/data/iam/make.sh" "$BAKEHOUR" "$tmp/iam"
for file in "$tmp/iam"/*.json; do
    name=${file##*/}
    cmp -s "$file" "$root/data/iam/$name" && same=0 || same=1
    ok "data/iam/$name is current (data/iam/make.sh makes it again)" "$same"
    most=6144
    case $name in trust-*) most=2048 ;; esac
    length=$(tr -d ' \t\r\n' <"$file" | wc -c)
    ok "$name: $length characters fit into IAM's $most" "$([ "$length" -le "$most" ] && echo 0 || echo 1)"
done

# What the configuration does not use is not granted.
sed 's/"open_port": true, "runner_cidr": "[^"]*"/"open_port": false/; s/"backend": "dynamodb"/"backend": "file"/; s/"dead_man_role": "[^"]*"//; /"partner"/d' \
    "$config" >"$tmp/plain.json"
run config iam --config "$tmp/plain.json"
is "a plain configuration: exit code" "$code" 0
for action in SecurityGroupIngress dynamodb: scheduler: iam:PassRole CopyImage ModifyImageAttribute sts: kms: \
    StartInstanceRefresh LaunchConfiguration ReplaceRootVolume StopInstances; do
    hasnt "a plain configuration grants no $action" "$out" "$action"
done
# Each switch by itself: what one of them needs is not granted for the other.
sed 's/"project"/"network": {"runner_cidr": "198.51.100.7\/32", "security_group": "sg-1"}, "project"/; s/"network": {[^}]*"open_port"[^}]*},*//' \
    "$tmp/plain.json" >"$tmp/shut.json"
sed 's/"dead_man_role"/"probe": "load-balancer", "dead_man_role"/; s/"open_port": true, "runner_cidr": "[^"]*"/"open_port": false/' \
    "$config" >"$tmp/probe.json"
run config iam --config "$tmp/probe.json"
has "a probe by the load balancer: it is asked to take canaries in" "$out" 'elasticloadbalancing:RegisterTargets'
hasnt "a probe by the load balancer: no rule of a security group is closed" "$out" SecurityGroupIngress
run config iam --config "$tmp/shut.json"
has "a rule of before may be there: it may be closed" "$out" 'ec2:RevokeSecurityGroupIngress'
hasnt "a rule of before may be there: no target is registered" "$out" RegisterTargets
hasnt "no action is a wildcard" "$out" '"Action":.*\*'
hasnt "nothing manages IAM" "$(cat "$tmp"/iam/*.json)" '"iam:[^P]'
sed 's/"dead_man_role"/"engine": "refresh", "dead_man_role"/; s/"project"/"policy": {"keep": "idle:600"}, "project"/' "$config" >"$tmp/other.json"
run config iam --config "$tmp/other.json"
has "engine refresh is granted where it is used" "$out" 'autoscaling:StartInstanceRefresh'
hasnt "and attaching is not" "$out" 'autoscaling:AttachInstances'
sed 's/"dead_man_role"/"engine": "step", "dead_man_role"/' "$config" >"$tmp/step.json"
run config iam --config "$tmp/step.json"
has "engine step attaches its first wave" "$out" 'autoscaling:AttachInstances'
run config iam --config "$tmp/other.json"
has "a kept instance's root volume" "$out" 'ec2:CreateReplaceRootVolumeTask'
run config iam --config "$config" --account $account
has "the port of this security group alone" "$out" '"arn:aws:ec2:us-east-1:123456789012:security-group/sg-0123456789abcdef0"\]'
has "the groups by name" "$out" 'autoScalingGroupName/hello-internal", .*autoScalingGroupName/hello-production"\]'
hasnt "another account's group is not the deployer's" "$out" 'hello-partner'
run config iam --config "$config" --role instance
has "the bake instance may do nothing" "$out" '"Deny"'
run config iam --config "$config" --role reader
is "a reader reads" "$(printf '%s\n' "$out" | grep -oE '[a-z]+:[A-Z][A-Za-z]+' | sort | tr '\n' ' ')" \
    "dynamodb:DescribeTable dynamodb:GetItem dynamodb:Query "
run --json config iam --config "$config"
holds "--json" "$out" '"schema":	"bakehour.config-iam/1"'
holds "--json says which call takes what" "$out" '"call":	"UpdateAutoScalingGroup",'

# Trust is in one place.
for subject in 'repo:acme/*:environment:production' 'repo:acme/hello' 'acme/hello:environment:x' ''; do
    refused "github: \"$subject\" is refused" '--subject' config iam --config "$config" --account $account --trust github --subject "$subject"
done
refused "gitlab: any project" '--subject' config iam --config "$config" --account $account --trust gitlab --subject 'project_path:acme/*:ref_type:branch:ref:main'
# The token's audience: what our own CI templates ask for is what is trusted, and another one can be said.
run config iam --config "$config" --account $account --trust gitlab --subject project_path:a/b:ref_type:branch:ref:main
trusted=$(printf '%s\n' "$out" | sed -n 's/.*"gitlab.com:aud":[[:space:]]*"\(.*\)".*/\1/p')
asked=$(sed -n '/^    audience:/{n;s/.*default: *//p;}' "$root/data/ci/templates/deploy.yml")
is "gitlab: the component asks for the audience that is trusted" "$asked" "$trusted"
has "buildkite: the same" "$(cat "$root/data/ci/buildkite.yml")" "audience $trusted "
run config iam --config "$config" --account $account --trust gitlab --subject project_path:a/b:ref_type:branch:ref:main \
    --audience https://gitlab.example.com
has "gitlab: another audience" "$out" '"gitlab.com:aud":[[:space:]]*"https://gitlab.example.com"'
refused "no audience is any" '--audience' config iam --config "$config" --account $account --trust gitlab --subject project_path:a/b:ref_type:branch:ref:main --audience '*'
refused "an empty audience" '--audience' config iam --config "$config" --account $account --trust github --subject repo:a/b:environment:c --audience ''
refused "a whole account or the world" '--subject' config iam --config "$config" --trust account --subject '*'
refused "a trust policy names its account" '--account' config iam --config "$config" --trust github --subject repo:a/b:environment:c
refused "no service takes the deployer's role" 'deployer' config iam --config "$config" --account $account --trust service
refused "an unknown role" 'deployer, reader' config iam --config "$config" --role root
refused "an account has twelve digits" 'twelve digits' config iam --config "$config" --account 123

# The twin holds a token to the trust policy that we print: its repository and branch, and its audience.
if command -v curl >/dev/null 2>&1; then
    run config iam --config "$config" --account $account --trust github --subject repo:example/application:ref:refs/heads/main
    printf '%s\n' "$out" >"$tmp/github.json"
    run config iam --config "$config" --account $account --trust github --subject repo:example/other:ref:refs/heads/main
    printf '%s\n' "$out" >"$tmp/other.json"
    run config iam --config "$config" --account $account --trust account --subject arn:aws:iam::$account:role/deployer
    printf '%s\n' "$out" >"$tmp/account.json"
    twin_start --speed 60 --trust deployer="$tmp/github.json" --trust stranger="$tmp/other.json" --trust target="$tmp/account.json"
    take() { # take ROLE AUDIENCE: the HTTP status
        token=$(curl -s -H 'Authorization: bearer x' "$url/_twin/oidc?audience=$2" | sed -n 's/.*"value":[[:space:]]*"\(.*\)".*/\1/p')
        curl -s -o "$tmp/answer" -w '%{http_code}' "$url/" -d Action=AssumeRoleWithWebIdentity -d Version=2011-06-15 \
            -d RoleArn=arn:aws:iam::$account:role/"$1" -d RoleSessionName=job --data-urlencode WebIdentityToken="$token"
    }
    is "the role trusts this repository's token" "$(take deployer sts.amazonaws.com)" 200
    is "another audience is refused" "$(take deployer https://gitlab.com)" 403
    has "another audience: as STS says it" "$(cat "$tmp/answer")" 'Not authorized to perform sts:AssumeRoleWithWebIdentity'
    is "another repository's role is refused" "$(take stranger sts.amazonaws.com)" 403
    is "a role that trusts an account's role trusts no token" "$(take target sts.amazonaws.com)" 403
    is "a role without a trust policy is anybody's" "$(take whoever sts.amazonaws.com)" 200
else
    ok "# SKIP curl is missing: trust policies are not tried" 0
fi
done_testing
