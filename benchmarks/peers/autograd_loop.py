"""A loop over tasks with torch.autograd.grad, as most repositories write it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmarks.peers.torch_parts import Leaves, loss, minibatches, predict, torch_peer
from benchmarks.problem import Peer, Problem


def peer(problem: Problem) -> Peer:
    """Every algorithm."""
    shots, alpha, algorithm = problem.shots, problem.inner_lr, problem.algorithm

    def descend(phi: Leaves, x: Tensor, y: Tensor, create_graph: bool) -> Leaves:
        found = torch.autograd.grad(loss(phi, x, y), phi, create_graph=create_graph)
        return tuple(p - alpha * g for p, g in zip(phi, found, strict=True))

    def task_loss(theta: Leaves, x: Tensor, y: Tensor) -> Tensor:
        fixed, phi = (theta[:-2], theta[-2:]) if algorithm == "anil" else ((), theta)
        features = predict(fixed, x, last_active=True) if fixed else x
        for _ in range(problem.steps):
            phi = descend(phi, features[:shots], y[:shots], create_graph=algorithm != "fomaml")
        return loss(phi, features[shots:], y[shots:])

    def moved(theta: Leaves, x: Tensor, y: Tensor) -> list[Tensor]:
        phi: Leaves = theta
        for part in minibatches(problem):
            phi = tuple(p.detach().requires_grad_() for p in phi)
            phi = descend(phi, x[part], y[part], create_graph=False)
        return [(t - p).detach() for t, p in zip(theta, phi, strict=True)]

    def rule(theta: Leaves, x: Tensor, y: Tensor) -> Sequence[Tensor]:
        if algorithm == "mtl":  # one network for all tasks: there is nothing to loop over
            return torch.autograd.grad(loss(theta, x.reshape(-1, 1), y.reshape(-1, 1)), theta)
        if algorithm == "reptile":
            each = [moved(theta, a, b) for a, b in zip(x, y, strict=True)]
            return [torch.stack(parts).mean(0) for parts in zip(*each, strict=True)]
        total = torch.stack([task_loss(theta, a, b) for a, b in zip(x, y, strict=True)]).mean()
        return torch.autograd.grad(total, theta)

    return torch_peer(problem, rule, needs_grad=True)
