#!/bin/sh
# Where secrets could show: the arguments and the environment of what runs, what the repository's own commands are given
# and can read of the program, a core, and everything that is written or said: journal, ledger, events, logs, and the
# output of each command that looks. With keys from the environment, and with a role's session that they take.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git curl openssl
mkdir "$tmp/site" "$tmp/said" "$tmp/.aws"
SINK_TOKEN=token-of-a-sink
HOOK=http://127.0.0.1:9/address-of-a-hook
export SINK_TOKEN HOOK
cat >"$tmp/.aws/config" <<'END'
[profile deployer]
role_arn = arn:aws:iam::123456789012:role/deployer
credential_source = Environment
END
# What no file and no output may hold: the key, a session's key id and token, what sinks are told by.
printf '%s\n' bakehour-twin ASIA IQoJb3JpZ2luX2Vj token-of-a-sink address-of-a-hook >"$tmp/secrets"
leaks() { # leaks PATH...: files that hold one of them
    grep -rl -a -F -f "$tmp/secrets" "$@" 2>/dev/null | tr '\n' ' ' || true
}

# A user other than root, where we can be one: root may read every process.
as=
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null 2>&1 &&
    setpriv --reuid=65534 --regid=65534 --clear-groups "$BAKEHOUR" --version >/dev/null 2>&1; then
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
fi
cat >"$tmp/site/build.sh" <<END
env >"$tmp/said/env.\$1"
cat /proc/\$PPID/environ >"$tmp/said/parent.\$1" 2>/dev/null
echo "\$?" >"$tmp/parent.\$1"
mkdir -p out
cp app.txt out/app.jar
END
# Guests that speak TLS and want a certificate: its key is a secret, too.
guest_keys
grep -h -v -e '-----' "$tmp/client.key" "$tmp/client.pem" >>"$tmp/secrets"
site 120 --group hello-internal=1 --guest-ca "$tmp/ca.pem" --guest-cert "$tmp/server.pem" --guest-key "$tmp/server.key" <<END
"osv": {"tls": true, "ca_file": "$tmp/ca.pem", "client_cert_file": "$tmp/client.pem", "client_key_file": "$tmp/client.key"},
"build": {"test": "env; exec sh build.sh test", "build": "env; exec sh build.sh build", "artifact": "out/*.jar"},
"sinks": [{"kind": "file", "path": "events.jsonl"}, {"kind": "slack", "url_env": "HOOK"},
          {"kind": "http", "url": "http://127.0.0.1:9/", "token_env": "SINK_TOKEN"}],
END
slow_next image 120
cloud="$cloud --profile deployer"
[ -z "$as" ] || chown -R 65534:65534 "$tmp"
bakehour() { # as the user, its output kept: bakehour NAME ARGS...
    name=$1
    shift
    code=0
    # shellcheck disable=SC2086
    $as "$BAKEHOUR" "$@" >"$tmp/said/$name.out" 2>"$tmp/said/$name.err" || code=$?
    out=$(cat "$tmp/said/$name.out")
    err=$(cat "$tmp/said/$name.err")
}

# A run that is caught while it waits for its image, and dies by a signal that would leave a core.
(
    ulimit -c unlimited 2>/dev/null || true
    # shellcheck disable=SC2086
    exec $as "$BAKEHOUR" deploy --now --yes $cloud >"$tmp/said/first.out" 2>"$tmp/said/first.err"
) &
runner=$!
is "it gets as far as the image" "$(until_there 'command-line is done' "$tmp/said/first.err" && echo 0 || echo 1)" 0
for process in /proc/[0-9]*; do
    tr '\0' ' ' <"$process/cmdline" && echo
done >"$tmp/said/ps" 2>/dev/null || true
# Whose its files under /proc are: the user's own of a process that can be dumped and read, else root's.
if [ -n "$as" ] || [ "$(id -u)" -ne 0 ]; then
    is "no other process of this user reads it" "$(stat -c %u /proc/$runner/environ)" 0
    is "the tests could not read our environment" "$(cat "$tmp/parent.test")" 1
    is "the build could not read our environment" "$(cat "$tmp/parent.build")" 1
else
    ok "# SKIP root reads every process, and setpriv is missing" 0
fi
# Whoever is not told to leave none leaves one here: else the next check looks for nothing.
# shellcheck disable=SC2086
$as sh -c 'ulimit -c unlimited && kill -s ABRT $$' >/dev/null 2>&1 || true
cores=$(find . -name 'core*' | head -n 1)
find . -name 'core*' -exec rm -f {} +
kill -s ABRT $runner
code=0
wait $runner 2>/dev/null || code=$?
runner=
is "it died by the signal" "$code" 134
[ -n "$cores" ] || note "processes leave no core here (core_pattern, or the limit): that ours leaves none shows nothing"
is "it left no core" "$(find . -name 'core*' | head -n 1)" ""

# shellcheck disable=SC2086
{
    bakehour resumed resume $cloud
    is "resumed: exit code" "$code" 0
    has "resumed: completed" "$out" '^Deployment 1 of internal: completed$'
    bakehour again rollback --yes --json $cloud
    is "nothing to go back to: exit code" "$code" 2
}
for command in "show --json" "show --journal --json" "show --journal" "history --json" "status --json" "config check --json" \
    "gc --dry-run --json $cloud" "doctor --json $cloud" "deploy --dry-run --now --json $cloud" "budget check --json"; do
    n=$((${n:-0} + 1))
    # shellcheck disable=SC2086
    bakehour "look$n" $command
    [ -s "$tmp/said/look$n.out" ] || [ -s "$tmp/said/look$n.err" ] || ok "$command says something" 1
done
has "the run was seen" "$(cat "$tmp/said/ps")" ' deploy --now --yes '
has "the build had an environment" "$(cat "$tmp/said/env.build")" '^PATH='
has "its log is kept" "$(cat .bakehour/work/r-*/build.log)" '^PATH='
has "there are events" "$(cat events.jsonl)" '"kind":"completed"'
is "no secret in arguments, environments, store, ledger, logs, events or output" \
    "$(leaks .bakehour events.jsonl "$tmp/said" | sed "s|$tmp/||g")" ""

# Named in build.keep_env, a variable is given.
sed -i 's/"artifact": /"keep_env": ["SINK_TOKEN", "AWS_ACCESS_KEY_*"], &/' bakehour.json
printf '%s\n' '#!bakehour-app' 'body=two' >app.txt
$as git add -A
$as git -c user.name=t -c user.email=t@localhost -c commit.gpgsign=false commit -q -m two
# shellcheck disable=SC2086
bakehour kept deploy --now --yes $cloud
is "keep_env: exit code" "$code" 0
has "keep_env: what it names is given" "$(cat "$tmp/said/env.build")" '^SINK_TOKEN=token-of-a-sink$'
has "keep_env: a pattern" "$(cat "$tmp/said/env.build")" '^AWS_ACCESS_KEY_ID=TWIN$'
hasnt "keep_env: and nothing else" "$(cat "$tmp/said/env.build")" '^AWS_SECRET_ACCESS_KEY='
done_testing
