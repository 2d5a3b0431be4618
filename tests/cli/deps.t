#!/bin/sh
# tests/deps.sh on machines that are not this one: without apt, without root, without sudo, with packages missing.
# Its PATH holds only the tools named here and scripts that play dpkg-query, apt-get, id and sudo.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
bin="$tmp/bin"
shell=$(command -v sh)

# machine TOOL...: a PATH with the tools that the script itself needs and these
machine() {
    rm -rf "$bin"
    mkdir -p "$bin"
    for tool in cat mktemp rm tail env "$@"; do
        real=$(command -v "$tool") || real=/bin/true
        ln -sf "$real" "$bin/$tool"
    done
    rm -f "$tmp/calls"
}

# fake NAME BODY: a script of that name
fake() {
    rm -f "$bin/$1"
    printf '#!%s\n%s\n' "$shell" "$2" >"$bin/$1"
    chmod +x "$bin/$1"
}

debian() { # debian MISSING...: dpkg-query knows every package but these; apt-get writes down how it is called
    machine
    fake dpkg-query "for p; do last=\$p; done; case \" $* \" in *\" \$last \"*) exit 1 ;; esac; printf installed"
    fake apt-get "echo \"apt-get \$* [\$DEBIAN_FRONTEND]\" >>$tmp/calls"
    fake id 'echo 0'
}

deps() {
    exit_is "$1" "$2" env PATH="$bin" "$shell" "$root/tests/deps.sh" $3
}

calls() {
    cat "$tmp/calls" 2>/dev/null || true
}

debian
for set_name in build check demo lint coverage ""; do
    deps "all installed: ${set_name:-no name}" 0 "$set_name"
    is "all installed: ${set_name:-no name} says nothing" "$out$err" ""
done
is "all installed: apt-get is not called" "$(calls)" ""
deps "an unknown set is bad usage" 2 everything
has "an unknown set is named" "$err" 'unknown set "everything"'

debian libsqlite3-dev zlib1g-dev
deps "root with packages missing" 0 build
is "root: what is installed is said" "$out" \
    "Installing the Debian packages that are missing: libsqlite3-dev zlib1g-dev"
is "root: apt-get is called for these alone" "$(calls)" "apt-get update -qq [noninteractive]
apt-get install -y -qq --no-install-recommends libsqlite3-dev zlib1g-dev [noninteractive]"

debian libcmocka-dev
deps "a build needs no test library" 0 build
is "a build needs no test library: nothing is installed" "$(calls)" ""
deps "the tests do" 0 check
has "the tests do: it is installed" "$(calls)" 'libcmocka-dev'

debian gcc clang git
fake gcc :
fake clang :
fake git :
deps "tools of another origin serve" 0 lint
is "tools of another origin: nothing is installed" "$(calls)" ""

debian perl
fake perl :
deps "perl without prove is not enough for the tests" 0 check
has "perl without prove: it is installed" "$(calls)" 'install .* perl'

debian zlib1g-dev
fake id 'echo 1000'
fake sudo "echo \"sudo \$*\" >>$tmp/calls; exec \"\$@\""
deps "not root, with sudo" 0 build
has "with sudo: apt-get runs under it" "$(calls)" '^sudo env DEBIAN_FRONTEND=noninteractive apt-get install .* zlib1g-dev'

debian zlib1g-dev
fake id 'echo 1000'
deps "not root, without sudo" 1 build
has "without sudo: what is missing" "$err" '^Missing: zlib1g-dev$'
has "without sudo: what to do" "$err" 'As root: apt-get install zlib1g-dev$'
is "without sudo: apt-get is not called" "$(calls)" ""

debian zlib1g-dev
fake apt-get 'echo "E: no network" >&2; exit 100'
export TMPDIR="$tmp/t"
mkdir "$TMPDIR"
deps "apt-get fails" 1 build
has "apt-get fails: its own words" "$err" 'E: no network'
has "apt-get fails: by hand" "$err" 'By hand: apt-get install zlib1g-dev$'
is "apt-get fails: no log is left" "$(ls "$TMPDIR")" ""

machine
deps "no apt and nothing else" 1 check
has "no apt: the missing tools" "$err" '^Missing here: cc make pkg-config git gnuplot prove$'
has "no apt: Debian's names help" "$err" 'This system has no apt; install what Debian calls: gcc .*libcmocka-dev'

machine
for tool in cc make git; do fake "$tool" :; done
fake pkg-config 'for p; do last=$p; done; [ "$last" != libcjson ]'
deps "no apt, a library missing" 1 build
has "no apt, a library missing: which" "$err" '^Missing here: libcjson$'
fake pkg-config :
deps "no apt, but all is there" 0 build
deps "no apt, no name: a build" 0 ""
deps "no apt, the lint tools missing" 1 lint
has "no apt, the lint tools missing: which" "$err" '^Missing here: clang clang-tidy clang-format cppcheck$'
deps "no apt, the demo without gnuplot" 1 demo
has "no apt, the demo without gnuplot: said" "$err" '^Missing here: gnuplot$'
done_testing
