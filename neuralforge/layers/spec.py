"""What a layer is: one description from which forms, checks, code, documentation and tests derive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

from neuralforge.graph.params import ParamError, ParamField, fields_of, parse
from neuralforge.graph.shapes import (
    UNCONNECTED,
    Cost,
    Outcome,
    Port,
    Problem,
    SetParam,
    ShapeError,
    TensorType,
    Value,
)

Category = Literal[
    "input/output",
    "linear",
    "convolution",
    "pooling",
    "normalization",
    "activation",
    "regularization",
    "recurrent",
    "attention",
    "shape",
    "merge",
]

P = TypeVar("P")

Inputs = tuple[TensorType, ...]
"""Input types in the order of the ports. An optional port without a wire is `UNCONNECTED`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One statement of `forward`.

    Args:
        text: Template. `{self}` is the module's attribute (`self.conv1`), `{NAME}` of an input or output port is
            the variable, `{_NAME}` a scratch variable that belongs to this node alone.
        defines: Output ports that this line assigns. A line that defines only outputs which nothing uses is
            left out.
    """

    text: str
    defines: tuple[str, ...] = ("output",)


@dataclass(frozen=True, slots=True)
class Source:
    """What a layer contributes to the generated module.

    Args:
        lines: Statements of `forward`.
        module: Constructor for `__init__`, for example "nn.Linear(784, 128)"; None for a layer without state.
    """

    lines: tuple[Line, ...]
    module: str | None = None

    @staticmethod
    def call(module: str, arguments: str = "{input}") -> Source:
        """Return the source of a plain module call."""
        return Source((Line(f"{{output}} = {{self}}({arguments})"),), module)

    @staticmethod
    def expression(text: str) -> Source:
        """Return the source of a layer without state, from one expression."""
        return Source((Line(f"{{output}} = {text}"),))


@dataclass(frozen=True, slots=True)
class Sample:
    """An example for the contract tests and for documentation.

    Args:
        inputs: Input types.
        params: Parameters that differ from the defaults.
    """

    inputs: tuple[TensorType, ...]
    params: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LayerSpec(Generic[P]):
    """One layer type.

    Args:
        key: Name in documents; never changes.
        title: Name on the canvas.
        category: Family, for palette and colour.
        doc: What it does, in a sentence or two; names the PyTorch module where there is one.
        params: Dataclass of its parameters, see `neuralforge.graph.params`.
        infer: Pure function (params, input types) -> output types in the order of `outputs`; raises
            `ShapeError` when the inputs do not fit.
        emit: Pure function (params, input types, output types) -> source. Writes nothing but validated literals,
            and never the value of a live attribute into `forward`.
        cost: Pure function (params, input types, output types) -> cost for one sample.
        inputs: Input ports, or a function of the parameters that returns them.
        outputs: Names of the output ports.
        live: Parameter -> attribute of the module that holds it and may change without a rebuild.
        samples: Examples; at least one.
        draws: Whether the forward pass may draw random numbers while training; replay depends on its being said.
        search: More words under which the palette finds it.
    """

    key: str
    title: str
    category: Category
    doc: str
    params: type[P]
    infer: Callable[[P, Inputs], tuple[TensorType, ...]]
    emit: Callable[[P, Inputs, Inputs], Source]
    cost: Callable[[P, Inputs, Inputs], Cost]
    inputs: tuple[Port, ...] | Callable[[P], tuple[Port, ...]] = (Port("input"),)
    outputs: tuple[str, ...] = ("output",)
    live: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    samples: tuple[Sample, ...]
    draws: bool = False
    search: tuple[str, ...] = ()
    fields: tuple[ParamField, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", fields_of(self.params))

    def ports(self, params: P) -> tuple[Port, ...]:
        """Return the input ports for given parameters."""
        return self.inputs(params) if callable(self.inputs) else self.inputs

    def parse(self, values: Mapping[str, object]) -> P:
        """Make a parameter object out of values as a document holds them.

        Raises:
            ParamError: When a name or a value does not fit.
        """
        parsed: P = parse(self.params, self.fields, values)
        return parsed


class BoundRule:
    """A layer with the parameters of a node: what inference and code generation work with.

    Args:
        catalog: The catalog that made it.
        spec: The layer, or None when the catalog does not know it.
        params: Its parameters, or None when they do not fit.
        problem: Why there is no layer or no parameters.
    """

    __slots__ = ("catalog", "input_names", "memo", "params", "ports", "ports_known", "problem", "spec")

    def __init__(self, catalog: object, spec: LayerSpec[Any] | None, params: Any, problem: Problem | None) -> None:
        self.catalog = catalog
        self.spec = spec
        self.params = params
        self.problem = problem
        self.ports: tuple[Port, ...] = ()
        self.ports_known = spec is not None and params is not None
        if spec is not None and params is not None:
            self.ports = spec.ports(params)
        self.input_names = tuple(port.name for port in self.ports)
        self.memo: dict[tuple[TensorType | None, ...], Outcome] = {}

    def evaluate(self, types: tuple[TensorType | None, ...]) -> Outcome:
        """Work out the outcome for input types and remember it. Never raises."""
        if len(self.memo) > 4096:
            self.memo.clear()
        outcome = self.memo[types] = self._evaluate(types)
        return outcome

    def _evaluate(self, types: tuple[TensorType | None, ...]) -> Outcome:
        spec = self.spec
        if spec is None or self.problem is not None:
            return Outcome(self._unknown(), self.problem)
        if UNCONNECTED in types:
            for port, kind in zip(self.ports, types, strict=True):
                if kind is UNCONNECTED and not port.optional:
                    return Outcome(self._unknown(), Problem(port.name, "a wire", UNCONNECTED.dtype))
        if None in types:  # something upstream is wrong, and says so itself
            return Outcome(self._unknown())
        inputs: Inputs = types  # type: ignore[assignment]
        try:
            outputs = spec.infer(self.params, inputs)
            cost = spec.cost(self.params, inputs, outputs)
        except ShapeError as error:
            problem = Problem(error.port, error.expected, error.got, error.hint, error.fixes)
            return Outcome(self._unknown(), problem)
        except Exception as error:  # a fault in a layer's description must not take the window down
            text = f"{type(error).__name__}: {error}"
            problem = Problem("", f"a shape from layer {spec.key!r}", f"an internal error ({text:.200})")
            return Outcome(self._unknown(), problem)
        return Outcome(dict(zip(spec.outputs, outputs, strict=True)), None, cost)

    def _unknown(self) -> dict[str, TensorType | None]:
        return dict.fromkeys(self.spec.outputs) if self.spec else {}


def bind_rule(catalog: object, key: str, spec: LayerSpec[Any] | None, given: Mapping[str, object]) -> BoundRule:
    """Bind a layer to the parameters of a node. Never raises: a bad parameter becomes the rule's problem."""
    if spec is None:
        problem = Problem(
            "", "a known layer", f"the unknown layer {key!r}", "It may need a plug-in or a newer version."
        )
        return BoundRule(catalog, None, None, problem)
    try:
        return BoundRule(catalog, spec, spec.parse(given), None)
    except ParamError as error:
        default = next((item.default for item in spec.fields if item.name == error.name), None)
        known = any(item.name == error.name for item in spec.fields)
        fixes = (SetParam(error.name, default),) if known else ()
        return BoundRule(catalog, spec, None, Problem(error.name, error.expected, error.received, "", fixes))
