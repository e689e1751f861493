"""JAX: sampling, gradient and Adam in one compiled function, called per step or scanned."""

from __future__ import annotations

import importlib.util
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.problem import Array, Peer, Problem

SCAN_STEPS = 100


def installed() -> bool:
    return importlib.util.find_spec("jax") is not None


def peer(problem: Problem) -> Peer:
    """One call of the compiled step per outer step."""
    import jax

    compiled = jax.jit(_step(problem))
    state = [_begin(problem)]

    def train(steps: int) -> None:
        for _ in range(steps):
            state[0] = compiled(state[0])
        jax.block_until_ready(state[0])

    return Peer(gradient_of(problem), train)


def scanned(problem: Problem) -> Peer:
    """A hundred steps per call, in a compiled loop; fewer than a hundred count as a hundred."""
    import jax

    step = _step(problem)

    @jax.jit
    def compiled(state: Any) -> Any:
        return jax.lax.scan(lambda s, _: (step(s), None), state, None, SCAN_STEPS)[0]

    state = [_begin(problem)]

    def train(steps: int) -> None:
        for _ in range(steps):
            state[0] = compiled(state[0])
        jax.block_until_ready(state[0])

    return Peer(gradient_of(problem), train, steps_per_call=SCAN_STEPS)


def _leaves(theta: Array, problem: Problem, dtype: Any) -> list[tuple[Any, Any]]:
    import jax.numpy as jnp

    found, start = [], 0
    for rows, columns in itertools.pairwise(problem.sizes):
        middle, end = start + rows * columns, start + (rows + 1) * columns
        weight = jnp.asarray(theta[start:middle].reshape(rows, columns), dtype)
        found.append((weight, jnp.asarray(theta[middle:end], dtype)))
        start = end
    return found


def _with_rates(layers: Any, problem: Problem) -> Any:
    """All that is learned: the layers, with Meta-SGD a step size for each of their numbers too."""
    import jax
    import jax.numpy as jnp

    if problem.algorithm != "meta_sgd":
        return layers
    return layers, jax.tree.map(lambda leaf: jnp.full_like(leaf, problem.inner_lr), layers)


def _begin(problem: Problem) -> Any:
    import jax
    import jax.numpy as jnp

    theta = _with_rates(_leaves(problem.example()[0], problem, jnp.float32), problem)
    zeros = jax.tree.map(jnp.zeros_like, theta)
    return theta, zeros, zeros, jnp.float32(0), jax.random.key(0)


def _outer_gradient(problem: Problem) -> Callable[[Any, Any, Any], Any]:
    """(θ, x, y [task, point, 1]) → gradient; for Reptile mean(θ − φ)."""
    import jax
    import jax.numpy as jnp

    shots, alpha, algorithm = problem.shots, problem.inner_lr, problem.algorithm

    def forward(layers: Any, x: Any, last_active: bool = False) -> Any:
        for index, (weight, bias) in enumerate(layers):
            x = x @ weight + bias
            if index < len(layers) - 1 or last_active:
                x = jax.nn.relu(x)
        return x

    def loss(layers: Any, x: Any, y: Any) -> Any:
        return jnp.mean((forward(layers, x) - y) ** 2)

    def descend(layers: Any, x: Any, y: Any) -> Any:
        gradient = jax.grad(loss)(layers, x, y)
        if algorithm == "fomaml":
            gradient = jax.lax.stop_gradient(gradient)
        return jax.tree.map(lambda p, g: p - alpha * g, layers, gradient)

    def task_loss(theta: Any, x: Any, y: Any) -> Any:
        if algorithm == "meta_sgd":
            return adapted_loss(*theta, x, y)
        fixed, phi = (theta[:-1], theta[-1:]) if algorithm == "anil" else ([], theta)
        x = forward(fixed, x, last_active=True)
        for _ in range(problem.steps):
            phi = descend(phi, x[:shots], y[:shots])
        return loss(phi, x[shots:], y[shots:])

    def adapted_loss(phi: Any, rates: Any, x: Any, y: Any) -> Any:
        for _ in range(problem.steps):
            gradient = jax.grad(loss)(phi, x[:shots], y[:shots])
            phi = jax.tree.map(lambda p, a, g: p - a * g, phi, rates, gradient)
        return loss(phi, x[shots:], y[shots:])

    def mean_loss(theta: Any, x: Any, y: Any) -> Any:
        if algorithm == "mtl":
            return loss(theta, x, y)
        return jnp.mean(jax.vmap(task_loss, (None, 0, 0))(theta, x, y))

    def moved(theta: Any, x: Any, y: Any) -> Any:
        phi, size = theta, min(problem.minibatch, shots)
        parts = [slice(begin, min(begin + size, shots)) for begin in range(0, shots, size)]
        for k in range(max(1, problem.steps)):
            part = parts[k % len(parts)]
            phi = descend(phi, x[part], y[part])
        return jax.tree.map(lambda t, p: t - p, theta, phi)

    def reptile(theta: Any, x: Any, y: Any) -> Any:
        each = jax.vmap(moved, (None, 0, 0))(theta, x, y)
        return jax.tree.map(lambda part: part.mean(0), each)

    return reptile if algorithm == "reptile" else jax.grad(mean_loss)


def _step(problem: Problem) -> Callable[[Any], Any]:
    """One whole meta-step, not compiled yet."""
    import jax
    import jax.numpy as jnp

    outer_gradient = _outer_gradient(problem)
    count, points = problem.tasks, problem.shots + problem.queries

    def step(state: Any) -> Any:
        theta, first, second, t, key = state
        key, own = jax.random.split(key)
        drawn = jax.random.uniform(own, (count, 2 + points), jnp.float32)
        amplitude, phase = 0.1 + 4.9 * drawn[:, :1], math.pi * drawn[:, 1:2]
        x = -5 + 10 * drawn[:, 2:]
        y = amplitude * jnp.sin(x - phase)
        gradient = outer_gradient(theta, x[..., None], y[..., None])
        if problem.algorithm == "reptile":
            moved = jax.tree.map(lambda p, g: p - problem.reptile_step * g, theta, gradient)
            return moved, first, second, t + 1, key
        t = t + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        one, two = 1 - 0.9**t, 1 - 0.999**t

        def update(p: Any, m: Any, v: Any) -> Any:
            return p - problem.outer_lr * (m / one) / (jnp.sqrt(v / two) + 1e-8)

        return jax.tree.map(update, theta, first, second), first, second, t, key

    return step


def gradient_of(problem: Problem) -> Callable[[Array, Array, Array], Array]:
    """The outer gradient that the steps take, in float64."""

    def gradient(theta: Array, x: Array, y: Array) -> Array:
        import jax
        import jax.numpy as jnp

        with jax.enable_x64(True):
            layers = _with_rates(_leaves(theta, problem, jnp.float64), problem)
            wide = [jnp.asarray(values[..., None], jnp.float64) for values in (x, y)]
            found = jax.jit(_outer_gradient(problem))(layers, *wide)
            if problem.algorithm == "meta_sgd":
                found = found[0]
            return np.concatenate([np.asarray(part).ravel() for layer in found for part in layer])

    return gradient
