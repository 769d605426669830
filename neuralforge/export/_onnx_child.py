"""Runs ONNX files and compares their outputs with given ones; a process of its own, started by `measure`.

A file may crash the runtime, so nothing of NeuralForge is imported or held here. The folder named on the command line
holds `jobs.json`, and arrays as `.npz` that are read without pickle. Each line of standard output is one JSON object:
{"job": number, "stage": text} before something that may fail, the first one of a job with the size of standard error so
far, and {"job": number, "error": text} or {"job": number, ...figures} at the end of a job.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[Any]]

MAX_FILE_BYTES = 2**31 - 1
"""Protocol buffers hold no more; it is refused before it is read."""

WARM_UP = 3
LEAST_REPEATS = 5
MOST_REPEATS = 100
LATENCY_SECS = 0.5


class Refused(Exception):
    """The file, or what it returns, is not acceptable; the message says why."""


def main(folder: Path, answers: TextIO) -> None:
    """Work through the jobs of a folder."""
    told = json.loads((folder / "jobs.json").read_text(encoding="utf-8"))
    _limit(told["memory_bytes"], told["cpu_secs"])
    for number in told["todo"]:
        job = told["jobs"][number]
        begin = {"job": number, "stage": "starting", "printed_bytes": os.fstat(2).st_size}
        print(json.dumps(begin), file=answers, flush=True)
        try:
            for line in run_job(job, folder):
                print(json.dumps({"job": number, **line}), file=answers, flush=True)
        except Refused as error:
            print(json.dumps({"job": number, "error": str(error)}), file=answers, flush=True)
        except Exception as error:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
            print(json.dumps({"job": number, "error": text}), file=answers, flush=True)


def run_job(job: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """Open one file, run it at each batch size, and compare."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when it is loaded: nothing leaves the machine, no id is kept
    import onnxruntime

    yield {"stage": "reading the file"}
    content = read_checked(Path(job["model"]))
    with np.load(folder / job["arrays"], allow_pickle=False) as arrays:
        inputs = [arrays[f"input_{number}"] for number in range(len(job["inputs"]))]
        expected = {
            size: [arrays[f"output_{number}_{size}"] for number in range(len(job["outputs"]))]
            for size in job["batch_sizes"]
        }
    yield {"stage": "opening it"}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    del content
    check_ends(session, job)
    comparison = Comparison(job, expected)
    for size in job["batch_sizes"]:
        yield {"stage": f"running it on batches of {size}"}
        count = len(inputs[0])
        for begin in range(0, count, size):
            feed = {name: x[begin : begin + size] for name, x in zip(job["inputs"], inputs, strict=True)}
            comparison.add(session.run(job["outputs"], feed), size, begin)
    yield {"stage": "timing it"}
    rows = np.arange(job["latency_batch_size"]) % len(inputs[0])
    feed = {name: x[rows] for name, x in zip(job["inputs"], inputs, strict=True)}
    latency_ms = median_ms(lambda: session.run(job["outputs"], feed))
    yield {**comparison.figures(), "latency_ms": latency_ms, "runtime": f"onnxruntime {onnxruntime.__version__}"}


def read_checked(path: Path) -> bytes:
    """Read a model and refuse one that would read other files, or run operators of other packages.

    What is checked are the very bytes that are run.
    """
    import onnx

    if path.stat().st_size > MAX_FILE_BYTES:
        raise Refused("The file is larger than 2 GiB.")
    content = path.read_bytes()
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except Exception as error:
        raise Refused(f"The file is no ONNX model: {' '.join(str(error).split())[:200]}") from None
    if not model.HasField("graph"):
        raise Refused("The file is no ONNX model: it has no graph.")
    own = {function.domain for function in model.functions}
    _walk(model, {"", "ai.onnx", *own})
    onnx.checker.check_model(content)
    return content


def _walk(message: Any, domains: set[str]) -> None:
    """Look at every message inside, so that no place is forgotten: subgraphs, functions, sparse tensors, training."""
    kind = message.DESCRIPTOR.name
    if kind == "TensorProto" and (message.data_location != 0 or message.external_data):
        places = [entry.value for entry in message.external_data if entry.key == "location"]
        raise Refused(f"The tensor {message.name!r:.80} lies in another file ({places!r:.200}); that is refused.")
    if kind == "NodeProto" and message.domain not in domains:
        raise Refused(f"The operator {message.op_type!r:.80} of {message.domain!r:.80} is not part of ONNX.")
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "DESCRIPTOR") else value:
                _walk(part, domains)


