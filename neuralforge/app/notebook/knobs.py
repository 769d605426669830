"""The knobs of a run, or of the run that is next, as attributes."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from neuralforge.app.notebook.arguments import plain_number
from neuralforge.workbench.knobs import KnobValue, Refused
from neuralforge.workbench.view import KnobsView


class Knobs(Mapping[str, KnobValue]):
    """What can be turned: `h.knobs.lr = 3e-4`, or `h.knobs["conv1.dropout"] = 0.2`; `dict(h.knobs)` has all values.

    Reading gives the newest value that was asked for. A value is in force from the next step on; one that does not fit
    is refused with the reason, and nothing is changed.

    Args:
        read: Gives the knobs as they are now.
        turn: Asks for another value.
    """

    __slots__ = ("_read", "_turn")
    _read: Callable[[], KnobsView]
    _turn: Callable[[str, KnobValue], None]

    def __init__(self, read: Callable[[], KnobsView], turn: Callable[[str, KnobValue], None]) -> None:
        object.__setattr__(self, "_read", read)
        object.__setattr__(self, "_turn", turn)

    def __getitem__(self, key: str) -> KnobValue:
        """Return a value.

        Raises:
            KeyError: When there is no such knob; the message says why, or what there is.
        """
        view = self._read()
        if key not in view.values:
            why = view.absent.get(key)
            known = ", ".join(view.values) or "none yet"
            raise KeyError(why or f"There is no knob {key!r}. There are: {known}.")
        return view.values[key]

    def __setitem__(self, key: str, value: KnobValue) -> None:
        """Ask for a value.

        Raises:
            Refused: When there is no such knob, or the value does not fit; the message says why.
        """
        if not isinstance(key, str):
            raise Refused(f"A knob has a name, such as 'lr'. Received: {key!r:.80}")
        self._turn(key, plain_number(value))

    def __getattr__(self, key: str) -> KnobValue:
        if key.startswith("_"):
            raise AttributeError(key)
        try:
            return self[key]
        except KeyError as error:
            raise AttributeError(*error.args) from None

    def __setattr__(self, key: str, value: KnobValue) -> None:
        self[key] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._read().values)

    def __len__(self) -> int:
        return len(self._read().values)

    def __contains__(self, key: object) -> bool:
        return key in self._read().values

    __hash__ = object.__hash__  # it is what can be turned, not the values of now

    def __eq__(self, other: object) -> bool:
        return self is other

    def __dir__(self) -> list[str]:
        return [key for key in self._read().values if "." not in key]

    def _rows(self) -> list[tuple[str, Any, str, str]]:
        view = self._read()
        return [
            (
                knob.key,
                view.values[knob.key],
                knob.unit,
                f"{knob.low:g} to {knob.high:g}" if knob.kind != "bool" else "",
            )
            for knob in view.knobs
        ]

    def __repr__(self) -> str:
        return "\n".join(f"{key} = {value}" + (f" {unit}" if unit else "") for key, value, unit, _ in self._rows())

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td style='text-align:left'>{html.escape(key)}</td><td>{value} {html.escape(unit)}</td>"
            f"<td>{span}</td></tr>"
            for key, value, unit, span in self._rows()
        )
        return f"<table><tr><th style='text-align:left'>knob</th><th>value</th><th>bounds</th></tr>{cells}</table>"
