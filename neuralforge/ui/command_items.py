"""What the command palette lists, and in which order it is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from neuralforge.layers.spec import Category
from neuralforge.ui import icons
from neuralforge.ui.actions import DEFAULT_RUN_N, Action, Made, all_actions
from neuralforge.ui.insertion import insertion
from neuralforge.ui.layer_search import LayerEntry, entries, rank_of
from neuralforge.ui.local import ChoosePath, FitCanvas
from neuralforge.ui.readable import one_line
from neuralforge.workbench.commands import Apply, Command, OpenPath, Select, Start, UseData
from neuralforge.workbench.view import DataChoice, RecentFile, StartingPoint, View

MAX_FOUND: Final = 60

Kind = Literal["action", "layer", "node", "data", "recent", "start"]
_KINDS: Final[tuple[Kind, ...]] = ("action", "layer", "node", "data", "recent", "start")
_WORD: Final = re.compile(r"[a-z0-9]+")
_MODULE: Final = re.compile(r"\bnn\.(\w+)")


@dataclass(frozen=True, slots=True)
class Found:
    """The letters by which an item is found; see `neuralforge.ui.layer_search.LayerEntry`."""

    title: str
    key: str
    words: tuple[str, ...]
    more: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line of the palette.

    Args:
        key: Its id, which stays the same as long as it means the same.
        kind: Of what kind it is.
        title: What it says.
        place: Where it comes from, in a word: the menu, "Layer".
        icon: Before it.
        hint: At the right: a shortcut, or what PyTorch calls it.
        category: Family of layers whose colour it has.
        tip: What it does, in a sentence.
        found: How it is found.
        make: What to post.
        action: The action that it stands for, if it is one.
    """

    key: str
    kind: Kind
    title: str
    place: str
    icon: str
    hint: str = ""
    category: Category | None = None
    tip: str = ""
    found: Found
    make: Callable[[View], Made]
    action: Action | None = None

    def label(self, view: View, run_n: int = DEFAULT_RUN_N) -> str:
        """Return what it says now.

        Args:
            view: What there is.
            run_n: How many steps "Run N" makes.
        """
        return one_line(self.action.label(view, run_n)) if self.action else self.title

    def why_not(self, view: View) -> str | None:
        """Return why it cannot be done now; None when it can."""
        if self.action is None or self.action.enabled(view):
            return None
        return self.action.why_not(view)


def items_of(view: View) -> tuple[Item, ...]:
    """Return everything that the palette can do in a view; in order of weight."""
    return (
        *map(_of_action, all_actions()),
        *map(_of_layer, entries()),
        *_of_nodes(view),
        *map(_of_data, view.data_choices),
        *(_of_recent(recent) for recent in view.recent if recent.problem is None),
        *map(_of_start, view.starting_points),
    )


def find(query: str, items: Sequence[Item], recent: Iterable[str] = ()) -> tuple[Item, ...]:
    """Find items.

    Args:
        query: What was typed.
        items: All of them, in order of weight.
        recent: Keys of those that were chosen lately, the newest first; they lead an empty query.

    Returns:
        At most `MAX_FOUND`, the best first: an exact name, its start, starts of words, letters in between.
    """
    asked = query.strip()
    if not asked:
        known = {item.key: item for item in items}
        first = [known[key] for key in recent if key in known]
        taken = {item.key for item in first}
        return (*first, *(item for item in items if item.key not in taken))[:MAX_FOUND]
    if not _words(asked):
        folded = asked.casefold()
        return tuple(item for item in items if folded in item.title.casefold())[:MAX_FOUND]
    ranked = []
    for place, item in enumerate(items):
        rank = rank_of(asked, item.found)
        if rank is not None:
            ranked.append(((rank[0], rank[1], _KINDS.index(item.kind), rank[2], place), item))
    return tuple(item for _, item in sorted(ranked, key=lambda one: one[0])[:MAX_FOUND])


