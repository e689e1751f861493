"""The implicit gradient of a learner: its solution, and how near φ_K is to the inner minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.implicit_gradient import Solution, solve, support_trace
from maml_explorer.core.insight.learner import Learner


@dataclass(frozen=True)
class ImplicitSolution:
    """Solution of (I + H/λ) u = ∇L_query at φ_K of some tasks."""

    solution: Solution
    query: list[Tensor]
    """Per layer [task, in + 1, out]: ∇L_query(φ_K)."""
    rest: Tensor
    """[task]: ‖∇L_support(φ_K) + λ (φ_K − θ)‖ over ‖∇L_support(θ)‖; 0 at the inner minimum."""


def implicit_solution(learner: Learner, batch: TaskBatch) -> ImplicitSolution:
    """The solution for the tasks of a batch; the learner has a pull towards θ."""
    model, shots, steps, sizes = learner.model, batch.shots, learner.steps, learner.step_sizes
    assert sizes.pull is not None
    x, y = batch.inputs.to(learner.theta), batch.y.to(learner.theta)
    theta, phi = learner.layers, learner.path(batch).parameters[-1]

    def gradient(of: Sequence[Tensor], points: slice, step: int) -> list[Tensor]:
        trace = model.forward(of, x[:, points], step=step)
        delta = model.loss.gradient(model.loss.residual(trace.output, y[:, points]), 1.0)
        return model.backward(of, trace, delta)[0]

    inner = sizes.moving(model, gradient(phi, slice(None, shots), steps))
    inner = [g + sizes.pull.strength * (p - t) for g, p, t in zip(inner, phi, theta, strict=True)]
    at_theta = sizes.moving(model, gradient(theta, slice(None, shots), 0))
    query = gradient(phi, slice(shots, None), steps)
    support = support_trace(model, phi, x[:, :shots], y[:, :shots], steps)
    return ImplicitSolution(
        solve(model, phi, support, query, sizes), query, _norm(inner) / _norm(at_theta)
    )


def _norm(layers: Sequence[Tensor]) -> Tensor:
    """[task]: over all layers."""
    return torch.stack([(layer * layer).sum((1, 2)) for layer in layers]).sum(0).sqrt()
