#!/bin/sh
# data/ci for deployments: each step's script, taken out of its file and run as its CI system runs it, on a fresh
# checkout each time, against the twin: AWS by the job's own OIDC token, state in DynamoDB, nothing kept on the disk.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
case "${VARIANT:-release}" in
release) ;;
*) echo "1..0 # SKIP the scripts are tried with the release build; $VARIANT is slower than a CI system's patience"; exit 0 ;;
esac
needs git bash curl python3
python3 -c 'import yaml' 2>/dev/null || { echo "1..0 # SKIP there is no python3-yaml here"; exit 0; }
as_a_runner
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY # the jobs have tokens
ci=$root/data/ci
mkdir "$tmp/bin" "$tmp/origin"
ln -s "$BAKEHOUR" "$tmp/bin/bakehour"

# The files are YAML; a step's script and environment come out with what a job would put in for ${{ }}.
cat >"$tmp/step.py" <<'END'
import json, re, sys, yaml
kind, path = sys.argv[1:3]
given = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
documents = list(yaml.safe_load_all(open(path)))
def filled(text, pattern):
    return re.sub(pattern, lambda m: given[m.group(1)], str(text))
if kind == "action":
    action = documents[0]
    for name, entry in action["inputs"].items():
        given.setdefault("inputs." + name, str(entry["default"]))
    for n, step in enumerate(action["runs"]["steps"]):
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an input in the text of a script"
        with open("step%d.env" % n, "w") as out:
            for name, value in step.get("env", {}).items():
                out.write("%s=%s\n" % (name, filled(value, r"\$\{\{ ([a-z0-9_.-]+) \}\}")))
        open("step%d.sh" % n, "w").write(step["run"])
elif kind == "gitlab":
    spec, jobs = documents
    for name, entry in spec["spec"]["inputs"].items():
        given.setdefault(name, str((entry or {}).get("default", "")))
    text = filled(yaml.dump(jobs), r"\$\[\[ inputs\.([a-z0-9_]+) \]\]")
    (name, job), = yaml.safe_load(text).items()
    open("gitlab.env", "w").write("".join("%s=%s\n" % (k, v or "") for k, v in job["variables"].items()))
    open("gitlab.sh", "w").write("\n".join(job["script"]))
    print(name, job["resource_group"], *job["id_tokens"])
elif kind == "buildkite":
    (step,) = documents[0]["steps"]
    open("buildkite.env", "w").write("".join("%s=%s\n" % pair for pair in step["env"].items()))
    open("buildkite.sh", "w").write("\n".join(step["commands"]).replace("$$", "$"))
    print(*[entry["exit_status"] for entry in step["soft_fail"]])
elif kind == "workflow":
    workflow = documents[0]
    print(json.dumps([workflow["permissions"], workflow["concurrency"], sorted(workflow[True])]))
END

# What is deployed.
cd "$tmp/origin"
git init -q .
cat >bakehour.json <<'END'
{
    "project": "hello",
    "repository": {"branch": "HEAD"},
    "build": {"test": "true", "build": "mkdir out && cp app.txt out/app.jar", "artifact": "out/*.jar"},
    "state": {"backend": "dynamodb", "table": "bakehour"},
    "ledger": "dynamodb:bakehour",
    "budgets": [{"name": "all", "limit_usd": 100}],
    "image": {"base": "ami-00000000000000001", "command_line": "/java.so -jar {artifact}", "flush_wait": "10s"},
    "smoke": [{"path": "/health", "retry": "30s"}],
    "environments": [{"name": "internal", "group": "hello-internal"}]
}
END
push() { # push BODY: a commit where the jobs check out from
    (cd "$tmp/origin" && commit "$1")
}
checkout() { # a fresh machine: nothing but the repository
    rm -rf "$tmp/job"
    git clone -q "$tmp/origin" "$tmp/job"
    rm -rf "$tmp/job.tmp.$1"
    mkdir "$tmp/job.tmp.$1"
    cd "$tmp/job"
}
push one
speed=400
# The image of the job that is cancelled takes long, so that it is caught in the making on a busy machine too.
echo '{"faults": [{"action": "image", "nth": 2, "fault": "slow", "delay_ms": 10000000},
    {"action": "image", "nth": 4, "fault": "slow", "delay_ms": 2000000}]}' >"$tmp/faults.json"
