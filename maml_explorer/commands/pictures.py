"""The pictures of a run folder: what is drawn is computed here, Qt draws it elsewhere."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import torch

from maml_explorer.commands.output import tell
from maml_explorer.core.families.curve_tasks import (
    clean_targets,
    held_out_tasks,
    single_mse,
    zero_mse,
)
from maml_explorer.core.families.incremental import numbered
from maml_explorer.core.families.sine import query_grid, targets
from maml_explorer.core.families.table import family_of
from maml_explorer.core.streams import stream
from maml_explorer.experiments.outcome import Outcome
from maml_explorer.files.reader import StorageError
from maml_explorer.settings.curves.drawing import described
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted
from maml_explorer.storage.run.folder import ADAPTATION_PICTURE, LOSSES_PICTURE, METRICS, RunFolder
from maml_explorer.storage.run.metrics import read_losses

if TYPE_CHECKING:
    from maml_explorer.gui.files.run_pictures import PicturedTask

TASKS = 3
"""Held-out tasks in the adaptation picture."""
GRID = 200
"""Points of a curve."""
FUNCTIONS = 3
"""Functions of a stream in its picture."""


def draw_pictures(folder: RunFolder, outcome: Outcome) -> None:
    """Draw adaptation.png and losses.png of the first seed trained now.

    Where Qt cannot be loaded or a picture cannot be written, one line on stderr says so.
    """
    if not outcome.initializations:
        return
    # pictures need no display, and a display that does not answer would end the process
    if not os.environ.get("QT_QPA_PLATFORM", "").startswith("offscreen"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        from maml_explorer.gui.files import run_pictures
    except ImportError as error:
        reason = " ".join(str(error).split())[:200]
        tell(f"The pictures were left out: Qt cannot be loaded ({reason}).")
        return
    seed = next(iter(outcome.initializations))
    try:
        settings = outcome.settings
        path = folder.path / ADAPTATION_PICTURE
        if settings.ends == (1, 1) and not settings.family.images:  # those of curves
            run_pictures.draw_adaptation(path, settings, _tasks(outcome, seed))
        if settings.family.stream:
            run_pictures.draw_adaptation(path, settings, stream_pictures(outcome, seed))
        curves = {
            name: run_pictures.LossCurve(losses.outer_step, losses.outer)
            for name, losses in read_losses(folder.path / METRICS, seed).items()
        }
        run_pictures.draw_losses(
            folder.path / LOSSES_PICTURE, settings, curves, _references(settings)
        )
    except (OSError, StorageError) as error:
        tell(f"The pictures were left out: {' '.join(str(error).split())}")


def _references(settings: Settings) -> dict[str, float]:
    if settings.family.images:
        ways = settings.images.ways
        return {f"chance, ln {ways}": math.log(ways)}
    noise = settings.tasks.noise**2
    single = single_mse(settings.tasks) + noise
    zero = zero_mse(settings.tasks) + noise
    if settings.family.own_tasks:
        return {"predict 0": zero, "predict the mean": single}
    if single == zero:
        return {"predict 0": zero}
    return {"predict 0": zero, "best single predictor": single}


def _tasks(outcome: Outcome, seed: int) -> list[PicturedTask]:
    """Held-out tasks with every arm's curve after the test inner steps."""
    from maml_explorer.gui.files.run_pictures import PicturedTask

    settings = outcome.settings.with_values({"seed": seed})
    shots, steps = settings.inner.shots, settings.run.test_steps
    draws = stream(seed, "meta-test")
    held, support = held_out_tasks(settings.tasks, TASKS, shots, draws, torch.float64)
    x = query_grid(settings.tasks, GRID)
    curves = []
    for index in range(TASKS):
        points_x, points_y = support.x[index, :, 0].numpy(), support.y[index, :, 0].numpy()
        adapted = {}
        for name, initialization in outcome.initializations[seed].items():
            module = initialization.adapt(points_x, points_y, steps=steps).double()
            with torch.no_grad():
                adapted[name] = module(x[:, None])[:, 0].numpy()
        title = f"{_title(settings.tasks, held[index].tolist())}, {counted(steps, 'inner step')}"
        truth = clean_targets(settings.tasks, held[index : index + 1], x[None, :, None])[
            0, :, 0
        ].numpy()
        curves.append(PicturedTask(title, x.numpy(), truth, points_x, points_y, adapted))
    return curves


def stream_pictures(outcome: Outcome, seed: int) -> list[PicturedTask]:
    """Functions of one held-out stream, with every arm's curves once all of them were learned.

    Of many functions those that are drawn lie evenly between the first learned and the last.
    """
    from maml_explorer.gui.files.run_pictures import PicturedTask

    settings = outcome.settings.with_values({"seed": seed})
    tasks, shots, n = settings.tasks, settings.inner.shots, settings.tasks.functions
    held = family_of(settings).held_out(settings, 1, shots, "meta-test", torch.float64).batch()
    numbers = held.tasks.view(n, 3)
    x, y = held.support.x[0], held.support.y[0]
    adapted = {
        name: one.adapt(x.numpy(), y.numpy(), steps=settings.run.test_steps).double()
        for name, one in outcome.initializations[seed].items()
    }
    grid = query_grid(tasks, GRID)
    inputs = numbered(grid.expand(1, n, -1))[0].view(n, GRID, -1)
    truth = targets(numbers, grid.expand(n, -1)[..., None])[..., 0]
    pictures = []
    for nth in sorted({round(part * (n - 1) / (FUNCTIONS - 1)) for part in range(FUNCTIONS)}):
        own = slice(nth * shots, (nth + 1) * shots)
        with torch.no_grad():
            curves = {name: one(inputs[nth])[:, 0].numpy() for name, one in adapted.items()}
        title = f"function {nth + 1} of {n}, at the end of the stream"
        points_x, points_y = x[own, 0].numpy(), y[own, 0].numpy()
        pictures.append(
            PicturedTask(title, grid.numpy(), truth[nth].numpy(), points_x, points_y, curves)
        )
    return pictures


def _title(tasks: TaskSettings, numbers: list[float]) -> str:
    if tasks.family != "sine":
        return described(tasks, numbers)
    amplitude, phase, frequency = numbers
    omega = "" if frequency == 1 else f", ω = {frequency:.2f}"
    return f"A = {amplitude:.2f}, φ = {phase:.2f}{omega}"
