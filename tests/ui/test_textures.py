"""Textures: one for each array, and never more than are allowed, save those of this frame."""

from __future__ import annotations

import numpy as np
import pytest

from neuralforge.ui.panels.history import HistoryPanel
from neuralforge.ui.textures import Textures
from tests.ui.hands import view_of
from tests.ui.pilot import Pilot, scenario
from tests.ui.solo import solo


def _picture(side: int = 8) -> np.ndarray:  # type: ignore[type-arg]
    return np.zeros((side, side, 4), np.uint8)


@scenario(stage=solo(HistoryPanel, view_of))
def test_one_texture_for_each_array(pilot: Pilot) -> None:
    textures, picture = Textures(pilot.desk.kit), _picture()
    assert textures.of(picture) and textures.of(picture) and len(textures) == 1
    textures.of(picture.copy())
    assert len(textures) == 2
    textures.forget()
    assert len(textures) == 0


@scenario(stage=solo(HistoryPanel, view_of))
def test_the_oldest_go_first_but_not_those_of_this_frame(pilot: Pilot) -> None:
    textures = Textures(pilot.desk.kit, max_entries=2)
    pictures = [_picture() for _ in range(4)]
    for picture in pictures:
        textures.of(picture)
    assert len(textures) == 4
    pilot.frames(2)
    textures.of(pictures[0])
    assert len(textures) == 2
    assert id(pictures[0]) in textures._entries and id(pictures[3]) in textures._entries


@scenario(stage=solo(HistoryPanel, view_of))
def test_their_bytes_are_bounded(pilot: Pilot) -> None:
    textures = Textures(pilot.desk.kit, max_bytes=1000)
    textures.of(_picture())
    textures.of(_picture(64))
    pilot.frames(2)
    textures.of(_picture())
    assert len(textures) == 1 and textures._size_bytes == 256


@scenario(stage=solo(HistoryPanel, view_of))
@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3), (0, 4, 4)])
def test_what_is_no_picture_is_refused(pilot: Pilot, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Received"):
        Textures(pilot.desk.kit).of(np.zeros(shape, np.uint8))
