"""Events of a run: who turned which knob, when it came into force, and the chain of digests over them."""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, get_type_hints

from neuralforge.errors import UserError
from neuralforge.runs.header import RunHeader, canonical, plain

SCHEMA = 1
Scalar = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to a run. The log fills `run`, `sequence`, `wall_time_utc` and `digest`.

    Args:
        schema: Version of these fields.
        run: Id of the run.
        sequence: Number of the event in the run, from 1.
        actor: "person", "script", "rule" or "engine".
        widget: Control of the window that was used.
        gesture: Id shared by all values of one drag.
        reason: Free text of the actor.
        operation: "set" for a knob, "control" for pause and the like, "notice" for what the engine reports.
        key: What it is about: "lr", "pause", "conv1.frozen".
        old: Value before.
        new: Value asked for. Numbers that are not finite are kept as "nan", "inf", "-inf".
        requested_step: The step it was asked for, None for the next one.
        requested_at_step: Last finished step of the session when it was asked.
        applied_step: The step it came into force in.
        epoch: Epoch at that time.
        sample_cursor: Samples of the epoch that were consumed.
        phase: "train", "validation" or "idle".
        status: "applied", "rejected", "superseded" or "queued".
        why: Why it was rejected, superseded or raised.
        wall_time_utc: ISO text in UTC.
        latency_secs: Seconds from the request until it was in force.
        digest: Chain digest, hexadecimal SHA-256.
    """

    schema: int = SCHEMA
    run: str = ""
    sequence: int = 0
    actor: str = "engine"
    widget: str | None = None
    gesture: str | None = None
    reason: str | None = None
    operation: str
    key: str
    old: Scalar = None
    new: Scalar = None
    requested_step: int | None = None
    requested_at_step: int = 0
    applied_step: int | None = None
    epoch: int = 0
    sample_cursor: int = 0
    phase: str = "idle"
    status: str = "applied"
    why: str | None = None
    wall_time_utc: str = ""
    latency_secs: float | None = None
    digest: str = ""

    def __post_init__(self) -> None:
        # Made canonical here, so that an event equals itself after a round trip through the log.
        for name in ("old", "new"):
            value = plain(getattr(self, name))
            assert not isinstance(value, dict | list), f"{name} of an event is a scalar, not {value!r}"
            object.__setattr__(self, name, value)

    def to_json(self) -> str:
        """Return the canonical JSON text of the event."""
        return canonical(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Event:
        """Read an event; fields that this version does not know are left aside.

        Args:
            text: JSON text as it stands in the log.

        Returns:
            The event.

        Raises:
            UserError: The text is no event, or one of a future schema.
        """
        found = _parse(text)
        if found.get("schema") != SCHEMA:
            raise UserError(f"An event has schema {found.get('schema')!r}; this version reads schema {SCHEMA}.")
        known: dict[str, Any] = {}
        for name, kind in _field_types().items():
            if name not in found:
                raise UserError(f"An event lacks the field {name!r}.")
            value = found[name]
            fits = isinstance(value, kind) or (name == "latency_secs" and isinstance(value, int))
            if not fits or (isinstance(value, bool) and name not in ("old", "new")):
                raise UserError(f"The field {name!r} of an event holds {str(value)[:80]!r}.")
            known[name] = value
        return cls(**known)


def _field_types() -> dict[str, type | types.UnionType]:
    """Return the type of each field of an event, from the one place that states them."""
    hints = get_type_hints(Event)
    return {item.name: hints[item.name] for item in fields(Event)}


def _parse(text: str) -> dict[str, Any]:
    """Return the JSON object in a text, or raise UserError."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"An event is not JSON: {text[:80]!r}.") from None
    if not isinstance(found, dict):
        raise UserError(f"An event is not a JSON object: {text[:80]!r}.")
    return found


def genesis(header: RunHeader) -> str:
    """Return the digest that the chain begins with.

    Args:
        header: The header of the run.

    Returns:
        SHA-256 over its canonical JSON, hexadecimal.
    """
    return hashlib.sha256(header.immutable_json().encode("ascii")).hexdigest()


def chain(previous_digest: str, event_json: str) -> str:
    """Return the digest of an event.

    Args:
        previous_digest: Digest of the event before, or of the header.
        event_json: Canonical JSON of the event without its field `digest`.

    Returns:
        SHA-256 over the previous digest, a line feed and the JSON, hexadecimal.
    """
    return hashlib.sha256(f"{previous_digest}\n{event_json}".encode("ascii")).hexdigest()


def sealed(event: Event, previous_digest: str) -> tuple[str, str]:
    """Put the digest into an event that has everything else.

    Args:
        event: The event; its `digest` is ignored.
        previous_digest: Digest of the event before, or of the header.

    Returns:
        The digest and the JSON text to be stored.
    """
    found = asdict(event)
    del found["digest"]
    digest = chain(previous_digest, canonical(found))
    return digest, canonical({**found, "digest": digest})


def verify(
    header: RunHeader, events: Iterable[str], closing_digest: str, opening_digest: str | None = None
) -> str | None:
    """Check that header and events are what was logged.

    Args:
        header: The header as read from the log.
        events: The JSON texts of all events as they stand in the log; unknown fields count too.
        closing_digest: Last digest as the log states it beside the events.
        opening_digest: Digest of the header as the log states it, when it does.

    Returns:
        None when all is intact, else one sentence that names what was altered.
    """
    digest = genesis(header)
    if opening_digest is not None and digest != opening_digest:
        return "The header of the log (document, source, configuration, seed or another part) was altered."
    number = 0
    for number, text in enumerate(events, start=1):
        try:
            found = _parse(text)
            stated = found.pop("digest", None)
            digest = chain(digest, canonical(found))
        except (UserError, RecursionError):
            return f"Event {number} of the log was altered: it can no longer be read."
        if found.get("sequence") != number:
            other = found.get("sequence")
            return f"Event {number} of the log was removed or moved: event {other!r} stands there."
        if stated != digest:
            what = "Event 1 of the log, or its header," if number == 1 else f"Event {number} of the log"
            return f"{what} was altered: its digest does not fit."
    if digest != closing_digest:
        if number == 0:
            return "The events of the log were removed or its header altered: the closing digest does not fit."
        return f"Events are missing at the end of the log: after event {number} the closing digest does not fit."
    return None
