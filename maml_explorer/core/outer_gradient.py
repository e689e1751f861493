"""The outer gradient of one arm on one chunk of tasks.

Which of the three rules an arm uses, and every size, make up a :class:`Shape`;
:mod:`maml_explorer.core.workspace` runs it faster than the function here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maml_explorer.core.adaptation import Pull, StepSizes, adapt, minibatches
from maml_explorer.core.implicit_gradient import implicit_gradient, refused
from maml_explorer.core.learned_rates import Learned
from maml_explorer.core.meta_gradient import (
    InnerLoop,
    MetaGradient,
    joint_gradient,
    meta_gradient,
)
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Layers, Trace
from maml_explorer.core.running_statistics import seen, stored
from maml_explorer.core.wide_gradient import pays, wide_gradient


@dataclass(frozen=True)
class Shape:
    """Everything a recording depends on but the values of its tensors."""

    model: Model
    rule: str
    """"query": loss after adaptation; "all": joint training; "interpolation": Reptile's."""
    start: int
    steps: int
    second_order: bool
    multi_step: bool
    """True where the query losses after all inner steps count, with weights that vary."""
    inner_clip: bool
    """True where inner gradients are clipped."""
    learned: Learned | None
    """Kind of what is learned behind θ, such as step sizes; None where they are all α."""
    shots: int
    points: int
    """Support and query points per task."""
    tasks: int
    """In this chunk."""
    total_tasks: int
    """Of the meta-batch."""
    minibatch: int
    """Support points per inner step of Reptile; 0 elsewhere."""
    still: int = 0
    """1 where the last layer does not adapt."""
    solve_steps: int = 0
    """Conjugate-gradient steps where the gradient is implicit; 0 elsewhere."""
    batches: int = 0
    """Parts in which the support set arrives, one per inner step; 0 where it is no stream."""

    @property
    def plain(self) -> bool:
        """True where the inner steps are those that the compiled kernels know."""
        return not self.still and not self.solve_steps and not self.batches

    @property
    def wide(self) -> bool:
        """True where gradients per task are kept as factors."""
        plain = self.rule == "query" and self.start == 0 and self.learned is None
        plain = plain and not self.inner_clip and self.plain
        return plain and any(pays(self.model, self.steps, self.shots))


@dataclass(frozen=True)
class OuterGradient:
    """Share of one chunk in an outer step."""

    gradient: Tensor
    """[parameter], and behind it that by the learned step sizes; for Reptile's rule mean(θ − φ_K).
    """
    losses: Tensor
    """[2]: this chunk's part of the mean support loss at θ and of the mean query loss after
    adaptation. [4] where the gradient is implicit: then the largest residual, the least curvature.
    """

    moments: Tensor | None = None
    """[parameter]: see :func:`maml_explorer.core.running_statistics.seen`."""

    def parts(self) -> list[Tensor]:
        """The tensors there are."""
        last = [] if self.moments is None else [self.moments]
        return [self.gradient, self.losses, *last]

    def copy(self) -> OuterGradient:
        """The same in memory of its own."""
        return OuterGradient(*(part.clone() for part in self.parts()))

    def __add__(self, other: OuterGradient) -> OuterGradient:
        total = OuterGradient(*map(torch.add, self.parts(), other.parts()))
        if len(self.losses) == 2:
            return total
        residual = torch.maximum(self.losses[2], other.losses[2])
        curvature = torch.minimum(self.losses[3], other.losses[3])
        losses = torch.cat([total.losses[:2], torch.stack([residual, curvature])])
        return replace(total, losses=losses)


