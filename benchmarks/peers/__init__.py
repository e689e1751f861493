"""The peers: other ways to take the same outer steps, each written from the equations.

Nothing here is shared with the program but the layout of a flat θ, to compare gradients.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.peers import autograd_loop, func_vmap, higher_loop, jax_jit
from benchmarks.problem import Peer, Problem

Make = Callable[[Problem], Peer | None]
"""None where the peer has no form of the problem's algorithm."""

PEERS: dict[str, tuple[Callable[[], bool], Make]] = {
    "torch.func vmap": (lambda: True, func_vmap.peer),
    "per-task loop": (lambda: True, autograd_loop.peer),
    "higher": (higher_loop.installed, higher_loop.peer),
    "JAX jit": (jax_jit.installed, jax_jit.peer),
    "JAX jit + scan": (jax_jit.installed, jax_jit.scanned),
}
"""Name → (whether it can run here, how it is made)."""
