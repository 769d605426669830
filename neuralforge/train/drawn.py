"""A network that was drawn here: its document becomes source, and the source a module."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import torch
from torch import Tensor, nn

from neuralforge.codegen.module import GeneratedModule, generate, generate_probe
from neuralforge.data.memory import available_bytes
from neuralforge.data.prepare import Prepared
from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.graph.inference import Inference, infer_all
from neuralforge.graph.shapes import BATCH, TensorType
from neuralforge.layers.registry import catalog
from neuralforge.layers.spec import BoundRule
from neuralforge.train.build import build_module, compile_source
from neuralforge.train.diagnose import first_nonfinite
from neuralforge.train.losses import Criterion
from neuralforge.train.subject import Part, Subject, Terms
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobBoard


class DrawnNetwork:
    """A document as what trains.

    Args:
        document: The network, bound to the data.
        trusted_source: Text to train in place of the generated one; only what the user has said to trust.
    """

    def __init__(self, document: Document, trusted_source: str | None = None) -> None:
        self.document = document
        self._trusted_source = trusted_source

    def check(self, terms: Terms) -> None:
        """Find out what can be told without building the network.

        Raises:
            UserError: When it does not fit the data, or the memory does not hold it.
        """
        inference, _ = self._fitting(terms)
        KnobBoard.for_run(terms.config, terms.criterion.key, self.document.graph, inference)

    def make(self, terms: Terms) -> Subject:
        """Build the network with its initial weights.

        Raises:
            UserError: When it does not fit the data, or the memory does not hold it.
        """
        document = self.document
        inference, generated = self._fitting(terms)
        if self._trusted_source is not None:
            generated = replace(generated, source=self._trusted_source)
        board = KnobBoard.for_run(terms.config, terms.criterion.key, document.graph, inference)
        model = build_module(generated, terms.config.seed).to(terms.device)
        modules = {node: model.get_submodule(path) for node, path in generated.paths.items()}
        rules = (catalog().bind(node) for node in document.graph.nodes.values())
        owners = [(node, generated.paths[node], list(module.parameters())) for node, module in modules.items()]
        return Subject(
            model=model,
            document=document,
            source=generated.source,
            board=board,
            parts={node: Part(module, tuple(module.parameters())) for node, module in modules.items()},
            live=_live(document, modules),
            owners=[owner for owner in owners if owner[2]],
            moving=[
                buffer
                for part in model.modules()
                if getattr(part, "running_mean", None) is not None
                for buffer in part.buffers(recurse=False)
            ],
            macs=inference.totals().macs,
            draws=any(rule.spec is not None and rule.spec.draws for rule in rules),
            inside=_Inside(model, document, generated, generate_probe(document, catalog(), inference)),
        )

    def _fitting(self, terms: Terms) -> tuple[Inference, GeneratedModule]:
        document = self.document
        inference = infer_all(document.graph, catalog())
        _refuse_if_too_large(document, inference, terms.config, terms.device)
        generated = generate(document, catalog(), inference)
        _check_ends(document, inference, terms.prepared, terms.criterion, generated)
        return inference, generated


class _Inside:
    """Looks into a generated module through its probe, which goes through the same statements."""

    def __init__(self, model: nn.Module, document: Document, generated: GeneratedModule, probe_source: str) -> None:
        self._model = model
        self._graph = document.graph
        self._paths = generated.paths
        self._outputs = generated.outputs
        self._probe = compile_source(probe_source, "probe")["probe"]

    def module(self, node: str) -> nn.Module | None:
        """Return the module of a node; None where it has none."""
        path = self._paths.get(node)
        return None if path is None else self._model.get_submodule(path)

    def value(self, node: str, x: Tensor) -> Tensor | None:
        """Go forward as far as a node and return its first output; for an output node, what it is fed with."""
        if node in self._outputs:
            node = self._graph.feeds(node)["input"][0]
        with closing(self._probe(self._model, x)) as values:
            for name, _port, value in values:
                if name == node:
                    found: Tensor = value
                    return found
        return None

    def first_nonfinite(self, x: Tensor) -> str:
        """Go forward and say where the first value that is not finite stands."""
        return first_nonfinite(self._model, self._paths, self._probe, x)


def _live(document: Document, modules: dict[str, nn.Module]) -> dict[str, tuple[nn.Module, str]]:
    found = {}
    for node, module in modules.items():
        rule: BoundRule = catalog().bind(document.graph.nodes[node])
        assert rule.spec is not None
        for attribute in rule.spec.live.values():
            found[f"{node}.dropout"] = (module, attribute)
    return found


def _refuse_if_too_large(document: Document, inference: Inference, config: TrainConfig, device: torch.device) -> None:
    """Refuse a network that the memory cannot hold, before any of it is allocated."""
    totals = inference.totals(config.batch_size)
    free = available_bytes()
    # Weights are drawn on the CPU, whatever the device; training keeps its share where it trains.
    needed = totals.training_bytes if device.type == "cpu" else 4 * totals.parameters
    if free is not None and needed > free:
        raise UserError(
            f"{document.name} has {totals.parameters:,} parameters and needs about {needed / 2**30:,.1f} GiB to train "
            f"at batch size {config.batch_size}; {free / 2**30:,.1f} GiB of memory are free."
        )


def _check_ends(
    document: Document, inference: Inference, prepared: Prepared, criterion: Criterion, generated: GeneratedModule
) -> None:
    """Refuse a network whose input or output does not fit the data."""
    if len(generated.inputs) != 1 or len(generated.outputs) != 1:
        raise UserError(
            f"Training needs one input and one output; {document.name} has {len(generated.inputs)} and "
            f"{len(generated.outputs)}."
        )
    info = prepared.info
    came = TensorType((BATCH, *info.input_shape), info.input_dtype)
    wanted = inference.outputs(generated.inputs[0])["output"]
    if came != wanted:
        raise UserError(f"{document.name} takes {wanted}, but {info.name} has samples of {came}.")
    source, port = document.graph.feeds(generated.outputs[0])["input"]
    kind = inference.outputs(source)[port]
    assert kind is not None
    criterion.check_output(kind, document.graph.nodes[source].layer)
