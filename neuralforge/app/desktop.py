"""The application behind the window: carries out commands, and fills the view that the panels draw from.

Everything here happens on the thread of the event loop, between two frames. What takes longer than a frame (torch
itself, data, networks, files) goes to a thread and comes back as a task. The open document, the chosen data, training,
what can be taken back, opening and the settings have a desk each; this is what they have in common.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from neuralforge.app.beside import Beside
from neuralforge.app.console import Console
from neuralforge.app.datadesk import DataDesk
from neuralforge.app.documentdesk import DocumentDesk
from neuralforge.app.drivers import FrameClock, Mode
from neuralforge.app.errands import load_engine, reference_of, warm_up
from neuralforge.app.historydesk import HistoryDesk
from neuralforge.app.openingdesk import Asks, OpeningDesk
from neuralforge.app.ownrun import OwnRun
from neuralforge.app.port import NoWindow, Port
from neuralforge.app.rundesk import LiveRun, differs
from neuralforge.app.settingsdesk import SettingsDesk
from neuralforge.app.starts import bare, drawn
from neuralforge.app.trainingdesk import TrainingDesk
from neuralforge.errors import UserError
from neuralforge.workbench import commands as do
from neuralforge.workbench.requests import Request
from neuralforge.workbench.view import (
    Choice,
    DataChoice,
    DataView,
    DeviceFact,
    Question,
    StartingPoint,
    View,
)

if TYPE_CHECKING:
    from neuralforge.train.launch import Plan

COPY_QUIET_SECS: Final = 0.5
"""Unsaved work is copied when it was left alone for so long, and in any case after `autosave_secs`."""


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
        data: The chosen data.
        training: The configuration, the run in the panels, and the runs on the disk.
        history: The changes that can be taken back.
        beside: What goes on beside the frames.
        console: What was said.
        settings: The user's settings.
        opening: What puts something else onto the canvas.
        port: The window; set by whoever has one.
        leaving: Whether the person closed the window, and was asked about unsaved work.
        waits_for: What holds up the window, for the status bar; "" for nothing.
    """

    def __init__(self, places: Places, clock: FrameClock | None = None, mode: Mode = "auto") -> None:
        self.places = places
        self.clock = clock or FrameClock()
        self.console = Console()
        self.beside = Beside(self.console, self.fault)
        self.settings = SettingsDesk(places.settings, self.console, self.beside)
        self.documents = DocumentDesk(places.recovery, self.console)
        self.data = DataDesk()
        self.training = TrainingDesk(places.runs, self.clock, mode, self.console, self.beside, self.engine)
        self.history = HistoryDesk(self.documents, self.data, self.training, self.beside)
        asks = Asks(engine=self.engine, train=self._train, about_unsaved=self._ask_about_unsaved)
        self.opening = OpeningDesk(self.documents, self.data, self.training, self.history, self.settings, asks)
        self.port: Port = NoWindow()
        self.leaving = False
        self.waits_for = ""
        self._choices: tuple[DataChoice, ...] = ()
        self._devices: tuple[DeviceFact, ...] | None = None
        self._engine: asyncio.Task[None] | None = None
        self._engine_ready = False
        self._starting = False
        self._starts: tuple[StartingPoint, ...] = bare()
        self._questions: list[Question] = []
        self._panels: frozenset[str] = frozenset()
        self._wants: frozenset[str] = frozenset()
        self._first: tuple[asyncio.Task[None], ...] = ()

    # The loop around it

    def begin(self, *, asks: bool = True) -> None:
        """Start what runs beside the frames: loading torch, reading recent files, keeping copies of unsaved work.

        Args:
            asks: Whether to ask about unsaved work that was found; else it is told of, and asked about another time.
        """
        self.beside.start(self.engine(), "Loading PyTorch")
        self._first = (self.beside.start(self._draw_starts()), self.beside.start(self.settings.read_recent()))
        self.beside.start(self._keep_copies())
        for found in self.documents.left_behind():
            name = found.document.name
            if not asks:
                what = f"Unsaved work was found: {name}, of {found.when_text}."
                self.console.say(f"{what} NeuralForge asks about it when it is opened by itself.", notice=False)
                continue
            self._ask(
                "Unsaved work was found",
                f"NeuralForge ended unexpectedly while {name} was not saved. The copy is of {found.when_text}.",
                Choice(label="Open the copy", commands=(do.Recover(found.file),), kind="primary"),
                Choice(label="Throw it away", commands=(do.Recover(found.file, discard=True),), kind="danger"),
                Choice(label="Not now"),
            )

    async def end(self) -> None:
        """Let go of everything: a live run is paused, so that it can be gone on with.

        The copy of unsaved work goes where the person closed the window and was asked; else it is brought up to date.
        """
        await self._end_tasks()  # first, so that none of them begins another run
        try:
            await self.training.end()
        except Exception as error:
            self.fault(error, "The run could not be paused")
        await self._end_tasks()
        await self.settings.end()
        if self.leaving:
            self.documents.forget_copy()
        else:
            self.documents.keep_copy_now()

    async def _end_tasks(self) -> None:
        await self.beside.end()
        if self._engine is not None:
            self._engine.cancel()
            await asyncio.gather(self._engine, return_exceptions=True)

    def is_busy(self) -> bool:
        """Return whether something moves without input, so that frames must go on at full rate."""
        run = self.training.live
        return (run is not None and run.moves) or bool(self.beside.words)

    async def settled(self) -> None:
        """Wait until everything is there that is being loaded; a run may still train."""
        await self.engine()
        await self.beside.settled(*self._first)

    @property
    def live(self) -> LiveRun | None:
        """The run, if this window makes its steps or has made them just now."""
        live = self.training.live
        return live if isinstance(live, LiveRun) else None

    def carry_out(self, commands: list[do.Command]) -> None:
        """Carry out what was posted in a frame. A refusal is told and harms nothing."""
        for command in commands:
            try:
                self._carry_out(command)
            except UserError as error:
                self.console.say(str(error), "error")
            except Exception as error:
                self.fault(error, f"{type(command).__name__} could not be carried out")

    def perform(self, command: do.Command) -> None:
        """Carry out a command for code that wants to know how it went.

        Raises:
            UserError: When it is refused; nothing was changed.
        """
        self._carry_out(command)

    def fault(self, error: BaseException, what: str) -> None:
        """Tell of a fault of our own; copy the document first, where it is not saved."""
        copied = " A copy of the document is kept." if self.documents.keep_copy_now() else ""
        details = "".join(traceback.format_exception(error))
        self.console.say(f"{what}: {type(error).__name__}: {error}.{copied}", "error")
        self.console.say(details, "error", notice=False)

    # Commands

    def _carry_out(self, command: do.Command) -> None:
        match command:
            case do.Forced(inner):
                self._now(inner)
            case do.NewDocument() | do.ShowDocument() | do.Start() | do.OpenPath() | do.Recover(discard=False) if (
                not self.documents.is_safe_to_leave
            ):
                self._ask_about_unsaved(command)
            case do.Quit():
                self._quit()
            case do.Answer(choice):
                self._answer(choice)
            case _:
                self._now(command)

    def _now(self, command: do.Command) -> None:
        """Carry out a command without a question; by kind, first what can be taken back."""
        if self.history.carry_out(command) or self.documents.carry_out(command, self.port.to_clipboard):
            return
        match command:
            case do.NewDocument():
                self.opening.show(None)
            case do.ShowDocument(document):
                self.opening.show(document)
            case do.OpenPath(path):
                self.beside.start(self.opening.path(path), f"Opening {path.name}")
            case do.Start():
                self.beside.start(self.opening.start(command), f"Opening {command.template}")
            case do.Save(path, then):
                self.settings.remember(self.documents.save(path))
                if then is not None:
                    self._now(then)
            case do.SaveThen(following):
                if self.documents.editor.path is None:
                    self.port.ask_for_file(following)
                else:
                    self._now(do.Save(None, following))
            case do.Recover(file, discard):
                self.documents.recover(file, discard=discard)
                self.opening.welcome = self.opening.welcome and discard
            case do.Quit():
                self.leaving = True
                self.port.close()
            case do.ShowWelcome(show):
                self.opening.welcome = show
            case do.ChangeSettings(changes):
                self.settings.change(changes)
            case do.Watch(panels, wants):
                self._watch(panels, wants)
            case do.Tell(text, level):
                self.console.say(text, level)
            case do.Screenshot(path):
                self.port.shoot(path)
            case _:
                self._about_training(command)

    def _about_training(self, command: do.Command) -> None:
        start, training = self.beside.start, self.training
        match command:
            case do.FitToData():
                if self.data.info is not None:
                    self.documents.fit_to(self.data.info)
            case do.Train():
                if self._starting:  # pressed twice: one run is enough
                    raise UserError("A run is being started.")
                self._starting = True
                start(self._train(), "Building the network")
            case do.Control(action, steps):
                training.control(Request(action=action, steps=steps, widget="toolbar"))
            case do.Reset():
                start(training.reset(), "Starting over")
            case do.RevertToRun():
                if training.run is not None:
                    self.documents.revert_to(training.run.document)
            case do.LookAtModule(path):
                training.look_at_module(path)
            case do.TrySample() | do.TryDrawing():
                training.try_out(command)
            case do.OpenRun(folder):
                start(self.opening.run(folder), f"Reading {folder.name}")
            case do.CloseRun():
                start(training.close(), "Closing the run")
            case do.ResumeRun(folder, steps):
                start(self.opening.resume(folder, steps), "Going on with the run")
            case do.DeleteRun(run_id):
                start(training.delete(run_id), "Deleting the run")
            case do.RefreshRuns():
                start(training.read_runs())
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
        live = self.training.training
        if not self.documents.is_safe_to_leave:
            self._ask_about_unsaved(do.Quit())
        elif live is not None and live.run.session.state == "running":
            self._ask(
                "Quit while training?",
                f"Run {live.run.log.run_id} is at step {live.run.session.step:,}. It is paused, and can be gone on "
                "with from the list of runs.",
                Choice(label="Pause and quit", commands=(do.Forced(do.Quit()),), kind="primary"),
                Choice(label="Keep training"),
            )
        else:
            self._now(do.Quit())

    # Beside the frames

    async def _load_engine(self) -> None:
        self._devices, self._choices = await asyncio.to_thread(load_engine)
        self._engine_ready = True
        self.beside.start(asyncio.to_thread(warm_up))

    async def engine(self) -> None:
        """Wait until torch is loaded."""
        if self._engine is None or (self._engine.done() and not self._engine_ready):
            self._engine = asyncio.get_running_loop().create_task(self._load_engine())
        await asyncio.shield(self._engine)

    async def _draw_starts(self) -> None:
        pictures = await asyncio.to_thread(lambda: {point.key: point for point in drawn()})
        self._starts = tuple(pictures.get(point.key, point) for point in self._starts)

    async def _keep_copies(self) -> None:
        """Copy unsaved work soon after each edit, and at the latest every `autosave_secs` while edits go on."""
        told, seen, changed_secs, kept_secs = "", -1, 0.0, time.monotonic()
        while True:
            await asyncio.sleep(COPY_QUIET_SECS)
            now_secs, revision = time.monotonic(), self.documents.editor.revision
            if revision != seen:
                seen, changed_secs = revision, now_secs
            quiet = now_secs - changed_secs >= COPY_QUIET_SECS
            if not quiet and now_secs - kept_secs < self.settings.now.autosave_secs:
                continue
            try:
                await self.documents.keep_copy()
                kept_secs, told = now_secs, ""
            except Exception as error:  # a full disk, say: told once, tried again
                text = str(error) if isinstance(error, UserError) else f"Unsaved work cannot be copied: {error!r:.300}"
                if text != told:
                    self.console.say(text, "warning")
                told = text

    # Opening

    async def open(self, command: do.OpenPath | do.OpenRun | do.Start) -> None:
        """Open what a command line names, and wait until it is there.

        Raises:
            UserError: When it cannot be opened.
        """
        match command:
            case do.OpenPath(path):
                await self.opening.path(path)
            case do.OpenRun(folder):
                await self.opening.run(folder)
            case do.Start():
                await self.opening.start(command)

    def take_plan(self, plan: Plan, view: DataView, path: Path | None = None) -> None:
        """Show what a command line has planned: its network, its data, its configuration.

        Args:
            plan: What is planned.
            view: Its data as the panels show it.
            path: File of the network, where it is from one and as it is there.
        """
        self.training.config = plan.config
        self.data.take(plan.raw, view)
        self.documents.show(plan.document, path)
        self.training.take_module(plan.module, self.documents.editor)
        self.opening.welcome = False

    def show_own_run(self, run: OwnRun) -> None:
        """Show the run of a loop that a person writes."""
        self.training.show(run)
        self.documents.show(run.document)
        self.opening.welcome = False

    # Training

    async def train(self, *, paused: bool = False) -> None:
        """Start a run of what is open, and wait until it is there.

        Args:
            paused: Whether it waits before its first step.

        Raises:
            UserError: When it cannot be trained; says what is missing.
        """
        await self.training.start(self._plan, paused=paused)

    async def _train(self) -> None:
        try:
            await self.train()
        finally:
            self._starting = False

    async def _plan(self) -> Plan:
        """Make a plan of what is open.

        Raises:
            UserError: When it cannot be trained; says what is missing.
        """
        why = self._why_not()
        if why:
            raise UserError(why)
        await self.engine()
        from neuralforge.app.architecture import task_of
        from neuralforge.train.launch import DataReference, Plan

        raw, view, document = self.data.raw, self.data.view, self.documents.editor.document
        assert raw is not None
        text, options = await asyncio.to_thread(reference_of, view.text, dict(view.options))
        module = self.training.module_for(self.documents.editor)
        return Plan(
            document=document if module is None else module.document,
            module=module,
            data=DataReference(text=text, options=options),
            raw=raw,
            task=task_of(document, raw.info) if module is None else raw.info.task,
            config=self.training.config,
            runs_dir=self.places.runs,
        )

    def _watch(self, panels: frozenset[str], wants: frozenset[str]) -> None:
        if "runs" in panels and "runs" not in self._panels and self.training.runs is None:
            self.beside.start(self.training.read_runs())
        self._panels, self._wants = panels, wants

    # The view

    def _why_not(self) -> str:
        """Say why Train would not start; "" when it would."""
        editor = self.documents.editor
        is_drawn = self.training.module_for(editor) is None
        if is_drawn and not editor.document.graph.nodes:
            return "The canvas is empty: add layers, or start from a template."
        issues = self.documents.issues(self.data.info)
        if is_drawn and issues:
            more = f", and {len(issues) - 1} more" if len(issues) > 1 else ""
            return f"The network has an issue: {issues[0]}{more}"
        if self.data.view.state == "loading":
            return f"{self.data.view.text} is being loaded."
        if self.data.raw is None:
            return "Choose the data to train on first."
        return ""

    def view(self) -> View:
        """Return what the panels show now; called once a frame."""
        training, documents, info = self.training, self.documents, self.data.info
        self.history.keep_up()
        if training.live is not None:
            training.live.tick()
        training.look(self._wants, documents.editor.selection)
        document = documents.view(info, int(training.config.batch_size))
        task, run, why = documents.task(info), training.run, self._why_not()
        fps, cost_secs = self.port.pace()
        return View(
            welcome=self.opening.welcome,
            settings=self.settings.now,
            document=document,
            code=documents.code() if "code" in self._panels else None,
            data=self.data.view,
            data_choices=self._choices,
            task=task,
            config=training.config,
            knobs=training.knobs(documents.editor, task),
            run=run.view(differs(documents.editor.document, run)) if run is not None else None,
            runs=training.runs,
            log=self.console.lines,
            question=self._questions[0] if self._questions else None,
            busy=(*self.beside.words, *((self.waits_for,) if self.waits_for else ())),
            notice=self.console.notice,
            engine_ready=self._engine_ready,
            devices=self._devices,
            starting_points=self._starts,
            recent=self.settings.recent,
            fps=fps,
            ui_cost_secs=cost_secs,
            can_train=not why,
            why_not=why,
        )
