"""Edits of the shown task by click or drag: pure, a task in and a task out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from maml_explorer.gui.session.task_sampling import fixed
from maml_explorer.gui.session.task_sampling import truth as truth_at
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.settings.groups import TaskSettings


def truth(probe: ProbeTask, x: float, tasks: TaskSettings) -> float | None:
    """The target of the task at `x`; None for the user's own task."""
    if not probe.known:
        return None
    return float(truth_at(np.array([x]), probe, tasks)[0])


def own(probe: ProbeTask) -> ProbeTask:
    """The same support points as the user's own task: no truth, no query points."""
    return replace(probe, amplitude=None, phase=None, query_x=None, frequency=1.0, numbers=None)


def with_point(probe: ProbeTask, x: float, y: float) -> ProbeTask:
    """The task with one more support point, the last."""
    return replace(
        probe,
        support_x=fixed(np.append(probe.support_x, x)),
        support_y=fixed(np.append(probe.support_y, y)),
    )


def moved(probe: ProbeTask, index: int, x: float, y: float) -> ProbeTask:
    """The task with one support point elsewhere."""
    xs, ys = probe.support_x.copy(), probe.support_y.copy()
    xs[index], ys[index] = x, y
    return replace(probe, support_x=fixed(xs), support_y=fixed(ys))


def dragged(
    start: ProbeTask, index: int, x: float, y: float, reach: float, tasks: TaskSettings
) -> ProbeTask:
    """The task after dragging a point of `start` to (x, y).

    Within `reach` of the truth the point stays on it (with the noise it had) and the task stays
    the sampled one; farther away it becomes the user's own.
    """
    at_start = truth(start, float(start.support_x[index]), tasks)
    here = truth(start, x, tasks)
    if at_start is None or here is None:
        return moved(start, index, x, y)
    noise = float(start.support_y[index]) - at_start
    if abs(y - here - noise) <= reach:
        return moved(start, index, x, here + noise)
    return moved(own(start), index, x, y)


def without(probe: ProbeTask, index: int) -> ProbeTask:
    """The task without one support point."""
    return replace(
        probe,
        support_x=fixed(np.delete(probe.support_x, index)),
        support_y=fixed(np.delete(probe.support_y, index)),
    )


def cleared(probe: ProbeTask) -> ProbeTask:
    """The task without support points."""
    return replace(probe, support_x=fixed([]), support_y=fixed([]))
