"""Events of a run before it was opened or brought back: reported as it begins."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True)
class PastChange:
    """A change of settings."""

    outer_step: int
    before: Settings
    after: Settings


@dataclass(frozen=True)
class PastDivergence:
    """A divergence of an arm that is not frozen any more."""

    arm: str
    outer_step: int
    good_step: int
    """The outer step of the state it was set back to."""


@dataclass(frozen=True)
class PastEvents:
    """Events of a run before it was opened or brought back, in order."""

    run: int
    changes: tuple[PastChange, ...]
    overcome: tuple[PastDivergence, ...]
    """Those of arms that are frozen still are reported as divergences."""
