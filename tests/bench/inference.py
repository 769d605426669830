"""Shape inference: a whole graph, cold and warm, and what an edit costs; beside PyTorch's own meta tensors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count
from statistics import median

from neuralforge.graph.graph import Edge, Graph
from neuralforge.graph.inference import Inference, infer_all
from neuralforge.layers.registry import LayerCatalog, catalog
from tests.bench.graphs import distinct, fresh, residual
from tests.bench.timing import Bench, Line, prepared, repeated

GOALS_MS = {100: 1.0, 1_000: 1.0, 10_000: 8.0}
Change = Callable[[Graph], Graph]


def measure(bench: Bench) -> Iterator[Line]:
    """Yield the lines of this subject."""
    for kind, make in (("residual", residual), ("distinct", distinct)):
        for size in GOALS_MS:
            yield from _whole(bench, f"{kind} {size:,}", make(size), GOALS_MS[size])
    for kind, make in (("residual", residual), ("distinct", distinct)):
        for size in (1_000, 10_000):
            yield from _edits(bench, f"{kind} {size:,}", make(size), GOALS_MS[size])
    yield from _beside_torch(bench)


def _whole(bench: Bench, name: str, graph: Graph, goal_ms: float) -> Iterator[Line]:
    rounds = bench.pick(9, 2)
    specs = tuple(catalog())

    def cold() -> Callable[[], object]:
        new_graph, new_catalog = fresh(graph), LayerCatalog(specs)
        return lambda: infer_all(new_graph, new_catalog)

    def opened() -> Callable[[], object]:
        new_graph = fresh(graph)
        return lambda: infer_all(new_graph, catalog())

    assert not infer_all(graph, catalog()).issues
    warm_ms = repeated(lambda: infer_all(graph, catalog()), bench.pick(51, 9)) * 1e3
    yield Line(name=f"{name} nodes, whole, warm", value=warm_ms, unit="ms", goal=goal_ms)
    opened_ms = prepared(opened, rounds) * 1e3
    note = f"new nodes, layers that were met before; {prepared(cold, rounds) * 1e3:.2f} ms with a catalog that met none"
    yield Line(name=f"{name} nodes, whole, opened", value=opened_ms, unit="ms", goal=goal_ms, note=note)


def _edits(bench: Bench, name: str, graph: Graph, goal_ms: float) -> Iterator[Line]:
    rounds = bench.pick(41, 7)
    for title, steps, goal in _changes(graph, goal_ms):
        base = infer_all(graph, catalog())
        both: list[float] = []
        alone: list[float] = []
        for number in range(rounds):
            for first_secs, second_secs in _one_by_one(graph, base, steps):
                if number:  # the first round warms up
                    both.append(first_secs + second_secs)
                    alone.append(second_secs)
        note = f"inference {median(alone) * 1e6:,.0f} us of it"
        yield Line(name=f"{name} nodes, {title}", value=median(both) * 1e3, unit="ms", goal=goal, note=note)


def _one_by_one(graph: Graph, base: Inference, steps: tuple[Change, ...]) -> Iterator[tuple[float, float]]:
    """Apply changes one after the other; yield the CPU time of each edit and of its inference."""
    for step in steps:
        began = time.process_time()
        graph = step(graph)
        edited = time.process_time()
        base = infer_all(graph, catalog(), base)
        yield edited - began, time.process_time() - edited


def _changes(graph: Graph, goal_ms: float) -> Iterator[tuple[str, tuple[Change, ...], float]]:
    """Yield title, edits in a row, goal. A size that ripples is a new one each time, which nothing knows yet."""
    order = graph.order()
    convs = [node_id for node_id in order if graph.nodes[node_id].layer == "conv2d"]
    middle = convs[len(convs) // 2]
    sides = count(33)

    def neutral(g: Graph) -> Graph:
        node = g.nodes[middle]
        return g.replace(node.with_params(bias=not node.param("bias", True)))

    def resized(g: Graph) -> Graph:
        node, side = g.nodes["input"], next(sides)
        return g.replace(node.with_params(shape=(node.param("shape")[0], side, side)))  # type: ignore[index]

    def known(side: int) -> Change:
        return lambda g: g.replace(g.nodes["input"].with_params(shape=(g.nodes["input"].param("shape")[0], side, side)))  # type: ignore[index]

    (source, source_port) = graph.feeds(middle)["input"]
    yield "parameter, same shape", (neutral, neutral), goal_ms
    yield "full ripple, new sizes", (resized,), goal_ms
    yield "full ripple, known sizes", (known(30), known(31)), goal_ms
    yield (
        "unplug and plug the middle",
        (
            lambda g: g.disconnect(middle, "input"),
            lambda g: g.connect(Edge(source, source_port, middle, "input")),
        ),
        goal_ms,
    )


def _beside_torch(bench: Bench) -> Iterator[Line]:
    """Compare with running the network on tensors without data."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    from neuralforge.codegen.module import generate
    from neuralforge.templates.registry import find
    from neuralforge.train.build import compile_source

    torch.set_num_threads(1)
    document = find("resnet50").build()
    generated = generate(document, catalog())
    with torch.device("meta"):
        module = compile_source(generated.source, "bench")[generated.class_name]().eval()
    x = torch.empty(2, 3, 224, 224, device="meta")
    rounds = bench.pick(9, 3)
    with torch.no_grad():
        meta_ms = repeated(lambda: module(x), rounds) * 1e3
    with FakeTensorMode(), torch.no_grad():
        fake = compile_source(generated.source, "bench")[generated.class_name]().eval()
        fake_x = torch.empty(2, 3, 224, 224)
        fake_ms = repeated(lambda: fake(fake_x), rounds) * 1e3
    ours_ms = repeated(lambda: infer_all(document.graph, catalog()), bench.pick(51, 9)) * 1e3

    def opened() -> Callable[[], object]:
        graph = fresh(document.graph)
        return lambda: infer_all(graph, catalog())

    note = f"{meta_ms:.1f} ms beside {ours_ms:.3f} ms (opened anew {prepared(opened, rounds) * 1e3:.2f} ms)"
    nodes = len(document.graph.nodes)
    yield Line(name=f"resnet50, {nodes} nodes: meta tensors / rules", value=meta_ms / ours_ms, note=note)
    yield Line(name="  FakeTensor / rules", value=fake_ms / ours_ms, note=f"{fake_ms:.1f} ms")
