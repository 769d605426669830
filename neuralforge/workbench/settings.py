"""What a person sets once for all documents: one file for each user."""

from __future__ import annotations

import dataclasses
import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from neuralforge.errors import UserError
from neuralforge.graph.names import is_text
from neuralforge.graph.params import Doc, ParamError, ParamField, Range, fields_of
from neuralforge.runs.atomic import write_atomic
from neuralforge.runs.errors import reason

ThemeKey = Literal["dark", "light"]
Arrangement = Literal["build", "train"]

MAX_RECENT: Final = 12
MIN_SCALE: Final = 0.75
_MAX_PATH: Final = 4096
_MAX_FILE_BYTES: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """The settings that a form shows.

    Raises:
        UserError: When a value is out of bounds.
    """

    theme: Annotated[ThemeKey, Doc("Colours of the window.")] = "dark"
    scale: Annotated[float, Range(0, 3), Doc("Size of everything, 0.75 to 3; 0: as the screen asks for.")] = 0.0
    autosave_secs: Annotated[
        int,
        Range(5, 600),
        Doc("Greatest time between copies of unsaved work while edits go on; a pause brings one at once."),
    ] = 30
    reduce_motion: Annotated[bool, Doc("Whether to leave out animations.")] = False
    confirm_delete: Annotated[bool, Doc("Whether to ask before nodes are removed.")] = False

    def __post_init__(self) -> None:
        for item in preference_fields():
            try:
                object.__setattr__(self, item.name, item.parse(getattr(self, item.name)))
            except ParamError as error:
                raise UserError(f"{error.name} must be {error.expected}. Received: {error.received}") from None
        if 0 < self.scale < MIN_SCALE:
            raise UserError(
                f"scale must be 0, as the screen asks for, or from {MIN_SCALE} to 3. Received: {self.scale}"
            )


@dataclass(frozen=True, kw_only=True)
class Settings(Preferences):
    """All that is remembered for a user.

    Args:
        arrangement: Which arrangement of panels was shown last.
        recent: Files that were opened or saved, newest first.

    Raises:
        UserError: When a value is out of bounds.
    """

    arrangement: Arrangement = "build"
    recent: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.arrangement not in ("build", "train"):
            raise UserError(f"arrangement must be build or train. Received: {self.arrangement!r:.80}")
        recent = self.recent
        if not isinstance(recent, tuple) or len(recent) > MAX_RECENT or not all(_is_path(path) for path in recent):
            raise UserError(f"recent must be at most {MAX_RECENT} paths. Received: {recent!r:.80}")

    def with_recent(self, path: Path | str) -> Settings:
        """Return the settings with a file as the newest of the recent ones; a path that is no text is left out."""
        text = str(path)
        if not _is_path(text):
            return self
        return replace(self, recent=(text, *(other for other in self.recent if other != text))[:MAX_RECENT])

    def without_recent(self, path: Path | str) -> Settings:
        """Return the settings without a file that is gone."""
        return replace(self, recent=tuple(other for other in self.recent if other != str(path)))


def preference_fields() -> tuple[ParamField, ...]:
    """Return the fields that a form shows, with their bounds and meaning."""
    return fields_of(Preferences)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_PATH and is_text(value)


def load_settings(path: Path) -> tuple[Settings, str]:
    """Read the settings of a user. Never raises.

    What fits is taken. Where anything does not, the file is kept beside with the suffix `.bad`.

    Args:
        path: The file; it need not exist.

    Returns:
        The settings, and a sentence that says what was wrong with the file; "" when nothing was.
    """
    try:
        if not path.exists():
            return Settings(), ""
        if not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
            return Settings(), f"The settings in {path} cannot be read: it is no such file. The defaults are used."
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError("it is no JSON object")
    except OSError as error:
        return Settings(), f"The settings in {path} cannot be read: {reason(error)}. The defaults are used."
    except (ValueError, RecursionError) as error:
        kept = _set_aside(path)
        return Settings(), f"The settings in {path} are damaged ({reason(error)}); the defaults are used{kept}."
    settings, wrong = _read(data)
    if not wrong:
        return settings, ""
    return settings, f"In the settings in {path}, {wrong[0]} The default is used{_set_aside(path)}."


def _read(data: dict[str, Any]) -> tuple[Settings, list[str]]:
    """Take over each value that fits; keys of other versions are passed over."""
    settings, wrong = Settings(), []
    for item in dataclasses.fields(Settings):
        if item.name in data:
            value = data[item.name]
            change: dict[str, Any] = {item.name: tuple(value) if isinstance(value, list) else value}
            try:
                settings = replace(settings, **change)
            except (UserError, TypeError) as error:
                wrong.append(str(error) if isinstance(error, UserError) else f"{item.name} does not fit.")
    return settings, wrong


def _set_aside(path: Path) -> str:
    bad = path.with_name(path.name + ".bad")
    with suppress(OSError):
        os.replace(path, bad)
        return f", and the file is kept as {bad.name}"
    return ""


def save_settings(path: Path, settings: Settings) -> None:
    """Write the settings of a user, whole or not at all; the folder is made where there is none.

    Args:
        path: The file.
        settings: The settings.

    Raises:
        UserError: When the file cannot be written.
    """
    text = json.dumps(dataclasses.asdict(settings), indent=1, ensure_ascii=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode("utf-8"))
    except OSError as error:
        raise UserError(f"The settings cannot be saved in {path}: {reason(error)}.") from None
