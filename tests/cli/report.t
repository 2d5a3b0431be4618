#!/bin/sh
# bakehour report: what stands in the file, that its colours can be told apart, and what headless Chromium makes of it.
here=$(cd "${0%/*}" && pwd)
maker=${BUILD:-build/release}/tests/make_ledger
case $maker in /*) ;; *) maker=$PWD/$maker ;; esac
. "$here/tap.sh"
. "$here/json.sh"
BAKEHOUR_NOW=1534377600 # 2018-08-16
export BAKEHOUR_NOW
sample=$here/../../data/sample-history.tsv.gz
cd "$tmp" || exit 1
cat >usage.csv <<'END'
instance,type,region,start,end
i-1,one,us-east-1,2018-08-01T00:00:00Z,2018-08-03T02:00:00Z
i-2,one,us-east-1,2018-08-10T00:00:00Z,2018-08-10T10:00:00Z
END
cat >catalog.csv <<'END'
type,region,effective,usd_per_hour
one,us-east-1,2010-01-01,0.1
END
"$BAKEHOUR" ledger import --ledger l.db --usage usage.csv --catalog catalog.csv --environment '<b>&"prod' >/dev/null

golden "a report" report --ledger l.db --limit-usd 5 --out r.html <<'END'
Wrote r.html.
END
is "a report: nothing on stderr, in the plainest locale too" "$err" ""
page=$(cat r.html)
has "a title" "$page" '<title>Deployments and their cost, 2018-08</title>'
holds "spent" "$page" 'Spent this month<b>6.00 USD</b>'
holds "forecast" "$page" "at this rate<b>12.40 USD</b>"
holds "a budget that is over, in words" "$page" '<td class="state">over</td>'
holds "an environment is text, not markup" "$page" '&#60;b&#62;&#38;&#34;prod'
hasnt "no script" "$page" '<script'
hasnt "nothing from the network" "$page" '@import\|url(\|https*:\|src=["'\'']*[^"d]\|srcset=["'\'']*[^"d]\|href="[^#]\|<link\|<iframe'
has "a picture says what it shows" "$page" '<img alt="Line chart: the cost of 2018-08 rises to 6.00 USD'
is "as many captions as tables" "$(grep -c '<caption>' r.html)" "$(grep -c '^<table>' r.html)"
holds "no history" "$page" 'No history was given'
holds "no storm" "$page" 'none was stopped by the storm cap'
holds "no override" "$page" 'No deployment of this month went on over a hard budget.'
for tag in header nav main footer h1; do
    is "one <$tag>" "$(grep -o "<$tag[ >]" r.html | wc -l | tr -d ' ')" 1
done
is "links lead to headings" "$(grep -o 'href="#[a-z]*"' r.html | sed 's/href="#/id="/' | sort -u | while read -r id; do
    grep -q "$id" r.html || echo "$id"
done)" ""
run report --ledger l.db --json --out r2.html
figures "as JSON" "$out" "" '
    schema bakehour.report/1
    file r2.html
    month 2018-08
    deployments 0
    storms 0
    overrides 0'
later=1767225600 # 2026-01-01: the sample history ends before
BAKEHOUR_NOW=$later
run report --ledger l.db --at 2018-08-16 --out - --log "$sample"
has "with a frontier" "$out" '<caption>Policies that no other one beats; USD a month</caption>'
has "a recommendation" "$out" '<td class="state">recommended</td>'
has "a recommendation in words" "$out" '<p>Recommended: .* It costs [0-9.]* USD a month; half of the commits are rolled out within '
hasnt "no storm by the model where images boot" "$out" 'By the model'
run report --ledger l.db --at 2018-08-16 --out - --log "$sample" --fail-boot 0.01 --fleet 1 --storm-cycle 3m --storm-cap 3 \
    --regime hourly --price 0.1
# By hand: a cycle of 3 minutes is 20 launches an hour for each slot, an hour paid for each: 160 in 8 h.
has "a storm by the model" "$out" '<p>By the model, an image that does not boot costs in one night (8 h) 160 launches, 160 paid h, 16.00 USD; capped at 3 launches a slot 3 launches, 3 paid h, 0.3000 USD.</p>'
BAKEHOUR_NOW=1534377600
refused "stdout twice" "exclude each other" report --ledger l.db --json --out -
refused "no ledger" "cannot be opened" report --ledger missing.db
refused "stale" "is stale" report --ledger l.db --at 2018-08-20
exit_is "a folder that is not there" 1 "$BAKEHOUR" report --ledger l.db --out nowhere/r.html
mkdir empty
exit_is "no gnuplot" 0 env PATH="$tmp/empty" "$BAKEHOUR" report --ledger l.db --out bare.html
holds "no gnuplot: said in its place" "$(cat bare.html)" 'The picture is missing: gnuplot is not installed'

# Deployments, a storm and overrides. Three launches of 180 s in vain: 3 paid hours of at most 4; without a cap each of
# two slots launches 8 h / 180 s = 160 times: 320 hours.
if [ -x "$maker" ]; then
    "$maker" m.db --deployments 60 --capped 1 --overrides 2 --reason 'a <b>fix</b> & more'
    run report --ledger m.db --out m.html --json
    figures "made: JSON" "$out" "" '
        deployments 60
        storms 1
        overrides 2'
    page=$(cat m.html)
    has "made: the last 50" "$page" '<caption>The last 50 of the month, the newest first; USD</caption>'
    has "made: a deployment" "$page" '^<tr><th scope="row">08-15 16:00</th><td class="state">completed</td><td class="right">0.1000</td><td class="right">0.1000</td><td class="right">0.00</td><td>production/29</td><td>[0-9a-f]*</td>$'
    has "made: an override is told beside its deployment" "$page" '<td class="state">completed, by override</td>.*<td>production/30</td>'
    has "made: a storm, its cap, and none" "$page" '^<tr class="warn"><th scope="row">08-15 22:00</th><td class="state">capped</td><td class="right">3</td><td class="right">3.00</td><td class="right">4.00</td><td class="right">320.00</td><td class="right">0.1000</td><td>staging/30</td>'
    has "made: a storm in words" "$page" '^<p>The new image of 1 deployment did not start; 1 was stopped by the storm cap and rolled back. Together they cost 0.1000 USD.</p>$'
    has "made: an override, its reason as text" "$page" '^<tr><th scope="row">08-15 19:59</th><td>production/30</td><td class="words">a &#60;b&#62;fix&#60;/b&#62; &#38; more</td><td class="words">budget &#34;shop&#34;: '
    run report --ledger m.db --out - --environment production
    holds "made: of one environment: no storm" "$out" 'none was stopped by the storm cap'
else
    ok "made # SKIP tests/make_ledger is not built" 0
fi

# Contrasts by WCAG 2.1 (1.4.3 text: 4.5; 1.4.11 pictures: 3), of the colours that stand in the file, for each theme.
contrasts() { # contrasts FILE PAIR...: INK/GROUND>=RATIO; the themes in which one is not reached
    awk -v pairs="$(shift && echo "$*")" '
        function linear(v) { v /= 255; return v <= 0.04045 ? v / 12.92 : exp(2.4 * log((v + 0.055) / 1.055)) }
        function hex(c) { return index("0123456789abcdef", tolower(c)) - 1 }
        function light(c,   i, full, part) {
            c = substr(c, 2)
            if (length(c) == 3) { for (i = 1; i <= 3; i++) full = full substr(c, i, 1) substr(c, i, 1); c = full }
            for (i = 0; i < 3; i++) part[i] = linear(16 * hex(substr(c, 2 * i + 1, 1)) + hex(substr(c, 2 * i + 2, 1)))
            return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2]
        }
        function ratio(a, b,   x, y) { x = light(a) + 0.05; y = light(b) + 0.05; return x > y ? x / y : y / x }
        { text = text $0 }
        END {
            while (match(text, /:root\{[^}]*\}/)) {
                rules = substr(text, RSTART + 6, RLENGTH - 7); text = substr(text, RSTART + RLENGTH); theme++
                n = split(rules, rule, ";")
                for (i = 1; i <= n; i++) if (split(rule[i], kv, ":") == 2) colour[theme, kv[1]] = kv[2]
                n = split(pairs, pair, " ")
                for (i = 1; i <= n; i++) {
                    split(pair[i], p, /\/|>=/)
                    a = colour[theme, "--" p[1]]; b = colour[theme, "--" p[2]]
                    if (a == "" || b == "") { print "theme " theme ": " pair[i] " has no colour"; continue }
                    if (ratio(a, b) < p[3]) printf "theme %d: %s is %.2f\n", theme, pair[i], ratio(a, b)
                }
            }
            if (theme != 3) print theme + 0 " themes, not light, dark and print"
        }' "$1"
}
sed -n '/^<style>/,/^<\/style>/p' r.html >page.css
grep -o 'svg+xml;base64,[A-Za-z0-9+/=]*' r.html | sed 's/.*,//' | head -n 1 | base64 -d >chart.svg
is "contrasts: text" "$(contrasts page.css 'ink/page>=7' 'dim/page>=4.5' 'ink/card>=7' 'dim/card>=4.5' 'link/page>=4.5' \
    'over/page>=4.5' 'warn/page>=4.5' 'ok/page>=4.5')" ""
is "contrasts: pictures" "$(contrasts chart.svg 'ink/page>=7' 'axis/page>=4.5' 'blue/page>=3' 'red/page>=3' 'grey/page>=3')" ""
has "contrasts: what is too little is found" "$(contrasts chart.svg 'grid/page>=3')" 'theme 1: grid/page>=3 is 1\.'
chart=$(cat chart.svg)
has "a picture has a role and words" "$chart" '<svg role="img" aria-labelledby="chart-title chart-text"'
has "a picture has a title" "$chart" '<title id="chart-title">Cost so far, the forecast and the limits; days are UTC</title>'
hasnt "a picture has no colour of its own" "$chart" '[="'\'']\(rgb(\|#[0-9a-fA-F]\{6\}["'\'']\|black["'\'']\)'

# What a browser makes of it: tests/page.py asks Chromium itself, by pixels, by style and by what screen readers are given.
case ${VARIANT:-} in
*address*)
    ok "rendered page # SKIP the release build's is looked at, and is the same" 0
    done_testing
    ;;
esac
browser=
for name in chromium chromium-browser google-chrome chrome; do
    command -v "$name" >/dev/null 2>&1 && browser=$name && break
done
if [ -z "$browser" ] || ! command -v python3 >/dev/null 2>&1; then
    ok "rendered page # SKIP Chromium or python3 is not at hand (Debian: apt-get install chromium python3)" 0
    done_testing
fi
ledger=l.db
[ ! -x "$maker" ] || ledger=m.db
BAKEHOUR_NOW=$later
"$BAKEHOUR" report --ledger $ledger --at 2018-08-16 --limit-usd 5 --log "$sample" --out full.html >/dev/null
code=0
python3 "$here/../page.py" "$browser" full.html >seen 2>seen.err || code=$?
if [ "$code" -eq 3 ]; then
    ok "rendered page # SKIP $(head -n 1 seen.err)" 0
    done_testing
fi
is "rendered: looked at" "$code" 0
[ "$code" -eq 0 ] || note "$(tail -n 5 seen.err)"
seen=$(cat seen)
good='
    fits true
    pictures 2
    drawn true
    letters true
    ids true
    columns true
    reach true
    words true
    ink true
    poor '
figures "rendered: wide" "$seen" wide. "$good
    width 1200
    narrow false
    edges true
    page 255 255 255"
figures "rendered: dark" "$seen" dark. "$good
    edges true
    page 20 24 29"
figures "rendered: a phone" "$seen" phone. "$good
    width 360
    narrow true
    edges true
    page 255 255 255"
figures "rendered: a phone in the dark" "$seen" phone_dark. "$good
    narrow true
    edges true
    page 20 24 29"
figures "rendered: for paper, though the system is dark" "$seen" print. "$good
    narrow false
    page 255 255 255"
figures "rendered: for a screen reader" "$seen" tree. '
    landmarks 1 1 1 1
    navigation On this page
    headings 12222222
    sections true
    tables_named true
    column_headers true
    row_headers true
    pictures 2
    pictures_named true
    links_named true
    lists_named true'
is "rendered: for a screen reader: as many tables as stand in the file" "$(json_of "$seen" tree.tables)" \
    "$(grep -c '^<table>' full.html)"
pages=$(json_of "$seen" pages)
ok "printed: 2 to 6 pages ($pages)" "$([ "$pages" -ge 2 ] && [ "$pages" -le 6 ]; echo $?)"
done_testing
