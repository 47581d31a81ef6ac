# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib.sh: what the scripts share: messages, and hugepages that are reserved for the life of a script.
# Source it from a script that has set -euo pipefail.

# shellcheck disable=SC2034 # for the scripts
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
JOBS=${JOBS:-$(nproc)}

say() {
    printf '%s\n' "$*"
}

# A step of a longer run, easy to find in a log.
headline() {
    printf '\n== %s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

is_root() {
    [ "$(id -u)" = 0 ]
}

HUGEPAGES_NR=/proc/sys/vm/nr_hugepages
HUGEPAGES_DIR=/sys/kernel/mm/hugepages/hugepages-2048kB
hugepages_added=0

hugepages_free() {
    # What others have reserved but not touched yet is not free for us.
    local free resv
    free=$(cat "$HUGEPAGES_DIR/free_hugepages" 2>/dev/null) || free=0
    resv=$(cat "$HUGEPAGES_DIR/resv_hugepages" 2>/dev/null) || resv=0
    echo $((free - resv))
}

# hugepages_change N: N more (or fewer) in the host's pool. The kernel may give less than was asked
# for: what it gave is added to hugepages_added. Locked, so that scripts of ours that run at the same
# time do not count each other's.
hugepages_change() {
    local lock before after
    exec {lock}<"$HUGEPAGES_NR"
    flock "$lock"
    before=$(cat "$HUGEPAGES_NR")
    after=$((before + $1 > 0 ? before + $1 : 0))
    echo "$after" >"$HUGEPAGES_NR" || true
    hugepages_added=$((hugepages_added + $(cat "$HUGEPAGES_NR") - before))
    exec {lock}<&-
}

# hugepages_reserve N: see that N hugepages of 2 MiB are free until the script ends. Only what was
# added is taken back at the end, so that a pool that somebody else uses keeps its size. Fails, with
# nothing changed, when it is not allowed or there is too little memory.
hugepages_reserve() {
    local missing
    missing=$(($1 - $(hugepages_free)))
    [ "$missing" -gt 0 ] || return 0
    [ -w "$HUGEPAGES_NR" ] && [ -d "$HUGEPAGES_DIR" ] || return 1
    # From here on every way out takes them back.
    trap hugepages_restore EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    hugepages_change "$missing"
    if [ "$(hugepages_free)" -lt "$1" ]; then
        hugepages_restore
        return 1
    fi
}

hugepages_restore() {
    [ "$hugepages_added" -gt 0 ] || return 0
    hugepages_change $((-hugepages_added))
}
