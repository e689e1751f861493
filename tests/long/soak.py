"""The real window with its worker, offscreen, for a long time: `make soak MINUTES=5`.

Waiting is done in a QEventLoop: QTest.qWait would take the interpreter from the worker's thread.
"""

from __future__ import annotations

import gc
import os
import random
import re
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import torch  # before PySide6, which changes how imports work
from PySide6.QtCore import (
    QCoreApplication,
    QEvent,
    QEventLoop,
    QObject,
    Qt,
    QTimer,
    QtMsgType,
    qInstallMessageHandler,
)
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QSlider,
    QTabBar,
    QWidget,
)

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.models.table import network
from maml_explorer.core.sizing import memory_estimate
from maml_explorer.gui.app.garbage_collection import collected_between_events
from maml_explorer.gui.app.options import Options
from maml_explorer.gui.app.startup import application, open_window
from maml_explorer.gui.session.session import Session
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import commands
from maml_explorer.protocol import reports as m
from maml_explorer.settings.declaration import Hyperparameter, Scale, SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import changed_keys, in_force_part
from maml_explorer.settings.settings import Arm, Settings
from maml_explorer.worker.handle import Worker
from tests.long.report import Budget, Row, arguments, summary
from tests.resuming import both_ways, go_on_elsewhere, unlike
from tests.worker.driving import small_settings

PARTS = ("steps", "events", "windows", "pause", "divergence", "resume", "extremes")
QUIET = ("propagateSizeHints", "does not support raise", "does not support grabbing")
"""What the offscreen platform says of every window and every menu."""
LARGEST = 10**9
"""Most bytes that random settings may need here."""
MOST_PRODUCTS, MOST_TESTED = 10**9, 10**12
"""Most products of an outer step, and of the meta-test of what is saved: both end in minutes."""


class Watch:
    """Everything that must not happen while it looks."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Collects uncaught exceptions, Qt warnings and failures of threads."""
        hook, thread_hook = sys.excepthook, threading.excepthook
        sys.excepthook = lambda kind, error, trace: self.fault(
            "".join(traceback.format_exception(kind, error, trace))
        )
        threading.excepthook = lambda found: self.fault(f"thread: {found.exc_value!r}")
        before = qInstallMessageHandler(self._qt)
        try:
            yield
        finally:
            qInstallMessageHandler(before)
            sys.excepthook, threading.excepthook = hook, thread_hook

    def _qt(self, kind: QtMsgType, _: object, text: str) -> None:
        harmless = kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg)
        if not harmless and not any(words in text for words in QUIET):
            self.fault(f"Qt: {text}")

    def fault(self, words: str) -> None:
        """Notes a fault and shows it."""
        self.faults.append(words)
        sys.stderr.write(f"FAULT: {words}\n")


