from dataclasses import replace
from typing import Any

import pytest

from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.templates.binding import Bound, bind, suggestions
from neuralforge.templates.options import parse_options
from neuralforge.templates.registry import find


def info(name: str, kind: Any, shape: tuple[int, ...], task: Any = "classification", outputs: int = 10) -> DataInfo:
    dtype: Any = "int64" if kind == "tokens" else "float32"
    return DataInfo(name=name, kind=kind, task=task, input_shape=shape, input_dtype=dtype, outputs=outputs, samples=100)


DIGITS = info("digits", "image", (1, 8, 8))
IRIS = info("iris", "table", (4,), outputs=3)


def result(bound: Bound) -> tuple[object, ...]:
    (kind,) = infer_all(bound.document.graph, catalog()).inputs("output").values()
    assert kind is not None
    return kind.shape[1:]


def test_input_and_head_follow_the_data() -> None:
    bound = bind(find("small_cnn"), DIGITS)
    assert bound.document.graph.nodes["input"].param("shape") == (1, 8, 8)
    assert (bound.task, bound.outputs, bound.notes) == ("classification", 10, ())
    assert result(bound) == (10,)


def test_numbers_to_predict_get_a_head_of_that_width() -> None:
    bound = bind(find("resnet18"), info("faces", "image", (3, 64, 64), "regression", 2))
    assert (bound.task, bound.outputs, result(bound)) == ("regression", 2, (2,))


def test_options_reach_the_network() -> None:
    bound = bind(find("mlp"), IRIS, parse_options(find("mlp"), {"hidden": "5"}))
    assert bound.document.graph.nodes["fc1"].param("out_features") == 5


@pytest.mark.parametrize("key", ["lenet5", "vgg16", "resnet18", "resnet50", "mobilenet_v2"])
def test_small_images_are_resized_and_that_is_noted(key: str) -> None:
    bound = bind(find(key), DIGITS)
    assert bound.notes == (f"digits is 8x8; {key} needs at least 32x32, so images are resized to 32x32.",)
    assert bound.document.notes == bound.notes
    assert bound.document.graph.feeds("resize") == {"input": ("input", "output")}
    assert bound.document.graph.nodes["resize"].param("size") == (32, 32)


def test_images_that_are_large_enough_go_in_as_they_are() -> None:
    assert "resize" not in bind(find("resnet18"), info("photos", "image", (3, 32, 32))).document.graph.nodes


def test_a_resize_keeps_the_proportions() -> None:
    bound = bind(find("resnet18"), info("strips", "image", (1, 16, 50)))
    assert bound.document.graph.nodes["resize"].param("size") == (32, 100)


def test_small_cnn_enlarges_only_what_its_pools_would_empty() -> None:
    dots = info("dots", "image", (1, 2, 3))
    bound = bind(find("small_cnn"), dots)
    assert bound.notes == ("dots is 2x3; small_cnn needs at least 4x4, so images are resized to 4x6.",)
    assert bind(find("small_cnn"), dots, parse_options(find("small_cnn"), {"channels": "8"})).notes == ()


@pytest.mark.parametrize(("shape", "size"), [((1, 3, 64), "3x64"), ((1, 1, 1), "1x1")])
def test_far_too_small_images_are_refused(shape: tuple[int, ...], size: str) -> None:
    with pytest.raises(UserError) as caught:
        bind(find("resnet18"), info("dots", "image", shape))
    assert str(caught.value) == (
        f"dots is {size}, and resnet18 needs at least 32x32; enlarging images more than 8 times makes no sense."
    )


def test_a_table_is_refused_with_what_fits() -> None:
    with pytest.raises(UserError) as caught:
        bind(find("resnet18"), IRIS)
    assert str(caught.value) == (
        "resnet18 takes images [C, H, W], and iris holds a table of 4 features; try lstm_classifier or mlp."
    )


def test_a_task_is_refused_with_what_fits() -> None:
    with pytest.raises(UserError) as caught:
        bind(find("vgg16"), info("cells", "image", (1, 64, 64), "segmentation", 2))
    assert str(caught.value) == (
        "vgg16 is for classification or regression, and cells (images of 1x64x64) is for segmentation; try mlp or unet."
    )


def test_suggestions_learn_what_the_data_is_for() -> None:
    assert suggestions(IRIS) == ("lstm_classifier", "mlp")
    assert suggestions(info("cells", "image", (1, 64, 64), "segmentation", 2)) == ("mlp", "unet")
    assert suggestions(info("pictures", "image", (1, 64, 64), "reconstruction", 1)) == (
        "conv_autoencoder",
        "mlp",
        "unet",
    )
    assert suggestions(info("odd", "tokens", (5,), "reconstruction", 1)) == ()
    with pytest.raises(UserError, match="no template fits it"):
        bind(find("mlp"), info("odd", "tokens", (5,), "reconstruction", 1))


