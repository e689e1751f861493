"""Statistics that a norm sees along the adaptation."""

from __future__ import annotations

from maml_explorer.late_dataclass import dataclass
from maml_explorer.protocol.commands import Array

SETS = ("support", "query")
"""The axis [set]."""


@dataclass(frozen=True)
class NormLayer:
    """One hidden layer: statistics of its z over the points of a set, averaged over tasks."""

    mean: Array
    """[set, inner step 0 … K, unit]"""
    variance: Array
    """[set, inner step, unit]"""
    stored_mean: Array
    """[inner step, unit]: the running average used there; empty where none is stored."""
    stored_variance: Array
    """[inner step, unit]: the running variance; empty where none is stored."""
    gap: Array
    """[set, inner step]: distance of stored means from current ones, in standard deviations;
    empty where none are stored."""


@dataclass(frozen=True)
class NormSeen:
    """One arm's hidden layers on some held-out tasks."""

    norm: str
    """The setting."""
    words: str
    """Words: the statistics that normalize the network at meta-test."""
    layers: tuple[NormLayer, ...]
    """From the first hidden layer to the last."""
    current_error: Array
    """[inner step]: mean query MSE where every set is normalized by its own statistics."""
    stored_error: Array
    """[inner step]: the same by stored ones; empty where none are stored."""
    tasks: int
    diverged: int
    """Tasks left out."""
