"""What the panels of the window draw from: one immutable view, made anew by the application before each frame.

Its parts are shared from frame to frame as long as they do not change, so a panel may remember what it derived from a
part and compare by identity. Panels never change anything: they post commands (`neuralforge.workbench.commands`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from neuralforge.graph.datainfo import DataInfo, Task
from neuralforge.graph.document import Document
from neuralforge.graph.inference import Inference, Issue, Totals
from neuralforge.workbench.commands import Command
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.history import StepKind
from neuralforge.workbench.knobs import Knob, KnobValue
from neuralforge.workbench.status import Progress, RunState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from neuralforge.runs.events import Event
    from neuralforge.runs.store import RunSummary
    from neuralforge.workbench.looks import Boundary, FeatureMaps, GradientHistory, LayersLook, NodeLook, Prediction
    from neuralforge.workbench.series import SeriesBook
    from neuralforge.workbench.settings import Settings

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """The open document.

    Args:
        document: Graph, layout, notes.
        inference: Shapes, costs and issues of its graph.
        totals: Costs of the whole network, at the batch size that is set.
        issues: What is wrong with the graph by itself, then what keeps it from taking the data.
        selection: Ids of the selected nodes.
        path: File it was opened from or saved to.
        saved: Whether the file holds just this.
        revision: Grows with every change of the document.
        opened: Grows with every document that is opened, so that a canvas shows a new one whole.
        history: Labels of the undo steps, the oldest first.
        kinds: What each of them concerns; empty where all of them concern the network.
        position: How many of them are done; the others can be redone.
        clipboard_has_nodes: Whether nodes were copied in this window.
    """

    document: Document
    inference: Inference
    totals: Totals
    issues: tuple[Issue, ...] = ()
    selection: frozenset[str] = frozenset()
    path: Path | None = None
    saved: bool = True
    revision: int = 0
    opened: int = 0
    history: tuple[str, ...] = ()
    kinds: tuple[StepKind, ...] = ()
    position: int = 0
    clipboard_has_nodes: bool = False

    @property
    def selected(self) -> str | None:
        """The selected node, when it is exactly one."""
        return next(iter(self.selection)) if len(self.selection) == 1 else None

    @property
    def undo_label(self) -> str | None:
        """What undo would take back."""
        return self.history[self.position - 1] if self.position else None

    @property
    def redo_label(self) -> str | None:
        """What redo would do again."""
        return self.history[self.position] if self.position < len(self.history) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeView:
    """The generated source of the open document.

    Args:
        source: The text; empty while there are issues.
        lines: Node -> numbers of its lines, from 1.
        problem: Why there is no source.
    """

    source: str = ""
    lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thumbnail:
    """A small picture of a sample.

    Args:
        rgba: [H, W, 4], uint8.
        label: Its class or number.
        sample: Number of the sample in the data set.
    """

    rgba: NDArray[np.uint8]
    label: str
    sample: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points:
    """Samples of two features, for the decision panel.

    Args:
        xy: [N, 2] float32, in units of the data.
        targets: [N] class index, or the number to predict.
        split: [N] uint8: 0 train, 1 validation, 2 test.
    """

    xy: NDArray[np.float32]
    targets: NDArray[np.float32]
    split: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DataView:
    """The chosen data.

    Args:
        text: What was asked for: name of a data set, or a path.
        options: Its options, as text.
        state: Whether it is there.
        problem: Why it is not.
        info: Facts about it.
        splits: Name of a split -> number of samples, by the settings.
        class_counts: Name of a split -> [classes] samples of each class; empty where there are no classes.
        thumbnails: Some samples, where they are images.
        columns: Heads of `rows`.
        rows: Some samples as text, where they are not images: features, then target.
        points: All samples (at most some thousands), where they have two features.
        notes: What was decided about it, as sentences.
        reference: Its source and all options of it, as a run keeps them; None where those are `text` and `options`.
    """

    text: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    state: Literal["none", "loading", "ready", "failed"] = "none"
    problem: str | None = None
    info: DataInfo | None = None
    splits: Mapping[str, int] = field(default_factory=dict)
    class_counts: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    thumbnails: tuple[Thumbnail, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    points: Points | None = None
    notes: tuple[str, ...] = ()
    reference: tuple[str, Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoice:
    """A data set that can be chosen.

    Args:
        key: What is typed.
        title: What it is called.
        summary: What it is, in a sentence.
        kind: Whether it is there by itself or needs a path.
    """

    key: str
    title: str
    summary: str
    kind: Literal["built in", "file"] = "built in"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnobsView:
    """What can be turned now: of the live run, or else of the run that Train would start.

    Args:
        knobs: The knobs, global ones first.
        values: What was last asked for.
        in_force: What the session computes with; the same as `values` where nothing is pending.
        absent: Key -> why there is no such knob here.
        live: Whether they belong to a live run, so that turning one is a request to it.
        refusal: Key -> why the last request was refused.
    """

    knobs: tuple[Knob, ...] = ()
    values: Mapping[str, KnobValue] = field(default_factory=dict)
    in_force: Mapping[str, KnobValue] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    live: bool = False
    refusal: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleRow:
    """One module of a network that was not drawn here.

    Args:
        path: Its path in the model; "" for the model itself. It is the node of looks.
        kind: Its class, for example "Conv2d".
        depth: How many modules it lies in.
        parameters: Learnable numbers in it and in all that it holds.
        facts: What its class says of itself, for example "3, 16, kernel_size=(3, 3)"; "" for one that holds others.
    """

    path: str
    kind: str
    depth: int
    parameters: int
    facts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The run in the panels: live in this window, or opened from its files.

    Args:
        run_id: Its id.
        name: Name of the network.
        folder: Where it lies.
        live: Whether this window trains it.
        state: Its state.
        progress: Where it is.
        steps_per_sec: Smoothed; 0 while it does not run.
        left_secs: Time to its end at this speed; None where it is not known.
        driver: How it is pumped.
        device: Where it trains.
        data: Name of the source that it trains on.
        data_options: All options of the source, as text.
        task: What it learns from the data; None where its files do not say.
        config: How it was started.
        document: The network that trains.
        differs: Whether the open document is another network.
        series: Its curves.
        metric: Name of the metric beside the loss: "accuracy", "mae" and the like.
        events: All events.
        planned: Steps and effective learning rates that the schedule plans, for a dashed line.
        checkpoints: Steps at which checkpoints were written.
        layers: Gradient norms of the last sampled batch; of an opened run the norms of its weights alone.
        gradients: Their history.
        node: Weights and activations of the selected node.
        maps: Its output on one sample.
        boundary: Prediction over the plane, for data of two features.
        prediction: Answer to the last `TrySample` or `TryDrawing`.
        own_data: The data that it was trained on, split as it was; of a run that was opened from its files, once its
            network is loaded. The chosen data may be other data.
        modules: The modules of a network that was not drawn here, from the outside in; None for one that was.
        looked: Path of the module that was asked to be looked at; None where none was.
        own_source: Source of a loop or module of the person's own, as far as it is known.
        own_loop: Whether a loop of the person's own makes the steps.
        between_loops: Whether nobody goes round it just now: it is over, and another one may come.
        look_problem: Why a run that was opened from its files cannot be looked into; "" where it can, or may yet.
        trouble: Why it is paused or has failed, if because of a problem.
        can_resume: Whether it can be gone on with from its files.
    """

    run_id: str
    name: str
    folder: Path
    live: bool
    state: RunState
    progress: Progress
    steps_per_sec: float = 0.0
    left_secs: float | None = None
    driver: str = ""
    device: str = ""
    data: str = ""
    data_options: Mapping[str, str] = field(default_factory=dict)
    task: Task | None = None
    config: TrainConfig
    document: Document
    differs: bool = False
    series: SeriesBook
    metric: str = ""
    events: tuple[Event, ...] = ()
    planned: tuple[Any, Any] | None = None
    checkpoints: tuple[int, ...] = ()
    layers: LayersLook | None = None
    gradients: GradientHistory | None = None
    node: NodeLook | None = None
    maps: FeatureMaps | None = None
    boundary: Boundary | None = None
    prediction: Prediction | None = None
    own_data: DataView | None = None
    modules: tuple[ModuleRow, ...] | None = None
    looked: str | None = None
    own_source: str = ""
    own_loop: bool = False
    between_loops: bool = False
    look_problem: str = ""
    trouble: str | None = None
    can_resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsView:
    """All runs on the disk.

    Args:
        folder: Where they lie.
        runs: The newest first; None while they are being read.
        size_bytes: What they take.
        free_bytes: What the disk still has.
    """

    folder: Path
    runs: tuple[RunSummary, ...] | None = None
    size_bytes: int = 0
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of the console.

    Args:
        number: Its number in the window, from 1.
        time_text: Local time, HH:MM:SS.
        level: How grave it is.
        text: What happened.
        notice: Whether it is shown for a moment as well.
    """

    number: int
    time_text: str
    level: Level
    text: str
    notice: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A button of a question.

    Args:
        label: What stands on it.
        commands: What it does, besides closing the question.
        kind: "primary" is filled, "danger" red.
    """

    label: str
    commands: tuple[Command, ...] = ()
    kind: Literal["primary", "plain", "danger"] = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that must be answered before anything else.

    Args:
        title: A few words.
        text: What it is about.
        choices: The buttons, the first is Enter; the last, which changes nothing, is Escape.
    """

    title: str
    text: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFact:
    """A device of this machine.

    Args:
        key: "cuda:0", "cpu".
        name: What its maker calls it.
        memory_bytes: None where that is not known.
    """

    key: str
    name: str
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingPoint:
    """A network with data that one click opens.

    Args:
        key: Its name.
        title: What a card shows.
        summary: One line.
        template: Key of the template.
        data: Data set; "" for the template by itself.
        options: Options of the data set.
        settings: Fields of the configuration that differ from the usual.
        parameters: Learnable numbers; None while they are not counted yet.
        graph: Its network, for a small picture; None while it is being drawn.
        points: Its data, for a small picture, where that is points in the plane.
    """

    key: str
    title: str
    summary: str
    template: str
    data: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    graph: Document | None = None
    points: Points | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentFile:
    """A document that was open before.

    Args:
        path: Where it lies.
        name: Name of the network.
        when_text: When it was changed, in words.
        graph: The network, for a small picture; None when it cannot be read or was not read yet.
        problem: Why it cannot be read.
    """

    path: Path
    name: str
    when_text: str = ""
    graph: Document | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that the panels show.

    Args:
        welcome: Whether the welcome screen covers the window.
        settings: The user's settings.
        document: The open document.
        code: Its source; None until a panel wants it.
        data: The chosen data.
        data_choices: What can be chosen.
        task: What the network learns from the data; None where that is not known.
        config: How the next run is to be trained.
        knobs: What can be turned.
        run: The run in the panels, if there is one.
        runs: All runs; None until a panel wants them.
        log: Lines of the console, the newest last.
        question: What must be answered first.
        busy: What goes on behind the window, as words: "Loading digits".
        notice: What was said last, with its number and level.
        engine_ready: Whether torch is loaded.
        devices: The devices; None until torch is loaded.
        starting_points: For the welcome screen.
        recent: For the welcome screen and the menu.
        fps: Frames a second.
        ui_cost_secs: Smoothed time of a frame.
        can_train: Whether Train would start.
        why_not: Why not.
    """

    welcome: bool
    settings: Settings
    document: DocumentView
    code: CodeView | None = None
    data: DataView = DataView()
    data_choices: tuple[DataChoice, ...] = ()
    task: Task | None = None
    config: TrainConfig
    knobs: KnobsView = KnobsView()
    run: RunView | None = None
    runs: RunsView | None = None
    log: tuple[LogLine, ...] = ()
    question: Question | None = None
    busy: tuple[str, ...] = ()
    notice: tuple[int, Level, str] | None = None
    engine_ready: bool = False
    devices: tuple[DeviceFact, ...] | None = None
    starting_points: tuple[StartingPoint, ...] = ()
    recent: tuple[RecentFile, ...] = ()
    fps: float = 0.0
    ui_cost_secs: float = 0.0
    can_train: bool = False
    why_not: str = ""
