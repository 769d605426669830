"""Fits a template to data: the shape and type of the input, the head, and what must be done in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataInfo, Task
from neuralforge.graph.document import Document
from neuralforge.templates.registry import templates
from neuralforge.templates.template import Template, either, features_of

O = TypeVar("O")  # noqa: E741


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A template that was fitted to data.

    Args:
        document: The network; its graph has no issues.
        task: What is learned. Differs from the task of the data where an autoencoder learns from its inputs.
        outputs: Width of the output: classes, numbers, or the channels or features of the input.
        notes: Sentences about what was decided on the way; also in the document.
    """

    document: Document
    task: Task
    outputs: int
    notes: tuple[str, ...]


def bind(template: Template[O], data: DataInfo, options: O | None = None) -> Bound:
    """Fit a template to data.

    Args:
        template: The template.
        data: Facts about the data.
        options: Options of the template; their defaults when None.

    Returns:
        The network, and what it learns.

    Raises:
        UserError: When the two do not go together; one sentence with both names, the sizes or kinds, and the
            templates that fit.
    """
    task = effective_task(template, data)
    if task is None:
        fitting = suggestions(data)
        hint = f"try {either(fitting)}" if fitting else "no template fits it"
        raise UserError(f"{_refusal(template, data)}; {hint}.")
    note = _task_note(template, data, task)
    outputs = features_of(data.kind, data.input_shape) if task == "reconstruction" else data.outputs
    wanted = getattr(options, "vocabulary", None)
    if wanted is not None and wanted < data.vocabulary:
        raise UserError(f"{data.name} has {data.vocabulary} tokens, and vocabulary is {wanted}; leave it unsaid.")
    document = template.build(
        options,
        data.input_shape,
        outputs,
        kind=data.kind,
        task=task,
        vocabulary=data.vocabulary,
        source=data.name,
        notes=(note,) if note else (),
    )
    return Bound(document=document, task=task, outputs=outputs, notes=document.notes)


def effective_task(template: Template[Any], data: DataInfo) -> Task | None:
    """Say what a template would learn from data.

    Args:
        template: The template.
        data: Facts about the data.

    Returns:
        The task of the data where the template can learn it; else reconstruction where it can learn that, since
        every input can be its own target; None where the two do not go together.
    """
    if data.kind not in template.kinds:
        return None
    learnable = [task for task in template.tasks if data.kind != "tokens" or task in _TOKEN_TASKS]
    if data.task in learnable:
        return data.task
    return "reconstruction" if "reconstruction" in learnable else None


def suggestions(data: DataInfo) -> tuple[str, ...]:
    """Return the keys of the templates that learn just what the data is for.

    Args:
        data: Facts about the data.
    """
    return tuple(key for key, template in templates().items() if effective_task(template, data) == data.task)


_TOKEN_TASKS = ("classification", "regression")
"""What can be learned from tokens: they are indices, so that no output could be compared with them."""


def _refusal(template: Template[Any], data: DataInfo) -> str:
    if data.kind not in template.kinds:
        return f"{template.key} takes {either(template.forms)}, and {data.name} holds {_samples(data)}"
    return f"{template.key} is for {either(template.tasks)}, and {data.name} ({_samples(data)}) is for {data.task}"


def _samples(data: DataInfo) -> str:
    shape = "x".join(str(size) for size in data.input_shape)
    return {
        "image": f"images of {shape}",
        "table": f"a table of {shape} features",
        "sequence": f"sequences of {shape}",
        "tokens": f"sequences of {shape} tokens",
    }[data.kind]


def _task_note(template: Template[Any], data: DataInfo, task: Task) -> str:
    if task == data.task:
        return ""
    if "segmentation" in template.tasks:
        return f"{data.name} has no masks, so {template.key} learns to reproduce its input."
    unused = {"classification": "classes", "regression": "numbers to predict", "segmentation": "masks"}[data.task]
    return f"{template.key} learns to reproduce its input; the {unused} of {data.name} are not used."
