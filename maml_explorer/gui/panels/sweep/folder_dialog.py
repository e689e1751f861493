"""Dialog that asks for the folder of a sweep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget


def ask_folder(parent: QWidget, title: str, there: Path, take: Callable[[str], None]) -> None:
    """Opens the dialog in a folder, or at home where that is absent."""
    chooser = QFileDialog(parent, title, str(there if there.is_dir() else Path.home()))
    chooser.setFileMode(QFileDialog.FileMode.Directory)
    chooser.setOption(QFileDialog.Option.ShowDirsOnly)
    chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    chooser.fileSelected.connect(take)
    chooser.open()
