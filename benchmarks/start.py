"""How long a start takes: help, the first window, the first picture with curves, training.

Cold processes on a warm disk, alternating; seconds from before the process is made. Bytecode is
kept, as Python does unless told otherwise: the first round, which is not counted, writes it.

`python -m benchmarks.start --against FOLDER` compares with another checkout: seconds that a core
computes until the default window has drawn itself, taking turns, both with bytecode.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measuring import figure, show

MARK = "at:"


def child(began: float) -> None:
    """Opens the window as the program does, and says when it got where."""
    import threading

    done = threading.Event()

    def say(what: str) -> None:
        print(f"{MARK}{what}:{time.time() - began}", flush=True)

    from maml_explorer.gui.app import run
    from maml_explorer.worker import handle

    # PySide6 is imported by the program itself; only then can it be listened to
    class Listen:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "maml_explorer.gui.session.session" and "startup" not in self.__dict__:
                self.__dict__["startup"] = True
                say("Qt is loaded")

    sys.meta_path.insert(0, Listen())  # type: ignore[arg-type]

    def watch() -> None:
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QApplication

        from maml_explorer.gui.panels.adaptation.task_plot import TaskPlot
        from maml_explorer.gui.window.window import MainWindow

        painted = TaskPlot.paintEvent
        shown = MainWindow.show
        seen: set[str] = set()

        def once(what: str) -> bool:
            if what in seen:
                return False
            seen.add(what)
            say(what)
            return True

        def paint(canvas: TaskPlot, event: object) -> None:
            painted(canvas, event)
            if once("the window is painted"):
                canvas.session.control.train()
            if canvas.curves.arms:
                once("curves of all arms are painted")
                if canvas.session.task.probed is not None and canvas.session.task.probed.run:
                    once("curves of the run itself are painted")

        def show_and_listen(window: MainWindow) -> None:
            def status(report: object) -> None:
                if report.outer_step > 0 and once("it trains"):
                    QTimer.singleShot(300, window.close)

            window.session.link.status_changed.connect(status)
            QTimer.singleShot(60_000, QApplication.instance().quit)
            shown(window)

        TaskPlot.paintEvent, MainWindow.show = paint, show_and_listen
        done.set()

    from maml_explorer.gui.app.options import Options

    original = handle.Worker

    def worker() -> handle.Worker:
        watch()  # called just before the window is made, when Qt is there
        return original()

    handle.Worker = worker  # type: ignore[assignment, misc]
    run.run(Options(safe_mode=True))


def begin(command: list[str]) -> tuple[float, dict[str, float]]:
    """(seconds until the process ended, what it said and when)."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = time.perf_counter()
    done = subprocess.run(
        [*command, *([str(time.time())] if "benchmarks.start" in command else [])],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=kept,
    )
    taken = time.perf_counter() - before
    rows = [line.split(":")[1:] for line in done.stdout.splitlines() if line.startswith(MARK)]
    return taken, {what: float(seconds) for what, seconds in rows}


FIRST_PICTURE = """
import os, sys, time
sys.path.insert(0, sys.argv[1])

def shown(*_):
    window = sys._getframe(1).f_locals["window"]  # of the function that opened it
    window.resize(1280, 800)
    window.grab()
    print(time.process_time(), flush=True)
    os._exit(0)

class Listen:  # the program loads Qt in its own way, and is led when it has done so
    def find_spec(self, name, *_):
        if name.startswith("maml_explorer.gui.") and "PySide6.QtWidgets" in sys.modules:
            sys.meta_path.remove(self)
            from PySide6.QtWidgets import QApplication

            QApplication.exec = shown

sys.meta_path.insert(0, Listen())
try:
    from maml_explorer.gui.app.run import run
    from maml_explorer.gui.app.options import Options
except ImportError:  # as the modules lay in earlier versions
    from maml_explorer.gui.app import Options, run
run(Options(safe_mode=True))
"""


def first_picture(tree: Path) -> float:
    """CPU seconds until the window of the package in `tree` has drawn itself."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PICTURE, str(tree)],
        capture_output=True, text=True, check=True, timeout=120, cwd=tree,
        env=kept | {"PYTHONPATH": str(tree)},
    )  # fmt: skip
    return float(done.stdout.split()[-1])


def compare(other: Path, pairs: int) -> None:
    """Prints how much the first picture costs here and in another checkout."""
    trees = {"there": other.resolve(), "here": Path(__file__).resolve().parents[1]}
    found: dict[str, list[float]] = {name: [] for name in trees}
    for index in range(pairs + 1):
        for name, tree in trees.items():
            seconds = first_picture(tree)
            if index:  # the first ones only write the bytecode
                found[name].append(seconds)
    rows = [
        [name, figure(statistics.median(one)), figure(min(one)), figure(max(one))]
        for name, one in found.items()
    ]
    paired = [one / two for one, two in zip(found["here"], found["there"], strict=True)]
    medians = statistics.median(found["here"]) / statistics.median(found["there"])
    show(
        f"CPU seconds to the first picture, {pairs} starts each, taking turns",
        ["", "median", "fastest", "slowest"],
        rows,
        f"Here / there: {figure(medians)} by medians, {figure(statistics.median(paired))} in pairs,"
        f" {figure(min(found['here']) / min(found['there']))} by the fastest.",
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 20 seconds")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    asked = parser.parse_args()
    quick = asked.quick
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if asked.against is not None:
        compare(asked.against, 3 if quick else 9)
        return
    python = sys.executable
    found: dict[str, list[float]] = {}
    for index in range((2 if quick else 12) + 1):
        once: dict[str, float] = {}
        once["python -c pass"], _ = begin([python, "-c", "pass"])
        once["--help"], _ = begin([python, "-m", "maml_explorer", "--help"])
        once["import torch"], _ = begin([python, "-c", "import torch"])
        once |= begin([python, "-m", "benchmarks.start", "--child"])[1]
        if index:  # the first one only warms the disk
            for what, seconds in once.items():
                found.setdefault(what, []).append(seconds)
    bare = statistics.median(found["python -c pass"])
    rows = [
        [
            what,
            figure(statistics.median(seconds)),
            figure(min(seconds)),
            figure(max(seconds)),
            figure(statistics.median(seconds) / bare),
        ]
        for what, seconds in found.items()
    ]
    title = f"Seconds from the start of the process, {len(found['--help'])} starts"
    show(title, ["", "median", "fastest", "slowest", "× python -c pass"], rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(float(sys.argv[2]))
    else:
        main()
