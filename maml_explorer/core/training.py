"""Meta-training as values: a state goes in, the state after one outer step comes out.

All arms take their outer step on the same task batch, from the same θ_0 for a seed, so comparisons
are paired; an arm's result does not depend on which others run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from maml_explorer.core.adaptation import StepSizes, adapt, tail_start, uniform_step_sizes
from maml_explorer.core.algorithms import ALGORITHMS, Algorithm
from maml_explorer.core.meta_gradient import (
    InnerLoop,
    MetaGradient,
    joint_gradient,
    meta_gradient,
    squares,
)
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.optimizers import OPTIMIZERS, Moments
from maml_explorer.core.streams import stream
from maml_explorer.core.tasks.batch import TaskBatch
from maml_explorer.core.tasks.sine import SineSampler, sampler
from maml_explorer.hyperparameters import SettingsError
from maml_explorer.settings import Arm, Settings

CHUNK_FLOATS = 4_000_000
"""Adapted parameters and activations per chunk of tasks: bounds memory and the wait for a pause."""


@dataclass(frozen=True)
class ArmState:
    """What one arm has learned so far."""

    initialization: Tensor
    """θ [parameter]"""
    moments: Moments
    """Of the outer optimizer, each [parameter]; empty for Reptile's rule."""
    outer_step: int = 0
    """Its own: a late arm begins at 0."""
    frozen: bool = False
    """True after it diverged: it waits at its last good state."""


@dataclass(frozen=True)
class RunState:
    """A run between two outer steps."""

    outer_step: int
    generator_state: Tensor
    """Of the training-task stream, uint8."""
    arms: Mapping[str, ArmState]
    """By arm name."""


@dataclass(frozen=True)
class Losses:
    """Scalar tensors on the run's device, not read yet: reading one waits for the device."""

    support_before: Tensor
    """Mean squared error of the support sets at θ, over the meta-batch."""
    query_after: Tensor
    """The same of the query sets after adaptation (for MTL: at θ)."""


@dataclass(frozen=True)
class ArmPlan:
    """One arm's settings, resolved once per change."""

    arm: Arm
    algorithm: Algorithm
    settings: Settings
    """With the arm's overrides applied."""
    inner: InnerLoop

    @property
    def gradient_evaluations(self) -> int:
        """Gradients and Hessian-vector products per task and outer step."""
        steps = self.inner.steps
        if self.algorithm.outer_rule == "interpolation":
            return steps
        return steps + 1 + (steps if self.inner.second_order else 0)


@dataclass(frozen=True)
class Plan:
    """Settings resolved for a device: made once per change, used at every outer step."""

    settings: Settings
    device: torch.device
    dtype: torch.dtype
    model: Mlp
    sampler: SineSampler
    arms: Mapping[str, ArmPlan]
    scratch: torch.Generator

    @cached_property
    def chunk_tasks(self) -> int:
        """Tasks per chunk: a fixed function of sizes, so results do not depend on the machine."""
        points = self.settings.inner.shots + self.settings.inner.query_points
        per_task = self.model.parameter_count + points * sum(self.model.sizes)
        steps = max(arm.inner.steps for arm in self.arms.values())
        return max(1, CHUNK_FLOATS // (per_task * (steps + 1)))


def resolve_device(settings: Settings) -> torch.device:
    """The device to train on.

    "auto" takes CUDA only where it pays: small batches of small networks are faster on the CPU.

    Raises:
        SettingsError: where CUDA is asked for and absent.
    """
    wanted = settings.run.device
    if wanted == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "Device cuda was asked for, but no CUDA device is available: "
            "allowed here are auto and cpu."
        )
    if wanted == "auto":
        width = max(settings.model.hidden)
        large = settings.outer.meta_batch * width * width > 25 * 40 * 40 * 50
        wanted = "cuda" if large and torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


def prepare(settings: Settings) -> Plan:
    """Everything an outer step needs that does not change from step to step.

    Raises:
        SettingsError: where the device asked for is absent.
    """
    device = resolve_device(settings)
    dtype = {"float32": torch.float32, "float64": torch.float64}[settings.run.precision]
    model = Mlp((1, *settings.model.hidden, 1), settings.model.activation)
    like = torch.empty(0, dtype=dtype, device=device)
    return Plan(
        settings=settings,
        device=device,
        dtype=dtype,
        model=model,
        sampler=sampler(
            settings.tasks,
            settings.outer.meta_batch,
            settings.inner.shots,
            settings.inner.query_points,
            dtype,
            device,
        ),
        arms={arm.name: _arm_plan(settings, arm, model, like) for arm in settings.arms},
        scratch=torch.Generator(device),
    )


