"""Table of what an arm may learn beside θ for its inner loop."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from maml_explorer.algorithms import ALGORITHMS, Algorithm
from maml_explorer.core.learned_context import LearnedContext
from maml_explorer.core.learned_curvature import LearnedCurvature
from maml_explorer.core.learned_rates import Learned, LearnedRates
from maml_explorer.core.models.initializations import drawn
from maml_explorer.core.models.model import Model
from maml_explorer.core.streams import stream
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.phases import Phases
from maml_explorer.settings.settings import Settings

LEARNED: dict[str, Callable[[Phases, int, int], Learned]] = {
    "parameter": lambda step, start, still: LearnedRates(
        "parameter", start, step.inner_steps, still
    ),
    "layer": lambda step, start, still: LearnedRates("layer", start, step.inner_steps, still),
    "context": lambda step, start, still: (
        LearnedContext(step.adapt.context, step.adapt.context_enters == "features")
        if step.adapt
        else LearnedContext(1)
    ),
    "matrices": lambda step, start, still: LearnedCurvature(start),
}
"""Unit of the record of an algorithm, or "layer" for LSLR → what is learned."""


def learned_of(step: Phases, start: int, still: int = 0) -> Learned | None:
    """Kind of what an arm learns beside θ, by its outer step; None where that is nothing.

    Args:
        start: the first layer that adapts.
        still: layers at the end that do not.
    """
    return LEARNED[step.step_sizes](step, start, still) if step.step_sizes else None


def beginning_of(learned: Learned, own: Settings, model: Model, like: Tensor) -> Tensor:
    """Values of what an arm learns beside θ, at its outer step 0.

    Its draws depend on the seed and the way θ_0 is drawn alone.

    Args:
        own: the settings with the arm's overrides applied.
        like: of the type and on the device of the run.
    """

    def draw(inputs: int, outputs: int) -> Tensor:
        shape, generator = (inputs + 1, outputs), stream(own.run.seed, "beside θ")
        layer = drawn((inputs,), (shape,), (1,), own.model.initialization, generator)
        return layer.view(shape)[:-1]

    return learned.beginning(model, own.inner.inner_lr, like, draw)


def refuse_columns(settings: Settings, model: Model) -> None:
    """Refuses an algorithm that learns matrices where layers are no matrices.

    Raises:
        SettingsError: naming the algorithms that can be had.
    """
    for arm in settings.arms:
        if needs_matrices(ALGORITHMS[arm.algorithm]) and not all(model.filter_places):
            others = [one.label for one in ALGORITHMS.values() if not needs_matrices(one)]
            raise SettingsError(
                f"{ALGORITHMS[arm.algorithm].label} needs layers with a weight above a bias, as "
                "the networks of the settings have: an nn.Module of your own is trained with "
                f"{', '.join(others[:-1])} or {others[-1]}."
            )


def needs_matrices(algorithm: Algorithm) -> bool:
    """True where it learns something by the rows and columns of a layer."""
    return algorithm.step_sizes not in ("", "parameter")
