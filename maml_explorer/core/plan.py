"""Settings resolved for a device: what an outer step needs that does not change between steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maml_explorer.algorithms import ALGORITHMS, Algorithm
from maml_explorer.core.adaptation import (
    InnerData,
    StepSizes,
    minibatches,
    still_layers,
    tail_start,
    uniform_step_sizes,
)
from maml_explorer.core.families.batch import TaskBatch
from maml_explorer.core.families.record import Sampler, TaskFamily
from maml_explorer.core.families.table import family_of
from maml_explorer.core.implicit_gradient import pull_of
from maml_explorer.core.kernels.compiled import CompiledStep, CompiledUpdate
from maml_explorer.core.learned import learned_of, refuse_columns
from maml_explorer.core.learned_rates import Learned
from maml_explorer.core.meta_gradient import InnerLoop
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.sizes import products_per_point
from maml_explorer.core.models.table import network
from maml_explorer.core.outer_gradient import Shape
from maml_explorer.core.schedules import InForce, in_force, unscheduled
from maml_explorer.core.shards import Shards, refuse_shards
from maml_explorer.core.sizing import (
    CHUNK_FLOATS,
    _floats_per_task,
    _kept_steps,
    _refuse_one_layer,
    _refuse_what_does_not_fit,
    _steps,
    resolve_device,
)
from maml_explorer.core.workspace import Workspace
from maml_explorer.settings.phases import phases
from maml_explorer.settings.settings import Arm, Settings

BLOCK_FLOATS = 50_000
"""Numbers that points drawn in one go have as inputs, about."""
LONG_PRODUCTS, LONG_DRAW = 300_000_000, 50_000
"""From so many products in a piece of the meta-test, or points drawn in one go, on it is asked
between two kernels whether the work shall end: tens of milliseconds."""


@dataclass(frozen=True)
class ArmPlan:
    """One arm's settings, resolved once per change."""

    arm: Arm
    algorithm: Algorithm
    settings: Settings
    """With the arm's overrides applied."""
    inner: InnerLoop
    """Inner loop at outer step 0 without annealing; learned step sizes begin at its α."""
    learned: Learned | None
    """Kind of what is learned, such as step sizes; it lies behind θ in the arm's vector."""
    chunk_tasks: int
    """Tasks per chunk: a fixed function of this arm's sizes, so that its result depends neither on
    the machine nor on the arms beside it."""
    shapes: dict[tuple[int, bool, bool], Shape] = field(
        default_factory=dict, compare=False, repr=False
    )
    """Made as chunk sizes are met: building and hashing one costs more than its lookup."""
    compiled_steps: dict[tuple[bool, bool], tuple[Workspace, CompiledStep | None]] = field(
        default_factory=dict, compare=False, repr=False
    )
    """Those of a workspace, found once: looking a shape up there costs a tenth of a step."""

    @property
    def inner_lr(self) -> Tensor:
        """α, a scalar tensor on the run's device."""
        return self.inner.step_sizes.steps[0][0]

    @cached_property
    def _always(self) -> InForce | None:
        """Values in force at every outer step; None where something is scheduled."""
        steady = unscheduled(self.settings.outer, self.algorithm)
        return in_force(self.settings, self.algorithm, 0) if steady else None

    def in_force(self, outer_step: int) -> InForce:
        """Rates and weights at an outer step of this arm."""
        return self._always or in_force(self.settings, self.algorithm, outer_step)

    @cached_property
    def update(self) -> CompiledUpdate:
        """Its outer optimizer, as the compiled kernels take it."""
        outer = self.settings.outer
        interpolates = self.algorithm.outer_rule == "interpolation"
        return CompiledUpdate.of(interpolates, outer.optimizer, outer.momentum, outer.outer_clip)

    def compiled(self, plan: Plan, now: InForce) -> CompiledStep | None:
        """Its outer step on a whole batch by compiled kernels; None where they do not cover it."""
        key = (now.second_order, now.multi_step)
        held = self.compiled_steps.get(key)
        if held is None or held[0] is not plan.workspace:
            shape = self.shape(plan, plan.settings.outer.meta_batch, now)
            found = plan.workspace.compiled(shape, plan.dtype, plan.device)
            held = self.compiled_steps[key] = (plan.workspace, found)
        return held[1]

    def step_sizes(self, model: Model, learned: Tensor) -> StepSizes:
        """Those of the inner loop while training.

        Args:
            learned: θ and, behind it, the learned step sizes where there are any.
        """
        if self.learned is None:
            return self.inner.step_sizes
        sizes = self.learned.of(model, learned, self.inner_lr, self.inner.step_sizes.clip)
        batches = self.inner.step_sizes.batches
        return dataclasses.replace(sizes, batches=batches) if batches else sizes

    def inner_data(self, x: Tensor, y: Tensor) -> tuple[InnerData, InnerData]:
        """Inner-step data out of support sets [task, shot, …]: one entry per step, in turn.

        A stream comes as it is.
        """
        size = x.shape[1]
        if self.inner.step_sizes.batches:
            return x, y  # the inner loop parts a stream itself
        if self.algorithm.outer_rule == "interpolation":
            size = self.settings.inner.reptile_batch
        return minibatches(x, size), minibatches(y, size)

    def shape(self, plan: Plan, tasks: int, now: InForce | None = None) -> Shape:
        """Key of the recording of this arm's outer gradient on so many tasks.

        Args:
            now: what is in force; as at outer step 0 unless given.
        """
        now = now or self.in_force(0)
        key = (tasks, now.second_order, now.multi_step)
        shape = self.shapes.get(key)
        if shape is None:
            rule = self.algorithm.outer_data
            if self.algorithm.outer_rule == "interpolation":
                rule = "interpolation"
            shape = self.shapes[key] = Shape(
                model=plan.model.training,
                rule=rule,
                start=self.inner.start if rule == "query" else 0,
                steps=self.inner.steps,
                second_order=now.second_order,
                multi_step=now.multi_step,
                inner_clip=self.inner.step_sizes.clip is not None,
                learned=self.learned,
                shots=plan.settings.support_points(),
                points=plan.settings.support_points() + plan.settings.query_points,
                tasks=tasks,
                total_tasks=plan.settings.outer.meta_batch,
                minibatch=self.settings.inner.reptile_batch if rule == "interpolation" else 0,
                still=self.inner.step_sizes.still if rule != "all" else 0,
                solve_steps=self.settings.inner.cg_steps if self.algorithm.implicit else 0,
                batches=self.inner.step_sizes.batches if rule != "all" else 0,
            )
        return shape

    def varying(self, plan: Plan, now: InForce) -> tuple[Tensor, ...]:
        """Values that a recording reads beside θ and the points: see :func:`outer_gradient`."""
        if not now.multi_step:
            return self._fixed
        weights = torch.tensor(now.query_weights, dtype=plan.dtype, device=plan.device)
        return (*self._fixed, weights)

    @cached_property
    def _fixed(self) -> tuple[Tensor, ...]:
        clip = self.inner.step_sizes.clip
        pull = self.inner.step_sizes.pull
        fixed = (self.inner_lr,) if clip is None else (self.inner_lr, clip)
        return fixed if pull is None else (*fixed, pull.strength)

    def gradient_evaluations(self, outer_steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Gradients and Hessian-vector products per task in the arm's first outer steps.

        One number for each of the given numbers of outer steps, in their shape.
        """
        steps, outer = self.inner.steps, self.settings.outer
        if self.algorithm.outer_rule == "interpolation":
            return outer_steps * steps
        count = outer_steps * (steps + 1)
        if self.algorithm.implicit:  # with the product that measures the residual
            return count + outer_steps * (self.settings.inner.cg_steps + 1)
        if self.inner.second_order:
            count += np.maximum(0, outer_steps - outer.second_order_from) * steps
        if outer.multi_step_loss and steps > 1:
            count += np.minimum(outer_steps, outer.multi_step_until) * (steps - 1)
        return count


@dataclass(frozen=True)
class Plan:
    """Settings resolved for a device: made once per change, used at every outer step."""

    settings: Settings
    device: torch.device
    dtype: torch.dtype
    model: Model
    family: TaskFamily
    sampler: Sampler
    arms: Mapping[str, ArmPlan]
    scratch: torch.Generator
    workspace: Workspace
    block_steps: int
    """Outer steps whose task batches are drawn in one go: a fixed function of sizes."""
    shards: Shards | None = None
    """The division of the meta-batch that was asked for; None cuts it into chunks of memory."""
    blocks: list[tuple[Tensor, list[TaskBatch], Tensor]] = field(
        default_factory=list, compare=False, repr=False
    )
    """The block drawn last: (generator state before it, its batches, generator state after it)."""
    loss_limits: dict[str, float] = field(default_factory=dict, compare=False, repr=False)
    """By arm name, as they are asked for: see :mod:`maml_explorer.core.divergence`."""

    @property
    def long_pieces(self) -> bool:
        """True where a batch, a probe or a piece of the meta-test takes longer than a pause may."""
        run, inner = self.settings.run, self.settings.inner
        shots = self.settings.support_points(max(inner.shots, 5))
        steps = max(run.test_steps, 10)
        # of 25 tasks: 100 queries at every φ_k, and three products per support point and step
        products = 25 * products_per_point(self.model) * (steps + 1) * (100 + 3 * shots)
        drawn = max(
            self.settings.outer.meta_batch * (shots + self.settings.query_points),
            run.test_tasks * shots,
        )
        # where two threads compute and the machine is busy, small kernels wait for each other too
        return products > LONG_PRODUCTS or drawn > LONG_DRAW or intra_op_threads(self) > 1


def prepare(
    settings: Settings,
    workspace: Workspace | None = None,
    device: torch.device | None = None,
    model: Model | None = None,
    shards: Shards | None = None,
) -> Plan:
    """Everything an outer step needs that does not change from step to step.

    Args:
        workspace: that of the plan before a change, so that what still fits is not recorded again.
        device: that of the run, which a change in mid-run does not leave; chosen unless given.
        model: instead of the network that the settings ask for, such as one of
            :func:`maml_explorer.core.models.functional.functional`.
        shards: into which the meta-batch is divided, where that was asked for.

    Raises:
        SettingsError: where the device asked for is absent, the sizes do not fit in memory, or the
            meta-batch has fewer tasks than shards.
    """
    if shards is not None:
        refuse_shards(shards.count, settings.outer.meta_batch)
    device = device or resolve_device(settings)
    _refuse_what_does_not_fit(settings, device)
    dtype = {"float32": torch.float32, "float64": torch.float64}[settings.run.precision]
    model = model or network(settings)
    _refuse_one_layer(settings, model)
    refuse_columns(settings, model)
    like = torch.empty(0, dtype=dtype, device=device)
    floats = (settings.support_points() + settings.query_points) * model.inputs
    family = family_of(settings)
    return Plan(
        settings=settings,
        device=device,
        dtype=dtype,
        model=model,
        family=family,
        sampler=family.sampler(settings, dtype, device),
        arms={arm.name: _arm_plan(settings, arm, model, like) for arm in settings.arms},
        scratch=torch.Generator(device),
        workspace=workspace or Workspace(),
        block_steps=max(1, min(64, BLOCK_FLOATS // (settings.outer.meta_batch * floats))),
        shards=shards,
    )


def _arm_plan(settings: Settings, arm: Arm, model: Model, like: Tensor) -> ArmPlan:
    own = settings.of_arm(arm)
    algorithm = ALGORITHMS[arm.algorithm]
    start = tail_start(model, algorithm.adapts, own.inner.head_layers)
    steps = _steps(own, arm)
    still = still_layers(algorithm.adapts)
    sizes = uniform_step_sizes(own.inner.inner_lr, max(1, model.depth - start), like, still)
    if own.inner.inner_clip:
        limit = torch.tensor(own.inner.inner_clip, dtype=like.dtype, device=like.device)
        sizes = dataclasses.replace(sizes, clip=limit)
    batches = own.stream_batches
    sizes = dataclasses.replace(sizes, pull=pull_of(own, algorithm, like), batches=batches)
    learned = learned_rates(own, algorithm, model)
    inner = InnerLoop(
        start=start,
        steps=steps,
        step_sizes=sizes,
        second_order=algorithm.second_order and steps > 0,
        query_weights=(0.0,) * steps + (1.0,),
        learned_step_sizes=learned is not None,
    )
    per_task = _floats_per_task(settings, model, _kept_steps(settings, arm))
    return ArmPlan(arm, algorithm, own, inner, learned, max(1, CHUNK_FLOATS // per_task))


def learned_rates(own: Settings, algorithm: Algorithm, model: Model) -> Learned | None:
    """Kind of what an arm learns beside θ for its inner loop; None where all step sizes are α.

    Args:
        own: the settings with the arm's overrides applied.
    """
    start = tail_start(model, algorithm.adapts, own.inner.head_layers)
    still = still_layers(algorithm.adapts)
    return learned_of(phases(own, algorithm), start, still)


def intra_op_threads(plan: Plan) -> int:
    """Threads per tensor operation: a fixed function of sizes, as results may depend on it.

    One is faster up to about the work below, and where compiled kernels do it all, whose bits do
    not depend on it. The arms do not count, as a recorded one must not depend on its neighbours.
    """
    points = plan.settings.support_points() + plan.settings.query_points
    chunk = CHUNK_FLOATS // _floats_per_task(plan.settings, plan.model, 1)
    tasks = max(1, min(plan.settings.outer.meta_batch, chunk))
    if tasks * points * products_per_point(plan.model) <= 20_000_000:
        return 1
    ends = (0, plan.settings.outer.outer_steps)  # what is scheduled may be compiled at one alone
    found = [a.compiled(plan, a.in_force(t)) for a in plan.arms.values() for t in ends]
    return 2 if None in found or plan.shards is not None else 1


def kernels_of(plan: Plan) -> str:
    """Kernels of the outer gradients: "compiled", "recorded", both or "CUDA"; each has its bits."""
    if plan.device.type == "cuda":
        return "CUDA"
    compiled = [arm.compiled(plan, arm.in_force(0)) for arm in plan.arms.values()]
    found = {"recorded" if one is None else one.kind for one in compiled}
    return " and ".join(sorted(found)) or "recorded"
