"""torch.func: the gradient of the mean of vmapped task losses."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import grad, vmap

from benchmarks.peers.torch_parts import Leaves, loss, minibatches, predict, torch_peer
from benchmarks.problem import Peer, Problem


def peer(problem: Problem) -> Peer:
    """Every algorithm."""
    shots, alpha = problem.shots, problem.inner_lr

    def after_adaptation(theta: Leaves, x: Tensor, y: Tensor) -> Tensor:
        fixed, phi = (theta[:-2], theta[-2:]) if problem.algorithm == "anil" else ((), theta)
        features = predict(fixed, x, last_active=True) if fixed else x
        for _ in range(problem.steps):
            gradients = grad(loss)(phi, features[:shots], y[:shots])
            if problem.algorithm == "fomaml":
                gradients = tuple(g.detach() for g in gradients)
            phi = tuple(p - alpha * g for p, g in zip(phi, gradients, strict=True))
        return loss(phi, features[shots:], y[shots:])

    def mean_loss(theta: Leaves, x: Tensor, y: Tensor) -> Tensor:
        if problem.algorithm == "mtl":
            return loss(theta, x.reshape(-1, 1), y.reshape(-1, 1))
        return vmap(after_adaptation, in_dims=(None, 0, 0))(theta, x, y).mean()

    def moved(theta: Leaves, x: Tensor, y: Tensor) -> Leaves:
        phi = theta
        for part in minibatches(problem):
            gradients = grad(loss)(phi, x[part], y[part])
            phi = tuple(p - alpha * g for p, g in zip(phi, gradients, strict=True))
        return tuple(t - p for t, p in zip(theta, phi, strict=True))

    def rule(theta: Leaves, x: Tensor, y: Tensor) -> Leaves:
        with torch.no_grad():
            if problem.algorithm == "reptile":
                each = vmap(moved, in_dims=(None, 0, 0))(theta, x, y)
                return tuple(part.mean(0) for part in each)
            return grad(mean_loss)(theta, x, y)

    return torch_peer(problem, rule, needs_grad=False)