def spin(seconds: float) -> None:
    """Lets the event loop run."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def until(done: object, seconds: float = 30.0) -> bool:
    """Lets the event loop run until `done()` holds; whether it came to hold."""
    end = time.monotonic() + seconds
    while not done():  # type: ignore[operator]
        if time.monotonic() > end:
            return False
        spin(0.02)
    return True


@contextmanager
def shown(settings: Settings) -> Iterator[MainWindow]:
    """A window in training order, closed and forgotten at the end."""
    window = open_window(Worker(), Options(settings=settings, safe_mode=True))
    with collected_between_events(window.session.link.status_changed):
        window.resize(1280, 800)
        window.show()
        window.session.start()
        until(lambda: window.session.status is not None and window.session.run > 0)
        try:
            yield window
        finally:
            window.close()
            window.deleteLater()
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # type: ignore[arg-type]


def resident() -> float:
    """MiB of memory in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def handles() -> int:
    """Open files of the process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def timers() -> int:
    """Timers that run."""
    return sum(t.isActive() for w in QApplication.topLevelWidgets() for t in w.findChildren(QTimer))


def steps(
    budget: Budget, watch: Watch, dice: random.Random, most: int = 1_000_000, look: float = 2.0
) -> Row:
    """Row 7: training at full speed, everything drawn; looked at every few seconds."""
    settings = small_settings("maml", "mtl", outer_steps=10_000_000)
    samples = []
    with shown(settings) as window:
        session = window.session
        session.control.train()
        for _ in budget:
            spin(look)
            status = session.status
            assert status is not None
            samples.append(
                (status.outer_step, resident(), threading.active_count(), timers(), handles())
            )
            if status.phase is not m.Phase.RUNNING:
                watch.fault(f"training stood still: {status.phase}")
            if status.phase is not m.Phase.RUNNING or status.outer_step >= most:
                break
    table = np.array(samples, dtype=float)
    late = table[len(table) // 3 :]
    slope = np.polyfit(late[:, 0], late[:, 1], 1)[0] * 1e5 if len(late) > 2 else 0.0
    # timers of a single shot come and go: what counts is whether there are more of them later
    halves = np.array_split(late[:, 2:5], 2)
    flat = len(late) < 2 or bool((np.median(halves[1], 0) <= np.median(halves[0], 0) + 1).all())
    figures = (
        f"memory {table[0, 1]:.0f} → {table[-1, 1]:.0f} MiB, {slope:+.1f} MiB per 100,000 steps in "
        f"the last two thirds; threads {table[-1, 2]:.0f}, timers {table[-1, 3]:.0f}, "
        f"handles {table[-1, 4]:.0f}"
    )
    return Row("7 soak: steps", f"{table[-1, 0]:,.0f}", figures, len(watch.faults) + (not flat))


KEYS = [
    Qt.Key.Key_Space, Qt.Key.Key_N, Qt.Key.Key_T, Qt.Key.Key_P, Qt.Key.Key_M, Qt.Key.Key_Tab,
    Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left,
    Qt.Key.Key_Right, Qt.Key.Key_PageUp, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Delete,
    Qt.Key.Key_F1, Qt.Key.Key_Question, Qt.Key.Key_Z, Qt.Key.Key_0, Qt.Key.Key_9,
]  # fmt: skip
TEXTS = ("0.1", "", "1e9", "nan", "-3", "pi/2", "40,40", "x" * 300, "1e-400", "999999999999")
NEVER = ("quit", "full_screen")
"""Actions that end the test."""
NEVER_CHOSEN = ("Quit", "Full screen")
"""The same in menus."""


def event(window: MainWindow, dice: random.Random) -> str:
    """One random thing that a person does; what it was."""
    target: QWidget = QApplication.activePopupWidget() or QApplication.activeModalWidget() or window
    if isinstance(target, QMenu):
        return _chosen(target, dice)
    children = [w for w in target.findChildren(QWidget) if w.isVisible() and w.isEnabled()]
    match dice.randrange(9):
        case 0 | 1:
            widget, key = QApplication.focusWidget() or target, dice.choice(KEYS)
            modifiers = dice.choice(
                [Qt.KeyboardModifier.NoModifier] * 4
                + [Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier]
            )
            if modifiers != Qt.KeyboardModifier.NoModifier and key == Qt.Key.Key_Q:
                return "nothing"
            QTest.keyClick(widget, key, modifiers)
            return f"key {key.name} in {type(widget).__name__}"
        case 2 | 3 if children:
            widget = dice.choice(children)
            if widget.width() < 2 or widget.height() < 2:
                return "nothing"
            at = widget.rect().center()
            at.setX(dice.randrange(widget.width()))
            at.setY(dice.randrange(widget.height()))
            click = dice.choice([QTest.mouseClick] * 4 + [QTest.mouseDClick])
            mouse = dice.choice([Qt.MouseButton.LeftButton] * 5 + [Qt.MouseButton.MiddleButton])
            click(widget, mouse, Qt.KeyboardModifier.NoModifier, at)
            return f"click in {type(widget).__name__}"
        case 4 if children:
            lines = [w for w in children if isinstance(w, QLineEdit)]
            if lines:
                line = dice.choice(lines)
                line.setFocus()
                line.selectAll()
                QTest.keyClicks(line, dice.choice(TEXTS))
                QTest.keyClick(line, Qt.Key.Key_Return)
                return "typing"
        case 5 if children:
            moved = [w for w in children if isinstance(w, QSlider | QComboBox | QTabBar)]
            if moved:
                widget = dice.choice(moved)
                if isinstance(widget, QSlider):
                    widget.setValue(dice.randint(widget.minimum(), widget.maximum()))
                elif isinstance(widget, QComboBox):
                    widget.setCurrentIndex(dice.randrange(max(1, widget.count())))
                    widget.activated.emit(widget.currentIndex())
                else:
                    widget.setCurrentIndex(dice.randrange(max(1, widget.count())))
                return f"moving {type(widget).__name__}"
        case 6:
            table = window.actions_table
            name = dice.choice([name for name in table if name not in NEVER])
            table[name].trigger()
            return f"action {name}"
        case 7:
            window.resize(dice.randint(900, 2000), dice.randint(600, 1200))
            return "resize"
        case _:
            buttons = [w for w in children if isinstance(w, QAbstractButton)]
            if buttons:
                chosen = dice.choice(buttons)
                chosen.click()
                return f"button {chosen.accessibleName() or chosen.text()}"
    return "nothing"


def _chosen(menu: QMenu, dice: random.Random) -> str:
    """A line of a menu that is open, or none of them."""
    fit = [one for one in menu.actions() if one.isEnabled() and one.text() not in NEVER_CHOSEN]
    chosen = dice.choice([*fit, None])
    menu.close()
    if chosen is None:
        return "no line of a menu"
    words = chosen.text()
    chosen.trigger()
    return f"menu: {words}"


@contextmanager
def harmless() -> Iterator[None]:
    """Links are not opened, no dialog for files is shown, and what is saved lies apart.

    Names that are typed at random are paths too, and proposals lie in the person's home.
    """
    real_open, real_dialog = QDesktopServices.openUrl, QFileDialog.open
    QDesktopServices.openUrl = staticmethod(lambda url: True)  # type: ignore[method-assign]
    QFileDialog.open = lambda self, *_: self.close()  # type: ignore[method-assign,assignment]
    here, home = Path.cwd(), os.environ.get("HOME", "")
    try:
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            os.environ["HOME"] = place
            try:
                yield
            finally:
                os.chdir(here)
                os.environ["HOME"] = home
    finally:
        QDesktopServices.openUrl = real_open  # type: ignore[method-assign]
        QFileDialog.open = real_dialog  # type: ignore[method-assign]


def events(budget: Budget, watch: Watch, dice: random.Random, most: int = 100_000) -> Row:
    """Row 6: what people may do, in any order."""
    settings = small_settings("maml", "fomaml", "reptile")
    done, broken, slowest, busiest = 0, 0, 0.0, 0.0
    recent: list[str] = []
    with harmless():
        while budget.left > 0 and done < most:
            with shown(settings) as window:
                session = window.session
                for _ in range(min(500, most - done)):
                    budget.say(f"{done:,} events")
                    began, computed = time.monotonic(), time.thread_time()
                    faults = len(watch.faults)
                    recent = [*recent[-5:], event(window, dice)]
                    done += 1
                    if done % 10 == 0:
                        spin(0.005)
                    slowest = max(slowest, time.monotonic() - began)
                    # a busy machine is no fault: this thread's own time counts
                    took = time.thread_time() - computed
                    busiest = max(busiest, took)
                    if took > 5:
                        watch.fault(f"{took:.1f} s without an answer: {recent}")
                    if wrong := broken_invariant(window):
                        watch.fault(f"{wrong} after {recent}")
                        break
                    if len(watch.faults) > faults:
                        sys.stderr.write(f"after {recent}\n")
                    failed = [
                        place.entry.name for place in window.columns.places.values() if place.failed
                    ]
                    if failed:
                        broken += 1
                        watch.fault(f"panels failed: {failed} after {recent}")
                        break
                    if not session.link.worker.alive or budget.left <= 0 or not window.isVisible():
                        break
                for popup in QApplication.topLevelWidgets():
                    if isinstance(popup, QMenu) or popup.isModal():
                        popup.close()
                if session.link.worker.alive:
                    session.control.pause()
                    # an export of the largest presets tests them for minutes: it is given up
                    session.link.post(commands.StopWriting())
                    if not until(partial(_obeyed, session), 300):
                        watch.fault(f"the worker does not answer: {recent}")
                    elif not until(partial(_settled, session), 10):
                        watch.fault(f"{_unlike(session)} is in force, not what is shown: {recent}")
    figures = (
        f"{broken} panels failed; longest event {1000 * slowest:.0f} ms, of which the window's own "
        f"at most {1000 * busiest:.0f} ms"
    )
    return Row("6 random user events", f"{done:,}", figures, len(watch.faults))


def broken_invariant(window: MainWindow) -> str:
    """What must hold after whatever a person does, and does not; empty where all holds."""
    session = window.session
    settings, edited, status = session.settings, session.editor.edited, session.status
    if Settings().with_values(edited.values()).with_arms(edited.arms) != edited:
        return "settings are edited that are not allowed"
    if not session.editor.waits_whole and in_force_part(settings, edited) != settings:
        return "what could apply at once is not in force"
    if status is not None and any(n > status.outer_step for n in status.arm_steps.values()):
        return "an arm has taken more outer steps than the run"
    return ""


def _obeyed(session: Session) -> bool:
    """Whether the worker has taken up everything: exports that were asked for take their time."""
    assert isinstance(session.link.worker, Worker)
    return not session.link.worker._inbox


def _unlike(session: Session) -> str:
    """In what the worker's settings differ from those of the window, and what it is doing."""
    assert session.status is not None
    here, there = session.settings, session.status.settings
    keys = [f"{key} {there[key]} (not {here[key]})" for key in changed_keys(here, there)]
    return f"{session.link.phase.value}, {', '.join(keys) or there.arms}"


