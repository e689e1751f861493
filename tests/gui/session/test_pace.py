"""How often the window looks: at frame rate, at once for an answer, seldom when idle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from maml_explorer.gui.session import pace as paces
from maml_explorer.gui.session.pace import AWAITING, DRAWING_SHARE, FRAME, IDLE, Pace, Patience


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


class Window:
    """A clock and a thread that computes for a share of the time."""

    def __init__(self) -> None:
        self.patience, self.now, self.used = Patience(), 0.0, 0.0

    def live(self, seconds: float, share: Callable[[float], float]) -> float:
        """The patience after some seconds; the share may follow from it."""
        for _ in range(round(seconds / 0.03)):
            self.now += 0.03
            self.used += 0.03 * share(self.patience.value)
            self.patience.judge(self.now, self.used)
        return self.patience.value


def test_drawing_slows_down_before_training_does() -> None:
    window = Window()
    assert window.live(5.0, lambda _: 0.02) == 1.0, "what it takes is little"
    assert 1.2 < window.live(1.1, lambda _: 0.15) < 1.6, "in strides"
    assert window.live(20.0, lambda _: 0.15) == paces.MOST_PATIENCE, "it is drawn all the same"
    assert window.live(20.0, lambda _: 0.01) == 1.0


def test_patience_settles_where_drawing_takes_its_share() -> None:
    settled = Window().live(60.0, lambda patience: 0.01 + 0.06 / patience)
    assert settled == pytest.approx(0.06 / (DRAWING_SHARE - 0.01), rel=0.05)


def test_patience_is_for_training_at_full_speed_alone(qtbot: QtBot) -> None:
    parent = QObject()
    pace = Pace(lambda: None, parent)
    for rest in (lambda: pace.relax(True), lambda: pace.limit(True)):
        pace.relax(False)
        pace.limit(False)
        pace._patience.learned = 3.0
        pace._tick()
        assert pace.patience == 3.0
        rest()
        pace._tick()
        assert pace.patience == 1.0
        assert pace._patience.learned == 3.0, "the next training asks for the same"


def test_looks_that_take_long_come_seldom_and_a_single_one_does_not(
    qtbot: QtBot, monkeypatch
) -> None:
    now = 0.0
    left = [0.060, 0.001, 0.060, 0.060]
    monkeypatch.setattr(paces.time, "monotonic", lambda: now)

    def pull() -> None:
        nonlocal now
        now += left.pop(0)

    parent = QObject()
    pace = Pace(pull, parent)
    intervals = []
    while left:
        now += FRAME / 1000
        pace._tick()
        intervals.append(pace.interval)
    assert intervals == [FRAME, FRAME, FRAME, 120]
