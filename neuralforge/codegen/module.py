"""Graph -> the text of a plain `nn.Module`. This text is the model; there is no second path.

`forward` is a straight line: a module call for each layer with state, a functional call for each layer without,
with the shape of the result behind it. Variables are reused as a person would: `x` for the main line, `y`, `z` for
what runs beside it.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.graph.graph import Graph
from neuralforge.graph.inference import Catalog, Inference, infer_all
from neuralforge.graph.shapes import UNCONNECTED, TensorType
from neuralforge.layers.spec import BoundRule, Line, Source

_PLACEHOLDER = re.compile(r"\{([a-z_0-9]+)\}")
_NAMES = ("x", "y", "z", "u", "v", "w")


@dataclass(frozen=True, kw_only=True)
class GeneratedModule:
    """The source of a network, and what one needs to use it.

    Args:
        source: Python text that imports torch alone and defines one class.
        class_name: Name of that class.
        paths: Node id -> path of its submodule, for the nodes that have one.
        inputs: Names of the arguments of `forward`: ids of the input nodes.
        outputs: Ids of the output nodes, in the order of the returned values.
        lines: Node id -> numbers of its lines in the source, from 1: where its module is made and where it is called.
    """

    source: str
    class_name: str
    paths: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    lines: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def sha256(self) -> str:
        """Digest of the source in UTF-8."""
        return hashlib.sha256(self.source.encode()).hexdigest()


def generate(document: Document, catalog: Catalog, inference: Inference | None = None) -> GeneratedModule:
    """Write the module of a document.

    Args:
        document: The document; its graph must have no issues.
        catalog: The layers.
        inference: What is known of the graph, when that was worked out already.

    Returns:
        The source. It depends on the document alone, not on the order of edits that led to it.

    Raises:
        UserError: When the graph has issues; the sentence names the first.
    """
    inference = _sound(document.graph, catalog, inference)
    writer = _Writer(document.graph, inference)
    body = list(writer.forward(probe=False))
    class_name = class_name_of(document.name)
    init = [(node_id, f"        self.{node_id} = {module}") for node_id, module in writer.modules.items()]
    returns = "Tensor" if len(writer.outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(writer.outputs))}]"
    beginning = [("", "    def __init__(self) -> None:"), ("", "        super().__init__()")]
    parts = [
        ("", f"class {class_name}(nn.Module):"),
        ("", f'    """{_summary(writer, inference)}"""'),
        ("", ""),
        *([*beginning, *init, ("", "")] if init else []),
        ("", f"    def forward(self, {', '.join(f'{name}: Tensor' for name in writer.inputs)}) -> {returns}:"),
        *body,
    ]
    text = "\n".join(line for _, line in parts) + "\n"
    head = f"{_imports(text)}\n\n\n"
    lines: dict[str, tuple[int, ...]] = {}
    for number, (node_id, _) in enumerate(parts, 1 + head.count("\n")):
        if node_id:
            lines[node_id] = (*lines.get(node_id, ()), number)
    return GeneratedModule(
        source=head + text,
        class_name=class_name,
        paths=MappingProxyType({node_id: node_id for node_id in writer.modules}),
        inputs=writer.inputs,
        outputs=writer.outputs,
        lines=MappingProxyType(lines),
    )


def generate_probe(document: Document, catalog: Catalog, inference: Inference | None = None) -> str:
    """Write a function `probe(self, ...)` that goes through the same statements and yields every value on the way.

    Args:
        document: The document; its graph must have no issues.
        catalog: The layers.
        inference: What is known of the graph, when that was worked out already.

    Returns:
        Source of a generator function to be called with a module made from `generate`; it yields
        (node id, output port, tensor) in the order of computation.

    Raises:
        UserError: When the graph has issues.
    """
    inference = _sound(document.graph, catalog, inference)
    writer = _Writer(document.graph, inference)
    body = "\n".join(line[4:] for _, line in writer.forward(probe=True))
    text = f"def probe(self, {', '.join(writer.inputs)}):\n{body}\n"
    return f"{_imports(text)}\n\n\n{text}"


def class_name_of(name: str) -> str:
    """Make a class name out of a document's name, for example SmallCnn out of small_cnn."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    text = "".join(word[0].upper() + word[1:] for word in words)[:80]
    if not text or text[0].isdigit():
        text = f"Network{text}"
    return f"{text}Net" if keyword.iskeyword(text) or text in ("F", "Tensor") else text


