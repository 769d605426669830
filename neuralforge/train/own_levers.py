"""Knobs of an optimizer that a person has made: which there are, how they reach it, and how they follow it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from neuralforge.errors import UserError
from neuralforge.train.levers import fill_momentum
from neuralforge.workbench.knobs import Knob, KnobBoard, KnobValue, bounded

Bounds = Mapping[str, tuple[float, float]]

_BETAS = {"beta1": 0, "beta2": 1}
_WHOLE = ("max_iter", "max_eval", "history_size")
"""Whole numbers; of all others PyTorch's own 0 and 1 are meant as floats."""
_USUAL_LOW, _USUAL_HIGH = 1e-6, 1.0
"""Bounds of a learning rate of which nobody has said any."""


@dataclass(slots=True)
class _Lever:
    """Where one number lies.

    Args:
        name: Key in the group.
        place: Which of several it is there; None where it stands alone.
        group: The group that it is read from.
        alone: Whether it is written to that group alone.
        seen: What the group held when it was last looked at.
    """

    name: str
    place: int | None
    group: int
    alone: bool
    seen: object = None


class OwnLevers:
    """Carries knob values to an optimizer, and takes over what the person's code has written there.

    Values may lie outside their bounds where the optimizer was made so or a scheduler brought them there: bounds are
    for requests.

    Args:
        optimizer: The optimizer.
        bounds: Name -> bounds of what is to be a knob; none is the learning rate alone.

    Raises:
        UserError: When the optimizer does not have what is named, or bounds are none.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, bounds: Bounds) -> None:
        self._optimizer = optimizer
        self._levers: dict[str, _Lever] = {}
        if not bounds and "lr" in _numbers(optimizer.param_groups[0]):
            bounds = {"lr": _usual_bounds(_number(optimizer.param_groups[0]["lr"]))}
        knobs: list[tuple[Knob, KnobValue]] = []
        for name, given in bounds.items():
            for key, lever in self._find(name):
                value = self._read(lever)
                knob = _knob(key, lever, given)
                knobs.append((knob, int(value) if knob.kind == "int" else value))
                self._levers[key] = lever
        self._followed = list(self._levers.values())
        self._free_lr: _Lever | None = None
        """The learning rate where it is no knob."""
        if "lr" not in self._levers and "lr" in optimizer.param_groups[0]:
            self._free_lr = self._lever("lr", 0, alone=True)
            self._followed.append(self._free_lr)
        known = {name for group in optimizer.param_groups for name in _numbers(group)}
        self.board = KnobBoard.of(
            knobs, {name: "no bounds were given for it" for name in sorted(known) if not self._has(name)}
        )

    def _has(self, name: str) -> bool:
        return name in self._levers or f"{name}_0" in self._levers

    def _find(self, name: str) -> Iterator[tuple[str, _Lever]]:
        """Find what a name stands for: one number, or one for each group where they differ."""
        groups = self._optimizer.param_groups
        base, _, index = name.rpartition("_")
        if base and index.isdecimal() and int(index) < len(groups) and base in _numbers(groups[int(index)]):
            yield name, self._lever(base, int(index), alone=True)
            return
        with_it = [index for index, group in enumerate(groups) if name in _numbers(group)]
        if not with_it:
            there = ", ".join(dict.fromkeys(name for group in groups for name in _numbers(group)))
            raise UserError(f"{type(self._optimizer).__name__} has no {name!r:.80}. It has: {there}.")
        levers = [self._lever(name, index, alone=True) for index in with_it]
        if len({self._read(lever) for lever in levers}) == 1:
            yield name, self._lever(name, with_it[0], alone=False)
        else:
            for lever in levers:
                yield f"{name}_{lever.group}", lever

    def _lever(self, name: str, group: int, *, alone: bool) -> _Lever:
        place = _BETAS.get(name)
        lever = _Lever("betas" if place is not None else name, place, group, alone)
        lever.seen = self._optimizer.param_groups[group][lever.name]
        return lever

    def _read(self, lever: _Lever) -> float:
        found = self._optimizer.param_groups[lever.group][lever.name]
        return _number(found if lever.place is None else found[lever.place])

    def is_untouched(self) -> bool:
        """Tell whether `follow` and `lr` have nothing new to say: the person's code has written nothing since."""
        groups = self._optimizer.param_groups
        for lever in self._followed:
            found = groups[lever.group].get(lever.name)
            if found is not lever.seen or type(found) is Tensor:
                return False
        return True

    def follow(self) -> dict[str, KnobValue]:
        """Take over what the person's code has written since; almost free where it has not.

        A number that PyTorch keeps in a tensor on another device is not looked at, since that would wait for the
        device.

        Returns:
            What has changed; it is on the board.
        """
        changed: dict[str, KnobValue] = {}
        groups = self._optimizer.param_groups  # made anew by `load_state_dict`
        for key, lever in self._levers.items():
            found = groups[lever.group][lever.name]
            if found is lever.seen and type(found) is not Tensor:
                continue
            lever.seen = found
            picked = found if lever.place is None else found[lever.place]
            if isinstance(picked, Tensor) and picked.device.type != "cpu":
                continue
            value = int(picked) if self.board.knobs[key].kind == "int" else _number(picked)
            if value != self.board.values[key]:
                changed[key] = value
        if changed:
            self.board.commit(changed)
        return changed

    def lr(self) -> float | None:
        """Return the learning rate of the first group; None where the optimizer has none."""
        if "lr" in self._levers:
            return self.board.values["lr"]
        found = self._optimizer.param_groups[0].get("lr")
        if self._free_lr is not None:
            self._free_lr.seen = found
        return None if found is None else _number(found)

    def apply(self, changes: Mapping[str, KnobValue]) -> None:
        """Write changes to the optimizer; those of other knobs are left aside."""
        for key, value in changes.items():
            lever = self._levers.get(key)
            if lever is None:
                continue
            groups = self._optimizer.param_groups
            for group in [groups[lever.group]] if lever.alone else groups:
                if lever.name in group:
                    _write(group, lever, value)
            lever.seen = groups[lever.group][lever.name]
            if lever.name == "momentum" and value:
                fill_momentum(self._optimizer)

    def owns(self, key: str) -> bool:
        """Tell whether a key is that of a number of the optimizer, be it a knob or not."""
        return key in self._levers or key in self.board.absent

    def facts(self) -> dict[str, Any]:
        """Return what the log says of the optimizer: its class, and the numbers of each group."""
        groups = [
            {name: _number(_pick(group, name)) for name in _numbers(group)} for group in self._optimizer.param_groups
        ]
        return {"optimizer": type(self._optimizer).__name__, "groups": groups}


