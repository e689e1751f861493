"""Description of a new sweep: written as a folder, and trained from here or a terminal."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from maml_explorer.files.reader import StorageError
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.gui.widgets.elided_label import ElidedLabel
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.words import counted
from maml_explorer.storage.sweep.axes import parse_axis
from maml_explorer.storage.sweep.folder import create_sweep
from maml_explorer.storage.sweep.spec import MAX_SEEDS, SweepSpec, usual_objective

AXES = "inner_lr=0.001:0.1:log:5 outer_lr=0.0003,0.001,0.003"
GUIDE = (
    "An axis is a setting and its values: outer_lr=0.0003,0.001 tries two, "
    "inner_lr=0.001:0.1:log:5 tries five from 0.001 to 0.1. All other settings are those in the "
    "form."
)


class NewSweep(QWidget):
    """Axes, seeds and a folder; the other settings are those that the form shows.

    Args:
        session: of the window.
        opened: called with the folder that was written.
        train: called after that, where it is to be trained at once.
    """

    def __init__(
        self, session: Session, opened: Callable[[str], None], train: Callable[[], None]
    ) -> None:
        super().__init__()
        self._session, self._opened, self._train = session, opened, train
        self.axes, self.seeds, self.folder = (QLineEdit(text) for text in (AXES, "5", ""))
        for field, name in ((self.axes, "Axes, separated by blanks"), (self.seeds, "Seeds"),
                            (self.folder, "Folder of the new sweep")):  # fmt: skip
            field.setAccessibleName(name)
        self.folder.setPlaceholderText("folder")
        self.seeds.setFixedWidth(48)
        self.said = label("", "muted")
        self.said.setWordWrap(True)
        self.begin = button("Write and train", self.write_and_train,
                            "Write the folder, and train it on all cores", "primary")  # fmt: skip
        self.make = button("Write and copy command", self.write_and_copy,
                           "Write the folder, and copy the command that trains it in a terminal "
                           "or on a cluster")  # fmt: skip
        self.guide, self.planned = label(GUIDE, "muted"), ElidedLabel()
        self.guide.setWordWrap(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        axes = row(label("Axes"))
        axes.addWidget(self.axes, 1)
        self.axes.setCursorPosition(0)
        fields = row(label("Seeds"), self.seeds, label("Folder"))
        fields.addWidget(self.folder, 1)
        self.form = QWidget()
        rows = QVBoxLayout(self.form)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.guide)
        rows.addLayout(axes)
        rows.addLayout(fields)
        ways = row()
        ways.addWidget(self.planned, 1)
        for way in (self.make, self.begin):
            ways.addWidget(way)
        rows.addLayout(ways)
        box.addWidget(self.form)
        for field in (self.axes, self.seeds):
            field.textChanged.connect(lambda _: self._count())
        session.editor.settings_changed.connect(lambda _: self._count())
        box.addWidget(self.said)
        self.said.hide()
        self.hide()

    def ask(self) -> None:
        """Shows the fields, or hides them where they are shown."""
        shown = self.isVisible() and self.form.isVisible()
        self.form.setVisible(not shown)
        self.said.setVisible(False)
        self.setVisible(not shown)
        self._count()

    def write_and_train(self) -> None:
        """Writes the folder of the sweep, and trains it."""
        if self._write() is not None:
            self.hide()  # the map needs the room
            self._train()

    def write_and_copy(self) -> None:
        """Writes the folder of the sweep, and copies the command that trains it."""
        path = self._write()
        if path is None:
            return
        command = resume_command(path)
        QApplication.clipboard().setText(command)
        self._say(f"The folder is written. To train it, run in a terminal (copied): {command}")
        self.form.hide()

    def _write(self) -> Path | None:
        """Writes the folder, and shows it; None where that is refused, which is said."""
        try:
            spec = self._spec()
            spec.trials()  # what does not go together is refused before a folder is made
            if not self.folder.text().strip():
                raise SettingsError("The sweep needs a folder that is new or empty.")
            path = Path(self.folder.text().strip()).expanduser()
            create_sweep(path, spec)
        except (SettingsError, StorageError, RuntimeError) as error:
            self._say(str(error))
            return None
        except OSError as error:
            self._say(f"The folder cannot be written: {error.strerror}.")
            return None
        self._opened(str(path))
        return path

    def _count(self) -> None:
        """Says how many runs it would be; nothing while what is typed is no sweep yet."""
        if not self.isVisible():
            return
        try:
            spec = self._spec()
        except (SettingsError, StorageError, RuntimeError):
            spec = None
        # multiplied, as making tens of thousands of runs takes seconds
        cells = 0 if spec is None else math.prod(len(axis.values) for axis in spec.axes)
        if spec is None or not cells:
            self.planned.say(" ")  # the line stays, so that nothing below it moves
            return
        seeds = len(spec.seeds)
        steps = counted(spec.base.outer.outer_steps, "outer step", whole)
        runs = f"{counted(cells * seeds, 'run', whole)} of {steps}"
        self.planned.say(
            f"{counted(cells, 'combination')} × {counted(seeds, 'seed')} = {runs}",
            runs,
            counted(cells * seeds, "run", whole),
        )

    def _spec(self) -> SweepSpec:
        seeds = self.seeds.text().strip()
        if not seeds.isdecimal() or not 1 <= int(seeds[:4]) <= MAX_SEEDS:
            raise SettingsError(f"Seeds is how many, from 1 to {MAX_SEEDS}; not “{seeds[:20]}”.")
        base = self._session.editor.edited
        axes = tuple(parse_axis(text) for text in self.axes.text().split())
        steps = min(5, base.run.test_steps)
        objective = usual_objective(base, steps)
        return SweepSpec(base, axes, tuple(range(int(seeds))), objective=objective)

    def _say(self, text: str) -> None:
        self.said.setText(" ".join(text.split()))
        self.said.show()


def resume_command(path: Path) -> str:
    """Command that trains what is left of a sweep."""
    return f"maml-explorer sweep --out {shlex.quote(str(path))} --resume"
