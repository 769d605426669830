"""Tries a module that was not drawn here on a few samples, before it trains; changes nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neuralforge.data.tensors import TensorData
from neuralforge.errors import UserError
from neuralforge.graph.shapes import BATCH, TensorType
from neuralforge.train.devices import generators_of
from neuralforge.train.subject import Kept, Place, Terms

Hook = Callable[[nn.Module, Any, Any], None]

_MAX_WHY = 300
_SAMPLES = 2


@contextmanager
def hooked(hooks: Iterable[tuple[nn.Module, Hook]]) -> Iterator[None]:
    """Let functions see what modules return; modules that take no hooks, such as scripted ones, are left alone.

    Args:
        hooks: Modules with what is called with the module, its inputs and its output, and returns None.
    """
    handles = []
    try:
        for module, hook in hooks:
            with suppress(RuntimeError):
                handles.append(module.register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


def tensors_in(output: object) -> Iterator[Tensor]:
    """Yield the tensors in what a module has returned: a tensor, or a mapping or sequence of such."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for part in output.values():
            yield from tensors_in(part)
    elif isinstance(output, tuple | list):
        for part in output:
            yield from tensors_in(part)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What one forward pass in evaluation has shown.

    Args:
        macs: Multiply-accumulates of one sample, about: of what modules do with their own weights.
        draws: Whether it drew random numbers.
        writes_input: Whether it wrote to what it was given.
        restless: Buffers that it changed.
    """

    macs: int
    draws: bool
    writes_input: bool
    restless: tuple[Place, ...]


def try_out(model: nn.Module, name: str, terms: Terms) -> Tried:
    """Go forward once and judge what comes out; no number of the module and none of a generator changes.

    Args:
        model: The module.
        name: What messages call it.
        terms: What it has to fit.

    Raises:
        UserError: When it raises, or what it returns does not fit the task.
    """
    prepared = terms.prepared
    few = prepared.inputs[prepared.splits.train[:_SAMPLES]]
    data = TensorData(torch.from_numpy(few), None, prepared.preprocessing)
    x, _ = data.batch(torch.arange(len(few)))
    like = next((p for p in model.parameters() if p.is_floating_point()), x)
    x = x.to(like.device, like.dtype if x.is_floating_point() else x.dtype)
    given = x.clone()
    kept = Kept([Place(m, key) for m in model.modules() for key, buffer in m._buffers.items() if buffer is not None])
    generators = generators_of(like.device)
    states = [generator.get_state() for generator in generators]
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    restless: tuple[Place, ...] = ()
    try:
        with torch.no_grad(), _counting(model, len(few)) as macs:
            output = model(x)
    except Exception as error:
        info = prepared.info
        came = TensorType((BATCH, *info.input_shape), info.input_dtype)
        why = (str(error).strip().splitlines() or [""])[0][:_MAX_WHY]
        raise UserError(
            f"{name} cannot take {info.name} with samples of {came}: {type(error).__name__}: {why}"
        ) from error
    finally:
        for module, mode in modes:
            module.training = mode
        restless = kept.put_back()
        draws = any(not torch.equal(g.get_state(), state) for g, state in zip(generators, states, strict=True))
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
    _check_output(output, name, len(few), like.dtype, terms)
    weights = sum(parameter.numel() for parameter in model.parameters())
    return Tried(macs=max(weights, macs[0]), draws=draws, writes_input=not torch.equal(x, given), restless=restless)


@contextmanager
def _counting(model: nn.Module, samples: int) -> Iterator[list[int]]:
    """Count what modules do with their own weights: each number of the output takes a row of each weight."""
    macs = [0]

    def count(module: nn.Module, _inputs: object, output: object) -> None:
        made = next(tensors_in(output), None)
        if made is not None:
            rows = (p.numel() // p.shape[0] for p in module.parameters(recurse=False) if p.ndim > 1 and p.shape[0])
            macs[0] += made.numel() // samples * sum(rows)

    counted = [m for m in model.modules() if m._parameters and not isinstance(m, nn.Embedding | nn.EmbeddingBag)]
    with hooked((module, count) for module in counted):
        yield macs


def _check_output(output: Any, name: str, samples: int, dtype: torch.dtype, terms: Terms) -> None:
    if not isinstance(output, Tensor):
        raise UserError(f"{name} returns a {type(output).__name__}, but training needs one tensor.")
    if output.ndim == 0 or len(output) != samples:
        raise UserError(
            f"{name} returns {list(output.shape)} for {samples} samples; its first size must be their number."
        )
    own = str(output.dtype).removeprefix("torch.")
    is_usual = output.dtype == dtype and output.is_floating_point()  # float32, once the module is
    kind = TensorType((BATCH, *output.shape[1:]), "float32" if is_usual else own)
    terms.criterion.check_output(kind, "log_softmax" if _are_log_probabilities(output) else "")


def _are_log_probabilities(output: Tensor) -> bool:
    if output.ndim < 2 or not output.is_floating_point():
        return False
    sums = output.float().exp().sum(1)
    return torch.allclose(sums, torch.ones_like(sums), atol=1e-2)
