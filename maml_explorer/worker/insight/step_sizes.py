"""Everything that an arm learned for its inner loop: step sizes, or matrices."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator, Mapping

import torch
from torch import Tensor

from maml_explorer.core.gradient_map import GradientMap
from maml_explorer.core.insight.learner import Learner
from maml_explorer.core.learned_context import ContextMap
from maml_explorer.core.learned_curvature import Curvature, LayerCurvature
from maml_explorer.core.plan import Plan
from maml_explorer.core.training import RunState
from maml_explorer.protocol.insight import NothingToShow, Option
from maml_explorer.protocol.insight_records.step_sizes import LearnedMatrix, StepSizesSeen
from maml_explorer.worker.answers import frozen_array
from maml_explorer.worker.insight.request_options import asked_learner, layer_names

FEW_PARAMETERS = 5
"""Most context parameters with a course of their own: as many as there are kinds of lines."""


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
        return _of_map(sizes.map, float(sizes.steps[0][0]), layers)
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
        course=tuple(
            (f"mean α, {name}", float(entries[0].mean()))
            for name, entries in zip(layers, flat, strict=True)
        ),
    )


def _of_map(
    mapped: GradientMap, alpha: float, layers: tuple[str, ...]
) -> StepSizesSeen | NothingToShow:
    """The record of a learned map; α is the step size of every layer."""
    flat = frozen_array(torch.full((len(layers), 1), alpha, dtype=torch.float64))
    seen = StepSizesSeen(layers, flat, flat, flat, float(alpha < 0), ())
    if isinstance(mapped, Curvature):
        found = [_of_layer(*pair) for pair in zip(mapped.layers, layers, strict=True)]
        return dataclasses.replace(
            seen,
            matrices=tuple(matrix for matrices in found for matrix in matrices),
            course=tuple(
                (f"distance, {name}", math.sqrt(sum(_distance(one) for one in matrices)))
                for name, matrices in zip(layers, found, strict=True)
            ),
            course_words="distance from the identity",
        )
    if isinstance(mapped, ContextMap):
        return dataclasses.replace(
            seen,
            matrices=tuple(_of_context(mapped)),
            course=tuple(_course_of_context(mapped.weights.double())),
            course_words="norm of the weights",
        )
    return NothingToShow("What this arm learned for its inner loop has no picture.")


def _of_context(mapped: ContextMap) -> Iterator[LearnedMatrix]:
    """The weights of a context, those that scale features and those that shift them apart."""
    weights = mapped.weights.double()
    none = frozen_array(torch.zeros(0, 0, dtype=torch.float64))
    names = ("context: scales", "context: shifts") if mapped.height > 1 else ("context",)
    for name, part in zip(names, weights.chunk(mapped.height, 1), strict=True):
        yield LearnedMatrix(name, "context", "unit", frozen_array(part), none)


def _course_of_context(weights: Tensor) -> Iterator[tuple[str, float]]:
    """Norms of the weights of each context parameter, or where there are many, of all."""
    if len(weights) > FEW_PARAMETERS:
        yield f"weights, all {len(weights)}", float(weights.norm())
        return
    for nth, row in enumerate(weights):
        yield f"weights, context {nth + 1}", float(row.norm())


def _of_layer(matrices: LayerCurvature, layer: str) -> list[LearnedMatrix]:
    """The matrices of one layer, those of the identity's size first."""
    parts = (
        ("places", matrices.places),
        ("inputs", matrices.inputs),
        ("outputs", matrices.outputs),
    )
    found = []
    for word, matrix in parts:
        if matrix is not None:
            begun = torch.eye(len(matrix), dtype=torch.float64)
            axis = word.removesuffix("s")
            values, ends = matrix.double(), (f"to {axis}", f"from {axis}")
            name = f"{layer}: {word}"
            found.append(LearnedMatrix(name, *ends, frozen_array(values), frozen_array(begun)))
    bias = matrices.bias.double().T
    ones = frozen_array(torch.ones_like(bias))
    found.append(LearnedMatrix(f"{layer}: biases", "unit", "", frozen_array(bias), ones))
    return found


def _distance(matrix: LearnedMatrix) -> float:
    """Squared distance from the beginning."""
    return float(((matrix.values - matrix.begun) ** 2).sum())
