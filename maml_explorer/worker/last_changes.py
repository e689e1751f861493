"""Changes of settings that arms met before they diverged, as their reports name them."""

from __future__ import annotations

from collections.abc import Collection

from maml_explorer.settings.restart import change_words, changed_keys
from maml_explorer.settings.settings import Settings


class LastChanges:
    """For every arm the settings it trained with, and when others came.

    Changes that an arm has not trained between are one, also those while it was frozen. What is
    taken back is no change: neither it nor its undo is named any more.
    """

    def __init__(self) -> None:
        self._of: dict[str, list[tuple[int, Settings]]] = {}
        """Arm → (outer step of a change, the arm's settings before it), the oldest first."""

    def note(self, outer_step: int, old: Settings, new: Settings, frozen: Collection[str]) -> None:
        """Notes a change of settings after an outer step, while some arms are frozen."""
        arms = {arm.name: arm for arm in old.arms}
        for arm in new.arms:
            if arm.name not in arms:
                self._of.pop(arm.name, None)
                continue
            # an arm keeps what it overrides; a new override is a change for it
            was, now = old.of_arm(arms[arm.name]), new.of_arm(arm)
            if changed_keys(was, now):
                known = self._of.setdefault(arm.name, [])
                if not known or (known[-1][0] < outer_step and arm.name not in frozen):
                    known.append((outer_step, was))
                self._of[arm.name] = _without_taken_back(known, now)

    def go_back(self, outer_step: int) -> None:
        """Notes that the run went back to an outer step, with the settings it has."""
        for known in self._of.values():
            late = [before for step, before in known if step >= outer_step]
            if late:
                known[-len(late) :] = [(outer_step, late[0])]

    def words(self, name: str, now: Settings) -> str:
        """The last change of what an arm trains with, and when it was; empty for none.

        Args:
            name: of the arm.
            now: the settings in force.
        """
        if not self._of.get(name):
            return ""
        (outer_step, was), own = self._of[name][-1], now.of_arm(now.arm(name))
        words = change_words(was, own, changed_keys(was, own))
        return f"{words} at outer step {outer_step}"


def _without_taken_back(
    known: list[tuple[int, Settings]], now: Settings
) -> list[tuple[int, Settings]]:
    """The changes that still stand, where the last of them led to these settings."""
    for at, (_, before) in enumerate(known):
        if not changed_keys(before, now):
            return known[:at]
    return known
