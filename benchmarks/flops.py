"""Floating-point operations of an outer gradient, counted by formula: 2 m k n a matrix product.

Element-wise work is left out, and so are the products by a layer with one output that are carried
out as broadcasts; both are a few parts in a hundred.
"""

from __future__ import annotations

import itertools

from benchmarks.problem import Problem


def _layers(sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(itertools.pairwise(sizes))


def forward(sizes: tuple[int, ...], points: int) -> int:
    """[h, 1] W in every layer."""
    return sum(2 * points * (a + 1) * b for a, b in _layers(sizes))


def backward(sizes: tuple[int, ...], points: int, to_input: bool = False) -> int:
    """[h, 1]ᵀ δ in every layer, and δ Wᵀ in all but the first."""
    down = [2 * points * a * b for a, b in _layers(sizes)[0 if to_input else 1 :] if b > 1]
    return forward(sizes, points) + sum(down)


def hessian_vector(sizes: tuple[int, ...], points: int) -> int:
    """The R-operator's forward and backward pass, on a trace that is kept."""
    layers = _layers(sizes)
    forth = forward(sizes, points) + sum(2 * points * a * b for a, b in layers[1:])
    outer = forward(sizes, points) + sum(2 * points * a * b for a, b in layers[1:])
    down = sum(4 * points * a * b for a, b in layers[1:] if b > 1)
    return forth + outer + down


def outer_gradient(problem: Problem) -> int:
    """All tasks of one outer step of MAML, FO-MAML, Reptile or MTL.

    Raises:
        KeyError: for another algorithm.
    """
    sizes, steps = problem.sizes, problem.steps
    support, query = problem.shots, problem.queries
    part = min(problem.minibatch, support)

    def both(points: int) -> int:
        return forward(sizes, points) + backward(sizes, points)

    each = {
        "maml": steps * (both(support) + hessian_vector(sizes, support)) + both(query),
        "fomaml": steps * both(support) + both(query),
        "mtl": both(support + query),
        # all support points are passed before the first step, for the loss that is shown
        "reptile": forward(sizes, support + query) + steps * both(part) - forward(sizes, part),
    }[problem.algorithm]
    return problem.tasks * each
