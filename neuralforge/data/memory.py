"""How much memory there is, asked before data is loaded."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from neuralforge.errors import UserError


def available_bytes() -> int | None:
    """Ask how much memory can be used without swapping.

    Returns:
        Bytes, the smaller of what the machine and the control group (a container) leave; None where the system
        does not say.
    """
    found = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) * 1024)
    except (OSError, ValueError, IndexError):
        with suppress(OSError, ValueError, AttributeError):
            found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # no control group, or its limit is "max"
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        found.append(max(0, limit - int(Path("/sys/fs/cgroup/memory.current").read_text())))
    return min(found) if found else None


def refuse_if_too_large(needed_bytes: int, place: str) -> None:
    """Refuse data that would take more than half of the available memory, before any of it is read.

    Args:
        needed_bytes: Estimate of what loading takes at its peak.
        place: The file or folder, for the message.

    Raises:
        UserError: It is too large.
    """
    available = available_bytes()
    if available is not None and needed_bytes > available // 2:
        raise UserError(
            f"{place}: loading it needs about {needed_bytes / 2**30:,.1f} GiB, more than half of the "
            f"{available / 2**30:,.1f} GiB of memory that is free."
        )
