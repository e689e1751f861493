"""Where the time of one meta-step goes by recorded kernels: arithmetic, calls, Python.

The recorded kernels of the outer gradient are timed as they are, again on tensors of almost no
elements (what is left is the cost of calling them), and as calls of a function that does nothing
(what is left is Python's loop). The rest of the step is drawing tasks, the update and the state.
Compiled kernels are one call; its counted operations a second stand beside those of plain products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from benchmarks import vector_units
from benchmarks.flops import outer_gradient
from benchmarks.measuring import (
    Work,
    alternate,
    figure,
    milliseconds,
    percent,
    quick_asked,
    show,
)
from benchmarks.problem import Problem, Trainer
from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.optimizers import adam
from maml_explorer.core.replay.replay import Recording, record
from maml_explorer.core.training import draw_batch
from maml_explorer.core.workspace import Workspace

TINY = Problem(tasks=2, shots=2, queries=2, hidden=(2, 2))
CASES = (
    ("MAML, 1 inner step", Problem()),
    ("MAML, 5 inner steps", Problem(steps=5)),
    ("FO-MAML, 1 inner step", Problem("fomaml")),
    ("ANIL, 1 inner step", Problem("anil")),
    ("MTL", Problem("mtl")),
)
COMPILED = tuple(
    (f"{ALGORITHMS[key].label}, {steps} inner step{'s' * (steps > 1)}", Problem(key, steps))
    for key in ("maml", "fomaml", "reptile")
    for steps in (1, 5)
)
"""Cases of the compiled kernels whose operations are counted."""


@dataclass(frozen=True)
class Recorded:
    """The kernels of one outer gradient."""

    run: Callable[[], object]
    calls: int
    """0 where it is not known: not a replay."""


def recorded(problem: Problem) -> Recorded:
    """The outer gradient of the problem, recorded as training records it."""
    from maml_explorer.core import outer_gradient as module

    trainer = Trainer(problem.settings())
    trainer(1)
    arm = next(iter(trainer.plan.arms.values()))
    shape = arm.shape(trainer.plan, problem.tasks)
    batch = trainer.plan.sampler.draw(torch.Generator().manual_seed(0))
    theta = next(iter(trainer.state.arms.values())).initialization

    def function(*inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = module.outer_gradient(shape, *inputs)
        return found.gradient, found.losses

    made = record(function, [theta.clone(), batch.inputs.clone(), batch.y.clone(), arm.inner_lr])
    return Recorded(made.run, made.kernels if isinstance(made, Recording) else 0)


def repeated(action: Callable[[], Any]) -> Work:
    """The action so many times, without autograd, on one thread."""

    def work(count: int) -> None:
        torch.set_num_threads(1)
        with torch.no_grad():
            for _ in range(count):
                action()

    return work


def nothing(*_: object, **__: object) -> None:
    return None


def parts(problem: Problem) -> tuple[dict[str, Work], int]:
    """(what is timed, kernels of an outer gradient)."""
    import dataclasses

    trainer = Trainer(problem.settings(), 1, "recorded")
    kernels = recorded(problem)
    tiny = recorded(dataclasses.replace(TINY, algorithm=problem.algorithm, steps=problem.steps))
    tensor = torch.zeros(2)
    empty = [partial(nothing, tensor, tensor, out=tensor) for _ in range(kernels.calls)]

    def loop() -> None:
        for call in empty:
            call()

    theta = torch.zeros(problem.parameter_count)
    moments = (torch.zeros_like(theta), torch.ones_like(theta))
    generator = torch.Generator().manual_seed(0)
    sampler, block = trainer.plan.sampler, trainer.plan.block_steps
    works = {
        "whole": trainer,
        "kernels": repeated(kernels.run),
        "tiny": repeated(tiny.run),
        "python": repeated(loop),
        "update": repeated(lambda: adam(theta, theta, moments, 5, 0.001, 0.0)),
        "drawing": repeated(lambda: sampler.draw_block(generator, block)),
    }
    if kernels.calls != tiny.calls:
        raise AssertionError("the small problem calls other kernels than the one it stands for")
    return works, kernels.calls


def one_call(problem: Problem) -> Work:
    """The call of the compiled kernels in an outer step, the outer optimizer included."""
    trainer = Trainer(problem.settings(), 1)
    trainer(1)
    plan, state = trainer.plan, trainer.state
    (arm,), (of_arm,) = plan.arms.values(), state.arms.values()
    now, (batch, _) = arm.in_force(1), draw_batch(plan, state)
    compiled = arm.compiled(plan, now)
    assert compiled is not None
    return repeated(
        lambda: compiled.whole(
            of_arm.initialization, of_arm.moments, batch.inputs, batch.y,
            arm.varying(plan, now), arm.update, 2, (now.outer_rate,),
        )
    )  # fmt: skip


def rates(rounds: int, turn: float) -> None:
    """Operations a second: of compiled kernels, of matrix products alone, of the vector units."""
    works: dict[str, Work] = {}
    flops: dict[str, int] = {}
    if Workspace().kernels is not None:
        for name, problem in COMPILED:
            works[f"compiled: {name}"] = one_call(problem)
            flops[f"compiled: {name}"] = outer_gradient(problem)
    for name, (batch, m, k, n) in {
        "bmm, 25 × [10, 41] [41, 40], as in a step": (25, 10, 41, 40),
        "bmm, 25 × [41, 10] [10, 40], its gradient": (25, 41, 10, 40),
        "bmm, 25 × [64, 64] [64, 64]": (25, 64, 64, 64),
        "mm, [1024, 1024] [1024, 1024]": (1, 1024, 1024, 1024),
    }.items():
        a, b = torch.randn(batch, m, k), torch.randn(batch, k, n)
        out = torch.empty(batch, m, n)
        works[name] = repeated(partial(torch.bmm, a, b, out=out))
        flops[name] = 2 * batch * m * k * n
    times = alternate(works, rounds, turn)
    rows = [
        [name, figure(flops[name] / times[name].minimum / 1e9), figure(1e6 * times[name].minimum)]
        for name in works
    ]
    units = vector_units.rate()
    rows += [["vector units, from registers", figure(units / 1e9), "–"]] if units else []
    show("Counted operations a second, one thread", ["", "GFLOP/s", "µs"], rows)


def main() -> None:
    """Prints the tables."""
    quick = quick_asked(__doc__)
    rounds, turn = (3, 0.03) if quick else (7, 0.15)
    rows, reached_rates = [], []
    for name, problem in CASES[:1] + CASES[3:] if quick else CASES:
        works, calls = parts(problem)
        times = alternate(works, rounds, turn)
        best = {part: found.minimum for part, found in times.items()}
        block = Trainer(problem.settings()).plan.block_steps
        drawing = best["drawing"] / block
        whole = best["whole"]
        rest = max(0.0, whole - best["kernels"] - best["update"] - drawing)
        rows.append(
            [
                name,
                milliseconds(whole),
                percent(max(0.0, best["kernels"] - best["tiny"]) / whole),
                percent(max(0.0, best["tiny"] - best["python"]) / whole),
                percent(best["python"] / whole),
                percent(best["update"] / whole),
                percent(drawing / whole),
                percent(rest / whole),
                str(calls),
            ]
        )
        if problem.algorithm != "anil":
            work = outer_gradient(problem)
            arithmetic = max(1e-9, best["kernels"] - best["tiny"])
            reached = [figure(work / seconds / 1e9) for seconds in (whole, arithmetic)]
            reached_rates.append([name, figure(work / 1e6), *reached])
    show(
        "Where the time of one meta-step goes (fastest rounds)",
        ["", "ms", "arithmetic", "calling kernels", "Python's loop", "update", "drawing tasks",
         "state and copies", "kernels"],
        rows,
    )  # fmt: skip
    show(
        "Counted operations of the outer gradient, recorded kernels",
        ["", "MFLOP", "GFLOP/s of the step", "GFLOP/s of its arithmetic"],
        reached_rates,
    )
    rates(rounds, turn)


if __name__ == "__main__":
    main()
