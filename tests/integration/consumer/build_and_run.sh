#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install a build into a prefix of its own, move it, and build and run programs against it there.
# Usage: build_and_run.sh BUILD_DIR LIBDIR INCLUDEDIR (as in GNUInstallDirs, relative)
set -eu

build=$1 libdir=$2 includedir=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "consumer: $*" >&2
    exit 1
}

# What the library was built with, its user has to be built with, too.
flags=${SANITIZE:+-fsanitize=$SANITIZE}
strict="-Wall -Wextra -Wpedantic -Werror $flags"

if ! "${CMAKE:-cmake}" --install "$build" --prefix "$work/first" >"$work/install.log" 2>&1; then
    cat "$work/install.log" >&2
    fail "cmake --install failed"
fi
# Nothing that is installed may know where it was installed first.
mv "$work/first" "$work/prefix"
prefix=$work/prefix
export PKG_CONFIG_PATH="$prefix/$libdir/pkgconfig"
unset BUDDYD_SOCKET

so=$prefix/$libdir/libbuddyd.so
for file in "$so" "$so.0" "$prefix/$libdir/libbuddyd.a" "$prefix/$includedir/buddyd.h"; do
    [ -e "$file" ] || fail "$file was not installed"
done

echo "== exported symbols"
nm -D --defined-only "$so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exported"
[ -s "$work/exported" ] || fail "libbuddyd.so exports nothing"
if grep -v '^buddyd_[a-z]' "$work/exported"; then
    fail "libbuddyd.so exports more than buddyd_*"
fi
# What the header promises, to the name.
tr '\n' ' ' <"$prefix/$includedir/buddyd.h" | sed 's/BUDDYD_API /\n&/g' |
    sed -n 's/^BUDDYD_API [^(]*\b\(buddyd_[a-z_]*\)(.*/\1/p' | sort -u >"$work/promised"
diff "$work/promised" "$work/exported" || fail "buddyd.h and libbuddyd.so do not agree"
readelf -d "$so" | grep -q 'SONAME.*\[libbuddyd\.so\.0\]' || fail "the soname is not libbuddyd.so.0"

run() {
    echo "== $1"
    shift
    "$@" || fail "'$*' failed"
}

echo "== find_package"
configure_and_build() {
    "${CMAKE:-cmake}" -S "$here/find_package" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_C_FLAGS="$flags" && "${CMAKE:-cmake}" --build "$work/cmake"
}
if ! configure_and_build >"$work/cmake.log" 2>&1; then
    cat "$work/cmake.log" >&2
    fail "the find_package program does not build"
fi
run "find_package, shared" "$work/cmake/with_buddyd"
run "find_package, static" "$work/cmake/with_buddyd_static"
ldd "$work/cmake/with_buddyd" | grep -q "$prefix" || fail "with_buddyd runs with another library"

export LD_LIBRARY_PATH="$prefix/$libdir"
# The words that pkg-config prints are to be split.
# shellcheck disable=SC2046,SC2086
{
    ${CC:-cc} -std=c11 $strict $(pkg-config --cflags buddyd) "$here/consumer.c" \
        -o "$work/c" $(pkg-config --libs buddyd)
    ${CXX:-c++} -std=c++17 $strict $(pkg-config --cflags buddyd) -x c++ "$here/consumer.c" -x none \
        -o "$work/cxx" $(pkg-config --libs buddyd)
    # The archive in the place of the shared library; what else pkg-config names may be shared.
    ${CC:-cc} -std=c11 $strict $(pkg-config --cflags buddyd) "$here/consumer.c" -o "$work/static" \
        $(pkg-config --static --libs buddyd | sed 's/-lbuddyd/-l:libbuddyd.a/')
}
run "pkg-config, C" "$work/c"
run "pkg-config, C++" "$work/cxx"
unset LD_LIBRARY_PATH
run "pkg-config --static" "$work/static"
if ldd "$work/static" | grep libbuddyd; then
    fail "the static program needs libbuddyd.so"
fi
[ "$(pkg-config --modversion buddyd)" = "$(basename "$(readlink -f "$so")" | sed 's/libbuddyd\.so\.//')" ] ||
    fail "buddyd.pc and libbuddyd.so have different versions"
echo "consumer: all programs build and run"
