"""The settings of a user: bounds, recent files, and files that are damaged."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from neuralforge.errors import UserError
from neuralforge.workbench.settings import MAX_RECENT, Settings, load_settings, preference_fields, save_settings


def test_a_form_can_be_made() -> None:
    fields = {item.name: item for item in preference_fields()}
    assert list(fields) == ["theme", "scale", "autosave_secs", "reduce_motion", "confirm_delete"]
    assert fields["theme"].choices == ("dark", "light") and all(item.doc for item in fields.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"theme": "pink"},
        {"scale": 0.5},
        {"scale": 3.5},
        {"scale": float("nan")},
        {"autosave_secs": 4},
        {"autosave_secs": 30.5},
        {"reduce_motion": 1},
        {"arrangement": "play"},
        {"recent": ("a",) * (MAX_RECENT + 1)},
        {"recent": ("",)},
        {"recent": ("a\x1b[2J",)},
        {"recent": (7,)},
        {"recent": "ab"},
    ],
)
def test_out_of_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        Settings(**wrong)


def test_recent_files_are_newest_first_and_few() -> None:
    settings = Settings()
    for number in range(20):
        settings = settings.with_recent(Path(f"net{number}"))
    settings = settings.with_recent("net15").with_recent("\x00")
    assert settings.recent[:3] == ("net15", "net19", "net18") and len(settings.recent) == MAX_RECENT
    assert len(set(settings.recent)) == MAX_RECENT
    assert settings.without_recent("net15").recent[0] == "net19"


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "settings.json"
    assert load_settings(path) == (Settings(), "")
    settings = Settings(theme="light", scale=1.5, arrangement="train", autosave_secs=5, recent=("/a/ü.nf.json",))
    save_settings(path, settings)
    assert load_settings(path) == (settings, "")
    assert [item.name for item in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b"null", b'{"theme": NaN'])
def test_a_damaged_file_gives_the_defaults_and_is_kept(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    settings, sentence = load_settings(path)
    assert settings == Settings() and "settings.json" in sentence and "\n" not in sentence and len(sentence) < 600
    assert (tmp_path / "settings.json.bad").read_bytes() == content and not path.exists()
    assert load_settings(path) == (Settings(), "")


@pytest.mark.parametrize("wrong", [{"scale": 99}, {"scale": {}}, {"recent": 5}, {"recent": [[1]]}, {"theme": None}])
def test_one_wrong_value_costs_that_value_alone(wrong: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"autosave_secs": 77, **wrong, "of a later version": 1}))
    settings, sentence = load_settings(path)
    assert settings == Settings(autosave_secs=77) and next(iter(wrong)) in sentence
    assert (tmp_path / "settings.json.bad").exists()


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    settings, sentence = load_settings(tmp_path)
    assert settings == Settings() and str(tmp_path) in sentence and tmp_path.exists()
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
        assert load_settings(tmp_path / "pipe")[1]
    with pytest.raises(UserError, match="cannot be saved"):
        save_settings(tmp_path, Settings())
