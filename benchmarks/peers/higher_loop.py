"""The library higher (Grefenstette et al. 2019): a differentiable SGD per task."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmarks.peers.torch_parts import Leaves, torch_peer
from benchmarks.problem import Peer, Problem


def installed() -> bool:
    return importlib.util.find_spec("higher") is not None


def peer(problem: Problem) -> Peer | None:
    """MAML, FO-MAML and ANIL: the others have no differentiable inner loop."""
    if problem.algorithm not in ("maml", "fomaml", "anil"):
        return None
    import higher

    shots, first_order = problem.shots, problem.algorithm == "fomaml"

    def rule(theta: Leaves, x: Tensor, y: Tensor) -> Sequence[Tensor]:
        model = _network(theta)
        head = list(model[-1].parameters())
        adapting = head if problem.algorithm == "anil" else list(model.parameters())
        total = [torch.zeros_like(p) for p in model.parameters()]
        for a, b in zip(x, y, strict=True):
            optimizer = torch.optim.SGD(adapting, lr=problem.inner_lr)
            with higher.innerloop_ctx(
                model, optimizer, copy_initial_weights=False, track_higher_grads=not first_order
            ) as (network, descent):
                for _ in range(problem.steps):
                    descent.step((network(a[:shots]) - b[:shots]).square().mean())
                found = (network(a[shots:]) - b[shots:]).square().mean()
                if first_order:
                    by = list(network.parameters())
                else:
                    by = list(network.parameters(time=0))
                for into, value in zip(total, torch.autograd.grad(found, by), strict=True):
                    into.add_(value, alpha=1 / problem.tasks)
        # a linear layer keeps its weight as [out, in]
        return [part.t().contiguous() if part.dim() == 2 else part for part in total]

    return torch_peer(problem, rule, needs_grad=True)


def _network(theta: Leaves) -> nn.Sequential:
    """A fresh module that holds θ: a few microseconds beside the milliseconds of a task."""
    parts: list[nn.Module] = []
    for weight, bias in zip(theta[::2], theta[1::2], strict=True):
        if parts:
            parts.append(nn.ReLU())
        layer = nn.Linear(*weight.shape, device="meta", dtype=weight.dtype)
        layer.weight = nn.Parameter(weight.detach().t())
        layer.bias = nn.Parameter(bias.detach())
        parts.append(layer)
    return nn.Sequential(*parts)
