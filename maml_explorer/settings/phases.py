"""Phases of an outer step (sample, adapt, query, update), as one arm goes through them.

The one description that pseudocode, generated script, its two forms, model card and the plan of
training are made from: the record of an algorithm, with the settings it reads filled in.
"""

from __future__ import annotations

from maml_explorer.algorithms import Algorithm
from maml_explorer.late_dataclass import dataclass
from maml_explorer.settings.settings import Settings


@dataclass(frozen=True)
class Sample:
    """Points of a task that the outer gradient depends on."""

    support: int
    query: int
    """0 where the query set only measures."""
    joined: bool
    """True if both are one set."""


@dataclass(frozen=True)
class Adapt:
    """The inner loop."""

    layers: str
    """"all", "head", "body" or "context"."""
    steps: int
    """K."""
    step_sizes: str
    """Unit that has a learned step size, "parameter" or "layer"; "" where all are α."""
    minibatch: int
    """Support points per inner step; 0 means all of them."""
    clip: float
    """Largest norm of an inner gradient; 0 is off."""
    context: int = 0
    """Context parameters; 0 where there are none."""
    context_enters: str = "input"
    """Place of the context: "input" or "features"."""
    pull: float = 0.0
    """λ of the term that holds φ near θ; 0 where there is none."""


@dataclass(frozen=True)
class Query:
    """The outer gradient of one task."""

    second_order_from: int | None
    """Outer step from which Hessians are kept; None if they never are."""
    multi_step_until: int
    """Outer step until which the losses after earlier inner steps count; 0 where they never do."""
    solve_steps: int = 0
    """Conjugate-gradient steps, where the gradient is that of the inner minimum; else 0."""


@dataclass(frozen=True)
class Update:
    """The outer step."""

    optimizer: str
    """"" where θ moves a part of the way to the adapted parameters instead."""
    rate: float
    """β, or that part ε."""
    momentum: float = 0.0
    schedule: str = ""
    """"" where the rate is constant."""
    clip: float = 0.0
    """Largest norm of the outer gradient; 0 is off."""
    anneals: bool = False
    """True if ε falls to 0."""


@dataclass(frozen=True)
class Phases:
    """One outer step of an arm."""

    sample: Sample
    adapt: Adapt | None
    """None if there is no inner loop."""
    query: Query | None
    """None if no gradient is taken on query points."""
    update: Update

    @property
    def inner_steps(self) -> int:
        """K while training."""
        return self.adapt.steps if self.adapt else 0

    @property
    def step_sizes(self) -> str:
        """Unit that has a learned step size: "parameter", "layer", or "" for none."""
        return self.adapt.step_sizes if self.adapt else ""

    @property
    def multi_step(self) -> bool:
        """True if the losses after earlier inner steps count, for a while at least."""
        return self.query is not None and self.query.multi_step_until > 0

    @property
    def order_anneals(self) -> bool:
        """True if second order begins later than training does."""
        return self.query is not None and bool(self.query.second_order_from)


def tested_layers(own: Settings, algorithm: Algorithm) -> str:
    """Layers that adapt at meta-test and in the window, as `adapts` of a record has them.

    Args:
        own: the settings with the arm's overrides applied.
        algorithm: the arm's.
    """
    return algorithm.test_adapts if algorithm.has_inner_loop else own.inner.fine_tune


def phases(own: Settings, algorithm: Algorithm) -> Phases:
    """The outer step of an arm.

    Args:
        own: the settings with the arm's overrides applied.
        algorithm: the arm's.
    """
    joined = algorithm.outer_data == "all"
    query_points = 0 if algorithm.interpolates else own.inner.query_points
    return Phases(
        Sample(own.inner.shots, query_points, joined),
        _adapt(own, algorithm) if algorithm.has_inner_loop else None,
        None if algorithm.interpolates else _query(own, algorithm),
        _update(own, algorithm),
    )


def _adapt(own: Settings, algorithm: Algorithm) -> Adapt:
    inner, clip = own.inner, own.inner.inner_clip
    if algorithm.interpolates:
        minibatch = min(inner.reptile_batch, own.support_points())
        if own.stream_batches:
            minibatch = own.support_points() // own.stream_batches
        return Adapt(algorithm.adapts, inner.reptile_inner_steps, "", minibatch, clip)
    kind = algorithm.step_sizes or ("layer" if inner.lslr and algorithm.unrolls else "")
    context = inner.context if algorithm.adapts == "context" else 0
    # the context adapts at meta-test, too, if never in training
    kind = kind if inner.inner_steps or context else ""
    pull = inner.proximal if algorithm.implicit else 0.0
    arriving = own.support_points() // own.stream_batches if own.stream_batches else 0
    return Adapt(
        algorithm.adapts, inner.inner_steps, kind, arriving, clip, context,
        inner.context_enters if context else "input", pull,
    )  # fmt: skip


def _query(own: Settings, algorithm: Algorithm) -> Query:
    outer = own.outer
    several = outer.multi_step_loss and algorithm.unrolls and own.inner.inner_steps > 1
    return Query(
        outer.second_order_from if algorithm.keeps_hessians else None,
        outer.multi_step_until if several else 0,
        own.inner.cg_steps if algorithm.implicit else 0,
    )


def _update(own: Settings, algorithm: Algorithm) -> Update:
    outer = own.outer
    if algorithm.interpolates:
        return Update("", outer.reptile_step, anneals=outer.reptile_anneal)
    momentum = outer.momentum if outer.optimizer == "sgd" else 0.0
    schedule = "" if outer.schedule == "constant" else outer.schedule
    return Update(outer.optimizer, outer.outer_lr, momentum, schedule, outer.outer_clip)
