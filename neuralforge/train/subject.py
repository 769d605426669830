"""What trains, apart from where it came from: a network that was drawn here, or a module of the person's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from neuralforge.data.prepare import Prepared
from neuralforge.graph.document import Document
from neuralforge.train.gradients import Owner
from neuralforge.train.losses import Criterion
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobBoard
from neuralforge.workbench.view import ModuleRow


@dataclass(frozen=True, kw_only=True, eq=False)
class Terms:
    """What a network has to fit.

    Args:
        prepared: The data.
        criterion: The loss.
        config: How to train.
        device: Where.
    """

    prepared: Prepared
    criterion: Criterion
    config: TrainConfig
    device: torch.device


class Part(NamedTuple):
    """What is frozen as one.

    Args:
        module: Its normalisation keeps its statistics while it is frozen.
        parameters: What stays as it is while it is frozen, and trains while it is not.
    """

    module: nn.Module
    parameters: Sequence[nn.Parameter]


class Place(NamedTuple):
    """Where a buffer is registered; a forward pass may put another tensor there.

    Args:
        module: The module.
        name: Its name there.
    """

    module: nn.Module
    name: str


class Inside(Protocol):
    """Looks into a module. A node is what the panels can select: a node of a graph, or a module by its path."""

    def module(self, node: str) -> nn.Module | None:
        """Return the module of a node; None where it has none."""

    def value(self, node: str, x: Tensor) -> Tensor | None:
        """Go forward and return the output of a node; None where the network does not use it."""

    def first_nonfinite(self, x: Tensor) -> str:
        """Go forward and say where the first value that is not finite stands, for example "in the output of conv1"."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A module that trains, how it is steered, and how it is looked into.

    Args:
        model: The module, on the device of the run.
        document: What was drawn; empty where nothing was.
        source: Its text, as far as it is known.
        kind: What the log calls a run of it.
        replayable: Whether it can be made again from the log alone.
        board: Its knobs.
        parts: Node -> what `<node>.frozen` freezes.
        live: Key of another knob of a node -> module and attribute that it sets.
        owners: What has gradients to be looked at.
        moving: Buffers that a forward pass in training changes.
        restless: Buffers that a forward pass in evaluation changes.
        macs: Multiply-accumulates of one forward pass of one sample; 0 where that is not known.
        draws: Whether a forward pass in training may draw random numbers.
        draws_in_evaluation: Whether one in evaluation does.
        writes_input: Whether a forward pass writes to what it is given.
        inside: Looks into it.
        modules: Its modules; None where it was drawn.
    """

    model: nn.Module
    document: Document
    source: str
    kind: str = "graph"
    replayable: bool = True
    board: KnobBoard
    parts: Mapping[str, Part]
    live: Mapping[str, tuple[nn.Module, str]]
    owners: Sequence[Owner]
    moving: Sequence[Tensor]
    restless: Sequence[Place] = ()
    macs: int
    draws: bool
    draws_in_evaluation: bool = False
    writes_input: bool = False
    inside: Inside
    modules: tuple[ModuleRow, ...] | None = None

    @property
    def own_source(self) -> str:
        """Its text where that is a person's own; "" where it was generated."""
        return "" if self.modules is None else self.source


class Origin(Protocol):
    """Where a subject comes from."""

    @property
    def document(self) -> Document:
        """What was drawn; empty where nothing was."""

    def check(self, terms: Terms) -> None:
        """Find out what can be told without a forward pass and without drawing a number; changes nothing.

        Raises:
            UserError: The network does not fit.
        """

    def make(self, terms: Terms) -> Subject:
        """Make the subject of a run.

        Raises:
            UserError: The network does not fit.
        """


class Kept:
    """Buffers as they are now.

    Args:
        places: Where they are.
    """

    def __init__(self, places: Sequence[Place]) -> None:
        self._kept = [
            (place, buffer, buffer.detach().clone())
            for place in places
            if (buffer := place.module._buffers[place.name]) is not None
        ]

    @torch.no_grad()
    def put_back(self) -> tuple[Place, ...]:
        """Bring them back, and return where something had changed."""
        changed = []
        for place, buffer, copy in self._kept:
            if place.module._buffers[place.name] is not buffer or not torch.equal(buffer, copy):
                place.module._buffers[place.name] = buffer
                buffer.copy_(copy)
                changed.append(place)
        return tuple(changed)
