"""Which devices there are, and which arithmetic they have."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

import torch

from neuralforge.errors import UserError


@dataclass(frozen=True, kw_only=True)
class DeviceInfo:
    """One device.

    Args:
        key: What `--device` takes, for example "cuda:0".
        name: What its maker calls it.
        memory_bytes: Its memory; None where that is not known.
        precisions: Arithmetic that training can use on it.
    """

    key: str
    name: str
    memory_bytes: int | None
    precisions: tuple[str, ...]


def list_devices() -> list[DeviceInfo]:
    """Return the devices of this machine, the processor last."""
    found = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            found.append(
                DeviceInfo(
                    key=f"cuda:{index}",
                    name=facts.name,
                    memory_bytes=facts.total_memory,
                    precisions=precisions(torch.device("cuda", index)),
                )
            )
    if torch.backends.mps.is_available():
        found.append(
            DeviceInfo(key="mps", name="Apple GPU", memory_bytes=None, precisions=precisions(torch.device("mps")))
        )
    found.append(
        DeviceInfo(
            key="cpu",
            name=_processor_name(),
            memory_bytes=_memory_bytes(),
            precisions=precisions(torch.device("cpu")),
        )
    )
    return found


def precisions(device: torch.device) -> tuple[str, ...]:
    """Return the arithmetic that training can use on a device: float32 and what autocast has there.

    float16 needs gradient scaling, which is offered on CUDA alone.
    """
    if device.type == "cuda":
        return ("float32", "bfloat16", "float16") if torch.cuda.is_bf16_supported() else ("float32", "float16")
    return ("float32", "bfloat16") if device.type == "cpu" else ("float32",)


def pick_device(key: str) -> torch.device:
    """Return the device that a key stands for.

    Args:
        key: auto, cpu, cuda, cuda:N or mps.

    Raises:
        UserError: When it is not there; the sentence says what is.
    """
    there = [device.key for device in list_devices()]
    wanted = there[0] if key == "auto" else "cuda:0" if key == "cuda" else key
    if wanted not in there:
        raise UserError(f"There is no device {key!r} here. There is: {', '.join(there)}.")
    return torch.device(wanted)


def generators_of(device: torch.device) -> list[torch.Generator]:
    """Return what a forward pass on a device may draw from: its own generator, and that of the processor."""
    found = [torch.default_generator]
    if device.type == "cuda":
        found.append(torch.cuda.default_generators[device.index or 0])
    if device.type == "mps":
        found.append(torch.mps._get_default_mps_generator())
    return found


def default_threads() -> int:
    """Return the threads that an operation may use where nobody says: all cores but one, for the window."""
    return max(1, (os.cpu_count() or 1) - 1)


def _processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
