"""Keeps what exporters print away from people who did not ask, and within reach of those who debug."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any, Final

import torch

LOGGER: Final = logging.getLogger("neuralforge.export")
"""Where chatter goes, at level DEBUG."""

_NOISY: Final = ("torch", "torch.onnx", "torch.export", "onnxscript", "onnx_ir", "onnx")


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        LOGGER.debug("%s: %s", record.name, record.getMessage())


def _debug_parts(*parts: Any) -> None:
    LOGGER.debug("%s", parts)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send warnings, log records and prints of the exporters to `LOGGER` for the time of a block.

    Warnings and standard output belong to the whole process: what other threads write meanwhile goes there as well.
    """
    graph_log = getattr(torch._C, "_jit_onnx_log", None)
    loggers = [logging.getLogger(name) for name in _NOISY]
    before = [(logger.handlers[:], logger.propagate) for logger in loggers]
    text = io.StringIO()
    try:
        for logger in loggers:
            logger.handlers[:] = [_Forward()]
            logger.propagate = False
        if graph_log is not None:  # the older exporter prints graphs from C++, past Python's standard output
            torch._C._jit_onnx_log = _debug_parts
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(text):
            warnings.simplefilter("always" if LOGGER.isEnabledFor(logging.DEBUG) else "ignore")
            yield
    finally:
        if graph_log is not None:
            torch._C._jit_onnx_log = graph_log
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers
            logger.propagate = propagate
        for warning in caught:
            LOGGER.debug("%s: %s", warning.category.__name__, warning.message)
        for line in text.getvalue().splitlines():
            LOGGER.debug("%s", line)
