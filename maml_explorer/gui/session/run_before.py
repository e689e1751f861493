"""The run before: what the undo stack brings back last that was trained, and the way there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtGui import QUndoCommand

from maml_explorer.gui.session.session import Session
from maml_explorer.gui.session.undo import Begin
from maml_explorer.gui.session.waiting import named
from maml_explorer.gui.style.numbers import whole


@dataclass(frozen=True)
class RunBefore:
    """A run that can be gone back to."""

    below: int
    """Undo steps that stay."""
    words: str
    """Its arms and its progress: "MAML and ANIL at outer step 33 000"."""


def run_before(session: Session) -> RunBefore | None:
    """The newest run that was trained and gave way to another; None where none is kept."""
    stack = session.editor.undo_stack
    kept = {} if session.status is None else session.status.kept
    for below in reversed(range(stack.index())):
        for step in _begun_in(stack.command(below)):
            if kept.get(step.run):
                arms = named([arm.name for arm in step.other.settings.arms])
                return RunBefore(below, f"{arms} at outer step {whole(kept[step.run])}")
    return None


def go_back(session: Session) -> None:
    """Undoes down to the run before, what was edited since then too."""
    before = run_before(session)
    if before is None:
        session.control.noted.emit("There is no run before to go back to.")
    else:
        session.editor.undo_stack.setIndex(before.below)


def _begun_in(command: QUndoCommand) -> Iterator[Begin]:
    """Runs begun by an undo step, or by the parts of it."""
    if isinstance(command, Begin):
        yield command
    for nth in range(command.childCount()):
        yield from _begun_in(command.child(nth))