twin_start --speed $speed --no-throttle --faults "$tmp/faults.json" --group hello-internal=1
AWS_ENDPOINT_URL=$url
export AWS_ENDPOINT_URL
role=arn:aws:iam::123456789012:role/deployer
(cd "$tmp/origin" && AWS_ACCESS_KEY_ID=TWIN AWS_SECRET_ACCESS_KEY=bakehour-twin "$BAKEHOUR" state init >/dev/null)
ok "every call of the role's sessions is held to its policy" \
    "$(cd "$tmp/origin" && twin_policy_for deployer && echo 0 || echo 1)"

# ---- GitHub Actions ----

# A runner: fresh checkout, "bash --noprofile --norc -eo pipefail FILE", outputs, summary and path by files.
github() { # github NAME OPTIONS: runs the action; $status, and the files output, summary and log in $tmp
    checkout "$1"
    : >"$tmp/output"
    : >"$tmp/summary"
    : >"$tmp/path"
    (cd "$tmp" && python3 step.py action "$ci/action.yml" '{"github.action_path": "'"$ci"'",
        "inputs.options": "'"$2"' --speed '$speed'", "inputs.environment": "internal", "inputs.role": "'$role'", "inputs.region": "us-east-1",
        "inputs.role-seconds": "43200", "inputs.archive": "'"${archive:-}"'", "inputs.archive-sha256": "'"${sha256:-}"'"}')
    path=${machine_path:-$tmp/bin:$PATH}
    for n in 0 1; do
        path=$(cat "$tmp/path"):$path
        set -- env PATH="${path#:}" GITHUB_ACTIONS=true GITHUB_OUTPUT="$tmp/output" GITHUB_STEP_SUMMARY="$tmp/summary" \
            GITHUB_PATH="$tmp/path" RUNNER_TEMP="$tmp/job.tmp.$1" ACTIONS_ID_TOKEN_REQUEST_TOKEN=BEARER \
            ACTIONS_ID_TOKEN_REQUEST_URL="$AWS_ENDPOINT_URL/_twin/oidc?seconds=86400"
        while IFS= read -r line; do
            set -- "$@" "$line"
        done <"$tmp/step$n.env"
        status=0
        "$@" bash --noprofile --norc -eo pipefail "$tmp/step$n.sh" >"$tmp/log" 2>&1 || status=$?
        [ $status -eq 0 ] || break
    done
    cd "$tmp"
}
value() { # value NAME: an output
    sed -n "s/^$1=//p" "$tmp/output"
}
said=$(cd "$tmp" && python3 step.py workflow "$ci/github-deploy.yml")
is "github: the workflow may ask for a token, runs one at a time, on pushes and by the clock" "$said" \
    '[{"contents": "read", "id-token": "write"}, {"group": "bakehour-internal", "cancel-in-progress": false}, ["push", "schedule", "workflow_dispatch"]]'

github first "--yes --detach"
is "github: the first job leaves while the image is made: green" "$status" 0
is "github: its outcome" "$(value outcome) $(value exit-code)" "waiting 75"
has "github: in good order" "$(cat "$tmp/log")" 'left in good order'
tries=0
until [ "$(value outcome)" = done ] || [ $tries -ge 20 ]; do
    sleep 0.5
    github "later$tries" "--yes --detach"
    tries=$((tries + 1))
done
is "github: a later job, on another machine, ends it" "$(value outcome) $(value exit-code)" "done 0"
has "github: the summary has the statement" "$(cat "$tmp/summary")" '^Deployment 1 of internal: completed$'
has "github: the summary has its heading" "$(cat "$tmp/summary")" '^### bakehour deploy: done$'
github nothing "--yes --detach"
has "github: then nothing waits" "$(cat "$tmp/log")" '^Nothing waits to be deployed$'

# Cancelled: SIGINT to the step's shell, SIGTERM 7.5 s later, then everything is killed. It has left long before.
push two
checkout cancelled
(cd "$tmp" && python3 step.py action "$ci/action.yml" '{"github.action_path": "'"$ci"'", "inputs.options": "--yes --speed '$speed'",
    "inputs.environment": "internal", "inputs.role": "'$role'", "inputs.region": "us-east-1", "inputs.role-seconds": "43200"}')
: >"$tmp/output"
set -- env PATH="$tmp/bin:$PATH" GITHUB_ACTIONS=true GITHUB_OUTPUT="$tmp/output" ACTIONS_ID_TOKEN_REQUEST_TOKEN=BEARER \
    ACTIONS_ID_TOKEN_REQUEST_URL="$AWS_ENDPOINT_URL/_twin/oidc?seconds=86400"
