"""Meta-training as values: a state goes in, the state after one outer step comes out.

All arms take their outer step on the same task batch, from the same θ_0 for a seed, so comparisons
are paired; an arm's result does not depend on which others run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from maml_explorer.core.adaptation import adapt, rows_of
from maml_explorer.core.families.batch import TaskBatch, stacked
from maml_explorer.core.kernels.compiled import CompiledStep
from maml_explorer.core.learned import beginning_of
from maml_explorer.core.meta_test import run_to_end
from maml_explorer.core.optimizers import OPTIMIZERS, Moments
from maml_explorer.core.outer_gradient import OuterGradient
from maml_explorer.core.plan import ArmPlan, Plan
from maml_explorer.core.replay.interruption import Look, interruptible
from maml_explorer.core.running_statistics import followed
from maml_explorer.core.schedules import InForce, steady_gradient
from maml_explorer.core.streams import stream
from maml_explorer.settings.settings import Arm, Settings


@dataclass(frozen=True)
class ArmState:
    """State of one arm: what it has learned so far."""

    initialization: Tensor
    """θ [parameter], running averages of a batch norm included; behind it the step sizes of the
    inner loop, where they are learned (:mod:`maml_explorer.core.learned_rates`)."""
    moments: Moments
    """Of the outer optimizer, each as long as that; empty for Reptile's rule."""
    outer_step: int = 0
    """Its own: a late arm begins at 0."""
    frozen: bool = False
    """True after it diverged: it waits at its last good state."""


@dataclass(frozen=True)
class LeftArm:
    """An arm that a change took out of a run, or that begins again as another."""

    settings: Settings
    """In force before the change."""
    state: ArmState


@dataclass(frozen=True)
class RunState:
    """A run between two outer steps."""

    outer_step: int
    generator_state: Tensor
    """Of the training-task stream, uint8."""
    arms: Mapping[str, ArmState]
    """By arm name."""
    left: Mapping[Arm, LeftArm] = field(default_factory=dict)
    """By its definition, an arm as it was when it left last: it may be brought back."""


Losses = Tensor
"""[2]: mean loss of the support sets at θ, and of the query sets after adaptation (for
MTL: at θ), over the meta-batch; of an implicit gradient [4], with how far to trust it (see
:class:`maml_explorer.core.outer_gradient.OuterGradient`); of several outer steps [step, 2]. On the
run's device and not read yet: reading one waits for it."""


_Done = tuple[ArmState, Losses]


def start_arm(plan: Plan, arm_name: str) -> ArmState:
    """The arm at its own outer step 0. θ_0 depends on the seed and the way it is drawn alone."""
    arm = plan.arms[arm_name]
    own = arm.settings
    theta = plan.model.initialize(
        own.model.initialization, stream(own.run.seed, "initialization"), plan.dtype
    ).to(plan.device)
    if arm.learned is not None:
        rates = beginning_of(arm.learned, own, plan.model, theta)
        theta = torch.cat([theta, rates])
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


def draw_batch(
    plan: Plan, state: RunState, look: Look | None = None, count: int = 1
) -> tuple[TaskBatch, Tensor]:
    """(the batch of the next outer step, the generator's state after it).

    Those of several outer steps, which must be of one block, are one behind the other: [step, …].

    Batches are drawn in blocks, and the generator's state moves on at the end of a block: what is
    drawn depends on that state, the number of the outer step and the settings alone.
    """
    if not plan.blocks or plan.blocks[0][0] is not state.generator_state:
        plan.scratch.set_state(state.generator_state)
        with interruptible(look if plan.long_pieces else None):
            batches = plan.sampler.draw_block(plan.scratch, plan.block_steps)
        plan.blocks[:] = [(state.generator_state, batches, plan.scratch.get_state())]
    before, batches, after = plan.blocks[0]
    position = state.outer_step % plan.block_steps
    end = position + count
    batch = batches[position] if count == 1 else stacked(batches[position:end])
    return batch, after if end == plan.block_steps else before


