"""`neuralforge train`."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neuralforge.app.output import json_option, print_json, runs_option
from neuralforge.errors import UserError
from neuralforge.runs.store import RunStore
from neuralforge.workbench.knobs import Refused
from neuralforge.workbench.requests import Request

if TYPE_CHECKING:
    from neuralforge.train.launch import Run


@click.command()
@click.argument("arch", required=False)
@click.option("--data", metavar="DATA", help="Data set or path to train on.")
@click.option("--epochs", type=int, metavar="E", help="Passes over the training data; 20 where nothing is said.")
@click.option("--steps", type=int, metavar="N", help="Updates in all, in place of epochs.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A knob, a setting, an option of the template, or data.OPTION; may be repeated.",
)
@click.option(
    "--at", "timed", multiple=True, metavar="STEP:KEY=VALUE", help="Turn a knob when that step begins; may be repeated."
)
@click.option("--seed", type=int, metavar="S", help="Seed of everything that is drawn.")
@click.option("--device", metavar="D", help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--threads", type=int, metavar="T", help="Threads within an operation.")
@click.option("--resume", metavar="RUN", help="Go on with a run; needs nothing else.")
@click.option("--trust", is_flag=True, help="With --resume: run the stored source even where it differs.")
@runs_option
@json_option
def train(
    arch: str | None,
    data: str | None,
    epochs: int | None,
    steps: int | None,
    settings: tuple[str, ...],
    timed: tuple[str, ...],
    seed: int | None,
    device: str | None,
    threads: int | None,
    resume: str | None,
    trust: bool,
    runs_dir: Path,
    as_json: bool,
) -> int:
    """Train a network on data, or go on with a run.

    The run is written to a folder as it goes. Ctrl-C once pauses it at the next boundary, saves, and says how to
    resume.
    """  # fmt: skip
    given = {"epochs": epochs, "steps": steps, "seed": seed, "device": device, "threads": threads}
    given = {key: value for key, value in given.items() if value is not None}
    if resume is not None:
        odd = [name for name in ("epochs", "seed", "device", "threads") if name in given]
        if arch or data or settings or odd:
            raise UserError("--resume takes everything from the run; only --steps, --at, --runs and --json go with it.")
        from neuralforge.train import launch

        requests = [timed_request(text) for text in timed]
        run = launch.resume(RunStore(runs_dir).find(resume), steps=steps, trust=trust, requests=requests)
        notes = _schedule_note(run) if steps is not None else ()
    else:
        if arch is None or data is None:
            raise UserError("Say what to train on what: neuralforge train ARCH --data DATA, or train --resume RUN.")
        requests = [timed_request(text) for text in timed]
        from neuralforge.app.planning import make_plan

        plan = make_plan(arch, data, settings=settings, runs_dir=runs_dir, **given)
        from neuralforge.train import launch

        run = launch.start(plan)
        try:
            launch.ask(run.session, requests, plan.config.steps)
        except UserError:
            run.log.abandon()
            RunStore(runs_dir).delete(run.folder.name)
            raise
        notes = plan.document.notes
    return _pump(run, notes, as_json)


def _schedule_note(run: Run) -> tuple[str, ...]:
    """Say so when a run goes on beyond the horizon over which its schedule was planned."""
    from neuralforge.train.schedules import factor

    config = run.session.config
    last = factor(config, 1.0)
    if last == 1.0:
        return ()
    effect = ", so nothing more is learned" if last == 0 else ""
    where = "ends where the run was first planned to"
    return (f"The schedule {config.schedule} {where}; its factor stays at {last:g}{effect}.",)


def timed_request(text: str) -> Request:
    """Read `STEP:KEY=VALUE`.

    Raises:
        UserError: When it is not of that form.
    """
    step, colon, pair = text.partition(":")
    key, equals, value = pair.partition("=")
    if not colon or not equals or not step.strip().isdigit():
        raise UserError(f"--at takes STEP:KEY=VALUE, for example 200:lr=1e-4. Received: {text!r:.80}")
    # The board checks kind and bounds; here the text only becomes the number or truth value that it looks like.
    word = value.strip().lower()
    if word in ("true", "false", "on", "off", "yes", "no"):
        typed: float | int | bool = word in ("true", "on", "yes")
    else:
        try:
            typed = int(word) if word.lstrip("+-").isdigit() else float(word)
        except ValueError:
            raise UserError(f"--at {text}: {value!r:.40} is neither a number nor true or false.") from None
    return Request(changes={key.strip(): typed}, at_step=int(step), actor="script", widget="--at")


class _Interrupts:
    """Counts Ctrl-C and SIGTERM: the first asks for a pause at the next boundary, the second ends at once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.signal: int | None = None

    def __call__(self, number: int, _frame: object) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        widget = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        with suppress(Refused):  # the run is just ending by itself
            self._run.session.request(Request(action="pause", widget=widget))

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Take the place of the usual handlers."""
        before = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _pump(run: Run, notes: tuple[str, ...], as_json: bool) -> int:
    from neuralforge.app.display import Display
    from neuralforge.train.session import StepFailed

    session = run.session
    interrupts = _Interrupts(run)
    began_secs = time.monotonic()
    first_step = session.step
    failed = False
    with Display(session, run.folder, notes) as display, interrupts.installed():
        try:
            for pulse in session.steps():
                display.update(pulse)
                if pulse.kind == "paused":
                    break
        except StepFailed:
            failed = True
    if session.state == "paused":
        session.end("paused")
    seconds = time.monotonic() - began_secs
    if as_json:
        print_json(
            {
                "run_id": run.log.run_id,
                "path": str(run.folder),
                "status": session.state,
                "steps": session.step,
                "metrics": session.final_metrics(),
                "weights_sha256": session.weights_sha256,
                "seconds": round(seconds, 3),
            }
        )
    else:
        display.table(session.step - first_step, seconds)
    if run.retracing is not None and run.retracing.difference is not None:
        click.echo(
            f"neuralforge: The steps that were gone over again came out otherwise than recorded, at "
            f"{run.retracing.difference}; this machine or these versions compute differently.",
            err=True,
        )
    if failed or session.trouble:  # a run may also end well with its checkpoints or its folder lost
        click.echo(f"neuralforge: {session.trouble}{_remedy(session.trouble)}", err=True)
        return 1
    if session.state == "paused":
        click.echo(f"Paused after step {session.step}. To go on: {_resume_command(run)}", err=True)
        return 128 + (interrupts.signal or signal.SIGINT)
    return 0


def _remedy(trouble: str | None) -> str:
    """Say what can be done about a loss that is not finite."""
    if trouble is None or "not finite" not in trouble:
        return ""
    return " Train again with a smaller lr or with clip_norm, or resume with other knobs by --at STEP:KEY=VALUE."


def _resume_command(run: Run) -> str:
    return f"neuralforge train --resume {run.folder}"
