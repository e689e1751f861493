"""The inner loop: the adaptation path φ_0 = θ, …, φ_K, for training, probe and meta-test alike.

Layers below `start` do not adapt (the body of ANIL; all of them for MTL): their activations are
computed once per set of points and serve as the input of the adapting layers, the tail. A head
that does not adapt (BOIL) is a layer of the tail whose gradient counts as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from maml_explorer.core.gradient_map import GradientMap
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Layers, Trace

InnerData = Tensor | Sequence[Tensor]
"""[task, point, …] for all inner steps, or one per inner step, in turn."""


@dataclass(frozen=True)
class Pull:
    """The proximal term λ/2 ‖φ − θ‖² of the inner problem (iMAML)."""

    strength: Tensor
    """λ, a scalar tensor."""
    solve_steps: int
    """Conjugate-gradient steps of the outer gradient."""


@dataclass(frozen=True)
class StepSizes:
    """a_k: what each inner step multiplies the gradient by, as tensors on the run's device.

    Per inner step k one list over the tail's layers; each entry broadcasts against a layer
    [in + 1, out] (a scalar, or one value per parameter). Beyond the last given step the last one
    is used again: our rule for testing with more steps than trained, not a paper's.
    """

    steps: Sequence[Sequence[Tensor]]
    uniform: bool = True
    """True where every entry of a step is the same scalar: then H(a ⊙ v) is a · H v."""
    clip: Tensor | None = None
    """Largest norm of a gradient, a scalar tensor; None where there is none."""
    still: int = 0
    """1 where the last layer does not adapt (BOIL): its gradient counts as 0; else 0."""
    map: GradientMap | None = None
    """Linear map that the gradient goes through as well; step sizes are uniform then."""
    pull: Pull | None = None
    """The term that holds φ near θ; None where there is none."""
    batches: int = 0
    """Parts in which a support set arrives as a stream: inner step k sees part k alone, and behind
    the last part nothing is learned. 0 where every inner step sees the whole set."""

    @property
    def compiled(self) -> bool:
        """True where the compiled kernels know such inner steps."""
        return not self.still and self.pull is None and not self.batches

    def moving(self, model: Model, layers: list[Tensor]) -> list[Tensor]:
        """The same with 0 where the inner loop changes nothing; layers end the network."""
        layers = model.adapting(layers)
        if not self.still:
            return layers
        return [*layers[:-1], layers[-1].new_zeros(layers[-1].shape)]

    def at(self, k: int) -> Sequence[Tensor]:
        """The entries of inner step k."""
        return self.steps[min(k, len(self.steps) - 1)]


def clipped(gradient: Sequence[Tensor], limit: Tensor) -> tuple[list[Tensor], Tensor]:
    """(the gradient of every task scaled down to a norm of at most `limit`, by what [task, 1, 1]).

    Pascanu, Mikolov, Bengio 2013, Algorithm 1, over all layers [task, in + 1, out] together.
    """
    squares = [(layer * layer).sum((1, 2), keepdim=True) for layer in gradient]
    scale = (limit / torch.sqrt(sum(squares[1:], squares[0]))).clamp(max=1)
    return [layer * scale for layer in gradient], scale


def uniform_step_sizes(
    inner_lr: float, layer_count: int, like: Tensor, still: int = 0
) -> StepSizes:
    """α everywhere, of the dtype and on the device of `like`."""
    alpha = torch.tensor(inner_lr, dtype=like.dtype, device=like.device)
    return StepSizes(((alpha,) * layer_count,), still=still)


@dataclass(slots=True)
class Path:
    """The adaptation path of the tail's layers, batched over tasks."""

    parameters: list[Layers] = field(default_factory=list)
    """k = 0 … K: φ_k per tail layer; φ_0 shared [in + 1, out], later ones [task, in + 1, out]."""
    traces: list[Trace] = field(default_factory=list)
    """k = 0 … K−1: of the support set at φ_k."""
    gradients: list[list[Tensor]] = field(default_factory=list)
    """k = 0 … K−1: g_k per tail layer [task, in + 1, out], clipped where it is; with a map,
    c(A g_k)."""
    raw: list[list[Tensor]] = field(default_factory=list)
    """k = 0 … K−1, with a map: g_k per tail layer as it came."""
    scales: list[Tensor] = field(default_factory=list)
    """k = 0 … K−1, where gradients are clipped: what g_k was scaled down by, [task, 1, 1]."""

    def back_through_clip(self, k: int, vector: list[Tensor], limit: Tensor) -> list[Tensor]:
        """J v for the derivative J of the clipping at g_k, which is symmetric.

        c(g) = s g with s = min(1, m/‖g‖), so J = s (I − c cᵀ/m²) where g is longer than m, else I.
        """
        scale, gradient = self.scales[k], self.gradients[k]
        products = [
            (c * v).sum((1, 2), keepdim=True) for c, v in zip(gradient, vector, strict=True)
        ]
        along = sum(products[1:], products[0]) / (limit * limit) * (scale < 1)
        return [scale * (v - along * c) for c, v in zip(gradient, vector, strict=True)]

    def before_hessian(
        self,
        k: int,
        v: list[Tensor],
        sizes: StepSizes,
        model: Model,
        pulled: list[Tensor] | None = None,
    ) -> list[Tensor]:
        """Factor of H_k, Aᵀ J_k Bᵀ (a_k ⊙ v): J_k (a_k ⊙ v) where there is no map.

        Args:
            pulled: what :meth:`pulled` gave, where it is there already.
        """
        if sizes.map is not None:
            return sizes.map.into_transposed(pulled or self.pulled(k, v, sizes))
        vector = [a * w for a, w in zip(sizes.at(k), sizes.moving(model, v), strict=True)]
        return vector if sizes.clip is None else self.back_through_clip(k, vector, sizes.clip)

    def pulled(self, k: int, v: Sequence[Tensor], sizes: StepSizes) -> list[Tensor]:
        """J_k Bᵀ (α v) of a map."""
        assert sizes.map is not None
        vector = [sizes.at(k)[0] * w for w in sizes.map.out_transposed(v)]
        return vector if sizes.clip is None else self.back_through_clip(k, vector, sizes.clip)


