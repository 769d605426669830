"""The identity of a data set: one digest over what can change a training run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralforge.data.source import RawData

# Named one by one, so that a fact that is added later does not change the digests that runs hold.
_FACTS = ("kind", "task", "input_shape", "input_dtype", "outputs", "classes", "features", "samples")


def fingerprint(raw: RawData) -> str:
    """Digest the content of a data set.

    Everything that reaches the network or its head counts: facts, scale, types, shapes and the little-endian bytes
    of inputs and targets. The name does not, so that a moved file keeps its fingerprint.

    Args:
        raw: The data.

    Returns:
        SHA-256 in 64 hexadecimal digits.
    """
    facts = {name: getattr(raw.info, name) for name in _FACTS}
    head = {"format": 1, "info": facts, "input_scale": raw.input_scale}
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    _add(digest, "inputs", raw.inputs)
    if raw.targets is not raw.inputs:
        _add(digest, "targets", raw.targets)
    return digest.hexdigest()


def _add(digest: Any, name: str, array: NDArray[Any]) -> None:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    digest.update(f"\n{name} {little.dtype.name} {little.shape}\n".encode())
    digest.update(little.reshape(-1).view(np.uint8).data)
