"""Knobs: what may be turned while a run trains, and below it how the next run is set up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, get_args

from imgui_bundle import ImVec2, imgui

from neuralforge.graph.shapes import Value
from neuralforge.layers.spec import BoundRule
from neuralforge.ui import icons, widgets
from neuralforge.ui.forms import Form
from neuralforge.ui.kit import Kit
from neuralforge.ui.knob_row import KnobRows, Standing, scope_color
from neuralforge.ui.own_runs import BEGINS_ELSEWHERE, OPTIMIZER_KNOBS, first_values, of_optimizer, shows_own
from neuralforge.ui.panel import Arrangement, Dock, Panel, Post
from neuralforge.ui.wording import field_title, label_of, shown, tip_of, title_of
from neuralforge.workbench.commands import Configure, Turn
from neuralforge.workbench.config import DEFAULT_LR, OptimizerKey, ScheduleKey, TrainConfig, config_fields
from neuralforge.workbench.knobs import Knob, KnobValue, Scope
from neuralforge.workbench.view import KnobsView, RunView, View

FOLD_ABOVE: Final = 8
"""More layers than this are folded away at first."""

_SCHEDULE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "constant": ("warmup",),
    "step": ("warmup", "milestones", "gamma"),
    "cosine": ("warmup", "min_factor"),
    "one_cycle": (),
}
_DATA_KNOBS: Final = ("batch_size", "accumulation")
_RUN_FIELDS: Final = ("seed", "precision", "loss", "split", "validation_every", "patience")
_OF_SCHEDULES: Final = frozenset(name for names in _SCHEDULE_FIELDS.values() for name in names)
_ELSEWHERE: Final = _OF_SCHEDULES.union(
    ("epochs", "steps", "optimizer", "schedule", "device", "label_smoothing"),
    OPTIMIZER_KNOBS,
    _DATA_KNOBS,
    _RUN_FIELDS,
)
"""Fields that have a place in a section; those that have none, and are no knobs, appear under More."""


class KnobsPanel(Panel):
    """Learning rate, batch size and their like as sliders; the rest of the configuration as a form."""

    key = "knobs"
    title = "Knobs"
    icon = icons.KNOBS
    docks: ClassVar[Mapping[Arrangement, Dock]] = {"build": "hidden", "train": "left"}
    order = 10
    help = "Change the learning rate and others while the network trains, and set up the next run."

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._rows = KnobRows(kit)
        self._form = Form(kit)
        self._whose: str | None = None
        self._fields = {field.name: field for field in config_fields()}
        self._more = False
        self._layers: bool | None = None
        self._initial_of: tuple[Any, ...] = ()
        self._initial: Mapping[str, KnobValue] = {}

    def draw(self, view: View, post: Post) -> None:
        """Draw the sections.

        Args:
            view: What there is to show.
            post: Asks for something.
        """
        run = view.run if view.run is not None and view.knobs.live else None
        whose = run.run_id if run is not None else None
        if whose != self._whose:
            self._whose = whose
            self._rows.forget()
            self._form.forget()
        own = view.run if view.run is not None and view.run.own_loop and (run is not None or shows_own(view)) else None
        if own is not None:
            self._draw_own(view, post, own)
            return
        self._draw_drawn(view, post, run)

    def _draw_drawn(self, view: View, post: Post, run: RunView | None) -> None:
        """Draw the sections of a run that is made here, or of the next one."""
        config = run.config if run is not None else self._config(view)
        knobs = {knob.key: knob for knob in view.knobs.knobs}
        sharing = [knob for knob in knobs.values() if knob.node and knob.kind != "bool"]
        frozen = [knob for knob in knobs.values() if knob.node and knob.kind == "bool"]

        self._optimizer(view, post, config, [knobs[key] for key in OPTIMIZER_KNOBS if key in knobs], run)
        if not knobs and shows_own(view):
            widgets.wrapped(self.kit, BEGINS_ELSEWHERE, self.kit.theme.text3)
        elif not knobs:
            issues = bool(view.document.issues)
            why = "once the issues of the network are mended" if issues else "with the first layer that has weights"
            widgets.wrapped(self.kit, f"The sliders appear here {why}.", self.kit.theme.text3)
        self._schedule(view, post, config)
        rows = [*sharing, *([knobs["label_smoothing"]] if "label_smoothing" in knobs else [])]
        if rows:
            self._head("Regularization", _absent(view.knobs, ("label_smoothing",)))
            for knob in rows:
                self._row(view, post, knob, run)
        self._data(view, post, [knobs[key] for key in _DATA_KNOBS if key in knobs], run)
        others = [
            knob
            for knob in knobs.values()
            if not knob.node and knob.key not in (*OPTIMIZER_KNOBS, *_DATA_KNOBS, "label_smoothing")
        ]
        if others:
            self._head("Others")
            for knob in others:
                self._row(view, post, knob, run)
        if frozen:
            self._frozen(view, post, frozen, run)
        self._run(view, post)

    @staticmethod
    def _config(view: View) -> TrainConfig:
        """Return the configuration that is shown: of the next run, or of one whose next run begins elsewhere."""
        return view.run.config if view.run is not None and shows_own(view) else view.config

    # A loop of the person's own

    def _draw_own(self, view: View, post: Post, run: RunView) -> None:
        """Draw the knobs that were given to a loop of the person's own, and what else is known of it."""
        knobs = view.knobs.knobs if view.knobs.live else ()
        first = [knob for knob in knobs if of_optimizer(knob)]
        others = [knob for knob in knobs if not of_optimizer(knob)]
        live = run if view.knobs.live else None
        kit, t = self.kit, self.kit.theme
        if first or not others:
            widgets.text(kit, "Optimizer", t.text2, "semibold", 14)
            widgets.tooltip(kit, _absent(view.knobs, tuple(view.knobs.absent)))
        for knob in first:
            self._row(view, post, knob, live)
        if not knobs:
            over = "The run is over, and its knobs with it."
            widgets.wrapped(kit, over if live is None else "No knobs were given to this loop.", t.text3)
        if others:
            if first:
                self._head("Others")
            else:
                widgets.text(kit, "Knobs", t.text2, "semibold", 14)
            for knob in others:
                self._row_or_switch(view, post, knob, live)
        self._head("Run")
        self._fact("device", run.device or "not known", "Where the parameters lie.")
        self._fact("loop", "your own", "Your code makes the steps; pause, step and stop act between two of them.")

    def _row_or_switch(self, view: View, post: Post, knob: Knob, run: RunView | None) -> None:
        if knob.kind != "bool":
            self._row(view, post, knob, run)
            return
        now, t = self._standing(view, knob, run), self.kit.theme
        turned = self._rows.toggle_row(knob, knob.title, now, icons.DOT, t.accent if now.value else t.disabled)
        if turned is not None:
            post(Turn(knob.key, turned.value, turned.gesture, turned.widget))

    # Sections

    def _optimizer(self, view: View, post: Post, config: TrainConfig, rows: list[Knob], run: RunView | None) -> None:
        absent = _absent(view.knobs, OPTIMIZER_KNOBS)
        tip = "\n".join(part for part in (self._fields["optimizer"].doc, absent) if part)
        if _is_fixed(view):
            self._fact("optimizer", title_of(config.optimizer), tip, None if shows_own(view) else Scope.REBUILD)
        else:
            options = choices_of(OptimizerKey)
            change = self._form.choice_row("optimizer", "Optimizer", options, config.optimizer, tip=tip)
            if change is not None:
                post(Configure(optimizer_changes(config, str(change.value))))
        for knob in rows:
            self._row(view, post, knob, run)

    def _schedule(self, view: View, post: Post, config: TrainConfig) -> None:
        self._head("Schedule", hint=_next_hint(view))
        tip = self._fields["schedule"].doc
        if _is_fixed(view):
            self._fact("schedule", title_of(config.schedule), tip, label="Factor")
        else:
            options = choices_of(ScheduleKey)
            change = self._form.choice_row("schedule", "Factor", options, config.schedule, tip=tip)
            if change is not None:
                post(Configure({"schedule": change.value}))
        for name in _SCHEDULE_FIELDS.get(config.schedule, sorted(_OF_SCHEDULES)):
            self._setting(view, post, config, name)

    def _data(self, view: View, post: Post, rows: list[Knob], run: RunView | None) -> None:
        if not rows:
            return
        self._head("Data")
        for knob in rows:
            self._row(view, post, knob, run)

    def _frozen(self, view: View, post: Post, rows: list[Knob], run: RunView | None) -> None:
        values = view.knobs.values
        count = sum(bool(values[knob.key]) for knob in rows)
        hint = f"{count} of {len(rows)} frozen" if count else ""
        if self._layers is None:
            self._layers = len(rows) <= FOLD_ABOVE
        if len(rows) > FOLD_ABOVE:
            self._layers = self._fold("layers", "Layers", hint, self._layers)
        else:
            self._head("Layers", hint=hint)
        if not self._layers and len(rows) > FOLD_ABOVE:
            return
        theme = self.kit.theme
        for knob in rows:
            now = self._standing(view, knob, run)
            ink = theme.info if now.value else theme.disabled
            turned = self._rows.toggle_row(knob, knob.node, now, icons.FREEZE, ink)
            if turned is not None:
                post(Turn(knob.key, turned.value, turned.gesture, turned.widget))

    def _run(self, view: View, post: Post) -> None:
        config = self._config(view)
        self._head("Run", hint=_next_hint(view))
        by_epochs = config.epochs is not None
        if not _is_fixed(view):
            options: tuple[tuple[Value, str], ...] = (("epochs", "epochs"), ("steps", "steps"))
            change = self._form.choice_row(
                "length", "Ends after", options, "epochs" if by_epochs else "steps", tip="How long the run is given."
            )
            if change is not None:
                post(Configure({"epochs": None, "steps": 1000} if by_epochs else {"epochs": 20, "steps": None}))
        self._setting(view, post, config, "epochs" if by_epochs else "steps")
        self._device(view, post, config)
        for name in _RUN_FIELDS:
            self._setting(view, post, config, name)
        self._more = self._fold("more", "More", "", self._more)
        if self._more:
            for name in more_fields(view.knobs):
                self._setting(view, post, config, name)

    def _device(self, view: View, post: Post, config: TrainConfig) -> None:
        field = self._fields["device"]
        if _is_fixed(view):
            run = view.run if shows_own(view) else None
            self._fact("device", run.device if run is not None and run.device else config.device, field.doc)
            return
        options = device_options(view, config.device)
        change = self._form.choice_row("device", "Device", options, config.device, tip=field.doc)
        if change is not None:
            post(Configure({"device": change.value}))

    # Rows

    def _row(self, view: View, post: Post, knob: Knob, run: RunView | None) -> None:
        turned = self._rows.row(knob, row_title(knob), self._standing(view, knob, run))
        if turned is not None:
            post(Turn(knob.key, turned.value, turned.gesture, turned.widget))

    def _standing(self, view: View, knob: Knob, run: RunView | None) -> Standing:
        knobs = view.knobs
        value = knobs.values[knob.key]
        return Standing(
            value=value,
            in_force=knobs.in_force.get(knob.key, value),
            refusal=knobs.refusal.get(knob.key),
            epoch=run.progress.epoch if run is not None else 1,
            step=run.progress.step if run is not None else 0,
            paused=run is not None and run.state == "paused",
            initial=self._initials(view, run).get(knob.key),
            live=run is not None,
        )

    def _initials(self, view: View, run: RunView | None) -> Mapping[str, KnobValue]:
        """Return what the knobs were when the run began, or the defaults of its optimizer where there is none."""
        config = run.config if run is not None else view.config
        document = run.document if run is not None else None
        is_own = run is not None and run.own_loop  # its configuration says nothing, its events do
        source: object = run.events if run is not None and is_own else config
        key = (source, document, view.knobs.knobs)
        if len(self._initial_of) != 3 or any(a is not b for a, b in zip(key, self._initial_of, strict=True)):
            self._initial_of = key
            begun = config if run is not None else TrainConfig(optimizer=config.optimizer)
            found: dict[str, KnobValue] = {
                knob.key: getattr(begun, knob.key) for knob in view.knobs.knobs if hasattr(begun, knob.key)
            }
            if document is not None:
                found |= _of_layers(view, document.graph)
            self._initial = first_values(view) if is_own else found
        return self._initial

    def _setting(self, view: View, post: Post, config: TrainConfig, name: str) -> None:
        field, value = self._fields[name], getattr(config, name)
        label = field_title(name)
        if _is_fixed(view):
            self._fact(name, shown(field, value) or "none", tip_of(field), label=label)
            return
        change = self._form.row(field, value, label=label)
        if change is not None:
            post(Configure({name: change.value}, change.gesture))

    # Pieces

    def _head(self, title: str, tip: str = "", hint: str = "") -> None:
        widgets.hairline(self.kit)
        widgets.text(self.kit, title, self.kit.theme.text2, "semibold", 14)
        widgets.tooltip(self.kit, tip)
        if hint:
            widgets.mono_right(self.kit, hint, self.kit.theme.text3)

    def _fold(self, key: str, title: str, hint: str, opened: bool) -> bool:
        """Write the head of a section that can be folded, and return whether it is open."""
        kit, t = self.kit, self.kit.theme
        widgets.hairline(kit)
        at, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
        size = ImVec2(width, kit.px(20))
        pressed = imgui.invisible_button(f"##fold-{key}", size, imgui.ButtonFlags_.enable_nav)
        ink = t.text if imgui.is_item_hovered() else t.text2
        icon = icons.DOWN if opened else icons.RIGHT
        kit.draw_text(at + kit.vec(0, 5), icon, ink, "regular", 11)
        kit.draw_text(at + kit.vec(18, 2), title, ink, "semibold", 14)
        if hint:
            taken = kit.text_size(hint, "mono", 13).x
            kit.draw_text(ImVec2(at.x + width - taken, at.y + kit.px(3)), hint, t.text3, "mono", 13)
        widgets.focus_ring(kit)
        widgets.tooltip(kit, "Fold this section away" if opened else "Show this section")
        if kit.marks.on:
            kit.marks.note(f"fold/{key}", at.x, at.y, at.x + size.x, at.y + size.y)
        return not opened if pressed else opened

    def _fact(self, name: str, words: str, tip: str, scope: Scope | None = None, *, label: str = "") -> None:
        """Write what cannot be changed while the run is live."""
        kit = self.kit
        widgets.text(kit, label or label_of(name), kit.theme.text2)
        widgets.tooltip(kit, tip)
        if scope is not None:
            imgui.same_line()
            widgets.dot(kit, scope_color(kit.theme, scope), "Can be chosen for a new run")
        room = imgui.get_content_region_avail().x * 0.5
        widgets.mono_right(kit, widgets.shortened(kit, words, room, "mono", 13))


