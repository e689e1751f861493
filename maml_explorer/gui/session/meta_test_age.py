"""Age of what is drawn: training and changes leave a meta-test and live curves behind."""

from __future__ import annotations

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.style.numbers import whole
from maml_explorer.protocol.reports import MetaTested

_STEPS, _PART = 50, 0.1
"""Outer steps that training may be ahead: so many, or this part of those since the last change."""
_SECONDS = 3.0
"""Seconds that live curves may be behind: they come anew more often than that, as a rule."""


def steps_allowed(taken: int) -> float:
    """Outer steps that a run may be ahead of what was measured, after so many were taken."""
    return max(_STEPS, _PART * taken)


def is_left_behind(session: Session, outer_step: int) -> bool:
    """True where the run has gone on for long since what was measured at an outer step."""
    status = session.status
    if status is None:
        return False
    return status.outer_step - outer_step > steps_allowed(status.outer_step)


def age_of_curves(session: Session, outer_step: int) -> str:
    """Words before others on curves of a step that training has left behind; else empty."""
    status = session.status
    if status is None or not session.link.running:
        return ""
    allowed = max(steps_allowed(status.outer_step), _SECONDS * status.steps_per_second)
    old = status.outer_step - outer_step > allowed
    return f"old: outer step {whole(outer_step)} · " if old else ""


def tested_step(session: Session, test: MetaTested) -> int:
    """The outer step of what a meta-test saw: the last good one where all its arms diverged."""
    frozen = session.divergences.frozen
    if not test.arms or not all(name in frozen for name in test.arms):
        return test.outer_step
    return min(test.outer_step, max(frozen[name].good_step for name in test.arms))


def earlier_steps(session: Session, test: MetaTested) -> dict[str, int]:
    """Arm → the own outer step of it that a meta-test saw, where that is not the one said.

    An arm that diverged is at its last good one, and one added later has taken fewer.
    """
    said, frozen, whole = tested_step(session, test), session.divergences.frozen, test.outer_step
    seen = {name: min(whole, test.arm_steps.get(name, whole)) for name in test.arms}
    for name in seen.keys() & frozen.keys():
        seen[name] = min(seen[name], frozen[name].good_step)
    return {name: step for name, step in seen.items() if step != said}


def meta_test_is_old(session: Session) -> bool:
    """True where the newest meta-test says little of the run as it is now.

    Soon after a change, and after a divergence, few outer steps make much difference.
    """
    test, status, settings = session.measured.meta_test, session.status, session.settings
    if test is None or status is None:
        return False
    if test.family is not None and (test.family, test.shots) != (
        settings.tasks,
        settings.inner.shots,
    ):
        return True
    events = [mark.outer_step for mark in session.losses.history.marks]
    diverged = [one.outer_step for one in session.divergences.seen]
    if session.measured.tested_with != settings or any(step > test.outer_step for step in diverged):
        return True
    since = max((step for step in events + diverged if step <= status.outer_step), default=0)
    allowed = steps_allowed(status.outer_step - since) if session.link.running else 0
    return status.outer_step - test.outer_step > allowed