def _arm_plan(settings: Settings, arm: Arm, model: Mlp, like: Tensor) -> ArmPlan:
    own = settings.of_arm(arm)
    algorithm = ALGORITHMS[arm.algorithm]
    start = tail_start(model, algorithm.adapts)
    if algorithm.outer_rule == "interpolation":
        steps = own.inner.reptile_inner_steps
    else:
        steps = 0 if algorithm.adapts == "none" else own.inner.inner_steps
    inner = InnerLoop(
        start=start,
        steps=steps,
        step_sizes=uniform_step_sizes(own.inner.inner_lr, max(1, model.depth - start), like),
        second_order=algorithm.second_order and steps > 0,
        query_weights=(0.0,) * steps + (1.0,),
    )
    return ArmPlan(arm, algorithm, own, inner)


def test_step_sizes(plan: Plan, arm_name: str) -> tuple[int, StepSizes]:
    """(first adapting layer, step sizes) of an arm at meta-test and in the window."""
    arm = plan.arms[arm_name]
    start = tail_start(plan.model, arm.algorithm.test_adapts)
    like = torch.empty(0, dtype=plan.dtype, device=plan.device)
    lr = arm.settings.inner.inner_lr
    return start, uniform_step_sizes(lr, plan.model.depth - start, like)


def start_arm(plan: Plan, arm_name: str) -> ArmState:
    """The arm at its own outer step 0. θ_0 depends on the seed and the way it is drawn alone."""
    own = plan.arms[arm_name].settings
    theta = plan.model.initialize(
        own.model.initialization, stream(own.run.seed, "initialization"), plan.dtype
    ).to(plan.device)
    return ArmState(theta, _no_moments(plan, arm_name, theta))


def _no_moments(plan: Plan, arm_name: str, theta: Tensor) -> Moments:
    arm = plan.arms[arm_name]
    if arm.algorithm.outer_rule == "interpolation":
        return ()
    count, _ = OPTIMIZERS[arm.settings.outer.optimizer]
    return tuple(torch.zeros_like(theta) for _ in range(count))


def start_run(plan: Plan) -> RunState:
    """The run at outer step 0."""
    generator = stream(plan.settings.run.seed, "training tasks", plan.device)
    return RunState(0, generator.get_state(), {name: start_arm(plan, name) for name in plan.arms})


def with_arms_of(plan: Plan, state: RunState) -> RunState:
    """The state with late arms begun and removed arms left out, after a change of the arms."""
    arms = {name: state.arms.get(name) or start_arm(plan, name) for name in plan.arms}
    return dataclasses.replace(state, arms=arms)


def draw_batch(plan: Plan, state: RunState) -> tuple[TaskBatch, Tensor]:
    """(the batch of the next outer step, the generator's state after it)."""
    plan.scratch.set_state(state.generator_state)
    batch = plan.sampler.draw(plan.scratch)
    return batch, plan.scratch.get_state()


def outer_step(plan: Plan, state: RunState) -> tuple[RunState, dict[str, Losses]]:
    """One outer step of every arm that is not frozen, on one task batch."""
    work = outer_step_in_chunks(plan, state)
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: tuple[RunState, dict[str, Losses]] = end.value
            return result


def outer_step_in_chunks(
    plan: Plan, state: RunState
) -> Generator[str, None, tuple[RunState, dict[str, Losses]]]:
    """The same outer step in pieces, yielding the arm's name after each piece of work.

    Abandoning the generator drops the step: `state` is untouched, its generator state included.
    """
    with torch.no_grad():
        batch, generator_state = draw_batch(plan, state)
        wide = with_ones(batch.points.x)
        arms = dict(state.arms)
        losses: dict[str, Losses] = {}
        for name, arm in state.arms.items():
            if not arm.frozen:
                arms[name], losses[name] = yield from _arm_step(plan, name, arm, batch, wide)
    return RunState(state.outer_step + 1, generator_state, arms), losses


