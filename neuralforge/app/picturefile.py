"""The file that a picture of the window is written to, checked before anything is drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from neuralforge.errors import UserError

_SUFFIX = ".png"


def picture_file(path: Any) -> Path:
    """Return where a picture goes, and find out whether it can be written; its folder is made where it is missing.

    Args:
        path: What somebody gave: a file `*.png`, or one without a suffix, which gets that one.

    Returns:
        The file.

    Raises:
        UserError: When it is no path, has the suffix of something else, or cannot be written.
    """
    if not isinstance(path, str | os.PathLike):
        raise UserError(f"A picture is written to the path of a PNG file. Received: {path!r:.80}")
    file = Path(path)
    if file.suffix.lower() not in ("", _SUFFIX):
        raise UserError(f"A picture is a PNG; give it a name that ends in {_SUFFIX}. Received: {path}")
    try:
        if not file.suffix and not file.is_dir():
            file = file.with_name(f"{file.name}{_SUFFIX}")
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = not file.exists()
        file.open("ab").close()
        if fresh:
            file.unlink()
    except OSError as error:
        raise UserError(f"The picture {file} cannot be written: {error.strerror or error}.") from None
    return file
