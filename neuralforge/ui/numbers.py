"""Numbers as the window writes them: short, aligned, with units. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

_SI: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BYTES: Final = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))
_SMALLEST_SHARE: Final = 0.1
"""A unit is used from a tenth of it on: 0.41 G rather than 410 M, as costs of networks are usually given."""


def count(number: int) -> str:
    """Write a whole number with separators of thousands: 1,342,218."""
    return f"{number:,}"


def short(number: float) -> str:
    """Write a number in few characters: 999, 12.3 k, 1.34 M."""
    return _in_units(number, _SI, 1.0)


def si(value: float) -> str:
    """Write a quantity with a prefix of the SI, from a tenth of it on: 0.41 G, 37.7 M."""
    return _in_units(value, _SI, _SMALLEST_SHARE)


def memory(size_bytes: float) -> str:
    """Write a number of bytes, in powers of 1024 as makers of graphics cards and PyTorch count them: 612 MB, 9.8 GB."""
    for unit, name in _BYTES:
        share = size_bytes / unit
        if abs(share) >= 0.9995:
            text = f"{share:.0f}" if abs(share) >= 99.5 else f"{share:.1f}".removesuffix(".0")
            return f"{text} {name}"
    return f"{size_bytes:.0f} B"


def number(value: float | None) -> str:
    """Write a measured number with four significant digits: 0.3471, 12,346, 1.2e-7; a dash where there is none."""
    if value is None:
        return "\u2013"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("\u221e" if value > 0 else "-\u221e")
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e9):
        return _exponent(f"{value:.3e}")
    if size >= 9999.5:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def setting(value: float, *, log: bool = False) -> str:
    """Write the value of a knob: 1.20e-3 on a logarithmic scale, else with two decimals or more; 0.30, 0.999."""
    if value == 0:
        return "0"
    if (log and abs(value) < 0.1) or abs(value) < 1e-4 or abs(value) >= 1e6:
        mantissa, _, exponent = f"{value:.3e}".partition("e")
        mantissa = mantissa[:-1] if mantissa.endswith("0") else mantissa
        return f"{mantissa}e{int(exponent)}"
    least = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    whole, _, part = f"{value:.6f}".partition(".")
    part = part.rstrip("0").ljust(least, "0")
    return f"{whole}.{part}" if part else whole


def rate(per_sec: float) -> str:
    """Write a speed in steps a second: 182, 1,204, 3.7, 0.21."""
    if per_sec >= 99.5:
        return f"{per_sec:,.0f}"
    return f"{per_sec:.1f}" if per_sec >= 1 else f"{per_sec:.2f}"


def duration(secs: float) -> str:
    """Write a time as minutes and seconds, with hours and days where it has some: 06:12, 1:06:12, 2 d 03 h."""
    whole = max(0, round(secs))
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24:02} h"
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def plural(number: int, one: str, many: str = "") -> str:
    """Write a number of things: 1 issue, 2 issues."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def round_significant(value: float, digits: int = 3) -> float:
    """Return the number with so many significant digits, as the decimal that is written with them."""
    return float(f"{value:.{digits - 1}e}") if math.isfinite(value) else value


def _exponent(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def _in_units(value: float, units: Sequence[tuple[float, str]], least: float) -> str:
    for unit, name in units:
        share = value / unit
        if abs(share) >= least * 0.9995:
            digits = 0 if abs(share) >= 99.95 else 1 if abs(share) >= 9.995 else 2
            return f"{share:.{digits}f} {name}"
    return f"{value:.4g}"
