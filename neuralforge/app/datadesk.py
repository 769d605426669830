"""The chosen data behind the window: loading it, and what the panels show of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neuralforge.app.errands import describe_data, load_data
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.view import DataView

if TYPE_CHECKING:
    from neuralforge.data.source import RawData


class DataDesk:
    """The chosen data.

    Attributes:
        raw: The data, when it is there.
        view: What the panels show of it.
    """

    def __init__(self) -> None:
        self.raw: RawData | None = None
        self.view = DataView()
        self._config = TrainConfig()  # says how it is split

    @property
    def info(self) -> DataInfo | None:
        """Facts about the data, when it is there."""
        return self.raw.info if self.raw is not None else None

    @property
    def choice(self) -> tuple[str, Mapping[str, str]]:
        """What was chosen, "" for nothing, and its options; whether or not it is there yet."""
        return self.view.text, self.view.options

    def choose(self, text: str, options: Mapping[str, str], config: TrainConfig) -> DataView:
        """Choose data, here and now.

        Args:
            text: Name of a data set, or a path; "" for no data.
            options: Its options.
            config: Says how it is split.

        Returns:
            What the panels show until `load` is through with it.
        """
        self._config = config
        self.view = DataView(text=text, options=dict(options), state="loading") if text else DataView()
        if not text:
            self.raw = None
        return self.view

    async def load(self, chosen: DataView) -> RawData | None:
        """Load what was chosen, and show it.

        Args:
            chosen: What `choose` gave.

        Returns:
            The data; None where other data, or none, was chosen meanwhile, which is shown then.

        Raises:
            UserError: When it cannot be loaded; the panels say so too.
        """
        text, options = chosen.text, dict(chosen.options)
        try:
            raw = await asyncio.to_thread(load_data, text, options)
            view = await self._described(raw, text, options)
        except Exception as error:
            if self.view is chosen:
                problem = str(error) if isinstance(error, UserError) else f"{text} cannot be loaded: {error!r:.200}"
                self.view, self.raw = DataView(text=text, options=options, state="failed", problem=problem), None
            raise
        if self.view is not chosen:
            return None
        self.view, self.raw = view, raw
        return raw

    def take(self, raw: RawData, view: DataView) -> None:
        """Show data that is loaded already."""
        self.raw, self.view = raw, view

    async def split_again(self, config: TrainConfig) -> None:
        """Count anew how the data is split, after a change of the configuration."""
        self._config = config
        raw, before = self.raw, self.view
        if raw is not None and before.state == "ready":  # what is being loaded is split as it has to be by then
            view = await self._described(raw, before.text, dict(before.options))
            if self.raw is raw and self.view is before:
                self.view = view

    async def _described(self, raw: RawData, text: str, options: dict[str, str]) -> DataView:
        """Make the view of data, split as it is to be when the view is made."""
        while True:
            config = self._config
            view = await asyncio.to_thread(describe_data, raw, text, options, config)
            if config is self._config:
                return view
