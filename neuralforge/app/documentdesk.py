"""The open document behind the window: its history, its files, its clipboard, the copies kept against a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from neuralforge.app.console import Console
from neuralforge.errors import UserError
from neuralforge.graph.clipboard import copy_text
from neuralforge.graph.datainfo import DataInfo, Task
from neuralforge.graph.document import Document
from neuralforge.graph.edits import Many, Move, Paste, RemoveNodes, SetParams
from neuralforge.graph.inference import Inference, Issue, infer_all
from neuralforge.graph.layout import Sizes, complete, lay_out
from neuralforge.layers.registry import catalog
from neuralforge.ui.canvas.sizes import node_sizes
from neuralforge.workbench import commands as do
from neuralforge.workbench.editor import Editor, save
from neuralforge.workbench.recovery import Recovered, Recovery
from neuralforge.workbench.view import CodeView, DocumentView

_FITTING_ROUNDS: Final = 4


@dataclass(frozen=True)
class Prepared:
    """A document with what takes long to work out for a large one."""

    document: Document
    sizes: Sizes
    inference: Inference


def prepare(document: Document) -> Prepared:
    """Work out what is needed to show a document; from any thread.

    One that was laid out without knowing the sizes of its nodes is laid out with them.
    """
    sizes = node_sizes(document.graph, catalog())
    if document.layout == lay_out(document.graph):
        document = replace(document, layout=lay_out(document.graph, sizes))
    layout = complete(document.graph, document.layout, sizes)
    if layout is not document.layout:
        document = replace(document, layout=layout)
    return Prepared(document, sizes, infer_all(document.graph, catalog()))


class DocumentDesk:
    """The open document and what is done with it as a whole.

    Args:
        recovery: Folder for copies of unsaved work.
        console: Where to tell of what happened.

    Attributes:
        editor: The document with its history.
    """

    def __init__(self, recovery: Path, console: Console) -> None:
        self.editor = Editor(catalog())
        self._console = console
        self._recovery = Recovery(recovery)
        self._found: list[Recovered] = []
        self._clipboard = ""
        self._view: DocumentView | None = None
        self._view_for: tuple[object, ...] = ()
        self._issues: tuple[Issue, ...] = ()
        self._issues_for: tuple[object, object] | None = None
        self._task: Task | None = None
        self._code: CodeView | None = None
        self._code_for = -1

    # Commands

    def carry_out(self, command: do.Command, to_clipboard: Callable[[str], None]) -> bool:
        """Carry out what concerns the document alone.

        Returns:
            Whether it did.

        Raises:
            UserError: When the document does not allow it.
        """
        editor = self.editor
        match command:
            case do.Apply(edit, gesture):
                editor.apply(edit, gesture)
            case do.Select(nodes, mode):
                editor.select(nodes, mode)
            case do.SelectAll():
                editor.select(editor.document.graph.nodes)
            case do.Copy(cut):
                self._copy(cut, to_clipboard)
            case do.PasteText(text, position):
                editor.apply(Paste(text or self._clipboard, position))
            case do.Duplicate():
                if editor.selection:
                    editor.apply(Paste(copy_text(editor.document, editor.selection), None, "Duplicate"))
            case do.DeleteSelection(heal):
                if editor.selection:
                    editor.apply(RemoveNodes(self._selected(), heal))
            case do.Arrange():
                editor.sizes = node_sizes(editor.document.graph, catalog())
                editor.apply(Many("Arrange", (Move(lay_out(editor.document.graph, editor.sizes)),)))
            case _:
                return False
        return True

    def _selected(self) -> tuple[str, ...]:
        return tuple(node_id for node_id in self.editor.document.graph.nodes if node_id in self.editor.selection)

    def _copy(self, cut: bool, to_clipboard: Callable[[str], None]) -> None:
        if not self.editor.selection:
            return
        self._clipboard = copy_text(self.editor.document, self.editor.selection)
        to_clipboard(self._clipboard)
        if cut:
            self.editor.apply(RemoveNodes(self._selected()))

    # Files

    @property
    def is_safe_to_leave(self) -> bool:
        """Whether nothing is lost when another document is opened."""
        return self.editor.saved

    def new(self) -> None:
        """Open an empty document."""
        self.show(Document())

    def show(self, document: Document, path: Path | None = None, *, saved: bool = True) -> None:
        """Open a document, here and now."""
        self.show_prepared(prepare(document), path, saved=saved)

    def show_prepared(self, prepared: Prepared, path: Path | None = None, *, saved: bool = True) -> None:
        """Open a document for which everything is worked out."""
        self.editor.sizes = prepared.sizes
        self.editor.open(prepared.document, path, saved, prepared.inference)
        self._recovery.forget()

    def save(self, path: Path | None) -> Path:
        """Save the document, without a path where it lies already.

        Raises:
            UserError: When it has no file yet, or cannot be written.
        """
        target = path or self.editor.path
        if target is None:
            raise UserError("The document has no file yet; choose one with Save as.")
        document = self.editor.document
        target = save(document, target)
        self.editor.mark_saved(target, document)
        self._recovery.forget()
        self._console.say(f"Saved: {target}")
        return target

    def revert_to(self, document: Document) -> None:
        """Put another network onto the canvas, as one step that can be undone."""
        self.editor.apply(_Replace(document))

    def fit_to(self, info: DataInfo) -> None:
        """Change the ends of the network so that it takes the data; one step of the history."""
        from neuralforge.app.architecture import data_issues

        changed, edits = self.editor.document, []
        for _ in range(_FITTING_ROUNDS):  # the new input shape may need a new output in turn
            found = data_issues(changed, infer_all(changed.graph, catalog()), info)
            fixes = [issue.fixes[0] for issue in found if isinstance(issue.fixes[0], SetParams)]
            if not fixes:
                break
            edits.append(fixes[0])
            changed = fixes[0].apply(changed)
        if edits:
            self.editor.apply(Many(f"Fit to {info.name}", tuple(edits)))

    # Copies of unsaved work

    def left_behind(self) -> list[Recovered]:
        """Return what a crash left behind."""
        self._recovery.drop_equal()
        self._found = self._recovery.found()
        return self._found

    def recover(self, file: Path, *, discard: bool) -> None:
        """Open what a crash left behind, or throw it away."""
        for found in self._found:
            if found.file == file:
                if not discard:
                    self.show(found.document, found.path, saved=False)
                    self._recovery.keep(found.document, found.path)
                self._recovery.discard(found)

    async def keep_copy(self) -> None:
        """Copy the document unless it is saved, without holding up the frames.

        Raises:
            UserError: When the copy cannot be written.
        """
        document, path = self.editor.document, self.editor.path
        if not self.is_safe_to_leave:
            await asyncio.to_thread(self._recovery.keep, document, path)
            if self.is_safe_to_leave:  # it was saved, or another one opened, meanwhile
                self._recovery.forget()

    def keep_copy_now(self) -> bool:
        """Copy the document, after a fault, where it is not saved; return whether there is a copy of it."""
        if self.is_safe_to_leave:
            return False
        try:
            self._recovery.keep(self.editor.document, self.editor.path)
        except Exception:  # told by whoever promises a copy
            return False
        return True

    def forget_copy(self) -> None:
        """Remove the copy: the window closes, and the person was asked."""
        self._recovery.forget()

    # What is shown

    def issues(self, info: DataInfo | None) -> tuple[Issue, ...]:
        """Return what keeps the network from being trained on the data: its own issues, then those with the data."""
        key = (self.editor.document.graph, info)
        if self._issues_for is None or key[0] is not self._issues_for[0] or key[1] is not self._issues_for[1]:
            self._issues_for = key
            inference = self.editor.inference
            self._issues, self._task = inference.issues, info.task if info is not None else None
            if info is not None and self.editor.document.graph.nodes:
                from neuralforge.app.architecture import data_issues, task_of

                self._task = task_of(self.editor.document, info)
                if not self._issues:
                    self._issues = data_issues(self.editor.document, inference, info)
        return self._issues

    def task(self, info: DataInfo | None) -> Task | None:
        """Return what the network learns from the data."""
        self.issues(info)
        return self._task

    def code(self) -> CodeView:
        """Return the generated source; made anew when the document has changed."""
        if self._code is None or self._code_for != self.editor.revision:
            from neuralforge.codegen.module import generate

            self._code_for = self.editor.revision
            try:
                module = generate(self.editor.document, catalog(), self.editor.inference)
                self._code = CodeView(source=module.source, lines=module.lines)
            except UserError as error:
                self._code = CodeView(problem=str(error))
        return self._code

    def view(self, info: DataInfo | None, batch_size: int) -> DocumentView:
        """Return the document as the panels show it; the same object as long as nothing changed."""
        editor = self.editor
        place = (editor.revision, editor.opened, editor.position, editor.history, editor.saved, editor.path)
        key = (*place, editor.selection, info, batch_size, bool(self._clipboard))
        if self._view is None or key != self._view_for:
            self._view_for = key
            self._view = DocumentView(
                document=editor.document,
                inference=editor.inference,
                totals=editor.inference.totals(batch_size),
                issues=self.issues(info),
                selection=editor.selection,
                path=editor.path,
                saved=editor.saved,
                revision=editor.revision,
                opened=editor.opened,
                history=editor.history,
                kinds=editor.kinds,
                position=editor.position,
                clipboard_has_nodes=bool(self._clipboard),
            )
        return self._view


class _Replace:
    """Put another network onto the canvas; it keeps its own name and notes."""

    merge_key: str | None = None

    def __init__(self, document: Document) -> None:
        self._document = document
        self.label: str = f"Revert to the network of {document.name}"

    def apply(self, document: Document) -> Document:
        """Return the other network."""
        return self._document
