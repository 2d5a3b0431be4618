#!/bin/sh
# Makes a Debian package of the built program. What it depends on is read from the program by dpkg-shlibdeps.
# usage: data/deb.sh STAGED FOLDER   STAGED: where `make install PREFIX=/usr DESTDIR=STAGED` has put things
#                                    (called by make deb)
set -eu
mkdir -p "$2"
staged=$(cd "$1" && pwd) out=$(cd "$2" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
program="$staged/usr/bin/bakehour"
version=$("$program" --version | sed 's/^bakehour //')
architecture=$(dpkg --print-architecture)
: "${SOURCE_DATE_EPOCH:=$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}"
export SOURCE_DATE_EPOCH
# Whose package it is: DEBFULLNAME and DEBEMAIL, as Debian's own tools have it, else who made the newest commit.
author=$(git -C "$root" log -1 --format='%an <%ae>' 2>/dev/null || echo 'nobody <nobody@example.org>')
maintainer=${DEBEMAIL:+${DEBFULLNAME:-$DEBEMAIL} <$DEBEMAIL>}
maintainer=${maintainer:-$author}
umask 022
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
tree="$work/tree"
cp -R "$staged" "$tree"

strip --strip-unneeded --remove-section=.comment --remove-section=.note "$tree/usr/bin/bakehour"
gzip -9nf "$tree/usr/share/man/man1/bakehour.1"
doc="$tree/usr/share/doc/bakehour"
mkdir -p "$doc"
cp "$root/README.md" "$root/docs/guide.md" "$doc"
gzip -9n "$doc/guide.md"
{
    echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
    echo "Upstream-Name: bakehour"
    echo
    echo "Files: *"
    sed -n 's/^Copyright (c)/Copyright:/p' "$root/LICENSE"
    echo "License: Expat"
    sed -n '/^Permission/,$p' "$root/LICENSE" | sed 's/^$/./; s/^/ /'
} >"$doc/copyright"
{
    echo "bakehour ($version) unstable; urgency=medium"
    echo
    echo "  * The program as built from its sources; its history says what changed."
    echo
    echo " -- $maintainer  $(LC_ALL=C date -R -u -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$doc/changelog.gz"

# dpkg-shlibdeps wants a source package's folder around it.
mkdir -p "$work/debian" "$tree/DEBIAN"
printf 'Source: bakehour\n\nPackage: bakehour\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O "tree/usr/bin/bakehour" 2>"$work/log" | sed -n 's/^shlibs:Depends=//p') || {
    cat "$work/log" >&2
    exit 1
}
[ -n "$depends" ] || {
    cat "$work/log" >&2
    echo "data/deb.sh: dpkg-shlibdeps names no library" >&2
    exit 1
}
size=$(du -sk --apparent-size "$tree/usr" | cut -f 1)
cat >"$tree/DEBIAN/control" <<END
Package: bakehour
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $size
Depends: $depends, ca-certificates
Recommends: git, gnuplot-nox
Section: admin
Priority: optional
Description: machine images for every commit, and what each deployment costs
 Bakes an OSv image on EC2 for each commit that is worth one, rolls it out
 behind an Auto Scaling group, and knows what that costs before and after.
 .
 Plans how often to deploy from a repository's own history, guards a budget
 in CI, simulates policies, failures and retry storms, and rehearses the real
 pipeline against a modelled cloud.
END
chmod -R u=rwX,go=rX "$tree"
(cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
file="$out/bakehour_${version}_$architecture.deb"
dpkg-deb --root-owner-group -Zxz --build "$tree" "$file" >/dev/null
echo "$file"
