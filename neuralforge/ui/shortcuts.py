"""Shortcuts: from a text to keys, and when they count."""

from __future__ import annotations

import re
from typing import Final

from imgui_bundle import imgui

_TEXT_KEYS: Final = frozenset({"Ctrl+A", "Ctrl+C", "Ctrl+V", "Ctrl+X", "Ctrl+Z", "Ctrl+Y", "Ctrl+Shift+Z"})
_MODS: Final = {"Ctrl": imgui.Key.mod_ctrl, "Shift": imgui.Key.mod_shift, "Alt": imgui.Key.mod_alt}
_KEYS: Final = {"=": "equal", "-": "minus", "/": "slash", ",": "comma", ".": "period"}


def chord(shortcut: str) -> int:
    """Return the chord of keys that a text such as "Ctrl+Shift+S" stands for.

    Raises:
        ValueError: When it names a key that there is none of.
    """
    *mods, name = shortcut.split("+")
    found = getattr(imgui.Key, _KEYS.get(name, f"_{name}" if name.isdigit() else name.lower()), None)
    if found is None:
        raise ValueError(f"There is no key {name!r}. Received: {shortcut!r}")
    keys = int(found)
    for mod in mods:
        if mod not in _MODS:
            raise ValueError(f"There is no modifier {mod!r}. Received: {shortcut!r}")
        keys |= int(_MODS[mod])
    return keys


def while_typing(shortcut: str) -> bool:
    """Return whether a shortcut counts while a text field has the keyboard: what does not write or edit text."""
    if shortcut in _TEXT_KEYS:
        return False
    return shortcut.startswith("Ctrl+") or re.fullmatch(r"(Shift\+)?F[0-9]+", shortcut) is not None


def focused_panel() -> str:
    """Return the key of the panel whose window has the keyboard; "" where no panel has."""
    window = imgui.get_current_context().nav_window
    return str(window.root_window.name).rpartition("###")[2] if window is not None else ""
