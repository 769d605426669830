#!/usr/bin/env bash
# Makes .venv with everything that the project needs, and says so only when there is something to do.
# Usage: scripts/setup.sh [EXTRA,...]      for example: scripts/setup.sh dev,mnist
set -euo pipefail
cd "$(dirname "$0")/.."

extras=${1:-}
python=${PYTHON:-python3}

need_apt() { # packages that only the system can give
    echo "setup: the system lacks: $*"
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "setup: please install them, for example: apt-get install $*" >&2
        exit 1
    fi
}

command -v "$python" >/dev/null || need_apt python3 python3-venv
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: Python 3.11 or later is needed; $python is $("$python" -V). Set PYTHON to another." >&2
    exit 1
}

stamp=.venv/.neuralforge-stamp
wanted=$({ cat pyproject.toml constraints.txt "$0"; echo "$PWD"; } | cksum)
missing=
for extra in ${extras//,/ }; do
    grep -qs "^extra:$extra\$" "$stamp" || missing=yes
done
if [ -z "$missing" ] && grep -qsF "inputs:$wanted" "$stamp"; then
    exit 0
fi

if ! [ -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    "$python" -c 'import venv, ensurepip' 2>/dev/null || need_apt python3-venv
    echo "setup: making .venv"
    "$python" -m venv .venv
fi
echo "setup: installing Python packages${extras:+ (with $extras)}; the first time this takes some minutes"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 5 \
    --constraint constraints.txt --editable ".${extras:+[$extras]}"

old=$(grep -s '^extra:' "$stamp" || true)
{
    echo "inputs:$wanted"
    { echo "$old"; for extra in ${extras//,/ }; do echo "extra:$extra"; done; } | sort -u | grep . || true
} >"$stamp.new"
mv "$stamp.new" "$stamp"