def test_mlp_takes_every_kind() -> None:
    for data in (IRIS, DIGITS, info("steps", "sequence", (8, 3)), info("words", "tokens", (9,))):
        assert result(bind(find("mlp"), data)) == (data.outputs,)


def test_mlp_answers_in_the_shape_of_the_task() -> None:
    masks = bind(find("mlp"), info("cells", "image", (3, 9, 7), "segmentation", 2))
    assert result(masks) == (2, 9, 7)
    again = bind(find("mlp"), info("columns", "table", (6,), "reconstruction", 6))
    assert result(again) == (6,)
    assert "unflatten" not in again.document.graph.nodes
    assert result(bind(find("mlp"), info("waves", "sequence", (8, 3), "reconstruction", 3))) == (8, 3)


def test_lstm_reads_images_row_by_row() -> None:
    grey = bind(find("lstm_classifier"), DIGITS)
    assert grey.notes == ("Images are read from top to bottom: 8 time steps of 8 numbers.",)
    assert "rows" not in grey.document.graph.nodes
    colour = bind(find("lstm_classifier"), info("photos", "image", (3, 20, 30)))
    shapes = infer_all(colour.document.graph, catalog())
    assert str(shapes.outputs("rows")["output"]) == "[B, 20, 3, 30]"
    assert str(shapes.outputs("sequence")["output"]) == "[B, 20, 90]"


def test_lstm_reads_tables_number_by_number() -> None:
    bound = bind(find("lstm_classifier"), IRIS)
    assert bound.notes == ("Features are read one after the other: 4 time steps of 1 number.",)
    assert str(infer_all(bound.document.graph, catalog()).outputs("sequence")["output"]) == "[B, 4, 1]"


def test_lstm_takes_sequences_as_they_are() -> None:
    bound = bind(find("lstm_classifier"), info("digits_sequence", "sequence", (8, 8)))
    assert bound.document.graph.feeds("lstm") == {"input": ("input", "output")}


def test_tokens_are_embedded() -> None:
    words = info("reviews", "tokens", (60,), outputs=2)
    template = find("lstm_classifier")
    bound = bind(template, words, parse_options(template, {"vocabulary": "500", "embedding": "12"}))
    assert bound.document.graph.nodes["input"].param("dtype") == "int64"
    assert str(infer_all(bound.document.graph, catalog()).outputs("embedding")["output"]) == "[B, 60, 12]"
    assert bound.document.graph.nodes["embedding"].param("num_embeddings") == 500
    assert "500" in bound.notes[0] and "vocabulary" in bound.notes[0]


def test_the_vocabulary_comes_from_the_data() -> None:
    words = replace(info("reviews", "tokens", (60,), outputs=2), vocabulary=321)
    for key in ("mlp", "lstm_classifier"):
        template = find(key)
        assert bind(template, words).document.graph.nodes["embedding"].param("num_embeddings") == 321
        with pytest.raises(UserError, match="reviews has 321 tokens, and vocabulary is 300"):
            bind(template, words, parse_options(template, {"vocabulary": "300"}))


def test_an_autoencoder_learns_from_its_input() -> None:
    bound = bind(find("conv_autoencoder"), info("photos", "image", (3, 31, 28)))
    assert (bound.task, bound.outputs, result(bound)) == ("reconstruction", 3, (3, 31, 28))
    assert bound.notes == ("conv_autoencoder learns to reproduce its input; the classes of photos are not used.",)
    plain = bind(find("conv_autoencoder"), info("pictures", "image", (3, 31, 28), "reconstruction", 3))
    assert (plain.task, plain.notes) == ("reconstruction", ())


def test_unet_segments_by_masks() -> None:
    bound = bind(find("unet"), info("cells", "image", (1, 30, 42), "segmentation", 4))
    assert (bound.task, bound.outputs, result(bound), bound.notes) == ("segmentation", 4, (4, 30, 42), ())


def test_unet_without_masks_reproduces_its_input() -> None:
    bound = bind(find("unet"), DIGITS)
    assert (bound.task, bound.outputs, result(bound)) == ("reconstruction", 1, (1, 8, 8))
    assert bound.notes == (
        "digits has no masks, so unet learns to reproduce its input.",
        "digits is 8x8; unet needs at least 16x16, so images are resized to 16x16.",
        "What unet returns is resized back to 8x8.",
    )
    assert bound.document.graph.nodes["restore"].param("size") == (8, 8)


def test_a_shallower_unet_needs_no_resize() -> None:
    bound = bind(find("unet"), DIGITS, parse_options(find("unet"), {"depth": "2"}))
    assert "resize" not in bound.document.graph.nodes


def test_a_layer_that_does_not_fit_is_refused_with_the_data() -> None:
    huge = info("scans", "image", (3, 2048, 2048), "reconstruction", 3)
    with pytest.raises(UserError) as caught:
        bind(find("mlp"), huge)
    assert str(caught.value).startswith("mlp: fc3.out_features expected a whole number from 1 to 1")
    assert str(caught.value).endswith(", received 12582912; scans is 3x2048x2048.")