def tail_start(model: Model, adapts: str, head_layers: int = 1) -> int:
    """The first layer that adapts, for `adapts` of an algorithm's record.

    Args:
        head_layers: layers of the head; where the network has no more, it is all of it.
    """
    head = max(0, model.depth - head_layers)
    return {"all": 0, "body": 0, "context": 0, "head": head, "none": model.depth}[adapts]


def still_layers(adapts: str) -> int:
    """Layers at the end of the network that do not adapt: see :attr:`StepSizes.still`."""
    return int(adapts == "body")


def rows_of(shots: int, features: Tensor, x: Tensor) -> int:
    """Rows of the first `shots` points in what enters the tail: a filter sees many of a point.

    Args:
        features: [task, row, in + 1], of the points of `x` [task, point, in + 1].
    """
    return shots * (features.shape[1] // x.shape[1])


def minibatches(points: Tensor, size: int) -> list[Tensor]:
    """Consecutive parts of support sets [task, shot, …], the last one smaller where it must be.

    Points are drawn independently, so consecutive ones are a random minibatch.
    """
    # slices, not torch.split: a recording knows views, not lists of them
    return [points[:, begin : begin + size] for begin in range(0, points.shape[1], size)]


def arriving(points: Tensor, batches: int) -> list[Tensor]:
    """Support sets [task, point, …] as a stream of so many parts, of equal size where they can be.

    Parts of a stream of functions do not reach over the end of a function, as each function has
    the same number of points and of parts.
    """
    return [points[:, arrival(points.shape[1], batches, nth)] for nth in range(batches)]


def arrival(points: int, batches: int, nth: int) -> slice:
    """The points of part `nth` of a stream."""
    return slice(nth * points // batches, (nth + 1) * points // batches)


def adapt(
    model: Model,
    tail: Layers,
    features: InnerData,
    targets: InnerData,
    step_sizes: StepSizes,
    steps: int,
    keep_traces: bool = True,
    keep_parameters: bool = True,
) -> Path:
    """The adaptation path φ_{k+1} = φ_k − a_k ⊙ ∇L_support(φ_k), the gradient clipped if asked for.

    With a map the gradient goes through it: see :mod:`maml_explorer.core.gradient_map`. Where there
    is a pull, λ (φ_k − θ) is part of the gradient. Of a stream step k sees its own part; where it
    is over, φ stays.

    Args:
        tail: θ of the adapting layers, shared [in + 1, out].
        features: what enters the tail, [task, point, in + 1]; or one per inner step (minibatches).
        targets: [task, point, 1]; or one per inner step.
        steps: K.
        keep_traces: False where no backward pass through the path will follow.
        keep_parameters: False where φ_K alone is needed.
    """
    path = Path(parameters=[tail])
    phi = tail
    over = 0
    if step_sizes.batches and isinstance(features, Tensor) and isinstance(targets, Tensor):
        features = arriving(features, step_sizes.batches)
        targets = arriving(targets, step_sizes.batches)
        over = max(0, steps - step_sizes.batches)
    for k in range(steps - over):
        x, y = (
            (features, targets)
            if isinstance(features, Tensor) and isinstance(targets, Tensor)
            else (features[k % len(features)], targets[k % len(targets)])
        )
        trace = model.forward(phi, x, step=k)
        delta = model.loss.gradient(model.loss.residual(trace.output, y), 1.0)
        raw = model.backward(phi, trace, delta)[0]
        mapped = step_sizes.map
        gradient = step_sizes.moving(model, raw) if mapped is None else mapped.into(raw)
        if step_sizes.pull is not None and k:
            gradient = [
                g + step_sizes.pull.strength * (layer - begin)
                for g, layer, begin in zip(gradient, phi, tail, strict=True)
            ]
        scale = None
        if step_sizes.clip is not None:
            gradient, scale = clipped(gradient, step_sizes.clip)
        if keep_traces:
            path.traces.append(trace)
            path.gradients.append(gradient)
            if scale is not None:
                path.scales.append(scale)
            if mapped is not None:
                path.raw.append(raw)
        sizes = step_sizes.at(k)
        step = gradient if mapped is None else mapped.out(gradient)
        phi = [
            layer if g is None else torch.addcmul(layer, g, a, value=-1)
            for layer, g, a in zip(phi, step, sizes, strict=True)
        ]
        if not keep_parameters:
            path.parameters.clear()
        path.parameters.append(phi)
    path.parameters += [phi] * (over if keep_parameters else 0)
    return path
