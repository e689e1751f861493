"""The tasks that the window shows: sampled here, with a generator of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maml_explorer.gui.style.numbers import number
from maml_explorer.protocol.commands import Array, ProbeTask
from maml_explorer.settings.settings import Settings

ANYWHERE, LEFT_HALF, CLUSTERED = "anywhere", "left half", "clustered"
PLACES = (ANYWHERE, LEFT_HALF, CLUSTERED)
"""Ranges that new support points may lie in, in the order of menus."""

_CLUSTER = 0.15
"""Width of a cluster, as a part of the x range."""


def sine(x: Array, task: ProbeTask) -> Array:
    """The truth of a task at `x` [point]: A sin(ωx − φ); nan where it has none."""
    if task.amplitude is None or task.phase is None:
        return np.full(np.shape(x), np.nan)
    return np.asarray(task.amplitude * np.sin(task.frequency * x - task.phase), dtype=np.float64)


def task_words(task: ProbeTask) -> str:
    """Words of a task with a truth: "A 3.2  φ 0.85", and "ω 1.1" where that is not 1."""
    words = f"A {number(task.amplitude, 2, fixed=True)}  φ {number(task.phase, 2, fixed=True)}"
    if task.frequency == 1:
        return words
    return f"{words}  ω {number(task.frequency, 2, fixed=True)}"


def sampled_task(settings: Settings, generator: np.random.Generator) -> ProbeTask:
    """A new task and its support and query points from the ranges of `settings`."""
    tasks = settings.tasks
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
    return replace(task, support_y=fixed(noisy(sine(support_x, task), settings, generator)))


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
    return replace(task, support_y=fixed(sine(support_x, task) + noise))


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
