"""`neuralforge runs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click
from rich.table import Table

from neuralforge.app.output import json_option, number_text, print_json, printable, runs_option, size_text
from neuralforge.app.terminal import console
from neuralforge.runs.reader import RunReader
from neuralforge.runs.store import RunStore
from neuralforge.runs.table import export_csv


@click.group(invoke_without_command=True)
@runs_option
@json_option
@click.pass_context
def runs(ctx: click.Context, runs_dir: Path, as_json: bool) -> None:
    """List, show, export or delete runs."""
    ctx.obj = runs_dir
    if ctx.invoked_subcommand is None:
        _list(runs_dir, as_json)


def _dir(ctx: click.Context, runs_dir: Path) -> Path:
    """Return the folder given to the subcommand, or else the one given to `runs`."""
    source = ctx.get_parameter_source("runs_dir")
    return ctx.obj if source is click.core.ParameterSource.DEFAULT else runs_dir


@runs.command("list")
@runs_option
@json_option
@click.pass_context
def list_runs(ctx: click.Context, runs_dir: Path, as_json: bool) -> None:
    """List all runs, the newest first."""
    _list(_dir(ctx, runs_dir), as_json)


def _list(runs_dir: Path, as_json: bool) -> None:
    found = RunStore(runs_dir).list()
    if as_json:
        print_json(
            [
                {
                    "run_id": run.run_id,
                    "path": str(run.folder),
                    "name": run.name,
                    "status": run.status,
                    "created_utc": run.created_utc,
                    "steps": run.steps,
                    "metrics": dict(run.metrics),
                    "size_bytes": run.size_bytes,
                }
                for run in found
            ]
        )
        return
    if not found:
        click.echo(f"There is no run in {runs_dir} yet. To make one: neuralforge train small_cnn --data digits")
        return
    table = Table("run", "status", "steps", "validation", "test", "size", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for run in found:
        best = [
            next(
                (
                    number_text(v)
                    for name, v in run.metrics.items()
                    if name.startswith(f"{part}/") and "loss" not in name
                ),
                "",
            )
            for part in ("validation", "test")
        ]
        table.add_row(run.run_id, run.status, f"{run.steps:,}", *best, size_text(run.size_bytes))
    console().print(table)


def _score(metrics: Mapping[str, float], part: str) -> str:
    """Return the metric of a split that is not its loss."""
    scores = [value for name, value in metrics.items() if name.startswith(f"{part}/") and name != f"{part}/loss"]
    return number_text(scores[0]) if scores else ""


@runs.command()
@click.argument("run")
@runs_option
@json_option
@click.pass_context
def show(ctx: click.Context, run: str, runs_dir: Path, as_json: bool) -> None:
    """Show what a run was, what was done to it, and how it went."""
    reader = RunReader(RunStore(_dir(ctx, runs_dir)).find(run))
    altered = reader.verify()
    if altered is not None:
        click.echo(f"altered: {printable(altered)}", err=True)
    last = {name: value for name, (_, value) in reader.last_values().items()}
    events = reader.events()
    if as_json:
        print_json(
            {
                "run_id": reader.attributes.get("run_id"),
                "path": str(reader.folder),
                "status": reader.status,
                "attributes": reader.attributes,
                "config": reader.config,
                "data": reader.data,
                "environment": reader.environment,
                "metrics": last,
                "events": [event.__dict__ for event in events],
                "checkpoints": [checkpoint.__dict__ for checkpoint in reader.checkpoints()],
            }
        )
        return
    out = console()
    header = Table("", "", box=None, show_header=False, pad_edge=False)
    attributes, data = reader.attributes, reader.data
    for name, value in (
        ("run", attributes.get("run_id")),
        ("network", attributes.get("name")),
        ("data", data.get("text")),
        ("status", reader.status),
        ("steps", attributes.get("steps", max((step for step, _ in reader.last_values().values()), default=0))),
        ("seed", attributes.get("seed")),
        ("created", attributes.get("created_utc")),
        ("weights", attributes.get("weights_sha256", "")),
        ("folder", reader.folder),
    ):
        header.add_row(name, printable(value))
    out.print(header)
    numbers = Table("series", "last", box=None, pad_edge=False)
    numbers.columns[1].justify = "right"
    for name, value in last.items():
        if not name.startswith("knob/") or name == "knob/lr":
            numbers.add_row(name, number_text(value))
    out.print()
    out.print(numbers)
    if events:
        table = Table("step", "who", "what", "old", "new", "status", box=None, pad_edge=False)
        for event in events:
            step = event.applied_step or event.requested_step or event.requested_at_step
            new = event.new if event.why is None else event.why
            old, now = ("" if value is None else str(value) for value in (event.old, new))
            row = (step, event.actor, event.key, old, now, event.status)
            table.add_row(*(printable(cell) for cell in row))
        out.print()
        out.print(table)


@runs.command()
@click.argument("run")
@click.option("--csv", "file", type=click.Path(path_type=Path), required=True, metavar="FILE", help="File to write.")
@runs_option
@click.pass_context
def export(ctx: click.Context, run: str, file: Path, runs_dir: Path) -> None:
    """Write all series of a run to a CSV file."""
    export_csv(RunReader(RunStore(_dir(ctx, runs_dir)).find(run)), file)
    click.echo(f"Written: {file}")


@runs.command()
@click.argument("run")
@runs_option
@click.pass_context
def delete(ctx: click.Context, run: str, runs_dir: Path) -> None:
    """Delete a run with all its checkpoints."""
    folder = RunStore(_dir(ctx, runs_dir)).delete(run)
    click.echo(f"Deleted: {folder}")
