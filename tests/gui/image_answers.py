"""A plausible answer about a task of images, without torch."""

from __future__ import annotations

import numpy as np

from maml_explorer.protocol.images import ImageArmProbe, ImagesProbed, ImageTask
from maml_explorer.settings.settings import Settings


def images_probed(run: int, step: int, task: ImageTask, settings: Settings) -> ImagesProbed:
    """Every arm gives the right class 1/N at first and nine tenths after the first inner step.

    The last arm gives the first class that much instead, whatever the image shows.
    """
    side, ways, steps = settings.images.side, settings.images.ways, settings.run.test_steps
    examples = (*task.support, *task.query)
    images = np.zeros((len(examples), side, side), np.uint8)
    for nth, one in enumerate(examples):
        images[nth, 2:6, 2 : 6 + one.way] = 255
        if one.strokes:
            images[nth, 10:14] = 200
    arms = {}
    for arm in settings.arms:
        p = np.full((steps + 1, len(task.query), ways), 1 / ways)
        right = np.zeros((steps + 1, len(task.query)))
        right[0] = 1 / ways
        for query, one in enumerate(task.query):
            best = 0 if arm is settings.arms[-1] else one.label or 0
            p[1:, query] = 0.1 / max(ways - 1, 1)
            p[1:, query, best] = 0.9
            right[1:, query] = best == one.label
        known = [nth for nth, one in enumerate(task.query) if one.label is not None]
        accuracy = right[:, known].mean(1) if known else np.full(steps + 1, np.nan)
        flat = np.ones(steps + 1)
        arms[arm.name] = ImageArmProbe(p, accuracy, 1 - accuracy, flat, flat)
    neighbour = tuple(0 for _ in task.query) if task.support else ()
    names = tuple("abcdefghijklmnopqrst"[:ways])
    return ImagesProbed(run, step, task, images, names, arms, neighbour, by_points=True)