while IFS= read -r line; do
    set -- "$@" "$line"
done <"$tmp/step1.env"
# Python starts it, since a shell lets what it starts in the background ignore SIGINT, which GitHub's runner does not.
cat >"$tmp/cancel.py" <<'END'
import os, signal, subprocess, sys, time
log = open(sys.argv[1], "w")
# Where the tests themselves run in the background SIGINT is ignored, and a shell cannot trap what it began with ignored.
def hears():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
job = subprocess.Popen(sys.argv[2:], stdout=log, stderr=subprocess.STDOUT, preexec_fn=hears)
deadline = time.time() + 120
while "command-line is done" not in open(sys.argv[1]).read() and time.time() < deadline:
    time.sleep(0.05)
began = time.time()
os.kill(job.pid, signal.SIGINT)
# GitHub would send SIGTERM 7.5 s later and kill 2.5 s after that: it must leave by the first signal alone. How long
# that took is the machine's business; with BENCH=1 it is held to 5 s.
try:
    code = job.wait(120)
    took = time.time() - began
    print("late" if os.environ.get("BENCH") and took > 5 else "left", code)
    print("# cancelled: left after %.2f s" % took, file=sys.stderr)
except subprocess.TimeoutExpired:
    os.kill(job.pid, signal.SIGKILL)
    print("stayed", job.wait())
END
said=$(python3 "$tmp/cancel.py" "$tmp/log" "$@" bash --noprofile --norc -eo pipefail "$tmp/step1.sh")
cd "$tmp"
is "github: a cancelled job leaves by the first signal" "$said" "left 0"
is "github: a cancelled job: its outcome" "$(value outcome)" waiting
github after "--yes"
is "github: the next job goes on" "$(value outcome)" "done"
has "github: with the same deployment" "$(cat "$tmp/summary")" '^Deployment 2 of internal: completed$'

# A tarball instead of a program on the machine.
mkdir "$tmp/pack" "$tmp/pack/top" "$tmp/pack/top/bin"
cp "$BAKEHOUR" "$tmp/pack/top/bin/bakehour"
tar -czf "$tmp/pack.tar.gz" -C "$tmp/pack" top
machine_path=$PATH
archive=$tmp/pack.tar.gz
sha256=$(sha256sum "$archive" | cut -d ' ' -f 1)
github packed "--yes --detach"
is "github: from a tarball" "$status $(value outcome)" "0 done"
sha256=$(printf '%064d' 0)
github forged "--yes --detach"
is "github: a tarball that is another fails" "$status" 1
has "github: a tarball that is another: said" "$(cat "$tmp/log")" 'has SHA-256 .*, not 0000'
sha256=
github unchecked "--yes --detach"
is "github: a tarball without a digest fails" "$status" 2
archive=
machine_path=

# ---- GitLab ----

