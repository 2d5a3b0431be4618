#!/bin/sh
# The demo: what deploying costs for the shipped sample year and for a repository (REPO, default this one).
# Called by `make demo`; leaves texts and pictures in demo/.
set -eu
repo=${REPO:-.}
out=demo
mkdir -p "$out"
# Today's prices around a deployment: a GitHub Linux runner, 2 GB of changed blocks an image, two m5.large behind the group.
around="--runner-usd-per-minute 0.006 --image-gb 2 --fleet 2 --surge 2 --drain 5m"

# show NAME WHAT ARGUMENTS...: plan and simulate with the same arguments; prints what was found.
show() {
    name=$1
    what=$2
    shift 2
    # shellcheck disable=SC2086
    if ! ./bakehour plan "$@" $around --all --quiet --plot "$out/$name.png" >"$out/$name-plan.txt" 2>"$out/error.txt"; then
        sed 's/^/   /' "$out/error.txt"
        return 1
    fi
    # shellcheck disable=SC2086
    ./bakehour simulate "$@" $around --trigger every --trigger idle --trigger window:15m --by-month \
        >"$out/$name-simulate.txt"
    printf '== %s\n' "$what"
    sed -n '/^History/,/^Pipeline/p' "$out/$name-simulate.txt" | sed '/^Pipeline/d'
    # shellcheck disable=SC2086
    ./bakehour simulate "$@" $around --trigger every --trigger idle --trigger window:15m --csv | awk -F, '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i
                  printf "%-22s %8s %8s %9s %8s %9s %9s\n", "policy", "deploys", "USD", "vs every", "vs idle", "lead p50", "p95" }
        NR > 1 { sub(/^window:900/, "window:15m", $at["policy"])
                 printf "%-22s %8d %8.2f %+7.0f %% %+6.0f %% %5d min %5d min\n", $at["policy"], $at["deployments"], $at["money_usd"],
                 $at["vs_every_percent"], $at["vs_idle_percent"], $at["lead_p50_s"] / 60, $at["lead_p95_s"] / 60 }'
    sed -n '/^Recommended/,/^$/p' "$out/$name-plan.txt"
}

cat <<'END'
What each deployment is taken to need, at today's prices: 17 minutes (the
original pipeline's); an m5.large that bakes the image, billed by the second; CI
at 0.006 USD a minute; an image of 2 GB; a group of two instances, both replaced
at once. './bakehour plan --help' lists the options that change any of it.

A policy says when to deploy, and what becomes of the bake instance:
  every       at each commit
  idle        as soon as the pipeline is free
  window:15m  a quarter of an hour after the first commit that waits
  terminate   it ends with the deployment
  hour        it is kept for the next one until its paid hour is over
Lead time runs from the commit to its deployment's end.

END

show sample "The sample year that ships with Bakehour, at today's prices" --log data/sample-history.tsv.gz
echo
name=$repo
[ "$repo" != . ] || name="Bakehour's own"
if show repository "A repository: $name" --repo "$repo"; then
    :
else
    echo "   (so this part is left out; REPO=path make demo takes any other repository)"
fi
echo
./bakehour plan --log data/sample-history.tsv.gz --regime hourly --date 2015-09-01 --instance m3.medium --quiet \
    --fleet 1 --reserved 1 --reserved-model pool --max-lead 1h --plot "$out/sample-2015.png" >"$out/sample-2015-plan.txt"
cat <<'END'
== The sample year as in 2015: billed by the started hour, and 744 hours a month
   of one instance paid in advance. fleet h: what the instance in service takes
   of them; free deploys: how many the rest pays for; ran out: when all is used
END
sed -n '/^Recommended/,/^$/p' "$out/sample-2015-plan.txt" | sed '/^$/d' | head -n 2
sed -n '/prepaid h/,/2025-04/p' "$out/sample-2015-plan.txt"
echo "   ..."
rm -f "$out/error.txt"
echo
cat <<'END'
== Two deployments of the sample application, rehearsed on the modelled cloud:
   a good one, and a broken image (its instances do not start: the storm cap
   stops it, and the group keeps the last good image)
END
./bakehour rehearse --deployments 2 --faults data/faults-broken.json --quiet >"$out/rehearsal.txt"
cat "$out/rehearsal.txt"
echo
echo "Pictures: $(echo "$out"/*.png)"
echo "Tables:   $out/*-plan.txt and $out/*-simulate.txt"
echo "Next, your own:  ./bakehour plan --repo PATH     ./bakehour --help"