def _settled(session: Session) -> bool:
    status = session.status
    return (
        status is not None
        and status.phase is not m.Phase.RUNNING
        and status.settings == session.settings
    )


def windows(budget: Budget, watch: Watch, dice: random.Random, most: int = 200) -> Row:
    """Row 8: windows that were closed are gone."""

    def sizes() -> tuple[int, int, int, int]:
        with shown(small_settings("maml")) as window:
            window.session.control.train()
            spin(0.05)
        del window
        gc.collect()
        objects = sum(issubclass(type(one), QObject) for one in gc.get_objects())
        return len(QApplication.allWidgets()), objects, threading.active_count(), handles()

    for _ in range(3):
        sizes()
    first = sizes()
    memory = resident()
    last = first
    for _ in budget:
        last = sizes()
        if budget.count >= most:
            break
    grown = [after - before for before, after in zip(first, last, strict=True)]
    figures = (
        f"widgets {grown[0]:+d}, Qt objects {grown[1]:+d}, threads {grown[2]:+d}, handles "
        f"{grown[3]:+d}, memory {resident() - memory:+.0f} MiB"
    )
    leaked = grown[0] > 0 or grown[2] > 0 or grown[3] > 2
    count = f"{budget.count:,}"
    return Row("8 window opened, closed", count, figures, len(watch.faults) + leaked)