def _is_fixed(view: View) -> bool:
    """Tell whether the configuration can only be read: a run is live, or the next one begins elsewhere."""
    return view.knobs.live or shows_own(view)


def _next_hint(view: View) -> str:
    return "for the next run" if view.knobs.live and not shows_own(view) else ""


def row_title(knob: Knob) -> str:
    """Return the words of a knob's row; a layer's dropout is named by the layer."""
    if not knob.node:
        return knob.title
    what = knob.key.rpartition(".")[2]
    return f"{label_of(what)} {knob.node}"


def choices_of(keys: object) -> tuple[tuple[Value, str], ...]:
    """Return the values of a `Literal` type with their titles."""
    return tuple((key, title_of(key)) for key in get_args(keys))


def more_fields(knobs: KnobsView) -> tuple[str, ...]:
    """Return the fields of the configuration that neither a section nor a knob shows, in their order."""
    known = _ELSEWHERE | {knob.key for knob in knobs.knobs} | set(knobs.absent)
    return tuple(field.name for field in config_fields() if field.name not in known)


def optimizer_changes(config: TrainConfig, optimizer: str) -> dict[str, Any]:
    """Return what to change for another optimizer: its usual learning rate too, unless another was chosen."""
    changes: dict[str, Any] = {"optimizer": optimizer}
    if config.lr == DEFAULT_LR.get(config.optimizer):
        changes["lr"] = DEFAULT_LR.get(optimizer)
    return changes


def device_options(view: View, chosen: str) -> tuple[tuple[Value, str], ...]:
    """Return the devices that can be chosen, with their names; what is chosen is always among them."""
    options: dict[str, str] = {"auto": "auto"}
    for device in view.devices or ():
        options[device.key] = device.key
    options.setdefault(chosen, chosen)
    return tuple(options.items())


def _absent(knobs: KnobsView, keys: tuple[str, ...]) -> str:
    """Return why some knobs are not there, one a line."""
    return "\n".join(f"Not here: {knobs.absent[key]}." for key in keys if key in knobs.absent)


def _of_layers(view: View, graph: Any) -> dict[str, KnobValue]:
    found: dict[str, KnobValue] = {}
    catalog = view.document.inference.catalog
    for knob in view.knobs.knobs:
        node = graph.nodes.get(knob.node)
        if node is None:
            continue
        if knob.kind == "bool":
            found[knob.key] = node.frozen
            continue
        rule = catalog.bind(node)
        if isinstance(rule, BoundRule) and rule.spec is not None and rule.spec.live:
            found[knob.key] = getattr(rule.params, next(iter(rule.spec.live)))
    return found


PANEL = KnobsPanel
