"""How a run is to be trained: one keyword-only dataclass, validated where it is made and stored with the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from neuralforge.errors import UserError
from neuralforge.graph.params import Doc, ParamError, ParamField, Pattern, Range, fields_of

OptimizerKey = Literal["sgd", "adam", "adamw", "rmsprop"]
ScheduleKey = Literal["constant", "step", "cosine", "one_cycle"]
LossKey = Literal["auto", "cross_entropy", "bce_with_logits", "mse", "l1", "huber", "nll"]
Precision = Literal["float32", "bfloat16", "float16"]

DEVICE_PATTERN = Pattern(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", "auto, cpu, cuda, cuda:N or mps")

DEFAULT_EPOCHS = 20

DEFAULT_LR: Mapping[str, float] = {"sgd": 0.05, "adam": 1e-3, "adamw": 1e-3, "rmsprop": 1e-3}


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that the numbers of a run depend on, besides the document and the data.

    Raises:
        UserError: When a value is out of bounds or two values contradict each other.
    """

    seed: Annotated[int, Range(0, 2**63 - 1), Doc("Seed of the weights, the data order, the split and dropout.")] = 0
    epochs: Annotated[int | None, Range(1, 10**6), Doc("Passes over the training split; 20 if unsaid.")] = None
    steps: Annotated[int | None, Range(1, 10**12), Doc("Updates to make, in place of epochs.")] = None

    optimizer: Annotated[OptimizerKey, Doc("Rule that turns gradients into updates.")] = "adam"
    lr: Annotated[float | None, Range(0, 100, log=True), Doc("Base learning rate; none: usual for the optimizer.")] = (
        None
    )
    momentum: Annotated[float, Range(0, 0.9999), Doc("Momentum of sgd and rmsprop.")] = 0.9
    beta1: Annotated[float, Range(0, 0.9999), Doc("Decay of adam's running mean.")] = 0.9
    beta2: Annotated[float, Range(0, 0.999999), Doc("Decay of adam's running square.")] = 0.999
    weight_decay: Annotated[float, Range(0, 10, log=True), Doc("Pull of the weights towards zero.")] = 0.0
    batch_size: Annotated[int, Range(1, 1 << 20, log=True), Doc("Samples in a batch.")] = 64
    accumulation: Annotated[int, Range(1, 1024), Doc("Batches whose gradients are averaged in one update.")] = 1
    clip_norm: Annotated[float, Range(0, 1e6, log=True), Doc("Greatest norm of the gradient; 0 is off.")] = 0.0

    schedule: Annotated[ScheduleKey, Doc("Factor on the learning rate over the run.")] = "constant"
    warmup: Annotated[float, Range(0, 1), Doc("Part of the run over which the factor rises from 0.")] = 0.0
    milestones: Annotated[tuple[float, ...], Range(0, 1), Doc("Parts of the run at which `step` drops.")] = (0.5, 0.75)
    gamma: Annotated[float, Range(0, 1), Doc("Factor of each drop of `step`.")] = 0.1
    min_factor: Annotated[float, Range(0, 1), Doc("Where `cosine` ends.")] = 0.0

    loss: Annotated[LossKey, Doc("Loss; auto: by the task.")] = "auto"
    label_smoothing: Annotated[float, Range(0, 0.999), Doc("Share of the target spread over all classes.")] = 0.0
    precision: Annotated[Precision, Doc("Arithmetic of the forward pass (autocast).")] = "float32"

    split: Annotated[tuple[float, float, float], Range(0, 1), Doc("Train, validation and test.")] = (0.7, 0.15, 0.15)
    stratify: Annotated[bool, Doc("Whether each split has the classes in the same shares.")] = True
    standardise: Annotated[bool | None, Doc("Tables to mean 0 and deviation 1; none: where it is usual.")] = None

    validation_every: Annotated[int, Range(0, 10**9), Doc("Steps between validations; 0: after each epoch.")] = 0
    patience: Annotated[int, Range(0, 10**6), Doc("Stop after so many validations without gain; 0: never.")] = 0
    test: Annotated[bool, Doc("Whether to evaluate the test split at the end.")] = True

    checkpoint_every: Annotated[int, Range(0, 10**9), Doc("Steps between checkpoints; 0: by time alone.")] = 0
    checkpoint_minutes: Annotated[float, Range(0, 10**5), Doc("Minutes between checkpoints; 0: by steps alone.")] = 1.0
    keep: Annotated[int, Range(1, 10**4), Doc("Periodic checkpoints to keep, besides best and last.")] = 3

    device: Annotated[str, DEVICE_PATTERN, Doc("Where to train; auto takes an accelerator when there is one.")] = "auto"
    threads: Annotated[int | None, Range(1, 1024), Doc("Threads within an operation; none: all cores but one.")] = None

    def __post_init__(self) -> None:
        for item in config_fields():
            value = getattr(self, item.name)
            try:
                object.__setattr__(self, item.name, item.parse(value))
            except ParamError as error:
                raise UserError(f"{error.name} must be {error.expected}. Received: {error.received}") from None
        if self.epochs is not None and self.steps is not None:
            raise UserError("A run ends after epochs or after steps; give one of the two.")
        if self.epochs is None and self.steps is None:
            object.__setattr__(self, "epochs", DEFAULT_EPOCHS)
        if self.lr is None:
            object.__setattr__(self, "lr", DEFAULT_LR[self.optimizer])
        if abs(sum(self.split) - 1) > 1e-6 or self.split[0] <= 0:
            shown = ",".join(f"{part:g}" for part in self.split)
            raise UserError(f"split must be three shares (train, validation, test) that add up to 1. Received: {shown}")

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in dataclasses.asdict(self).items()}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> TrainConfig:
        """Read a configuration that was stored with a run.

        Raises:
            UserError: When a key is unknown (a newer version wrote it) or a value does not fit.
        """
        known = {item.name for item in config_fields()}
        unknown = sorted(set(data) - known)
        if unknown:
            raise UserError(
                f"The configuration has the unknown key {unknown[0]!r:.80}; was it written by a newer version?"
            )
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in data.items()}
        return TrainConfig(**values)


@cache
def config_fields() -> tuple[ParamField, ...]:
    """Return the fields of `TrainConfig` with their bounds and meaning."""
    return fields_of(TrainConfig)
