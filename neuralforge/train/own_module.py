"""A network that was not drawn here: an nn.Module of the person's own, trained as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import is_lazy

from neuralforge.errors import UserError
from neuralforge.graph.document import MAX_NAME, Document
from neuralforge.train.gradients import Owner
from neuralforge.train.hashing import state_of
from neuralforge.train.loop_watch import ROOT
from neuralforge.train.module_source import class_of, source_of
from neuralforge.train.own_trial import Hook, hooked, tensors_in, try_out
from neuralforge.train.subject import Part, Subject, Terms
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobBoard
from neuralforge.workbench.view import ModuleRow

KIND = "own module"
"""What the log calls a run of a module that was not drawn here."""

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,180}")
"""Paths that can name a series of the log; others have no knobs."""
_MAX_ROWS = 2000
_MAX_FACTS = 120


class OwnModule:
    """A person's module as what trains.

    The very object trains, not a copy of it, from the weights that it has: the seed of the run does not touch them. It
    is moved to the device of the run and to float32, and stays there. What several runs are made of begins each time
    as it was when the first of them began: its weights and buffers, which of them train, and its dropouts. Other
    attributes, such as counters that `forward` keeps, are not brought back.

    `<path>.frozen` is there for each direct child with weights; where one child holds them all, for its children in
    turn. A child of which nothing trains at the beginning counts as frozen, so that its normalisation keeps its
    statistics too; parameters that do not train in a child which otherwise does are never touched.

    Args:
        model: The module.

    Raises:
        UserError: When it is none.
    """

    def __init__(self, model: nn.Module) -> None:
        if not isinstance(model, nn.Module):
            raise UserError(f"Only an nn.Module can be trained. Received: {type(model).__name__}")
        self.model = model
        self.document = Document(name=class_of(model).__name__[:MAX_NAME])
        self._beginning: _Beginning | None = None

    def board(self, config: TrainConfig, loss: str) -> KnobBoard:
        """Return the knobs of a run of it.

        Args:
            config: How to train.
            loss: Key of the loss in use.
        """
        return _board(self.model, config, loss)

    def check(self, terms: Terms) -> None:
        """Find out what can be told without running it.

        Raises:
            UserError: When it has nothing to train, or its weights are not there yet.
        """
        self._refuse_without_weights()
        self.board(terms.config, terms.criterion.key)

    def make(self, terms: Terms) -> Subject:
        """Try the module on two samples, which changes nothing of it, and take it to the device of the run.

        Raises:
            UserError: When it does not take the samples, or what it returns does not fit the task.
        """
        model = self.model
        if self._beginning is not None:
            self._beginning.put_back(model, self.document.name)
        self._refuse_without_weights()
        tried = try_out(model, self.document.name, terms)
        if any(tensor.device != terms.device or _is_not_float32(tensor) for tensor in state_of(model).values()):
            model.to(terms.device).float()
        model.zero_grad(set_to_none=True)
        if self._beginning is None:
            self._beginning = _Beginning(model)
        return Subject(
            model=model,
            document=self.document,
            source=source_of(model),
            kind=KIND,
            replayable=False,
            board=self.board(terms.config, terms.criterion.key),
            parts=_parts(model),
            live={f"{path}.dropout": (module, "p") for path, module in _dropouts(model).items()},
            owners=list(_owners(model)),
            moving=[buffer for buffer in model.buffers() if _can_be_written(buffer)],
            restless=tried.restless,
            macs=tried.macs,
            draws=True,  # nobody knows what its `forward` does
            draws_in_evaluation=tried.draws,
            writes_input=tried.writes_input,
            inside=_Inside(model),
            modules=module_rows(model),
        )

    def _refuse_without_weights(self) -> None:
        name = self.document.name
        if any(is_lazy(tensor) for tensor in state_of(self.model).values()):
            raise UserError(f"{name} has lazy modules without weights yet; call it once on a batch, then open it.")
        if any(tensor.is_meta for tensor in state_of(self.model).values()):
            raise UserError(f"{name} has weights on the meta device, which holds no numbers.")
        if not any(parameter.requires_grad for parameter in self.model.parameters()):
            raise UserError(f"{name} has no parameters that train.")


def module_rows(model: nn.Module) -> tuple[ModuleRow, ...]:
    """Return the modules of a model as the panels list them, from the outside in; each once.

    Args:
        model: The model; of a deep one some 2,000 modules are returned.
    """
    rows: list[ModuleRow] = []
    for path, module in model.named_modules():
        if len(rows) == _MAX_ROWS:
            break
        rows.append(
            ModuleRow(
                path=path,
                kind=type(module).__name__,
                depth=path.count(".") + 1 if path else 0,
                parameters=sum(parameter.numel() for parameter in module.parameters() if not is_lazy(parameter)),
                facts=_facts(module),
            )
        )
    return tuple(rows)


def _facts(module: nn.Module) -> str:
    try:
        text = " ".join(str(module.extra_repr()).split())
    except Exception:  # a person's own words may go wrong; the row is there without them
        return ""
    return text if len(text) <= _MAX_FACTS else f"{text[: _MAX_FACTS - 3]}..."


# What can be steered


def _dropouts(model: nn.Module) -> dict[str, _DropoutNd]:
    """Return the dropouts whose share is a plain number, by their paths."""
    return {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, _DropoutNd)
        and _KEY.fullmatch(path)
        and type(module.p) in (float, int)
        and 0 <= module.p <= 1
    }


def _parts(model: nn.Module) -> dict[str, Part]:
    """Return what can be frozen as one, by path; each parameter belongs to one of them at most."""
    prefix, holder = "", model
    while True:
        taken = {id(parameter) for parameter in holder.parameters(recurse=False)}
        found: dict[str, Part] = {}
        for name, child in holder.named_children():
            mine = [p for p in child.parameters() if id(p) not in taken and (p.is_floating_point() or p.is_complex())]
            taken.update(map(id, mine))
            training = [parameter for parameter in mine if parameter.requires_grad]
            if mine:
                found[f"{prefix}{name}"] = Part(child, tuple(training or mine))
        (path, only) = next(iter(found.items())) if len(found) == 1 else ("", None)
        is_wrapper = only is not None and len(taken) == len(list(only.module.parameters()))
        if only is None or not is_wrapper or not _holds_others(only.module):
            return {path: part for path, part in found.items() if _KEY.fullmatch(path)}
        prefix, holder = f"{path}.", only.module


def _holds_others(module: nn.Module) -> bool:
    own = next(module.parameters(recurse=False), None)
    return own is None and any(next(child.parameters(), None) is not None for child in module.children())


def _board(model: nn.Module, config: TrainConfig, loss: str) -> KnobBoard:
    parts = _parts(model)
    frozen = {path: not any(p.requires_grad for p in part.parameters) for path, part in parts.items()}
    freezable = {id(parameter) for part in parts.values() for parameter in part.parameters}
    always_trains = any(p.requires_grad and id(p) not in freezable for p in model.parameters())
    counts = {path: sum(parameter.numel() for parameter in part.parameters) for path, part in parts.items()}
    within = {}
    for path, module in model.named_modules():
        if path and path not in parts and _KEY.fullmatch(path):
            has_weights = next(module.parameters(), None) is not None
            within[path] = next((owner for owner in parts if has_weights and path.startswith(f"{owner}.")), "")
    return KnobBoard.for_modules(
        config,
        loss,
        dropouts={path: module.p for path, module in _dropouts(model).items()},
        frozen=frozen,
        trainable={} if always_trains else counts,
        within=within,
    )


def _owners(model: nn.Module) -> Iterator[Owner]:
    """Yield the modules with parameters of their own; a parameter that several share belongs to the first."""
    seen: set[int] = set()
    for path, module in model.named_modules():
        mine: list[Tensor] = [p for p in module.parameters(recurse=False) if id(p) not in seen]
        seen.update(map(id, mine))
        if mine:
            yield path or ROOT, path, mine


class _Beginning:
    """A module as it was when its first run began."""

    def __init__(self, model: nn.Module) -> None:
        self._tensors = {name: tensor.detach().to("cpu", copy=True) for name, tensor in state_of(model).items()}
        self._trains = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
        self._dropouts = {path: module.p for path, module in _dropouts(model).items()}

    def put_back(self, model: nn.Module, name: str) -> None:
        """Bring it back.

        Raises:
            UserError: When it has other weights now.
        """
        mine = state_of(model)
        if {key: tensor.shape for key, tensor in mine.items()} != {k: t.shape for k, t in self._tensors.items()}:
            raise UserError(f"{name} has other modules now than when its first run began; open it anew.")
        with torch.no_grad():
            for key, tensor in mine.items():
                if _can_be_written(tensor):
                    tensor.copy_(self._tensors[key])
        for key, parameter in model.named_parameters():
            if parameter.requires_grad != self._trains[key]:
                parameter.requires_grad_(self._trains[key])
        for path, module in _dropouts(model).items():
            module.p = self._dropouts.get(path, module.p)


def _is_not_float32(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.dtype != torch.float32


def _can_be_written(tensor: Tensor) -> bool:
    """Tell whether each element has a place of its own; one that was expanded cannot be written to."""
    return not any(stride == 0 and size > 1 for stride, size in zip(tensor.stride(), tensor.shape, strict=True))


# Looking inside


class _Inside:
    """Looks into a module through hooks, which are there for one forward pass."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model

    def module(self, node: str) -> nn.Module | None:
        """Return the module at a path."""
        return dict(self._model.named_modules()).get("" if node == ROOT else node)

    def value(self, node: str, x: Tensor) -> Tensor | None:
        """Go forward and return the first tensor that a module has returned; None where it was not called."""
        module = self.module(node)
        found: list[Tensor] = []

        def keep(_module: nn.Module, _inputs: object, output: object) -> None:
            made = next(tensors_in(output), None)
            if made is not None and not found:
                found.append(made.detach().clone())  # what follows may write to it

        if module is None:
            return None
        with hooked([(module, keep)]):
            self._model(x)
        return (found[0] if found[0].ndim else found[0].reshape(1)) if found and found[0].numel() else None

    def first_nonfinite(self, x: Tensor) -> str:
        """Go forward and say which module is the first to return a value that is not finite."""
        if not _is_finite(x):
            return "in the input"
        for path, module in self._model.named_modules():
            for name, parameter in module.named_parameters(recurse=False):
                if not _is_finite(parameter):
                    return f"in the weights of {path or ROOT} ({name})"
        found: list[str] = []

        def looking(path: str) -> Hook:
            def look(_module: nn.Module, _inputs: object, output: object) -> None:
                if not found and not all(map(_is_finite, tensors_in(output))):
                    found.append(path or ROOT)

            return look

        with torch.no_grad(), hooked((module, looking(path)) for path, module in self._model.named_modules()):
            self._model(x)
        return f"in the output of {found[0]}" if found else "in the loss itself"


def _is_finite(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex()) or bool(torch.isfinite(tensor).all())
