"""What the meta-test costs: 600 tasks × 11 inner steps × 4 arms, beside training.

The inner steps are 0 … 10, so every task is measured 11 times.
"""

from __future__ import annotations

import time

import torch

from benchmarks.measuring import alternate, figure, milliseconds, percent, quick_asked, show
from benchmarks.problem import Trainer
from maml_explorer.core.meta_test import meta_test
from maml_explorer.settings.settings import Settings
from maml_explorer.worker.meta_test import SHARE, MetaTests


def main() -> None:
    """Prints the table."""
    quick = quick_asked(__doc__)
    rounds, turn = (3, 0.2) if quick else (9, 1.0)
    settings = Settings().with_values({"device": "cpu"})
    trainer = Trainer(settings)
    trainer(200)
    pieces: list[float] = []

    def test_all(count: int) -> None:
        for _ in range(count):
            for name, arm in trainer.state.arms.items():
                work, begin = meta_test(trainer.plan, name, arm.initialization), time.perf_counter()
                for _ in work:
                    now = time.perf_counter()
                    pieces.append(now - begin)
                    begin = now

    times = alternate({"training": trainer, "meta-test": test_all}, rounds, turn)
    cost = times["meta-test"].over(times["training"])
    every = settings.run.evaluate_every
    rows = [
        ["outer steps of four arms that take as long", figure(cost.median), figure(cost.minima)],
        [
            f"part of a headless run, one every {every:,} steps",
            percent(cost.median / (cost.median + every)),
            percent(cost.minima / (cost.minima + every)),
        ],
        [
            "milliseconds",
            milliseconds(times["meta-test"].median),
            milliseconds(times["meta-test"].minimum),
        ],
        [
            "milliseconds of one piece: the wait for a pause",
            milliseconds(float(torch.tensor(pieces).median())),
            milliseconds(min(pieces)),
        ],
    ]
    show("One meta-test: 600 tasks, inner steps 0 … 10, four arms", ["", "median", "fastest"], rows)
    share, first, tests, seconds = in_the_worker(trainer, 3.0 if quick else 15.0)
    print(
        f"Beside training, as the window's worker does it (a share of {percent(SHARE)} asked for): "
        f"the first estimate after {figure(first)} s; {percent(share)} of the time, "
        f"{tests} whole meta-tests in {seconds:.0f} s."
    )


def in_the_worker(trainer: Trainer, seconds: float) -> tuple[float, float, int, float]:
    """(part of the time, seconds to the first estimate, whole ones, seconds) beside training."""
    held_out = MetaTests(time.perf_counter)
    held_out.begin()
    begin, spent, first, done = time.perf_counter(), 0.0, float("nan"), 0
    while (now := time.perf_counter()) - begin < seconds:
        trainer(1)
        if held_out.due(trainer.state, paused=False):
            before = time.perf_counter()
            with torch.no_grad():
                report = held_out.advance(0, trainer.plan, trainer.state)
            spent += time.perf_counter() - before
            if report is not None and first != first:
                first = time.perf_counter() - begin
            done += report is not None and report.declared is None
    return spent / (now - begin), first, done, now - begin


if __name__ == "__main__":
    main()
