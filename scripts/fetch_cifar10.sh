#!/bin/sh
# Downloads CIFAR-10 into data/cifar-10-batches-bin, beside a SHA256SUMS that runtime/data/cifar_sums.h
# tells of.
#
#     [DATA=data] [URL=...] [MD5=...] scripts/fetch_cifar10.sh
#
# Everything is prepared in data/download and moved to its place by one rename, so what is in that
# place is complete. An archive that lies in data/ already is used. URL and MD5 are for tests.
set -eu
archive_name=cifar-10-binary.tar.gz
folder_name=cifar-10-batches-bin
files='data_batch_1.bin data_batch_2.bin data_batch_3.bin data_batch_4.bin data_batch_5.bin test_batch.bin'
DATA=${DATA:-data}
URL=${URL:-https://www.cs.toronto.edu/~kriz/$archive_name}
MD5=${MD5:-c32a1d4ab5d03f1284b67883e8d87530}
place=$DATA/$folder_name
work=$DATA/download
archive=$DATA/$archive_name
mark="# $archive_name md5 $MD5"

# Leaves nothing of its own, an empty DATA included.
clean() {
    rm -rf "$work"
    [ ! -d "$DATA" ] || rmdir "$DATA" 2> /dev/null || true
}

fail() {
    echo "make data: $1" >&2
    exit 1
}

# Whether the place has what SHA256SUMS says, which this script has written.
is_complete() {
    [ "$(head -n 1 "$place/SHA256SUMS" 2> /dev/null)" = "$mark" ] || return 1
    for file in $files; do
        grep -q "  $file\$" "$place/SHA256SUMS" || return 1
    done
    (cd "$place" && grep -v '^#' SHA256SUMS | sha256sum --check --status 2> /dev/null)
}

# The head is asked for first: most of what can be wrong is told by it, without a bar.
download() {
    elsewhere="nothing was written; a copy from elsewhere may be put at $archive"
    reason=$(curl --fail --location --head --silent --show-error --connect-timeout 30 "$URL" \
        2>&1 > /dev/null) || fail "$URL: ${reason#curl: }: $elsewhere"
    bar='--silent --show-error'
    [ ! -t 2 ] || bar=--progress-bar
    curl --fail --location $bar --speed-time 60 --speed-limit 1 --output "$work/$archive_name" \
        "$URL" || fail "$URL: not downloaded whole: $elsewhere"
}

if [ -e "$place" ]; then
    is_complete || fail "$place exists, but is not the official archive as unpacked here: it is left as \
it is; move it away to download"
    echo "$place is there and complete"
    exit 0
fi

trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
rm -rf "$work"
mkdir -p "$work"
if [ -e "$archive" ]; then
    echo "taking $archive"
else
    command -v curl > /dev/null || fail "curl is not there: ./setup.sh installs it"
    echo "downloading $URL (170 MB)"
    download
    archive=$work/$archive_name
fi
md5=$(md5sum < "$archive")
[ "${md5%% *}" = "$MD5" ] || fail "$archive: md5 ${md5%% *}: expected $MD5"
tar -xzf "$archive" -C "$work" || fail "$archive: cannot be unpacked"
echo "$mark" > "$work/SHA256SUMS"
for file in $files; do
    [ -f "$work/$folder_name/$file" ] || fail "$archive: $file is not in it"
    (cd "$work/$folder_name" && sha256sum "$file") >> "$work/SHA256SUMS"
done
mv "$work/SHA256SUMS" "$work/$folder_name/SHA256SUMS"
mv "$work/$folder_name" "$place"
echo "$place is ready"
