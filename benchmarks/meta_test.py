"""What the meta-test costs: 600 tasks × 11 inner steps × 4 arms, beside training.

The inner steps are 0 … 10, so every task is measured 11 times: by torch, as files record it, and as
the worker does beside training, by compiled kernels where there are any.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from benchmarks.measuring import Work, alternate, figure, milliseconds, percent, quick_asked, show
from benchmarks.problem import Trainer
from maml_explorer.core.meta_test import meta_test
from maml_explorer.settings.settings import Settings
from maml_explorer.worker.meta_test import SHARE, MetaTests, meta_test_all


def main() -> None:
    """Prints the table."""
    quick = quick_asked(__doc__)
    rounds, turn = (3, 0.2) if quick else (9, 1.0)
    settings = Settings().with_values({"device": "cpu"})
    trainer = Trainer(settings)
    trainer(200)
    pieces: dict[str, list[float]] = {"files": [], "beside": []}

    def timed(way: str, work: Iterator[object]) -> None:
        begin = time.perf_counter()
        for _ in work:
            now = time.perf_counter()
            pieces[way].append(now - begin)
            begin = now

    def for_files(count: int) -> None:
        for _ in range(count):
            for name, arm in trainer.state.arms.items():
                timed("files", meta_test(trainer.plan, name, arm.initialization))

    def beside(count: int) -> None:
        for _ in range(count):
            timed("beside", meta_test_all(0, trainer.plan, trainer.state, {}, estimate=False))

    works = {"training": trainer, "files": for_files, "beside": without_autograd(beside)}
    times = alternate(works, rounds, turn)
    costs = {way: times[way].over(times["training"]) for way in pieces}
    every = settings.run.evaluate_every
    part = costs["files"].median / (costs["files"].median + every)
    rows = [
        [
            "outer steps of four arms that take as long",
            *(figure(cost.minima) for cost in costs.values()),
        ],
        [
            f"part of a headless run, one every {every:,} steps",
            percent(part),
            "–",
        ],
        ["milliseconds", *(milliseconds(times[way].minimum) for way in pieces)],
        [
            "milliseconds of one piece: the wait for a pause",
            *(milliseconds(float(torch.tensor(found).median())) for found in pieces.values()),
        ],
    ]
    show(
        "One meta-test: 600 tasks, inner steps 0 … 10, four arms (fastest rounds)",
        ["", "for files", "beside training"],
        rows,
    )
    share, first, tests, seconds = in_the_worker(trainer, 3.0 if quick else 15.0)
    print(
        f"Beside training, as the window's worker does it (a share of {percent(SHARE)} asked for): "
        f"the first estimate after {figure(first)} s; {percent(share)} of the time, "
        f"{tests} whole meta-tests in {seconds:.0f} s."
    )


def without_autograd(work: Work) -> Work:
    """The same as the worker's thread does it."""

    def done(count: int) -> None:
        with torch.no_grad():
            work(count)

    return done


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
