"""`neuralforge export`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import click

from neuralforge.app.output import json_option, print_json, runs_option
from neuralforge.runs.store import RunStore


@click.command()
@click.argument("run")
@click.option("--to", "target", default="onnx", show_default=True, metavar="FORMAT", help="Format to export to.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="File to write.")
@click.option("--weights", type=click.Choice(["last", "best"]), default="last", show_default=True)
@click.option("--trust", is_flag=True, help="Run the stored source even where it differs from the document's.")
@runs_option
@json_option
def export(
    run: str, target: str, output: Path, weights: Literal["last", "best"], trust: bool, runs_dir: Path, as_json: bool
) -> int:
    """Export the network of a run, and prove the file on real samples.

    Exit code 1 when the file does not agree with the original; it is not kept then.
    """
    folder = RunStore(runs_dir).find(run)
    from neuralforge.export import export_run

    certificate = export_run(folder, target, output, weights=weights, trust=trust)
    if as_json:
        print_json(dataclasses.asdict(certificate))
    else:
        for line in certificate.lines():
            click.echo(line)
    return 0 if certificate.passed else 1
