"""What a template is: one description of a well-known network that can be written for any data that fits it.

A template is one file with a tuple `TEMPLATES`; nothing else names it. Its `write` gets the input as a wire and
returns the wire that is to become the output; what all templates share (the input, a resize of images that are too
small, the output) is done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Final, Generic, NamedTuple, TypeVar

from neuralforge.errors import UserError
from neuralforge.graph.datainfo import DataKind, Task
from neuralforge.graph.document import Document
from neuralforge.graph.params import ParamError, ParamField, fields_of
from neuralforge.templates.builder import Builder, Wire

O = TypeVar("O")  # noqa: E741

DEFAULT_VOCABULARY: Final = 10000
"""Number of different tokens where the data does not say."""

MAX_ENLARGEMENT: Final = 8
"""Images are never enlarged more than this many times: what is added is no information, only work."""


class Form(NamedTuple):
    """How a sample of one kind lies in memory: number of dimensions, and the same in words."""

    rank: int
    words: str


FORMS: Final[Mapping[DataKind, Form]] = MappingProxyType(
    {
        "image": Form(3, "images [C, H, W]"),
        "table": Form(1, "tables [features]"),
        "sequence": Form(2, "sequences [time, features]"),
        "tokens": Form(1, "tokens [time]"),
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """What a network is to return.

    Args:
        task: What is to be learned.
        outputs: Number of classes or of numbers; for reconstruction the channels or features of the input.
        vocabulary: Number of different tokens, where the input is tokens.
    """

    task: Task
    outputs: int
    vocabulary: int = DEFAULT_VOCABULARY

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the result, without the batch.

        Args:
            sample: Shape of the input.
        """
        if self.task == "reconstruction":
            return sample
        return (self.outputs, *sample[1:]) if self.task == "segmentation" else (self.outputs,)


