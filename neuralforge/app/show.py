"""Shows the window: brings together application, panels and frame loop, and carries out what a command line scripts."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import platformdirs
from imgui_bundle import imgui

from neuralforge.app.desktop import Desktop, Places
from neuralforge.app.output import default_runs_dir
from neuralforge.app.rundesk import LiveRun
from neuralforge.app.screen import display_problem
from neuralforge.app.window import Window
from neuralforge.errors import UserError
from neuralforge.runs.errors import reason
from neuralforge.ui.arranging import FRESH_FRAMES
from neuralforge.ui.backend import BackendKind
from neuralforge.ui.host import Host
from neuralforge.ui.local import ChoosePath, FitCanvas
from neuralforge.workbench.commands import Command, OpenPath, OpenRun, ShowWelcome, Start
from neuralforge.workbench.requests import Request

SETTLE_FRAMES: Final = 12
"""Frames until a picture shows what has just changed: a new arrangement, the last looks into a network."""

PICTURE_PART: Final = 0.9
"""How much of a run is done when a picture of it is taken: the curves are there, and they still grow."""

LOOK_SECS: Final = 0.01

LOST: Final = 3
"""Exit code when the display went away, and nothing else was wrong."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """What the window is to do by itself.

    Args:
        opens: A document, a run or a template to open.
        arch: A template or document to bind to `data`, in place of `opens`.
        data: The data.
        settings: `KEY=VALUE` texts, as `--set` takes them.
        config: Fields of the configuration that were given by options of their own.
        requests: Changes at later steps.
        train: Whether to train.
        exit: Whether to close the window when all that is done.
        screenshot: Where to write a picture, towards the end of the run or when all is in view.
    """

    opens: OpenPath | OpenRun | Start | None = None
    arch: str | None = None
    data: str | None = None
    settings: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    requests: Sequence[Request] = ()
    train: bool = False
    exit: bool = False
    screenshot: Path | None = None


def usual_places(runs_dir: Path | None = None) -> Places:
    """Return where the window of a user keeps its things."""
    config = Path(platformdirs.user_config_dir("neuralforge", appauthor=False))
    state = Path(platformdirs.user_state_dir("neuralforge", appauthor=False))
    return Places(
        runs=runs_dir or default_runs_dir(),
        settings=config / "settings.json",
        layout=config / "layout.ini",
        recovery=state / "unsaved",
    )


def unattended_places(folder: Path, runs_dir: Path | None = None) -> Places:
    """Return places for a window that nobody sits at: it takes the user's settings, and leaves all of theirs alone.

    Args:
        folder: An empty folder for what is thrown away afterwards.
        runs_dir: Folder of all runs.
    """
    usual = usual_places(runs_dir)
    settings = folder / "settings.json"
    with suppress(OSError):  # there are none yet, or they cannot be read
        shutil.copyfile(usual.settings, settings)
    return Places(runs=usual.runs, settings=settings, layout=None, recovery=folder / "unsaved")


class Shown:
    """A window with its application.

    Args:
        desktop: The application.
        kind: How the window is drawn.
        size_px: Its width and height.

    Attributes:
        desktop: The application.
        host: What is inside the window.
        window: The window.
        interrupted: The signal that closed the window, if one did.
    """

    def __init__(
        self, desktop: Desktop, *, kind: BackendKind = "screen", size_px: tuple[int, int] = (1600, 1000)
    ) -> None:
        self.desktop = desktop
        self.host = Host(desktop)
        self.window = Window(
            self.host,
            kind=kind,
            size_px=size_px,
            title="NeuralForge",
            clock=desktop.clock,
            ini_path=_kept_layout(desktop),
        )
        self.interrupted: signal.Signals | None = None
        self.window.on_loss = desktop.documents.keep_copy_now
        desktop.port = self

    # What the application needs of the window

    def close(self) -> None:
        """Close the window after this frame."""
        self.window.shut()

    def shoot(self, path: Path) -> None:
        """Write a picture of the window, and tell."""

        async def shoot() -> None:
            await self.picture(path)
            self.desktop.console.say(f"Picture written: {path}")

        self.desktop.beside.start(shoot())

    def to_clipboard(self, text: str) -> None:
        """Put a text into the system's clipboard."""
        if self.window.is_open:
            imgui.set_clipboard_text(text)

    def ask_for_file(self, then: Command) -> None:
        """Ask for a file to save the document to."""
        self.host.post(ChoosePath("save", then))

    def pace(self) -> tuple[float, float]:
        """Return frames a second, and the seconds that one takes."""
        return 1 / max(self.window.frame_secs, 1e-6), self.window.cost_secs

    async def run(self, script: Script | None = None) -> int:
        """Show the window until it is closed: by the person, by a script that ends it, or by a signal.

        A run that still trains is paused then, so that it can be gone on with. Where the display goes away, a run that
        trains is gone on with to its end first, without a window.

        Args:
            script: What to do by itself.

        Returns:
            The exit code: 0; 1 when the run of a script that ends the window has failed, or the window was closed
            before; 3 when the display went away, unless a run failed that was gone on with (1); 128 and the number of
            the signal that closed it.

        Raises:
            UserError: When what a script asks for that ends the window cannot be done, or the display goes away before
                there is a window.
        """
        window, desktop = self.window, self.desktop
        scripted: asyncio.Task[int] | None = None
        with self._signals():
            asyncio.get_running_loop().set_exception_handler(self._lost)
            try:
                self._open()
                window.frame()  # before torch is loaded, so that there is something to see at once
                desktop.begin()
                if script is not None:
                    ends = script.exit
                    scripted = asyncio.get_running_loop().create_task(self._follow(script))
                    scripted.add_done_callback(lambda done: self._followed(done, ends=ends))
                await window.run()
                if window.lost:
                    return await self._go_on_unseen(scripted)
                if self.interrupted is not None:
                    return 128 + self.interrupted
                if scripted is None or script is None or not script.exit:
                    return 0
                return scripted.result() if scripted.done() else 1
            finally:
                if scripted is not None and not scripted.done():
                    scripted.cancel()
                    with suppress(asyncio.CancelledError, UserError):
                        await scripted
                window.close()
                await desktop.end()

    def _open(self) -> None:
        """Make the window, and say so where the display went away just before."""
        try:
            self.window.open()
        except RuntimeError:
            problem = display_problem() if self.window.backend.kind == "screen" else None
            if problem is None:
                raise
            raise UserError(problem) from None

    async def _go_on_unseen(self, scripted: asyncio.Task[int] | None) -> int:
        """Let a run that trains, or that is about to, reach its end without a window; return the exit code."""
        desktop, run = self.desktop, None
        follows = scripted is not None and not scripted.done()
        desktop.documents.keep_copy_now()
        _tell("The display went away, and the window with it.")
        while self.interrupted is None:
            live = desktop.live
            if live is not None and not live.ended and live is not run:
                run = live
                run.driver.mode = "worker"  # there is no frame to wait for
                desktop.training.look(frozenset(), frozenset())  # and nobody sees what is looked at
                folder = run.run.folder
                _tell(f"Run {folder.name} goes on without it and is recorded in {folder}; Ctrl+C pauses it.")
            is_planned = follows and scripted is not None and not scripted.done() and desktop.live is None
            if not (is_planned or desktop.is_busy()):
                break
            await asyncio.sleep(LOOK_SECS)
        if self.interrupted is not None:
            return 128 + self.interrupted
        if follows and scripted is not None and scripted.done():
            scripted.result()  # it may have been refused
        return 1 if run is not None and has_failed(run) else LOST

    def _lost(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of what nobody has caught: an exception in a callback, or of a task that nobody waits for."""
        error = context.get("exception") or RuntimeError(str(context.get("message")))
        self.desktop.fault(error, "Something went wrong beside the window")

    # Signals

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let SIGINT (Ctrl-C), SIGTERM and SIGHUP close the window between two frames, where the platform can."""
        loop = asyncio.get_running_loop()
        taken = []
        for number in _closing_signals():
            with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
                loop.add_signal_handler(number, self._interrupt, number)
                taken.append(number)
        try:
            yield
        finally:
            for number in taken:
                loop.remove_signal_handler(number)

    def _interrupt(self, number: signal.Signals) -> None:
        """Close the window; a second signal ends the process at once, and the run is recovered from its journal."""
        if self.interrupted is not None:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.interrupted = number
        self.window.shut()

    # The script

    def _followed(self, scripted: asyncio.Task[int], *, ends: bool) -> None:
        """Close the window after a script that ends it; else tell what went wrong, and stay."""
        if ends:
            self.window.shut()
        elif not scripted.cancelled():
            error = scripted.exception()
            if isinstance(error, UserError):
                self.desktop.console.say(str(error), "error")
            elif error is not None:
                self.desktop.fault(error, "The window could not be set up as asked")

    async def _follow(self, script: Script) -> int:
        desktop = self.desktop
        code = 0
        if script.opens is not None:
            desktop.carry_out([ShowWelcome(False)])
            await desktop.open(script.opens)
        live = None
        if script.arch is not None and script.data is not None:
            live = await self._plan(script, script.arch, script.data)
        if script.screenshot is not None:
            await self._settle()
            if live is not None:
                await self._until_late(live)
            try:
                await self.picture(script.screenshot)
            except UserError as error:
                if not self.window.lost:
                    raise
                _tell(str(error))
        if live is not None and script.exit:
            await self._until(live, lambda: False)
            code = 1 if has_failed(live) else 0
        return code

    async def _plan(self, script: Script, arch: str, data: str) -> LiveRun | None:
        """Bind a network to data and show both; return the run when it is to be trained."""
        desktop = self.desktop
        desktop.carry_out([ShowWelcome(False)])
        await desktop.engine()
        from neuralforge.app.planning import plan_for_window

        planned = await asyncio.to_thread(
            plan_for_window, arch, data, settings=script.settings, runs_dir=desktop.places.runs, **script.config
        )
        desktop.take_plan(planned.plan, planned.view, planned.path)
        if not script.train:
            return None
        await desktop.training.start(planned.plan, requests=tuple(script.requests))
        await self._frames(FRESH_FRAMES)  # the arrangement for training is laid out
        self.host.post(FitCanvas())
        return desktop.live

    async def _until_late(self, live: LiveRun) -> None:
        """Wait until most of a run is done."""
        session = live.run.session
        await self._until(live, lambda: session.step >= PICTURE_PART * session.total_steps())
        if live.ended:
            await self._frames(SETTLE_FRAMES)

    async def _until(self, live: LiveRun, holds: Callable[[], bool]) -> None:
        """Wait until something holds, the run is over, or it waits for help that nobody will give."""
        session = live.run.session
        while not (live.task.done() or holds() or (session.state == "paused" and session.trouble)):
            await asyncio.sleep(LOOK_SECS)

    async def _settle(self) -> None:
        """Wait until nothing is on its way, so that two pictures of the same are the same."""
        for _ in range(2):  # what is seen may ask for more: for the network of a run, say
            await self.desktop.settled()
            await self._frames(SETTLE_FRAMES)

    async def picture(self, path: Path) -> None:
        """Write a picture of the window.

        Raises:
            UserError: When it cannot be written.
        """
        try:
            await asyncio.wrap_future(self.window.screenshot(path))
        except OSError as error:
            raise UserError(f"The picture {path} cannot be written: {reason(error)}.") from None

    async def _frames(self, count: int) -> None:
        until = self.window.frames + count
        while self.window.frames < until and not self.window.is_closing:
            self.window.wake()
            await asyncio.sleep(LOOK_SECS)


def _kept_layout(desktop: Desktop) -> Path | None:
    """Return where the arrangement of the panels is kept; tell, and return None, where it cannot be."""
    path = desktop.places.layout
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(path if path.exists() else path.parent, os.W_OK) else "it cannot be written"
    except OSError as error:
        why = reason(error)
    if not why:
        return path
    desktop.console.say(f"The arrangement of the panels is not kept in {path}: {why}.", "warning")
    return None


def has_failed(live: LiveRun) -> bool:
    """Tell whether a run has failed, or waits for help."""
    session = live.run.session
    return session.state == "failed" or session.trouble is not None


def _closing_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that close a window; SIGHUP, for a terminal that is gone, unless `nohup` keeps it off."""
    signals = (signal.SIGINT, signal.SIGTERM)
    if sys.platform == "win32" or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return signals
    return *signals, signal.SIGHUP


def _tell(sentence: str) -> None:
    """Tell the terminal, which may have gone away with the display."""
    with suppress(OSError):
        print(f"neuralforge: {sentence}", file=sys.stderr, flush=True)
