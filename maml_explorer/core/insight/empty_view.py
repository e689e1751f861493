"""The empty view: the reason why there is nothing to show, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Nothing:
    """Stand-in for a result."""

    reason: str
    """One or two sentences for the reader of an empty view."""


NO_INNER_STEP = Nothing("There is no inner step: set at least one to see the network adapt.")
NOTHING_ADAPTS = Nothing("No layer of this arm adapts in the inner loop.")
ONE_LAYER = Nothing("The network has one layer only: there is no hidden layer to look at.")
NO_TASKS = Nothing("There are no tasks to look at.")
NOT_FINITE = Nothing(
    "The arm has diverged: its parameters are not finite. Start again with a smaller step size."
)
PLANE_DIVERGED = Nothing(
    "A task that spans this plane diverged: losses are not finite. "
    "Try another plane, a smaller inner learning rate or fewer inner steps."
)
ALL_DIVERGED = Nothing(
    "The adaptation diverged on every task: losses are not finite. "
    "Try a smaller inner learning rate or fewer inner steps."
)
