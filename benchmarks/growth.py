"""How the meta-step grows: with inner steps, meta-batch, width, depth and arms, and its memory.

MAML, second order; everything else at the paper's size; by the kernels that the program chooses and
by the recorded ones, in turn. Beside the times stands what an outer gradient works in; below, the
peak resident size of a process of its own, above what it had before the first step.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.flops import outer_gradient
from benchmarks.measuring import (
    Times,
    alternate,
    figure,
    milliseconds,
    percent,
    quick_asked,
    show,
)
from benchmarks.problem import Problem, Trainer

PAPER = Problem()
SERIES: dict[str, tuple[str, Sequence[Any]]] = {
    "inner steps": ("steps", (1, 2, 5, 10, 20)),
    "meta-batch": ("tasks", (25, 1, 4, 100, 400, 1600, 4096)),
    "width": ("hidden", ((40, 40), (80, 80), (160, 160), (320, 320), (512, 512))),
    "hidden layers": ("hidden", ((40, 40), (40,), (40,) * 3, (40,) * 4, (40,) * 6)),
}
"""What grows → (field of the problem, its values, the paper's first)."""
MEMORY_TASKS = 256
WAYS = ("compiled", "chunk", "implicit", "trained", "double backward")
MEMORY_STEPS = (1, 2, 5, 10, 20)
ARMS = (1, 2, 4, 8)


def grow(name: str, rounds: int, turn: float) -> None:
    """One table: a row per value."""
    field, values = SERIES[name]
    word_of = _words(name)
    problems = {word_of(value): dataclasses.replace(PAPER, **{field: value}) for value in values}
    trainers = {
        (word, kernels): Trainer(problem.settings(), kernels=kernels)
        for word, problem in problems.items()
        for kernels in (None, "recorded")
    }
    times = alternate({f"{w} {k}": trainer for (w, k), trainer in trainers.items()}, rounds, turn)
    rows = []
    for word, problem in problems.items():
        chosen, recorded = times[f"{word} None"], times[f"{word} recorded"]
        work = outer_gradient(problem)
        spaces = [trainers[word, k].plan.workspace for k in (None, "recorded")]
        rows.append(
            [
                word,
                *(milliseconds(found.minimum) for found in (chosen, recorded)),
                figure(recorded.over(chosen).minima),
                figure(problem.tasks / chosen.minimum),
                *(figure(work / found.minimum / 1e9) for found in (chosen, recorded)),
                *(figure(space.working_bytes / 2**20) for space in spaces),
                percent(chosen.spread),
                " and ".join(sorted(spaces[0].kinds)),
            ]
        )
    rows.sort(key=lambda row: int(row[0]))
    show(
        f"Growth with {name}",
        [name, "ms", "recorded, ms", "recorded ×", "tasks/s", "GFLOP/s", "recorded, GFLOP/s",
         "MiB", "recorded, MiB", "± spread", "kernels"],
        rows,
    )  # fmt: skip


def _words(name: str) -> Callable[[Any], str]:
    """How a value is written in its table."""
    if name == "hidden layers":
        return lambda hidden: str(len(hidden))
    if name == "width":
        return lambda hidden: str(hidden[0])
    return str


def arms(rounds: int, turn: float) -> None:
    """Several arms beside the sum of their own steps."""
    mixes: dict[str, list[tuple[str, ...]]] = {
        "MAML, different α": [("maml",) * count for count in ARMS],
        "MAML, FO-MAML, ANIL, MTL, twice": [
            ("maml", "fomaml", "anil", "mtl", "maml", "fomaml", "anil", "mtl")[:count]
            for count in ARMS
        ],
    }
    rows = []
    for name, sets in mixes.items():
        alone = {key: Trainer(PAPER.settings((key,))) for key in sorted(set(sets[-1]))}
        together = {str(len(keys)): Trainer(_settings(keys)) for keys in sets}
        times = alternate({**alone, **together}, rounds, turn)
        for keys in sets:
            own = together_over_alone(times, keys)
            found = times[str(len(keys))]
            rows.append([name, str(len(keys)), figure(found.over(own).median),
                         figure(found.over(own).minima), milliseconds(found.minimum),
                         percent(found.spread)])  # fmt: skip
    show(
        "Several arms, over the sum of the same arms alone",
        ["arms", "number", "× (median)", "× (fastest)", "ms", "± spread"],
        rows,
        "All arms share the task batch, which alone each would draw for itself.",
    )


def together_over_alone(times: Mapping[str, Times], keys: Sequence[str]) -> Times:
    """The sum, round by round, of the arms' own times."""
    rounds = zip(*(times[key].rounds for key in keys), strict=True)
    return Times(tuple(sum(each) for each in rounds))


def _settings(keys: Sequence[str]) -> Any:
    from maml_explorer.settings.settings import Arm

    chosen = tuple(
        Arm(f"{index} {key}", key, (("inner_lr", 0.01 / (1 + index)),))
        for index, key in enumerate(keys)
    )
    return PAPER.settings().with_arms(chosen)


def memory(steps: Sequence[int]) -> None:
    """Peak memory of one gradient on the tasks of one chunk, against double backward."""
    rows = []
    for count in steps:
        # at least a page: what fits into memory that the warm-up left is not seen
        found = {way: max(4096, peak(way, count)) for way in WAYS}
        rows.append(
            [
                str(count),
                *(figure(value / 2**20) for value in found.values()),
                figure(found["double backward"] / found["chunk"]),
                figure(found["double backward"] / found["trained"]),
            ]
        )
    show(
        f"Peak memory over inner steps, {MEMORY_TASKS} tasks, MiB",
        ["inner steps", "compiled", "MAML, one chunk", "iMAML, one chunk", "as trained",
         "double backward", "× one chunk", "× as trained"],
        rows,
        "Compiled kernels go task by task. As trained, recorded ones take a large meta-batch in "
        "chunks of tasks, which bounds the memory.",
    )  # fmt: skip


def peak(way: str, steps: int) -> int:
    """Bytes of resident memory that a few outer steps add in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.memory", way, str(steps), str(MEMORY_TASKS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def main() -> None:
    """Prints the tables."""
    quick = quick_asked(__doc__)
    rounds, turn = (2, 0.02) if quick else (5, 0.1)
    for name in SERIES:
        grow(name, rounds, turn)
    arms(rounds, turn)
    if sys.platform.startswith("linux"):
        memory((1, 5) if quick else MEMORY_STEPS)


if __name__ == "__main__":
    main()
