"""Takes as many steps of JAX's scan as each line of its input says.

Called by `benchmarks.peers.jax_one_thread`, with the flags of JAX in its environment.
"""

from __future__ import annotations

import json
import sys

from benchmarks.peers import jax_jit
from benchmarks.problem import Problem


def main() -> None:
    """Answers each line when its steps are done."""
    values = json.loads(sys.argv[1])
    peer = jax_jit.scanned(Problem(**{**values, "hidden": tuple(values["hidden"])}))
    for line in sys.stdin:
        peer.train(int(line))
        print("done", flush=True)


if __name__ == "__main__":
    main()
