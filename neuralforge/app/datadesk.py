"""The chosen data behind the window: loading it, and what the panels show of it."""

from __future__ import annotations

import asyncio
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

    @property
    def info(self) -> DataInfo | None:
        """Facts about the data, when it is there."""
        return self.raw.info if self.raw is not None else None

    async def use(self, text: str, options: dict[str, str], config: TrainConfig) -> RawData | None:
        """Load data and show it.

        Args:
            text: Name of a data set, or a path.
            options: Its options.
            config: Says how it is split.

        Returns:
            The data; None where other data was asked for meanwhile, which is shown then.

        Raises:
            UserError: When it cannot be loaded; the panels say so too.
        """
        loading = self.view = DataView(text=text, options=options, state="loading")
        try:
            raw = await asyncio.to_thread(load_data, text, options)
            view = await asyncio.to_thread(describe_data, raw, text, options, config)
        except Exception as error:
            if self.view is loading:
                problem = str(error) if isinstance(error, UserError) else f"{text} cannot be loaded: {error!r:.200}"
                self.view, self.raw = DataView(text=text, options=options, state="failed", problem=problem), None
            raise
        if self.view is not loading:
            return None
        self.view, self.raw = view, raw
        return raw

    def take(self, raw: RawData, view: DataView) -> None:
        """Show data that is loaded already."""
        self.raw, self.view = raw, view

    async def split_again(self, config: TrainConfig) -> None:
        """Count anew how the data is split, after a change of the configuration."""
        raw, before = self.raw, self.view
        if raw is not None:
            view = await asyncio.to_thread(describe_data, raw, before.text, dict(before.options), config)
            if self.raw is raw and self.view is before:
                self.view = view
