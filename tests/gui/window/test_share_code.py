"""The share string as a QR code on the screen."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from maml_explorer.gui.widgets.qr_code import QUIET, qr_code
from maml_explorer.gui.window.window import MainWindow


def test_the_code_on_the_screen_is_that_of_the_share_string(window: MainWindow, qtbot: QtBot):
    text = window.files.sharing.text()
    qtbot.keyClick(window, Qt.Key.Key_F6)
    sheet = window.share_code
    assert sheet.isVisible()
    expected = qr_code(text)
    np.testing.assert_array_equal(sheet.code.modules, expected)
    picture = sheet.code.grab().toImage()
    count = len(expected) + 2 * QUIET
    module = min(picture.width(), picture.height()) // count
    left, top = (picture.width() - module * count) // 2, (picture.height() - module * count) // 2
    seen = np.array([
        [QColor(picture.pixel(left + c * module + module // 2, top + r * module + module // 2))
         .lightness() < 128 for c in range(count)]
        for r in range(count)
    ])  # fmt: skip
    np.testing.assert_array_equal(seen, np.pad(expected, QUIET))
    assert module * (count + 1) > 0.9 * window.height() - 8, "a camera in the hall needs large ones"
    assert sheet.says.font().pointSizeF() >= 1.4 * window.session.theme.points
    assert "not the trained θ" in sheet.says.text()
    qtbot.keyClick(sheet.done, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


def test_it_is_as_large_in_a_window_that_grew(window: MainWindow, qtbot: QtBot):
    window.share_code.show_code()
    window.share_code.dismiss()
    window.resize(1700, 1000)
    window.share_code.show_code()
    qtbot.waitUntil(lambda: window.share_code.code.height() > 900)


def test_it_follows_what_is_shown(window: MainWindow):
    window.share_code.show_code()
    before = window.share_code.code.modules
    window.share_code.show_code()
    assert not window.share_code.isVisible()
    window.session.editor.edit({"inner_lr": 0.123})
    window.share_code.show_code()
    assert not np.array_equal(before, window.share_code.code.modules)


def test_what_cannot_be_shared_is_said(window: MainWindow):
    window.files.sharing.text = lambda: ""  # type: ignore[method-assign]
    window.share_code.show_code()
    assert not window.share_code.isVisible()
