"""Panels over a real editor: what they post about the document is done, and what concerns the window is noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from imgui_bundle import ImVec2, hello_imgui, imgui, imgui_ctx

from neuralforge.app.window import Window
from neuralforge.codegen.module import generate
from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.layers.registry import catalog
from neuralforge.ui import style
from neuralforge.ui.backend import BackendKind
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import Local
from neuralforge.ui.panel import Panel
from neuralforge.workbench.commands import Apply, Command, DeleteSelection, Duplicate, GoTo, Select
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.editor import Editor
from neuralforge.workbench.settings import Settings
from neuralforge.workbench.view import CodeView, DocumentView, View
from tests.ui.pilot import Stage

_BARE = imgui.WindowFlags_.no_decoration | imgui.WindowFlags_.no_move | imgui.WindowFlags_.no_saved_settings


def view_of(editor: Editor, **parts: Any) -> View:
    """Return what panels see of an editor."""
    document, inference = editor.document, editor.inference
    facts = DocumentView(
        document=document,
        inference=inference,
        totals=inference.totals(64),
        issues=inference.issues,
        selection=editor.selection,
        history=editor.history,
        position=editor.position,
        revision=editor.revision,
    )
    return View(
        welcome=False, settings=Settings(), config=TrainConfig(), document=facts, code=code_of(document), **parts
    )


def code_of(document: Document) -> CodeView:
    """Return the source of a document, or why there is none."""
    try:
        source = generate(document, catalog()).source
    except UserError as error:
        return CodeView(problem=str(error))
    lines = {
        node: tuple(
            i for i, line in enumerate(source.splitlines(), 1) if f"self.{node} " in line or f"self.{node}(" in line
        )
        for node in document.graph.nodes
    }
    return CodeView(source=source, lines={node: found for node, found in lines.items() if found})


class Bench:
    """An application of some panels, side by side.

    Args:
        document: What is open.
        kinds: The panels.
        widths_px: Their widths.
        parts: More of the view.
    """

    def __init__(
        self,
        document: Document,
        kinds: Sequence[type[Panel]],
        widths_px: Sequence[float] = (),
        selection: Sequence[str] = (),
        kit: Kit | None = None,
        **parts: Any,
    ) -> None:
        self.kit = kit or Kit()
        self.editor = Editor(catalog(), document)
        self.editor.select(selection)
        self.posted: list[Command] = []
        self.panels = [kind(self.kit) for kind in kinds]
        self.parts = parts
        self._widths_px = widths_px or [300.0] * len(kinds)
        self._view: View | None = None
        self._done = 0
        self._styled = False

    @property
    def view(self) -> View:
        """What the panels see."""
        if self._view is None:
            self._view = view_of(self.editor, **self.parts)
        return self._view

    def change(self, **parts: Any) -> None:
        """Change the view beside the document."""
        self.parts.update(parts)
        self._view = None

    def of(self, kind: type[Command]) -> list[Any]:
        """Return the posted commands of a kind."""
        return [command for command in self.posted if isinstance(command, kind)]

    def setup(self, params: hello_imgui.RunnerParams, size_px: tuple[int, int]) -> None:
        params.callbacks.setup_imgui_style = lambda: None

    def load_fonts(self) -> None:
        self.kit.load_fonts()

    def draw(self) -> None:
        if not self._styled:
            self._styled = True
            style.apply(self.kit)
            imgui.get_io().config_flags |= imgui.ConfigFlags_.nav_enable_keyboard
        height, x = imgui.get_io().display_size.y, 0.0
        for panel, width_px in zip(self.panels, self._widths_px, strict=True):
            imgui.set_next_window_pos(ImVec2(x, 0))
            imgui.set_next_window_size(ImVec2(self.kit.px(width_px), height))
            padding = self.kit.vec(12, 10) if panel.padded else ImVec2(0, 0)
            with (
                imgui_ctx.push_style_var(imgui.StyleVar_.window_padding, padding),
                imgui_ctx.begin(f"{panel.title}###{panel.key}", None, _BARE),
            ):
                panel.draw(self.view, self.posted.append)
            x += self.kit.px(width_px + 8)

    def end_frame(self) -> None:
        """Do what was posted in this frame."""
        for command in self.posted[self._done :]:
            match command:
                case Apply(edit, gesture):
                    self.editor.apply(edit, gesture)
                case Select(nodes, mode):
                    self.editor.select(nodes, mode)
                case GoTo(position):
                    self.editor.go_to(position)
                case Duplicate() | DeleteSelection():
                    pass
                case Local():
                    any(panel.take(command) for panel in self.panels)
            self._view = None
        self._done = len(self.posted)

    def before_exit(self) -> None:
        for panel in self.panels:
            panel.forget()

    def may_close(self) -> bool:
        return True

    def is_busy(self) -> bool:
        return True

    def failed(self, error: Exception) -> None: ...


def stage(make: Callable[[], Bench]) -> Callable[[BackendKind, tuple[int, int]], Stage]:
    """Return a stage on which such an application plays."""

    def made(kind: BackendKind, size_px: tuple[int, int]) -> Stage:
        bench = make()
        window = Window(bench, kind=kind, size_px=size_px)
        return Stage(window=window, run=window.run, desk=bench, marks=bench.kit.marks)

    return made
