"""What a panel is. One file each in `neuralforge.ui.panels`; the host finds and docks them and catches their errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

from neuralforge.ui.kit import Kit
from neuralforge.ui.local import Local
from neuralforge.workbench.commands import Command
from neuralforge.workbench.view import View

Post = Callable[[Command], None]
"""Asks the application for something; it is done after the frame."""

Arrangement = Literal["build", "train"]

Dock = Literal["left", "centre", "right", "lower right", "bottom", "hidden"]
"""Where a panel lies in an arrangement; hidden ones are opened from the menu."""


class Panel(ABC):
    """A part of the window that shows a part of the view.

    A panel reads the view and posts commands; it does no I/O and holds nothing but what concerns its own looks (what
    is folded, a zoom, a search text, textures). Everything that Dear ImGui begins is begun in a `with`, so that an
    exception leaves a clean frame.

    Attributes:
        key: Name in layouts and commands; never changes.
        title: What its tab shows.
        icon: What stands before it in menus.
        docks: Where it lies in each arrangement.
        order: Tabs of a dock are in this order.
        padded: Whether its window has the usual padding.
        help: What it is for, in a sentence; its tooltip in the menu.
        wants: What must be looked at in a run while it is seen, by the names of `neuralforge.workbench.commands.Watch`.
        on_graph: Whether keys such as Delete mean the selected nodes while it is focused.
    """

    key: ClassVar[str]
    title: ClassVar[str]
    icon: ClassVar[str]
    docks: ClassVar[Mapping[Arrangement, Dock]]
    order: ClassVar[int] = 50
    padded: ClassVar[bool] = True
    help: ClassVar[str] = ""
    wants: ClassVar[frozenset[str]] = frozenset()
    on_graph: ClassVar[bool] = False

    def __init__(self, kit: Kit) -> None:
        self.kit = kit

    @abstractmethod
    def draw(self, view: View, post: Post) -> None:
        """Draw the inside of the window.

        Args:
            view: What there is to show.
            post: Asks for something.
        """

    @classmethod
    def leads(cls, view: View) -> bool:
        """Return whether it is to be in front when a run begins; the first of those that say so is.

        Args:
            view: What there is to show; its run has just begun.
        """
        return False

    @classmethod
    def wants_of(cls, view: View) -> frozenset[str]:
        """Return what must be looked at while it is seen, where that depends on the run.

        Args:
            view: What there is to show.
        """
        return cls.wants

    def take(self, command: Local) -> bool:
        """Carry out what concerns the window alone; called before a frame.

        Returns:
            Whether it was meant for this panel.
        """
        return False

    def forget(self) -> None:  # noqa: B027 - most panels have nothing to let go of
        """Let go of textures; called on the thread of the window before it closes, and after an error."""
