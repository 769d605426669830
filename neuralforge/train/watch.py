"""Lets a window look into a run between steps, and never changes a number of it.

The window says what it wants by assigning immutable values; the thread that steps looks and publishes each result by
assigning one attribute. Nothing else crosses threads. A look costs training no more than its share of the time.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from neuralforge.train.engine import Engine
from neuralforge.train.glimpse import Drawn, Glimpse, SampleOf
from neuralforge.workbench.looks import (
    Boundary,
    FeatureMaps,
    GradientHistory,
    GradientRecord,
    LayerLook,
    LayersLook,
    NodeLook,
    Prediction,
)

MAX_COPIED = 20_000_000
"""Parameters of a model up to which a sampled update is compared with a copy of the weights before it."""
GRID_SIDES = (24, 32, 48, 64, 96)
_LARGE_GRID_MACS = 1e9
_GRID_SECS = 0.012
"""Time that the plane may take at once, most of the time between two frames; a finer grid must stay well below."""


class _Stepping(Protocol):
    """What is needed of a session."""

    step: int


class _Pace:
    """Says when something may be done again: after a gap, and after so long that it takes no more than its share.

    Args:
        share: Greatest part of the time that it may take.
        gap_secs: Least time from its end to its next beginning.
    """

    def __init__(self, share: float, gap_secs: float) -> None:
        self._waits = 1 / share - 1
        self._gap_secs = gap_secs
        self.due_secs = -math.inf

    def spent(self, began_secs: float, ended_secs: float) -> None:
        """Note that it was done."""
        self.due_secs = ended_secs + max(self._gap_secs, (ended_secs - began_secs) * self._waits)


class _Look:
    """A look that is taken between steps.

    Args:
        key: Its name in `Watch.wants`.
        take: Takes it, given the step.
        about: Says what it is about besides the weights; None while there is nothing to look at.
        pace: Says when it is due.
    """

    def __init__(self, key: str, take: Callable[[int], None], about: Callable[[], object], pace: _Pace) -> None:
        self.key = key
        self.take = take
        self.about = about
        self.pace = pace
        self.step = -1
        self.seen: object = None


class Watch:
    """Looks into one run.

    What the window sets, at any time and from any thread, each by assigning a new value:

    - `wants`: what is to be looked at, over and over: "gradients", "node", "maps", "boundary", "prediction";
    - `node`: the node of "node" and "maps";
    - `sample`: the sample of "maps".

    What it reads, None where there is nothing yet; a result stays until it is replaced and says of which step it is:
    `layers` and `gradients` (of "gradients"), `node_look`, `maps`, `boundary`, `prediction`, and `trouble`, a sentence
    on a look that failed. A look that failed is not taken again until something else is wanted.

    Args:
        engine: The engine of the run; assign the watch to its `watch`.
        now: Clock in seconds.
    """

    def __init__(self, engine: Engine, now: Callable[[], float] = time.monotonic) -> None:
        self.wants: frozenset[str] = frozenset()
        self.node: str | None = None
        self.sample = SampleOf("validation" if len(engine.validation) else "train", 0)
        self.layers: LayersLook | None = None
        self.gradients: GradientHistory | None = None
        self.node_look: NodeLook | None = None
        self.maps: FeatureMaps | None = None
        self.boundary: Boundary | None = None
        self.prediction: Prediction | None = None
        self.trouble: str | None = None

        self._engine = engine
        self._now = now
        self._glimpse = Glimpse(engine)
        self._questions = itertools.count(1)
        self._question: tuple[int, SampleOf | Drawn] | None = None
        self._answered: tuple[int, SampleOf | Drawn] | None = None
        self._wishes: tuple[object, ...] = ()
        self._failed: set[str] = set()
        self._due_secs = -math.inf
        self._side = GRID_SIDES[-1] if engine.macs * GRID_SIDES[-1] ** 2 <= _LARGE_GRID_MACS else GRID_SIDES[0]
        self._looks = (
            _Look("prediction", self._predict, lambda: self._question, _Pace(0.005, 0.1)),
            _Look("node", self._look_at_node, lambda: self.node, _Pace(0.01, 0.25)),
            _Look("maps", self._look_at_maps, self._mapped, _Pace(0.005, 0.25)),
            _Look("boundary", self._look_at_plane, lambda: self._glimpse.has_plane or None, _Pace(0.03, 0.2)),
        )

        paths, model = engine.generated.paths, engine.model
        owned = ((node, path, list(model.get_submodule(path).parameters())) for node, path in paths.items())
        self._owners = [(node, path, parameters) for node, path, parameters in owned if parameters]
        self._parameters: list[Tensor] = [parameter for _, _, parameters in self._owners for parameter in parameters]
        self._copies = sum(parameter.numel() for parameter in self._parameters) <= MAX_COPIED
        self._record = GradientRecord(tuple(node for node, _, _ in self._owners))
        self._pace = _Pace(0.02, 0.25)
        self._began_secs = self._paused_secs = 0.0
        self._scale = 1.0
        self._with_gradient: list[bool] = []
        self._norms: list[Tensor] = []
        self._before: list[Tensor] = []

    # The window's side, besides the attributes

    def ask(self, job: SampleOf | Drawn) -> None:
        """Ask for a prediction; the next pulse answers the newest question, in `prediction`.

        While "prediction" is wanted, the last question is answered again as the weights change.

        Args:
            job: A sample, or a drawing, which must not be written to any more.

        Raises:
            UserError: There is no such sample, or the drawing does not fit the network.
        """
        self._glimpse.check(job)
        self._question = (next(self._questions), job)

    # The side of the thread that steps

    def service(self, session: _Stepping) -> None:
        """Take the look that is most due, if one is; almost free where none is.

        The session calls this after each update and with each pulse while it is paused. When it has ended, the window
        may call it, and nobody else does.

        Args:
            session: The session.
        """
        wishes = (self.wants, self.node, self.sample, self._question)
        if wishes == self._wishes and self._now() < self._due_secs:
            return
        if wishes != self._wishes:
            self._wishes = wishes
            self._failed.clear()
            self.trouble = None
        self._take_most_due(session.step)

    def _take_most_due(self, step: int) -> None:
        best: tuple[float, _Look] | None = None
        now_secs = self._now()
        for look in self._looks:
            due_secs = self._due(look, step)
            if due_secs <= now_secs and (best is None or due_secs < best[0]):
                best = due_secs, look
        if best is not None:
            look = best[1]
            look.seen, look.step = look.about(), step
            try:
                look.take(step)
            except Exception as error:
                self._give_up(look.key, error)
            look.pace.spent(now_secs, self._now())
        self._due_secs = min((self._due(look, step + 1) for look in self._looks), default=math.inf)

    def _due(self, look: _Look, step: int) -> float:
        """Return when a look is due, given the step; infinity for never."""
        about = look.about()
        if about is None or look.key in self._failed:
            return math.inf
        if look.key == "prediction" and about is not self._answered:
            return -math.inf
        if look.key not in self.wants:
            return math.inf
        if about != look.seen:
            return -math.inf
        return look.pace.due_secs if step != look.step else math.inf

    def _give_up(self, key: str, error: Exception) -> None:
        self._failed.add(key)
        self.trouble = f"The look at {key} has failed and is off: {type(error).__name__}: {str(error)[:300]}"

    def _predict(self, step: int) -> None:
        question = self._question
        if question is not None:
            self._answered = question
            self.prediction = self._glimpse.predict(step, question[1])

    def _look_at_node(self, step: int) -> None:
        if (node := self.node) is not None:
            self.node_look = self._glimpse.node(step, node)

    def _mapped(self) -> object:
        return None if self.node is None else (self.node, self.sample)

    def _look_at_maps(self, step: int) -> None:
        if (node := self.node) is not None:
            self.maps = self._glimpse.maps(step, node, self.sample)

    def _look_at_plane(self, step: int) -> None:
        began_secs = self._now()
        self.boundary = self._glimpse.boundary(step, self._side)
        spent_secs = self._now() - began_secs
        place = GRID_SIDES.index(self._side)
        finer = GRID_SIDES[min(place + 1, len(GRID_SIDES) - 1)]
        if spent_secs > _GRID_SECS:
            self._side = GRID_SIDES[max(0, place - 1)]
        elif spent_secs * (finer / self._side) ** 2 < 0.8 * _GRID_SECS:
            self._side = finer

    # Gradients: called by the engine within an update

    def before_update(self) -> bool:
        """Note the gradients if a sample is due; to be called when they are there, before anything changes them.

        Returns:
            Whether `after_update` is to be called.
        """
        if "gradients" not in self.wants or "gradients" in self._failed:
            return False
        self._began_secs = self._now()
        if self._began_secs < self._pace.due_secs:
            return False
        try:
            with torch.no_grad():
                self._note_before()
        except Exception as error:
            self._give_up("gradients", error)
            return False
        self._paused_secs = self._now()
        return True

    def _note_before(self) -> None:
        scaler = self._engine.scaler
        self._scale = scaler.get_scale() if scaler is not None else 1.0
        gradients = [parameter.grad for parameter in self._parameters]
        self._with_gradient = [gradient is not None for gradient in gradients]
        there = [gradient for gradient in gradients if gradient is not None]
        self._norms = [*(torch._foreach_norm(there) if there else ()), *torch._foreach_norm(self._parameters)]
        self._before = [parameter.clone() for parameter in self._parameters] if self._copies else []

    def after_update(self, step: int) -> None:
        """Compare the weights with those before the update, and publish the look.

        Args:
            step: The update that was just made.
        """
        resumed_secs = self._now()
        try:
            with torch.no_grad():
                self._publish(step)
        except Exception as error:
            self._give_up("gradients", error)
        finally:
            self._norms, self._before = [], []
        began_secs = resumed_secs - (self._paused_secs - self._began_secs)  # less the update itself
        self._pace.spent(began_secs, self._now())

    def _publish(self, step: int) -> None:
        changes: tuple[Tensor, ...] | list[Tensor] = ()
        if self._before:
            torch._foreach_sub_(self._before, self._parameters)
            changes = torch._foreach_norm(self._before)
        numbers = iter(torch.stack([*self._norms, *changes]).tolist())  # one transfer from the device
        gradients = [next(numbers) / self._scale if there else None for there in self._with_gradient]
        weights = [next(numbers) for _ in self._parameters]
        changed = list(numbers)
        layers, place = [], 0
        values = self._engine.board.values
        for node, path, parameters in self._owners:
            mine = slice(place, place + len(parameters))
            place += len(parameters)
            frozen = bool(values.get(f"{node}.frozen", False))
            there = [norm for norm in gradients[mine] if norm is not None]
            weight_norm = math.hypot(*weights[mine])
            comparable = bool(changed) and not frozen and weight_norm > 0
            layers.append(
                LayerLook(
                    node=node,
                    path=path,
                    gradient_norm=math.hypot(*there) if there else None,
                    weight_norm=weight_norm,
                    update_ratio=math.hypot(*changed[mine]) / weight_norm if comparable else None,
                    frozen=frozen,
                )
            )
        norms = [math.nan if layer.gradient_norm is None else layer.gradient_norm for layer in layers]
        self.gradients = self._record.add(step, norms)
        self.layers = LayersLook(step=step, layers=tuple(layers))
