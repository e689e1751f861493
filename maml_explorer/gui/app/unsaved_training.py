"""Training that would be lost with the window: what is in no folder that stays."""

from __future__ import annotations

from maml_explorer.gui.session.session import Session


class UnsavedTraining:
    """Knows how far each run is in a folder of the user's, or of the program's.

    A session that is saved by itself does not count: it goes when the window is closed. A run is
    known by its first number, so that one that was brought back is the same run.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._saved: dict[int, int] = {}
        """Run → outer step."""

    def note_saved(self, run: int, outer_step: int) -> None:
        """Notes that a run is in a folder as it is at this outer step."""
        self._saved[run] = outer_step

    def seconds(self, run: int, outer_step: int) -> float:
        """Seconds that the run there is has trained since then; infinite where nobody knows yet."""
        saved, history = self._saved.get(run, 0), self._session.losses.history
        if outer_step == saved:
            return 0.0
        if history.empty:  # of a run that is opened or brought back they follow it
            return float("inf")
        return history.seconds(outer_step) - history.seconds(saved)
