"""A run in the window whose steps are made by a loop that a person writes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from neuralforge.app.steeredrun import RunFeed, SteeredRun
from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.requests import Request
from neuralforge.workbench.view import ModuleRow, RunView

if TYPE_CHECKING:
    from neuralforge.train.own_launch import LoopRun

_LOOK_SECS: Final = 0.005
_MAX_LOOP_BYTES: Final = 60_000
"""What HDF5 holds in an attribute is a little more."""


class OwnRun(SteeredRun):
    """The run of a loop that a person writes.

    Args:
        run: The loop with its log.
        feed: What the log has taken.
        modules: The modules of what trains.
        source: Text of model and loop, as far as it is known.
    """

    def __init__(self, run: LoopRun, feed: RunFeed, modules: tuple[ModuleRow, ...], source: str) -> None:
        super().__init__(run, feed)
        self.run: LoopRun = run
        self.in_thread = False
        """Whether its turns are made in a thread, which must be waited for."""
        self._modules = modules
        self._loops: list[str] = []
        self._source = source

    @property
    def document(self) -> Document:
        """An empty document with the name of the model."""
        return self.run.document

    @property
    def ended(self) -> bool:
        """Whether the run was ended; a loop that has only stopped may still go on."""
        return self.run.session.ended

    @property
    def moves(self) -> bool:
        """Whether steps were made of late; between two loops the run goes on, and nothing moves."""
        return not self.ended and self.steps_per_sec > 0

    def note_source(self, text: str) -> None:
        """Note the text of a loop, from the thread that goes round it; written down where the log has it not yet.

        Args:
            text: The cell or file; what is too long for an attribute of the log is cut.
        """
        text = text.replace("\0", "").strip()
        if not text or text in self._source:
            return
        self._loops.append(text)
        self._source = f"{self._source}\n\n{text}"
        kept = "\n\n".join(self._loops).encode("utf-8", "replace")[:_MAX_LOOP_BYTES].decode("utf-8", "ignore")
        with suppress(UserError):  # a disk that refuses is told of at the next boundary
            self.run.log.set_attribute("loop_source", kept)

    @property
    def between_loops(self) -> bool:
        """Whether nobody goes round a loop just now."""
        session = self.run.session
        return session.state == "running" and not (session.in_pass or self.in_thread)

    async def end(self, *, stop: bool) -> str:
        """End the run; a loop that goes on in a thread leaves at its next boundary first."""
        session = self.run.session
        if session.ended:
            return ""
        outcome = session.outcome
        if self.in_thread:
            session.request(Request(action="stop", actor="engine"))
            while self.in_thread:
                await asyncio.sleep(_LOOK_SECS)
        try:
            if session.in_pass:  # a task may go on with it meanwhile: between two turns is now
                session.end(outcome)
            else:
                await asyncio.to_thread(session.end, outcome)
        except (UserError, OSError) as error:
            return self._let_go(error)
        return ""

    def end_now(self) -> None:
        """End the run here and now."""
        if not self.run.session.ended:
            self.run.session.end()

    def view(self, differs: bool) -> RunView:
        """Return what the panels show of it."""
        session, watch = self.run.session, self.run.watch
        progress = session.progress()
        facts = self.run.log.header.config
        return RunView(
            run_id=self.run.log.run_id,
            name=self.run.log.header.name,
            folder=self.run.folder,
            live=not self.ended,
            state=progress.state,
            progress=progress,
            steps_per_sec=0.0 if self.between_loops else self.steps_per_sec,
            driver="worker" if self.in_thread else "slices",
            device=str(facts.get("device", "")),
            config=TrainConfig(),
            document=self.document,
            series=self.feed.book,
            metric=_metric(self.feed.book.names),
            events=self.events(),
            checkpoints=tuple(self.feed.checkpoints),
            layers=watch.layers if watch else None,
            gradients=watch.gradients if watch else None,
            node=watch.node_look if watch else None,
            modules=self._modules,
            looked=watch.node if watch else None,
            own_source=self._source,
            own_loop=True,
            between_loops=self.between_loops,
            trouble=progress.trouble,
        )


def _metric(names: tuple[str, ...]) -> str:
    """Return the first thing besides the loss that the loop logs of each step; "" where there is none."""
    trained = (name.removeprefix("train/") for name in names if name.startswith("train/"))
    return next((what for what in trained if what != "loss"), "")
