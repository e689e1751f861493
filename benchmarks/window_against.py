"""The window here and in another checkout, taking turns: python -m benchmarks.window --against.

Each turn is a process of its own that opens the window of its tree by that tree's own benchmark.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import figure, percent, show

TURN = """
import json, sys
import numpy as np
rounds, seconds, moves = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
from benchmarks import window as own

watch, speed = own.Watch(), own.Speed()
with own.window(watch) as opened:
    session = opened.session
    # parts of the session were the session's own in earlier versions
    link, control = getattr(session, "link", session), getattr(session, "control", session)
    with own.collected_between_events(link.status_changed):
        for _ in range(rounds):
            own.train_in_window(opened, watch, seconds, speed)
            own.train_plainly(seconds, speed)
        paused = own.drag(opened, watch, moves)
        own.live(1.2)
        control.train()
        own.until(lambda: link.running)
        own.live(0.5)
        training = own.drag(opened, watch, moves)
        own.pause(opened)
kept = [one / two for one, two in zip(speed.window, speed.plain)]
apart = [one / two for one, two in zip(speed.apart, speed.plain)]
print("turn:" + json.dumps({
    "outer steps of four arms a second": max(speed.window),
    "the same in the plain loop": max(speed.plain),
    "share of the plain loop's speed": float(np.median(kept)),
    "the same, meta-test, curves and insight apart": float(np.median(apart)),
    "drag to redrawn curves, paused, ms": 1000 * float(np.median(paused)),
    "drag to redrawn curves, training, ms": 1000 * float(np.median(training)),
    "gap between frames, p99, ms": 1000 * float(np.quantile(own.GAPS["heartbeat"], 0.99)),
}), flush=True)
"""
SHARES = ("share of the plain loop's speed", "the same, meta-test, curves and insight apart")


def turn(tree: Path, rounds: int, seconds: float, moves: int) -> dict[str, float]:
    """Figures of one window of the package in `tree`.

    Raises:
        SystemExit: where it does not come to its end.
    """
    done = subprocess.run(
        [sys.executable, "-c", TURN, str(rounds), str(seconds), str(moves)],
        capture_output=True, text=True, check=False, timeout=600, cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
    )  # fmt: skip
    lines = [line[5:] for line in done.stdout.splitlines() if line.startswith("turn:")]
    if not lines:
        raise SystemExit(f"The window of {tree} did not get there: {done.stderr[-600:]}")
    found: dict[str, float] = json.loads(lines[-1])
    return found


def compare(other: Path, quick: bool) -> None:
    """Prints the figures of both trees and their ratio in pairs."""
    trees = {"there": other.resolve(), "here": Path(__file__).resolve().parents[1]}
    pairs, rounds, seconds, moves = (1, 1, 1.5, 20) if quick else (5, 2, 3.0, 60)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
    for index in range(pairs):
        for name in trees if index % 2 == 0 else reversed(trees):
            found[name].append(turn(trees[name], rounds, seconds, moves))
    rows = []
    for what in found["here"][0]:
        here, there = ([one[what] for one in found[name]] for name in ("here", "there"))
        said = percent if what in SHARES else figure
        ratio = statistics.median(one / two for one, two in zip(here, there, strict=True))
        rows.append(
            [what, said(statistics.median(there)), said(statistics.median(here)), figure(ratio)]
        )
    title = f"The window, {pairs} turn{'s' * (pairs > 1)} each"
    show(title, ["", "there", "here", "here / there, in pairs"], rows)
