"""Knobs: what may be changed while a run trains, with bounds, unit, scale and the promise when it takes effect."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal

from neuralforge.errors import UserError
from neuralforge.graph.graph import Graph
from neuralforge.graph.inference import Inference
from neuralforge.layers.spec import BoundRule
from neuralforge.workbench.config import TrainConfig

KnobValue = float | int | bool


class Refused(UserError):
    """A request that cannot be carried out; nothing was changed. The message says why."""


class Scope(Enum):
    """When a change takes effect."""

    NEXT_BATCH = "next batch"
    NEXT_EPOCH = "next epoch"
    REBUILD = "rebuild"


@dataclass(frozen=True, kw_only=True, slots=True)
class Knob:
    """One thing that may be changed while training.

    Args:
        key: For example "lr" or "conv1.frozen".
        title: What a panel shows.
        kind: Type of the value.
        low: Least value.
        high: Greatest value.
        unit: Unit of the value, "" for plain numbers.
        scale: How a slider maps; a logarithmic one has `smallest` at its left end, and 0 below that.
        scope: When a change takes effect.
        doc: What it does.
        node: Node that it belongs to, or "".
        smallest: Left end of a logarithmic slider.
        largest: Right end of the slider; values beyond, up to `high`, can be typed. None: `high`.
    """

    key: str
    title: str
    kind: Literal["float", "int", "bool"]
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    scope: Scope = Scope.NEXT_BATCH
    doc: str = ""
    node: str = ""
    smallest: float = 0.0
    largest: float | None = None

    @property
    def right_end(self) -> float:
        """Value at the right end of the slider."""
        return self.high if self.largest is None else min(self.largest, self.high)

    def check(self, value: object) -> KnobValue:
        """Return the value in its exact type.

        Raises:
            Refused: When it is of another type or out of bounds.
        """
        if self.kind == "bool":
            if isinstance(value, bool):
                return value
        elif type(value) in (int, float):
            number: Any = value  # NaN is not within any bounds
            if self.low <= number <= self.high and (self.kind == "float" or number == int(number)):
                return float(number) if self.kind == "float" else int(number)
        wanted = {"bool": "true or false", "int": "a whole number", "float": "a number"}[self.kind]
        form = ",.0f" if self.kind == "int" else "g"
        span = "" if self.kind == "bool" else f" from {self.low:{form}} to {self.high:{form}}"
        raise Refused(f"{self.key} must be {wanted}{span}. Received: {value!r:.80}")

    def read(self, text: str) -> KnobValue:
        """Return the value that a text stands for.

        Raises:
            Refused: When it does not fit.
        """
        word = text.strip().lower()
        if self.kind == "bool":
            return self.check({"true": True, "yes": True, "on": True, "1": True,
                               "false": False, "no": False, "off": False, "0": False}.get(word, text))  # fmt: skip
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        return self.check(text if math.isnan(number) else number)


_GLOBAL = (
    Knob(key="lr", title="Learning rate", kind="float", high=100.0, scale="log", smallest=1e-6, largest=1.0,
         doc="Base learning rate; what is in force is this times the schedule's factor."),
    Knob(key="momentum", title="Momentum", kind="float", high=0.9999, doc="Share of the last update that is kept."),
    Knob(key="beta1", title="Beta 1", kind="float", high=0.9999, doc="Decay of the running mean of the gradient."),
    Knob(key="beta2", title="Beta 2", kind="float", high=0.999999, doc="Decay of the running square of the gradient."),
    Knob(key="weight_decay", title="Weight decay", kind="float", high=10.0, scale="log", smallest=1e-6, largest=1.0,
         doc="Pull of the weights towards zero."),
    Knob(key="batch_size", title="Batch size", kind="int", low=1, high=1 << 20, unit="samples", scale="log", smallest=1,
         largest=1024, doc="Samples in a batch; the order in which samples come stays the same."),
    Knob(key="clip_norm", title="Clip norm", kind="float", high=1e6, scale="log", smallest=1e-2, largest=100.0,
         doc="Greatest norm of the gradient of an update; 0 is off."),
    Knob(key="label_smoothing", title="Label smoothing", kind="float", high=0.999,
         doc="Share of the target that is spread over all classes."),
    Knob(key="accumulation", title="Accumulation", kind="int", low=1, high=1024, unit="batches", scale="log",
         smallest=1, largest=64, doc="Batches whose gradients are averaged in one update."),
)  # fmt: skip

LOG_SPAN = 100.0
"""Largest over least value from which on a slider is logarithmic."""


def bounded(
    key: str,
    low: float,
    high: float,
    *,
    kind: Literal["float", "int"] = "float",
    usual: str | None = None,
    title: str = "",
    doc: str = "",
) -> Knob:
    """Make a knob between two bounds that a person gave.

    Args:
        key: Its key.
        low: Least value.
        high: Greatest value.
        kind: Type of the value.
        usual: Key of a knob of every run that it is like, from which it has title and meaning.
        title: What a panel shows; "" makes one of the key.
        doc: What it does.

    Returns:
        The knob; its slider is logarithmic where the bounds are far apart.

    Raises:
        UserError: When the bounds are none.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"{key} needs two finite bounds, the lower one first. Received: ({low!r:.40}, {high!r:.40})")
    like = next((knob for knob in _GLOBAL if knob.key == usual), None)
    made = Knob(key=key, title=title or key.replace("_", " ").capitalize(), kind=kind, low=low, high=high, doc=doc)
    if like is not None:
        made = replace(made, title=like.title + key.removeprefix(like.key).replace("_", " "), doc=doc or like.doc)
    smallest = like.smallest if like is not None and low == 0 else low
    is_wide = smallest > 0 and high / smallest >= LOG_SPAN * (1 - 1e-9)  # 1e-9 to 1e-7 is, whatever floats make of it
    return replace(made, scale="log", smallest=smallest) if is_wide else made


