"""The graph as a value: nodes, edges, documents, shapes, inference and cost. Standard library alone."""
