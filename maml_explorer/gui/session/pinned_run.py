"""Runs that were pinned to be compared: settings and figures as they were at that moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.gui.session.loss_history import LossHistory
from maml_explorer.gui.session.meta_test_losses import most_diverged
from maml_explorer.gui.style.numbers import whole
from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import ShowGhost
from maml_explorer.protocol.reports import MetaTested
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import changed_keys
from maml_explorer.settings.settings import Settings

MOST = 20
"""Pinned runs at a time; the oldest gives way."""
MOST_BINS = 400
"""Bins that are kept of each loss of a pinned run."""

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
    """The number of the run that was pinned; 0 for one of an earlier start, or no run."""
    folder: str = ""
    """Folder of its state."""
    losses: LossHistory | None = field(default=None, compare=False)
    arm_steps: Mapping[str, int] = field(default_factory=dict)
    """Arm → its own outer step; that of the run where it is not here."""
    changed: tuple[str, ...] = ()
    """Keys of the settings that were changed while it trained, or "arms"."""

    def own_step(self, arm: str) -> int:
        """The outer steps that an arm has taken: fewer where it was added later, or diverged."""
        return min(self.outer_step, self.arm_steps.get(arm, self.outer_step))

    @property
    def ghost(self) -> GhostRun:
        """It as what is drawn beside a run's adaptation."""
        return GhostRun(self.name, self.settings, self.outer_step, ShowGhost(self.folder))


@dataclass(frozen=True)
class GhostRun:
    """A run that is drawn beside the adaptation of the one there is."""

    name: str
    settings: Settings
    outer_step: int
    command: ShowGhost
    """Command that makes the worker show it."""

    @property
    def words(self) -> str:
        """Name of the run, and its state: "Run 1 · outer step 20 000"."""
        return f"{self.name} · outer step {whole(self.outer_step)}"

    @property
    def wordings(self) -> tuple[str, ...]:
        """The same in ever fewer letters; a long name gives way before the state."""
        step = whole(self.outer_step)
        return self.words, f"{self.name}, step {step}", f"outer step {step}", f"step {step}"


def figures_of(meta_test: MetaTested | None) -> Figures:
    """Figures of the newest meta-test, as Adaptation speed draws them; empty before the first.

    Without the tasks that diverged, and None where those are most of them.
    """
    if meta_test is None:
        return {}
    return {
        name: tuple(
            None if most_diverged(arm, step, meta_test.tasks) else mean
            for step, mean in enumerate(arm.mean_kept)
        )
        for name, arm in meta_test.arms.items()
    }


def figures_of_records(arm: str, records: Sequence[Mapping[str, Any]]) -> Figures:
    """The figures in the last record of an exported initialization; empty where it has none."""
    return {arm: tuple(records[-1]["mean_kept"])} if records else {}


def figure(figures: Figures, arm: str, inner_step: int) -> float | None:
    """An arm's figure after so many inner steps, or after as many as there are."""
    values = figures.get(arm, ())
    return values[min(inner_step, len(values) - 1)] if values else None


def differences(settings: Settings, baseline: Settings) -> str:
    """Differences from the baseline: "α 0.1, ANIL K 5"; empty if there are none."""
    shared = changed_keys(baseline, settings)
    words = [_worth(key, settings) for key in shared]
    before = {arm.name: arm for arm in baseline.arms}
    for arm in settings.arms:
        was = before.get(arm.name)
        if was is None or was == arm:
            continue
        if was.algorithm != arm.algorithm:
            words.append(f"{arm.name} is {ALGORITHMS[arm.algorithm].label}")
        own, other = settings.of_arm(arm), baseline.of_arm(was)
        words += [
            f"{arm.name} {_worth(key, own)}"
            for key in changed_keys(other, own)
            if key not in shared or own[key] != settings[key]
        ]
    names = [arm.name for arm in settings.arms]
    if names != list(before):
        words.append("arms " + " ".join(names))
    return ", ".join(words)


def differing(run: PinnedRun, baseline: Settings) -> tuple[str, ...]:
    """Words on a run's differences and on what was changed while it trained, the longest first.

    "Seed 1; changed while training: shots, β"; empty if there are neither.
    """
    differs = differences(run.settings, baseline)
    if not run.changed:
        return (differs,)
    known = [DECLARATIONS.get(key) for key in run.changed]
    changed = ", ".join(one.symbol or one.label.lower() if one else "arms" for one in known)
    before = f"{differs}; " if differs else ""
    return f"{before}changed while training: {changed}", f"{before}changed: {changed}"


def _worth(key: str, settings: Settings) -> str:
    """A setting and its value, in few letters."""
    return f"{DECLARATIONS[key].symbol or DECLARATIONS[key].label} {shown(settings[key])}"


BEFORE = "previous run"


@dataclass(frozen=True)
class LossGhost:
    """Another run among the losses."""

    name: str
    settings: Settings
    history: LossHistory
