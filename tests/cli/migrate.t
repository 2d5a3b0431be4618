#!/bin/sh
# bakehour state migrate, from the file to the table and back, killed with -9 wherever it is and begun again: in the end
# everything is there once. Over the twin.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git python3
as_a_runner
AWS_REGION=us-east-1
export AWS_REGION
mkdir "$tmp/repo"
cd "$tmp/repo"
git init -q .
config() { # config BACKEND FOLDER LEDGER
    cat >bakehour.json <<END
{
    "project": "hello",
    "repository": {"branch": "HEAD"},
    "build": {"test": "true", "build": "mkdir -p out && cp app.txt out/app.jar", "artifact": "out/*.jar"},
    "state": {"backend": "$1", "path": "$2/state.db"},
    "ledger": "$3",
    "image": {"base": "ami-00000000000000001", "command_line": "/java.so -jar {artifact}", "flush_wait": "10s"},
    "smoke": [{"path": "/health", "retry": "30s"}],
    "environments": [{"name": "internal", "group": "hello-internal"}]
}
END
}
printf '/.bakehour/\n/back/\n/out/\n' >.gitignore
config file .bakehour .bakehour/ledger.db
commit one
twin_start --speed 400 --no-throttle --group hello-internal=1
AWS_ENDPOINT_URL=$url
export AWS_ENDPOINT_URL
for n in one two; do
    [ $n = one ] || commit $n
    exit_is "deployment $n" 0 "$BAKEHOUR" deploy --yes --speed 400
done
run history --csv
before=$out
run show --deployment 2 --journal --json
journal=$out
rows() { # rows LEDGER: its postings by account
    python3 -c 'import sqlite3, sys
print(*sqlite3.connect(sys.argv[1]).execute("SELECT account, unit, count(*), sum(amount) FROM posting GROUP BY 1, 2 ORDER BY 1, 2"))' "$1"
}
spent=$(rows .bakehour/ledger.db)

# Begun and killed after a little longer each time; some end before they are killed.
cat >"$tmp/kill.py" <<'END'
import subprocess, sys, time
killed = 0
for n in range(14):
    work = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.002 + n * 0.006)
    if work.poll() is None:
        work.kill()
        killed += 1
    work.wait()
print("killed" if killed else "never killed")
END
config dynamodb .bakehour dynamodb:bakehour
exit_is "the table is made" 0 "$BAKEHOUR" state init
is "to the table: killed on the way" "$(python3 "$tmp/kill.py" "$BAKEHOUR" state migrate --from file --to dynamodb)" killed
exit_is "to the table: to its end" 0 "$BAKEHOUR" state migrate --from file --to dynamodb
run history --csv
is "to the table: the same deployments" "$out" "$before"
run show --deployment 2 --journal --json
is "to the table: the same journal" "$out" "$journal"
run ledger check --ledger dynamodb:bakehour
is "to the table: the ledger is whole" "$code" 0
is "to the table: the same postings" "$(rows .bakehour/bakehour.ledger.db)" "$spent"

mkdir -p back
config dynamodb back back/ledger.db
is "back: killed on the way" "$(python3 "$tmp/kill.py" "$BAKEHOUR" state migrate --from dynamodb --to file)" killed
exit_is "back: to its end" 0 "$BAKEHOUR" state migrate --from dynamodb --to file
config file back back/ledger.db
run history --csv
is "back: the same deployments" "$out" "$before"
run show --deployment 2 --journal --json
is "back: the same journal" "$out" "$journal"
is "back: the same postings" "$(rows back/ledger.db)" "$spent"

# A store that a later version wrote is refused, in words, and left alone.
python3 -c 'import json, sqlite3, sys
later = json.dumps({"schema": 2, "holder": "", "epoch": 0, "expires_ms": 0})
db = sqlite3.connect(sys.argv[1])
db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, 1, ?)", ("env#internal", "lease", later))
db.commit()' back/state.db
commit three
run deploy --yes --speed 400
is "a later version's store: refused" "$([ "$code" -ne 0 ] && echo yes)" yes
has "a later version's store: said" "$err" 'was written by a later version of the program (schema 2, this one knows 1)'
run history --csv
is "a later version's store: nothing was begun" "$out" "$before"
done_testing
