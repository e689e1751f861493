"""The whole meta-step (sampling, gradient, update) against the peers, at the paper's size.

25 tasks of 10 + 10 points, a 1-40-40-1 network, second order where the algorithm has it. Every
peer is first shown to compute our gradient, in float64. PyTorch runs on one thread, which is its
fastest here; JAX on as many as it takes, its scan on one as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.measuring import (
    Times,
    Work,
    alternate,
    figure,
    milliseconds,
    percent,
    quick_asked,
    show,
)
from benchmarks.peers import COMPARED, PEERS
from benchmarks.problem import Peer, Problem, Trainer, our_gradient
from maml_explorer.algorithms import ALGORITHMS

OURS = "MAML Explorer"
AGREEMENT = 1e-9
"""Largest difference of float64 gradients, as a part of the largest entry."""
STEPS = (1, 5)


def disagreement(problem: Problem, peer: Peer) -> float:
    """How far the peer's gradient is from ours, as a part of our largest entry."""
    example = problem.example()
    ours = our_gradient(problem, *example)
    return float(np.abs(peer.gradient(*example) - ours).max() / np.abs(ours).max())


def checked_peers(problem: Problem) -> dict[str, Peer]:
    """The peers that are installed and have the algorithm.

    Raises:
        AssertionError: where one computes another gradient than ours.
    """
    peers = {}
    for name, (installed, make) in PEERS.items():
        peer = make(problem) if installed() else None
        if peer is not None:
            apart = disagreement(problem, peer)
            if not apart < AGREEMENT:
                raise AssertionError(f"{name} is {apart:.1e} from our gradient of {problem}")
            peers[name] = peer
    return peers


def measure(problem: Problem, rounds: int, turn: float) -> dict[str, Times]:
    """Seconds per meta-step of ours and of every peer."""
    peers = checked_peers(problem)
    works: dict[str, Work] = {OURS: Trainer(problem.settings())}
    works |= {name: peer.train for name, peer in peers.items()}
    times = alternate(works, rounds, turn)
    for name, peer in peers.items():
        each = tuple(seconds / peer.steps_per_call for seconds in times[name].rounds)
        times[name] = Times(each)
    return times


def peer_row(name: str, times: Mapping[str, Times]) -> list[str]:
    """One line: how many times our time a contender takes."""
    ratio = times[name].over(times[OURS])
    return [
        name,
        figure(ratio.median),
        figure(ratio.minima),
        milliseconds(times[name].median),
        milliseconds(times[name].minimum),
        percent(times[name].spread),
    ]


def main() -> None:
    """Prints for every number of inner steps MAML in full, and all algorithms in short."""
    quick = quick_asked(__doc__)
    rounds, turn = (3, 0.02) if quick else (7, 0.15)
    missing = [name for name, (installed, _) in PEERS.items() if not installed()]
    note = f"Not installed: {', '.join(missing)} (`make peers`)." if missing else ""
    compared = [name for name, (installed, _) in PEERS.items() if installed()]
    for steps in STEPS[:1] if quick else STEPS:
        # joint training has no inner steps: once is enough
        keys = [key for key in COMPARED if key != "mtl" or steps == STEPS[0]]
        if quick:
            keys = ["maml", "anil"]
        found = {key: measure(Problem(key, steps), rounds, turn) for key in keys}
        plural = "s" * (steps > 1)
        show(
            f"One meta-step of MAML, {steps} inner step{plural}",
            ["", "× our time (median)", "× (fastest)", "median ms", "fastest ms", "± spread"],
            [peer_row(name, found["maml"]) for name in found["maml"]],
            note,
        )
        show(
            f"{steps} inner step{plural}: fastest ms of ours, as a part of MAML's, "
            "and the peers over ours",
            ["", "ours, ms", "of MAML", *(f"{name} ×" for name in compared)],
            [algorithm_row(key, found, compared) for key in keys],
            note,
        )


def algorithm_row(
    key: str, found: Mapping[str, Mapping[str, Times]], compared: Sequence[str]
) -> list[str]:
    """One line: an algorithm of ours, and how many times its time the peers take."""
    times = found[key]
    ours = times[OURS]
    peers = [figure(times[p].over(ours).minima) if p in times else "–" for p in compared]
    of_maml = figure(ours.over(found["maml"][OURS]).minima)
    return [ALGORITHMS[key].label, milliseconds(ours.minimum), of_maml, *peers]


if __name__ == "__main__":
    main()
