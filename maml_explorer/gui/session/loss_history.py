"""The losses of a run as the window keeps them: a trace per arm and loss, and what was changed.

NumPy only, no Qt.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from maml_explorer.gui.session.loss_traces import LossTrace
from maml_explorer.gui.session.meta_test_losses import HeldOutLosses, HeldOutPoint
from maml_explorer.gui.session.moving_averages import Array
from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.reports import Metrics
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import changed_keys
from maml_explorer.settings.settings import Arm, Settings

OUTER_STEPS, SECONDS, GRADIENTS = 0, 1, 2
"""The x axes of a trace."""
X_LABELS = {
    OUTER_STEPS: "outer step",
    SECONDS: "seconds of training, per arm",
    GRADIENTS: "gradient evaluations per task",
}
OUTER_LOSS, INNER_LOSS, HELD_OUT = "outer", "inner", "held-out"
"""Losses that are drawn: two of the training stream, or those of the meta-tests."""
_STREAMS = {OUTER_LOSS: "query_after", INNER_LOSS: "support_before"}
"""Loss of the training stream → what it is called in a report."""
_MOST_WAITING = 1 << 14
"""Outer steps that wait to be taken up together."""
_NEAR = 0.02
"""Changes of the same settings within this part of the run are one mark."""


@dataclass(frozen=True)
class Mark:
    """A change of settings while training."""

    outer_step: int
    keys: tuple[str, ...]
    """Keys of the settings, or "arms"."""
    before: Settings
    after: Settings

    @property
    def symbol(self) -> str:
        """Text at the mark: "α", "β", or the setting's name."""
        known = [DECLARATIONS.get(key) for key in self.keys[:2]]
        return ", ".join(one.symbol or one.label.lower() if one else "arms" for one in known)

    @property
    def brief(self) -> str:
        """A few letters on the change, of one setting or arm: "α → 0.05", "+ Reptile"."""
        if self.keys == ("arms",):
            old, new = ([arm.name for arm in one.arms] for one in (self.before, self.after))
            added = [f"+ {name}" for name in new if name not in old]
            removed = [f"− {name}" for name in old if name not in new]
            one = [*added, *removed]
            return one[0] if len(one) == 1 else self.symbol
        return (
            self.symbol if self.keys[1:] else f"{self.symbol} → {shown(self.after[self.keys[0]])}"
        )

    @property
    def words(self) -> str:
        """Words of the change: "Inner learning rate α 0.01 → 0.1"."""
        lines = [
            f"{DECLARATIONS[key].label} {shown(self.before[key])} → {shown(self.after[key])}"
            for key in self.keys
            if key in DECLARATIONS
        ]
        old = {arm.name: arm for arm in self.before.arms}
        new = {arm.name: arm for arm in self.after.arms}
        lines += [f"{name} added" for name in new if name not in old]
        lines += [f"{name} removed" for name in old if name not in new]
        lines += [f"overrides of {n} changed" for n in new if n in old and old[n] != new[n]]
        return "; ".join(lines)


def change(before: Settings, after: Settings, outer_step: int) -> Mark | None:
    """The mark of a change; None where nothing has changed."""
    keys = tuple(changed_keys(before, after))
    if before.arms != after.arms:
        keys = (*keys, "arms")
    return Mark(outer_step, keys, before, after) if keys else None


def _alike(steps: Array) -> list[tuple[int, int, int]]:
    """(first, end, stride) of successive values that stand for as many outer steps each.

    More than 1 where a run was thinned, which may go on with every step. A value has the smaller
    distance to its neighbours: beside a gap the other one counts.
    """
    between = np.diff(steps)
    if not len(between):
        return [(0, len(steps), 1)]
    strides = np.minimum(np.append(between[:1], between), np.append(between, between[-1:]))
    strides = np.maximum(strides, 1).astype(int)
    bounds = [0, *(np.flatnonzero(np.diff(strides)) + 1).tolist(), len(steps)]
    return [(a, b, int(strides[a])) for a, b in itertools.pairwise(bounds)]


