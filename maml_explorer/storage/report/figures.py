"""Figures of meta-tests as text: squared errors as numbers, accuracies in percent. Torch-free."""

from __future__ import annotations

PERCENT = ("accuracy",)
"""Figures that tables show in percent; records hold them from 0 to 1."""


def figure_words(figure: str) -> str:
    """The figure with its unit: "MSE", "accuracy in %"."""
    return f"{figure} in %" if figure in PERCENT else figure


def scale_of(figure: str) -> float:
    """Factor from records to tables: 100 for what is shown in percent, else 1."""
    return 100.0 if figure in PERCENT else 1.0


def figure_text(
    value: float | None, half: float | None, figure: str, *, signed: bool = False
) -> str:
    """A mean and its interval: "0.68 ± 0.041", or "81.2 ± 0.9" in percent.

    Args:
        value: None where it is not finite.
        half: half-width of the interval; None for none.
        figure: which it is a value of, "MSE" or "accuracy".
        signed: whether it is a difference, which has its sign.
    """
    if value is None:
        return "not finite"
    sign = "+" if signed else ""
    if figure in PERCENT:
        text, tail = f"{100 * value:{sign}.1f}", "" if half is None else f" ± {100 * half:.1f}"
    else:
        text, tail = f"{value:{sign}.3g}", "" if half is None else f" ± {half:.2g}"
    return (text.replace("-", "−") if signed else text) + tail