ZERO_SHARE = 0.04
"""Part of a logarithmic slider, at its left end, that stands for 0 where 0 is allowed."""

SLIDER_DIGITS = 3
"""Significant digits of a number that a slider gives."""


def to_slider(knob: Knob, value: float) -> float:
    """Return where a value lies on the knob's slider.

    Args:
        knob: The knob.
        value: Its value; one beyond an end lies at that end.

    Returns:
        From 0, the left end, to 1.
    """
    low, high = knob.low, knob.right_end
    if high <= low:
        return 0.0
    if knob.scale == "linear":
        return min(1.0, max(0.0, (value - low) / (high - low)))
    stop = ZERO_SHARE if low < knob.smallest else 0.0
    if value < knob.smallest:
        return 0.0 if value <= low else stop
    part = math.log(value / knob.smallest) / math.log(high / knob.smallest)
    return min(1.0, max(stop, stop + (1 - stop) * part))


def from_slider(knob: Knob, position: float) -> float | int:
    """Return the value at a place of the knob's slider, rounded as a person would write it.

    Args:
        knob: The knob.
        position: From 0, the left end, to 1; beyond is taken as the end.
    """
    low, high = knob.low, knob.right_end
    position = min(1.0, max(0.0, position))
    if knob.scale == "linear":
        value = low + (high - low) * position
    else:
        stop = ZERO_SHARE if low < knob.smallest else 0.0
        if position < stop / 2:
            value = low
        else:
            part = max(0.0, (position - stop) / (1 - stop))
            value = knob.smallest * (high / knob.smallest) ** part
    if knob.kind == "int":
        return min(math.floor(high), max(math.ceil(low), round(value)))
    return float(min(high, max(low, float(f"{value:.{SLIDER_DIGITS - 1}e}"))))


