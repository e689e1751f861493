"""The real window with its real worker, opened and led for a measurement."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from maml_explorer.gui.app.run import one_thread_for_numpy

one_thread_for_numpy()

from maml_explorer.worker import handle  # noqa: E402

handle.preload()

from PySide6.QtCore import QEvent, QEventLoop, QPointF, Qt, QTimer  # noqa: E402
from PySide6.QtGui import QMouseEvent, QPaintEvent  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from maml_explorer.gui.app.options import Options  # noqa: E402
from maml_explorer.gui.app.startup import application, open_window  # noqa: E402
from maml_explorer.gui.panels.adaptation.task_plot import TaskPlot  # noqa: E402
from maml_explorer.gui.window.window import MainWindow  # noqa: E402
from maml_explorer.protocol import reports  # noqa: E402
from maml_explorer.settings.settings import Settings  # noqa: E402
from maml_explorer.worker import answers, image_answers  # noqa: E402
from maml_explorer.worker.insight.schedule import Schedule  # noqa: E402
from maml_explorer.worker.mailbox import Outbox  # noqa: E402
from maml_explorer.worker.meta_test import MetaTests  # noqa: E402

HEARTBEAT = 16
"""Milliseconds of a timer that does nothing: whether the window could draw at 60 Hz."""
META_TEST = 180.0
"""Seconds that a meta-test takes at most."""


@dataclass
class Watch:
    """What is noted while the window lives."""

    apart: float = 0.0
    """Seconds that the worker spent on meta-test, live curves and insight."""
    told: list[tuple[float, Settings]] = field(default_factory=list)
    """When the worker said which settings it works with."""
    painted: Callable[[], None] | None = None
    """Called after the hero plot has painted."""
    ticks: list[float] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)


def instrument(watch: Watch) -> None:
    """Notes times around what the worker and the hero plot do; must precede the first window."""

    def apart(owner: Any, name: str) -> None:
        usual: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **keywords: Any) -> Any:
            begin = time.perf_counter()
            try:
                return usual(*args, **keywords)
            finally:
                watch.apart += time.perf_counter() - begin

        setattr(owner, name, timed)

    # the worker's loop is imported by its thread, later, and finds these
    apart(MetaTests, "advance")
    apart(answers, "answer_probe")
    apart(answers, "answer_watch")
    apart(image_answers, "answer_images")
    apart(image_answers, "answer_watched")
    apart(Schedule, "advance")  # of the insight: by default the light in the status line
    usual_put, usual_paint = Outbox.put, TaskPlot.paintEvent

    def put(outbox: Outbox, report: reports.Report) -> None:
        usual_put(outbox, report)
        if isinstance(report, reports.Status):
            watch.told.append((time.perf_counter(), report.settings))

    def paint(canvas: TaskPlot, event: QPaintEvent) -> None:
        usual_paint(canvas, event)
        if watch.painted is not None:
            watch.painted()

    Outbox.put = put
    TaskPlot.paintEvent = paint


def live(seconds: float) -> None:
    """Lets the window live for a while."""
    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), loop.quit)
    loop.exec()


def until(reached: Callable[[], bool], seconds: float = 30.0) -> None:
    """Lets the window live until something is reached.

    Raises:
        TimeoutError: where it is not reached in time.
    """
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        live(0.01)


@contextmanager
def window(watch: Watch, settings: Settings | None = None) -> Iterator[MainWindow]:
    """The window of a run, its task drawn, its first meta-test done."""
    application()
    instrument(watch)
    opened = open_window(handle.Worker(), Options(settings=settings or Settings(), safe_mode=True))
    opened.show()
    opened.session.start()
    session = opened.session
    session.link.pace.timer.timeout.connect(lambda: watch.ticks.append(time.perf_counter()))
    heart = QTimer(opened)
    heart.setTimerType(Qt.TimerType.PreciseTimer)
    heart.timeout.connect(lambda: watch.beats.append(time.perf_counter()))
    heart.start(HEARTBEAT)
    try:
        until(lambda: (session.task.probed or session.images.probed) is not None)
        until(lambda: session.measured.meta_test is not None, META_TEST)
        yield opened
    finally:
        opened.close()
        opened.deleteLater()
        live(0.05)


def pause(opened: MainWindow) -> None:
    """Pauses and waits until the meta-test of the newest state is done."""
    session = opened.session
    session.control.pause()
    until(lambda: session.link.phase is reports.Phase.PAUSED)
    step = session.status.outer_step
    until(
        lambda: (
            session.measured.meta_test is not None and session.measured.meta_test.outer_step == step
        ),
        META_TEST,
    )
    live(1.2)  # the timer goes back to its idle pace


def drag(opened: MainWindow, watch: Watch, moves: int) -> list[float]:
    """Seconds from each mouse move to the end of painting the curves that answer it."""
    canvas = next(iter(opened.findChildren(TaskPlot)))
    session, probe = opened.session, opened.session.task.probe
    assert probe is not None
    x, y = canvas.to_pixels(probe.support_x, probe.support_y)
    place = QPointF(round(float(x[0])), round(float(y[0])))
    answered, done = False, 0.0
    waited = QEventLoop()

    def note(probed: reports.Probed) -> None:
        nonlocal answered
        answered = answered or probed.probe is session.task.probe

    def painted() -> None:
        nonlocal done
        if answered and not done:
            done = time.perf_counter()
            waited.quit()

    session.task.probed_arrived.connect(note)
    watch.painted = painted
    patience = QTimer()
    patience.setSingleShot(True)
    patience.timeout.connect(waited.quit)
    send(canvas, QEvent.Type.MouseButtonPress, place)
    delays = []
    for index in range(moves):
        live(0.041 + 0.003 * (index % 7))  # out of step with the timers
        # never back to where it was pressed: that would be a click, which changes nothing
        place = place + QPointF(0, 6 if index % 20 < 10 else -5)
        answered, done = False, 0.0
        begin = time.perf_counter()
        send(canvas, QEvent.Type.MouseMove, place)
        patience.start(2000)
        waited.exec()
        if done and index >= 3:  # the first moves are still a click
            delays.append(done - begin)
    send(canvas, QEvent.Type.MouseButtonRelease, place)
    watch.painted = None
    session.task.probed_arrived.disconnect(note)
    return delays


def send(canvas: TaskPlot, kind: QEvent.Type, place: QPointF) -> None:
    """A mouse event as Qt sends it."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    moving = kind is QEvent.Type.MouseMove
    held = none if kind is QEvent.Type.MouseButtonRelease else left
    target = canvas.viewport()
    event = QMouseEvent(
        kind,
        place,
        QPointF(target.mapToGlobal(place.toPoint())),
        none if moving else left,
        held,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(target, event)


def _leave(waited: QEventLoop, wanted: Settings, status: reports.Status) -> None:
    if status.settings == wanted:
        waited.quit()


def change_settings(opened: MainWindow, watch: Watch, changes: int) -> tuple[list[float], ...]:
    """Seconds from an edit until the worker has applied it, and until the window knows."""
    session = opened.session
    applied, known = [], []
    for index in range(changes):
        live(0.07 + 0.005 * (index % 5))
        watch.told.clear()
        begin = time.perf_counter()
        session.editor.edit({"inner_lr": 0.01 * (1 + (index % 2 + 1) / 1000)})
        wanted = session.settings
        waited = QEventLoop()
        seen = partial(_leave, waited, wanted)
        session.link.status_changed.connect(seen)
        waited.exec()
        session.link.status_changed.disconnect(seen)
        known.append(time.perf_counter() - begin)
        applied.append(next(at for at, settings in watch.told if settings == wanted) - begin)
    return applied, known
