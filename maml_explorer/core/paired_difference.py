"""Differences of two arms on the same held-out tasks."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from maml_explorer.core.families.table import family_of
from maml_explorer.core.intervals import finite_number, half_width
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True)
class Difference:
    """Paired differences of two arms by inner step, on the tasks that both kept."""

    mean: tuple[float | None, ...]
    ci95: tuple[float | None, ...]
    """Half-width of the 95 % interval."""
    kept: tuple[int, ...]
    better: tuple[int, ...]
    """Tasks on which the first arm is better, of those that both kept."""


def paired_difference(one: Tensor, two: Tensor, settings: Settings) -> Difference:
    """The figure of the first arm minus that of the second, figures [inner step, task] each."""
    family = family_of(settings)
    limit, sign = family.failure_limit(settings), family.loss.sign
    mean: list[float | None] = []
    ci95: list[float | None] = []
    kept, better = [], []
    for a, b in zip(one, two, strict=True):
        gap = (a - b)[(a <= limit) & (b <= limit)]
        kept.append(len(gap))
        mean.append(finite_number(gap.mean()) if len(gap) else None)
        ci95.append(half_width(gap))
        better.append(int((sign * gap < 0).sum()))
    return Difference(tuple(mean), tuple(ci95), tuple(kept), tuple(better))
