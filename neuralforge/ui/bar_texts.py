"""What the bars say, derived from the view. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from neuralforge.ui.actions import is_live
from neuralforge.ui.knob_scale import pending_words
from neuralforge.ui.numbers import count, duration, plural, rate
from neuralforge.ui.own_runs import has_total, pass_words, shows_own
from neuralforge.workbench.knobs import Scope
from neuralforge.workbench.status import RunState
from neuralforge.workbench.view import RunView, View

Tone = Literal["quiet", "success", "warning", "danger", "accent", "info"]

_STATES: Final[Mapping[RunState, tuple[str, Tone]]] = {
    "ready": ("Starting", "warning"),
    "running": ("Training", "success"),
    "paused": ("Paused", "warning"),
    "completed": ("Finished", "accent"),
    "stopped": ("Stopped", "quiet"),
    "failed": ("Failed", "danger"),
    "interrupted": ("Interrupted", "warning"),
}


@dataclass(frozen=True, slots=True)
class EventDot:
    """An event on the rail of the progress.

    Args:
        place: From 0 to 1.
        tone: Its colour.
        words: What happened.
    """

    place: float
    tone: Tone
    words: str


def run_words(view: View) -> tuple[str, Tone]:
    """Return how the run is doing, and the tone of it."""
    run = view.run
    if run is None:
        return ("Ready", "success") if view.engine_ready else ("Loading the engine", "quiet")
    words, tone = _STATES[run.state]
    if run.own_loop and run.state == "ready":
        words = "Waiting for your loop"
    elif run.between_loops:
        words, tone = "Between loops", "quiet"
    return (f"{words}: {run.trouble}", "danger") if run.trouble else (words, tone)


def pending_sentence(view: View) -> str:
    """Return which knobs wait for what: "Batch size waits for epoch 14"; "" when none does.

    A change for the next batch is told while the run is paused alone: else it is in force before it can be read.
    """
    run, knobs = view.run, view.knobs
    if run is None or not knobs.live or knobs.values is knobs.in_force:
        return ""
    paused = run.state == "paused"
    waiting = [
        knob
        for knob in knobs.knobs
        if knobs.values[knob.key] != knobs.in_force.get(knob.key) and (paused or knob.scope is not Scope.NEXT_BATCH)
    ]
    if not waiting:
        return ""
    if len(waiting) > 1:
        return f"{len(waiting)} knobs wait"
    knob = waiting[0]
    return f"{knob.title} waits for {pending_words(knob, run.progress.epoch, run.progress.step, brief=True)}"


def epoch_words(run: RunView) -> str:
    """Return where a run is: "Epoch 13 of 30", or the step for runs that end by steps, or whose end is not known."""
    progress = run.progress
    if not has_total(run):
        return f"Step {count(progress.step)}"
    if run.own_loop or run.config.epochs is None:
        return f"Step {count(progress.step)} of {count(progress.total_steps)}"
    if run.state == "completed":
        return f"All {plural(run.config.epochs, 'epoch')} done"
    return f"Epoch {count(min(progress.epoch, run.config.epochs))} of {count(run.config.epochs)}"


def batch_words(run: RunView) -> str:
    """Return the batch within the epoch: "batch 216 / 500"; "" where the length of an epoch is not known.

    Of a person's own loop it is the place in a pass, as far as it is known: "epoch 3, batch 12 of 45".
    """
    if run.own_loop:
        return pass_words(run)
    batch, batches = run.progress.batch, run.progress.batches
    return f"batch {count(batch)} / {count(batches)}" if batches and run.config.epochs is not None else ""


def speed_words(run: RunView) -> tuple[str, ...]:
    """Return step, speed and time left, as far as they are known; the most important last."""
    by_epochs = run.config.epochs is not None and not run.own_loop
    words = [f"step {count(run.progress.step)}"] if by_epochs else []
    if run.steps_per_sec > 0:
        words.append(f"{rate(run.steps_per_sec)} steps/s")
        if run.left_secs is not None and has_total(run):
            words.append(f"{duration(run.left_secs)} left")
    return tuple(words)


def event_dots(run: RunView) -> tuple[EventDot, ...]:
    """Return the interventions of a run as dots on its rail; at most one for each two-hundredth, the newest."""
    total = run.progress.total_steps if has_total(run) else 0
    if total <= 0:
        return ()
    found: dict[int, EventDot] = {}
    for event in run.events:
        if event.applied_step is None or event.status != "applied" or event.operation == "control":
            continue
        place = min(1.0, event.applied_step / total)
        tone: Tone = "accent"
        if event.operation == "notice":
            tone = "danger"
        elif event.key.endswith(".frozen"):
            tone = "info"
        change = f"{event.key}: {_plain(event.old)} \u2192 {_plain(event.new)}"
        found[int(place * 200)] = EventDot(place, tone, f"Step {count(event.applied_step)}\n{change}")
    return tuple(found.values())


def device_words(view: View) -> tuple[str, str]:
    """Return the device in a word or two, and the whole of what is known of it."""
    run = view.run
    key = run.device if run is not None and run.device else view.config.device
    devices = view.devices or ()
    if key == "auto" and devices:
        key = devices[0].key
    fact = next((device for device in devices if device.key == key or device.key.split(":")[0] == key), None)
    if key == "auto":
        return "auto", "The device is chosen when the engine is loaded."
    brief = key.upper() if key in ("cpu", "mps") or fact is None else _brand(fact.name)
    return brief, f"{key}: {fact.name}" if fact is not None and fact.name else key


def device_memory(view: View) -> int | None:
    """Return the memory of the device that would train, in bytes."""
    run = view.run
    key = run.device if run is not None and is_live(view) else view.config.device
    for device in view.devices or ():
        if key in ("auto", device.key, device.key.split(":")[0]):
            return device.memory_bytes
    return None


def document_words(view: View) -> tuple[str, str]:
    """Return the folder of the open document ("" where it has none) and its name."""
    path = view.document.path
    return (path.parent.name if path is not None else ""), view.document.document.name


def issue_words(view: View) -> str:
    """Return how many issues there are, and the first of them; an empty canvas beside a module has none."""
    issues = () if shows_own(view) else view.document.issues
    return f"{plural(len(issues), 'issue')}: {issues[0]}" if issues else ""


def _brand(name: str) -> str:
    for word in ("NVIDIA GeForce ", "NVIDIA ", "AMD Radeon "):
        name = name.removeprefix(word)
    return name


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
