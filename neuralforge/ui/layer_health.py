"""What the gradients say about the health of layers, as rows and strips of colours. No drawing.

Legend: T columns of the history, L layers, W columns of a strip.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralforge.graph.document import Document
from neuralforge.ui.heat import sequential
from neuralforge.ui.node_facts import category_of, title_of
from neuralforge.ui.numbers import number
from neuralforge.ui.own_runs import family_of
from neuralforge.ui.plots import Span
from neuralforge.workbench.looks import GradientHistory, LayerLook, LayersLook

if TYPE_CHECKING:
    from neuralforge.runs.events import Event
    from neuralforge.workbench.view import ModuleRow

    Modules = tuple[ModuleRow, ...] | None

GOOD: Final = Span(-4.0, -2.0)
"""Update over weight that is usually right, as decimal logarithm: around -3, by less than a factor of ten.

"A rough heuristic is that this ratio should be somewhere around 1e-3. If it is lower than this then the learning rate
might be too low. If it is higher then the learning rate is likely too high.": Andrej Karpathy, notes for the course
CS231n, "Neural Networks Part 3: Learning and Evaluation", https://cs231n.github.io/neural-networks-3/#ratio.
"""
RAIL: Final = Span(-6.0, 0.0)
VANISHING: Final = 1e-7
EXPLODING: Final = 1e3
STRIP_COLUMNS: Final = 256
_DECADES: Final = 6.0
"""Norms below the greatest one by more than this look alike."""

State = Literal["good", "frozen", "none", "small", "large", "vanishing", "exploding"]


class LayerRow(NamedTuple):
    """A layer in the list.

    Args:
        node: Its id.
        target: What is chosen to look at it: its id, or the path of a module that was not drawn here.
        name: What the list calls it.
        category: Its family.
        ratio: log10 of its update over its weights; None where there is none, minus infinity for no change.
        ratio_text: The same as text.
        ratio_state: "good", "small", "large", "frozen" or "none".
        norm_state: "good", "vanishing", "exploding", "frozen" or "none".
        tip: What all that means.
    """

    node: str
    target: str
    name: str
    category: str
    ratio: float | None
    ratio_text: str
    ratio_state: State
    norm_state: State
    tip: str


def rows_of(look: LayersLook, document: Document, modules: Modules = None) -> tuple[LayerRow, ...]:
    """Return a row for each layer, in the order of the source.

    Args:
        look: What was measured.
        document: The network.
        modules: Those of a network that was not drawn here.
    """
    owners = _owners(document, modules)
    return tuple(_row(layer, owners(layer)) for layer in look.layers)


def weight_rows_of(look: LayersLook, document: Document, modules: Modules = None) -> tuple[LayerRow, ...]:
    """Return a row for each layer with the size of its weights, for a network of which no update was seen.

    Args:
        look: What was measured.
        document: The network.
        modules: Those of a network that was not drawn here.
    """
    owners = _owners(document, modules)
    return tuple(_weight_row(layer, owners(layer)) for layer in look.layers)


class _Owner(NamedTuple):
    """What a layer is; arguments as of `LayerRow`, and its title."""

    target: str
    name: str
    category: str
    title: str


def _owners(document: Document, modules: Modules) -> Callable[[LayerLook], _Owner]:
    kinds = {row.path: row.kind for row in modules or ()}

    def of_module(layer: LayerLook) -> _Owner:
        kind = kinds.get(layer.path, "")
        name = layer.path or layer.node
        return _Owner(layer.path, name, family_of(kind) or "custom", f"{kind} {name}".strip())

    def of_node(layer: LayerLook) -> _Owner:
        node = document.graph.nodes.get(layer.node)
        if node is None:
            return _Owner(layer.node, layer.node, "", layer.node)
        return _Owner(layer.node, layer.node, category_of(node), title_of(node))

    return of_node if modules is None else of_module


def _weight_row(layer: LayerLook, owner: _Owner) -> LayerRow:
    size = number(layer.weight_norm)
    state: State = "frozen" if layer.frozen else "none"
    tip = f"{owner.title}\nEuclidean norm of all its weights: {size}"
    return LayerRow(
        node=layer.node,
        target=owner.target,
        name=owner.name,
        category=owner.category,
        ratio=None,
        ratio_text=size,
        ratio_state=state,
        norm_state=state,
        tip=f"{tip}\nFrozen: its weights did not change any more." if layer.frozen else tip,
    )


def ratio_state(ratio: float | None) -> State:
    """Judge log10 of update over weight."""
    if ratio is None:
        return "none"
    return "small" if ratio < GOOD.low else "large" if ratio > GOOD.high else "good"


def norm_state(norm: float | None) -> State:
    """Judge the norm of a gradient."""
    if norm is None:
        return "none"
    if not norm <= EXPLODING:  # NaN too
        return "exploding"
    return "vanishing" if norm < VANISHING else "good"


def _row(layer: LayerLook, owner: _Owner) -> LayerRow:
    ratio = None
    if layer.update_ratio is not None and not math.isnan(layer.update_ratio):
        ratio = math.log10(layer.update_ratio) if layer.update_ratio > 0 else -math.inf
    of_ratio, of_norm = ratio_state(ratio), norm_state(layer.gradient_norm)
    if layer.frozen:
        of_ratio = of_norm = "frozen"
    text = "\u2013" if ratio is None else "0" if ratio == -math.inf else f"{ratio:.1f}".replace("-0.0", "0.0")
    return LayerRow(
        node=layer.node,
        target=owner.target,
        name=owner.name,
        category=owner.category,
        ratio=ratio,
        ratio_text=text,
        ratio_state=of_ratio,
        norm_state=of_norm,
        tip=_tip(layer, owner.title, of_ratio, of_norm),
    )


def _tip(layer: LayerLook, title: str, of_ratio: State, of_norm: State) -> str:
    lines = [title]
    if layer.frozen:
        return f"{title}\nFrozen: its weights do not change, and it has no gradient."
    if layer.gradient_norm is None:
        lines.append("It had no gradient in this update.")
    else:
        lines.append(f"Gradient norm {number(layer.gradient_norm)}")
    if layer.update_ratio is not None:
        lines.append(f"Update / weight {number(layer.update_ratio)}")
    if of_norm == "vanishing":
        lines.append(
            f"The gradient has vanished (below {VANISHING:g}): this layer hardly learns. Normalisation, a skip "
            "connection, another activation or other initial weights may help."
        )
    elif of_norm == "exploding":
        lines.append(
            f"The gradient explodes (above {EXPLODING:,.0f}): one update may undo what was learned. Clip the gradient, "
            "or lower the learning rate."
        )
    elif of_ratio == "small":
        lines.append("The update is small beside the weights: the learning rate may be too low for this layer.")
    elif of_ratio == "large":
        lines.append("The update is large beside the weights: the learning rate may be too high for this layer.")
    return "\n".join(lines)


def frozen_since(events: tuple[Event, ...]) -> dict[str, int]:
    """Return the nodes that were frozen by hand, each with the first step at which it was.

    Args:
        events: Of a run, the oldest first.
    """
    since: dict[str, int] = {}
    for event in events:
        node, _, what = (event.key or "").rpartition(".")
        if what != "frozen" or event.status != "applied" or event.applied_step is None:
            continue
        if event.new:
            since.setdefault(node, event.applied_step)
        else:
            since.pop(node, None)
    return since


class Strips(NamedTuple):
    """Gradient norms over time as colours.

    Args:
        rgba: [L, W, 4]; row l belongs to node l of the history, columns are even in steps.
        places: Node -> row.
        first: The first step.
        last: The last step.
        without: Nodes that never had a gradient.
    """

    rgba: NDArray[np.uint8]
    places: dict[str, int]
    first: int
    last: int
    without: frozenset[str]

    @property
    def hint(self) -> str:
        """The range of steps as text."""
        return f"steps {self.first:,}\u2013{self.last:,}" if self.last > self.first else f"step {self.last:,}"


def strips_of(history: GradientHistory) -> Strips:
    """Colour the history of all layers by the logarithm of the norm, on one scale for all.

    Args:
        history: At least one column.
    """
    steps, norms = history.steps, history.norms
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(norms)
    known = logs[np.isfinite(logs)]
    high = float(known.max()) if known.size else 0.0
    low = max(float(known.min()), high - _DECADES) if known.size else 0.0
    if high - low < 1:  # nearly equal norms are not to look like day and night
        low, high = (low + high) / 2 - 0.5, (low + high) / 2 + 0.5
    logs = np.where(norms == 0, low, logs)
    logs = np.where(np.isposinf(norms), high, logs)
    columns = min(STRIP_COLUMNS, max(1, int(steps[-1] - steps[0]) + 1))
    wanted = np.linspace(steps[0], steps[-1], columns)
    picked = np.clip(np.searchsorted(steps, wanted), 0, len(steps) - 1)
    rgba = np.ascontiguousarray(sequential(logs[picked].T, low, high))
    places = {node: place for place, node in enumerate(history.nodes)}
    without = frozenset(node for node, place in places.items() if np.isnan(norms[:, place]).all())
    return Strips(rgba, places, int(steps[0]), int(steps[-1]), without)
