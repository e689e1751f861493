"""What the peers in PyTorch share: layers as (weight, bias), the loss, tasks drawn plainly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchmarks.problem import Array, Peer, Problem

Leaves = tuple[Tensor, ...]
"""Weight [in, out] and bias [out] of every layer, in turn."""


def leaves(theta: Array, sizes: Sequence[int], dtype: torch.dtype) -> Leaves:
    """From a flat θ: per layer the weight's rows, then the bias."""
    found, start = [], 0
    for rows, columns in itertools.pairwise(sizes):
        for shape in ((rows, columns), (columns,)):
            end = start + math.prod(shape)
            found.append(torch.tensor(theta[start:end], dtype=dtype).view(shape))
            start = end
    return tuple(found)


def flat(parts: Sequence[Tensor]) -> Array:
    """The way back."""
    return torch.cat([part.detach().reshape(-1) for part in parts]).double().numpy()


def predict(parameters: Sequence[Tensor], x: Tensor, last_active: bool = False) -> Tensor:
    """The network's output for x [point, in]."""
    h, layers = x, len(parameters) // 2
    for index in range(layers):
        h = torch.addmm(parameters[2 * index + 1], h, parameters[2 * index])
        if index < layers - 1 or last_active:
            h = torch.relu(h)
    return h


def loss(parameters: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Mean squared error over points."""
    return (predict(parameters, x) - y).square().mean()


def draw(problem: Problem, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """x and y [task, point, 1] of new tasks."""
    count, points = problem.tasks, problem.shots + problem.queries
    amplitude = torch.empty(count, 1, 1, dtype=dtype).uniform_(0.1, 5.0)
    phase = torch.empty(count, 1, 1, dtype=dtype).uniform_(0.0, math.pi)
    x = torch.empty(count, points, 1, dtype=dtype).uniform_(-5.0, 5.0)
    return x, amplitude * torch.sin(x - phase)


Rule = Callable[[Leaves, Tensor, Tensor], Sequence[Tensor]]
"""(θ, x and y [task, point, 1]) → the outer gradient; for Reptile mean(θ − φ)."""


def torch_peer(problem: Problem, rule: Rule, needs_grad: bool) -> Peer:
    """A peer from its outer gradient: plain sampling before it, torch's fused Adam after it."""

    def gradient(theta: Array, x: Array, y: Array) -> Array:
        parameters = leaves(theta, problem.sizes, torch.float64)
        for part in parameters:
            part.requires_grad_(needs_grad)
        return flat(rule(parameters, torch.tensor(x)[..., None], torch.tensor(y)[..., None]))

    parameters = leaves(problem.example()[0], problem.sizes, torch.float32)
    for part in parameters:
        part.requires_grad_(needs_grad)
    optimizer = torch.optim.Adam(parameters, lr=problem.outer_lr, fused=True)

    def train(steps: int) -> None:
        torch.set_num_threads(1)
        for _ in range(steps):
            found = rule(parameters, *draw(problem))
            with torch.no_grad():
                if problem.algorithm == "reptile":
                    for part, moved in zip(parameters, found, strict=True):
                        part.sub_(moved, alpha=problem.reptile_step)
                    continue
            for part, value in zip(parameters, found, strict=True):
                part.grad = value
            optimizer.step()

    return Peer(gradient, train)


def minibatches(problem: Problem) -> list[slice]:
    """The support points of Reptile's inner steps, one slice a step."""
    size, shots = min(problem.minibatch, problem.shots), problem.shots
    parts = [slice(begin, min(begin + size, shots)) for begin in range(0, shots, size)]
    return [parts[k % len(parts)] for k in range(max(1, problem.steps))]
