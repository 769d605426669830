from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from neuralforge.runs.header import RunHeader
from neuralforge.runs.log import RunLog

TRAIN = ("train/loss", "train/accuracy", "knob/lr", "effective/lr")


@pytest.fixture
def make_header() -> Callable[..., RunHeader]:
    def make(run_id: str = "run-a", **changes: object) -> RunHeader:
        fields: dict[str, object] = {
            "run_id": run_id,
            "name": "small cnn",
            "created_utc": "2026-11-21T10:44:55+00:00",
            "seed": 7,
            "document": '{"nodes": ["ä"]}',
            "source": "class Net:\n    pass\n",
            "config": {"lr": 0.1, "betas": [0.9, 0.999]},
            "environment": {"torch": "2.13.0"},
            "data": {"sha256": "ab"},
            "channels": {"train": TRAIN, "validation/accuracy": ("validation/accuracy",)},
        }
        return RunHeader(**{**fields, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def log(tmp_path: Path, make_header: Callable[..., RunHeader]) -> RunLog:
    return RunLog.create(tmp_path / "runs", make_header())
