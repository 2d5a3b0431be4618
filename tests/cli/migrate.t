#!/bin/sh
# bakehour state migrate, from the file to the table and back, killed with -9 wherever it is and begun again: in the end
# everything is there once. Over the twin.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git python3
keys() { # keys BACKEND FOLDER LEDGER
    printf '"state": {"backend": "%s", "path": "%s/state.db"},\n"ledger": "%s",\n' "$1" "$2" "$3"
}
keys file .bakehour .bakehour/ledger.db >"$tmp/keys"
site 400 --group hello-internal=1 <"$tmp/keys"
AWS_REGION=us-east-1
export AWS_REGION
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

# Begun and killed after a quarter longer each time, until one ends before it is killed: however fast the machine is, the
# last ones die well on their way.
cat >"$tmp/kill.py" <<'END'
import subprocess, sys, time
killed, delay = 0, 0.002
while True:
    work = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    if work.poll() is not None:
        break
    work.kill()
    work.wait()
    killed += 1
    delay *= 1.25
print("killed" if killed > 0 and work.returncode == 0 else "%d killed, exit code %d" % (killed, work.returncode))
END
keys dynamodb .bakehour dynamodb:bakehour | configuration
exit_is "the table is made" 0 "$BAKEHOUR" state init
is "to the table: killed on the way, and to its end" "$(python3 "$tmp/kill.py" "$BAKEHOUR" state migrate --from file --to dynamodb)" killed
exit_is "to the table: once more" 0 "$BAKEHOUR" state migrate --from file --to dynamodb
run history --csv
is "to the table: the same deployments" "$out" "$before"
run show --deployment 2 --journal --json
is "to the table: the same journal" "$out" "$journal"
run ledger check --ledger dynamodb:bakehour
is "to the table: the ledger is whole" "$code" 0
is "to the table: the same postings" "$(rows .bakehour/bakehour.ledger.db)" "$spent"

back=.bakehour/back
mkdir $back
keys dynamodb $back $back/ledger.db | configuration
is "back: killed on the way, and to its end" "$(python3 "$tmp/kill.py" "$BAKEHOUR" state migrate --from dynamodb --to file)" killed
exit_is "back: once more" 0 "$BAKEHOUR" state migrate --from dynamodb --to file
keys file $back $back/ledger.db | configuration
run history --csv
is "back: the same deployments" "$out" "$before"
run show --deployment 2 --journal --json
is "back: the same journal" "$out" "$journal"
is "back: the same postings" "$(rows $back/ledger.db)" "$spent"

# A store that a later version wrote is refused, in words, and left alone.
python3 -c 'import json, sqlite3, sys
later = json.dumps({"schema": 2, "holder": "", "epoch": 0, "expires_ms": 0})
db = sqlite3.connect(sys.argv[1])
db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, 1, ?)", ("env#internal", "lease", later))
db.commit()' $back/state.db
commit three
run deploy --yes --speed 400
is "a later version's store: refused" "$([ "$code" -ne 0 ] && echo yes)" yes
has "a later version's store: said" "$err" 'was written by a later version of the program (schema 2, this one knows 1)'
run history --csv
is "a later version's store: nothing was begun" "$out" "$before"
done_testing