@dataclass(frozen=True, kw_only=True)
class Template(Generic[O]):
    """One architecture.

    Args:
        key: Name that a person types; never changes.
        title: Name that a person reads.
        summary: What it is, in one sentence.
        reference: Paper and variant, and where the number of parameters comes from.
        published_parameters: Parameters of the unbound form, where a well-known network is named.
        options: Dataclass of its options, in the style of `neuralforge.graph.params`.
        write: Adds the layers between input and output: (builder, options, input, goal) -> output.
        input_shape: Shape of a sample in the unbound form.
        outputs: Width of the output in the unbound form.
        kinds: Kinds of data that it takes.
        tasks: Tasks that it can learn; the first is that of the unbound form.
        min_side: Least height and width of an image for which no layer degenerates, or a function of the options.
        fields: The options, as derived from their annotations.
    """

    key: str
    title: str
    summary: str
    reference: str
    published_parameters: int | None = None
    options: type[O]
    write: Callable[[Builder, O, Wire, Goal], Wire]
    input_shape: tuple[int, ...]
    outputs: int
    kinds: tuple[DataKind, ...]
    tasks: tuple[Task, ...]
    min_side: int | Callable[[O], int] = 1
    fields: tuple[ParamField, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", fields_of(self.options))

    def build(
        self,
        options: O | None = None,
        input_shape: tuple[int, ...] | None = None,
        outputs: int | None = None,
        *,
        kind: DataKind | None = None,
        task: Task | None = None,
        vocabulary: int = 0,
        source: str = "the input",
        notes: Iterable[str] = (),
    ) -> Document:
        """Write the network for a shape; without arguments the unbound form.

        Args:
            options: Options; their defaults when None.
            input_shape: Shape of one sample without the batch.
            outputs: Width of the output. For reconstruction the input decides, and this is not used.
            kind: What a sample is; by its rank (3 image, 2 sequence, 1 table) when None.
            task: What is to be learned; the first of `tasks` when None.
            vocabulary: Number of different tokens, where the input is tokens; 0 where it is not known.
            source: What notes and messages call the data.
            notes: Sentences about decisions that were taken before.

        Returns:
            The document: without issues, laid out, decisions in its notes.

        Raises:
            UserError: When the template takes no such data, an option does not fit, or images are far too small.
        """
        options = self._checked(self.options() if options is None else options)
        shape = self.input_shape if input_shape is None else tuple(input_shape)
        kind = kind or _kind_of(self, shape)
        if kind not in self.kinds or len(shape) != FORMS[kind].rank:
            raise UserError(f"{self.key} takes {either(self.forms)}. Received: {kind} of shape {list(shape)}")
        task = task or self.tasks[0]
        if task not in self.tasks:
            raise UserError(f"{self.key} is for {either(self.tasks)}. Received: {task}")
        if task == "reconstruction":
            outputs = features_of(kind, shape)
        goal = Goal(
            task=task,
            outputs=self.outputs if outputs is None else outputs,
            vocabulary=vocabulary or DEFAULT_VOCABULARY,
        )

        builder = Builder(self.key)
        for note in notes:
            builder.note(note)
        x = builder.input(shape, "int64" if kind == "tokens" else "float32")
        x = self._fitted(builder, options, x, source) if kind == "image" else x
        try:
            y = self.write(builder, options, x, goal)
        except UserError as error:  # a layer that does not fit, named; which data, it cannot know
            raise UserError(f"{str(error).rstrip('.')}; {source} is {_by(shape)}.") from None
        wanted = goal.shape(shape)
        if y.shape != wanted and len(wanted) == 3:
            builder.note(f"What {self.key} returns is resized back to {_by(wanted[1:])}.")
            y = builder.add("restore", "upsample", y, size=wanted[1:], scale_factor=None, mode="bilinear")
        assert y.shape == wanted, f"{self.key} returns {y.shape} for {goal} of {shape}"
        builder.output(y)
        return builder.document()

    @property
    def forms(self) -> tuple[str, ...]:
        """What it takes, in words."""
        return tuple(FORMS[kind].words for kind in self.kinds)

    def least_side(self, options: O) -> int:
        """Return the least height and width of an image that goes in as it is.

        Args:
            options: Options of this template.
        """
        return self.min_side(options) if callable(self.min_side) else self.min_side

    def _checked(self, options: O) -> O:
        if not isinstance(options, self.options):
            raise UserError(f"{self.key} takes options of {self.options.__name__}. Received: {options!r:.80}")
        for item in fields(options):  # type: ignore[arg-type]
            value = getattr(options, item.name)
            try:
                next(known for known in self.fields if known.name == item.name).parse(value)
            except ParamError as error:
                raise UserError(
                    f"Option '{error.name}' of {self.key} must be {error.expected}. Received: {error.received}"
                ) from None
        return options

    def _fitted(self, builder: Builder, options: O, x: Wire, source: str) -> Wire:
        """Enlarge images that are too small, both sides by the same factor, and say so."""
        need = self.least_side(options)
        height, width = x.shape[1:]
        factor = need / min(height, width)
        if factor <= 1:
            return x
        least = f"{self.key} needs at least {need}x{need}"
        if factor > MAX_ENLARGEMENT:
            raise UserError(
                f"{source} is {height}x{width}, and {least}; "
                f"enlarging images more than {MAX_ENLARGEMENT} times makes no sense."
            )
        size = (max(need, round(height * factor)), max(need, round(width * factor)))
        builder.note(f"{source} is {height}x{width}; {least}, so images are resized to {size[0]}x{size[1]}.")
        return builder.add("resize", "upsample", x, size=size, scale_factor=None, mode="bilinear")


def features_of(kind: DataKind, shape: tuple[int, ...]) -> int:
    """Return the width of an output that reproduces its input: channels of an image, features of anything else.

    Args:
        kind: What a sample is.
        shape: Its shape, without the batch.
    """
    return shape[0] if kind == "image" else shape[-1]


def either(words: tuple[str, ...]) -> str:
    """Join words as a person does: a, b or c.

    Args:
        words: At least one.
    """
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _kind_of(template: Template[O], shape: tuple[int, ...]) -> DataKind:
    by_rank: dict[int, DataKind] = {1: "table", 2: "sequence", 3: "image"}
    if len(shape) not in by_rank:
        raise UserError(f"{template.key} takes {either(template.forms)}. Received: shape {list(shape)}")
    return by_rank[len(shape)]


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)
