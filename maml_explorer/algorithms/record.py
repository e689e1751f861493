"""The parts of an algorithm. Torch-free: a record is plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Algorithm:
    """One way to train an initialization, as a variation of the one recursion.

    The recursion is in :mod:`maml_explorer.core.meta_gradient`; a record says which parts of it
    are used.
    """

    key: str
    label: str
    summary: str
    """One sentence for tooltips and the README."""
    source: str
    paper: str = ""
    """arXiv number of the paper that introduced it; "" where there is none."""
    adapts: str = "all"
    """Layers that the inner loop changes: "all", "head" (the last layer), "body" (all but the head)
    "context" (parameters beside the input or features, and no layer) or "none"."""
    second_order: bool = True
    """False drops the Hessian H_k from the backward pass."""
    outer_data: str = "query"
    """Points whose loss the outer gradient takes: "query", or "all" of the task."""
    outer_rule: str = "gradient"
    """"gradient": the outer optimizer on the mean meta-gradient; "interpolation": Reptile's."""
    step_sizes: str = ""
    """Unit that the inner loop learns beside θ: a step size per "parameter", "matrices" that the
    gradient of a layer is multiplied by, weights of the "context", or "" for none."""
    test_adapts: str = "all"
    """Layers that adapt at meta-test and in the window."""
    implicit: bool = False
    """True where the outer gradient is that of the proximal inner problem's minimum, whatever path
    led there; then no Hessian of the path is kept."""
    color: str = "#000000"
    """Okabe-Ito colour of its curves in the light theme."""
    line: str = "solid"
    """Line style beside the colour: "solid", "dash", "dot", "dashdot", "dashdotdot"."""
    marker: str = "o"
    """Marker beside the colour, in pyqtgraph's letters."""

    @property
    def has_inner_loop(self) -> bool:
        """True where training adapts to each task before it judges."""
        return self.adapts != "none"

    @property
    def interpolates(self) -> bool:
        """True where θ moves towards adapted parameters, without an outer optimizer."""
        return self.outer_rule == "interpolation"

    @property
    def has_outer_optimizer(self) -> bool:
        """True where θ follows a gradient with Adam or SGD."""
        return not self.interpolates

    @property
    def has_meta_gradient(self) -> bool:
        """True where the outer optimizer follows a gradient of the loss after an inner loop."""
        return self.has_inner_loop and not self.interpolates

    @property
    def unrolls(self) -> bool:
        """True where that gradient leads through every inner step, in first order at least."""
        return self.has_meta_gradient and not self.implicit

    @property
    def keeps_hessians(self) -> bool:
        """True where that gradient is of second order."""
        return self.unrolls and self.second_order
