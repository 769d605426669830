"""Run logs: one folder a run, one writer, many readers, complete after every crash; see `docs/run-log.md`."""
