"""One line of steps over everything that can be taken back: the document, knobs, the configuration and the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from neuralforge.graph.document import Document
from neuralforge.workbench.commands import Command, Turn

MAX_STEPS: Final = 500

StepKind = Literal["network", "knob", "settings", "data"]
"""What a step concerns: the document; a knob of the live run; how the next run is trained; the choice of data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One undo: how everything was before and became, and what made it so.

    What does not lie in the document is described by two commands that say how it is to be, never by how much it is
    to change, so that of several on the way only the last one counts.

    Args:
        title: What was done.
        kind: What it concerns.
        before: The document before.
        after: The document after; the same one where the step lies outside the document.
        back: Puts back what lies outside the document.
        again: Does that again.
        old: The value before, in words.
        new: The value after, in words; "" where the title says it all.
        merge_key: Steps in a row with the same key and gesture are one.
        gesture: Shared by all values of one drag.
    """

    title: str
    kind: StepKind
    before: Document
    after: Document
    back: Command | None = None
    again: Command | None = None
    old: str = ""
    new: str = ""
    merge_key: str | None = None
    gesture: str | None = None

    @property
    def label(self) -> str:
        """What menus and the history call it."""
        return f"{self.title} {self.old} \u2192 {self.new}" if self.new else self.title

    @property
    def changes_nothing(self) -> bool:
        """Whether all is as it was before."""
        return same_document(self.before, self.after) and self.back == self.again

    def merges_with(self, later: Step) -> bool:
        """Tell whether a later step goes on with the same drag."""
        mine = (self.kind, self.merge_key, self.gesture)
        return None not in mine and mine == (later.kind, later.merge_key, later.gesture)


class History:
    """The steps, and how many of them are in force.

    Attributes:
        steps: All steps, also those taken back, from the oldest to the newest.
        position: How many are in force.
    """

    def __init__(self) -> None:
        self.steps: tuple[Step, ...] = ()
        self.position = 0
        self._labels: tuple[str, ...] | None = None
        self._kinds: tuple[StepKind, ...] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """What the steps are called; the same object as long as nothing changes."""
        if self._labels is None:
            self._labels = tuple(step.label for step in self.steps)
        return self._labels

    @property
    def kinds(self) -> tuple[StepKind, ...]:
        """What each step concerns; the same object as long as nothing changes."""
        if self._kinds is None:
            self._kinds = tuple(step.kind for step in self.steps)
        return self._kinds

    def add(self, step: Step, *, merge: bool = True) -> Document:
        """Add a step after those in force; steps that were taken back go.

        Args:
            step: The step. Where it leaves everything as it is, it is not added.
            merge: Whether it may become one with the step before, when both belong to one drag.

        Returns:
            The document as it is to be now: that after the step, or the very one before it where a drag is back where
            it began.
        """
        if step.changes_nothing:
            return step.before
        kept = self.steps[: self.position]
        if merge and kept and kept[-1].merges_with(step):
            first = kept[-1]
            kept, step = kept[:-1], replace(step, before=first.before, back=first.back, old=first.old)
        if step.changes_nothing:
            self._take(kept, len(kept))
            return step.before
        kept = (*kept, step)[-MAX_STEPS:]
        self._take(kept, len(kept))
        return step.after

    def has(self, position: int) -> bool:
        """Return whether there is such a place, other than the present one."""
        return position != self.position and 0 <= position <= len(self.steps)

    def way_to(self, position: int) -> tuple[Command, ...]:
        """Return what is to be carried out outside the document on the way to a place.

        Args:
            position: How many steps are to be in force.

        Returns:
            One command for each thing that is concerned, in the order of the way.
        """
        if not self.has(position):
            return ()
        if position < self.position:
            way = [step.back for step in reversed(self.steps[position : self.position])]
        else:
            way = [step.again for step in self.steps[self.position : position]]
        found: dict[object, Command] = {}
        for command in way:
            if command is not None:
                found[(type(command), command.key if isinstance(command, Turn) else "")] = command
        return tuple(found.values())

    def go_to(self, position: int) -> Document:
        """Go to a place that there is, and return the document there."""
        assert self.has(position)
        self.position = position
        return self.steps[position].before if position < len(self.steps) else self.steps[-1].after

    def forget(self, kind: StepKind) -> None:
        """Drop the steps of a kind, wherever they are: what they concern is there no more."""
        if kind in self.kinds:
            position = sum(step.kind != kind for step in self.steps[: self.position])
            self._take(tuple(step for step in self.steps if step.kind != kind), position)

    def clear(self) -> None:
        """Begin anew."""
        self._take((), 0)

    def _take(self, steps: tuple[Step, ...], position: int) -> None:
        self.steps, self.position = steps, position
        self._labels = self._kinds = None


def same_document(one: Document, other: Document) -> bool:
    """Tell whether two documents say the same. They may be equal and differ: 1, 1.0 and True are equal in Python."""
    if one is other:
        return True
    return one == other and all(
        node is twin or repr(node.params) == repr(twin.params)
        for node, twin in zip(one.graph.nodes.values(), other.graph.nodes.values(), strict=True)
    )
