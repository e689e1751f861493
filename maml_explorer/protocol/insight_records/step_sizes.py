"""The learned step sizes of an arm's inner loop."""

from __future__ import annotations

from dataclasses import dataclass

from maml_explorer.protocol.commands import Array


@dataclass(frozen=True)
class StepSizesSeen:
    """Factors by which one arm's inner steps multiply the gradient; they may be negative."""

    layers: tuple[str, ...]
    """[layer] that adapts: "hidden 1" … "output"."""
    mean: Array
    """[layer, inner step]: over the layer's parameters; exact where all have one step size."""
    lowest: Array
    """[layer, inner step]"""
    highest: Array
    """[layer, inner step]"""
    negative: float
    """Share of the parameters whose step size is below 0 at some inner step."""
    each: tuple[Array, ...]
    """Per layer [in + 1, unit] those of the first inner step, the biases' last; empty where a
    layer's parameters share one."""
