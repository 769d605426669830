"""Holds exported files against the networks that they were made from, in a child process.

The child gets inputs and expected outputs as `.npz` in a temporary folder, and tells its figures line by line as JSON.
It works through many files, so that many small ones do not cost an interpreter each; when it crashes or runs out of
time, the file that it was at has failed, and a new child goes on with the next.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import torch

from neuralforge.data.memory import available_bytes
from neuralforge.export.certificate import LEAST_TOLERANCE, ROUNDING_TOLERANCE, SPREAD_TOLERANCE, Certificate
from neuralforge.export.trained import TrainedModel
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog

BATCH_SIZES: Final = (1, 7, 32)
LATENCY_BATCH_SIZE: Final = 1

_LEAST_MEMORY_BYTES: Final = 4 << 30
_WARM_UP, _LEAST_REPEATS, _MOST_REPEATS, _LATENCY_SECS = 3, 5, 100, 0.5  # as in the child


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A script that runs files of one format, see `_onnx_child` for what it reads and tells.

    Args:
        target: Key of the exporter.
        script: The script; it imports nothing of NeuralForge.
    """

    target: str
    script: Path

    def command(self, folder: Path) -> list[str]:
        """Return the command line. `-P` keeps the script's own folder, and the current one, off the import path."""
        return [sys.executable, "-P", str(self.script), str(folder)]


@dataclass(frozen=True, eq=False)
class _Case:
    model: TrainedModel
    path: Path
    batch_sizes: tuple[int, ...]
    latency_ms: float = 0.0
    problem: str = ""
    sha256: str = ""
    size: int = 0


def certify(
    runtime: Runtime, pairs: Sequence[tuple[TrainedModel, Path]], *, time_limit_secs: float
) -> tuple[Certificate, ...]:
    """Hold files against their networks.

    Args:
        runtime: What runs the files.
        pairs: Networks and files.
        time_limit_secs: How long one file may take.

    Returns:
        One certificate a pair, in their order.
    """
    with tempfile.TemporaryDirectory(prefix="neuralforge-verify-") as place:
        folder = Path(place)
        cases, jobs = [], []
        for number, (model, path) in enumerate(pairs):
            case = _prepare(model, path, folder / f"{number}.npz")
            cases.append(case)
            jobs.append(_job(case, f"{number}.npz"))
        todo = [number for number, case in enumerate(cases) if not case.problem]
        answers: dict[int, dict[str, Any]] = {}
        while todo:
            answers.update(_run_child(runtime, folder, jobs, todo, time_limit_secs))
            todo = [number for number in todo if number not in answers]
    return tuple(_certificate(runtime, case, answers.get(number, {})) for number, case in enumerate(cases))


def _prepare(model: TrainedModel, path: Path, arrays_path: Path) -> _Case:
    """Run the original on all samples, time it, and write down what the file must return at each batch size.

    Outputs are kept for each size, since a network may depend on what else is in a batch (a batch normalisation
    without running statistics).
    """
    sizes = _batch_sizes(model)
    inputs = tuple(model.samples.values())
    named = {f"input_{number}": x.numpy() for number, x in enumerate(inputs)}
    for size in sizes:
        begins = range(0, model.count, size)
        try:
            parts = [model(tuple(x[begin : begin + size] for x in inputs)) for begin in begins]
        except (RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200].rstrip(".")
            return _Case(model, path, sizes, problem=f"The network itself fails on batches of {size}: {reason}.")
        for number, pieces in enumerate(zip(*parts, strict=True)):
            named[f"output_{number}_{size}"] = y = torch.cat(pieces).numpy()
            if not np.isfinite(y).all():
                return _Case(model, path, sizes, problem="The network itself returns values that are not finite.")
    try:
        content_sha256, size = _digest(path)
    except OSError as error:
        return _Case(model, path, sizes, problem=f"The file cannot be read: {error.strerror or error}.")
    np.savez(arrays_path, **named)  # type: ignore[arg-type]
    return _Case(model, path, sizes, _latency_ms(model), sha256=content_sha256, size=size)


