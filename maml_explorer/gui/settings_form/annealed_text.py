"""Words on what is annealed at the moment, for the foot of the window."""

from __future__ import annotations

from collections.abc import Mapping

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.schedules import in_force
from maml_explorer.gui.style.numbers import number, whole
from maml_explorer.gui.widgets.elided_label import SEPARATOR
from maml_explorer.settings.settings import Arm, Settings

_WAYS = ("annealed from", "warming up to")
"""Words before the declared rate: in general, and in a warm-up."""


def annealed_text(settings: Settings, arm_steps: Mapping[str, int]) -> str:
    """A line such as "MAML: β 4.2e−4, annealed from 0.001 · Reptile: ε 0.05, annealed from 0.1"."""
    arms: dict[str, list[str]] = {}
    for arm in settings.arms:
        text = ", ".join(annealed(settings, arm, arm_steps.get(arm.name, 0)))
        if text:
            arms.setdefault(text, []).append(arm.name)
    return SEPARATOR.join(f"{', '.join(names)}: {text}" for text, names in arms.items())


def annealed(settings: Settings, arm: Arm, t: int) -> list[str]:
    """Values that change with the outer step, at the arm's own step t."""
    own, algorithm = settings.of_arm(arm), ALGORITHMS[arm.algorithm]
    outer, now = own.outer, in_force(own, algorithm, t)
    if algorithm.outer_rule == "interpolation":
        rate = _rate("ε", now.outer_rate, outer.reptile_step)
        return [rate] if outer.reptile_anneal else []
    rate = _rate("β", now.outer_rate, outer.outer_lr, outer.schedule == "warm-up")
    found = [] if outer.schedule == "constant" else [rate]
    if now.multi_step:
        weights = " ".join(f"{weight:.2f}"[1:] for weight in now.query_weights[1:])
        found.append(f"losses weigh {weights}")
    later = algorithm.second_order and own.inner.inner_steps and algorithm.adapts != "none"
    if later and not now.second_order:
        found.append(f"first order until {whole(outer.second_order_from)}")
    return found


def _rate(symbol: str, now: float, declared: float, warming: bool = False) -> str:
    """A rate, and beside it the one that the form has, where that is another."""
    if number(now) == number(declared):
        return f"{symbol} {number(now)}"
    return f"{symbol} {number(now)}, {_WAYS[warming]} {number(declared)}"
