"""The newest states known to be fine, for a window and for a run without one alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from maml_explorer.core.training import ArmState, RunState


@dataclass(frozen=True)
class LastGood:
    """States whose next losses were seen to be fine.

    A state is a candidate first: it is good once the losses of the outer steps after it were read
    and none of them was bad.
    """

    whole: RunState
    """The newest at which all arms were fine and none was frozen."""
    verified: RunState
    """The newest at which every arm that goes on was fine."""
    of_arm: Mapping[str, RunState]
    """Arm → the newest state at which it was fine: the others move on where one is frozen."""
    candidate: RunState | None
    """The newest state of all; None after a change, until losses were read again."""

    @staticmethod
    def begin(state: RunState) -> LastGood:
        """The record of a run that begins, or goes on, at this state."""
        return LastGood(state, state, dict.fromkeys(state.arms, state), state)

    def confirmed(self, state: RunState) -> LastGood:
        """The record after the losses up to `state` were read.

        Args:
            state: the newest, in which every arm with a bad loss is frozen by now.
        """
        before = self.candidate
        if before is None:
            return dataclasses.replace(self, candidate=state)
        went_on = {name for name, arm in before.arms.items() if not arm.frozen}
        fine = {name for name in went_on if name in state.arms and not state.arms[name].frozen}
        all_fine = fine == went_on
        return LastGood(
            whole=before if all_fine and len(went_on) == len(before.arms) else self.whole,
            verified=before if all_fine else self.verified,
            of_arm={**self.of_arm, **dict.fromkeys(fine, before)},
            candidate=state,
        )

    def changed(self, state: RunState, change: Callable[[RunState], RunState]) -> LastGood:
        """The record after a change of the settings; what was only a candidate is forgotten.

        Args:
            state: the newest, after the change.
            change: what the change makes of a state.
        """
        return LastGood(
            whole=change(self.whole),
            verified=change(self.verified),
            of_arm={
                name: change(known)
                for name, known in self.of_arm.items()
                # an arm that starts again has no good state yet; one that left may come back
                if name not in state.arms or state.arms[name].outer_step > 0
            },
            candidate=None,
        )

    def kept(self, arm: str) -> ArmState | None:
        """The arm as it was when it was last fine; None where it never was."""
        known = self.of_arm.get(arm)
        return None if known is None else known.arms.get(arm)
