"""The console that tables are printed to; apart from the rest, since the window does without it."""

from __future__ import annotations

from rich.console import Console


class PlainConsole(Console):
    """A console that prints texts as they are: no markup, no emoji codes; and whose reader may go away (`| head`)."""

    def on_broken_pipe(self) -> None:
        """Let the command line decide what a broken pipe means."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Return a console; what does not go to a terminal is not wrapped at its width."""
    out = PlainConsole(stderr=stderr, highlight=False, markup=False, emoji=False)
    return (
        out if out.is_terminal else PlainConsole(stderr=stderr, highlight=False, markup=False, emoji=False, width=160)
    )
