"""The panels Decision, Try it and Layers, alone in a window, on real short runs."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from neuralforge.app.starts import STARTING_POINTS
from neuralforge.ui.kit import Kit
from neuralforge.ui.panel import Panel
from neuralforge.ui.panels.decision import DecisionPanel
from neuralforge.ui.panels.layers import LayersPanel
from neuralforge.ui.panels.try_it import TryPanel
from neuralforge.ui.theme import THEMES
from neuralforge.workbench.commands import Command, ResumeRun, Select, Start, Train, TryDrawing, TrySample
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.looks import GradientHistory, Histogram, LayerLook, LayersLook, Stats
from neuralforge.workbench.series import SeriesBook
from neuralforge.workbench.settings import Settings
from neuralforge.workbench.view import DataView, DocumentView, RunView, View
from tests.ui.pilot import Pilot, StageMaker, scenario
from tests.ui.standin import StandIn, stage

SIZE_PX = (1000, 620)
PANELS = (DecisionPanel, TryPanel, LayersPanel)
CASES = (
    ("mlp", "spirals"),
    ("small_cnn", "digits"),
    ("mlp", "diabetes"),
    ("conv_autoencoder", "digits"),
    ("mlp", "wave"),
)


@dataclass(frozen=True)
class Trained:
    """A run that has ended in this process, with what the panels ask of it."""

    view: View
    watch: object
    session: object

    def answer(self, command: Command) -> RunView:
        """Carry out what a panel has posted, as the application does."""
        from neuralforge.train.glimpse import Drawn, SampleOf

        job = Drawn(command.image) if isinstance(command, TryDrawing) else SampleOf(command.split, command.sample)
        self.watch.ask(job)
        self.watch.service(self.session)
        return replace(self.view.run, prediction=self.watch.prediction)


def wave() -> str:
    """Write a table of two features and a number."""
    random = np.random.default_rng(0)
    xy = random.uniform(-3, 3, (200, 2))
    file = Path(tempfile.mkdtemp(prefix="neuralforge-wave-")) / "wave.csv"
    table = np.column_stack([xy, np.sin(xy[:, 0]) * xy[:, 1]])
    np.savetxt(file, table, delimiter=",", header="angle,height,force", comments="")
    return str(file)


@lru_cache(maxsize=8)
def trained(arch: str, data: str) -> Trained:
    """Train for some steps, with all looks on."""
    from neuralforge.app.planning import make_plan
    from neuralforge.app.preview import describe
    from neuralforge.graph.inference import infer_all
    from neuralforge.layers.registry import catalog
    from neuralforge.train.launch import start

    text = wave() if data == "wave" else data
    folder = Path(tempfile.mkdtemp(prefix="neuralforge-looks-"))
    plan = make_plan(arch, text, steps=12, threads=1, runs_dir=folder)
    run = start(plan, watch=True)
    watch, session = run.watch, run.session
    watch.wants = frozenset({"gradients", "node", "boundary"})
    watch.node = next(iter(watch._record._nodes))
    for _ in session.steps():
        pass
    watch.service(session)
    shown = RunView(
        run_id="r", name=plan.document.name, folder=run.folder, live=False, state="completed", driver="slices",
        progress=session.progress(), data=plan.data.text, config=session.config, document=plan.document,
        series=SeriesBook(), layers=watch.layers, gradients=watch.gradients, node=watch.node_look,
        boundary=watch.boundary,
    )  # fmt: skip
    view = View(
        welcome=False,
        settings=Settings(),
        document=DocumentView(
            document=plan.document,
            inference=infer_all(plan.document.graph, catalog()),
            totals=None,  # type: ignore[arg-type]
        ),
        data=describe(plan.raw, text, {}, plan.config),
        task=session.engine.prepared.info.task,
        config=TrainConfig(),
        run=shown,
        starting_points=STARTING_POINTS,
    )
    return Trained(view, watch, session)


class OnePanel(StandIn):
    """A panel over the window; what it asks of the network is answered at once."""

    def __init__(self, kind: type[Panel], case: tuple[str, str], theme: str) -> None:
        self.trained = trained(*case)
        super().__init__(self.trained.view, [kind], Kit(theme))
        self.size = (318.0, 460.0)

    def draw_panels(self) -> None:
        self.place(self.panel, 0, 0, self.size)

    def post(self, command: Command) -> None:
        super().post(command)
        if isinstance(command, TrySample | TryDrawing):
            self.view = replace(self.view, run=self.trained.answer(command))
        if isinstance(command, Select):
            document = replace(self.view.document, selection=command.nodes)
            self.view = replace(self.view, document=document)

    def show(self, **changes: object) -> None:
        """Change the run in the view."""
        self.view = replace(self.view, run=replace(self.view.run, **changes))


def on(panel: type[Panel], *case: str, theme: str = "dark") -> StageMaker:
    """Make a stage with one panel."""
    return stage(lambda: OnePanel(panel, case, theme))


def all_states(pilot: Pilot) -> None:
    """Draw a panel in every state that a run and the data can be in, in all sizes."""
    desk = pilot.desk
    whole = desk.view
    run, data = whole.run, whole.data
    live = replace(run, live=True, state="running")
    nothing = {"layers": None, "gradients": None, "node": None, "boundary": None, "prediction": None}
    states = [
        whole,
        replace(whole, run=None),
        replace(whole, run=None, data=DataView()),
        replace(whole, run=None, data=DataView(text="x", state="loading")),
        replace(whole, data=DataView()),
        replace(whole, data=DataView(text="other", state="loading")),
        replace(whole, data=replace(data, splits={})),
        replace(whole, data=replace(data, reference=("other", {}))),
        replace(whole, run=replace(live, **nothing)),
        replace(whole, run=replace(live, state="paused")),
        replace(whole, run=replace(run, state="failed", trouble="It went wrong.")),
        replace(whole, run=replace(run, driver="", state="interrupted", **nothing)),
        replace(whole, run=replace(run, driver="", state="interrupted", can_resume=True, **nothing)),
        replace(whole, run=replace(run, driver="", look_problem="Its data has gone.", can_resume=True, **nothing)),
        replace(whole, run=replace(run, driver="", own_data=data, gradients=None)),
        replace(whole, data=DataView(), run=replace(run, driver="", own_data=data, gradients=None)),
        replace(whole, run=replace(run, driver="", own_data=data, **nothing)),
    ]
    for state in states:
        for selection in (frozenset(), frozenset({desk.trained.watch.node}), frozenset({"input"})):
            desk.view = replace(state, document=replace(state.document, selection=selection))
            for size in ((318.0, 460.0), (500.0, 600.0), (980.0, 200.0), (200.0, 120.0), (40.0, 20.0)):
                desk.size = size
                pilot.frames(1)


@scenario(stage=on(DecisionPanel, "mlp", "spirals"), size_px=SIZE_PX)
@pytest.mark.parametrize("case", range(len(CASES)))
@pytest.mark.parametrize("key", ["decision", "try", "layers"])
def test_every_state_is_drawn(pilot: Pilot, key: str, case: int) -> None:
    desk = pilot.desk
    desk.kit.theme = THEMES[("dark", "light")[case % 2]]
    desk.kit.scale = (1.0, 2.0)[case % 2]
    desk.panels = [next(kind for kind in PANELS if kind.key == key)(desk.kit)]
    desk.trained = trained(*CASES[case])
    desk.view = desk.trained.view
    all_states(pilot)
    if key == "try":
        desk.view = desk.trained.view
        desk.panel._mode = "draw"
        pilot.frames(2)
        if desk.panel._sketch is not None:
            desk.panel._sketch.stroke((0.2, 0.3), (0.7, 0.6))
            desk.panel._ask(desk.post)
        all_states(pilot)


# Decision


@scenario(stage=on(DecisionPanel, "mlp", "spirals"), size_px=SIZE_PX)
def test_the_plane_is_painted_once_for_each_look(pilot: Pilot) -> None:
    desk = pilot.desk
    pilot.frames(3)
    assert len(desk.panel._textures) == 2
    again = replace(desk.view.run.boundary, step=99)
    desk.show(boundary=again)
    pilot.frames(3)
    assert len(desk.panel._textures) == 3
    desk.panel.forget()
    assert len(desk.panel._textures) == 0


@scenario(stage=on(DecisionPanel, "mlp", "spirals"), size_px=SIZE_PX)
def test_the_samples_of_a_split_can_be_shown_alone(pilot: Pilot) -> None:
    memo = pilot.desk.panel._memo._known
    counts = {}
    for shown in ("train", "validation", "both"):
        pilot.click(f"segment/samples/{shown}")
        pilot.frames(2)
        counts[shown] = int((memo["points"][1][..., 3] > 0).sum())
    assert counts["validation"] < counts["train"] < counts["both"]


@scenario(stage=on(DecisionPanel, "mlp", "spirals"), size_px=SIZE_PX)
def test_points_of_other_data_are_left_out(pilot: Pilot) -> None:
    desk = pilot.desk
    pilot.frames(2)
    desk.view = replace(desk.view, data=replace(desk.view.data, reference=("moons", {})))
    desk.panel.forget()
    pilot.frames(2)
    assert desk.panel._painter._picture is not None and "points" not in desk.panel._memo._known
    desk.show(boundary=None)
    pilot.frames(2)
    assert "points" in desk.panel._memo._known


@scenario(stage=on(DecisionPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_spirals_can_be_trained_from_the_empty_panel(pilot: Pilot) -> None:
    desk = pilot.desk
    pilot.click("Train on spirals")
    settings = {"epochs": 400, "lr": 3e-3}
    assert desk.last(Start) == [Start("mlp", "spirals", settings=settings, train=True)]
    desk.show(live=True)
    pilot.frames(2)
    assert not pilot.exists("Train on spirals")


@scenario(stage=on(DecisionPanel, "mlp", "spirals"), size_px=SIZE_PX)
def test_the_mouse_reads_the_plane(pilot: Pilot) -> None:
    pilot.move("plot/decision")
    pilot.frames(40)


# Try it


@scenario(stage=on(TryPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_a_run_is_asked_once_by_itself(pilot: Pilot) -> None:
    desk = pilot.desk
    pilot.frames(5)
    assert desk.last(TrySample) == [TrySample(0, "validation")]
    desk.show(prediction=None)
    pilot.frames(5)
    assert desk.last(TrySample) == []
    desk.show(prediction=None, series=SeriesBook())
    pilot.frames(5)
    assert desk.last(TrySample) == [TrySample(0, "validation")]


@scenario(stage=on(TryPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_samples_are_picked_by_split_and_number(pilot: Pilot) -> None:
    desk = pilot.desk
    pilot.frames(2)
    desk.last()
    pilot.click("next sample")
    pilot.click("next sample")
    pilot.click("previous sample")
    assert desk.last(TrySample) == [TrySample(n, "validation") for n in (1, 2, 1)]
    assert (desk.view.run.prediction.split, desk.view.run.prediction.sample) == ("validation", 1)
    pilot.click("segment/split/train")
    pilot.set_value("**/##sample", 10**6)
    last = desk.view.data.splits["train"] - 1
    asked = desk.last(TrySample)
    assert asked[0] == TrySample(0, "train") and asked[-1] == TrySample(last, "train")
    pilot.click("next sample")
    assert desk.last(TrySample) == []
    pilot.click("random sample")
    assert desk.last(TrySample)[0].split == "train"


@scenario(stage=on(TryPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_a_drawing_is_asked_while_the_hand_moves(pilot: Pilot) -> None:
    desk = pilot.desk
    pilot.click("segment/mode/draw")
    pilot.frames(2)
    desk.last()
    pilot.drag_by("pad/drawing", 40, 30)
    asked = desk.last(TryDrawing)
    assert len(asked) > 2
    assert all(one.image.shape == (1, 8, 8) and one.image.dtype == np.float32 for one in asked)
    assert asked[-1].image.sum() >= asked[0].image.sum() > 0
    assert len({id(one.image) for one in asked}) == len(asked)
    assert desk.view.run.prediction.split is None
    pilot.frames(5)
    assert desk.last(TryDrawing) == []
    pilot.click("toggle/Invert")
    inverted = desk.last(TryDrawing)
    assert len(inverted) == 1 and np.allclose(inverted[0].image, 1 - asked[-1].image, atol=1e-6)
    pilot.click("toggle/Centre")
    assert not np.allclose(desk.last(TryDrawing)[0].image, inverted[0].image)
    pilot.click("button/Clear")
    assert desk.last(TryDrawing) == [] and desk.panel._sketch.is_blank
    pilot.click("segment/mode/sample")
    assert desk.last(TrySample) == [TrySample(0, "validation")]


@scenario(stage=on(TryPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_an_opened_run_can_be_gone_on_with(pilot: Pilot) -> None:
    desk = pilot.desk
    desk.show(driver="", state="interrupted", can_resume=True, prediction=None)
    pilot.frames(2)
    assert not pilot.exists("button/Continue")  # its network is being loaded
    desk.show(look_problem="Run r has no checkpoint.")
    pilot.click("button/Continue")
    assert desk.last(ResumeRun) == [ResumeRun(desk.view.run.folder)]
    desk.show(can_resume=False)
    pilot.frames(2)
    assert not pilot.exists("button/Continue")


@scenario(stage=on(TryPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_without_a_run_one_can_train(pilot: Pilot) -> None:
    desk = pilot.desk
    desk.view = replace(desk.view, run=None, can_train=True)
    pilot.click("button/Train")
    assert desk.last(Train) == [Train()]


@scenario(stage=on(TryPanel, "mlp", "diabetes"), size_px=SIZE_PX)
def test_tables_cannot_be_drawn(pilot: Pilot) -> None:
    pilot.frames(3)
    assert not pilot.names("segment/mode/") and pilot.names("segment/split/")


# Layers


@scenario(stage=on(LayersPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_a_row_selects_its_node(pilot: Pilot) -> None:
    desk = pilot.desk
    pilot.click("ratio/conv2")
    pilot.click("gradient/fc1")
    assert desk.last(Select) == [Select(frozenset({"conv2"})), Select(frozenset({"fc1"}))]


@scenario(stage=on(LayersPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_of_an_opened_run_the_weights_are_listed_and_a_row_selects_its_node(pilot: Pilot) -> None:
    desk = pilot.desk
    desk.show(driver="", gradients=None, own_data=desk.view.data)
    for size in ((318.0, 460.0), (980.0, 200.0)):
        desk.size = size
        pilot.click("weight/conv2")
        assert desk.last(Select) == [Select(frozenset({"conv2"}))]
        assert not pilot.names("ratio/") and not pilot.names("gradient/")


@scenario(stage=on(LayersPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_rows_of_any_health_are_drawn(pilot: Pilot) -> None:
    desk = pilot.desk
    nodes = ("conv1", "conv2", "fc1", "fc2", "gone")
    numbers = (
        (None, None, True),
        (0.0, 1e-9, False),
        (1e-3, 1e5, False),
        (5.0, float("nan"), False),
        (1.0, 1.0, False),
    )
    layers = tuple(
        LayerLook(node=node, path=node, gradient_norm=norm, weight_norm=1.0, update_ratio=ratio, frozen=frozen)
        for node, (ratio, norm, frozen) in zip(nodes, numbers, strict=True)
    )
    norms = np.array([[np.nan if norm is None else norm for _, norm, _ in numbers[:4]]] * 3)
    history = GradientHistory(steps=np.array([1, 5, 9]), nodes=nodes[:4], norms=norms)
    desk.show(layers=LayersLook(step=9, layers=layers), gradients=history)
    for node in nodes:
        pilot.move(f"gradient/{node}")
        pilot.frames(30)
    pilot.click("ratio/gone")
    assert desk.last(Select) == []


@scenario(stage=on(LayersPanel, "small_cnn", "digits", theme="light"), size_px=SIZE_PX)
def test_values_that_are_not_finite_are_drawn(pilot: Pilot) -> None:
    desk = pilot.desk
    nan = float("nan")
    none = Stats(mean=nan, std=nan, minimum=nan, maximum=nan, zero_fraction=0.0, nonfinite=9, histogram=None)
    spike = replace(none, histogram=Histogram(low=-1.0, high=1.0, counts=np.array([0, 900, 3, 1])))
    look = replace(desk.view.run.node, weights=none, activations=spike)
    desk.show(node=look)
    pilot.click(f"ratio/{look.node}")
    pilot.frames(3)
    desk.show(node=replace(look, weights=None, activations=None))
    pilot.frames(3)


@scenario(stage=on(LayersPanel, "small_cnn", "digits"), size_px=SIZE_PX)
def test_only_the_rows_that_can_be_seen_are_drawn(pilot: Pilot) -> None:
    desk = pilot.desk
    nodes = tuple(f"conv{n}" for n in range(400))
    layers = tuple(
        LayerLook(node=node, path=node, gradient_norm=1.0, weight_norm=1.0, update_ratio=1e-3, frozen=False)
        for node in nodes
    )
    history = GradientHistory(steps=np.arange(1, 4), nodes=nodes, norms=np.ones((3, 400)))
    desk.show(layers=LayersLook(step=9, layers=layers), gradients=history)
    pilot.frames(3)
    assert 5 < len(pilot.names("ratio/")) < 60
