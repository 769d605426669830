"""Snapshots of a session, and the one kind of file that they are written to.

A checkpoint is a safetensors file: tensors named `model.*`, `optimizer.*` and `generator.*`, and in its metadata the
JSON text `state`. It is written to a temporary file, synchronised and renamed, so that a file of the final name is
always whole. Nothing here reads a pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from neuralforge.errors import UserError
from neuralforge.runs.atomic import write_atomic
from neuralforge.train.hashing import state_of

FORMAT_VERSION = 1

_STATE: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("step", "epoch", "cursor", "bad_validations", "validated_at"), (int,)),
    **dict.fromkeys(("limit_steps", "limit_epochs"), (int, type(None))),
    **dict.fromkeys(("values", "metrics"), (dict,)),
    "scaler": (dict, type(None)),
    "best_loss": (float, int, type(None)),
    "stopped_early": (bool,),
    "numbers": (list,),
}
"""What the state of a session holds, and of which types it may be."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that a session needs to go on as if it had never stopped.

    Args:
        tensors: Copies of weights, buffers, optimizer state and generator states on the CPU, by prefixed name.
        state: Step, epoch, sample cursor, knob values and the like, as JSON values.
    """

    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]


def take_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Copy weights, buffers, optimizer state and the global generator to the CPU, under prefixed names."""
    found = {f"model.{name}": _copy(tensor) for name, tensor in state_of(model).items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                found[f"optimizer.{key}.{name}"] = _copy(value)
    found["generator.cpu"] = torch.default_generator.get_state()
    return found


def put_weights(tensors: Mapping[str, Tensor], model: nn.Module) -> None:
    """Copy weights and buffers from a snapshot into a model.

    Raises:
        UserError: When names or shapes do not fit the model.
    """
    mine = state_of(model)
    theirs = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
    if set(mine) != set(theirs):
        odd = sorted(set(mine) ^ set(theirs))[0]
        raise UserError(f"The checkpoint belongs to another network: {odd!r} is only in one of the two.")
    with torch.no_grad():
        for name, tensor in mine.items():
            if tensor.shape != theirs[name].shape or tensor.dtype != theirs[name].dtype:
                raise UserError(
                    f"The checkpoint belongs to another network: {name} is {list(theirs[name].shape)} there and "
                    f"{list(tensor.shape)} here."
                )
            tensor.copy_(theirs[name])


def put_tensors(tensors: Mapping[str, Tensor], model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Copy weights, buffers and optimizer state from a snapshot into a model and its optimizer.

    Raises:
        UserError: When names or shapes do not fit the model.
    """
    put_weights(tensors, model)
    optimizer.state.clear()
    parameters = dict(model.named_parameters())
    for full_name, tensor in tensors.items():
        prefix, _, rest = full_name.partition(".")
        if prefix == "optimizer":
            key, _, name = rest.partition(".")
            if name not in parameters:
                raise UserError(f"The checkpoint belongs to another network: there is no parameter {name!r} here.")
            parameter = parameters[name]
            if tensor.shape not in ((), parameter.shape):
                raise UserError(f"The checkpoint belongs to another network: the {key} of {name} has another shape.")
            # Step counters are kept on the CPU by torch.optim, whatever the device of the parameter.
            device = torch.device("cpu") if key == "step" else parameter.device
            optimizer.state[parameter][key] = tensor.detach().clone().to(device)


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def write_checkpoint(path: Path, snapshot: Snapshot) -> str:
    """Write a snapshot to a file and return the SHA-256 of the file.

    Raises:
        OSError: When it cannot be written; a file that was there before stays whole.
    """
    state = json.dumps({"format_version": FORMAT_VERSION, **snapshot.state}, sort_keys=True)
    data = safetensors.torch.save(dict(snapshot.tensors), {"state": state})
    write_atomic(path, data)
    return hashlib.sha256(data).hexdigest()


def _read_plain(path: Path) -> bytes:
    """Read a file that must be a plain one in a plain folder: no link, pipe or device that a stranger put there."""
    if path.parent.is_symlink():
        raise UserError(f"The folder {path.parent} is a link; the checkpoints of a run lie in its own folder.")
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UserError(f"The checkpoint {path} is not a plain file.")
        return file.read()


def read_checkpoint(path: Path, sha256: str | None = None) -> Snapshot:
    """Read a checkpoint.

    Args:
        path: The file.
        sha256: Digest that the run log has for it, when it is to be compared.

    Raises:
        UserError: When the file is missing, damaged, or of a newer version.
    """
    try:
        data = _read_plain(path)
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise UserError(f"The checkpoint {path} is not the one that the run wrote (its digest differs).")
        tensors = safetensors.torch.load(data)
        # The header has been checked by now: eight bytes of length, then JSON.
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        state = json.loads(header.get("__metadata__", {}).get("state", "{}"))
    except OSError as error:
        raise UserError(f"The checkpoint {path} cannot be read: {error.strerror or error}.") from None
    except (safetensors.SafetensorError, ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"The checkpoint {path} is damaged: {error}.") from None
    if not isinstance(state, dict) or state.get("format_version") != FORMAT_VERSION:
        version = state.get("format_version") if isinstance(state, dict) else None
        raise UserError(
            f"The checkpoint {path} has format version {version!r}; this NeuralForge reads {FORMAT_VERSION}."
        )
    for name, kinds in _STATE.items():
        value = state.get(name)
        if type(value) not in kinds or (type(value) is int and value < 0):
            raise UserError(f"The checkpoint {path} is damaged: its {name} is {value!r:.80}.")
    if len(state["numbers"]) != 2:
        raise UserError(f"The checkpoint {path} is damaged: its numbers are {state['numbers']!r:.80}.")
    return Snapshot(tensors, state)
