#!/usr/bin/env bash
# Opens the window with a small network on real handwritten digits, training. Without a display it does the same off
# screen: trains, changes the learning rate on the way, writes out/workbench.png and the run's file, and ends.
set -euo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
open=(.venv/bin/neuralforge open small_cnn --data digits --train)

if $python -c 'import sys; from neuralforge.app.screen import display_problem; sys.exit(display_problem() is not None)'; then
    exec "${open[@]}" "$@"
fi
echo "There is no display here, so the window is drawn off screen; it trains for 400 steps."
mkdir -p out
exec "${open[@]}" --steps 400 --at 200:lr=3e-4 --exit --screenshot out/workbench.png --size 1920x1080 --runs out/runs "$@"
