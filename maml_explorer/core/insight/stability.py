"""Stability of the inner steps: the eigenvalues of I − diag(a_k) H_k along the path.

An inner step maps a small error e of φ_k to (I − diag(a_k) H_k) e. Its spectral radius is above 1
for two quite different reasons: an eigenvalue of diag(a) H above 2 means that steps overshoot and
swing, the usual explosion; one below 0 is a direction of negative curvature (or of a negative step
size) which a step leaves, as it should. Both are reported, the first one separately. H has at most
a few large eigenvalues and many that are 0, so the radius is hardly ever below 1.

diag(a) H is not symmetric unless a is the same everywhere. For step sizes of one sign it has the
eigenvalues of ±|a|^½ H |a|^½, which is symmetric: real, found by Lanczos with a bound. Mixed signs
can make them complex: then Arnoldi finds them, without a bound, unless it has as many iterations as
there are parameters that adapt.

A learned map of the gradient, B c(A g), makes it B J_k A H_k, which is not symmetric either.

Where inner gradients are clipped, J_k H_k takes the place of H_k, J_k the derivative of the
clipping. J is symmetric as well; with several step sizes it makes the product asymmetric. Where
φ is held near θ (iMAML), H_k + λ takes the place of H_k.

An eigenvalue above 2 says that the step overshoots along one direction, and as far as the loss is
a parabola. Trained networks live there: the step overshoots along one steep direction, goes down
along all others, and the loss falls. So what the steps do to the loss is looked at as well.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.adaptation import Path, arriving
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.insight.empty_view import ALL_DIVERGED, Nothing
from maml_explorer.core.insight.krylov import Ritz, ritz_values
from maml_explorer.core.insight.learner import Learner, flat, split
from maml_explorer.core.insight.work_progress import counted_from

ITERATIONS = 24
ABOVE = 1e-4
"""A radius counts as above 1 from 1 + this: the eigenvalue 1 of flat directions is rounded."""


@dataclass(frozen=True)
class Stability:
    """Eigenvalues along the inner paths, float64 on the CPU; nan where a path is not finite."""

    radius: Tensor
    """[inner step, task]: spectral radius of I − diag(a_k) H_k."""
    overshoot: Tensor
    """[inner step, task]: largest real part of an eigenvalue of diag(a_k) H_k; too far above 2."""
    curvature: Tensor | None
    """[inner step, task]: λ_max of H_k with its sign; None unless a_k is one number, α, and
    nothing is clipped. Then overshoot is α λ_max for α > 0."""
    lowest_curvature: Tensor | None
    """[inner step, task]: λ_min of H_k; None as above."""
    error: Tensor
    """[inner step, task]: where `bounded`, an eigenvalue of diag(a_k) H_k lies no farther than this
    from either end that was found; else the residual of the eigenvalue farthest out, a sign of
    convergence only."""
    rising: Tensor
    """[inner step, task]: 1 where the inner loss is higher after the step, else 0; of a stream the
    loss on the batch that the step saw."""
    worse: Tensor
    """[task]: True where the query loss is not below or at its value before all inner steps."""
    bounded: bool
    """False where step sizes have mixed signs, several are clipped, or a map is learned: see the
    module."""

    @property
    def maximum(self) -> float:
        """Largest radius over steps and tasks."""
        return float(self.radius[torch.isfinite(self.radius)].max())

    @property
    def share_above_one(self) -> float:
        """Share of finite (step, task) whose radius is above 1."""
        return _share(self.radius, 1 + ABOVE)

    @property
    def share_overshooting(self) -> float:
        """Share of finite (step, task) with an eigenvalue of diag(a) H above 2."""
        return _share(self.overshoot, 2.0)

    @property
    def share_rising(self) -> float:
        """Share of finite (step, task) after which the inner loss is higher: the light."""
        return _share(self.rising, 0.5)

    @property
    def diverged(self) -> int:
        """Tasks whose path is not finite somewhere."""
        return int(torch.isnan(self.radius).any(0).sum())


def stability(
    learner: Learner, batch: TaskBatch, generator: torch.Generator, iterations: int = ITERATIONS
) -> Generator[int, None, Stability | Nothing]:
    """Eigenvalues at φ_0 … φ_{K−1} of some tasks; yields Hessian-vector products done so far.

    Held in memory are `iterations` vectors of adapting parameters per task: hand in tens of tasks.

    Args:
        generator: of the start vectors, on the CPU.
    """
    unable = learner.unable(batch)
    if unable is not None:
        return unable
    path = learner.path(batch, keep_traces=True)
    rows: list[_StabilityRow] = []
    for k in range(learner.steps):
        work = _at_step(learner, path, k, generator, iterations)
        rows.append((yield from counted_from(k * min(iterations, learner.tail_size), work)))
    curvature = [row.curvature for row in rows if row.curvature is not None]
    lowest = [row.lowest for row in rows if row.lowest is not None]
    found = Stability(
        radius=torch.stack([row.radius for row in rows]),
        overshoot=torch.stack([row.overshoot for row in rows]),
        curvature=torch.stack(curvature) if curvature else None,
        lowest_curvature=torch.stack(lowest) if lowest else None,
        error=torch.stack([row.error for row in rows]),
        rising=_rising(learner, batch, path),
        worse=_worse(learner, batch, path),
        bounded=all(row.bounded for row in rows),
    )
    return found if bool(torch.isfinite(found.radius).any()) else ALL_DIVERGED


def _rising(learner: Learner, batch: TaskBatch, path: Path) -> Tensor:
    """[inner step, task]: 1 where the inner loss rises, 0 where not, nan where it is not finite."""
    model, shots, pull = learner.model, batch.shots, learner.step_sizes.pull
    y = batch.y[:, :shots].to(learner.theta)
    x = learner.features(batch.inputs[:, :shots].to(learner.theta))
    if learner.step_sizes.batches:
        return _rising_by_batch(learner, x, y, path)
    last = model.forward(path.parameters[-1], x, step=learner.steps).output
    outputs = [trace.output for trace in path.traces] + [last]
    losses = torch.stack([model.loss.value(output, y).mean(-1) for output in outputs])
    if pull is not None:
        begin, tasks = path.parameters[0], len(y)
        away = [flat(phi, tasks) - flat(begin, tasks) for phi in path.parameters]
        losses += pull.strength / 2 * torch.stack([d.double().square().sum(1) for d in away])
    return _ones_where_rising(losses.diff(dim=0))


def _worse(learner: Learner, batch: TaskBatch, path: Path) -> Tensor:
    """[task]: True where all inner steps together raise the query loss, or leave no number."""
    model = learner.model
    y = batch.y[:, batch.shots :].to(learner.theta)
    x = learner.features(batch.inputs[:, batch.shots :].to(learner.theta))
    before, after = (
        model.loss.value(model.forward(path.parameters[k], x, step=k).output, y).mean(-1)
        for k in (0, learner.steps)
    )
    return ~(after <= before).cpu()


def _rising_by_batch(learner: Learner, x: Tensor, y: Tensor, path: Path) -> Tensor:
    """The same on a stream, where a step is judged by the batch that it saw."""
    model, batches = learner.model, learner.step_sizes.batches
    change = []
    for k, (points, targets) in enumerate(
        zip(arriving(x, batches), arriving(y, batches), strict=True)
    ):
        after = model.forward(path.parameters[k + 1], points, step=k + 1).output
        losses = [model.loss.value(one, targets).mean(-1) for one in (path.traces[k].output, after)]
        change.append(losses[1] - losses[0])
    return _ones_where_rising(torch.stack(change))


def _ones_where_rising(change: Tensor) -> Tensor:
    return torch.where(change.isfinite(), (change > 0).double(), torch.nan).cpu()


@dataclass(frozen=True)
class _StabilityRow:
    """The figures of one inner step, each [task]."""

    radius: Tensor
    overshoot: Tensor
    error: Tensor
    bounded: bool
    curvature: Tensor | None = None
    lowest: Tensor | None = None


def _at_step(
    learner: Learner, path: Path, k: int, generator: torch.Generator, iterations: int
) -> Generator[int, None, _StabilityRow]:
    model, trace, phi = learner.model, path.traces[k], path.parameters[k]
    tasks, size = trace.output.shape[0], learner.tail_size
    like = trace.output
    held = learner.step_sizes.pull
    pull = 0.0 if held is None else float(held.strength)
    finite = torch.isfinite(trace.output).all(-1).all(-1) & torch.isfinite(flat(phi, tasks)).all(1)
    finite &= torch.stack([torch.isfinite(d).all(-1).all(-1) for d in trace.deltas]).all(0)

    def curved(v: Tensor) -> Tensor:
        """H_k v of what adapts; 0 for tasks that diverged, so they do not spoil the others."""
        moving = learner.step_sizes.moving(model, split(model, v, learner.start))
        product, _ = model.hessian_vector_product(phi, trace, moving)
        product = learner.step_sizes.moving(model, product)
        if pull:
            product = [h + pull * w for h, w in zip(product, moving, strict=True)]
        return torch.where(finite[:, None], flat(product, tasks), 0.0)

    def back(v: Tensor) -> Tensor:
        """J_k v."""
        if clip is None:
            return v
        parts = path.back_through_clip(k, split(model, v, learner.start), clip)
        return torch.where(finite[:, None], flat(parts, tasks), 0.0)

    drawn = torch.randn(tasks, size, generator=generator, dtype=torch.float64).to(like)
    sizes, clip = learner.step_sizes.at(k), learner.step_sizes.clip
    if learner.step_sizes.map is not None:
        ritz = yield from ritz_values(
            lambda v: _mapped(learner, path, k, v, finite), drawn, iterations, False, generator
        )  # fmt: skip
        return _row(ritz, float(sizes[0]), finite.cpu())
    if learner.step_sizes.uniform and clip is None:
        ritz = yield from ritz_values(curved, drawn, iterations, True, generator)
        return _row(ritz, float(sizes[0]), finite.cpu(), scalar=True, pull=pull)
    if learner.step_sizes.uniform:
        # J = s (I − c cᵀ/m²) has the root J/√s, so α J H has the eigenvalues of α J^½ H J^½
        half = path.scales[k][:, 0].sqrt()
        ritz = yield from ritz_values(
            lambda v: back(curved(back(v) / half)) / half, drawn, iterations, True, generator
        )
        return _row(ritz, float(sizes[0]), finite.cpu())
    a = torch.cat(
        [
            entry.to(like).expand(shape).flatten()
            for entry, shape in zip(sizes, model.shapes[learner.start :], strict=True)
        ]
    )
    root = a.abs().sqrt()
    if clip is None and (bool((a >= 0).all()) or bool((a <= 0).all())):
        sign = -1.0 if bool((a < 0).any()) else 1.0
        ritz = yield from ritz_values(
            lambda v: root * curved(root * v), drawn, iterations, True, generator
        )
        return _row(ritz, sign, finite.cpu())
    # sign(a) |a|^½ H |a|^½ has the eigenvalues of diag(a) H and entries of one size
    signed = a.sign() * root
    ritz = yield from ritz_values(
        lambda v: signed * back(curved(root * v)),
        drawn, iterations, False, generator,
    )  # fmt: skip
    return _row(ritz, 1.0, finite.cpu())


def _mapped(learner: Learner, path: Path, k: int, v: Tensor, finite: Tensor) -> Tensor:
    """B J_k A H_k v [task, parameter] of a learned map; 0 for tasks that diverged."""
    mapped, clip = learner.step_sizes.map, learner.step_sizes.clip
    assert mapped is not None
    vector = split(learner.model, v, learner.start)
    phi, trace = path.parameters[k], path.traces[k]
    step = mapped.into(learner.model.hessian_vector_product(phi, trace, vector)[0])
    step = step if clip is None else path.back_through_clip(k, step, clip)
    shapes = learner.model.shapes[learner.start :]
    found = [
        v.new_zeros(len(v), *shape) if part is None else part
        for part, shape in zip(mapped.out(step), shapes, strict=True)
    ]
    return torch.where(finite[:, None], flat(found, len(v)), 0.0)


def _row(
    ritz: Ritz, factor: float, finite: Tensor, scalar: bool = False, pull: float = 0.0
) -> _StabilityRow:
    """The figures from the eigenvalues μ of B, where diag(a) H has those of factor × B.

    Args:
        finite: [task]; others are nan.
        scalar: B is H itself, or H + λ.
        pull: that λ.
    """
    values = factor * ritz.values
    residuals = abs(factor) * ritz.residuals
    distance = (1 - values).abs()
    if values.is_complex():
        error = residuals.gather(1, distance.argmax(1, keepdim=True))[:, 0]
    else:
        error = torch.maximum(residuals[:, 0], residuals[:, -1])

    def only(figure: Tensor) -> Tensor:
        return torch.where(finite, figure, torch.nan)

    return _StabilityRow(
        radius=only(distance.amax(1)),
        overshoot=only(values.real.amax(1) if values.is_complex() else values.amax(1)),
        error=only(error),
        bounded=not values.is_complex(),
        curvature=only(ritz.values[:, -1] - pull) if scalar else None,
        lowest=only(ritz.values[:, 0] - pull) if scalar else None,
    )


def _share(values: Tensor, limit: float) -> float:
    finite = values[torch.isfinite(values)]
    return float((finite > limit).double().mean())
