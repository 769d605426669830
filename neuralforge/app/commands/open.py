"""`neuralforge open`, and `neuralforge [PATH]`: the window."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neuralforge.app.output import runs_option
from neuralforge.app.picturefile import picture_file
from neuralforge.app.screen import display_problem, offscreen_problem
from neuralforge.errors import UserError

if TYPE_CHECKING:
    from neuralforge.app.rundesk import LiveRun
    from neuralforge.app.show import Script, Shown
    from neuralforge.workbench.commands import OpenPath, OpenRun, Start
    from neuralforge.workbench.requests import Request

_LEAST_PX = (320, 240)
_MOST_PX = (7680, 4320)


@click.command("open")
@click.argument("arch", required=False)
@click.option("--data", metavar="DATA", help="Data set or path to bind the network to.")
@click.option("--train", "train_now", is_flag=True, help="Press Train as soon as the data is there.")
@click.option("--steps", type=int, metavar="N", help="Updates in all.")
@click.option("--epochs", type=int, metavar="E", help="Passes over the training data.")
@click.option("--seed", type=int, metavar="S", help="Seed of everything that is drawn.")
@click.option("--device", metavar="D", help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--threads", type=int, metavar="T", help="Threads within an operation.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="As for train; may be repeated.")
@click.option("--at", "timed", multiple=True, metavar="STEP:KEY=VALUE", help="As for train; may be repeated.")
@click.option("--exit", "exit_after", is_flag=True, help="Close the window when all that is done.")
@click.option(
    "--screenshot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="Write a picture: towards the end of the run, or when all is in view.",
)
@click.option("--size", metavar="WxH", default="1600x1000", help="Size of the window in pixels; default 1600x1000.")
@runs_option
def open_window(
    arch: str | None,
    data: str | None,
    train_now: bool,
    steps: int | None,
    epochs: int | None,
    seed: int | None,
    device: str | None,
    threads: int | None,
    settings: tuple[str, ...],
    timed: tuple[str, ...],
    exit_after: bool,
    screenshot: Path | None,
    size: str,
    runs_dir: Path,
) -> int:
    """Open the window.

    ARCH is a template, a document or a run; with DATA a template or a document is bound to that, and can be trained at
    once. Without a display, --exit draws off screen. Ctrl-C closes the window; a run is paused and can be gone on with.
    """
    given = {"steps": steps, "epochs": epochs, "seed": seed, "device": device, "threads": threads}
    given = {key: value for key, value in given.items() if value is not None}
    if data is None and (train_now or settings or timed or given):
        raise UserError("Say what to train on: neuralforge open ARCH --data DATA.")
    if data is not None and arch is None:
        raise UserError("Say which network to open: neuralforge open ARCH --data DATA.")
    if timed and not train_now:
        raise UserError("--at turns a knob of a run; it goes with --train.")
    size_px = _size(size)
    if screenshot is not None:
        screenshot = picture_file(screenshot)
    requests = _requests(timed)
    opens = None
    if arch is not None and data is not None:
        _check_words(arch, data, settings, given)
    elif arch is not None:
        opens = what_to_open(arch)
    on_screen = _can_show(exit_after)

    from neuralforge.app.show import Script

    script = Script(
        opens=opens,
        arch=arch,
        data=data,
        settings=settings,
        config=given,
        requests=requests,
        train=train_now,
        exit=exit_after,
        screenshot=screenshot,
    )
    return _show(script, size_px, runs_dir, on_screen)


def _show(script: Script, size_px: tuple[int, int], runs_dir: Path, on_screen: bool) -> int:
    """Show the window, and tell in the terminal what came of it."""
    from neuralforge.app.desktop import Desktop
    from neuralforge.app.show import Shown, unattended_places, usual_places

    with ExitStack() as kept:
        if on_screen:
            places = usual_places(runs_dir)
        else:
            places = unattended_places(Path(kept.enter_context(tempfile.TemporaryDirectory())), runs_dir)
        shown = Shown(Desktop(places), kind="screen" if on_screen else "offscreen", size_px=size_px)
        code = asyncio.run(shown.run(script))
    if script.screenshot is not None and shown.interrupted is None and code == 0:
        click.echo(f"Picture: {script.screenshot}")
    live = shown.desktop.live
    if live is not None:
        _tell_of_run(live, script.exit)
    if (shown.interrupted is not None or shown.window.lost) and on_screen:
        _tell_of_unsaved(shown)
    return code


def _tell_of_run(live: LiveRun, ends: bool) -> None:
    session, folder = live.run.session, live.run.folder
    click.echo(f"Run: {folder}")
    if session.trouble:
        click.echo(f"neuralforge: {session.trouble}", err=True)
    elif session.state == "paused":
        click.echo(f"Paused after step {session.step}. To go on: neuralforge train --resume {folder}", err=True)


def _tell_of_unsaved(shown: Shown) -> None:
    documents = shown.desktop.documents
    if not documents.is_safe_to_leave:
        name = documents.editor.document.name
        click.echo(f"{name} was not saved; the next window offers a copy of it.", err=True)


def _can_show(exit_after: bool) -> bool:
    """Return whether there is a screen to show a window on.

    Raises:
        UserError: When there is none, and a person would have to see it, or it cannot be drawn off screen either.
    """
    problem = display_problem()
    if problem is None:
        return True
    if exit_after:
        problem = offscreen_problem()
    if problem is not None:
        raise UserError(problem)
    return False


# What is checked before a window opens. None of it needs torch, or Dear ImGui.


def _requests(timed: tuple[str, ...]) -> list[Request]:
    if not timed:
        return []
    from neuralforge.app.commands.train import timed_request

    return [timed_request(text) for text in timed]


def _check_words(arch: str, data: str, settings: tuple[str, ...], given: Mapping[str, Any]) -> None:
    """Refuse what can be known to be wrong before the data is loaded."""
    from neuralforge.app.architecture import is_file
    from neuralforge.app.planning import read_words
    from neuralforge.data import resolve
    from neuralforge.graph.document import load
    from neuralforge.templates.options import parse_options
    from neuralforge.templates.registry import find

    if Path(arch).is_dir():
        raise UserError(f"{arch} is a folder; with --data goes a template or a document.")
    words, _ = read_words(arch, settings, given)
    if is_file(arch):
        load(Path(arch))
    else:
        parse_options(find(arch), words.template)
    resolve(data, words.data)


def what_to_open(arch: str) -> OpenPath | OpenRun | Start:
    """Tell what ARCH means, and look whether it can be read.

    Raises:
        UserError: When it is neither a template nor a document nor a run, or cannot be read.
    """
    from neuralforge.app.architecture import is_file
    from neuralforge.graph.document import load
    from neuralforge.templates.registry import find
    from neuralforge.workbench.commands import OpenPath, OpenRun, Start

    path = Path(arch)
    if path.is_dir() or path.suffix == ".h5":
        from neuralforge.runs.reader import RunReader

        RunReader(path)
        return OpenRun(path)
    if is_file(arch):
        if path.is_file() and path.suffix != ".json":
            raise UserError(f"{arch} is neither a document (*.nf.json) nor a run.")
        load(path)
        return OpenPath(path)
    return Start(find(arch).key)


def _size(text: str) -> tuple[int, int]:
    width, times, height = text.lower().partition("x")
    if times and width.isdecimal() and height.isdecimal() and len(text) < 20:
        size_px = int(width), int(height)
        if all(low <= px <= high for low, px, high in zip(_LEAST_PX, size_px, _MOST_PX, strict=True)):
            return size_px
    low, high = ("x".join(map(str, bound)) for bound in (_LEAST_PX, _MOST_PX))
    raise UserError(f"--size takes WxH in pixels from {low} to {high}, such as 1600x1000. Received: {text!r:.40}")
