#!/bin/sh
# The package of Debian: installed in a Debian 12 that has nothing else, it makes a project, trains in it,
# and leaves nothing behind when it is removed.
#
#     tests/project/test_deb.sh BUILD WORK
#
# It needs root, debootstrap and a mirror of Debian, the first one that apt knows here.
set -eu
build=$(realpath "$1")
work=$2
rm -rf "$work"
mkdir -p "$work"
work=$(realpath "$work")
root=$work/root

skip() {
    echo "skipped: $1"
    exit 77
}
[ "$(id -u)" -eq 0 ] || skip "debootstrap needs root"
for tool in cpack debootstrap dpkg-shlibdeps; do
    command -v $tool > /dev/null || skip "there is no $tool: setup.sh installs it"
done

(cd "$build" && cpack -G DEB -B "$work" > "$work/cpack.log")
deb=$(ls "$work"/burin_*.deb)
echo "$deb"
if command -v lintian > /dev/null; then
    lintian --allow-root --fail-on error --suppress-tags initial-upload-closes-no-bugs "$deb"
fi

# What generated programs link is among the dependencies.
needed=$(sed -n 's/^Requires: //p' "$build/install/burin.pc")
depends=$(dpkg-deb --field "$deb" Depends)
for package in $needed; do
    file=$(pkg-config --variable=pcfiledir "$package")/$package.pc
    owner=$(dpkg-query --search "$file" | sed 's/[:,].*//')
    # A package may be named by what it provides.
    for name in $owner $(dpkg-query --show --showformat='${Provides}' "$owner" | sed 's/([^)]*)//g; s/,/ /g'); do
        case ", $depends," in *", $name,"*) owner= ;; esac
    done
    [ -z "$owner" ] || { echo "the package does not depend on $owner, which has $package.pc"; exit 1; }
done

mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2> /dev/null |
    sed -n 's/^URIs: *\([^ ]*\/debian\)\/*$/\1/p; s/^deb .*\(https*:[^ ]*\/debian\)\/* .*/\1/p' | head -n 1)
if ! debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" \
    > "$work/debootstrap.log" 2>&1; then
    grep -q 'Failed getting release file\|download' "$work/debootstrap.log" || {
        tail "$work/debootstrap.log"
        exit 1
    }
    skip "no mirror of Debian can be reached"
fi
cp "$deb" "$root/tmp/burin.deb"
cp /etc/resolv.conf "$root/etc/resolv.conf"
inside() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        "$@"
}
inside apt-get update > "$work/apt.log"
inside apt-get install --yes --no-install-recommends /tmp/burin.deb >> "$work/apt.log"
inside dpkg-query --listfiles burin | while read -r file; do
    [ -d "$root$file" ] || echo "$file"
done > "$work/files"

inside useradd --create-home reader
inside su reader -c 'cd && burin new digits && cd digits && make train EPOCHS=1 ARGS="--seed 1" &&
    make train EPOCHS=1 NORM=gn ISA=c ARGS="--max-steps 2 --backend generic" && make freeze &&
    make -C frozen check && burin data /usr/share/burin; burin plan lenet' > "$work/train.log" 2>&1 || {
    cat "$work/train.log"
    exit 1
}
for text in 'finished 1 epoch' 'stopped at step 2' '16 images: logits within' 'lenet'; do
    grep -q "$text" "$work/train.log" || { echo "expected '$text' in:"; cat "$work/train.log"; exit 1; }
done

inside apt-get purge --yes burin >> "$work/apt.log"
while read -r file; do
    [ ! -e "$root$file" ] || { echo "$file: is left behind"; exit 1; }
done < "$work/files"
[ "$(wc -l < "$work/files")" -gt 50 ] || { echo "expected more files than:"; cat "$work/files"; exit 1; }
left=$(cd "$root" && find usr etc var -path '*burin*' ! -path 'var/lib/apt/*' ! -path 'var/log/*')
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
rm -rf "$root"
echo "installed, trained and removed"
