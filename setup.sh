#!/bin/sh
# Installs what burin needs to build, train and test, on Debian, Ubuntu and their kin. Only what is
# missing is installed, so a second run changes nothing and needs no network.
set -eu

# Each line: the package of Debian, and a command that succeeds when what it brings is there.
needs() {
    cat <<'END'
gcc              command -v gcc
libc6-dev        test -e /usr/include/stdio.h
clang            command -v clang
make             command -v make
cmake            command -v cmake
ninja-build      command -v ninja
pkg-config       command -v pkg-config
liblua5.4-dev    pkg-config --exists lua5.4 || pkg-config --exists lua-5.4
libopenblas-dev  pkg-config --exists openblas
libcjson-dev     pkg-config --exists libcjson
libssl-dev       pkg-config --exists libcrypto
libpng-dev       pkg-config --exists libpng
libarchive-dev   pkg-config --exists libarchive
libzip-dev       pkg-config --exists libzip
zlib1g-dev       pkg-config --exists zlib
libjpeg-dev      pkg-config --exists libjpeg
libopenmpi-dev   command -v mpicc
openmpi-bin      command -v mpirun
gnuplot-nox      command -v gnuplot
libxml2-utils    command -v xmllint
check            pkg-config --exists check
lua-check        command -v luacheck
valgrind         command -v valgrind
cppcheck         command -v cppcheck
clang-tidy       command -v clang-tidy
python3-numpy    /usr/bin/python3 -c "import numpy"
zsh              command -v zsh
mandoc           command -v mandoc
groff            command -v groff
bsdextrautils    command -v col
curl             command -v curl
ca-certificates  test -e /etc/ssl/certs
END
}

# For tests alone, and not in every distribution: Ubuntu has Chromium as a snap, which containers
# cannot run. Without these the test that needs them is skipped, and says so.
wishes() {
    cat <<'END'
debootstrap      command -v debootstrap
chromium         command -v chromium || command -v google-chrome
END
}

# missing LIST: the packages of a list whose command fails, on one line.
missing() {
    "$1" | while read -r package probe; do
        sh -c "$probe" >/dev/null 2>&1 </dev/null || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install() {
    # shellcheck disable=SC2086 # the list is words
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends $1
}

packages=$(missing needs)
wished=$(missing wishes)
if [ -z "$packages$wished" ]; then
    echo "setup: everything is there"
    exit 0
fi
echo "setup: missing: $packages$wished"

if [ -z "$packages" ] && ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: no apt-get to install it; the test that needs it will be skipped"
    exit 0
elif ! command -v apt-get >/dev/null 2>&1; then
    cat >&2 <<'END'
setup: this is no system with apt-get. Please install with its package manager:
    gcc or clang, make, cmake 3.22 or newer, ninja, pkg-config or pkgconf,
    and with headers and pkg-config files: Lua 5.4, OpenBLAS, cJSON, OpenSSL, libpng,
    libjpeg-turbo, Check.
    For reports: gnuplot. For many machines: Open MPI or MPICH. For all tests also: clang,
    clang-tidy, cppcheck, luacheck, valgrind, zsh, mandoc, groff, NumPy, xmllint, chromium.
END
    exit 1
fi
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
    echo "setup: installing needs root, and there is no sudo. As root:" >&2
    echo "    apt-get install $packages$wished" >&2
    [ -n "$packages" ] && exit 1
    exit 0
fi

# A machine that never listed its packages has to; another one only when an install fails.
listed=$(find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null | head -n 1)
if [ -z "$listed" ]; then
    as_root apt-get update
fi
if [ -n "$packages" ] && ! install "$packages"; then
    as_root apt-get update
    install "$packages"
fi
for package in $wished; do
    if [ -z "$(apt-cache search --names-only "^$package\$")" ] || ! install "$package"; then
        echo "setup: $package: cannot be installed here; the test that needs it will be skipped"
    fi
done

packages=$(missing needs)
if [ -n "$packages" ]; then
    echo "setup: installed, but still not found: $packages" >&2
    exit 1
fi
echo "setup: done"
