"""From the words of a command line, or of a script, to a plan that can be started."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralforge.app.architecture import Settings, is_file, open_architecture, read_settings, with_node_settings
from neuralforge.app.output import default_runs_dir
from neuralforge.data import reference, resolve
from neuralforge.errors import UserError
from neuralforge.graph.document import Document, load
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobBoard

if TYPE_CHECKING:
    from torch import nn

    from neuralforge.train.launch import Plan
    from neuralforge.train.own_module import OwnModule
    from neuralforge.workbench.view import DataView


def is_module(what: object) -> bool:
    """Tell whether something is an nn.Module, without loading torch: nothing is one where torch is not loaded."""
    kind = getattr(sys.modules.get("torch.nn"), "Module", None)
    return isinstance(kind, type) and isinstance(what, kind)


def read_words(
    arch: str | Document | nn.Module, settings: Sequence[str], config: Mapping[str, Any]
) -> tuple[Settings, TrainConfig]:
    """Read what is said of the training and of the network, as far as that needs neither the data nor torch.

    Args:
        arch: Template name, path of a document, a document, or a module of the person's own.
        settings: `KEY=VALUE` texts as `--set` takes them.
        config: Fields of `TrainConfig`.

    Raises:
        UserError: When there is no such template or key, a value does not fit, or a field is said twice.
    """
    given = read_settings(tuple(settings), arch if isinstance(arch, str | Document) else Document())
    for key in config:
        if key in given.config:
            raise UserError(f"{key} is given twice, as --{key} and as --set.")
    return given, TrainConfig(**{**given.config, **config})


def make_plan(
    arch: str | Document | nn.Module,
    data: str,
    *,
    settings: Sequence[str] = (),
    runs_dir: Path | None = None,
    **config: Any,
) -> Plan:
    """Load the data, bind the network to it, and settle how to train.

    Args:
        arch: Template name, path of a document, a document, or a module of the person's own.
        data: Name of a data set, or a path.
        settings: `KEY=VALUE` texts as `--set` takes them.
        runs_dir: Folder of all runs; the usual one when None.
        **config: Fields of `TrainConfig`, such as `steps`, `lr` or `optimizer`.

    Returns:
        A plan for `neuralforge.train.launch.start`.

    Raises:
        UserError: When something is not there, does not fit, or is said twice.
    """
    from neuralforge.train.launch import DataReference, Plan

    given, settled = read_words(arch, settings, config)
    source, params = resolve(data, given.data)
    raw = source.load(params)
    text, options = reference(source, params)
    module = None
    if isinstance(arch, str | Document):
        architecture = open_architecture(arch, raw.info, given.template)
        assert architecture.task is not None
        document, task = with_node_settings(architecture.document, settled, given.nodes), architecture.task
    else:
        module = _own(arch, given)
        document, task = module.document, raw.info.task
    usual = "cross_entropy" if task in ("classification", "segmentation") else "mse"
    loss = usual if settled.loss == "auto" else settled.loss
    if module is None:
        board = KnobBoard.for_run(settled, loss, document.graph, infer_all(document.graph, catalog()))
    else:
        board = module.board(settled, loss)
    for key in (*given.config, *config):
        if key in board.absent:  # said in so many words, and of no effect
            board.find(key)
    return Plan(
        document=document,
        data=DataReference(text=text, options=options),
        raw=raw,
        task=task,
        config=settled,
        runs_dir=runs_dir or default_runs_dir(),
        module=module,
    )


def _own(model: nn.Module, given: Settings) -> OwnModule:
    from neuralforge.train.own_module import OwnModule

    for key in given.nodes:
        raise UserError(f"{key} belongs to your own module; set it there, or with its knob once the run is there.")
    return OwnModule(model)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan, and what the window shows of it.

    Args:
        plan: The plan.
        view: Its data.
        path: File of the network, where it is from one and as it is there.
    """

    plan: Plan
    view: DataView
    path: Path | None


def plan_for_window(arch: str | Document | nn.Module, data: str, **said: Any) -> Planned:
    """Make a plan as `make_plan` does, and what the window shows of it. May take long.

    Raises:
        UserError: As `make_plan`.
    """
    from neuralforge.app.preview import describe

    plan = make_plan(arch, data, **said)
    options = dict(plan.data.options)
    if plan.data.text != data:  # a path: it is the text itself
        options.pop("path", None)
    view = describe(plan.raw, data, options, plan.config)
    return Planned(plan=plan, view=view, path=_file_of(arch, plan.document))


def _file_of(arch: str | Document | nn.Module, document: Document) -> Path | None:
    """Return the file that a document was opened from, unless it differs from what is in there."""
    is_path = isinstance(arch, str) and is_file(arch)
    return Path(str(arch)) if is_path and load(Path(str(arch))) == document else None
