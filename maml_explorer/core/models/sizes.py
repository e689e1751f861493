"""Numbers and multiplications of a pass through a network, from its sizes alone."""

from __future__ import annotations

from maml_explorer.core.models.model import Model


def floats_per_point(model: Model) -> int:
    """Numbers that a pass keeps of a point, about."""
    times = 1 if model.norm == "none" else 2  # n beside h
    layers = [*zip(model.matrices, model.rows, strict=True)]
    made = sum(columns * rows for (_, columns), rows in layers) * times
    if max(model.rows) == 1:
        return made + model.inputs * times
    return made + sum((height - 1) * rows for (height, _), rows in layers)


def products_per_point(model: Model) -> int:
    """Multiplications of a forward pass of a point, about."""
    if max(model.rows) == 1:
        return model.parameter_count
    layers = zip(model.matrices, model.rows, strict=True)
    return sum(height * columns * rows for (height, columns), rows in layers)
