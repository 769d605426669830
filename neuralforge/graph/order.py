"""A topological order that survives edits.

Each node has a rank that grows along every wire. A new wire that agrees with the ranks changes nothing; one that
does not reorders only the nodes between its ends (D. J. Pearce and P. H. J. Kelly, "A dynamic topological sort
algorithm for directed acyclic graphs", 2006).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

CycleError = Callable[[list[str]], Exception]


class Ranks:
    """Immutable map from node id to rank."""

    __slots__ = ("_next", "_rank", "_sorted")

    def __init__(self, rank: dict[str, int] | None = None, following: int = 0) -> None:
        self._rank = rank or {}
        self._next = following
        self._sorted: list[str] | None = None

    def of(self, node_id: str) -> int:
        """Return a node's rank."""
        return self._rank[node_id]

    @property
    def by_id(self) -> dict[str, int]:
        """Rank of every id. The dictionary is shared; do not change it."""
        return self._rank

    def order(self) -> list[str]:
        """Return all ids by rank. The list is shared; do not change it."""
        if self._sorted is None:
            self._sorted = sorted(self._rank, key=self._rank.__getitem__)
        return self._sorted

    @staticmethod
    def sort(
        nodes: Mapping[str, Any],
        feeds: Mapping[str, Mapping[str, tuple[str, str]]],
        consumers: Mapping[str, tuple[str, ...]],
        cycle_error: CycleError,
    ) -> Ranks:
        """Rank a whole graph by Kahn's algorithm.

        Raises:
            Exception: What `cycle_error` makes of the ids along a cycle.
        """
        waiting = {key: len({feed[0] for feed in feeds[key].values()}) for key in nodes}
        ready = [key for key, count in waiting.items() if count == 0]
        for key in ready:  # grows while it is walked
            for target in consumers[key]:
                waiting[target] -= 1
                if waiting[target] == 0:
                    ready.append(target)
        if len(ready) < len(waiting):
            raise cycle_error(_find_cycle({key for key, count in waiting.items() if count}, feeds))
        ranks = Ranks({key: position for position, key in enumerate(ready)}, len(ready))
        ranks._sorted = ready
        return ranks

    def added(self, node_id: str) -> Ranks:
        """Return ranks with one more node at the end."""
        rank = self._rank.copy()
        rank[node_id] = self._next
        return Ranks(rank, self._next + 1)

    def removed(self, node_id: str) -> Ranks:
        """Return ranks without a node."""
        rank = self._rank.copy()
        del rank[node_id]
        return Ranks(rank, self._next)

    def connected(
        self,
        source: str,
        target: str,
        feeds: Mapping[str, Mapping[str, tuple[str, str]]],
        consumers: Mapping[str, tuple[str, ...]],
        cycle_error: CycleError,
    ) -> Ranks:
        """Return ranks that agree with a new wire, which `feeds` and `consumers` hold already.

        Raises:
            Exception: What `cycle_error` makes of the ids along a cycle.
        """
        rank = self._rank
        low, high = rank[target], rank[source]
        if high < low:
            return self
        came_from: dict[str, str] = {target: source}
        after = [target]
        for key in after:
            for successor in consumers[key]:
                if successor == source:
                    raise cycle_error(_path(came_from, key, source))
                if rank[successor] < high and successor not in came_from:
                    came_from[successor] = key
                    after.append(successor)
        before, seen = [source], {source}
        for key in before:
            for predecessor, _ in feeds[key].values():
                if rank[predecessor] > low and predecessor not in seen:
                    seen.add(predecessor)
                    before.append(predecessor)
        before.sort(key=rank.__getitem__)
        after.sort(key=rank.__getitem__)
        moved = before + after
        slots = sorted(rank[key] for key in moved)
        new = rank.copy()
        new.update(zip(moved, slots, strict=True))
        return Ranks(new, self._next)


def _path(came_from: Mapping[str, str], last: str, source: str) -> list[str]:
    path = [source, last]
    while path[-1] != source:
        path.append(came_from[path[-1]])
    return path[::-1]


def _find_cycle(candidates: set[str], feeds: Mapping[str, Mapping[str, tuple[str, str]]]) -> list[str]:
    """Walk backwards among nodes that each wait for another, until one comes again."""
    path = [min(candidates)]
    while True:
        previous = next(source for source, _ in feeds[path[-1]].values() if source in candidates)
        if previous in path:
            return [previous, *reversed(path[path.index(previous) :])]
        path.append(previous)
