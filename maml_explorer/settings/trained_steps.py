"""The inner steps that an arm takes in training."""

from __future__ import annotations

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.settings.settings import Arm, Settings


def trained_steps(settings: Settings, arm: Arm) -> int:
    """The inner steps that an arm takes in training; as many as the others where it takes none."""
    inner = settings.of_arm(arm).inner
    interpolates = ALGORITHMS[arm.algorithm].outer_rule == "interpolation"
    return inner.reptile_inner_steps if interpolates else inner.inner_steps
