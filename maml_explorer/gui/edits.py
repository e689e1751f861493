"""An edit of the settings that can be undone, and what of it waits for a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from maml_explorer.hyperparameters import SettingsError
from maml_explorer.settings import DECLARATIONS, Settings, needs_restart
from maml_explorer.worker.messages import BringBack, Command

if TYPE_CHECKING:
    from maml_explorer.gui.session import Session


class Edit(QUndoCommand):
    """From one edited state of the settings to another."""

    def __init__(
        self,
        put: Callable[[Settings], None],
        before: Settings,
        after: Settings,
        text: str,
        merge_key: str | None = None,
    ) -> None:
        super().__init__(text)
        self._put, self._before, self._after = put, before, after
        self._merge_key = merge_key

    def redo(self) -> None:
        """Makes the edit."""
        self._put(self._after)

    def undo(self) -> None:
        """Takes it back."""
        self._put(self._before)

    def id(self) -> int:
        """Which edits may be one step; −1 for those that stand alone."""
        # Qt compares C ints
        return -1 if self._merge_key is None else hash(self._merge_key) & 0x7FFFFFFF

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Takes up a later edit of the same drag."""
        if not isinstance(other, Edit) or other._merge_key != self._merge_key:
            return False
        self._after = other._after
        self.setObsolete(self._after == self._before)
        return True


def restart_reasons(in_force: Settings, edited: Settings) -> list[str]:
    """What only a restart can apply: labels of settings.

    Arms hardly ever wait: one whose new definition needs a beginning of its own begins late.
    """
    labels = [DECLARATIONS[key].label for key in needs_restart(in_force, edited)]
    waiting = in_force_part(in_force, edited).arms != edited.arms
    return [*labels, "Arms"] if waiting else labels


def in_force_part(in_force: Settings, edited: Settings) -> Settings:
    """`edited` without what only a restart can apply: that stays as it is in force.

    So do the arms where they contradict it: Meta-SGD cannot begin while LSLR is on.
    """
    waiting = {key: in_force[key] for key in needs_restart(in_force, edited)}
    try:
        return edited.with_values(waiting)
    except SettingsError:
        return edited.with_arms(in_force.arms).with_values(waiting)


def still_waiting(in_force: Settings, edited: Settings | None) -> Settings | None:
    """What is edited once it is known what is in force; None where nothing waits any more.

    What was to apply at once and did not, after a refusal, is given up; the rest goes on waiting.
    """
    if edited is None or in_force_part(in_force, edited) == in_force:
        return edited
    try:
        kept = in_force.with_values({key: edited[key] for key in needs_restart(in_force, edited)})
    except SettingsError:  # it contradicts what is in force
        return None
    return None if kept == in_force else kept


@dataclass(frozen=True)
class Beginning:
    """What a run has when it begins."""

    settings: Settings
    """In force."""
    staged: Settings | None
    initialization: str = ""
    """The folder of the exported initialization that an arm starts from; empty for the seed's."""


class Begin(QUndoCommand):
    """A new run in the place of the one there is; taking it back brings that run back."""

    def __init__(self, session: Session, command: Command, beginning: Beginning, text: str) -> None:
        super().__init__(text)
        self._session = session
        self._command: Command | None = command
        self._other = beginning
        self._run = 0

    def redo(self) -> None:
        """Begins the run; the second time, brings it back."""
        command, self._command = self._command, None
        self._swap(command)

    def undo(self) -> None:
        """Brings back the run there was before."""
        self._swap(None)

    def _swap(self, command: Command | None) -> None:
        session = self._session
        session.pull()
        here = Beginning(session.settings, session.staged, session.initialization)
        # of the run there is when this is taken up, which may not have been reported yet
        run = session.expected_run
        session.begin(command or BringBack(self._run), self._other)
        self._other, self._run = here, run
