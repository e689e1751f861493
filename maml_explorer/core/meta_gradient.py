"""The outer gradient of every algorithm: an adaptation path and its adjoint.

    forward    φ_0 = θ                     φ_{k+1} = φ_k − a_k ⊙ g_k
    backward   v_K = w_K ∇L_query(φ_K)     v_k = v_{k+1} − H_k (a_k ⊙ v_{k+1}) + w_k ∇L_query(φ_k)
    result     ∂L/∂θ = v_0                 ∂L/∂a_k = − g_k ⊙ v_{k+1}

averaged over the tasks. Where g_k is clipped, c(g_k) takes its place and H_k J_k (a_k ⊙ v) that of
H_k (a_k ⊙ v), J_k the derivative of c; with a learned map of the gradient, that of
:mod:`maml_explorer.core.gradient_map`. Dropping H_k gives first order. No autograd graph is kept;
memory is one φ_k and its activations per inner step. Layers below the tail do not adapt: what
reaches their output, from the query loss and from the Hessian terms, is summed over k and goes
through them once. Of a stream g_k and H_k are those of part k of the support set alone.

Source: Finn, Abbeel, Levine 2017, section 2.2; Pearlmutter 1994 for H v.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maml_explorer.core.adaptation import Path, StepSizes, adapt, rows_of
from maml_explorer.core.models.model import Model
from maml_explorer.core.models.trace import Layers, Trace
from maml_explorer.core.running_statistics import seen


@dataclass(frozen=True)
class InnerLoop:
    """Inner loop of one arm, and what of it the outer gradient keeps."""

    start: int
    """First layer that adapts; the depth of the network where none does."""
    steps: int
    """K."""
    step_sizes: StepSizes
    second_order: bool
    query_weights: Sequence[float | Tensor]
    """w_0 … w_K of the query loss after each inner step; (0, …, 0, 1) is the usual loss. A scalar
    tensor is a weight that may change between runs of a recording, and is not 0."""
    learned_step_sizes: bool = False


@dataclass(frozen=True)
class MetaGradient:
    """The outer gradient, averaged over tasks, with the losses seen on the way."""

    gradient: list[Tensor]
    """Per layer [in + 1, out]."""
    support_before: Tensor
    """Scalar: the loss of the support set at θ, summed over tasks and points."""
    query_after: Tensor
    """Scalar: the same of the query set at φ_K."""
    moments: Tensor | None = None
    """[parameter]: see :func:`maml_explorer.core.running_statistics.seen`."""
    step_sizes: list[list[Tensor]] | None = None
    """Per inner step and tail layer ∂L/∂a_k [in + 1, out], where asked for; with a map, its
    parts."""
    solution: Tensor | None = None
    """[2]: see :attr:`maml_explorer.core.implicit_gradient.Solution.figures`."""


def meta_gradient(
    model: Model,
    layers: Layers,
    x: Tensor,
    y: Tensor,
    shots: int,
    inner: InnerLoop,
    total_tasks: int | None = None,
) -> MetaGradient:
    """The gradient of the mean query loss after adaptation, by θ.

    Args:
        layers: θ per layer [in + 1, out].
        x: [task, point, in + 1] with its column of ones; the first `shots` points are the
            support set, the others the query set.
        y: [task, point, output].
        total_tasks: the divisor of the mean, where these tasks are a chunk of a larger batch.
    """
    tasks = total_tasks or x.shape[0]
    start, steps = inner.start, inner.steps
    head = layers[start:]
    body = model.forward(layers[:start], x, activate_last=True, shots=shots) if start else None
    features = x if body is None else body.output
    cut = rows_of(shots, features, x)
    support_x, query_x = features[:, :cut], features[:, cut:]
    support_y, query_y = y[:, :shots], y[:, shots:]

    path = adapt(model, head, support_x, support_y, inner.step_sizes, steps)
    correct = inner.second_order and steps > 0
    adjoint = _Adjoint(model, inner, path, query_x, query_y, tasks, body is not None)
    total, upward_support, upward_query = adjoint.run(correct)

    if body is None:
        gradient = total
    else:
        upward = features.new_zeros(x.shape[0], features.shape[1], features.shape[2] - 1)
        if upward_support is not None:
            upward[:, :cut] = upward_support
        if upward_query is not None:
            upward[:, cut:] = upward_query
        below, _ = model.backward(layers[:start], body, upward, sum_tasks=True)
        gradient = below + total
    loss = model.loss
    whole = steps and not inner.step_sizes.batches
    at_theta = path.traces[0].output if whole else model.forward(head, support_x).output
    residual = loss.residual(at_theta, support_y)
    return MetaGradient(
        gradient=gradient,
        support_before=loss.total(at_theta, support_y, residual),
        query_after=adjoint.query_after,
        moments=seen(model, body, [*path.traces, adjoint.query_trace], tasks, shots),
        step_sizes=adjoint.step_size_gradients if inner.learned_step_sizes else None,
    )


class _Adjoint:
    """The backward recursion over an adaptation path, for the tail's layers."""

    def __init__(
        self,
        model: Model,
        inner: InnerLoop,
        path: Path,
        query_x: Tensor,
        query_y: Tensor,
        tasks: int,
        has_body: bool,
    ) -> None:
        self.model, self.inner, self.path = model, inner, path
        self.query_x, self.query_y, self.tasks = query_x, query_y, tasks
        self.has_body = has_body
        self.query_after = query_y.new_zeros(())
        self.query_trace = Trace()
        self.step_size_gradients: list[list[Tensor]] = []

    def run(self, correct: bool) -> tuple[list[Tensor], Tensor | None, Tensor | None]:
        """v_0 summed over tasks, and what reaches the tail's input on support and query points."""
        inner = self.inner
        # v_{k+1} is needed task by task only where it is multiplied by a Hessian or by g_k
        per_task = correct or inner.learned_step_sizes
        v: list[Tensor] | None = None
        upward_support: Tensor | None = None
        upward_query: Tensor | None = None
        batches, arrived = inner.step_sizes.batches, list[Tensor]()
        for k in range(inner.steps, -1, -1):
            last = k == 0
            if k < inner.steps and v is not None:
                mapped = correct and inner.step_sizes.map is not None
                pulled = self.path.pulled(k, v, inner.step_sizes) if mapped else None
                if inner.learned_step_sizes:
                    self.step_size_gradients.insert(0, self._by_learned(k, v, pulled))
                if correct:
                    v, up = self._through_step(k, v, pulled, sum_tasks=last)
                    if batches and up is not None:  # every step has its own part of the stream
                        arrived.insert(0, up)
                    else:
                        upward_support = _plus(upward_support, up)
                elif last and per_task:
                    v = [w.sum(0) for w in v]
            weight = inner.query_weights[k]
            if isinstance(weight, Tensor) or weight or k == inner.steps:
                summed = last or not per_task
                gradient, up = self._query(k, weight, summed)
                upward_query = _plus(upward_query, up)
                v = gradient if v is None else [a.add_(b) for a, b in zip(v, gradient, strict=True)]
        assert v is not None
        return v, torch.cat(arrived, 1) if arrived else upward_support, upward_query

    def _by_learned(self, k: int, v: list[Tensor], pulled: list[Tensor] | None) -> list[Tensor]:
        """∂L/∂a_k = − g_k ⊙ v_{k+1} per layer, or that by what a map has learned."""
        sizes, path = self.inner.step_sizes, self.path
        if sizes.map is None:
            return [
                torch.mul(g, w).sum(0).neg_() for g, w in zip(path.gradients[k], v, strict=True)
            ]
        parts = sizes.map.by_learned(
            path.raw[k],
            path.gradients[k],
            [sizes.at(k)[0] * w for w in v],
            pulled,
        )
        return [part.neg() for part in parts]

    def _query(
        self, k: int, weight: float | Tensor, summed: bool
    ) -> tuple[list[Tensor], Tensor | None]:
        phi = self.path.parameters[k]
        trace = self.model.forward(phi, self.query_x, step=k)
        loss = self.model.loss
        residual = loss.residual(trace.output, self.query_y)
        delta = loss.gradient(residual, weight / self.tasks)
        if k == self.inner.steps:
            self.query_trace = trace
            self.query_after = loss.total(trace.output, self.query_y, residual)
        return self.model.backward(phi, trace, delta, sum_tasks=summed, to_input=self.has_body)

    def _through_step(
        self, k: int, v: list[Tensor], pulled: list[Tensor] | None, sum_tasks: bool
    ) -> tuple[list[Tensor], Tensor | None]:
        """v − H_k (a_k ⊙ v), and the same derivative by the tail's input."""
        inner = self.inner
        sizes: Sequence[Tensor] = inner.step_sizes.at(k)
        clip = inner.step_sizes.clip
        uniform = inner.step_sizes.uniform and clip is None and inner.step_sizes.map is None
        vector = (
            inner.step_sizes.moving(self.model, v)
            if uniform
            else self.path.before_hessian(k, v, inner.step_sizes, self.model, pulled)
        )
        curved, up = self.model.hessian_vector_product(
            self.path.parameters[k],
            self.path.traces[k],
            vector,
            sum_tasks=sum_tasks,
            to_input=self.has_body,
        )
        kept = [w.sum(0) for w in v] if sum_tasks else v
        if uniform:
            after = [
                torch.addcmul(w, h, a, value=-1)
                for w, h, a in zip(kept, curved, sizes, strict=True)
            ]
            up = None if up is None else up.mul_(-sizes[0])
        else:
            after = [w - h for w, h in zip(kept, curved, strict=True)]
            up = None if up is None else up.neg_()
        return after, up


def joint_gradient(
    model: Model, layers: Layers, x: Tensor, y: Tensor, shots: int, total_tasks: int | None = None
) -> MetaGradient:
    """The gradient of the mean loss over all points of all tasks, without an inner loop (MTL).

    Shapes as for :func:`meta_gradient`.
    """
    tasks = total_tasks or x.shape[0]
    trace = model.forward(layers, x)
    output, loss = trace.output, model.loss
    residual = loss.residual(output, y)
    delta = loss.gradient(residual, 1 / tasks)
    gradient, _ = model.backward(layers, trace, delta, sum_tasks=True)
    return MetaGradient(
        gradient,
        loss.total(output[:, :shots], y[:, :shots], residual[:, :shots]),
        loss.total(output[:, shots:], y[:, shots:], residual[:, shots:]),
        seen(model, None, [trace], tasks, shots),
    )


def _plus(total: Tensor | None, part: Tensor | None) -> Tensor | None:
    if total is None or part is None:
        return part if total is None else total
    return total.add_(part)
