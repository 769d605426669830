"""Real pixels: the product drawn by OpenGL, off screen and on a display, in both themes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neuralforge.app.screen import offscreen_problem
from neuralforge.graph.document import dumps
from neuralforge.templates.registry import find
from neuralforge.ui.theme import THEMES
from tests.ui.crew import ROOT

SIZE_PX = (1000, 700)
LIMIT_SECS = 120
TOO_FEW_COLOURS = 200
"""Letters alone, smoothed at their edges, have more; a window that was not drawn has one."""


@dataclass
class Shot:
    """A picture with the theme that it was asked for in."""

    theme: str
    pixels: NDArray[np.uint8]


def shoot(home: Path, theme: str, display: str = "") -> Shot:
    """Open a document in a window of its own and take its picture, with the command that a person would type."""
    config = home / ".config" / "neuralforge"
    config.mkdir(parents=True)
    (config / "settings.json").write_text(json.dumps({"theme": theme, "arrangement": "build", "scale": 1.0}))
    taken = ("DISPLAY", "WAYLAND_DISPLAY", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")
    environment = {key: value for key, value in os.environ.items() if key not in taken}
    environment |= {"HOME": str(home), **({"DISPLAY": display} if display else {})}
    picture = home / "picture.png"
    document = home / "mine.nf.json"
    document.write_text(dumps(find("lenet5").build()))
    words = (document, "--exit", "--screenshot", picture, "--size", "x".join(map(str, SIZE_PX)))
    done = subprocess.run(
        [sys.executable, "-m", "neuralforge", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=LIMIT_SECS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(picture) as image:
        return Shot(theme, np.asarray(image.convert("RGB")))


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Shot]]:
    if problem := offscreen_problem():
        pytest.skip(problem)
    yield {theme: shoot(tmp_path_factory.mktemp(theme), theme) for theme in THEMES}


def check_drawn(shot: Shot) -> None:
    assert shot.pixels.shape == (SIZE_PX[1], SIZE_PX[0], 3)
    colours, counts = np.unique(shot.pixels.reshape(-1, 3), axis=0, return_counts=True)
    assert len(colours) > TOO_FEW_COLOURS
    assert counts.max() < 0.95 * counts.sum()
    assert ground_share(shot, shot.theme) > 0.1, "most of a window is ground"


def ground_share(shot: Shot, theme: str) -> float:
    """Return the share of the pixels that have a colour of the ground of a theme."""
    grounds = (THEMES[theme].bg, THEMES[theme].panel, THEMES[theme].canvas)
    flat = shot.pixels.reshape(-1, 3).astype(np.int16)
    near = [np.abs(flat - np.asarray(ground[:3]) * 255).max(axis=1) <= 2 for ground in grounds]
    return float(np.any(near, axis=0).mean())


def test_the_window_is_drawn_off_screen(shots: dict[str, Shot]) -> None:
    for shot in shots.values():
        check_drawn(shot)


def test_the_themes_differ(shots: dict[str, Shot]) -> None:
    dark, light = shots["dark"], shots["light"]
    assert dark.pixels.mean() < 80 < 170 < light.pixels.mean()
    assert ground_share(dark, "light") < 0.01 and ground_share(light, "dark") < 0.01


def test_a_display_shows_what_is_drawn_off_screen(shots: dict[str, Shot], display: str, tmp_path: Path) -> None:
    shot = shoot(tmp_path, "dark", display)
    check_drawn(shot)
    differs = np.abs(shot.pixels.astype(np.int16) - shots["dark"].pixels).max(axis=2) > 24
    assert differs.mean() < 0.02, "the same panels in the same places"
