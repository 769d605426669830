"""Opening: files, starting points and runs, of which what comes late does not replace what was asked for since."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralforge.app.datadesk import DataDesk
from neuralforge.app.documentdesk import DocumentDesk, prepare
from neuralforge.app.historydesk import HistoryDesk
from neuralforge.app.rundesk import LiveRun, OpenedRun
from neuralforge.app.settingsdesk import SettingsDesk
from neuralforge.app.trainingdesk import TrainingDesk
from neuralforge.errors import UserError
from neuralforge.graph.document import Document, load
from neuralforge.workbench import commands as do
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.view import DataView

if TYPE_CHECKING:
    from neuralforge.templates.template import Template


@dataclass(frozen=True, kw_only=True)
class Asks:
    """What opening needs of the application.

    Args:
        engine: Waits until torch is loaded.
        train: Starts a run of what is open.
        about_unsaved: Asks what is to become of unsaved changes, before a command is carried out.
    """

    engine: Callable[[], Awaitable[None]]
    train: Callable[[], Awaitable[None]]
    about_unsaved: Callable[[do.Command], None]


@dataclass(frozen=True, eq=False)
class _Opening:
    """Something that is being opened.

    Args:
        before: The document that was open when it was asked for.
    """

    before: Document


class OpeningDesk:
    """Puts something else onto the canvas and into the panels.

    Args:
        documents: The open document.
        data: The chosen data.
        training: The configuration, and the run in the panels.
        history: For choosing data as a step of it.
        settings: Keeps the list of files.
        asks: What it needs of the application.

    Attributes:
        welcome: Whether the welcome screen covers the window.
    """

    def __init__(
        self,
        documents: DocumentDesk,
        data: DataDesk,
        training: TrainingDesk,
        history: HistoryDesk,
        settings: SettingsDesk,
        asks: Asks,
    ) -> None:
        self.welcome = True
        self._documents = documents
        self._data = data
        self._training = training
        self._history = history
        self._settings = settings
        self._asks = asks
        self._newest: _Opening | None = None

    def show(self, document: Document | None) -> None:
        """Show a document here and now.

        Args:
            document: The document; None for an empty one.
        """
        self._begin()
        if document is None:
            self._documents.new()
        else:
            self._documents.show(document)
        self.welcome = False

    def path(self, path: Path) -> Coroutine[Any, Any, None]:
        """Return what opens a file, or a folder that is a run.

        Raises:
            UserError: From what is returned: it cannot be opened.
        """
        return self._open(path, self._begin())

    def start(self, start: do.Start) -> Coroutine[Any, Any, None]:
        """Choose the data of a starting point, here and now, and return what opens it.

        Raises:
            UserError: When there is no such data; and from what is returned.
        """
        from neuralforge.templates.registry import find

        opening = self._begin()
        template, config = find(start.template), TrainConfig(**dict(start.settings))
        chosen = self._history.choose_data(start.data, start.options, config) if start.data else None
        return self._begin_with(start, opening, template, config, chosen)

    async def run(self, folder: Path) -> None:
        """Open a run from its files, and its network.

        Raises:
            UserError: When it cannot be read, or another run is training.
        """
        await self._show_network(await self._training.open(folder))

    async def resume(self, folder: Path, steps: int | None) -> None:
        """Go on with a run from its files, and show its network.

        Args:
            folder: Its folder.
            steps: How many steps it is to have in all; None leaves that as it was.

        Raises:
            UserError: When that cannot be done.
        """
        await self._asks.engine()
        from neuralforge.train.launch import NeedsTrust

        try:
            run = await self._training.resume(folder, steps)
        except NeedsTrust as error:
            how = f"If you trust it: neuralforge train --resume {shlex.quote(str(folder))} --trust, in a terminal."
            raise UserError(f"{error} The window never does. {how}") from None
        await self._show_network(run)

    def _begin(self) -> _Opening:
        self._newest = _Opening(self._documents.editor.document)
        return self._newest

    def _may_show(self, opening: _Opening, command: do.Command) -> bool:
        """Tell whether what has taken its time to be opened may replace the document.

        It may not where something else was opened meanwhile; and where the document was changed, that is asked about.
        """
        if opening is not self._newest:
            return False
        if self._documents.editor.document is opening.before or self._documents.is_safe_to_leave:
            return True
        self._asks.about_unsaved(command)
        return False

    async def _open(self, path: Path, opening: _Opening) -> None:
        if await asyncio.to_thread(os.path.isdir, path):  # unlike is_dir of a path, it never raises
            await self.run(path)
            return
        try:
            prepared = await asyncio.to_thread(lambda: prepare(load(path)))
        except UserError:
            self._settings.forget(path)
            raise
        if self._may_show(opening, do.OpenPath(path)):
            self._documents.show_prepared(prepared, path)
            self.welcome = False
            self._settings.remember(path)

    async def _begin_with(
        self, start: do.Start, opening: _Opening, template: Template[Any], config: TrainConfig, chosen: DataView | None
    ) -> None:
        from neuralforge.templates.binding import bind

        if chosen is not None:
            raw = await self._data.load(chosen)
            if raw is None:
                return
            document = bind(template, raw.info).document
        else:
            document = await asyncio.to_thread(template.build)
        prepared = await asyncio.to_thread(prepare, document)
        if not self._may_show(opening, start):
            await self._data.split_again(self._training.config)  # the data is there all the same
            return
        self._training.config = config
        self._documents.show_prepared(prepared)
        self.welcome = False
        if start.train:
            await self._asks.train()

    async def _show_network(self, run: LiveRun | OpenedRun) -> None:
        """Put the network of a run onto the canvas, unless something there would be lost."""
        opening = self._begin()
        self.welcome = False
        prepared = await asyncio.to_thread(prepare, run.document)
        if opening is self._newest and self._documents.is_safe_to_leave:
            self._documents.show_prepared(prepared)
