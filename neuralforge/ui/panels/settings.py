"""Settings: what a person sets once for all documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from imgui_bundle import ImVec2, imgui, imgui_ctx

from neuralforge.ui import icons, widgets
from neuralforge.ui.forms import Form
from neuralforge.ui.kit import Kit
from neuralforge.ui.panel import Arrangement, Dock, Panel, Post
from neuralforge.ui.wording import label_of
from neuralforge.workbench.commands import ChangeSettings
from neuralforge.workbench.settings import preference_fields
from neuralforge.workbench.view import View

_THEMES: Final = (("dark", "Dark", icons.DARK), ("light", "Light", icons.LIGHT))
_THEME_TIPS: Final = {"dark": "Light text on a dark ground.", "light": "Dark text on a light ground."}
_SIZES: Final = (
    (0.0, "as the screen asks"), (0.75, "75 %"), (0.9, "90 %"), (1.0, "100 %"), (1.1, "110 %"), (1.25, "125 %"),
    (1.5, "150 %"), (1.75, "175 %"), (2.0, "200 %"), (2.5, "250 %"), (3.0, "300 %"),
)  # fmt: skip
_LABELS: Final[Mapping[str, str]] = {
    "autosave_secs": "Keep a copy every (s)",
    "confirm_delete": "Ask before nodes go",
}
_LONGEST_PX: Final = 520.0


class SettingsPanel(Panel):
    """The settings of this user as a form."""

    key = "settings"
    title = "Settings"
    icon = icons.SETTINGS
    docks: ClassVar[Mapping[Arrangement, Dock]] = {"build": "hidden", "train": "hidden"}
    order = 90
    help = "Theme, size and habits of the window."

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._form = Form(kit)

    def draw(self, view: View, post: Post) -> None:
        """Draw the form.

        Args:
            view: What there is to show.
            post: Asks for something.
        """
        kit, settings = self.kit, view.settings
        room = min(imgui.get_content_region_avail().x, kit.px(_LONGEST_PX))
        with imgui_ctx.begin_child("form", ImVec2(room, 0)):
            widgets.section(kit, "Appearance", line=False)
            widgets.row_label(kit, "Theme", "Colours of the window.")
            theme = widgets.segmented(kit, "theme", _THEMES, settings.theme, tips=_THEME_TIPS)
            if theme is not None and theme != settings.theme:
                post(ChangeSettings({"theme": theme}))
            sizes = _SIZES if any(settings.scale == size for size, _ in _SIZES) else (
                *_SIZES, (settings.scale, f"{settings.scale:.0%}"))  # fmt: skip
            change = self._form.choice_row("scale", "Size", sizes, settings.scale, tip="Size of everything.")
            if change is not None:
                post(ChangeSettings({"scale": change.value}))
            self._rows(view, post, ("reduce_motion",))
            widgets.section(kit, "Work")
            shown = ("theme", "scale", "reduce_motion")
            self._rows(view, post, tuple(item.name for item in preference_fields() if item.name not in shown))

    def _rows(self, view: View, post: Post, names: tuple[str, ...]) -> None:
        fields = {item.name: item for item in preference_fields()}
        for name in names:
            label = _LABELS.get(name, label_of(name))
            change = self._form.row(fields[name], getattr(view.settings, name), label=label)
            if change is not None:
                post(ChangeSettings({name: change.value}))


PANEL = SettingsPanel