def _numbers(group: Mapping[str, Any]) -> list[str]:
    """Return the names of the numbers of a group."""
    found = [key for key, value in group.items() if _is_number(value)]
    betas = group.get("betas")
    if isinstance(betas, tuple | list) and len(betas) == len(_BETAS) and all(_is_number(beta) for beta in betas):
        found += _BETAS
    return found


def _pick(group: Mapping[str, Any], name: str) -> Any:
    return group["betas"][_BETAS[name]] if name in _BETAS else group[name]


def _is_number(value: object) -> bool:
    if isinstance(value, Tensor):
        return value.numel() == 1 and not value.is_complex()
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> float:
    return float(value)


def _write(group: dict[str, Any], lever: _Lever, value: KnobValue) -> None:
    found = group[lever.name] if lever.place is None else group[lever.name][lever.place]
    if isinstance(found, Tensor):
        with torch.no_grad():
            found.fill_(value)
    elif lever.place is None:
        group[lever.name] = value
    else:
        pair = list(group[lever.name])
        pair[lever.place] = value
        group[lever.name] = tuple(pair)


def _knob(key: str, lever: _Lever, given: object) -> Knob:
    if not isinstance(given, tuple | list) or len(given) != 2 or not all(_is_number(end) for end in given):
        raise UserError(f"{key} needs two bounds, (low, high). Received: {given!r:.80}")
    name = lever.name if lever.place is None else next(beta for beta, place in _BETAS.items() if place == lever.place)
    low, high = (_number(end) for end in given)
    where = f" of parameter group {lever.group}" if lever.alone else ""
    doc = "" if name in ("momentum", *_BETAS, "weight_decay") else f"{name}{where}, a number of the optimizer."
    if name == "lr":
        doc = f"Learning rate{where}; it is written to the optimizer before a step."
    return bounded(key, low, high, kind="int" if name in _WHOLE else "float", usual=name, doc=doc)


def _usual_bounds(value: float) -> tuple[float, float]:
    """Return bounds of a learning rate, in powers of ten, that hold the value."""
    if not math.isfinite(value) or value <= 0:
        return _USUAL_LOW, _USUAL_HIGH
    low, high = 10.0 ** (math.floor(math.log10(value)) - 1), 10.0 ** (math.ceil(math.log10(value)) + 1)
    return min(_USUAL_LOW, low), max(_USUAL_HIGH, high)
