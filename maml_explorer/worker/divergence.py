"""Reports of divergences: what was seen, how stable the inner loop is, and those of the past."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from operator import attrgetter

import numpy as np
import torch

from maml_explorer.core.divergence import loss_limit, overshoot
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import ArmState, RunState, draw_batch
from maml_explorer.protocol.insight_records.stability import StabilitySeen
from maml_explorer.protocol.past_events import PastChange, PastDivergence, PastEvents
from maml_explorer.protocol.reports import Diverged
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.restart import last_change
from maml_explorer.storage.run.changes import FROZEN, changes_of
from maml_explorer.worker.insight.stability import arm_stability
from maml_explorer.worker.recorder import Bad
from maml_explorer.worker.run import Run

STABILITY_SECONDS = 0.5
"""Longest time, in seconds, for which the report of a divergence waits."""
MOST = 1_000
"""Rows of past changes, and divergences, that are reported: of more the newest."""


def bad_arms(state: RunState) -> list[Bad]:
    """The arms that go on although their parameters or moments are not finite."""
    return [
        Bad(name, state.outer_step, float("nan"))
        for name, arm in state.arms.items()
        if not arm.frozen and not _finite(arm)
    ]


def spoiled_arms(plan: Plan, state: RunState) -> list[str]:
    """The arms that no training can go on from: not finite, or their loss at θ is above the limit.

    The loss is that of the support sets of the next batch, before any inner step.
    """
    batch, _ = draw_batch(plan, state)
    found, model = [], plan.model.training
    for name, arm in state.arms.items():
        with torch.no_grad():
            layers = model.layers(arm.initialization)
            output = model.forward(layers, batch.inputs, shots=batch.shots).output
            shots = batch.shots
            loss = float(model.loss.mean(output[:, :shots], batch.y[:, :shots]))
        if not (_finite(arm) and loss <= loss_limit(plan, name)):  # NaN is above
            found.append(name)
    return found


def diverged_report(run: Run, bad: Bad, clock: Callable[[], float]) -> Diverged:
    """The report of an arm that was just set back to its last good state in `run`."""
    good = run.state.arms[bad.arm]
    what = f"exploded ({bad.loss:.3g})" if np.isfinite(bad.loss) else "is not finite"
    what = f"its loss {what}{overshoot(run.plan.arms[bad.arm])}"
    verb, what = ("stopped", bad.why) if bad.why else ("diverged", what)
    change = run.last_changes.words(bad.arm, run.settings)
    tail = f" {last_change(change)}" if change else ""
    others = "; the other arms go on" if len(run.state.arms) > 1 else ""
    return Diverged(
        run.number,
        bad.arm,
        bad.outer_step,
        good.outer_step,
        f"{bad.arm} {verb} at outer step {bad.outer_step}: {what}. "
        f"It is kept at its step {good.outer_step}{others}.{tail}",
        _stability_at(run.plan, bad.arm, good, clock),
        change,
        bad.why,
        run.good.whole.outer_step,
        run.settings,
    )


def past_events(run: Run) -> tuple[PastEvents, tuple[Diverged, ...]]:
    """(what a run has behind it, the divergences of its frozen arms)."""
    changes: list[PastChange] = []
    with suppress(SettingsError, ValueError):  # rows of a file that was edited: no marks
        rows = run.changes[-MOST:]
        changes = [PastChange(*change) for change in changes_of(run.settings, rows)]
    overcome: list[PastDivergence] = []
    frozen: dict[str, Diverged] = {}
    for step, what, name, own in run.changes:
        if what != FROZEN:
            continue
        words = f"{name} diverged at outer step {step}. It is kept at its step {own}."
        known = frozen.pop(name, None)
        if known is not None:
            overcome.append(PastDivergence(name, known.outer_step, known.good_step))
        frozen[name] = Diverged(run.number, name, step, int(own), words)
    for name in [name for name in frozen if not _is_frozen(run, name)]:
        past = frozen.pop(name)
        overcome.append(PastDivergence(name, past.outer_step, past.good_step))
    overcome.sort(key=attrgetter("outer_step"))
    return PastEvents(run.number, tuple(changes), tuple(overcome[-MOST:])), tuple(frozen.values())


def _is_frozen(run: Run, name: str) -> bool:
    arm = run.state.arms.get(name)
    return arm is not None and arm.frozen


def _stability_at(plan: Plan, name: str, arm: ArmState, clock: Callable[[], float]) -> str:
    """The stability of the inner loop at a state, in words; empty where that takes long."""
    end = clock() + STABILITY_SECONDS
    work = arm_stability(plan, name, arm)
    with suppress(Exception):  # the report of a divergence must not fail
        while clock() < end:
            try:
                next(work)
            except StopIteration as done:
                seen = done.value
                return seen.in_words() if isinstance(seen, StabilitySeen) else ""
    return ""


def _finite(arm: ArmState) -> bool:
    """True where θ and the optimizer's moments are finite."""
    # by numpy: on a busy machine torch's threads would wait for each other, a tenth of a second
    parts = [one.cpu().numpy() for one in (arm.initialization, *arm.moments)]
    return all(np.isfinite((part.min(), part.max())).all() for part in parts)
