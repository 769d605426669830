"""Remembers what was derived from something for as long as that stays the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Memo:
    """The last value under each key, with what it was made from."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def get(self, key: str, stamp: tuple[Any, ...], make: Callable[[], T]) -> T:
        """Return the value under a key, made anew when the stamp is another than last time.

        Args:
            key: Its name; it always stands for values of one type.
            stamp: What the value depends on; compared by equality, which begins with identity.
            make: Makes the value.
        """
        known = self._known.get(key)
        if known is not None and known[0] == stamp:
            value: T = known[1]
            return value
        value = make()
        self._known[key] = (stamp, value)
        return value

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
