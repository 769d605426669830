"""What is fixed when a run is made: its header, its names, and the canonical form of JSON in the log."""

from __future__ import annotations

import datetime
import json
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuralforge.errors import UserError
from neuralforge.runs.errors import reason

RUN_ID = re.compile(r"[a-z0-9-]{1,64}")
_SERIES = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_CHANNEL = re.compile(r"[A-Za-z0-9_./-]{1,301}")
_MAX_SERIES = 1000
_MAX_SEED = 2**63 - 1


def utc_now() -> str:
    """Return the time now as ISO text in UTC, with microseconds."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def new_run_id(name: str) -> str:
    """Make an id for a new run, such as `20261121-104455-small-cnn-3f9a`.

    Args:
        name: What the run is called; its letters and digits go into the id.

    Returns:
        Date and time in UTC, a slug of the name, four random hexadecimal digits.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "run"
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{slug}-{secrets.token_hex(2)}"


def is_series_name(name: str) -> bool:
    """Say whether a text can name a series: `group/name`, for example `train/loss` or `knob/conv1.frozen`."""
    return _SERIES.fullmatch(name) is not None


def plain(value: object) -> Any:
    """Bring a value to what JSON can hold without loss.

    Args:
        value: Dicts with text keys, lists, tuples, text, numbers (NumPy scalars too), booleans, None.

    Returns:
        The same out of plain Python types; numbers that are not finite become "nan", "inf" and "-inf".

    Raises:
        TypeError: Something else is in it.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"Keys in the log are text. Received: {list(value)!r}")
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"The log holds JSON values only. Received: {type(value).__name__}")


def canonical(value: object) -> str:
    """Write a value as the one JSON text that digests are taken over: sorted keys, compact, ASCII.

    Args:
        value: As `plain` takes it.

    Returns:
        The text; floats are written so that reading gives the same bits.
    """
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def check_channel(name: str, series: tuple[str, ...]) -> None:
    """Refuse a channel that the layout cannot hold.

    Args:
        name: Name of the channel.
        series: Names of its series.

    Raises:
        UserError: A name has other characters than it may, or a series appears twice.
    """
    if not _CHANNEL.fullmatch(name):
        raise UserError(f"A channel is named with letters, digits and `_ . / -`. Received: {name!r}")
    if not series or len(series) > _MAX_SERIES or len(set(series)) != len(series):
        raise UserError(f"Channel {name!r} needs 1 to {_MAX_SERIES} different series. Received: {len(series)}")
    for item in series:
        if not is_series_name(item):
            raise UserError(f"A series is named `group/name`. Received in channel {name!r}: {item!r}")


def _check_text(where: str, text: str) -> None:
    """Refuse text that UTF-8 or HDF5 cannot hold."""
    if "\0" in text:
        raise UserError(f"The {where} of the run holds a NUL character, which the log cannot store.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(f"The {where} of the run is not valid Unicode text: {error.reason}.") from None


@dataclass(frozen=True, kw_only=True)
class RunHeader:
    """What is known when a run is made and never changes after.

    Args:
        run_id: Id of the run, `[a-z0-9-]{1,64}`; also the name of its folder.
        name: What people call it.
        kind: "graph" for a network drawn in NeuralForge.
        replayable: Whether the log alone suffices to run it again.
        created_utc: ISO text in UTC.
        seed: The seed, 0 to 2**63 - 1.
        document: The document as text (JSON).
        source: The generated PyTorch source.
        config: Configuration of the training.
        environment: Versions, device, threads.
        data: Fingerprint of the data, splits, standardisation.
        parent_run: Id of the run it was forked from.
        parent_step: Step of the parent at which it was forked.
        channels: Channel name -> names of the series that are logged together.

    Raises:
        UserError: An id, a name or a text is not what the log can hold.
    """

    run_id: str
    name: str
    kind: str = "graph"
    replayable: bool = True
    created_utc: str
    seed: int
    document: str
    source: str
    config: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    parent_run: str | None = None
    parent_step: int | None = None
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not RUN_ID.fullmatch(self.run_id):
            raise UserError(f"A run id has 1 to 64 of `a-z 0-9 -`. Received: {self.run_id!r}")
        if self.parent_run is not None and not RUN_ID.fullmatch(self.parent_run):
            raise UserError(f"The id of a parent run has 1 to 64 of `a-z 0-9 -`. Received: {self.parent_run!r}")
        if not 0 <= self.seed <= _MAX_SEED:
            raise UserError(f"The seed of a run is 0 to 2**63 - 1. Received: {self.seed}")
        for where in ("name", "kind", "created_utc", "document", "source"):
            _check_text(where, getattr(self, where))
        for where in ("config", "environment", "data"):
            object.__setattr__(self, where, plain(getattr(self, where)))
        seen: set[str] = set()
        channels = {name: tuple(series) for name, series in self.channels.items()}
        for name, series in channels.items():
            check_channel(name, series)
            if twice := seen.intersection(series):
                raise UserError(f"Series {min(twice)!r} is in two channels.")
            seen.update(series)
        object.__setattr__(self, "channels", channels)

    def immutable_json(self) -> str:
        """Return the canonical JSON that the digest chain begins with: everything but the channels."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "channels"}
        return canonical(fields)

    @classmethod
    def from_json(cls, text: str) -> RunHeader:
        """Read what `immutable_json` wrote.

        Args:
            text: The JSON text.

        Returns:
            The header, without channels.

        Raises:
            ValueError: The text is no header.
        """
        fields = json.loads(text)
        if not isinstance(fields, dict) or set(fields) != set(cls.__dataclass_fields__) - {"channels"}:
            raise UserError("The header of the run has other fields than it should.")
        try:
            return cls(**fields)
        except (TypeError, AttributeError) as error:
            raise UserError(f"The header of the run is damaged: {reason(error)}.") from None
