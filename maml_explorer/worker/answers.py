"""Answers to what the window asks: probes, watched tasks, exact references, as arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

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
from maml_explorer.core.families.own_tasks.opened import opened_tasks
from maml_explorer.core.families.sine import query_grid
from maml_explorer.core.families.sine_inference import bayes_posterior, determined_by, oracle
from maml_explorer.core.families.table import family_of
from maml_explorer.core.plan import Plan
from maml_explorer.core.probing import outputs_along_path, probe
from maml_explorer.core.training import RunState
from maml_explorer.protocol.commands import Array, ProbeTask, WatchTasks
from maml_explorer.protocol.images import ClassReferences
from maml_explorer.protocol.reports import ArmProbe, Probed, ReferenceLosses, Watched
from maml_explorer.settings.families import OWN_FAMILY
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Settings

GRID_POINTS = 200
WATCH_POINTS = 60


def frozen_array(tensor: Tensor, finite: bool = True) -> Array:
    """A read-only float64 copy; with `finite`, infinities become NaN, which plots leave out."""
    return _frozen(tensor.detach().to("cpu", torch.float64).numpy(), finite)


def _frozen(values: Array, finite: bool = True) -> Array:
    array = values.copy()
    if finite:
        array[~np.isfinite(array)] = np.nan
    array.flags.writeable = False
    return array


@dataclass(frozen=True)
class _Grid:
    """Points and the best single predictor that all answers on one range of x share.

    A drag asks for them many times a second. NumPy and what is known before are quicker here than
    PyTorch, whose calls cost most when they come one by one after a rest.
    """

    x: Array
    """[grid point]: of the curves."""
    query: Array
    """[query point]: where the error is measured."""
    best: Array
    """[grid point]: the best single predictor."""
    formula: str
    """Its formula, where it has a short one."""


@lru_cache(maxsize=8)
def _grid(tasks: TaskSettings, low: float, high: float, own: object) -> _Grid:
    """Grids of a family.

    Args:
        own: the user's own tasks, where those are the family: their name may come to mean others.
    """
    x = torch.linspace(low, high, GRID_POINTS, dtype=torch.float64)
    single, formula = single_predictor(tasks)
    return _Grid(frozen_array(x), frozen_array(query_grid(tasks)), frozen_array(single(x)), formula)


@lru_cache(maxsize=8)
def _truth(tasks: TaskSettings, parameters: tuple[float, ...], low: float, high: float) -> Array:
    """[grid point and query point]: clean targets of one task, infinities left as they are."""
    grid = _grid_of(tasks, low, high)
    x = torch.from_numpy(np.concatenate((grid.x, grid.query)))[None, :, None]
    drawn = torch.tensor([parameters], dtype=torch.float64)
    return frozen_array(clean_targets(tasks, drawn, x)[0, :, 0], finite=False)


def _grid_of(tasks: TaskSettings, low: float, high: float) -> _Grid:
    own = opened_tasks(tasks.own_tasks) if tasks.family == OWN_FAMILY.key else None
    return _grid(tasks, low, high, own)


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
    ends = _ends(tasks, task.support_x)
    grid = _grid_of(tasks, *ends)
    arms = answer_arms(plan, state, task, tasks, steps, training_inner_loop)
    known, parameters = _parameters(task, tasks)
    found, posterior = None, None
    if tasks.family == "sine":
        x, y = (torch.from_numpy(each[None, :, None]) for each in _support(task))
        if len(task.support_x) >= determined_by(tasks):
            a, b, frequency = oracle(tasks, x, y)[0].tolist()
            found = _frozen(a * np.sin(frequency * grid.x) + b * np.cos(frequency * grid.x))
        if tasks.noise > 0 and len(task.support_x):
            posterior = bayes_posterior(tasks, x[0, :, 0], y[0, :, 0], torch.tensor(grid.x))
    return Probed(
        run=run,
        outer_step=state.outer_step,
        probe=task,
        grid=grid.x,
        arms=arms,
        truth=_frozen(_truth(tasks, parameters, *ends)[: len(grid.x)]) if known else None,
        best_single=grid.best,
        best_single_formula=grid.formula,
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
    ends = _ends(family, task.support_x)
    grid = _grid_of(family, *ends)
    support_x, support_y = _support(task)
    extra = np.zeros(0) if task.query_x is None else task.query_x
    parts = np.cumsum([len(support_x), len(grid.x), len(grid.query)])
    x = np.concatenate((support_x, grid.x, grid.query, extra))
    known, parameters = _parameters(task, family)
    truth = _truth(family, parameters, *ends)[len(grid.x) :]
    wide = np.stack((x, np.ones_like(x)), 1)[None]
    inputs = torch.from_numpy(wide).to(plan.device, plan.dtype)
    y = torch.from_numpy(support_y[None, :, None]).to(plan.device, plan.dtype)
    arms = {}
    for name, arm in state.arms.items():
        count = plan.settings.run.test_steps if steps is None else steps[name]
        seen = outputs_along_path(
            plan, name, arm.initialization, inputs, y, count, training_inner_loop
        )
        outputs = seen.cpu().numpy()[:, 0, :, 0].astype(np.float64)
        at_support, at_grid, at_query, at_extra = np.split(outputs, parts, 1)
        with np.errstate(all="ignore"):  # of an arm that has diverged
            query_mse = np.square(at_query - truth).mean(1)
            # of no points it is NaN, and NumPy warns of a mean of none
            support_mse = np.square(at_support - support_y).sum(1) / np.float64(len(support_y))
        arms[name] = ArmProbe(
            curves=_frozen(at_grid),
            query_mse=_frozen(query_mse if known else np.full_like(query_mse, np.nan)),
            support_mse=_frozen(support_mse),
            query_prediction=_frozen(at_extra),
        )
    return arms


def _support(task: ProbeTask) -> tuple[Array, Array]:
    """(x, y) [support point] of a task, copies that may be written to."""
    return np.array(task.support_x, dtype=np.float64), np.array(task.support_y, dtype=np.float64)


def _parameters(task: ProbeTask, tasks: TaskSettings) -> tuple[bool, tuple[float, ...]]:
    """(whether the task has a truth, its parameters)."""
    if tasks.family != "sine":
        count = parameter_count(tasks)
        known = task.numbers is not None and len(task.numbers) == count
        numbers = task.numbers if known and task.numbers is not None else (0.0,) * count
        return known, tuple(float(each) for each in numbers)
    known = task.amplitude is not None and task.phase is not None
    return known, (task.amplitude or 0.0, task.phase or 0.0, task.frequency)


def _ends(tasks: TaskSettings, support_x: Array) -> tuple[float, float]:
    """Both ends of the curves: of the x range, widened to support points outside it."""
    return min([tasks.x_min, *support_x.tolist()]), max([tasks.x_max, *support_x.tolist()])


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
