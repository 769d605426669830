"""Where data is chosen: a list of data sets, files and folders, and the options of what is chosen."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.errors import UserError
from neuralforge.ui import icons, widgets
from neuralforge.ui.data_facts import read_options, summary_of, title_of, with_path, write_options
from neuralforge.ui.kit import Kit
from neuralforge.ui.local import ChoosePath
from neuralforge.ui.panel import Post
from neuralforge.workbench.commands import UseData
from neuralforge.workbench.view import DataChoice, View

FIELD_PX = 32.0


class SourceForm:
    """The form above everything else in the data panel.

    Args:
        kit: The kit.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._text = ""
        self._wrong = ""
        self._for: tuple[str, tuple[tuple[str, str], ...]] | None = None

    def draw(self, view: View, post: Post) -> None:
        """Draw the form over the width of the panel."""
        kit, data = self.kit, view.data
        width = imgui.get_content_region_avail().x
        gap, side = kit.px(6), kit.px(FIELD_PX)
        self._combo(view, post, width - 2 * (side + gap))
        imgui.same_line(0, gap)
        busy = data.state == "loading"
        if self._button(icons.OPEN, "data-file", "Open a file: a table (.csv) or arrays (.npz)", not busy):
            post(ChoosePath("data file"))
        imgui.same_line(0, gap)
        if self._button(icons.IMAGE, "data-folder", "Open a folder of images, one subfolder a class", not busy):
            post(ChoosePath("data folder"))
        if data.text:
            self._options(view, post, width)
        if self._wrong:
            widgets.wrapped(kit, self._wrong, kit.theme.danger, 13)

    def _button(self, icon: str, key: str, tip: str, enabled: bool) -> bool:
        return widgets.button(
            self.kit, "", icon, "field", tip=tip, enabled=enabled, width_px=FIELD_PX, height_px=FIELD_PX, key=key
        )

    def _combo(self, view: View, post: Post, width: float) -> None:
        kit, t = self.kit, self.kit.theme
        at = imgui.get_cursor_screen_pos()
        title = title_of(view.data, view.data_choices)
        preview = widgets.shortened(kit, title, width - kit.px(40))
        imgui.set_next_item_width(width)
        imgui.set_next_window_size_constraints(ImVec2(width, 0), ImVec2(kit.px(460), kit.px(520)))
        with (
            widgets.popup_look(kit),
            kit.font("regular", 15),
            imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, kit.vec(10, 8)),
        ):
            combo = imgui.begin_combo("##data", preview, imgui.ComboFlags_.no_arrow_button)
            if combo:
                try:
                    self._choices(view, post)
                finally:
                    imgui.end_combo()
        kit.draw_text(
            ImVec2(at.x + width - kit.px(21), at.y + kit.px(FIELD_PX / 2 - 7)), icons.DOWN, t.text2, "regular", 11
        )  # fmt: skip
        if not combo:
            widgets.focus_ring(kit)
            widgets.tooltip(kit, summary_of(view.data, view.data_choices) or "What the network is to learn from")
        if kit.marks.on:
            kit.marks.note("field/data", at.x, at.y, at.x + width, at.y + kit.px(FIELD_PX))

    def _choices(self, view: View, post: Post) -> None:
        kit, t = self.kit, self.kit.theme
        if not view.data_choices:
            widgets.text(kit, "The list comes with the engine, in a moment\u2026", t.text2, size_px=14)
            return
        for kind, head in (("built in", "Built in"), ("file", "From a file")):
            group = [choice for choice in view.data_choices if choice.kind == kind]
            if group:
                widgets.text(kit, head, t.text3, "semibold", 13)
            for choice in group:
                self._choice(choice, view, post)

    def _choice(self, choice: DataChoice, view: View, post: Post) -> None:
        kit = self.kit
        is_file = choice.kind == "file"
        chosen = choice.key == view.data.text
        icon = (icons.IMAGE if choice.key == "folder" else icons.FILE) if is_file else icons.DATA
        label = f"{icon}   {choice.title}\u2026##{choice.key}" if is_file else f"{icon}   {choice.title}##{choice.key}"
        clicked, _ = imgui.selectable(label, chosen)
        if chosen:
            imgui.set_item_default_focus()
        widgets.tooltip(kit, choice.summary)
        if kit.marks.on:
            low, high = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            kit.marks.note(f"data/{choice.key}", low.x, low.y, high.x, high.y)
        if clicked and is_file:
            post(ChoosePath("data folder" if choice.key == "folder" else "data file"))
        elif clicked and not (chosen and view.data.state == "ready"):
            self._wrong = ""
            post(UseData(choice.key))

    def _options(self, view: View, post: Post, width: float) -> None:
        kit, data = self.kit, view.data
        key = (data.text, tuple(data.options.items()))
        if key != self._for:
            self._for, self._text, self._wrong = key, write_options(data.options), ""
        at = imgui.get_cursor_screen_pos()
        imgui.set_next_item_width(width)
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, kit.vec(10, 7)),
            kit.font("mono", 13),
        ):
            entered, self._text = imgui.input_text_with_hint(
                "##options", "options: name=value", self._text, imgui.InputTextFlags_.enter_returns_true
            )
            height = imgui.get_item_rect_size().y
            widgets.focus_ring(kit)
        widgets.tooltip(kit, "Options of the data, as name=value with blanks between; Enter loads it with them")
        if kit.marks.on:
            kit.marks.note("field/options", at.x, at.y, at.x + width, at.y + height)
        if entered:
            try:
                options = with_path(read_options(self._text), data.options)
            except UserError as error:
                self._wrong = str(error)
                return
            self._wrong = ""
            post(UseData(data.text, options))
