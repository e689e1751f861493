"""Trials of a sweep: the points of a grid or a random search, times the seeds. Torch-free.

A trial is named by a hash of its canonical settings and seed, so that nothing is trained twice,
whatever the order of the axes, and a sweep can be extended.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted
from maml_explorer.storage.sweep.axes import Axis, Point, with_point

MAX_TRIALS = 100_000
_NOT_NAMED = ("device", "evaluate_every")
"""Settings that do not change what is learned, and so are not part of a trial's name."""


@dataclass(frozen=True)
class Trial:
    """One run of a sweep."""

    point: Point
    at: Settings
    """Of the point, shared by its seeds; their own seed counts for nothing."""
    seed: int
    """The seed that is trained."""
    name: str
    """The name of the trial's run folder."""

    @cached_property
    def settings(self) -> Settings:
        """With the seed; made when asked for, since a sweep may have 100,000 of them."""
        return self.at.with_values({"seed": self.seed})


def trial_name(settings: Settings) -> str:
    """The name of a run folder: see :func:`trial_names`."""
    return trial_names(settings, (settings.run.seed,))[0]


def trial_names(at: Settings, seeds: Sequence[int]) -> list[str]:
    """Twelve hexadecimal digits for each seed that stand for settings, arms and seed.

    Only what differs from the defaults counts, so a setting that is declared later changes no name.

    Args:
        at: the settings; their own seed counts for nothing.
        seeds: in order.
    """
    defaults = _defaults()
    changed = {
        key: at[key]
        for key in DECLARATIONS
        if key not in (*_NOT_NAMED, "seed") and at[key] != defaults[key]
    }
    arms = [[arm.name, arm.algorithm, sorted(arm.overrides)] for arm in at.arms]
    found = []
    for seed in seeds:
        own = {"seed": seed} if seed != defaults["seed"] else {}
        content = {"settings": changed | own, "arms": arms}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        found.append(hashlib.sha256(canonical.encode()).hexdigest()[:12])
    return found


@cache
def _defaults() -> Settings:
    return Settings()


def grid(axes: Sequence[Axis]) -> Iterator[Point]:
    """Every combination of the axes' values; the last axis varies fastest.

    Raises:
        SettingsError: for an axis without values, or too many combinations.
    """
    count = 1
    for axis in axes:
        if not axis.values:
            raise SettingsError(
                f"The axis {axis.key} has a range and no values: give a count, such as "
                f"{axis.text()}:7, or --search random:N or tpe:N."
            )
        count *= len(axis.values)
    if count > MAX_TRIALS:
        raise SettingsError(
            f"The grid has {counted(count, 'point')}: allowed are at most {MAX_TRIALS}."
        )
    for values in itertools.product(*(axis.values for axis in axes)):
        yield tuple((axis.key, value) for axis, value in zip(axes, values, strict=True))


def random_points(axes: Sequence[Axis], count: int, seed: int) -> Iterator[Point]:
    """Points drawn independently: the same for a seed, and a longer list continues a shorter one.

    Args:
        axes: what is drawn.
        count: how many points.
        seed: of the search.

    Raises:
        SettingsError: for a count that is not allowed.
    """
    if not 1 <= count <= MAX_TRIALS:
        raise SettingsError(f"A random search draws 1 to {MAX_TRIALS} points, not {count}.")
    for nth in range(count):
        # one generator a point: what an axis draws does not depend on the points before
        dice = random.Random(f"sweep {seed} {nth}")
        yield tuple((axis.key, axis.draw(dice)) for axis in axes)


def trials_of(base: Settings, points: Iterable[Point], seeds: Sequence[int]) -> list[Trial]:
    """The trials of all points and seeds, each once, seeds of a point side by side.

    Raises:
        SettingsError: where the settings of a point do not go together, or there are too many.
    """
    found: dict[str, Trial] = {}
    for point in points:
        at = with_point(base, point)
        for seed, name in zip(seeds, trial_names(at, seeds), strict=True):
            found.setdefault(name, Trial(point, at, seed, name))
        if len(found) > MAX_TRIALS:
            raise SettingsError(f"The sweep has more than {MAX_TRIALS} runs: give fewer values.")
    return list(found.values())
