#!/bin/sh
# signature key, make and check; and a deployment over the twin of an artifact that the build signed elsewhere.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git
as_a_runner
mkdir "$tmp/site"
cd "$tmp/site" || exit 1

exit_is "a pair of keys" 0 "$BAKEHOUR" signature key --private-key-file "$tmp/release.key" --public-key-file release.pub
is "only its owner reads the private key" "$(stat -c %a "$tmp/release.key")" 600
refused "no key is written over" 'cannot be made' signature key --private-key-file "$tmp/release.key" --public-key-file other.pub
printf 'an artifact\n' >app
exit_is "signed" 0 "$BAKEHOUR" signature make app --private-key-file "$tmp/release.key"
is "the signature stands beside it" "$(cat app.sig)" "$out"
exit_is "good" 0 "$BAKEHOUR" signature check app --public-key-file release.pub
is "good: said" "$out" "The signature is good."
exit_is "good, as JSON" 0 "$BAKEHOUR" --json signature check app --public-key-file release.pub
holds "good, as JSON: the schema" "$out" '"schema":	"bakehour.signature-check/1"'
printf 'x' >>app
exit_is "a changed file" 1 "$BAKEHOUR" signature check app --public-key-file release.pub
has "a changed file: said" "$err" 'its signature is not good'
is "a changed file: nothing on stdout" "$out" ""
rm app.sig
exit_is "no signature" 2 "$BAKEHOUR" signature check app --public-key-file release.pub
printf 'hello' >app.sig
exit_is "no signature at all" 2 "$BAKEHOUR" signature check app --public-key-file release.pub
has "no signature at all: said" "$err" 'is no signature: 64 bytes, or their base64'
chmod 644 "$tmp/release.key"
refused "a private key that others may read" 'chmod 600' signature make app --private-key-file "$tmp/release.key"
chmod 600 "$tmp/release.key"
refused "make wants a key" '--private-key-file is wanted' signature make app
refused "check wants a key" '--public-key-file is wanted' signature check app
refused "check wants a file" 'the artifact is wanted' signature check --public-key-file release.pub
if command -v openssl >/dev/null 2>&1 && openssl version | grep -q '^OpenSSL [3-9]'; then
    openssl pkeyutl -sign -inkey "$tmp/release.key" -rawin -in app -out app.sig
    exit_is "OpenSSL's own signature" 0 "$BAKEHOUR" signature check app --public-key-file release.pub
else
    ok "# SKIP no openssl command of version 3: its signatures are not compared" 0
fi
rm -f app app.sig

# The build leaves the signature; the key is not in the repository, and not on the runner where it deploys.
configure() { # configure SIGNATURE
    cat >bakehour.json <<END
{
    "project": "hello",
    "repository": {"branch": "HEAD"},
    "build": {"build": "mkdir out && cp app.txt out/app.jar && cp app.sig out/its.sig", "artifact": "out/*.jar"},
    "image": {"base": "ami-00000000000000001", "command_line": "/java.so -jar {artifact}", "flush_wait": "10s"},
    "smoke": [{"path": "/health", "retry": "60s"}],
    "signing": {"public_key_files": ["release.pub"]$1},
    "environments": [{"name": "internal", "group": "hello-internal"}]
}
END
}
configure ', "signature": "out/its.sig"'
git init -q .
printf '.bakehour/\nbakehour.json\n*.pub\n' >.gitignore
printf '#!bakehour-app\nbody=%s\n' one >app.txt
"$BAKEHOUR" --quiet signature make app.txt --private-key-file "$tmp/release.key" --output app.sig >/dev/null
commit one
twin_start --speed 300 --no-throttle --group hello-internal=1
ok "every call is held to the policy" "$(twin_policy && echo 0 || echo 1)"
exit_is "signing.signature: a signed artifact is deployed" 0 "$BAKEHOUR" deploy --now --yes --endpoint-url "$url" --speed 300
has "the image carries its signature" "$(curl -s "$url/_twin/state")" "$(cat app.sig)"
commit two # the signature is still the first one's
exit_is "an artifact that nobody signed" 1 "$BAKEHOUR" deploy --now --yes --endpoint-url "$url" --speed 300
has "an artifact that nobody signed: said" "$err" 'its signature is not good'
configure ''
exit_is "signing.signature: beside the artifact there is none" 1 "$BAKEHOUR" deploy --now --yes --endpoint-url "$url" --speed 300
has "there is none: said" "$err" 'there is no signature of the artifact'
is "no right was missing" "$(twin_denied)" null
done_testing
