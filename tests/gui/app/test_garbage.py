"""Garbage in cycles is collected on the GUI thread alone, between events."""

from __future__ import annotations

import gc
import threading
import weakref

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from maml_explorer.gui.app import garbage_collection
from maml_explorer.gui.app.garbage_collection import collect_due, collected_between_events


class Bell(QObject):
    rung = Signal(object)


class Knot(QWidget):
    """A widget in a cycle with itself."""

    died_in: list[int] = []  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.itself = self
        weakref.finalize(self, lambda: Knot.died_in.append(threading.get_ident()))


def allocate(into: list[list[int]]) -> None:
    """Makes far more containers than the thresholds let live between two collections."""
    into.extend([n] for n in range(100_000))


def test_nothing_is_collected_in_a_thread_or_in_the_middle_of_something(
    qtbot: QtBot, qapp: QApplication, monkeypatch
) -> None:
    monkeypatch.setattr(garbage_collection, "EVERY", 10)
    Knot.died_in.clear()
    gc.enable()
    bell = Bell()
    with collected_between_events(bell.rung):
        bell.rung.emit(1)
        assert gc.get_freeze_count() > 0
        Knot()
        kept: list[list[int]] = []
        thread = threading.Thread(target=allocate, args=(kept,))
        thread.start()
        thread.join()
        allocate(kept)
        assert Knot.died_in == [], "not by the way"
        qtbot.waitUntil(lambda: Knot.died_in == [threading.get_ident()])
    assert gc.isenabled() and gc.get_freeze_count() == 0


def test_only_what_is_due_is_collected(monkeypatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(gc, "collect", asked.append)
    monkeypatch.setattr(gc, "get_threshold", lambda: (700, 10, 10))
    for counts in ((700, 10, 10), (701, 0, 0), (900, 11, 3), (0, 0, 11)):
        monkeypatch.setattr(gc, "get_count", lambda counts=counts: counts)
        collect_due()
    assert asked == [0, 1, 2]
