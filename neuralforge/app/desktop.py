"""The application behind the window: carries out commands, runs what takes long beside the frames, fills the view.

Everything here happens on the thread of the event loop, between two frames. What takes longer than a frame (torch
itself, data, networks, files) goes to a thread and comes back as a task.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neuralforge.app.console import Console
from neuralforge.app.documentdesk import DocumentDesk, prepare
from neuralforge.app.drivers import FrameClock, Mode
from neuralforge.app.rundesk import LiveRun, OpenedRun, begin, differs, go_on, read_run
from neuralforge.app.starts import bare, drawn
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import Task
from neuralforge.graph.document import Document, load
from neuralforge.graph.edits import Edit, SetFrozen, SetParams
from neuralforge.graph.params import ParamError
from neuralforge.layers.registry import catalog
from neuralforge.layers.spec import BoundRule
from neuralforge.workbench import commands as do
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobBoard, Refused
from neuralforge.workbench.requests import Request
from neuralforge.workbench.settings import Settings, load_settings, save_settings
from neuralforge.workbench.view import (
    Choice,
    DataChoice,
    DataView,
    DeviceFact,
    KnobsView,
    Question,
    RecentFile,
    RunsView,
    StartingPoint,
    View,
)

if TYPE_CHECKING:
    from neuralforge.data.source import RawData
    from neuralforge.train.launch import Plan

WANTS: Final[Mapping[str, frozenset[str]]] = {
    "curves": frozenset({"gradients"}),
    "health": frozenset({"gradients"}),
    "layers": frozenset({"gradients", "node"}),
    "decision": frozenset({"boundary"}),
    "try": frozenset({"prediction"}),
    "inspector": frozenset({"maps", "node"}),
}
"""Panel -> what must be looked at in a run while the panel can be seen."""


_MAX_PICTURED: Final = 2000
"""Nodes of a network that the welcome screen draws."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the window keeps its things.

    Args:
        runs: Folder of all runs.
        settings: File of the user's settings.
        layout: File of the arrangement of the panels; None keeps nothing.
        recovery: Folder for copies of unsaved work.
    """

    runs: Path
    settings: Path
    layout: Path | None
    recovery: Path


class Desktop:
    """The application behind one window.

    Args:
        places: Where its things are kept.
        clock: Tells the trainer when frames are due.
        mode: How the trainer is pumped.

    Attributes:
        documents: The open document and its files.
        config: How the next run is to be trained.
        raw: The chosen data.
        run: The run in the panels.
        console: What was said.
        settings: The user's settings.
        shoot: Writes a picture of the window. This and the next three are set by whoever has a window.
        to_clipboard: Puts a text into the system's clipboard.
        pace: Tells frames a second, and the time that one takes.
        close_window: Closes the window after this frame.
        ask_for_file: Asks for a file to save the document to.
    """

    def __init__(self, places: Places, clock: FrameClock | None = None, mode: Mode = "auto") -> None:
        self.places = places
        self.clock = clock or FrameClock()
        self.mode = mode
        self.console = Console()
        self.settings, trouble = load_settings(places.settings)
        if trouble:
            self.console.say(trouble, "warning")
        self.documents = DocumentDesk(places.recovery, self.console)
        self.config = TrainConfig()
        self.raw: RawData | None = None
        self.task: Task | None = None
        self.run: LiveRun | OpenedRun | None = None
        self.shoot: Callable[[Path], None] = lambda path: None
        self.to_clipboard: Callable[[str], None] = lambda text: None
        self.pace: Callable[[], tuple[float, float]] = lambda: (0.0, 0.0)
        self.close_window: Callable[[], None] = lambda: None
        self.ask_for_file: Callable[[], None] = lambda: None
        self._after_save: tuple[Document, do.Command] | None = None
        self._welcome = True
        self._data = DataView()
        self._choices: tuple[DataChoice, ...] = ()
        self._devices: tuple[DeviceFact, ...] | None = None
        self._engine: asyncio.Task[None] | None = None
        self._engine_ready = False
        self._runs: RunsView | None = None
        self._starts: tuple[StartingPoint, ...] = bare()
        self._recent: tuple[RecentFile, ...] = ()
        self._questions: list[Question] = []
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._panels: frozenset[str] = frozenset()
        self._knobs = KnobsView()
        self._knobs_for: tuple[object, ...] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._starting = False
        self._first: tuple[asyncio.Task[None], ...] = ()
        self._saving = asyncio.Lock()
        self._saved_settings = self.settings
        self._unsaved_settings = ""
        self._opening: object = None  # what was asked for last: what comes late does not overwrite what is newer

    # The loop around it

    def begin(self) -> None:
        """Start what runs beside the frames: loading torch, reading recent files, keeping copies of unsaved work."""
        self.beside(self.engine(), "Loading PyTorch")
        self._first = (self.beside(self._draw_starts(), ""), self.beside(self._read_recent(), ""))
        self.beside(self._keep_copies(), "")
        for found in self.documents.left_behind():
            name = found.document.name
            self._ask(
                "Unsaved work was found",
                f"NeuralForge ended unexpectedly while {name} was not saved. The copy is of {found.when_utc}.",
                Choice(label="Open the copy", commands=(do.Recover(found.file),), kind="primary"),
                Choice(label="Throw it away", commands=(do.Recover(found.file, discard=True),), kind="danger"),
                Choice(label="Not now"),
            )

    async def end(self, *, asked: bool = True) -> None:
        """Let go of everything: a live run is paused, so that it can be gone on with.

        Args:
            asked: Whether the person could save; then the copy of unsaved work goes, or else it is brought up to date.
        """
        await self._end_tasks()  # first, so that none of them begins another run
        try:
            await self._end_live(stop=False)
        except Exception as error:
            self.fault(error, "The run could not be paused")
        await self._end_tasks()
        if self.settings != self._saved_settings:
            await self._save_settings()
        if asked:
            self.documents.forget_copy()
        else:
            self.documents.keep_copy_now()

    async def _end_tasks(self) -> None:
        left = [*self._tasks, *([self._engine] if self._engine is not None else [])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def is_busy(self) -> bool:
        """Return whether something moves without input, so that frames must go on at full rate."""
        live = self.live
        return (live is not None and not live.ended and live.run.session.state != "paused") or any(self._tasks.values())

    async def settled(self) -> None:
        """Wait until everything is there that is being loaded; a run may still train."""
        await self.engine()
        while left := [task for task, words in self._tasks.items() if words or task in self._first]:
            await asyncio.wait(left)

    @property
    def live(self) -> LiveRun | None:
        """The run, if this window trains it or has trained it just now."""
        run = self.run
        return run if isinstance(run, LiveRun) else None

    def carry_out(self, commands: list[do.Command]) -> None:
        """Carry out what was posted in a frame. A refusal is told and harms nothing."""
        for command in commands:
            try:
                self._carry_out(command)
            except UserError as error:
                self.console.say(str(error), "error")
            except Exception as error:
                self.fault(error, f"{type(command).__name__} could not be carried out")

    def fault(self, error: BaseException, what: str) -> None:
        """Tell of a fault of our own; keep a copy of the document first."""
        self.documents.keep_copy_now()
        details = "".join(traceback.format_exception(error))
        self.console.say(f"{what}: {type(error).__name__}: {error}. A copy of the document is kept.", "error")
        self.console.say(details, "error", notice=False)

    def beside(self, work: Coroutine[Any, Any, object], words: str) -> asyncio.Task[None]:
        """Do something beside the frames; what goes wrong in it is told."""

        async def guarded() -> None:
            try:
                await work
            except UserError as error:
                self.console.say(str(error), "error")
            except Exception as error:
                self.fault(error, words or "Something beside the window failed")

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks[task] = words
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        task.add_done_callback(lambda done: work.close())  # cancelled before it began, it was never awaited
        return task

    # Commands

    def _carry_out(self, command: do.Command) -> None:
        match command:
            case do.Forced(inner):
                self._now(inner)
            case do.NewDocument() | do.Start() | do.OpenPath() if not self.documents.is_safe_to_leave:
                self._ask_about_unsaved(command)
            case do.Quit():
                self._quit()
            case do.Answer(choice):
                self._answer(choice)
            case _:
                self._now(command)

    def _now(self, command: do.Command) -> None:
        """Carry out a command without a question; by kind, first the document's own."""
        if self.documents.carry_out(command, self.to_clipboard):
            return
        match command:
            case do.NewDocument():
                self._now_opening()
                self.documents.new()
                self._welcome = False
            case do.OpenPath(path):
                self.beside(self._open(path), f"Opening {path.name}")
            case do.Save(path):
                self._save(path)
            case do.SaveThen(following):
                self._after_save = (self.documents.editor.document, following)
                if self.documents.editor.path is None:
                    self.ask_for_file()
                else:
                    self._save(None)
            case do.Start():
                self.beside(self._start(command), f"Opening {command.template}")
            case do.Quit():
                self.close_window()
            case do.Recover(file, discard):
                self.documents.recover(file, discard=discard)
                self._welcome = self._welcome and discard
            case do.ShowWelcome(show):
                self._welcome = show
            case do.UseData(text, options):
                self.beside(self._use_data(text, dict(options)), f"Loading {text}")
            case do.FitToData():
                self._fit_to_data()
            case do.ChangeSettings(changes):
                self.change_settings(changes)
            case do.Watch(panels):
                self._watch(panels)
            case do.Tell(text, level):
                self.console.say(text, level)
            case do.Screenshot(path):
                self.shoot(path)
            case _:
                self._about_training(command)

    def _about_training(self, command: do.Command) -> None:
        match command:
            case do.Configure(changes):
                self._configure(changes)
            case do.Train():
                if self._starting:  # pressed twice: one run is enough
                    raise UserError("A run is being started.")
                self._starting = True
                self.beside(self._train(), "Building the network")
            case do.Turn():
                self._turn(command)
            case do.Control(action, steps):
                self._control(Request(action=action, steps=steps, widget="toolbar"))
            case do.Reset():
                self.beside(self._reset(), "Starting over")
            case do.RevertToRun():
                if self.run is not None:
                    self.documents.revert_to(self.run.document)
            case do.TrySample() | do.TryDrawing():
                self._try(command)
            case do.OpenRun(folder):
                self.beside(self._open_run(folder), f"Reading {folder.name}")
            case do.CloseRun():
                self.beside(self._close_run(), "Closing the run")
            case do.ResumeRun(folder, steps):
                self.beside(self._resume(folder, steps), "Going on with the run")
            case do.DeleteRun(run_id):
                self.beside(self._delete_run(run_id), "Deleting the run")
            case do.RefreshRuns():
                self.beside(self._read_runs(), "")
            case _:
                raise AssertionError(f"nobody carries out {command!r}")

    # Questions

    def _ask(self, title: str, text: str, *choices: Choice) -> None:
        self._questions.append(Question(title=title, text=text, choices=choices))

    def _answer(self, choice: int) -> None:
        question = self._questions.pop(0)
        self.carry_out(list(question.choices[choice].commands))

    def _ask_about_unsaved(self, command: do.Command) -> None:
        name = self.documents.editor.document.name
        label = "Save" if self.documents.editor.path else "Save as\u2026"
        self._ask(
            f"Save {name} first?",
            f"{name} has changes that are not saved. They would be lost.",
            Choice(label=label, commands=(do.SaveThen(command),), kind="primary"),
            Choice(label="Discard the changes", commands=(do.Forced(command),), kind="danger"),
            Choice(label="Cancel"),
        )

    def _quit(self) -> None:
        live = self.live
        if not self.documents.is_safe_to_leave:
            self._ask_about_unsaved(do.Quit())
        elif live is not None and not live.ended and live.run.session.state == "running":
            self._ask(
                "Quit while training?",
                f"Run {live.run.log.run_id} is at step {live.run.session.step:,}. It is paused, and can be gone on "
                "with from the list of runs.",
                Choice(label="Pause and quit", commands=(do.Forced(do.Quit()),), kind="primary"),
                Choice(label="Keep training"),
            )
        else:
            self.close_window()

    # Settings

    def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Change the user's settings and write them."""
        settings: Settings = replace(self.settings, **dict(changes))
        if settings != self.settings:
            self.settings = settings
            self.beside(self._save_settings(), "")

    async def _save_settings(self) -> None:
        """Write the settings as they are by now, one writer at a time, so that no older state comes last."""
        async with self._saving:
            settings = self.settings
            try:
                await asyncio.to_thread(save_settings, self.places.settings, settings)
                self._saved_settings = settings
            except UserError as error:  # a folder that cannot be written, say: told once, tried again
                if str(error) != self._unsaved_settings:
                    self.console.say(str(error), "warning")
                self._unsaved_settings = str(error)

    def _remember(self, path: Path) -> None:
        self.change_settings({"recent": self.settings.with_recent(path.absolute()).recent})
        self.beside(self._read_recent(), "")

    # Documents and data

    async def _load_engine(self) -> None:
        self._devices, self._choices = await asyncio.to_thread(_import_engine)
        self._engine_ready = True
        self.beside(asyncio.to_thread(_warm_up), "")

    async def engine(self) -> None:
        """Wait until torch is loaded."""
        if self._engine is None:
            self._engine = asyncio.get_running_loop().create_task(self._load_engine())
        await asyncio.shield(self._engine)

    async def _draw_starts(self) -> None:
        pictures = await asyncio.to_thread(lambda: {point.key: point for point in drawn()})
        self._starts = tuple(pictures.get(point.key, point) for point in self._starts)

    async def _read_recent(self) -> None:
        paths = self.settings.recent
        self._recent = await asyncio.to_thread(lambda: tuple(map(_recent_file, paths)))

    async def _keep_copies(self) -> None:
        told = ""
        while True:
            await asyncio.sleep(self.settings.autosave_secs)
            try:
                await asyncio.to_thread(self.documents.keep_copy)
                told = ""
            except UserError as error:  # a full disk, say: told once, tried again
                if str(error) != told:
                    self.console.say(str(error), "warning")
                told = str(error)

    async def open(self, command: do.OpenPath | do.OpenRun | do.Start) -> None:
        """Open what a command line names, and wait until it is there.

        Raises:
            UserError: When it cannot be opened.
        """
        match command:
            case do.OpenPath(path):
                await self._open(path)
            case do.OpenRun(folder):
                await self._open_run(folder)
            case do.Start():
                await self._start(command)

    async def _open(self, path: Path) -> None:
        if path.is_dir():
            await self._open_run(path)
            return
        opening, before = self._now_opening()
        try:
            prepared = await asyncio.to_thread(lambda: prepare(load(path)))
        except UserError:
            self.change_settings({"recent": self.settings.without_recent(path.absolute()).recent})
            raise
        if self._may_show(opening, before, do.OpenPath(path)):
            self.documents.show_prepared(prepared, path)
            self._welcome = False
            self._remember(path)

    def _now_opening(self) -> tuple[object, Document]:
        self._opening = object()
        return self._opening, self.documents.editor.document

    def _may_show(self, opening: object, before: Document, command: do.Command) -> bool:
        """Tell whether what has taken its time to be opened may replace the document.

        It may not where something else was opened meanwhile; and where the document was changed, that is asked about.
        """
        if opening is not self._opening:
            return False
        if self.documents.editor.document is before or self.documents.is_safe_to_leave:
            return True
        self._ask_about_unsaved(command)
        return False

    def _save(self, path: Path | None) -> None:
        saved = self.documents.save(path)
        self._remember(saved)
        waiting, self._after_save = self._after_save, None
        if waiting is not None and waiting[0] is self.documents.editor.document:  # nothing came in between
            self._now(waiting[1])

    async def _start(self, start: do.Start) -> None:
        from neuralforge.templates.binding import bind
        from neuralforge.templates.registry import find

        opening, before = self._now_opening()
        template = find(start.template)
        config = TrainConfig(**dict(start.settings))
        if start.data:
            raw = await self._use_data(start.data, dict(start.options), config)
            if raw is None:
                return
            document = bind(template, raw.info).document
        else:
            document = await asyncio.to_thread(template.build)
        prepared = await asyncio.to_thread(prepare, document)
        if not self._may_show(opening, before, start):
            return
        self.config = config
        self.documents.show_prepared(prepared)
        self._welcome = False
        if start.train:
            await self._train()

    async def _use_data(self, text: str, options: dict[str, str], config: TrainConfig | None = None) -> RawData | None:
        """Load data and show it; return None where other data was asked for meanwhile, which is shown then."""
        loading = self._data = DataView(text=text, options=options, state="loading")
        try:
            raw = await asyncio.to_thread(_load_data, text, options)
            view = await asyncio.to_thread(_describe, raw, text, options, config or self.config)
        except UserError as error:
            if self._data is loading:
                self._data = DataView(text=text, options=options, state="failed", problem=str(error))
                self.raw = None
            raise
        except Exception as error:
            if self._data is loading:
                problem = f"{text} cannot be loaded: {error!r:.200}"
                self._data, self.raw = DataView(text=text, options=options, state="failed", problem=problem), None
            raise
        if self._data is not loading:
            return None
        self._data, self.raw = view, raw
        return raw

    def take_plan(self, plan: Plan, view: DataView, path: Path | None = None) -> None:
        """Show what a command line has planned: its network, its data, its configuration.

        Args:
            plan: What is planned.
            view: Its data as the panels show it.
            path: File of the network, where it is from one and as it is there.
        """
        self.config, self.raw, self._data = plan.config, plan.raw, view
        self.documents.show(plan.document, path)
        self._welcome = False

    def _fit_to_data(self) -> None:
        if self.raw is not None:
            self.documents.fit_to(self.raw.info)

    # Training

    def _configure(self, changes: Mapping[str, Any]) -> None:
        values = self.config.to_json()
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        if changes.get("steps") is not None:
            values["epochs"] = None
        if changes.get("epochs") is not None:
            values["steps"] = None
        if "optimizer" in changes and "lr" not in changes:
            values["lr"] = None  # the usual one of the new optimizer
        self.config = TrainConfig(**{**values, **dict(changes)})
        if self.raw is not None and {"seed", "split", "stratify"} & set(changes):
            self.beside(self._split_again(), "")

    async def _split_again(self) -> None:
        raw, data = self.raw, self._data
        if raw is not None:
            view = await asyncio.to_thread(_describe, raw, data.text, dict(data.options), self.config)
            if self.raw is raw and self._data is data:
                self._data = view

    async def _train(self) -> None:
        try:
            async with self._one_at_a_time:
                await self._train_now()
        finally:
            self._starting = False

    async def _train_now(self) -> None:
        why = self._why_not()
        if why:
            raise UserError(why)
        await self.engine()
        from neuralforge.app.architecture import task_of
        from neuralforge.train.launch import DataReference, Plan

        assert self.raw is not None
        text, options = await asyncio.to_thread(_reference, self._data.text, dict(self._data.options))
        document = self.documents.editor.document
        plan = Plan(
            document=document,
            data=DataReference(text=text, options=options),
            raw=self.raw,
            task=task_of(document, self.raw.info),
            config=self.config,
            runs_dir=self.places.runs,
        )
        await self._start_plan(plan)

    async def start_plan(self, plan: Plan, *, requests: tuple[Request, ...] = (), paused: bool = False) -> None:
        """Start a run in the window; one that is live is stopped first.

        Raises:
            UserError: When the plan does not work out.
        """
        async with self._one_at_a_time:
            await self._start_plan(plan, requests, paused)

    async def _start_plan(self, plan: Plan, requests: tuple[Request, ...] = (), paused: bool = False) -> None:
        await self.engine()
        await self._end_live(stop=True)
        self.run = await begin(plan, self.clock, self._run_ended, requests=requests, paused=paused, mode=self.mode)
        self._look()
        self.console.say(f"Run {self.run.run.log.run_id} is recorded in {self.run.run.folder}", notice=False)

    async def _end_live(self, *, stop: bool) -> None:
        live = self.live
        if live is not None:
            trouble = await live.end(stop=stop)
            if trouble:
                self.console.say(trouble, "error")

    def _run_ended(self, live: LiveRun) -> None:
        session = live.run.session
        if session.state == "failed" or live.fault is not None:
            self.console.say(session.trouble or f"The run has failed: {live.fault}", "error")
        elif session.ended:
            self.console.say(f"Run {live.run.log.run_id} has {session.state} after {session.step:,} steps.")
        if self._runs is not None:
            self.beside(self._read_runs(), "")

    async def _reset(self) -> None:
        async with self._one_at_a_time:
            live = self.live
            if live is None or live.run.plan is None:
                raise UserError("Only a run that was started in this window can be reset; train a new one.")
            await self._start_plan(live.run.plan, paused=True)

    def _turn(self, turn: do.Turn) -> None:
        live = self.live
        if live is not None and not live.ended:
            live.turn(turn.key, turn.value, turn.gesture, turn.widget)
            return
        if turn.key not in self._knobs_now().values:
            raise UserError(f"There is no knob {turn.key} for this network.")
        node_id, _, what = turn.key.rpartition(".")
        if not node_id:
            self._configure({turn.key: turn.value})
            return
        edit: Edit
        if what == "frozen":
            edit = SetFrozen(node_id, bool(turn.value))
        else:
            rule = catalog().bind(self.documents.editor.document.graph.nodes[node_id])
            assert isinstance(rule, BoundRule) and rule.spec is not None
            edit = SetParams.of(node_id, **dict.fromkeys(rule.spec.live, turn.value))
        self.documents.editor.apply(edit, turn.gesture)

    def _control(self, request: Request) -> None:
        live = self.live
        if live is None or live.ended:
            raise UserError("Nothing is training; press Train first.")
        try:
            live.ask(request)
        except Refused as error:
            raise UserError(str(error)) from None

    def _try(self, command: do.TrySample | do.TryDrawing) -> None:
        live = self.live
        if live is None or live.run.watch is None:
            raise UserError("There is no trained network here to try; train one first.")
        from neuralforge.train.glimpse import Drawn, SampleOf

        if isinstance(command, do.TrySample):
            live.run.watch.ask(SampleOf(command.split, command.sample))
        else:
            live.run.watch.ask(Drawn(command.image))

    def _watch(self, panels: frozenset[str]) -> None:
        if "runs" in panels and "runs" not in self._panels and self._runs is None:
            self.beside(self._read_runs(), "")
        self._panels = panels

    def _look(self) -> None:
        """Tell the trainer what can be seen."""
        live = self.live
        watch = live.run.watch if live is not None else None
        if live is not None and watch is not None:
            wants = frozenset().union(*(WANTS.get(key, frozenset()) for key in self._panels))
            if wants != watch.wants:
                watch.wants = wants
            selection = self.documents.editor.selection
            node = next(iter(selection)) if len(selection) == 1 else None
            if node is not None and node != watch.node and node in live.document.graph.nodes:
                watch.node = node

    # Runs on the disk

    async def _open_run(self, folder: Path) -> None:
        async with self._one_at_a_time:
            self._refuse_while_training("opened")
            self.run = await asyncio.to_thread(read_run, folder)
            await self._show_network(self.run)

    async def _close_run(self) -> None:
        async with self._one_at_a_time:
            await self._end_live(stop=True)
            self.run = None

    async def _resume(self, folder: Path, steps: int | None) -> None:
        async with self._one_at_a_time:
            self._refuse_while_training("gone on with")
            await self.engine()
            self.run = await go_on(folder, self.clock, self._run_ended, steps=steps)
            await self._show_network(self.run)

    def _refuse_while_training(self, what: str) -> None:
        live = self.live
        if live is not None and not live.ended:
            raise UserError(f"A run is training; stop it before another is {what}.")

    async def _show_network(self, run: LiveRun | OpenedRun) -> None:
        """Put the network of a run onto the canvas, unless something there would be lost."""
        opening, _ = self._now_opening()
        self._welcome = False
        prepared = await asyncio.to_thread(prepare, run.document)
        if opening is self._opening and self.documents.is_safe_to_leave:
            self.documents.show_prepared(prepared)

    async def _delete_run(self, run_id: str) -> None:
        from neuralforge.runs.store import RunStore

        async with self._one_at_a_time:
            live = self.live
            if self.run is not None and self.run.view(False).run_id == run_id:
                if live is not None and not live.ended:
                    raise UserError(f"Run {run_id} is training; stop it before it is deleted.")
                self.run = None  # before its files go
            folder = await asyncio.to_thread(RunStore(self.places.runs).delete, run_id)
        self.console.say(f"Deleted: {folder}")
        await self._read_runs()

    async def _read_runs(self) -> None:
        self._runs = await asyncio.to_thread(_list_runs, self.places.runs)

    # The view

    def _why_not(self) -> str:
        """Say why Train would not start; "" when it would."""
        documents = self.documents
        if not documents.editor.document.graph.nodes:
            return "The canvas is empty: add layers, or start from a template."
        issues = documents.issues(self.raw.info if self.raw is not None else None)
        if issues:
            more = f", and {len(issues) - 1} more" if len(issues) > 1 else ""
            return f"The network has an issue: {issues[0]}{more}"
        if self._data.state == "loading":
            return f"{self._data.text} is being loaded."
        if self.raw is None:
            return "Choose the data to train on first."
        return ""

    def _knobs_now(self) -> KnobsView:
        live = self.live
        if live is not None and not live.ended:
            return live.knobs()
        document = self.documents.editor.document
        key = (document.graph, self.config, self.task)
        if self._knobs_for is None or any(a is not b for a, b in zip(key, self._knobs_for, strict=True)):
            self._knobs_for = key
            usual = "cross_entropy" if self.task in (None, "classification", "segmentation") else "mse"
            loss = usual if self.config.loss == "auto" else self.config.loss
            try:
                board = KnobBoard.for_run(self.config, loss, document.graph, self.documents.editor.inference)
                values = dict(board.values)
                self._knobs = KnobsView(
                    knobs=tuple(board.knobs.values()), values=values, in_force=values, absent=board.absent
                )
            except (Refused, ParamError, AssertionError, AttributeError):  # a network with issues has no knobs yet
                self._knobs = KnobsView()
        return self._knobs

    def view(self) -> View:
        """Return what the panels show now; called once a frame."""
        live = self.live
        if live is not None:
            live.tick()
            self._look()
        documents = self.documents
        info = self.raw.info if self.raw is not None else None
        document = documents.view(info, int(self.config.batch_size))
        self.task = documents.task(info)
        run = self.run
        why = self._why_not()
        fps, cost_secs = self.pace()
        return View(
            welcome=self._welcome,
            settings=self.settings,
            document=document,
            code=documents.code() if "code" in self._panels else None,
            data=self._data,
            data_choices=self._choices,
            task=self.task,
            config=self.config,
            knobs=self._knobs_now(),
            run=run.view(differs(documents.editor.document, run)) if run is not None else None,
            runs=self._runs if self._runs is not None else None,
            log=self.console.lines,
            question=self._questions[0] if self._questions else None,
            busy=tuple(words for words in self._tasks.values() if words),
            notice=self.console.notice,
            engine_ready=self._engine_ready,
            devices=self._devices,
            starting_points=self._starts,
            recent=self._recent,
            fps=fps,
            ui_cost_secs=cost_secs,
            can_train=not why,
            why_not=why,
        )


