"""Views for the tests of knobs, bars and forms: a real network, its real knobs, and runs in every state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.graph.document import Document
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.runs.events import Event
from neuralforge.templates.registry import find
from neuralforge.ui.actions import dispatch_shortcuts
from neuralforge.ui.bars import BarState, draw_app_bar, draw_status_bar, draw_tool_bar
from neuralforge.ui.kit import Kit
from neuralforge.ui.panel import Panel
from neuralforge.workbench.commands import ChangeSettings, Command, Configure, Turn
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobBoard
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.settings import Settings
from neuralforge.workbench.status import Progress
from neuralforge.workbench.view import DeviceFact, DocumentView, KnobsView, RunView, View
from tests.ui.standin import BARE, StandIn


def document_of(template: str = "small_cnn") -> Document:
    """Return a template's network."""
    made = find(template)
    return made.build(made.options())


def document_view(document: Document, **facts: Any) -> DocumentView:
    """Return what panels see of a document."""
    inference = infer_all(document.graph, catalog())
    facts.setdefault("issues", tuple(inference.issues))
    return DocumentView(document=document, inference=inference, totals=inference.totals(64), **facts)


def knobs_view(document: Document, config: TrainConfig, **facts: Any) -> KnobsView:
    """Return the knobs of a run of the document."""
    inference = infer_all(document.graph, catalog())
    board = KnobBoard.for_run(config, "cross_entropy", document.graph, inference)
    values = {**board.values, **facts.pop("values", {})}
    in_force = {**values, **facts.pop("in_force", {})}
    return KnobsView(knobs=tuple(board.knobs.values()), values=values, in_force=in_force, absent=board.absent, **facts)


def run_view(document: Document, config: TrainConfig, state: str = "running", **facts: Any) -> RunView:
    """Return a run in the middle of its third epoch."""
    trouble = facts.get("trouble")
    progress = Progress(state, 216, 1440, 3, 0.15, 0.347, {"validation/accuracy": 0.883}, trouble, 72, 72)  # type: ignore[arg-type]
    events = tuple(
        Event(operation="set", key=key, old=1.0, new=0.5, applied_step=step, status="applied", sequence=i + 1)
        for i, (key, step) in enumerate((("lr", 60), ("drop.dropout", 120), ("fc1.frozen", 180)))
    )
    usual: dict[str, Any] = {
        "run_id": "20261121-111655-small-cnn-021b", "name": document.name, "folder": Path("/tmp/run"), "live": True,
        "state": state, "progress": progress, "steps_per_sec": 182.4 if state == "running" else 0.0, "left_secs": 372.0,
        "device": "cpu", "data": "digits", "config": config, "document": document, "series": SeriesBook(),
        "events": events,
    }  # fmt: skip
    return RunView(**{**usual, **facts})


def view_of(**parts: Any) -> View:
    """Return a view of the small CNN without a run; parts replace its own."""
    config = parts.pop("config", None) or TrainConfig()
    document = parts.pop("network", None) or document_of()
    usual: dict[str, Any] = {
        "welcome": False, "settings": Settings(), "document": document_view(document), "config": config,
        "knobs": knobs_view(document, config), "engine_ready": True, "can_train": True, "fps": 60.0,
        "devices": (DeviceFact(key="cpu", name="AMD EPYC", memory_bytes=16 << 30),),
    }  # fmt: skip
    return View(**{**usual, **parts})


def live_view(state: str = "running", **parts: Any) -> View:
    """Return a view with a live run."""
    view = view_of(**parts)
    knobs = replace(view.knobs, live=state in ("ready", "running", "paused"))
    return replace(view, knobs=knobs, run=run_view(view.document.document, view.config, state, live=knobs.live))


class Hands(StandIn):
    """An application of a view: it notes what is posted, and takes over settings and knobs at once.

    Args:
        view: What is shown first.
        panels: Makes the panels, which lie side by side below the bars.
        arrangement: Which tool bar is shown.
    """

    def __init__(self, view: View, panels: Callable[[Kit], list[Panel]], arrangement: str = "train") -> None:
        super().__init__(view)
        self.bars = BarState(arrangement=arrangement)  # type: ignore[arg-type]
        self.panels = panels(self.kit)

    def draw_panels(self) -> None:
        dispatch_shortcuts(self.view, self.post, self.bars.run_n)
        size = imgui.get_io().display_size
        with imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0, 0)):
            self._window("top", 0, size.x, 0, 92)
            self._window("bottom", 0, size.x, size.y - 28, 28)
        for i, panel in enumerate(self.panels):
            self.place(panel, 340 * i, 92, (328, size.y - 120), BARE & ~imgui.WindowFlags_.no_scrollbar)

    def _window(self, name: str, x: float, width: float, y: float, height: float) -> None:
        imgui.set_next_window_pos(ImVec2(x, y))
        imgui.set_next_window_size(ImVec2(width, height))
        with imgui_ctx.begin(name, None, BARE):
            for draw in (draw_app_bar, draw_tool_bar) if name == "top" else (draw_status_bar,):
                draw(self.kit, self.view, self.post, self.bars)

    def do(self, command: Command) -> None:
        match command:
            case Turn(key, value):
                values = {**self.view.knobs.values, key: value}
                self.view = replace(self.view, knobs=replace(self.view.knobs, values=values, in_force=values))
            case Configure(changes):
                self.view = replace(self.view, config=replace(self.view.config, **changes))
            case ChangeSettings(changes):
                self.view = replace(self.view, settings=replace(self.view.settings, **changes))
        super().do(command)
