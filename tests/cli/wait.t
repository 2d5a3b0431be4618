#!/bin/sh
# What a decision that says wait costs, over the twin: requests to the state store, and time. State in DynamoDB, as a
# machine with an empty disk has it. BENCH=1 prints the best time of five.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git curl python3
keys() { # keys TRIGGER
    cat <<END
"state": {"backend": "dynamodb"},
"ledger": "dynamodb:bakehour",
"budgets": [{"name": "all", "limit_usd": 100}],
"environments": [{"name": "internal", "group": "hello-internal", "policy": {"trigger": "$1"}}],
END
}
keys idle >"$tmp/keys"
site 400 --group hello-internal=1 <"$tmp/keys"
AWS_REGION=us-east-1
export AWS_REGION
# Between the program and the twin: notes each call of DynamoDB. The Host header stays, so the signature holds.
cat >"$tmp/between.py" <<'END'
import http.client, http.server, sys
port = int(sys.argv[1].rsplit(":", 1)[1])
class Between(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target")
        if target:
            with open(sys.argv[2], "a") as calls:
                calls.write(target + " " + body.decode() + "\n")
        there = http.client.HTTPConnection("127.0.0.1", port)
        there.request("POST", self.path, body, dict(self.headers))
        answer = there.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
print("http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
END
: >"$tmp/calls"
python3 "$tmp/between.py" "$url" "$tmp/calls" >"$tmp/between.out" 2>"$tmp/between.err" &
runner=$!
until_there '^http://' "$tmp/between.out" || true
AWS_ENDPOINT_URL=$url
export AWS_ENDPOINT_URL
exit_is "without the table" 2 "$BAKEHOUR" deploy --yes --speed 400
has "without the table: what to do" "$err" 'there is no DynamoDB table "bakehour": bakehour state init makes it'
exit_is "the table is made" 0 "$BAKEHOUR" state init
exit_is "a first deployment" 0 "$BAKEHOUR" deploy --yes --speed 400
keys count:5 | configuration
commit two

exit_is "the policy says wait" 75 env AWS_ENDPOINT_URL="$(cat "$tmp/between.out")" "$BAKEHOUR" deploy --yes --speed 400
has "the policy says wait: said" "$out" 'Count:5 waits for more commits; 1 so far'
used=$(grep -c '^DynamoDB_20120810' "$tmp/calls" || true)
sed 's/^/# /' "$tmp/calls"
is "at most three requests to the state store, and at least one" "$([ "$used" -ge 1 ] && [ "$used" -le 3 ] && echo yes)" yes
if [ -n "${BENCH:-}" ]; then
    best=999999
    for round in 1 2 3 4 5; do
        begin=$(date +%s%N)
        run deploy --yes --speed 400
        ms=$((($(date +%s%N) - begin) / 1000000))
        is "the policy says wait, timed: exit code" "$code" 75
        [ "$ms" -ge "$best" ] || best=$ms
    done
    echo "# wait decision over the twin: $best ms, the best of five, $used requests to the state store"
    is "under 300 ms" "$([ "$best" -lt 300 ] && echo yes)" yes
fi
done_testing
