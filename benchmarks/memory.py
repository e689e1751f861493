"""Prints the bytes that a few outer steps add to this process's peak resident size.

Called by `benchmarks.growth`, in a fresh process each time.
"""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import resource
import sys
from pathlib import Path

import torch

from benchmarks.peers import autograd_loop
from benchmarks.peers.torch_parts import Leaves, draw, leaves, loss
from benchmarks.problem import Problem, Trainer

STATUS = Path("/proc/self/status")
"""Where Linux says how large the process has been."""


def ours(problem: Problem, in_chunks: bool, kernels: str = "recorded") -> None:
    """Three outer steps; the first one records."""
    trainer = Trainer(problem.settings(), 1, kernels)
    if not in_chunks:
        whole = {
            name: dataclasses.replace(arm, chunk_tasks=problem.tasks)
            for name, arm in trainer.plan.arms.items()
        }
        trainer.plan = dataclasses.replace(trainer.plan, arms=whole)
    trainer(3)


def double_backward(problem: Problem) -> None:
    """Autograd through the inner loop, batched over tasks: the graph of all tasks is kept."""
    torch.set_num_threads(1)
    theta: Leaves = leaves(problem.example()[0], problem.sizes, torch.float32)
    for part in theta:
        part.requires_grad_()
    for _ in range(3):
        x, y = draw(problem)
        shots = problem.shots
        phi: Leaves = tuple(part.expand(problem.tasks, *part.shape) for part in theta)
        for _ in range(problem.steps):
            found = _batched_loss(phi, x[:, :shots], y[:, :shots])
            gradients = torch.autograd.grad(found, phi, create_graph=True)
            phi = tuple(p - problem.inner_lr * g for p, g in zip(phi, gradients, strict=True))
        total = _batched_loss(phi, x[:, shots:], y[:, shots:]) / problem.tasks
        torch.autograd.grad(total, theta)


def _batched_loss(phi: Leaves, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The sum over tasks of their mean squared errors."""
    h = x
    for index in range(0, len(phi), 2):
        h = torch.baddbmm(phi[index + 1][:, None], h, phi[index])
        if index < len(phi) - 2:
            h = torch.relu(h)
    return (h - y).square().mean((1, 2)).sum()


def warm_up() -> None:
    """What any first step brings in: kernels, thread-local buffers, autograd's engine."""
    small = Problem(tasks=2)
    ours(small, in_chunks=True)
    ours(small, in_chunks=True, kernels="compiled")
    double_backward(small)
    autograd_loop.peer(small).train(1)
    loss((torch.zeros(1, 1), torch.zeros(1)), torch.zeros(1, 1), torch.zeros(1, 1))


def peak() -> int:
    """Bytes of the largest resident size since it was set back, or of the whole process."""
    if STATUS.exists():
        line = next(one for one in STATUS.read_text().splitlines() if one.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peak_begins() -> int:
    """Bytes in use now; from here on the peak counts, where the system can set it back.

    Importing and warming up have been larger than a small gradient is, which would hide it.
    """
    gc.collect()
    if STATUS.exists():
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def main() -> None:
    way, steps, tasks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    problem = Problem("imaml" if way == "implicit" else "maml", steps=steps, tasks=tasks)
    warm_up()
    before = peak_begins()
    if way == "double backward":
        double_backward(problem)
    else:
        kernels = "compiled" if way == "compiled" else "recorded"
        ours(problem, in_chunks=way in ("trained", "compiled"), kernels=kernels)
    print(peak() - before)


if __name__ == "__main__":
    main()
