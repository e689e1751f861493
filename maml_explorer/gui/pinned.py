"""Runs that were pinned to be compared: settings and figures as they were at that moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QUndoCommand

from maml_explorer.hyperparameters import shown
from maml_explorer.settings import DECLARATIONS, Settings, changed_keys
from maml_explorer.worker.messages import MetaTested

MOST = 20
"""Pinned runs at a time; the oldest gives way."""

Figures = dict[str, tuple[float | None, ...]]
"""Arm → mean query MSE [inner step] on the held-out tasks; None where a task diverged."""


@dataclass(frozen=True)
class PinnedRun:
    """One run in the table."""

    name: str
    settings: Settings
    outer_step: int
    figures: Figures
    """Filled in when the meta-test of that outer step is done."""
    run: int = 0
    """The number of the run that was pinned."""


def figures_of(meta_test: MetaTested | None) -> Figures:
    """What the newest meta-test says; empty before the first."""
    return {} if meta_test is None else {name: arm.mean for name, arm in meta_test.arms.items()}


def figure(figures: Figures, arm: str, inner_step: int) -> float | None:
    """An arm's figure after so many inner steps, or after as many as there are."""
    values = figures.get(arm, ())
    return values[min(inner_step, len(values) - 1)] if values else None


def differences(settings: Settings, baseline: Settings) -> str:
    """What differs from the baseline: "α 0.1, Shots 5"; empty where nothing does."""
    words = [
        f"{DECLARATIONS[key].symbol or DECLARATIONS[key].label} {shown(settings[key])}"
        for key in changed_keys(baseline, settings)
    ]
    if settings.arms != baseline.arms:
        words.append("arms " + " ".join(arm.name for arm in settings.arms))
    return ", ".join(words)


class Pin(QUndoCommand):
    """Another list of pinned runs."""

    def __init__(
        self,
        put: Callable[[tuple[PinnedRun, ...]], None],
        before: tuple[PinnedRun, ...],
        after: tuple[PinnedRun, ...],
        text: str,
    ) -> None:
        super().__init__(text)
        self._put, self._before, self._after = put, before, after

    def redo(self) -> None:
        """Makes the change."""
        self._put(self._after)

    def undo(self) -> None:
        """Takes it back."""
        self._put(self._before)
