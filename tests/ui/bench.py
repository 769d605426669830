"""Panels over a real editor: what they post about the document is done, and what concerns the window is noted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imgui_bundle import imgui

from neuralforge.codegen.module import generate
from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.layers.registry import catalog
from neuralforge.ui.kit import Kit
from neuralforge.ui.panel import Panel
from neuralforge.workbench.commands import Apply, Command, GoTo, Select
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.editor import Editor
from neuralforge.workbench.settings import Settings
from neuralforge.workbench.view import CodeView, DocumentView, View
from tests.ui.standin import StandIn


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


class Bench(StandIn):
    """An application of some panels, side by side.

    Args:
        document: What is open.
        kinds: The panels.
        widths_px: Their widths.
        selection: The selected nodes.
        kit: What the panels draw with.
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
        self.editor = Editor(catalog(), document)
        self.editor.select(selection)
        super().__init__(view_of(self.editor, **parts), kinds, kit)
        self.parts = parts
        self._widths_px = widths_px or [300.0] * len(kinds)

    def change(self, **parts: Any) -> None:
        """Look at the editor again, and change the view beside the document."""
        self.parts.update(parts)
        self.view = view_of(self.editor, **self.parts)

    def draw_panels(self) -> None:
        height, x = imgui.get_io().display_size.y, 0.0
        for panel, width_px in zip(self.panels, self._widths_px, strict=True):
            self.place(panel, x, 0, (self.kit.px(width_px), height))
            x += self.kit.px(width_px + 8)

    def do(self, command: Command) -> None:
        match command:
            case Apply(edit, gesture):
                self.editor.apply(edit, gesture)
            case Select(nodes, mode):
                self.editor.select(nodes, mode)
            case GoTo(position):
                self.editor.go_to(position)
        super().do(command)
        self.change()
