"""The open document: a graph, where its nodes lie, and what was decided about it. Files end in `.nf.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from neuralforge.errors import UserError
from neuralforge.graph.graph import Edge, Graph, Node, as_params
from neuralforge.graph.names import is_text

FORMAT: Final = "neuralforge-document"
SCHEMA: Final = 1
SUFFIX: Final = ".nf.json"

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_NODES: Final = 100_000
MAX_POSITION: Final = 1e9
MAX_NAME: Final = 200
MAX_TITLE: Final = 500

MIGRATIONS: Final[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = MappingProxyType({})
"""Schema version -> function that turns a document of that version into one of the next."""

Position = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a person edits and saves.

    Args:
        name: Name of the network; the class of the generated code is called after it.
        graph: Nodes and wires.
        layout: Canvas position of nodes, in pixels at scale 1. Beside the graph, so that moving a node never
            infers anything again. Nodes without a position are laid out automatically.
        notes: Sentences about decisions, for example a resize that was inserted when binding to data.
    """

    name: str = "untitled"
    graph: Graph = field(default_factory=Graph)
    layout: Mapping[str, Position] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def with_graph(self, graph: Graph) -> Document:
        """Return the document with another graph; positions of removed nodes go."""
        layout = self.layout
        if any(node_id not in graph.nodes for node_id in layout):
            layout = {key: xy for key, xy in layout.items() if key in graph.nodes}
        return replace(self, graph=graph, layout=layout)


def dumps(document: Document) -> str:
    """Write a document as text: one line a node and a wire, in a stable order, so that diffs are small."""
    nodes = [_line(_node_json(node, document.layout.get(node.id))) for node in document.graph.nodes.values()]
    edges = [
        _line({"from": f"{e.source}.{e.source_port}", "to": f"{e.target}.{e.target_port}"})
        for e in document.graph.edges
    ]
    parts = [
        f'  "format": {_line(FORMAT)}',
        f'  "schema": {SCHEMA}',
        f'  "name": {_line(document.name)}',
        f'  "notes": {_block([_line(note) for note in document.notes])}',
        f'  "nodes": {_block(nodes)}',
        f'  "edges": {_block(edges)}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _block(lines: list[str]) -> str:
    return "[\n    " + ",\n    ".join(lines) + "\n  ]" if lines else "[]"


def _node_json(node: Node, position: Position | None) -> dict[str, object]:
    data: dict[str, object] = {"id": node.id, "layer": node.layer}
    if node.params:
        data["params"] = dict(node.params)
    if node.title:
        data["title"] = node.title
    if node.frozen:
        data["frozen"] = True
    if position is not None:
        data["position"] = [round(position[0], 2), round(position[1], 2)]
    return data


def loads(text: str, place: str = "the document") -> Document:
    """Read a document from text. Runs nothing, and needs no catalog: unknown layers are kept as they are.

    Args:
        text: JSON.
        place: What messages call the source, usually the file name.

    Raises:
        UserError: When the text is no valid document of this version or an older one; the sentence names the
            place.
    """
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place} is not valid JSON: {error}.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UserError(f'{place} is not a NeuralForge document (it has no "format": "{FORMAT}").')
    schema = data.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise UserError(f"{place} names no schema version. Received: {schema!r:.40}")
    if schema > SCHEMA:
        raise UserError(
            f"{place} was written by a newer NeuralForge (schema {schema!r:.20}; this one reads up to {SCHEMA}). "
            "Update NeuralForge to open it."
        )
    for version in range(schema, SCHEMA):
        data = MIGRATIONS[version](data)
    try:
        return _document(data)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number that a document may hold")


def _document(data: Mapping[str, Any]) -> Document:
    name = _text(data.get("name", "untitled"), "name", MAX_NAME)
    layout: dict[str, Position] = {}
    nodes = []
    for number, item in enumerate(_list(data.get("nodes", []), "nodes"), 1):
        where = f"node {number}"
        if not isinstance(item, dict):
            raise UserError(f"{where} is not an object.")
        where = f"node {item.get('id', number)!r:.80}"
        params = item.get("params", {})
        if not isinstance(params, dict):
            raise UserError(f'"params" of {where} is not an object.')
        try:
            node = Node(
                item.get("id", ""),
                _text(item.get("layer"), "layer", 100),
                as_params(params),
                _text(item.get("title", ""), "title", MAX_TITLE),
                item.get("frozen", False) is True,
            )
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        nodes.append(node)
        if "position" in item:
            layout[node.id] = _position(item["position"], where)
    edges = [_edge(item) for item in _list(data.get("edges", []), "edges")]
    notes = tuple(_text(note, "notes", 2000) for note in _list(data.get("notes", []), "notes"))
    return Document(name=name, graph=Graph.build(nodes, edges), layout=layout, notes=notes)


def _text(value: object, what: str, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit or not is_text(value):
        raise UserError(f'"{what}" must be a text of at most {limit} characters. Received: {value!r:.60}')
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > 4 * MAX_NODES:
        raise UserError(f'"{what}" must be a list of at most {4 * MAX_NODES} items. Received: {value!r:.60}')
    return value


def _position(value: object, where: str) -> Position:
    if isinstance(value, list) and len(value) == 2 and all(type(v) in (int, float) for v in value):
        x, y = value
        if abs(x) <= MAX_POSITION and abs(y) <= MAX_POSITION:  # which NaN is not
            return float(x), float(y)
    raise UserError(f'"position" of {where} must be two numbers. Received: {value!r:.60}')


def _edge(item: object) -> Edge:
    if isinstance(item, dict):
        ends = [str(item.get(end, "")).split(".") for end in ("from", "to")]
        if all(len(end) == 2 for end in ends):
            return Edge(*ends[0], *ends[1])
    raise UserError(f'A wire must be {{"from": "node.port", "to": "node.port"}}. Received: {item!r:.80}')


def load(path: Path) -> Document:
    """Read a document from a file.

    Raises:
        UserError: When the file cannot be read or is no document.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UserError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB; that is no NeuralForge document.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text.") from None
    return loads(text, str(path))
