"""Words of the adaptation panel: the task, the phase of a step, the error of an arm."""

from __future__ import annotations

import math

from maml_explorer.gui.session import task_sampling
from maml_explorer.gui.style.numbers import MISSING, number, whole
from maml_explorer.protocol.commands import ProbeTask
from maml_explorer.protocol.reports import ArmProbe, Stepped, StepPhase
from maml_explorer.settings.groups import TaskSettings

_PHASES = {
    StepPhase.SAMPLE: "a task and its points are drawn",
    StepPhase.ADAPT: "adapted on the support set",
    StepPhase.QUERY: "outer loss measured on the query set",
    StepPhase.UPDATE: "θ is updated",
}


def task_line(probe: ProbeTask | None, tasks: TaskSettings) -> str:
    """The task shown: "2.0 sin(x − 0.50) · 3 support points"."""
    if probe is None:
        return "no task yet"
    n = len(probe.support_x)
    points = f"{n or 'no'} support point{'' if n == 1 else 's'}"
    if not probe.known:
        return f"your own task · {points}"
    return f"{task_sampling.task_formula(probe, tasks)} · {points}"


def step_line(at: Stepped) -> str:
    """The place in an outer step that is taken slowly, with its phase."""
    return (
        f"{_PHASES[at.phase]} · inner step {at.inner_step} of {at.inner_steps}"
        f" · outer step {whole(at.outer_step)}"
    )


def error_of(arm: ArmProbe, step: int, *, known: bool) -> str:
    """Query MSE of an arm after inner step `step`, or its last one.

    Args:
        known: the task has a truth to measure against.
    """
    step = min(step, len(arm.curves) - 1)
    # One grid point is enough: a diverged arm's parameters are not finite, so no value is.
    if not math.isfinite(float(arm.curves[step].sum())):
        return "diverged"
    return number(float(arm.query_mse[step]), fixed=True) if known else MISSING


def captions(step: int, *, known: bool) -> list[str]:
    """Words over the errors, the longest first."""
    if not known:
        return ["your own task: no truth to measure", "no truth to measure", "no truth"]
    return [f"query MSE after inner step {step}", f"query MSE, step {step}", "query MSE", "MSE"]
