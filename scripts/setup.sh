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

# What the window draws with: X11 and OpenGL, and EGL where there is no display. Training in a terminal does without.
if [ "$(uname -s)" = Linux ]; then
    lacking=
    for pair in libX11.so.6=libx11-6 libXext.so.6=libxext6 libGL.so.1=libgl1 libEGL.so.1=libegl1 \
        libEGL_mesa.so.0=libegl-mesa0 libXrandr.so.2=libxrandr2 libXi.so.6=libxi6 libXcursor.so.1=libxcursor1 \
        libXinerama.so.1=libxinerama1; do
        [ -n "$(find /lib /usr/lib /usr/lib64 -maxdepth 2 -name "${pair%%=*}*" -print -quit 2>/dev/null)" ] ||
            lacking="$lacking ${pair##*=}"
    done
    if [ -n "$lacking" ]; then
        # shellcheck disable=SC2086
        (need_apt $lacking libgl1-mesa-dri libglx-mesa0) || echo "setup: without them the window cannot open; training in a terminal works" >&2
    fi
fi

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
