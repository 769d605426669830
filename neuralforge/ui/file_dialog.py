"""The dialog that chooses a file or a folder, where the system has none of its own to offer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.folder import MAX_ENTRIES, Entry, FolderReader, Listing, Purpose, completion, decide, matching
from neuralforge.ui.folder_bar import Place, draw_crumbs, draw_places
from neuralforge.ui.kit import Kit
from neuralforge.ui.modal import enter_pressed, escape_pressed, modal
from neuralforge.ui.readable import one_line
from neuralforge.ui.rows import tile, write, write_right

WIDTH_PX: Final = 780
HEIGHT_PX: Final = 540
ROW_PX: Final = 30

_PLACES_PX: Final = 178
_HEAD_PX: Final = 54
_FOOT_PX: Final = 104
_CRUMBS_PX: Final = 44
_SIZE_PX: Final = 84
_WHEN_PX: Final = 150
_NAME_PX: Final = 200
_PAGE: Final = 9

_TITLES: Final = {
    "open": "Open a network or a run",
    "save": "Save the network as",
    "data file": "Choose a data file",
    "data folder": "Choose a folder of images",
}
_BUTTONS: Final = {"open": "Open", "save": "Save", "data file": "Use", "data folder": "Use this folder"}
_HINTS: Final = {
    "open": "Name, or a path; Tab completes",
    "save": "Name of the file",
    "data file": "Name, or a path; Tab completes",
    "data folder": "Name, or a path; Tab completes",
}


class FileDialog:
    """Lets a person walk through folders and choose.

    Args:
        kit: The means of drawing.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._reader = FolderReader()
        self._purpose: Purpose = "open"
        self._folder = Path.home()
        self._places: tuple[Place, ...] = ()
        self._typed = ""
        self._write: str | None = None
        self._marked: int | None = None
        self._by_arrow = False
        self._reveal = False
        self._all_files = False
        self._problem = ""
        self._replace: Path | None = None
        self._select_name = False

    def open(self, purpose: Purpose, folder: Path, places: Iterable[Place], name: str = "") -> None:
        """Begin anew.

        Args:
            purpose: What is to be chosen.
            folder: Where to begin.
            places: (icon, title, folder) of those that are offered at the left.
            name: What stands in the field.
        """
        self._purpose, self._places = purpose, tuple(places)
        self._typed, self._write, self._all_files = name, None, False
        self._select_name = bool(name)
        self._go(folder, keep_typed=True)
        self._reader.ask(folder, purpose, again=True)

    def ask_to_replace(self, path: Path) -> None:
        """Ask whether a file that is there is to be replaced."""
        self._replace = path

    def draw(self) -> tuple[bool, Path | None]:
        """Draw the dialog.

        Returns:
            Whether it stays open, and what was chosen.
        """
        self._reader.ask(self._folder, self._purpose, all_files=self._all_files)
        listing = self._reader.listing
        quiet = imgui.WindowFlags_.no_nav
        with modal(self.kit, "files", WIDTH_PX, HEIGHT_PX, padding_px=(0, 0), flags=quiet) as visible:
            if not visible:
                return True, None
            closed = self._draw_head()
            self._draw_ways()
            chosen = self._draw_list(listing)
            if self._replace is None:
                pressed = self._draw_foot(listing)
                chosen = chosen or self._keys(listing, pressed == "take")
                closed = closed or pressed == "cancel" or escape_pressed()
            else:
                chosen = self._draw_replace(self._replace)
            self._draw_lines()
        return not (closed or chosen), chosen

    # What the keys do

    def _keys(self, listing: Listing | None, pressed: bool) -> Path | None:
        entries = listing.entries if listing is not None else ()
        self._move(len(entries), entries)
        io = imgui.get_io()
        if io.key_alt and imgui.is_key_pressed(imgui.Key.up_arrow):
            self._go(self._folder.parent)
            return None
        if not pressed and not enter_pressed():
            return None
        if self._purpose == "data folder" and (pressed or io.key_ctrl) and not self._typed.strip():
            entry = entries[self._marked] if self._marked is not None and self._marked < len(entries) else None
            return self._folder / entry.name if entry is not None and entry.usable else self._folder
        if self._typed.strip() and not self._by_arrow:
            return self._follow(self._typed, entries)
        if self._marked is not None and self._marked < len(entries):
            return self._enter(entries[self._marked])
        if self._typed.strip():
            return self._follow(self._typed, entries)
        return None

    def _move(self, count: int, entries: tuple[Entry, ...]) -> None:
        steps = (
            (imgui.Key.down_arrow, 1),
            (imgui.Key.up_arrow, -1),
            (imgui.Key.page_down, _PAGE),
            (imgui.Key.page_up, -_PAGE),
        )
        for key, by in steps:
            if imgui.is_key_pressed(key) and count and not imgui.get_io().key_alt:
                at = -1 if self._marked is None and by > 0 else self._marked or 0
                self._mark(min(count - 1, max(0, at + by)), entries)

    def _mark(self, place: int, entries: tuple[Entry, ...]) -> None:
        """Point at an entry; where a name is asked for, that of a file goes into the field."""
        self._marked, self._by_arrow, self._reveal, self._problem = place, True, True, ""
        entry = entries[place]
        if self._purpose == "save" and entry.kind == "file" and entry.usable:
            self._write = entry.name

    def _enter(self, entry: Entry) -> Path | None:
        """Go into a folder, or take a file."""
        if not entry.usable:
            self._problem = "This name is not text; rename it outside before it is opened."
            return None
        return self._follow(entry.name, (), is_name=True)

    def _follow(self, typed: str, entries: tuple[Entry, ...], *, is_name: bool = False) -> Path | None:
        """Do what a name stands for; a start of a name stands for the first that begins with it."""
        folder = self._folder
        name = os.path.join(".", typed) if is_name else typed  # "~" may be a name
        outcome = decide(self._purpose, folder, name)
        place = matching(entries, typed)
        if outcome.kind == "problem" and self._purpose != "save" and place is not None:
            return self._enter(entries[place])
        if outcome.kind == "take":
            return outcome.path
        if outcome.kind == "go":
            self._go(outcome.path)
        elif outcome.kind == "replace?":
            self._replace = outcome.path
        else:
            self._problem = outcome.problem
        return None

    def _go(self, folder: Path, *, keep_typed: bool = False) -> None:
        self._folder = folder
        self._marked, self._by_arrow, self._problem, self._replace, self._reveal = None, False, "", None, True
        if not keep_typed and self._purpose != "save":
            self._write = ""

    # Drawing

    def _draw_head(self) -> bool:
        kit, low = self.kit, imgui.get_window_pos()
        width = imgui.get_window_size().x
        middle = low.y + kit.px(_HEAD_PX / 2)
        widgets.icon_tile(
            kit, icons.SAVE if self._purpose == "save" else icons.OPEN, kit.theme.accent, 30, low + kit.vec(14, 12)
        )
        write(kit, low.x + kit.px(56), middle - kit.px(1), _TITLES[self._purpose], kit.theme.text, "semibold", 17)
        imgui.set_cursor_pos(ImVec2(width - kit.px(42), kit.px(13)))
        return widgets.icon_button(kit, icons.CLOSE, "close-files", "Close", shortcut="Esc")

    def _draw_lines(self) -> None:
        kit, draw = self.kit, imgui.get_window_draw_list()
        low, size = imgui.get_window_pos(), imgui.get_window_size()
        high, color = low + size, kit.theme.border.u32
        for y in (low.y + kit.px(_HEAD_PX), high.y - kit.px(_FOOT_PX)):
            draw.add_line(ImVec2(low.x, y), ImVec2(high.x, y), color, 1)
        x = low.x + kit.px(_PLACES_PX)
        draw.add_line(ImVec2(x, low.y + kit.px(_HEAD_PX)), ImVec2(x, high.y - kit.px(_FOOT_PX)), color, 1)

    def _draw_ways(self) -> None:
        """Draw the ways to other folders."""
        kit, window = self.kit, imgui.get_window_size()
        imgui.set_cursor_pos(kit.vec(8, _HEAD_PX + 8))
        size = ImVec2(kit.px(_PLACES_PX - 16), window.y - kit.px(_HEAD_PX + _FOOT_PX + 12))
        place = draw_places(kit, self._places, self._folder, size)
        imgui.set_cursor_pos(kit.vec(_PLACES_PX + 10, _HEAD_PX + 8))
        crumb = draw_crumbs(kit, self._folder, window.x - kit.px(_PLACES_PX + 10 + 16))
        folder = place or crumb
        if folder is not None and self._replace is None:
            self._go(folder)

    def _draw_list(self, listing: Listing | None) -> Path | None:
        kit = self.kit
        imgui.set_cursor_pos(kit.vec(_PLACES_PX + 8, _HEAD_PX + _CRUMBS_PX))
        window = imgui.get_window_size()
        size = ImVec2(window.x - kit.px(_PLACES_PX + 14), window.y - kit.px(_HEAD_PX + _CRUMBS_PX + _FOOT_PX + 6))
        chosen = None
        with (
            imgui_ctx.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0)),
            imgui_ctx.begin_child("##list", size, window_flags=imgui.WindowFlags_.no_nav),
        ):
            if listing is None:
                widgets.empty(kit, icons.WAIT, "Reading the folder", one_line(self._folder.name))
            elif listing.problem:
                widgets.empty(kit, icons.LOCK, "Not readable", listing.problem)
            elif not listing.entries:
                words = "There is nothing in it." if self._all_files else "There is nothing of this kind in it."
                widgets.empty(kit, icons.OPEN, "Nothing here", words)
            else:
                chosen = self._draw_rows(listing, size.y)
        return chosen

    def _draw_rows(self, listing: Listing, height: float) -> Path | None:
        kit, chosen = self.kit, None
        if self._reveal:
            self._reveal = False
            top = (self._marked or 0) * kit.px(ROW_PX)
            now = imgui.get_scroll_y()
            if top < now:
                imgui.set_scroll_y(top)
            elif top + kit.px(ROW_PX) > now + height:
                imgui.set_scroll_y(top + kit.px(ROW_PX) - height)
        clipper = imgui.ListClipper()
        clipper.begin(len(listing.entries), kit.px(ROW_PX))
        while clipper.step():
            for place in range(clipper.display_start, clipper.display_end):
                chosen = self._draw_row(listing.entries, place) or chosen
        clipper.end()
        if listing.is_cut:
            with kit.font("regular", 13):
                imgui.dummy(kit.vec(0, 6))
                imgui.text_colored(
                    kit.vec4(kit.theme.text3), f"  Only {MAX_ENTRIES:,} entries are listed; type the name of any other."
                )
        return chosen

    def _draw_row(self, entries: tuple[Entry, ...], place: int) -> Path | None:
        kit, t, entry = self.kit, self.kit.theme, entries[place]
        at = imgui.get_cursor_screen_pos()
        size = ImVec2(imgui.get_content_region_avail().x, kit.px(ROW_PX))
        pressed = imgui.invisible_button(f"##entry {place}", size)
        hovered = imgui.is_item_hovered()
        if not entry.usable:
            widgets.tooltip(kit, "This name is not text; rename it outside before it is opened.")
        end, middle = at + size, at.y + size.y / 2
        if place == self._marked or hovered:
            ground = t.accent.fade(0.16) if place == self._marked else t.hover
            imgui.get_window_draw_list().add_rect_filled(at, end, ground.u32, kit.px(5))
        icon, color = {
            "folder": (icons.OPEN, t.text2),
            "run": (icons.RECORD, t.success),
            "file": (icons.DATA if self._purpose == "data file" else icons.BUILD, t.accent),
        }[entry.kind]
        tile(kit, at.x + kit.px(8), middle, icon, color if entry.usable else t.disabled)
        right = end.x - kit.px(10)
        room = size.x - kit.px(40 + 10 + _SIZE_PX)
        if room > kit.px(_WHEN_PX + _NAME_PX):
            write_right(kit, right, middle, entry.when_text, t.text3)
            right, room = right - kit.px(_WHEN_PX), room - kit.px(_WHEN_PX)
        write_right(kit, right, middle, "run" if entry.kind == "run" else entry.size_text, t.text3)
        shown = widgets.shortened(kit, entry.shown, room, "regular", 15)
        write(kit, at.x + kit.px(38), middle, shown, t.text if entry.usable else t.disabled, "regular", 15)
        self._note(f"file/{entry.shown}", at, end)
        if pressed and self._replace is None:
            self._mark(place, entries)
            self._reveal = False
        if hovered and self._replace is None and imgui.is_mouse_double_clicked(imgui.MouseButton_.left):
            return self._enter(entry)
        return None

    def _draw_foot(self, listing: Listing | None) -> str:
        """Draw the field and the buttons, and return which was pressed: "take", "cancel" or none, ""."""
        kit, t = self.kit, self.kit.theme
        window = imgui.get_window_size()
        top = window.y - kit.px(_FOOT_PX) + kit.px(12)
        imgui.set_cursor_pos(ImVec2(kit.px(16), top))
        self._draw_field(listing, window.x - kit.px(32))
        low, bottom = imgui.get_window_pos(), top + kit.px(46)
        x = window.x - kit.px(16)
        keys = "Ctrl+Enter" if self._purpose == "data folder" else "Enter"
        pressed, x = self._draw_buttons(
            x, bottom, (("take", _BUTTONS[self._purpose], "primary", keys), ("cancel", "Cancel", "field", "Esc"))
        )
        middle = low.y + bottom + kit.px(16)
        if self._problem:
            words = widgets.shortened(kit, f"{icons.ERROR}  {self._problem}", x - kit.px(24), "regular", 14)
            write(kit, low.x + kit.px(18), middle, words, t.danger, "regular", 14)
        elif self._purpose in ("open", "data file"):
            imgui.set_cursor_pos(ImVec2(kit.px(18), bottom + kit.px(7)))
            if widgets.toggle(kit, "all-files", self._all_files, tip="List files of all kinds"):
                self._all_files, self._marked = not self._all_files, None
            write(kit, low.x + kit.px(60), middle, "All files", t.text2, "regular", 14)
        elif self._purpose == "save":
            write(kit, low.x + kit.px(18), middle, "Networks are saved as .nf.json", t.text3, "regular", 14)
        return pressed

    def _draw_field(self, listing: Listing | None, width: float) -> None:
        kit = self.kit
        entries = listing.entries if listing is not None else ()
        if not imgui.is_any_item_active() and not imgui.is_mouse_down(imgui.MouseButton_.left):
            imgui.set_keyboard_focus_here()
        imgui.set_next_item_width(width)
        flags = imgui.InputTextFlags_.callback_always | imgui.InputTextFlags_.callback_completion
        if self._select_name:
            flags |= imgui.InputTextFlags_.auto_select_all

        def fill(data: imgui.InputTextCallbackData) -> int:
            if data.event_flag == imgui.InputTextFlags_.callback_completion:
                self._write = completion(entries, self._typed)
            if self._write is not None:
                data.delete_chars(0, data.buf_text_len)
                data.insert_chars(0, self._write)
                self._write = None
            return 0

        with (
            imgui_ctx.push_style_color(imgui.Col_.text_disabled, kit.vec4(kit.theme.text3)),
            imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, kit.vec(10, 7)),
            kit.font("regular", 15),
        ):
            changed, typed = imgui.input_text_with_hint("##name", _HINTS[self._purpose], self._typed, flags, fill)
            widgets.focus_ring(kit)
        if self._write is not None and not imgui.is_item_active():
            changed, typed, self._write = True, self._write, None
        self._note("field/file", imgui.get_item_rect_min(), imgui.get_item_rect_max())
        if changed and typed != self._typed:
            self._type(typed, entries)

    def _type(self, typed: str, entries: tuple[Entry, ...]) -> None:
        """Take what was typed: a path that ends in a separator leads there at once, a start of a name points at it."""
        marked = entries[self._marked].name if self._marked is not None and self._marked < len(entries) else None
        from_list = self._by_arrow and typed == marked
        self._typed, self._problem = typed, ""
        if from_list:
            return
        self._by_arrow = False
        if typed.endswith(os.sep):
            outcome = decide("data folder", self._folder, typed)
            if outcome.kind == "go":
                self._go(outcome.path)
                self._write = ""
                return
        place = matching(entries, typed)
        if place != self._marked:
            self._marked, self._reveal = place, place is not None

    def _draw_replace(self, path: Path) -> Path | None:
        """Ask before a file is replaced."""
        kit, t = self.kit, self.kit.theme
        window, low = imgui.get_window_size(), imgui.get_window_pos()
        top = window.y - kit.px(_FOOT_PX)
        widgets.icon_tile(kit, icons.WARNING, t.warning, 36, low + ImVec2(kit.px(16), top + kit.px(14)))
        name = widgets.shortened(kit, one_line(path.name), window.x - kit.px(260), "semibold", 15)
        x = low.x + kit.px(66)
        write(kit, x, low.y + top + kit.px(24), f"{name} is there already. Replace it?", t.text, "semibold", 15)
        line = "What is in the file now would be lost. Ctrl+Enter replaces it, Esc keeps it."
        write(kit, x, low.y + top + kit.px(44), line, t.text2, "regular", 14)
        right, bottom = window.x - kit.px(16), top + kit.px(60)
        pressed, _ = self._draw_buttons(
            right, bottom, (("replace", "Replace", "danger", "Ctrl+Enter"), ("keep", "Keep it", "field", "Esc"))
        )
        if pressed == "replace" or (imgui.get_io().key_ctrl and enter_pressed()):
            return path
        if pressed == "keep" or escape_pressed():
            self._replace = None
        return None

    def _draw_buttons(
        self, right: float, top: float, buttons: tuple[tuple[str, str, widgets.ButtonKind, str], ...]
    ) -> tuple[str, float]:
        """Draw buttons from the right, given as (key, label, kind, keys).

        Returns:
            Key of the one that was pressed, "" for none; and where they begin, in pixels of the window.
        """
        kit, pressed = self.kit, ""
        for key, label, kind, keys in buttons:
            width = kit.text_size(label, "medium", 15).x + kit.px(30)
            right -= width
            imgui.set_cursor_pos(ImVec2(right, top))
            if widgets.button(
                kit, label, "", kind, tip=label, shortcut=keys, width_px=width / kit.scale, key=f"{key}-file"
            ):
                pressed = key
            right -= kit.px(8)
        return pressed, right

    def _note(self, name: str, low: ImVec2, high: ImVec2) -> None:
        if self.kit.marks.on:
            self.kit.marks.note(name, low.x, low.y, high.x, high.y)
