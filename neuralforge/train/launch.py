"""Starting, resuming, resetting and replaying runs: where document, data, engine, log and session come together."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neuralforge.codegen.module import GeneratedModule, generate
from neuralforge.data import RawData, fingerprint, load, prepare, split
from neuralforge.data.prepare import Prepared
from neuralforge.errors import UserError
from neuralforge.graph.datainfo import Task
from neuralforge.graph.document import Document, dumps, loads
from neuralforge.layers.registry import catalog
from neuralforge.runs.errors import RunFileError
from neuralforge.runs.header import RunHeader, new_run_id, utc_now
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader
from neuralforge.train.checkpoint import Snapshot, read_checkpoint
from neuralforge.train.devices import default_threads, list_devices
from neuralforge.train.drawn import DrawnNetwork
from neuralforge.train.engine import Engine, check_engine
from neuralforge.train.keeper import Keeper
from neuralforge.train.own_module import OwnModule
from neuralforge.train.recorder import TRAIN_CHANNEL, Difference, Feed, History, LogRecorder, Recorder, Retracing, Tee
from neuralforge.train.session import StepFailed, TrainingSession
from neuralforge.train.subject import Origin
from neuralforge.train.watch import Watch
from neuralforge.version import __version__
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.requests import Request
from neuralforge.workbench.status import Pulse


@dataclass(frozen=True, kw_only=True)
class DataReference:
    """Where a run's data comes from, as `neuralforge.data.load` takes it.

    Args:
        text: Name of a data set, or a path.
        options: Its options as text.
    """

    text: str
    options: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be trained, on what, and how.

    Args:
        document: The network, bound to the data; that of `module` where there is one.
        data: Where the data comes from.
        raw: The data.
        task: What is to be learned; reconstruction takes the inputs as targets, whatever the data has.
        config: How.
        runs_dir: Folder of all runs.
        module: A module of the person's own, which trains in place of a document. Each run of the plan begins with the
            weights that it had when the first one began.
    """

    document: Document
    data: DataReference
    raw: RawData
    task: Task
    config: TrainConfig
    runs_dir: Path
    module: OwnModule | None = None

    @property
    def origin(self) -> Origin:
        """Where the network comes from."""
        return DrawnNetwork(self.document) if self.module is None else self.module


@dataclass(frozen=True)
class Run:
    """A session with the files that it writes.

    Args:
        session: The session; pump its `steps()`.
        log: The log that it writes.
        retracing: Compares with the record where the run is resumed; None for a new run.
        plan: What it was started from; None where it was resumed.
    """

    session: TrainingSession
    log: RunLog
    retracing: Retracing | None = None
    plan: Plan | None = None

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.log.folder

    @property
    def watch(self) -> Watch | None:
        """Looks into the run between steps, where it was started with one."""
        return self.session.engine.watch


def start(plan: Plan, *, paused: bool = False, feed: Feed | None = None, watch: bool = False) -> Run:
    """Start a new run.

    Args:
        plan: What is to be trained.
        paused: Whether it waits for "run" before the first step.
        feed: Sees everything that the log has taken.
        watch: Whether to make a `Watch`, to look into the run between steps.

    Raises:
        UserError: When the network does not fit the data, the device is not there, or the log cannot be written.
    """
    prepared = _prepared(plan.raw, plan.task, plan.config)
    engine = Engine(plan.origin, prepared, plan.config)
    config = replace(plan.config, device=str(engine.device), threads=plan.config.threads or default_threads())
    engine.config = config
    if watch:
        engine.watch = Watch(engine)
    header = RunHeader(
        run_id=new_run_id(plan.document.name),
        name=plan.document.name,
        kind=engine.subject.kind,
        replayable=engine.subject.replayable,
        created_utc=utc_now(),
        seed=config.seed,
        document=dumps(plan.document),
        source=engine.subject.source,
        config=config.to_json(),
        environment=environment(config),
        data=_describe(plan, prepared),
        channels=_channels(engine),
    )
    log = RunLog.create(plan.runs_dir, header, writer_info=_versions())
    session = TrainingSession(engine, _recorder(log, feed), Keeper(log.folder, config), paused=paused)
    return Run(session, log, plan=plan)


