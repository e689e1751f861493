"""Any `nn.Module` as a model, by torch.func, for what has no closed form here.

It has the three passes of :class:`.model.Model`, batched over tasks by `vmap`:

    backward                  the vector-Jacobian product of the outputs
    Hessian-vector product    the gradient of s = ⟨J(φ)ᵀ δ, V⟩ by φ, and J(φ)ᵀ Rδ, where Rδ is the
                              curvature of the loss times J V = ∂s/∂δ

so every algorithm and every trick that acts on layers works on it. An `nn.Sequential` has a layer
per child with parameters, the children without belonging to the one before them; any other module
is one layer. A layer's parameters lie in one column [number, 1], those that the inner loop leaves
alone last. It is not recorded, and takes two to six times as long as a closed form.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, replace_all_batch_norm_modules_, vjp, vmap

from maml_explorer.core.families.batch import with_ones
from maml_explorer.core.losses import Loss
from maml_explorer.core.models.trace import Layers, Trace

_KINKED = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.Hardtanh, nn.MaxPool1d, nn.MaxPool2d)
_BY_POINTS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

Passed = Callable[[Sequence[Tensor], Tensor], Tensor]
"""(a column per layer, inputs [point, in + 1] of one task) → outputs [point, out]."""


@dataclass(frozen=True, eq=False)
class ModuleLayer:
    """One layer: a module, and the order of its parameters in the column."""

    module: nn.Module
    names: tuple[str, ...]
    """Of its parameters; those that adapt come first."""
    adapts: int
    """Numbers of the column that adapt."""
    shape: tuple[int, ...]
    """Of its input for one point."""
    kept: int
    """Numbers of its output for one point."""

    @property
    def count(self) -> int:
        """Length of the column."""
        return sum(p.numel() for p in self.module.parameters())

    def at(self, column: Tensor, x: Tensor) -> Tensor:
        """Outputs [point, …] with the parameters of a column [number, 1]."""
        state = {name: buffer.to(x) for name, buffer in self.module.named_buffers()}
        start = 0
        for name in self.names:
            like = self.module.get_parameter(name)
            state[name] = column[start : start + like.numel(), 0].view(like.shape)
            start += like.numel()
        found: Tensor = functional_call(self.module, state, (x.reshape(len(x), *self.shape),))
        return found


@dataclass(frozen=True, eq=False)
class Functional:
    """A module as the recursion takes it; made by :func:`functional`. θ_0 is what it holds."""

    stages: tuple[ModuleLayer, ...]
    inputs: int
    outputs: int
    loss: Loss
    by_points: bool
    smooth: bool
    norm: str = "none"
    """Of the table of norms: its own norms are part of the module."""
    skip: bool = False
    by_step: bool = False
    replays: bool = False

    @property
    def training(self) -> Functional:
        """The same."""
        return self

    @property
    def current(self) -> Functional:
        """The same."""
        return self

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.stages)

    @property
    def fan_in(self) -> tuple[int, ...]:
        """Per layer the numbers that adapt, but one, as if that were a bias."""
        return tuple(stage.adapts - 1 for stage in self.stages)

    @property
    def rows(self) -> tuple[int, ...]:
        """One row a point."""
        return (1,) * self.depth

    @property
    def filter_places(self) -> tuple[int, ...]:
        """0 each: its columns are no matrices."""
        return (0,) * self.depth

    @property
    def matrices(self) -> list[tuple[int, int]]:
        """Per layer (numbers that adapt, 1)."""
        return [(stage.adapts, 1) for stage in self.stages]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Per layer (numbers, 1)."""
        return [(stage.count, 1) for stage in self.stages]

    @property
    def parameter_count(self) -> int:
        """Length of θ."""
        return sum(stage.count for stage in self.stages)

    @property
    def kept_per_point(self) -> int:
        """Numbers that its layers hand on of a point."""
        return self.inputs + sum(stage.kept for stage in self.stages)

    def layers(self, flat: Tensor) -> list[Tensor]:
        """Views [number, 1] into a vector that begins with θ."""
        ends = list(itertools.accumulate((stage.count for stage in self.stages), initial=0))
        return [flat[a:b].view(-1, 1) for a, b in itertools.pairwise(ends)]

    def initialize(self, how: str, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        """θ_0: the parameters of the module, whatever way to draw them is set."""
        parts = [
            stage.module.get_parameter(name).detach().reshape(-1)
            for stage in self.stages
            for name in stage.names
        ]
        return torch.cat(parts).to(dtype)

    def adapting(self, layers: list[Tensor]) -> list[Tensor]:
        """The same with 0 where the inner loop changes nothing; layers end the network."""
        return [
            layer if stage.adapts == stage.count else _first(layer, stage.adapts)
            for stage, layer in zip(self.stages[-len(layers) :], layers, strict=True)
        ]

    def trained(self, layers: list[Tensor]) -> list[Tensor]:
        """The same: all is trained."""
        return layers

    def forward(
        self,
        layers: Layers,
        x: Tensor,
        activate_last: bool = False,
        *,
        step: int = 0,
        shots: int | None = None,
    ) -> Trace:
        """The forward pass of a stack; with `shots` support and query set pass apart."""
        first = 0 if activate_last else self.depth - len(layers)
        trace = Trace(first=first, inputs=[x], shots=shots if self.by_points else None)
        if not layers:
            trace.output = x
            return trace
        dims = _dims(layers)
        parts = [vmap(self._of(trace, layers), (dims, 0))(list(layers), s) for s in _sets(trace)]
        output = torch.cat(parts, 1) if len(parts) > 1 else parts[0]
        trace.output = with_ones(output) if activate_last else output
        return trace

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
        trace.deltas = [delta]
        pull = vmap(self._pull(trace, layers), (_dims(layers), 0, 0))
        found = [
            pull(list(layers), x, d)
            for x, d in zip(_sets(trace), _parts(trace, delta), strict=True)
        ]
        return _joined(found, sum_tasks, to_input)

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
        (delta,), x, dims = trace.deltas, trace.inputs[0], _dims(layers)
        pull = self._pull(trace, layers)

        def along(phi: list[Tensor], v: list[Tensor], x: Tensor, delta: Tensor) -> Any:
            def product(phi: list[Tensor], x: Tensor, delta: Tensor) -> Tensor:
                columns, _ = pull(phi, x, delta)
                return torch.stack(
                    [(column * w).sum() for column, w in zip(columns, v, strict=True)]
                ).sum()

            return grad(product, argnums=(0, 1, 2))(phi, x, delta)

        every = vmap(along, (dims, _dims(vector), 0, 0))
        *bent, r_output = every(list(layers), list(vector), x, delta)
        r_delta = self.loss.curvature(trace.output, r_output)
        pulled = vmap(pull, (dims, 0, 0))(list(layers), x, r_delta)
        gradients = [a + b for a, b in zip(bent[0], pulled[0], strict=True)]
        return _joined([(gradients, bent[1] + pulled[1])], sum_tasks, to_input)

    def _of(self, trace: Trace, layers: Layers) -> Passed:
        """The stack as a function of one task."""
        stages = self.stages[trace.first : trace.first + len(layers)]

        def passed(columns: Sequence[Tensor], x: Tensor) -> Tensor:
            h = x[..., :-1]
            for stage, column in zip(stages, columns, strict=True):
                h = stage.at(column, h)
            return h.reshape(len(h), -1)

        return passed

    def _pull(self, trace: Trace, layers: Layers) -> Callable[..., Any]:
        """(columns, x, δ) of one task → Jᵀ δ by columns and by x."""
        passed = self._of(trace, layers)
        return lambda columns, x, delta: vjp(passed, columns, x)[1](delta)


def functional(
    module: nn.Module,
    inputs: int,
    loss: Loss,
    *,
    held: Collection[str] = (),
) -> Functional:
    """A copy of a module as a model.

    Batch norms take the statistics of the points given, and dropout is off, as vmap asks for.

    Args:
        module: takes [point, in], or begins with an `nn.Unflatten`; returns [point, out].
        inputs: numbers of an input.
        loss: that its outputs are trained with.
        held: names of parameters that the inner loop leaves alone, as `named_parameters` has them.

    Raises:
        ValueError: where a name is not one of its parameters, or it has none.
    """
    names = {name for name, _ in module.named_parameters()}
    unknown = sorted(set(held) - names)
    if unknown:
        raise ValueError(f"The module has no parameter {unknown[0]!r}: held may name {names}.")
    if not names:
        raise ValueError("The module has no parameters, so there is nothing to learn.")
    own = copy.deepcopy(module)
    replace_all_batch_norm_modules_(own)
    own.eval()
    h = next(own.parameters()).new_zeros(2, inputs)
    stages = []
    with torch.no_grad():
        for begin, part in _staged(own):
            shape, made = tuple(h.shape[1:]), part(h)
            own_names = [name for name, _ in part.named_parameters()]
            kept_back = [name for name in own_names if _whole_name(own, begin, name) in held]
            moving = [name for name in own_names if name not in kept_back]
            adapts = sum(part.get_parameter(name).numel() for name in moving)
            kept = made[0].numel()
            stages.append(ModuleLayer(part, (*moving, *kept_back), adapts, shape, kept))
            h = made
    kinds = list(own.modules())
    return Functional(
        tuple(stages),
        inputs,
        h[0].numel(),
        loss,
        by_points=any(isinstance(one, _BY_POINTS) for one in kinds),
        smooth=not any(isinstance(one, _KINKED) for one in kinds),
    )


def _staged(module: nn.Module) -> list[tuple[int, nn.Module]]:
    """(place of its first child, module) of every layer; an `nn.Sequential` is cut into them."""
    if type(module) is not nn.Sequential:
        return [(0, module)]
    children = list(module)
    begins = [n for n, child in enumerate(children) if any(True for _ in child.parameters())]
    starts = [0, *begins[1:]]
    ends = [*begins[1:], len(children)]
    return [(a, nn.Sequential(*children[a:b])) for a, b in zip(starts, ends, strict=True)]


def _whole_name(module: nn.Module, begin: int, name: str) -> str:
    """A parameter's name in the whole module."""
    if type(module) is not nn.Sequential:
        return name
    place, _, rest = name.partition(".")
    return f"{begin + int(place)}.{rest}"


def _dims(layers: Layers) -> list[int | None]:
    """Axis of the tasks per layer; None where they share it."""
    return [0 if layer.dim() == 3 else None for layer in layers]


def _sets(trace: Trace) -> list[Tensor]:
    """The inputs of the trace, support and query set apart where they pass apart."""
    return _parts(trace, trace.inputs[0])


def _parts(trace: Trace, values: Tensor) -> list[Tensor]:
    if trace.shots is None:
        return [values]
    return [values[:, : trace.shots], values[:, trace.shots :]]


def _joined(
    found: Sequence[Any], sum_tasks: bool, to_input: bool
) -> tuple[list[Tensor], Tensor | None]:
    """Gradients of sets that passed apart, as one."""
    gradients = [sum(parts[1:], parts[0]) for parts in zip(*(g for g, _ in found), strict=True)]
    if sum_tasks:
        gradients = [gradient.sum(0) for gradient in gradients]
    upward = torch.cat([x[..., :-1] for _, x in found], 1) if to_input else None
    return gradients, upward


def _first(layer: Tensor, count: int) -> Tensor:
    missing = layer.shape[-2] - count
    return torch.nn.functional.pad(layer[..., :count, :], (0, 0, 0, missing))
