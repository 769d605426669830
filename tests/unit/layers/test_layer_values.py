"""What layers compute, where their source does more than call PyTorch by name."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralforge.graph.graph import Node
from neuralforge.graph.shapes import BATCH, UNCONNECTED, TensorType
from neuralforge.layers.registry import catalog


class Names(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "module" if key == "self" else f"v_{key}"


class Built:
    """A layer made from its source on the CPU."""

    def __init__(self, key: str, tensors: dict[str, Tensor], **params: object) -> None:
        rule = catalog().bind(Node.make("node_1", key, **params))  # type: ignore[arg-type]
        assert rule.problem is None, rule.problem
        dtypes = {torch.float32: "float32", torch.int64: "int64"}
        types = tuple(
            TensorType((BATCH, *tensors[port.name].shape[1:]), dtypes[tensors[port.name].dtype])
            if port.name in tensors
            else UNCONNECTED
            for port in rule.ports
        )
        outcome = rule.evaluate(types)
        assert outcome.problem is None, outcome.problem
        self.source = rule.spec.emit(rule.params, types, tuple(outcome.outputs.values()))
        self.module = eval(self.source.module, {"nn": nn}) if self.source.module else None
        self.tensors = tensors

    def __call__(self) -> dict[str, Tensor]:
        scope = {"torch": torch, "nn": nn, "F": F, "module": self.module}
        scope |= {f"v_{name}": tensor for name, tensor in self.tensors.items()}
        for line in self.source.lines:
            exec(line.text.format_map(Names()), scope)
        return {name[2:]: value for name, value in scope.items() if name.startswith("v_")}


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("key", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_last_is_the_final_hidden_state(key: str, bidirectional: bool) -> None:
    layer = Built(key, {"input": normal(3, 5, 4)}, hidden_size=6, num_layers=2, bidirectional=bidirectional)
    with torch.no_grad():
        found = layer()
        _, state = layer.module(layer.tensors["input"])
    hidden = state[0] if key == "lstm" else state
    expected = torch.cat((hidden[-2], hidden[-1]), dim=1) if bidirectional else hidden[-1]
    assert torch.equal(found["last"], expected)


def test_rnn_knows_its_nonlinearity() -> None:
    layer = Built("rnn", {"input": normal(3, 5, 4)}, nonlinearity="relu")
    assert layer.module.nonlinearity == "relu"
    assert layer()["output"].min() == 0


def test_recurrent_dropout_is_live_between_layers() -> None:
    layer = Built("lstm", {"input": normal(3, 5, 4)}, num_layers=2, dropout=0.0)
    before = layer()["output"]
    layer.module.dropout = 0.9
    torch.manual_seed(0)
    assert not torch.equal(layer()["output"], before)


@pytest.mark.parametrize("key", ["dropout", "alpha_dropout"])
def test_dropout_is_live(key: str) -> None:
    layer = Built(key, {"input": normal(3, 50)}, p=0.5)
    torch.manual_seed(0)
    assert not torch.equal(layer()["output"], layer.tensors["input"])
    layer.module.p = 0.0
    assert torch.equal(layer()["output"], layer.tensors["input"])


@pytest.mark.parametrize("features", [6, 7])
def test_sinusoidal_positions_follow_the_formula(features: int) -> None:
    found = Built("positional_encoding", {"input": torch.zeros(2, 9, features)})()["output"]
    for position in range(9):
        for place in range(features):
            angle = position / 10000 ** (place // 2 * 2 / features)
            expected = math.cos(angle) if place % 2 else math.sin(angle)
            assert found[1, position, place].item() == pytest.approx(expected, abs=1e-5)


def test_learned_positions_add_the_table() -> None:
    layer = Built("positional_encoding", {"input": normal(2, 9, 6)}, mode="learned")
    assert torch.equal(layer()["output"], layer.tensors["input"] + layer.module.weight)


@pytest.mark.parametrize("key", ["multi_head_attention", "transformer_encoder_layer"])
@pytest.mark.parametrize("training", [True, False])
def test_causal_steps_do_not_see_later_ones(key: str, training: bool) -> None:
    x = normal(2, 6, 8)
    port = "query" if key == "multi_head_attention" else "input"
    layer = Built(key, {port: x}, causal=True, dropout=0.0, num_heads=2)
    layer.module.train(training)
    with torch.no_grad():
        before = layer()["output"]
        layer.tensors[port] = torch.cat((x[:, :3], x[:, 3:] + 1), dim=1)
        after = layer()["output"]
    assert torch.allclose(before[:, :3], after[:, :3], atol=1e-6)
    assert not torch.allclose(before[:, 3:], after[:, 3:], atol=1e-3)


def test_attention_ports_without_wires() -> None:
    query, memory = normal(2, 6, 8), normal(2, 4, 8) + 1
    alone = Built("multi_head_attention", {"query": query})
    cross = Built("multi_head_attention", {"query": query, "key": memory})
    cross.module.load_state_dict(alone.module.state_dict())
    with torch.no_grad():
        assert torch.allclose(alone()["output"], alone.module(query, query, query)[0], atol=1e-6)
        assert torch.allclose(cross()["output"], alone.module(query, memory, memory)[0], atol=1e-6)


def test_separable_convolution_is_its_two_parts() -> None:
    layer = Built("separable_conv2d", {"input": normal(2, 3, 8, 8)}, out_channels=5, padding=1)
    depthwise, pointwise = layer.module
    assert depthwise.groups == depthwise.out_channels == 3
    assert pointwise.kernel_size == (1, 1) and pointwise.out_channels == 5


def test_reshape_and_permute_keep_samples_apart() -> None:
    x = normal(3, 24)
    made = Built("reshape", {"input": x}, shape=(2, -1, 4))()["output"]
    assert torch.equal(made[1], x[1].reshape(2, 3, 4))
    turned = Built("permute", {"input": made}, dims=(3, 1, 2))()["output"]
    assert torch.equal(turned[2], made[2].permute(2, 0, 1))


def test_slice_and_select() -> None:
    x = normal(3, 9, 8)
    assert torch.equal(Built("slice", {"input": x}, dim=2, start=-5, end=-1, step=2)()["output"], x[:, :, -5:-1:2])
    assert torch.equal(Built("select", {"input": x}, dim=-2, index=-1)()["output"], x[:, -1])


def test_subtract_keeps_the_order() -> None:
    a, b = normal(2, 3), normal(2, 3) * 2
    assert torch.equal(Built("subtract", {"input1": a, "input2": b})()["output"], a - b)


def test_mean_over_several_dimensions() -> None:
    x = normal(2, 3, 4, 5)
    assert torch.equal(Built("mean", {"input": x}, dim=(2, 3), keepdim=True)()["output"], x.mean((2, 3), keepdim=True))