def outer_step(plan: Plan, state: RunState) -> tuple[RunState, dict[str, Losses]]:
    """One outer step of every arm that is not frozen, on one task batch."""
    batch, generator_state = draw_batch(plan, state)
    arms, losses = dict(state.arms), {}
    for name, arm in state.arms.items():
        if not arm.frozen:
            found = _arm_step(plan, name, arm, batch, None)
            done = found if isinstance(found, tuple) else run_to_end(found)
            arms[name], losses[name] = done
    return RunState(state.outer_step + 1, generator_state, arms, state.left), losses


def steps_at_once(plan: Plan, state: RunState) -> int:
    """Outer steps that :func:`outer_step_in_chunks` may take from this state in one go; 0 as 1.

    Each arm takes them in one call of the compiled kernels, which is no longer than one piece of
    a large batch, and their batches are of one block.
    """
    left = plan.block_steps - state.outer_step % plan.block_steps
    going = [plan.arms[name] for name, arm in state.arms.items() if not arm.frozen]
    return min(left, *(_steps_per_call(plan, arm) for arm in going)) if going else 0


def _steps_per_call(plan: Plan, arm: ArmPlan) -> int:
    if plan.shards is not None or not steady_gradient(arm.settings.outer, arm.algorithm):
        return 0
    compiled = arm.compiled(plan, arm.in_force(0))
    return 0 if compiled is None else compiled.steps_per_call


def outer_step_in_chunks(
    plan: Plan, state: RunState, look: Look | None = None, count: int = 1
) -> Generator[str, None, tuple[RunState, dict[str, Losses]]]:
    """The same outer step in pieces, yielding the arm's name after each piece of work.

    Abandoning the generator drops the step: `state` is untouched, its generator state included.
    No tensor here asks for autograd, so gradients need not be turned off (which must not be done
    across a yield); a thread that turns them off saves a little time.

    Args:
        look: called between kernels of a piece that takes long; raising drops the step as well.
        count: outer steps in one go, at most :func:`steps_at_once`. They are the same bits as one
            by one; Python does its part once, and waits for the interpreter's lock less often.
    """
    batch, generator_state = draw_batch(plan, state, look, count)
    arms = dict(state.arms)
    losses: dict[str, Losses] = {}
    for name, arm in state.arms.items():
        if not arm.frozen:
            found = _arm_step(plan, name, arm, batch, look, count)
            if isinstance(found, tuple):
                yield name
            else:
                found = yield from found
            arms[name], losses[name] = found
    return RunState(state.outer_step + count, generator_state, arms, state.left), losses


def _arm_step(
    plan: Plan, name: str, state: ArmState, batch: TaskBatch, look: Look | None, count: int = 1
) -> _Done | Generator[str, None, _Done]:
    """One arm's outer step: what is usual in one call of the compiled kernels, else in pieces.

    Several are always one call.
    """
    arm = plan.arms[name]
    now = arm.in_force(state.outer_step)
    varying = arm.varying(plan, now)
    compiled = arm.compiled(plan, now) if plan.shards is None else None
    if compiled is None:
        return _arm_pieces(plan, arm, name, state, batch, now, varying, look)
    if not compiled.steps_per_call:
        return _compiled_arm_step(arm, compiled, name, state, batch, now, varying)
    first, end = state.outer_step, state.outer_step + count
    rates = [now.outer_rate, *(arm.in_force(step).outer_rate for step in range(first + 1, end))]
    theta, moments, losses = compiled.whole(
        state.initialization, state.moments, batch.inputs, batch.y, varying, arm.update, first + 1,
        rates,
    )  # fmt: skip
    return ArmState(theta, moments, end), losses


