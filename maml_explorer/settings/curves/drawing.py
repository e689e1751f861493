"""Curves as functions: values, words and code of a task's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from maml_explorer.settings.curves.grammar import Tree, computed, names_in, tree_of
from maml_explorer.settings.curves.mixture import keys_of, parts_of
from maml_explorer.settings.families import FAMILIES
from maml_explorer.settings.family import CurveFormula, Parameter
from maml_explorer.settings.tasks import TaskSettings

MOST_SAID = 4
"""Parameters that words can hold."""


def curve_of(tasks: TaskSettings) -> CurveFormula:
    """The curves of the family in force."""
    curve = FAMILIES[tasks.family].curve
    assert curve is not None
    return curve


def parameters_of(tasks: TaskSettings) -> tuple[Parameter, ...]:
    """The numbers that tell tasks apart, in their order; none where no formula has them."""
    curve = FAMILIES[tasks.family].curve
    return () if curve is None else curve.parameters(tasks)


def tree_in_force(tasks: TaskSettings) -> Tree:
    """The tree of the family's formula."""
    return tree_of(curve_of(tasks).formula(tasks))


def values_at(tasks: TaskSettings, numbers: Sequence[Any], x: Any, xp: Any) -> Any:
    """Clean targets: y at x, of tasks with these numbers.

    Args:
        numbers: of every parameter an array that can be broadcast against x.
        x: any shape.
        xp: the module of the arrays, torch or numpy.
    """
    names = [parameter.name for parameter in parameters_of(tasks)]
    tree = tree_in_force(tasks)
    y = computed(tree, {**dict(zip(names, numbers, strict=True)), "x": x}, xp)
    # a formula without x, or without parameters, has fewer axes
    known = set(names_in(tree))
    whole = "x" in known and known >= set(names)
    return y if whole else y + 0 * x + sum(0 * one for one in numbers)


def described(tasks: TaskSettings, numbers: Sequence[float]) -> str:
    """Words of one task: "a 1.20  b −0.50"."""
    shown = list(zip(parameters_of(tasks), numbers, strict=True))
    if tasks.family == "mixture":
        nth = min(int(numbers[0]), len(parts_of(tasks)) - 1)
        key = keys_of(tasks.mixture)[nth]
        shown = [(one, value) for one, value in shown if one.name.endswith(f"_{nth}")]
        return f"{key}  {_said(shown)}"
    return _said(shown) or FAMILIES[tasks.family].label


def _said(shown: list[tuple[Parameter, float]]) -> str:
    shown = [(one, value) for one, value in shown if one.normal or one.high > one.low]
    if len(shown) > MOST_SAID:
        return f"{len(shown)} numbers"
    words = [f"{one.symbol or one.name} {value:.2f}" for one, value in shown]
    return "  ".join(words).replace("-", "−")
