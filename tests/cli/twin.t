#!/bin/sh
# bakehour twin: what it refuses, and what independent clients make of it: boto3 (tests/twin_boto.py), AWS's command
# line, libcurl's signatures, TLS with client certificates at the guests.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tap.sh"
. "$here/twin.sh"

refused "a port that is none" "HOST:PORT is wanted" twin --listen 4566
refused "the world" "no loopback address" twin --listen 0.0.0.0:4566
refused "a speed that is none" "--speed" twin --speed fast
refused "a group without a count" "NAME=N is wanted" twin --group web
refused "a command without its artifact" "{artifact}" twin --run-app true --listen 127.0.0.1:0
refused "a certificate alone" "go together" twin --guest-cert x
printf '[{"action": "A", "fault": "sulk"}]' >"$tmp/faults.json"
refused "a fault that is none" "faults[0].fault" twin --faults "$tmp/faults.json" --listen 127.0.0.1:0
printf '[a]\naws_access_key_id = K\n' >"$tmp/keys"
refused "a key without a secret" "lacks" twin --credentials "$tmp/keys" --listen 127.0.0.1:0

stop() {
    kill "$twin" && wait "$twin"
}

twin_start --speed step
python=""
for candidate in /usr/bin/python3 python3; do
    [ -n "$python" ] || ! "$candidate" -c 'import boto3' 2>/dev/null || python=$candidate
done
if [ -n "$python" ]; then
    "$python" "$here/../twin_boto.py" "$url" >"$tmp/boto" 2>&1
    while IFS= read -r line; do
        case $line in
        "ok "*) ok "boto3: ${line#ok }" 0 ;;
        *) ok "boto3: $line" 1 ;;
        esac
    done <"$tmp/boto"
else
    ok "boto3 # SKIP python3-boto3 is not installed" 0
fi
stop
is "it ends at SIGTERM" $? 0
is "it says what it listens on, and nothing else" "$(wc -l <"$tmp/twin.out" | tr -d ' ')" 1
has "errors leave a line in the log" "$(cat "$tmp/twin.err")" 'twin: .* EC2 .*: 40[0-9] '

export AWS_ACCESS_KEY_ID=TWIN AWS_SECRET_ACCESS_KEY=bakehour-twin AWS_DEFAULT_REGION=us-east-1 AWS_PAGER=""
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
twin_start --speed 2000 --group web=2
aws=""
for candidate in /usr/bin/aws aws; do
    [ -n "$aws" ] || ! "$candidate" --version >/dev/null 2>&1 || aws=$candidate
done
if [ -n "$aws" ]; then
    is "aws autoscaling describe-auto-scaling-groups" "$("$aws" --endpoint-url "$url" autoscaling \
        describe-auto-scaling-groups --query 'AutoScalingGroups[].Instances[].HealthStatus' --output text 2>&1 |
        tr '\t' ' ')" "Healthy Healthy"
    id=$("$aws" --endpoint-url "$url" ec2 run-instances --image-id ami-00000000000000001 --instance-type t2.micro \
        --query 'Instances[0].InstanceId' --output text 2>&1)
    case $id in i-*) ok "aws ec2 run-instances" 0 ;; *) is "aws ec2 run-instances" "$id" "i-..." ;; esac
    "$aws" --endpoint-url "$url" ec2 wait instance-running --instance-ids "$id" >"$tmp/out" 2>&1
    ok "aws ec2 wait instance-running" $?
    has "aws: an error is AWS's own" "$("$aws" --endpoint-url "$url" ec2 describe-instances --instance-ids \
        i-0123456789abcdef0 2>&1)" "An error occurred (InvalidInstanceID.NotFound)"
else
    ok "awscli # SKIP awscli is not installed" 0
fi
if curl --help all 2>/dev/null | grep -q aws-sigv4; then
    has "libcurl's signature" "$(curl -s --aws-sigv4 aws:amz:us-east-1:ec2 --user TWIN:bakehour-twin --data \
        'Action=DescribeRegions&Version=2016-11-15' "$url/")" "<regionName>us-east-1</regionName>"
    has "libcurl's signature with another secret" "$(curl -s --aws-sigv4 aws:amz:us-east-1:ec2 --user TWIN:x --data \
        'Action=DescribeRegions&Version=2016-11-15' "$url/")" "<Code>SignatureDoesNotMatch</Code>"
    token=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$url/latest/api/token")
    has "instance metadata, version 2" "$(curl -s -H "X-aws-ec2-metadata-token: $token" \
        "$url/latest/meta-data/iam/security-credentials/bakehour-runner")" '"AccessKeyId":.*"ASIA'
    is "a token that is none" "$(curl -s -o /dev/null -w '%{http_code}' -H 'X-aws-ec2-metadata-token: x' \
        "$url/latest/meta-data/instance-id")" 401
    is "a page from a browser" "$(curl -s -o /dev/null -w '%{http_code}' -H 'Origin: http://x' "$url/_twin/state")" 403
    holds "the bill" "$(curl -s "$url/_twin/bill")" '"total_usd"'
    holds "the state" "$(curl -s "$url/_twin/state")" '"web"'
else
    ok "libcurl's signature # SKIP this curl does not sign" 0
fi
stop

# TLS at the guests: the client shows a certificate, or is not heard.
if command -v openssl >/dev/null 2>&1 && command -v curl >/dev/null 2>&1; then
    guest_keys
    twin_start --speed 2000 --group web=1 --guest-ca "$tmp/ca.pem" --guest-cert "$tmp/server.pem" --guest-key "$tmp/server.key"
    address=$(curl -s "$url/_twin/state" | sed -n 's/.*"\(127\.1[0-9][0-9]\.[0-9.]*\)".*/\1/p' | head -n 1)
    is "a guest with TLS" "$(curl -s -k --max-time 20 --cert "$tmp/client.pem" --key "$tmp/client.key" \
        "https://$address:8000/os/version")" '"v0.57.0-398-g0e34e4dc"'
    curl -s -k --max-time 5 "https://$address:8000/os/version" >"$tmp/out" 2>&1
    is "no certificate, no answer" "$(cat "$tmp/out")" ""
    curl -s --max-time 5 "http://$address:8000/os/version" >"$tmp/out" 2>&1
    is "nor without TLS" "$(cat "$tmp/out")" ""
    stop
else
    ok "TLS # SKIP openssl or curl is not installed" 0
fi

done_testing
