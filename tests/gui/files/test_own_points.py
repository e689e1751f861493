"""Points of the user's own, dropped or pasted, are the task on screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtGui import QGuiApplication

from maml_explorer.gui.window.window import MainWindow
from maml_explorer.settings.presets import load_preset
from tests.gui.driving import said
from tests.gui.files.test_files import drop


def test_a_dropped_file_becomes_the_task(window: MainWindow, tmp_path: Path):
    (tmp_path / "mine.csv").write_text("x,y\n-2,0.5\n1,1.25\n")
    drop(window, tmp_path / "mine.csv")
    probe = window.session.task.probe
    assert probe is not None and not probe.known
    np.testing.assert_array_equal(probe.support_x, [-2, 1])
    np.testing.assert_array_equal(probe.support_y, [0.5, 1.25])
    assert "The support set is now the 2 points of mine.csv." in said(window)[-1]


def test_a_wrong_file_leaves_the_task(window: MainWindow, tmp_path: Path):
    before = window.session.task.probe
    (tmp_path / "mine.csv").write_text("1;2\n1,5;2\n")
    drop(window, tmp_path / "mine.csv")
    assert "line 2 has “1,5” with a decimal comma" in said(window)[-1]
    assert window.session.task.probe is before


def test_two_columns_are_pasted(window: MainWindow):
    QGuiApplication.clipboard().setText("0\t1\n2\t3\n4\t-1")
    window.files.sharing.paste()
    probe = window.session.task.probe
    assert probe is not None
    np.testing.assert_array_equal(probe.support_y, [1, 3, -1])
    QGuiApplication.clipboard().setText("0\t1\n2\t?")
    window.files.sharing.paste()
    assert window.session.task.probe is probe
    assert "The clipboard, line 2 has “?”" in said(window)[-1]
    QGuiApplication.clipboard().setText("a letter")
    window.files.sharing.paste()
    assert "neither a share string nor points" in said(window)[-1]


def test_points_are_not_for_images(window: MainWindow, tmp_path: Path):
    window.session.control.load_preset(load_preset("glyphs-2-way-4-shot"))
    window.session.link.pull()
    (tmp_path / "mine.csv").write_text("1,2\n")
    drop(window, tmp_path / "mine.csv")
    assert "this run uses images" in said(window)[-1]
