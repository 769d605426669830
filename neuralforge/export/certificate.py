"""What was measured when an exported file was held against the network that it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

SPREAD_TOLERANCE: Final = 1e-4
"""Greatest difference that passes, as a part of how far outputs of the original are from their mean over the samples.

A fixed bound would be too strict for logits of a thousand, and none at all for the probabilities of a thousand classes.
Measured over all layers and templates: sound exports differ by 1e-8 to 1e-5 of the spread, most by less than 5e-7.
One weight of a LeNet with random weights changed by the deviation of its layer makes 67 to 2,800 times the tolerance.
"""

ROUNDING_TOLERANCE: Final = 5e-6
"""Greatest difference that passes in any case, as a part of the greatest output of the original.

Where outputs hardly depend on the sample, the rounding of float32 is larger than a part of their spread.
"""

LEAST_TOLERANCE: Final = 1e-9
"""Bound where all outputs of the original are zero."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """How an exported file compares with the original.

    Args:
        target: Key of the exporter.
        model: What was exported, a run's id for example.
        file: The exported file.
        file_sha256: Digest of the file that was measured; empty where there is none.
        file_bytes: Its size.
        runtime: What ran the file, with its version; empty where it did not come to that.
        samples: Samples on which both were compared.
        batch_sizes: Batch sizes at which the file ran over all samples.
        max_abs_difference: Greatest difference of an output; None where it could not be measured, as below. Of
            several outputs, the one that is nearest to its tolerance, or farthest beyond, is shown.
        mean_abs_difference: Mean difference over all outputs of that name and all batch sizes.
        tolerance: Greatest difference that passes: the larger of `SPREAD_TOLERANCE` of the spread, and
            `ROUNDING_TOLERANCE` of the greatest, of the outputs of the original.
        agreement: Share of equal decisions where the network tells classes (`agreement_of` is "classes"), else share
            of numbers within the tolerance ("numbers").
        agreement_of: "classes" or "numbers".
        latency_batch_size: Batch size at which both were timed, on one thread each.
        original_latency_ms: Median time of a call of the original in PyTorch.
        exported_latency_ms: The same of the file in its runtime.
        passed: Whether the file can be used in place of the original.
        why: One sentence: what passed, or what is wrong.
        notes: More that a user of the file should know.
    """

    target: str
    model: str
    file: str
    file_sha256: str = ""
    file_bytes: int = 0
    runtime: str = ""
    samples: int
    batch_sizes: tuple[int, ...]
    max_abs_difference: float | None = None
    mean_abs_difference: float | None = None
    tolerance: float | None = None
    agreement: float | None = None
    agreement_of: str = "numbers"
    latency_batch_size: int = 1
    original_latency_ms: float | None = None
    exported_latency_ms: float | None = None
    passed: bool
    why: str
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the certificate as JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    def lines(self) -> Iterator[str]:
        """Yield the certificate as a person reads it, one line after the other."""
        yield f"{'Passed' if self.passed else 'NOT PASSED'}: {self.file}"
        yield f"  {self.why}"
        if self.max_abs_difference is not None and self.agreement is not None:
            sizes = ", ".join(str(size) for size in self.batch_sizes)
            yield f"  Difference: at most {self.max_abs_difference:.2g}, {self.mean_abs_difference:.2g} on average."
            counts = f"{self.samples} samples, batches of {sizes}"
            yield f"  Agreement: {self.agreement:.2%} of {self.agreement_of}, {counts}."
            yield (
                f"  Latency at batch size {self.latency_batch_size} on one thread: "
                f"{self.original_latency_ms:.3f} ms in PyTorch, {self.exported_latency_ms:.3f} ms in {self.runtime}."
            )
        for note in self.notes:
            yield f"  {note}"