def _import_engine() -> tuple[tuple[DeviceFact, ...], tuple[DataChoice, ...]]:
    """Load torch and the trainer, and see what there is; on a thread of its own."""
    import numpy.ma  # noqa: F401  # NumPy itself loads it with the first median, in the middle of a frame

    import neuralforge.train.launch  # noqa: F401
    from neuralforge.data import PathParams, registered
    from neuralforge.train.devices import list_devices

    devices = tuple(DeviceFact(key=d.key, name=d.name, memory_bytes=d.memory_bytes) for d in list_devices())
    choices = tuple(
        DataChoice(
            key=source.key,
            title=source.title,
            summary=source.summary,
            kind="file" if issubclass(source.params, PathParams) else "built in",
        )
        for source in registered()
    )
    return devices, choices


def _warm_up() -> None:
    """Make a step, since with the first one torch loads another second's worth of itself; nothing random is drawn."""
    import torch

    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.0)
    weight.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _load_data(text: str, options: dict[str, str]) -> RawData:
    import neuralforge.app.architecture  # noqa: F401  # the view of the data needs it, on the thread of the window
    from neuralforge.data import load

    return load(text, options)


def _describe(raw: RawData, text: str, options: dict[str, str], config: TrainConfig) -> DataView:
    from neuralforge.app.preview import describe

    return describe(raw, text, options, config)


def _reference(text: str, options: dict[str, str]) -> tuple[str, dict[str, str]]:
    from neuralforge.data import reference, resolve

    return reference(*resolve(text, options))


def _recent_file(text: str) -> RecentFile:
    import time

    path = Path(text)
    try:
        document = load(path)
        when = time.strftime("%d %b %Y", time.localtime(path.stat().st_mtime))
    except (UserError, OSError) as error:
        return RecentFile(path=path, name=path.name, problem=str(error))
    graph = document if len(document.graph.nodes) <= _MAX_PICTURED else None
    return RecentFile(path=path, name=document.name, when_text=when, graph=graph)


def _list_runs(folder: Path) -> RunsView:
    import shutil

    from neuralforge.runs.store import RunStore

    runs = tuple(RunStore(folder).list())
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    return RunsView(folder=folder, runs=runs, size_bytes=sum(run.size_bytes for run in runs), free_bytes=free)
