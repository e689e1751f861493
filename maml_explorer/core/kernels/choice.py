"""Choice of the kernels: the compiled ones where they are built and pass a test, once a process.

The environment variable MAML_EXPLORER_KERNELS chooses others: "recorded" for those of torch,
"portable" for the compiled ones in vectors of 128 bits.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

import torch

from maml_explorer.core.kernels.compiled import CompiledStep
from maml_explorer.core.kernels.library import Kernels, NoKernels, open_library
from maml_explorer.core.models.mlp import Mlp, with_ones
from maml_explorer.core.outer_gradient import Shape, outer_gradient

VARIABLE = "MAML_EXPLORER_KERNELS"
CHOICES = ("compiled", "portable", "recorded")
AGREEMENT = {torch.float32: 1e-4, torch.float64: 1e-11}
"""Largest difference from the eager gradient, as a part of its largest entry."""


@dataclass(frozen=True)
class Choice:
    """The compiled kernels, or why there are none."""

    kernels: Kernels | None
    reason: str = ""
    """A few words for the status line; empty where they are used or were not asked for."""


def chosen(name: str | None = None) -> Choice:
    """Kernels that this process uses.

    Args:
        name: one of :data:`CHOICES`; that of the environment unless given.
    """
    return _choice(name or os.environ.get(VARIABLE) or CHOICES[0])


@cache
def _choice(name: str) -> Choice:
    if name not in CHOICES:
        return Choice(None, f"{VARIABLE} is {name!r}, allowed are {', '.join(CHOICES)}")
    if name == "recorded":
        return Choice(None)
    try:
        kernels = open_library(portable=name == "portable")
    except NoKernels as why:
        return Choice(None, str(why))
    if not agrees(kernels):
        return Choice(None, "the library fails its test")
    return Choice(kernels)


def agrees(kernels: Kernels) -> bool:
    """True where small gradients equal the eager ones, in both precisions."""
    with torch.no_grad():
        return all(
            _difference(kernels, shape, dtype) < bound
            for dtype, bound in AGREEMENT.items()
            for shape in (_shape("relu", 0, 1), _shape("tanh", 0, 2), _shape("sine", 1, 2))
        )


def _shape(activation: str, start: int, steps: int) -> Shape:
    return Shape(
        model=Mlp((1, 11, 9, 1), activation),
        rule="query",
        start=start,
        steps=steps,
        second_order=True,
        multi_step=False,
        inner_clip=False,
        learned=None,
        shots=3,
        points=7,
        tasks=2,
        total_tasks=2,
        minibatch=0,
    )


def _difference(kernels: Kernels, shape: Shape, dtype: torch.dtype) -> float:
    theta = torch.linspace(-2, 2, shape.model.parameter_count, dtype=dtype).mul_(5).sin_()
    points = torch.linspace(-3, 3, shape.tasks * shape.points, dtype=dtype)
    points = points.view(shape.tasks, shape.points, 1)
    inputs = (theta, with_ones(points.cos()), points.sin())
    rate = torch.tensor(0.03, dtype=dtype)
    expected = outer_gradient(shape, *inputs, rate).gradient
    found = CompiledStep(kernels, shape, dtype).gradient(*inputs, (rate,)).gradient
    return float((found - expected).abs().max() / expected.abs().max())
