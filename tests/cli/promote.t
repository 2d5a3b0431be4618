#!/bin/sh
# promote over the wire, with real processes: to another region (a copy), to another account whose role is assumed
# (shared, copied there, encrypted), and on from a copy; a copy that is there is used again; retention abroad; and a
# promotion that dies with -9, finished by a machine that has the store, and by one that has nothing but the tags.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
. "$root/tests/cli/twin.sh"
: "${BAKEHOUR:?the program to test}"
needs git curl python3
home=123456789012
away=210987654321

# The runner's keys are for the first account; the second one's are had by taking a role of it.
mkdir "$tmp/.aws"
cat >"$tmp/.aws/config" <<END
[profile away]
role_arn = arn:aws:iam::$away:role/bakehour-target
credential_source = Environment
role_session_name = promotion
END
cd "$tmp"
configuration </dev/null
"$BAKEHOUR" config iam --account "$away" --role target --trust account --subject arn:aws:iam::$home:user/twin >"$tmp/trust.json"
site 200 --trust bakehour-target="$tmp/trust.json" --group hello-internal=1 --group "$away:us-east-1:hello-sister=1" \
    --group eu-west-1:hello-staging=1 --group "$away:eu-west-1:hello-production=1" <<END
"retention": {"images": 1},
"environments": [
    {"name": "internal", "group": "hello-internal", "retain_images": 5},
    {"name": "sister", "group": "hello-sister", "profile": "away"},
    {"name": "staging", "group": "hello-staging", "region": "eu-west-1"},
    {"name": "production", "group": "hello-production", "region": "eu-west-1", "profile": "away",
     "kms_key": "arn:aws:kms:eu-west-1:$away:key/one"}
],
END
ok "every call is held to the runner's policy" "$(twin_policy && echo 0 || echo 1)"
ok "and in the other account to the role's" \
    "$(twin_policy_for bakehour-target --role target --account "$away" && echo 0 || echo 1)"

# What the twin itself has: look images ACCOUNT REGION; look serves GROUP; look shared IMAGE; look
# outside (instances of runs that are in no group)
cat >"$tmp/look.py" <<'END'
import json, sys, urllib.request
what, rest = sys.argv[2], sys.argv[3:]
places = json.load(urllib.request.urlopen(sys.argv[1] + "/_twin/state"))["cloud"]["places"]
def images(place):
    return [i for i in place["image"] if i.get("tags", {}).get("bakehour:project") and i["state"] != "deregistered"]
if what == "images":
    for p in places:
        if [p["account"], p["region"]] == rest:
            for i in sorted(images(p), key=lambda i: i["created"]):
                print(i["id"], "encrypted" if i.get("kms_key") else "plain")
elif what == "shared":
    for p in places:
        for i in images(p):
            if i["id"] == rest[0]:
                print(" ".join(i.get("launch_permissions", [])))
elif what == "outside":
    for p in places:
        for i in p["instance"]:
            tags = i.get("tags", {})
            if i["state"] in ("pending", "running") and "bakehour:run" in tags and "aws:autoscaling:groupName" not in tags:
                print(i["id"])
elif what == "serves":
    for p in places:
        for i in p["instance"]:
            if i["state"] == "running" and i.get("tags", {}).get("aws:autoscaling:groupName") == rest[0]:
                print(i["image"])
END
look() {
    python3 "$tmp/look.py" "$url" "$@"
}
number_of() { # number_of ENVIRONMENT: its completed deployments
    "$BAKEHOUR" history --env "$1" --csv | grep -c ',completed,' || true
}
image_of() { # image_of ENVIRONMENT: what its last deployment is on
    "$BAKEHOUR" show --env "$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["image"])'
}
promoted() { # promoted WHAT OPTIONS...: it does, and is completed
    what=$1
    shift
    # shellcheck disable=SC2086
    run promote --yes $cloud "$@"
    is "$what: exit code" "$code" 0
    [ "$code" -eq 0 ] || note "$err"
}

# shellcheck disable=SC2086
run deploy --now --yes $cloud
is "deployed to internal: exit code" "$code" 0
first=$(image_of internal)
is "before: nobody else may use the image" "$(look shared "$first")" ""

# Another account, same region: the image itself, shared.
promoted "to another account" --env sister
has "to another account: the statement" "$out" '^Deployment 1 of sister: completed$'
is "to another account: the same image" "$(image_of sister)" "$first"
is "to another account: it may use the image" "$(look shared "$first")" "$away"
is "to another account: its group is on it" "$(look serves hello-sister)" "$first"
is "to another account: nothing was copied" "$(look images $away us-east-1)" ""

# Another region: a copy.
promoted "to another region" --env staging --from internal
copy=$(image_of staging)
is "to another region: one copy" "$(look images $home eu-west-1)" "$copy plain"
is "to another region: its group is on it" "$(look serves hello-staging)" "$copy"

