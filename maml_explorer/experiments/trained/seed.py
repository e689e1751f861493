"""One seed of a trained run, and the arms it has."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.experiments.outcome import ArmMetrics
from maml_explorer.settings.declaration import quoted
from maml_explorer.settings.settings import algorithm_key
from maml_explorer.settings.typed import same_name
from maml_explorer.storage.initialization.folder import Initialization

if TYPE_CHECKING:
    from maml_explorer.core.training import RunState


class UnknownArmError(KeyError):
    """A name that no arm of the run has; the text says which there are."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class TrainedSeed:
    """Initializations and losses of one seed, by arm name."""

    initializations: Mapping[str, Initialization]
    metrics: Mapping[str, ArmMetrics]
    """The losses of every outer step."""
    diverged: Mapping[str, str]
    """Arms that were frozen at their last good state, and why."""
    state: RunState | None = None
    """The last state of training, which a saved run goes on from."""

    def arm(self, name: str) -> Initialization:
        """The arm of that name, or the only one of that algorithm.

        Raises:
            UnknownArmError: if there is none; it names the nearest.
        """
        known = self.initializations
        if name in known:
            return known[name]
        found = [own for own in known if same_name(own, str(name))]
        found = found or [
            own for own, one in known.items() if one.arm.algorithm == algorithm_key(str(name))
        ]
        if len(found) == 1:
            return known[found[0]]
        near = difflib.get_close_matches(str(name), [*known, *ALGORITHMS], n=1)
        hint = f", did you mean {near[0]}" if near and near[0] in known else ""
        raise UnknownArmError(
            f"This run has no arm {quoted(name)}{hint}: its arms are {', '.join(known)}."
        )
