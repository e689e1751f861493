"""Loss of the Bayes-optimal answer with noise: the floor under the outer losses."""

from __future__ import annotations

from collections.abc import Generator

import torch

from maml_explorer.core.families.sine import held_out, query_grid, targets
from maml_explorer.core.families.sine_inference import bayes_posterior
from maml_explorer.core.streams import stream
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Settings

TASKS = 200
"""Tasks that it is averaged over: a few milliseconds each."""

Line = tuple[float, float]
"""(mean, half-width of its 95 % interval) of the mean squared error on noisy targets."""
Key = tuple[TaskSettings, int, int]


def key_of(settings: Settings) -> Key:
    """Key of the line: tasks, shots and seed."""
    return settings.tasks, settings.inner.shots, settings.run.seed


def bayes_line(settings: Settings) -> Generator[int, None, Line]:
    """The line of the settings, a task at a time; σ² of the targets is in it."""
    family = settings.tasks
    generator = stream(settings.run.seed, "bayes line")
    tasks, support = held_out(family, TASKS, settings.inner.shots, generator, torch.float64)
    grid = query_grid(family)
    truth = targets(tasks, grid[None, :, None])[..., 0]
    errors = []
    for nth in range(TASKS):
        answer = bayes_posterior(family, support.x[nth, :, 0], support.y[nth, :, 0], grid)
        errors.append(float((answer.mean - truth[nth]).square().mean()))
        yield nth
    found = torch.tensor(errors, dtype=torch.float64)
    half = 1.96 * float(found.std()) / TASKS**0.5
    return float(found.mean()) + family.noise**2, half
