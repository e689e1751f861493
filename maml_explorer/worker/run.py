"""One run: all that belongs to it and comes back with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from maml_explorer.core.last_good import LastGood
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import Insight, Option
from maml_explorer.protocol.insight_series import Figures
from maml_explorer.settings.settings import Settings
from maml_explorer.storage.run.changes import Row
from maml_explorer.worker.files.metrics_file import History
from maml_explorer.worker.last_changes import LastChanges
from maml_explorer.worker.recorder import Totals


@dataclass
class Run:
    """A run with its number, which changes where it is brought back."""

    settings: Settings
    plan: Plan
    state: RunState
    good: LastGood
    number: int = 0
    first: int = 0
    """The number that it had at first."""
    changes: list[Row] = field(default_factory=list)
    """Rows of changes.csv."""
    last_changes: LastChanges = field(default_factory=LastChanges)
    beyond: bool = False
    """True where it trains past its declared number of outer steps."""
    totals: Totals = field(default_factory=Totals)
    history: History = field(default_factory=History)
    figures: Figures = field(default_factory=Figures)
    insights: dict[tuple[str, Option], Insight] = field(default_factory=dict)
    """By view and arm what it found last in this run."""
    saved_insights: tuple[dict[str, Any], ...] = ()
    """Results of the views in a run that was opened, as in its file."""
    kernels_before: str = ""
    """The kernels that an opened run was trained by, where it goes on by others."""

    @staticmethod
    def begin(plan: Plan, state: RunState, changes: list[Row] | None = None) -> Run:
        """A run of the plan that begins at this state."""
        return Run(plan.settings, plan, state, LastGood.begin(state), changes=changes or [])

    @property
    def all_frozen(self) -> bool:
        """True where no arm is left to train."""
        return all(arm.frozen for arm in self.state.arms.values())

    @property
    def at_end(self) -> bool:
        """True where its declared number of outer steps is reached."""
        return self.state.outer_step >= self.settings.outer.outer_steps
