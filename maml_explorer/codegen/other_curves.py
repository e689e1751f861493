"""Curves by a formula in generated code. Torch-free: text only."""

from __future__ import annotations

import dataclasses
import textwrap

from maml_explorer.codegen import sections
from maml_explorer.codegen.curves import CURVES
from maml_explorer.settings.curves.drawing import curve_of, parameters_of, tree_in_force
from maml_explorer.settings.curves.grammar import code_of, spelt
from maml_explorer.settings.settings import Settings


def _constants(own: Settings) -> list[str]:
    tasks, inner = own.tasks, own.inner
    curve, parameters = curve_of(tasks), parameters_of(tasks)
    formula = curve.spoken(tasks) if curve.spoken else tasks.formula
    lines = [f"# Tasks: y = {formula}{' + noise' if tasks.noise > 0 else ''}"]
    if parameters:
        ends = [f"({one.low!r}, {one.high!r})" for one in parameters]
        listed = ", ".join(
            "(0.0, 0.0)" if one.normal else end for one, end in zip(parameters, ends, strict=True)
        )
        lines += _wrapped(f"PARAMETERS = [{listed}]")
        if any(one.normal for one in parameters):
            normal = [nth for nth, one in enumerate(parameters) if one.normal]
            whole = range(normal[0], normal[-1] + 1)
            if list(whole) == normal:
                lines.append(f"NORMAL = range({normal[0]}, {normal[-1] + 1})  # standard normal")
            else:
                lines += _wrapped(f"NORMAL = {normal}")
    lines += [
        f"X = ({tasks.x_min!r}, {tasks.x_max!r})",
        f"NOISE = {tasks.noise!r}  # σ" if tasks.noise > 0 else "",
        f"SHOTS, QUERY_POINTS = {inner.shots}, {inner.query_points}  # points per task",
    ]
    return [line for line in lines if line]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 86, subsequent_indent="    ", break_long_words=False)


def _sample(own: Settings) -> list[str]:
    tasks = own.tasks
    parameters = parameters_of(tasks)
    lines = [
        "def sample_batch() -> Batch:",
        '    """Sample tasks: support x, y and query x, y, each [task, point, 1]."""',
        "    empty = next(model.parameters()).new_empty  # of the same device and type",
        "    x = empty(META_BATCH, SHOTS + QUERY_POINTS, 1).uniform_(*X)",
    ]
    if parameters:
        lines += [
            "    drawn = [empty(META_BATCH, 1, 1).uniform_(*ends) for ends in PARAMETERS]",
        ]
        if any(one.normal for one in parameters):
            lines += ["    for nth in NORMAL:", "        drawn[nth].normal_()"]
        names = ", ".join(spelt(one.name) for one in parameters)
        comma = "," if len(parameters) == 1 else ""
        unpacked = _wrapped(f"{names}{comma} = drawn")
        if len(unpacked) > 1:
            unpacked = ["(", *(f"    {line.strip()}" for line in _wrapped(names)), ") = drawn"]
        lines += [f"    {line}" for line in unpacked]
    value = code_of(tree_in_force(tasks))
    if len(value) > 80:
        lines += ["    y = (", *(f"        {line.strip()}" for line in _wrapped(value)), "    )"]
    else:
        lines.append(f"    y = {value}")
    if tasks.family == "formula":
        lines.append("    y = y + 0 * x  # of the shape of x, whatever the formula")
    return ["\n".join(lines) + "\n" + (sections.NOISE if tasks.noise > 0 else "") + sections.SPLIT]


OTHER_CURVES = dataclasses.replace(
    CURVES, title="curve regression", constants=_constants, sample=_sample
)
