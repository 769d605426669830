"""`neuralforge replay`."""

from __future__ import annotations

from pathlib import Path

import click

from neuralforge.app.output import json_option, print_json, printable, runs_option
from neuralforge.runs.store import RunStore


@click.command()
@click.argument("run")
@click.option("--trust", is_flag=True, help="Run the stored source even where it differs from the document's.")
@runs_option
@json_option
def replay(run: str, trust: bool, runs_dir: Path, as_json: bool) -> int:
    """Run a run again from its log alone and compare every number with the record.

    Prints "identical" with the digest of the weights (exit code 0), or the first step and value that differ, or that
    the log was altered (exit code 1).
    """
    folder = RunStore(runs_dir).find(run)
    from neuralforge.train import launch

    try:
        result = launch.replay(folder, trust=trust)
    except (launch.Altered, launch.NeedsTrust) as error:
        what = "altered" if isinstance(error, launch.Altered) else "needs trust"
        if as_json:
            print_json({"result": what, "why": str(error)})
        else:
            click.echo(printable(f"{what}: {error}"))
        return 1
    if as_json:
        difference = result.difference
        print_json(
            {
                "result": "identical" if result.identical else "different",
                "steps": result.steps,
                "weights_sha256": result.weights_sha256,
                "recorded_sha256": result.recorded_sha256,
                "difference": difference._asdict() if difference else None,
                "largest_difference": result.largest,
                "environment": list(result.environment),
            }
        )
    elif result.identical:
        click.echo(f"identical: {result.steps} steps, weights {result.weights_sha256}")
        if result.recorded_sha256 is None:
            click.echo("(the run was interrupted, so its log has the numbers of its steps but no final weights)")
    else:
        if result.difference is not None:
            click.echo(f"different at {result.difference}")
            click.echo(f"greatest difference of any number: {result.largest:g}")
        else:
            click.echo(
                f"different: after {result.steps} steps the weights are {result.weights_sha256} and were "
                f"{result.recorded_sha256}"
            )
        for change in result.environment:
            click.echo(f"  {printable(change)}")
    return 0 if result.identical else 1