def _of_action(action: Action) -> Item:
    return Item(
        key=action.key,
        kind="action",
        title=action.title.rstrip("\u2026"),
        place=action.menu,
        icon=action.icon,
        hint=action.shortcut,
        tip=action.tip,
        found=_found(action.title, action.title, f"{action.menu} {action.key} {action.tip}"),
        make=action.make,
        action=action,
    )


def _of_layer(entry: LayerEntry) -> Item:
    spec = entry.spec

    def make(view: View) -> Made:
        edit, node_id = insertion(view.document, spec)
        return Apply(edit), Select(frozenset((node_id,))), FitCanvas(selection=True)

    title = f"Add {spec.title}"
    return Item(
        key=f"layer.{spec.key}",
        kind="layer",
        title=title,
        place="Layer",
        icon=icons.of_category(spec.category),
        hint=_module_of(entry),
        category=spec.category,
        tip=f"Add a {spec.title} layer after the selected node.",
        found=Found(_bare(title), entry.title, ("add", *entry.words), entry.more),
        make=make,
    )


def _module_of(entry: LayerEntry) -> str:
    """Return what PyTorch calls a layer, "nn.Conv2d"; "" where it has another name there, or none."""
    found = _MODULE.search(entry.spec.doc)
    return found[0] if found and _bare(found[1]) in (entry.title, entry.key) else ""


def _of_nodes(view: View) -> Iterable[Item]:
    specs = {entry.spec.key: entry.spec for entry in entries()}
    for node_id, node in view.document.document.graph.nodes.items():
        spec = specs.get(node.layer)
        select = Select(frozenset((node_id,)))
        title = f"Go to {node_id}"
        called = one_line(node.title) or (spec.title if spec else "Node")
        yield Item(
            key=f"node.{node_id}",
            kind="node",
            title=title,
            place=called,
            icon=icons.of_category(spec.category) if spec else icons.CUSTOM,
            category=spec.category if spec else None,
            tip="Select this node and show it on the canvas.",
            found=_found(title, node_id, called),
            make=_posting(select, FitCanvas(selection=True)),
        )


def _of_data(choice: DataChoice) -> Item:
    built_in = choice.kind == "built in"
    made = UseData(choice.key) if built_in else ChoosePath("data folder" if choice.key == "folder" else "data file")
    title = f"Use {choice.title}" if built_in else f"Use a {choice.title}\u2026"
    return Item(
        key=f"data.{choice.key}",
        kind="data",
        title=title,
        place="Data",
        icon=icons.DATA,
        tip=choice.summary,
        found=_found(title, choice.title, f"{choice.key} {choice.summary}"),
        make=_posting(made),
    )


def _of_recent(recent: RecentFile) -> Item:
    name = one_line(recent.name)
    title = f"Open {name}"
    return Item(
        key=f"recent.{recent.path}",
        kind="recent",
        title=title,
        place="Recent",
        icon=icons.FILE,
        hint=recent.when_text,
        tip=one_line(str(recent.path)),
        found=_found(f"Open recent {name}", name, recent.path.name),
        make=_posting(OpenPath(recent.path)),
    )


def _of_start(point: StartingPoint) -> Item:
    title = f"Start from {point.title}"
    start = Start(point.template, point.data, point.options, point.settings)
    return Item(
        key=f"start.{point.key}",
        kind="start",
        title=title,
        place="Start",
        icon=icons.TEMPLATES,
        tip=point.summary,
        found=_found(title, point.title, f"{point.key} {point.summary}"),
        make=_posting(start),
    )


def _posting(*commands: Command) -> Callable[[View], Made]:
    return lambda view: commands


def _found(title: str, name: str, more: str) -> Found:
    return Found(_bare(title), _bare(name), tuple(dict.fromkeys(_words(title))), tuple(dict.fromkeys(_words(more))))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _bare(text: str) -> str:
    return "".join(_words(text))
