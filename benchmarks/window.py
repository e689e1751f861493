"""The window under load: does it stutter, and does it slow training down?

Opens the real window in its default layout with its real worker and trains the default four arms
at full speed. Training in the window alternates with the plain loop of `outer_step` in a thread of
the same process, the window then paused and not served; what the worker spends on the meta-test,
on live curves and on insight is counted apart.

`python -m benchmarks.window --against FOLDER` compares with another checkout.
"""

from __future__ import annotations

import argparse
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.live_window import (  # first: it says which threads NumPy has
    HEARTBEAT,
    META_TEST,
    Watch,
    change_settings,
    drag,
    live,
    pause,
    until,
    window,
)

import numpy as np  # isort: skip
import torch  # isort: skip
from PySide6.QtGui import QGuiApplication

from benchmarks.measuring import Times, figure, percent, show
from benchmarks.window_against import compare
from maml_explorer.core.plan import intra_op_threads, prepare
from maml_explorer.core.training import outer_step, start_run
from maml_explorer.gui.app.garbage_collection import collected_between_events
from maml_explorer.gui.session.pace import FRAME
from maml_explorer.gui.window.window import MainWindow
from maml_explorer.protocol import reports
from maml_explorer.settings.settings import Settings


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
