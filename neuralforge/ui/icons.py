"""The icons of the window, by meaning. Font Awesome 6 Free Solid, in its private code points (some of its names are
plain ASCII characters, which the text font would win).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RUN: Final = "\uf04b"
PAUSE: Final = "\uf04c"
STOP: Final = "\uf04d"
STEP: Final = "\uf051"
RESET: Final = "\uf2ea"
UNDO: Final = "\uf2ea"
REDO: Final = "\uf2f9"
HISTORY: Final = "\uf1da"
PLUS: Final = "\uf067"
MINUS: Final = "\uf068"
CLOSE: Final = "\uf00d"
CHECK: Final = "\uf00c"
SEARCH: Final = "\uf002"
SETTINGS: Final = "\uf013"
HELP: Final = "\uf059"
INFO: Final = "\uf05a"
ERROR: Final = "\uf06a"
WARNING: Final = "\uf071"
SAVE: Final = "\uf0c7"
OPEN: Final = "\uf07c"
FILE: Final = "\uf15b"
NEW: Final = "\uf15b"
DELETE: Final = "\uf1f8"
COPY: Final = "\uf0c5"
PASTE: Final = "\uf0ea"
CUT: Final = "\uf0c4"
DUPLICATE: Final = "\uf24d"
FIT: Final = "\uf065"
BUILD: Final = "\uf542"
DATA: Final = "\uf1c0"
TRAIN: Final = "\uf1de"
KNOBS: Final = "\uf1de"
CURVES: Final = "\uf201"
TABLE: Final = "\uf0ce"
LIST: Final = "\uf03a"
CODE: Final = "\uf121"
CONSOLE: Final = "\uf120"
TARGET: Final = "\uf140"
FREEZE: Final = "\uf2dc"
EYE: Final = "\uf06e"
WRENCH: Final = "\uf0ad"
ARRANGE: Final = "\ue2ca"
TEMPLATES: Final = "\uf61f"
LAYERS: Final = "\uf5fd"
DEVICE: Final = "\uf2db"
MEMORY: Final = "\uf538"
SPEED: Final = "\uf625"
DOWN: Final = "\uf078"
RIGHT: Final = "\uf054"
UP: Final = "\uf077"
LEFT: Final = "\uf053"
SHUFFLE: Final = "\uf074"
MENU: Final = "\uf0c9"
LOCK: Final = "\uf023"
KEYBOARD: Final = "\uf11c"
IMAGE: Final = "\uf03e"
DRAW: Final = "\uf304"
ERASE: Final = "\uf12d"
DOT: Final = "\uf111"
RECORD: Final = "\uf192"
FLAG: Final = "\uf024"
BOOK: Final = "\uf518"
EXTERNAL: Final = "\uf35d"
HEALTH: Final = "\uf21e"
BARS: Final = "\ue473"
OUTLINE: Final = "\uf0e8"
LIGHT: Final = "\uf185"
DARK: Final = "\uf186"
FILTER: Final = "\uf0b0"
GRIP: Final = "\uf58e"
UNLINK: Final = "\uf127"
WAIT: Final = "\uf252"
BOUNDARY: Final = "\uf1fe"
POINTER: Final = "\uf245"
RUNS: Final = "\uf0ce"
FOLLOW: Final = "\uf601"

CATEGORIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "convolution": "\uf84c",  # a grid
        "linear": "\uf7a5",  # two bars
        "recurrent": "\uf021",  # arrows in a circle
        "attention": "\uf140",  # a target
        "normalization": "\uf1fe",  # an area under a curve
        "activation": "\uf0e7",  # a bolt
        "pooling": "\uf422",  # arrows to the centre
        "regularization": "\uf074",  # crossing arrows
        "shape": "\uf1b2",  # a cube
        "merge": "\uf387",  # branches that meet
        "input/output": "\uf090",  # an arrow into a bracket
    }
)
"""Icon of each family of layers; `CUSTOM` for any other."""

CUSTOM: Final = "\uf12e"
OUTPUT: Final = "\uf08b"


def of_category(category: str) -> str:
    """Return the icon of a family of layers."""
    return CATEGORIES.get(category, CUSTOM)
