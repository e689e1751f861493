"""One configuration that is measured, for us and for the peers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from maml_explorer.core.learned import beginning_of
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.plan import Plan, intra_op_threads, prepare
from maml_explorer.core.training import (
    RunState,
    outer_step_in_chunks,
    start_run,
    steps_at_once,
)
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.settings import Settings, default_arm

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """Sizes and step sizes; the defaults are the paper's (Finn, Abbeel, Levine 2017, 5.1)."""

    algorithm: str = "maml"
    steps: int = 1
    tasks: int = 25
    shots: int = 10
    queries: int = 10
    hidden: tuple[int, ...] = (40, 40)
    inner_lr: float = 0.01
    outer_lr: float = 0.001
    minibatch: int = 5
    """Support points per inner step of Reptile."""
    reptile_step: float = 0.1

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths from input to output."""
        return (1, *self.hidden, 1)

    @property
    def parameter_count(self) -> int:
        return sum((a + 1) * b for a, b in itertools.pairwise(self.sizes))

    def settings(self, arms: tuple[str, ...] = (), **changes: object) -> Settings:
        """The same as settings of a run, with one arm of the problem's algorithm unless given."""
        values: dict[str, object] = {
            "inner_steps": self.steps,
            "reptile_inner_steps": max(1, self.steps),
            "reptile_batch": self.minibatch,
            "reptile_step": self.reptile_step,
            "reptile_anneal": False,
            "meta_batch": self.tasks,
            "shots": self.shots,
            "query_points": self.queries,
            "hidden": self.hidden,
            "inner_lr": self.inner_lr,
            "outer_lr": self.outer_lr,
            "device": "cpu",
            **changes,
        }
        chosen = tuple(default_arm(name) for name in arms or (self.algorithm,))
        return Settings().with_values(values).with_arms(chosen)

    def example(self, seed: int = 0) -> tuple[Array, Array, Array]:
        """θ [parameter], x and y [task, point]: support points first, then query points."""
        random = np.random.default_rng(seed)
        theta = random.normal(size=self.parameter_count) * 0.3
        x = random.uniform(-5, 5, (self.tasks, self.shots + self.queries))
        amplitude = random.uniform(0.1, 5, (self.tasks, 1))
        y = amplitude * np.sin(x - random.uniform(0, np.pi, (self.tasks, 1)))
        return theta, x, y


def our_gradient(
    problem: Problem, theta: Array, x: Array, y: Array, precision: str = "float64"
) -> Array:
    """What an outer step of ours feeds to Adam for θ (for Reptile mean(θ − φ)), as it trains."""
    plan = prepare(problem.settings(precision=precision))
    arm = next(iter(plan.arms.values()))
    inputs = np.stack([x, np.ones_like(x)], -1)
    flat, wide, goal = (torch.from_numpy(a).to(plan.dtype) for a in (theta, inputs, y[..., None]))
    if arm.learned is not None:  # step sizes lie behind θ
        beside = beginning_of(arm.learned, arm.settings, plan.model, flat)
        flat = torch.cat([flat, beside])
    with torch.no_grad():
        shape = arm.shape(plan, problem.tasks)
        for _ in range(2):  # the first call records, the second one replays
            found = plan.workspace.outer_gradient(
                shape, flat, wide, goal, *arm.varying(plan, arm.in_force(0))
            )
    return found.gradient[: len(theta)].double().numpy().copy()


class Trainer:
    """Our outer steps as the window's worker takes them, on as many threads as the plan says.

    As many in one call of the compiled kernels as fit one, where JAX's scan takes a hundred.
    """

    def __init__(
        self, settings: Settings, threads: int | None = None, kernels: str | None = None
    ) -> None:
        self.plan: Plan = prepare(settings, Workspace(kernels))
        self.threads = threads or intra_op_threads(self.plan)
        self.state: RunState = start_run(self.plan)

    def __call__(self, steps: int) -> None:
        torch.set_num_threads(self.threads)
        torch.set_grad_enabled(False)
        while steps > 0:
            count = min(steps, max(1, steps_at_once(self.plan, self.state)))
            work = outer_step_in_chunks(self.plan, self.state, count=count)
            self.state, _ = run_to_end(work)
            steps -= count
        torch.set_grad_enabled(True)


Gradient = Callable[[Array, Array, Array], Array]
"""(θ [parameter], x [task, point], y [task, point]) → outer gradient [parameter], float64."""


@dataclass(frozen=True)
class Peer:
    """Another way to take the same outer steps."""

    gradient: Gradient
    train: Callable[[int], object]
    """Takes so many whole meta-steps: sampling, gradient, update."""
    steps_per_call: int = 1
    """Steps that `train` counts as one."""
