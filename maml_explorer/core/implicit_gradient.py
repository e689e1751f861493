"""The outer gradient of iMAML: of the inner minimum, whatever path led there.

    inner problem    φ* = argmin_φ L_support(φ) + λ/2 ‖φ − θ‖²
    outer gradient   u  = (I + H/λ)⁻¹ ∇L_query(φ*),   H the Hessian of L_support at φ*

K inner steps come near to φ*; of the path only φ_K is kept, so memory does not grow with K. The
system is solved by conjugate gradients, for all tasks at once and without an H, by products H v.
Rows of a norm do not adapt: their gradient is ∇L_query less H u/λ, by the same theorem.

Two figures say whether u is the solution: the residual, and the least curvature vᵀ(I + H/λ)v met
along a direction. At 0 or below φ_K is no minimum, as a curvature of the loss lies below −λ. A
gradient with a bad figure is not a number, so no arm follows it.

Source: Rajeswaran, Finn, Kakade, Levine 2019, Algorithm 2; Hestenes, Stiefel 1952.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.algorithms import Algorithm
from maml_explorer.core.adaptation import Pull, StepSizes, adapt
from maml_explorer.core.meta_gradient import InnerLoop, MetaGradient
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Layers, Trace
from maml_explorer.core.running_statistics import seen, stored
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted, told_apart

TOLERANCE = 0.01
"""Largest residual, as a part of the query gradient, with which a gradient is used."""


def pull_of(own: Settings, algorithm: Algorithm, like: Tensor) -> Pull | None:
    """The pull that holds φ near θ in an arm's inner loop; None where there is none.

    Args:
        own: the settings with the arm's overrides applied.
    """
    if not algorithm.implicit:
        return None
    strength = torch.tensor(own.inner.proximal, dtype=like.dtype, device=like.device)
    return Pull(strength, own.inner.cg_steps)


@dataclass(frozen=True)
class Solution:
    """Solutions of (I + H/λ) u = b for every task, and how far to trust them."""

    u: list[Tensor]
    """Per layer [task, in + 1, out]; 0 where the inner loop changes nothing."""
    curved: list[Tensor]
    """H u/λ, rows that do not adapt included."""
    residual: Tensor
    """[task]: ‖b − (I + H/λ) u‖ / ‖b‖, by a product of its own; 0 where b is 0."""
    curvature: Tensor
    """[task]: least vᵀ(I + H/λ)v / vᵀv over the directions v that were taken."""

    @property
    def figures(self) -> Tensor:
        """[2]: the largest residual, and the least curvature."""
        return torch.stack([self.residual.max(), self.curvature.min()])


def implicit_gradient(
    model: Model,
    layers: Layers,
    x: Tensor,
    y: Tensor,
    shots: int,
    inner: InnerLoop,
    total_tasks: int | None = None,
) -> MetaGradient:
    """The gradient at φ_K as at the inner minimum, shapes as for :func:`.meta_gradient`.

    Args:
        inner: with all layers from the first on, and a pull towards θ.
    """
    assert inner.start == 0 and inner.step_sizes.pull is not None
    tasks, steps, loss = total_tasks or x.shape[0], inner.steps, model.loss
    support_x, support_y = x[:, :shots], y[:, :shots]
    query_x, query_y = x[:, shots:], y[:, shots:]
    keep = bool(stored(model))  # running averages follow every inner step
    path = adapt(
        model, layers, support_x, support_y, inner.step_sizes, steps, keep, keep_parameters=False
    )  # fmt: skip
    phi = path.parameters[-1]
    query = model.forward(phi, query_x, step=steps)
    residual = loss.residual(query.output, query_y)
    b, _ = model.backward(phi, query, loss.gradient(residual, 1 / tasks))
    support = support_trace(model, phi, support_x, support_y, steps)
    found = solve(model, phi, support, b, inner.step_sizes)
    gradient = [
        (u + (full - moving) - (curved - adapted)).sum(0)
        for u, full, moving, curved, adapted in zip(
            found.u, b, inner.step_sizes.moving(model, b),
            found.curved, inner.step_sizes.moving(model, found.curved), strict=True,
        )
    ]  # fmt: skip
    at_theta = model.forward(layers, support_x)
    before = loss.residual(at_theta.output, support_y)
    return MetaGradient(
        gradient=gradient,
        support_before=loss.total(at_theta.output, support_y, before),
        query_after=loss.total(query.output, query_y, residual),
        moments=seen(model, None, [*path.traces, query], tasks, shots),
        solution=found.figures,
    )


def support_trace(model: Model, phi: Layers, x: Tensor, y: Tensor, step: int) -> Trace:
    """The trace at φ on the support sets, with the deltas that H v needs."""
    trace = model.forward(phi, x, step=step)
    model.backward(phi, trace, model.loss.gradient(model.loss.residual(trace.output, y), 1.0))
    return trace


def solve(
    model: Model, phi: Layers, support: Trace, b: Sequence[Tensor], sizes: StepSizes
) -> Solution:
    """(I + H/λ) u = b by conjugate gradients from u = 0.

    Args:
        phi: [task, in + 1, out] per layer, or θ itself [in + 1, out] without inner steps.
        support: of :func:`support_trace` at φ.
        b: per layer [task, in + 1, out]; rows that do not adapt count as 0.
    """
    pull = sizes.pull
    assert pull is not None

    def curved(v: list[Tensor]) -> list[Tensor]:
        product, _ = model.hessian_vector_product(phi, support, v)
        return [h / pull.strength for h in product]

    right = sizes.moving(model, list(b))
    u = [layer * 0 for layer in right]
    return _conjugate_gradients(
        curved, lambda v: sizes.moving(model, v), right, u, pull.solve_steps
    )


def _conjugate_gradients(
    curved: Callable[[list[Tensor]], list[Tensor]],
    moving: Callable[[list[Tensor]], list[Tensor]],
    b: list[Tensor],
    u: list[Tensor],
    steps: int,
) -> Solution:
    """A fixed number of steps without a branch, so that they can be recorded.

    A task whose residual is down to rounding takes no more steps.
    """
    r, p = b, b
    size = _product(b, b)
    rr = size
    # [task, 1, 1], as all that is one number per task here
    least = size.new_ones(size.shape)
    floor = size * torch.finfo(size.dtype).eps ** 2
    for _ in range(steps):
        ap = [v + h for v, h in zip(p, moving(curved(p)), strict=True)]
        pap, pp, done = _product(p, ap), _product(p, p), rr <= floor
        least = torch.minimum(least, (pap / pp).masked_fill(done, 1.0))
        alpha = (rr / pap).masked_fill(done, 0.0)
        u = [one + alpha * v for one, v in zip(u, p, strict=True)]
        r = [one - alpha * v for one, v in zip(r, ap, strict=True)]
        new = _product(r, r)
        beta = (new / rr).masked_fill(done, 0.0)
        p = [one + beta * v for one, v in zip(r, p, strict=True)]
        rr = new.masked_fill(done, 0.0)
    hu = curved(u)
    left = [a - v - h for a, v, h in zip(b, u, moving(hu), strict=True)]
    part = (_product(left, left) / size).sqrt().masked_fill(size <= 0, 0.0)
    return Solution(u, hu, part.flatten(), least.flatten())


def _product(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """aᵀb per task [task, 1, 1]."""
    parts = [(one * two).sum((1, 2), keepdim=True) for one, two in zip(a, b, strict=True)]
    return sum(parts[1:], parts[0])


def refused(figures: Tensor) -> Tensor:
    """True, as a scalar tensor, where a gradient with these figures must not be followed."""
    # written so that NaN counts as bad
    return ((figures[0] <= TOLERANCE) & (figures[1] > 0)).logical_not()


def failure_words(residual: float, curvature: float, solve_steps: int, strength: float) -> str:
    """Reason why a gradient was refused, as the end of a sentence; "" where it was not.

    Args:
        residual: the largest of all tasks.
        curvature: the least along a direction.
        solve_steps: conjugate-gradient steps that were taken.
        strength: λ.
    """
    if curvature <= 0:
        found, least = told_apart(strength * (curvature - 1), -strength)
        return f"curvature {found} is below −λ = {least}: raise λ (α ≤ 1/λ)"
    if residual > TOLERANCE:
        left, most = told_apart(residual, TOLERANCE)
        return (
            f"after {counted(solve_steps, 'CG step')} the residual {left} is above {most}: "
            "raise λ (α ≤ 1/λ) or the CG steps"
        )
    return ""
