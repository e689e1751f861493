"""The main job as a person does it, on the real window with the real worker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from maml_explorer.gui.files.export_dialog import ExportDialog
from maml_explorer.gui.settings_form.fields import TextField
from maml_explorer.protocol.commands import Train
from maml_explorer.protocol.reports import Phase
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.initialization.folder import load_initialization
from tests.gui.driving import opened_window, said

LEFT = Qt.MouseButton.LeftButton
SETTINGS = (
    Settings(arms=(default_arm("maml"), default_arm("mtl")))
    .with_values({"hidden": (8, 8), "meta_batch": 4, "test_tasks": 10})
)  # fmt: skip


def test_train_turn_alpha_sample_a_task_drag_a_point_export_and_reload(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path
) -> None:
    window = opened_window(qtbot, SETTINGS, 1440, 900)
    session, hero = window.session, window.columns.places["adaptation"].panel
    losses = window.columns.places["losses"].panel
    session.start()
    qtbot.waitUntil(lambda: session.link.phase is Phase.PAUSED, timeout=30_000)

    # train: the curves of both arms grow
    qtbot.mouseClick(window.run_bar.train, LEFT)

    def last(arm: str) -> float:
        drawn = losses.plot.drawn.get(arm)
        return float(drawn.x[-1]) if drawn is not None and len(drawn.x) else 0.0

    qtbot.waitUntil(lambda: last("MAML") >= 30 and last("MTL") >= 30, timeout=60_000)

    # the slider under the field of α: the worker says that the new value is in force
    field = window.columns.form.row("inner_lr").fields["inner_lr"]
    assert isinstance(field, TextField)
    field.edit.setFocus()
    slider = window.columns.form.row("inner_lr").sliders["inner_lr"]
    qtbot.wait(50)  # its row is laid out, also while the worker trains
    width, middle = slider.width(), slider.height() // 2
    qtbot.mousePress(slider, LEFT, pos=QPoint(width // 2, middle))
    for part in (0.6, 0.7):
        qtbot.mouseMove(slider, QPoint(round(part * width), middle))
    qtbot.waitUntil(lambda: session.settings.inner.inner_lr != 0.01)
    qtbot.mouseRelease(slider, LEFT, pos=QPoint(round(0.7 * width), middle))
    alpha = session.settings.inner.inner_lr
    assert alpha != 0.01
    qtbot.waitUntil(
        lambda: session.status is not None and session.status.settings.inner.inner_lr == alpha,
        timeout=30_000,
    )
    before = last("MAML")
    qtbot.waitUntil(lambda: last("MAML") > before, timeout=30_000)

    # another task, then a point of it dragged, while paused
    old = session.task.probe
    qtbot.mouseClick(hero.new_task, LEFT)
    assert session.task.probe is not old and session.task.probe is not None
    qtbot.mouseClick(window.run_bar.train, LEFT)
    qtbot.waitUntil(lambda: session.link.phase is Phase.PAUSED, timeout=30_000)
    task = session.task.probe
    canvas = hero.canvas
    index = int(np.argmin(np.abs(task.support_x)))
    start = canvas.to_pixel(float(task.support_x[index]), float(task.support_y[index]))
    curve = session.task.probed.arms["MAML"].curves.copy() if session.task.probed else None
    qtbot.mousePress(canvas.viewport(), LEFT, pos=start)
    for up in (10, 25, 40):
        qtbot.mouseMove(canvas.viewport(), start - QPoint(0, up))
    qtbot.mouseRelease(canvas.viewport(), LEFT, pos=start - QPoint(0, 40))
    moved = session.task.probe
    assert moved is not None and moved.amplitude is None, "off the truth it is one's own task"
    assert not np.array_equal(moved.support_y, task.support_y)
    qtbot.waitUntil(
        lambda: session.task.probed is not None and session.task.probed.probe is moved,
        timeout=30_000,
    )
    assert session.task.probed is not None and curve is not None
    assert not np.array_equal(session.task.probed.arms["MAML"].curves[-1], curve[-1])

    # export, and load what was exported
    dialog = ExportDialog(session, window)
    dialog.show()
    dialog.folder.setText(str(tmp_path / "maml"))
    with qtbot.waitSignal(session.link.exported, timeout=60_000):
        qtbot.mouseClick(dialog.export, LEFT)
    loaded = load_initialization(tmp_path / "maml")
    assert loaded.arm.name == "MAML" and loaded.settings.inner.inner_lr == alpha
    assert session.status is not None
    assert loaded.outer_step == session.status.arm_steps["MAML"]
    window.close()
    assert not session.link.worker.alive


def test_undo_of_remove_brings_an_arm_back_as_it_was(qtbot: QtBot, qapp: QApplication) -> None:
    window = opened_window(qtbot, SETTINGS)
    session, arms = window.session, window.columns.places["adaptation"].panel.arms
    session.start()

    def stand_at(outer_step: int) -> None:
        session.link.post(Train(until=outer_step))
        qtbot.waitUntil(
            lambda: session.link.phase is Phase.PAUSED and session.status.outer_step == outer_step,
            timeout=60_000,
        )

    def remove(name: str) -> None:
        menu = arms.menu(name)
        next(one for one in menu.actions() if one.text() == "Remove").trigger()
        menu.close()

    stand_at(20)
    curve = session.losses.history.of_loss("outer")["MTL"].low()
    assert len(curve) == 20
    remove("MTL")
    qtbot.waitUntil(lambda: "MTL" not in session.status.arm_steps, timeout=30_000)
    assert "MTL" not in session.losses.history.of_loss("outer")
    stand_at(30)
    session.undo()
    qtbot.waitUntil(lambda: session.status.arm_steps.get("MTL") == 20, timeout=30_000)
    back = session.losses.history.of_loss("outer")["MTL"]
    np.testing.assert_array_equal(back.low(), curve)
    assert said(window) == ["MTL is back as it was after 20 steps; the others have taken 30."]
    stand_at(40)
    assert session.status.arm_steps == {"MAML": 40, "MTL": 30}
    again = session.losses.history.of_loss("outer")["MTL"].low()
    assert np.isfinite(again).sum() == 30, "beside what marks the time it was away"
    # undone at once nothing was missed, and nothing is said
    remove("MTL")
    session.undo()
    stand_at(45)
    assert session.status.arm_steps == {"MAML": 45, "MTL": 35}
    window.close()