def _arm_pieces(
    plan: Plan,
    arm: ArmPlan,
    name: str,
    state: ArmState,
    batch: TaskBatch,
    now: InForce,
    varying: tuple[Tensor, ...],
    look: Look | None,
) -> Generator[str, None, _Done]:
    """The same by gradients of parts of the batch, and torch's update."""
    learned = state.initialization
    if plan.shards is None:
        tasks = len(batch.tasks)
        total = yield from _summed(plan, arm, learned, batch, (0, tasks), now, varying, look)
    else:
        parts = []
        for part in plan.shards.tasks(len(batch.tasks)):
            found = yield from _summed(plan, arm, learned, batch, part, now, varying, look)
            parts.append(found.copy())  # the next shard writes into the same memory
        total = plan.shards.added(parts)
    step = state.outer_step + 1
    outer = arm.settings.outer
    if arm.algorithm.outer_rule == "interpolation":
        theta = torch.sub(state.initialization, total.gradient, alpha=now.outer_rate)
        moments = state.moments
    else:
        gradient = total.gradient
        if outer.outer_clip:
            gradient = gradient * (outer.outer_clip / gradient.norm()).clamp(max=1)
        _, update = OPTIMIZERS[outer.optimizer]
        theta, moments = update(
            state.initialization, gradient, state.moments, step, now.outer_rate, outer.momentum
        )
    if total.moments is not None:
        count = plan.model.parameter_count
        theta = torch.cat([followed(plan.model, theta[:count], total.moments), theta[count:]])
    return ArmState(theta, moments, step), total.losses.clone()


def _summed(
    plan: Plan,
    arm: ArmPlan,
    learned: Tensor,
    batch: TaskBatch,
    part: tuple[int, int],
    now: InForce,
    varying: tuple[Tensor, ...],
    look: Look | None,
) -> Generator[str, None, OuterGradient]:
    """The outer gradient of a part of the batch, chunk by chunk; it lives until the next one."""
    first, end = part
    tasks, chunk = end - first, arm.chunk_tasks
    whole = first == 0 and tasks == len(batch.tasks) and tasks <= chunk
    total: OuterGradient | None = None
    for begin in range(first, end, chunk):
        to = min(end, begin + chunk)
        # no view of the whole is made, so arms share what is copied in
        x = batch.inputs if whole else batch.inputs[begin:to]
        y = batch.y if whole else batch.y[begin:to]
        found = plan.workspace.outer_gradient(
            arm.shape(plan, len(x), now), learned, x, y, *varying, look=look
        )
        if tasks > chunk:  # the next chunk writes into the same memory
            found = found.copy() if total is None else total + found
        total = found
        yield arm.arm.name
    assert total is not None
    return total


def _compiled_arm_step(
    arm: ArmPlan,
    compiled: CompiledStep,
    name: str,
    state: ArmState,
    batch: TaskBatch,
    now: InForce,
    varying: tuple[Tensor, ...],
) -> Generator[str, None, _Done]:
    """The same by compiled kernels, in some calls for a large batch."""
    step = state.outer_step + 1
    theta, moments, losses = state.initialization, state.moments, None
    for done in compiled.pieces(
        theta, moments, batch.inputs, batch.y, varying, arm.update, step, now.outer_rate
    ):
        yield name
        if done is not None:
            theta, moments, losses = done
    assert losses is not None
    return ArmState(theta, moments, step), losses


def full_losses(plan: Plan, state: RunState, name: str, batch: TaskBatch) -> tuple[float, float]:
    """(support loss after adaptation, query loss before) of one arm on a batch: extra passes."""
    with torch.no_grad():
        arm, wide, model = plan.arms[name], batch.inputs, plan.model.training
        layers = model.layers(state.arms[name].initialization)
        loss = model.loss.mean
        shots, start = batch.shots, arm.inner.start
        y = batch.y
        if start == model.depth:  # nothing adapts
            output = model.forward(layers, wide).output
            return (
                float(loss(output[:, :shots], y[:, :shots])),
                float(loss(output[:, shots:], y[:, shots:])),
            )
        features = wide
        if start:
            body = model.forward(layers[:start], wide, activate_last=True, shots=shots)
            features = body.output
        cut = rows_of(shots, features, wide)
        path = adapt(
            model, layers[start:], *arm.inner_data(features[:, :cut], y[:, :shots]),
            arm.step_sizes(model, state.arms[name].initialization), arm.inner.steps,
            keep_traces=False,
        )  # fmt: skip
        last, steps = path.parameters[-1], arm.inner.steps
        after = model.forward(last, features[:, :cut], step=steps).output
        before = model.forward(layers[start:], features[:, cut:]).output
        return (
            float(loss(after, y[:, :shots])),
            float(loss(before, y[:, shots:])),
        )