_OPTIMIZER_KNOBS: Mapping[str, tuple[str, ...]] = {
    "sgd": ("momentum",),
    "adam": ("beta1", "beta2"),
    "adamw": ("beta1", "beta2"),
    "rmsprop": ("momentum",),
}


_MAX_NAMED = 60
"""Nodes that a message names at most."""


def _for_every_run(config: TrainConfig, loss: str) -> tuple[dict[str, Knob], dict[str, KnobValue], dict[str, str]]:
    """Return what optimizer and loss offer: knobs, their first values, and why others are not there."""
    knobs: dict[str, Knob] = {}
    values: dict[str, KnobValue] = {}
    absent: dict[str, str] = {}
    mine = _OPTIMIZER_KNOBS[config.optimizer]
    for knob in _GLOBAL:
        owners = [name for name, keys in _OPTIMIZER_KNOBS.items() if knob.key in keys]
        if owners and knob.key not in mine:
            absent[knob.key] = f"{config.optimizer} has no {knob.key} ({', '.join(owners)} have)"
        elif knob.key == "label_smoothing" and loss != "cross_entropy":
            absent[knob.key] = f"the loss {loss} has no label smoothing (cross_entropy has)"
        else:
            knobs[knob.key] = knob
            values[knob.key] = knob.check(getattr(config, knob.key))
    return knobs, values, absent


def _dropout(node: str, high: float) -> Knob:
    return Knob(
        key=f"{node}.dropout", title=f"{node} dropout", kind="float", high=high,
        doc=f"Share of values that {node} drops while training.", node=node,
    )  # fmt: skip


def _frozen(node: str) -> Knob:
    return Knob(
        key=f"{node}.frozen", title=f"{node} frozen", kind="bool", node=node,
        doc=f"Whether the weights of {node} stay as they are.",
    )  # fmt: skip


