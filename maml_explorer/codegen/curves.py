"""Sine curves in generated code. Torch-free: text only."""

from __future__ import annotations

import math

from maml_explorer.codegen import sections
from maml_explorer.codegen.data import DataCode
from maml_explorer.settings.groups import TaskSettings
from maml_explorer.settings.settings import Settings

_NAMED = {math.pi: "math.pi", 2 * math.pi: "2 * math.pi", math.pi / 2: "math.pi / 2"}


def _constants(own: Settings) -> list[str]:
    tasks, inner = own.tasks, own.inner
    lines = [
        f"# Tasks: y = A sin({'' if _one_frequency(tasks) else 'ω'}x − φ)"
        f"{' + noise' if tasks.noise > 0 else ''}; φ is subtracted.",
        f"AMPLITUDE = {_ends(tasks.amplitude_min, tasks.amplitude_max)}  # A",
        _phase(tasks),
        f"X = {_ends(tasks.x_min, tasks.x_max)}",
        f"NOISE = {tasks.noise!r}  # σ" if tasks.noise > 0 else "",
        f"SHOTS, QUERY_POINTS = {inner.shots}, {inner.query_points}  # points per task",
    ]
    return [line for line in lines if line]


def _phase(tasks: TaskSettings) -> str:
    phase = _ends(tasks.phase_min, tasks.phase_max)
    if _one_frequency(tasks):
        return f"PHASE = {phase}  # φ"
    return f"PHASE, FREQUENCY = {phase}, {_ends(tasks.frequency_min, tasks.frequency_max)}  # φ, ω"


def _one_frequency(tasks: TaskSettings) -> bool:
    """True where every task has frequency 1, as in the paper: the code then leaves it out."""
    return tasks.frequency_min == tasks.frequency_max == 1


def _ends(low: float, high: float) -> str:
    return f"({_number(low)}, {_number(high)})"


def _number(value: float) -> str:
    name = _NAMED.get(abs(value))
    return repr(value) if name is None else ("-" if value < 0 else "") + name


def _sample(own: Settings) -> list[str]:
    tasks = own.tasks
    return [
        sections.SAMPLE
        + (sections.ONE_FREQUENCY if _one_frequency(tasks) else sections.FREQUENCY)
        + (sections.NOISE if tasks.noise > 0 else "")
        + sections.SPLIT
    ]


CURVES = DataCode(
    title="sine regression",
    note="",
    modules=((), (), ()),
    constants=_constants,
    sample=_sample,
    outputs="1",
    loss=sections.LOSS,
    joint_loss=sections.JOINT_LOSS,
    joint_loss_of_pictures="",  # curves are no pictures
    called_loss="""\
def loss(theta, x, y):
    error = functional_call(model, theta, (x,)) - y
    return error.square().mean()""",
    module_loss="""\
def loss(module, x, y):
    return (module(x) - y).square().mean()""",
)
