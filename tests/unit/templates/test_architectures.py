"""What single architectures promise beyond the contract of all."""

from typing import Any

import pytest

from neuralforge.errors import UserError
from neuralforge.graph.document import Document
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.templates.registry import find


def build(key: str, shape: tuple[int, ...] | None = None, outputs: int | None = None, **options: Any) -> Document:
    template = find(key)
    return template.build(template.options(**options), shape, outputs)


def parameters(document: Document) -> int:
    return infer_all(document.graph, catalog()).totals().parameters


def shape_of(document: Document, node_id: str) -> tuple[object, ...]:
    kind = next(iter(infer_all(document.graph, catalog()).outputs(node_id).values()))
    assert kind is not None
    return kind.shape[1:]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 224, 224)])
def test_small_cnn_stays_small(shape: tuple[int, ...]) -> None:
    assert parameters(build("small_cnn", shape, 10)) < 200_000


def test_small_cnn_has_readable_names() -> None:
    names = list(build("small_cnn", (1, 8, 8), 10).graph.nodes)
    assert names == "input conv1 relu1 pool1 conv2 relu2 pool2 flatten fc1 relu3 drop fc2 output".split()


def test_small_cnn_keeps_its_dropout_even_at_zero() -> None:
    assert build("small_cnn", dropout=0.0).graph.nodes["drop"].param("p") == 0.0


@pytest.mark.parametrize(
    ("key", "options", "expected"),
    [
        ("vgg16", {"batch_norm": True}, 138_365_992),  # torchvision's vgg16_bn
        ("lenet5", {"activation": "relu", "pooling": "max"}, 61_706),
    ],
)
def test_variants(key: str, options: dict[str, Any], expected: int) -> None:
    assert parameters(build(key, **options)) == expected


def test_unet_with_normalisation_is_the_well_known_one() -> None:
    """milesial/Pytorch-UNet with 3 channels in and 2 classes, without bilinear upsampling."""
    assert parameters(build("unet", (3, 64, 64), 2, batch_norm=True)) == 31_037_698


def test_unet_counts_as_its_layout_says() -> None:
    """By hand: 3x3 twice on each level, 2x2 up-convolutions that halve the channels, 1x1 at the end."""
    conv = lambda side, a, b: side * side * a * b + b  # noqa: E731
    widths = (64, 128, 256, 512, 1024)
    down = sum(conv(3, a, b) + conv(3, b, b) for a, b in zip((1, *widths), widths, strict=False))
    up = sum(conv(2, 2 * b, b) + conv(3, 2 * b, b) + conv(3, b, b) for b in widths[:-1])
    assert parameters(build("unet")) == down + up + conv(1, 64, 2)


@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 28, 28), (3, 31, 17), (1, 33, 47)])
def test_unet_returns_every_size_without_a_resize(shape: tuple[int, ...]) -> None:
    document = build("unet", shape, 3, width=4)
    assert shape_of(document, "head") == (3, *shape[1:])
    assert "resize" not in document.graph.nodes


def test_unet_is_drawn_as_a_u() -> None:
    layout = build("unet").layout
    assert layout["down1_conv1"][1] < layout["down2_conv1"][1] < layout["bottom_conv1"][1]
    assert layout["up2_concat"][1] == layout["pool1"][1] == layout["down2_conv1"][1]


@pytest.mark.parametrize("side", range(4, 35))
def test_conv_autoencoder_returns_every_size(side: int) -> None:
    document = build("conv_autoencoder", (2, side, 37))
    assert shape_of(document, "dec1") == (2, side, 37)
    assert document.notes == ()


def test_residual_blocks_have_torchvision_s_parts() -> None:
    nodes = build("resnet18").graph.nodes
    assert "layer1_0_downsample_0" not in nodes
    assert nodes["layer2_0_downsample_0"].param("stride") == 2
    assert nodes["layer2_0_conv1"].param("stride") == 2
    assert nodes["layer2_0_conv2"].param("stride") == 1
    deep = build("resnet50").graph.nodes
    assert deep["layer1_0_downsample_0"].param("out_channels") == 256
    assert (deep["layer2_0_conv1"].param("stride"), deep["layer2_0_conv2"].param("stride")) == (1, 2)
    assert len([name for name in deep if name.endswith("_add")]) == 16


@pytest.mark.parametrize("key", ["resnet18", "resnet50", "mobilenet_v2", "unet"])
def test_nothing_lies_on_a_shortcut(key: str) -> None:
    document = build(key)
    graph, layout = document.graph, document.layout
    for edge in graph.edges:
        (left, row), (right, target_row) = layout[edge.source], layout[edge.target]
        if row == target_row:
            between = [name for name, (x, y) in layout.items() if left < x < right and y == row]
            assert not between, f"{edge} runs through {between}"


def test_mobilenet_adds_where_shapes_agree() -> None:
    nodes = build("mobilenet_v2").graph.nodes
    assert len([name for name in nodes if name.endswith("_add")]) == 10
    assert nodes["block2_depthwise_conv"].param("groups") == 96
    assert build("mobilenet_v2", width=1.4).graph.nodes["block13_project_conv"].param("out_channels") == 136
    assert build("mobilenet_v2", width=0.5).graph.nodes["block1_project_conv"].param("out_channels") == 8


def test_lstm_reads_from_both_ends() -> None:
    document = build("lstm_classifier", (9, 4), 3, bidirectional=True, num_layers=2, hidden_size=6)
    assert shape_of(document, "drop") == (12,)
    assert document.graph.feeds("drop") == {"input": ("lstm", "last")}


def test_mlp_drops_only_when_asked() -> None:
    assert not [name for name in build("mlp").graph.nodes if name.startswith("drop")]
    nodes = build("mlp", (4,), 3, hidden=(8, 8, 8), dropout=0.1).graph.nodes
    assert [name for name in nodes if name.startswith("drop")] == ["drop1", "drop2", "drop3"]


def test_a_shape_of_no_kind_is_refused() -> None:
    with pytest.raises(UserError, match=r"resnet18 takes images \[C, H, W\]. Received: shape \[1, 2, 3, 4\]"):
        build("resnet18", (1, 2, 3, 4))
    with pytest.raises(UserError, match=r"resnet18 takes images \[C, H, W\]. Received: table of shape \[4\]"):
        build("resnet18", (4,))
    with pytest.raises(UserError, match=r"vgg16 is for classification or regression. Received: segmentation"):
        find("vgg16").build(task="segmentation")


def test_outputs_out_of_bounds_are_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"mlp: fc3.out_features expected a whole number from 1 .* received 0"):
        build("mlp", (4,), 0)
