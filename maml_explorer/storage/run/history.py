"""A sentence on what was changed while a run trained. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import counted
from maml_explorer.storage.run.changes import ARMS, BACK, BEGUN_FROM, FROZEN, REVIVED, Row

MOST = 8
"""Changes that are named; more are counted."""
TRAINED = "Changed while it trained"
"""Begins the words on all changes."""
_ONE_DRAG = 500
"""Outer steps between two values of a setting, at most, where both are of one drag of a slider."""


def history_of(settings: Settings, arm: str, outer_step: int, rows: Sequence[Row]) -> str:
    """Sentences on what an arm's settings do not tell of its training; empty where they tell all.

    Args:
        settings: of the run as they are now.
        arm: its name.
        outer_step: outer steps it has taken.
        rows: of the run's `changes.csv`.
    """
    named = changes_in_words(rows, arm)
    parts = []
    planned = settings.outer.outer_steps
    if outer_step > planned:
        parts.append(
            f"It went on for {counted(outer_step - planned, 'outer step')} after the "
            f"{planned} of its settings."
        )
    if named:
        parts.append(f"{named}.")
        parts.append("The table shows the settings as they were at the end.")
    return " ".join(parts)


def changes_in_words(rows: Sequence[Row], arm: str = "") -> str:
    """Changes made while a run trained: “Changed while it trained: …”; empty for none.

    Args:
        rows: of the run's `changes.csv`.
        arm: name of the arm that is spoken of; empty for all of them, each by its name.
    """
    told = [row for row in rows if row[0] > 0 or row[1] == BEGUN_FROM]
    named = [said for row, last in _drags(told) if (said := _words(arm, row, last))]
    if not named:
        return ""
    more = len(named) - MOST
    rest = f"; and {counted(more, 'more change')}" if more > 0 else ""
    return f"{TRAINED}: {'; '.join(named[:MOST])}{rest}"


def _drags(rows: Sequence[Row]) -> list[tuple[Row, int]]:
    """(change, outer step of its last value): the values of a drag are one change."""
    found: list[tuple[Row, int]] = []
    for row in rows:
        (first, what, old, new), last = found[-1] if found else ((0, "", "", ""), 0)
        if what in DECLARATIONS and row[1:3] == (what, new) and row[0] - last <= _ONE_DRAG:
            found[-1] = (first, what, old, row[3]), row[0]
        else:
            found.append((row, row[0]))
    return found


def _words(arm: str, row: Row, last: int) -> str:
    step, what, old, new = row
    if what in DECLARATIONS:
        when = f"step {step}" if step == last else f"steps {step} to {last}"
        return f"{DECLARATIONS[what].label} from {old} to {new} after outer {when}"
    if what == ARMS:
        return f"arms or their own settings after outer step {step}"
    if arm not in ("", old):
        return ""
    who = "it" if arm else old
    if what == FROZEN:
        return f"{who} diverged after outer step {step} and was set back to {new}"
    if what == REVIVED:
        return f"{who} went on after outer step {step}"
    if what == BACK:
        return f"{who} came back after outer step {step} as it was when it was removed"
    return f"begun from {new}" if arm else f"{old} was begun from {new}"