def check(plan: Plan) -> None:
    """Find out whether a plan works out, without building the network and without drawing a number.

    Raises:
        UserError: As `start` would, as far as that can be told beforehand.
    """
    check_engine(plan.origin, _prepared(plan.raw, plan.task, plan.config), plan.config)


def _recorder(log: RunLog, feed: Feed | None) -> Recorder:
    recorder = LogRecorder(log)
    return recorder if feed is None else Tee(recorder, feed)


def reset(run: Run, *, feed: Feed | None = None, watch: bool = False) -> Run:
    """End a run as stopped, and start a new one from the same plan with the same seed.

    Args:
        run: The run.
        feed: Sees everything that the log of the new run has taken.
        watch: Whether to make a `Watch` for the new run.

    Raises:
        UserError: When the run was resumed from its files and so has no plan, or a log cannot be written.
    """
    if run.plan is None:
        raise UserError("A resumed run cannot be reset; start a new one.")
    if not run.session.ended:
        run.session.end("stopped")
    return start(run.plan, feed=feed, watch=watch)


def ask(session: TrainingSession, requests: Sequence[Request], steps: int | None) -> None:
    """Ask for changes at later steps; one that the run will not reach is refused rather than forgotten.

    Args:
        session: The session.
        requests: The changes.
        steps: Step at which the run ends; None where it ends by epochs.

    Raises:
        UserError: When a request cannot be carried out.
    """
    for request in requests:
        if steps is not None and (request.at_step or 0) > steps:
            raise UserError(f"--at {request.at_step}: the run ends after {steps} steps.")
        session.request(request)


def resume(
    folder: Path,
    *,
    steps: int | None = None,
    trust: bool = False,
    requests: Sequence[Request] = (),
    feed: Feed | None = None,
    watch: bool = False,
) -> Run:
    """Go on with a run from its files alone.

    The newest whole checkpoint is restored, and what was recorded after it is gone over again with the requests of
    the record; then the run goes on.

    Args:
        folder: Folder of the run.
        steps: Train until so many steps in all; None keeps what the run was started with.
        trust: Whether the stored source may be run where it differs from the one that the document gives.
        requests: Changes at later steps, besides those that the log holds already.
        feed: Sees everything that the log takes beyond what it holds.
        watch: Whether to make a `Watch`, to look into the run between steps.

    Raises:
        NeedsTrust: When the stored source differs, and `trust` is not given.
        UserError: When the run cannot be read or is written by another process, is complete, or its data has
            changed.
    """
    reader = RunReader(folder)
    if not reader.attributes.get("replayable", True):
        raise UserError(f"Run {folder.name} cannot be resumed: its model was not drawn here.")
    status = reader.status
    history = History.read(reader)
    if status == "completed" and steps is None:
        raise UserError(
            f"Run {folder.name} is complete after {history.last_step} steps; give --steps to train it further."
        )
    if steps is not None and steps <= history.last_step:
        raise UserError(f"Run {folder.name} has {history.last_step} steps; --steps must be more. Received: {steps}")
    altered = reader.verify()
    if altered is not None:
        raise UserError(f"Run {folder.name} cannot be resumed: {altered}")
    engine = _engine_from(reader, trust=trust)
    if watch:
        engine.watch = Watch(engine)
    snapshot = _newest_snapshot(reader, history.last_step)
    after = int(snapshot.state["step"]) if snapshot is not None else 0
    retracing = Retracing(history, after, None)
    session = TrainingSession(engine, retracing, None, history)
    if snapshot is not None:
        session.restore(snapshot)
    ask(session, requests, steps or (session.total_steps() if engine.config.steps is not None else None))
    # The log is taken last: whatever fails before leaves the run as it is.
    log = RunLog.reopen(folder, writer_info=_versions())
    try:
        if (log.sequence, log.last_step(TRAIN_CHANNEL)) != (len(history.events), history.last_step):
            raise UserError(f"Run {folder.name} was written by another process just now; try again.")
        retracing.go_beyond(_recorder(log, feed))
        session.keeper = Keeper(folder, engine.config)
        for event in history.pending():
            session.repost(event)
        if steps is not None and steps != session.total_steps():
            session.request(Request(action="extend", steps=steps))
        elif status == "paused":
            session.request(Request(action="run"))
    except BaseException:
        log.abandon()
        raise
    return Run(session, log, retracing)