SIZES: dict[str, dict[str, object]] = {
    "of the paper": {"hidden": (40, 40), "meta_batch": 25},
    "large network": {"hidden": (512, 512), "meta_batch": 25},
    "largest meta-batch": {"hidden": (40, 40), "meta_batch": 4096},
    "most inner steps": {"hidden": (40, 40), "meta_batch": 64, "inner_steps": 50},
    "most points": {"hidden": (40, 40), "shots": 1000, "query_points": 1000},
    "widest network": {"hidden": (1024, 1024, 1024, 1024), "meta_batch": 4},
    "widest by compiled kernels": {"hidden": (256, 256), "inner_steps": 20},
    "images": {"family": "glyphs"},
}


def pause(budget: Budget, watch: Watch, dice: random.Random) -> Row:
    """Row 9: the worker's own answer to Pause, and to Stop, at the sizes that are permitted."""
    waits: dict[str, list[float]] = {name: [] for name in SIZES}
    stops = []
    while budget.left > 0:
        for name, values in SIZES.items():
            worker = Worker()
            worker.start()
            worker.post(commands.Restart(Settings().with_values(values)))
            share = min(budget.left, budget.seconds / len(SIZES) / 2)
            end = time.monotonic() + max(3.0, share)
            time.sleep(1.0)
            while time.monotonic() < end:
                budget.say(f"{sum(map(len, waits.values()))} pauses")
                worker.post(commands.Train())
                time.sleep(dice.uniform(0.05, 0.2))
                worker.collect()
                began = time.perf_counter()
                worker.post(commands.Pause())
                while not any(
                    isinstance(r, m.Status) and r.phase is not m.Phase.RUNNING
                    for r in worker.collect()
                ):
                    time.sleep(0.0005)
                    if time.perf_counter() - began > 60:
                        watch.fault(f"{name}: no answer to Pause in 60 s")
                        break
                waits[name].append(time.perf_counter() - began)
            worker.post(commands.Train())
            time.sleep(0.1)
            began = time.perf_counter()
            if not worker.close(30):
                watch.fault(f"{name}: did not stop in 30 s")
            stops.append(time.perf_counter() - began)
    late = sum(wait > 0.1 for found in waits.values() for wait in found)
    parts = [
        f"{name} {1000 * np.median(found):.0f}/{1000 * max(found):.0f}"
        for name, found in waits.items()
        if found
    ]
    figures = (
        f"median/longest ms: {', '.join(parts)}; {late} over 100 ms; longest stop "
        f"{1000 * max(stops):.0f} ms"
    )
    slow = sum(float(np.median(found)) > 0.1 for found in waits.values() if found)
    count = f"{sum(map(len, waits.values())):,}"
    return Row("9 pauses", count, figures, len(watch.faults) + slow)


