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

from neuralforge.train.engine import Engine
from neuralforge.train.glimpse import Drawn, Glimpse, SampleOf
from neuralforge.train.gradients import MAX_COPIED, GradientLook, Pace
from neuralforge.workbench.looks import (
    Boundary,
    FeatureMaps,
    LayerLook,
    LayersLook,
    NodeLook,
    Prediction,
)

GRID_SIDES = (24, 32, 48, 64, 96)
_LARGE_GRID_MACS = 1e9
_GRID_SECS = 0.004
"""Time that the plane may take at once while steps are made, a quarter of that between two frames; a finer grid must
stay well below."""
_GRID_AT_REST_SECS = 0.012
"""The same where no step waits for it."""


class _Stepping(Protocol):
    """What is needed of a session."""

    @property
    def step(self) -> int: ...


class _Look:
    """A look that is taken between steps.

    Args:
        key: Its name in `Watch.wants`.
        take: Takes it, given the step.
        about: Says what it is about besides the weights; None while there is nothing to look at.
        pace: Says when it is due.
    """

    def __init__(self, key: str, take: Callable[[int], None], about: Callable[[], object], pace: Pace) -> None:
        self.key = key
        self.take = take
        self.about = about
        self.pace = pace
        self.step = -1
        self.seen: object = None


class Watch(GradientLook):
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
        super().__init__(engine.subject.owners, MAX_COPIED, now)
        self.node: str | None = None
        self.sample = SampleOf("validation" if len(engine.validation) else "train", 0)
        self.node_look: NodeLook | None = None
        self.maps: FeatureMaps | None = None
        self.boundary: Boundary | None = None
        self.prediction: Prediction | None = None

        self._engine = engine
        self._glimpse = Glimpse(engine)
        self._questions = itertools.count(1)
        self._question: tuple[int, SampleOf | Drawn] | None = None
        self._answered: tuple[int, SampleOf | Drawn] | None = None
        self._wishes: tuple[object, ...] = ()
        self._due_secs = -math.inf
        self._side = GRID_SIDES[-1] if engine.subject.macs * GRID_SIDES[-1] ** 2 <= _LARGE_GRID_MACS else GRID_SIDES[0]
        self._cell_secs = math.inf  # until the plane is looked at first
        self._is_paced = True
        self._looks = (
            _Look("prediction", self._predict, lambda: self._question, Pace(0.005, 0.1)),
            _Look("node", self._look_at_node, lambda: self.node, Pace(0.01, 0.25)),
            _Look("maps", self._look_at_maps, self._mapped, Pace(0.005, 0.25)),
            _Look("boundary", self._look_at_plane, lambda: self._glimpse.has_plane or None, Pace(0.03, 0.2)),
        )

    # The window's side, besides the attributes

    def ask(self, job: SampleOf | Drawn) -> None:
        """Ask for a prediction; the next look answers the newest question, in `prediction`: soon, whatever else is due.

        While "prediction" is wanted, the last question is answered again as the weights change.

        Args:
            job: A sample, or a drawing, which must not be written to any more.

        Raises:
            UserError: There is no such sample, or the drawing does not fit the network.
        """
        self._glimpse.check(job)
        self._question = (next(self._questions), job)

    # The side of the thread that steps

    def is_due(self, step: int) -> bool:
        """Tell whether there is a look to take, now or later, at weights that stay those of a step.

        Args:
            step: Updates made.
        """
        return self._wished() != self._wishes or any(self._due(look, step) < math.inf for look in self._looks)

    def _wished(self) -> tuple[object, ...]:
        return (self.wants, self.node, self.sample, self._question)

    def service(self, session: _Stepping, *, paced: bool = True) -> None:
        """Take the look that is most due, if one is; almost free where none is.

        The session calls this after each update that may be looked at and with each pulse while it is paused. When it
        has ended, the window may call it, and nobody else does.

        Args:
            session: The session, or what else says of which step the weights are.
            paced: Whether a look that was taken of late waits its time, since steps are being made meanwhile.
        """
        self._is_paced = paced
        wishes = self._wished()
        if paced and wishes == self._wishes and self._now() < self._due_secs:
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
            if not self._is_paced and due_secs < math.inf:
                due_secs = min(due_secs, now_secs)
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
        side = self._side if self._is_paced else self._side_at_rest()
        began_secs = self._now()
        self.boundary = self._glimpse.boundary(step, side)
        spent_secs = self._now() - began_secs
        self._cell_secs = spent_secs / side**2
        if not self._is_paced:
            return
        place = GRID_SIDES.index(self._side)
        finer = GRID_SIDES[min(place + 1, len(GRID_SIDES) - 1)]
        if spent_secs > _GRID_SECS:
            self._side = GRID_SIDES[max(0, place - 1)]
        elif spent_secs * (finer / self._side) ** 2 < 0.8 * _GRID_SECS:
            self._side = finer

    def _side_at_rest(self) -> int:
        """Return the finest grid that takes little time where no step waits for it, as far as is known."""
        finer = (side for side in GRID_SIDES if self._cell_secs * side**2 < 0.8 * _GRID_AT_REST_SECS)
        return max(self._side, *finer, GRID_SIDES[0])

    def look_at_weights(self, step: int) -> None:
        """Publish in `layers` how large the weights are, where no update is made whose gradients could be seen.

        Args:
            step: Updates made.
        """
        with torch.no_grad():
            norms = torch.stack(torch._foreach_norm(self._parameters)).tolist() if self._parameters else []
        numbers = iter(norms)
        self.layers = LayersLook(
            step=step,
            layers=tuple(
                LayerLook(
                    node=node,
                    path=path,
                    gradient_norm=None,
                    weight_norm=math.hypot(*(next(numbers) for _ in parameters)),
                    update_ratio=None,
                    frozen=self._is_frozen(node, parameters),
                )
                for node, path, parameters in self._owners
            ),
        )

    # Gradients, which the engine lets it look at within an update

    def _gradient_scale(self) -> float:
        scaler = self._engine.scaler
        return scaler.get_scale() if scaler is not None else 1.0
