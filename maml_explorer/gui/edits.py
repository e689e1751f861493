"""An edit of the settings that can be undone, and what of it waits for a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtGui import QUndoCommand

from maml_explorer.hyperparameters import Applies
from maml_explorer.settings import DECLARATIONS, Arm, Settings, needs_restart


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
    """What only a restart can apply, in words: labels of settings, names of arms."""
    labels = [DECLARATIONS[key].label for key in needs_restart(in_force, edited)]
    return labels + [arm.name for arm in edited.arms if _frozen_twin(in_force, arm) != arm]


def in_force_part(in_force: Settings, edited: Settings) -> Settings:
    """`edited` without what only a restart can apply: that stays as it is in force."""
    kept = {key: in_force[key] for key in needs_restart(in_force, edited)}
    arms = tuple(_frozen_twin(in_force, arm) for arm in edited.arms)
    return edited.with_values(kept).with_arms(arms)


def _frozen_twin(in_force: Settings, arm: Arm) -> Arm:
    """`arm` with the algorithm and the restart-needing overrides that it has in force."""
    old = next((other for other in in_force.arms if other.name == arm.name), None)
    if old is None:
        return arm
    waits = {key for key, declared in DECLARATIONS.items() if declared.applies is Applies.RESTART}
    stays = [(key, value) for key, value in old.overrides if key in waits]
    moves = [(key, value) for key, value in arm.overrides if key not in waits]
    return replace(arm, algorithm=old.algorithm, overrides=tuple(sorted(stays + moves)))
