"""The meta-gradient in its two parts: the query gradient and the Hessian correction.

    v_K = w_K ∇L_query(φ_K)      v_k = v_{k+1} − H_k (a_k ⊙ v_{k+1}) + w_k ∇L_query(φ_k)

The query gradients summed over k are the first-order part, all that FO-MAML keeps; the Hessian
terms summed over k are the correction. Their sum is the meta-gradient exactly, whatever the arm
trains with. Layers below the tail get both through their output.

Source: Finn, Abbeel, Levine 2017, sections 2.2 and 5.2; Pearlmutter 1994 for H v.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.adaptation import Path, arrival, rows_of
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import ALL_DIVERGED, NOT_FINITE, Nothing
from maml_explorer.core.insight.implicit import implicit_solution
from maml_explorer.core.insight.learner import Learner, flat, split

DIFFERENCE_STEP = 1e-6
"""Length h of the finite differences: in float64 rounding adds about 1e-10 to the slope of a loss
of size 1, and the kinks of ReLU are rarely crossed."""


@dataclass(frozen=True)
class GradientParts:
    """The two parts of the meta-gradient per task and layer."""

    first: list[Tensor]
    """Per layer [task, in + 1, out]: the query gradients at the adapted parameters."""
    correction: list[Tensor]
    """Per layer [task, in + 1, out]: what the Hessians of the inner steps add."""

    @property
    def gradient(self) -> list[Tensor]:
        """Per layer [in + 1, out]: the meta-gradient, averaged over tasks."""
        return [(a + b).mean(0) for a, b in zip(self.first, self.correction, strict=True)]

    def summary(self) -> GradientSummary:
        """Norms and cosines, in float64 on the CPU."""
        first = [layer.mean(0).flatten().double().cpu() for layer in self.first]
        correction = [layer.mean(0).flatten().double().cpu() for layer in self.correction]
        rows = [*zip(first, correction, strict=True), (torch.cat(first), torch.cat(correction))]
        tasks = self.first[0].shape[0]
        whole = [(a + b).double().cpu() for a, b in zip(self.first, self.correction, strict=True)]
        return GradientSummary(
            first_norm=torch.stack([a.norm() for a, _ in rows]),
            correction_norm=torch.stack([b.norm() for _, b in rows]),
            norm=torch.stack([(a + b).norm() for a, b in rows]),
            cosine=torch.stack([_cosine(a, a + b) for a, b in rows]),
            task_cosines=_cosines(flat(whole, tasks)),
        )


@dataclass(frozen=True)
class GradientSummary:
    """Norms and cosines of the parts, averaged over tasks first.

    The axis [layer] has a row per layer and one more, the last, for the whole network. A cosine
    with a zero vector is nan.
    """

    first_norm: Tensor
    """[layer]"""
    correction_norm: Tensor
    """[layer]"""
    norm: Tensor
    """[layer]: of the meta-gradient."""
    cosine: Tensor
    """[layer]: between the first-order part and the meta-gradient, FO-MAML's against MAML's."""
    task_cosines: Tensor
    """[task, task]: between the meta-gradients of two tasks."""

    @property
    def mean_task_cosine(self) -> float:
        """Mean over pairs of different tasks; nan for one task."""
        count = len(self.task_cosines)
        pairs = self.task_cosines[~torch.eye(count, dtype=torch.bool)]
        return float(pairs.nanmean()) if count > 1 else math.nan


@dataclass(frozen=True)
class DifferenceCheck:
    """Slopes of the outer loss along random unit directions, float64."""

    measured: Tensor
    """[direction]: central differences of the loss itself."""
    second_order: Tensor
    """[direction]: by the meta-gradient."""
    first_order: Tensor
    """[direction]: by the first-order part alone."""

    @property
    def error(self) -> float:
        """Largest difference between measured and second order, over the largest slope."""
        return _relative(self.second_order, self.measured)

    @property
    def first_order_error(self) -> float:
        """The same of the first-order part: what FO-MAML neglects."""
        return _relative(self.first_order, self.measured)


def gradient_parts(
    learner: Learner, batch: TaskBatch, query_weights: tuple[float, ...] | None = None
) -> Generator[int, None, GradientParts | Nothing]:
    """The two parts of the meta-gradient of some tasks; yields tasks done so far.

    Held in memory are two gradients per task: hand in tens of tasks, not thousands.

    Args:
        batch: the mean query loss of these tasks is differentiated.
        query_weights: w_0 … w_K; the loss after the last step alone unless given.
    """
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    weights = query_weights or (0.0,) * learner.steps + (1.0,)
    pieces = []
    count = len(batch.tasks)
    for piece in learner.pieces(batch):
        pieces.append(_parts(learner, piece, weights))
        yield sum(len(first[0]) for first, _ in pieces)
    first = [torch.cat(layers) for layers in zip(*(p[0] for p in pieces), strict=True)]
    correction = [torch.cat(layers) for layers in zip(*(p[1] for p in pieces), strict=True)]
    if not all(bool(torch.isfinite(layer).all()) for layer in (*first, *correction)):
        return ALL_DIVERGED if count == 1 else _SOME_DIVERGED
    return GradientParts(first, correction)


_SOME_DIVERGED = Nothing(
    "The adaptation diverged on a task of the batch, so the meta-gradient is not finite. "
    "Try a smaller inner learning rate."
)


def _parts(
    learner: Learner, batch: TaskBatch, weights: tuple[float, ...]
) -> tuple[list[Tensor], list[Tensor]]:
    """(first-order part, correction), each per layer [task, in + 1, out]."""
    model, start, shots = learner.model, learner.start, batch.shots
    tasks = len(batch.tasks)
    below = learner.layers[:start]
    x = batch.inputs.to(learner.theta)
    body = model.forward(below, x, activate_last=True, shots=shots) if start else None
    if learner.step_sizes.pull is not None:
        return _implicit_parts(learner, batch)
    path = learner.path(batch, keep_traces=True)
    features = x if body is None else body.output
    y = batch.y[:, shots:].to(x)
    size = learner.tail_size
    first, correction = x.new_zeros(tasks, size), x.new_zeros(tasks, size)
    cut = rows_of(shots, features, x)
    batches = learner.step_sizes.batches
    upward = features.new_zeros(2, tasks, features.shape[1], features.shape[2] - 1)
    for k in range(learner.steps, -1, -1):
        if k < learner.steps:
            v = first + correction
            curved, up = _curved(learner, path, k, split(model, v, start))
            correction -= curved
            if up is not None:
                seen = arrival(cut, batches, k) if batches else slice(0, cut)
                upward[1, :, seen] -= up
        if weights[k]:
            phi = path.parameters[k]
            trace = model.forward(phi, features[:, cut:], step=k)
            loss = model.loss
            delta = loss.gradient(loss.residual(trace.output, y), weights[k])
            gradient, up = model.backward(phi, trace, delta, to_input=body is not None)
            first += flat(gradient, tasks)
            if up is not None:
                upward[0, :, cut:] += up
    if body is None:
        return split(model, first), split(model, correction)
    # linear in what enters, so each part goes through the body by itself
    parts = [model.backward(below, body, part_upward)[0] for part_upward in upward]
    return (
        parts[0] + split(model, first, start),
        parts[1] + split(model, correction, start),
    )


def _implicit_parts(learner: Learner, batch: TaskBatch) -> tuple[list[Tensor], list[Tensor]]:
    """The same of an implicit gradient: (I + H/λ)⁻¹ makes the correction."""
    both = implicit_solution(learner, batch)
    found, query = both.solution, both.query
    moving = learner.step_sizes.moving(learner.model, query)
    still = learner.step_sizes.moving(learner.model, found.curved)
    correction = [
        (u - part) - (curved - adapted)
        for u, part, curved, adapted in zip(found.u, moving, found.curved, still, strict=True)
    ]
    return query, correction


def _curved(learner: Learner, path: Path, k: int, v: list[Tensor]) -> tuple[Tensor, Tensor | None]:
    """H_k J_k (a_k ⊙ v) [task, tail parameter], and the same derivative by the tail's input.

    J_k is the derivative of the clipping, I where there is none; with a map, A and B are there too.
    """
    scaled = path.before_hessian(k, v, learner.step_sizes, learner.model)
    product, up = learner.model.hessian_vector_product(
        path.parameters[k], path.traces[k], scaled, to_input=learner.start > 0
    )
    return flat(product, len(product[0])), up


def difference_check(
    learner: Learner,
    batch: TaskBatch,
    generator: torch.Generator,
    directions: int = 8,
    query_weights: tuple[float, ...] | None = None,
) -> Generator[int, None, DifferenceCheck | Nothing]:
    """The meta-gradient against central differences of the outer loss; yields directions done.

    Everything is done in float64, whatever the run's precision. With ReLU the inner gradient jumps
    where a support point crosses a kink, and so does the outer loss; gradients know nothing of
    jumps. A direction that meets one between its two points shows as an error.

    Args:
        generator: of the random directions, on the CPU; the first one is the gradient's own.
    """
    exact = learner.double()
    weights = query_weights or (0.0,) * learner.steps + (1.0,)
    parts = yield from gradient_parts(exact, batch, weights)
    if isinstance(parts, Nothing):
        return parts
    whole = flat(parts.gradient, 1)[0]
    first = flat([layer.mean(0) for layer in parts.first], 1)[0]
    drawn = torch.randn(directions, len(whole), generator=generator, dtype=torch.float64).to(whole)
    if float(whole.norm()) > 0:
        drawn[0] = whole
    # stored statistics are constants to the gradient, and so they are here
    drawn = flat(exact.model.trained(split(exact.model, drawn)), directions)
    drawn /= drawn.norm(dim=1, keepdim=True)
    measured = []
    for index, direction in enumerate(drawn):
        ends = [
            _outer_loss(exact, exact.theta + sign * DIFFERENCE_STEP * direction, batch, weights)
            for sign in (1, -1)
        ]
        measured.append((ends[0] - ends[1]) / (2 * DIFFERENCE_STEP))
        yield index + 1
    found = DifferenceCheck(
        torch.stack(measured).cpu(), (drawn @ whole).cpu(), (drawn @ first).cpu()
    )
    return found if bool(torch.isfinite(found.measured).all()) else NOT_FINITE


def _outer_loss(
    learner: Learner, theta: Tensor, batch: TaskBatch, weights: tuple[float, ...]
) -> Tensor:
    at = dataclasses.replace(learner, theta=theta)
    query = at.features(batch.inputs[:, batch.shots :].to(theta))
    y = batch.y[:, batch.shots :].to(theta)
    losses = [
        weight * at.model.loss.mean(at.model.forward(phi, query, step=k).output, y)
        for k, (phi, weight) in enumerate(zip(at.path(batch).parameters, weights, strict=True))
        if weight
    ]
    return torch.stack(losses).sum()


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return torch.div(a @ b, a.norm() * b.norm())


def _cosines(rows: Tensor) -> Tensor:
    unit = torch.div(rows, rows.norm(dim=1, keepdim=True))
    return unit @ unit.T


def _relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-300))
