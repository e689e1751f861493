"""The tasks that the window shows: sampled here, with a generator of their own."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from maml_explorer.core.families.own_tasks.opened import opened_tasks
from maml_explorer.gui.style.numbers import number
from maml_explorer.protocol.commands import Array, ProbeTask
from maml_explorer.settings.curves.drawing import described, parameters_of, values_at
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Settings

ANYWHERE, LEFT_HALF, CLUSTERED = "anywhere", "left half", "clustered"
PLACES = (ANYWHERE, LEFT_HALF, CLUSTERED)
"""Ranges that new support points may lie in, in the order of menus."""

_CLUSTER = 0.15
"""Width of a cluster, as a part of the x range."""


def truth(x: Array, task: ProbeTask, tasks: TaskSettings) -> Array:
    """The truth of a task at `x` [point], as the family in force has it; nan where it has none."""
    if not task.known or not has_family(task, tasks):
        return np.full(np.shape(x), np.nan)
    if task.numbers is not None:
        with np.errstate(all="ignore"):
            return np.asarray(values_at(tasks, task.numbers, x, np), dtype=np.float64)
    assert task.amplitude is not None and task.phase is not None
    return np.asarray(task.amplitude * np.sin(task.frequency * x - task.phase), dtype=np.float64)


def has_family(task: ProbeTask, tasks: TaskSettings) -> bool:
    """True where these tasks have truths like that of the task; one without a truth fits all."""
    if not task.known:
        return True
    if tasks.family == "sine" or task.numbers is None:
        return tasks.family == "sine" and task.numbers is None
    return FAMILIES[tasks.family].curve is not None and len(task.numbers) == len(
        parameters_of(tasks)
    )


@lru_cache(maxsize=16)
def height(tasks: TaskSettings) -> float:
    """Half the height that nearly all tasks of a family need; a sine's where it has no curves."""
    if FAMILIES[tasks.family].own_tasks:
        return _height_of(opened_tasks(tasks.own_tasks).query_y)
    if tasks.family == "sine" or FAMILIES[tasks.family].curve is None:
        return tasks.amplitude_max  # the plot of curves is hidden while images are shown
    generator = np.random.default_rng(0)
    x = np.linspace(tasks.x_min, tasks.x_max, 60)
    with np.errstate(all="ignore"):
        tops = [
            float(np.max(np.abs(values_at(tasks, drawn_numbers(tasks, generator), x, np))))
            for _ in range(64)
        ]
    return float(np.quantile([top for top in tops if math.isfinite(top)] or [1.0], 0.95))


def _height_of(y: Array) -> float:
    """Half the height that nearly all of some tasks need; y [task, point, 1]."""
    return float(np.quantile(np.abs(y).max((1, 2)), 0.95))


def drawn_numbers(tasks: TaskSettings, generator: np.random.Generator) -> tuple[float, ...]:
    """The numbers of a task from the ranges of its family."""
    return tuple(
        float(generator.standard_normal() if one.normal else generator.uniform(one.low, one.high))
        for one in parameters_of(tasks)
    )


def task_words(task: ProbeTask, tasks: TaskSettings) -> str:
    """Words of a task with a truth: "A 3.2  φ 0.85", and "ω 1.1" where that is not 1."""
    if task.numbers is not None:
        return described(tasks, task.numbers) if has_family(task, tasks) else ""
    phase = task.phase
    # a hundredth is seen, and further digits would not fit above a small plot
    shift = f"{phase:.2f}" if phase and 0 < phase < 0.1 else number(phase, 2, fixed=True)
    words = f"A {number(task.amplitude, 2, fixed=True)}  φ {shift}"
    if task.frequency == 1:
        return words
    return f"{words}  ω {number(task.frequency, 2, fixed=True)}"


def task_formula(task: ProbeTask, tasks: TaskSettings) -> str:
    """A task with a truth as a formula: "3.2 sin(x − 0.85)"; families of others in words.

    The phase has no letter here: φ stands for adapted parameters.
    """
    if task.numbers is not None:
        return task_words(task, tasks)
    phase = task.phase or 0.0
    sign, frequency = "−" if phase >= 0 else "+", ""
    if task.frequency != 1:
        frequency = f"{number(task.frequency, 2, fixed=True)} "
    shift = number(abs(phase), 2, fixed=True)
    return f"{number(task.amplitude, 2, fixed=True)} sin({frequency}x {sign} {shift})"


