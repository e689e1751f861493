"""Streams of functions: what they make of other settings. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from maml_explorer.algorithms import Algorithm
from maml_explorer.settings.declaration import SettingsError
from maml_explorer.settings.norms import NORMS

FOLLOWING = ("inner_steps", "reptile_inner_steps", "test_steps")
"""Settings that follow the length of a stream."""
MOST_STEPS = 50
"""Most inner steps of a stream, as of every inner loop."""


def stream_length(functions: int, batches: int, shots: int) -> int:
    """Inner steps of a stream: one per arriving batch.

    Args:
        functions: of the stream.
        batches: in which each function arrives.
        shots: support points of each function.

    Raises:
        SettingsError: where a batch would be empty, or the stream is too long.
    """
    if batches > shots:
        raise SettingsError(
            f"A function with {shots} shots cannot arrive in {batches} batches (batches): allowed "
            f"is from 1 to {shots}."
        )
    length = functions * batches
    if length > MOST_STEPS:
        raise SettingsError(
            f"A stream of {functions} functions in {batches} batches each has {length} inner "
            f"steps, and {MOST_STEPS} are allowed: lower functions or batches."
        )
    return length


def check_stream(norm: str, algorithms: Sequence[tuple[str, Algorithm]]) -> None:
    """Refuses what a stream cannot be learned with.

    Args:
        norm: the normalization.
        algorithms: (name, record) of each arm.

    Raises:
        SettingsError: naming what is wrong, and what is allowed.
    """
    if NORMS[norm].over == "points":
        allowed = ", ".join(key for key, one in NORMS.items() if one.over != "points")
        raise SettingsError(
            f"A stream cannot have the normalization (norm) {norm}, which looks at points that "
            f"have not arrived yet: allowed are {allowed}."
        )
    for name, algorithm in algorithms:
        if algorithm.implicit:
            raise SettingsError(
                f"Arm {name} ({algorithm.label}) needs the minimum of one support loss, and a "
                "stream has none: choose another algorithm, such as maml or anil."
            )
