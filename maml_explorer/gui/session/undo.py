"""Undo steps of the session: edits of the settings and of the shown task, and runs begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from PySide6.QtGui import QUndoCommand

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import BringBack, Command
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True)
class Edited:
    """Settings as they are edited."""

    settings: Settings
    kept: Settings | None = None
    """In force while all of them wait for a restart; None where only what needs one waits."""
    again: bool = False
    """True where they were edited before: undone, or made again."""


Value = TypeVar("Value")


class Replacement(QUndoCommand, Generic[Value]):
    """From one value to another."""

    def __init__(
        self, put: Callable[[Value], None], before: Value, after: Value, text: str
    ) -> None:
        super().__init__(text)
        self.before = before
        """The value that undo puts back."""
        self._put = put
        self.after = after
        """The value that redo puts."""

    def redo(self) -> None:
        """Makes the edit."""
        self._put(self.after)

    def undo(self) -> None:
        """Takes it back."""
        self._put(self.before)


class Edit(Replacement[Edited]):
    """From one edited state of the settings to another."""

    def __init__(
        self,
        put: Callable[[Edited], None],
        before: Edited,
        after: Edited,
        text: str,
        merge_key: str | None = None,
    ) -> None:
        super().__init__(put, replace(before, again=True), after, text)
        self._merge_key = merge_key

    def redo(self) -> None:
        """Makes the edit; from the second time on, again."""
        super().redo()
        self.after = replace(self.after, again=True)

    def id(self) -> int:
        """Number shared by edits that may be one step; −1 for those that stand alone."""
        # Qt compares C ints
        return -1 if self._merge_key is None else hash(self._merge_key) & 0x7FFFFFFF

    def mergeWith(self, other: QUndoCommand) -> bool:
        """Takes up a later edit of the same drag."""
        if not isinstance(other, Edit) or other._merge_key != self._merge_key:
            return False
        self.after = other.after
        self.setObsolete(self.after.settings == self.before.settings)
        return True


class TaskEdit(Replacement[Value]):
    """From one shown task to another."""


@dataclass(frozen=True)
class Beginning:
    """Settings and initialization of a run as it begins."""

    settings: Settings
    """In force."""
    staged: Settings | None
    initialization: str = ""
    """The folder of the exported initialization that an arm starts from; empty for the seed's."""


Exchange = Callable[[Command, Beginning], tuple[Beginning, int]]
"""Begins a run; returns what the run before it has, and its number."""


class Begin(QUndoCommand):
    """A new run that replaces the current one; undo brings that one back."""

    def __init__(
        self, exchange: Exchange, command: Command, beginning: Beginning, text: str
    ) -> None:
        super().__init__(text)
        self._exchange = exchange
        self._command: Command | None = command
        self.other = beginning
        """The beginning of the run that the next swap brings back: the run before, once done."""
        self.run = 0
        """The number of that run."""

    def redo(self) -> None:
        """Begins the run; the second time, brings it back."""
        command, self._command = self._command, None
        self._swap(command)

    def undo(self) -> None:
        """Brings back the run there was before."""
        self._swap(None)

    def _swap(self, command: Command | None) -> None:
        self.other, self.run = self._exchange(command or BringBack(self.run), self.other)
