"""What is said of runs whose network or loop a person has written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralforge.graph.document import Document
from neuralforge.ui.actions import action, may_train, no_training
from neuralforge.ui.bar_texts import batch_words, epoch_words, event_dots, issue_words, run_words, speed_words
from neuralforge.ui.curve_head import page
from neuralforge.ui.curve_model import CurveModel, measured
from neuralforge.ui.layer_health import rows_of, weight_rows_of
from neuralforge.ui.look_state import is_here, is_plane
from neuralforge.ui.own_runs import (
    card_figures,
    card_title,
    card_words,
    class_of,
    family_of,
    first_values,
    found_in,
    has_total,
    is_own,
    looked_at,
    module_at,
    of_optimizer,
    parameters_of,
    shows_own,
    tree_of,
)
from neuralforge.ui.panels.decision import DecisionPanel
from neuralforge.ui.panels.layers import LayersPanel
from neuralforge.ui.panels.try_it import TryPanel
from neuralforge.ui.plots import Span
from neuralforge.ui.run_rows import row_of
from neuralforge.ui.status_bar import right_items
from neuralforge.ui.theme import THEMES
from neuralforge.ui.tool_bar import moving_part
from neuralforge.workbench.knobs import bounded
from neuralforge.workbench.looks import Boundary
from neuralforge.workbench.view import ModuleRow, RunView
from tests.ui.hands import document_view, live_view, view_of
from tests.ui.own import curves, modules, own_knobs, own_run, own_view
from tests.unit.ui.test_run_rows import NOW, RUN


def _at(run: RunView, **places: Any) -> RunView:
    return replace(run, progress=run.progress._replace(**places))


# What there is


def test_a_run_of_a_drawn_network_is_none_of_these() -> None:
    drawn = live_view()
    assert not is_own(None) and not is_own(drawn.run) and not shows_own(drawn)
    assert is_own(own_run()) and is_own(own_run(loop=False)) and is_own(own_run(modules=None))
    assert shows_own(own_view()) and not shows_own(replace(own_view(), run=None))
    assert not shows_own(replace(drawn, run=own_run()))  # something was drawn beside it


def test_a_network_is_as_large_as_its_outermost_modules() -> None:
    run = own_run()
    assert parameters_of(run) == 5034 and class_of(run) == "Net"
    parts = tuple(row for row in modules() if row.depth >= 1)
    assert parameters_of(replace(run, modules=parts)) == 160 + 4704 + 170
    assert parameters_of(replace(run, modules=())) == 0
    assert class_of(replace(run, modules=(), document=Document(name="Other"))) == "Other"


def test_what_the_card_says() -> None:
    run = own_run()
    assert card_title(run) == "A module of your own: Net"
    assert card_figures(run) == "5,034 parameters, 12 modules"
    assert "Your loop" in card_words(run) and "Outline" in card_words(run)
    assert "Your loop" not in card_words(own_run(loop=False))
    over = own_run("completed", modules=())
    assert "knobs" not in card_words(over) and "Outline" not in card_words(over) and "not known" in card_figures(over)


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("Conv2d", "convolution"),
        ("LazyConv2d", "convolution"),
        ("BatchNorm2d", "normalization"),
        ("MultiheadAttention", "attention"),
        ("NonDynamicallyQuantizableLinear", "linear"),
        ("PReLU", "activation"),
        ("LSTMCell", "recurrent"),
        ("AdaptiveAvgPool2d", "pooling"),
        ("Block", ""),
    ],
)
def test_classes_have_the_colour_of_their_family(kind: str, family: str) -> None:
    assert family_of(kind) == family


# The tree


def test_the_rows_of_the_tree() -> None:
    rows = {row.module.path: row for row in tree_of(modules())}
    conv = rows["blocks.0.conv"]
    assert (conv.name, conv.family, conv.parameters, conv.brief) == ("conv", "convolution", "2,320", "2.32 k")
    assert "Conv2d(16, 16, kernel_size=(3, 3)" in conv.tip and "blocks.0.conv, 2,320 parameters" in conv.tip
    assert rows["blocks.0.act"].parameters == "" and rows[""].name == "the whole model"


def test_a_filter_keeps_what_holds_a_module() -> None:
    rows = tree_of(modules())

    def paths(text: str) -> list[str]:
        return [row.module.path for row in found_in(rows, text)]

    assert found_in(rows, "  ") is rows
    assert paths("blocks.1.conv") == ["", "blocks", "blocks.1", "blocks.1.conv"]
    assert paths("batchnorm") == ["", "blocks", "blocks.0", "blocks.0.norm", "blocks.1", "blocks.1.norm"]
    assert paths("linear in_features") == ["", "head"]
    assert paths("nothing") == []


@given(st.lists(st.integers(0, 4), max_size=12), st.sets(st.integers(0, 11)))
def test_what_a_filter_finds_is_a_tree(steps: list[int], wanted: set[int]) -> None:
    depths: list[int] = []
    for step in steps:
        depths.append(min(step, depths[-1] + 1 if depths else 0))
    rows = tree_of(
        tuple(
            ModuleRow(path=f"p{i}", kind="Hit" if i in wanted else "Miss", depth=depth, parameters=i)
            for i, depth in enumerate(depths)
        )
    )
    found = found_in(rows, "hit")
    kept = [int(row.module.path[1:]) for row in found]
    assert kept == sorted(kept) and {i for i in wanted if i < len(rows)} <= set(kept)
    for i in kept:  # the one that holds it is the last before it that lies less deep
        holder = next((j for j in range(i - 1, -1, -1) if depths[j] < depths[i]), None)
        assert holder is None or holder in kept
    for i in kept:  # and nothing else is kept
        inside = [j for j in range(i + 1, len(rows)) if all(depths[k] > depths[i] for k in range(i + 1, j + 1))]
        assert i in wanted or any(j in wanted for j in inside)


def test_which_module_is_looked_at() -> None:
    run = own_run()
    assert looked_at(run) == "blocks.0.conv" and looked_at(replace(run, node=None)) is None
    assert looked_at(replace(run, looked="head")) == "head"
    assert looked_at(replace(run, looked="")) == ""
    found = module_at(run, "head")
    assert found is not None and found.kind == "Linear" and module_at(run, "tail") is None
    assert module_at(run, None) is None


# The bars


def test_progress_of_a_loop_whose_end_is_not_known() -> None:
    run = own_run(left_secs=3.0)
    assert not has_total(run) and epoch_words(run) == "Step 1,234"
    assert speed_words(run) == ("182 steps/s",)
    assert event_dots(run) == ()
    assert batch_words(run) == "epoch 3, batch 12 of 45"
    assert batch_words(_at(run, batches=0)) == "epoch 3, batch 12"
    assert batch_words(_at(run, batches=0, epoch=1)) == "batch 12"
    assert batch_words(_at(run, batches=0, batch=0)) == "epoch 3"
    assert batch_words(_at(run, batches=0, batch=0, epoch=1)) == ""
    assert epoch_words(_at(run, total_steps=2000)) == "Step 1,234 of 2,000"


def test_progress_of_a_module_that_is_trained_here() -> None:
    run = own_run(loop=False)
    assert has_total(run) and epoch_words(run) == "Epoch 3 of 45" and batch_words(run) == "batch 12 / 45"
    assert speed_words(run)[-1].endswith("left") and len(event_dots(run)) == 1


def test_a_loop_that_was_not_begun_is_waited_for() -> None:
    assert run_words(own_view(own_run("ready")))[0] == "Waiting for your loop"
    assert run_words(live_view("ready"))[0] == "Starting"
    assert run_words(own_view(replace(own_run(), between_loops=True)))[0] == "Between loops"


@given(st.floats(0, 1000))
def test_the_moving_part_stays_on_its_line(secs: float) -> None:
    low, high = moving_part(secs)
    assert 0 <= low <= high <= 1 and high - low <= 0.1801


def test_costs_are_those_of_the_modules() -> None:
    words = {item.key: item.words for item in right_items(own_view())}
    assert words["parameters"] == "5,034 parameters" and not {"macs", "memory"} & words.keys()
    unknown = {item.key for item in right_items(own_view(own_run("completed", modules=())))}
    assert not {"parameters", "macs", "memory"} & unknown
    beside = {item.key for item in right_items(replace(live_view(), run=own_run()))}
    assert {"parameters", "macs", "memory"} <= beside


def test_an_empty_canvas_beside_a_module_has_no_issues() -> None:
    empty = own_view().document
    wrong = replace(empty, issues=document_view(Document(), issues=live_view().document.issues).issues)
    view = replace(own_view(own_run("completed")), document=wrong)
    assert issue_words(view) == ""


def test_what_can_be_done() -> None:
    live, over = own_view(), own_view(own_run("completed"))
    assert action("run.train").enabled(live) and action("run.stop").enabled(live) and action("run.some").enabled(live)
    assert action("run.step").enabled(own_view(own_run("paused")))
    assert not action("run.reset").enabled(live) and "anew" in action("run.reset").why_not(live)
    assert action("run.reset").enabled(own_view(own_run(loop=False)))
    assert not action("run.train").enabled(over) and "notebook" in action("run.train").why_not(over)
    assert not may_train(replace(over, can_train=True)) and "notebook" in no_training(over)
    drawn = replace(view_of(), run=over.run)
    assert may_train(drawn) and no_training(replace(drawn, why_not="No.")) == "No."
    assert "no run" in action("run.reset").why_not(view_of())


# Knobs


def test_knobs_of_parameter_groups_are_knobs_of_the_optimizer() -> None:
    keys = [knob.key for knob in own_knobs().knobs if of_optimizer(knob)]
    assert keys == ["lr", "momentum", "weight_decay_1"]
    assert not of_optimizer(bounded("lr_scale", 0, 1)) and not of_optimizer(bounded("layer_1", 0, 1))


def test_what_a_knob_was_at_first_is_told_by_the_events() -> None:
    view = own_view(knobs=own_knobs(momentum=0.5))
    assert first_values(view) == {"lr": 1e-2, "momentum": 0.9, "weight_decay_1": 1e-4, "temperature": 1.0}
    assert first_values(replace(view, run=None))["lr"] == 2e-3


# Looks


def test_a_plane_of_a_module_is_known_from_its_data() -> None:
    loop, own = own_run(), own_run(loop=False)
    view = own_view()
    assert not is_plane(own, view.data)
    flat = Boundary(step=1, low=(0, 0), high=(1, 1), values=None, classes=2)  # type: ignore[arg-type]
    assert is_plane(replace(own, boundary=flat), view.data)
    shown = replace(view, run=replace(loop, boundary=flat))
    assert not DecisionPanel.leads(shown) and not TryPanel.leads(shown)
    assert TryPanel.leads(own_view(own)) and not DecisionPanel.leads(own_view(own))


def test_what_was_seen_of_a_loop_can_be_looked_at_when_it_is_over() -> None:
    over = own_run("completed", driver="")
    assert is_here(over) and not is_here(replace(over, layers=None, node=None))


def test_health_wants_the_outputs_of_a_module_alone() -> None:
    assert LayersPanel.wants_of(live_view()) == LayersPanel.wants
    assert LayersPanel.wants_of(own_view()) == LayersPanel.wants | {"maps"}


def test_layers_go_by_path() -> None:
    run = own_run()
    assert run.layers is not None
    rows = rows_of(run.layers, run.document, run.modules)
    assert [(row.node, row.target, row.name) for row in rows[:3]] == [
        ("(model)", "", "(model)"), ("stem", "stem", "stem"), ("blocks.0.conv", "blocks.0.conv", "blocks.0.conv"),
    ]  # fmt: skip
    assert [row.category for row in rows[:2]] == ["custom", "convolution"] and rows[1].tip.startswith("Conv2d stem\n")
    weights = weight_rows_of(run.layers, run.document, run.modules)
    assert [row.target for row in weights] == [row.target for row in rows]
    nodes = rows_of(run.layers, run.document)
    assert [row.target for row in nodes] == [row.node for row in nodes]


# Curves


def test_any_names_make_plots() -> None:
    names = (
        "train/acc", "effective/lr", "train/loss", "knob/lr", "validation/acc", "gan/d", "val/loss", "gan/g", "plain",
        "test/f1",
    )  # fmt: skip
    whats, groups = measured(names)
    assert whats == ("loss", "acc", "f1")
    assert groups == {"gan": ("gan/d", "gan/g"), "plain": ("plain",)}
    assert measured(names, "f1")[0] == ("loss", "f1", "acc")
    assert measured(("knob/lr", "effective/lr")) == ((), {})


def _plots(run: RunView) -> dict[str, list[str]]:
    model, plots = CurveModel(), {}
    for plot in model.plots(run, THEMES["dark"], 0.9, {}):
        plots[plot.key] = [trace.name for trace in plot.traces]
    return plots


def test_metrics_with_unknown_names_have_curves() -> None:
    run = own_run(series=curves("gan/d_loss", "gan/g_loss", "train/f1", "test/auc_roc"), metric="")
    found = _plots(run)
    assert next(iter(found)) == "loss" and found["loss"] == ["Train", "Validation"]
    assert found["metric acc"] == ["Acc"] and found["metric f1"] == ["F1"]
    assert found["metric auc_roc"] == ["Test auc roc"]
    assert found["group gan"] == ["gan d loss", "gan g loss"]
    assert list(found)[-2:] == ["lr", "norm"]


def test_without_any_loss_the_first_metric_is_shown_large() -> None:
    run = own_run()
    only = replace(run, series=type(run.series).of({"train/acc": ([1, 2], [0.1, 0.2])}), gradients=None)
    assert list(_plots(only)) == ["metric"]
    nothing = replace(only, series=type(run.series).of({"effective/lr": ([1], [0.1])}))
    assert _plots(nothing) == {"loss": [], "lr": ["Learning rate"]}
    checked = replace(only, series=type(run.series).of({"validation/loss": ([1], [0.1])}))
    assert _plots(checked) == {"loss": ["Validation loss"]}


def test_each_curve_of_a_group_has_its_own_smoothing_and_colour() -> None:
    run = own_run(series=curves("gan/d", "gan/g"))
    plot = next(p for p in CurveModel().plots(run, THEMES["dark"], 0.9, {}) if p.key == "group gan")
    first, second = plot.traces
    assert first.color != second.color and first.smoothed is not second.smoothed and first.value != second.value
    assert plot.span is None or isinstance(plot.span, Span)


@given(st.integers(-9, 30), st.integers(0, 3), st.integers(0, 12))
def test_a_page_of_plots_is_never_past_the_end(first: int, shown: int, total: int) -> None:
    begin = page(first, shown, total)
    assert 0 <= begin <= max(0, total - shown)
    assert begin == first or not 0 <= first <= total - shown


# The list of runs


def test_runs_of_modules_and_loops_are_told_apart_and_not_gone_on_with() -> None:
    own = row_of(replace(RUN, status="stopped", kind="own loop", replayable=False), NOW)
    assert own.kind == "own loop" and "own loop" in own.words and not own.can_resume
    drawn = row_of(replace(RUN, status="stopped"), NOW)
    assert drawn.kind == "" and drawn.can_resume
