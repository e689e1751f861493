"""The step sizes of an arm's inner loop, where they are learned."""

from __future__ import annotations

from collections.abc import Generator, Mapping

import torch

from maml_explorer.core.insight.learner import Learner
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.step_sizes import StepSizesSeen
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.request_options import asked_learner, layer_names


def see_step_sizes(
    plan: Plan, state: RunState, options: Mapping[str, Option]
) -> Generator[float, None, StepSizesSeen | NothingToShow]:
    """The step sizes of the arm `arm`, or in words that they are not learned."""
    yield 0.0
    learner = asked_learner(plan, state, options)
    if isinstance(learner, NothingToShow):
        return learner
    end = learner.model.depth - learner.step_sizes.still
    return step_sizes_of(learner, layer_names(plan)[learner.start : end])


def step_sizes_of(learner: Learner, layers: tuple[str, ...]) -> StepSizesSeen | NothingToShow:
    """The record of a learner's step sizes; `layers` are the names of those that adapt."""
    if not layers:
        return NothingToShow("No layer of this arm adapts in the inner loop.")
    sizes = learner.step_sizes
    if sizes.map is not None:
        return NothingToShow(
            "This arm learns matrices in the place of step sizes: α is "
            f"{float(sizes.steps[0][0]):.3g} everywhere."
        )
    if sizes.uniform:
        alpha = float(sizes.steps[0][0])
        return NothingToShow(
            f"The step sizes of this arm are not learned: α is {alpha:.3g} everywhere."
        )
    end = learner.start + len(layers)
    shapes = learner.model.shapes[learner.start : end]
    matrices = learner.model.matrices[learner.start : end]
    full = [
        # scale, shift and statistics of a norm do not adapt
        torch.stack([step[layer].double().expand(shape)[:rows] for step in sizes.steps])
        for layer, (shape, (rows, _)) in enumerate(zip(shapes, matrices, strict=True))
    ]  # per layer [inner step, in + 1, out]
    flat = [entries.flatten(1) for entries in full]
    below = sum(int((entries < 0).any(0).sum()) for entries in flat)
    shared = all(step[layer].numel() == 1 for step in sizes.steps for layer in range(len(layers)))
    return StepSizesSeen(
        layers=layers,
        mean=frozen_array(torch.stack([entries.mean(1) for entries in flat])),
        lowest=frozen_array(torch.stack([entries.amin(1) for entries in flat])),
        highest=frozen_array(torch.stack([entries.amax(1) for entries in flat])),
        negative=below / sum(entries.shape[1] for entries in flat),
        each=() if shared else tuple(frozen_array(entries[0]) for entries in full),
    )
