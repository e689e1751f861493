"""JAX's scan with one thread, in a process of its own: JAX reads its flags once, at its start."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

from benchmarks.peers import jax_jit
from benchmarks.problem import Peer, Problem

FLAGS = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


class _Child:
    """Has steps taken; begun when it is first asked, it ends when nothing refers to it any more."""

    def __init__(self, problem: Problem) -> None:
        self._problem = json.dumps(dataclasses.asdict(problem))
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, steps: int) -> None:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.jax_child", self._problem],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env={**os.environ, "XLA_FLAGS": FLAGS},
            )  # fmt: skip
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != "done\n":
            raise RuntimeError("the process of JAX with one thread has ended")

    def __del__(self) -> None:
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.wait()


def scanned(problem: Problem) -> Peer:
    """The same function as that of two threads, whose gradient stands for it."""
    return Peer(jax_jit.gradient_of(problem), _Child(problem), steps_per_call=jax_jit.SCAN_STEPS)
