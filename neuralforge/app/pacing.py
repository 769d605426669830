"""How often a window draws: at full rate while something happens, and at a small share of a core otherwise."""

from __future__ import annotations

from typing import Final

FRAME_SECS: Final = 1 / 60
LEFT_SECS: Final = 1 / 20
HIDDEN_SECS: Final = 1 / 20
IDLE_SECS: Final = 1 / 10
POLL_SECS: Final = 1 / 30
SLOWEST_IDLE_SECS: Final = 1.0
SLOWEST_HIDDEN_SECS: Final = 0.25
"""Nothing tells when a hidden window is seen again: it is looked for this often."""
QUIET_SHARE: Final = 0.025
"""Share of a core that drawing may take while nothing happens, or nobody can see it."""
IDLE_AFTER_SECS: Final = 3.0


def pace_secs(
    *, hidden: bool, idle: bool, cost_secs: float, left: bool = False, least_secs: float = FRAME_SECS
) -> float:
    """Return the time from one frame to the next.

    Args:
        hidden: Nobody can see the window.
        idle: There was no input for a while and nothing moves; this is then how often input is looked for.
        cost_secs: What a frame costs.
        left: The person works in another window, and looks at this one at most.
        least_secs: The time at full rate.
    """
    if hidden:
        return quiet_secs(HIDDEN_SECS, SLOWEST_HIDDEN_SECS, cost_secs)
    if idle:
        return POLL_SECS
    return max(LEFT_SECS, least_secs) if left else least_secs


def quiet_secs(least_secs: float, most_secs: float, cost_secs: float) -> float:
    """Return the time between frames that take only a small share of a core.

    Args:
        least_secs: The time if frames cost nothing.
        most_secs: The longest time, whatever they cost.
        cost_secs: What a frame costs.
    """
    return min(max(least_secs, cost_secs / QUIET_SHARE), most_secs)
