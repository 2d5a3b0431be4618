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
                  printf "%-24s %9s %9s %9s %8s %9s %9s\n", "policy", "deploys", "USD", "vs every", "vs idle", "lead p50", "p95" }
        NR > 1 { printf "%-24s %9d %9.2f %+7.0f %% %+6.0f %% %5d min %5d min\n", $at["policy"], $at["deployments"], $at["money_usd"],
                 $at["vs_every_percent"], $at["vs_idle_percent"], $at["lead_p50_s"] / 60, $at["lead_p95_s"] / 60 }'
    sed -n '/^Recommended/,/^$/p' "$out/$name-plan.txt"
}

echo "Prices of today around a deployment: m5.large by the second, CI at 0.006 USD a minute, 2 GB an image,"
echo "two instances replaced at once; the original pipeline's 17 minutes. './bakehour plan --help' changes all of it."
echo

show sample "The sample year that ships with Bakehour, at today's prices" --log data/sample-history.tsv.gz
echo
if show repository "The repository $repo" --repo "$repo"; then
    :
else
    echo "   (so this part is left out; REPO=path make demo takes any other repository)"
fi
echo
./bakehour plan --log data/sample-history.tsv.gz --regime hourly --date 2015-09-01 --instance m3.medium --quiet \
    --fleet 1 --reserved 1 --reserved-model pool --max-lead 1h --plot "$out/sample-2015.png" >"$out/sample-2015-plan.txt"
printf '== The same year billed as in 2015: by the started hour, 744 prepaid hours a month\n'
sed -n '/^Recommended/,/^$/p' "$out/sample-2015-plan.txt" | sed '/^$/d' | head -n 2
sed -n '/prepaid h/,/2025-04/p' "$out/sample-2015-plan.txt"
echo "   ..."
rm -f "$out/error.txt"
echo
echo "== Two deployments of the sample application, rehearsed on the modelled cloud: a good one, and a broken image"
echo "   (its instances do not start: the storm cap stops it, the group keeps the last good image)"
./bakehour rehearse --deployments 2 --faults data/faults-broken.json --quiet >"$out/rehearsal.txt"
sed 's/^/   /' "$out/rehearsal.txt"
echo
echo "Pictures: $(echo "$out"/*.png)"
echo "Tables:   $out/*-plan.txt and $out/*-simulate.txt"
echo "Next, your own:  ./bakehour plan --repo PATH     ./bakehour --help"
