"""Rates and weights that change from outer step to outer step, as functions of it. Torch-free.

A step t counts the outer steps that an arm has taken before: 0 at its first. T are the declared
outer steps; past them everything stays as at T.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from maml_explorer.algorithms import Algorithm
from maml_explorer.settings.groups import DECLARATIONS, OuterSettings
from maml_explorer.settings.settings import Settings

FLOOR = 0.03
"""Times 1/K: the least weight of an earlier loss while the multi-step loss lasts."""


def outer_rate(outer: OuterSettings, t: int) -> float:
    """β at outer step t by the schedule.

    cosine:  β (e + (1 − e) (1 + cos(π t/T))/2)      Loshchilov and Hutter 2017, without restarts
    step:    β, √e β from T/2 on, e β from 3T/4 on   as He et al. 2016 for CIFAR, with e = 0.01
    warm-up: β min(1, (t + 1)/W)                     Goyal et al. 2017, from β/W on
    """
    return outer.outer_lr * _FACTORS[outer.schedule](outer, t)


def _cosine(outer: OuterSettings, t: int) -> float:
    end, done = outer.schedule_end, min(1.0, t / outer.outer_steps)
    return end + (1 - end) * (1 + math.cos(math.pi * done)) / 2


def _step(outer: OuterSettings, t: int) -> float:
    quarters = 4 * t // outer.outer_steps
    if quarters < 2:
        return 1.0
    return math.sqrt(outer.schedule_end) if quarters < 3 else outer.schedule_end


_FACTORS: dict[str, Callable[[OuterSettings, int], float]] = {
    "constant": lambda outer, t: 1.0,
    "cosine": _cosine,
    "step": _step,
    "warm-up": lambda outer, t: min(1.0, (t + 1) / outer.warmup_steps),
}
"""Name of the setting `schedule` → what β is multiplied by at outer step t."""


def reptile_step(outer: OuterSettings, t: int) -> float:
    """ε at outer step t: annealed linearly to 0 where asked for."""
    left = max(0.0, 1 - t / outer.outer_steps) if outer.reptile_anneal else 1.0
    return outer.reptile_step * left


def multi_step_weights(inner_steps: int, until: int, t: int) -> tuple[float, ...]:
    """w_0 … w_K of the query losses after each inner step, at outer step t; they sum to 1.

    w_0 = 0; w_1 … w_{K−1} = max(1 − t/E, 0.03)/K; w_K the rest; from E = `until` on w_K alone.
    Source: Antoniou, Edwards, Storkey 2019, section 4, and their code, where E is in epochs of 500
    outer steps and the weights change once an epoch.
    """
    if inner_steps == 0 or t >= until:
        return (0.0,) * inner_steps + (1.0,)
    earlier = max(1 - t / until, FLOOR) / inner_steps
    last = 1 - (inner_steps - 1) * earlier
    return (0.0, *(earlier,) * (inner_steps - 1), last)


def explained(own: Settings, algorithms: Iterable[Algorithm]) -> dict[str, str]:
    """Setting → a sentence, where a value does not do what one may expect of it.

    Args:
        own: shared settings, or those of one arm.
        algorithms: of the arms they are for.
    """
    outer, inner, records = own.outer, own.inner, list(algorithms)
    found = {}
    past = f"This is past the last outer step ({outer.outer_steps})"
    if outer.second_order_from >= outer.outer_steps:
        found["second_order_from"] = f"{past}: every step is first order."
    if outer.multi_step_loss and outer.multi_step_until > outer.outer_steps:
        found["multi_step_until"] = f"{past}: several losses count to the end."
    if outer.multi_step_loss and inner.inner_steps < 2:
        found["multi_step_loss"] = "With fewer than 2 inner steps there is one loss only."
    if outer.schedule == "warm-up" and outer.warmup_steps > outer.outer_steps:
        found["warmup_steps"] = f"{past}: β is not reached."
    if inner.lslr and own.run.test_steps > inner.inner_steps > 0:
        found["lslr"] = (
            f"Inner steps {inner.inner_steps + 1} to {own.run.test_steps} of the meta-test use the "
            f"rates of step {inner.inner_steps} again: our rule, not the paper's."
        )
    if own.model.norm != "none" and any(record.interpolates for record in records):
        found["norm"] = (
            "Reptile keeps scale and shift at 1 and 0: the inner loop, from which alone it learns, "
            "leaves them as they are."
        )
    return {key: said for key, said in found.items() if DECLARATIONS[key].readers(records)}


@dataclass(frozen=True)
class InForce:
    """Values that an arm trains with at one outer step."""

    outer_rate: float
    """β; for Reptile ε."""
    query_weights: tuple[float, ...]
    """w_0 … w_K; (1,) without an inner loop in the outer gradient."""
    second_order: bool
    """True where Hessians are kept."""

    @property
    def multi_step(self) -> bool:
        """True where the loss after another inner step than the last counts."""
        return len(self.query_weights) > 2 and self.query_weights[-1] < 1


def unscheduled(outer: OuterSettings, algorithm: Algorithm) -> bool:
    """True where everything stays as at outer step 0."""
    if algorithm.outer_rule == "interpolation":
        return not outer.reptile_anneal
    return outer.schedule == "constant" and steady_gradient(outer, algorithm)


def steady_gradient(outer: OuterSettings, algorithm: Algorithm) -> bool:
    """True where nothing but the outer rate changes from outer step to outer step."""
    if algorithm.outer_rule == "interpolation":
        return True
    several = outer.multi_step_loss and algorithm.unrolls
    return not several and not (algorithm.second_order and outer.second_order_from)


def in_force(own: Settings, algorithm: Algorithm, t: int) -> InForce:
    """Values that an arm trains with at its outer step t.

    Args:
        own: the settings with the arm's overrides applied.
        algorithm: the arm's.
    """
    if algorithm.outer_rule == "interpolation":
        return InForce(reptile_step(own.outer, t), (1.0,), False)
    rate = outer_rate(own.outer, t)
    if algorithm.adapts == "none":
        return InForce(rate, (1.0,), False)
    several = own.outer.multi_step_loss and algorithm.unrolls
    steps, until = own.inner.inner_steps, own.outer.multi_step_until
    weights = multi_step_weights(steps, until if several else 0, t)
    kept = algorithm.second_order and steps > 0 and t >= own.outer.second_order_from
    return InForce(rate, weights, kept)