def divergence(budget: Budget, watch: Watch, dice: random.Random) -> Row:
    """Row 11: settings that explode, and the way back."""
    diverged = ran = 0
    for _ in budget:
        values: dict[str, object] = {
            "inner_lr": dice.choice((0.01, 1.0, 30.0, 100.0)),
            "outer_lr": dice.choice((0.001, 1.0, 100.0)),
            "optimizer": dice.choice(("adam", "sgd")),
            "inner_steps": dice.choice((1, 5, 20)),
            "activation": dice.choice(("relu", "tanh", "sine", "softplus")),
            "precision": dice.choice(("float32", "float64")),
            "seed": dice.randrange(1000),
        }
        settings = small_settings("maml", "fomaml", "mtl", **values)
        worker = Worker()
        worker.start()
        worker.post(commands.Restart(settings, train=True))
        time.sleep(0.15)
        worker.post(commands.Pause())
        worker.post(commands.Change(settings.with_values({"inner_lr": 0.01, "outer_lr": 0.001})))
        worker.post(commands.BackToLastGood())
        worker.post(commands.TakeOuterStep())
        worker.close(30)
        reports = worker.collect()
        ran += 1
        diverged += any(isinstance(report, m.Diverged) for report in reports)
        for report in reports:
            if isinstance(report, m.Failed):
                watch.fault(f"{values}: {report.what}")
            if isinstance(report, m.Metrics) and np.isinf(report.query_after).any():
                watch.fault(f"{values}: an infinite loss left the worker")
            if isinstance(report, m.Diverged) and "\n" in report.reason:
                watch.fault(report.reason)
    return Row("11 divergence settings", f"{ran:,}", f"{diverged:,} diverged", len(watch.faults))


