#!/bin/sh
# Unpacks a release tarball that is what it should be. usage: install.sh ARCHIVE SHA256 FOLDER
# ARCHIVE: a file, or an https address. The program is then FOLDER/bin/bakehour.
set -eu
archive=$1 sha256=$2 folder=$3
[ -n "$sha256" ] || { echo "install.sh: the tarball's SHA-256 is missing: what is not checked is not run" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case "$archive" in
https://* | http://127.0.0.1:*)
    curl -fsSL --retry 3 --max-time 120 --max-filesize 200000000 -o "$work/archive" "$archive" ;;
*) cp "$archive" "$work/archive" ;;
esac
found=$(sha256sum "$work/archive" | cut -d ' ' -f 1)
[ "$found" = "$sha256" ] || {
    echo "install.sh: $archive has SHA-256 $found, not $sha256" >&2
    exit 1
}
mkdir -p "$folder"
tar -xzf "$work/archive" -C "$folder" --strip-components 1
"$folder/bin/bakehour" --version