new_token() { # new_token SECONDS: tokens and sessions end by the twin's time, which runs 400 times as fast
    token=$(curl -s -H 'Authorization: bearer x' "$AWS_ENDPOINT_URL/_twin/oidc?seconds=$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["value"])')
}
said=$(cd "$tmp" && python3 step.py gitlab "$ci/templates/deploy.yml" '{"environment": "internal", "role": "'$role'", "role_seconds": "43200",
    "options": "--yes --speed '$speed'"}')
is "gitlab: the job, its resource group, its token" "$said" "bakehour-internal bakehour-internal BAKEHOUR_ID_TOKEN"
mkdir "$tmp/t" "$tmp/noting"
printf '#!/bin/sh\ncat "%s"/* >"%s"\nexec "%s" "$@"\n' "$tmp/t" "$tmp/held" "$BAKEHOUR" >"$tmp/noting/bakehour"
chmod +x "$tmp/noting/bakehour"
gitlab() { # gitlab NAME: "sh" with the job's variables, and the token; what lies in its TMPDIR then is in the file held
    checkout "$1"
    new_token "${token_lasts:-86400}"
    set -- env PATH="$tmp/noting:$PATH" TMPDIR="$tmp/t" GITLAB_CI=true BAKEHOUR_ID_TOKEN="$token"
    while IFS= read -r line; do
        set -- "$@" "$line"
    done <"$tmp/gitlab.env"
    status=0
    "$@" sh "$tmp/gitlab.sh" >"$tmp/log" 2>&1 || status=$?
    cd "$tmp"
}
push three
gitlab deploys
is "gitlab: deploys" "$status" 0
has "gitlab: the statement" "$(cat "$tmp/log")" '^Deployment 3 of internal: completed$'
holds "gitlab: the token was in a file" "$(cat "$tmp/held")" "$token"
is "gitlab: the token's file is gone" "$(ls -A "$tmp/t")" ""

# A job cannot renew its token: a deployment that outlasts the session ends unfinished, and the next job goes on.
# The image takes 2,000,000 s / 1000 of the twin's time, the session 900 s of it, and the token is over by then too.
push outlasts
sed -i 's/^BAKEHOUR_ROLE_SECONDS=.*/BAKEHOUR_ROLE_SECONDS=900/' "$tmp/gitlab.env"
token_lasts=900
gitlab outlasts
is "gitlab: a deployment that outlasts the session: the job fails" "$status" 1
has "gitlab: a deployment that outlasts the session: why" "$(cat "$tmp/log")" 'Token expired'
sed -i 's/^BAKEHOUR_ROLE_SECONDS=.*/BAKEHOUR_ROLE_SECONDS=43200/' "$tmp/gitlab.env"
token_lasts=86400
gitlab goes-on
is "gitlab: the next job goes on" "$status" 0
has "gitlab: the next job goes on: with the same deployment" "$(cat "$tmp/log")" '^Deployment 4 of internal: completed$'
sed -i 's/^BAKEHOUR_OPTIONS=.*/BAKEHOUR_OPTIONS=--yes --no-such-option/' "$tmp/gitlab.env"
gitlab fails
is "gitlab: bad usage fails the job" "$status" 2

# ---- Jenkins: the step's shell script, and the step itself by Groovy ----

awk "/script: '''/ { on = 1; next } /^ *'''/ { on = 0 } on" "$ci/vars/bakehour.groovy" >"$tmp/jenkins.sh"
jenkins() { # jenkins NAME COMMAND OPTIONS: as `sh -xe` runs it
    checkout "$1"
    status=0
    env PATH="$tmp/bin:$PATH" JENKINS_URL=http://localhost/ AWS_ACCESS_KEY_ID=TWIN AWS_SECRET_ACCESS_KEY=bakehour-twin \
        BAKEHOUR_COMMAND="$2" BAKEHOUR_OPTIONS="$3" BAKEHOUR_ENVIRONMENT=internal sh -xe "$tmp/jenkins.sh" >"$tmp/log" 2>&1 ||
        status=$?
    cd "$tmp"
}
push four
jenkins deploys deploy "--yes --speed $speed"
is "jenkins: deploys" "$status" 0
has "jenkins: the statement" "$(cat "$tmp/log")" '^Deployment 5 of internal: completed$'
push five
jenkins waits deploy "--yes --detach --speed $speed"
is "jenkins: the exit code comes through" "$status" 75
jenkins goes-on resume "--speed $speed"
is "jenkins: resume" "$status" 0
is "jenkins: brackets match" "$(tr -cd '({[' <"$ci/vars/bakehour.groovy" | wc -c)" "$(tr -cd ')}]' <"$ci/vars/bakehour.groovy" | wc -c)"
java=$(command -v java || true)
[ -z "$java" ] || JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$java")")")
export JAVA_HOME
step() { # step PROGRAM NAME=VALUE...: the library's step on an agent whose bakehour that is; what it came to
    path=$1:$PATH
    shift
    env PATH="$path" JENKINS_URL=http://localhost/ AWS_ACCESS_KEY_ID=TWIN AWS_SECRET_ACCESS_KEY=bakehour-twin \
        groovy "$root/tests/jenkins.groovy" "$ci/vars/bakehour.groovy" "$@" >"$tmp/log" 2>&1 || true
    sed -n 's/^\(error\|description\|result\|returned\): //p' "$tmp/log" | tr '\n' ';'
}
if [ -n "$java" ] && groovy --version >/dev/null 2>&1; then
    checkout step
    is "jenkins, Groovy: nothing waits: green" \
        "$(step "$tmp/bin" environment=internal "options=--yes --speed $speed")" "bakehour deploy: done;SUCCESS;done;"
    has "jenkins, Groovy: what the program says" "$(cat "$tmp/log")" '^Nothing waits to be deployed$'
    cd "$tmp"
    mkdir "$tmp/codes"
    printf '#!/bin/sh\necho "$*" >"%s/ran"\nexit "$(cat "%s/code")"\n' "$tmp" "$tmp" >"$tmp/codes/bakehour"
    chmod +x "$tmp/codes/bakehour"
    while read -r code said; do
        echo "$code" >"$tmp/code"
        is "jenkins, Groovy: exit code $code" "$(step "$tmp/codes" command=deploy environment=internal)" "$said"
    done <<'END'
