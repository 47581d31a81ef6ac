#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# systemd_units.sh BUILD_DIR BUDDYD: the units as they are installed say what systemd understands, and
# the configuration beside them is accepted.
# `systemd-analyze verify` exits 0 even for a key that it does not know: what it writes decides.
set -eu
build=$1
buddyd=$2

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
fail() {
    echo "$1" >&2
    exit 1
}

cmake --install "$build/systemd" --prefix "$tmp" >/dev/null
units=$tmp/lib/systemd/system
sample=$(find "$tmp/share/doc" -name buddyd.conf)

"$buddyd" --check --config "$sample" | grep -qx ok || fail "the sample configuration is not accepted"
grep -q '^ExecStart=/.*/buddyd$' "$units/buddyd.service" || fail "no absolute ExecStart="

if ! command -v systemd-analyze >/dev/null; then
    echo "skipped: there is no systemd-analyze here"
    exit 77
fi
# The program is not installed yet.
sed -i "s|^ExecStart=.*|ExecStart=$buddyd|" "$units/buddyd.service"
verify() {
    systemd-analyze verify --man=no "$units/buddyd.service" "$units/buddyd.socket" >"$tmp/said" 2>&1 ||
        return 1
    ! test -s "$tmp/said"
}
verify || fail "systemd-analyze verify: $(cat "$tmp/said")"

# And it would have been seen.
echo 'NoSuchKey=1' >>"$units/buddyd.socket"
! verify || fail "an unknown key was not seen"
systemd-sysusers --dry-run "$tmp/lib/sysusers.d/buddyd.conf" >"$tmp/said" 2>&1 ||
    fail "systemd-sysusers: $(cat "$tmp/said")"
