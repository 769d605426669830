"""`neuralforge.open` and `neuralforge.live`: what they make, and the one that lives."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from neuralforge.app.commands.open import what_to_open
from neuralforge.app.desktop import Desktop
from neuralforge.app.notebook.arguments import data_options_of, runs_folder
from neuralforge.app.notebook.handle import Handle
from neuralforge.app.notebook.loops import before_exit, find_loop
from neuralforge.app.notebook.opening import Planning, WindowKind, Wish
from neuralforge.app.notebook.station import Station
from neuralforge.app.planning import is_module, plan_for_window, read_words
from neuralforge.app.rundesk import LiveRun
from neuralforge.app.screen import display_problem
from neuralforge.app.show import usual_places
from neuralforge.app.steeredrun import SteeredRun
from neuralforge.data.given import keep
from neuralforge.errors import UserError
from neuralforge.graph.document import SUFFIX, Document
from neuralforge.templates.registry import find
from neuralforge.ui.backend import BackendKind
from neuralforge.workbench import commands as do
from neuralforge.workbench.config import config_fields

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from neuralforge.app.notebook.live import Live

SIZE_PX: Final = (1280, 800)
_WITHOUT: Final = "NeuralForge goes on without a window: what it trains is recorded and can be steered from code."


class _Place:
    """The one application of this process: Hello ImGui has one place for a window."""

    def __init__(self) -> None:
        self._station: Station | None = None
        self._ends_at_exit = False

    def take(
        self,
        window: WindowKind,
        runs_dir: Path,
        size_px: tuple[int, int],
        *,
        asks: bool = False,
        outlives_window: bool = False,
    ) -> Station:
        """Make an application, in place of the one that may be open."""
        if window not in get_args(WindowKind):
            raise UserError(f"window is one of {', '.join(get_args(WindowKind))}. Received: {window!r:.80}")
        if not (isinstance(size_px, tuple | list) and len(size_px) == 2 and all(type(px) is int for px in size_px)):
            raise UserError(f"size is (width, height) in pixels. Received: {size_px!r:.80}")
        before = self._station
        if before is not None and before.is_open:
            live = before.desktop.training.training
            had_window = before.is_drawn
            before.close()
            which = f" Its run {live.run.log.run_id} is {_ended(live)}." if live is not None else ""
            what = "The window that" if had_window else "What"
            print(f"{what} was open is closed, since there can be one in a process.{which}")
        if not self._ends_at_exit:
            self._ends_at_exit = True
            before_exit(self._end)
        kind = _kind(window)
        desktop = Desktop(usual_places(runs_dir))
        self._station = Station(find_loop(), desktop, kind, size_px, outlives_window=outlives_window)
        self._station.open(asks=asks)
        return self._station

    def _end(self) -> None:
        if self._station is not None:
            self._station.end_at_exit()


_PLACE: Final = _Place()


def open_workbench(
    what: Any = None,
    data: Any = None,
    *,
    target: Any = None,
    data_options: Mapping[str, str] | None = None,
    runs: str | Path | None = None,
    window: WindowKind = "auto",
    size: tuple[int, int] = SIZE_PX,
    **config: Any,
) -> Handle:
    """Do what `neuralforge.open` says."""
    known = {item.name for item in config_fields()}
    for key in config:
        if key not in known:
            raise UserError(f"open() knows no {key!r:.80}. There are: {', '.join(sorted(known))}.")
    arch = _arch(what)
    runs_dir, options = runs_folder(runs), data_options_of(data_options)
    text = None
    if data is not None:
        text, options = keep(data, runs_dir, target=target, options=options)
    wish = Wish(arch=arch, data=text, data_options=options, config=config, runs_dir=runs_dir)
    planning = _planning(wish)
    commands = _commands(wish) if planning is None else []
    station = _PLACE.take(window, wish.runs_dir, size, asks=planning is None and not commands)
    station.loop.call(lambda: station.desktop.carry_out(commands))
    return Handle(station, planning)


def watch_loop(
    model: Any,
    optimizer: Any,
    *,
    name: str = "",
    runs: str | Path | None = None,
    window: WindowKind = "auto",
    size: tuple[int, int] = SIZE_PX,
    **bounds: tuple[float, float],
) -> Live:
    """Do what `neuralforge.live` says."""
    import torch

    from neuralforge.app.notebook.live import Live
    from neuralforge.app.notebook.own_source import source_of
    from neuralforge.app.ownrun import OwnRun
    from neuralforge.app.steeredrun import RunFeed
    from neuralforge.train.own_launch import start_own_loop
    from neuralforge.train.own_levers import OwnLevers
    from neuralforge.train.own_module import module_rows

    if not (isinstance(model, torch.nn.Module) and isinstance(optimizer, torch.optim.Optimizer)):
        kinds = f"{type(model).__name__}, {type(optimizer).__name__}"
        raise UserError(f"live() takes an nn.Module and its torch.optim.Optimizer. Received: {kinds}")
    _refuse_other_weights(model, optimizer)  # what is wrong is said before a window that is open is closed
    OwnLevers(optimizer, bounds)
    if not isinstance(name, str):
        raise UserError(f"name is what the run is called. Received: {name!r:.80}")
    runs_dir = runs_folder(runs)
    source, feed = source_of(model), RunFeed()
    station = _PLACE.take(window, runs_dir, size, outlives_window=True)
    try:
        run = start_own_loop(model, optimizer, bounds, name=name, source=source, runs_dir=runs_dir, feed=feed)
    except BaseException:
        station.close()
        raise
    own = OwnRun(run, feed, module_rows(model), source)
    station.loop.call(station.settle)
    station.loop.call(lambda: station.desktop.show_own_run(own))
    return Live(station, own)


def _refuse_other_weights(model: nn.Module, optimizer: Optimizer) -> None:
    """Refuse an optimizer that would never touch the model; a model without weights of its own may have any.

    Raises:
        UserError: When it holds none of the model's parameters.
    """
    weights = {id(weight) for weight in model.parameters()}
    if weights and not any(id(weight) in weights for group in optimizer.param_groups for weight in group["params"]):
        raise UserError(
            f"The optimizer holds none of the {len(weights)} parameters of the model; make it of those that train: "
            f"{type(optimizer).__name__}(model.parameters(), ...)."
        )


def _ended(run: SteeredRun) -> str:
    return "paused, and can be gone on with" if isinstance(run, LiveRun) else "ended"


def _planning(wish: Wish) -> Planning | None:
    """Return what makes the plan; what can be told at once to be wrong with it is told at once."""
    arch, data = wish.arch, wish.data
    if arch is None or data is None:
        return None
    from neuralforge.data import resolve

    settings = tuple(f"data.{key}={value}" for key, value in wish.data_options.items())
    read_words(arch, settings, wish.config)
    resolve(data, dict(wish.data_options))
    return Planning(
        _name(arch), lambda: plan_for_window(arch, data, settings=settings, runs_dir=wish.runs_dir, **wish.config)
    )


def _name(arch: str | Document | nn.Module) -> str:
    """Return what a network is called before it is read."""
    if isinstance(arch, Document):
        return arch.name
    return Path(arch).name.removesuffix(SUFFIX) if isinstance(arch, str) else type(arch).__name__


def _arch(what: Any) -> str | Document | nn.Module | None:
    if what is None or isinstance(what, str | Document) or is_module(what):
        return what  # type: ignore[no-any-return]
    if isinstance(what, Path):
        return str(what)
    raise UserError(
        f"open() takes a template's name, a path, a document or an nn.Module. Received: {type(what).__name__}"
    )


def _commands(wish: Wish) -> list[do.Command]:
    """Return what shows a network or data alone; nothing, where there is neither.

    Raises:
        UserError: When there is no such network.
    """
    commands: list[do.Command] = []
    if is_module(wish.arch):
        raise UserError("A module of your own is shown when it is trained: open it with the data, data=...")
    if isinstance(wish.arch, Document):
        commands += [do.ShowWelcome(False), do.ShowDocument(wish.arch)]
    elif wish.arch is not None:
        opens = what_to_open(str(wish.arch))
        template = isinstance(opens, do.Start)  # which is there at once
        commands += [do.ShowWelcome(False), do.ShowDocument(find(str(wish.arch)).build()) if template else opens]
    if wish.data is not None:
        commands += [do.ShowWelcome(False), do.UseData(wish.data, dict(wish.data_options))]
    return commands


def _kind(window: WindowKind) -> BackendKind | None:
    """Decide how to draw; where there is no display, say so."""
    if window == "none":
        return None
    if window != "auto":
        return window
    problem = display_problem(instead="")
    if problem is None:
        return "screen"
    sys.stderr.write(f"{problem} {_WITHOUT}\n")
    return None