def resume(budget: Budget, watch: Watch, dice: random.Random) -> Row:
    """Row 5: runs that go on in a new process, with and without clicks; 20 where time allows."""
    steps = max(300, min(20_000, round(3 * budget.seconds)))
    taken = 0
    while budget.count < 20 and budget.left > 0:
        budget.count += 1
        budget.say(f"configuration {budget.count}, {steps:,} outer steps each")
        names = dice.sample(list(ALGORITHMS), dice.randint(1, 3))
        settings = small_settings(
            *names,
            outer_steps=steps,
            noise=dice.choice((0.0, 0.3)),
            precision=dice.choice(("float32", "float64")),
            optimizer=dice.choice(("adam", "sgd")),
            activation=dice.choice(("relu", "tanh", "sine", "softplus")),
            inner_steps=dice.randint(1, 3),
            meta_batch=dice.randint(1, 8),
            seed=dice.randrange(1000),
        )
        with tempfile.TemporaryDirectory() as name:
            halves = (dice.randrange(1, steps), dice.randrange(1, steps))
            whole, broken = both_ways(settings, Path(name), halves)
            go_on_elsewhere(broken)
            for folder in broken:
                taken += steps
                if wrong := unlike(whole, folder):
                    watch.fault(f"{folder.name} of {settings}: {wrong}")
    figures = f"2 breaks each, one with clicks; {taken:,} outer steps compared"
    return Row("5 resumed elsewhere", f"{budget.count:,}", figures, len(watch.faults))


def drawn_value(declared: Hyperparameter, dice: random.Random) -> object:
    """A value of a hyperparameter: an end of what is allowed, or from its slider."""
    if declared.choices:
        return dice.choice([c for c in declared.choices if c != "cuda"])
    if declared.kind == "bool":
        return dice.random() < 0.5
    if declared.kind == "sizes":
        return tuple(dice.choice((1, 3, 40, 128, 1024)) for _ in range(dice.randint(1, 4)))
    assert declared.minimum is not None and declared.maximum is not None
    low, high = declared.slider or (declared.minimum, declared.maximum)
    if dice.random() < 0.15:
        low, high = declared.minimum, declared.maximum
        value = dice.choice((low, high))
    elif declared.scale is Scale.LOG and low > 0:
        value = low * (high / low) ** dice.random()
    else:
        value = dice.uniform(low, high)
    return round(value) if declared.kind == "int" else value


def products(settings: Settings) -> int:
    """Products of one outer step, about: what an arm's recursion multiplies, for all its tasks."""
    parameters = network(settings).parameter_count
    total = 0
    for arm in settings.arms:
        own = settings.of_arm(arm)
        inner = own.inner.inner_steps
        if ALGORITHMS[arm.algorithm].outer_rule == "interpolation":
            inner = own.inner.reptile_inner_steps
        points = 7 * inner * own.inner.shots + 3 * own.inner.query_points
        total += own.outer.meta_batch * points * parameters
    return total


def tested(settings: Settings) -> int:
    """Products of the meta-test of all arms, about: 100 queries after every inner step."""
    parameters, run = network(settings).parameter_count, settings.run
    each = (run.test_steps + 1) * (100 + 3 * settings.inner.shots) * parameters
    return len(settings.arms) * run.test_tasks * each


def drawn(dice: random.Random) -> Settings:
    """Random settings, extreme ones among them, that fit into the memory and the time here."""
    while True:
        keys = dice.sample(list(DECLARATIONS), dice.randint(3, 12))
        values = {key: drawn_value(DECLARATIONS[key], dice) for key in keys}
        names = dice.sample(list(ALGORITHMS), dice.randint(1, min(4, len(ALGORITHMS))))
        try:
            settings = Settings().with_values(values)
            arms = tuple(Arm(name, name) for name in names)
            settings = settings.with_values({"outer_steps": 2000, "device": "cpu"}).with_arms(arms)
        except SettingsError:
            continue
        small = memory_estimate(settings) < LARGEST and tested(settings) < MOST_TESTED
        if small and products(settings) < MOST_PRODUCTS:
            return settings