def _sound(graph: Graph, catalog: Catalog, inference: Inference | None) -> Inference:
    if inference is None or inference.graph is not graph:
        inference = infer_all(graph, catalog)
    if inference.issues:
        count = len(inference.issues)
        more = f" ({count - 1} more)" if count > 1 else ""
        raise UserError(f"The network is not complete: {inference.issues[0]}{more}")
    return inference


def _imports(text: str) -> str:
    lines = ["import torch"] if re.search(r"\btorch\.", text) else []
    names = [name for name in ("Tensor", "nn") if re.search(rf"\b{name}\b", text)]
    if names:
        lines.append(f"from torch import {', '.join(names)}")
    if re.search(r"\bF\.", text):
        lines.append("from torch.nn import functional as F")
    return "\n".join(lines)


def _summary(writer: _Writer, inference: Inference) -> str:
    takes = ", ".join(f"{name} {inference.outputs(name)['output']}" for name in writer.inputs)
    gives = ", ".join(str(inference.inputs(name)["input"]) for name in writer.outputs)
    return f"Takes {takes}; returns {gives}; {inference.totals().parameters:,} parameters."


class _Writer:
    """Goes once over the nodes in the order of computation and names the variables."""

    def __init__(self, graph: Graph, inference: Inference) -> None:
        self.graph = graph
        self.inference = inference
        self.outputs = tuple(key for key, node in graph.nodes.items() if node.layer == inference.catalog.output_key)
        self.inputs = tuple(key for key, node in graph.nodes.items() if node.layer == inference.catalog.input_key)
        self.order = computation_order(graph, self.outputs)
        self.sources = {node_id: self._emit(node_id) for node_id in self.order}
        self.modules = {key: source.module for key, source in self.sources.items() if source.module is not None}
        self.last_use: dict[tuple[str, str], int] = {}
        for position, node_id in enumerate(self.order):
            for feed in graph.feeds(node_id).values():
                self.last_use[feed] = len(self.order) if node_id in self.outputs else position
        for node_id in self.outputs:
            for feed in graph.feeds(node_id).values():
                self.last_use[feed] = len(self.order)

    def _rule(self, node_id: str) -> BoundRule:
        return cast(BoundRule, self.inference.catalog.bind(self.graph.nodes[node_id]))

    def _emit(self, node_id: str) -> Source:
        rule = self._rule(node_id)
        known = self.inference.inputs(node_id)
        inputs = tuple(known.get(name) or UNCONNECTED for name in rule.input_names)
        outputs = cast("tuple[TensorType, ...]", tuple(self.inference.outputs(node_id).values()))
        assert rule.spec is not None
        return rule.spec.emit(rule.params, inputs, outputs)

    def forward(self, *, probe: bool) -> Iterator[tuple[str, str]]:
        """Yield (node, indented line) of `forward`; with `probe`, each value is yielded by the generated code."""
        variables: dict[tuple[str, str], str] = {(name, "output"): name for name in self.inputs}
        for position, node_id in enumerate(self.order):
            source, feeds = self.sources[node_id], self.graph.feeds(node_id)
            if source.lines:
                names: dict[str, str] = {
                    port: variables[feeds[port]] if port in feeds else "None"
                    for port in self._rule(node_id).input_names
                }
                names["self"] = f"self.{node_id}"
                used = [port for port in self.inference.outputs(node_id) if (node_id, port) in self.last_use]
                lines = _needed(source.lines, used)
                # An output that nothing uses may still be read by a later line of the same node.
                read = {name for line in lines[1:] for name in _PLACEHOLDER.findall(line.text.partition(" = ")[2])}
                named = used + [port for port in self.inference.outputs(node_id) if port in read and port not in used]
                self._name_outputs(position, node_id, named, len(lines) > 1, variables)
                for port in self.inference.outputs(node_id):
                    names[port] = variables.get((node_id, port), "_")
                yield from ((node_id, line) for line in self._lines(node_id, lines, named, names))
            if probe and node_id not in self.outputs:
                for port in self.inference.outputs(node_id):
                    if (node_id, port) in self.last_use:
                        yield node_id, f'        yield "{node_id}", "{port}", {variables[node_id, port]}'
            for value in feeds.values():
                if self.last_use[value] == position:  # nothing later asks for it
                    variables.pop(value, None)
        if not probe:
            results = [variables[self.graph.feeds(node_id)["input"]] for node_id in self.outputs]
            yield "", f"        return {', '.join(results)}"

    def _name_outputs(
        self, position: int, node_id: str, used: list[str], keep_inputs: bool, variables: dict[tuple[str, str], str]
    ) -> None:
        """Give each used output a variable: one that is read here for the last time, or else the first free one."""
        dying = {
            variables[feed]
            for feed in self.graph.feeds(node_id).values()
            if self.last_use[feed] == position and variables[feed] not in self.inputs
        }
        live = {name for value, name in variables.items() if self.last_use.get(value, -1) > position}
        live.update(self.inputs)
        if keep_inputs:
            live |= dying
            dying = set()
        for port in used:
            name = min(dying - live, key=_age, default="") or next(name for name in _pool() if name not in live)
            variables[node_id, port] = name
            live.add(name)

    def _lines(self, node_id: str, lines: tuple[Line, ...], used: list[str], names: Mapping[str, str]) -> Iterator[str]:
        scratch = {name for line in lines for name in _PLACEHOLDER.findall(line.text) if name.startswith("_")}
        values: dict[str, Any] = {**names, **{name: f"{node_id}{name}" for name in scratch}}
        for line in lines:
            targets = _PLACEHOLDER.findall(line.text.partition(" = ")[0])
            shapes = [str(self.inference.outputs(node_id)[port]) for port in targets if port in used]
            comment = f"  # {', '.join(shapes)}" if shapes else ""
            yield f"        {line.text.format_map(values)}{comment}"


