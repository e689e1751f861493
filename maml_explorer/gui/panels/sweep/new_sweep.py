"""Description of a new sweep: written as a folder, and trained from here or a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QBoxLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from maml_explorer.files.reader import StorageError
from maml_explorer.gui.panels.sweep.described import (
    HALVINGS,
    SEARCHES,
    Typed,
    described,
    planned_words,
)
from maml_explorer.gui.panels.sweep.folder_dialog import ask_folder
from maml_explorer.gui.session.proposed_path import proposed_path
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.controls import ComboBox, button, label, mark, row
from maml_explorer.gui.widgets.number_line import NumberLine
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.gui.widgets.see_through_area import SeeThroughArea
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.storage.sweep.folder import create_sweep, is_sweep
from maml_explorer.storage.sweep.spec import GRID, SweepSpec

AXES = "inner_lr=0.001:0.1:log:5 outer_lr=0.0003,0.001,0.003"
GUIDE = (
    "An axis is a setting and its values: outer_lr=0.0003,0.001 tries two, "
    "inner_lr=0.001:0.1:log:5 tries five from 0.001 to 0.1. All other settings are those of the "
    "window."
)
_LEAST_HEIGHT = 60
"""Pixels of the fields at least; what has no room is scrolled."""
_BESIDE = 24
"""Pixels beside the digits of a short field."""


class NewSweep(QWidget):
    """Axes, seeds and a folder; the other settings are those that the form shows.

    It stands in the place of the views while it is shown, so that nothing around it moves.

    Args:
        session: of the window.
        opened: called with the folder that was written, and the command that trains it where it
            was copied.
        train: called after that, where it is to be trained at once.
    """

    shown = Signal(bool)
    """The fields are shown, or no longer."""

    def __init__(
        self, session: Session, opened: Callable[[str, str], None], train: Callable[[], None]
    ) -> None:
        super().__init__()
        self._session, self._opened, self._train = session, opened, train
        self.axes = _field("Axes, separated by blanks", AXES)
        self.axes.setCursorPosition(0)
        self.seeds = _field("Seeds", "5", 3)
        self.outer_steps = _field("Outer steps of each run", "", 8)
        self.inner_steps = _field("Compared after so many inner steps", "", 3)
        self.points = _field("Points that are searched", "24", 6)
        self.folder = _field("Folder of the new sweep", "")
        self.folder.setPlaceholderText("folder")
        self.folder.textChanged.connect(lambda path: self.folder.setToolTip(plain_tip(path)))
        self._proposed = ""
        """The folder that was proposed last."""
        self.choose = button("Choose…", self._choose, "Choose the folder")
        self.search = _choice("Search", SEARCHES)
        self.halving = _choice("Halving", HALVINGS)
        self.halving.setToolTip(
            plain_tip("At some outer steps only the best runs go on; the others stop there")
        )
        self.said = label("", "muted")
        self.said.setWordWrap(True)
        self.begin = button("Write and train", self.write_and_train,
                            "Write the folder, and train it on all cores", "primary")  # fmt: skip
        self.make = button("Write and copy command", self.write_and_copy,
                           "Write the folder, and copy the command that trains it in a terminal "
                           "or on a cluster")  # fmt: skip
        self.cancel = button("Cancel", self.hide, "Back, without a new sweep (Esc)")
        self._own = set[QLineEdit]()
        """Fields in which the user typed: they no longer follow the settings."""
        self._beside = list[QBoxLayout]()
        self._pair = dict[QWidget, QWidget]()
        """Field → itself with its words."""
        self._put_together()
        for field in (self.axes, self.seeds, self.outer_steps, self.inner_steps, self.points,
                      self.folder):  # fmt: skip
            field.textChanged.connect(lambda _: self.check())
        for field in (self.outer_steps, self.inner_steps):
            field.textEdited.connect(lambda text, field=field: self._take_as_own(field, text))
        for choice in (self.search, self.halving):
            choice.activated.connect(lambda _: self.check())
        session.editor.settings_changed.connect(self._follow)
        self.hide()

    def _put_together(self) -> None:
        guide = label(GUIDE, "muted")
        guide.setWordWrap(True)
        axes = row(label("Axes"))
        axes.addWidget(self.axes, 1)
        folder = row(label("Folder"))
        folder.addWidget(self.folder, 1)
        folder.addWidget(self.choose)
        self._inside = QWidget()
        rows = QVBoxLayout(self._inside)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(6)
        rows.addWidget(guide)
        rows.addLayout(axes)
        rows.addLayout(self._side_by_side(
            ("Seeds", self.seeds, ""), ("Outer steps", self.outer_steps, ""),
            ("Compared after", self.inner_steps, "inner steps"),
        ))  # fmt: skip
        rows.addLayout(self._side_by_side(
            ("Search", self.search, ""), ("", self.points, "points"), ("Halving", self.halving, "")
        ))  # fmt: skip
        rows.addLayout(folder)
        rows.addStretch(1)
        area = SeeThroughArea()
        area.setMinimumHeight(_LEAST_HEIGHT)
        area.setWidget(self._inside)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(area, 1)
        box.addWidget(self.said)
        box.addLayout(row(None, self.cancel, self.make, self.begin))

    def _side_by_side(self, *parts: tuple[str, QWidget, str]) -> QBoxLayout:
        """Fields with words before and after them; below each other where room is short."""
        beside = row(spacing=16)
        for before, field, after in parts:
            pair = self._pair[field] = QWidget()
            pair.setLayout(row(*(label(before) for _ in before[:1]), field,
                               *(label(after, "unit") for _ in after[:1])))  # fmt: skip
            beside.addWidget(pair, 0, Qt.AlignmentFlag.AlignLeft)
        beside.addStretch(1)
        self._beside.append(beside)
        return beside

    def ask(self) -> None:
        """Shows the fields."""
        if self.folder.text() in ("", self._proposed):
            self._proposed = proposed_path("sweep")
            self.folder.setText(self._proposed)
        self.show()
        self.shown.emit(True)
        self._follow()
        self.axes.setFocus(Qt.FocusReason.OtherFocusReason)

    def take_folder(self, path: str) -> None:
        """Takes a folder that was chosen; in one that holds something, a new one."""
        try:
            holds = any(Path(path).iterdir())
        except OSError:  # it may be new, and else writing says what is wrong
            holds = False
        new = Path(path) / Path(proposed_path("sweep")).name
        self.folder.setText(str(new) if holds else path)

    def _choose(self) -> None:
        there = Path(self.folder.text().strip()).parent
        ask_folder(self, "Folder of the new sweep", there, self.take_folder)

    def write_and_train(self) -> None:
        """Writes the folder of the sweep, and trains it."""
        path = self._write()
        if path is not None:
            self._opened(str(path), "")
            self._train()

    def write_and_copy(self) -> None:
        """Writes the folder of the sweep, and copies the command that trains it."""
        path = self._write()
        if path is not None:
            command = resume_command(path)
            QApplication.clipboard().setText(command)
            self._opened(str(path), command)

    def check(self) -> SweepSpec | None:
        """Says how many runs it would be, or what is no sweep yet; never both."""
        if not self.isVisible():
            return None
        searches = SEARCHES[self.search.currentText()]
        self._pair[self.points].setVisible(searches != GRID)
        self._pair[self.halving].setVisible(searches != "tpe")  # rounds have nothing to halve
        typed = Typed(
            self.axes.text(), self.seeds.text(), self.outer_steps.text(), self.inner_steps.text(),
            searches, self.points.text(), HALVINGS[self.halving.currentText()],
        )  # fmt: skip
        try:
            spec = described(self._session.editor.edited, typed)
        except SettingsError as error:
            self._refuse(str(error))
            return None
        self._say("muted", planned_words(spec))
        return spec

    def _write(self) -> Path | None:
        """Writes the folder; None where that is refused, which is said."""
        spec = self.check()
        if spec is None:
            return None
        text = self.folder.text().strip()
        path = Path(text).expanduser()
        try:
            spec.trials()  # what does not go together is refused before a folder is made
            if not text:
                raise SettingsError("The sweep needs a folder that is new or empty.")
            if is_sweep(path):
                raise SettingsError(f"{path} is a sweep: choose another folder, or open that one.")
            create_sweep(path, spec)
        except (SettingsError, StorageError, RuntimeError) as error:
            self._refuse(str(error))
            return None
        except OSError as error:
            self._refuse(f"The folder cannot be written: {error.strerror}.")
            return None
        self.hide()  # the map needs the room
        return path

    def _follow(self) -> None:
        """Shows numbers of the settings where the user has typed none."""
        settings = self._session.editor.edited
        for field, number in (
            (self.outer_steps, settings.outer.outer_steps),
            (self.inner_steps, min(5, settings.run.test_steps)),
        ):
            if field not in self._own:
                field.setText(whole(number))
        self.check()

    def _take_as_own(self, field: QLineEdit, text: str) -> None:
        (self._own.add if text.strip() else self._own.discard)(field)

    def _refuse(self, text: str) -> None:
        self._say("error", " ".join(text.splitlines()))

    def _say(self, role: str, text: str) -> None:
        if self.said.property("role") != role:
            mark(self.said, role=role)
        self.said.setText(text)

    def hideEvent(self, event: QHideEvent) -> None:
        """Gives the place back to the views."""
        super().hideEvent(event)
        if self.isHidden():
            self.shown.emit(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape goes back."""
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Puts fields below each other where they have no room side by side."""
        super().resizeEvent(event)
        for beside in self._beside:
            parts = [beside.itemAt(nth).widget() for nth in range(beside.count() - 1)]
            wide = sum(part.sizeHint().width() + beside.spacing() for part in parts)
            narrow = wide > self.width()
            beside.setDirection(QBoxLayout.Direction.TopToBottom if narrow
                                else QBoxLayout.Direction.LeftToRight)  # fmt: skip


class _Short(NumberLine):
    """A field as wide as so many digits."""

    digits = 3

    def sizeHint(self) -> QSize:
        """Room for the digits, in any type."""
        wide = self.fontMetrics().horizontalAdvance("0" * self.digits)
        return QSize(wide + _BESIDE, super().sizeHint().height())


def _field(name: str, text: str, digits: int = 0) -> QLineEdit:
    made = _Short(text) if digits else NumberLine(text)
    made.setAccessibleName(name)
    if isinstance(made, _Short):
        made.digits = digits
        made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return made


def _choice(name: str, words: Iterable[str]) -> ComboBox:
    made = ComboBox()
    made.setAccessibleName(name)
    made.addItems(list(words))
    return made


def resume_command(path: Path) -> str:
    """Command that trains what is left of a sweep."""
    return f"maml-explorer sweep --out {shlex.quote(str(path))} --resume"
