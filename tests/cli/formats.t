#!/bin/sh
# The forms of budget check for CI systems, with 240 budgets whose names try to break out of each: tests/formats.py reads
# them as GitHub's runner, GitLab, Jenkins, a SARIF viewer and a Markdown renderer would.
here=$(cd "${0%/*}" && pwd)
. "$here/tap.sh"
unset GITHUB_STEP_SUMMARY
BAKEHOUR_NOW=1534377600 # 2018-08-16
export BAKEHOUR_NOW
needs python3
cd "$tmp" || exit 1
# 6.00 spent in 15 of 31 days lead to 12.40.
printf 'instance,type,region,start,end\ni-1,one,r,2018-08-01T00:00:00Z,2018-08-03T12:00:00Z\n' >usage.csv
printf 'type,region,effective,usd_per_hour\none,r,2010-01-01,0.1\n' >catalog.csv
"$BAKEHOUR" ledger import --ledger l.db --usage usage.csv --catalog catalog.csv --regime hourly >/dev/null
"$BAKEHOUR" config init --config - --project shop >base.json
python3 "$here/../formats.py" names .
{
    printf '{ "ledger": "l.db", "budgets": '
    cat budgets.json
    printf ',\n'
    sed '/^ *"ledger"/d' base.json | awk 'begun { print } !begun && /^\{/ { begun = 1 }'
} >bakehour.json
for form in github gitlab junit sarif markdown; do
    [ $form = github ] && GITHUB_STEP_SUMMARY=summary && export GITHUB_STEP_SUMMARY
    run budget check --format $form
    unset GITHUB_STEP_SUMMARY
    is "$form: exit code" "$code" 3
    is "$form: nothing on stderr" "$err" ""
    cp .out $form
done
exit_is "every form is read as it was meant" 0 python3 "$here/../formats.py" check .
[ "$tap_status" -eq 0 ] || note "$out"
run budget check
is "text: a line for each budget" "$(printf '%s\n' "$out" | grep -c ' USD ')" 241
is "text: no control character" "$(printf '%s' "$out" | tr -d '\n' | tr -d ' -~\200-\377' | wc -c | tr -d ' ')" 0

# 3,000 budgets, a third of them over: a comment of 64 KiB, a summary of what room there is, the worst first.
mkdir many
{
    printf '{ "ledger": "../l.db", "budgets": ['
    awk 'BEGIN { for (i = 0; i < 3000; i++) printf "%s{\"name\": \"team %d\", \"limit_usd\": \"%d\"}", i ? ", " : "", i,
        i % 3 == 0 ? 100 : i % 3 == 1 ? 10 : 1 }'
    printf '],\n'
    sed '/^ *"ledger"/d' base.json | awk 'begun { print } !begun && /^\{/ { begun = 1 }'
} >many/bakehour.json
cd many || exit 1
run budget check --format markdown
printf '%s\n' "$out" >comment
fits() { # fits DESC FILE MOST: its bytes, rows and the rows that are not over, before the first that is over
    bytes=$(wc -c <"$2")
    ok "$1: $bytes bytes of at most $3" "$([ "$bytes" -le "$3" ] && [ "$bytes" -gt $(($3 - 1000)) ]; echo $?)"
}
fits "a comment" comment 65536
rows=$(grep -c '^| team' comment)
has "a comment: how many are left out" "$out" "^$((3000 - rows)) more, none of them worse, found no room here; "
is "a comment: the worst first" "$(grep '^| team' comment | grep -v -c '| \*\*over\*\* |$')" 0
has "a comment: its end stands" "$out" '^Spent: up to 2018-08-16T00:00:00Z. Forecast: '
dd if=/dev/zero of=summary bs=1024 count=923 2>/dev/null
GITHUB_STEP_SUMMARY=summary
export GITHUB_STEP_SUMMARY
run budget check --format github
unset GITHUB_STEP_SUMMARY
is "a summary that was long: nothing on stderr" "$err" ""
fits "a summary that was long" summary 1048576
is "a summary: all that is over, then what is by forecast" "$(tr -d '\0' <summary | grep '^| team' | sed 's/.*| \**\([a-z ]*[a-z]\)\** |$/\1/' | uniq | tr '\n' ',')" "over,over by forecast,"
cd ..

# Through the tests' own eyes: a broken document is found.
broken() { # broken FORM SED
    cp "$1" kept
    sed -i "$2" "$1"
    cmp -s "$1" kept && note "$2 changes nothing in $1"
    exit_is "a broken $1 is found: $2" 1 python3 "$here/../formats.py" check .
    cp kept "$1"
}
broken github '3s/%25/%/'
broken github '1i\
::error::out'
broken gitlab 's/"critical"/"fatal"/'
broken junit 's/ failures="[0-9]*"//'
broken junit 's/&#60;/</'
broken sarif 's/"level":/"Level":/'
broken sarif 's/{{/{/'
broken markdown '6s/&#124;/|/g; 7s/&#[0-9]*;/|/; 8s/&#[0-9]*;/|/; 9s/&#[0-9]*;/|/'
done_testing
