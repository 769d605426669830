"""From the words of a command line, or of a script, to a plan that can be started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralforge.app.architecture import Settings, open_architecture, read_settings, with_node_settings
from neuralforge.app.output import default_runs_dir
from neuralforge.data import reference, resolve
from neuralforge.errors import UserError
from neuralforge.graph.inference import infer_all
from neuralforge.layers.registry import catalog
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import KnobBoard

if TYPE_CHECKING:
    from neuralforge.train.launch import Plan


def read_words(arch: str, settings: Sequence[str], config: Mapping[str, Any]) -> tuple[Settings, TrainConfig]:
    """Read what is said of the training and of the network, as far as that needs neither the data nor torch.

    Args:
        arch: Template name, or path of a document.
        settings: `KEY=VALUE` texts as `--set` takes them.
        config: Fields of `TrainConfig`.

    Raises:
        UserError: When there is no such template or key, a value does not fit, or a field is said twice.
    """
    given = read_settings(tuple(settings), arch)
    for key in config:
        if key in given.config:
            raise UserError(f"{key} is given twice, as --{key} and as --set.")
    return given, TrainConfig(**{**given.config, **config})


def make_plan(
    arch: str, data: str, *, settings: Sequence[str] = (), runs_dir: Path | None = None, **config: Any
) -> Plan:
    """Load the data, bind the network to it, and settle how to train.

    Args:
        arch: Template name, or path of a document.
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
    architecture = open_architecture(arch, raw.info, given.template)
    assert architecture.task is not None
    text, options = reference(source, params)
    document = with_node_settings(architecture.document, settled, given.nodes)
    usual = "cross_entropy" if architecture.task in ("classification", "segmentation") else "mse"
    loss = usual if settled.loss == "auto" else settled.loss
    board = KnobBoard.for_run(settled, loss, document.graph, infer_all(document.graph, catalog()))
    for key in (*given.config, *config):
        if key in board.absent:  # said in so many words, and of no effect
            board.find(key)
    return Plan(
        document=document,
        data=DataReference(text=text, options=options),
        raw=raw,
        task=architecture.task,
        config=settled,
        runs_dir=runs_dir or default_runs_dir(),
    )