1 bakehour deploy: failed (exit code 1);bakehour deploy: failed;FAILURE;null;
3 bakehour deploy: over-budget (exit code 3);bakehour deploy: over-budget;FAILURE;null;
4 bakehour deploy: over-budget;UNSTABLE;over-budget;
5 bakehour deploy: rolled-back (exit code 5);bakehour deploy: rolled-back;FAILURE;null;
6 bakehour deploy: capped (exit code 6);bakehour deploy: capped;FAILURE;null;
7 bakehour deploy: broken (exit code 7);bakehour deploy: broken;FAILURE;null;
75 bakehour deploy: waiting;SUCCESS;waiting;
END
    is "jenkins, Groovy: what was run" "$(cat "$tmp/ran")" "deploy --yes --env internal"
else
    ok "jenkins: the step itself # SKIP Groovy is missing (Debian: groovy, default-jre-headless)" 0
fi

# ---- Buildkite ----

said=$(cd "$tmp" && python3 step.py buildkite "$ci/buildkite.yml")
is "buildkite: waiting is no failure" "$said" 75
new_token 86400
printf '#!/bin/sh\n[ "$*" = "oidc request-token --audience sts.amazonaws.com" ] && printf %%s "%s"\n' "$token" >"$tmp/bin/buildkite-agent"
chmod +x "$tmp/bin/buildkite-agent"
sed -i "s/^BAKEHOUR_OPTIONS=.*/BAKEHOUR_OPTIONS=--yes --speed $speed/; s/111122223333/123456789012/; s/^BAKEHOUR_ROLE_SECONDS=.*/BAKEHOUR_ROLE_SECONDS=43200/" "$tmp/buildkite.env"
push six
checkout buildkite
set -- env PATH="$tmp/bin:$PATH" BUILDKITE=true
while IFS= read -r line; do
    set -- "$@" "$line"
done <"$tmp/buildkite.env"
status=0
"$@" bash -e "$tmp/buildkite.sh" >"$tmp/log" 2>&1 || status=$?
cd "$tmp"
is "buildkite: deploys" "$status" 0
has "buildkite: the statement" "$(cat "$tmp/log")" '^Deployment 7 of internal: completed$'

# The job that ended unfinished had not booked; the next one booked that too.
push seven
jenkins last deploy "--yes --speed $speed"
is "a last one" "$status" 0

# Each decision had one deployment, and nothing is left.
cd "$tmp/origin"
AWS_ACCESS_KEY_ID=TWIN AWS_SECRET_ACCESS_KEY=bakehour-twin
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
run history --csv
is "eight commits, eight completed deployments" "$(printf '%s\n' "$out" | grep -c ',completed,deploy,')" 8
run gc --dry-run
has "nothing is left over" "$out" '^Nothing is left over.$'

# The ledger is in the table too: a machine with an empty disk knows what was spent.
checkout empty-disk
run budget check --json
is "budget check on an empty disk" "$code" 0
is "it knows of all deployments" "$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM deployment").fetchone()[0])' .bakehour/bakehour.ledger.db)" 8
run ledger check --ledger dynamodb:bakehour@us-east-1
is "ledger check" "$code" 0
refused "a table that is not there" "state init" budget check --ledger dynamodb:none@us-east-1
refused "a table that cannot be" "names no ledger" budget check --ledger 'dynamodb:no/such'
run state migrate --from dynamodb --to file
is "state migrate: exit code" "$code" 0
has "state migrate: what is to be set now" "$out" '"ledger" to ".bakehour/ledger.db"'
run ledger check --ledger .bakehour/ledger.db
is "state migrate: ledger check" "$code" 0
count() { # count LEDGER: its postings, and their sum by account
    python3 -c 'import sqlite3, sys
print(*sqlite3.connect(sys.argv[1]).execute("SELECT account, unit, count(*), sum(amount) FROM posting GROUP BY 1, 2 ORDER BY 1, 2"))' "$1"
}
is "state migrate: the same postings" "$(count .bakehour/ledger.db)" "$(count .bakehour/bakehour.ledger.db)"
cd "$tmp"
is "no right was missing" "$(twin_denied)" null
done_testing
