#!/bin/sh
# Installs the Debian packages that a target needs and that are missing, and says which. Called by the Makefile.
# usage: tests/deps.sh build|check|bench|demo|lint|coverage|dist|browser
set -eu

build="gcc libc6-dev make pkg-config libsqlite3-dev libcjson-dev zlib1g-dev libssl-dev libcurl4-openssl-dev libexpat1-dev libmicrohttpd-dev libyajl-dev git ca-certificates"
set_name="${1:-build}"
case "$set_name" in
build) want="$build" ;;
demo) want="$build gnuplot-nox fonts-dejavu-core" ;;
check) want="$build dpkg-dev libcmocka-dev python3-yaml yamllint perl gnuplot-nox fonts-dejavu-core coinor-cbc curl openssl awscli python3-boto3 slurm-wlm groovy default-jre-headless" ;;
bench) want="$build libcmocka-dev perl gnuplot-nox fonts-dejavu-core libsimgrid-dev python3-simpy" ;;
lint) want="$build libcmocka-dev clang clang-tidy clang-format cppcheck" ;;
dist) want="$build dpkg-dev binutils" ;;
browser) want="$build perl gnuplot-nox fonts-dejavu-core chromium" ;; # 155 packages and 200 MB more than check
coverage) want="$build libcmocka-dev perl gnuplot-nox fonts-dejavu-core coinor-cbc gcovr" ;;
*) echo "tests/deps.sh: unknown set \"$set_name\"" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    missing=""
    for tool in cc make pkg-config git; do
        command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
    done
    if command -v pkg-config >/dev/null 2>&1; then
        for library in sqlite3 libcjson zlib libcrypto libssl libcurl expat libmicrohttpd yajl; do
            pkg-config --exists "$library" 2>/dev/null || missing="$missing $library"
        done
        case "$set_name" in
        check | bench | lint | coverage) pkg-config --exists cmocka 2>/dev/null || missing="$missing cmocka" ;;
        esac
    fi
    case "$set_name" in
    check) tools="gnuplot prove" ;;
    demo) tools="gnuplot" ;;
    lint) tools="clang clang-tidy clang-format cppcheck" ;;
    coverage) tools="gnuplot prove gcovr" ;;
    *) tools="" ;;
    esac
    for tool in $tools; do
        command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
    done
    [ -z "$missing" ] && exit 0
    echo "Missing here:$missing" >&2
    echo "This system has no apt; install what Debian calls: $want" >&2
    exit 1
fi

missing=""
for package in $want; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] && continue
    # Whatever else provides the tool (a newer compiler, another gnuplot) serves as well.
    case "$package" in
    gcc) command -v gcc >/dev/null 2>&1 && continue ;;
    pkg-config) command -v pkg-config >/dev/null 2>&1 && continue ;;
    gnuplot-nox) command -v gnuplot >/dev/null 2>&1 && continue ;;
    perl) command -v prove >/dev/null 2>&1 && continue ;; # perl-base has perl, but not prove
    git | make | clang | clang-tidy | clang-format | cppcheck | gcovr)
        command -v "$package" >/dev/null 2>&1 && continue ;;
    esac
    missing="$missing $package"
done
[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "Missing:$missing" >&2
        echo "You are not root and there is no sudo. As root: apt-get install$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi
echo "Installing the Debian packages that are missing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
    >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "The installation failed. By hand: apt-get install$missing" >&2
    exit 1
fi
