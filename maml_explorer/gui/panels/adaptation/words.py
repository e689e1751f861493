"""Words of the adaptation panel: the task, the phase of a step, the error of an arm."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.session import task_sampling
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.protocol.reports import ArmProbe, Probed, Status, Stepped, StepPhase
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Arm
from maml_explorer.settings.words import counted

_PHASES = {
    StepPhase.SAMPLE: ("a task and its points are sampled", "task sampled", "sampled"),
    StepPhase.ADAPT: ("adapted on the support set", "adapted on support", "support set"),
    StepPhase.QUERY: ("outer loss measured on the query set", "loss on the query set", "query set"),
    StepPhase.UPDATE: ("θ is updated",),
}
"""Phase → what is done in it, the longest wording first; every one names the set."""


def task_line(probe: ProbeTask | None, tasks: TaskSettings) -> str:
    """The task shown: "2.0 sin(x − 0.50) · 3 support points"."""
    if probe is None:
        return "no task yet"
    n = len(probe.support_x)
    points = f"{n or 'no'} support point{'' if n == 1 else 's'}"
    if not probe.known:
        return f"your own task · {points}"
    return f"{task_sampling.task_formula(probe, tasks)} · {points}"


def step_line(at: Stepped, arms: Iterable[Arm] = ()) -> list[str]:
    """The place in an outer step that is taken slowly, with its phase; the longest wording first.

    Args:
        arms: those on the screen; what has no inner loop in training is named while others adapt.
    """
    words = _PHASES[at.phase]
    inner = f"{words[0]} · inner step {at.inner_step} of {at.inner_steps}"
    whole_words = f"{inner} · outer step {whole(at.outer_step)}"
    waits = waiting(arms) if at.phase == StepPhase.ADAPT else ""
    if waits:
        return [
            f"{whole_words} · {waits}",
            f"{words[0]} · {waits}",
            f"{words[1]} · {waits}",
            *words,
        ]
    return [whole_words, inner, *words]


def back_line(at: Stepped, status: Status) -> list[str]:
    """Words where an outer step that was taken slowly leaves the screen, the longest first."""
    back = "back to your task"
    done = "done" if status.outer_step >= at.outer_step else "not taken"
    return [f"outer step {whole(at.outer_step)} {done} · {back}", back]


def waiting(arms: Iterable[Arm]) -> str:
    """Words on the arms that take no inner step in training: "MTL waits: it has no inner loop"."""
    names = [arm.name for arm in arms if not ALGORITHMS[arm.algorithm].has_inner_loop]
    if not names:
        return ""
    said = " and ".join(names)
    return f"{said} wait{'' if names[1:] else 's'}: no inner loop in training"


def error_of(arm: ArmProbe, step: int, *, known: bool, beyond: str = "") -> str:
    """MSE of an arm after inner step `step`, or its last one: on the query set where there is one.

    Args:
        known: the task has a truth; where it has none, support points are all there is to measure.
        beyond: an arrow where the whole curve is above or below the plot; it comes first.
    """
    step = min(step, len(arm.curves) - 1)
    # One grid point is enough: a diverged arm's parameters are not finite, so no value is.
    if not math.isfinite(float(arm.curves[step].sum())):
        return "diverged"
    error = number(float((arm.query_mse if known else arm.support_mse)[step]), fixed=True)
    return f"{beyond} {error}" if beyond else error


def beyond_tip(said: str, beyond: str) -> str:
    """Sentences on an arm, and that its curve is where an arrow points, "↑" or "↓"."""
    where = f"Its curve is {'above' if beyond == '↑' else 'below'} the plot."
    return f"{said}\n{where}" if said else where


def own_task_tip(probed: Probed, name: str, step: int) -> str:
    """Sentences on the error of an arm on the user's own task, for its chip's tooltip."""
    arm, points = probed.arms[name], len(probed.probe.support_x)
    step = min(step, len(arm.curves) - 1)
    at = f"after inner step {step}"
    if not points:
        return "No support points: there is nothing to measure."
    if not math.isfinite(float(arm.curves[step].sum())):
        return f"Diverged {at}."
    said = f"Mean squared error at your {counted(points, 'support point')} {at}."
    if probed.oracle is None:
        return said
    distance = float(np.square(arm.curves[step] - probed.oracle).mean())
    return f"{said}\nMean squared distance from the best-fit sine: {number(distance)}."


def captions(step: int, *, known: bool, drawn: bool = True) -> list[str]:
    """Words over the errors, the longest first.

    Args:
        known: the task has a truth to measure against.
        drawn: the query points are seen.
    """
    if not known:
        return [
            f"support MSE after inner step {step} · no truth, so no query MSE",
            f"support MSE after inner step {step}",
            f"support MSE, step {step}",
            "support MSE",
        ]
    if not drawn:
        return [
            f"query MSE after inner step {step} · Residuals shows the points",
            f"query MSE after inner step {step}",
            f"query MSE, step {step}",
            "query MSE",
            "MSE",
        ]
    return [f"query MSE after inner step {step}", f"query MSE, step {step}", "query MSE", "MSE"]
