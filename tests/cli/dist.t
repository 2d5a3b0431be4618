#!/bin/sh
# The release tarball and the Debian package, made from the built program and used as somebody would who has nothing
# else. $BAKEHOUR is the program.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/cli/tap.sh"
: "${BAKEHOUR:?the program to test}"

case "${VARIANT:-release}" in
release) ;;
*) echo "1..0 # SKIP what is shipped is the release build, not $VARIANT"; exit 0 ;;
esac
needs dpkg-query dpkg-shlibdeps dpkg-deb strip
export SOURCE_DATE_EPOCH=1700000000
"$BAKEHOUR" --man-page >"$tmp/options"
sed -e "/@OPTIONS@/{r $tmp/options" -e 'd}' "$root/docs/bakehour.1.in" >"$tmp/bakehour.1"
"$BAKEHOUR" --completion >"$tmp/bakehour.bash"

# The tarball.
exit_is "a tarball" 0 sh "$root/data/dist.sh" "$BAKEHOUR" "$tmp/bakehour.1" "$tmp/bakehour.bash" "$tmp/one"
ball=$out
cp "$BAKEHOUR" "$tmp/other-place"
exit_is "again, elsewhere and later" 0 sh "$root/data/dist.sh" "$tmp/other-place" "$tmp/bakehour.1" "$tmp/bakehour.bash" "$tmp/two"
exit_is "the same bytes" 0 cmp "$ball" "$out"
exit_is "its digest" 0 sh -c 'cd "$1" && sha256sum -c ./*.sha256' sh "$tmp/one"
mkdir "$tmp/to"
tar xzf "$ball" -C "$tmp/to"
here=$(echo "$tmp"/to/*)
is "nothing of the work is left" "$(ls "$tmp/one" | wc -l | tr -d ' ')" 2

version=$("$BAKEHOUR" --version)
cat >"$tmp/usage.csv" <<'END'
account,instance,type,region,zone,os,start,end
1,i-1,m3.medium,us-east-1,us-east-1a,linux,2015-06-10T00:00:00Z,2015-06-10T10:00:00Z
END
exit_is "it runs without an environment" 0 env -i "$here/bin/bakehour" --version
is "it is the program" "$out" "$version"
ln -s "$here/bin/bakehour" "$tmp/link"
exit_is "by a link" 0 env -i "$tmp/link" --version
exit_is "a month within its budget" 0 env -i "$here/bin/bakehour" budget check --usage "$tmp/usage.csv" \
    --limit-usd 100 --at 2015-06-20
exit_is "a month over its budget: the exit code comes through" 3 env -i "$here/bin/bakehour" budget check \
    --usage "$tmp/usage.csv" --limit-usd 0.01 --at 2015-06-20
exit_is "a rehearsal: TLS, SQLite and all" 0 env -i PATH="$PATH" HOME="$tmp" "$here/bin/bakehour" rehearse --deployments 1 --modelled
if [ "$(id -u)" = 0 ] && chroot / true 2>/dev/null; then
    loader=$(basename "$(echo "$here"/lib/ld-*)")
    exit_is "alone on the disk" 0 chroot "$here" "/lib/$loader" --library-path /lib /lib/bakehour --version
    is "alone on the disk: the program" "$out" "$version"
else
    ok "alone on the disk # SKIP chroot needs root" 0
fi
missing=""
for library in "$here"/lib/*.so*; do
    file=$(basename "$library")
    package=$(awk -v file="$file" '$1 == file { print $2 }' "$here/LIBRARIES")
    [ -n "$package" ] && [ -s "$here/licences/$package" ] || missing="$missing $file"
done
is "each library is named, with its licence" "$missing" ""
hasnt "no place of the build is in it" "$(strings -a "$here/lib/bakehour" 2>/dev/null || true)" "$root"

# The Debian package.
exit_is "staged" 0 make -s -C "$root" -o all install PREFIX=/usr DESTDIR="$tmp/staged" PROGRAM="$BAKEHOUR" BUILD="$tmp" \
    Q=@
exit_is "a package" 0 sh "$root/data/deb.sh" "$tmp/staged" "$tmp/deb"
deb=$out
exit_is "again" 0 sh "$root/data/deb.sh" "$tmp/staged" "$tmp/deb2"
exit_is "the same package" 0 cmp "$deb" "$out"
exit_is "its control file" 0 dpkg-deb -f "$deb"
has "its name" "$out" '^Package: bakehour$'
has "its version" "$out" "^Version: ${version#bakehour }\$"
for library in libc6 libsqlite3 libcurl libssl libcjson libexpat libmicrohttpd zlib1g; do
    has "it depends on $library" "$out" "^Depends: .*$library"
done
mkdir "$tmp/installed"
dpkg-deb -x "$deb" "$tmp/installed"
exit_is "what is in it runs" 0 "$tmp/installed/usr/bin/bakehour" --version
is "what is in it is the program" "$out" "$version"
exit_is "its sums are right" 0 sh -c 'dpkg-deb -e "$1" "$2/control" && cd "$2/installed" && md5sum -c --quiet ../control/md5sums' sh "$deb" "$tmp"
exit_is "the manual page is there" 0 test -s "$tmp/installed/usr/share/man/man1/bakehour.1.gz"
exit_is "the licence is there" 0 grep -q '^License: Expat' "$tmp/installed/usr/share/doc/bakehour/copyright"
if command -v lintian >/dev/null 2>&1; then
    exit_is "lintian has nothing against it" 0 lintian --allow-root --fail-on error,warning "$deb"
else
    ok "lintian has nothing against it # SKIP there is no lintian here" 0
fi

# Mistakes.
exit_is "a program that is none" 2 sh -c 'sh "$1" /nonexistent x y "$2" 2>/dev/null || exit 2' sh "$root/data/dist.sh" "$tmp/three"
is "nothing is left of it" "$(ls "$tmp/three" 2>/dev/null || true)" ""
done_testing
