"""What can go wrong with a run log, each as a sentence that a person can act on."""

from __future__ import annotations

from neuralforge.errors import UserError


class RunLogError(UserError):
    """The log of a run cannot be written: the disk is full or read-only, or the folder is gone.

    The message says what happened, where, and what is safe. Nothing that was acknowledged is lost.
    """


class RunFileError(UserError):
    """The file of a run cannot be read: missing, damaged, hostile, or of a future version."""


def reason(error: BaseException) -> str:
    """Return the short cause of an error: the system's words where it has them.

    Args:
        error: The exception.

    Returns:
        One phrase, without a full stop.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return text.rstrip(".")[:300] or type(error).__name__
