"""One history over all that a person changes: the document, knobs, the next run's configuration, the choice of data.

The document's steps are made by its editor. What lies outside the document is changed here, and noted as a step with
the command that takes it back; that command is carried out without being noted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from neuralforge.app.beside import Beside
from neuralforge.app.datadesk import DataDesk
from neuralforge.app.documentdesk import DocumentDesk
from neuralforge.app.steeredrun import SteeredRun
from neuralforge.app.trainingdesk import TrainingDesk
from neuralforge.errors import UserError
from neuralforge.graph.edits import Edit, SetFrozen, SetParams
from neuralforge.layers.registry import catalog
from neuralforge.layers.spec import BoundRule
from neuralforge.ui.step_words import of_config, of_data, of_turn
from neuralforge.workbench import commands as do
from neuralforge.workbench.config import TrainConfig
from neuralforge.workbench.knobs import Refused
from neuralforge.workbench.view import DataView


class HistoryDesk:
    """Changes that can be taken back, and the way back and forth among them.

    Args:
        documents: The open document, whose editor keeps the history.
        data: The chosen data.
        training: The configuration, and the run in the panels.
        beside: For loading data.
    """

    def __init__(self, documents: DocumentDesk, data: DataDesk, training: TrainingDesk, beside: Beside) -> None:
        self._documents = documents
        self._data = data
        self._training = training
        self._beside = beside
        self._turned: SteeredRun | None = None

    def carry_out(self, command: do.Command) -> bool:
        """Carry out a change that lies outside the document, or go to a place in the history.

        Returns:
            Whether it did.

        Raises:
            UserError: When it cannot be done; nothing is changed then.
        """
        self.keep_up()
        editor = self._documents.editor
        match command:
            case do.Undo():
                self._go_to(editor.position - 1)
            case do.Redo():
                self._go_to(editor.position + 1)
            case do.GoTo(position):
                self._go_to(position)
            case do.Turn():
                self._turn(command)
            case do.Configure(changes, gesture):
                self._configure(changes, gesture)
            case do.UseConfig(config):
                self._change(self._training.config, config)
            case do.UseData(text, options):
                self._load(self.choose_data(text, options, self._training.config))
            case _:
                return False
        return True

    def keep_up(self) -> None:
        """Drop what was turned on a run that is over or was replaced: it cannot be taken back any more."""
        live = self._training.training
        if live is not self._turned:
            self._turned = live
            self._documents.editor.forget("knob")

    def choose_data(self, text: str, options: Mapping[str, str], config: TrainConfig) -> DataView:
        """Choose data, as a step of the history; see `DataDesk.choose`."""
        back, again = do.UseData(*self._data.choice), do.UseData(text, dict(options))
        self._documents.editor.note(of_data(text, options).title, "data", back, again)
        return self._data.choose(text, options, config)

    def _load(self, chosen: DataView) -> None:
        if chosen.text:
            self._beside.start(self._data.load(chosen), f"Loading {chosen.text}")

    # The configuration

    def _configure(self, changes: Mapping[str, Any], gesture: str | None) -> None:
        before = self._training.config
        self._training.configure(changes)
        self._change(before, self._training.config, changes, gesture)

    def _change(
        self, before: TrainConfig, after: TrainConfig, asked: Iterable[str] = (), gesture: str | None = None
    ) -> None:
        """Take over another configuration, as a step of the history."""
        if after != before:
            title, old, new = of_config(before, after, asked)
            self._documents.editor.note(
                title, "settings", do.UseConfig(before), do.UseConfig(after),
                old=old, new=new, merge_key=" ".join(sorted(asked)), gesture=gesture,
            )  # fmt: skip
        self._take(before, after)

    def _take(self, before: TrainConfig, after: TrainConfig) -> None:
        self._training.config = after
        if any(getattr(before, name) != getattr(after, name) for name in ("seed", "split", "stratify")):
            self._beside.start(self._data.split_again(after))

    # Knobs

    def _turn(self, turn: do.Turn) -> None:
        live = self._training.training
        if live is None:
            self._turn_what_is_next(turn)
            return
        old = live.knobs().values.get(turn.key)
        if not live.turn(turn.key, turn.value, turn.gesture, turn.widget) or old is None:
            return  # the reason stands at the knob
        knob = live.run.session.board.find(turn.key)
        value = knob.check(turn.value)
        title, was, is_now = of_turn(knob, old, value)
        self._documents.editor.note(
            title, "knob", do.Turn(turn.key, old), do.Turn(turn.key, value),
            old=was, new=is_now, merge_key=turn.key, gesture=turn.gesture,
        )  # fmt: skip

    def _turn_what_is_next(self, turn: do.Turn) -> None:
        """Turn a knob where no run is live: of the configuration, or of a node."""
        editor = self._documents.editor
        if turn.key not in self._training.knobs(editor, self._documents.task(self._data.info)).values:
            raise UserError(f"There is no knob {turn.key} for this network.")
        node_id, _, what = turn.key.rpartition(".")
        edit: Edit
        if node_id and node_id not in editor.document.graph.nodes:  # of a module that was not drawn here
            raise UserError(f"{turn.key} can be turned once the run has begun: make a step first.")
        if not node_id:
            self._configure({turn.key: turn.value}, turn.gesture)
            return
        if what == "frozen":
            edit = SetFrozen(node_id, bool(turn.value))
        else:
            rule = catalog().bind(editor.document.graph.nodes[node_id])
            assert isinstance(rule, BoundRule) and rule.spec is not None
            edit = SetParams.of(node_id, **dict.fromkeys(rule.spec.live, turn.value))
        editor.apply(edit, turn.gesture)

    # Back and forth

    def _go_to(self, position: int) -> None:
        """Go to a place in the history: first by what may be refused, then by what may not."""
        editor = self._documents.editor
        way = editor.way_to(position)
        turns = {command.key: command.value for command in way if isinstance(command, do.Turn)}
        self._turn_back(turns, "undo" if position < editor.position else "redo")
        for command in way:
            match command:
                case do.UseConfig(config):
                    self._take(self._training.config, config)
        for command in way:
            match command:
                case do.UseData(text, options) if (text, options) != self._data.choice:
                    self._load(self._data.choose(text, options, self._training.config))
        editor.go_to(position)

    def _turn_back(self, turns: Mapping[str, Any], widget: str) -> None:
        """Ask the live run for other values, all together: one gesture in its log.

        Raises:
            Refused: When it does not allow it; nothing is asked then.
        """
        live = self._training.training
        if live is None:
            return
        asked = live.knobs().values
        changes = {key: value for key, value in turns.items() if asked[key] != value}
        if changes and not live.turn_all(changes, None, widget):
            raise Refused(live.knobs().refusal[next(iter(changes))])
