"""The run in the window: live, pumped by a driver under the event loop, or opened from its files."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args

from neuralforge.app.drivers import Driver, FrameClock, Mode
from neuralforge.app.looker import GAP_SECS, Looker
from neuralforge.app.steeredrun import RunFeed, SteeredRun
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import Task
from neuralforge.graph.document import Document, loads
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import Refused
from neuralforge.workbench.requests import Request
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.status import Progress, RunState
from neuralforge.workbench.view import RunView

if TYPE_CHECKING:
    from neuralforge.runs.reader import RunReader
    from neuralforge.train.launch import Plan, Run

T = TypeVar("T")

_PLANNED_POINTS: Final = 400
_LOOK_SECS: Final = 0.005
_REFUSED_SECS: Final = 0.5
TRAIN_CHANNEL: Final = "train"


class LiveRun(SteeredRun):
    """A run that this window trains.

    Args:
        run: The session with its log.
        feed: What the log has taken.
        clock: Tells the driver when frames are due.
        data: Name of the source that it trains on, and all options of it.
        on_end: Called on the event loop when the driver has ended.
        mode: How it is pumped.
    """

    def __init__(
        self,
        run: Run,
        feed: RunFeed,
        clock: FrameClock,
        data: tuple[str, Mapping[str, str]],
        on_end: Callable[[LiveRun], None],
        mode: Mode = "auto",
    ) -> None:
        super().__init__(run, feed)
        self.run: Run = run
        self.data = data
        self.driver = Driver(run.session, clock, mode)
        self.fault: BaseException | None = None
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.Future[None] | None = None
        self._look_secs = 0.0
        self._horizon_steps = run.session.total_steps()  # before it is extended: the schedule keeps to the first plan
        self._planned: tuple[Any, Any] | None = None
        self._planned_for: tuple[object, ...] | None = None
        self.task = asyncio.get_running_loop().create_task(self._pump(), name="training")

    @property
    def document(self) -> Document:
        """The network that trains."""
        return self.run.session.engine.document

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.run.session.ended or self.task.done()

    async def _pump(self) -> None:
        try:
            await self.driver.run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # the session has written it down; the window goes on
            self.fault = error
        finally:
            self._on_end(self)

    # Ending

    async def end(self, *, stop: bool) -> str:
        """End the run and wait for it: stopped for good, or paused so that it can be gone on with.

        Where the disk refuses to take its end, the run is let go of as if its process had died: the journal holds all
        that was taken before.

        Returns:
            A sentence that says so; "" when all went well.
        """
        session = self.run.session
        if not self.ended:
            with suppress(Refused):
                session.request(Request(action="stop" if stop else "pause"))
            refused_secs = 0.0  # a run that stays paused although it is to stop cannot write
            while not self.task.done() and (session.state == "running" or (stop and refused_secs < _REFUSED_SECS)):
                refused_secs = refused_secs + _LOOK_SECS if session.state == "paused" else 0.0
                await asyncio.sleep(_LOOK_SECS)
        if not self.task.done():
            if not session.ended and not self.task.cancelling():  # else its own clearing up would be cut short
                self.task.cancel()
            await asyncio.wait({self.task})
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)
        if session.ended:
            return ""
        try:
            await asyncio.to_thread(session.end, "stopped" if stop else "paused")
        except (UserError, OSError) as error:
            return self._let_go(error)
        return ""

    def end_now(self) -> None:
        """End the run here and now, paused."""
        if not self.run.session.ended:
            self.run.session.end("paused")

    # Telling

    def tick(self) -> None:
        """Take in what came, as `SteeredRun.tick`; and look at a network that trains no more."""
        super().tick()
        now = time.monotonic()
        if self.run.session.ended and self.task.done() and now >= self._look_secs:
            self._look_again(now)

    def _look_again(self, now: float) -> None:
        """Look at the network of a run that is over, in a thread: a large one takes longer than a frame."""
        watch = self.run.watch
        free = self._looking is None or self._looking.done()
        if watch is not None and free and watch.is_due(self.run.session.step):
            self._look_secs = now + GAP_SECS
            self._looking = self._loop.run_in_executor(None, partial(watch.service, self.run.session, paced=False))

    def view(self, differs: bool) -> RunView:
        """Return what the panels show of it."""
        session, watch = self.run.session, self.run.watch
        progress = session.progress()
        left = None
        if self.steps_per_sec > 0 and progress.state == "running":
            left = max(0.0, (progress.total_steps - progress.step) / self.steps_per_sec)
        return RunView(
            run_id=self.run.log.run_id,
            name=self.document.name,
            folder=self.run.folder,
            live=not self.ended,
            state=progress.state,
            progress=progress,
            steps_per_sec=self.steps_per_sec,
            left_secs=left,
            driver="worker" if self.driver.on_worker else "slices",
            device=session.config.device,
            data=self.data[0],
            data_options=self.data[1],
            task=session.engine.prepared.info.task,
            config=session.config,
            document=self.document,
            differs=differs,
            series=self.feed.book,
            metric=session.engine.criterion.metric_name,
            events=self.events(),
            planned=self._plan(progress),
            checkpoints=tuple(self.feed.checkpoints),
            layers=watch.layers if watch else None,
            gradients=watch.gradients if watch else None,
            node=watch.node_look if watch else None,
            maps=watch.maps if watch else None,
            boundary=watch.boundary if watch else None,
            prediction=watch.prediction if watch else None,
            modules=session.engine.subject.modules,
            looked=watch.node if watch else None,
            own_source=session.engine.subject.own_source,
            trouble=progress.trouble or (str(self.fault) if self.fault else None),
            can_resume=self.ended and session.state == "stopped" and session.engine.subject.replayable,
        )

    def _plan(self, progress: Progress) -> tuple[Any, Any] | None:
        """Return the learning rate that the schedule plans; made anew when the base or the end changes."""
        from neuralforge.train.schedules import is_constant, planned_lr

        session = self.run.session
        base = float(session.board.values["lr"])
        wanted = (base, progress.total_steps)
        if wanted != self._planned_for:
            self._planned_for = wanted
            if is_constant(session.config) or progress.total_steps < 2:
                self._planned = None
            else:
                steps, factors = planned_lr(session.config, progress.total_steps, _PLANNED_POINTS, self._horizon_steps)
                self._planned = (steps, factors * base)
        return self._planned


class OpenedRun:
    """A run that was opened from its files.

    Args:
        view: What the panels show.

    Attributes:
        looker: Looks into its network, where somebody may want to.
    """

    def __init__(self, view: RunView) -> None:
        self.looker: Looker | None = None
        self._view = view
        self._shown: tuple[object, ...] = (view.differs,)

    def view(self, differs: bool) -> RunView:
        """Return what the panels show of it; the same one as long as nothing of it changes."""
        looker = self.looker
        watch = looker.watch if looker is not None else None
        seen: dict[str, Any] = {}
        if watch is not None:
            seen = {
                "layers": watch.layers,
                "node": watch.node_look,
                "maps": watch.maps,
                "boundary": watch.boundary,
                "prediction": watch.prediction,
            }
        if looker is not None:
            seen |= {"own_data": looker.data, "look_problem": looker.problem}
        shown = (differs, *seen.values())
        if len(shown) != len(self._shown) or any(a is not b for a, b in zip(shown, self._shown, strict=True)):
            self._shown = shown
            self._view = replace(self._view, differs=differs, **seen)
        return self._view

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self._view.folder

    @property
    def document(self) -> Document:
        """The network that was trained."""
        return self._view.document


def read_run(folder: Path) -> OpenedRun:
    """Read a run from its files. May take a while: not for the thread of the window.

    Raises:
        UserError: When it cannot be read.
    """
    from neuralforge.runs.reader import RunReader

    reader = RunReader(folder)
    attributes = reader.attributes
    kind = attributes.get("kind", "graph")
    is_own_loop = kind == "own loop"
    config = TrainConfig() if is_own_loop else TrainConfig.from_json(reader.config)
    document = loads(reader.document, f"the document of run {folder.name}")
    series = {name: reader.series(name) for name in reader.series_names()}
    channel = reader.channels().get(TRAIN_CHANNEL, ())
    metric = next(
        (name.removeprefix("train/") for name in channel if name.startswith("train/") and name != "train/loss"), ""
    )
    last = {name: float(values[-1]) for name, (_, values) in series.items() if len(values)}
    steps = max((int(steps[-1]) for steps, _ in series.values() if len(steps)), default=0)
    status, data = reader.status, reader.data
    total = steps if is_own_loop else config.steps or steps
    trouble = reader.verify()
    events = tuple(reader.events())
    progress = Progress(
        "completed" if status == "completed" else "stopped",
        steps,
        total,
        max((event.epoch for event in events), default=0 if is_own_loop else config.epochs or 0),
        1.0 if status == "completed" else steps / total if total else 0.0,
        last.get("train/loss", math.nan),
        {name: value for name, value in last.items() if name.split("/")[0] in ("validation", "test")},
        trouble,
    )
    return OpenedRun(
        RunView(
            run_id=str(attributes.get("run_id", folder.name)),
            name=str(attributes.get("name", "")),
            folder=reader.folder,
            live=False,
            state=cast(RunState, status),
            progress=progress,
            device=str(reader.config.get("device", config.device)),
            data=str(data.get("text", "")),
            data_options=dict(data.get("options") or {}),
            task=cast(Task, data["task"]) if data.get("task") in get_args(Task) else None,
            config=config,
            document=document,
            series=SeriesBook.of(series),
            metric=metric,
            events=events,
            checkpoints=tuple(entry.step for entry in reader.checkpoints()),
            modules=None if kind == "graph" else (),
            own_source="" if kind == "graph" else _own_source(reader),
            own_loop=is_own_loop,
            trouble=trouble,
            can_resume=status in ("interrupted", "paused", "stopped") and bool(attributes.get("replayable", True)),
        )
    )


def _own_source(reader: RunReader) -> str:
    """Return the text of a network or loop that was not drawn here, with what was noted of the loop on the way."""
    return "\n\n".join(text for text in (reader.source, str(reader.attributes.get("loop_source", ""))) if text)


async def begin(
    plan: Plan,
    clock: FrameClock,
    on_end: Callable[[LiveRun], None],
    *,
    requests: Sequence[Request] = (),
    paused: bool = False,
    mode: Mode = "auto",
) -> LiveRun:
    """Start a run; the network is built away from the thread of the window.

    Raises:
        UserError: When the plan does not work out, or a request cannot be carried out.
    """
    from neuralforge.train import launch

    feed = RunFeed()
    run = await _made(
        lambda: launch.start(plan, paused=paused, feed=feed, watch=True), lambda run: _throw_away(plan, run)
    )
    feed.name(run.log.header.channels[TRAIN_CHANNEL])
    try:
        launch.ask(run.session, requests, plan.config.steps)
    except UserError:
        _throw_away(plan, run)
        raise
    return LiveRun(run, feed, clock, (plan.data.text, dict(plan.data.options)), on_end, mode)


async def go_on(
    folder: Path, clock: FrameClock, on_end: Callable[[LiveRun], None], *, steps: int | None = None
) -> LiveRun:
    """Go on with a run from its files; what was recorded is in the curves from the beginning.

    Raises:
        UserError: When it cannot be gone on with.
    """
    feed = RunFeed()
    opened, run = await _made(lambda: _resume(folder, feed, steps), lambda made: made[1].log.abandon())
    view = opened.view(False)
    return LiveRun(run, feed, clock, (view.data, view.data_options), on_end)


async def _made(make: Callable[[], T], let_go: Callable[[T], object]) -> T:
    """Make something in a thread; what is made although nobody waits for it any more is let go of."""
    making = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        with suppress(Exception):  # the window closes
            let_go(await making)
        raise


def _throw_away(plan: Plan, run: Run) -> None:
    """Remove a run that has not begun."""
    from neuralforge.runs.store import RunStore

    run.log.abandon()
    RunStore(plan.runs_dir).delete(run.folder.name)


def _resume(folder: Path, feed: RunFeed, steps: int | None) -> tuple[OpenedRun, Run]:
    from neuralforge.train import launch

    opened = read_run(folder)
    run = launch.resume(folder, steps=steps, feed=feed, watch=True)
    view = opened.view(False)
    feed.book = view.series
    feed.events.extend(view.events)
    feed.checkpoints.extend(view.checkpoints)
    feed.name(run.log.header.channels[TRAIN_CHANNEL])
    return opened, run


def differs(document: Document, run: SteeredRun | OpenedRun | None) -> bool:
    """Tell whether a document is another network than that of a run; where nodes lie does not matter."""
    return run is not None and document.graph is not run.document.graph and document.graph != run.document.graph