def outer_gradient(
    shape: Shape, theta: Tensor, x: Tensor, y: Tensor, inner_lr: Tensor, *more: Tensor
) -> OuterGradient:
    """The outer gradient without a recording.

    Args:
        theta: [parameter], and behind it the step sizes where they are learned.
        x: [task, point, in + 1] with its column of ones; the first shots are the support set.
        y: [task, point, output].
        inner_lr: α, a scalar tensor.
        more: the largest norm of an inner gradient, where they are clipped; λ, where the gradient
            is implicit; the weights w_0 … w_K, where several query losses count.
    """
    model, layers = shape.model, shape.model.layers(theta)
    clip = more[0] if shape.inner_clip else None
    if shape.learned is None:
        pull = Pull(more[-1], shape.solve_steps) if shape.solve_steps else None
        alphas = [[inner_lr] * (model.depth - shape.start)]
        sizes = StepSizes(alphas, clip=clip, still=shape.still, pull=pull)
    else:
        sizes = shape.learned.of(model, theta, inner_lr, clip)
    sizes = replace(sizes, batches=shape.batches)
    if shape.rule == "all":
        found = joint_gradient(model, layers, x, y, shape.shots, shape.total_tasks)
    elif shape.rule == "interpolation":
        found = _interpolation(shape, layers, x, y, sizes)
    else:
        weights: list[float | Tensor] = [*(0.0,) * shape.steps, 1.0]
        if shape.multi_step:  # one by one: a recording knows views, not lists of them
            weights[1:] = [more[-1][k] for k in range(1, shape.steps + 1)]
        inner = InnerLoop(
            shape.start, shape.steps, sizes, shape.second_order, weights, shape.learned is not None
        )
        function = wide_gradient if shape.wide else meta_gradient
        function = implicit_gradient if shape.solve_steps else function
        found = function(model, layers, x, y, shape.shots, inner, shape.total_tasks)
    parts = [layer.reshape(-1) for layer in found.gradient]
    if shape.learned is not None and found.step_sizes is not None:
        none = [theta.new_zeros(shape.learned.count(model))]  # by what no inner step has used
        parts += shape.learned.gradient(model, found.step_sizes) if found.step_sizes else none
    flat = torch.cat(parts)
    # times numbers, not a tensor made here: a CUDA graph may not copy from the host
    before = found.support_before * (1 / (shape.total_tasks * shape.shots))
    after = found.query_after * (1 / (shape.total_tasks * (x.shape[1] - shape.shots)))
    if found.solution is None:
        return OuterGradient(flat, torch.stack([before, after]), found.moments)
    bad = refused(found.solution)
    flat, after = flat.masked_fill(bad, torch.nan), after.masked_fill(bad, torch.nan)
    figures = [found.solution[0], found.solution[1]]
    return OuterGradient(flat, torch.stack([before, after, *figures]), found.moments)


def _interpolation(
    shape: Shape, layers: Layers, x: Tensor, y: Tensor, sizes: StepSizes
) -> MetaGradient:
    """mean(θ − φ_K) instead of a gradient, on minibatches of the support set.

    Source: Nichol, Achiam, Schulman 2018, Algorithm 2.
    """
    shots = shape.shots
    support_x, support_y = x[:, :shots], y[:, :shots]
    path = adapt(
        shape.model,
        layers,
        support_x if shape.batches else minibatches(support_x, shape.minibatch),
        support_y if shape.batches else minibatches(support_y, shape.minibatch),
        sizes,
        shape.steps,
        keep_traces=bool(stored(shape.model)),
    )
    before = _total(shape.model, shape.model.forward(layers, x[:, :shots]), y[:, :shots])
    query = shape.model.forward(path.parameters[-1], x[:, shots:], step=shape.steps)
    after = _total(shape.model, query, y[:, shots:])
    part_of_batch = shape.tasks / shape.total_tasks
    moved = [
        torch.sub(theta * part_of_batch, phi.sum(0), alpha=1 / shape.total_tasks)
        for theta, phi in zip(layers, path.parameters[-1], strict=True)
    ]
    moments = seen(shape.model, None, [*path.traces, query], shape.total_tasks, shots)
    # what does not adapt is where it was, but for rounding
    moved = sizes.moving(shape.model, moved)
    return MetaGradient(moved, before, after, moments)


def _total(model: Model, trace: Trace, y: Tensor) -> Tensor:
    """The loss summed over tasks and points, a scalar."""
    return model.loss.total(trace.output, y, model.loss.residual(trace.output, y))
