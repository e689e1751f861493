"""Answers about a stream that the window shows: its functions, and what arms make of them."""

from __future__ import annotations

import torch
from torch import Tensor

from maml_explorer.core.families.batch import TaskBatch, with_ones
from maml_explorer.core.families.incremental import numbered
from maml_explorer.core.families.sine import query_grid, targets
from maml_explorer.core.plan import Plan
from maml_explorer.core.probing import outputs_along_path
from maml_explorer.core.training import RunState
from maml_explorer.protocol.streams import (
    StreamArmProbe,
    StreamProbed,
    StreamsWatched,
    StreamTask,
    WatchStreams,
)
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.worker.answers import frozen_array

GRID_POINTS = 101
"""Equally spaced x of the curves of each function."""
MOST_WATCHED = 12
LARGEST_SEED = 2**31 - 1


def refuse_damaged(task: StreamTask) -> None:
    """Refuses a stream that no window sends.

    Raises:
        SettingsError: where its seed is out of range.
    """
    if not 0 <= task.seed <= LARGEST_SEED:
        raise SettingsError(
            f"The seed of a stream is from 0 to {LARGEST_SEED}; the stream shown is kept."
        )


def answer_stream(run: int, plan: Plan, state: RunState, task: StreamTask) -> StreamProbed:
    """Answers of every arm to the stream, by the inner loop of the meta-test."""
    settings = plan.settings.with_values({"seed": task.seed})
    held = plan.family.held_out(
        settings, 1, settings.inner.shots, "validation", torch.float64
    ).batch()
    return _answer(run, plan, state, task, held, training=False)


def answer_drawn(run: int, plan: Plan, state: RunState, batch: TaskBatch) -> StreamProbed:
    """Answers of every arm to the first stream of a batch, by the inner loop of training."""
    return _answer(run, plan, state, StreamTask(0), batch, training=True)


def answer_watched(run: int, plan: Plan, state: RunState, watch: WatchStreams) -> StreamsWatched:
    """Answers of every arm to each of the watched streams."""
    found = tuple(answer_stream(run, plan, state, task) for task in watch.tasks[:MOST_WATCHED])
    return StreamsWatched(run, state.outer_step, watch, found)


def _answer(
    run: int, plan: Plan, state: RunState, task: StreamTask, batch: TaskBatch, *, training: bool
) -> StreamProbed:
    tasks = plan.settings.tasks
    functions, shots = tasks.functions, batch.shots
    inputs, y = batch.inputs[:1].cpu().double(), batch.y[0].cpu().double()
    grid = query_grid(tasks, GRID_POINTS)
    drawn = batch.tasks[0].cpu().double().view(functions, -1)
    truth = targets(drawn, grid[None, :, None].expand(functions, -1, -1))[..., 0]
    wide = with_ones(numbered(grid.expand(1, functions, -1)))
    asked = torch.cat([inputs, wide], 1)
    x = inputs[0, :shots, 0].view(functions, -1)
    return StreamProbed(
        run=run,
        outer_step=state.outer_step,
        probe=task,
        support_x=frozen_array(x),
        support_y=frozen_array(y[:shots, 0].view(functions, -1)),
        grid=frozen_array(grid),
        truth=frozen_array(truth),
        batches=tasks.batches,
        arms={
            name: _arm(plan, name, arm.initialization, asked, y, shots, training)
            for name, arm in state.arms.items()
        },
    )


def _arm(
    plan: Plan,
    name: str,
    theta: Tensor,
    asked: Tensor,
    y: Tensor,
    shots: int,
    training: bool,
) -> StreamArmProbe:
    functions = plan.settings.tasks.functions
    output = outputs_along_path(
        plan, name, theta, asked.to(theta), y[None, :shots].to(theta),
        plan.settings.stream_batches, training,
    )[:, 0, :, 0].cpu().double()  # fmt: skip
    query, curves = output[:, shots : len(y)], output[:, len(y) :]
    error = (query - y[shots:, 0]).square().view(len(output), functions, -1).mean(-1)
    return StreamArmProbe(
        curves=frozen_array(curves.reshape(len(output), functions, -1)),
        error=frozen_array(error),
    )