def check_ends(session: Any, job: dict[str, Any]) -> None:
    """Hold names and batch dimension of inputs and outputs against what is to be."""
    for what, wanted, found in (
        ("inputs", job["inputs"], session.get_inputs()),
        ("outputs", job["outputs"], session.get_outputs()),
    ):
        names = [item.name for item in found]
        if names != wanted:
            raise Refused(f"The file has the {what} {', '.join(names)} where {', '.join(wanted)} should be.")
        for item in found:
            if not item.shape or isinstance(item.shape[0], int):
                raise Refused(f"The batch dimension of {item.name} is fixed: {item.shape}.")


class Comparison:
    """Adds up how far the outputs are from the expected ones.

    Args:
        job: The job.
        expected: For each batch size, and each output, what the original returned for all samples.
    """

    def __init__(self, job: dict[str, Any], expected: dict[int, Arrays]) -> None:
        self.expected = expected
        self.names = job["outputs"]
        self.by_class = job["by_class"]
        self.bounds = [bound_of(y, job["tolerances"]) for y in expected[max(expected)]]
        self.greatest = [0.0] * len(self.bounds)
        self.total = [0.0] * len(self.bounds)
        self.count = [0] * len(self.bounds)
        self.agreeing = 0
        self.decisions = 0

    def add(self, outputs: Arrays, size: int, begin: int) -> None:
        """Compare a batch of a given size that starts at the sample `begin`."""
        for number, (got, all_expected) in enumerate(zip(outputs, self.expected[size], strict=True)):
            expected = all_expected[begin : begin + size]
            if got.shape != expected.shape or got.dtype != expected.dtype:
                raise Refused(
                    f"With batches of {size}, {self.names[number]} is {got.dtype} {list(got.shape)} where the original "
                    f"returns {expected.dtype} {list(expected.shape)}."
                )
            wide = got.astype(np.float64)
            if not np.isfinite(wide).all():
                raise Refused(f"{self.names[number]} has values that are not finite, unlike the original's.")
            difference = np.abs(wide - expected.astype(np.float64))
            self.greatest[number] = max(self.greatest[number], float(difference.max(initial=0.0)))
            self.total[number] += float(difference.sum())
            self.count[number] += difference.size
            same = decisions(got) == decisions(expected) if self.by_class else difference <= self.bounds[number]
            self.agreeing += int(np.count_nonzero(same))
            self.decisions += same.size

    def figures(self) -> dict[str, Any]:
        """Return what was found; of several outputs the greatest differences of the worst."""
        ratios = [greatest / bound for greatest, bound in zip(self.greatest, self.bounds, strict=True)]
        worst = ratios.index(max(ratios))
        return {
            "output": self.names[worst],
            "max_abs_difference": self.greatest[worst],
            "mean_abs_difference": self.total[worst] / max(self.count[worst], 1),
            "tolerance": self.bounds[worst],
            "agreement": self.agreeing / max(self.decisions, 1),
        }


def bound_of(y: NDArray[Any], tolerances: list[float]) -> float:
    """Return the greatest difference that passes for an output [N, ...] of the original."""
    wide = y.astype(np.float64)
    spread, greatest = np.abs(wide - wide.mean(axis=0)).max(initial=0), np.abs(wide).max(initial=0)
    return float(max(tolerances[0] * spread, tolerances[1] * greatest, tolerances[2]))


def decisions(y: NDArray[Any]) -> NDArray[Any]:
    """Return the class that an output [B, C, ...] tells; of a single column, whether it is above zero."""
    found: NDArray[Any] = y > 0 if y.shape[1] == 1 else y.argmax(axis=1)
    return found


def median_ms(call: Any) -> float:
    """Return the median time of a call after a warm-up."""
    for _ in range(WARM_UP):
        call()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < LEAST_REPEATS or (len(times) < MOST_REPEATS and time.perf_counter() - begin < LATENCY_SECS):
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return 1000 * statistics.median(times)


def _limit(memory_bytes: int, cpu_secs: int) -> None:
    """Let an allocation fail rather than the machine, and an endless loop end; where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_secs, cpu_secs))
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


if __name__ == "__main__":
    # The answers get a channel of their own: what a runtime prints goes to standard error.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    main(Path(sys.argv[1]), channel)
