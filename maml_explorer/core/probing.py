"""Answers of every arm to one task: the curves and errors along its adaptation path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from maml_explorer.core.adaptation import StepSizes, adapt, rows_of
from maml_explorer.core.families.batch import with_ones
from maml_explorer.core.kernels.probe import InnerSteps, Outputs, compiled_predictions
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Layers
from maml_explorer.core.plan import ArmPlan, Plan
from maml_explorer.core.tested_steps import test_step_sizes


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
        initialization: of the arm's state, with its learned step sizes.
        support_x, support_y: [task, support point].
        x: [point], the same for all tasks.
        steps: K.
        training: True for the inner loop of training, Reptile's minibatches included; else that of
            the meta-test.

    Where batch norm takes the statistics of the points given, the support points are one set and x
    another: with another x, the prediction at a point is another.
    """
    tasks = len(support_x)
    inputs = with_ones(
        torch.cat([support_x, x.expand(tasks, -1)], 1).to(initialization)[:, :, None]
    )
    y = support_y.to(initialization)[:, :, None]
    found = outputs_along_path(plan, arm_name, initialization, inputs, y, steps, training)[..., 0]
    shots = support_x.shape[1]
    return Probe(found[:, :, shots:], found[:, :, :shots])


def outputs_along_path(
    plan: Plan,
    arm_name: str,
    initialization: Tensor,
    inputs: Tensor,
    y: Tensor,
    steps: int,
    training: bool = False,
    apart: bool = True,
) -> Tensor:
    """Outputs [inner step, task, point, out] of φ_0 … φ_K at the support points and all others.

    Args:
        initialization: of the arm's state, with its learned step sizes.
        inputs: [task, point, in + 1] with their column of ones, the support set first.
        y: [task, support point, out].
        steps: K; without support points every step shows θ.
        training: True for the inner loop of training, Reptile's minibatches included.
        apart: True where batch norm takes the statistics of support and query set apart; False
            where a query is seen together with the support set. Adaptation sees the latter alone.
    """
    with torch.no_grad():
        arm, shots = plan.arms[arm_name], y.shape[1]
        found = compiled_outputs(plan, arm_name, initialization, steps, training)(inputs, y)
        if found is not None:
            return found
        start, step_sizes = _inner_loop(plan, arm_name, initialization, training)
        model = plan.model.training if training else plan.model
        layers = model.layers(initialization)
        wide, support, sets = inputs, inputs[:, :shots], shots if apart else None
        if start:
            body, activated = layers[:start], start < model.depth
            wide = model.forward(body, inputs, activate_last=activated, shots=sets).output
            support = wide[:, : rows_of(shots, wide, inputs)]
            if not apart:
                support = model.forward(
                    body, inputs[:, :shots], activate_last=activated, shots=shots
                ).output
        if start == model.depth:  # nothing adapts: one prediction for every step
            return wide[None].expand(steps + 1, -1, -1, -1)
        parts = training and shots > 0
        points, targets = arm.inner_data(support, y) if parts else (support, y)
        path = adapt(
            model,
            layers[start:],
            points,
            targets,
            step_sizes,
            steps if shots else 0,
            keep_traces=False,
        )
        output = _at_every_step(model, path.parameters, wide, sets)
        return output if shots else output.expand(steps + 1, -1, -1, -1)


def compiled_outputs(
    plan: Plan, arm_name: str, initialization: Tensor, steps: int, training: bool = False
) -> Outputs:
    """:func:`outputs_along_path` by the compiled kernels alone; it gives None where they cannot."""
    arm = plan.arms[arm_name]
    start, step_sizes = _inner_loop(plan, arm_name, initialization, training)
    return partial(
        compiled_predictions,
        plan.workspace.kernels if step_sizes.compiled else None,
        plan.model.training if training else plan.model,
        InnerSteps(
            start, steps, arm.inner_lr, step_sizes.clip, arm.learned, _minibatch(arm, training)
        ),
        initialization,
    )


def _inner_loop(
    plan: Plan, arm_name: str, initialization: Tensor, training: bool
) -> tuple[int, StepSizes]:
    """(first adapting layer, step sizes) of training or of the meta-test."""
    if not training:
        return test_step_sizes(plan, arm_name, initialization)
    arm = plan.arms[arm_name]
    return arm.inner.start, arm.step_sizes(plan.model, initialization)


def _minibatch(arm: ArmPlan, training: bool) -> int:
    """Support points per inner step; 0 for all of them."""
    interpolates = arm.algorithm.outer_rule == "interpolation"
    return arm.settings.inner.reptile_batch if training and interpolates else 0


def _at_every_step(
    model: Model, parameters: list[Layers], features: Tensor, shots: int | None
) -> Tensor:
    """Outputs [inner step, task, point, out] by φ_0 … φ_K."""
    steps, tasks = len(parameters), len(features)
    if model.by_step:
        return torch.stack(
            [
                model.forward(phi, features, step=k, shots=shots).output
                for k, phi in enumerate(parameters)
            ]
        )
    repeated = features.repeat(steps, 1, 1)
    output = model.forward(_stack(parameters, tasks), repeated, shots=shots).output
    return output.view(steps, tasks, *output.shape[1:])


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
