"""Which chunk size is best for recorded kernels, and from where a second thread pays.

A meta-batch of 4096 tasks goes through in chunks; `CHUNK_FLOATS` in core/plan.py says how large.
"""

from __future__ import annotations

import dataclasses

from benchmarks.measuring import alternate, figure, percent, quick_asked, show
from benchmarks.problem import Problem, Trainer
from maml_explorer.core.sizing import CHUNK_FLOATS

TASKS = 4096
WIDTHS = (40, 128, 256)
FLOATS = tuple(125_000 * 4**k for k in range(5))
TASK_COUNTS = (25, 100, 400, 1600)


def in_chunks(problem: Problem, floats: float, threads: int, precision: str = "float32") -> Trainer:
    """A trainer with chunks of so many floats instead of the plan's."""
    trainer = Trainer(problem.settings(precision=precision), threads, "recorded")
    arms = {
        name: dataclasses.replace(
            arm, chunk_tasks=max(1, int(arm.chunk_tasks * floats / CHUNK_FLOATS)), shapes={}
        )
        for name, arm in trainer.plan.arms.items()
    }
    trainer.plan = dataclasses.replace(trainer.plan, arms=arms)
    return trainer


def chunk_sizes(rounds: int, widths: tuple[int, ...]) -> None:
    """Tasks per second by chunk size, over the best one of the same width."""
    rows = []
    for width in widths:
        problem = Problem(tasks=TASKS, hidden=(width, width))
        works = {
            f"{floats} {threads}": in_chunks(problem, floats, threads)
            for threads in (1, 2)
            for floats in FLOATS
        }
        times = alternate(works, rounds, 0.01)
        best = min(found.minimum for found in times.values())
        for threads in (1, 2):
            cells = [percent(best / times[f"{floats} {threads}"].minimum) for floats in FLOATS]
            rows.append([f"{width}, {threads}", *cells, figure(TASKS / best)])
    header = [f"{floats / 1e6:g} M" for floats in FLOATS]
    show(
        f"Speed by chunk size in floats, of the fastest of the width; {TASKS} tasks",
        ["width, threads", *header, "tasks/s at best"],
        rows,
        f"CHUNK_FLOATS is {CHUNK_FLOATS / 1e6:g} M.",
    )


def threads(rounds: int, turn: float) -> None:
    """Time on two threads over time on one, beside the threshold's measure of work."""
    rows = []
    for width in (40, 80, 160):
        for tasks in TASK_COUNTS:
            problem = Problem(tasks=tasks, hidden=(width, width))
            works = {str(count): Trainer(problem.settings(), count, "recorded") for count in (1, 2)}
            chosen = Trainer(problem.settings()).threads
            times = alternate(works, rounds, turn)
            ratio = times["2"].over(times["1"])
            chunk = next(iter(works["1"].plan.arms.values())).chunk_tasks
            points = problem.shots + problem.queries
            work = min(tasks, chunk) * points * problem.parameter_count
            rows.append([str(width), str(tasks), f"{work / 1e6:.1f} M", figure(ratio.median),
                         figure(ratio.minima), str(chosen)])  # fmt: skip
    show(
        "Two threads over one",
        ["width", "tasks", "work", "time × (median)", "× (fastest)", "threads chosen"],
        rows,
    )


def main() -> None:
    """Prints the tables."""
    quick = quick_asked(__doc__)
    for width in WIDTHS[:1] if quick else WIDTHS:
        chunk_sizes(2 if quick else 3, (width,))
    threads(2 if quick else 5, 0.02 if quick else 0.1)


if __name__ == "__main__":
    main()
