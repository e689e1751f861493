"""Every word of the window as it is painted, in both themes: readable on what lies behind it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from maml_explorer.gui.panels import PANELS, TAB
from maml_explorer.gui.style.contrast import READABLE, contrast
from maml_explorer.gui.style.theme import THEMES
from maml_explorer.gui.window.window import MainWindow
from tests.gui.driving import Opener

TABS = [entry.name for entry in PANELS.values() if entry.place == TAB]
KINDS = (QLabel, QAbstractButton, QComboBox, QLineEdit)


def painted(widget: QWidget, image: QImage) -> float:
    """The contrast between the most frequent colour of a widget and the farthest from it."""
    corner = widget.mapTo(widget.window(), QPoint(2, 2))
    part = image.copy(QRect(corner, widget.size() - QSize(4, 4)))
    rows = np.frombuffer(part.constBits(), dtype=np.uint32)
    rows = rows.reshape(part.height(), part.bytesPerLine() // 4)[:, : part.width()]
    colors, counts = np.unique(rows & 0xFFFFFF, return_counts=True)
    names = [f"#{color:06x}" for color in colors[np.argsort(-counts)].tolist()]
    return max((contrast(name, names[0]) for name in names[1:]), default=0.0)


def too_faint(root: QWidget) -> list[str]:
    """The words in a part of the window that are hard to read."""
    image = root.window().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    found = []
    for widget in root.findChildren(QWidget):
        text = widget.text() if isinstance(widget, QLabel | QAbstractButton | QLineEdit) else "x"
        if (
            not isinstance(widget, KINDS)
            or not any(map(str.isalnum, text))
            or not widget.isVisible()
        ):
            continue
        seen = widget.visibleRegion().boundingRect()
        if not widget.isEnabled() or seen.size() != widget.size() or widget.height() < 8:
            continue  # scrolled out of sight
        if painted(widget, image) < READABLE:
            found.append(f"{type(widget).__name__} “{text}” {painted(widget, image):.2f}")
    return found


@pytest.mark.parametrize("name", THEMES)
def test_everything_is_readable(opened: Opener, qtbot: QtBot, name: str):
    window: MainWindow = opened(size=(1280, 800))
    window.appearance.use(name)
    try:
        window.welcome.greet()
        window.session.editor.edit({"seed": 5, "inner_lr": 0.3})
        for tab in TABS:
            window.columns.show_tab(tab)
            qtbot.wait(30)
            assert too_faint(window.columns.tabs.currentWidget()) == []
        assert too_faint(window.centralWidget()) == []
        for kind in ("notice", "warning", "danger"):  # they cover what lies below
            window.banners.say(kind, f"Words of a {kind}.", kind, (("Do", lambda: None),))
            assert window.banners.isVisible() and too_faint(window.banners) == []
            window.banners.drop(kind)
        window.show_palette()
        assert too_faint(window.palette_overlay.card) == []
        window.palette_overlay.dismiss()
        window.show_shortcuts()
        assert too_faint(window.shortcut_sheet.card) == []
    finally:
        window.appearance.use("")
