"""Writing the log of a run: rows and events, journalled at once and carried into `run.h5` in blocks."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from neuralforge.errors import UserError
from neuralforge.runs.atomic import fsync_folder, replacing
from neuralforge.runs.carrier import FILE_ERRORS, Carrier
from neuralforge.runs.channel import Channel
from neuralforge.runs.checked import is_plain_file
from neuralforge.runs.errors import RunLogError, reason
from neuralforge.runs.events import Event, Scalar, sealed
from neuralforge.runs.header import RunHeader, canonical, check_channel, plain, utc_now
from neuralforge.runs.journal import Journal, Record, encode
from neuralforge.runs.layout import (
    CHECKPOINTS_NAME,
    FILE_NAME,
    JOURNAL_NAME,
    STATUSES,
    Checkpoint,
    RunFile,
    check_attribute,
)
from neuralforge.runs.lock import WriterLock
from neuralforge.runs.recover import (
    JournalState,
    attribute_record,
    channel_record,
    complete_or_keep,
    header_records,
    replay_journal,
    seed_journal,
)

JOURNAL_SECS = 0.25
FLUSH_SECS = 0.75
# What is promised: a row reaches run.h5 at most this long after it was logged.
PROMISED_SECS = 1.0


class RunLog:
    """The log of a run, open for its one writer. Made by `create` or `reopen`; one thread at a time uses it.

    Everything that raises `RunLogError` has not happened and may be tried again; all else is kept.

    Args:
        folder: The folder of the run.
        lock: The lock of the run, held.
        state: What its journal holds.
        journal_secs: How often rows go to the journal.
        flush_secs: How often they go on to `run.h5`.
    """

    def __init__(
        self, folder: Path, lock: WriterLock, state: JournalState, journal_secs: float, flush_secs: float
    ) -> None:
        assert state.header is not None
        self.folder = folder
        self.header = replace(state.header, channels=dict(state.channels))
        self._lock = lock
        self._status = state.status
        self._sequence = state.events
        self._digest = state.digest
        self._journal_secs = journal_secs
        self._flush_secs = flush_secs
        self._due_secs = self._flushed_secs = -math.inf
        self._channels: dict[str, Channel] = {}
        for name, series in state.channels.items():
            self._add_channel(name, series, state.last_steps[name])
        self._journal = Journal(folder / JOURNAL_NAME, state.valid_bytes)
        self._carrier = Carrier(folder, state)
        self._is_open = True

    @classmethod
    def create(
        cls,
        runs_dir: Path,
        header: RunHeader,
        *,
        writer_info: Mapping[str, object] | None = None,
        journal_secs: float = JOURNAL_SECS,
        flush_secs: float = FLUSH_SECS,
    ) -> RunLog:
        """Make a new run.

        Args:
            runs_dir: The folder of all runs; made when missing.
            header: What is fixed about the run.
            writer_info: What to note about this writer, versions for example.
            journal_secs: How often rows go to the journal.
            flush_secs: How often they go on to `run.h5`.

        Returns:
            The log, with status "running".

        Raises:
            RunLogError: The run is there already, or the folder cannot be written.
        """
        folder = runs_dir / header.run_id
        try:
            runs_dir.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            raise RunLogError(f"{folder} is there already, so no new run can be made there.") from None
        except OSError as error:
            raise RunLogError(f"The folder {folder} cannot be made: {reason(error)}.") from None
        try:
            (folder / CHECKPOINTS_NAME).mkdir()
            lock = WriterLock(folder)
            Journal.create(folder / JOURNAL_NAME, header_records(header)).close()
            with replacing(folder / FILE_NAME) as temporary:
                RunFile.create(temporary, header).close()
            fsync_folder(runs_dir)
            return cls._begin(folder, lock, writer_info, journal_secs, flush_secs)
        except FILE_ERRORS as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, UserError):
                raise
            raise RunLogError(f"A new run cannot be written to {folder}: {reason(error)}.") from None

    @classmethod
    def reopen(
        cls,
        folder: Path,
        writer_info: Mapping[str, object] | None = None,
        *,
        journal_secs: float = JOURNAL_SECS,
        flush_secs: float = FLUSH_SECS,
    ) -> RunLog:
        """Go on with a run that was closed, or whose writer is gone. Its status becomes "running".

        Attributes that `close` had set are taken away, since they tell of an end that is no more.

        Args:
            folder: The folder of the run.
            writer_info: What to note about this writer, versions for example.
            journal_secs: How often rows go to the journal.
            flush_secs: How often they go on to `run.h5`.

        Returns:
            The log; what it writes follows what is there.

        Raises:
            RunLogError: Another writer has the run, or the folder cannot be written.
            RunFileError: The run cannot be read.
        """
        if not is_plain_file(folder / FILE_NAME) and not is_plain_file(folder / JOURNAL_NAME):
            raise RunLogError(f"{folder} is not a run: it has no {FILE_NAME}.")
        lock = WriterLock(folder)
        try:
            complete_or_keep(folder)
            if not is_plain_file(folder / JOURNAL_NAME):
                seed_journal(folder)
            return cls._begin(folder, lock, writer_info, journal_secs, flush_secs)
        except BaseException as error:
            lock.release()
            if isinstance(error, OSError):
                raise RunLogError(f"Run {folder.name} cannot be written in {folder}: {reason(error)}.") from None
            raise

    @classmethod
    def _begin(
        cls,
        folder: Path,
        lock: WriterLock,
        writer_info: Mapping[str, object] | None,
        journal_secs: float,
        flush_secs: float,
    ) -> RunLog:
        state, _ = replay_journal(folder / JOURNAL_NAME)
        log = cls(folder, lock, state, journal_secs, flush_secs)
        try:
            last_step = max(state.last_steps.values(), default=0)
            who = {"utc": lock.info.utc, "pid": lock.info.pid, "host": lock.info.host, "from_step": last_step}
            writer = canonical({**(writer_info or {}), **who})
            log._record(
                encode(Record.WRITER, writer.encode("ascii")),
                attribute_record("status", "running"),
                *(attribute_record(name, None) for name in sorted(state.closing)),
            )
            log._status = "running"
            log._carrier.change(lambda file: file.append_writers([writer]))
            for name in ("status", *sorted(state.closing)):
                log._carrier.change_attribute(name, "running" if name == "status" else None)
            log.flush()
        except BaseException:
            log._let_go()
            raise
        return log

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self.header.run_id

    @property
    def degraded(self) -> str | None:
        """Why `run.h5` lags behind, or None. The journal holds everything all the same."""
        return self._carrier.degraded

    @property
    def status(self) -> str:
        """Status as last recorded."""
        return self._status

    @property
    def sequence(self) -> int:
        """Number of the last event, 0 when there is none."""
        return self._sequence

    @property
    def recorded_step(self) -> int:
        """The last step of which a row is in the journal, 0 when there is none."""
        return max((channel.recorded_step for channel in self._channels.values()), default=0)

    @property
    def checkpoints_dir(self) -> Path:
        """The folder for the files of checkpoints."""
        return self.folder / CHECKPOINTS_NAME

    def channel(self, name: str) -> Channel:
        """Return a channel, to be kept and written to each step.

        Args:
            name: Name of the channel.

        Returns:
            The channel.

        Raises:
            KeyError: It was not declared.
        """
        return self._channels[name]

    def last_step(self, channel: str) -> int:
        """Return the step of the last row of a channel, 0 when there is none."""
        return self._channels[channel].last_step

    def declare(self, name: str, series: tuple[str, ...]) -> Channel:
        """Add a channel to a run that is under way, as for a knob of a new node.

        Args:
            name: Name of the channel.
            series: Names of its series.

        Returns:
            The channel.

        Raises:
            UserError: The channel or a series exists already, or has an impossible name.
            RunLogError: The journal cannot be written.
        """
        check_channel(name, series)
        taken = {item for channel in self._channels.values() for item in channel.series}
        if name in self._channels or taken.intersection(series):
            raise UserError(f"Channel {name!r} or one of its series is in the log already.")
        self._record(channel_record(name, series))
        self._carrier.change(lambda file: file.declare(name, series))
        return self._add_channel(name, series, 0)

    def scalar(self, name: str, step: int, value: float) -> None:
        """Log a value of a series that is a channel of its own; one that is new is declared.

        Args:
            name: Name of the series, for example "validation/accuracy".
            step: The step, larger than that of the value before.
            value: The value.

        Raises:
            RunLogError: The series is new and the journal cannot be written.
        """
        for channel in self._channels.values():
            if name in channel.series:
                assert len(channel.series) == 1, f"{name!r} is logged with others, in channel {channel.name!r}"
                channel.row(step, value)
                return
        self.declare(name, (name,)).row(step, value)

    def event(self, event: Event) -> Event:
        """Record an event; it is in the journal when this returns, after all rows logged before it.

        Args:
            event: The event; `run`, `sequence` and `digest` are filled in, `wall_time_utc` where it is empty.

        Returns:
            The event as recorded.

        Raises:
            RunLogError: The journal cannot be written; the event is not recorded.
        """
        wall_time_utc = event.wall_time_utc or utc_now()
        numbered = replace(event, run=self.run_id, sequence=self._sequence + 1, wall_time_utc=wall_time_utc)
        digest, text = sealed(numbered, self._digest)
        self._record(encode(Record.EVENT, text.encode("ascii")))
        self._sequence, self._digest = numbered.sequence, digest
        self._carrier.add_event(text, digest)
        return replace(numbered, digest=digest)

    def checkpoint(self, step: int, file: str, sha256: str, kind: str) -> Checkpoint:
        """List a checkpoint whose file is on the disk; all rows up to here are on the disk when this returns.

        Args:
            step: The last step that it includes.
            file: Path of the file relative to the folder of the run, with `/`.
            sha256: Of its content, hexadecimal.
            kind: What it was made for: "best", "last", "every" and the like.

        Returns:
            The entry.

        Raises:
            RunLogError: The journal cannot be written.
            UserError: The path leads out of the folder.
        """
        made = Checkpoint(step, file, sha256, kind)
        # A checkpoint that outlives a power cut needs a log that reaches as far, so the log comes first.
        self._record()
        self._sync()
        self._record(encode(Record.CHECKPOINT, made.to_json().encode("ascii")))
        self._carrier.change(lambda target: target.append_checkpoints([made]))
        return made

    def set_status(self, status: str) -> None:
        """Record a status of a run that goes on: "running" or "paused".

        Args:
            status: The status.

        Raises:
            RunLogError: The journal cannot be written.
        """
        assert status in ("running", "paused"), f"close() records the status {status!r}"
        self._record(attribute_record("status", status))
        self._status = status
        self._carrier.change_attribute("status", status)

    def set_attribute(self, name: str, value: Scalar) -> None:
        """Record a root attribute.

        Args:
            name: Lower-case letters, digits and underscores.
            value: Text, number or boolean; None takes the attribute away.

        Raises:
            RunLogError: The journal cannot be written.
            UserError: The name or value is not allowed.
        """
        value = plain(value)
        check_attribute(name, value)
        self._record(attribute_record(name, value))
        self._carrier.change_attribute(name, value)

    def tick(self, now_secs: float, expected_gap_secs: float = 0.0) -> None:
        """Write what has waited long enough; to be called at every boundary, and while the run is paused.

        Args:
            now_secs: Monotonic time.
            expected_gap_secs: How long until the next call, as far as known: the length of a step.

        Raises:
            RunLogError: The journal cannot be written, or the folder is gone. Rows stay in memory, and the
                next call tries again.
        """
        if now_secs + expected_gap_secs < self._due_secs:
            return
        self._record()
        waited_secs = now_secs - self._flushed_secs
        if waited_secs >= self._flush_secs or waited_secs + expected_gap_secs >= PROMISED_SECS:
            self._carry()
            self._flushed_secs = now_secs
        self._due_secs = now_secs + self._journal_secs

    def flush(self) -> None:
        """Write everything to the journal and to `run.h5` now.

        Raises:
            RunLogError: The journal cannot be written, or the folder is gone.
        """
        self._record()
        self._carry()

    def close(self, status: str, **attributes: Scalar) -> None:
        """End the run, or leave it paused: complete `run.h5`, then remove journal and lock.

        Args:
            status: "completed", "stopped", "failed", or "paused" for a run to be resumed later.
            **attributes: Root attributes that tell of the end, such as `weights_sha256`; resuming drops them.

        Raises:
            RunLogError: The journal cannot be written: the log stays open and this may be called again. Or
                `run.h5` cannot be completed: the log is closed, the journal keeps everything, and the
                next opening completes the file.
            UserError: An attribute is not allowed.
        """
        assert status in STATUSES and status != "running", f"a run does not end as {status!r}"
        values = {name: plain(value) for name, value in attributes.items()}
        for name, value in values.items():
            check_attribute(name, value)
        self._record()
        self._sync()
        self._record(
            *(attribute_record(name, value, closing=True) for name, value in values.items()),
            attribute_record("status", status),
        )
        self._status = status
        for name, value in (*values.items(), ("status", status)):
            self._carrier.change_attribute(name, value, closing=name != "status")
        try:
            self._carry()
            self._carrier.seal()
        except OSError as error:
            target = self.folder / FILE_NAME
            raise RunLogError(
                f"{target} could not be completed: {reason(error)}. The whole run is recorded "
                f"in {self.folder / JOURNAL_NAME}; it is completed when the run is opened again."
            ) from None
        finally:
            self._let_go()

    def abandon(self) -> None:
        """Let go of the run without ending it: the journal stays, as if the writer had died."""
        self._let_go()

    def _add_channel(self, name: str, series: tuple[str, ...], last_step: int) -> Channel:
        channel = Channel(name, len(self._channels), series, last_step, self._spill)
        self._channels[name] = channel
        return channel

    def _record(self, *records: bytes) -> None:
        """Append all rows that wait, then some records, to the journal: all of it or nothing."""
        waiting = [record for channel in self._channels.values() for record in channel.unrecorded()]
        if not waiting and not records:
            return
        assert self._is_open, "the log is closed"
        try:
            self._journal.append(b"".join((*waiting, *records)))
        except OSError as error:
            raise self._refused(error) from None
        for channel in self._channels.values():
            channel.mark_recorded()
            if not self._carrier.is_open:
                channel.take()

    def _sync(self) -> None:
        try:
            self._journal.sync()
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> RunLogError:
        journal = self.folder / JOURNAL_NAME
        return RunLogError(
            f"The log of run {self.run_id} cannot be written to {journal}: {reason(error)}."
            f" Everything up to step {self.recorded_step} is recorded; make room and go on, or resume later."
        )

    def _spill(self, channel: Channel) -> None:
        """Make room in a full block."""
        try:
            self._record()
        except RunLogError:
            # The row must not be lost and the hot path has nobody to tell: the next tick tries and says so.
            channel.grow()
            return
        self._carrier.flush(self._channels.values())

    def _carry(self) -> None:
        """Carry what is recorded into the file, after a look whether the folder is still ours."""
        if not self._journal.is_in_place():
            raise RunLogError(
                f"The folder of run {self.run_id} was removed or moved while the run was recorded: "
                f"{self.folder}. What is logged from now on would be lost."
            )
        if not self._lock.is_ours():
            raise RunLogError(
                f"The lock of run {self.run_id} was removed or taken by another writer: {self._lock.path}. "
                "This writer stops, so that the log stays whole."
            )
        self._carrier.flush(self._channels.values())

    def _let_go(self) -> None:
        """Close whatever is open and give the lock back."""
        self._is_open = False
        self._carrier.let_go()
        self._journal.close()
        self._lock.release()
