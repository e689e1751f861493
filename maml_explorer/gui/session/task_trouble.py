"""Arms whose adaptation goes wrong on the task on screen: pure, no Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from maml_explorer.protocol.images import ClassReferences, ImageArmProbe, ImagesProbed
from maml_explorer.protocol.reports import ArmProbe, Probed, ReferenceLosses
from maml_explorer.settings.words import counted, listed

AWAY = 2.0
"""An arm runs away where it is this many times worse than a guess, as where Adaptation speed ends
its axis, and than it was before the inner steps."""


@dataclass(frozen=True)
class TaskTrouble:
    """Names of the arms that fail on the task that is shown, at the inner steps that are shown."""

    diverged: tuple[str, ...] = ()
    """By the criterion of the meta-test, or without any number."""
    away: tuple[str, ...] = ()
    """Those that make the support loss much larger."""
    step: int = 0
    """The largest inner step that is shown."""
    empty: bool = False
    """True where it has no support points: no inner step changes anything."""

    @property
    def words(self) -> str:
        """A sentence that names them; empty for none."""
        if self.empty:
            return "no support points on this task: no inner step to judge"
        said = [
            f"{listed(names)} {verb if names[1:] else ending}"
            for names, verb, ending in (
                (self.diverged, "diverge", "diverges"),
                (self.away, "run away", "runs away"),
            )
            if names
        ]
        return f"{', '.join(said)} on this task" if said else ""

    @property
    def details(self) -> str:
        """Sentences on what that means, for the tooltip."""
        if self.empty:
            return "Without support points inner steps have no loss, and change nothing."
        after = f"On this task, after {counted(self.step, 'inner step')},"
        said = []
        if self.diverged:
            said.append(
                f"{after} the error of {listed(self.diverged)} is no number, or so large that "
                "the meta-test counts the task as diverged."
            )
        if self.away:
            said.append(
                f"{after} the support loss of {listed(self.away)} is more than twice what it was "
                "before, and more than twice that of a guess."
            )
        return "\n".join(said)


def task_trouble(
    probed: object,
    steps: Mapping[str, int],
    references: ReferenceLosses | ClassReferences | None,
    hidden: frozenset[str] = frozenset(),
) -> TaskTrouble:
    """The arms that fail on a task, at the inner steps at which they are shown.

    Args:
        probed: answers to the task; streams have no support loss of their own, and no trouble here.
        steps: arm → inner step.
        references: losses of guesses; None where they are not known yet.
        hidden: arms that are not drawn.
    """
    if not isinstance(probed, Probed | ImagesProbed):
        return TaskTrouble()
    if isinstance(probed, Probed) and not len(probed.probe.support_x):
        return TaskTrouble(empty=True)
    if isinstance(references, ReferenceLosses):
        guess, limit = references.predict_zero, references.limit
    else:
        guess, limit = math.inf if references is None else references.loss, math.inf
    diverged, away = [], []
    for name, arm in probed.arms.items():
        if name in hidden or name not in steps:
            continue
        if _diverged(arm, steps[name], limit):
            diverged.append(name)
        elif _runs_away(arm, steps[name], guess):
            away.append(name)
    shown = (steps[name] for name in (*diverged, *away))
    return TaskTrouble(tuple(diverged), tuple(away), max(shown, default=0))


def _diverged(arm: ArmProbe | ImageArmProbe, step: int, limit: float) -> bool:
    """True where nothing can be drawn, or an error is above the limit and above where it began.

    Points that a person puts far out have large errors before any inner step.
    """
    if isinstance(arm, ImageArmProbe):
        return not math.isfinite(float(arm.probability[_at(step, arm)].sum()))
    k = _at(step, arm)
    if not math.isfinite(float(arm.curves[k].sum())):
        return True
    errors = (arm.support_mse, arm.query_mse)
    return any(float(one[k]) > max(limit, float(one[0])) for one in errors)


def _runs_away(arm: ArmProbe | ImageArmProbe, step: int, guess: float) -> bool:
    losses = arm.support_loss if isinstance(arm, ImageArmProbe) else arm.support_mse
    return float(losses[_at(step, arm)]) > AWAY * max(guess, float(losses[0]))


def _at(step: int, arm: ArmProbe | ImageArmProbe) -> int:
    last = len(arm.probability if isinstance(arm, ImageArmProbe) else arm.curves) - 1
    return min(step, last)
