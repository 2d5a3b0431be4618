#!/bin/sh
# Our reading of IAM's policy language against a simulator that nobody here wrote (npm's @cloud-copilot/iam-simulate):
# drawn policies and requests, verdict by verdict. usage: BUILD=folder tests/cli/iam.t     Passes over with a line where
# npm is missing.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
: "${BUILD:=build/release}"
case "$BUILD" in /*) ;; *) BUILD="$root/$BUILD" ;; esac
cache="$root/build/npm"
skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}
command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 ||
    skip_all "no npm here: the evaluator is not compared"
[ "$(node -p 'process.versions.node.split(".")[0] >= 18')" = true ] || skip_all "node is older than 18"
[ -x "$BUILD/tests/test_iam" ] || skip_all "no $BUILD/tests/test_iam"
if [ ! -d "$cache/node_modules/@cloud-copilot/iam-simulate" ]; then
    mkdir -p "$cache"
    (
        flock 9
        [ -d "$cache/node_modules/@cloud-copilot/iam-simulate" ] ||
            timeout 60 npm install --silent --no-audit --no-fund --prefix "$cache" @cloud-copilot/iam-simulate@0.1
    ) 9>"$cache/lock" >"$tmp/npm.log" 2>&1 || skip_all "npm could not install iam-simulate"
fi
(cd "$cache" && node "$root/tests/peers/iam_cases.mjs" "${CASES:-400}" "${SEED:-1}" "$tmp/cases" "$tmp/theirs") >"$tmp/log" 2>&1 ||
    skip_all "iam-simulate does not run here: $(tail -n 1 "$tmp/log")"
many=$(wc -l <"$tmp/cases")
ok "there are many cases ($many)" "$([ "$many" -gt 200 ] && echo 0 || echo 1)"
for verdict in Allowed ImplicitlyDenied ExplicitlyDenied; do
    ok "some are $verdict" "$([ "$(grep -c "^$verdict\$" "$tmp/theirs")" -gt 20 ] && echo 0 || echo 1)"
done
IAM_CASES=$tmp/cases "$BUILD/tests/test_iam" >"$tmp/ours"
paste "$tmp/ours" "$tmp/theirs" "$tmp/cases" | awk -F'\t' '$1 != $2' | head -n 5 >"$tmp/differ"
is "every verdict is the same" "$(cat "$tmp/differ")" ""
done_testing
