"""The peers: other ways to take the same outer steps, each written from the equations.

Nothing here is shared with the program but the layout of a flat θ, to compare gradients.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.peers import autograd_loop, func_vmap, higher_loop, jax_jit, jax_one_thread
from benchmarks.problem import Peer, Problem
from maml_explorer.algorithms import ALGORITHMS

Make = Callable[[Problem], Peer | None]
"""None where the peer has no form of the problem's algorithm."""


def _fixed(make: Make) -> Make:
    """The same for fixed step sizes alone."""
    return lambda p: None if ALGORITHMS[p.algorithm].step_sizes else make(p)


PEERS: dict[str, tuple[Callable[[], bool], Make]] = {
    "torch.func vmap": (lambda: True, _fixed(func_vmap.peer)),
    "per-task loop": (lambda: True, _fixed(autograd_loop.peer)),
    "higher": (higher_loop.installed, _fixed(higher_loop.peer)),
    "JAX jit": (jax_jit.installed, jax_jit.peer),
    "JAX jit + scan": (jax_jit.installed, jax_jit.scanned),
    "the same, 1 thread": (jax_jit.installed, jax_one_thread.scanned),
}
"""Name → (whether it can run here, how it is made)."""

COMPARED = ("maml", "fomaml", "anil", "meta_sgd", "reptile", "mtl")
"""Algorithms whose outer step is measured beside the peers'; those who have one compute it too."""
