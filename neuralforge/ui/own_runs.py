"""What is said of runs whose network or loop a person has written: the network is a tree of modules. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from neuralforge.layers.registry import catalog
from neuralforge.ui.numbers import count, plural, short

if TYPE_CHECKING:
    from neuralforge.workbench.knobs import Knob
    from neuralforge.workbench.view import ModuleRow, RunView, View

LOOP_HAS_SAMPLES: Final = "The samples of this run live in your loop, which the window cannot ask for one."
NO_NETWORK: Final = "Its files hold curves and events. The network lives in the code that made it."
BEGINS_ELSEWHERE: Final = "The network is a module of your own: a new run of it begins in your code or notebook."

_FAMILIES: Final[Mapping[str, str]] = {
    "conv": "convolution",
    "norm": "normalization",
    "pool": "pooling",
    "dropout": "regularization",
    "attention": "attention",
    "transformer": "attention",
    "linear": "linear",
    "embedding": "linear",
    "lstm": "recurrent",
    "gru": "recurrent",
    "rnn": "recurrent",
    "flatten": "shape",
    "upsample": "shape",
    "pad": "shape",
    "shuffle": "shape",
    "relu": "activation",
    "elu": "activation",
    "sigmoid": "activation",
    "softmax": "activation",
    "tanh": "activation",
}
"""Parts of the names of classes, and the family of layers that they mean; the first that fits counts."""


def is_own(run: RunView | None) -> bool:
    """Tell whether the network of a run was not drawn here."""
    return run is not None and (run.own_loop or run.modules is not None)


def shows_own(view: View) -> bool:
    """Tell whether a network that was not drawn here stands in for the open document, which is empty."""
    return is_own(view.run) and not view.document.document.graph.nodes


def class_of(run: RunView) -> str:
    """Return the class of the network of a run."""
    root = module_at(run, "")
    return root.kind if root is not None else run.document.name or run.name


def module_at(run: RunView, path: str | None) -> ModuleRow | None:
    """Return the module at a path; None where there is none."""
    return next((row for row in run.modules or () if row.path == path), None)


def parameters_of(run: RunView) -> int:
    """Return how many learnable numbers the network of a run has; each row counts what it holds."""
    rows = run.modules or ()
    top = min((row.depth for row in rows), default=0)
    return sum(row.parameters for row in rows if row.depth == top)


def has_total(run: RunView) -> bool:
    """Tell whether it is known how long a run will be."""
    return not run.own_loop or run.progress.total_steps > 0


def card_title(run: RunView) -> str:
    """Return the head of what the canvas says of a network that was not drawn here."""
    return f"A module of your own: {class_of(run)}"


def card_figures(run: RunView) -> str:
    """Return how large it is: "1,342,218 parameters, 14 modules"."""
    if not run.modules:
        return "Its modules are not known."
    return f"{count(parameters_of(run))} parameters, {plural(len(run.modules), 'module')}"


def card_words(run: RunView) -> str:
    """Return what can be done with it here."""
    where = "its modules are listed in Outline." if run.modules else "its curves and events are kept."
    if not run.live:
        return f"It is shown as it was trained, and cannot be edited here; {where}"
    maker = "Your loop trains it" if run.own_loop else "It is trained as it is"
    return f"{maker}, so it cannot be edited here. Turn its knobs, pause, and go step by step; {where}"


def pass_words(run: RunView) -> str:
    """Return the place in the pass over the data, as far as it is known: "epoch 3, batch 12 of 45"."""
    progress = run.progress
    if not progress.batch and not progress.batches:
        return f"epoch {count(progress.epoch)}" if progress.epoch > 1 else ""
    batch = f"batch {count(progress.batch)}"
    if not progress.batches:
        return batch if progress.epoch <= 1 else f"epoch {count(progress.epoch)}, {batch}"
    return f"epoch {count(progress.epoch)}, {batch} of {count(progress.batches)}"


@lru_cache(maxsize=1)
def _known_families() -> Mapping[str, str]:
    return {key.replace("_", ""): spec.category for key, spec in catalog().specs.items()}


@lru_cache(maxsize=1024)
def family_of(kind: str) -> str:
    """Return the family of layers that the class of a module belongs to; "" for one that is not known."""
    name = kind.lower()
    known = _known_families().get(name)
    return known or next((family for part, family in _FAMILIES.items() if part in name), "")


def last_part(path: str) -> str:
    """Return the name of a module in the one that holds it."""
    return path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A module in the outline.

    Args:
        module: The module.
        name: What it is called in the one that holds it.
        family: Its family of layers.
        parameters: How many learnable numbers it holds; "" for none.
        brief: The same in few letters.
        tip: All that is known of it.
        words: Where a filter looks, in small letters.
    """

    module: ModuleRow
    name: str
    family: str
    parameters: str
    brief: str
    tip: str
    words: str


def tree_of(modules: tuple[ModuleRow, ...]) -> tuple[TreeRow, ...]:
    """Return the rows of all modules, from the outside in."""
    return tuple(_tree_row(row) for row in modules)


def _tree_row(row: ModuleRow) -> TreeRow:
    size = f"{plural(row.parameters, 'parameter')}" if row.parameters else "no parameters"
    said = f"{row.kind}({row.facts})" if row.facts else row.kind
    return TreeRow(
        module=row,
        name=last_part(row.path) or "the whole model",
        family=family_of(row.kind),
        parameters=count(row.parameters) if row.parameters else "",
        brief=short(row.parameters) if row.parameters else "",
        tip=f"{said}\n{row.path or 'the whole model'}, {size}",
        words=f"{row.path} {row.kind} {row.facts}".lower(),
    )


def found_in(rows: tuple[TreeRow, ...], text: str) -> tuple[TreeRow, ...]:
    """Return the modules that a filter finds, with those that hold them, so that the tree can still be read.

    Args:
        rows: All rows.
        text: What is looked for: every word must be somewhere in the row.
    """
    words = text.lower().split()
    if not words:
        return rows
    kept: list[TreeRow] = []
    inside = 0  # of the module that was kept last: what holds it comes before it, and lies less deep
    for row in reversed(rows):
        if row.module.depth < inside or all(word in row.words for word in words):
            kept.append(row)
            inside = row.module.depth
    return tuple(reversed(kept))


def looked_at(run: RunView) -> str | None:
    """Return the path of the module that is looked at, measured or only asked for; None where none is."""
    return run.looked if run.looked is not None else run.node.node if run.node is not None else None


OPTIMIZER_KNOBS: Final = ("lr", "momentum", "beta1", "beta2", "weight_decay", "clip_norm")


def of_optimizer(knob: Knob) -> bool:
    """Tell whether a knob of a person's own loop is one of an optimizer: "lr", or "lr_1" of a parameter group."""
    base, _, group = knob.key.rpartition("_")
    return knob.key in OPTIMIZER_KNOBS or (base in OPTIMIZER_KNOBS and group.isdecimal())


def first_values(view: View) -> dict[str, float | int | bool]:
    """Return what the knobs of a run were before anybody has turned them, as its events tell."""
    knobs, run = view.knobs, view.run
    found: dict[str, float | int | bool] = {}
    for event in run.events if run is not None else ():
        if event.operation == "set" and event.status == "applied" and isinstance(event.old, bool | int | float):
            found.setdefault(event.key, event.old)
    return {**knobs.in_force, **found}
