"""What every arm makes of one task: the curves and errors along its adaptation path."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.adaptation import adapt
from maml_explorer.core.models.mlp import Layers, with_ones
from maml_explorer.core.plan import Plan, test_step_sizes


@dataclass(frozen=True)
class Probe:
    """Predictions along the path φ_0 … φ_K of some tasks."""

    predictions: Tensor
    """[inner step, task, point]"""
    support: Tensor
    """[inner step, task, support point]"""


def probe(
    plan: Plan,
    arm_name: str,
    initialization: Tensor,
    support_x: Tensor,
    support_y: Tensor,
    x: Tensor,
    steps: int,
    training: bool = False,
) -> Probe:
    """Adapts one arm to tasks and predicts at x after every inner step.

    Without support points nothing can adapt: every step then shows θ.

    Args:
        support_x, support_y: [task, support point].
        x: [point], the same for all tasks.
        steps: K.
        training: True for the inner loop of training, Reptile's minibatches included; else that of
            the meta-test.
    """
    with torch.no_grad():
        arm = plan.arms[arm_name]
        start, step_sizes = (
            (arm.inner.start, arm.inner.step_sizes) if training else test_step_sizes(plan, arm_name)
        )
        model, tasks, shots = plan.model, support_x.shape[0], support_x.shape[1]
        layers = model.layers(initialization)
        wide = with_ones(
            torch.cat([support_x, x.expand(tasks, -1)], 1).to(initialization)[:, :, None]
        )
        if start:
            wide = model.forward(layers[:start], wide, activate_last=start < model.depth).output
        if start == model.depth:  # nothing adapts: one prediction for every step
            output = wide[None, :, :, 0].expand(steps + 1, -1, -1)
        else:
            features, targets = wide[:, :shots], support_y.to(initialization)[:, :, None]
            batches = arm.inner_data(features, targets) if training else ([features], [targets])
            path = adapt(
                model,
                layers[start:],
                *batches,
                step_sizes,
                steps if shots else 0,
                keep_traces=False,
            )
            stacked = _stack(path.parameters, tasks)
            output = model.forward(stacked, wide.repeat(len(path.parameters), 1, 1)).output
            output = output.view(len(path.parameters), tasks, -1)
            if not shots:
                output = output.expand(steps + 1, -1, -1)
        return Probe(output[:, :, shots:], output[:, :, :shots])


def _stack(parameters: list[Layers], tasks: int) -> list[Tensor]:
    """φ_0 … φ_K on one axis, to predict all steps at once: [step · task, in + 1, out]."""
    depth = len(parameters[0])
    return [
        torch.cat(
            [
                phi[layer] if phi[layer].dim() == 3 else phi[layer].expand(tasks, -1, -1)
                for phi in parameters
            ]
        )
        for layer in range(depth)
    ]