class LossHistory:
    """All arms' losses of one run."""

    def __init__(self) -> None:
        self._traces: dict[str, dict[str, LossTrace]] = {loss: {} for loss in _STREAMS}
        self._waiting: dict[str, list[Metrics]] = {loss: [] for loss in _STREAMS}
        self._waiting_steps = dict.fromkeys(_STREAMS, 0)
        self._left: dict[Arm, tuple[dict[str, LossTrace], list[HeldOutPoint]]] = {}
        """By its definition, an arm that left: (loss → trace, its points)."""
        self.marks: list[Mark] = []
        self.held_out = HeldOutLosses()

    @property
    def traces(self) -> dict[tuple[str, str], LossTrace]:
        """(arm, loss) → trace over (outer steps, seconds, gradient evaluations)."""
        return {(arm, loss): t for loss in _STREAMS for arm, t in self.of_loss(loss).items()}

    def of_loss(self, loss: str) -> dict[str, LossTrace]:
        """Arm → trace of one loss."""
        waiting, self._waiting[loss] = self._waiting[loss], []
        self._waiting_steps[loss] = 0
        for _, blocks in itertools.groupby(waiting, key=lambda block: block.arms):
            self._take(loss, list(blocks))
        return self._traces[loss]

    def extend(self, metrics: Metrics) -> None:
        """Takes up a block of outer steps."""
        # Many short blocks cost as much as many long ones, and nobody looks at two losses at once:
        # they wait until somebody does.
        for loss in _STREAMS:
            self._waiting[loss].append(metrics)
            self._waiting_steps[loss] += len(metrics.outer_step)
            if self._waiting_steps[loss] >= _MOST_WAITING:
                self.of_loss(loss)

    def _take(self, loss: str, blocks: list[Metrics]) -> None:
        steps = np.concatenate([block.outer_step for block in blocks]).astype(float)
        seconds = np.concatenate([block.seconds for block in blocks], axis=1)
        gradients = np.concatenate([block.gradient_evaluations for block in blocks], axis=1)
        values = np.concatenate([getattr(block, _STREAMS[loss]) for block in blocks], axis=1)
        traces, alike = self._traces[loss], _alike(steps)
        for row, arm in enumerate(blocks[0].arms):
            x = np.stack((steps, seconds[row], gradients[row].astype(float)))
            trace = traces.get(arm)
            last = x[:, :1]
            if trace is not None and len(trace):
                last = np.stack([trace.x(axis)[-1:] for axis in range(len(x))])
            # what counts from 0 again belongs to a new arm under a name that was used before
            falls = np.flatnonzero((np.diff(x, axis=1, prepend=last) < 0).any(0))
            begin = int(falls[-1]) if len(falls) else 0
            if trace is None or len(falls):
                trace = traces[arm] = LossTrace(axes=3)
            for first, end, stride in alike:
                part = slice(max(first, begin), end)
                trace.extend(x[:, part], values[row, part], stride)

    def hold(self, outer_step: int) -> None:
        """Keeps what is up to an outer step as fine as it is: the run may go back there."""
        for trace in self.traces.values():
            trace.hold(outer_step)

    def rewind(self, outer_step: int) -> None:
        """Drops what came after an outer step, and all marks."""
        for trace in self.traces.values():
            trace.rewind(outer_step)
        for traces, points in self._left.values():
            for trace in traces.values():
                trace.rewind(outer_step)
            points[:] = [point for point in points if point.outer_step <= outer_step]
        self.held_out.rewind(outer_step)
        self.marks = []  # the worker knows at which step each took effect, and which have

    def leave(self, arms: Iterable[Arm]) -> None:
        """Puts arms aside, so that a later one of the same name starts over."""
        for arm in arms:
            traces = {loss: self.of_loss(loss).pop(arm.name, None) for loss in _STREAMS}
            known = {loss: trace for loss, trace in traces.items() if trace is not None}
            self._left[arm] = known, self.held_out.points.pop(arm.name, [])

    def bring_back(self, arm: Arm) -> None:
        """Goes on with an arm that left, as it was then."""
        traces, points = self._left.pop(arm, ({}, []))
        for loss in _STREAMS:
            self.of_loss(loss).pop(arm.name, None)
        for loss, trace in traces.items():
            trace.interrupt()
            self._traces[loss][arm.name] = trace
        self.held_out.points[arm.name] = points

    def mark(self, before: Settings, after: Settings, outer_step: int) -> None:
        """Remembers a change; a drag of one slider is one mark."""
        mark = change(before, after, outer_step)
        if mark is None:
            return
        last = self.marks[-1] if self.marks else None
        if (
            last is not None
            and last.keys == mark.keys
            and outer_step - last.outer_step <= _NEAR * outer_step
        ):
            joined = change(last.before, after, last.outer_step)
            self.marks[-1:] = [] if joined is None else [joined]
        else:
            self.marks.append(mark)

    @property
    def changed_keys(self) -> tuple[str, ...]:
        """Keys of the settings that were changed while training, or "arms"; each once."""
        return tuple(dict.fromkeys(key for mark in self.marks for key in mark.keys))

    def at(self, outer_step: float, axis: int, arm: str, loss: str) -> float | None:
        """Position of an outer step on an axis of an arm; None before its first step."""
        trace = self.of_loss(loss).get(arm)
        if trace is None or len(trace) == 0:
            return None
        if axis == OUTER_STEPS:
            return float(outer_step)
        return float(np.interp(outer_step, trace.x(OUTER_STEPS), trace.x(axis)))

    def seconds(self, outer_step: int) -> float:
        """Seconds that all arms together had trained by an outer step."""
        if outer_step == 0:
            return 0.0
        known = (self.at(outer_step, SECONDS, arm, OUTER_LOSS) for arm in self.of_loss(OUTER_LOSS))
        return sum(one for one in known if one is not None)

    @staticmethod
    def of(traces: dict[tuple[str, str], LossTrace]) -> LossHistory:
        """The history of a run that is over, (arm, loss) → trace."""
        history = LossHistory()
        for (arm, loss), trace in traces.items():
            history._traces[loss][arm] = trace
        return history

    def thinned(self, most: int) -> LossHistory:
        """A copy in at most `most` bins a trace, to be looked at only."""
        copy = LossHistory.of({key: trace.thinned(most) for key, trace in self.traces.items()})
        copy.held_out.points = {
            arm: [point for point in points if not point.first]
            for arm, points in self.held_out.points.items()
        }
        return copy

    @property
    def empty(self) -> bool:
        """True where no arm has taken a step."""
        # what waits goes on waiting: this is asked at every drawing
        taken = (trace.steps for traces in self._traces.values() for trace in traces.values())
        return not any(self._waiting_steps.values()) and not any(taken)
