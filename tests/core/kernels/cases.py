"""Shapes and inputs that the compiled kernels are compared with the eager gradient on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from maml_explorer.core.kernels.choice import chosen
from maml_explorer.core.kernels.job import ACTIVATIONS
from maml_explorer.core.kernels.library import Kernels
from maml_explorer.core.learned_rates import LearnedRates
from maml_explorer.core.losses import LOSSES
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.outer_gradient import Shape

WIDTHS = (1, 3, 8, 11, 16, 20)

built = pytest.mark.skipif(
    chosen("compiled").kernels is None, reason=f"no kernels: {chosen('compiled').reason}"
)
several = pytest.mark.skipif(
    not getattr(chosen("compiled").kernels, "outer_steps", None), reason="none, or an older library"
)


def kernels(name: str) -> Kernels:
    """The compiled kernels, which must be there."""
    found = chosen(name).kernels
    assert found is not None
    return found


@dataclass(frozen=True)
class Case:
    """One outer gradient."""

    shape: Shape
    seed: int

    def inputs(self, dtype: torch.dtype) -> tuple[Tensor, ...]:
        """θ with its step sizes, x, y, and what varies."""
        shape, model = self.shape, self.shape.model
        generator = torch.Generator().manual_seed(self.seed)

        def normal(*size: int) -> Tensor:
            return torch.randn(*size, dtype=torch.float64, generator=generator).to(dtype)

        theta = 0.4 * normal(model.parameter_count)
        if shape.learned is not None:
            rates = 0.03 + 0.01 * normal(shape.learned.count(model))
            theta = torch.cat([theta, rates])
        x = with_ones(1.5 * normal(shape.tasks, shape.points, model.sizes[0]))
        y = normal(shape.tasks, shape.points, model.sizes[-1])
        if model.loss.key == "cross-entropy":
            y = torch.nn.functional.one_hot(y.argmax(-1), model.sizes[-1]).to(dtype)
        varying = [torch.tensor(0.04, dtype=dtype)]
        if shape.inner_clip:
            varying.append(torch.tensor(0.5, dtype=dtype))
        if shape.multi_step:
            weights = [0.0, *(0.1,) * (shape.steps - 1), 1.1 - 0.1 * shape.steps]
            varying.append(torch.tensor(weights, dtype=dtype))
        return (theta, x, y, *varying)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Every algorithm, with every remedy, on networks of odd and even widths."""
    depth = draw(st.integers(1, 4))
    hidden = draw(st.lists(st.sampled_from(WIDTHS), min_size=depth - 1, max_size=depth - 1))
    if draw(st.booleans()):  # of one width, or a skip leads nowhere
        hidden = hidden[:1] * len(hidden)
    sizes = (draw(st.sampled_from((1, 1, 1, 3))), *hidden, draw(st.sampled_from((1, 1, 4))))
    model = Mlp(
        sizes,
        draw(st.sampled_from(sorted(ACTIVATIONS))),
        draw(st.booleans()),
        loss=draw(st.sampled_from(sorted(LOSSES.values(), key=lambda loss: loss.key))),
    )
    rule = draw(st.sampled_from(("query", "query", "query", "all", "interpolation")))
    query = rule == "query"
    steps = 0 if rule == "all" else draw(st.integers(0 if query else 1, 4))
    start = draw(st.integers(0, depth - 1)) if query else 0
    learned = None
    if query and steps and draw(st.booleans()):
        learned = LearnedRates(draw(st.sampled_from(("layer", "parameter"))), start, steps)
    shots, tasks = draw(st.integers(1, 7)), draw(st.integers(1, 3))
    shape = Shape(
        model=model,
        rule=rule,
        start=start,
        steps=steps,
        second_order=query and steps > 0 and draw(st.booleans()),
        multi_step=query and steps > 1 and draw(st.booleans()),
        inner_clip=rule != "all" and draw(st.booleans()),
        learned=learned,
        shots=shots,
        points=shots + draw(st.integers(1, 7)),
        tasks=tasks,
        total_tasks=tasks + draw(st.integers(0, 2)),
        minibatch=draw(st.integers(1, 4)) if rule == "interpolation" else 0,
    )
    return Case(shape, draw(st.integers(0, 2**32 - 1)))


def plain(
    activation: str = "relu", rule: str = "query", tasks: int = 5, second_order: bool = True
) -> Shape:
    """A shape of a common kind."""
    query = rule == "query"
    return Shape(
        model=Mlp((1, 12, 9, 1), activation),
        rule=rule,
        start=0,
        steps=0 if rule == "all" else 2,
        second_order=query and second_order,
        multi_step=False,
        inner_clip=False,
        learned=None,
        shots=4,
        points=9,
        tasks=tasks,
        total_tasks=tasks,
        minibatch=3 if rule == "interpolation" else 0,
    )
