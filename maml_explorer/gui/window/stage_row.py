"""The row under the hero: the settings at hand as sliders, and the line of the step just taken."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from maml_explorer.gui.panels.pseudocode.text import pseudocode
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.worker_link import forgotten
from maml_explorer.gui.settings_form.slider_row import SliderRow
from maml_explorer.gui.widgets.controls import button
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.protocol.reports import Status, Stepped
from maml_explorer.settings.groups import DECLARATIONS

USUAL = ("inner_lr",)
"""Keys of the settings that are at hand where nobody points at others."""
PLAIN = {"inner_lr": "How far one step goes, α", "inner_steps": "Inner steps in training"}
"""Keys of the settings in the simple view, with plain words."""
HINT = "Next inner step shows the algorithm line by line"


class StageRow(QWidget):
    """Sliders and stepping line. A lesson chooses the settings; a presenter sees α."""

    code_wanted = Signal(bool)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._stepped: Stepped | None = None
        self._plain = False
        self.rows: dict[str, SliderRow] = {}
        """Setting → its row, in the order in which they stand."""
        self.line = ElidedLabel(formulas=True)
        self.line.setAccessibleName("The line of the algorithm just taken")
        self.code = button("Pseudocode", self._ask_code, "The algorithm in large type beside it")
        self.code.setCheckable(True)
        self.code.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._box = QHBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(12)
        self._box.addWidget(self.line, 2)
        self._box.addWidget(self.code)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        session.link.stepped.connect(self._take_stepped)
        session.link.status_changed.connect(self._take_status)
        session.link.run_started.connect(self._take_run)
        session.link.run_left.connect(self._take_run)
        self.show_settings(USUAL)
        self.hide()

    def show_settings(self, keys: Iterable[str], plain: bool = False) -> None:
        """Puts these settings at hand instead of those before, in `plain` words where wanted."""
        keys = list(keys)
        for key in [key for key in self.rows if key not in keys or plain != self._plain]:
            gone = self.rows.pop(key)
            self._box.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        self._plain = plain
        for nth, key in enumerate(keys):
            if key not in self.rows:
                self.rows[key] = SliderRow(
                    DECLARATIONS[key], self._session.editor, PLAIN.get(key, "") if plain else ""
                )
                self._box.insertWidget(nth, self.rows[key], 3)
        self._say()

    def show_presenting(self, on: bool) -> None:
        """Shows the stepping line and the button of the pseudocode, or the settings alone."""
        self.line.setVisible(on)
        self.code.setVisible(on)
        self._say()

    def _ask_code(self) -> None:
        self.code_wanted.emit(self.code.isChecked())

    def _take_stepped(self, stepped: Stepped) -> None:
        self._stepped = stepped
        self._say()

    def _take_run(self, _: int = 0) -> None:
        self._stepped = None
        self._say()

    def _take_status(self, status: Status) -> None:
        if self._stepped is not None and forgotten(self._stepped, status):
            self._stepped = None
            self._say()

    def _say(self) -> None:
        if self.isHidden():
            return
        stepped, settings = self._stepped, self._session.settings
        if stepped is None:
            self.line.say(HINT, "")
            return
        lines = pseudocode(settings, settings.arms[0])
        active = [line.text.strip() for line in lines if line.phase == stepped.phase]
        step = f"inner step {stepped.inner_step} of {stepped.inner_steps}"
        last = active[-1] if active else stepped.phase.value
        self.line.say(f"{last}   ·   {step}", last, step)
