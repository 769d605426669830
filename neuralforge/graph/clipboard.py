"""Nodes as text: what Copy puts on the clipboard and Paste takes from it.

The text is a small document, so it can be pasted into another window, sent in a message or saved as a file, and the
text of a whole document can be pasted.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from neuralforge.errors import UserError
from neuralforge.graph.document import Document, Position, dumps, loads
from neuralforge.graph.graph import Edge, Graph, GraphError, Node

MAX_TEXT: Final = 8 * 1024 * 1024
"""Characters; a larger text is not even looked at."""


def copy_text(document: Document, node_ids: Collection[str]) -> str:
    """Write nodes and the wires between them as text.

    Args:
        document: Where they are.
        node_ids: Which nodes; their order does not matter.

    Returns:
        JSON in the format of documents.

    Raises:
        UserError: When no node is named, or one that is not there.
    """
    if not node_ids:
        raise UserError("Nothing is selected, so there is nothing to copy.")
    for node_id in node_ids:
        if node_id not in document.graph.nodes:
            raise GraphError(f"There is no node {node_id!r}.")
    chosen = set(node_ids)
    nodes = [node for node_id, node in document.graph.nodes.items() if node_id in chosen]
    edges = [edge for edge in document.graph.edges if edge.source in chosen and edge.target in chosen]
    layout = {node_id: xy for node_id, xy in document.layout.items() if node_id in chosen}
    return dumps(Document(name=document.name, graph=Graph.build(nodes, edges), layout=layout))


def parse_clipboard(text: str) -> tuple[list[Node], list[Edge], dict[str, Position]]:
    """Read what `copy_text` wrote, or a whole document. Runs nothing.

    Args:
        text: Whatever the clipboard holds.

    Returns:
        Nodes in the order of their document, wires, and canvas positions.

    Raises:
        UserError: When the text holds no nodes, or damaged ones.
    """
    if len(text) > MAX_TEXT or not text.lstrip().startswith("{"):
        raise UserError("The clipboard holds no nodes of a network.")
    document = loads(text, "The clipboard")
    nodes = document.graph.nodes
    if not nodes:
        raise UserError("The clipboard holds a network without nodes.")
    return list(nodes.values()), list(document.graph.edges), dict(document.layout)
