"""What a network said to a sample, as rows and pictures. No drawing.

Legend: C classes or channels, F features, H rows, W columns.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralforge.graph.datainfo import DataInfo, Task
from neuralforge.ui.heat import picture, sequential
from neuralforge.ui.numbers import number
from neuralforge.ui.theme import Color
from neuralforge.workbench.looks import Prediction

TOP: Final = 5
MOST_NUMBERS: Final = 8
MOST_FEATURES: Final = 400
MOST_TOKENS: Final = 400


class Guess(NamedTuple):
    """A class with its probability.

    Args:
        place: Its index.
        name: What it is called.
        probability: From 0 to 1.
        percent: The same as text.
        is_right: Whether it is the right one; None where that is not known.
    """

    place: int
    name: str
    probability: float
    percent: str
    is_right: bool | None


class Estimate(NamedTuple):
    """A number that was predicted, as text.

    Args:
        name: What it is.
        value: The prediction.
        target: What is right; "" where that is not known.
        off: How far the prediction is above it, with a sign; "" as well.
    """

    name: str
    value: str
    target: str
    off: str


def class_name(info: DataInfo | None, place: int) -> str:
    """Return what a class is called."""
    return info.classes[place] if info is not None and place < len(info.classes) else f"class {place}"


def percent(probability: float) -> str:
    """Write a probability: 86 %, 1.4 %, <0.1 %; 100 % only where nothing is left."""
    if not np.isfinite(probability):
        return "NaN"
    share = 100 * probability
    if share >= 99.95:
        return "100 %" if probability >= 1 - 1e-6 else ">99.9 %"
    if share >= 9.95:
        return f"{share:.0f} %" if share < 98.95 else f"{share:.1f} %"
    return f"{share:.1f} %" if share >= 0.05 else "<0.1 %" if share > 0 else "0 %"


def guesses(prediction: Prediction, info: DataInfo | None, most: int = TOP) -> tuple[Guess, ...]:
    """Return the most likely classes, the most likely one first; the right class is always among them.

    Args:
        prediction: Of a classifier.
        info: Names the classes.
        most: How many.
    """
    probabilities = prediction.probabilities
    if probabilities is None:
        return ()
    target = prediction.target if isinstance(prediction.target, int) else None
    order = np.argsort(-np.nan_to_num(probabilities), kind="stable").tolist()
    chosen = order[:most]
    if target is not None and target not in chosen and 0 <= target < len(order):
        chosen[-1] = target
    return tuple(
        Guess(
            place,
            class_name(info, place),
            float(np.nan_to_num(probabilities[place])),
            percent(float(probabilities[place])),
            None if target is None else place == target,
        )
        for place in chosen
    )


def estimates(prediction: Prediction) -> tuple[Estimate, ...]:
    """Return the numbers that were predicted, each beside what is right."""
    if prediction.values is None:
        return ()
    values = np.asarray(prediction.values, np.float64).reshape(-1)
    targets = prediction.target
    right = np.asarray(targets, np.float64).reshape(-1) if isinstance(targets, np.ndarray) else None
    rows = []
    for place, value in enumerate(values[:MOST_NUMBERS].tolist()):
        name = "Predicted" if len(values) == 1 else f"Predicted {place}"
        if right is None or place >= len(right):
            rows.append(Estimate(name, number(value), "", ""))
            continue
        target = float(right[place])
        sign = "+" if value > target else ""
        rows.append(Estimate(name, number(value), number(target), sign + number(value - target)))
    return tuple(rows)


def features(prediction: Prediction, info: DataInfo | None) -> tuple[tuple[str, str, str], ...]:
    """Return the features of a sample: name, value, and what it was reconstructed as ("" for other tasks)."""
    values = np.asarray(prediction.input)
    again = prediction.values
    right = prediction.target
    known = again is not None and isinstance(right, np.ndarray) and right.shape == again.shape == values.shape
    names = info.features if info is not None and len(info.features) == len(values) else ()
    return tuple(
        (
            names[place] if names else f"value {place}",
            number(value),
            number(float(again[place])) if known and again is not None else "",
        )
        for place, value in enumerate(values[:MOST_FEATURES].tolist())
    )


def is_reconstruction(prediction: Prediction, task: Task | None) -> bool:
    """Tell whether the answer is the sample again, as an image; otherwise its pixels are classes.

    Args:
        prediction: With an image.
        task: What the open network learns, which decides where the answer itself does not say: for a drawing.
    """
    image, target = prediction.image, prediction.target
    if image is None or image.shape != prediction.input.shape:
        return False
    if isinstance(target, np.ndarray):
        return target.shape == image.shape and bool(np.allclose(target, prediction.input, atol=1e-4))
    return image.shape[0] != 1 or task == "reconstruction"


def error_of(prediction: Prediction) -> float | None:
    """Return the mean squared difference of a reconstruction from the sample."""
    again = prediction.image if prediction.image is not None else prediction.values
    if again is None or again.shape != prediction.input.shape:
        return None
    return float(np.mean((again.astype(np.float64) - prediction.input) ** 2))


def agreement_of(prediction: Prediction) -> float | None:
    """Return the part of the pixels of a segmentation that have the right class; None where that is not known."""
    image, target = prediction.image, prediction.target
    if image is None or not isinstance(target, np.ndarray) or target.shape != image.shape:
        return None
    return float(np.mean(np.rint(image) == np.rint(target)))


# Pictures


def input_picture(prediction: Prediction) -> NDArray[np.uint8] | None:
    """Return a picture of what was asked: of an image, or of a sequence with time from left to right.

    Returns:
        [H, W, 4]; None for a vector.
    """
    seen = prediction.input
    if seen.ndim == 3:
        return picture(seen)
    if seen.ndim == 2:
        return sequential(seen.T)
    return None


def pair_pictures(prediction: Prediction) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return pictures of a sample and its reconstruction, both in the levels of the sample."""
    assert prediction.image is not None
    seen, again = np.asarray(prediction.input, np.float64), prediction.image.astype(np.float64)
    low, high = float(seen.min()), float(seen.max())
    if low < 0 or high > 1:
        seen, again = ((x - low) / ((high - low) or 1.0) for x in (seen, again))
    return picture(seen), picture(np.clip(again, 0, 1))


def class_map(image_1HW: NDArray[Any], colors: tuple[Color, ...]) -> NDArray[np.uint8]:
    """Colour the classes of pixels.

    Args:
        image_1HW: [1, H, W] class of each pixel; negative ones, which do not count, become transparent.
        colors: Class c has colour c, again from the first where there are more classes.
    """
    places = np.rint(np.asarray(image_1HW[0], np.float64)).astype(np.intp)
    table = np.array([[round(255 * part) for part in color[:3]] + [255] for color in colors], np.uint8)
    rgba = table[places % len(colors)]
    rgba[places < 0] = 0
    return rgba
