"""Arms that an undo brings back to a run."""

from __future__ import annotations

from collections.abc import Mapping

from maml_explorer.late_dataclass import dataclass


@dataclass(frozen=True)
class Returned:
    """Arms that had left the run are there again, as they were then."""

    run: int
    own_steps: Mapping[str, int]
    """Arm → the outer steps that it has taken."""