def _arm_step(
    plan: Plan, name: str, state: ArmState, batch: TaskBatch, wide: Tensor
) -> Generator[str, None, tuple[ArmState, Losses]]:
    arm_plan = plan.arms[name]
    layers = plan.model.layers(state.initialization)
    one = _interpolation if arm_plan.algorithm.outer_rule == "interpolation" else _gradient
    tasks, chunk = wide.shape[0], plan.chunk_tasks
    total = one(plan, arm_plan, layers, wide[:chunk], batch.points.y[:chunk], tasks)
    yield name
    for begin in range(chunk, tasks, chunk):
        part = slice(begin, begin + chunk)
        total = _plus(total, one(plan, arm_plan, layers, wide[part], batch.points.y[part], tasks))
        yield name
    flat = torch.cat([layer.reshape(-1) for layer in total.gradient])
    step = state.outer_step + 1
    outer = arm_plan.settings.outer
    if arm_plan.algorithm.outer_rule == "interpolation":
        epsilon = outer.reptile_step
        if outer.reptile_anneal:
            epsilon *= max(0.0, 1 - state.outer_step / outer.outer_steps)
        theta, moments = torch.sub(state.initialization, flat, alpha=epsilon), state.moments
    else:
        _, update = OPTIMIZERS[outer.optimizer]
        theta, moments = update(
            state.initialization, flat, state.moments, step, outer.outer_lr, outer.momentum
        )
    inner = plan.settings.inner
    losses = Losses(
        total.support_before / (tasks * inner.shots),
        total.query_after / (tasks * inner.query_points),
    )
    return ArmState(theta, moments, step), losses


def _gradient(
    plan: Plan, arm: ArmPlan, layers: list[Tensor], x: Tensor, y: Tensor, tasks: int
) -> MetaGradient:
    shots = plan.settings.inner.shots
    if arm.algorithm.outer_data == "all":
        return joint_gradient(plan.model, layers, x, y, shots, tasks)
    return meta_gradient(plan.model, layers, x, y, shots, arm.inner, tasks)


def _interpolation(
    plan: Plan, arm: ArmPlan, layers: list[Tensor], x: Tensor, y: Tensor, tasks: int
) -> MetaGradient:
    """mean(θ − φ_K) in the place of a gradient, on minibatches of the support set.

    The points are drawn independently, so consecutive ones are a random minibatch; where the
    batch does not divide the shots, the last one of a pass is smaller.
    Source: Nichol, Achiam, Schulman 2018, Algorithm 2.
    """
    shots = plan.settings.inner.shots
    size = min(arm.settings.inner.reptile_batch, shots)
    parts = [slice(begin, min(begin + size, shots)) for begin in range(0, shots, size)]
    path = adapt(
        plan.model,
        layers,
        [x[:, part] for part in parts],
        [y[:, part] for part in parts],
        arm.inner.step_sizes,
        arm.inner.steps,
        keep_traces=False,
    )
    before = plan.model.forward(layers, x[:, :shots]).output - y[:, :shots]
    after = plan.model.forward(path.parameters[-1], x[:, shots:]).output - y[:, shots:]
    moved = [
        torch.sub(theta * (x.shape[0] / tasks), phi.sum(0), alpha=1 / tasks)
        for theta, phi in zip(layers, path.parameters[-1], strict=True)
    ]
    return MetaGradient(moved, squares(before), squares(after))


def _plus(one: MetaGradient, two: MetaGradient) -> MetaGradient:
    return MetaGradient(
        [a + b for a, b in zip(one.gradient, two.gradient, strict=True)],
        one.support_before + two.support_before,
        one.query_after + two.query_after,
    )


def full_losses(plan: Plan, state: RunState, name: str, batch: TaskBatch) -> tuple[float, float]:
    """(support loss after adaptation, query loss before) of one arm on a batch: extra passes."""
    with torch.no_grad():
        arm, wide = plan.arms[name], with_ones(batch.points.x)
        layers = plan.model.layers(state.arms[name].initialization)
        shots, start = batch.shots, arm.inner.start
        y = batch.points.y
        body = plan.model.forward(layers[:start], wide, activate_last=True) if start else None
        if start == plan.model.depth:  # nothing adapts
            output = plan.model.forward(layers, wide).output
            return (
                float((output[:, :shots] - y[:, :shots]).square().mean()),
                float((output[:, shots:] - y[:, shots:]).square().mean()),
            )
        features = wide if body is None else body.output
        path = adapt(
            plan.model, layers[start:], features[:, :shots], y[:, :shots],
            arm.inner.step_sizes, arm.inner.steps, keep_traces=False,
        )  # fmt: skip
        after = plan.model.forward(path.parameters[-1], features[:, :shots]).output
        before = plan.model.forward(layers[start:], features[:, shots:]).output
        return (
            float((after - y[:, :shots]).square().mean()),
            float((before - y[:, shots:]).square().mean()),
        )


def intra_op_threads(plan: Plan) -> int:
    """Threads per tensor operation: a fixed function of sizes, as results may depend on it.

    One thread is faster up to about the work below: at the paper's size two spend more time
    meeting than computing, and the second core is left to the window.
    """
    points = plan.settings.inner.shots + plan.settings.inner.query_points
    tasks = min(plan.settings.outer.meta_batch, plan.chunk_tasks)
    return 2 if tasks * points * plan.model.parameter_count > 20_000_000 else 1
