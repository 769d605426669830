"""What one can begin with: networks with data that one click opens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo
from neuralforge.graph.document import Document
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.templates.binding import bind
from neuralforge.templates.registry import find, templates
from neuralforge.workbench.view import Points, StartingPoint

STARTING_POINTS: Final = (
    StartingPoint(
        key="digits",
        title="Handwritten digits",
        summary="A small network learns to read 1,797 real digits",
        template="small_cnn",
        data="digits",
        settings={"epochs": 20},
    ),
    StartingPoint(
        key="spirals",
        title="Spirals",
        summary="Watch a decision boundary bend live",
        template="mlp",
        data="spirals",
        settings={"epochs": 400, "lr": 3e-3},
    ),
    StartingPoint(
        key="moons",
        title="Two moons",
        summary="The smallest curve that a line cannot draw",
        template="mlp",
        data="moons",
        settings={"epochs": 100},
    ),
    StartingPoint(
        key="breast_cancer",
        title="Breast cancer",
        summary="569 real diagnoses from 30 measurements",
        template="mlp",
        data="breast_cancer",
        settings={"epochs": 60},
    ),
    StartingPoint(
        key="autoencoder",
        title="Autoencoder",
        summary="Squeezes digits into a code and draws them again",
        template="conv_autoencoder",
        data="digits",
        settings={"epochs": 30},
    ),
)

KNOWN: Final = MappingProxyType(
    {
        "digits": DataInfo(
            name="digits",
            kind="image",
            task="classification",
            input_shape=(1, 8, 8),
            outputs=10,
            classes=tuple("0123456789"),
            samples=1797,
        ),
        "breast_cancer": DataInfo(
            name="breast_cancer",
            kind="table",
            task="classification",
            input_shape=(30,),
            outputs=2,
            classes=("malignant", "benign"),
            samples=569,
        ),
    }
)
"""What the networks of some cards are drawn for: these data sets take more than a second to be loaded."""


def bare() -> tuple[StartingPoint, ...]:
    """Return all starting points without pictures: those with data, then each template by itself."""
    alone = tuple(
        StartingPoint(key=f"template/{key}", title=template.title, summary=template.summary, template=key)
        for key, template in templates().items()
    )
    return STARTING_POINTS + alone


def drawn() -> Iterator[StartingPoint]:
    """Yield the starting points again, with what their pictures show and how many numbers each network learns."""
    for point in bare():
        try:
            document, points = _picture(point)
        except UserError:  # of a plug-in; its card stays without a picture
            continue
        parameters = infer_all(document.graph, catalog()).totals(1).parameters
        yield replace(point, graph=document, parameters=parameters, points=points)


def _picture(point: StartingPoint) -> tuple[Document, Points | None]:
    """Return the network that a starting point opens, and its data where that is points in the plane."""
    template = find(point.template)
    if not point.data:
        return template.build(), None
    if point.data in KNOWN:
        return bind(template, KNOWN[point.data]).document, None
    import numpy as np

    from neuralforge.data import load  # not before the first frame

    raw = load(point.data, point.options)
    document = bind(template, raw.info).document
    if raw.info.input_shape != (2,):
        return document, None
    split = np.zeros(len(raw.inputs), np.uint8)
    points = Points(xy=raw.inputs.astype(np.float32), targets=raw.targets.astype(np.float32), split=split)
    return document, points
