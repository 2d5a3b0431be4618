#!/bin/sh
# Model M1 on bakehour's discrete-event core, on SimGrid and on SimPy, in one run: commits a second, ratios, and
# whether the three agree. A peer that is not installed is named and passed over. usage: bench_peers.sh BUILD
set -eu
build=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
commits=${PEER_COMMITS:-300000}

echo "model M1 (data/model-m1.json): commits a second of CPU time on one core, median"
"$build/tests/bench_des" >"$tmp/ours"

peers=""
if printf '#include <simgrid/engine.h>\nint main(void) { return 0; }\n' >"$tmp/try.c" &&
    cc -o "$tmp/try" "$tmp/try.c" -lsimgrid 2>/dev/null; then
    cc -O2 -o "$tmp/m1_simgrid" tests/peers/m1_simgrid.c -lsimgrid -lm
    cat >"$tmp/platform.xml" <<'XML'
<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1"><zone id="zone" routing="Full"><host id="host" speed="1Gf"/></zone></platform>
XML
    for form in deployments servers; do
        for seed in 1 2 3; do
            "$tmp/m1_simgrid" "$tmp/platform.xml" "$commits" $seed $form --log=root.thresh:error 2>/dev/null
        done | sort -k2,2n | sed -n 2p >"$tmp/simgrid-$form"
        peers="$peers simgrid-$form"
    done
else
    echo "  SimGrid: passed over, libsimgrid-dev is not installed"
fi

python=""
for candidate in python3 /usr/bin/python3; do
    if [ -z "$python" ] && { "$candidate" -c 'import simpy' || "$candidate" -c 'import SimPy'; } 2>/dev/null; then
        python=$candidate
    fi
done
if [ -n "$python" ]; then
    for seed in 1 2 3; do
        "$python" tests/peers/m1_simpy.py "$commits" $seed
    done | sort -k2,2n | sed -n 2p >"$tmp/simpy"
    peers="$peers simpy"
else
    echo "  SimPy: passed over, neither python3-simpy nor pip's simpy is installed"
fi

awk '
    FNR == 1 { n++; name[n] = $1; rate[n] = $2; lead[n] = $3; share[n] = $4; event = n == 1 ? $5 : event }
    END {
        printf "  %-20s %12s %8s %14s %20s\n", "", "commits/s", "ratio", "mean lead s", "deploys a commit"
        for (i = 1; i <= n; i++) {
            printf "  %-20s %12d %8s %14.1f %20.4f\n", name[i], rate[i], i == 1 ? "" : sprintf("%.0fx", rate[1] / rate[i]), lead[i], share[i]
            off = lead[i] / lead[1] - 1; off = off < 0 ? -off : off
            apart = share[i] / share[1] - 1; apart = apart < 0 ? -apart : apart
            if (off > 0.005 || apart > 0.01) differ = differ " " name[i]
        }
        printf "  %.1f ns an event; ", event
        print n == 1 ? "no peer to compare with" : differ == "" ? "all agree (lead within 0.5 %, deployments within 1 %)" : "DIFFERENT:" differ
        exit differ != ""
    }' "$tmp/ours" $(for peer in $peers; do echo "$tmp/$peer"; done)
echo
