# twin.sh - for shell tests that deploy against a twin. Source it after tap.sh.
#
#   site SPEED TWIN-ARGS... <KEYS
#                        as_a_runner in $tmp/site, a git repository of one commit with the configuration of KEYS; and a twin,
#                        reached by the options $cloud
#   configuration <KEYS  writes bakehour.json here: the keys on stdin, each at the start of a line, and those of a plain
#                        site for project, repository, build, image, smoke and environments where they are not among them
#   guest_keys           makes ca.pem and, signed by it, server and client .pem and .key in $tmp: for guests that speak TLS
#   as_a_runner          an environment of the twin's own credentials, home and nothing of the machine's
#   twin_start ARGS...   starts one and waits for it; leaves $twin (its process) and $url; ends with the test
#   twin_policy ARGS...  from now on the runner may do what `config iam ARGS...` prints for bakehour.json, and no more
#   twin_policy_for NAME ARGS...  the same for the user or role of that name
#   twin_denied          what was last refused for want of a permission; "null" where nothing was
#   until_there PAT FILE waits for at most two minutes until a line of FILE matches; false where none came
#   slow_next WHAT SPEED [MATCH]
#                        the next image or boot (that matches) takes 20 s more (of the machine's clock), so that who works
#                        on it is caught at it on a busy machine too
#   leaves PID           waits until it ends: $left is its exit code, "stayed" after two minutes; with BENCH=1 "late" after
#                        5 s (how fast it is, is the machine's business otherwise)
#   commit BODY          commits app.txt of the git repository here: what instances of the twin answer
#
# Further processes that the test starts stand in $runner, and end with it too.

twin=""
runner=""
# shellcheck disable=SC2154
trap 'kill $twin $runner 2>/dev/null || true; rm -rf "$tmp"' EXIT

as_a_runner() {
    unset NO_COLOR COLUMNS BAKEHOUR_NOW AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_REGION AWS_DEFAULT_REGION \
        GITHUB_ACTIONS GITHUB_OUTPUT GITHUB_STEP_SUMMARY GITLAB_CI JENKINS_URL BUILDKITE CI 2>/dev/null || true
    AWS_ACCESS_KEY_ID=TWIN
    AWS_SECRET_ACCESS_KEY=bakehour-twin
    AWS_EC2_METADATA_DISABLED=true
    HOME=$tmp
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_EC2_METADATA_DISABLED HOME
}

until_there() {
    tries=0
    until grep -q -e "$1" "$2" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 2400 ] || return 1
        sleep 0.05
    done
}

twin_start() {
    : >"$tmp/twin.out" # now: nobody takes the last twin's line for this one's
    "$BAKEHOUR" twin --listen 127.0.0.1:0 "$@" >"$tmp/twin.out" 2>"$tmp/twin.err" &
    twin=$!
    until_there '^listening on http://127.0.0.1:[0-9]*$' "$tmp/twin.out" || true
    url=$(sed -n 's/^listening on //p' "$tmp/twin.out")
}

twin_policy_for() {
    policy_of=$1
    shift
    "$BAKEHOUR" config iam --account 123456789012 "$@" >"$tmp/policy.json" &&
        curl -sf -X POST --data-binary @"$tmp/policy.json" "$url/_twin/policies?principal=$policy_of" >/dev/null
}

twin_policy() {
    twin_policy_for twin "$@"
}

twin_denied() {
    curl -s "$url/_twin/state" | sed -n 's/^.*"last_denied":[[:space:]]*//p' | tr -d '",'
}

slow_next() {
    curl -sf -o /dev/null -X POST "$url/_twin/faults" --data-binary "{\"faults\": [{\"action\": \"$1\",
        \"match\": \"${3:-}\", \"nth\": 1, \"fault\": \"slow\", \"delay_ms\": $(($2 * 20000))}]}"
}

leaves() {
    tries=0
    while kill -0 "$1" 2>/dev/null && [ $tries -lt 2400 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    left=stayed
    kill -0 "$1" 2>/dev/null && { kill -9 "$1"; return 0; }
    left=0
    wait "$1" || left=$?
    [ -z "${BENCH:-}" ] || [ $tries -le 100 ] || left=late
}

commit() {
    printf '#!bakehour-app\nbody=%s\n' "$1" >app.txt
    git add -A
    git -c user.name=t -c user.email=t@localhost -c commit.gpgsign=false commit -q -m "$1"
}

configuration() {
    keys=$(cat)
    {
        printf '{\n%s\n' "$keys"
        while IFS= read -r line; do
            printf '%s\n' "$keys" | grep -q "^${line%%:*}:" || printf '%s\n' "$line"
        done <<'END'
"project": "hello",
"repository": {"branch": "HEAD"},
"build": {"test": "true", "build": "mkdir -p out && cp app.txt out/app.jar", "artifact": "out/*.jar"},
"image": {"base": "ami-00000000000000001", "command_line": "/java.so -jar {artifact}", "flush_wait": "10s"},
"smoke": [{"path": "/health", "retry": "30s"}],
"environments": [{"name": "internal", "group": "hello-internal"}],
END
        echo '}'
    } >bakehour.json
}

site() {
    as_a_runner
    mkdir -p "$tmp/site"
    cd "$tmp/site"
    configuration
    git init -q -b main .
    printf '%s\n' .bakehour/ out/ events.jsonl >.gitignore
    commit one
    speed=$1
    shift
    twin_start --speed "$speed" --no-throttle "$@"
    cloud="--endpoint-url $url --speed $speed"
}

guest_keys() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout "$tmp/ca.key" \
        -out "$tmp/ca.pem" 2>/dev/null
    for name in server client; do
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout "$tmp/$name.key" \
            -out "$tmp/$name.csr" 2>/dev/null
        openssl x509 -req -in "$tmp/$name.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -CAcreateserial -days 2 \
            -out "$tmp/$name.pem" 2>/dev/null
    done
}
