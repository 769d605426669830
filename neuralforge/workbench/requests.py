"""What a person, a script or a rule may ask of a session, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from neuralforge.workbench.knobs import KnobValue, Refused

Actor = Literal["person", "script", "rule", "engine"]

ControlAction = Literal["run", "pause", "stop", "save", "extend"]
"""run: go on (for `steps` steps, then pause, when given); pause; stop: end the run; save: write a checkpoint;
extend: train until `steps` steps in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Something to be done at a boundary between two steps.

    Args:
        changes: New values of knobs, applied together or not at all.
        action: A control, in place of changes.
        steps: For "run": how many steps, then pause; for "extend": the new total.
        at_step: Step in whose forward pass it is to be in force; None is the next one.
        actor: Who asks.
        widget: Which control of the window it came from.
        gesture: Id shared by all values of one drag.
        reason: Free text.
    """

    changes: Mapping[str, KnobValue] = field(default_factory=dict)
    action: ControlAction | None = None
    steps: int | None = None
    at_step: int | None = None
    actor: Actor = "person"
    widget: str | None = None
    gesture: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        # These go into the log as they are; one of another type would make the log unreadable.
        for name, kind in (("steps", int), ("at_step", int), ("widget", str), ("gesture", str), ("reason", str)):
            value = getattr(self, name)
            if value is not None and type(value) is not kind:
                wanted = "a whole number" if kind is int else "text"
                raise Refused(f"The {name} of a request must be {wanted}. Received: {value!r:.80}")
        for name, known in (("actor", get_args(Actor)), ("action", (None, *get_args(ControlAction)))):
            if getattr(self, name) not in known:
                raise Refused(f"There is no {name} {getattr(self, name)!r:.80}.")


@dataclass(slots=True)
class Ticket:
    """What has become of a request. Written by the session, read by whoever asked.

    Args:
        request: The request.
        status: queued, applied, rejected, or superseded by a later value of the same drag.
        why: Reason of a rejection.
        applied_step: First step in which it was in force.
    """

    request: Request
    status: Literal["queued", "applied", "rejected", "superseded"] = "queued"
    why: str | None = None
    applied_step: int | None = None
