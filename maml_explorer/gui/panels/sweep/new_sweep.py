"""Description of a new sweep: written as a folder that the command line trains."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from maml_explorer.files.reader import StorageError
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.widgets.controls import button, label, row
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.words import counted
from maml_explorer.storage.sweep.axes import parse_axis
from maml_explorer.storage.sweep.folder import create_sweep
from maml_explorer.storage.sweep.spec import MAX_SEEDS, SweepSpec, usual_objective

AXES = "inner_lr=0.001:0.1:log:5 outer_lr=0.0003,0.001,0.003"


class NewSweep(QWidget):
    """Axes, seeds and a folder; the other settings are those of the window.

    The window starts no other program: it writes the folder, and puts the command that trains it
    on the clipboard.
    """

    def __init__(self, session: Session, opened: Callable[[str], None]) -> None:
        super().__init__()
        self._session, self._opened = session, opened
        self.axes, self.seeds, self.folder = (QLineEdit(text) for text in (AXES, "5", ""))
        for field, name in ((self.axes, "Axes, separated by blanks"), (self.seeds, "Seeds"),
                            (self.folder, "Folder of the new sweep")):  # fmt: skip
            field.setAccessibleName(name)
        self.folder.setPlaceholderText("folder")
        self.seeds.setFixedWidth(48)
        self.said = label("", "muted")
        self.said.setWordWrap(True)
        self.make = button("Write and copy command", self.write,
                           "Write the folder, and copy the command that trains it")  # fmt: skip
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        fields = row(label("Axes"))
        fields.addWidget(self.axes, 3)
        for part in (label("Seeds"), self.seeds, label("Folder")):
            fields.addWidget(part)
        fields.addWidget(self.folder, 2)
        fields.addWidget(self.make)
        self.form = QWidget()
        fields.setContentsMargins(0, 0, 0, 0)
        self.form.setLayout(fields)
        box.addWidget(self.form)
        box.addWidget(self.said)
        self.said.hide()
        self.hide()

    def ask(self) -> None:
        """Shows the fields, or hides them where they are shown."""
        shown = self.isVisible() and self.form.isVisible()
        self.form.setVisible(not shown)
        self.said.setVisible(False)
        self.setVisible(not shown)

    def write(self) -> None:
        """Writes the folder of the sweep, and copies the command that trains it."""
        try:
            spec = self._spec()
            count = len(spec.trials())
            path = Path(self.folder.text().strip()).expanduser()
            create_sweep(path, spec)
        except (SettingsError, StorageError, RuntimeError) as error:
            self._say(str(error))
            return
        except OSError as error:
            self._say(f"The folder cannot be written: {error.strerror}.")
            return
        command = resume_command(path)
        QApplication.clipboard().setText(command)
        self._say(
            f"{counted(count, 'run')} are described. To train them, run in a terminal (copied): "
            f"{command}"
        )
        self.form.hide()  # the map needs the room
        self._opened(str(path))

    def _spec(self) -> SweepSpec:
        seeds = self.seeds.text().strip()
        if not seeds.isdecimal() or not 1 <= int(seeds[:4]) <= MAX_SEEDS:
            raise SettingsError(f"Seeds is how many, from 1 to {MAX_SEEDS}; not “{seeds[:20]}”.")
        if not self.folder.text().strip():
            raise SettingsError("The sweep needs a folder that is new or empty.")
        base = self._session.settings
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
