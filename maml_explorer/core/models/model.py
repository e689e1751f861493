"""The parts of a network that the recursion needs, whatever is inside.

A model holds no parameters. θ is a flat vector; :meth:`Model.layers` gives it as one matrix per
layer, [rows, out], or [task, rows, out] once it has adapted. Inner steps, step sizes, clipping and
the outer gradient act on that list, so a model adds three passes: forward, backward and the
Hessian-vector product.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from maml_explorer.core.losses import Loss
from maml_explorer.core.models.trace import Layers, Trace


class Model(Protocol):
    """A network as training, meta-test and probes take it; hashable, as recordings are kept by it.

    A stack is a list of consecutive layers: the body, the tail that adapts, or all.
    """

    @property
    def loss(self) -> Loss:
        """The loss that its outputs are trained with."""

    @property
    def norm(self) -> str:
        """A name of :data:`maml_explorer.settings.norms.NORMS`."""

    @property
    def skip(self) -> bool:
        """True where connections skip layers."""

    @property
    def replays(self) -> bool:
        """True where its passes can be recorded and run again."""

    @property
    def kept_per_point(self) -> int:
        """Numbers that a pass keeps of a point, about."""

    @property
    def training(self) -> Model:
        """The network as it is trained: with the statistics that a norm trains with."""

    @property
    def current(self) -> Model:
        """The network with the statistics of the points given, whatever is stored."""

    @property
    def smooth(self) -> bool:
        """True where it is differentiable twice at every point."""

    @property
    def by_points(self) -> bool:
        """True where a prediction depends on the points it is made together with."""

    @property
    def by_step(self) -> bool:
        """True where the same parameters mean another function at another inner step."""

    @property
    def depth(self) -> int:
        """Number of layers."""

    @property
    def inputs(self) -> int:
        """Numbers of an input, without the column of ones."""

    @property
    def outputs(self) -> int:
        """Numbers of an output."""

    @property
    def fan_in(self) -> tuple[int, ...]:
        """Per layer the rows of its matrix above the bias."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Per layer the rows that a point has in it: 1, or the places of its picture."""

    @property
    def filter_places(self) -> tuple[int, ...]:
        """Per layer the places of a picture that a filter sees, 1 where it is none.

        0 where its parameters are no weight above a bias.
        """

    @property
    def matrices(self) -> list[tuple[int, int]]:
        """Per layer (rows, out) of what adapts: weights and biases."""

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Per layer (rows, out), the rows of a norm included."""

    @property
    def parameter_count(self) -> int:
        """Length of θ."""

    def layers(self, flat: Tensor) -> list[Tensor]:
        """Views [rows, out] into a vector that begins with θ."""

    def initialize(self, how: str, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        """A fresh θ_0 [parameter], drawn on the CPU."""

    def adapting(self, layers: list[Tensor]) -> list[Tensor]:
        """The same with 0 where the inner loop changes nothing; layers end the network."""

    def trained(self, layers: list[Tensor]) -> list[Tensor]:
        """The same with 0 where no gradient leads."""

    def forward(
        self,
        layers: Layers,
        x: Tensor,
        activate_last: bool = False,
        *,
        step: int = 0,
        shots: int | None = None,
    ) -> Trace:
        """The forward pass of a stack on [task, point, in + 1]; see :meth:`.mlp.Mlp.forward`."""

    def backward(
        self,
        layers: Layers,
        trace: Trace,
        delta: Tensor,
        *,
        sum_tasks: bool = False,
        to_input: bool = False,
    ) -> tuple[list[Tensor], Tensor | None]:
        """The gradient by the layers, and by the input where asked for."""

    def hessian_vector_product(
        self,
        layers: Layers,
        trace: Trace,
        vector: Layers,
        *,
        sum_tasks: bool = False,
        to_input: bool = False,
    ) -> tuple[list[Tensor], Tensor | None]:
        """H V of the mean loss per task where the trace was taken; as :meth:`backward`."""