def _newest_snapshot(reader: RunReader, last_step: int) -> Snapshot | None:
    """Return the newest checkpoint that is whole and not newer than the record; None leads back to the beginning."""
    for entry in sorted(reader.checkpoints(), key=lambda item: item.step, reverse=True):
        if entry.step <= last_step:
            try:
                return read_checkpoint(reader.folder / entry.file, entry.sha256)
            except UserError:
                continue  # gone or damaged: an older one leads to the same numbers
    return None


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """What came out of a replay.

    Args:
        identical: Whether every number and the final weights are the same, bit for bit.
        steps: Steps that were made again.
        weights_sha256: Digest of the weights now.
        recorded_sha256: Digest of the weights in the log; None where the run did not end by itself.
        difference: The first number that differs.
        largest: Greatest absolute difference of a number.
        environment: What of the environment differs from the recorded one, as sentences.
    """

    identical: bool
    steps: int
    weights_sha256: str
    recorded_sha256: str | None
    difference: Difference | None
    largest: float
    environment: tuple[str, ...]


class Altered(UserError):
    """The log, or the data that it names, is not what was recorded."""


class NeedsTrust(UserError):
    """The source stored in the log is not the one that the document gives; running it needs the user's word."""


def replay(folder: Path, *, trust: bool = False, watch: Callable[[Pulse, int], None] | None = None) -> ReplayResult:
    """Run a run again from its log alone, and compare every number with the record.

    Args:
        folder: Folder of the run, or its file.
        trust: Whether the stored source may be run where it differs from the one that the document gives.
        watch: Called with each pulse and the number of recorded steps.

    Raises:
        Altered: When the log or the data were altered.
        NeedsTrust: When the stored source differs, and `trust` is not given.
        UserError: When the run cannot be read, or cannot be run here.
    """
    reader = RunReader(folder)
    if not reader.attributes.get("replayable", True):
        raise UserError(f"Run {folder.name} cannot be replayed: its model was not drawn here.")
    altered = reader.verify()
    if altered is not None:
        raise Altered(altered)
    engine = _engine_from(reader, trust=trust)
    history = History.read(reader)
    retracing = Retracing(history, 0, None)
    session = TrainingSession(engine, retracing, None, history)
    status = reader.status
    if status == "stopped":
        session.request(Request(action="stop", at_step=history.last_step + 1))
    elif status != "completed":
        session.request(Request(action="pause", at_step=history.last_step + 1))
    if history.last_step:
        try:
            for pulse in session.steps():
                if watch is not None:
                    watch(pulse, history.last_step)
                if session.step > history.last_step or pulse.kind == "paused":
                    break
        except StepFailed as error:
            raise UserError(f"Run {folder.name} cannot be replayed: {error}") from error
    sha256 = session.weights_sha256 or session.current_sha256()
    recorded = reader.attributes.get("weights_sha256")
    same = retracing.difference is None and session.step == history.last_step
    return ReplayResult(
        identical=same and recorded in (None, sha256),
        steps=session.step,
        weights_sha256=sha256,
        recorded_sha256=recorded,
        difference=retracing.difference,
        largest=retracing.largest,
        environment=_environment_changes(reader.environment, environment(engine.config)),
    )


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What a run was started from, read from its log and held against what is here now.

    Args:
        config: How it was trained.
        document: The network.
        reference: Where the data comes from.
        raw: The data; its digest is the recorded one.
        prepared: The data, split and scaled.
        generated: The source to be used: what the document gives, or what was stored where that is trusted.
    """

    config: TrainConfig
    document: Document
    reference: DataReference
    raw: RawData
    prepared: Prepared
    generated: GeneratedModule


def read_recorded(reader: RunReader, *, trust: bool = False) -> Recorded:
    """Read what a run was started from; data and source must be what was recorded.

    Args:
        reader: The run.
        trust: Whether the stored source may be used where it differs from the one that the document gives.

    Raises:
        Altered: When the data has changed.
        NeedsTrust: When the stored source differs, and `trust` is not given.
        UserError: When the run or its data cannot be read.
    """
    name = reader.folder.name
    config = TrainConfig.from_json(reader.config)
    document = loads(reader.document, f"the document of run {name}")
    data = reader.data
    try:
        reference = DataReference(text=data["text"], options=data["options"])
        task, recorded = data["task"], data["sha256"]
    except (KeyError, TypeError):
        raise RunFileError(f"Run {name} does not say which data it was trained on.") from None
    raw = load(reference.text, reference.options)
    now = fingerprint(raw)
    if now != recorded:
        raise Altered(
            f"The data of run {name} ({reference.text}) has changed since: its sha256 was {recorded} and is {now}."
        )
    generated = generate(document, catalog())
    stored = reader.source
    if generated.source != stored:
        if not trust:
            theirs, ours = stored.splitlines(), generated.source.splitlines()
            number = next((i for i, pair in enumerate(zip(theirs, ours, strict=False)) if len(set(pair)) > 1), 0)
            raise NeedsTrust(
                f"The source stored in run {name} is not what its document gives here (first at line {number + 1}). "
                "It may come from another version, or be foreign; --trust runs it."
            )
        generated = replace(generated, source=stored)
    prepared = _prepared(raw, task, config)
    return Recorded(
        config=config, document=document, reference=reference, raw=raw, prepared=prepared, generated=generated
    )


def _engine_from(reader: RunReader, *, trust: bool = False) -> Engine:
    """Build the engine of a recorded run; data and source must be what was recorded."""
    found = read_recorded(reader, trust=trust)
    return Engine(DrawnNetwork(found.document, found.generated.source), found.prepared, found.config)


def _prepared(raw: RawData, task: Task, config: TrainConfig) -> Prepared:
    if task != raw.info.task:
        assert task == "reconstruction", task
        width = raw.info.input_shape[0 if raw.info.kind == "image" else -1]
        info = replace(raw.info, task=task, outputs=width, classes=())
        raw = replace(raw, info=info, targets=raw.inputs)
    parts = split(raw, config.split, seed=config.seed, stratify=config.stratify)
    return prepare(raw, parts, config.standardise)


def _describe(plan: Plan, prepared: Prepared) -> dict[str, Any]:
    info, splits = prepared.info, prepared.splits
    return {
        "text": plan.data.text,
        "options": dict(plan.data.options),
        "sha256": fingerprint(plan.raw),
        "task": plan.task,
        "samples": info.samples,
        "input_shape": list(info.input_shape),
        "classes": list(info.classes),
        "splits": {"train": len(splits.train), "validation": len(splits.validation), "test": len(splits.test)},
        "preprocessing": json.loads(prepared.preprocessing.to_json()),
    }


def _channels(engine: Engine) -> dict[str, tuple[str, ...]]:
    metric = engine.criterion.metric_name
    names = [f"{part}/{what}" for part in ("validation", "test") for what in ("loss", metric)]
    names += [f"knob/{key}" for key in engine.board.values if key != "lr"]
    train = ("train/loss", f"train/{metric}", "knob/lr", "effective/lr")
    return {TRAIN_CHANNEL: train, **{name: (name,) for name in names}}


def _versions() -> dict[str, str]:
    return {
        "neuralforge": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def environment(config: TrainConfig) -> dict[str, Any]:
    """Return what the numbers of a run may depend on besides its own files."""
    device = next((d for d in list_devices() if d.key == config.device), None)
    return {
        "versions": _versions(),
        "platform": platform.platform(),
        "processor": list_devices()[-1].name,
        "cores": os.cpu_count(),
        "device": config.device,
        "device_name": device.name if device else "",
        "threads": config.threads,
        "git_commit": _git_commit(),
    }


def _environment_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    changes = []
    for key in ("versions", "platform", "processor", "device_name"):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            changes += [f"{name} was {old.get(name)} and is {new[name]}" for name in new if old.get(name) != new[name]]
        elif old != new:
            changes.append(f"{key} was {old} and is {new}")
    return tuple(changes)


def _git_commit() -> str | None:
    """Return the commit of the folder that the user works in, if it is a git checkout."""
    try:
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