# On from the copy, to another region of another account, encrypted: what is copied is what the copy was made from.
promoted "from a copy to another account abroad" --env production
far=$(image_of production)
is "abroad: sister still uses what it was made from" "$(look shared "$first")" "$away"
is "abroad: one encrypted copy, of its own" "$(look images $away eu-west-1)" "$far encrypted"
is "abroad: its group is on it" "$(look serves hello-production)" "$far"
is "abroad: it came from staging" "$("$BAKEHOUR" show --env production --json | grep -c '"source":	"staging"')" 1

# Again: the copy is there, and used.
promoted "again" --env production
is "again: the same copy" "$(look images $away eu-west-1)" "$far encrypted"
is "again: the same image" "$(image_of production)" "$far"

# Retention abroad: of two, the last stays; so does what the copies were made from.
commit two
# shellcheck disable=SC2086
run deploy --now --yes $cloud
is "a second commit: exit code" "$code" 0
promoted "a second commit, abroad" --env production --from internal
second=$(image_of production)
is "retention abroad: one copy is kept" "$(look images $away eu-west-1)" "$second encrypted"
is "retention abroad: the first one is another's still" "$(look images $home eu-west-1)" "$copy plain"

# Killed with -9 while the image is copied: who has the store goes on.
commit three
# shellcheck disable=SC2086
run deploy --now --yes $cloud
copies() { # a copy is there beside the one that is kept
    [ "$(look images $away eu-west-1 | grep -c .)" -eq 2 ]
}
launches() { # the canary is there
    [ -n "$(look outside)" ]
}
dies() { # dies WHAT SLOW WHEN SEEN: a promotion of internal's image to production, killed with -9 then and there
    : >"$tmp/run.err"
    slow_next "$2" 200
    # shellcheck disable=SC2086
    "$BAKEHOUR" promote --yes --env production --from internal $cloud >"$tmp/run.out" 2>"$tmp/run.err" &
    runner=$!
    is "killed $1: it gets there" "$(until_there "$3" "$tmp/run.err" && echo 0 || echo 1)" 0
    tries=0
    until "$4" || [ $tries -gt 600 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    is "killed $1: $4" "$("$4" && kill -0 $runner && echo yes)" yes
    kill -9 $runner
    wait $runner 2>/dev/null || true
    runner=
}
over() { # over WHAT COMPLETED: one image, its group on it, nothing left
    last=$(image_of production)
    is "$1: completed deployments" "$(number_of production)" "$2"
    is "$1: one copy is kept" "$(look images $away eu-west-1)" "$last encrypted"
    is "$1: its group is on it" "$(look serves hello-production)" "$last"
    # shellcheck disable=SC2086
    run gc --dry-run --env production $cloud
    has "$1: nothing is left over" "$out" '^Nothing is left over.$'
}
dies 'while it copies' image 'deployment [0-9]* of production' copies
# shellcheck disable=SC2086
run resume --env production $cloud
is "killed, with the store: exit code" "$code" 0
[ "$code" -eq 0 ] || note "$out$err"
over "killed, with the store" 4

# And a machine that has nothing but the tags: the image is found by them, where it was proven.
commit four
# shellcheck disable=SC2086
run deploy --now --yes $cloud
newest=$(image_of internal)
dies 'in its rollout' boot 'the rollout of ' launches
rm -rf .bakehour
promoted "killed, the tags alone" --env production --from internal
has "killed, the tags alone: said" "$err" "the store knows nothing of internal; its newest proven image by its tags is $newest"
has "killed, the tags alone: put in order first" "$err" 'the store knew nothing of production; what tags told was put in order'
over "killed, the tags alone" 1
is "killed, the tags alone: the commit it is a copy of" "$("$BAKEHOUR" show --env production --json | grep -c "\"commit\":	\"$(git rev-parse HEAD)\"")" 1
is "killed, the tags alone: shared for the copy alone" "$(look shared "$newest")" ""
rm -rf .bakehour
# shellcheck disable=SC2086
run gc --dry-run $cloud
is "the tags alone: sister's image stays" "$(printf '%s\n' "$out" | grep -c "$first" || true)" 0
rm -rf .bakehour
promoted "from a copy by tags" --env production --from staging
is "from a copy by tags: what it was made from" "$("$BAKEHOUR" show --env production --json | grep -c "\"commit\":	\"$(git rev-list HEAD | tail -n 1)\"")" 1
# shellcheck disable=SC2086
refused "by tags of another account" "name an environment of the account where images are made" \
    promote --env staging --from sister --yes $cloud

# Straight to another account: made here, shared with it.
commit five
# shellcheck disable=SC2086
run deploy --now --yes --env sister $cloud
is "deployed straight to another account: exit code" "$code" 0
[ "$code" -eq 0 ] || note "$err"
straight=$(image_of sister)
is "deployed straight to another account: its group is on it" "$(look serves hello-sister)" "$straight"
is "deployed straight to another account: it may use the image" "$(look shared "$straight")" "$away"
is "no secret in the store or the output" "$(grep -rl -e bakehour-twin -e 'ASIA' .bakehour "$tmp"/run.* | tr '\n' ' ')" ""
is "no right was missing" "$(twin_denied)" null
done_testing
