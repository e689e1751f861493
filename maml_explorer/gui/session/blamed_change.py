"""The edit behind a divergence: what its banner names, and what "Undo the change" takes back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtGui import QUndoStack

from maml_explorer.gui.session.undo import Edit, TaskEdit
from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.reports import Diverged
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import changed_keys, needs_restart
from maml_explorer.settings.settings import Settings

RATES = ("inner_lr", "outer_lr")
HALVE = "Halve α"
"""Text of the undo step that is a remedy: the change behind the divergence is the one before."""


@dataclass(frozen=True)
class BlamedChange:
    """The last edit before arms diverged, remedies that followed it included."""

    edit: Edit
    words: str
    """Setting, value before, value now: "Inner learning rate α from 0.01 to 5"."""


def blamed_change(
    stack: QUndoStack, now: Settings, reports: Sequence[Diverged]
) -> BlamedChange | None:
    """The last edit of settings where it is the change that the reports name; None otherwise.

    Args:
        stack: with the edits.
        now: the settings in force.
        reports: of the arms that diverged.
    """
    named, edit = next((one for one in reversed(reports) if one.change), None), _last_edit(stack)
    if named is None or edit is None:
        return None
    before, after = edit.before.settings, edit.after.settings
    names = [[arm.name for arm in settings.arms] for settings in (before, after, now)]
    if names[0] != names[1] or names[1] != names[2] or named.arm not in names[0]:
        return None
    was, became, own = (one.of_arm(one.arm(named.arm)) for one in (before, after, now))
    waits = needs_restart(was, became)
    keys = [key for key in changed_keys(was, became) if key not in waits]
    if not keys or keys != [key for key in changed_keys(was, own) if key not in waits]:
        return None
    key = keys[-1]
    less, more = own[key], was[key]
    if key in RATES and isinstance(less, float) and isinstance(more, float) and less < more:
        return None  # smaller steps are a remedy: to take them back would be none
    label, value = DECLARATIONS[key].label, shown(own[key])
    said = without_step(named.change)
    if not (said.startswith(f"{label} from ") and said.endswith(f" to {value}")):
        return None  # something else came after it: an undo, say
    others = len(set(changed_keys(before, after)) - {key})
    further = f", and {others} more" if others else ""
    return BlamedChange(edit, f"{label} from {shown(was[key])} to {value}{further}")


def without_step(change: str) -> str:
    """A change in a worker's words, without the outer step, which a mark in Losses says."""
    return re.sub(r" at outer step \d+$", "", change)


def _last_edit(stack: QUndoStack) -> Edit | None:
    """The last edit of settings but for remedies, whatever task was shown since."""
    for at in range(stack.index() - 1, -1, -1):
        command = stack.command(at)
        if not isinstance(command, TaskEdit) and command.text() != HALVE:
            return command if isinstance(command, Edit) else None
    return None
