"""The tab *Sweep* on a folder of ten thousand runs: opening, gaps between frames, memory.

    python -m benchmarks.sweep_tab --runs 10000
    python -m benchmarks.sweep_tab --runs 2000 --seconds 1200 --ending 1 --every 5   (an hour)

The panel stands alone in a window, with a worker that trains nothing. The runs have their results
and no losses; two thirds are done when it is opened, and the others end while it is watched, 20 of
them twice a second unless told otherwise. In the middle of each view a cell is chosen, a third of
the lines is brushed, and the table is sorted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtCore import QEventLoop, Qt, QTimer

from benchmarks.measuring import show
from maml_explorer.gui.app.garbage_collection import collected_between_events
from maml_explorer.gui.app.startup import application
from maml_explorer.gui.panels.sweep.panel import VIEWS, SweepPanel
from maml_explorer.gui.session.session import Session
from maml_explorer.settings.settings import Settings, default_arm
from maml_explorer.storage.run.folder import SUMMARY
from maml_explorer.storage.sweep.axes import parse_axis
from maml_explorer.storage.sweep.folder import SweepFolder, create_sweep
from maml_explorer.storage.sweep.result import OBJECTIVE
from maml_explorer.storage.sweep.spec import SweepSpec
from maml_explorer.storage.sweep.trials import Trial
from tests.gui.fake_worker import FakeWorker

HEARTBEAT = 16
"""Milliseconds of a timer that does nothing."""


def described(path: Path, runs: int) -> SweepFolder:
    """A sweep of about so many runs, ten seeds a cell."""
    base = Settings().with_arms((default_arm("maml"),))
    axes = (f"inner_lr=0.001:0.3:log:{runs // 250}", "outer_lr=0.0001:0.01:log:25")
    return create_sweep(path, SweepSpec(base, tuple(map(parse_axis, axes)), tuple(range(10))))


def end(sweep: SweepFolder, trial: Trial) -> None:
    """The files of a run that is done, as far as the tab reads them."""
    place, at = sweep.run(trial.name), dict(trial.point)
    place.mkdir()
    mean = float(at["inner_lr"]) + float(at["outer_lr"]) + trial.seed / 100  # type: ignore[arg-type]
    found = {"mean": mean, "seconds": 2.0, "diverged": 0, "diverged_in_training": ""}
    (place / OBJECTIVE).write_text(json.dumps(found))
    (place / SUMMARY).write_text("{}")


def use(panel: SweepPanel, view: str) -> None:
    """What a user does with a view."""
    if view == "Map":
        panel.choose_cell(1, 1)
    elif view == "Coordinates":
        for high in (0.1, 0.2, 0.3, 0.33):  # a drag
            panel.coordinates.ranges[0] = (0.0, high)
            panel.coordinates.update()
        panel.coordinates.keep(0, 0.0, 0.33)
    else:
        panel.table.sortByColumn(len(panel.table.runs.axes) + 3, Qt.SortOrder.AscendingOrder)


class Heart:
    """Gaps between the ticks of a timer, in milliseconds."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._last: float | None = None
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(HEARTBEAT)

    def _tick(self) -> None:
        now = time.perf_counter()
        if self._last is not None:
            self.gaps.append(1000 * (now - self._last))
        self._last = now

    def take(self) -> list[str]:
        """p50, p99, worst and how many, of the gaps since the last call."""
        gaps, self.gaps = sorted(self.gaps), []
        picked = [gaps[int(part * (len(gaps) - 1))] for part in (0.5, 0.99, 1.0)]
        return [*(f"{gap:.0f}" for gap in picked), str(len(gaps))]


def live(until: Callable[[], bool], seconds: float) -> float:
    """Let the window live until something is so; the seconds that took."""
    loop, began, timer = QEventLoop(), time.perf_counter(), QTimer()
    timer.timeout.connect(lambda: until() and loop.quit())
    timer.start(20)
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()
    return time.perf_counter() - began


def main() -> None:
    """Open, watch, and look at every view."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each view")
    parser.add_argument("--ending", type=int, default=20, help="runs that end at once")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between such ends")
    wanted = parser.parse_args()
    app = application()
    session = Session(FakeWorker())
    collected = collected_between_events(session.link.status_changed)
    with tempfile.TemporaryDirectory() as home, collected:
        sweep = described(Path(home) / "s", wanted.runs)
        trials = sweep.trials()
        early, late = trials[: 2 * len(trials) // 3], trials[2 * len(trials) // 3 :]
        for trial in early:
            end(sweep, trial)
        session.start()
        panel = SweepPanel(session)
        panel.resize(1200, 500)
        panel.show()
        live(lambda: False, 1.0)
        rows, heart, memory = [], Heart(), psutil.Process()
        panel.open_folder(str(sweep.path))
        first = live(lambda: panel.seen is not None, 120)
        rows.append([f"until the first runs are shown ({first:.1f} s)", *heart.take()])
        whole = live(lambda: panel.seen is not None and panel.seen.complete, 600)
        rows.append([f"until all are listed ({first + whole:.1f} s)", *heart.take()])
        size = memory.memory_info().rss / 2**20
        for view in VIEWS:
            panel.view.setCurrentText(view)
            panel.view.activated.emit(panel.view.currentIndex())
            half, until = (time.monotonic() + part * wanted.seconds for part in (0.5, 1))
            used = False
            while time.monotonic() < until:
                if time.monotonic() > half and not used:
                    QTimer.singleShot(0, lambda view=view: use(panel, view))
                    used = True
                for trial in (late.pop() for _ in range(min(wanted.ending, len(late)))):
                    end(sweep, trial)
                live(lambda: False, wanted.every)
            rows.append([f"{view}, while runs end", *heart.take()])
        grown = memory.memory_info().rss / 2**20 - size
        show(f"Gaps between ticks of {HEARTBEAT} ms, {len(trials)} runs",
             ["", "p50", "p99", "worst", "ticks"], rows)  # fmt: skip
        print(
            f"{len(panel.table.chosen)} runs chosen; memory {size:.0f} MiB, {grown:+.0f} MiB later"
        )
        print(f"load: {os.getloadavg()[0]:.1f}")
        panel.timer.stop()
        panel.reader.wait()
        panel.close()
    del app


if __name__ == "__main__":
    main()