def _needed(lines: tuple[Line, ...], used: list[str]) -> tuple[Line, ...]:
    """Leave out the lines that define only what nothing uses, in the graph or in a later line."""
    read: set[str] = set()
    kept: list[Line] = []
    for line in reversed(lines):
        target, _, value = line.text.partition(" = ")
        if any(port in used for port in line.defines) or read & set(_PLACEHOLDER.findall(target)):
            kept.append(line)
            read |= set(_PLACEHOLDER.findall(value))
    return tuple(reversed(kept))


def _pool() -> Iterator[str]:
    yield from _NAMES
    number = 1
    while True:
        yield f"x{number}"
        number += 1


def _age(name: str) -> int:
    return _NAMES.index(name) if name in _NAMES else len(_NAMES) + int(name[1:])


def computation_order(graph: Graph, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the nodes in the order in which the source computes them.

    Depth first from the outputs, inputs in the order of their ports, so that a branch is finished before the next
    begins. Depends on the graph alone, not on how it came about.
    """
    done: dict[str, None] = {}
    for output in outputs:
        stack = [(output, False)]
        while stack:
            node_id, expanded = stack.pop()
            if node_id in done:
                continue
            if expanded:
                done[node_id] = None
                continue
            stack.append((node_id, True))
            sources = dict.fromkeys(source for _, (source, _) in sorted(graph.feeds(node_id).items(), reverse=True))
            stack.extend((source, False) for source in sources if source not in done)
    return tuple(done)
