"""From generated source to a module with weights."""

from __future__ import annotations

import linecache
from typing import Any

import torch
from torch import nn

from neuralforge.codegen.module import GeneratedModule
from neuralforge.data.seeds import derive_seed


def compile_source(source: str, name: str) -> dict[str, Any]:
    """Execute generated source and return what it defines.

    Args:
        source: Text written by `neuralforge.codegen`, which holds validated literals alone. Never pass text that
            was stored in a file unless the user has said that it is to be trusted.
        name: What tracebacks call it.
    """
    place = f"<neuralforge {name}>"
    linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
    names: dict[str, Any] = {"__name__": place}
    exec(compile(source, place, "exec"), names)
    return names


def build_module(generated: GeneratedModule, seed: int) -> nn.Module:
    """Make the module with its initial weights, on the CPU in float32.

    Args:
        generated: The source.
        seed: Seed of the run. The caller's random state is the same before and after.

    Returns:
        A new module in training mode.
    """
    kind = compile_source(generated.source, generated.class_name)[generated.class_name]
    generator = torch.default_generator
    before = generator.get_state()
    try:
        generator.manual_seed(derive_seed(seed, "weights"))
        module: nn.Module = kind()
    finally:
        generator.set_state(before)
    return module
