"""Cost of an outer step: multiply-adds of its matrix products, and numbers it must keep.

Counted as the program computes, from sizes alone. For a stack of layers with P parameters, biases
included, of which M are weights above the stack's first layer, per point (and place of a picture):

    forward                  P
    backward                 P + M                    (gradient; δ handed down)
    Hessian-vector product   2 P + 4 M, or 5 M        (5 where σ'' is not 0, or with a norm)

Element-wise work is left out, that of a norm included: it grows with the widths, the products with
their squares. What is kept between the inner loop and the outer gradient is, per inner step and
task, φ_k and the activations the Hessian-vector product reads; first order keeps φ_K alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from maml_explorer.algorithms import ALGORITHMS
from maml_explorer.core.adaptation import tail_start
from maml_explorer.core.learned_context import LearnedContext
from maml_explorer.core.models.model import Model


@dataclass(frozen=True)
class Sizes:
    """Everything the cost depends on but the algorithm and its inner steps."""

    model: Model
    tasks: int
    shots: int
    query_points: int
    reptile_batch: int
    """Support points per inner step of Reptile."""
    solve_steps: int = 10
    """Conjugate-gradient steps of iMAML."""
    bytes_per_number: int = 4
    context: int = 5
    """Context parameters of CAVIA."""
    of_features: bool = False
    """True where they enter features, else the input."""
    head_layers: int = 1
    """Last layers that ANIL adapts."""


@dataclass(frozen=True)
class Cost:
    """Of one outer step of one algorithm."""

    multiply_adds: int
    kept_bytes: int
    """Held from the inner loop to the outer gradient, beyond θ and the points."""


def cost_curves(sizes: Sizes, inner_steps: Sequence[int]) -> dict[str, list[Cost]]:
    """Per algorithm its cost at each number of inner steps; joint training has none to vary."""
    return {key: [outer_step_cost(key, sizes, k) for k in inner_steps] for key in ALGORITHMS}


def outer_step_cost(algorithm: str, sizes: Sizes, inner_steps: int) -> Cost:
    """The cost of an outer step of an algorithm by its key.

    Raises:
        KeyError: where there is no such algorithm.
    """
    record = ALGORITHMS[algorithm]
    model, shots, query = sizes.model, sizes.shots, sizes.query_points
    if record.outer_data == "all":
        start, steps = 0, 0
        operations = (shots + query) * (_forward(model) + _backward(model))
    elif record.outer_rule == "interpolation":
        start, steps = 0, inner_steps
        operations = sum(
            points * (_forward(model) + _backward(model))
            for points in _minibatches(shots, sizes.reptile_batch, steps)
        ) + (shots + query) * _forward(model)
    else:
        start = tail_start(model, record.adapts, sizes.head_layers)
        steps = inner_steps
        operations = _through_inner_loop(sizes, start, steps, record.second_order)
        of_map = OF_MAP.get(record.step_sizes)
        operations += steps * of_map(sizes, start) if of_map else 0
    if record.implicit:
        solve = sizes.solve_steps + 1  # and the product that measures the residual
        operations += _solving(sizes, solve, inner_steps)
        kept = _kept_numbers(model, shots, 0, 1, True) if inner_steps else 0
        return Cost(sizes.tasks * operations, sizes.tasks * kept * sizes.bytes_per_number)
    kept = _kept_numbers(model, shots, start, steps, record.second_order)
    return Cost(sizes.tasks * operations, sizes.tasks * kept * sizes.bytes_per_number)


def _through_matrices(sizes: Sizes, start: int) -> int:
    """Meta-Curvature, per task and inner step: forward, transposed, and the matrices' gradients."""
    found, model = 0, sizes.model
    pairs = zip(model.matrices[start:], model.filter_places[start:], strict=True)
    for (rows, out), places in pairs:
        inputs, weights = (rows - 1) // places, (rows - 1) * out
        placed = places if places > 1 else 0
        found += weights * (4 * (inputs + out) + (4 * placed + inputs if placed else 0))
    return found


