"""Parameters that all waves share: amplitude, phase and frequency."""

from __future__ import annotations

from maml_explorer.settings.family import CurveRanges, Parameter

WAVE_READS = ("amplitude", "phase", "frequency")
"""Ranges that a family of waves reads."""


def wave_parameters(tasks: CurveRanges) -> tuple[Parameter, ...]:
    """A, φ and ω of one wave."""
    return (
        Parameter("A", *tasks.span("amplitude")),
        Parameter("p", *tasks.span("phase"), symbol="φ"),
        Parameter("w", *tasks.span("frequency"), symbol="ω"),
    )
