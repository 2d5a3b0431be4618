#!/bin/sh
# bakehour report: what stands in the file, and what headless Chromium makes of it.
here=$(cd "${0%/*}" && pwd)
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
page=$(cat r.html)
has "a title" "$page" '<title>Deployments and their cost, 2018-08</title>'
holds "spent" "$page" 'Spent this month<b>6.00 USD</b>'
holds "forecast" "$page" "at this rate<b>12.40 USD</b>"
holds "a budget that is over, in words" "$page" '<td>over</td>'
holds "an environment is text, not markup" "$page" '&#60;b&#62;&#38;&#34;prod'
hasnt "no script" "$page" '<script'
hasnt "nothing from the network" "$page" 'src="http\|href=\|@import\|url(http'
has "a picture says what it shows" "$page" '<img alt="Line chart: the cost of 2018-08 rises to 6.00 USD'
is "as many captions as tables" "$(grep -c '<caption>' r.html)" "$(grep -c '^<table>' r.html)"
holds "no history" "$page" 'No history was given'
run report --ledger l.db --json --out r2.html
figures "as JSON" "$out" "" '
    schema bakehour.report/1
    file r2.html
    month 2018-08
    deployments 0'
later=1767225600 # 2026-01-01: the sample history ends before
BAKEHOUR_NOW=$later
run report --ledger l.db --at 2018-08-16 --out - --log "$sample"
has "with a frontier" "$out" '<caption>Policies that no other one beats</caption>'
has "a recommendation" "$out" '<td>yes</td>'
BAKEHOUR_NOW=1534377600
refused "stdout twice" "exclude each other" report --ledger l.db --json --out -
refused "no ledger" "cannot be opened" report --ledger missing.db
exit_is "a folder that is not there" 1 "$BAKEHOUR" report --ledger l.db --out nowhere/r.html
mkdir empty
exit_is "no gnuplot" 0 env PATH="$tmp/empty" "$BAKEHOUR" report --ledger l.db --out bare.html
holds "no gnuplot: said in its place" "$(cat bare.html)" 'The picture is missing: gnuplot is not installed'

BAKEHOUR_NOW=$later
# What a browser makes of it: a script of the test's own writes what it sees into the title.
browser=
for name in chromium chromium-browser google-chrome chrome; do
    command -v "$name" >/dev/null 2>&1 && browser=$name && break
done
if [ -z "$browser" ]; then
    ok "rendered page # SKIP Chromium is not at hand" 0
    done_testing
fi
"$BAKEHOUR" report --ledger l.db --at 2018-08-16 --limit-usd 5 --log "$sample" --out full.html >/dev/null
{
    grep -v 'Content-Security-Policy' full.html | sed '/<\/main>/,$d'
    cat <<'END'
</main><script>
const d = document.documentElement, images = [...document.images];
const seen = getComputedStyle(document.body);
document.title = JSON.stringify({
    fits: d.scrollWidth <= innerWidth, width: innerWidth,
    pictures: images.length, drawn: images.every(i => i.complete && i.naturalWidth > 100 && i.width > 100),
    named: images.every(i => i.alt.length > 20),
    headings: [...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName[1]).join(''),
    tables: [...document.querySelectorAll('table')].every(t => t.caption && t.querySelector('thead th[scope=col]')),
    rows: [...document.querySelectorAll('tbody tr')].every(r => r.querySelector('th[scope=row]')),
    dark: seen.backgroundColor, ink: seen.color});
</script></body></html>
END
} >seen.html
look() { # look OPTION...: the title that the script wrote
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$tmp/profile" \
        --virtual-time-budget=4000 "$@" --dump-dom "file://$tmp/seen.html" 2>/dev/null |
        sed -n 's/.*<title>\(.*\)<\/title>.*/\1/p' | head -n 1
}
wide=$(look --window-size=1200,900)
if [ -z "$wide" ]; then
    ok "rendered page # SKIP $browser does not start here" 0
    done_testing
fi
figures "rendered: wide" "$wide" "" '
    fits true
    pictures 2
    drawn true
    named true
    headings 1222222
    tables true
    rows true
    dark rgb(255, 255, 255)'
phone=$(look --window-size=500,900)
is "rendered: a phone's width fits" "$(json_of "$phone" fits)" true
night=$(look --window-size=1200,900 --blink-settings=preferredColorScheme=0)
is "rendered: dark" "$(json_of "$night" dark)" "rgb(20, 24, 29)"
is "rendered: light ink in the dark" "$(json_of "$night" ink)" "rgb(230, 233, 237)"
timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$tmp/profile" \
    --print-to-pdf="$tmp/r.pdf" "file://$tmp/full.html" >/dev/null 2>&1
is "printed" "$(head -c 4 r.pdf)" "%PDF"
done_testing
