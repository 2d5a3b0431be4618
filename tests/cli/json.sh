# json.sh - reading JSON and small histories in shell tests, with awk and sed alone. Source it behind tap.sh.
#
#   json_flat < DOCUMENT          one line a value: policies.0.lead_s.p50 400 (strings without quotes)
#   json_of TEXT PATH             the value at a path; nothing when there is none
#   figures DESC TEXT PREFIX LIST each "path value" line of LIST stands in TEXT under PREFIX; other values are free
#   keys_of TEXT                  the paths, numbers of array elements as *, each once
#   log_of FILE BASE OFFSET...    a history: unix seconds BASE + OFFSET, a line each

json_flat() {
    awk '
    function space() { while (at <= length(text) && index(" \t\n\r", substr(text, at, 1))) at++ }
    function string(   from, c) {
        from = ++at
        while ((c = substr(text, at, 1)) != "\"") {
            if (c == "") { print "BAD end of text in a string"; exit }
            at += c == "\\" ? 2 : 1
        }
        return substr(text, from, at++ - from)
    }
    function value(path,   c, n, from) {
        space()
        c = substr(text, at, 1)
        if (c == "{" || c == "[") {
            at++
            n = 0
            space()
            if (index("}]", substr(text, at, 1))) { at++; print path " " c; return }
            for (;;) {
                space()
                if (c == "{") { key = string(); space(); at++ } else key = n++
                value(path (path == "" ? "" : ".") key)
                space()
                if (substr(text, at++, 1) != ",") return
            }
        }
        if (c == "\"") { print path " " string(); return }
        from = at
        while (at <= length(text) && !index(",}] \t\n\r", substr(text, at, 1))) at++
        print path " " substr(text, from, at - from)
    }
    { text = text $0 "\n" }
    END { at = 1; value(""); space(); if (at <= length(text)) print "BAD text behind the document" }'
}

json_of() {
    printf '%s\n' "$1" | json_flat | sed -n "s/^$(printf '%s' "$2" | sed 's/\./\\./g') //p"
}

figures() {
    printf '%s\n' "$2" | json_flat >"$tmp/.flat"
    printf '%s\n' "$4" | sed 's/^ *//' | awk -v prefix="$3" -v flat="$tmp/.flat" '
        BEGIN { while ((getline line < flat) > 0) { at = index(line, " "); is[substr(line, 1, at - 1)] = substr(line, at + 1) } }
        NF { path = $1; sub(/^[^ ]+ /, ""); got = path
             full = prefix path
             if (!(full in is)) is[full] = "(missing)"
             if (is[full] != $0) print path ": got " is[full] ", expected " $0 }' >"$tmp/.differ"
    if [ -s "$tmp/.differ" ]; then
        ok "$1" 1
        note "$(cat "$tmp/.differ")"
        return
    fi
    ok "$1" 0
}

keys_of() {
    printf '%s\n' "$1" | json_flat | awk '{ gsub(/\.[0-9]+/, ".*", $1); print $1 }' | LC_ALL=C sort -u
}

log_of() {
    log_file=$1 log_base=$2
    shift 2
    for offset; do
        echo $((log_base + offset))
    done >"$log_file"
}
