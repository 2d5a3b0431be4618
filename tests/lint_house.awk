# Reads C files; reports what the rules of the house refuse (tests/lint_house.sh says which). POSIX awk.
# Comments, strings and character constants are blanked before calls are looked for; line numbers stay.

BEGIN {
    rank["base"] = 1; rank["billing"] = 2; rank["scheduler"] = 3; rank["sim"] = 4; rank["bakehour.c"] = 5
    rank["tests"] = rank["data"] = 6
    n = split("sprintf vsprintf strcpy strcat strncpy strncat atoi atol atof strtok gets rand srand system popen " \
              "mktemp alloca", words, " ")
    for (i = 1; i <= n; i++)
        unsafe[words[i]] = 1
    clocks["time"] = clocks["clock_gettime"] = clocks["gettimeofday"] = 1
    later = "(^|[^A-Za-z0-9_])(TO" "DO|FIX" "ME|XX" "X)($|[^A-Za-z0-9_])"
}

function report(line, text) {
    printf "%s:%d: %s\n", FILENAME, line, text
    found = 1
}

function room_of(path) {
    return index(path, "/") ? substr(path, 1, index(path, "/") - 1) : path
}

# The line without comments, strings and character constants; in_comment carries over to the next line.
function code_of(line,    out, i, c, two, quote) {
    out = ""
    quote = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            if (two == "*/") { in_comment = 0; i++; out = out " " }
        } else if (quote != "") {
            if (c == "\\") i++
            else if (c == quote) { quote = ""; out = out c }
        } else if (two == "/*") { in_comment = 1; i++ }
        else if (two == "//") break
        else {
            if (c == "\"" || c == "'") quote = c
            out = out c
        }
    }
    return out
}

function check_include(line,    target, from, to) {
    target = line
    sub(/^[ \t]*#[ \t]*include[ \t]*"/, "", target)
    sub(/".*/, "", target)
    from = room_of(FILENAME)
    to = room_of(target)
    if (!index(target, "/") || !(to in rank)) {
        report(FNR, "#include \"" target "\": name the room, as in \"base/" target "\"")
        return
    }
    if (rank[to] > rank[from])
        report(FNR, "#include \"" target "\" runs against the arrows: " from " must not know " to)
    if (target ~ /\.c$/)
        report(FNR, "#include \"" target "\": a source file is no header")
    edges[FILENAME] = edges[FILENAME] " " target
    where[FILENAME, target] = FNR
}

function check_calls(code,    rest, name, before, start) {
    rest = code
    before = " "
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
        start = RSTART
        name = substr(rest, RSTART, RLENGTH - 1)
        sub(/[ \t]+$/, "", name)
        if (start > 1) before = substr(rest, start - 1, 1)
        if (before != "." && !(before == ">" && substr(rest, start - 2, 1) == "-") && before !~ /[0-9]/) {
            if (name in unsafe)
                report(FNR, name "() is not used here: it has no bound, no error, or no seed")
            if ((name in clocks) && FILENAME != "base/clock.c")
                report(FNR, name "(): only base/clock.c asks for the time")
        }
        before = "("
        rest = substr(rest, start + RLENGTH)
    }
}

function close_file() {
    if (last_file != "" && last_line > 700)
        printf "%s:%d: %d lines; a file has at most 700\n", last_file, last_line, last_line
    if (last_file != "" && last_line > 700)
        found = 1
}

FNR == 1 {
    close_file()
    in_comment = 0
}

{
    last_file = FILENAME
    last_line = FNR
    if (!in_comment && $0 ~ /^[ \t]*#[ \t]*include[ \t]*"/)
        check_include($0)
    code = code_of($0)
    check_calls(code)
    if (room_of(FILENAME) == "billing" && code ~ /(^|[^A-Za-z0-9_])(float|double)([^A-Za-z0-9_]|$)/)
        report(FNR, "no floating point in billing: money is int64_t")
    if ($0 ~ later)
        report(FNR, "a note for later: do it now, or leave it out")
    if ($0 ~ /NOLINT/ && $0 !~ /NOLINT[A-Z]*\([a-zA-Z0-9.,-]+\): *[^ ]/)
        report(FNR, "NOLINT without check and reason: NOLINT(check): why")
    if ($0 ~ /cppcheck-suppress/ && $0 !~ /cppcheck-suppress [^ ]+ +; *[^ *]/)
        report(FNR, "cppcheck-suppress without a reason: cppcheck-suppress id ; why")
}

# Depth first over the include graph; a way back to a file that is still open is a loop.
function visit(file,    list, count, i) {
    state[file] = 1
    trail[++depth] = file
    count = split(edges[file], list, " ")
    for (i = 1; i <= count; i++) {
        if (state[list[i]] == 1) {
            printf "%s:%d: #include \"%s\": the two include each other%s\n", file, where[file, list[i]], list[i], \
                   (depth > 1 && trail[depth - 1] != list[i]) ? ", by way of others" : ""
            found = 1
        } else if (state[list[i]] == 0)
            visit(list[i])
    }
    depth--
    state[file] = 2
}

END {
    close_file()
    for (file in edges)
        if (state[file] == 0) {
            depth = 0
            visit(file)
        }
    exit found
}
