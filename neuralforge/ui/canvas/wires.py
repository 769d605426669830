"""Wires: their colours, the pills with shapes on them, and which one is at a place."""

from __future__ import annotations

from itertools import pairwise
from math import hypot, pi, sin
from typing import Final

from imgui_bundle import ImVec2, ImVec4, imgui

from neuralforge.ui.canvas.camera import FULL_FROM, Camera
from neuralforge.ui.canvas.draw import mono_size
from neuralforge.ui.canvas.scene import Drawing, Scene, WireItem
from neuralforge.ui.kit import Kit

STRENGTH_PX: Final = 70.0
"""How far a wire leads straight on from a pin; the editor's `link_strength`."""

WIRE_PX, FAULTY_PX, UNKNOWN_PX = 2.0, 2.6, 1.6
PILL_HEIGHT_PX: Final = 19.0
PILL_ROOM_PX: Final = 16.0
NEAR_PX: Final = 14.0
_SAMPLES: Final = 24

Point = tuple[float, float]


def wire_look(kit: Kit, wire: WireItem) -> tuple[ImVec4, float]:
    """Return colour and thickness of a wire."""
    t = kit.theme
    if wire.faulty:
        return kit.vec4(t.danger), FAULTY_PX
    if wire.kind is None:
        return kit.vec4(t.wire.fade(0.35)), UNKNOWN_PX
    return kit.vec4(t.integer if wire.kind.dtype == "int64" else t.wire), WIRE_PX


def ends(scene: Scene, wire: WireItem) -> tuple[Point, Point]:
    """Return where a wire begins and ends, on the canvas."""
    (sx, sy), (tx, ty) = scene.nodes[wire.edge.source].at, scene.nodes[wire.edge.target].at
    source, target = wire.source.pin, wire.target.pin
    return (sx + source.x_px, sy + source.y_px), (tx + target.x_px, ty + target.y_px)


def curve(start: Point, end: Point) -> tuple[Point, Point, Point, Point]:
    """Return the control points of the curve that the editor draws between two pins."""
    half = hypot(end[0] - start[0], end[1] - start[1]) / 2
    strength = STRENGTH_PX * sin(pi / 2 * half / STRENGTH_PX) if half < STRENGTH_PX else STRENGTH_PX
    return start, (start[0] + strength, start[1]), (end[0] - strength, end[1]), end


def point_on(points: tuple[Point, Point, Point, Point], part: float) -> Point:
    """Return a point of a curve: 0 is its beginning, 1 its end."""
    rest = 1 - part
    weights = rest**3, 3 * rest**2 * part, 3 * rest * part**2, part**3
    x = sum(weight * point[0] for weight, point in zip(weights, points, strict=True))
    return x, sum(weight * point[1] for weight, point in zip(weights, points, strict=True))


def wire_at(scene: Scene, place: Point, near: float) -> WireItem | None:
    """Return the wire that passes a place of the canvas, the nearest if there are several.

    Args:
        scene: What lies on the canvas.
        place: Where.
        near: How far from it a wire may pass.
    """
    best: tuple[float, WireItem] | None = None
    x, y = place
    for wire in scene.wires:
        start, end = ends(scene, wire)
        if not (min(start[0], end[0]) - STRENGTH_PX - near < x < max(start[0], end[0]) + STRENGTH_PX + near):
            continue
        if not (min(start[1], end[1]) - near < y < max(start[1], end[1]) + near):
            continue
        control = curve(start, end)
        points = [point_on(control, n / _SAMPLES) for n in range(_SAMPLES + 1)]
        away = min(_to_segment(place, a, b) for a, b in pairwise(points))
        if away <= near and (best is None or away < best[0]):
            best = away, wire
    return best[1] if best else None


def _to_segment(place: Point, a: Point, b: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    long = dx * dx + dy * dy
    part = 0.0 if long == 0 else min(1.0, max(0.0, ((place[0] - a[0]) * dx + (place[1] - a[1]) * dy) / long))
    return hypot(place[0] - a[0] - part * dx, place[1] - a[1] - part * dy)


def make_pills(kit: Kit, draw: imgui.ImDrawList, scene: Scene, camera: Camera) -> Drawing:
    """Return what draws the shapes on the wires, in pixels of the screen; nothing where they would be too dense."""
    out: Drawing = []
    level = camera.zoom / kit.scale
    if level < FULL_FROM:
        return out
    t = kit.theme
    size = mono_size((13 if level > 0.9 else 11) * kit.scale)
    left, top, right, bottom = camera.visible
    for wire in scene.wires:
        if not wire.text:
            continue
        (ax, ay), (bx, by) = ends(scene, wire)
        x, y = (ax + bx) / 2, (ay + by) / 2
        if not (left < x < right and top < y < bottom):
            continue
        text_size = kit.text_size(wire.text, "mono", size / kit.scale)
        width = text_size.x + kit.px(12)
        if hypot(bx - ax, by - ay) * camera.zoom < width + kit.px(PILL_ROOM_PX):
            continue
        if bx < ax:
            continue
        sx, sy = camera.to_screen(x, y)
        height = kit.px(PILL_HEIGHT_PX if level > 0.9 else PILL_HEIGHT_PX - 2)
        low = ImVec2(float(round(sx - width / 2)), float(round(sy - height / 2)))
        high = ImVec2(low.x + float(round(width)), low.y + height)
        ground = t.danger.fade(0.20).over(t.canvas) if wire.faulty else t.canvas
        edge = t.danger if wire.faulty else t.integer.fade(0.6) if _whole(wire) else t.border_strong
        ink = t.danger if wire.faulty else t.text2
        out.append((draw.add_rect_filled, (low, high, ground.u32, height / 2)))
        out.append((draw.add_rect, (low, high, edge.u32, height / 2, kit.px(1))))
        place = ImVec2(float(round(sx - text_size.x / 2)), float(round(sy - text_size.y / 2)))
        out.append((draw.add_text, (kit.face("mono"), size, place, ink.u32, wire.text)))
    return out


def _whole(wire: WireItem) -> bool:
    return wire.kind is not None and wire.kind.dtype == "int64"