def _batch_sizes(model: TrainedModel) -> tuple[int, ...]:
    """Return three sizes; smaller ones where there are few samples, or one of them fills the memory."""
    cost = infer_all(model.document.graph, catalog()).totals(1).activation_bytes
    room = (available_bytes() or _LEAST_MEMORY_BYTES) // 8
    most = max(1, min(model.count, room // max(cost, 1)))
    return tuple(sorted({min(size, most) for size in BATCH_SIZES}))


def _latency_ms(model: TrainedModel) -> float:
    batch = model.batch(LATENCY_BATCH_SIZE)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(_WARM_UP):
            model(batch)
        times: list[float] = []
        begin = time.perf_counter()
        while len(times) < _LEAST_REPEATS or (
            len(times) < _MOST_REPEATS and time.perf_counter() - begin < _LATENCY_SECS
        ):
            before = time.perf_counter()
            model(batch)
            times.append(time.perf_counter() - before)
    finally:
        torch.set_num_threads(threads)
    return 1000 * statistics.median(times)


def _job(case: _Case, arrays: str) -> dict[str, Any]:
    return {
        "model": str(case.path.absolute()),
        "arrays": arrays,
        "inputs": list(case.model.generated.inputs),
        "outputs": list(case.model.generated.outputs),
        "batch_sizes": list(case.batch_sizes),
        "latency_batch_size": LATENCY_BATCH_SIZE,
        "by_class": case.model.by_class,
        "tolerances": [SPREAD_TOLERANCE, ROUNDING_TOLERANCE, LEAST_TOLERANCE],
    }


def _run_child(
    runtime: Runtime, folder: Path, jobs: list[dict[str, Any]], todo: list[int], time_limit_secs: float
) -> dict[int, dict[str, Any]]:
    """Let a child work on jobs until all are done or it is lost; then the job it was at has an answer that says so."""
    memory_bytes = max(available_bytes() or 0, _LEAST_MEMORY_BYTES)
    cpu_secs = int(time_limit_secs * len(todo)) + 60  # ends a child that has outlived us
    told = {"jobs": jobs, "todo": todo, "memory_bytes": memory_bytes, "cpu_secs": cpu_secs}
    (folder / "jobs.json").write_text(json.dumps(told), encoding="utf-8")
    answers: dict[int, dict[str, Any]] = {}
    stage, told_before = "starting", 0
    with (folder / "stderr.txt").open("w+b") as errors:
        child = subprocess.Popen(
            runtime.command(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            encoding="utf-8",
            errors="replace",
        )
        assert child.stdout is not None
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_pass_on, args=(child.stdout, lines), daemon=True)
        reader.start()
        lost = ""
        deadline = time.monotonic() + time_limit_secs
        try:
            while len(answers) < len(todo):
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
                if line is None:
                    break
                answer = _parse(line)
                if answer is None or answer.get("job") != todo[len(answers)]:
                    continue
                if "stage" in answer:
                    stage = str(answer["stage"])
                    told_before = int(answer.get("printed_bytes", told_before))
                    continue
                answers[todo[len(answers)]] = answer
                deadline = time.monotonic() + time_limit_secs
        except queue.Empty:
            lost = f"The check took longer than {time_limit_secs:g} s (while {stage}) and was ended."
        finally:
            if lost or sys.exc_info()[0] is not None:
                child.kill()
            code = child.wait()
            reader.join()
            child.stdout.close()
        if len(answers) < len(todo) and not lost:
            lost = f"The runtime crashed while {stage}: {_ending(code)}{_last_line(errors, told_before)}."
    if lost:
        answers[todo[len(answers)]] = {"error": lost}
    return answers


def _pass_on(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _parse(line: str) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        answer = json.loads(line)
        if isinstance(answer, dict):
            return answer
    return None


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


def _last_line(errors: IO[bytes], begin: int) -> str:
    """Return the last of what was printed after `begin`, which belongs to the job that was lost."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(begin, errors.tell() - 4096))
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return f" ({lines[-1].strip()[:300].rstrip('.')})" if lines else ""


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def _certificate(runtime: Runtime, case: _Case, answer: dict[str, Any]) -> Certificate:
    model = case.model
    problem = case.problem or str(answer.get("error", ""))
    given: dict[str, Any] = {}
    if not problem:
        names = ("max_abs_difference", "mean_abs_difference", "tolerance", "agreement", "runtime")
        given = {name: answer[name] for name in names}
        given["exported_latency_ms"] = answer["latency_ms"]
        given["original_latency_ms"] = case.latency_ms
    passed = not problem and given["max_abs_difference"] <= given["tolerance"]
    where = f" in {answer['output']}" if not problem and len(model.generated.outputs) > 1 else ""
    why = problem or (
        f"The greatest difference{where} is {given['max_abs_difference']:.2g}, "
        f"{'within' if passed else 'beyond'} the tolerance of {given['tolerance']:.2g}."
    )
    return Certificate(
        target=runtime.target,
        model=model.name,
        file=str(case.path),
        file_sha256=case.sha256,
        file_bytes=case.size,
        samples=model.count,
        batch_sizes=case.batch_sizes,
        agreement_of="classes" if model.by_class else "numbers",
        latency_batch_size=LATENCY_BATCH_SIZE,
        passed=passed,
        why=why,
        notes=model.notes,
        **given,
    )
