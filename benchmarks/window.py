"""The window under load: does it stutter, and does it slow training down?

Opens the real window in its default layout with its real worker and trains the default four arms
at full speed. Training in the window alternates with the plain loop of `outer_step` in a thread of
the same process, the window then paused and not served; what the worker spends on the meta-test,
on live curves and on insight is counted apart.

`python -m benchmarks.window --against FOLDER` compares with another checkout.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from maml_explorer.gui.app.run import one_thread_for_numpy

one_thread_for_numpy()

from maml_explorer.worker import handle  # noqa: E402

handle.preload()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PySide6.QtCore import QEvent, QEventLoop, QPointF, Qt, QTimer  # noqa: E402
from PySide6.QtGui import QGuiApplication, QMouseEvent, QPaintEvent  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from benchmarks.measuring import Times, figure, percent, show  # noqa: E402
from benchmarks.window_against import compare  # noqa: E402
from maml_explorer.core.plan import intra_op_threads, prepare  # noqa: E402
from maml_explorer.core.training import outer_step, start_run  # noqa: E402
from maml_explorer.gui.app.garbage_collection import collected_between_events  # noqa: E402
from maml_explorer.gui.app.options import Options  # noqa: E402
from maml_explorer.gui.app.startup import application, open_window  # noqa: E402
from maml_explorer.gui.panels.adaptation.task_plot import TaskPlot  # noqa: E402
from maml_explorer.gui.session.pace import FRAME  # noqa: E402
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


@dataclass
class Speed:
    """Outer steps per second, per round."""

    window: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    """In the window, without the time for meta-test and live curves."""
    share: list[float] = field(default_factory=list)
    """Part of the time that those take."""
    plain: list[float] = field(default_factory=list)


def train_in_window(opened: MainWindow, watch: Watch, seconds: float, speed: Speed) -> None:
    """One turn of training, at full speed."""
    session = opened.session
    seen: list[tuple[float, int, float]] = []

    def note(metrics: reports.Metrics) -> None:
        seen.append((time.perf_counter(), int(metrics.outer_step[-1]), watch.apart))

    session.control.train()
    until(lambda: session.link.running)
    live(0.3)
    session.link.metrics_arrived.connect(note)
    begin = len(watch.ticks), len(watch.beats)
    live(seconds)
    until(lambda: len(seen) > 1 and seen[-1][0] > seen[0][0], META_TEST)  # steps may be slow
    session.link.metrics_arrived.disconnect(note)
    GAPS["pull timer"].extend(np.diff(watch.ticks[begin[0] :]))
    GAPS["heartbeat"].extend(np.diff(watch.beats[begin[1] :]))
    (first, one, apart), (last, two, apart_end) = seen[0], seen[-1]
    spent = apart_end - apart
    speed.window.append((two - one) / (last - first))
    speed.apart.append((two - one) / (last - first - spent))
    speed.share.append(spent / (last - first))
    pause(opened)


GAPS: dict[str, list[float]] = {"pull timer": [], "heartbeat": []}


def train_plainly(seconds: float, speed: Speed) -> None:
    """One turn of the plain loop, in a thread as the worker is, nothing else going on."""

    def work() -> None:
        plan = prepare(Settings())
        torch.set_num_threads(intra_op_threads(plan))
        torch.set_grad_enabled(False)
        state = start_run(plan)
        for _ in range(50):
            state, _ = outer_step(plan, state)
        begin, steps = time.perf_counter(), 0
        while time.perf_counter() - begin < seconds:
            state, _ = outer_step(plan, state)
            steps += 1
        speed.plain.append(steps / (time.perf_counter() - begin))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


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


def idle(seconds: float) -> float:
    """Part of one core that the process takes."""
    begin, used = time.perf_counter(), time.process_time()
    live(seconds)
    return (time.process_time() - used) / (time.perf_counter() - begin)


def quantile(values: list[float], part: float) -> str:
    return figure(1000 * float(np.quantile(values, part)))


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 20 seconds")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    asked = parser.parse_args()
    quick = asked.quick
    if asked.against is not None:
        compare(asked.against, quick)
        return
    rounds, seconds, moves = (2, 1.5, 20) if quick else (5, 3.0, 60)
    watch, speed = Watch(), Speed()
    with (
        window(watch, Settings()) as opened,
        collected_between_events(opened.session.link.status_changed),
    ):
        for index in range(rounds):
            turns = [
                lambda: train_in_window(opened, watch, seconds, speed),
                lambda: train_plainly(seconds, speed),
            ]
            for turn in turns if index % 2 == 0 else reversed(turns):
                turn()
        share_of_core = idle(2 if quick else 8)
        paused = drag(opened, watch, moves)
        live(1.2)
        opened.session.control.train()
        until(lambda: opened.session.link.running)
        live(0.5)
        training = drag(opened, watch, moves)
        applied, known = change_settings(opened, watch, moves // 2)
        pause(opened)
        size = f"{opened.width()} × {opened.height()}"
    title = f"{size}, Qt platform {QGuiApplication.platformName()}, four arms at full speed"
    rows = []
    for name, gaps in GAPS.items():
        wanted = {"pull timer": FRAME, "heartbeat": HEARTBEAT}[name]
        rows.append([f"{name} ({wanted} ms)", quantile(gaps, 0.5), quantile(gaps, 0.99),
                     figure(1000 * max(gaps)), str(len(gaps))])  # fmt: skip
    show(f"Gap between frames, ms: {title}", ["", "p50", "p99", "worst", "gaps"], rows)
    plain = Times(tuple(1 / value for value in speed.plain))
    rows = []
    for name, values in (
        ("in the window", speed.window),
        ("meta-test, curves and insight apart", speed.apart),
    ):
        ratio = plain.over(Times(tuple(1 / value for value in values)))
        spread = Times(tuple(1 / value for value in values)).spread
        rows.append([name, percent(ratio.median), percent(ratio.minima), percent(spread)])
    share = float(np.median(speed.share))
    show(
        "Training speed, of the plain loop's",
        ["", "median", "fastest rounds", "± spread"],
        rows,
        f"Meta-test, live curves and insight took {percent(share)} of the worker's time.",
    )
    rows = [
        [name, quantile(values, 0.5), quantile(values, 0.99), figure(1000 * max(values))]
        for name, values in (
            ("drag to redrawn curves of four arms, paused", paused),
            ("the same while training", training),
            ("a change of a setting applied by the worker", applied),
            ("the same shown by the window", known),
        )
    ]
    show("Answers, ms", ["", "p50", "p99", "worst"], rows)
    print(f"Paused, the window takes {percent(share_of_core)} of one core.")


if __name__ == "__main__":
    main()
