"""View of the losses: which loss, over which axis, on which scales, how smooth."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

import numpy as np

from maml_explorer.gui.session.drawn_losses import Drawn, held_out_drawn, reduced
from maml_explorer.gui.session.loss_history import (
    GRADIENTS,
    HELD_OUT,
    INNER_LOSS,
    OUTER_LOSS,
    OUTER_STEPS,
    SECONDS,
    LossHistory,
)
from maml_explorer.gui.session.meta_test_losses import HeldOutPoint
from maml_explorer.gui.session.moving_averages import SMOOTHINGS, Array
from maml_explorer.gui.session.view_state import ViewState
from maml_explorer.settings.families import Family

LOSSES = {
    OUTER_LOSS: ("outer loss", "Outer loss: query set, after adaptation"),
    INNER_LOSS: ("inner loss", "Inner loss: support set, before adaptation"),
    HELD_OUT: ("held-out", "Held-out tasks: query MSE after as many inner steps as in training"),
}
"""Loss → (short, whole name)."""
AXES = {
    OUTER_STEPS: ("outer steps", "Outer steps"),
    SECONDS: ("seconds", "Seconds of training, per arm"),
    GRADIENTS: ("gradients", "Gradient evaluations per task, per arm"),
}
"""X axis → (short, whole name)."""


def loss_words(family: Family, loss: str) -> str:
    """Words beside the y axis."""
    if loss == HELD_OUT:
        return f"query {family.figure}" if family.images else family.figure
    return "cross-entropy, nats" if family.images else family.figure


@dataclass(frozen=True)
class LossView:
    """One way to look at the losses of a run."""

    loss: str = OUTER_LOSS
    axis: int = OUTER_STEPS
    smoothing: float = 0.98
    """Part of the moving average that stays from one outer step to the next."""
    log_x: bool = False
    wants_log_y: bool = True
    """The choice for losses; accuracies have a linear axis."""
    accuracy: bool = False
    """True where the run's held-out figure is an accuracy."""
    until: float | None = None
    """End of the x axis while it follows: a page compares arms up to there. None shows all."""
    follows: bool = True
    """Everything stays in sight while training; False once the range was zoomed or moved."""

    @property
    def linear(self) -> bool:
        """True where what is drawn is an accuracy, whatever was chosen for losses."""
        return self.accuracy and self.loss == HELD_OUT

    @property
    def log_y(self) -> bool:
        """True for a logarithmic y axis."""
        return self.wants_log_y and not self.linear

    @property
    def stream(self) -> str:
        """The loss whose trace gives an outer step its place on the x axis."""
        return OUTER_LOSS if self.loss == HELD_OUT else self.loss

    def arms(self, history: LossHistory, hidden: Set[str]) -> set[str]:
        """Names of the visible arms that have this loss in a history."""
        if self.loss == HELD_OUT:
            names = {name for name, points in history.held_out.points.items() if points}
        else:
            names = set(history.of_loss(self.loss))
        return names - hidden

    def drawn(self, history: LossHistory, arm: str, edges: Array) -> Drawn:
        """An arm's losses between pixel columns at `edges` [column + 1] of the plot."""
        if self.loss == HELD_OUT:
            return held_out_drawn(history, arm, self.axis, self.log_x, self.log_y)[0]
        trace = history.of_loss(self.loss)[arm]
        return reduced(trace, self.axis, self.smoothing, edges, self.log_x, self.log_y)

    def tested(self, history: LossHistory, arm: str) -> list[HeldOutPoint]:
        """An arm's meta-tests, one for each place of `drawn`; none of a loss of the training."""
        if self.loss != HELD_OUT:
            return []
        return held_out_drawn(history, arm, self.axis, self.log_x, self.log_y)[1]

    def place(self, outer_step: int, history: LossHistory, arms: Iterable[str]) -> float | None:
        """The x of an outer step on the plot, by the first of `arms` that has one; else None."""
        for name in arms:
            x = history.at(outer_step, self.axis, name, self.stream)
            if x is not None and (x > 0 or not self.log_x):
                return float(np.log10(x)) if self.log_x else x
        return None

    def value(self, x: float) -> float:
        """Steps, seconds or gradient evaluations at an x of the plot, 0 at the least."""
        return float(10**x) if self.log_x else max(x, 0.0)

    def stored(self) -> dict[str, str | bool | float]:
        """Entries of a `ViewState`, as a share string keeps them."""
        return {
            "loss": self.loss,
            "axis": AXES[self.axis][0],
            "log_x": self.log_x,
            "log_y": self.wants_log_y,
            "smoothing": self.smoothing,
        }

    def changed_by(self, state: ViewState) -> LossView:
        """The view that a prepared state asks for.

        A loss or an axis of a later version is passed over.
        """
        return replace(
            self,
            loss=state.loss if state.loss in LOSSES else self.loss,
            axis=next((key for key, (name, _) in AXES.items() if name == state.axis), self.axis),
            until=state.axis_until if (state.axis_until or 0) > 0 else None,
            log_x=self.log_x if state.log_x is None else state.log_x,
            wants_log_y=self.wants_log_y if state.log_y is None else state.log_y,
            smoothing=state.smoothing if state.smoothing in SMOOTHINGS else self.smoothing,
        )
