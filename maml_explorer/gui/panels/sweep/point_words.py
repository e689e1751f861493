"""Words for points of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from maml_explorer.settings.declaration import Value, shown
from maml_explorer.storage.report.sweep_table import SweepAxis
from maml_explorer.storage.sweep.trials import Trial


def value_words(value: Value) -> str:
    """A value with as many digits as tell it from its neighbours: "0.0316"."""
    return f"{value:.3g}" if isinstance(value, float) else shown(value)


def name_of(trial: Trial, axes: Sequence[SweepAxis]) -> str:
    """Name of a run by its point: "Width 40, seed 3"."""
    labels = {axis.key: axis.label for axis in axes}
    words = [f"{labels[key]} {value_words(value)}" for key, value in trial.point]
    return ", ".join([*words, f"seed {trial.seed}"])
