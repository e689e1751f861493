"""The meta-step on a CUDA device: graphs against eager calls, against the CPU, the same results.

Says so and does nothing where there is no CUDA device.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.measuring import Work, alternate, figure, milliseconds, quick_asked, show
from benchmarks.problem import Problem
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.outer_gradient import OuterGradient, outer_gradient
from maml_explorer.core.plan import Plan, intra_op_threads, prepare
from maml_explorer.core.training import RunState, outer_step, start_run
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.settings import Settings

CASES = {
    "the paper's size": Problem(),
    "meta-batch 4096, width 256": Problem(tasks=4096, hidden=(256, 256)),
}
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
"""Largest difference of θ after one outer step on the same batch."""


class EagerWorkspace(Workspace):
    """Calls every kernel instead of replaying a graph."""

    def outer_gradient(
        self, shape: object, theta: object, x: object, y: object, inner_lr: object
    ) -> OuterGradient:
        return outer_gradient(shape, theta, x, y, inner_lr)  # type: ignore[arg-type]


def settings_on(problem: Problem, device: str, precision: str = "float32") -> Settings:
    return problem.settings(device=device, precision=precision)


def steps_on(settings: Settings, make: Callable[[], Workspace] = Workspace) -> tuple[Work, Plan]:
    """(outer steps, waited for at the end; the plan they use)."""
    plan = prepare(settings, make())
    state = [start_run(plan)]

    def work(count: int) -> None:
        torch.set_num_threads(intra_op_threads(plan))
        with torch.no_grad():
            for _ in range(count):
                state[0], _ = outer_step(plan, state[0])
        if plan.device.type == "cuda":
            torch.cuda.synchronize(plan.device)

    return work, plan


def after_one_step(problem: Problem, device: str, precision: str) -> np.ndarray:
    """θ after one outer step from the example's θ, on the example's batch."""
    plan = prepare(settings_on(problem, device, precision))
    theta, x, y = problem.example()
    like = {"dtype": plan.dtype, "device": plan.device}
    inputs = torch.tensor(np.stack([x, np.ones_like(x)], -1), **like)
    batch = TaskBatch(
        torch.zeros(problem.tasks, 2, **like), inputs, torch.tensor(y[..., None], **like),
        problem.shots,
    )  # fmt: skip
    state = start_run(plan)
    name, arm = next(iter(state.arms.items()))
    arm = dataclasses.replace(arm, initialization=torch.tensor(theta, **like))
    state = RunState(0, state.generator_state, {name: arm})
    after = state.generator_state.clone()
    plan.blocks[:] = [(state.generator_state, [batch] * plan.block_steps, after)]
    state, _ = outer_step(plan, state)
    return state.arms[name].initialization.double().cpu().numpy()


def apart(problem: Problem, precision: str) -> float:
    """Largest difference of θ between CPU and CUDA after the same outer step."""
    on_cpu = after_one_step(problem, "cpu", precision)
    return float(np.abs(after_one_step(problem, "cuda", precision) - on_cpu).max())


def main() -> None:
    """Prints the tables, or one sentence."""
    quick = quick_asked(__doc__)
    if not torch.cuda.is_available():
        print("There is no CUDA device here: nothing was measured.")
        return
    rounds, turn = (3, 0.1) if quick else (7, 0.5)
    rows, agreement = [], []
    for name, problem in CASES.items():
        graph, plan = steps_on(settings_on(problem, "cuda"))
        works = {
            "CUDA graph": graph,
            "CUDA, eager": steps_on(settings_on(problem, "cuda"), EagerWorkspace)[0],
            "CPU": steps_on(settings_on(problem, "cpu"))[0],
        }
        times = alternate(works, rounds, turn)
        kinds = ", ".join(sorted(plan.workspace.kinds))
        for way, found in times.items():
            ratio = found.over(times["CUDA graph"])
            ran_as = kinds if way == "CUDA graph" else ""
            own = [figure(ratio.median), figure(ratio.minima), milliseconds(found.minimum)]
            rows.append([f"{name}: {way}", *own, ran_as])
        for precision, allowed in TOLERANCE.items():
            found_apart = apart(problem, precision)
            if not found_apart <= allowed:
                raise AssertionError(f"{name}, {precision}: CPU and CUDA are {found_apart} apart")
            agreement.append([f"{name}, {precision}", f"{found_apart:.1e}", f"{allowed:.0e}"])
    print(f"On {torch.cuda.get_device_name()}.")
    header = ["", "× the graph's time (median)", "× (fastest)", "fastest ms", "ran as"]
    show("One meta-step of MAML, 1 inner step", header, rows)
    show("CPU and CUDA after one step on the same batch", ["", "apart", "allowed"], agreement)


if __name__ == "__main__":
    main()
