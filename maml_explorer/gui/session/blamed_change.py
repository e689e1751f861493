"""The edits behind a divergence: what its banner names, and "Undo the change" takes back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from PySide6.QtGui import QUndoStack

from maml_explorer.gui.session.halved_rate import HALVE, RATES
from maml_explorer.gui.session.undo import Edit, TaskEdit
from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.reports import Diverged
from maml_explorer.settings.declaration import shown
from maml_explorer.settings.groups import DECLARATIONS
from maml_explorer.settings.restart import change_words, changed_keys, name_of, needs_restart
from maml_explorer.settings.settings import Settings
from maml_explorer.settings.words import listed

ONE_CHANGE = r"(?:^|, | and )(.+?) from .+? to (.+?)(?=, | and |$)"
"""In words on changes: the setting, and the value that it has after."""


@dataclass(frozen=True)
class BlamedChange:
    """The edits before arms diverged, remedies that followed them included."""

    edit: Edit
    """The first of them: what it has before is gone back to."""
    words: str
    """Settings, values before, values now: "α from 0.01 to 5"; of the newest change."""
    several: bool
    """True where more than one setting, or edit that is named, is taken back."""


def blamed_change(
    stack: QUndoStack, now: Settings, reports: Sequence[Diverged]
) -> BlamedChange | None:
    """The last edits of settings where they are the changes that the reports name; else None.

    Args:
        stack: with the edits.
        now: the settings in force.
        reports: of the arms that diverged.
    """
    # a report may have been under way while a remedy was taken: it names the values before
    tried = (_named_by(reports, stack, then) for then in (now, *_before_remedies(stack)))
    return next((found for found in tried if found is not None), None)


def _named_by(reports: Sequence[Diverged], stack: QUndoStack, now: Settings) -> BlamedChange | None:
    edits, words, deepest, found = list(_last_edits(stack)), "", -1, set[Edit]()
    for report in by_change(reports):
        top = edits[deepest].before.settings if words else now
        # one that came before those of the others, or together with them
        own = _first_of(edits[deepest + 1 :], top, report) or _first_of(edits, now, report)
        if own is None:
            return None
        deepest, words = max(deepest, edits.index(own[0])), words or own[1]
        found.add(own[0])
    if not words:
        return None
    before, after = edits[deepest].before.settings, edits[0].after.settings
    named, changed = words.count(" from "), len(changed_keys(before, after))
    # what an arm does not train with, or waits for a restart, is taken back as well
    further = f", and {changed - named} more" if changed > named else ""
    return BlamedChange(edits[deepest], f"{words}{further}", max(changed, named, len(found)) > 1)


def by_change(reports: Sequence[Diverged]) -> list[Diverged]:
    """One report for each change that is named, that of the newest change first."""
    return list({one.change: one for one in reversed(reports) if one.change}.values())


def still_changed(now: Settings, reports: Sequence[Diverged]) -> str:
    """Settings that reports name as changed, and which still are: "α is still 3 and K 3"."""
    kept: dict[str, str] = {}
    for report in by_change(reports):
        if any(arm.name == report.arm for arm in now.arms):
            arm = now.arm(report.arm)
            own, alone = now.of_arm(arm), {name_of(key) for key, _ in arm.overrides}
            values = {(name_of(key), shown(own[key])) for key in DECLARATIONS}
            found = re.findall(ONE_CHANGE, without_step(report.change))
            for name, value in (one for one in found if one in values):
                kept[f"{arm.name}’s {name}" if name in alone else name] = value
    verbs = (" is still", *[""] * len(kept))
    return listed(
        [f"{name}{verb} {value}" for verb, (name, value) in zip(verbs, kept.items(), strict=False)]
    )


def changed_since(then: Mapping[str, Settings], now: Settings) -> bool:
    """True where an arm would train with other settings than it did; `then` is arm → those."""
    there = {arm.name for arm in now.arms}
    return any(
        changed_keys(*(settings.of_arm(settings.arm(name)) for settings in (was, now)))
        for name, was in then.items()
        if name in there
    )


def without_step(change: str) -> str:
    """A change in a worker's words, without the outer step, which a mark in Losses says."""
    return re.sub(r" at outer step \d+$", "", change)


def _first_of(edits: Sequence[Edit], now: Settings, report: Diverged) -> tuple[Edit, str] | None:
    """The edit from which on a reported change was made, and the change in words."""
    said = without_step(report.change)
    found: list[tuple[Edit, str]] = []
    for edit in edits:
        before, after = edit.before.settings, edit.after.settings
        names = [[arm.name for arm in settings.arms] for settings in (before, after, now)]
        if names[0] != names[1] or names[1] != names[2] or report.arm not in names[0]:
            break
        was, became, own = (one.of_arm(one.arm(report.arm)) for one in (before, after, now))
        if not _trained_with(was, became):
            break  # it is not among what is named, and would be taken back as well
        keys = _trained_with(was, own)
        words = change_words(was, own, keys)
        if _ends(words) == _ends(said) and not _is_remedy(was, own, keys):
            found.append((edit, words))
    # one that was dragged while it trained has come in parts, and the last of them is reported
    exact = [one for one in found if one[1] == said]
    return next(iter(exact or found), None)


def _trained_with(was: Settings, became: Settings) -> list[str]:
    """Keys of changes that wait for no restart."""
    waits = needs_restart(was, became)
    return [key for key in changed_keys(was, became) if key not in waits]


def _ends(words: str) -> str:
    """Words on a change without the values before it."""
    return re.sub(r" from .*? to ", " to ", words)


def _is_remedy(was: Settings, own: Settings, keys: Sequence[str]) -> bool:
    """True for smaller steps: to take them back would be none."""
    steps = [(of[key] for of in (own, was)) for key in keys if key in RATES]
    return len(steps) == len(keys) and all(
        isinstance(less, float) and isinstance(more, float) and less < more for less, more in steps
    )


def _last_edits(stack: QUndoStack) -> Iterator[Edit]:
    """The last edits of settings but for remedies, whatever task was shown since, newest first."""
    for at in range(stack.index() - 1, -1, -1):
        command = stack.command(at)
        if isinstance(command, TaskEdit) or command.text() == HALVE:
            continue
        if not isinstance(command, Edit):
            return
        yield command


def _before_remedies(stack: QUndoStack) -> Iterator[Settings]:
    """The settings before each remedy that nothing but others followed, newest first."""
    for at in range(stack.index() - 1, -1, -1):
        command = stack.command(at)
        if isinstance(command, Edit) and command.text() == HALVE:
            yield command.before.settings
        elif not isinstance(command, TaskEdit):
            return
