"""Asks which arm's initialization goes into which folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.widgets.controls import ComboBox, Switch, button, label, row
from maml_explorer.gui.widgets.plain_tip import plain_tip
from maml_explorer.protocol.commands import ExportInitialization

_WIDEST = 640
"""Pixels of the field of the folder at most."""


class ExportDialog(QDialog):
    """Does not stop the run; the answer comes as a banner."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export initialization")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("export")
        self._session = session
        self.arm = ComboBox()
        self.arm.setAccessibleName("Arm")
        for arm in session.settings.arms:
            self.arm.addItem(arm.name)
        self.arm.currentTextChanged.connect(self._propose)
        self._proposed = ""
        self.folder = QLineEdit()
        self.folder.setAccessibleName("Folder")
        self.folder.setMinimumWidth(320)
        self.folder.textChanged.connect(self._show_whole)
        self.folder.textChanged.connect(self._check)
        self.overwrite = Switch()
        self.overwrite.setAccessibleName("Replace the folder")
        self.overwrite.toggled.connect(self._check)
        self.overwrite_label = label("Replace the folder that is there")
        choose = button("Choose…", self._choose, "Choose the folder")
        self.export = button("Export", self._export, role="primary")
        self.export.setDefault(True)
        cancel = button("Cancel", self.reject)
        grid = QGridLayout()
        grid.setSpacing(8)
        grid.addWidget(label("Arm"), 0, 0)
        grid.addWidget(self.arm, 0, 1, 1, 2)
        grid.addWidget(label("Folder"), 1, 0)
        grid.addWidget(self.folder, 1, 1)
        grid.addWidget(choose, 1, 2)
        grid.addLayout(row(self.overwrite, self.overwrite_label, None), 2, 1, 1, 2)
        words = label(
            "Writes model.safetensors and, for torch.load, model.pt with the same weights; "
            "config.json with all settings; README.md with the lines that load them in PyTorch.",
            "muted",
        )
        words.setWordWrap(True)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 16, 16, 16)
        box.setSpacing(16)
        box.addWidget(words)
        box.addLayout(grid)
        box.addLayout(row(None, cancel, self.export))
        self._propose(self.arm.currentText())

    def _propose(self, arm: str) -> None:
        if self.folder.text() not in ("", self._proposed):
            return
        kind = QStandardPaths.StandardLocation.DocumentsLocation
        name = "".join(c if c.isalnum() else "-" for c in arm.lower()).strip("-") or "arm"
        folder = Path(QStandardPaths.writableLocation(kind) or Path.home())
        self._proposed = str(folder / "maml-explorer" / f"{name}-seed-{self._seed}")
        self.folder.setText(self._proposed)
        self._check()

    def _show_whole(self, path: str) -> None:
        """Gives the path its room; what is longer shows its end, and the whole as a tooltip."""
        self.folder.setToolTip(plain_tip(path))
        wide = self.folder.fontMetrics().horizontalAdvance(path) + 24
        self.folder.setMinimumWidth(max(320, min(wide, _WIDEST)))

    @property
    def _seed(self) -> int:
        return self._session.settings.run.seed

    def _choose(self) -> None:
        chooser = QFileDialog(self, "Export initialization into", self.folder.text())
        chooser.setFileMode(QFileDialog.FileMode.Directory)
        chooser.setOption(QFileDialog.Option.ShowDirsOnly)
        chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chooser.fileSelected.connect(self.folder.setText)
        chooser.open()

    def _check(self) -> None:
        text = self.folder.text().strip()
        there = bool(text) and _holds_something(Path(text))
        self.overwrite.setVisible(there)
        self.overwrite_label.setVisible(there)
        self.export.setEnabled(bool(text) and (self.overwrite.isChecked() or not there))

    def _export(self) -> None:
        self._session.control.write(
            ExportInitialization(
                self.arm.currentText(), self.folder.text().strip(), self.overwrite.isChecked()
            )
        )
        self.accept()


def _holds_something(folder: Path) -> bool:
    try:
        return folder.is_file() or any(folder.iterdir())
    except (OSError, ValueError):
        return False
