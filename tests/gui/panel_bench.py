"""A session with the fake worker for tests of one panel, and hands to work it with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QSlider, QWidget
from pytestqt.qtbot import QtBot

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.task_sampling import fixed
from maml_explorer.protocol import commands, reports
from maml_explorer.settings.settings import Settings
from tests.gui.fake_worker import FakeWorker

Panel = TypeVar("Panel", bound=QWidget)
LEFT = Qt.MouseButton.LeftButton


@dataclass
class Bench:
    qtbot: QtBot
    worker: FakeWorker
    session: Session

    @staticmethod
    def start(qtbot: QtBot, settings: Settings | None = None) -> Bench:
        worker = FakeWorker()
        session = Session(worker, settings)
        session.start()
        # Reports are pulled by hand, so that a test decides when they arrive.
        session.link.pace.stop()
        session.link.pull()
        return Bench(qtbot, worker, session)

    def show(self, make: Callable[[Session], Panel], width=720, height=560) -> Panel:
        panel = make(self.session)
        self.qtbot.addWidget(panel)
        panel.resize(width, height)
        panel.show()
        self.qtbot.waitExposed(panel)
        # The first painting settles how wide the axes are.
        panel.grab()
        return panel

    def pull(self) -> None:
        self.session.link.pace.stop()
        self.session.link.pull()

    def report(self, report: reports.Report) -> None:
        self.worker.report(report)
        self.pull()

    def task(self, x=(-4.0, 0.0, 3.0), amplitude=2.0, phase=0.5) -> commands.ProbeTask:
        """Shows a task of known truth."""
        x = np.array(x)
        task = commands.ProbeTask(
            fixed(x), fixed(amplitude * np.sin(x - phase)), amplitude, phase, fixed([-3.0, 1.0])
        )
        self.session.task.set_probe(task)
        self.pull()
        return task

    def drag(self, widget: QWidget, *way: QPoint) -> None:
        """Presses at the first pixel and moves over the others; the button stays down."""
        self.qtbot.mousePress(widget, LEFT, pos=way[0])
        for pixel in way[1:]:
            self.qtbot.mouseMove(widget, pixel)
            self.pull()

    def with_arm(self, name: str, **changes: object) -> reports.Probed:
        """The newest probe report with one arm changed."""
        probed = self.session.task.probed
        assert probed is not None
        return replace(probed, arms={**probed.arms, name: replace(probed.arms[name], **changes)})


def nameless(panel: QWidget) -> list[QWidget]:
    """The controls in a panel that a screen reader cannot name."""
    kinds = (QAbstractButton, QSlider, QComboBox, QLineEdit)
    return [
        widget
        for widget in panel.findChildren(QWidget)
        if isinstance(widget, kinds) and not widget.accessibleName()
    ]