class KnobBoard:
    """All knobs of a run and their values.

    Args:
        knobs: The knobs that apply, by key.
        absent: Key -> why there is no such knob here.
        values: Value of every knob.
        trainable: Node -> number of learnable numbers, of all nodes that have some.
        nodes: Ids of all nodes.
    """

    def __init__(
        self,
        knobs: Mapping[str, Knob],
        absent: Mapping[str, str],
        values: Mapping[str, KnobValue],
        trainable: Mapping[str, int],
        nodes: tuple[str, ...] = (),
    ) -> None:
        self.knobs = dict(knobs)
        self.absent = dict(absent)
        self.values = dict(values)
        self._trainable = dict(trainable)
        self.nodes = nodes

    @staticmethod
    def for_run(config: TrainConfig, loss: str, graph: Graph, inference: Inference) -> KnobBoard:
        """Make the board of a run: what optimizer, loss and layers offer.

        Args:
            config: Configuration; gives the first values.
            loss: Key of the loss in use.
            graph: The network.
            inference: What is known of it.
        """
        knobs, values, absent = _for_every_run(config, loss)
        trainable = {}
        for node_id, node in graph.nodes.items():
            rule: BoundRule = inference.catalog.bind(node)  # type: ignore[assignment]
            assert rule.spec is not None
            for param, attribute in rule.spec.live.items():
                field = next(item for item in rule.spec.fields if item.name == param)
                key = f"{node_id}.dropout"
                knobs[key] = _dropout(node_id, field.bounds.high if field.bounds else 1.0)
                values[key] = getattr(rule.params, param)
                assert attribute
            if inference.cost(node_id).parameters:
                trainable[node_id] = inference.cost(node_id).parameters
                key = f"{node_id}.frozen"
                knobs[key] = _frozen(node_id)
                values[key] = node.frozen
        board = KnobBoard(knobs, absent, values, trainable, tuple(graph.nodes))
        board._check_frozen(values)
        return board

    @staticmethod
    def for_modules(
        config: TrainConfig,
        loss: str,
        *,
        dropouts: Mapping[str, float],
        frozen: Mapping[str, bool],
        trainable: Mapping[str, int],
        within: Mapping[str, str],
    ) -> KnobBoard:
        """Make the board of a run whose network was not drawn here: its modules have what they have.

        Args:
            config: Configuration; gives the first values.
            loss: Key of the loss in use.
            dropouts: Path of a module -> share that it drops now.
            frozen: Path of a module that can be frozen -> whether it is.
            trainable: As for the class; empty where something trains that cannot be frozen.
            within: Path of any other module -> the module with which it is frozen, or "".
        """
        knobs, values, absent = _for_every_run(config, loss)
        for path, p in dropouts.items():
            knob = _dropout(path, 1.0)
            knobs[knob.key], values[knob.key] = knob, float(p)
        for path, is_frozen in frozen.items():
            knob = _frozen(path)
            knobs[knob.key], values[knob.key] = knob, is_frozen
        absent |= {f"{path}.frozen": f"it is frozen together with {owner}" for path, owner in within.items() if owner}
        board = KnobBoard(knobs, absent, values, trainable, tuple(dict.fromkeys((*frozen, *dropouts, *within))))
        board._check_frozen(values)
        return board

    @staticmethod
    def of(knobs: Iterable[tuple[Knob, KnobValue]], absent: Mapping[str, str]) -> KnobBoard:
        """Make a board that does not come from a graph.

        Args:
            knobs: Knobs with their values, which may lie out of bounds where something else than a request set them.
            absent: Key -> why there is no such knob here.
        """
        board = KnobBoard({}, absent, {}, {})
        for knob, value in knobs:
            board.declare(knob, value)
        return board

    def declare(self, knob: Knob, value: KnobValue) -> None:
        """Add a knob, or replace the one of the same key; safe while other threads read."""
        self.values[knob.key] = value
        self.knobs = {**self.knobs, knob.key: knob}  # whoever goes over them keeps those that it has begun with

    def find(self, key: str) -> Knob:
        """Return a knob.

        Raises:
            Refused: When there is none of that key; the message says why, or what there is.
        """
        if key in self.knobs:
            return self.knobs[key]
        if key in self.absent:
            raise Refused(f"{key} cannot be set: {self.absent[key]}.")
        node, _, what = key.rpartition(".")
        if node and node not in self.nodes and what in ("dropout", "frozen"):
            more = ", ..." if len(self.nodes) > _MAX_NAMED else ""
            there = ", ".join(self.nodes[:_MAX_NAMED]) + more
            raise Refused(f"{key} cannot be set: there is no node {node!r:.80}. There are: {there}.")
        if what == "dropout" and node:
            raise Refused(f"{key} cannot be set: {node} has no dropout.")
        if what == "frozen" and node:
            raise Refused(f"{key} cannot be set: {node} has no weights.")
        raise Refused(f"There is no knob {key!r:.80}. There are: {', '.join(self.knobs)}.")

    def check(self, changes: Mapping[str, object], base: Mapping[str, KnobValue] | None = None) -> dict[str, KnobValue]:
        """Check changes that are to apply together.

        Args:
            changes: Key -> new value.
            base: Values that they will meet, when others are still to be applied before them.

        Returns:
            The changes with exact types.

        Raises:
            Refused: When one of them cannot be; then none may be applied.
        """
        checked = {key: self.find(key).check(value) for key, value in changes.items()}
        if any(key.endswith(".frozen") for key in checked):
            self._check_frozen({**(base or self.values), **checked})
        return checked

    def _check_frozen(self, values: Mapping[str, KnobValue]) -> None:
        if self._trainable and all(values[f"{node}.frozen"] for node in self._trainable):
            raise Refused("The last trainable layer cannot be frozen: nothing would be left to train.")

    def commit(self, changes: Mapping[str, KnobValue]) -> dict[str, KnobValue]:
        """Take over checked changes and return the old values. Cannot fail."""
        old = {key: self.values[key] for key in changes}
        self.values.update(changes)
        return old