def _through_context(sizes: Sizes, start: int) -> int:
    """CAVIA, per task and inner step: to c and back, transposed, and the two parts by V."""
    return 6 * LearnedContext(sizes.context, sizes.of_features).count(sizes.model)


OF_MAP: dict[str, Callable[[Sizes, int], int]] = {
    "matrices": _through_matrices,
    "context": _through_context,
}
"""Unit that is learned → its multiply-adds per task and inner step, from a first layer on."""


def _through_inner_loop(sizes: Sizes, start: int, steps: int, second_order: bool) -> int:
    """MAML, FO-MAML and ANIL, per task."""
    model, shots, query = sizes.model, sizes.shots, sizes.query_points
    head = _products(model, start), _above_first(model, start)
    entry = _above_first(model, start - 1, start + 1) if start else 0  # to the tail's input
    forward, backward = _forward(model, start), _backward(model, start)
    operations = query * (forward + backward + entry)
    operations += shots * (steps * (forward + backward) if steps else forward)
    if second_order:
        bent = model.smooth or model.norm != "none"
        bend = 1 if bent else 0
        operations += steps * shots * (2 * head[0] + (4 + bend) * head[1] + 2 * entry)
    if start:
        body = _products(model, 0, start), _above_first(model, 0, start)
        operations += (shots + query) * (2 * body[0] + body[1])
    return operations


def _solving(sizes: Sizes, products: int, steps: int) -> int:
    """Conjugate gradients at φ_K: its trace on the support set, and so many products H v."""
    model, shots = sizes.model, sizes.shots
    bend = 1 if model.smooth or model.norm != "none" else 0
    product = 2 * _products(model) + (4 + bend) * _above_first(model)
    trace = _forward(model) + _backward(model)
    trace += _forward(model) if steps else 0  # θ is passed once more for its loss
    return shots * (trace + products * product)


def _kept_numbers(model: Model, shots: int, start: int, steps: int, second_order: bool) -> int:
    """Per task: φ_1 … φ_K and, per step, what the Hessian-vector product reads of its trace."""
    parameters = _parameters(model, start)
    if not steps:
        return 0
    if not second_order:
        return parameters
    layers = [*zip(model.matrices, model.rows, strict=True)][start:]
    made = [rows * columns for (_, columns), rows in layers]
    hidden = sum(made[:-1])
    entered = sum(rows * height for (height, _), rows in layers[1:])
    # what enters the layers with its column of ones, z, σ'(z), and δ of every layer; the output
    per_point = entered + hidden + hidden + sum(made) + made[-1]
    if model.norm != "none":
        per_point += hidden  # n
    if max(model.rows) > 1:
        per_point += hidden  # σ(z) beside the patches of it
    if model.skip:  # σ(z) beside h
        widths = [model.fan_in[start], *made[:-1]]
        per_point += sum(b + 1 for a, b in pairwise(widths) if a == b)
    return steps * (parameters + shots * per_point)


def _minibatches(shots: int, size: int, steps: int) -> list[int]:
    """Points of each inner step: passes over the support set, the last minibatch the remainder."""
    size = min(size, shots)
    one_pass = [min(size, shots - begin) for begin in range(0, shots, size)]
    return [one_pass[k % len(one_pass)] for k in range(steps)]


def _parameters(model: Model, start: int = 0, end: int | None = None) -> int:
    return sum(rows * columns for rows, columns in model.matrices[start:end])


def _products(model: Model, start: int = 0, end: int | None = None) -> int:
    """P, or where a point has several rows, as often as it has rows."""
    layers = [*zip(model.matrices, model.rows, strict=True)][start:end]
    return sum(rows * columns * each for (rows, columns), each in layers)


def _above_first(model: Model, start: int = 0, end: int | None = None) -> int:
    """M: weights without biases of all layers of the stack but its first, for all rows."""
    layers = [*zip(model.matrices, model.rows, strict=True)][start:end]
    return sum((rows - 1) * columns * each for (rows, columns), each in layers[1:])


def _forward(model: Model, start: int = 0) -> int:
    return _products(model, start)


def _backward(model: Model, start: int = 0) -> int:
    return _products(model, start) + _above_first(model, start)