def not_finite(window: MainWindow) -> str:
    """What the window shows now that is not finite; empty where there is nothing."""
    for view in window.findChildren(pg.GraphicsView):
        for item in view.scene().items() if view.isVisible() else ():
            if isinstance(item, pg.PlotCurveItem) and item.isVisible():
                around = item.getPath().boundingRect()
                edges = (around.left(), around.right(), around.top(), around.bottom())
                if not np.isfinite(edges).all():
                    return f"a curve of {view.accessibleName() or type(view).__name__}"
    for shown in window.findChildren(QLabel):
        if shown.isVisible() and re.search(r"\b(nan|inf)\b", shown.text(), re.IGNORECASE):
            return f"the words {shown.text()!r}"
    return ""


def trained(
    settings: Settings, folder: Path, budget: Budget, watch: Watch, dice: random.Random
) -> tuple[int, bool]:
    """(outer steps taken, whether an arm diverged) of one configuration in the window, saved."""
    with shown(settings) as window:
        session = window.session
        seen: list[m.Diverged] = []
        session.link.diverged.connect(seen.append)
        session.link.failed.connect(lambda report: watch.fault(report.what))
        session.control.train()
        while session.link.phase is not m.Phase.FINISHED and budget.left > 0:
            budget.say(f"{folder.name}: outer step {session.status.outer_step}")
            spin(0.2)
            if seen and session.link.phase is m.Phase.PAUSED:  # no arm is left to train
                break
            if dice.random() < 0.3:
                window.columns.tabs.setCurrentIndex(dice.randrange(window.columns.tabs.count()))
            if wrong := not_finite(window):
                watch.fault(f"{wrong} is not finite with {settings}")
                break
        failed = [place.entry.name for place in window.columns.places.values() if place.failed]
        if failed:
            watch.fault(f"panels failed: {failed} with {settings}")
        session.control.pause()
        session.link.post(commands.SaveRun(str(folder)))
        # what is saved is meta-tested, which takes minutes where networks and tests are large
        if not until((folder / "checkpoint.safetensors").is_file, 600):
            said = [banner.text.full for banner in window.banners.shown]
            watch.fault(f"not saved: {said} with {settings}")
        assert session.status is not None
        return session.status.outer_step, bool(seen)


def extremes(budget: Budget, watch: Watch, dice: random.Random, wanted: int = 20) -> Row:
    """Random configurations in the window until 20 reached 2,000 steps; saved, and read again."""
    reached, taken, count, diverged = 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        while reached < wanted and budget.left > 0:
            count += 1
            folder = Path(name) / str(count)
            steps, bad = trained(drawn(dice), folder, budget, watch, dice)
            reached += steps >= 2000
            diverged += bad
            taken += steps
            for path in [*folder.rglob("*.csv"), *folder.rglob("*.json")]:
                text = path.read_text().lower()
                if any(
                    f"{sign}{word}" in text for sign in ",:[ " for word in ("nan", "inf", "-inf")
                ):
                    watch.fault(f"{path} holds what is not finite")
    figures = (
        f"{reached} reached 2,000 steps; in {diverged} an arm diverged; {taken:,} steps in all"
    )
    return Row("extreme configurations", f"{count:,}", figures, len(watch.faults))


def main() -> int:
    """Runs the parts one after the other, each for its share of the time; the exit code."""
    asked = arguments(__doc__ or "", minutes=5, parts=PARTS)
    torch.set_num_threads(1)
    application()
    rows = []
    for part in asked.parts:
        watch = Watch()
        budget = Budget(part, 60 * asked.minutes / len(asked.parts))
        with watch.looking():
            rows.append(globals()[part](budget, watch, random.Random(asked.seed)))
    return summary(rows)


if __name__ == "__main__":
    sys.exit(main())
