"""Dragging a layer from the palette onto the canvas.

Dear ImGui's drag and drop carries a whole number in Python; here it is the place of the layer in the catalog.
"""

from __future__ import annotations

from typing import Final

from imgui_bundle import imgui

from neuralforge.layers.registry import catalog
from neuralforge.ui import icons
from neuralforge.ui.kit import Kit
from neuralforge.ui.widgets import popup_look, text

PAYLOAD: Final = "nf.layer"
"""Type of the payload, which the canvas accepts."""


def offer_layer(kit: Kit, key: str, label: str) -> bool:
    """Let the last item be dragged as a layer.

    Args:
        kit: The kit.
        key: The layer.
        label: What is shown at the mouse.

    Returns:
        Whether it is being dragged.
    """
    with popup_look(kit):
        if not imgui.begin_drag_drop_source(imgui.DragDropFlags_.source_allow_null_id):
            return False
        try:
            imgui.set_drag_drop_payload_py_id(PAYLOAD, list(catalog().specs).index(key))
            category = catalog()[key].category
            text(kit, icons.of_category(category), kit.theme.category(category))
            imgui.same_line()
            text(kit, label, kit.theme.text, "medium")
        finally:
            imgui.end_drag_drop_source()
    return True


def dragged_layer() -> str | None:
    """Return the layer that is being dragged at the moment, wherever the mouse is."""
    payload = imgui.get_drag_drop_payload_py_id()
    if payload is None or payload.type != PAYLOAD:
        return None
    return list(catalog().specs)[payload.data_id]


def accept_layer() -> str | None:
    """Return the layer that was dropped just now; between `begin_drag_drop_target` and its end."""
    flags = imgui.DragDropFlags_.accept_no_draw_default_rect
    payload = imgui.accept_drag_drop_payload_py_id(PAYLOAD, flags)
    return None if payload is None else list(catalog().specs)[payload.data_id]
