"""How often the window looks: at frame rate, at once for an answer, seldom when idle."""

from __future__ import annotations

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from maml_explorer.gui import pace as paces
from maml_explorer.gui.pace import AWAITING, FRAME, IDLE, Pace


def test_an_awaited_answer_is_looked_for_at_once(qtbot: QtBot) -> None:
    parent = QObject()
    looks: list[int] = []
    pace = Pace(lambda: looks.append(1), parent)
    pace.start()
    pace.relax(True)
    qtbot.waitUntil(lambda: pace.timer.interval() >= IDLE)
    pace.await_answer()
    assert pace.timer.interval() == AWAITING
    qtbot.waitUntil(lambda: len(looks) >= 3)
    assert pace.interval == AWAITING
    pace.answered()
    assert FRAME <= pace.interval < IDLE
    pace.stop()


def test_an_answer_that_does_not_come_is_not_waited_for_long(qtbot: QtBot) -> None:
    parent = QObject()
    pace = Pace(lambda: None, parent)
    pace.start()
    pace.relax(True)
    pace.await_answer()
    pace._await_until -= paces._AWAIT_SECONDS
    assert pace.interval >= FRAME
    qtbot.waitUntil(lambda: pace.timer.interval() >= IDLE)
    pace.stop()
