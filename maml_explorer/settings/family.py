"""The record of a task family as plain data. Torch-free.

How tasks of a family are drawn is in :mod:`maml_explorer.core.families`, under the same keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from maml_explorer.late_dataclass import dataclass


class ImageSizes(Protocol):
    """The settings of images that decide the ends of a network."""

    @property
    def ways(self) -> int:
        """Classes of a task."""

    @property
    def side(self) -> int:
        """Pixels on a side of an image."""


class StreamSizes(Protocol):
    """The settings of tasks that decide the length of a stream."""

    @property
    def functions(self) -> int:
        """Functions of a stream."""

    @property
    def batches(self) -> int:
        """Batches that each function arrives in."""


class FamilySizes(Protocol):
    """The settings that decide the sizes of a task."""

    @property
    def images(self) -> ImageSizes:
        """Those of images."""

    @property
    def tasks(self) -> StreamSizes:
        """Those of curves and streams."""


class CurveRanges(Protocol):
    """The settings of tasks that curves are drawn by."""

    def span(self, name: str) -> tuple[float, float]:
        """Both ends of a range, such as that of "slope" or "x"."""

    @property
    def harmonics(self) -> int:
        """Sines in a sum."""

    @property
    def length_scale(self) -> float:
        """Distance over which a random curve changes."""

    @property
    def deviation(self) -> float:
        """Standard deviation of a random curve."""

    @property
    def mixture(self) -> str:
        """Keys of the families that are mixed."""

    @property
    def formula(self) -> str:
        """A formula of the user."""

    @property
    def formula_ranges(self) -> str:
        """The ranges of its parameters."""


@dataclass(frozen=True)
class Parameter:
    """One number that tells tasks apart, uniform between two ends or standard normal."""

    name: str
    """Its name in the formula."""
    low: float = 0.0
    high: float = 0.0
    normal: bool = False
    symbol: str = ""
    """Sign for people to read; the name unless given."""


Moments = Callable[[CurveRanges, Any, Any], tuple[Any, Any]]
"""(settings, x of any shape, its module) → E y and E y² over tasks at x."""


@dataclass(frozen=True, eq=False)
class CurveFormula:
    """Tasks y = f(x) by a formula whose parameters are drawn anew for each task."""

    formula: Callable[[CurveRanges], str]
    parameters: Callable[[CurveRanges], tuple[Parameter, ...]]
    moments: Moments | None = None
    """In closed form; None if a quadrature must do."""
    reads: tuple[str, ...] = ()
    """Ranges and settings that the tasks depend on."""
    spoken: Callable[[CurveRanges], str] | None = None
    """The formula for people to read; the formula itself unless given."""


@dataclass(frozen=True, eq=False)
class Family:
    """One kind of tasks. Declarations of settings say by a predicate on it who reads them."""

    key: str
    label: str
    summary: str
    """One sentence for tooltips and documents."""
    source: str
    loss: str = "squared-error"
    """A key of the table of losses: "squared-error" or "cross-entropy"."""
    figure: str = "MSE"
    """The figure of a meta-test, after "query": "MSE" or "accuracy"."""
    higher_is_better: bool = False
    ends: Callable[[FamilySizes], tuple[int, int]] = lambda sizes: (1, 1)
    """(inputs, outputs) of the network."""
    classes: Callable[[FamilySizes], int] = lambda sizes: 1
    """Classes of a task, or functions of a stream, each with as many points as the settings say; 1
    for other regression."""
    stream: bool = False
    """True if a task is a stream of functions, learned one after another."""
    reads: tuple[str, ...] = ()
    """Ranges and settings of curves that the tasks depend on, where they are no curve."""
    images: bool = False
    """True if inputs are images and targets are classes."""
    own_data: bool = False
    """True if the tasks are of the user's own data, which must have been opened."""
    own_tasks: bool = False
    """True if the tasks are an object of the user's own program, which must be registered."""
    record_shots: tuple[int, ...] = ()
    """Shots of a saved meta-test beside those trained with, as published tables have it."""
    curve: CurveFormula | None = None
    """Its curves by a formula; None for images and the user's own tasks."""

    @property
    def shown_as(self) -> str:
        """Kind of a task that is shown: "images", "stream" or "curve"."""
        return "images" if self.images else "stream" if self.stream else "curve"

    def depends_on(self, name: str) -> bool:
        """True if its tasks depend on this range or setting of curves."""
        return name in self.reads or (self.curve is not None and name in self.curve.reads)
