"""Run logs: one folder a run, one writer, many readers, complete after every crash; see `docs/run-log.md`."""

from neuralforge.runs.atomic import replacing, write_atomic
from neuralforge.runs.channel import Channel
from neuralforge.runs.errors import RunFileError, RunLogError
from neuralforge.runs.events import Event, Scalar, chain, genesis, verify
from neuralforge.runs.header import RunHeader, new_run_id, utc_now
from neuralforge.runs.layout import Checkpoint
from neuralforge.runs.log import RunLog
from neuralforge.runs.reader import RunReader
from neuralforge.runs.store import RunStore, RunSummary
from neuralforge.runs.table import export_csv, export_events_csv

__all__ = [
    "Channel",
    "Checkpoint",
    "Event",
    "RunFileError",
    "RunHeader",
    "RunLog",
    "RunLogError",
    "RunReader",
    "RunStore",
    "RunSummary",
    "Scalar",
    "chain",
    "export_csv",
    "export_events_csv",
    "genesis",
    "new_run_id",
    "replacing",
    "utc_now",
    "verify",
    "write_atomic",
]
