"""How often the window looks: at frame rate, seldom when idle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from maml_explorer.gui.session import pace as paces
from maml_explorer.gui.session.pace import DRAWING_SHARE, FRAME, IDLE, Pace, Patience


def test_for_a_second_after_a_command_it_looks_at_frame_rate(qtbot: QtBot) -> None:
    parent = QObject()
    looks: list[int] = []
    pace = Pace(lambda: looks.append(1), parent)
    pace.start()
    pace.relax(True)
    qtbot.waitUntil(lambda: pace.timer.interval() >= IDLE)
    pace.hurry()
    assert pace.timer.interval() < IDLE
    qtbot.waitUntil(lambda: len(looks) >= 3)
    assert FRAME <= pace.interval < IDLE
    pace._hurry_until -= paces._HURRY_SECONDS
    assert pace.interval >= IDLE
    pace.stop()


def test_60_hz_while_training_however_patient_drawing_is(qtbot: QtBot) -> None:
    parent = QObject()
    pace = Pace(lambda: None, parent)
    pace._patience.learned = paces.MOST_PATIENCE
    pace._tick()
    assert pace.patience == paces.MOST_PATIENCE
    assert pace.interval == FRAME


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
    pace.timer.setInterval(FRAME)
    intervals = []
    while left:
        now += FRAME / 1000
        pace._tick()
        intervals.append(pace.interval)
    assert intervals == [FRAME, FRAME, FRAME, 120]


def test_what_is_drawn_later_is_drawn_after_a_look(qtbot: QtBot) -> None:
    parent = QObject()
    pace = Pace(lambda: None, parent)
    assert pace.after_a_look(150.4) == 150, "it does not look yet"
    pace.start()
    until, between = pace.timer.remainingTime(), pace.timer.interval()
    for asked in (0, 40, 150):
        found = pace.after_a_look(asked) - 1
        assert (found - until) % between in (0, between - 1), "with a look (or 1 ms went by)"
        assert found <= until or abs(found - asked) <= between / 2 + 1, asked
    pace.relax(True)
    assert pace.after_a_look(150) == 150, "looks are seldom now"
    pace.stop()