def sampled_task(settings: Settings, generator: np.random.Generator) -> ProbeTask:
    """A new task and its support and query points from the ranges of `settings`.

    One of the user's own is one of the examples that were drawn when they were opened.
    """
    tasks = settings.tasks
    if settings.family.own_tasks:
        own, inner = opened_tasks(tasks.own_tasks), settings.inner
        nth = int(generator.integers(len(own.support_x)))
        return ProbeTask(
            fixed(own.support_x[nth, : inner.shots]),
            fixed(own.support_y[nth, : inner.shots]),
            query_x=fixed(np.sort(own.query_x[nth, : inner.query_points, 0])),
        )
    if tasks.family != "sine":
        query_x = generator.uniform(tasks.x_min, tasks.x_max, settings.inner.query_points)
        support_x = sampled_x(settings, generator, ANYWHERE)
        task = ProbeTask(
            fixed(support_x),
            fixed([]),
            query_x=fixed(np.sort(query_x)),
            numbers=drawn_numbers(tasks, generator),
        )
        y = noisy(truth(support_x, task, tasks), settings, generator)
        return replace(task, support_y=fixed(y))
    amplitude = float(generator.uniform(tasks.amplitude_min, tasks.amplitude_max))
    phase = float(generator.uniform(tasks.phase_min, tasks.phase_max))
    frequency = tasks.frequency_min
    if tasks.frequency_varies:
        frequency = float(generator.uniform(frequency, tasks.frequency_max))
    query_x = generator.uniform(tasks.x_min, tasks.x_max, settings.inner.query_points)
    support_x = sampled_x(settings, generator, ANYWHERE)
    task = ProbeTask(
        support_x=fixed(support_x),
        support_y=fixed([]),
        amplitude=amplitude,
        phase=phase,
        query_x=fixed(np.sort(query_x)),
        frequency=frequency,
    )
    return replace(task, support_y=fixed(noisy(truth(support_x, task, tasks), settings, generator)))


def chosen_task(
    settings: Settings,
    amplitude: float,
    phase: float,
    frequency: float,
    support_x: Array,
    noise: Array | float = 0.0,
) -> ProbeTask:
    """The task of these parameters at these support x [point], its queries equally spaced.

    Args:
        noise: added to its support targets, [point] or one for all.
    """
    tasks = settings.tasks
    task = ProbeTask(
        support_x=fixed(support_x),
        support_y=fixed([]),
        amplitude=amplitude,
        phase=phase,
        query_x=fixed(np.linspace(tasks.x_min, tasks.x_max, settings.inner.query_points)),
        frequency=frequency,
    )
    return replace(task, support_y=fixed(truth(support_x, task, tasks) + noise))


def given_task(settings: Settings, numbers: Array, support_x: Array, support_y: Array) -> ProbeTask:
    """The task with these numbers [parameter] of the family in force, and its support points."""
    tasks = settings.tasks
    if tasks.family == "sine":
        amplitude, phase, frequency = (float(value) for value in numbers)
        clean = chosen_task(settings, amplitude, phase, frequency, support_x)
        noise = support_y - clean.support_y
        return chosen_task(settings, amplitude, phase, frequency, support_x, noise)
    grid = np.linspace(tasks.x_min, tasks.x_max, settings.inner.query_points)
    values = tuple(float(value) for value in numbers) if settings.family.curve else None
    return ProbeTask(fixed(support_x), fixed(support_y), query_x=fixed(grid), numbers=values)


def sampled_x(settings: Settings, generator: np.random.Generator, where: str) -> Array:
    """The inputs of as many support points as `settings` has shots, placed as `where` says.

    Raises:
        KeyError: where `where` is not one of `PLACES`.
    """
    low, high = settings.tasks.x_min, settings.tasks.x_max
    centre = float(generator.uniform(low, high))
    width = (high - low) * _CLUSTER
    start = min(max(centre - width / 2, low), high - width)
    left, right = {
        ANYWHERE: (low, high),
        LEFT_HALF: (low, (low + high) / 2),
        CLUSTERED: (start, start + width),
    }[where]
    return np.sort(generator.uniform(left, right, settings.inner.shots))


def noisy(y: Array, settings: Settings, generator: np.random.Generator) -> Array:
    """`y` [point] with the noise of `settings` on it."""
    return y + settings.tasks.noise * generator.standard_normal(y.shape)


def fixed(values: object) -> Array:
    """A read-only copy of `values` [point], fit to cross to the worker."""
    array: Array = np.array(values, dtype=np.float64).reshape(-1)
    array.setflags(write=False)
    return array
