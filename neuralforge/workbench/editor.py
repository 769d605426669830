"""The open document: what is on the canvas, what is selected, and how to go back."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from neuralforge.errors import UserError
from neuralforge.graph.document import SUFFIX, Document, dumps
from neuralforge.graph.edits import Edit
from neuralforge.graph.inference import Catalog, Inference, infer_all
from neuralforge.graph.layout import Sizes, complete
from neuralforge.runs.atomic import write_atomic
from neuralforge.runs.errors import reason
from neuralforge.workbench.commands import Command
from neuralforge.workbench.history import History, Step, StepKind

SelectMode = Literal["set", "add", "toggle", "remove"]


class Editor:
    """A document with its history, its inference and the selected nodes.

    Old documents are kept as they are; they share all that did not change. Each node of the open document has a place
    on the canvas.

    Args:
        catalog: The layers.
        document: What is open at first; an empty one by default.
        path: Its file.

    Attributes:
        document: The open document.
        inference: Its shapes, issues and costs.
        selection: Ids of the selected nodes; all are in the document.
        path: The file that it was opened from or saved to.
        revision: Grows with every change of the document.
        opened: Grows with every document that is opened.
        sizes: Sizes of nodes in pixels as far as the canvas has measured them, for nodes that need a place.
    """

    def __init__(self, catalog: Catalog, document: Document | None = None, path: Path | None = None) -> None:
        self.catalog = catalog
        self.revision = 0
        self.opened = 0
        self.sizes: Sizes = {}
        self._history = History()
        self._saved: Document | None = None
        self.document: Document
        self.inference: Inference
        self.selection: frozenset[str]
        self.path: Path | None
        self.open(document or Document(), path)

    @property
    def saved(self) -> bool:
        """Whether the document is the very one that was opened or saved last."""
        return self.document is self._saved

    @property
    def history(self) -> tuple[str, ...]:
        """Labels of all steps, also of those taken back, from the oldest to the newest."""
        return self._history.labels

    @property
    def kinds(self) -> tuple[StepKind, ...]:
        """What each step of the history concerns."""
        return self._history.kinds

    @property
    def position(self) -> int:
        """How many steps of the history are in force."""
        return self._history.position

    @property
    def undo_label(self) -> str | None:
        """What Undo would take back, None when there is nothing."""
        return self.history[self.position - 1] if self.position else None

    @property
    def redo_label(self) -> str | None:
        """What Redo would do again, None when there is nothing."""
        return self.history[self.position] if self.position < len(self.history) else None

    def open(
        self, document: Document, path: Path | None = None, saved: bool = True, inference: Inference | None = None
    ) -> None:
        """Open a document; the history of the one before goes.

        Args:
            document: The document. Nodes without a place are given one.
            path: Its file, None while it has none.
            saved: Whether it is as its file has it; False for one that a crash left behind.
            inference: Of this very document, where it was worked out already.
        """
        document = self._placed(document)
        self._history.clear()
        self._saved = document if saved else None
        self.path = path
        self.selection = frozenset()
        self.document = document
        self.inference = inference or infer_all(document.graph, self.catalog)
        self.revision += 1
        self.opened += 1

    def apply(self, edit: Edit, gesture: str | None = None) -> Document:
        """Make an edit. Nodes that it adds become the selection; steps that were taken back go.

        Args:
            edit: The edit. Where it leaves everything as it is, there is no step.
            gesture: Shared by all edits of one drag, which with the same merge key become one step.

        Returns:
            The document after the edit.

        Raises:
            UserError: When the document does not allow it; nothing is changed then.
        """
        after = self._placed(edit.apply(self.document))
        step = Step(
            title=edit.label, kind="network", before=self.document, after=after,
            merge_key=edit.merge_key, gesture=gesture,
        )  # fmt: skip
        self._show(self._history.add(step, merge=not self.saved))  # the saved document stays within reach
        return self.document

    def note(
        self,
        title: str,
        kind: StepKind,
        back: Command,
        again: Command,
        *,
        old: str = "",
        new: str = "",
        merge_key: str | None = None,
        gesture: str | None = None,
    ) -> None:
        """Add a step that lies outside the document, and was done already.

        Args:
            title: What was done.
            kind: What it concerns.
            back: Puts it back.
            again: Does it again. Where it is equal to `back`, there is no step.
            old: The value before, in words.
            new: The value after, in words.
            merge_key: What was changed.
            gesture: Shared by all values of one drag, which with the same merge key become one step.
        """
        step = Step(
            title=title, kind=kind, before=self.document, after=self.document, back=back, again=again,
            old=old, new=new, merge_key=merge_key, gesture=gesture,
        )  # fmt: skip
        self._history.add(step)

    def forget(self, kind: StepKind) -> None:
        """Drop all steps of a kind that lies outside the document: they can be neither taken back nor done again."""
        assert kind != "network"
        self._history.forget(kind)

    def undo(self) -> bool:
        """Take back the last step as far as it concerns the document; return whether there was one."""
        return self.go_to(self.position - 1)

    def redo(self) -> bool:
        """Do the next step again as far as it concerns the document; return whether there was one."""
        return self.go_to(self.position + 1)

    def way_to(self, position: int) -> tuple[Command, ...]:
        """Return what whoever goes to a place in the history has to carry out outside the document, in order."""
        return self._history.way_to(position)

    def go_to(self, position: int) -> bool:
        """Go to a place in the history; see `way_to` for what lies outside the document.

        Args:
            position: How many steps are to be in force, 0 for the beginning.

        Returns:
            Whether there is such a place, other than the present one.
        """
        if not self._history.has(position):
            return False
        self._show(self._history.go_to(position))
        return True

    def select(self, nodes: Iterable[str], mode: SelectMode = "set") -> None:
        """Change the selection.

        Args:
            nodes: Ids; those that are not in the document are left out.
            mode: Whether to select just these, these too, to turn each over, or to take them out.
        """
        chosen = frozenset(node_id for node_id in nodes if node_id in self.document.graph.nodes)
        if mode == "set":
            self.selection = chosen
        elif mode == "add":
            self.selection |= chosen
        elif mode == "toggle":
            self.selection ^= chosen
        else:
            self.selection -= chosen

    def mark_saved(self, path: Path, document: Document | None = None) -> None:
        """Note that the document lies in a file now.

        Args:
            path: The file.
            document: What was written; the open document by default. Another one, when edits went on meanwhile.
        """
        self.path = path
        self._saved = self.document if document is None else document

    def _placed(self, document: Document) -> Document:
        layout = complete(document.graph, document.layout, self.sizes)
        return document if layout is document.layout else replace(document, layout=layout)

    def _show(self, document: Document) -> None:
        if document is self.document:
            return
        before, now = self.document.graph.nodes, document.graph.nodes
        new = frozenset(node_id for node_id in now if node_id not in before)
        self.selection = new or frozenset(node_id for node_id in self.selection if node_id in now)
        self.document = document
        self.inference = infer_all(document.graph, self.catalog, self.inference)
        self.revision += 1


def document_path(path: Path) -> Path:
    """Return where a document is saved when a person names `path`: with `.nf.json` unless it is a .json file."""
    return path if path.name.lower().endswith(".json") else path.with_name(path.name + SUFFIX)


def save(document: Document, path: Path) -> Path:
    """Write a document to a file, whole or not at all.

    Args:
        document: The document.
        path: The file; `.nf.json` is added where there is no such suffix.

    Returns:
        The file that was written.

    Raises:
        UserError: When it cannot be written; the sentence names the file, and what was there before is still there.
    """
    path = document_path(path)
    data = dumps(document).encode("utf-8")
    real = Path(os.path.realpath(path))  # a link to a file stays one
    if real.exists() and not real.is_file():
        raise UserError(f"{path} cannot be written: it is no file.")
    try:
        write_atomic(real, data)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}.") from None
    return path
