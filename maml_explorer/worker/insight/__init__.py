"""The views of the insight: one file each beside these, and the table of them.

A view is a generator function of the plan, the state at which it began and its options. It yields
the share done (0 … 1) between pieces of a few to some tens of milliseconds, and returns its value:
a record of :mod:`maml_explorer.protocol.insight_records`, or arm → record, with `NothingToShow`
where there is no record. It draws from random streams of its own and touches
nothing of the run, so a run is bit-identical with and without views.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option, ViewName
from maml_explorer.worker.insight.check import see_check
from maml_explorer.worker.insight.cost import see_cost
from maml_explorer.worker.insight.embedding import see_embedding
from maml_explorer.worker.insight.error_map import see_data_map, see_error_map
from maml_explorer.worker.insight.features import see_features
from maml_explorer.worker.insight.gradient import see_gradient
from maml_explorer.worker.insight.landscape import see_landscape
from maml_explorer.worker.insight.layer import see_layer
from maml_explorer.worker.insight.norm import see_norm
from maml_explorer.worker.insight.parameter_map import see_parameter_map
from maml_explorer.worker.insight.stability import see_stability
from maml_explorer.worker.insight.step_sizes import see_step_sizes

Look = Callable[[Plan, RunState, Mapping[str, Option]], Generator[float, None, object]]


@dataclass(frozen=True)
class View:
    """One view of the table."""

    look: Look
    seconds: float = 0.5
    """Seconds, while training, before it starts again after it ended …"""
    share: float = 1.0
    """… nor before the time it took is this part of the time since it began."""
    of_one_arm: bool = False
    """True where it looks at the arm of its option `arm` alone."""
    no_images: str = ""
    """Sentence that says why images have nothing to show; empty where they have."""
    only_sines: str = ""
    """Sentence that says why other curves have nothing to show; empty where they have."""
    no_streams: str = ""
    """Sentence that says why streams have nothing to show; empty where they have."""
    only_built_in: str = ""
    """Sentence that says why own networks have nothing to show; empty where they have."""

    def begin(
        self, plan: Plan, state: RunState, options: Mapping[str, Option]
    ) -> Generator[float, None, object]:
        """The work of looking; for a family or network that it is not for, why."""
        if self.no_images and plan.settings.family.images:
            return _said(self.no_images)
        if self.no_streams and plan.settings.family.stream:
            return _said(self.no_streams)
        if self.only_sines and plan.settings.tasks.family != "sine":
            return _said(self.only_sines)
        if self.only_built_in and plan.settings.model_kind.own:
            return _said(self.only_built_in)
        return self.look(plan, state, options)


def _said(reason: str) -> Generator[float, None, object]:
    yield 1.0
    return NothingToShow(reason)


VIEWS: dict[ViewName, View] = {
    ViewName.GRADIENT: View(see_gradient),
    ViewName.CHECK: View(see_check),
    ViewName.COST: View(
        see_cost,
        no_streams="The costs are compared over inner steps, and a stream has one for each of its "
        "batches, no more and no fewer.",
        only_built_in="The costs compare all algorithms, and not all of them train a network of "
        "your own.",
    ),
    ViewName.STABILITY: View(see_stability, share=0.04),
    ViewName.FEATURES: View(see_features, seconds=1.0),
    ViewName.STEP_SIZES: View(see_step_sizes, of_one_arm=True),
    ViewName.LAYER: View(
        see_layer,
        seconds=0.2,
        of_one_arm=True,
        no_images="A layer is drawn over x, which images do not have: Features compares layers "
        "before and after adaptation.",
    ),
    ViewName.NORM: View(
        see_norm,
        of_one_arm=True,
        only_built_in="Units before their activation are known of built-in networks alone: "
        "Features compares the layers of a network of your own.",
    ),
    ViewName.PARAMETER_MAP: View(
        see_parameter_map,
        of_one_arm=True,
        no_images="The parameter map is for curves: its colours and axes follow amplitude and "
        "phase.",
        only_sines="The parameter map follows amplitude and phase, which only sines have: "
        "Landscape shows the path of the task above for every family.",
    ),
    ViewName.ERROR_MAP: View(
        see_error_map,
        seconds=1.0,
        of_one_arm=True,
        no_images="The error map goes over amplitude and phase, which images do not have: Shots "
        "shows the accuracy over shots and inner steps.",
        only_sines="The error map goes over amplitude and phase, which only sines have: Shots "
        "shows the error over shots and inner steps.",
    ),
    ViewName.DATA_MAP: View(see_data_map, seconds=1.0, of_one_arm=True),
    ViewName.LANDSCAPE: View(see_landscape, seconds=1.0, of_one_arm=True),
    ViewName.EMBEDDING: View(see_embedding, of_one_arm=True),
}
"""Name of a request → its view."""
