"""What ARCH and DATA on a command line stand for."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo, Task
from neuralforge.graph.document import SUFFIX, Document, load
from neuralforge.graph.edits import Disconnect, Edit, SetParams
from neuralforge.graph.inference import Inference, Issue, infer_all
from neuralforge.graph.params import ParamError, fields_of
from neuralforge.graph.shapes import BATCH, TensorType
from neuralforge.layers.registry import catalog
from neuralforge.layers.spec import BoundRule
from neuralforge.templates.binding import bind
from neuralforge.templates.options import option_fields, parse_options
from neuralforge.templates.registry import find, templates
from neuralforge.workbench.config import TrainConfig, config_fields
from neuralforge.workbench.knobs import KnobBoard


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network that was named on the command line.

    Args:
        document: The network.
        task: What it learns from the data; None where no data was named.
    """

    document: Document
    task: Task | None = None


def is_file(arch: str) -> bool:
    """Tell whether ARCH means a file rather than a template."""
    looks_like_path = arch.endswith((SUFFIX, ".json")) or os.sep in arch
    return looks_like_path or (arch not in templates() and Path(arch).is_file())


def open_architecture(arch: str | Document, data: DataInfo | None, options: Mapping[str, str]) -> Architecture:
    """Open a template or a file, bound to data where some is named.

    Args:
        arch: Template name, path of a document, or a document.
        data: The data.
        options: Options of a template as text.

    Raises:
        UserError: When there is no such thing, it cannot be read, or the two do not go together.
    """
    if isinstance(arch, Document) or is_file(arch):
        document = arch if isinstance(arch, Document) else load(Path(arch))
        if options:
            what = document.name if isinstance(arch, Document) else f"{arch} is a file and"
            raise UserError(f"{what} takes no template options. Received: {', '.join(options)}")
        return Architecture(document=document, task=task_of(document, data) if data is not None else None)
    template = find(arch)
    parsed = parse_options(template, options)
    if data is None:
        return Architecture(document=template.build(parsed))
    bound = bind(template, data, parsed)
    return Architecture(document=bound.document, task=bound.task)


def task_of(document: Document, data: DataInfo) -> Task:
    """Say what a document learns: what the data is for, or to reproduce its input where it returns just that."""
    inference = infer_all(document.graph, catalog())
    came = TensorType((BATCH, *data.input_shape), data.input_dtype)
    for node_id, node in document.graph.nodes.items():
        if node.layer == catalog().output_key and data.task != "regression":
            kind = inference.inputs(node_id).get("input")
            if kind == came and kind.shape[1:] != (data.outputs,):
                return "reconstruction"
    return data.task


def data_issues(document: Document, inference: Inference, data: DataInfo) -> tuple[Issue, ...]:
    """Return what keeps a document from taking the samples of a data set, with a fix."""
    wanted = TensorType((BATCH, *data.input_shape), data.input_dtype)
    found = []
    for node_id, node in document.graph.nodes.items():
        if node.layer == catalog().input_key and inference.outputs(node_id).get("output") not in (None, wanted):
            fix = SetParams.of(node_id, shape=data.input_shape, dtype=data.input_dtype)
            received = str(inference.outputs(node_id)["output"])
            found.append(Issue(node_id, "output", f"{wanted}, as {data.name} has", received, "", (fix,)))
    return (*found, *_output_issues(document, inference, data))


def _output_issues(document: Document, inference: Inference, data: DataInfo) -> Iterator[Issue]:
    """Yield what keeps the result of a document from being compared with the targets of a data set."""
    task = task_of(document, data)
    shape = data.input_shape if task == "reconstruction" else (data.outputs,)
    if task == "segmentation":
        shape = (data.outputs, *data.input_shape[1:])
    wanted = TensorType((BATCH, *shape))
    for node_id, node in document.graph.nodes.items():
        kind = inference.inputs(node_id).get("input") if node.layer == catalog().output_key else None
        # One logit is enough for two classes, with the loss bce_with_logits.
        if kind is None or kind == wanted or (data.outputs == 2 and kind.shape == (BATCH, 1)):
            continue
        source = document.graph.feeds(node_id)["input"][0]
        is_linear = document.graph.nodes[source].layer == "linear" and len(shape) == 1
        fix: Edit = SetParams.of(source, out_features=data.outputs) if is_linear else Disconnect(node_id, "input")
        yield Issue(node_id, "input", f"{wanted} for {task} with {data.name}", str(kind), "", (fix,))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `--set` says, sorted by whom it concerns.

    Args:
        config: Fields of the training configuration.
        template: Options of the template, as text.
        data: Options of the data set (`data.NAME=VALUE`, or plain where nobody else has the name), as text.
        nodes: Node knobs (`conv1.frozen=true`), as text.
    """

    config: Mapping[str, object]
    template: Mapping[str, str]
    data: Mapping[str, str]
    nodes: Mapping[str, str]


def read_settings(pairs: tuple[str, ...], arch: str | Document) -> Settings:
    """Sort and read `KEY=VALUE` pairs.

    Raises:
        UserError: For a pair that is none, a key that nobody knows, or a value that does not fit.
    """
    config: dict[str, object] = {}
    template: dict[str, str] = {}
    data: dict[str, str] = {}
    nodes: dict[str, str] = {}
    fields = {item.name: item for item in config_fields()}
    is_template = isinstance(arch, str) and not is_file(arch)
    options = {item.name for item in option_fields(find(str(arch)))} if is_template else set()
    data_options: set[str] | None = None
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UserError(f"--set takes KEY=VALUE. Received: {pair!r:.80}")
        if key in fields:
            try:
                config[key] = fields[key].read(text)
            except ParamError as error:
                raise UserError(f"{key} must be {error.expected}. Received: {text!r:.80}") from None
        elif key in options:
            template[key] = text
        elif key.startswith("data."):
            data[key.removeprefix("data.")] = text
        elif key.endswith((".dropout", ".frozen")):
            nodes[key] = text
        else:
            data_options = data_options or _data_options()
            if key in data_options:
                data[key] = text
                continue
            known = [*fields, *sorted(options), *(f"data.{name}" for name in sorted(data_options))]
            near = difflib.get_close_matches(key, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}."
            raise UserError(f"There is no setting {key!r:.80}; {hint}")
    return Settings(config=config, template=template, data=data, nodes=nodes)


def _data_options() -> set[str]:
    """Return the names of the options of all data sets; loads the data room, so only where a key needs it."""
    from neuralforge.data import registered

    return {field.name for source in registered() for field in fields_of(source.params)} - {"path"}


def with_node_settings(document: Document, config: TrainConfig, texts: Mapping[str, str]) -> Document:
    """Return a document in which knobs of nodes have other first values.

    Raises:
        UserError: When there is no such knob, or the value does not fit.
    """
    if not texts:
        return document
    graph = document.graph
    board = KnobBoard.for_run(config, "cross_entropy", graph, infer_all(graph, catalog()))
    checked = board.check({key: board.find(key).read(text) for key, text in texts.items()})
    for key, value in checked.items():
        node_id, _, what = key.rpartition(".")
        node = graph.nodes[node_id]
        if what == "frozen":
            graph = graph.replace(replace(node, frozen=bool(value)))
        else:
            rule = catalog().bind(node)
            assert isinstance(rule, BoundRule) and rule.spec is not None
            graph = graph.replace(node.with_params(**dict.fromkeys(rule.spec.live, value)))
    return document.with_graph(graph)
