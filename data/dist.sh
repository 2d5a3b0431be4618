#!/bin/sh
# Makes the release tarball: the program with every library that it needs, so that it runs on any Linux of its machine
# type (also one with an older or another C library), the manual page, the completion, the data, and the licences.
# The same program gives the same bytes. usage: data/dist.sh PROGRAM MANPAGE COMPLETION FOLDER   (called by make dist)
set -eu
program=$1 manpage=$2 completion=$3 out=$4
root=$(cd "$(dirname "$0")/.." && pwd)
version=$("$program" --version | sed 's/^bakehour //')
name="bakehour-$version-linux-$(uname -m)"
: "${SOURCE_DATE_EPOCH:=$(git -C "$root" log -1 --format=%ct 2>/dev/null || echo 0)}"
umask 022
mkdir -p "$out"
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
top="$work/$name"
mkdir -p "$top/bin" "$top/lib" "$top/licences" "$top/share/man/man1" "$top/share/bash-completion/completions" \
    "$top/share/bakehour"

# The build id is of the unstripped file, whose debugging lines name the folder that it was built in.
strip --strip-unneeded -R .note.gnu.build-id -o "$top/lib/bakehour" "$program"

# "name => /path (address)", and the loader alone: "/path (address)".
ldd "$program" | sed -n 's/^.* => \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | LC_ALL=C sort -u \
    >"$work/libraries"
# Debian may know a file by its own name, by what it points at, or with or without /usr: one call asks for all.
while IFS= read -r library; do
    real=$(readlink -f "$library")
    printf '%s\n' "$library" "$real" "/usr$library" "${real#/usr}"
done <"$work/libraries" | LC_ALL=C sort -u >"$work/names"
xargs dpkg-query -S <"$work/names" 2>/dev/null | sed 's/^\([^:,]*\)[^ ]* \(.*\)$/\2 \1/' >"$work/owners" || true
owner_of() { # the package that a file is of
    for known in "$1" "$(readlink -f "$1")" "/usr$1"; do
        awk -v file="$known" '$1 == file { print $2; exit }' "$work/owners"
    done | head -n 1
}

printf '%-28s %-28s %s\n' Library Package Version >"$top/LIBRARIES"
loader=""
while IFS= read -r library; do
    file=$(basename "$library")
    cp -L "$library" "$top/lib/$file"
    case "$file" in ld-*) loader=$file ;; esac
    owner=$(owner_of "$library")
    [ -n "$owner" ] && [ -f "/usr/share/doc/$owner/copyright" ] || {
        echo "data/dist.sh: $file: there is no licence of its package (${owner:-unknown}) to go with it" >&2
        exit 1
    }
    version_of=$(dpkg-query -W -f '${Version}' "$owner")
    printf '%-28s %-28s %s\n' "$file" "$owner" "$version_of" >>"$top/LIBRARIES"
    cp -L "/usr/share/doc/$owner/copyright" "$top/licences/$owner"
done <"$work/libraries"
# The texts that they refer to.
grep -rhoE '/usr/share/common-licenses/[A-Za-z0-9.-]*[A-Za-z0-9]' "$top/licences" | LC_ALL=C sort -u >"$work/texts"
while IFS= read -r text; do
    [ -f "$text" ] && cp -L "$text" "$top/licences/$(basename "$text").txt"
done <"$work/texts"
[ -n "$loader" ] || {
    echo "data/dist.sh: $program is not linked to a C library that could be taken along" >&2
    exit 1
}

cat >"$top/bin/bakehour" <<END
#!/bin/sh
# Starts the program with the libraries beside it. They are seen by nothing that it starts (git, gnuplot, your commands).
here=\$0
while [ -L "\$here" ]; do
    to=\$(readlink "\$here")
    case "\$to" in /*) here=\$to ;; *) here=\$(dirname "\$here")/\$to ;; esac
done
lib=\$(cd "\$(dirname "\$here")/../lib" && pwd)
exec "\$lib/$loader" --library-path "\$lib" "\$lib/bakehour" "\$@"
END
chmod 755 "$top/bin/bakehour"

cp "$manpage" "$top/share/man/man1/bakehour.1"
cp "$completion" "$top/share/bash-completion/completions/bakehour"
cp "$root"/data/*.csv "$root"/data/*.tsv.gz "$root"/data/*.json "$top/share/bakehour"
cp -R "$root/data/ci" "$top/share/bakehour/ci"
cp "$root/LICENSE" "$root/README.md" "$root/docs/guide.md" "$top"
chmod -R u=rwX,go=rX "$top"

# uncompressed first: a pipe would hide tar's exit code
(cd "$work" && tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu \
    -cf "$name.tar" "$name")
gzip -n "$work/$name.tar"
mv -f "$work/$name.tar.gz" "$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "$out/$name.tar.gz"
