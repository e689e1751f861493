"""A stream of functions as the window shows it, and what every arm makes of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from maml_explorer.late_dataclass import dataclass

Array = NDArray[np.float64]


@dataclass(frozen=True)
class StreamTask:
    """A stream of functions whose learning the window shows. Successive ones coalesce.

    Answered by `StreamProbed` at once, and again after outer steps while training. The functions
    and their points follow from the seed and the settings in force.
    """

    seed: int


@dataclass(frozen=True)
class StreamArmProbe:
    """One arm along a stream, after 0 … K batches have arrived. Diverged values are NaN."""

    curves: Array
    """[batches arrived, function, grid point]"""
    error: Array
    """[batches arrived, function]: mean squared error on each function's query points."""


@dataclass(frozen=True)
class StreamProbed:
    """The answer to `StreamTask`: the stream, and what every arm makes of it now."""

    run: int
    outer_step: int
    probe: StreamTask
    support_x: Array
    """[function, point], in the order in which they arrive"""
    support_y: Array
    """[function, point]"""
    grid: Array
    """[grid point]"""
    truth: Array
    """[function, grid point]"""
    batches: int
    """Batches in which the points of each function arrive."""
    arms: Mapping[str, StreamArmProbe]


@dataclass(frozen=True)
class WatchStreams:
    """Further streams, answered beside the one that is shown; none ends it.

    Answered by `StreamsWatched`, now and after outer steps while training.
    """

    tasks: tuple[StreamTask, ...]


@dataclass(frozen=True)
class StreamsWatched:
    """The answer to `WatchStreams`."""

    run: int
    outer_step: int
    watch: WatchStreams
    tasks: tuple[StreamProbed, ...]
    """[task]"""
