"""The user's settings, and the files that were opened of late: kept on the disk as they change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuralforge.app.beside import Beside
from neuralforge.app.console import Console
from neuralforge.app.errands import recent_file
from neuralforge.errors import UserError
from neuralforge.workbench.settings import Settings, load_settings, save_settings
from neuralforge.workbench.view import RecentFile


class SettingsDesk:
    """Holds the settings, and writes them beside the frames.

    Args:
        path: Their file.
        console: Where to tell of trouble.
        beside: For reading and writing.

    Attributes:
        now: The settings.
        recent: What is shown of the files that were opened of late; once `read_recent` was there.
    """

    def __init__(self, path: Path, console: Console, beside: Beside) -> None:
        self.now, trouble = load_settings(path)
        if trouble:
            console.say(trouble, "warning")
        self.recent: tuple[RecentFile, ...] = ()
        self._path = path
        self._console = console
        self._beside = beside
        self._saving = asyncio.Lock()
        self._saved = self.now
        self._told = ""

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change settings and write them."""
        settings: Settings = replace(self.now, **dict(changes))
        if settings != self.now:
            self.now = settings
            self._beside.start(self._save())

    def remember(self, path: Path) -> None:
        """Note that a file was opened or saved."""
        self.change({"recent": self.now.with_recent(path.absolute()).recent})
        self._beside.start(self.read_recent())

    def forget(self, path: Path) -> None:
        """Take a file that cannot be opened off the list."""
        self.change({"recent": self.now.without_recent(path.absolute()).recent})

    async def read_recent(self) -> None:
        """Look at the files on the list."""
        paths = self.now.recent
        self.recent = await asyncio.to_thread(lambda: tuple(map(recent_file, paths)))

    async def end(self) -> None:
        """Write what is not written yet."""
        if self.now != self._saved:
            await self._save()

    async def _save(self) -> None:
        """Write the settings as they are by now, one writer at a time, so that no older state comes last."""
        async with self._saving:
            settings = self.now
            try:
                await asyncio.to_thread(save_settings, self._path, settings)
                self._saved = settings
            except UserError as error:  # a folder that cannot be written, say: told once, tried again
                if str(error) != self._told:
                    self._console.say(str(error), "warning")
                self._told = str(error)
