"""Words of the hero for images."""

from __future__ import annotations

import math

from maml_explorer.gui.style.numbers import MISSING
from maml_explorer.protocol.images import ImageArmProbe, ImageTask
from maml_explorer.settings.words import counted


def percent(part: float) -> str:
    """A share as people read it: "83 %"; a dash where there is none."""
    return MISSING if not math.isfinite(part) else f"{100 * part:.0f} %"


def task_line(task: ImageTask | None) -> str:
    """The task shown: "5 unseen classes · 5 support, 10 query images"."""
    if task is None:
        return "no task yet"
    labels = {one.label for one in (*task.support, *task.query)}
    ways = len(labels - {None})
    of = "unseen" if task.unseen else "training"
    classes = counted(ways, f"{of} class")
    return f"{classes} · {len(task.support)} support, {len(task.query)} query images"


def accuracy_of(arm: ImageArmProbe, step: int) -> str:
    """Query accuracy of an arm after inner step `step`, or its last one."""
    step = min(step, len(arm.accuracy) - 1)
    if not math.isfinite(float(arm.probability[step].sum())):
        return "diverged"
    return percent(float(arm.accuracy[step]))


def captions(step: int, *, known: bool) -> list[str]:
    """Words over the accuracies, the longest first."""
    if not known:
        return ["no query image of a known class", "no known class"]
    return [f"query accuracy after inner step {step}", f"accuracy, step {step}", "accuracy"]
