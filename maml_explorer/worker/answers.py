"""Answers to what the window asks: probes, watched tasks, exact references, as arrays."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from maml_explorer.core.families.curve_tasks import (
    clean_targets,
    parameter_count,
    single_mse,
    single_predictor,
    zero_mse,
)
from maml_explorer.core.families.sine import query_grid
from maml_explorer.core.families.sine_inference import bayes_posterior, determined_by, oracle
from maml_explorer.core.families.table import family_of
from maml_explorer.core.plan import Plan
from maml_explorer.core.probing import probe
from maml_explorer.core.training import RunState
from maml_explorer.protocol.commands import Array, ProbeTask, WatchTasks
from maml_explorer.protocol.images import ClassReferences
from maml_explorer.protocol.reports import ArmProbe, Probed, ReferenceLosses, Watched
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Settings

GRID_POINTS = 200
WATCH_POINTS = 60


def frozen_array(tensor: Tensor, finite: bool = True) -> Array:
    """A read-only float64 copy; with `finite`, infinities become NaN, which plots leave out."""
    array = tensor.detach().to("cpu", torch.float64).numpy().copy()
    if finite:
        array[~np.isfinite(array)] = np.nan
    array.flags.writeable = False
    return array


def answer_probe(
    run: int,
    plan: Plan,
    state: RunState,
    task: ProbeTask,
    steps: dict[str, int] | None = None,
    training_inner_loop: bool = False,
) -> Probed:
    """Answers of every arm to the task, by the inner loop of the meta-test or of training.

    Args:
        steps: inner steps per arm; those of the setting `test_steps` unless given.
    """
    tasks = plan.settings.tasks
    grid = _wide_grid(tasks, task.support_x)
    arms = answer_arms(plan, state, task, tasks, steps, training_inner_loop)
    support_x = torch.from_numpy(np.array(task.support_x, dtype=np.float64))[None]
    support_y = torch.from_numpy(np.array(task.support_y, dtype=np.float64))[None]
    known, parameters = _parameters(task, tasks)
    single, formula = single_predictor(tasks)
    found = None
    sines = tasks.family == "sine"
    if sines and len(task.support_x) >= determined_by(tasks):
        a, b, frequency = oracle(tasks, support_x[..., None], support_y[..., None])[0].tolist()
        found = frozen_array(a * torch.sin(frequency * grid) + b * torch.cos(frequency * grid))
    posterior = None
    if sines and tasks.noise > 0 and len(task.support_x):
        posterior = bayes_posterior(tasks, support_x[0], support_y[0], grid)
    return Probed(
        run=run,
        outer_step=state.outer_step,
        probe=task,
        grid=frozen_array(grid),
        arms=arms,
        truth=_truth(tasks, parameters, grid) if known else None,
        best_single=frozen_array(single(grid)),
        best_single_formula=formula,
        oracle=found,
        bayes_mean=None if posterior is None else frozen_array(posterior.mean),
        bayes_sd=None if posterior is None else frozen_array(posterior.deviation),
    )


def answer_arms(
    plan: Plan,
    state: RunState,
    task: ProbeTask,
    family: TaskSettings,
    steps: dict[str, int] | None = None,
    training_inner_loop: bool = False,
) -> dict[str, ArmProbe]:
    """Answers of a run's arms to a task, on the grid of the family that is shown."""
    grid, query = _wide_grid(family, task.support_x), query_grid(family)
    extra = np.zeros(0) if task.query_x is None else task.query_x
    x = torch.cat([grid, query, torch.from_numpy(np.array(extra, dtype=np.float64))])
    support_x = torch.from_numpy(np.array(task.support_x, dtype=np.float64))[None]
    support_y = torch.from_numpy(np.array(task.support_y, dtype=np.float64))[None]
    known, parameters = _parameters(task, family)
    truth = clean_targets(family, parameters, query[None, :, None])[0, :, 0]
    arms = {}
    for name, arm in state.arms.items():
        seen = probe(
            plan, name, arm.initialization, support_x, support_y, x,
            plan.settings.run.test_steps if steps is None else steps[name], training_inner_loop,
        )  # fmt: skip
        curves = seen.predictions[:, 0].to("cpu", torch.float64)
        at_grid, at_query, at_extra = torch.split(curves, [len(grid), len(query), len(extra)], 1)
        mse = (at_query - truth).square().mean(1)
        residual = seen.support[:, 0].to("cpu", torch.float64) - support_y[0]
        arms[name] = ArmProbe(
            curves=frozen_array(at_grid),
            query_mse=frozen_array(mse if known else torch.full_like(mse, torch.nan)),
            support_mse=frozen_array(residual.square().mean(1)),
            query_prediction=frozen_array(at_extra),
        )
    return arms


def _truth(tasks: TaskSettings, parameters: Tensor, grid: Tensor) -> Array:
    return frozen_array(clean_targets(tasks, parameters, grid[None, :, None])[0, :, 0])


def _parameters(task: ProbeTask, tasks: TaskSettings) -> tuple[bool, Tensor]:
    """(whether the task has a truth, its parameters [task, parameter])."""
    if tasks.family != "sine":
        count = parameter_count(tasks)
        known = task.numbers is not None and len(task.numbers) == count
        numbers = task.numbers if known and task.numbers is not None else (0.0,) * count
        return known, torch.tensor([numbers], dtype=torch.float64)
    known = task.amplitude is not None and task.phase is not None
    values = [[task.amplitude or 0.0, task.phase or 0.0, task.frequency]]
    return known, torch.tensor(values, dtype=torch.float64)


def _wide_grid(tasks: TaskSettings, support_x: Array) -> Tensor:
    """The x of the curves [grid point]: the x range, widened to support points outside it."""
    low = min([tasks.x_min, *support_x.tolist()])
    high = max([tasks.x_max, *support_x.tolist()])
    return torch.linspace(low, high, GRID_POINTS, dtype=torch.float64)


def answer_watch(run: int, plan: Plan, state: RunState, watch: WatchTasks) -> Watched:
    """The adapted curves of the watched tasks, all arms."""
    grid = query_grid(plan.settings.tasks, WATCH_POINTS)
    support_x = torch.from_numpy(np.array(watch.support_x, dtype=np.float64))
    support_y = torch.from_numpy(np.array(watch.support_y, dtype=np.float64))
    arms = {
        name: frozen_array(
            probe(
                plan,
                name,
                arm.initialization,
                support_x,
                support_y,
                grid,
                plan.settings.run.test_steps,
            ).predictions
        )
        for name, arm in state.arms.items()
    }
    return Watched(run, state.outer_step, watch, frozen_array(grid), arms)


def reference_losses(run: int, settings: Settings) -> ReferenceLosses | ClassReferences:
    """Exact expected losses of what does not adapt, on noisy targets where there is noise."""
    if settings.family.images:
        ways = settings.images.ways
        return ClassReferences(run, ways, math.log(ways), 1 / ways)
    tasks = settings.tasks
    variance = tasks.noise**2
    return ReferenceLosses(
        run,
        zero_mse(tasks) + variance,
        single_mse(tasks) + variance,
        single_predictor(tasks)[1],
        variance,
        constant=settings.family.own_tasks,
        limit=family_of(settings).failure_limit(settings),
    )
