"""How targets are found and their options read; and the windows of adaptive pooling."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from neuralforge.errors import UserError
from neuralforge.export import exporter as module
from neuralforge.export.exporter import Exporter, exporters, make
from neuralforge.export.onnx import OnnxExporter, OnnxOptions
from neuralforge.export.onnx_operators import windows


@pytest.mark.parametrize("key", exporters())
def test_each_target_is_described(key: str) -> None:
    kind = exporters()[key]
    assert kind.key == key and re.fullmatch(r"[a-z0-9_]+", key)
    assert kind.title and re.fullmatch(r"\.[a-z0-9]+", kind.suffix)
    assert kind().options == kind.options_type()
    for item in kind.fields():
        assert item.doc.endswith(".") and item.parse(item.default) == item.default


def test_options_are_read_and_checked() -> None:
    assert make("ONNX", {"opset": "18", "way": "legacy"}).options == OnnxOptions(opset=18, way="legacy")
    with pytest.raises(UserError, match="There is no option 'opzet' of onnx; there is opset, way"):
        make("onnx", {"opzet": "18"})
    with pytest.raises(UserError, match=r"'opset' of onnx must be a whole number from 18 to 20\. Received: 7"):
        make("onnx", {"opset": "7"})
    with pytest.raises(UserError, match=r"'opset' of onnx must be a whole number from 18 to 20\. Received: 99"):
        OnnxExporter(OnnxOptions(opset=99))
    with pytest.raises(UserError, match="Nothing exports to 'word'; there is onnx"):
        make("word")


class _Point:
    def __init__(self, name: str, loaded: object) -> None:
        self.name, self.value, self.loaded = name, f"package:{name}", loaded

    def load(self) -> object:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


class _Other(OnnxExporter):
    key = "other"


class _Abstract(Exporter[None]):
    key = "abstract"


def test_plug_ins_are_found_and_bad_ones_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [_Point("a", _Other), _Point("b", OnnxExporter), _Point("c", int), _Point("d", ImportError("no torch9"))]
    points.append(_Point("e", _Abstract))
    monkeypatch.setattr(module, "entry_points", lambda group: points if group == "neuralforge.exporters" else [])
    with pytest.warns(UserWarning) as caught:
        found = exporters.__wrapped__()
    assert list(found) == ["onnx", "other"]
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 4 and all("is left out" in text for text in texts)
    assert "taken" in texts[0] and "no torch9" in texts[2]


@pytest.mark.parametrize(("size", "count"), [(1, 1), (5, 1), (5, 5), (7, 3), (16, 3), (13, 4), (3, 7), (1, 4), (8, 5)])
def test_windows_are_those_of_pytorch(size: int, count: int) -> None:
    x = np.random.default_rng(0).normal(size=size).astype(np.float32)
    indices, weights = windows(size, count)
    tensor = torch.from_numpy(x)[None, None]
    assert np.array_equal(x[indices].max(axis=1), F.adaptive_max_pool1d(tensor, count)[0, 0].numpy())
    assert np.allclose((x[indices] * weights).sum(axis=1), F.adaptive_avg_pool1d(tensor, count)[0, 0].numpy())
