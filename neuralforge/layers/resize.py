"""Layers that make images and sequences larger or smaller without learning: upsample, pad, pixel shuffle."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Annotated, Final, Literal

from neuralforge.graph.params import Doc, Range
from neuralforge.graph.shapes import BATCH, Fix, SetParam, ShapeError, TensorType, Unplug
from neuralforge.layers.common import (
    MAX_CHANNELS,
    before,
    image,
    literal,
    need_float,
    need_rank,
    short,
    sizes,
    stores_output,
)
from neuralforge.layers.spec import Inputs, LayerSpec, Sample, Source

Mode = Literal["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear"]


@dataclass(frozen=True, kw_only=True)
class UpsampleParams:
    """Parameters of `upsample`."""

    scale_factor: Annotated[int | None, Range(1, 256), Doc("By how much the sizes grow; none if sizes are given.")] = 2
    size: Annotated[tuple[int, ...] | None, Range(1, 1 << 16), Doc("Sizes that come out; none for a factor.")] = None
    mode: Annotated[Mode, Doc("How the numbers in between are made.")] = "nearest"
    align_corners: Annotated[bool, Doc("Whether corners stay on corners, in the linear and cubic modes.")] = False


@dataclass(frozen=True, kw_only=True)
class PadParams:
    """Parameters of `pad`."""

    padding: Annotated[
        tuple[int, ...],
        Range(-(1 << 16), 1 << 16),
        Doc("Before and after, from the last dimension to the first, as F.pad takes it; negative ones crop."),
    ] = (1, 1)
    mode: Annotated[Literal["constant", "reflect", "replicate", "circular"], Doc("What the border is filled with.")] = (
        "constant"
    )
    value: Annotated[float, Range(-1e9, 1e9), Doc("Number for the mode constant.")] = 0.0


@dataclass(frozen=True, kw_only=True)
class PixelShuffleParams:
    """Parameters of `pixel_shuffle`."""

    upscale_factor: Annotated[int, Range(1, 64), Doc("By how much height and width grow.")] = 2


MODES: Final[dict[int, tuple[str, ...]]] = {
    1: ("nearest", "nearest-exact", "linear"),
    2: ("nearest", "nearest-exact", "bilinear", "bicubic"),
    3: ("nearest", "nearest-exact", "trilinear"),
}
"""Number of spatial dimensions -> modes of F.interpolate."""


def _infer_upsample(params: UpsampleParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_float("input", kind)
    rank = len(kind.shape) - 2
    if rank not in MODES:
        need_rank("input", kind, 4, "[B, C, L], [B, C, H, W] or [B, C, D, H, W]")
    if params.mode not in MODES[rank]:
        fixes: tuple[Fix, ...] = (SetParam("mode", MODES[rank][2]), SetParam("mode", "nearest"))
        raise ShapeError("mode", f"one of {', '.join(MODES[rank])} for {kind}", params.mode, "", fixes)
    size, factor = params.size, params.scale_factor
    if size is None and factor is None:
        raise ShapeError("scale_factor", "a factor, or sizes", "none", "", (SetParam("scale_factor", 2),))
    if size is not None and factor is not None:
        fixes = (SetParam("scale_factor", None), SetParam("size", None))
        raise ShapeError("scale_factor", "a factor or sizes", "both", "", fixes)
    if size is None:
        made = tuple(old * (factor or 1) for old in sizes(kind, 2))
    else:
        made = size * rank if len(size) == 1 else size
        if len(made) != rank:
            fixes = (SetParam("size", made[:1] * rank),)
            raise ShapeError("size", f"{rank} sizes for {kind}, or one for all", size, "", fixes)
    return (TensorType((*kind.shape[:2], *made)),)


def _emit_upsample(params: UpsampleParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    if params.size is None:
        text = f"scale_factor={literal(params.scale_factor)}"
    else:
        text = f"size={literal(short(params.size))}"
    if params.mode != "nearest":
        text += f', mode="{params.mode}"'
        if params.align_corners and params.mode != "nearest-exact":
            text += ", align_corners=True"
    return Source.expression(f"F.interpolate({{input}}, {text})")


def _infer_pad(params: PadParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    padding, mode = params.padding, params.mode
    rank = len(kind.shape)
    if mode != "constant":
        need_float("input", kind)
        if not 3 <= rank <= 5:
            raise ShapeError("mode", f"constant for {kind}", mode, "", (SetParam("mode", "constant"), Unplug("input")))
    elif kind.dtype != "float32" and not params.value.is_integer():
        raise ShapeError("value", f"a whole number for {kind}", params.value, "", (SetParam("value", 0.0),))
    if rank < 2:
        raise ShapeError("input", "a dimension besides the batch", kind, "", (Unplug("input"),))
    most = 2 * (rank - 1)
    fits = len(padding) == most - 2 if mode != "constant" else len(padding) % 2 == 0 and len(padding) <= most
    if not fits:
        wanted = most - 2 if mode != "constant" else min(len(padding) + 1, most)
        fixes = (SetParam("padding", (*padding, *(0,) * wanted)[:wanted]),)
        expected = f"{wanted} numbers for {kind}" if mode != "constant" else f"pairs of numbers, at most {most}"
        raise ShapeError("padding", expected, padding, "", fixes)
    spatial = sizes(kind)
    pairs = tuple(zip(padding[::2], padding[1::2], strict=True))[::-1]
    kept = spatial[: len(spatial) - len(pairs)]
    old = spatial[len(kept) :]
    limits = {"reflect": -1, "circular": 0}
    low = 0 if mode != "constant" else -(1 << 16)
    room = tuple(size + limits[mode] if mode in limits else 1 << 16 for size in old)
    made = tuple(size + a + b for size, (a, b) in zip(old, pairs, strict=True))
    if min(made) < 1 or any(not low <= n <= top for pair, top in zip(pairs, room, strict=True) for n in pair):
        fitting = [tuple(min(max(n, 0), top) for n in pair) for pair, top in zip(pairs, room, strict=True)]
        expected = {
            "constant": "something left after cropping",
            "reflect": f"borders smaller than the sizes of {kind}, none negative",
            "circular": f"borders at most as wide as the sizes of {kind}, none negative",
            "replicate": "no negative numbers",
        }[mode]
        flat = tuple(n for pair in fitting[::-1] for n in pair)
        raise ShapeError("padding", expected, padding, "", (SetParam("padding", flat),))
    return (TensorType((BATCH, *kept, *made), kind.dtype),)


def _emit_pad(params: PadParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    text = f"({', '.join(map(literal, params.padding))})"
    if params.mode != "constant":
        text += f', mode="{params.mode}"'
    elif params.value:
        text += f", value={literal(params.value)}"
    return Source.expression(f"F.pad({{input}}, {text})")


def _infer_shuffle(params: PixelShuffleParams, inputs: Inputs) -> tuple[TensorType, ...]:
    (kind,) = inputs
    need_rank("input", kind, 4, "[B, C, H, W]")
    channels, height, width = sizes(kind)
    factor = params.upscale_factor
    if channels % factor**2:
        fitting = next(n for n in range(min(factor, isqrt(channels)), 0, -1) if channels % n**2 == 0)
        fixes: list[Fix] = []
        if kind.dtype == "float32" and channels * factor**2 <= MAX_CHANNELS:
            fixes.append(before("input", "conv2d", out_channels=channels * factor**2, kernel_size=1))
        fixes.append(SetParam("upscale_factor", fitting))
        raise ShapeError("input", f"a number of channels that {factor**2} divides", kind, "", (*fixes, Unplug("input")))
    return (TensorType((BATCH, channels // factor**2, height * factor, width * factor), kind.dtype),)


def _emit_shuffle(params: PixelShuffleParams, _inputs: Inputs, _outputs: Inputs) -> Source:
    return Source.expression(f"F.pixel_shuffle({{input}}, {literal(params.upscale_factor)})")


TOKENS: Final = TensorType((BATCH, 12), "int64")

LAYERS = (
    LayerSpec(
        key="upsample",
        title="Upsample",
        category="shape",
        doc="Makes sequences, images or volumes larger by interpolation (nn.Upsample).",
        params=UpsampleParams,
        infer=_infer_upsample,
        emit=_emit_upsample,
        cost=stores_output,
        samples=(
            Sample((image(3, 4, 5),)),
            Sample((image(3, 4, 5),), {"mode": "bilinear", "align_corners": True}),
            Sample((image(3, 4, 5),), {"scale_factor": None, "size": (7, 9), "mode": "bicubic"}),
            Sample((image(3, 4),), {"scale_factor": 3, "mode": "linear"}),
            Sample((image(3, 2, 3, 4),), {"mode": "trilinear"}),
            Sample((image(3, 2, 3, 4),), {"scale_factor": None, "size": 5, "mode": "nearest-exact"}),
        ),
        search=("interpolate", "resize", "scale", "nearest", "bilinear"),
    ),
    LayerSpec(
        key="pad",
        title="Pad",
        category="shape",
        doc="Adds a border, or crops where a number is negative (F.pad).",
        params=PadParams,
        infer=_infer_pad,
        emit=_emit_pad,
        cost=stores_output,
        samples=(
            Sample((image(3, 4, 5),)),
            Sample((image(3, 4, 5),), {"padding": (1, -2, 0, 3), "value": 0.5}),
            Sample((image(3, 4, 5),), {"padding": (1, 2, 3, 0), "mode": "reflect"}),
            Sample((image(3, 5),), {"padding": (5, 2), "mode": "circular"}),
            Sample((image(2, 3, 4, 5),), {"padding": (1, 2, 3, 4, 5, 6), "mode": "replicate"}),
            Sample((TOKENS,), {"padding": (0, 4)}),
        ),
        search=("zero pad", "border", "crop", "reflect"),
    ),
    LayerSpec(
        key="pixel_shuffle",
        title="Pixel Shuffle",
        category="shape",
        doc="Turns channels into height and width (nn.PixelShuffle).",
        params=PixelShuffleParams,
        infer=_infer_shuffle,
        emit=_emit_shuffle,
        cost=stores_output,
        samples=(Sample((image(8, 4, 5),)), Sample((image(18, 4, 5),), {"upscale_factor": 3})),
        search=("super-resolution", "depth to space", "subpixel"),
    ),
)
