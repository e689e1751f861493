"""The picture of a stream: its first function, its last, and some between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import nn

from maml_explorer.commands.pictures import stream_pictures
from maml_explorer.settings.settings import Settings


class Numbers(nn.Module):
    """Answers with the number of the function that it is asked for."""

    def forward(self, x: Any) -> Any:
        return x[:, 1:].argmax(1, keepdim=True).double()


@pytest.mark.parametrize(("functions", "shown"), [(1, [0]), (2, [0, 1]), (5, [0, 2, 4])])
def test_functions_are_drawn_at_the_end_of_the_stream(functions: int, shown: list[int]) -> None:
    values = {"family": "incremental", "functions": functions, "shots": 4, "batches": 2}
    settings = Settings().with_values(values)
    seen: list[Any] = []

    def adapt(x: Any, y: Any, steps: int) -> nn.Module:
        seen.append((x, y, steps))
        return Numbers()

    one = SimpleNamespace(adapt=adapt)
    outcome: Any = SimpleNamespace(settings=settings, initializations={0: {"OML": one}})
    pictures = stream_pictures(outcome, 0)
    ((x, y, steps),) = seen
    assert x.shape == (4 * functions, 1 + functions) and steps == 2 * functions
    assert [picture.title.split(",")[0] for picture in pictures] == [
        f"function {nth + 1} of {functions}" for nth in shown
    ]
    for nth, picture in zip(shown, pictures, strict=True):
        assert (picture.curves["OML"] == nth).all()
        np.testing.assert_array_equal(picture.support_x, x[4 * nth : 4 * nth + 4, 0])
        np.testing.assert_array_equal(picture.support_y, y[4 * nth : 4 * nth + 4, 0])
        near = np.abs(picture.x[:, None] - picture.support_x).argmin(0)
        assert np.abs(picture.truth[near] - picture.support_y).max() < 0.3  # on its own curve
