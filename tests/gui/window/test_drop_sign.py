"""The sign while a file hovers over the window."""

from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent

from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import said


def test_a_hovering_file_is_answered_and_the_answer_goes(window: MainWindow, tmp_path: Path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "none.toml"))])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(300, 300), action, data, button, none)
    window.dragEnterEvent(enter)
    assert enter.isAccepted() and window.drop_sign.isVisible()
    assert window.rect().contains(window.drop_sign.geometry())
    (tmp_path / "odd").write_text("odd")
    window.files.opening.open(tmp_path / "odd")
    kinds = said(window)[-1].rpartition("Drop a ")[2].rstrip(".")
    assert ".csv" in kinds and window.drop_sign.words.text() == f"Drop to open: {kinds}"
    window.dragLeaveEvent(QDragLeaveEvent())
    assert not window.drop_sign.isVisible()
    window.dragEnterEvent(enter)
    window.dropEvent(QDropEvent(QPointF(300, 300), action, data, button, none))
    assert not window.drop_sign.isVisible()
    text = QMimeData()
    text.setText("words")
    window.dragEnterEvent(QDragEnterEvent(QPoint(3, 3), action, text, button, none))
    assert not window.drop_sign.isVisible()
