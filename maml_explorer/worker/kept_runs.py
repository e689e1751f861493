"""Runs that were replaced and can be brought back."""

from __future__ import annotations

from maml_explorer.settings.declaration import SettingsError
from maml_explorer.worker.run import Run

MAX_KEPT = 4
"""Runs that can be brought back."""


class KeptRuns:
    """The newest few replaced runs, and one that is held, by number."""

    def __init__(self) -> None:
        self.runs: dict[int, Run] = {}
        self.held: int | None = None
        """The run that stays until it is brought back."""

    @property
    def outer_steps(self) -> dict[int, int]:
        """Number → the outer step that the run has taken."""
        return {number: run.state.outer_step for number, run in self.runs.items()}

    def keep(self, run: Run) -> None:
        """Adds a run that was replaced; the oldest ones go."""
        self.runs[run.number] = run
        may_go = [number for number in self.runs if number != self.held]
        for number in may_go[:-MAX_KEPT]:
            del self.runs[number]

    def take(self, number: int | None) -> Run:
        """Takes out the run of that number; None is the one held.

        Raises:
            SettingsError: where there is none.
        """
        number = self.held if number is None else number
        run = None if number is None else self.runs.pop(number, None)
        if number == self.held:
            self.held = None
        if run is None:
            which = "The run" if number is None else f"Run {number}"
            raise SettingsError(f"{which} is no longer kept; the current one goes on.")
        return run
